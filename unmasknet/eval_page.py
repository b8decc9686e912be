"""The report of an evaluation: one HTML page that needs nothing else, a Markdown table, a sheet of pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from maskgen import page, sheet
from maskgen.files import write_atomic
from maskgen.imageio import encode_jpeg
from maskgen.types import Picture
from unmasknet.evaluate import Evaluation, Example
from unmasknet.ledger import Figures
from unmasknet.pictures import png
from unmasknet.tables import NOTHING, Table, number, percent, tables

SHOWN_SIDE = 256  # pixels; smaller pictures are enlarged for the page
QUALITY = 90
STYLE = """<style>
.scroll { overflow-x: auto; } .scroll td, .scroll th { white-space: nowrap; } .scroll td:last-child { white-space: normal; }
.scroll table { min-width: 0; width: 100%; } .scroll .ours td { background: var(--accent-soft); font-weight: 600; }
.scroll .wide td:last-child { min-width: 16rem; } .scroll small { color: var(--faint); font-weight: 400; }
.strips { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 34rem), 1fr)); gap: 1.1rem; }
.strip { margin: 0; background: var(--panel); border: 1px solid var(--rule); border-radius: 14px; overflow: hidden; }
.strip .row { display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; gap: 2px; background: var(--rule); }
.strip .row div { background: var(--panel); } .strip img { display: block; width: 100%; aspect-ratio: 1; }
.strip span { display: block; padding: .15rem .4rem; font-size: .74rem; color: var(--faint); text-align: center; }
.strip figcaption { padding: .45rem .8rem .6rem; font-size: .86rem; } .strip b { color: var(--ink); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 2.4rem; }
.chart svg .curve { fill: none; stroke: var(--accent); stroke-width: 2.2; } .chart svg .chance { stroke-dasharray: 3 4; }
.bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: .3rem .8rem; align-items: center; font-size: .87rem; }
.bars .track { position: relative; height: .7rem; } .bars .fill { position: absolute; inset: 0 auto 0 0; border-radius: 3px; background: var(--rule); }
.bars .ours { background: var(--accent); } .bars .whisker { position: absolute; top: 50%; height: 2px; background: var(--ink); opacity: .55; }
.bars .count { color: var(--faint); text-align: right; }
</style>"""


def write_report(path: Path, evaluation: Evaluation, name: str) -> list[Path]:
    """Write the page, and beside it the tables as Markdown and the sheet as PNG; whole or not at all.

    Args:
        path: of the page; the others take its name.
        evaluation: what is reported.
        name: of the data set.

    Raises:
        MissingError: the disk has no room. UnmaskError: the folder takes no file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    files = {path: html(evaluation, name).encode("utf-8"), path.with_suffix(".md"): markdown(evaluation.figures, name).encode("utf-8")}
    if evaluation.examples:
        files[path.with_suffix(".png")] = png(contact_sheet(evaluation, name))
    for file, data in files.items():
        write_atomic(file, data)
    return list(files)


def html(evaluation: Evaluation, name: str) -> str:
    """The page."""
    figures = evaluation.figures
    every = {table.title: table for table in tables(figures)}
    wide = [_section(every[title], wide=title == "Published by others") for title in WIDE if title in every]
    small = [_section(table) for title, table in every.items() if title not in WIDE]
    body = [
        STYLE,
        page.masthead(f"Evaluation on {name}", _about(figures), _numbers(figures)),
        "<main>",
        _charts(evaluation),
        *wide[:1],
        _examples(evaluation),
        f'<div class="pair">{"".join(small)}</div>',
        *wide[1:],
        "</main>",
        '<footer class="end">What a mask covered is invented by the network; it is no evidence of how anybody looks. '
        "This page is one file and asks nothing of the network.</footer>",
    ]
    return page.document(f"Evaluation on {name}", "\n".join(body))


WIDE = ("Restoring the face", "Faces and people", "Published by others")


