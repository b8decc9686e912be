"""Charts of the page: ROC of all rows on a logarithmic axis, and histograms of similarities."""

import math
from collections.abc import Sequence

from maskgen.reports import html
from unmasknet.recognition.summary import Summary

WIDE, HIGH, LEFT, BELOW = 620, 300, 44, 34  # of the ROC, in units of its view box
SMALL_WIDE, SMALL_HIGH = html.CHART_WIDTH, html.CHART_HEIGHT
LOWEST_FAR = 1e-4


def charts(summary: Summary) -> str:
    """Draws all charts."""
    rows = summary["rows"]
    small = "".join(_histogram(name, row) for name, row in rows.items())
    return (
        f"<h2>At a glance</h2>{_roc(summary)}<h2>Similarity of the pairs</h2>"
        f'<div class="charts">{small}</div>'
    )


def _roc(summary: Summary) -> str:
    """Draws the ROC of each row: TAR over FAR."""
    rows = {name: row for name, row in summary["rows"].items() if row["roc"]}
    curves = "".join(
        f'<polyline class="curve row{at}" points="{_path(row["roc"])}"><title>{html.esc(name)}</title></polyline>'
        for at, (name, row) in enumerate(rows.items())
    )
    legend = "".join(f'<span><i class="row{at}"></i>{html.esc(name)}</span>' for at, name in enumerate(rows))
    across = "".join(
        f'<line class="grid" x1="{_x(far):.1f}" x2="{_x(far):.1f}" y1="0" y2="{HIGH}"/>'
        f'<text x="{_x(far):.1f}" y="{HIGH + 15}" text-anchor="middle">{far:g}</text>'
        for far in (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    )
    up = "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDE}" y1="{_y(tar):.1f}" y2="{_y(tar):.1f}"/>'
        f'<text x="{LEFT - 6}" y="{_y(tar) + 4:.1f}" text-anchor="end">{tar:.0%}</text>'
        for tar in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    )
    chance = " ".join(f"{_x(10 ** (e / 10)):.1f},{_y(10 ** (e / 10)):.1f}" for e in range(-40, 1))
    return (
        '<figure class="chart roc"><figcaption><b>True acceptance over false acceptance</b>'
        f'<span>dashed: chance</span></figcaption><svg viewBox="0 -6 {WIDE + 14} {HIGH + BELOW + 8}" role="img" '
        f'aria-label="ROC curves">{across}{up}<polyline class="chance" points="{chance}"/>{curves}'
        f'<text x="{(LEFT + WIDE) / 2:.0f}" y="{HIGH + 31}" text-anchor="middle">FAR, pairs of two people that are '
        f'accepted</text></svg><div class="legend">{legend}</div></figure>'
    )


def _path(points: Sequence[Sequence[float]]) -> str:
    """Formats a curve as points; it starts at the edge of the axis with its last value below it."""
    below = [tar for far, tar in points if far < LOWEST_FAR]
    shown = [(LOWEST_FAR, below[-1])] if below else []
    shown += [(far, tar) for far, tar in points if far >= LOWEST_FAR]
    return " ".join(f"{_x(far):.1f},{_y(tar):.1f}" for far, tar in shown)


def _x(far: float) -> float:
    return LEFT + (WIDE - LEFT) * (1 - math.log10(max(far, LOWEST_FAR)) / math.log10(LOWEST_FAR))


def _y(tar: float) -> float:
    return HIGH * (1 - tar)


def _histogram(name: str, row: Summary) -> str:
    """Draws similarities of pairs of one person and of two, each as a share of its kind."""
    histogram = row["histogram"]
    kinds = ("different", "same")
    totals = {kind: max(1, sum(histogram[kind])) for kind in kinds}
    top = max(count / totals[kind] for kind in kinds for count in histogram[kind]) or 1
    step = SMALL_WIDE / len(histogram["same"])
    bars = "".join(
        f'<rect class="{kind}" x="{at * step:.2f}" width="{step:.2f}" '
        f'y="{SMALL_HIGH * (1 - count / totals[kind] / top):.2f}" '
        f'height="{SMALL_HIGH * count / totals[kind] / top:.2f}"/>'
        for kind in kinds
        for at, count in enumerate(histogram[kind])
        if count
    )
    low, high = histogram["from"], histogram["to"]

    def place(value: float) -> float:
        return SMALL_WIDE * min(max((value - low) / (high - low), 0), 1)

    ticks = "".join(
        f'<text x="{place(value):.1f}" y="{SMALL_HIGH + 13}" text-anchor="{anchor}">{value:g}</text>'
        for value, anchor in ((low, "start"), ((low + high) / 2, "middle"), (high, "end"))
    )
    threshold = ""
    if row["threshold"] is not None:
        at = place(row["threshold"])
        threshold = f'<line class="threshold" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{SMALL_HIGH}"/>'
    return (
        f'<figure class="chart"><figcaption><b>{html.esc(name)}</b>'
        f'<span><i class="same"></i>one person <i class="different"></i>two</span></figcaption>'
        f'<svg viewBox="0 0 {SMALL_WIDE} {SMALL_HIGH + 16}" role="img" aria-label="similarities, {html.esc(name)}">'
        f'{bars}{threshold}<line x1="0" x2="{SMALL_WIDE}" y1="{SMALL_HIGH}" y2="{SMALL_HIGH}"/>{ticks}</svg></figure>'
    )
