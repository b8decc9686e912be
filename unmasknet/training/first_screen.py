"""First screen of a run's report: a verdict, the fixed samples now, and the main curves."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from maskgen.reports.html import data_uri, esc
from maskgen.types import RGBImage
from unmasknet.pictures import halves, png
from unmasknet.training.curves import Curve, draw_curves
from unmasknet.training.run_folder import Row

LEADS = {"segm": ("dice", "iou", "boundary_f"), "gan": ("psnr_hole", "ssim_hole", "psnr_whole")}
BASELINES = {"over_mean_face": "the mean face", "over_telea": "Telea's inpainting"}
USABLE_DICE = 0.9  # of a segmenter whose maps restoring can use
COLUMNS = 4  # of the sheet of fixed samples


def first_screen(
    stage: str, validated: Sequence[Row], curves: dict[str, dict[str, Curve]], sample: Path | None
) -> str:
    """Builds the part of the page that is seen first.

    Args:
        stage: "segm" or "gan".
        validated: lines of the validations, in the order of the steps.
        curves: all curves by name.
        sample: the latest image of the fixed samples; None before the first one.
    """
    said = "".join(f"<p>{esc(line)}</p>" for line in verdict(stage, validated))
    leads = {name: curves[name] for name in LEADS[stage][:2] if name in curves}
    parts = [_image(draw_curves({name: curve}, columns=1), name) for name, curve in leads.items()]
    stills = halves(_read(sample), COLUMNS) if sample else []
    shown = "".join(_image(still, "fixed samples now: masked, map, result, truth") for still in stills)
    return (
        f'<div class="verdict">{said}</div>'
        f'<div class="first"><div class="beside">{shown}</div><div class="stack">{"".join(parts)}</div></div>'
    )


def verdict(stage: str, validated: Sequence[Row]) -> list[str]:
    """Says in words how good the network is on held-out samples, and whether it still improves.

    Args:
        stage: "segm" or "gan".
        validated: lines of the validations, in the order of the steps.
    """
    lead = LEADS[stage][0]
    rows = [row for row in validated if isinstance(row.get(lead), int | float)]
    if not rows:
        return ["Not validated yet: there is no score on held-out samples."]
    best = max(rows, key=lambda row: row[lead])
    return [_restores(best) if stage == "gan" else _finds(best), _trend(rows, best, lead)]


def _finds(row: Row) -> str:
    dice = row["dice"]
    said = "The map can be used" if dice >= USABLE_DICE else "The map is not good enough yet to restore by it"
    return f"{said}: Dice {dice:.3f} on held-out samples (1 is right; {USABLE_DICE:g} is usable)."


def _restores(row: Row) -> str:
    score = f"hole PSNR {row['psnr_hole']:.2f} dB on held-out samples"
    leads = {what: row[name] for name, what in BASELINES.items() if isinstance(row.get(name), int | float)}
    if not leads:
        return f"{score[0].upper()}{score[1:]}."
    by = ", ".join(f"{lead:+.2f} dB over {what}" for what, lead in leads.items())
    behind = [what for what, lead in leads.items() if lead <= 0]
    said = f"Not better than {' and '.join(behind)}" if behind else "Better than the trivial baselines"
    return f"{said} at its best: {score}, {by}."


def _trend(rows: Sequence[Row], best: Row, lead: str) -> str:
    last = rows[-1]
    if len(rows) < 2:
        return f"One validation so far, at step {last['step']:,}."
    if best is last:
        return f"The last validation, at step {last['step']:,}, is the best: more steps may improve it."
    unit = " dB" if lead.startswith("psnr") else ""
    fall = best[lead] - last[lead]
    return (
        f"Best at step {best['step']:,}, {fall:.3g}{unit} above the last validation at step {last['step']:,}; "
        "checkpoints/best.pt holds it."
    )


def _read(path: Path) -> RGBImage:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _image(picture: RGBImage, text: str) -> str:
    return f'<img src="{data_uri(png(picture), "png")}" alt="{esc(text)}">'
