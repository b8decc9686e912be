"""Tables of an evaluation, shared by the HTML page and Markdown."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unmasknet.evaluation.group_tables import group_tables
from unmasknet.evaluation.scores import Summary
from unmasknet.evaluation.table import DIGITS, NOTHING, Table, as_lines, number, percent, with_interval

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def tables(summary: Summary) -> list[Table]:
    """Builds all tables with rows, and the published results."""
    return [table for table in (*measured(summary), published()) if table.rows]


def measured(summary: Summary) -> list[Table]:
    """Builds all tables with rows."""
    every = [
        methods(summary),
        realism(summary),
        ahead(summary),
        segmenter(summary),
        wearing(summary),
        people(summary),
        *breakdowns(summary),
        *group_tables(summary),
    ]
    return [table for table in every if table.rows]


def as_text(summary: Summary) -> str:
    """Formats the most important tables for a terminal."""
    lines = [
        f"{summary['n']:,} samples ({summary['split']}) at {summary['size']} px, map: {summary['map_source']}"
    ]
    shown = [build(summary) for build in (methods, realism, ahead, segmenter, wearing, people)]
    for table in (*shown, *group_tables(summary)):
        if table.rows:
            lines += ["", table.title, *as_lines(table)]
    return "\n".join(lines)


def methods(summary: Summary) -> Table:
    """Compares the restored images, trivial baselines and other methods by the same scores."""
    rows = []
    ci95 = summary["ci95"]
    if summary["weights"] and summary["hole"]["psnr"] is not None:
        restored = {**summary, "fid": summary["fid"]["value"], "kid": summary["kid"]["value"]}
        rows.append(_method("**restored**", restored, ci95, ""))
    for kind in ("baselines", "compare"):
        rows += [_method(name, values, ci95, f"{kind}.{name}.") for name, values in summary[kind].items()]
    name, network = summary["perceptual"]["name"], summary["fid"]["features"]
    note = (
        "Compare the scores inside the hole: those of the whole image are higher, since most of it is the photo. "
        "Every method's images are composited into the masked photo before scoring. In brackets: 95 % intervals, "
        "bootstrapped over people. "
    )
    note += f"Perceptual distance by {name}, not LPIPS. " if name else ""
    note += f"FID and KID on features of {network}, n = {summary['fid']['n']:,}." if network else ""
    head = (
        "method",
        "hole PSNR, dB",
        "hole SSIM",
        "hole L1",
        "whole PSNR",
        "whole SSIM",
        "perceptual hole",
        "whole",
        "FID",
        "KID",
    )
    return Table("Restoring the face", head, tuple(rows), note)


def _method(name: str, values: Summary, ci95: Mapping[str, Sequence[float]], prefix: str) -> tuple[str, ...]:
    scores = [("hole", "psnr"), ("hole", "ssim"), ("hole", "l1"), ("whole", "psnr"), ("whole", "ssim")]
    cells = [
        with_interval(values[group][score], ci95.get(f"{prefix}{group}.{score}"), score)
        for group, score in scores
    ]
    distances = [number(values["perceptual"][part], 3) for part in ("hole", "whole")]
    missing = f" ({values['missing']} images missing)" if values.get("missing") else ""
    return (f"{name}{missing}", *cells, *distances, number(values["fid"], 2), number(values["kid"], 4))


def realism(summary: Summary) -> Table:
    """Compares how real the restored images, the baselines and other methods look inside the hole."""
    names = ("detail_1", "detail_2", "detail_4", "seam", "tone", "leak")
    methods = {"**restored**": ("", summary["realism"])} if summary["hole"]["psnr"] is not None else {}
    for kind in ("baselines", "compare"):
        methods |= {
            name: (f"{kind}.{name}.", values["realism"])
            for name, values in summary[kind].items()
            if values["realism"]["detail_1"] is not None
        }
    rows = []
    for method, (prefix, values) in methods.items():
        edges = (summary["ci95"].get(f"{prefix}realism.{name}") for name in names)
        cells = [with_interval(values[name], edge, name) for name, edge in zip(names, edges, strict=True)]
        rows.append((method, *cells, number(values["kid"], 4)))
    note = (
        "Detail: strength of the structures of 1 to 2, 2 to 4 and 4 to 8 pixels in the hole, relative to the truth's "
        "(median; 1 is right, less is blurred). Seam: gradient at the hole's border relative to the truth's (median; 1 "
        "is right). Tone: CIELAB distance of the mean colours (0 is right). Mask's colour: how far the tone is moved "
        "towards the mask's (0 is right, 1 is the mask's). KID of the window over the hole."
    )
    head = ("method", "detail 1-2 px", "2-4 px", "4-8 px", "seam", "tone", "mask's colour", "KID, hole")
    return Table("How real the hole looks", head, tuple(rows), note)


def ahead(summary: Summary) -> Table:
    """Builds the table of the restored images' lead over each other method, on the same samples."""
    rows = []
    for name, gains in summary["ahead"].items():
        intervals = {score: summary["ci95"].get(f"hole.{score} minus {name}") for score in gains}
        if all(intervals.values()):
            cells = (with_interval(gain, intervals[score], score, sign=True) for score, gain in gains.items())
            rows.append((name, *cells))
    note = "Differences on the same samples; an interval without 0 is a significant difference."
    return Table("Lead over other methods inside the hole", ("over", "PSNR, dB", "SSIM"), tuple(rows), note)


