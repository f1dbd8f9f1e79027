"""The command cfn-connect: its options, and the exit code of each error."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cfn_connect.clients import Clients, CommandError, advice
from cfn_connect.commands import check, export, from_csv, orphans

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
    logical id. Exit code 0: none; 1: some; 2: a stack does not tell.
    """
    return orphans.run(orphans.Arguments(**options), *context)


@commands.command("check")
@_instance
@click.option("--failover", is_flag=True, help="Check also what a failover needs.")
@click.pass_obj
def _check(context: Context, /, **options: Any) -> int:
    """Look for obstacles before a first deployment, or before a failover.

    Checks credentials, the provider, the permission to use it, and the quota of quick connects.
    Exit code 0: no obstacle; 1: some; 2: a check was not possible.
    """
    return check.run(check.Arguments(**options), *context)


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
    except (BotoCoreError, ClientError) as error:
        return _fail(advice(error))
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}")
    return int(code or 0)


def _fail(message: str) -> int:
    click.echo(f"Error: {message}", err=True)
    return ERROR
