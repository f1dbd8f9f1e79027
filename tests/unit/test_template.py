"""template.yaml: what it promises to its users, and what it allows to its functions."""

import json
import re
import tomllib
from importlib import import_module

import pytest

from cfn_connect.resource_types import EXPORTS, RESOURCE_TYPES
from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import ROOT, Context, Sink, load_event
from tests.support.template import FUNCTIONS, handler, operations, template


def test_each_type_has_an_export_of_the_function_that_serves_it() -> None:
    """The rules for cfn-lint know the exports, and which function each is of."""
    exports = {
        output["Export"]["Name"]: output["Value"]["Fn::GetAtt"]
        for output in template()["Outputs"].values()
        if "Export" in output
    }
    known = {name: [RESOURCE_TYPES[kind].function, "Arn"] for name, kind in EXPORTS.items()}
    assert exports == known
    for package, name in FUNCTIONS.items():
        served = {
            kind for kind, made in RESOURCE_TYPES.items() if made.function == f"{name}Function"
        }
        assert (
            import_module(f"connect_provider.{package}.app").provider.reconcilers.keys() == served
        )


@pytest.mark.parametrize("package", FUNCTIONS)
def test_every_allowed_operation_is_called_by_some_request(
    package: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """A life that needs every permission: an update, a name clash, a refused delete."""
    serve = handler(package)
    create = load_event(f"{package}_create", sink)
    serve(create, Context())
    arn = sink.responses[-1]["PhysicalResourceId"]
    serve(create, Context())  # the name is taken: find, and go on
    update = load_event(f"{package}_update", sink, PhysicalResourceId=arn)
    update["ResourceProperties"]["Tags"] = {"another": "tag"}
    serve(update, Context())
    if package == "traffic_distribution_group":
        for name in ("create_default_group", "update"):
            changes = {"PhysicalResourceId": arn}
            event = load_event(f"traffic_distribution_{name}", sink, **changes)
            if name == "update":
                event["ResourceProperties"]["TrafficDistributionGroupId"] = arn
            serve(event, Context())
        for users in ([], [scene.USER_ID]):
            changes = {"OldResourceProperties": {**update["ResourceProperties"], "UserIds": users}}
            users_now = [user for user in (scene.USER_ID,) if user not in users]
            serve(
                load_event(
                    f"{package}_update",
                    sink,
                    PhysicalResourceId=arn,
                    Properties={"UserIds": users_now},
                    **changes,
                ),
                Context(),
            )
    serve(load_event(f"{package}_create", sink, RequestId="another"), Context())
    connect.forget_tokens()
    connect.claim_phone_number(arn)
    delete = load_event(f"{package}_delete", sink, PhysicalResourceId=arn)
    serve(delete, Context())
    connect.phone_numbers.clear()
    serve(delete, Context())
    assert set(connect.calls()) == operations(package)


@pytest.mark.parametrize("name", FUNCTIONS.values())
def test_a_role_may_ask_which_way_a_stack_goes(name: str) -> None:
    """Of the stacks of its own account and Region, and nothing else of CloudFormation."""
    policies = template()["Resources"][f"{name}Role"]["Properties"]["Policies"]
    statements = [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]
    asked = [s for s in statements if "cloudformation" in str(s["Action"])]
    actions = [f"cloudformation:{name}" for name in ("DescribeStacks", "DescribeStackResource")]
    assert [s["Action"] for s in asked] == [actions]


def test_the_functions_know_how_often_lambda_tries() -> None:
    """What they are told is what Lambda is told."""
    settings = template()["Globals"]["Function"]
    told = settings["Environment"]["Variables"]["MAXIMUM_RETRY_ATTEMPTS"]
    assert told == str(settings["EventInvokeConfig"]["MaximumRetryAttempts"])
    assert settings["Timeout"] == 900


def test_what_lambda_gives_up_is_kept() -> None:
    """Both functions may send to the queue, which is encrypted, and takes nothing in the clear."""
    destination = template()["Globals"]["Function"]["EventInvokeConfig"]["DestinationConfig"]
    queue = {"Fn::GetAtt": ["UnansweredRequests", "Arn"]}
    assert destination == {"OnFailure": {"Type": "SQS", "Destination": queue}}
    for name in FUNCTIONS.values():
        policies = template()["Resources"][f"{name}Role"]["Properties"]["Policies"]
        statements = [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]
        sends = [s["Resource"] for s in statements if s["Action"] == "sqs:SendMessage"]
        assert sends == [queue]
    resources = template()["Resources"]
    assert resources["UnansweredRequests"]["Properties"]["SqsManagedSseEnabled"] is True
    (rule,) = resources["UnansweredRequestsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (rule["Effect"], rule["Condition"]) == (
        "Deny",
        {"Bool": {"aws:SecureTransport": "false"}},
    )


def test_each_function_and_the_queue_have_their_alarms() -> None:
    """Errors, throttles, age and lost requests; each tells AlarmTopicArn where one is given."""
    alarms = [
        resource["Properties"]
        for resource in template()["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    watched = {(str(a["Dimensions"][0]["Value"]), a["MetricName"]) for a in alarms}
    metrics = ("Errors", "Throttles", "AsyncEventAge", "DestinationDeliveryFailures")
    expected = {
        (str({"Ref": f"{name}Function"}), metric)
        for name in FUNCTIONS.values()
        for metric in metrics
    }
    queue = str({"Fn::GetAtt": ["UnansweredRequests", "QueueName"]})
    assert watched == expected | {(queue, "ApproximateNumberOfMessagesVisible")}
    topic = {"Fn::If": ["Alarmed", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    assert all(alarm["AlarmActions"] == topic for alarm in alarms)


def test_the_dashboard_shows_the_metrics_that_are_published(
    connect: ConnectEmulator, sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same namespace, dimensions and names; every outcome among them."""
    connect.fault("CreateQuickConnect", "AccessDeniedException")
    for request_id in ("failed", "succeeded"):
        handler("quick_connect")(
            load_event("quick_connect_create", sink, RequestId=request_id), Context()
        )
    published = {"Unfinished"}  # the third outcome, which test_metrics.py sees
    for line in capsys.readouterr().out.splitlines():
        (directive,) = json.loads(line)["_aws"]["CloudWatchMetrics"]
        published |= {metric["Name"] for metric in directive["Metrics"]}
    quoted = f'"{directive["Namespace"]}"'  # a search wants that around a hyphen
    schema = ",".join([quoted, *directive["Dimensions"][0]])
    body = json.loads(template()["Resources"]["Overview"]["Properties"]["DashboardBody"]["Fn::Sub"])
    text = json.dumps(body["widgets"]).replace("\\", "")
    searches = re.findall(r"SEARCH\('\{([^}]*)\} MetricName=\"(\w+)\"'", text)
    assert {names for names, _ in searches} == {schema}
    assert {metric for _, metric in searches} == published


def test_the_application_has_the_version_and_license_of_the_project() -> None:
    """What the Serverless Application Repository shows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    application = template()["Metadata"]["AWS::ServerlessRepo::Application"]
    assert application["Name"] == project["name"]
    assert application["SemanticVersion"] == project["version"]
    assert template()["Outputs"]["Version"]["Value"] == project["version"]
    assert application["SpdxLicenseId"] == project["license"]
    assert len(application["Description"]) <= 256
    for name in ("LicenseUrl", "ReadmeUrl"):
        assert (ROOT / application[name]).read_text()