def markdown(figures: Figures, name: str) -> str:
    """The same tables as Markdown."""
    parts = [f"# Evaluation on {name}", _about(figures)]
    for table in tables(figures):
        rule = "|".join(["---"] * len(table.head))
        rows = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table.rows)
        parts += [f"## {table.title}", f"| {' | '.join(table.head)} |\n|{rule}|\n{rows}", table.note]
    return "\n\n".join(part for part in parts if part) + "\n"


def contact_sheet(evaluation: Evaluation, name: str) -> Picture:
    """Worst, middle and best results, each with all of its pictures in a row."""
    blocks = []
    for group in dict.fromkeys(example.group for example in evaluation.examples):
        tiles = tuple(
            sheet.Tile(tuple(example.pictures.values()), (_caption(example), ", ".join(example.pictures)))
            for example in evaluation.examples
            if example.group == group
        )
        blocks.append(sheet.Block(f"{group} by hole PSNR", tiles, side=112))
    return sheet.draw_sheet(f"Evaluation on {name}", f"ranked by: {evaluation.shown}", blocks)


def _about(figures: Figures) -> str:
    weights = ", ".join(Path(path).name for path in figures["weights"]) or "none, only what costs nothing"
    told = "the true map" if figures["map_source"] == "truth" else "the segmenter's map"
    return (
        f"{figures['n']:,} held-out samples ({figures['split']}) at {figures['size']} px. Weights: {weights}; the "
        f"generator is told {told}."
    )


def _numbers(figures: Figures) -> dict[str, object]:
    gain = figures["baselines"].get("telea", {}).get("hole", {}).get("psnr")
    ours = figures["hole"]["psnr"]
    shown = {
        "hole PSNR, dB": number(ours, 2),
        "over Telea, dB": number(ours - gain, 2, sign=True) if ours is not None and gain is not None else NOTHING,
        "hole SSIM": number(figures["hole"]["ssim"], 3),
        "map's Dice": number(figures["map"]["dice"], 3),
        "faces found": percent(figures["detected"]["restored"]),
        "s a picture": number(figures["seconds_per_image"], 3),
        "million weights": number(sum(figures["parameters"].values()) / 1e6 if figures["parameters"] else None, 2),
    }
    return {name: value for name, value in shown.items() if value != NOTHING} | {"samples": f"{figures['n']:,}"}


def _charts(evaluation: Evaluation) -> str:
    figures = evaluation.figures
    finite = [value for value in evaluation.psnrs if np.isfinite(value)]
    axis = page.Axis(range(4, 41, 2), range(4, 41, 6), " dB")
    charts = [_bars(figures, "psnr", "Hole PSNR, dB"), _bars(figures, "ssim", "Hole SSIM")]
    if finite:
        charts.append(page.histogram(f"Hole PSNR of each sample, {evaluation.shown}", finite, axis))
    charts.append(_roc(figures))
    return f'<h2>At a glance</h2><div class="charts">{"".join(charts)}</div>'


def _bars(figures: Figures, score: str, title: str) -> str:
    """Each method's mean with its interval; ours in colour."""
    rows = [("restored", figures["hole"][score], figures["ci95"].get(f"hole.{score}"))]
    for kind in ("baselines", "compare"):
        rows += [
            (name, values["hole"][score], figures["ci95"].get(f"{kind}.{name}.hole.{score}"))
            for name, values in figures[kind].items()
        ]
    rows = [row for row in rows if row[1] is not None]
    top = max([1e-9, *(max(value, *(edges or [value])) for _, value, edges in rows)])
    cells = "".join(_bar(name, value, edges, top, 2 if score == "psnr" else 3) for name, value, edges in rows)
    return f'<figure class="chart"><figcaption><b>{page.esc(title)}</b><span>95 % intervals</span></figcaption><div class="bars">{cells}</div></figure>'


