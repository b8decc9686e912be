"""One shard is one job: photos in, a tar and its record out; pure, so that anyone may do it, and do it again."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from maskgen.dataset.labels import Origin, printable
from maskgen.dataset.plan import Entry, ShardPlan
from maskgen.dataset.shard_record import ShardReport, count_reasons, write_record
from maskgen.dataset.shards import Members, ShardWriter, encode_photo
from maskgen.dataset.skipped_thumbnails import keep_skipped
from maskgen.errors import Skip, UnmaskError
from maskgen.files import WORK, remove
from maskgen.generation.worker import Outcome, Tell
from maskgen.generation.worker_tools import Kit, KitBuilder
from maskgen.settings import GenSettings
from maskgen.sources import Source, key_base, load
from maskgen.types import PhotoRef

Samples = list[tuple[str, Members]]


@dataclass(frozen=True)
class MakeShards:
    """The task of a worker: `make_shard` for one data set. `build` is a module's function, found by its name."""

    settings: GenSettings
    source: Source
    out: Path
    build: KitBuilder

    @cached_property
    def kit(self) -> Kit:
        """The tools of this process; they are not pickled, each worker loads its own."""
        return self.build(self.settings, self.source)

    def prepare(self) -> None:
        """Loads the tools."""
        assert self.kit

    def make(self, plan: ShardPlan, tell: Tell) -> ShardReport:
        """Makes a shard."""
        return make_shard(plan, self.settings, self.out, self.kit, tell)

    def probe(self, plan: ShardPlan, index: int) -> None:
        """Makes one photo's samples, and drop them."""
        make_samples(plan.refs[index], plan.split, self.kit, self.settings)


def _quiet(index: int, outcome: Outcome) -> None:
    """Ignores reports."""


def make_shard(
    plan: ShardPlan, settings: GenSettings, out: Path, kit: Kit, tell: Tell = _quiet
) -> ShardReport:
    """Makes a shard of the data set in `out`: write a part, flush it, rename it, then write the record the same way.

    Args:
        plan: which photos.
        settings: how.
        out: the data set's folder, with the folder `.work` in it.
        kit: the tools, built from `settings`.
        tell: called before each photo and after the last, with the outcome of the one before.

    Raises:
        MissingError, UnmaskError: the disk is full or may not be written to. What was there stays as it was.
    """
    skips: list[Entry] = list(plan.skips)
    outcome: Outcome = None
    with ShardWriter(out, out / WORK, plan.name, len(plan.refs)) as shard:
        for index, ref in enumerate(plan.refs):
            tell(index, outcome)
            samples = make_samples(ref, plan.split, kit, settings)
            outcome = samples.reason if isinstance(samples, Skip) else len(samples)
            if isinstance(samples, Skip):
                skips.append((ref.id, samples.reason, samples.detail))
                keep_skipped(out, len(skips), ref, samples, kit.source, settings.source)
            else:
                shard.add_photo(samples)
        tell(len(plan.refs), outcome)
        remove(out / f"{plan.name}.json")  # a record never speaks of another tar, not for a moment
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
    )
    write_record(out, report)
    return report


def make_samples(ref: PhotoRef, split: str, kit: Kit, settings: GenSettings) -> Samples | Skip:
    """Makes the encoded samples of one photo, sorted by key; or returns why there are none.

    What a photo makes a library raise is no reason to lose the others: it is skipped as `poison`, and counted.
    """
    try:
        photo = load(kit.source, ref, settings.source)
        made = photo if isinstance(photo, Skip) else kit.mask(photo, key_base(ref))
        if isinstance(made, Skip):
            return made
        origin = Origin(ref.id, ref.identity, split, kit.source.terms)
        return encode_photo(made, origin, settings.shards)
    except (UnmaskError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - counted as poison with its name
        return Skip("poison", _short(error))


def _short(error: Exception) -> str:
    """Formats an error on one line, without paths of this machine."""
    text = error.strerror if isinstance(error, OSError) else str(error)
    line = printable(text or "").strip().partition("\n")[0][:200]
    return f"{type(error).__name__}: {line}"
