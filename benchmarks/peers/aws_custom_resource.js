// Runs the handler of CDK's AwsCustomResource, with the protocol of benchmarks/invoke.py.
//
// It makes one call for each request, so an Update changes the name and the description only.
// It answers at port 443 whatever the ResponseURL says: here that leads to the port it names.

const began = performance.now();
const fs = require("fs");
const https = require("https");
const net = require("net");
const readline = require("readline");
const tls = require("tls");

const counted = { contexts: 0, connections: 0, slept: 0 };
const [connect, createSecureContext, request] = [
  net.Socket.prototype.connect,
  tls.createSecureContext,
  https.request,
];
net.Socket.prototype.connect = function (...values) {
  counted.connections += 1;
  return connect.apply(this, values);
};
tls.createSecureContext = (...values) => {
  counted.contexts += 1;
  return createSecureContext(...values);
};
https.request = (options, ...values) =>
  request({ ...options, port: process.env.RESPONSE_HOST.split(":")[1] }, ...values);

const handler =
  "aws-cdk-lib/custom-resource-handlers/dist/custom-resources/aws-custom-resource-handler/index.js";
const file = `${process.env.NODE_PATH}/${handler}`;
const { handler: lambdaHandler } = require(file);

function translated(event) {
  const { InstanceId, Name, Description, QuickConnectConfig, Tags } = event.ResourceProperties;
  const ids = { InstanceId, QuickConnectId: event.PhysicalResourceId };
  const call = (action, parameters, more) =>
    JSON.stringify({ service: "Connect", action, parameters, ...more });
  const created = { InstanceId, Name, Description, QuickConnectConfig, Tags };
  const properties = {
    Create: call("createQuickConnect", created, {
      physicalResourceId: { responsePath: "QuickConnectId" },
    }),
    Update: call("updateQuickConnectName", { ...ids, Name }),
    Delete: call("deleteQuickConnect", ids),
    InstallLatestAwsSdk: "false",
  };
  return { ...event, ResourceProperties: properties };
}

async function main() {
  const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
  console.log = () => {};
  print({ init: (performance.now() - began) / 1000 });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const before = { ...counted };
    const [start, cpu] = [performance.now(), process.cpuUsage()];
    await lambdaHandler(translated(JSON.parse(line)), { logStreamName: "stream" });
    const used = process.cpuUsage(cpu);
    const costs = { seconds: (performance.now() - start) / 1000 };
    costs.cpu = (used.user + used.system) / 1e6;
    for (const name in counted) costs[name] = counted[name] - before[name];
    costs.rss = /VmHWM:\s+(\d+)/.exec(fs.readFileSync("/proc/self/status", "utf8"))[1] / 1024;
    print(costs);
  }
  print({ packages: [require("path").dirname(file)] });
}

main().then(() => process.exit()); // open connections would keep it
