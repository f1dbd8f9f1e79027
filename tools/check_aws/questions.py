"""The questions about AWS, and the calls that answer them.

An experiment is a generator. It yields an answer to each of its questions, in any order.
The cheap ones come first. `account.mark` begins every name, so the command removes every resource.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config

from connect_provider.backoff import CLOCK_SKEW, STATUS_LAG, SUPERSEDING_LAG
from connect_provider.request import signed_at
from tools.check_aws.account import Account, NotAnsweredError, outcome
from tools.check_aws.experiment import Answer, Answers, Question, experiment
from tools.check_aws.relay import Relay, Request, physical_id

_API = "API reference"
_MODEL = "service model"
_GUIDE = "CloudFormation user guide"
_LAG = "within 30 s"
_LAG_SOURCE = "our limit; the API reference says seconds, in some cases minutes"
_UNSIGNED = "MiniStack signs no ResponseURL"
_IN_FLIGHT = "MiniStack shows no resource status until the response"
_NO_LAG = "the emulator has no lag of its own"


# Quick connects


@experiment(
    Question(
        "describe-missing",
        "Which error does DescribeQuickConnect return for an id that does not exist?",
        "ResourceNotFoundException",
        _API,
    ),
    Question(
        "throttle",
        "Which error code does a throttled call return?",
        source="unknown: ThrottlingException or TooManyRequestsException",
        unasked="the emulator limits no rate by default",
    ),
)
def calls_that_change_nothing(account: Account) -> Answers:
    """Describe a quick connect that does not exist, once, and then until a call is throttled."""
    client = account.client("connect", config=Config(retries={"total_max_attempts": 1}))
    missing = {"InstanceId": account.instance_id, "QuickConnectId": _NOWHERE}
    not_found = client.exceptions.ResourceNotFoundException
    yield Answer("describe-missing", outcome(lambda: client.describe_quick_connect(**missing)))
    started = time.monotonic()
    for count in range(1, 61):
        try:
            client.describe_quick_connect(**missing)
        except not_found:
            continue
        except client.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            spent = time.monotonic() - started
            yield Answer("throttle", code, f"after {count} calls in {spent:.1f} s")
            return
    yield Answer("throttle", "none", "after 60 calls")


_NOWHERE = "00000000-0000-4000-8000-000000000000"


@experiment(
    Question(
        "lag-describe-create",
        "How long after CreateQuickConnect does DescribeQuickConnect find it?",
        _LAG,
        _LAG_SOURCE,
        _NO_LAG,
    ),
    Question("tags-at-once", "Does the first Describe show the Tags of the Create?", "yes"),
    Question(
        "lag-list-create",
        "How long after CreateQuickConnect does ListQuickConnects show it?",
        _LAG,
        _LAG_SOURCE,
        _NO_LAG,
    ),
    Question(
        "create-taken-name",
        "Which error does CreateQuickConnect return for a taken name?",
        "DuplicateResourceException",
        _API,
    ),
    Question("name-case", "Does CreateQuickConnect accept a name that differs only in case?"),
    Question("name-spaces", "Does CreateQuickConnect keep spaces at the end of a name?", "yes"),
    Question("rename-taken-name", "Does UpdateQuickConnectName accept a taken name?"),
    Question(
        "empty-description", "Does an empty Description clear the Description?", "yes", _MODEL
    ),
    Question(
        "lag-update",
        "How long after an update does DescribeQuickConnect show the old state?",
        _LAG,
        _LAG_SOURCE,
        _NO_LAG,
    ),
    Question(
        "lag-delete",
        "How long after DeleteQuickConnect does DescribeQuickConnect find it?",
        _LAG,
        _LAG_SOURCE,
        _NO_LAG,
    ),
    Question(
        "delete-again",
        "Which error does a repeated DeleteQuickConnect return?",
        "ResourceNotFoundException",
        _API,
    ),
    Question("name-after-delete", "Is the name free right after DeleteQuickConnect?"),
)
def quick_connects(account: Account) -> Answers:
    """Take a quick connect through its life."""
    connect = account.connect
    made = account.quick_connect("one", Description="first", Tags={"check": "yes"})
    one = {"InstanceId": account.instance_id, "QuickConnectId": made}
    yield lag("lag-describe-create", account, lambda: _quick_connect(account, made) is not None)
    shown = (_quick_connect(account, made) or {}).get("Tags", {})
    yield Answer("tags-at-once", "yes" if shown.get("check") == "yes" else "no")
    yield lag(
        "lag-list-create", account, lambda: made in [q["Id"] for q in account.quick_connects()]
    )
    yield Answer("create-taken-name", outcome(lambda: account.quick_connect("one")))
    yield accepts("name-case", outcome(lambda: account.quick_connect("ONE")))
    padded = account.quick_connect("padded ")
    account.wait(lambda: _quick_connect(account, padded) is not None)
    name = str((_quick_connect(account, padded) or {}).get("Name"))
    yield Answer("name-spaces", "yes" if name.endswith(" ") else "no", repr(name))
    two = account.quick_connect("two")
    account.wait(lambda: _quick_connect(account, two) is not None)
    taken = {"QuickConnectId": two, "Name": f"{account.mark} one"}
    rename = {"InstanceId": account.instance_id, **taken}
    yield accepts("rename-taken-name", outcome(lambda: connect.update_quick_connect_name(**rename)))
    connect.update_quick_connect_name(**one, Description="")
    cleared = lag("lag-update", account, lambda: not _description(account, made))
    yield Answer("empty-description", "no" if _description(account, made) else "yes")
    yield cleared
    connect.delete_quick_connect(**one)
    again = outcome(lambda: connect.delete_quick_connect(**one))
    three = {**one, "QuickConnectId": account.quick_connect("three")}
    account.wait(lambda: _quick_connect(account, three["QuickConnectId"]) is not None)
    connect.delete_quick_connect(**three)
    free = outcome(lambda: account.quick_connect("three"))
    yield lag("lag-delete", account, lambda: _quick_connect(account, made) is None)
    yield Answer("delete-again", again)
    yield accepts("name-after-delete", free)


def accepts(question: str, code: str, *details: str) -> Answer:
    """Return the answer "yes" if a call was accepted, or "no" with the code of the refusal."""
    if code == "accepted":
        return Answer(question, "yes", *details)
    return Answer(question, "no", ", ".join([code, *details]))


def lag(question: str, account: Account, visible: Callable[[], bool]) -> Answer:
    """Measure how long a change takes to become visible."""
    seconds = account.wait(visible)
    if seconds is None:
        return Answer(question, "later", f"not within {account.patience:.0f} s")
    return Answer(question, _LAG if seconds <= 30 else "later", f"{seconds:.1f} s")


def _quick_connect(account: Account, quick_connect_id: str) -> dict[str, Any] | None:
    try:
        found = account.connect.describe_quick_connect(
            InstanceId=account.instance_id, QuickConnectId=quick_connect_id
        )
    except account.connect.exceptions.ResourceNotFoundException:
        return None
    return dict(found["QuickConnect"])


def _description(account: Account, quick_connect_id: str) -> str:
    return str((_quick_connect(account, quick_connect_id) or {}).get("Description", ""))


@experiment(
    Question(
        "lag-search-create",
        "How long after CreateQuickConnect does SearchQuickConnects show it?",
        unasked="the emulator searches without criteria",
    )
)
def search(account: Account) -> Answers:
    """Search a new quick connect by its exact name."""
    account.quick_connect("searched")
    condition = {
        "FieldName": "name",
        "Value": f"{account.mark} searched",
        "ComparisonType": "EXACT",
    }
    criteria = {"InstanceId": account.instance_id, "SearchCriteria": {"StringCondition": condition}}

    def visible() -> bool:
        found: list[Any] = []
        code = outcome(
            lambda: found.append(account.connect.search_quick_connects(**criteria)["QuickConnects"])
        )
        if code != "accepted":
            raise NotAnsweredError(f"SearchQuickConnects: {code}")
        return bool(found[0])

    yield lag("lag-search-create", account, visible)


@experiment(
    Question(
        "associate",
        "Does AssociateQueueQuickConnects accept a quick connect?",
        "yes",
        _API,
    ),
    Question(
        "associate-again",
        "Does AssociateQueueQuickConnects accept a repeated call?",
    ),
    Question(
        "disassociate-absent",
        "Does DisassociateQueueQuickConnects accept a quick connect that is not associated?",
    ),
    Question(
        "delete-associated",
        "Does DeleteQuickConnect remove the quick connect from its queues?",
    ),
)
def queues(account: Account) -> Answers:
    """Associate a quick connect with the queue, twice, and delete it."""
    connect = account.connect
    made = account.quick_connect("queued")
    queue = {"InstanceId": account.instance_id, "QueueId": account.queue_id}
    both = {**queue, "QuickConnectIds": [made]}
    associate = partial(connect.associate_queue_quick_connects, **both)
    disassociate = partial(connect.disassociate_queue_quick_connects, **both)

    def removed() -> bool:
        pages = connect.get_paginator("list_queue_quick_connects").paginate(**queue)
        return made not in [q["Id"] for page in pages for q in page["QuickConnectSummaryList"]]

    try:
        absent, first, again = outcome(disassociate), outcome(associate), outcome(associate)
        connect.delete_quick_connect(InstanceId=account.instance_id, QuickConnectId=made)
        seconds = account.wait(removed, seconds=min(60, account.patience))
    finally:
        outcome(disassociate)
    yield accepts("disassociate-absent", absent)
    yield accepts("associate", first)
    yield accepts("associate-again", again)
    detail = "" if seconds is None else f"{seconds:.1f} s"
    yield Answer("delete-associated", "no" if seconds is None else "yes", detail)


@experiment(
    Question(
        "quota",
        "Which error does CreateQuickConnect return at the quota?",
        "LimitExceededException",
        _API,
    ),
    needs="QUOTA",
)
def quota(account: Account) -> Answers:
    """Create quick connects until Connect refuses one. Nobody can create another meanwhile."""
    for count in range(500):
        code = outcome(partial(account.quick_connect, f"quota {count}"))
        if code != "accepted":
            yield Answer("quota", code, f"after {count} quick connects")
            return
    yield Answer("quota", "none", "after 500 quick connects")


# CloudFormation


@experiment(
    Question(
        "signing-time",
        "Is X-Amz-Date in the ResponseURL the time of the request, within 5 s?",
        "yes",
        "unknown",
        _UNSIGNED,
    ),
    Question(
        "response-host",
        "Does the ResponseURL name a cloudformation-custom-resource-response bucket?",
        "yes",
        "unknown",
        "the ResponseURL of MiniStack leads to this machine",
    ),
    Question(
        "service-token",
        "Does an event have ServiceToken at its top level?",
        source=_GUIDE,
        unasked="the events of MiniStack lack it",
    ),
    Question("scalars", "Are numbers and truth values text in an event?", "yes", _GUIDE),
    Question("stack-tags", "Does an event show the tags of its stack?", "no"),
    Question(
        "status-create",
        "Which ResourceStatus does DescribeStackResource show during a Create?",
        "CREATE_IN_PROGRESS",
        _GUIDE,
        _IN_FLIGHT,
    ),
    Question(
        "id-before-response",
        "Does DescribeStackResource show a PhysicalResourceId before the response?",
        unasked=_IN_FLIGHT,
    ),
    Question(
        "status-update",
        "Which ResourceStatus does DescribeStackResource show during an Update?",
        "UPDATE_IN_PROGRESS",
        _GUIDE,
        _IN_FLIGHT,
    ),
    Question(
        "timestamp-update",
        "Is LastUpdatedTimestamp during an Update in the 30 s from X-Amz-Date on?",
        "yes",
        "unknown",
        _IN_FLIGHT,
    ),
    Question(
        "request-event", "Do the events of the stack show an Update before its response?", "yes"
    ),
    Question(
        "rollback-fields", "Does the Update of a rollback have the fields of any other?", "yes"
    ),
    Question(
        "rollback-stack",
        "Which StackStatus does DescribeStacks show during the Update of a rollback?",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        _GUIDE,
    ),
    Question(
        "rollback-resource",
        "Which ResourceStatus does DescribeStackResource show during the Update of a rollback?",
        "UPDATE_IN_PROGRESS",
        "unknown",
        _IN_FLIGHT,
    ),
    Question(
        "start-event",
        "Does the stack's CREATE_IN_PROGRESS come at most 30 s after the X-Amz-Date of a Create?",
        "yes",
        "unknown",
        _UNSIGNED,
    ),
    Question(
        "rollback-event",
        "Does UPDATE_ROLLBACK_IN_PROGRESS come at most 2 s after the X-Amz-Date of its Update?",
        "yes",
        "unknown",
        _UNSIGNED,
    ),
    Question(
        "failed-create",
        "Which id does the Delete after a failed Create have?",
        "the id of the FAILED response",
        _GUIDE,
        "MiniStack sends no Delete after a failed Create",
    ),
)
def a_stack_and_its_rollback(account: Account) -> Answers:
    """Create a stack, and update it so that a second resource fails."""
    name = _create_stack(account, "rollback", Probe={"Number": 1, "Truth": True})
    create = _received(account, "Create", "Probe")
    yield from _about_a_create(account, name, create)
    account.relay.respond(create)
    _settle(account, name)
    _update_stack(account, name, Probe={"Number": 2}, Sibling={"DependsOn": "Probe"})
    update = _received(account, "Update", "Probe")
    status, since = _resource(account, name)
    yield Answer("status-update", status)
    yield _between("timestamp-update", _signed(update), since, STATUS_LAG)
    yield Answer("request-event", "yes" if _shows_update(account, name) else "no")
    account.relay.respond(update)
    sibling = _received(account, "Create", "Sibling")
    account.relay.respond(sibling, "FAILED")
    rollback = _received(account, "Update", "Probe")
    yield from _about_a_rollback(account, name, update, rollback)
    account.relay.respond(rollback)
    deletion = account.relay.receive("Delete", "Sibling")
    given = deletion.event["PhysicalResourceId"] if deletion else "no Delete comes"
    is_ours = given == physical_id(sibling)
    yield Answer("failed-create", "the id of the FAILED response" if is_ours else given)
    _settle(account, name)


def _about_a_create(account: Account, name: str, create: Request) -> Answers:
    url = urlsplit(create.event["ResponseURL"])
    yield _between("signing-time", _signed(create), create.sent, _EVENT_SECONDS)
    bucket = "cloudformation-custom-resource-response" in f"{url.hostname}{url.path}"
    yield Answer("response-host", "yes" if bucket else "no", url.hostname or "")
    yield Answer("service-token", "yes" if "ServiceToken" in create.event else "no")
    properties = create.event["ResourceProperties"]
    as_text = (properties["Number"], properties["Truth"]) == ("1", "true")
    yield Answer("scalars", "yes" if as_text else "no")
    yield Answer("stack-tags", "yes" if _STACK_TAG in json.dumps(create.event) else "no")
    began = _event_time(account, name, "CREATE_IN_PROGRESS")
    yield _at_latest("start-event", began, _signed(create), STATUS_LAG)
    status, _ = _resource(account, name)
    yield Answer("status-create", status)
    shown = _resource_detail(account, name).get("PhysicalResourceId", "")
    yield Answer("id-before-response", "yes" if shown else "no", shown)


def _about_a_rollback(account: Account, name: str, update: Request, rollback: Request) -> Answers:
    differing = update.event.keys() ^ rollback.event.keys()
    yield Answer("rollback-fields", "no" if differing else "yes", ", ".join(sorted(differing)))
    yield Answer("rollback-stack", account.stack_status(name))
    yield Answer("rollback-resource", _resource(account, name)[0])
    began = _event_time(account, name, "UPDATE_ROLLBACK_IN_PROGRESS")
    yield _at_latest("rollback-event", began, _signed(rollback), SUPERSEDING_LAG)


_STACK_TAG = "tag-of-the-stack"


def _create_stack(account: Account, suffix: str, **resources: dict[str, Any]) -> str:
    """Start a stack of custom resources; return its name."""
    name = f"{account.mark}-{suffix}"
    account.cloudformation.create_stack(
        StackName=name,
        TemplateBody=_template(account.relay, resources),
        Tags=[{"Key": _STACK_TAG, "Value": "yes"}],
    )
    return name


def _update_stack(
    account: Account, name: str, *, keep: bool = False, **resources: dict[str, Any]
) -> None:
    """Start an update; keep: preserve the resources that succeed."""
    account.cloudformation.update_stack(
        StackName=name, TemplateBody=_template(account.relay, resources), DisableRollback=keep
    )


def _template(relay: Relay, resources: dict[str, dict[str, Any]]) -> str:
    def written(properties: dict[str, Any]) -> dict[str, Any]:
        own = {k: v for k, v in properties.items() if k != "DependsOn"}
        depends = {"DependsOn": properties["DependsOn"]} if "DependsOn" in properties else {}
        given = {"ServiceToken": relay.token, "ServiceTimeout": _SERVICE_TIMEOUT, **own}
        return {"Type": "Custom::Probe", "Properties": given, **depends}

    return json.dumps({"Resources": {name: written(p) for name, p in resources.items()}})


_SERVICE_TIMEOUT = 120  # seconds; a stack that an interrupted run leaves behind settles by itself


def _received(account: Account, request_type: str, logical_id: str) -> Request:
    request = account.relay.receive(request_type, logical_id)
    if request is None:
        raise NotAnsweredError(f"no {request_type} of {logical_id} came")
    return request


def _settle(account: Account, name: str) -> str:
    """Respond SUCCESS to everything until the stack is done; return its status."""

    def done() -> bool:
        account.relay.respond_to_all()
        return not account.stack_status(name).endswith("_IN_PROGRESS")

    account.wait(done, seconds=2 * _SERVICE_TIMEOUT)
    return account.stack_status(name)


def _resource_detail(account: Account, name: str, logical_id: str = "Probe") -> dict[str, Any]:
    cloudformation = account.cloudformation
    try:
        found = cloudformation.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
    except cloudformation.exceptions.ClientError as error:
        return {"ResourceStatus": error.response["Error"]["Code"]}
    return dict(found["StackResourceDetail"])


def _resource(account: Account, name: str) -> tuple[str, datetime | None]:
    found = _resource_detail(account, name)
    return found["ResourceStatus"], found.get("LastUpdatedTimestamp")


def _event_time(account: Account, name: str, status: str) -> datetime | None:
    """Return the time of the stack's latest event with a status."""
    of_stack = (
        event
        for event in _events(account, name)
        if event.get("PhysicalResourceId") == event["StackId"]
    )
    return next((e["Timestamp"] for e in of_stack if e["ResourceStatus"] == status), None)


