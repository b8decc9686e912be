"""Report of a run: curves, the fixed samples over time, and one self-contained HTML page."""

from collections.abc import Sequence
from pathlib import Path

from maskgen.files import write_atomic
from maskgen.reports.html import data_uri, document, esc, masthead, table
from unmasknet.pictures import film, png
from unmasknet.training.curves import Curve, draw_curves
from unmasknet.training.first_screen import LEADS, first_screen
from unmasknet.training.run_folder import Row, RunFolder

CHANCE_ROWS, CHANCE_LIMIT = 3, 0.6  # validations in a row, and the accuracy below which they count as chance
TITLES = {"segm": "Finding the mask", "gan": "Restoring the face"}


def illustrate(run: RunFolder) -> None:
    """Writes the report files of a run folder: curves.png, samples.gif, report.html."""
    write_atomic(run.folder / "curves.png", png(draw_curves(curves(run.rows()))))
    stills = sorted(path for path in run.samples.glob("*.png") if path.stem.isdecimal())
    if stills:
        frames = [(f"step {int(path.stem):,}", path) for path in stills]
        write_atomic(run.folder / "samples.gif", film(frames))
    write_atomic(run.folder / "report.html", run_page(run).encode("utf-8"))


def curves(rows: list[Row]) -> dict[str, dict[str, Curve]]:
    """Converts rows of metrics.jsonl to curves: name -> "train" or "validate" -> (step, value)."""
    found: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for row in rows:
        for name, value in row.items():
            if name in ("step", "kind", "seconds") or not isinstance(value, int | float):
                continue
            found.setdefault(name, {}).setdefault(row["kind"], []).append((row["step"], float(value)))
    return {name: dict(kinds) for name, kinds in found.items()}


def run_page(run: RunFolder) -> str:
    """Builds the HTML page from the current content of a run folder."""
    rows = run.rows()
    trained = [row for row in rows if row["kind"] == "train"]
    validated = [row for row in rows if row["kind"] == "validate"]
    parts = [
        masthead(TITLES[run.stage], f"Run {run.folder.resolve().name}", _figures(run, trained, validated)),
        "<main>",
        _warnings(at_chance(validated)),
        first_screen(run.stage, validated, curves(rows), _last_sample(run)),
        _unread(run.unread()),
        _folded(
            "The fixed samples over time", _image("the fixed samples over time", run, "samples.gif", "gif")
        ),
        _folded("Curves of all figures", _image("curves", run, "curves.png", "png")),
        _folded("Scores of all validations", _validations(validated)),
        _folded("Settings", f"<pre>{_text((run.folder / 'config.toml').read_text('utf-8'))}</pre>"),
        "</main>",
    ]
    return document(f"{TITLES[run.stage]}: {run.folder.resolve().name}", "\n".join(parts))


def _figures(run: RunFolder, trained: list[Row], validated: list[Row]) -> dict[str, object]:
    figures: dict[str, object] = {}
    if trained:
        last = trained[-1]
        figures |= {"steps": f"{last['step']:,}", "minutes": f"{last['seconds'] / 60:.1f}"}
        figures["images / s"] = f"{last['images_per_s']:.1f}"
    if validated:
        figures |= {
            name.replace("_", " "): _number(validated[-1][name])
            for name in LEADS[run.stage]
            if name in validated[-1]
        }
    return figures


def at_chance(validated: Sequence[Row]) -> list[str]:
    """Lists warnings about discriminators that did not learn: at chance in each of the last `CHANCE_ROWS` validations.

    Args:
        validated: lines of the validations, in the order of the steps.
    """
    found = []
    for name in ("whole", "region"):
        latest = [row[f"accuracy_{name}"] for row in validated if row.get(f"accuracy_{name}") is not None]
        latest = latest[-CHANCE_ROWS:]
        if len(latest) == CHANCE_ROWS and max(latest) < CHANCE_LIMIT:
            found.append(
                f"the discriminator {name} tells only {max(latest):.0%} of the held-out results from photos, near "
                "chance (50%): its loss cannot help; change discriminator.* or optimiser.lr_discriminator"
            )
    return found


def _warnings(lines: Sequence[str]) -> str:
    return "".join(f'<p class="warning">{esc(line)}</p>' for line in lines)


def _folded(heading: str, content: str) -> str:
    """Builds a part of the page that is opened by a click; nothing without content."""
    return f'<details class="fold"><summary>{esc(heading)}</summary>{content}</details>' if content else ""


def _image(text: str, run: RunFolder, name: str, kind: str) -> str:
    path = run.folder / name
    return f'<img src="{data_uri(path.read_bytes(), kind)}" alt="{esc(text)}">' if path.exists() else ""


def _last_sample(run: RunFolder) -> Path | None:
    stills = sorted(path for path in run.samples.glob("*.png") if path.stem.isdecimal())
    return stills[-1] if stills else None


def _validations(rows: list[Row]) -> str:
    if not rows:
        return ""
    names = [name for name in rows[-1] if name not in ("step", "kind")]
    lines = [[f"{row['step']:,}", *(_number(row.get(name)) for name in names)] for row in rows]
    head = ["step", *(name.replace("_", " ") for name in names)]
    return f'<div class="scroll">{table(head, lines)}</div>'


def _unread(faults: list[str]) -> str:
    """Lists the unreadable items of the data, if any."""
    lines = "".join(f"<li>{esc(fault)}</li>" for fault in faults)
    return f"<h2>Could not be read</h2><ul>{lines}</ul>" if faults else ""


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "-"


def _text(text: str) -> str:
    """Escapes a text line by line, because `esc` would make line ends visible."""
    return "\n".join(esc(line) for line in text.splitlines())
