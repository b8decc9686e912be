"""Section of the data-set card about groups of people: the yield of each, and the skin tones."""

from collections.abc import Mapping
from typing import Any

from maskgen.dataset.yields import LEAST

ABOUT = f"""\
Photos that gave a sample, by what the source states about the people. In brackets: 95 % intervals by Wilson. A group is
marked with `*` where its interval excludes the yield of all photos and it has at least {LEAST} photos; of 20 groups
without any difference, one is marked by chance.
"""

TONES = """\
Skin tones of the photos with a sample, by the individual typology angle of the visible skin. It depends on light, white
balance and exposure as much as on the skin, so it describes the photos and not the people. Photos without a sample have
none, since skin can only be measured where a face was found.
"""


def group_text(facts: Mapping[str, Any]) -> str:
    """Formats the yield by group and the skin tones as Markdown; "" if neither is known.

    Args:
        facts: content of `dataset.json`.
    """
    by_group, tones = facts.get("by_group") or {}, facts.get("tones") or {}
    parts = [_yields(by_group)] if by_group else []
    if tones:
        rows = [f"| {name} | {count:,} |" for name, count in tones.items()]
        parts.append("\n".join([TONES, "| skin tone | photos |", "|---|---|", *rows, ""]))
    return "\n".join(parts)


def _yields(by_group: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    rows = [
        f"| {_cell(attribute)} | {_cell(group)}{' `*`' if entry['differs'] else ''} | {entry['photos']:,} "
        f"| {entry['made']:,} | {entry['yield']:.2%} [{entry['ci95'][0]:.2%}, {entry['ci95'][1]:.2%}] "
        f"| {', '.join(f'{count:,} {reason}' for reason, count in entry['skipped'].items()) or '-'} |"
        for attribute, groups in by_group.items()
        for group, entry in groups.items()
    ]
    head = ["| attribute | group | photos | with a sample | yield | skipped |", "|---|---|---|---|---|---|"]
    return "\n".join([ABOUT, *head, *rows, ""])


def _cell(text: str) -> str:
    """Formats text from outside as a cell of a table, with markup escaped."""
    return " ".join(text.split()).replace("<", "&lt;").replace("|", "\\|")