def _shows_update(account: Account, name: str) -> bool:
    """Return whether the stack's events show that the update of the resource began."""
    wanted = "Probe", "UPDATE_IN_PROGRESS"
    shown = [(e["LogicalResourceId"], e["ResourceStatus"]) for e in _events(account, name)]
    return wanted in shown


def _events(account: Account, name: str) -> list[dict[str, Any]]:
    """Return the latest events of a stack, newest first."""
    found = account.cloudformation.describe_stack_events(StackName=name)
    return list(found["StackEvents"])


_EVENT_SECONDS = 5.0  # from the request to its event in the queue


def _signed(request: Request) -> datetime | None:
    """Return the time of a request as the provider reads it."""
    return signed_at(request.event["ResponseURL"])


def _between(
    question: str, start: datetime | None, moment: datetime | None, seconds: float
) -> Answer:
    """Return whether a moment is within the seconds after another."""
    if start is not None and moment is not None and moment < start:
        return Answer(question, "no", f"{(start - moment).total_seconds():.1f} s before it")
    return _at_latest(question, moment, start, seconds)


def _at_latest(
    question: str, moment: datetime | None, start: datetime | None, seconds: float
) -> Answer:
    """Return whether a moment comes at most so many seconds after another, or before it."""
    if start is None or moment is None:
        return Answer(question, "no", "no time")
    after = (moment - start).total_seconds()
    return Answer(question, "yes" if after <= seconds else "no", f"{after:.1f} s after it")


