"""Parts of a self-contained HTML page: one file, no network requests, all text escaped.

The page's content security policy allows only its inline style, its one script (by hash) and images in `data:` URIs.
"""

import base64
import hashlib
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians, sin
from pathlib import Path

import numpy as np

from maskgen.files import visible

HERE = Path(__file__).parent
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
CHART_WIDTH, CHART_HEIGHT, AXIS = 300, 96, 16  # in units of the chart's view box


def esc(text: object) -> str:
    """Escapes text for HTML, also inside quotes; makes control characters and invalid bytes of file names visible."""
    return html.escape(visible(text))


def data_uri(data: bytes, kind: str) -> str:
    """Encodes an image as a data URI; `kind` is "jpeg", "png" or "webp"."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def document(title: str, body: str) -> str:
    """Builds a complete page around `body`, which is HTML."""
    script = (HERE / "page.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    policy = f"{POLICY}; script-src 'sha256-{digest}'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{esc(title)}</title>\n<style>\n{(HERE / 'page.css').read_text('utf-8')}</style>\n</head>\n"
        f"<body>\n{body}\n<script>{script}</script>\n</body>\n</html>\n"
    )


def masthead(title: str, text: str, numbers: Mapping[str, object]) -> str:
    """Builds the top of the page: title, one sentence, and the main figures."""
    figures = "".join(
        f"<div><dt>{esc(name)}</dt><dd>{esc(value)}</dd></div>" for name, value in numbers.items()
    )
    return (
        f'<header><div class="masthead"><h1>{esc(title)}</h1>'
        '<button class="theme" type="button" aria-label="Switch between light and dark">◐ light / dark</button></div>'
        f'<p class="faint">{esc(text)}</p><dl class="numbers">{figures}</dl></header>'
    )


@dataclass(frozen=True)
class Axis:
    """Bin edges of a histogram, the values of its tick labels, and their unit."""

    edges: Sequence[int]
    ticks: Sequence[int]
    unit: str = ""


def histogram(title: str, values: Sequence[float], axis: Axis) -> str:
    """Draws a histogram; values beyond the outer edges count in the outer bins."""
    edges = np.asarray(axis.edges, float)
    counts = np.histogram(np.clip(np.asarray(values, float), edges[0], edges[-1]), edges)[0]
    step, top = CHART_WIDTH / len(counts), max(1, int(counts.max(initial=0)))
    bars = "".join(
        _bar(number * step, step, count / top, f"{low:g} to {high:g}{axis.unit}: {count:,}")
        for number, (low, high, count) in enumerate(zip(edges, edges[1:], counts, strict=False))
    )
    ticks = "".join(_tick(value, axis) for value in axis.ticks)
    median = f"median {np.median(np.asarray(values, float)):.0f}{axis.unit}" if len(values) else "none"
    ground = f'<line x1="0" x2="{CHART_WIDTH}" y1="{CHART_HEIGHT}" y2="{CHART_HEIGHT}"/>'
    return _chart(title, median, bars + ground + ticks)


def _bar(left: float, step: float, share: float, label: str) -> str:
    height = share * CHART_HEIGHT
    return (
        f"<g><title>{esc(label)}</title>"
        f'<rect class="hit" x="{left:.2f}" y="0" width="{step:.2f}" height="{CHART_HEIGHT}"/>'
        f'<rect class="bar" rx="1.5" x="{left + 0.75:.2f}" y="{CHART_HEIGHT - height:.2f}" '
        f'width="{step - 1.5:.2f}" height="{height:.2f}"/></g>'
    )


def _tick(value: int, axis: Axis) -> str:
    share = (value - axis.edges[0]) / (axis.edges[-1] - axis.edges[0])
    anchor = "start" if share == 0 else "end" if share == 1 else "middle"
    text = esc(f"{value:g}{axis.unit}")
    return f'<text x="{CHART_WIDTH * share:.1f}" y="{CHART_HEIGHT + 13}" text-anchor="{anchor}">{text}</text>'


def _chart(title: str, note: str, content: str) -> str:
    return (
        f'<figure class="chart"><figcaption><b>{esc(title)}</b><span>{esc(note)}</span></figcaption>'
        f'<svg viewBox="0 0 {CHART_WIDTH} {CHART_HEIGHT + AXIS}" role="img" aria-label="{esc(title)}">'
        f"{content}</svg></figure>"
    )


def shares(title: str, counts: Mapping[str, int]) -> str:
    """Draws named counts as bars, sorted by size."""
    total, top = max(1, sum(counts.values())), max([1, *counts.values()])
    rows = "".join(
        f'<span class="name">{esc(name)}</span><span class="track">'
        f'<span class="fill" style="width:{100 * count / top:.1f}%"></span></span>'
        f'<span class="count" title="{count / total:.1%}">{count:,}</span>'
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
    return (
        f'<figure class="chart"><figcaption><b>{esc(title)}</b><span>{len(counts)}</span></figcaption>'
        f'<div class="share">{rows}</div></figure>'
    )


def pose_dial(yaw: float, pitch: float, roll: float) -> str:
    """Draws a small ball in the head's pose (degrees, signs as in `types.Pose`), with the nose as an arrow."""
    radius = 17.0
    side, lift = sin(radians(yaw)), sin(radians(pitch))
    tip = (radius * side * cos(radians(pitch)), -radius * lift)
    meridian = f"M0,{-radius} A{max(0.1, abs(radius * side)):.2f},{radius} 0 0 {int(side > 0)} 0,{radius}"
    equator = f"M{-radius},0 A{radius},{max(0.1, abs(radius * lift)):.2f} 0 0 {int(lift > 0)} {radius},0"
    label = f"yaw {round(yaw)}, pitch {round(pitch)}, roll {round(roll)} degrees"
    return (
        f'<svg class="pose" viewBox="-24 -24 48 48" role="img" aria-label="{label}"><title>{label}</title>'
        f'<g transform="rotate({roll:.1f})"><circle class="rim" r="{radius}"/><path class="grid" d="{meridian}"/>'
        f'<path class="grid" d="{equator}"/><path class="nose" d="M0,0 L{tip[0] * 1.2:.2f},{tip[1] * 1.2:.2f}"/>'
        f'<circle class="tip" cx="{tip[0] * 1.2:.2f}" cy="{tip[1] * 1.2:.2f}" r="2.6"/></g></svg>'
    )


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Builds a plain table; the cells are escaped text."""
    line = "".join(f"<th>{esc(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{esc(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{line}</tr></thead><tbody>{body}</tbody></table>"
