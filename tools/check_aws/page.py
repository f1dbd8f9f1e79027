"""docs/assumptions.md, from the questions: `make docs`."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools.check_aws import provider, questions
from tools.check_aws.experiment import Experiment, Question

_TEMPLATE = Path(__file__).with_name("assumptions.md")
_CONNECT = "arn:aws:connect:*:ACCOUNT:"
_HEAD = """\
| id | question | assumption | source | option | sandbox | AWS |
|---|---|---|---|---|---|---|
"""


def page() -> str:
    """Return the text of the page."""
    parts = {
        "\nQUESTIONS\n": _table([*questions.EXPERIMENTS, questions.quota]),
        "\nPROVIDER\n": _table(provider.EXPERIMENTS),
        "\nPOLICY\n": json.dumps(policy(), indent=2),
    }
    text = _TEMPLATE.read_text()
    for place, part in parts.items():
        text = text.replace(place, f"\n{part}\n")
    return text


def _table(experiments: Iterable[Experiment]) -> str:
    rows = [_row(made, question) for made in experiments for question in made.questions]
    return _HEAD + "\n".join(rows)


def _row(made: Experiment, question: Question) -> str:
    cells = [
        f"`{question.id}`",
        question.text,
        question.assumption,
        question.source,
        f"`{made.needs}`" if made.needs else "",
        f"cannot answer: {question.unasked}" if question.unasked else "answers",
        "not asked yet",
    ]
    return f"| {' | '.join(cells)} |"


def policy() -> dict[str, Any]:
    """Return the IAM policy that the command needs."""
    mark = "cfn-connect-check-*"
    instance = f"{_CONNECT}instance/INSTANCE_ID"
    statements = [
        (_INSTANCE, [instance, f"{instance}/*"]),
        (_GROUPS, [instance, f"{instance}/agent/*", f"{_CONNECT}traffic-distribution-group/*"]),
        (_NUMBER, [f"{_CONNECT}phone-number/*", f"{_CONNECT}traffic-distribution-group/*"]),
        (_STACKS, [f"arn:aws:cloudformation:*:ACCOUNT:stack/{mark}"]),
        (["cloudformation:DescribeStacks"], ["*"]),
        (
            ["cloudformation:CreateChangeSet"],
            ["arn:aws:cloudformation:*:aws:transform/Serverless-2016-10-31"],
        ),
        (_BUCKET, [f"arn:aws:s3:::{mark}"]),
        (_FUNCTIONS, [f"arn:aws:lambda:*:ACCOUNT:function:{mark}"]),
        (_QUEUES, [f"arn:aws:sqs:*:ACCOUNT:{mark}"]),
        (_ROLES, [f"arn:aws:iam::ACCOUNT:role/{mark}", f"arn:aws:iam::ACCOUNT:policy/{mark}"]),
        (_LOGS, [f"arn:aws:logs:*:ACCOUNT:log-group:{mark}"]),
        (_ALARMS, [f"arn:aws:cloudwatch:*:ACCOUNT:alarm:{mark}"]),
    ]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": resources}
            for actions, resources in statements
        ],
    }


def _actions(service: str, names: str) -> list[str]:
    return [f"{service}:{name}" for name in names.split()]


_INSTANCE = _actions(
    "connect",
    "CreateQuickConnect DescribeQuickConnect ListQuickConnects SearchQuickConnects "
    "UpdateQuickConnectName DeleteQuickConnect TagResource AssociateQueueQuickConnects "
    "DisassociateQueueQuickConnects ListQueueQuickConnects",
)
_GROUPS = _actions(
    "connect",
    "CreateTrafficDistributionGroup DescribeTrafficDistributionGroup "
    "ListTrafficDistributionGroups DeleteTrafficDistributionGroup GetTrafficDistribution "
    "UpdateTrafficDistribution AssociateTrafficDistributionGroupUser "
    "DisassociateTrafficDistributionGroupUser ListTrafficDistributionGroupUsers TagResource",
)
_NUMBER = _actions("connect", "DescribePhoneNumber UpdatePhoneNumber")
_STACKS = _actions(
    "cloudformation",
    "CreateStack UpdateStack DeleteStack DescribeStackEvents DescribeStackResource",
)
_BUCKET = _actions("s3", "CreateBucket DeleteBucket PutObject GetObject DeleteObject")
_FUNCTIONS = _actions(
    "lambda",
    "CreateFunction GetFunction UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction "
    "PutFunctionEventInvokeConfig GetFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig "
    "DeleteFunctionEventInvokeConfig TagResource InvokeFunction",
)
_QUEUES = _actions(
    "sqs",
    "CreateQueue GetQueueAttributes SetQueueAttributes DeleteQueue TagQueue ReceiveMessage "
    "DeleteMessage",
)
_ROLES = _actions(
    "iam",
    "CreateRole GetRole PassRole DeleteRole TagRole PutRolePolicy GetRolePolicy DeleteRolePolicy "
    "AttachRolePolicy DetachRolePolicy ListAttachedRolePolicies ListRolePolicies CreatePolicy "
    "GetPolicy ListPolicyVersions DeletePolicy TagPolicy",
)
_LOGS = _actions(
    "logs", "CreateLogGroup PutRetentionPolicy DeleteLogGroup DescribeLogGroups TagResource"
)
_ALARMS = _actions("cloudwatch", "PutMetricAlarm DescribeAlarms DeleteAlarms TagResource")
