"""`cfn-connect plan`: say what a deployment would do in Connect."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cfn_connect.assess import Action
from cfn_connect.clients import Clients, CommandError
from cfn_connect.forecast import Forecast, Result
from cfn_connect.report import Form, Report, Row, differences, tracked
from cfn_connect.resolve import PREFIX
from cfn_connect.stacks import Source, Stack

_CALLS_A_SECOND = 2  # Connect accepts so many for each API
_COLORS = {Action.NONE: "green", Action.REFUSED: "red", Action.UNKNOWN: "yellow"}


@dataclass(frozen=True)
class Arguments:
    """The options of the command.

    template_file: the path of the template, or None for the deployed one.
    overrides: the parameters to change, each as Key=Value.
    change_set_name: a change set, in the place of a template.
    show_values: show phone numbers and descriptions.
    """

    stack_name: str
    template_file: str | None = None
    overrides: tuple[str, ...] = ()
    change_set_name: str | None = None
    form: Form = Form.TEXT
    show_values: bool = False


def run(arguments: Arguments, clients: Clients, console: Console) -> int:
    """Print the plan. Return 1 if something is refused, else 2 if something is unknown."""
    stack = Stack(arguments.stack_name, clients)
    forecast = Forecast(stack, _target(arguments, stack), clients)
    results = [*tracked(forecast.results(), stack.count(PREFIX), "Reading Connect")]
    if not results:
        raise CommandError(f"neither template has a {PREFIX}* resource: check --stack-name")
    counts = Counter(result.assessment.action for result in results)
    calls = sum(result.assessment.calls for result in results)
    seconds = math.ceil(calls / _CALLS_A_SECOND)
    actions = ", ".join(f"{counts[each]} {each.value}" for each in Action if counts[each])
    effort = f"{_counted(calls, 'Connect call')}, about {_counted(seconds, 'second')}"
    summary = f"{stack.creation} {actions}: {effort}.".lstrip()
    facts = {
        "stackExists": stack.exists,
        "summary": {each.value: counts[each] for each in Action},
        "calls": calls,
        "seconds": seconds,
    }
    shown = [each for each in results if not _is_left_out(each, arguments.form)]
    rows = tuple(map(_row, shown))
    report = Report(stack.id, ("from", "to"), rows, summary, facts)
    report.show(arguments.form, console, show_values=arguments.show_values)
    if counts[Action.REFUSED]:
        return 1
    return 2 if counts[Action.UNKNOWN] else 0


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _is_left_out(result: Result, form: Form) -> bool:
    """Return whether to leave a resource out: a pull request is about those that change."""
    return form is Form.MARKDOWN and result.assessment.action is Action.NONE


def _target(arguments: Arguments, stack: Stack) -> Source:
    """Return the template to deploy."""
    overrides = _pairs(arguments.overrides)
    if arguments.change_set_name:
        if arguments.template_file or overrides:
            raise CommandError(
                "a change set has a template and parameters: pass --change-set-name alone"
            )
        return stack.in_change_set(arguments.change_set_name)
    text = None
    if arguments.template_file:
        text = _text_in(arguments.template_file)
    return stack.to_deploy(text, overrides)


def _text_in(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8: save it as UTF-8") from None


def _pairs(overrides: tuple[str, ...]) -> Mapping[str, str]:
    """Return the parameters by name."""
    for each in overrides:
        if "=" not in each:
            raise CommandError(f"--parameter-overrides: {each!r} is not Key=Value")
    return dict(each.split("=", 1) for each in overrides)


def _row(result: Result) -> Row:
    resource, assessment = result
    found = tuple(
        difference
        for change in result.changes
        for difference in differences(change.path, change.before, change.after)
    )
    return Row(
        resource.logical_id,
        resource.resource_type,
        assessment.action.value,
        _COLORS.get(assessment.action, "cyan"),
        assessment.arn,
        found,
        result.reason,
        names_arn=assessment.action is Action.ADOPT,
    )
