"""template.yaml: its exports, and the permissions of its functions."""

import json
import re
import tomllib
from importlib import import_module
from typing import Any

import pytest

from cfn_connect.resource_types import EXPORTS, RESOURCE_TYPES
from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import ROOT, Context, Sink, load_event
from tests.support.template import FUNCTIONS, handler, operations, role_statements, template

# What a function asks CloudFormation.
QUESTIONS = ("DescribeStacks", "DescribeStackResource", "DescribeStackEvents")


def test_each_type_has_an_export_of_the_function_that_serves_it() -> None:
    """The cfn-lint rules know the exports and the function behind each."""
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
    """These requests need every permission: an update, a name clash, a refused delete."""
    serve = handler(package)
    create = load_event(f"{package}_create", sink)
    serve(create, Context())
    arn = sink.responses[-1]["PhysicalResourceId"]
    serve(create, Context())  # the name is taken: find, and go on
    update = load_event(f"{package}_update", sink, PhysicalResourceId=arn)
    update["ResourceProperties"]["Tags"] = {"another": "tag"}
    serve(update, Context())
    if package == "quick_connect":
        scene.add_quick_connects(connect)
        for name in ("create", "create", "update"):  # the second one finds what is associated
            serve(load_event(f"queue_quick_connects_{name}", sink), Context())
    if package == "traffic_distribution_group":
        for name in ("create_isolated", "create_default_group", "update"):
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
def test_a_role_may_describe_stacks(name: str) -> None:
    """A role may describe the stacks of its own account and Region, and do nothing else to them."""
    asked = [s for s in role_statements(name) if "cloudformation" in str(s["Action"])]
    actions = [f"cloudformation:{name}" for name in QUESTIONS]
    assert [s["Action"] for s in asked] == [actions]


def test_the_functions_know_how_often_lambda_tries() -> None:
    """The variable and the setting agree."""
    settings = template()["Globals"]["Function"]
    told = settings["Environment"]["Variables"]["MAXIMUM_RETRY_ATTEMPTS"]
    assert told == str(settings["EventInvokeConfig"]["MaximumRetryAttempts"])
    assert settings["Timeout"] == 900


def test_failed_requests_go_to_the_queue() -> None:
    """Lambda sends a request that failed in every run to the queue, and both roles allow it."""
    destination = template()["Globals"]["Function"]["EventInvokeConfig"]["DestinationConfig"]
    queue = {"Fn::GetAtt": ["UnansweredRequests", "Arn"]}
    assert destination == {"OnFailure": {"Type": "SQS", "Destination": queue}}
    for name in FUNCTIONS.values():
        sends = [s["Resource"] for s in role_statements(name) if s["Action"] == "sqs:SendMessage"]
        assert sends == [queue]


def of_type(kind: str) -> list[dict[str, Any]]:
    """Return the properties of every resource of a type."""
    resources = template()["Resources"].values()
    return [resource["Properties"] for resource in resources if resource["Type"] == kind]


