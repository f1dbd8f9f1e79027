"""`cfn-connect drift`: compare what a stack has deployed with what Connect has."""

from dataclasses import dataclass
from enum import Enum

from rich.console import Console

from cfn_connect import forecast
from cfn_connect.assess import Action, Assessment
from cfn_connect.clients import Clients, CommandError
from cfn_connect.forecast import Result
from cfn_connect.inventory import Inventory
from cfn_connect.report import Form, Report, Row, differences, tracked
from cfn_connect.resolve import PREFIX, Resource, contains_unknown
from cfn_connect.stacks import Stack
from connect_provider.arn import instance_arn, region, resource_id
from connect_provider.properties import parse_properties
from connect_provider.quick_connect.model import QuickConnectProperties

_QUICK_CONNECT = f"{PREFIX}QuickConnect"


@dataclass(frozen=True)
class Arguments:
    """The options of the command.

    all: show the resources in sync, too.
    show_values: show phone numbers and descriptions.
    """

    stack_name: str
    all: bool = False
    form: Form = Form.TEXT
    show_values: bool = False


class State(Enum):
    """The result for a resource, and its color."""

    IN_SYNC = "in sync", "green"
    CHANGED = "changed", "red"
    DELETED = "deleted", "red"
    CONFLICT = "conflict", "red"
    UNKNOWN = "unknown", "yellow"


_STATES = {
    Action.NONE: State.IN_SYNC,
    Action.CREATE: State.DELETED,
    Action.ADOPT: State.DELETED,
    Action.REFUSED: State.CONFLICT,
    Action.UNKNOWN: State.UNKNOWN,
}
_DRIFTED = (State.CHANGED, State.DELETED, State.CONFLICT)


def run(arguments: Arguments, clients: Clients, console: Console) -> int:
    """Print what differs. Return 1 for a difference, else 2 if a resource does not tell."""
    stack = Stack(arguments.stack_name, clients)
    stack.require_template("check --stack-name and --region")
    judge = _Judge(stack, clients)
    results = tracked(forecast.drift(stack, clients), stack.count(PREFIX), "Reading Connect")
    judged = [judge.row(result) for result in results]
    states = [state for state, _ in judged]
    if not judged:
        raise CommandError(f"the stack has no {PREFIX}* resource: check --stack-name")
    rows = tuple(row for state, row in judged if arguments.all or state is not State.IN_SYNC)
    facts = {state.value[0]: states.count(state) for state in State}
    summary = ", ".join(f"{count} {name}" for name, count in facts.items() if count)
    report = Report(stack.id, ("template", "Connect"), rows, f"{summary}.", {"summary": facts})
    report.show(arguments.form, console, show_values=arguments.show_values)
    if set(states).intersection(_DRIFTED):
        return 1
    return 2 if State.UNKNOWN in states else 0


class _Judge:
    """Turns assessments into rows. It lists the users of an instance once."""

    def __init__(self, stack: Stack, clients: Clients) -> None:
        self._stack, self._clients = stack, clients
        self._inventories: dict[str, Inventory] = {}

    def row(self, result: Result) -> tuple[State, Row]:
        """Return the state of a resource, and its row."""
        resource, assessment = result
        gone = self._gone_user(resource, assessment)
        state = _state_of(assessment)
        if gone and state is State.IN_SYNC:
            state = State.CHANGED
        arn = assessment.arn
        if state is State.DELETED:
            arn = self._stack.physical_ids.get(resource.logical_id, arn)
        name, color = state.value
        found = (
            difference
            for change in result.changes
            for difference in differences(change.path, change.after, change.before)
        )
        reason = "; ".join(text for text in (result.reason, gone) if text)
        row = Row(
            resource.logical_id,
            resource.resource_type,
            name,
            color,
            arn,
            tuple(found),
            reason,
            names_arn=state is State.DELETED,
        )
        return state, row

    def _gone_user(self, resource: Resource, assessment: Assessment) -> str:
        """Return a text if the user of a quick connect is gone. Connect keeps the quick connect."""
        if resource.resource_type != _QUICK_CONNECT or assessment.action in _OTHER_TROUBLE:
            return ""
        if contains_unknown(resource.properties):
            return ""
        config = parse_properties(QuickConnectProperties, resource.properties).QuickConnectConfig
        if config.UserConfig is None:
            return ""
        user = resource_id(config.UserConfig.UserId)
        if user in self._inventory(assessment.arn).user_names:
            return ""
        return f"QuickConnectConfig.UserConfig.UserId: Connect has no user {user}"

    def _inventory(self, quick_connect: str) -> Inventory:
        instance = instance_arn(quick_connect) or ""
        if instance not in self._inventories:
            client = self._clients.client("connect", region(quick_connect))
            self._inventories[instance] = Inventory(client, instance)
        return self._inventories[instance]


_OTHER_TROUBLE = (Action.UNKNOWN, Action.REFUSED, Action.CREATE, Action.ADOPT, Action.REPLACE)


def _state_of(assessment: Assessment) -> State:
    """Return the state. A change that the provider would not undo is drift, too."""
    state = _STATES.get(assessment.action, State.CHANGED)
    return State.CHANGED if state is State.IN_SYNC and assessment.changes else state
