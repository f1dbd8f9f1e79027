"""The questions about the provider itself: it is deployed, and runs one stack."""

import json
from collections.abc import Callable
from typing import Any

from sandbox import stacks
from tools.check_aws import artifact
from tools.check_aws.account import Account, NotAnsweredError
from tools.check_aws.experiment import Answer, Answers, Question, experiment

_OWN = "the tests with the emulator"


@experiment(
    Question("provider-deploy", "Can CloudFormation deploy the provider?", "yes", _OWN),
    Question("provider-create", "Does a stack create its quick connects?", "yes", _OWN),
    Question("provider-update", "Does an update change a name and keep the ARNs?", "yes", _OWN),
    Question("provider-rollback", "Does a failed update restore the old state?", "yes", _OWN),
    Question("provider-delete", "Does the Delete of the stack leave nothing?", "yes", _OWN),
)
def quick_connects(account: Account) -> Answers:
    """Deploy the provider, and take a stack of quick connects through its life."""
    stacks.deploy_functions(
        account,
        artifact.build(account),
        account.mark,
        account.watch,
        account.region,
        artifact.PARAMETERS,
    )
    yield Answer("provider-deploy", "yes")
    life = Life(account, "life")
    outputs = life.deploy("Sales")
    yield _answer("provider-create", life.names() == {"Sales", "Alice", "Survey"})
    renamed = life.deploy("Renewals")
    kept = renamed == outputs and life.names() == {"Renewals", "Alice", "Survey"}
    yield _answer("provider-update", kept)
    status = life.fail("Broken")
    restored = life.names() == {"Renewals", "Alice", "Survey"}
    yield _answer("provider-rollback", restored and status == "UPDATE_ROLLBACK_COMPLETE", status)
    stacks.delete(account, life.name, account.watch, account.region)
    yield _answer("provider-delete", life.names() == set())


@experiment(
    Question("provider-group", "Does a stack create a group with a user?", "yes", _OWN),
    Question("provider-failover", "Does an update move telephony and agents?", "yes", _OWN),
    Question("provider-failover-rollback", "Does a rollback move them back?", "yes", _OWN),
    Question(
        "provider-group-delete", "Does the Delete of the stack delete the group?", "yes", _OWN
    ),
    needs="FAILOVER",
)
def failover(account: Account) -> Answers:
    """Fail over a group without phone numbers, and let a failed update fail back."""
    if account.mark not in [stack["StackName"] for stack in account.stacks()]:
        raise NotAnsweredError("the provider is not deployed")
    home, replica = account.region, _replica(account)
    life = Life(account, "failover")
    arn = life.deploy("Sales", (home, replica))["Group"]
    yield _answer("provider-group", account.group_status(arn) == "ACTIVE")
    life.deploy("Sales", (replica, home))
    yield _answer("provider-failover", _taking(account, arn) == {replica})
    status = life.fail("Sales", (home, replica))
    restored = _taking(account, arn) == {replica}
    complete = status == "UPDATE_ROLLBACK_COMPLETE"
    yield _answer("provider-failover-rollback", restored and complete, status)
    stacks.delete(account, life.name, account.watch, account.region)
    yield _answer("provider-group-delete", account.group_status(arn) == "GONE")


def _answer(question: str, is_so: bool, detail: str = "") -> Answer:  # noqa: FBT001
    return Answer(question, "yes" if is_so else "no", detail)


