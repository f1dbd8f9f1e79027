"""Draws docs/request.svg, a request's way: `python docs/picture.py`.

The colors follow the reader's light or dark theme; without one, they are the light ones.
"""

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

PICTURE = Path(__file__).parent / "request.svg"
_SIZE = (960, 395)
_STYLE = """
    text { font: 14px Helvetica, Arial, sans-serif } .title { font-weight: bold }
    .soft { font-size: 12px } .arrow { fill: none; stroke-width: 2; marker-end: url(#head) }"""
# What has which colors: fill, stroke.
LIGHT = {
    ".paper": ("#ffffff", "none"),
    ".box": ("#f6f8fa", "#8c959f"),
    ".step": ("#ddf4ff", "#0550ae"),
    ".arrow": ("none", "#0550ae"),
    ".head": ("#0550ae", "none"),
    "text": ("#1f2328", "none"),
    "text.soft": ("#59636e", "none"),
}
DARK = {
    ".paper": ("#0d1117", "none"),
    ".box": ("#161b22", "#6e7681"),
    ".step": ("#0c2d6b", "#79c0ff"),
    ".arrow": ("none", "#79c0ff"),
    ".head": ("#79c0ff", "none"),
    "text": ("#e6edf3", "none"),
    "text.soft": ("#9198a1", "none"),
}
# x, y, width, height, class, title, the lines under it
_BOXES = (
    (15, 60, 180, 130, "box", "CloudFormation", ("a stack with a", "Custom::Connect…", "resource")),
    (250, 20, 480, 225, "box", "Lambda: one of two functions", ()),
    (265, 60, 130, 130, "step", "crhelper", ("one answer,", "before time", "runs out")),
    (425, 60, 130, 130, "step", "Parser", ("the properties", "and every limit", "of Connect")),
    (585, 60, 130, 130, "step", "reconciler", ("observe", "plan", "act", "settle")),
    (790, 60, 155, 130, "box", "Amazon Connect", ("quick connects,", "groups, traffic")),
    (250, 305, 480, 70, "box", "S3", ("the request's presigned ResponseURL",)),
)
# the way, and where its label stands: x, y, anchor, the lines of the label
_ARROWS = (
    ("M195 125 H263", (222, 92, "middle", ("1", "event"))),
    ("M395 125 H423", (409, 113, "middle", ("2",))),
    ("M555 125 H583", (569, 113, "middle", ("3",))),
    ("M715 125 H788", (760, 92, "middle", ("4", "calls"))),
    ("M330 190 V303", (342, 280, "start", ("5  one PUT: SUCCESS and the ARN, or FAILED and why",))),
    ("M250 340 H105 V192", (117, 280, "start", ("6  the answer",))),
)
_NOTES = (
    (490, 212, "a wrong property:"),
    (490, 229, "FAILED, and no call"),
    (650, 212, "not settled in time:"),
    (650, 229, "Lambda runs it again"),
)
_HEAD = (
    '  <marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="9" markerHeight="9" '
    'orient="auto" markerUnits="userSpaceOnUse">'
    '<path class="head" d="M0 0 L8 4 L0 8 z"/></marker>'
)


def draw() -> str:
    """Return the picture as SVG."""
    width, height = _SIZE
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "  <title>A request's way from CloudFormation to Amazon Connect, and its answer</title>",
        f"  <style>{_STYLE}",
        *_colors(LIGHT),
        "    @media (prefers-color-scheme: dark) {",
        *_colors(DARK),
        "    }",
        "  </style>",
        _HEAD,
        f'  <rect class="paper" width="{width}" height="{height}" rx="8"/>',
        *_boxes(),
        *_arrows(),
        *(_text(x, y, text, "soft") for x, y, text in _NOTES),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _colors(theme: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    for what, (fill, stroke) in theme.items():
        yield f"    {what} {{ fill: {fill}; stroke: {stroke} }}"


def _boxes() -> Iterator[str]:
    for x, y, width, height, kind, title, lines in _BOXES:
        place = f'x="{x}" y="{y}" width="{width}" height="{height}"'
        yield f'  <rect class="{kind}" {place} rx="6"/>'
        yield _text(x + width / 2, y + 26, title, "title")
        for number, line in enumerate(lines):
            yield _text(x + width / 2, y + 50 + 20 * number, line)


def _arrows() -> Iterator[str]:
    for way, (x, y, anchor, lines) in _ARROWS:
        yield f'  <path class="arrow" d="{way}"/>'
        for number, line in enumerate(lines):
            yield _text(x, y + 18 * number, line, "soft", anchor)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "middle") -> str:
    place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
    return f'  <text class="{kind}" {place}>{escape(text)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(draw())
