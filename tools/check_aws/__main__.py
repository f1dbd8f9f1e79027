"""`make check-aws`: ask an AWS account what the provider assumes of AWS, and print a table."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping

import boto3
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sandbox import signals
from tools.check_aws import artifact, provider, questions
from tools.check_aws.account import Account
from tools.check_aws.cleanup import remove_everything
from tools.check_aws.run import Row, Verdict, ask

REQUIRED = ("INSTANCE_ID", "QUEUE_ID", "CONTACT_FLOW_ID", "USER_ID")
EXPERIMENTS = (*questions.EXPERIMENTS, *provider.EXPERIMENTS, questions.quota)
_BAD = {Verdict.DIFFERENT, Verdict.FAILED}


def account_of(variables: Mapping[str, str]) -> Account:
    """Return the account that the environment names; exit if it lacks an id."""
    missing = [name for name in REQUIRED if not variables.get(name)]
    if missing:
        sys.exit(f"{', '.join(missing)}: set with `make check-aws {missing[0]}=...`")
    session = boto3.session.Session()
    if not session.region_name:
        sys.exit("set AWS_REGION to the home Region of the instance")
    options = {name for name in ("FAILOVER", "QUOTA") if variables.get(name) == "yes"}
    number = variables.get("PHONE_NUMBER_ID", "")
    return Account(
        session,
        instance_id=variables["INSTANCE_ID"],
        queue_id=variables["QUEUE_ID"],
        contact_flow_id=variables["CONTACT_FLOW_ID"],
        user_id=variables["USER_ID"],
        phone_number_id=number,
        options=frozenset(options | ({"PHONE_NUMBER_ID"} if number else set())),
    )


def check(account: Account, console: Console) -> tuple[list[Row], list[str]]:
    """Ask every question, remove everything, and print the table.

    Return the rows, and the resources that could not be removed.
    """
    rows: list[Row] = []
    console.print(f"The name of each resource begins with {account.mark}.", soft_wrap=True)
    try:
        for row in ask(EXPERIMENTS, account):
            console.print(f"{row.question.id}: {escape(row.verdict)}", highlight=False)
            rows.append(row)
    finally:
        with signals.undisturbed():
            console.print("Removing the resources of this run ...")
            left = remove_everything(account, _shower(console))
            console.print(_table(rows))
            for name in left:
                console.print(f"NOT REMOVED: {escape(name)}", soft_wrap=True)
    return rows, left


def _shower(console: Console) -> Callable[[str], None]:
    return lambda line: console.print(escape(line), highlight=False)


def _table(rows: list[Row]) -> Table:
    table = Table("question", "assumption", "observed", "verdict", show_lines=True)
    for row in rows:
        cells = (row.question.text, row.question.assumption, row.observed, row.verdict)
        table.add_row(*map(escape, cells))
    return table


def main() -> None:
    """Run the command."""
    argparse.ArgumentParser(prog="make check-aws", description=__doc__).parse_args()
    account = account_of(os.environ)
    artifact.require_python(account)
    signals.interrupt_once()
    try:
        rows, left = check(account, Console())
    except KeyboardInterrupt:
        sys.exit(130)
    if left or any(row.verdict in _BAD for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