@experiment(
    Question(
        "long-response",
        "How does CloudFormation treat a response of 4,097 bytes?",
        source="CloudFormation user guide: at most 4,096 bytes",
        unasked="MiniStack accepts any length",
    )
)
def long_response(account: Account) -> Answers:
    """Respond to an Update with one byte too many."""
    name = _create_stack(account, "long", Probe={"Number": 1})
    _settle(account, name)
    _update_stack(account, name, Probe={"Number": 2})
    started = time.monotonic()
    account.relay.respond(_received(account, "Update", "Probe"), length=4097)
    status = _settle(account, name)
    spent = time.monotonic() - started
    if status == "UPDATE_COMPLETE":
        yield Answer("long-response", "accepted")
    else:
        dropped = spent > _SERVICE_TIMEOUT
        yield Answer("long-response", "dropped" if dropped else "failed at once", f"{spent:.0f} s")


@experiment(
    Question(
        "canceled-create",
        "Which id does the Delete of a canceled Create have before any response?",
        "an id that CloudFormation made",
        "unknown",
        "MiniStack makes the resources of a stack one after another",
    ),
    Question(
        "canceled-status",
        "Which ResourceStatus does a canceled Create have during that Delete?",
        "DELETE_IN_PROGRESS",
        "unknown",
        "MiniStack makes the resources of a stack one after another",
    ),
)
def a_canceled_create(account: Account) -> Answers:
    """Let one of two resources fail while the other one waits for its response."""
    name = _create_stack(account, "cancel", Probe={}, Sibling={})
    _received(account, "Create", "Probe")
    account.relay.respond(_received(account, "Create", "Sibling"), "FAILED")
    deletion = _received(account, "Delete", "Probe")
    yield Answer(
        "canceled-create",
        "an id that CloudFormation made",
        deletion.event["PhysicalResourceId"],
    )
    yield Answer("canceled-status", _resource(account, name)[0])
    _settle(account, name)


