"""`make check-aws` works up to the account: the sandbox stands in for AWS."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from unittest.mock import MagicMock

import pytest
import urllib3
from rich.console import Console

from sandbox import scene, signals
from sandbox.aws import Sandbox
from tests.support.harness import ROOT, read_event
from tools.check_aws import __main__ as command
from tools.check_aws import page, questions
from tools.check_aws.__main__ import EXPERIMENTS, account_of, check
from tools.check_aws.cleanup import remove_everything
from tools.check_aws.experiment import Question
from tools.check_aws.relay import Relay, Request
from tools.check_aws.run import Row, Verdict, ask

IDS = {
    "INSTANCE_ID": scene.INSTANCE_ID,
    "QUEUE_ID": scene.QUEUE_ID,
    "CONTACT_FLOW_ID": scene.CONTACT_FLOW_ID,
    "USER_ID": scene.USER_ID,
}
QUESTIONS = [question for made in EXPERIMENTS for question in made.questions]


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """A sandbox without the provider."""
    with Sandbox() as running:
        yield running


def variables(aws: Sandbox) -> dict[str, str]:
    """Return what leads the AWS SDK to the sandbox, and nothing else of AWS."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own = {"AWS_ENDPOINT_URL_CLOUDFORMATION": aws.url, "SSL_CERT_FILE": aws.authority}
    return {**inherited, **aws.environment, **own}


