"""Tables of an evaluation by group of people, and of the gaps between the worst group and the rest."""

from collections.abc import Callable, Mapping
from typing import Any

from unmasknet.evaluation.group_comparison import LEAST
from unmasknet.evaluation.table import DIGITS, NOTHING, Table, number, with_interval

COLUMNS = {  # score -> column, and the score whose digits it takes; "" is a percentage
    "psnr": ("hole PSNR, dB", "psnr"),
    "ssim": ("hole SSIM", "ssim"),
    "ahead": ("over mean face, dB", "psnr"),
    "detail_1": ("detail 1-2 px", "detail_1"),
    "detail_2": ("detail 2-4 px", "detail_2"),
    "detail_4": ("detail 4-8 px", "detail_4"),
    "tone": ("tone", "tone"),
    "likeness": ("likeness", "ssim"),
    "detected": ("face found", ""),
    "dice": ("Dice", "ssim"),
    "masked": ("read as masked", ""),
    "bare": ("bare read as bare", ""),
    "wear": ("wear named", ""),
}
MEASURED = ("tone", "skin and mask")  # attributes that are measured and not stated
WORST = "Worst groups"
Format = Callable[[float | None, list[float] | None], str]  # formats a value and its interval
TITLES = {"tone": "skin tone"}


def group_tables(summary: Mapping[str, Any]) -> list[Table]:
    """Builds a table per attribute with the scores of each group, and one of the worst groups."""
    found = [_groups(attribute, parts, summary) for attribute, parts in summary["by_group"].items()]
    gaps = gap_table(summary, lambda score: COLUMNS[score][0], _number)
    return [*found, *([gaps] if gaps.rows else [])]


def _groups(attribute: str, parts: Mapping[str, Any], summary: Mapping[str, Any]) -> Table:
    """Builds the table of one attribute; columns without a value are left out."""
    shown = [score for score in COLUMNS if any(part.get(score) is not None for part in parts.values())]
    rows = tuple(
        (name, f"{part['n']:,}", f"{part['people']:,}", *(_cell(part, score) for score in shown))
        for name, part in parts.items()
    )
    title = TITLES.get(attribute, attribute)
    return Table(
        f"By {title}",
        (title, "n", "people", *(COLUMNS[score][0] for score in shown)),
        rows,
        group_note(attribute, summary),
    )


def _cell(part: Mapping[str, Any], score: str) -> str:
    return _number(score, score == "ahead")(part.get(score), part["ci95"].get(score))


def _number(score: str, sign: bool) -> Format:
    """Returns a function that formats a value of a score with its interval."""
    digits = COLUMNS[score][1]
    if digits:
        return lambda value, edges: with_interval(value, edges, digits, sign=sign)

    def percentage(value: float | None, edges: list[float] | None) -> str:
        if value is None:
            return NOTHING
        text, *limits = (number(100 * one, 1, sign=sign) for one in (value, *(edges or ())))
        return f"{text} % [{limits[0]}, {limits[1]}]" if limits else f"{text} %"

    return percentage


def group_note(attribute: str, summary: Mapping[str, Any]) -> str:
    """Says how to read the table of an attribute: where its groups are from, and how small they are."""
    source = (
        "Measured on the photo without its mask, whose light and white balance weigh as much as the skin: it "
        "describes the photo, not the person. "
        if attribute in MEASURED
        else "Groups as labelled by the source of the photos. "
    )
    facts = summary.get("group_gaps", {}).get(attribute, {})
    size = facts.get("smallest")
    return (
        f"{source}In brackets: 95 % intervals of the group alone; overlapping intervals do not show a difference "
        "between groups."
        + (f" The smallest group is {size['group']} with {size['n']:,} samples." if size else "")
        + (f" {facts['unknown']:,} samples are in no group." if facts.get("unknown") else "")
    )


def gap_table(
    summary: Mapping[str, Any], column: Callable[[str], str], form: Callable[[str, bool], Format]
) -> Table:
    """Builds the table of the scores in which the worst group is significantly worse than the rest.

    Args:
        summary: of an evaluation; its `group_gaps` are as `compare_groups` returns them.
        column: names a score.
        form: returns what formats values of a score, with a sign or without.
    """
    rows = []
    for attribute, facts in summary.get("group_gaps", {}).items():
        for score, gap in facts["gaps"].items():
            edges = gap["ci95"]
            if edges and (edges[0] > 0 or edges[1] < 0):
                plain, signed = form(score, False), form(score, True)
                rows.append(
                    (
                        TITLES.get(attribute, attribute),
                        column(score),
                        gap["worst"],
                        plain(gap["value"], None),
                        plain(gap["rest"], None),
                        signed(gap["gap"], edges),
                    )
                )
    note = (
        f"The worst group of at least {LEAST} samples by each score, against all samples of other groups; only gaps "
        "whose 95 % interval excludes 0. The worst group is chosen after the fact, and of many scores, so a small gap "
        "may be chance."
    )
    return Table(WORST, ("by", "score", "group", "its value", "the others", "gap"), tuple(rows), note)


assert {digits for _, digits in COLUMNS.values()} <= DIGITS.keys() | {""}