@experiment(
    Question(
        "keep-stack",
        "Which StackStatus does DescribeStacks show during the reversal with --disable-rollback?",
        unasked="MiniStack does not reverse a failed resource with --disable-rollback",
    )
)
def a_failure_without_rollback(account: Account) -> Answers:
    """Let an Update fail in a stack that keeps its successful resources."""
    name = _create_stack(account, "keep", Probe={"Number": 1})
    _settle(account, name)
    _update_stack(account, name, keep=True, Probe={"Number": 2})
    account.relay.respond(_received(account, "Update", "Probe"), "FAILED")
    _received(account, "Update", "Probe")
    yield Answer("keep-stack", account.stack_status(name))
    _settle(account, name)


# Traffic distribution groups


@experiment(
    Question(
        "group-tags-at-once",
        "Does the first Describe of a group show the Tags of the Create?",
        "yes",
    ),
    Question(
        "group-token",
        "Does CreateTrafficDistributionGroup return the same group for the same ClientToken?",
        "yes",
        _API,
    ),
    Question(
        "group-taken-name",
        "Which error does CreateTrafficDistributionGroup return for a taken name?",
        "ResourceConflictException",
        _API,
    ),
    Question(
        "group-active",
        "How long does a group take to become ACTIVE?",
        "less than 28 minutes",
        "unknown",
        "the emulator uses a time of its own",
    ),
    Question(
        "first-failover-time",
        "Which LastFailoverTime does GetTrafficDistribution return before the first change?",
    ),
    Question(
        "failover-time",
        "Does LastFailoverTime show each update of the traffic, at most 5 s too early?",
        "yes",
        _API,
    ),
    Question("user-ids", "Does ListTrafficDistributionGroupUsers return ids or ARNs?", source=_API),
    Question("user-again", "Does Connect accept a repeated association of a user?", "yes", _API),
    Question("user-absent", "Does Connect accept the repeated removal of a user?", "yes", _API),
    Question(
        "bare-id-in-replica",
        "Which error does the replica Region return for the bare id of a group?",
        "ResourceNotFoundException",
        "reports of others",
    ),
    Question(
        "update-in-replica",
        "Does the Region that takes the traffic accept UpdateTrafficDistribution with the ARN?",
        "yes",
        _API,
    ),
    Question(
        "update-elsewhere",
        "Does the other Region accept UpdateTrafficDistribution?",
    ),
    Question(
        "sign-in",
        "Which error does a change of SignInConfig return for a group that is not the default?",
        "InvalidRequestException",
        _API,
    ),
    Question("group-delete-with-users", "Does Connect accept the Delete of a group with users?"),
    Question(
        "group-delete-again",
        "Does Connect accept a repeated DeleteTrafficDistributionGroup?",
    ),
    Question(
        "group-name-while-deleting", "Is the name of a group free while the group is being deleted?"
    ),
    Question("group-delete-missing", "Which error does the Delete of a group return that is gone?"),
    needs="FAILOVER",
)
def groups(account: Account) -> Answers:
    """Take a group through its life. It has no phone number, so no call moves."""
    connect, home = account.connect, account.region
    token = f"{account.mark}-token"
    arn = account.group("group", ClientToken=token, Tags={"check": "yes"})
    group = {"TrafficDistributionGroupId": arn}
    tags = connect.describe_traffic_distribution_group(**group)["TrafficDistributionGroup"]["Tags"]
    yield Answer("group-tags-at-once", "yes" if tags.get("check") == "yes" else "no")
    again = account.group("group", ClientToken=token, Tags={"check": "yes"})
    yield Answer("group-token", "yes" if again == arn else "no")
    yield Answer("group-taken-name", outcome(lambda: account.group("group")))
    yield _active(account, arn)
    traffic = connect.get_traffic_distribution(Id=arn)
    yield Answer("first-failover-time", str(traffic.get("LastFailoverTime", "none")))
    yield from _about_users(account, arn)
    regions = [share["Region"] for share in traffic["TelephonyConfig"]["Distributions"]]
    (replica,) = set(regions) - {home}
    yield from _about_regions(account, arn, replica)
    connect.associate_traffic_distribution_group_user(**_user(account, arn))
    with_users = outcome(lambda: connect.delete_traffic_distribution_group(**group))
    yield accepts("group-delete-with-users", with_users)
    if with_users != "accepted":
        connect.disassociate_traffic_distribution_group_user(**_user(account, arn))
        connect.delete_traffic_distribution_group(**group)
    repeated = outcome(lambda: connect.delete_traffic_distribution_group(**group))
    status = account.group_status(arn)
    yield accepts("group-delete-again", repeated, f"the group was {status}")
    name = outcome(lambda: account.group("group"))
    yield accepts("group-name-while-deleting", name)
    account.wait(lambda: account.group_status(arn) == "GONE", seconds=_GROUP_PATIENCE)
    gone = outcome(lambda: connect.delete_traffic_distribution_group(**group))
    yield Answer("group-delete-missing", gone)


