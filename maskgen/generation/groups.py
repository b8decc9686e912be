"""Groups of people whose yield `gen-data` counts: those that `--by` names, else those that the source states."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from maskgen.dataset.attributes import TONE, UTKFACE, AttributeSource, parse_source, read_source
from maskgen.dataset.fairness import GroupFacts, choose_sources
from maskgen.errors import InputError
from maskgen.settings import GenSettings
from maskgen.sources import Source
from maskgen.sources.described import DescribedSource
from maskgen.types import PhotoRef


def group_facts(settings: GenSettings, source: Source, out: Path) -> GroupFacts:
    """Opens what states the attributes of the photos.

    Args:
        settings: `run.by` names files; empty: what the source states.
        source: the photos.
        out: folder of the data set.

    Raises:
        InputError: a file cannot be read, or is malformed.
        UsageError: two files state the same attribute.
    """
    by, notes = settings.run.by, list[str]()
    stated = () if set(by) - {TONE} else _stated(source, notes)
    return GroupFacts(out, choose_sources(by, stated), TONE in by, tuple(notes))


def _stated(source: Source, notes: list[str]) -> tuple[AttributeSource, ...]:
    """Returns what the source itself states: UTKFace by its file names, CelebA by its list of attributes.

    A list that cannot be used is noted and left out, since nobody asked for it.
    """
    if source.name == UTKFACE:
        return (read_source(UTKFACE),)
    found = source.attribute_list() if isinstance(source, DescribedSource) else None
    try:
        return (parse_source(*found),) if found else ()
    except InputError as error:
        notes.append(f"the yield is not counted by group of people: {str(error).removeprefix('--by ')}")
        return ()


def warn_of_groups(settings: GenSettings, refs: Sequence[PhotoRef], facts: GroupFacts) -> Iterator[str]:
    """Warns of a list that cannot be used, and of files that `--by` names and that state nothing about the photos."""
    yield from facts.notes
    named = set(settings.run.by)
    for source in facts.sources:
        if source.name in named and not any(source.of(ref.id) for ref in refs):
            yield (
                f"--by {source.name}: states nothing about the {len(refs):,} photos; its column photo must hold their "
                f"ids, such as {refs[0].id}, or their file names"
            )
