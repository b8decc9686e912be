"""`unmask eval recognition`: verifies people by plain, masked and restored photos."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from maskgen.dataset.draw_pairs import digests_of
from maskgen.dataset.near_copies import looks_of
from maskgen.dataset.reader import open_data_set
from maskgen.progress import OnProgress, no_progress
from unmasknet.evaluation.attributes import attributes_by_key
from unmasknet.recognition.embeddings import REFERENCE, Embedder, Embeddings, Job, embed_photos
from unmasknet.recognition.examples import PairExample, find_examples
from unmasknet.recognition.pairs import (
    NONE,
    Pairs,
    choose_references,
    draw_impostors,
    listed_pairs,
    near_copies,
    read_listed,
)
from unmasknet.recognition.photos import REASONS, UNNAMED, NamedPhoto, choose_photos, choose_split
from unmasknet.recognition.rates import RELIABLE
from unmasknet.recognition.roc import FARS
from unmasknet.recognition.scored_rows import Scored
from unmasknet.recognition.settings import ROWS, RecognitionSettings
from unmasknet.recognition.summary import Facts, Summary, summarise

LOW_ACCURACY = 0.8  # on plain photos; below it, a network is probably used in a wrong way


@dataclass(frozen=True)
class RecognitionEvaluation:
    """Result of an evaluation.

    Attributes:
        summary: the values as printed by `--json`.
        photos: the photos, which the pairs number.
        scored: the pairs with their similarities.
        examples: pairs that the page shows.
        warnings: one line per caveat about the values.
    """

    summary: Summary
    photos: tuple[NamedPhoto, ...]
    scored: Scored
    examples: tuple[PairExample, ...]
    warnings: tuple[str, ...]


def evaluate(
    settings: RecognitionSettings, embedder: Embedder, on_progress: OnProgress = no_progress
) -> RecognitionEvaluation:
    """Verifies pairs of photos in each row that the settings select.

    Args:
        settings: settings of the command.
        embedder: the network, and what restores and aligns faces.
        on_progress: called for each photo.

    Raises:
        InputError: there is nothing to score, or an input cannot be read.
    """
    began = time.monotonic()
    data = open_data_set(Path(settings.data))
    split = choose_split(data, settings.split)
    photos, left = choose_photos(data, split, settings.n, settings.seed)
    digests = digests_of(data)
    listed, missing = _listed(settings, photos, digests)
    photos, listed = _used(settings, photos, listed)
    attributes, notes = attributes_by_key(data, split, [photo.key for photo in photos], settings.by)
    impostors = _impostors(settings, photos, listed, digests)
    names = settings.chosen_rows
    jobs, job_of = _jobs(settings, photos, looks_of(data.records), (listed, impostors))
    kinds = list(dict.fromkeys(kind for name in names for kind in ROWS[name]))
    embeddings = embed_photos(data, split, photos, kinds, jobs, embedder, on_progress)
    scored = Scored(
        listed,
        impostors,
        {name: embeddings.similarity(*ROWS[name], listed, job_of[0]) for name in names},
        {name: embeddings.similarity(*ROWS[name], impostors, job_of[1]) for name in names},
        np.array([jobs[job][1] if job != NONE else NONE for job in job_of[0].tolist()], np.int64),
    )
    facts = Facts(settings, data.name, split, embedder.network, missing, left, embeddings)
    summary = summarise(facts, photos, scored, [attributes.get(photo.key, {}) for photo in photos])
    summary["seconds"] = round(time.monotonic() - began, 1)
    examples = find_examples(data, split, photos, scored, embedder) if settings.html else []
    warnings = (*notes, *_pair_warnings(photos, listed), *_warnings(settings, summary, left, embeddings))
    return RecognitionEvaluation(summary, tuple(photos), scored, tuple(examples), warnings)


def _listed(
    settings: RecognitionSettings, photos: Sequence[NamedPhoto], digests: Mapping[str, str]
) -> tuple[Pairs, int]:
    """Returns the pairs that decide the accuracy, and how many of a list lack a photo."""
    if settings.pairs:
        return read_listed(Path(settings.pairs), photos)
    return listed_pairs(photos, digests, settings.seed), 0


def _used(
    settings: RecognitionSettings, photos: list[NamedPhoto], listed: Pairs
) -> tuple[list[NamedPhoto], Pairs]:
    """Returns the photos to embed, and the listed pairs with their numbers.

    A list of pairs names its photos, and only further photos of their people may be references.
    """
    if not settings.pairs:
        return photos, listed
    named = {photos[number].person for number in (*listed.gallery.tolist(), *listed.probe.tolist())}
    kept = [number for number, photo in enumerate(photos) if photo.person in named]
    new = np.full(len(photos), NONE, np.int64)
    new[kept] = np.arange(len(kept))
    return [photos[number] for number in kept], Pairs(
        new[listed.gallery], new[listed.probe], listed.same, listed.fold
    )


def _impostors(
    settings: RecognitionSettings, photos: Sequence[NamedPhoto], listed: Pairs, digests: Mapping[str, str]
) -> Pairs:
    """Returns the pairs of two people for the rates of false acceptance."""
    if not settings.impostors:
        return listed.where(~listed.same)
    people, contents = [one.person for one in photos], [digests.get(one.source, "") for one in photos]
    return draw_impostors(people, contents, settings.impostors, settings.seed)


def _jobs(
    settings: RecognitionSettings,
    photos: Sequence[NamedPhoto],
    looks: Mapping[str, str],
    sets: Sequence[Pairs],
) -> tuple[list[Job], list[Int64[ndarray, " n"]]]:
    """Plans which probe is restored by which reference.

    Returns:
        The jobs, and for each set of pairs the number of each pair's job; `NONE` without a reference.
    """
    if not any(ROWS[name][1] == REFERENCE for name in settings.chosen_rows):
        return [], [np.full(len(pairs), NONE, np.int64) for pairs in sets]
    people, keys = [photo.person for photo in photos], [photo.key for photo in photos]
    copies = near_copies(photos, looks)
    chosen = [choose_references(pairs, people, keys, copies, settings.seed) for pairs in sets]
    jobs = sorted(
        {
            (probe, reference)
            for pairs, references in zip(sets, chosen, strict=True)
            for probe, reference in zip(pairs.probe.tolist(), references.tolist(), strict=True)
            if reference != NONE
        }
    )
    number = {job: at for at, job in enumerate(jobs)}
    return jobs, [
        np.array(
            [number.get(job, NONE) for job in zip(pairs.probe.tolist(), references.tolist(), strict=True)],
            np.int64,
        )
        for pairs, references in zip(sets, chosen, strict=True)
    ]


def _pair_warnings(photos: Sequence[NamedPhoto], listed: Pairs) -> Iterator[str]:
    """Yields what is wrong with the pairs that decide the accuracy."""
    one, other = ([photos[at].person for at in side.tolist()] for side in (listed.gallery, listed.probe))
    if odd := sum((a == b) != bool(same) for a, b, same in zip(one, other, listed.same, strict=True)):
        yield f"{odd:,} of the listed pairs contradict the names of the data set; is it the right list?"
    folds: dict[str, set[int]] = {}
    for person, fold in zip([*one, *other], [*listed.fold.tolist()] * 2, strict=True):
        folds.setdefault(person, set()).add(fold)
    if len(np.unique(listed.fold)) == 1:
        yield (
            "all pairs are in one fold: the threshold is chosen on the pairs that it decides, so the accuracy is too "
            "high"
        )
    elif shared := sum(len(found) > 1 for found in folds.values()):
        yield (
            f"{shared:,} people are in several folds: thresholds are chosen on pairs of people that they decide "
            "about, so the accuracy may be too high"
        )


def _warnings(
    settings: RecognitionSettings, summary: Summary, left: Counter[str], embeddings: Embeddings
) -> Iterator[str]:
    """Yields caveats about the values."""
    if summary["split"] in ("train", "all") and settings.restores:
        yield "networks may have learnt from these people: the rows of restored faces do not hold for others"
    if settings.n and summary["people"] < settings.n:
        yield f"{summary['people']:,} people are scored and not {settings.n:,}: there are no more"
    if left[UNNAMED]:
        yield f"{left[UNNAMED]:,} samples are left out: {REASONS[UNNAMED]}"
    if summary["pairs"]["missing"]:
        yield f"{summary['pairs']['missing']:,} of the listed pairs lack a photo in the data set and are left out"
    for key, far in FARS.items():
        count = far * summary["pairs"]["impostors"]
        if count < 1:
            yield f"TAR at FAR {key} is not given: it needs {1 / far:,.0f} pairs of two people"
        elif count < RELIABLE:
            yield f"TAR at FAR {key} rests on {count:.0f} false acceptances and is uncertain below {RELIABLE}"
    plain = summary["rows"].get("plain-plain", {}).get("accuracy")
    if plain is not None and plain < LOW_ACCURACY:
        yield (
            f"the network tells people apart in {plain:.0%} of the pairs even without masks: check --net-channels, "
            "--net-mean, --net-std and the alignment it was trained with"
        )
    if embeddings.refused:
        yield f"{embeddings.refused:,} references could not be used: these probes are restored without one"
