"""Tables of an evaluation, for the terminal, the page and Markdown."""

from collections.abc import Iterator, Sequence
from functools import partial

from unmasknet.evaluation.group_tables import TITLES, gap_table, group_note
from unmasknet.evaluation.table import NOTHING, Table, as_lines, number
from unmasknet.recognition.groups import GROUP_FAR
from unmasknet.recognition.photos import REASONS
from unmasknet.recognition.roc import FARS
from unmasknet.recognition.summary import Summary

GROUPS = {
    "by_family": "Mask family of the probe",
    "by_wear": "How the probe wears it",
    "by_yaw": "Yaw of the probe, degrees",
}


def tables(summary: Summary) -> list[Table]:
    """Builds all tables that have rows."""
    return [
        table for table in (rows_table(summary), differences(summary), *group_tables(summary)) if table.rows
    ]


def rows_table(summary: Summary) -> Table:
    """Builds the table of the rows, in per cent with 95 % intervals."""
    head = (
        "gallery-probe",
        "accuracy",
        "AUC",
        *(f"TAR at FAR {far:g}" for far in FARS.values()),
        "EER",
        "pairs",
        "not found",
    )
    body = tuple(
        (
            name,
            percent(row["accuracy"], row["ci95"].get("accuracy")),
            percent(row["auc"], row["ci95"].get("auc")),
            *(percent(row["tar_at_far"][key], row["ci95"].get(f"tar_at_far.{key}")) for key in FARS),
            percent(row["eer"], row["ci95"].get("eer")),
            f"{row['same']:,} + {row['different']:,}",
            f"{row['not_found']:,}",
        )
        for name, row in summary["rows"].items()
    )
    note = (
        f"Per cent, with 95 % intervals over people. Pairs of one person + of two, for the accuracy; rates of false "
        f"acceptance over {summary['pairs']['impostors']:,} pairs of two people."
    )
    if "plain-reference-restored" in summary["rows"]:
        note += (
            " plain-reference-restored has the pairs whose probe's person has a further photo; compare it in the table "
            "below, over the same pairs."
        )
    return Table("Who is recognised", head, body, note)


def differences(summary: Summary) -> Table:
    """Builds the table of what masks cost and what restoring gives back, in points of per cent."""
    head = (
        "difference",
        "accuracy",
        *(f"TAR at FAR {far:g}" for far in FARS.values()),
        "EER",
        "pairs of one person",
    )
    body = tuple(
        (
            f"{name}: {gap['row']} - {gap['minus']}",
            percent(gap["accuracy"], gap["ci95"].get("accuracy"), sign=True),
            *(
                percent(gap["tar_at_far"][key], gap["ci95"].get(f"tar_at_far.{key}"), sign=True)
                for key in FARS
            ),
            percent(gap["eer"], gap["ci95"].get("eer"), sign=True),
            f"{gap['same']:,}",
        )
        for name, gap in summary["differences"].items()
    )
    note = (
        "Points of per cent, over the pairs that both rows have, with 95 % intervals of the difference. Below zero: "
        "worse, for EER: better. An interval that contains zero shows no difference."
    )
    return Table("What masks cost, and what restoring gives back or takes", head, body, note)


def group_tables(summary: Summary) -> Iterator[Table]:
    """Yields a table per kind of group, TAR of the probes of each group, and one of the worst groups."""
    titles = GROUPS | {name: f"The probe's {TITLES.get(name, name)}" for name in summary["by_group"]}
    for name, title in titles.items():
        groups = summary[name] if name in GROUPS else summary["by_group"][name]
        head = ("group", *summary["rows"], "pairs of one person", "people")
        body = tuple(
            (
                group,
                *(_tar(row) for row in entry["rows"].values()),
                f"{entry['same']:,}",
                f"{entry['people']:,}",
            )
            for group, entry in groups.items()
            if entry["same"]
        )
        note = (
            f"TAR in per cent at the row's threshold for FAR {FARS[GROUP_FAR]:g} over all people, and the FAR of the "
            "group's own probes at it."
        )
        yield Table(title, head, body, note if name in GROUPS else f"{note} {group_note(name, summary)}")
    yield gap_table(summary, _rate, lambda score, sign: partial(percent, sign=sign))


def _rate(score: str) -> str:
    """Names a rate of a row, such as "TAR of plain-masked, %"."""
    row, rate = score.rsplit(".", 1)
    return f"{rate.upper()} of {row}, %"


def _tar(row: Summary) -> str:
    if row["tar"] is None:
        return NOTHING
    far = f", FAR {100 * row['far']:.1f}" if row["far"] is not None else ""
    return percent(row["tar"], row["ci95"].get("tar")) + far


def percent(value: float | None, edges: Sequence[float] | None = None, *, sign: bool = False) -> str:
    """Formats a fraction in per cent with its interval, such as "91.2 [88.0, 94.1]"."""
    if value is None:
        return NOTHING
    text, *limits = (number(100 * one, 1, sign=sign) for one in (value, *(edges or ())))
    return f"{text} [{limits[0]}, {limits[1]}]" if limits else text


def about(summary: Summary) -> str:
    """Says in two sentences what was measured."""
    pairs = summary["pairs"]
    drawn = "drawn by seed" if summary["protocol"] == "drawn" else "of the list"
    weights = ", ".join(summary["weights"]) or "none"
    aligned = (
        "the data set's landmarks, the same for all images of a photo"
        if summary["landmarks"] == "truth"
        else "points found on each image"
    )
    return (
        f"{summary['photos']:,} photos of {summary['people']:,} people ({summary['split']}), {pairs['same']:,} pairs "
        f"of one person and {pairs['different']:,} of two {drawn}, {pairs['folds']} folds. Network: "
        f"{summary['network']['name']}; faces aligned by {aligned}; restored by: {weights}."
    )


def left_out(summary: Summary) -> list[str]:
    """Lists samples that were left out, one line per reason."""
    lines = [
        f"{count:,} samples left out: {REASONS[reason]}" for reason, count in summary["left_out"].items()
    ]
    if summary["unrestored"]:
        lines.append(f"{summary['unrestored']:,} masked photos: no mask found to restore")
    if summary["pairs"]["missing"]:
        lines.append(f"{summary['pairs']['missing']:,} listed pairs left out: a photo is not in the data set")
    return lines


def as_text(summary: Summary) -> str:
    """Formats rows and differences for a terminal."""
    lines = [about(summary)]
    for table in (rows_table(summary), differences(summary)):
        if table.rows:
            lines += ["", table.title + ", %:", *as_lines(table)]
    return "\n".join([*lines, "", *left_out(summary)]).rstrip()