_GROUP_PATIENCE = 28 * 60


def _active(account: Account, arn: str) -> Answer:
    seconds = account.wait(lambda: account.group_status(arn) == "ACTIVE", seconds=_GROUP_PATIENCE)
    if seconds is None:
        return Answer("group-active", "longer", account.group_status(arn))
    return Answer("group-active", "less than 28 minutes", f"{seconds:.0f} s")


def _user(account: Account, arn: str) -> dict[str, str]:
    return {
        "TrafficDistributionGroupId": arn,
        "UserId": account.user_id,
        "InstanceId": account.instance_id,
    }


def _about_users(account: Account, arn: str) -> Answers:
    connect, user = account.connect, _user(account, arn)
    connect.associate_traffic_distribution_group_user(**user)
    yield accepts(
        "user-again", outcome(lambda: connect.associate_traffic_distribution_group_user(**user))
    )
    found: list[str] = []

    def listed() -> bool:
        page = connect.list_traffic_distribution_group_users(TrafficDistributionGroupId=arn)
        found[:] = [s["UserId"] for s in page["TrafficDistributionGroupUserSummaryList"]]
        return bool(found)

    account.wait(listed)
    kinds = {"ARNs" if user_id.startswith("arn:") else "ids" for user_id in found}
    yield Answer("user-ids", " and ".join(sorted(kinds)) or "nothing")
    connect.disassociate_traffic_distribution_group_user(**user)
    yield accepts(
        "user-absent", outcome(lambda: connect.disassociate_traffic_distribution_group_user(**user))
    )


