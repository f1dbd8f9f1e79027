"""Plot how long a throttled stack takes against the number of its quick connects."""

from collections.abc import Mapping, Sequence
from math import log10

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 720, 420, 70, 50
_COLORS = ("#1f6feb", "#d1242f", "#57606a")
_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def svg(curves: Mapping[str, Sequence[tuple[int, float]]], notes: Sequence[str]) -> str:
    """Return an SVG with curves of seconds against creates, on logarithmic axes, and notes."""
    creates = [x for curve in curves.values() for x, _ in curve]
    seconds = [y for curve in curves.values() for _, y in curve]

    def at(x: float, y: float) -> tuple[float, float]:
        across = (log10(x) - log10(min(creates))) / (log10(max(creates)) - log10(min(creates)))
        up = (log10(y) - log10(min(seconds))) / (log10(max(seconds)) - log10(min(seconds)))
        return (
            _LEFT + across * (_WIDTH - _LEFT - 20),
            _HEIGHT - _BOTTOM - up * (_HEIGHT - _BOTTOM - 20),
        )

    parts = [_text(_WIDTH / 2, _HEIGHT - 8, "quick connects created at once", "middle")]
    parts.append(_text(_LEFT, 14, "seconds until the last one exists", "start"))
    for tick in _TICKS:
        if min(creates) <= tick <= max(creates):
            x, y = at(tick, min(seconds))
            parts.append(_text(x, y + 18, str(tick), "middle"))
        if min(seconds) <= tick <= max(seconds):
            x, y = at(min(creates), tick)
            parts.append(_text(x - 8, y + 4, str(tick), "end"))
            parts.append(f'<path d="M{x:.1f} {y:.1f}H{_WIDTH - 20}" stroke="#d0d7de"/>')
    for row, ((name, curve), color) in enumerate(zip(curves.items(), _COLORS, strict=True)):
        points = " ".join("{:.1f},{:.1f}".format(*at(*point)) for point in curve)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts.append(_text(_LEFT + 20, 40 + 18 * row, name, "start", color))
    for row, note in enumerate(notes):
        parts.append(_text(_WIDTH - 30, _HEIGHT - _BOTTOM - 14 - 18 * row, note, "end"))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="13">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def _text(x: float, y: float, text: str, anchor: str, color: str = "#24292f") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{text}</text>'
