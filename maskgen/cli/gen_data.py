"""`unmask gen-data`."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from maskgen.cli.options import Output, count_of, kernel_warning, reason_lines, switch, with_skipped
from maskgen.errors import InputError, NoPhotosError
from maskgen.section import RUN
from maskgen.settings import GenSettings

if TYPE_CHECKING:
    from maskgen.generation.pipeline import GenReport, Rehearsal

DryRun = Annotated[bool, switch("--dry-run", "Say what would be made; write nothing.", RUN)]


def gen_data(settings: GenSettings, dry_run: DryRun = False) -> Output:
    """Put masks on photos: write triplets of masked photo, photo and map to shards with checksums.

    To continue an interrupted run, give the same command again.

    Example: [bold]unmask gen-data --src photos/ --n 1000 --size 256 --out data/shards/mine[/bold]
    """
    if settings.run.video:
        return rehearse_videos(settings) if dry_run else mask_videos(settings)
    with _naming_video(settings.source.src):
        return rehearse(settings) if dry_run else _output(make(settings), settings)


@contextmanager
def _naming_video(src: str) -> Iterator[None]:
    """Adds to the error of a source without photos that `--video` reads videos, where the source is or holds some."""
    try:
        yield
    except NoPhotosError as error:
        from maskgen.video import is_video_name

        path = Path(src).expanduser()
        files = [path] if path.is_file() else path.rglob("*") if path.is_dir() else []
        if not any(is_video_name(file.name) for file in files):
            raise
        raise NoPhotosError(f"{error}. For videos, give --video") from error


def rehearse(settings: GenSettings) -> Output:
    """Plans a run without writing anything."""
    from maskgen.generation.pipeline import rehearse

    plan = rehearse(settings)
    return Output(plan, rehearsal_text(plan), plan.warnings)


def rehearse_videos(settings: GenSettings) -> Output:
    """Opens the videos without writing anything."""
    from maskgen.cli.frames_from_video import plan_text
    from maskgen.video.to_dataset import rehearse_reel

    takes = rehearse_reel(settings)
    return Output(takes, plan_text(takes))


def make(settings: GenSettings) -> "GenReport":
    """Makes the data set, with a progress bar."""
    from maskgen.cli.progress_bar import Meter
    from maskgen.generation.pipeline import generate

    with Meter("photos", sys.stderr) as meter:
        return generate(settings, with_skipped(meter))


def mask_videos(settings: GenSettings) -> Output:
    """Takes photos from videos, makes the data set of them, and writes the videos with masks."""
    from maskgen.cli.progress_bar import Meter
    from maskgen.video.to_dataset import mask_films, take_photos

    with Meter("seconds of video", sys.stderr) as meter:
        reel = take_photos(settings, meter)
    report = make(reel.settings)
    with Meter("seconds of masked video", sys.stderr) as meter:
        films = mask_films(reel, meter)
    warnings = (*reel.warnings, *report.warnings, *films.problems)
    failed = bool(reel.refused or films.problems)
    return _output(replace(report, videos=films.videos, warnings=warnings), reel.settings, failed)


def _output(report: "GenReport", settings: GenSettings, failed: bool = False) -> Output:
    """Builds the output. `failed`: whether a video could not be used."""
    from maskgen.generation.pipeline import check_failures

    if report.made:
        report = replace(report, warnings=(*report.warnings, *kernel_warning()))
    return Output(
        report,
        report_text(report, settings.run.by),
        report.warnings,
        InputError.exit_code if failed else 0,
        check=lambda: check_failures(report, settings),
    )


def report_text(report: "GenReport", asked: Sequence[str] = ()) -> str:
    """Summarises what was made, how fast, and which photos were skipped and why.

    Args:
        report: the result.
        asked: what `--by` names; without it only groups are listed whose yield differs.
    """
    rate = report.made / report.seconds if report.seconds else 0.0
    speed = f"{rate:.1f} photos/s" if report.made else "nothing left to make"
    lines = [
        f"{report.out}: {count_of(report.triplets, 'triplet')} of {count_of(report.photos, 'photo')} "
        f"in {count_of(report.shards, 'shard')}",
        f"{report.seconds:.1f} s, {speed}",
    ]
    if report.skipped:
        lines += [f"skipped {sum(report.skipped.values()):,}:", *reason_lines(report.skipped)]
    lines += _copies_lines(report.duplicates)
    if report.near_duplicates:
        lines.append(
            f"{count_of(report.near_duplicates, 'pair')} of photos look alike; see the card README.md"
        )
    lines += group_lines(report.by_group, report.tones, every=bool(asked))
    if not report.whole:
        lines.append("other slices are not finished; the last one writes dataset.json and the card")
    lines += [f"with masks: {video}" for video in report.videos]
    return "\n".join([*lines, f"look at it: unmask preview {report.out}"])


def group_lines(
    by_group: Mapping[str, Mapping[str, Mapping[str, Any]]], tones: Mapping[str, int], *, every: bool
) -> list[str]:
    """Lists the yield by group of people.

    Args:
        by_group: `GenReport.by_group`.
        tones: `GenReport.tones`.
        every: whether to list all groups, or only those that differ from the whole.
    """
    rows = [
        (f"{attribute} {group}", entry)
        for attribute, groups in by_group.items()
        for group, entry in groups.items()
        if every or entry["differs"]
    ]
    width = max((len(name) for name, _ in rows), default=0)
    lines = [
        f"  {name:{width}}  {entry['yield']:7.2%}  [{entry['ci95'][0]:.2%}, {entry['ci95'][1]:.2%}]  "
        f"{entry['made']:,} of {count_of(entry['photos'], 'photo')}{'  differs' if entry['differs'] else ''}"
        for name, entry in rows
    ]
    if lines:
        lines = ["photos with a sample by group, with 95 % intervals:", *lines]
    elif by_group:
        lines = [f"photos with a sample: no group of {', '.join(by_group)} differs from the whole"]
    if tones:
        counts = ", ".join(f"{name} {count:,}" for name, count in tones.items())
        lines.append(f"skin tones of the photos with a sample: {counts}")
    return lines


def rehearsal_text(plan: "Rehearsal") -> str:
    """Summarises what a run would make."""
    splits: Mapping[str, int] = plan.splits
    counts = ", ".join(f"{count:,} {split}" for split, count in splits.items())
    text = (
        f"{plan.out}: {count_of(plan.photos, 'photo')} ({counts}) in {count_of(plan.shards, 'shard')}, "
        f"{plan.missing:,} to make; nothing was written"
    )
    return "\n".join([text, *_copies_lines(plan.duplicates)])


def _copies_lines(duplicates: int) -> list[str]:
    if not duplicates:
        return []
    have = "photo has" if duplicates == 1 else "photos have"
    return [f"{duplicates:,} {have} the same bytes as another one"]