def _about_regions(account: Account, arn: str, replica: str) -> Answers:
    home, there = account.connect, account.client("connect", replica)
    short = arn.rpartition("/")[2]
    yield Answer("bare-id-in-replica", outcome(lambda: there.get_traffic_distribution(Id=short)))
    shift = {"Id": arn, "TelephonyConfig": _all_in(replica, account.region)}
    latest = datetime.now(UTC) - timedelta(seconds=CLOCK_SKEW)
    yield accepts("update-in-replica", outcome(lambda: there.update_traffic_distribution(**shift)))
    account.wait(lambda: account.group_status(arn) == "ACTIVE")
    changed = home.get_traffic_distribution(Id=arn).get("LastFailoverTime")
    yield Answer("failover-time", "yes" if changed and changed >= latest else "no", str(changed))
    shift = {"Id": arn, "TelephonyConfig": _all_in(account.region, replica)}
    yield accepts("update-elsewhere", outcome(lambda: there.update_traffic_distribution(**shift)))
    account.wait(lambda: account.group_status(arn) == "ACTIVE")
    places = [{"Region": account.region, "Enabled": True}, {"Region": replica, "Enabled": False}]
    shift["SignInConfig"] = {"Distributions": places}
    yield Answer("sign-in", outcome(lambda: home.update_traffic_distribution(**shift)))
    account.wait(lambda: account.group_status(arn) == "ACTIVE")


