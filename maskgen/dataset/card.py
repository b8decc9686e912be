"""Data-set card `README.md`: YAML for loaders, then text for people, both derived from `dataset.json`."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maskgen.dataset.card_groups import group_text
from maskgen.dataset.card_readers import files_of, reader_text, shards_by_split
from maskgen.dataset.facts import parse_facts
from maskgen.dataset.near_copies import MOST_PAIRS
from maskgen.errors import SKIP_REASONS, InputError
from maskgen.files import CARD, FACTS, write_atomic
from maskgen.reading import JSON_BYTES, read_regular_file, reason_of

PLAIN = re.compile(r"[A-Za-z0-9_-]+")
SIZES = (
    "n<1K",
    "1K<n<10K",
    "10K<n<100K",
    "100K<n<1M",
    "1M<n<10M",
    "10M<n<100M",
)  # as the Hugging Face hub names them

PARTS = "grey levels 0-3: 0 untouched, 1 shadow only, 2 strap, 3 mask"

MEMBERS = """\
| member | what |
|---|---|
| `KEY.masked.{suffix}` | RGB, the photo with masks; the same as `gt` if all faces are bare |
| `KEY.gt.{suffix}` | RGB, the same crop without them |
| `KEY.map.png` | grey, 255 where mask or shadow changed the photo, else 0: there both are the same but for encoding |
| `KEY.parts.png` | {parts} |
| `KEY.json` | source, identity, split, faces (box, landmarks, pose, mask), seed, hole, valid, terms |
"""

UNKNOWN_TERMS = "Its terms of use are not known."

CAUTION = """\
The masks are synthetic; the people are real. A network that learns to take masks off from these pairs invents what it
draws there: its pictures show what could be, and must not be used to tell who somebody is.
"""


def write_card(out: Path) -> Path:
    """Writes the card of the data set in `out` atomically.

    Args:
        out: folder of the data set.

    Returns:
        Path of the card.

    Raises:
        InputError: `dataset.json` is missing or cannot be read.
        MissingError: the disk is full.
        UnmaskError: the folder cannot be written to.
    """
    path = out / FACTS
    try:
        text = card_text(parse_facts(read_regular_file(path, JSON_BYTES)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: cannot be read ({reason_of(error)}); the same unmask gen-data makes it again"
        ) from error
    write_atomic(out / CARD, text.encode("utf-8"))
    return out / CARD


def card_text(facts: Mapping[str, Any]) -> str:
    """Builds the text of the card from the content of `dataset.json`."""
    sections = [
        _front_matter(facts),
        f"# {facts['source']}, masked\n\nFaces, and the same faces with a mask drawn over them.\n\n{_counts(facts)}",
        f"## Terms\n\n{terms_line(facts)}\n\n{CAUTION}",
        f"## Members of a sample\n\n{MEMBERS.format(suffix=facts['settings']['shards']['format'], parts=PARTS)}",
        f"## Loading\n\n{reader_text(facts)}",
        f"## Skipped photos\n\n{_skipped(facts['skipped'])}",
        *([f"## Groups of people\n\n{groups}"] if (groups := group_text(facts)) else []),
        f"## Copies\n\n{_copies(facts.get('copies'))}",
        f"## How it was made\n\nHash of settings and versions: `{facts['hash']}`\n\n{_settings(facts)}",
    ]
    return "\n".join(sections)


def _splits(facts: Mapping[str, Any]) -> dict[str, Mapping[str, int]]:
    """Returns the splits with samples; loaders fail on splits without files."""
    return {split: counts for split, counts in facts["splits"].items() if counts["triplets"]}


def terms_line(facts: Mapping[str, Any]) -> str:
    """Returns a line with source and terms of use; facts may lack both."""
    source = f"Source: {_line(facts['source'])}. " if facts.get("source") else ""
    return source + (_line(facts.get("terms", "")) or UNKNOWN_TERMS)


def _front_matter(facts: Mapping[str, Any]) -> str:
    """Builds the YAML for the hub and `load_dataset`."""
    configs = [text] if (text := split_lines(facts)) else []
    tags = ["- face-mask", "- synthetic", "- webdataset"]
    lines = [
        f"pretty_name: {json.dumps(facts['source'] + ', masked')}",
        "license: other",
        "task_categories:\n- image-segmentation\n- image-to-image",
        "size_categories:",
        f"- {size_category(facts['triplets'])}",
        "tags:",
        *tags,
        *configs,
    ]
    return "\n".join(["---", *lines, "---\n"])


def split_lines(facts: Mapping[str, Any]) -> str:
    """Returns the YAML that names the files of each split; "" without samples. Loaders would else guess the files."""
    files = [f'  - split: {split}\n    path: "{split}-*.tar"' for split in _splits(facts)]
    return "\n".join(["configs:", "- config_name: default", "  data_files:", *files]) if files else ""


def size_category(count: int) -> str:
    """Returns the hub's name for a number of samples, such as `1K<n<10K`."""
    return SIZES[min(max(len(str(count)) - 3, 0), len(SIZES) - 1)]


