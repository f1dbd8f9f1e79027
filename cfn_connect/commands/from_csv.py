"""`cfn-connect from-csv`: write a template of an address book."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cfn_connect.address_book import parsed
from cfn_connect.clients import Clients, CommandError
from cfn_connect.commands.export import STDOUT, write
from cfn_connect.declarations import Contents, Declarations
from connect_provider.arn import resource_id


@dataclass(frozen=True)
class Arguments:
    """The options of the command.

    file: the path of the address book.
    output: the path of the template, or STDOUT.
    """

    file: str
    instance_id: str
    output: str = STDOUT


def run(arguments: Arguments, _clients: Clients, console: Console) -> int:
    """Write the templates; return the exit code. The command makes no call."""
    text = Path(arguments.file).read_bytes()
    try:
        quick_connects, queues = parsed(text.decode(), arguments.instance_id)
    except UnicodeDecodeError:
        raise CommandError(f"{arguments.file} is not UTF-8: save it as CSV UTF-8") from None
    if not quick_connects:
        raise CommandError(f"{arguments.file} has no row below the header: add one")
    contents = Contents(resource_id(arguments.instance_id), quick_connects, queues)
    comments = ["Written by cfn-connect from-csv."]
    write(Declarations(contents, inline=True).files(comments), arguments.output, console)
    return 0