def _all_in(region: str, other: str) -> dict[str, Any]:
    shares = [{"Region": region, "Percentage": 100}, {"Region": other, "Percentage": 0}]
    return {"Distributions": shares}


@experiment(
    Question(
        "group-delete-with-number",
        "Which error does the Delete of a group return that has a claimed phone number?",
        "ResourceInUseException",
        _API,
    ),
    needs="PHONE_NUMBER_ID",
)
def a_group_with_a_phone_number(account: Account) -> Answers:
    """Move the phone number to a group, and always move it back."""
    connect = account.connect
    number = {"PhoneNumberId": account.phone_number_id}
    before = connect.describe_phone_number(**number)["ClaimedPhoneNumberSummary"]["TargetArn"]
    arn = account.group("number")
    _active(account, arn)
    try:
        connect.update_phone_number(**number, TargetArn=arn)
        account.wait(lambda: _target(account) == arn)
        deleted = outcome(
            lambda: connect.delete_traffic_distribution_group(TrafficDistributionGroupId=arn)
        )
    finally:
        connect.update_phone_number(**number, TargetArn=before)
    yield Answer("group-delete-with-number", deleted)


def _target(account: Account) -> str:
    found = account.connect.describe_phone_number(PhoneNumberId=account.phone_number_id)
    return str(found["ClaimedPhoneNumberSummary"]["TargetArn"])


EXPERIMENTS = (
    calls_that_change_nothing,
    quick_connects,
    search,
    queues,
    a_stack_and_its_rollback,
    long_response,
    a_canceled_create,
    a_failure_without_rollback,
    groups,
    a_group_with_a_phone_number,
)
