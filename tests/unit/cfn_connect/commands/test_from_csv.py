"""An address book goes to CSV and back, and Lambda would accept each row."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cfn_connect import cli
from cfn_connect.address_book import COLUMNS
from cfn_connect.clients import CommandError
from cfn_connect.commands import export, from_csv
from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support import commands, contact_center
from tests.support.linting import lint
from tests.support.templates import parsed

QUICK_CONNECT = "Custom::ConnectQuickConnect"


def address_book() -> str:
    """Return the address book of the instance."""
    return commands.run(export.run, export.Arguments(scene.INSTANCE_ID, csv=True)).text


def template(text: str, folder: Path) -> str:
    """Return the template of an address book."""
    path = folder / "book.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return commands.run(from_csv.run, from_csv.Arguments(str(path), scene.INSTANCE_ID)).text


def declared(text: str) -> dict[str, Any]:
    """Return the target of each quick connect of a template by its name."""
    return {
        resource["Properties"]["Name"]: (
            resource["Properties"]["QuickConnectConfig"],
            resource["Properties"].get("Description", ""),
        )
        for resource in parsed(text)["Resources"].values()
        if resource["Type"] == QUICK_CONNECT
    }


def test_an_address_book_cannot_hold_a_type_that_is_new(connect: ConnectEmulator) -> None:
    """Connect may add types, and a template would keep such a quick connect out, too."""
    instance = connect.instances[scene.INSTANCE_ID]
    connect.add_quick_connect(instance, "Robot", {"QuickConnectType": "ROBOT"}, {})
    with pytest.raises(CommandError, match="cannot hold the type of 'Robot'"):
        address_book()


def test_the_template_of_an_address_book_declares_the_instance(
    connect: ConnectEmulator, tmp_path: Path
) -> None:
    """It declares the live quick connects, and the queues that offer them. It passes cfn-lint."""
    contact_center.seed(connect)
    text = template(address_book(), tmp_path)
    live = connect.quick_connects.values()
    assert declared(text) == {
        each["Name"]: (each["QuickConnectConfig"], each["Description"]) for each in live
    }
    resources = parsed(text)["Resources"]
    offers = [r["Properties"] for r in resources.values() if "QueueQuick" in r["Type"]]
    assert {each["QueueId"]: len(each["QuickConnectIds"]) for each in offers} == {
        arn.rpartition("/")[2]: len(ids) for arn, ids in connect.queue_quick_connects.items()
    }
    path = tmp_path / "template.yaml"
    path.write_text(text)
    assert [str(match) for match in lint(path)[path]] == []


_TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ['"', ",", ";", "\n", "\r\n", "\r", "'", "📞", "👩‍💻", "=1+1", "\ufeff", "#", ": ", " "]
)
_NAMES = st.lists(
    st.lists(_TEXT, min_size=1).map("".join).map(lambda text: text[:127]).filter(len)
    | st.just("x" * 127),
    min_size=1,
    max_size=8,
    unique=True,
)


@pytest.mark.no_cover
@settings(
    max_examples=200,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(names=_NAMES, descriptions=st.lists(_TEXT.map(lambda text: text[:250]), min_size=8))
def test_an_address_book_keeps_every_text(
    names: list[str], descriptions: list[str], connect: ConnectEmulator, tmp_path: Path
) -> None:
    """Commas, quotes, line ends and emoji survive CSV, YAML and back, in names of any length."""
    connect.reset()
    scene.seed(connect)
    instance = connect.instances[scene.INSTANCE_ID]
    for number, (name, description) in enumerate(zip(names, descriptions, strict=False)):
        config = contact_center.config(number, scene.USER_IDS, scene.QUEUE_IDS)
        arn = connect.add_quick_connect(instance, name, config, {}, description=description)
        queue = f"{instance.arn}/queue/{scene.QUEUE_IDS[number % 3]}"
        connect.queue_quick_connects.setdefault(queue, set()).add(arn.rpartition("/")[2])
    book = address_book()
    first = template(book, tmp_path)
    assert declared(first) == {
        each["Name"]: (each["QuickConnectConfig"], each["Description"])
        for each in connect.quick_connects.values()
    }
    connect.quick_connects.clear()
    connect.queue_quick_connects.clear()
    deploy(first, connect)
    assert address_book() == book


def deploy(text: str, connect: ConnectEmulator) -> None:
    """Create what a template declares, as its deployment does."""
    instance, made = connect.instances[scene.INSTANCE_ID], {}
    resources = parsed(text)["Resources"]
    for logical_id, resource in resources.items():
        properties = resource["Properties"]
        if resource["Type"] == QUICK_CONNECT:
            description = properties.get("Description", "")
            config = properties["QuickConnectConfig"]
            made[logical_id] = connect.add_quick_connect(
                instance, properties["Name"], config, {}, description=description
            )
    for resource in resources.values():
        for offered in resource["Properties"].get("QuickConnectIds", ()):
            queue = f"{instance.arn}/queue/{resource['Properties']['QueueId']}"
            new_id = made[offered["Fn::GetAtt"][0]].rpartition("/")[2]
            connect.queue_quick_connects.setdefault(queue, set()).add(new_id)


HEADER = ",".join(COLUMNS)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "row 1: a header without name, type, target"),
        (f"{HEADER},phone\n", "row 1: a header with phone"),
        (f"{HEADER}\n", "no row below the header"),
        (f"{HEADER}\nA,PHONE,+12065550100,,,\n", "row 2: the type should be one of USER, QUEUE"),
        (f"{HEADER}\nA,PHONE_NUMBER,12065550100,,,\n", "row 2: .*PhoneNumber: "),
        (f"{HEADER}\nA,USER,u,,,\n", "row 2: .*ContactFlowId: "),
        (f"{HEADER}\nA,FLOW,f,g,,\n", "row 2: only USER and QUEUE need a flow"),
        (f"{HEADER}\nA,FLOW,f,,,\nA,FLOW,g,,,\n", "row 3: an earlier row has the name"),
        (f"{HEADER}\nA,FLOW,f,,a, b,q,r\n", "row 2: more cells than the header"),
        (f"{HEADER}\n{'x' * 128},FLOW,f,,,\n", "row 2: .*Name: "),
    ],
)
def test_a_wrong_row_is_an_error_that_names_it(text: str, problem: str, tmp_path: Path) -> None:
    """The texts are those of Lambda."""
    with pytest.raises(CommandError, match=problem):
        template(text, tmp_path)


def test_a_spreadsheet_may_save_the_file_in_its_own_way(tmp_path: Path) -> None:
    """It may write a mark of the encoding, other line ends, and only the columns that it needs."""
    text = "\ufeffname,type,target\r\nDesk,PHONE_NUMBER,+12065550100\r\n"
    assert declared(template(text, tmp_path)).keys() == {"Desk"}
    path = tmp_path / "latin.csv"
    path.write_bytes("name,type,target\nKüche,FLOW,f\n".encode("latin-1"))
    with pytest.raises(CommandError, match="save it as CSV UTF-8"):
        commands.run(from_csv.run, from_csv.Arguments(str(path), scene.INSTANCE_ID))


@pytest.mark.no_cover
def test_more_rows_than_a_template_holds_become_files(tmp_path: Path) -> None:
    """A queue is in each file with the quick connects of that file."""
    file = io.StringIO()
    csv.writer(file).writerows(
        [COLUMNS, *([f"N{n}", "FLOW", "f", "", "", "q1;q2"] for n in range(1_200))]
    )
    path = tmp_path / "book.csv"
    path.write_text(file.getvalue())
    arguments = from_csv.Arguments(str(path), scene.INSTANCE_ID, str(tmp_path / "out.yaml"))
    commands.run(from_csv.run, arguments)
    offered = 0
    for each in sorted(tmp_path.glob("out-*.yaml")):
        resources = parsed(each.read_text())["Resources"]
        assert len(resources) <= 500
        for resource in resources.values():
            for item in resource["Properties"].get("QuickConnectIds", ()):
                assert item["Fn::GetAtt"][0] in resources
                offered += 1
    assert offered == 2 * 1_200


def test_the_command_line_writes_the_template(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is missing is an error."""
    path = tmp_path / "book.csv"
    path.write_text("name,type,target\nDesk,FLOW,f\n")
    line = ["--region", scene.REGION, "from-csv", "--instance-id", scene.INSTANCE_ID]
    output = tmp_path / "template.yaml"
    assert cli.main([*line, str(path), "--output", str(output)]) == 0
    assert declared(output.read_text()).keys() == {"Desk"}
    assert cli.main([*line, str(tmp_path / "none.csv")]) == 3
    assert "does not exist" in capsys.readouterr().err