def test_the_queue_is_encrypted_and_takes_messages_over_tls_only() -> None:
    """The queue holds whole events. SQS encrypts them at rest and refuses plain HTTP."""
    (queue,) = of_type("AWS::SQS::Queue")
    assert queue["SqsManagedSseEnabled"] is True
    (policy,) = of_type("AWS::SQS::QueuePolicy")
    assert policy["Queues"] == [{"Ref": "UnansweredRequests"}]
    (rule,) = policy["PolicyDocument"]["Statement"]
    assert (rule["Effect"], rule["Principal"], rule["Action"]) == ("Deny", "*", "sqs:*")
    assert rule["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_each_function_logs_to_a_group_with_a_retention() -> None:
    """CloudWatch deletes old log lines. A role writes to the log groups and nowhere else."""
    groups = of_type("AWS::Logs::LogGroup")
    assert [group["RetentionInDays"] for group in groups] == [{"Ref": "LogRetentionInDays"}] * 2
    functions = of_type("AWS::Serverless::Function")
    logging = [function["LoggingConfig"]["LogGroup"]["Ref"] for function in functions]
    assert logging == [f"{name}LogGroup" for name in FUNCTIONS.values()]
    arns = [{"Fn::GetAtt": [name, "Arn"]} for name in logging]
    for name in FUNCTIONS.values():
        writes = [s["Resource"] for s in role_statements(name) if "logs:" in str(s["Action"])]
        assert writes == [arns]


def test_no_policy_has_a_wildcard_action_or_is_public() -> None:
    """A role names each action and allows Lambda alone to assume it."""
    for name in FUNCTIONS.values():
        for statement in role_statements(name):
            assert statement["Effect"] == "Allow"
            assert "*" not in str(statement["Action"])
            assert statement["Resource"] != "*"
    for role in of_type("AWS::IAM::Role"):
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Action"] == "sts:AssumeRole"
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_the_functions_have_no_other_environment_url_or_network() -> None:
    """Only the number of retries is in the environment. Nothing but CloudFormation invokes them."""
    settings = template()["Globals"]["Function"]
    assert settings["Environment"]["Variables"].keys() == {"MAXIMUM_RETRY_ATTEMPTS"}
    assert "ReservedConcurrentExecutions" in settings
    for function in (settings, *of_type("AWS::Serverless::Function")):
        assert function.keys().isdisjoint({"FunctionUrlConfig", "VpcConfig", "Events"})
    for function in of_type("AWS::Serverless::Function"):
        assert function.keys().isdisjoint({"Environment", "Policies"})


def metrics_of(alarm: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Return the metrics that an alarm watches: name, dimension, statistic."""
    queries = alarm.get("Metrics")
    found = [query["MetricStat"] for query in queries if "MetricStat" in query] if queries else []
    found = found or [{"Metric": alarm, "Stat": alarm["Statistic"]}]
    return {
        (each["Metric"]["MetricName"], str(each["Metric"]["Dimensions"][0]["Value"]), each["Stat"])
        for each in found
    }


def test_three_alarms_watch_both_functions_and_the_queue() -> None:
    """Each notifies AlarmTopicArn if it is set. Missing data means that nothing is wrong."""
    alarms = {
        name: resource["Properties"]
        for name, resource in template()["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    functions = [str({"Ref": f"{name}Function"}) for name in FUNCTIONS.values()]
    queue = str({"Fn::GetAtt": ["UnansweredRequests", "QueueName"]})
    assert {name: metrics_of(alarm) for name, alarm in alarms.items()} == {
        "UnansweredRequestsAlarm": {("ApproximateNumberOfMessagesVisible", queue, "Maximum")},
        "RequestAgeAlarm": {("AsyncEventAge", name, "Maximum") for name in functions},
        "LostRequestsAlarm": {("DestinationDeliveryFailures", name, "Sum") for name in functions},
    }
    topic = {"Fn::If": ["Alarmed", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    for alarm in alarms.values():
        assert (alarm["AlarmActions"], alarm["TreatMissingData"]) == (topic, "notBreaching")


@pytest.mark.parametrize("name", ["RequestAgeAlarm", "LostRequestsAlarm"])
def test_an_alarm_over_both_functions_adds_up_when_one_of_them_is_idle(name: str) -> None:
    """The expression uses every metric and fills gaps. Only the expression is returned."""
    (expression, *metrics) = template()["Resources"][name]["Properties"]["Metrics"]
    filled = ", ".join(f"FILL({metric['Id']}, 0)" for metric in metrics)
    assert expression["Expression"] in (f"MAX([{filled}])", f"SUM([{filled}])")
    assert "ReturnData" not in expression
    assert [metric["ReturnData"] for metric in metrics] == [False, False]


def test_the_dashboard_shows_every_metric_that_an_alarm_watches_and_errors_and_throttles() -> None:
    """A maintainer sees on one page why an alarm went off."""
    body = json.loads(template()["Resources"]["Overview"]["Properties"]["DashboardBody"]["Fn::Sub"])
    shown = json.dumps(body["widgets"])
    watched = [metrics_of(alarm) for alarm in of_type("AWS::CloudWatch::Alarm")]
    for metric in {"Errors", "Throttles"}.union(*({name for name, *_ in each} for each in watched)):
        assert f'"{metric}"' in shown


def test_the_dashboard_shows_the_metrics_that_are_published(
    connect: ConnectEmulator, sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    """It uses the same namespace, dimensions and names, and every outcome."""
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


def test_the_application_has_the_name_and_license_of_the_project() -> None:
    """The Serverless Application Repository shows them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    application = template()["Metadata"]["AWS::ServerlessRepo::Application"]
    assert application["Name"] == project["name"]
    assert application["SpdxLicenseId"] == project["license"]
    assert len(application["Description"]) <= 256
    for name in ("LicenseUrl", "ReadmeUrl"):
        assert (ROOT / application[name]).read_text()