def segmenter(summary: Summary) -> Table:
    """Builds the table of the segmenter on this data set and on labelled photos of others."""
    head = ("photos", "n", "Dice", "IoU", "boundary F", "Dice, mask alone")
    rows = []
    found, ci95 = summary["map"], summary["ci95"]
    if found["dice"] is not None:
        cells = [
            with_interval(found[name], ci95.get(f"map.{name}"), "ssim")
            for name in ("dice", "iou", "boundary_f")
        ]
        rows.append(
            (f"this data set, {summary['split']}", f"{summary['n']:,}", *cells, number(found["dice_mask"], 3))
        )
    for name, scores in summary["labelled"].items():
        rows.append(_labelled(name, scores))
        rows += [_labelled(f"{name}, {group}", part) for group, part in scores["by_name"].items()]
    note = (
        "On the data set, the map of mask and straps is scored; “mask alone” ignores straps. Labels by others show the "
        "mask alone, and hand-drawn outlines are accurate to a few pixels."
    )
    return Table("Finding the mask", head, tuple(rows), note)


def _labelled(name: str, scores: Summary) -> tuple[str, ...]:
    intervals = scores.get("ci95", {})
    cells = [
        with_interval(scores[score], intervals.get(score), "ssim") for score in ("dice", "iou", "boundary_f")
    ]
    return (name, f"{scores['n']:,}", *cells, NOTHING)


def wearing(summary: Summary) -> Table:
    """Builds the table of how well the segmenter's map shows how a mask is worn."""
    found = summary["wearing"]
    rows = tuple(
        (wear, f"{part['n']:,}", percent(part["recall"]), percent(part["named"]))
        for wear, part in found["by_wear"].items()
    )
    note = (
        f"Area under the ROC curve, masked against bare: {number(found['roc_auc'], 4)}; "
        f"worn wrong against worn right: {number(found['roc_auc_wrong'], 4)}. “Right” is the fraction of photos "
        "correctly predicted as masked or bare; “wear named” requires the wear state to be right as well."
    )
    return Table("Wear states read from the map", ("worn", "n", "right", "wear named"), rows, note)


def people(summary: Summary) -> Table:
    """Builds the table of found faces, likeness, verification and BRISQUE."""
    identity, verified = summary["identity"], summary["identity"]["verification"] or {}
    rows = []
    for name, key in (("restored", "restored"), ("masked photo", "masked"), ("truth", "truth")):
        part = verified.get(key) or {}
        cells = (
            percent(summary["detected"][key]),
            number(identity.get(key), 3),
            percent(part.get("accuracy")),
            number(part.get("auc"), 4),
            percent(part.get("tar_at_far_1pct")),
            number(summary["brisque"][key], 1),
        )
        if any(cell != NOTHING for cell in cells):
            rows.append((name, *cells))
    note = ""
    if identity["model"]:
        note = (
            f"Likeness: cosine of the embeddings of image and truth, by {identity['model']}; two photos of one "
            f"person {number(identity['same_person'], 3)}, of two people {number(identity['strangers'], 3)}. "
        )
    if verified:
        note += (
            f"Verification: each image against another photo of the same person, {verified['pairs']:,} pairs, and as "
            "many of two people; with ten folds as in LFW's protocol. "
        )
    note += "Restored regions are invented: a likeness is no evidence of identity."
    head = ("image", "face found", "likeness", "verified", "AUC", "accepted at 1 % false", "BRISQUE")
    return Table("Faces and people", head, tuple(rows), note)


def breakdowns(summary: Summary) -> list[Table]:
    """Breaks the result down by hidden fraction, mask family, head yaw and wear."""
    if summary["hole"]["psnr"] is None:
        return []

    def rows(parts: Mapping[str, Summary]) -> tuple[tuple[str, ...], ...]:
        return tuple(
            (name, f"{part['n']:,}", number(part["psnr"], 2), number(part["ssim"], 3))
            for name, part in parts.items()
        )

    def ranges(parts: Sequence[Summary], unit: str, scale: int) -> dict[str, Summary]:
        return {f"{part['from'] * scale:g} to {part['to'] * scale:g}{unit}": part for part in parts}

    tail = ("n", "hole PSNR, dB", "hole SSIM")
    return [
        Table(
            "By hidden fraction of the image",
            ("hidden", *tail),
            rows(ranges(summary["by_hole"], " %", 100)),
        ),
        Table("By mask", ("family", *tail), rows(summary["by_family"])),
        Table("By head yaw", ("yaw", *tail), rows(ranges(summary["by_yaw"], "°", 1))),
        Table("By wear", ("worn", *tail), rows(summary["by_wear"])),
    ]


def published() -> Table:
    """Builds the table of published results, each with its protocol."""
    entries: list[dict[str, Any]] = tomllib.loads(
        (Path(__file__).parent / "published.toml").read_text("utf-8")
    )["method"]
    scores = ("psnr", "ssim", "fid", "brisque", "lpips")
    rows = tuple(
        (
            entry["name"],
            *(number(entry.get(score), DIGITS[score]) for score in scores),
            entry["over"],
            entry["data"],
            entry.get("note", ""),
        )
        for entry in entries
    )
    note = (
        "Not a ranking: data, masks and sizes differ, and whole-image scores rise as the hole shrinks. Only methods "
        "run on the same samples (--compare) are comparable."
    )
    return Table(
        "Published by others",
        ("method", "PSNR", "SSIM", "FID", "BRISQUE", "LPIPS", "over", "data", "note"),
        rows,
        note,
    )