class Life:
    """A stack that uses the provider."""

    def __init__(self, account: Account, suffix: str) -> None:
        self._account = account
        self.name = f"{account.mark}-{suffix}"

    def deploy(
        self, sales: str, traffic: tuple[str, str] | None = None, *, broken: bool = False
    ) -> dict[str, str]:
        """Create or update the stack; return its outputs.

        sales: the name of a quick connect. traffic: the Region that takes the calls, and the other.
        """
        resources = self._traffic(*traffic) if traffic else self._quick_connects(sales)
        if broken:
            others = list(resources)
            resources["Broken"] = {**self._quick_connect("Broken", "FLOW"), "DependsOn": others}
        outputs = {name: {"Value": {"Ref": name}} for name in resources}
        template = json.dumps({"Resources": resources, "Outputs": outputs})
        return stacks.deploy(
            self._account, self.name, template, {}, self._account.watch, self._account.region
        )

    def fail(self, sales: str, traffic: tuple[str, str] | None = None) -> str:
        """Update the stack with a resource that is refused; return the status of the stack."""
        try:
            self.deploy(sales, traffic, broken=True)
        except stacks.StackFailed as failure:
            return failure.status
        return "UPDATE_COMPLETE"

    def names(self) -> set[str]:
        """Return the names of its quick connects, without the mark."""
        head = f"{self.name} "
        found = [q["Name"] for q in self._account.quick_connects()]
        return {name.removeprefix(head) for name in found if name.startswith(head)}

    def _quick_connects(self, sales: str) -> dict[str, Any]:
        flow = {"ContactFlowId": self._account.contact_flow_id}
        queue = {**flow, "QueueId": self._account.queue_id}
        user = {**flow, "UserId": self._account.user_id}
        return {
            "Sales": self._quick_connect(sales, "QUEUE", QueueConfig=queue),
            "Alice": self._quick_connect("Alice", "USER", UserConfig=user),
            "Survey": self._quick_connect("Survey", "FLOW", FlowConfig=flow),
        }

    def _quick_connect(self, name: str, kind: str, **config: Any) -> dict[str, Any]:
        properties = {
            "InstanceId": self._account.instance_id,
            "Name": f"{self.name} {name}",
            "QuickConnectConfig": {"QuickConnectType": kind, **config},
        }
        return self._resource("QuickConnect", 300, properties)

    def _traffic(self, active: str, other: str) -> dict[str, Any]:
        shares = [{"Region": active, "Percentage": 100}, {"Region": other, "Percentage": 0}]
        split = {"Distributions": shares}
        group = {
            "InstanceId": self._account.instance_id,
            "Name": f"{self.name} group",
            "UserIds": [self._account.user_id],
        }
        traffic = {
            "TrafficDistributionGroupId": {"Ref": "Group"},
            "TelephonyConfig": split,
            "AgentConfig": split,
        }
        return {
            "Group": self._resource("TrafficDistributionGroup", 1800, group),
            "Traffic": self._resource("TrafficDistribution", 900, traffic),
        }

    def _resource(self, kind: str, timeout: int, properties: dict[str, Any]) -> dict[str, Any]:
        token = {"Fn::ImportValue": f"{self._account.mark}:{kind}"}
        own = {"ServiceToken": token, "ServiceTimeout": timeout}
        return {"Type": f"Custom::Connect{kind}", "Properties": {**own, **properties}}


def _replica(account: Account) -> str:
    """Return the other Region of the instance, as its default group shows it."""
    pages = account.connect.get_paginator("list_traffic_distribution_groups").paginate(
        InstanceId=account.instance_id
    )
    summaries = [s for page in pages for s in page["TrafficDistributionGroupSummaryList"]]
    default = next((s["Arn"] for s in summaries if s.get("IsDefault")), None)
    if default is None:
        raise NotAnsweredError("the instance is not replicated")
    (replica,) = _regions(account, default, lambda _: True) - {account.region}
    return replica


def _taking(account: Account, arn: str) -> set[str]:
    """Return the Regions that take all calls and all agents of a group."""
    return _regions(account, arn, lambda share: share["Percentage"] == 100)


def _regions(account: Account, arn: str, wanted: Callable[[dict[str, Any]], bool]) -> set[str]:
    traffic = account.connect.get_traffic_distribution(Id=arn)
    configs = (traffic["TelephonyConfig"], traffic["AgentConfig"])
    shares = [share for config in configs for share in config["Distributions"]]
    return {share["Region"] for share in shares if wanted(share)}


EXPERIMENTS = (quick_connects, failover)