def state(aws: Sandbox) -> dict[str, object]:
    """Return everything that a run could leave behind or change."""
    cloudformation, s3 = aws.client("cloudformation"), aws.client("s3")
    stacks = cloudformation.describe_stacks()["Stacks"]
    return {
        "quick connects": set(aws.connect.quick_connects),
        "groups": {arn: sorted(group["users"]) for arn, group in aws.connect.groups.items()},
        "numbers": [dict(number) for number in aws.connect.phone_numbers.values()],
        "stacks": [s["StackName"] for s in stacks if s["StackStatus"] != "DELETE_COMPLETE"],
        "buckets": [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
        "functions": aws.client("lambda").list_functions()["Functions"],
        "queues": aws.client("sqs").list_queues().get("QueueUrls", []),
        "roles": aws.client("iam").list_roles()["Roles"],
    }


@pytest.fixture(scope="module")
def before(aws: Sandbox) -> dict[str, object]:
    """The state before the first run, with a phone number of the default group."""
    aws.connect.claim_phone_number(aws.connect.default_group(scene.INSTANCE_ID)["Arn"])
    return state(aws)


@pytest.fixture(scope="module")
def called() -> set[str]:
    """The IAM actions of the calls of the run."""
    return set()


@pytest.fixture(scope="module")
def rows(aws: Sandbox, before: Mapping[str, object], called: set[str]) -> dict[str, Row]:
    """The whole command with every option, in the sandbox."""
    (number,) = aws.connect.phone_numbers.values()
    options = {"FAILOVER": "yes", "QUOTA": "yes", "PHONE_NUMBER_ID": number["PhoneNumberId"]}
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in variables(aws).items():
            patch.setenv(name, value)
        account = account_of({**IDS, **options})
        for service in ("connect", "cloudformation", "s3", "sqs"):
            account.session.events.register(
                f"before-call.{service}",
                lambda model, **_: called.add(f"{model.service_model.service_name}:{model.name}"),
            )
        # These clients were built before the registration.
        account.connect, account.cloudformation = map(account.client, ("connect", "cloudformation"))
        found, left = check(account, Console(quiet=True))
    assert left == []
    return {row.question.id: row for row in found}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_the_sandbox_answers_as_assumed_or_says_that_it_cannot_answer(
    question: Question, rows: Mapping[str, Row]
) -> None:
    """A question that the sandbox cannot answer never passes."""
    row = rows[question.id]
    if question.unasked:
        assert row.verdict is Verdict.UNANSWERED
        assert "not answered by the sandbox" in row.observed
    else:
        expected = Verdict.AS_ASSUMED if question.assumed else Verdict.RECORDED
        assert row.verdict is expected, row.observed


def test_a_run_leaves_nothing_behind(
    aws: Sandbox, before: Mapping[str, object], rows: Mapping[str, Row]
) -> None:
    """Everything of the run is removed, and the phone number is back in its group."""
    assert rows.keys() == {question.id for question in QUESTIONS}
    assert state(aws) == before


def test_the_policy_of_the_page_allows_each_call(called: set[str], rows: Mapping[str, Row]) -> None:
    """CloudFormation's own calls are not among these."""
    allowed = {action for rule in page.policy()["Statement"] for action in rule["Action"]}
    assert "connect:CreateQuickConnect" in called
    assert called <= allowed


def test_a_first_ctrl_c_removes_everything_and_a_second_one_does_not_stop_that(
    aws: Sandbox, before: Mapping[str, object], rows: Mapping[str, Row]
) -> None:
    """`make` passes a signal on a second time."""
    environment = {**variables(aws), **IDS, "FAILOVER": "yes"}
    running = subprocess.Popen(
        [sys.executable, "-u", "-m", "tools.check_aws"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout
    for line in running.stdout:
        if line.startswith("scalars:"):
            break
    assert state(aws) != before
    running.send_signal(signal.SIGINT)
    for line in running.stdout:
        if line.startswith("Removing"):
            running.send_signal(signal.SIGINT)
            break
    printed, _ = running.communicate(timeout=300)
    assert running.returncode == 130
    assert "NOT REMOVED" not in printed
    assert state(aws) == before


def test_a_response_that_ctrl_c_interrupts_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack would wait for it otherwise, and could not be deleted."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    request = Request(read_event("quick_connect_create"), datetime.now(UTC))
    relay = Relay(MagicMock(), token="", queue="", open=[request])
    monkeypatch.setattr(urllib3.PoolManager, "request", interrupted)
    with pytest.raises(KeyboardInterrupt):
        relay.respond(request)
    assert relay.open == [request]


@pytest.mark.parametrize("missing", IDS)
def test_a_missing_id_is_named_before_any_call(missing: str) -> None:
    """The message says how to set it."""
    with pytest.raises(SystemExit, match=f"make check-aws {missing}="):
        account_of({name: value for name, value in IDS.items() if name != missing})


def test_without_failover_no_group_is_touched(
    aws: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group, a phone number and the quota are only touched on request."""
    for name, value in variables(aws).items():
        monkeypatch.setenv(name, value)
    optional = [made for made in EXPERIMENTS if made.needs]
    calls = len(aws.connect.journal)
    rows = list(ask(optional, account_of(IDS)))
    assert {row.verdict for row in rows} == {Verdict.UNANSWERED}
    assert len(aws.connect.journal) == calls


def test_a_different_answer_and_a_failed_experiment_show_in_the_table(
    aws: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither stops the questions after it."""
    for name, value in variables(aws).items():
        monkeypatch.setenv(name, value)
    aws.connect.fault("DescribeQuickConnect", "InvalidRequestException")
    aws.connect.fault("CreateQuickConnect", "InvalidRequestException")
    asked = [questions.calls_that_change_nothing, questions.quick_connects, questions.search]
    account = account_of(IDS)
    rows = {row.question.id: row for row in ask(asked, account)}
    assert remove_everything(account, lambda _: None) == []
    assert rows["describe-missing"].verdict is Verdict.DIFFERENT
    assert rows["describe-missing"].observed == "InvalidRequestException"
    assert rows["create-taken-name"].verdict is Verdict.FAILED
    assert rows["lag-search-create"].verdict is Verdict.UNANSWERED


@pytest.mark.parametrize(("error", "status"), [("", None), ("InvalidRequestException", 1)])
def test_the_exit_status_tells_whether_every_answer_is_as_assumed(
    error: str, status: int | None, aws: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script can rely on it."""
    for name, value in {**variables(aws), **IDS}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(command, "EXPERIMENTS", [questions.calls_that_change_nothing])
    monkeypatch.setattr(signals, "interrupt_once", lambda: None)
    monkeypatch.setattr(sys, "argv", ["check_aws"])
    if error:
        aws.connect.fault("DescribeQuickConnect", error)
    if status is None:
        command.main()
    else:
        with pytest.raises(SystemExit) as exit_:
            command.main()
        assert exit_.value.code == status
