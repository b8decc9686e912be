"""Making one shard: photos in, a tar and its record out. It depends only on its arguments and can be repeated."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from maskgen.dataset.labels import Origin, printable
from maskgen.dataset.plan import Entry, ShardPlan
from maskgen.dataset.shard_record import ShardReport, count_reasons, remove_record, write_record
from maskgen.dataset.shards import Members, ShardWriter, encode_photo
from maskgen.dataset.skipped_thumbnails import keep_skipped
from maskgen.errors import Skip, UnmaskError
from maskgen.files import WORK
from maskgen.generation.worker import OnStep, Outcome
from maskgen.generation.worker_tools import Kit, KitBuilder
from maskgen.images.likeness import likeness
from maskgen.settings import GenSettings
from maskgen.sources import Source, key_base, load
from maskgen.types import Photo, PhotoRef

Samples = list[tuple[str, Members]]
Print = tuple[str, str, str]  # see `ShardReport.prints`


@dataclass(frozen=True)
class MakeShards:
    """Task of the workers: `make_shard` for one data set.

    Attributes:
        settings: settings of the run.
        source: the photos.
        out: folder of the data set.
        build: builds the tools; must be a function of a module, so that workers can import it.
    """

    settings: GenSettings
    source: Source
    out: Path
    build: KitBuilder

    @cached_property
    def kit(self) -> Kit:
        """Tools of this process; they are not pickled, so each worker loads its own."""
        return self.build(self.settings, self.source)

    def prepare(self) -> None:
        """Loads the tools."""
        assert self.kit

    def make(self, plan: ShardPlan, on_step: OnStep) -> ShardReport:
        """Makes a shard."""
        report = make_shard(plan, self.settings, self.out, self.kit, on_step)
        return replace(report, prints=())  # the parent holds the reports of all shards

    def probe(self, plan: ShardPlan, index: int) -> None:
        """Makes the samples of one photo and discards them."""
        make_samples(plan.refs[index], plan.split, self.kit, self.settings)


def _ignore(index: int, outcome: Outcome) -> None:
    """Ignores a step."""


def make_shard(
    plan: ShardPlan, settings: GenSettings, out: Path, kit: Kit, on_step: OnStep = _ignore
) -> ShardReport:
    """Makes a shard of the data set in `out`: deletes its record, writes the tar atomically, then the record.

    Args:
        plan: the photos.
        settings: settings of the run.
        out: folder of the data set; must contain the folder `.work`.
        kit: the tools, built from `settings`.
        on_step: called before each photo and after the last one, with the outcome of the previous photo.

    Returns:
        The record.

    Raises:
        MissingError: the disk is full; a finished shard of this name stays unchanged.
        UnmaskError: the folder cannot be written to.
    """
    skips: list[Entry] = list(plan.skips)
    prints: list[Print] = []
    outcome: Outcome = None
    kit = kit.of_shard(plan.name)
    with ShardWriter(out, out / WORK, plan.name, len(plan.refs)) as shard:
        for index, ref in enumerate(plan.refs):
            on_step(index, outcome)
            seen: list[Print] = []
            samples = make_samples(ref, plan.split, kit, settings, seen.append)
            if kit.settle:
                kit.settle(not isinstance(samples, Skip))
            outcome = samples.reason if isinstance(samples, Skip) else len(samples)
            if isinstance(samples, Skip):
                skips.append((ref.id, samples.reason, samples.detail))
                keep_skipped(out, len(skips), ref, samples, kit.source, settings.source)
            else:
                shard.add_photo(samples)
                prints += seen
        on_step(len(plan.refs), outcome)
        remove_record(out, plan.name)  # there is never a record beside a tar of another run
        size, digest = shard.finish()
    skips.sort()
    report = ShardReport(
        name=plan.name,
        split=plan.split,
        photos=plan.photos,
        count=shard.count,
        bytes=size,
        sha256=digest,
        settings=plan.settings,
        skipped=count_reasons(skips),
        skips=tuple(skips),
        prints=tuple(sorted(prints)),
    )
    write_record(out, report)
    return report


def make_samples(
    ref: PhotoRef,
    split: str,
    kit: Kit,
    settings: GenSettings,
    on_print: Callable[[Print], object] | None = None,
) -> Samples | Skip:
    """Makes the encoded samples of one photo, sorted by key, or returns why there are none.

    An unexpected exception of a library skips only this photo, as `poison`.

    Args:
        ref: the photo.
        split: its split.
        kit: the tools.
        settings: settings of the run.
        on_print: called with the photo's print for the record; None computes none.
    """
    try:
        photo = load(kit.source, ref, settings.source)
        made = photo if isinstance(photo, Skip) else kit.mask(photo, key_base(ref))
        if isinstance(made, Skip):
            return made
        assert isinstance(photo, Photo), "without a photo nothing is made"
        if on_print:
            on_print((ref.id, photo.digest[:16], likeness(photo.pixels)))
        origin = Origin(ref.id, ref.identity, split, kit.source.terms)
        return encode_photo(made, origin, settings.shards)
    except (UnmaskError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - the photo is counted as poison, with the name of the error
        return Skip("poison", short_error(error))


def short_error(error: Exception) -> str:
    """Formats an error on one line, without paths of this machine."""
    text = error.strerror if isinstance(error, OSError) else str(error)
    line = printable(text or "").strip().partition("\n")[0][:200]
    return f"{type(error).__name__}: {line}"
