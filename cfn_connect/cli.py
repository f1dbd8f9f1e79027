"""The command cfn-connect: its options, and the exit code of each error."""

from collections.abc import Sequence
from typing import NamedTuple

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cfn_connect.clients import Clients, CommandError, advice

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
    """Bring an Amazon Connect instance under CloudFormation, and see what differs.

    Every command only reads from AWS. An error ends a command with exit code 3.
    """
    context.obj = Context(Clients(region, profile), Console())


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
