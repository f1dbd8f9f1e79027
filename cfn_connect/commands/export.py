"""`cfn-connect export`: write a template of what an instance has."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from cfn_connect import address_book
from cfn_connect.clients import Clients, CommandError
from cfn_connect.declarations import Contents, Declarations
from cfn_connect.inventory import Group, Inventory
from cfn_connect.native import NativeDeclarations
from connect_provider.arn import region
from connect_provider.quick_connect.model import BLOCKS

QUICK_CONNECTS, QUEUES, GROUPS, SPLITS = "quick-connects", "queues", "groups", "splits"
TYPES = (QUICK_CONNECTS, QUEUES, GROUPS, SPLITS)
NATIVE_TYPES = (QUICK_CONNECTS, GROUPS)  # those that a native type can express
STDOUT = "-"

T = TypeVar("T")


@dataclass(frozen=True)
class Arguments:
    """The options of the command.

    types: some of TYPES.
    inline: write ids and phone numbers in the resources, and not as parameters.
    csv: write an address book, and no template.
    native: write native types, and the resources to import beside each template.
    output: the path of the file, or STDOUT.
    """

    instance_id: str
    types: tuple[str, ...] = TYPES
    inline: bool = False
    csv: bool = False
    native: bool = False
    output: str = STDOUT


def run(arguments: Arguments, clients: Clients, console: Console) -> int:
    """Write the templates or the address book; return the exit code."""
    client = clients.client("connect", region(arguments.instance_id))
    inventory = Inventory(client, arguments.instance_id)
    if arguments.csv and arguments.native:
        raise CommandError("--csv and --native write different files: pass one of them")
    if arguments.csv:
        write([_address_book(inventory)], arguments.output, console)
        return 0
    known = NATIVE_TYPES if arguments.native else TYPES
    types = tuple(each for each in arguments.types if each in known)
    contents, left_out = _contents(inventory, types)
    if not (contents.quick_connects or contents.queues or contents.groups):
        raise CommandError("the instance has nothing to export: check --instance-id and --types")
    if arguments.native:
        return _write_native(arguments, contents, left_out, console)
    comments = list(_comments(contents, left_out))
    texts = Declarations(contents, inline=arguments.inline).files(comments)
    write(texts, arguments.output, console)
    return 0


def _write_native(
    arguments: Arguments, contents: Contents, left_out: list[str], console: Console
) -> int:
    """Write the templates of native types; return the exit code."""
    if arguments.output == STDOUT:
        raise CommandError("an import needs two files: pass --output, such as --output native.yaml")
    left_out += [group.name for group in contents.groups if group.is_default]
    if not contents.quick_connects and all(group.is_default for group in contents.groups):
        raise CommandError("the native types can express none of it: export without --native")
    native = NativeDeclarations(contents, inline=arguments.inline)
    comments = list(_comments(contents, left_out))
    targets = write(native.files(comments), arguments.output, console)
    for target, imports in zip(targets, native.imports(), strict=True):
        path = target.with_suffix(".import.json")
        path.write_text(f"{json.dumps(imports, indent=2)}\n", encoding="utf-8")
        _tell(path, console)
    return 0


def _address_book(inventory: Inventory) -> str:
    quick_connects = inventory.quick_connects
    if unknown := [each.name for each in quick_connects if each.type not in BLOCKS]:
        raise CommandError(
            f"an address book cannot hold the type of {unknown[0]!r}: export a template without it"
        )
    return address_book.text_of(quick_connects, inventory.queues)


def write(texts: list[str], output: str, console: Console) -> list[Path]:
    """Write a text to a file or to stdout, and several to numbered files; return the files."""
    if output == STDOUT:
        if len(texts) > 1:
            raise CommandError(
                f"the resources need {len(texts)} templates, because CloudFormation limits each to "
                "500 resources and 200 parameters: pass --output, such as --output connect.yaml"
            )
        console.file.write(texts[0])  # the console itself would replace tabs
        return []
    path = Path(output)
    numbered = [path.with_stem(f"{path.stem}-{number + 1}") for number in range(len(texts))]
    targets = numbered if len(texts) > 1 else [path]
    for target, text in zip(targets, texts, strict=True):
        target.write_text(text, encoding="utf-8", newline="\n")
        _tell(target, console)
    return targets


def _tell(path: Path, console: Console) -> None:
    console.print(f"Wrote {path}", highlight=False, markup=False, soft_wrap=True)


def _contents(inventory: Inventory, types: tuple[str, ...]) -> tuple[Contents, list[str]]:
    """Read the types, and the names of all that they refer to.

    Return also the names of the resources that no template can declare.
    """
    quick_connects = inventory.quick_connects if QUICK_CONNECTS in types else []
    known = [each for each in quick_connects if each.type in BLOCKS]
    groups = inventory.groups if {GROUPS, SPLITS}.intersection(types) else []
    live = [group for group in groups if group.status == "ACTIVE"]
    users = _of_each(inventory.users_of, live if GROUPS in types else [])
    splits = _of_each(inventory.splits_of, live if SPLITS in types else [])
    contents = Contents(
        inventory.instance_id,
        known,
        inventory.queues if QUEUES in types else [],
        live,
        users,
        splits,
        _names(inventory) if known else {},
        inventory.user_names if any(users.values()) else {},
    )
    left_out = [each.name for each in (*quick_connects, *groups) if each not in (*known, *live)]
    return contents, left_out


def _of_each(read: Callable[[Group], T], groups: list[Group]) -> dict[str, T]:
    """Return what each group has, by the group's ARN."""
    return {group.arn: read(group) for group in groups}


def _names(inventory: Inventory) -> dict[tuple[str, str], str]:
    """Return the names of the flows and queues, by property and id."""
    names = {"ContactFlowId": inventory.flow_names, "QueueId": inventory.queue_names}
    return {(name, each): text for name, texts in names.items() for each, text in texts.items()}


def _comments(contents: Contents, left_out: list[str]) -> Iterator[str]:
    """Yield the head of each template: its origin, and what to look at before a deployment."""
    yield f"Written by cfn-connect export, from the instance {contents.instance_id}."
    tagged = [*contents.quick_connects, *contents.groups]
    if native := [each.name for each in tagged if each.is_native]:
        yield f"A stack has {len(native)} of these as native types. See docs/migration.md first:"
        yield from (f"  {name!r}" for name in native)
    if left_out:
        yield "Left out, because no template can declare them, or the group is not ACTIVE:"
        yield from (f"  {name!r}" for name in left_out)
