"""Charts of an evaluation's page, as HTML."""

from collections.abc import Sequence

import numpy as np

from maskgen.reports import html
from unmasknet.evaluation.evaluate import Evaluation
from unmasknet.evaluation.scores import Summary
from unmasknet.evaluation.table import number


def main_bars(summary: Summary) -> str:
    """Draws the methods side by side, by PSNR and SSIM inside the hole."""
    return _bars(summary, "psnr", "Hole PSNR, dB") + _bars(summary, "ssim", "Hole SSIM")


def charts(evaluation: Evaluation) -> str:
    """Draws a histogram of the samples, and the ROC curve of masked against bare."""
    finite = [value for value in evaluation.psnrs if np.isfinite(value)]
    axis = html.Axis(range(4, 41, 2), range(4, 41, 12), " dB")
    found = [_roc(evaluation.summary)]
    if finite:
        found.insert(0, html.histogram(f"Hole PSNR of each sample, {evaluation.shown}", finite, axis))
    return f'<h2>Samples and wear</h2><div class="charts">{"".join(found)}</div>' if any(found) else ""


def _bars(summary: Summary, score: str, title: str) -> str:
    """Draws each method's mean with its interval, the restored one in colour."""
    rows = [("restored", summary["hole"][score], summary["ci95"].get(f"hole.{score}"))]
    for kind in ("baselines", "compare"):
        rows += [
            (name, values["hole"][score], summary["ci95"].get(f"{kind}.{name}.hole.{score}"))
            for name, values in summary[kind].items()
        ]
    rows = [row for row in rows if row[1] is not None]
    top = max([1e-9, *(max(value, *(edges or [value])) for _, value, edges in rows)])
    cells = "".join(_bar(name, value, edges, top, 2 if score == "psnr" else 3) for name, value, edges in rows)
    caption = f"<figcaption><b>{html.esc(title)}</b><span>95 % intervals</span></figcaption>"
    return f'<figure class="chart">{caption}<div class="bars">{cells}</div></figure>'


def _bar(name: str, value: float, edges: Sequence[float] | None, top: float, digits: int) -> str:
    kind = "fill ours" if name == "restored" else "fill"
    whisker = ""
    if edges:
        low, high = (100 * max(0.0, edge) / top for edge in edges)
        whisker = f'<span class="whisker" style="left:{low:.2f}%;width:{max(high - low, 0.4):.2f}%"></span>'
    return (
        f'<span>{html.esc(name)}</span><span class="track"><span class="{kind}" '
        f'style="width:{100 * max(0.0, value) / top:.2f}%"></span>{whisker}</span>'
        f'<span class="count">{value:.{digits}f}</span>'
    )


def _roc(summary: Summary) -> str:
    """Draws the ROC curve of masked against bare."""
    points = summary["wearing"]["roc"]
    if not points:
        return ""
    wide, high = html.CHART_WIDTH, html.CHART_HEIGHT
    path = " ".join(f"{wide * x:.1f},{high * (1 - y):.1f}" for x, y in points)
    return (
        '<figure class="chart"><figcaption><b>Masked or bare: ROC</b>'
        f"<span>area {number(summary['wearing']['roc_auc'], 4)}</span></figcaption>"
        f'<svg viewBox="0 -4 {wide} {high + 20}" role="img" aria-label="ROC curve">'
        f'<line class="chance" x1="0" y1="{high}" x2="{wide}" y2="0"/>'
        f'<line x1="0" x2="{wide}" y1="{high}" y2="{high}"/>'
        f'<line x1="0" x2="0" y1="0" y2="{high}"/><polyline class="curve" points="{path}"/>'
        f'<text x="0" y="{high + 13}">false alarms, 0 to 1</text></svg></figure>'
    )
