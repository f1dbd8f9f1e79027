"""The command cfn-connect: its options, and the exit code of each error."""

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from rich.console import Console

from cfn_connect.clients import Clients, CommandError, advice
from cfn_connect.commands import check, drift, export, from_csv, orphans, plan
from cfn_connect.report import Form

ERROR = 3  # the exit code of every error; 1 and 2 are findings


class Context(NamedTuple):
    """The clients of a command, and the console for its output."""

    clients: Clients
    console: Console


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--region", help="The Region of the instance or stack.  [default: as the AWS CLI]")
@click.option("--profile", help="A profile of ~/.aws/config.")
@click.pass_context
def commands(context: click.Context, region: str | None, profile: str | None) -> None:
    """Bring an Amazon Connect instance under CloudFormation.

    Every command only reads from AWS. An error ends a command with exit code 3.
    """
    context.obj = Context(Clients(region, profile), Console())


def _types(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, ...]:
    """Return export's types, which commas separate."""
    types = tuple(value.split(","))
    for each in set(types).difference(export.TYPES):
        raise click.BadParameter(f"{each!r} is none of {', '.join(export.TYPES)}")
    return types


_instance = click.option(
    "--instance-id", required=True, metavar="ID", help="The id or ARN of the instance."
)
_output = click.option(
    "--output", "-o", default=export.STDOUT, metavar="FILE", help="The file.  [default: stdout]"
)


@commands.command("export")
@_instance
@_output
@click.option(
    "--types",
    callback=_types,
    default=",".join(export.TYPES),
    show_default=True,
    help="The types to write, with commas between them.",
)
@click.option("--inline", is_flag=True, help="Write ids and phone numbers without parameters.")
@click.option("--native", is_flag=True, help="Write native types, and the file of their import.")
@click.option("--csv", is_flag=True, help="Write an address book to edit, for from-csv.")
@click.pass_obj
def _export(context: Context, /, **options: Any) -> int:
    """Write a template of what the instance has.

    Each resource says ExistingResourcePolicy: Adopt, so a deployment changes only marker tags. More
    than 500 resources or 200 parameters go into several files.
    """
    return export.run(export.Arguments(**options), *context)


@commands.command("from-csv")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@_instance
@_output
@click.pass_obj
def _from_csv(context: Context, /, **options: Any) -> int:
    """Write a template of an address book.

    The columns are those of `export --csv`. A row holds the name and the type of a quick connect.
    The target is the id of a user, queue or flow, or a phone number such as +12065550100. Types
    USER and QUEUE need a flow. The ids of queues have a semicolon between them.
    """
    return from_csv.run(from_csv.Arguments(**options), *context)


@commands.command("orphans")
@_instance
@click.pass_obj
def _orphans(context: Context, /, **options: Any) -> int:
    """Find resources that a stack left behind.

    They carry the tags of a stack that does not exist, or that has another resource under the same
    logical id. Exit code 0: none; 1: some; 2: a stack could not be read.
    """
    return orphans.run(orphans.Arguments(**options), *context)


@commands.command("check", short_help="Look for obstacles before a deployment or a failover.")
@_instance
@click.option("--failover", is_flag=True, help="Check also what a failover needs.")
@click.pass_obj
def _check(context: Context, /, **options: Any) -> int:
    """Look for obstacles before a first deployment, or before a failover.

    Checks credentials, the provider, the permission to use it, and the quota of quick connects.
    Exit code 0: none found; 1: at least one; 2: a check was not possible.
    """
    return check.run(check.Arguments(**options), *context)


_stack = click.option(
    "--stack-name", required=True, metavar="NAME", help="The name or ARN of the stack."
)


def _forms(command: Any) -> Any:
    """Add the options of the output to a command."""
    options = [
        click.option("--json", "form", flag_value=Form.JSON.value, help="Print JSON."),
        click.option(
            "--markdown", "form", flag_value=Form.MARKDOWN.value, help="Print Markdown, for GitHub."
        ),
        click.option(
            "--show-values", is_flag=True, help="Show phone numbers and descriptions, too."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _form_of(form: str | None) -> Form:
    return Form(form) if form else Form.TEXT


@commands.command("plan")
@_stack
@click.option(
    "--template-file",
    type=click.Path(exists=True, dir_okay=False),
    help="The template to deploy.  [default: the deployed one]",
)
@click.option(
    "--parameter-overrides",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE ...",
    help="The parameters to change. The others keep their values.",
)
@click.option("--change-set-name", metavar="NAME", help="A change set, instead of a template.")
@click.argument("more", nargs=-1, metavar="")
@_forms
@click.pass_obj
def _plan(
    context: Context,
    /,
    overrides: tuple[str, ...],
    more: tuple[str, ...],
    form: str | None,
    **options: Any,
) -> int:
    """Say what a deployment would do in Connect.

    Each resource has an action, the properties that change, and the Reason of a refusal. The last
    line counts the Connect calls. If the template has macros, create a change set, and pass
    --change-set-name. Exit code 0: the deployment can go on; 1: something is refused; 2: something
    is unknown.
    """
    arguments = plan.Arguments(overrides=(*overrides, *more), form=_form_of(form), **options)
    return plan.run(arguments, *context)


@commands.command("drift")
@_stack
@click.option("--all", is_flag=True, help="Show the resources in sync, too.")
@_forms
@click.pass_obj
def _drift(context: Context, /, form: str | None, **options: Any) -> int:
    """Compare what a stack has deployed with what Connect has.

    Tags, users and quick connects that the template does not name belong to others. They do not
    count as drift. Exit code 0: in sync; 1: something differs; 2: a resource could not be compared.
    """
    return drift.run(drift.Arguments(form=_form_of(form), **options), *context)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code. Print one line for an error."""
    try:
        code = commands.main(arguments, prog_name="cfn-connect", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ERROR
    except click.Abort:
        return _fail("interrupted")
    except CommandError as error:
        return _fail(str(error))
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        return _fail(advice(error))
    except OSError as error:
        return _fail(": ".join(str(part) for part in (error.filename, error.strerror) if part))
    except Exception as error:  # noqa: BLE001 - a stack trace would end with the code of a finding
        return _fail(_unforeseen(error))
    return int(code or 0)


def _unforeseen(error: Exception) -> str:
    """Return one line about an error of the command itself, with its place in the code."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    problem = " ".join(f"{type(error).__name__}: {error}".split())
    where = f"{Path(place.filename).name}:{place.lineno}"
    return f"{problem} ({where}): this is a bug of cfn-connect; report it with this line"


def _fail(message: str) -> int:
    click.echo(f"Error: {message}", err=True)
    return ERROR