def _bar(name: str, value: float, edges: Sequence[float] | None, top: float, digits: int) -> str:
    kind = "fill ours" if name == "restored" else "fill"
    whisker = ""
    if edges:
        low, high = (100 * max(0.0, edge) / top for edge in edges)
        whisker = f'<span class="whisker" style="left:{low:.2f}%;width:{max(high - low, 0.4):.2f}%"></span>'
    return (
        f'<span>{page.esc(name)}</span><span class="track"><span class="{kind}" '
        f'style="width:{100 * max(0.0, value) / top:.2f}%"></span>{whisker}</span>'
        f'<span class="count">{value:.{digits}f}</span>'
    )


def _roc(figures: Figures) -> str:
    """Masked against bare: hits over false alarms."""
    points = figures["wearing"]["roc"]
    if not points:
        return ""
    wide, high = page.CHART_WIDTH, page.CHART_HEIGHT
    path = " ".join(f"{wide * x:.1f},{high * (1 - y):.1f}" for x, y in points)
    return (
        '<figure class="chart"><figcaption><b>Masked or bare: ROC</b>'
        f"<span>area {number(figures['wearing']['roc_auc'], 4)}</span></figcaption>"
        f'<svg viewBox="0 -4 {wide} {high + 20}" role="img" aria-label="ROC curve">'
        f'<line class="chance" x1="0" y1="{high}" x2="{wide}" y2="0"/><line x1="0" x2="{wide}" y1="{high}" y2="{high}"/>'
        f'<line x1="0" x2="0" y1="0" y2="{high}"/><polyline class="curve" points="{path}"/>'
        f'<text x="0" y="{high + 13}">false alarms, 0 to 1</text></svg></figure>'
    )


def _section(table: Table, *, wide: bool = False) -> str:
    head = "".join(f"<th>{page.esc(name)}</th>" for name in table.head)
    rows = "".join(_row(row) for row in table.rows)
    note = f'<p class="faint">{page.esc(table.note)}</p>' if table.note else ""
    return (
        f'<section><h2>{page.esc(table.title)}</h2><div class="scroll"><table{" class=wide" if wide else ""}>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{note}</section>"
    )


def _row(row: Sequence[str]) -> str:
    ours = ' class="ours"' if row[0].startswith("**") else ""
    return f"<tr{ours}>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>"


def _cell(cell: str) -> str:
    """A figure's interval is set smaller."""
    value, bracket, rest = cell.strip("*").partition(" [")
    return page.esc(value) + (f" <small>[{page.esc(rest)}</small>" if bracket else "")


def _examples(evaluation: Evaluation) -> str:
    parts = []
    for group in dict.fromkeys(example.group for example in evaluation.examples):
        strips = "".join(_strip(example) for example in evaluation.examples if example.group == group)
        parts.append(f'<h2>The {page.esc(group)} by hole PSNR: {page.esc(evaluation.shown)}</h2><div class="strips">{strips}</div>')
    return "".join(parts)


def _strip(example: Example) -> str:
    pictures = "".join(
        f'<div><img alt="{page.esc(name)}" src="{_embedded(picture)}"><span>{page.esc(name)}</span></div>'
        for name, picture in example.pictures.items()
    )
    return f'<figure class="strip"><div class="row">{pictures}</div><figcaption>{_words(example)}</figcaption></figure>'


def _words(example: Example) -> str:
    case = example.case
    return (
        f"<b>{example.psnr:.1f} dB</b> · {page.esc(case.family)}, {page.esc(case.wear)} · yaw {case.yaw:.0f}° · hidden "
        f'{case.share:.0%}<br><span class="faint" style="padding:0;text-align:left">{page.esc(case.key)}</span>'
    )


def _caption(example: Example) -> str:
    return f"{example.psnr:.1f} dB, {example.case.family} {example.case.wear}, yaw {example.case.yaw:.0f}, {example.case.key}"


def _embedded(picture: Picture) -> str:
    image = Image.fromarray(picture)
    if picture.shape[0] != SHOWN_SIDE:
        image = image.resize((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.BICUBIC)
    return page.data_uri(encode_jpeg(np.asarray(image), QUALITY), "jpeg")