def _counts(facts: Mapping[str, Any]) -> str:
    files = {split: f"`{files_of(names)}`" for split, names in shards_by_split(facts).items()}
    rows = [
        f"| {split} | {counts['shards']:,} | {counts['photos']:,} | {counts['triplets']:,} | {files.get(split, '')} |"
        for split, counts in facts["splits"].items()
    ]
    shards = sum(counts["shards"] for counts in facts["splits"].values())
    total = f"| all | {shards:,} | {facts['photos']:,} | {facts['triplets']:,} | |"
    head = ["| split | shards | photos | samples | files |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows, total, ""])


def _skipped(counts: Mapping[str, int]) -> str:
    if not counts:
        return "None: every photo gave a sample.\n"
    rows = [f"| {reason} | {SKIP_REASONS.get(reason, '')} | {count:,} |" for reason, count in counts.items()]
    return "\n".join(["| reason | that is | photos |", "|---|---|---|", *rows, ""])


def _copies(copies: Mapping[str, Any] | None) -> str:
    """Says how many photos are copies, and lists pairs in two splits."""
    if not copies:
        return "Not known: the records were written by an older version.\n"
    same, near, unknown = copies["identical"], copies["near"], copies["unknown"]
    shared, least = same["across_splits"], "At least " if near["pairs"] >= MOST_PAIRS else ""
    where = f"{shared:,} such photos are in two splits" if shared else "none is in two splits"
    lines = [
        f"{_count(same['photos'], 'photo')} with the same bytes as another one; {where}.",
        f"{least}{_count(near['pairs'], 'pair')} of photos that look alike without having the same bytes: "
        "re-encoded or resized copies, or shots of one moment, as far as a perceptual hash tells; "
        f"{near['across_splits']:,} of the pairs are in two splits{':' if near['examples'] else '.'}",
    ]
    if near["examples"]:
        pairs = [f"{json.dumps(one)} {json.dumps(other)}" for one, other in near["examples"]]
        more = near["across_splits"] - len(pairs)
        lines.append("\n".join(["```", *pairs, *([f"and {more:,} more"] if more else []), "```"]))
    if unknown:
        lines.append(
            f"Not known for {_count(unknown, 'photo')}, whose records were written by an older version."
        )
    return "\n\n".join(lines) + "\n"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s'[: number != 1]}"


def _settings(facts: Mapping[str, Any]) -> str:
    """Formats settings and versions as TOML."""
    settings, versions = facts["settings"], {"versions": facts["versions"]}
    plain = {key: value for key, value in settings.items() if not isinstance(value, Mapping)}
    tables = {key: value for key, value in settings.items() if isinstance(value, Mapping)} | versions
    blocks = [_toml(plain), *(f"[{name}]\n{_toml(table)}" for name, table in tables.items())]
    return "```toml\n" + "\n\n".join(blocks) + "\n```\n"


def _toml(table: Mapping[str, Any]) -> str:
    """Formats a table; text, numbers, booleans and lists look the same in JSON and TOML."""
    return "\n".join(
        f"{key if PLAIN.fullmatch(key) else json.dumps(key)} = {json.dumps(value)}"
        for key, value in table.items()
    )


def _line(text: str) -> str:
    """Formats text from outside as one line of Markdown, with markup escaped."""
    return " ".join(text.split()).replace("<", "&lt;").replace("|", "\\|")
