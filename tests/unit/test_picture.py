"""docs/request.svg, the picture in README.md."""

import re
from xml.etree import ElementTree

from docs import picture
from tests.support.harness import ROOT


def test_the_picture_is_what_its_script_draws() -> None:
    """Else run `python docs/picture.py`."""
    assert picture.PICTURE.read_text() == picture.draw()


def test_the_picture_stays_within_its_frame() -> None:
    """No box and no text begins outside."""
    root = ElementTree.fromstring(picture.draw())  # noqa: S314  # it is our own
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    placed = [element for element in root.iter() if "y" in element.attrib]
    assert len(placed) > 20
    for element in placed:
        right = float(element.attrib["x"]) + float(element.attrib.get("width", 0))
        bottom = float(element.attrib["y"]) + float(element.attrib.get("height", 0))
        assert 0 < right < width
        assert 0 < bottom < height


def test_both_themes_color_the_same() -> None:
    """What the light theme colors, the dark one does too; and the README shows the picture."""
    assert picture.LIGHT.keys() == picture.DARK.keys()
    assert re.search(r"!\[[^\]]+\]\(docs/request\.svg\)", (ROOT / "README.md").read_text())
