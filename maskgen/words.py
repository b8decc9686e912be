"""Results in words, as the commands print them.

Loads nothing of what made them: `unmask doctor` must speak where OpenCV cannot even be loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from maskgen.errors import SKIP_REASONS
from maskgen.frames_settings import REASONS

if TYPE_CHECKING:
    from maskgen.authoring.proof_sheet import LibrarySheet, ProofReport
    from maskgen.authoring.template_from_photo import DraftReport
    from maskgen.dataset.unpack import UnpackReport
    from maskgen.dataset.verify import VerifyReport
    from maskgen.doctor import Check
    from maskgen.generation.bench import GenBench
    from maskgen.generation.pipeline import GenReport, Rehearsal
    from maskgen.video.frames.run import FramesPlan, FramesReport


def _without_kernels() -> list[str]:
    """A line where masks are drawn by numpy."""
    from maskgen import native

    told = "masks took several times as long as they need: unmask doctor tells more"
    return [f"kernels: {native.absent}; {told}"] if native.absent else []


def generated(report: GenReport) -> str:
    """What is there, how fast it came, what was skipped and why."""
    rate = report.made / report.seconds if report.seconds else 0.0
    lines = [
        f"{report.out}: {report.triplets:,} triplets of {report.photos:,} photos in {report.shards:,} shards",
        f"{report.seconds:.1f} s, {rate:.1f} photos/s"
        if report.made
        else f"{report.seconds:.1f} s, all was there",
    ]
    if report.landmarks:
        lines.append(f"faces by {report.landmarks}")
    if report.made:
        lines += _without_kernels()
    if report.skipped:
        lines.append(f"skipped {sum(report.skipped.values()):,}:")
        lines += _by_reason(report.skipped)
    if not report.whole:
        lines.append("other slices are not done yet; the last one to finish writes dataset.json and the card")
    lines += [f"with masks on: {video}" for video in report.videos]
    return "\n".join([*lines, f"look at it: unmask preview {report.out}"])


def _by_reason(counts: Mapping[str, int]) -> list[str]:
    return [f"  {count:>7,}  {reason}: {SKIP_REASONS.get(reason, '')}" for reason, count in counts.items()]


def rehearsed(plan: Rehearsal) -> str:
    """What a run would make."""
    splits = ", ".join(f"{count:,} {split}" for split, count in plan.splits.items())
    return (
        f"{plan.out}: {plan.photos:,} photos ({splits}) in {plan.shards:,} shards, {plan.missing:,} to make; "
        "nothing was written"
    )


def skipped(counts: Mapping[str, int]) -> str:
    """Skips on one line, "" if there are none."""
    return "skipped " + ", ".join(f"{count} {reason}" for reason, count in counts.items()) if counts else ""


def unpacked(report: UnpackReport) -> str:
    """What was written, and what of the source is not among it."""
    lines = [f"{report.samples:,} samples as {report.files:,} files in {report.to}"]
    if report.skipped:
        count = sum(report.skipped.values())
        lines.append(
            f"{count:,} photo{'s'[: count > 1]} of the source gave no sample, see skipped.csv there:"
        )
        lines += _by_reason(report.skipped)
    if report.left_out:
        lines.append(
            f"{report.left_out:,} crop{'s'[: report.left_out > 1]} left out: faces beside the main one of a photo "
            "whose person is known"
        )
    return "\n".join(lines)


def verified(folder: str, report: VerifyReport) -> str:
    """Each problem, then the verdict."""
    lines = [
        f"{place}: {problem.what}" if (place := f"{problem.shard} {problem.key}".strip()) else problem.what
        for problem in report.problems
    ]
    verdict = "sound" if report.ok else f"{len(lines):,} problem{'s'[: len(lines) > 1]}"
    return "\n".join([*lines, f"{folder}: {report.samples:,} samples in {report.shards:,} shards: {verdict}"])


def measured(report: GenBench) -> str:
    """Times of `bench gen` a photo, beside the reference's."""
    rates = ", ".join(f"{jobs}: {rate:,.0f}" for jobs, rate in report.photos_per_s.items())
    lines = [
        f"{report.photos} photos, size {report.size}; ms a photo, one core",
        f"{report.reference_ms:>8.2f}  dlib HOG upsample=1 and 68 points alone",
        f"{report.cold_ms:>8.2f}  gen-data: {report.cold_ratio:.1f} times as fast",
        f"{report.cached_ms:>8.2f}  landmarks cached: {report.cached_ratio:.1f} times as fast",
        f"{report.extra_mask_ms:>8.2f}  a further mask of the same photo",
        f"{report.floor_ms:>8.2f}  of them decoding the photo and encoding two pictures",
        f"memory of a worker {report.rss_mb:.0f} MB; photos/s by workers {rates} (x {report.scaling:.2f}; "
        f"a plain loop x {report.core_scaling:.2f})",
        *_without_kernels(),
    ]
    return "\n".join(lines)


def families(rows: Sequence[Mapping[str, Any]]) -> str:
    """A family a line, with what it can look like and how it can be worn."""
    lines = []
    for row in rows:
        facts = [f"{name:<9}{', '.join(row[name])}" for name in ("colours", "textures", "wear")]
        title = row["title"] + (", your own" if row["own"] else "")
        lines.append("\n            ".join([f"{row['name']:<12}{title}", *facts]))
    return "\n".join(lines)


def proved(report: ProofReport) -> str:
    """Each problem, or where the proof is."""
    if report.problems:
        count = len(report.problems)
        lines = [f"{problem.path}: {problem.what}" for problem in report.problems]
        return "\n".join([*lines, f"{count:,} problem{'s'[: count > 1]}"])
    return f"{', '.join(report.families)}: sound\nlook at it: {report.proof}"


def library_drawn(report: LibrarySheet) -> str:
    """What was drawn, and where."""
    return f"{report.families} families on {report.faces} faces\nlook at it: {report.sheet}"


def drafted(report: DraftReport) -> str:
    """What was made of the photo, and what to do next."""
    lines = [f"{report.folder}: {report.colour}, shaped like {report.like}"]
    lines += [f"{problem.path}: {problem.what}" for problem in report.problems] or [
        f"look at it: {report.proof}"
    ]
    return "\n".join(
        [*lines, f"mend {report.folder}/template.toml by hand, then: unmask masks check {report.to}"]
    )


def examined(checks: Sequence[Check]) -> str:
    """A check a line; under a cross the line that mends it. What is optional and missing has a dash."""
    lines = []
    for check in checks:
        mark = "ok" if check.ok else "--" if check.optional else "XX"
        lines.append(f"{mark} {check.name:<15} {check.found}")
        if check.mend:
            lines.append(f"{'':<19}{check.mend}")
    return "\n".join(lines)


def frames_taken(report: FramesReport) -> str:
    """A line a file, then where to look."""
    lines = []
    for file in report.files:
        if file.error:
            continue
        lines.append(
            f"{file.file}: {file.photos:,} photos of {file.persons:,} person{'s'[: file.persons != 1]}, "
            f"{file.kept:,} of {file.frames:,} frames kept; "
            f"{file.seconds_covered:.2f} s of {file.duration:.2f} s covered"
            + (f"; {file.audio}" if file.audio else "")
        )
        lines += [f"  {count:>7,}  {why}: {REASONS[why]}" for why, count in file.dropped.items()]
    lines.append(f"{report.out}: {report.photos:,} photos in {report.seconds:.1f} s")
    return "\n".join(
        [*lines, f"look at it: {report.sheet}", f"mask them: unmask gen-data --src {report.out}"]
    )


def frames_rehearsed(plan: FramesPlan) -> str:
    """What a run would read."""
    lines = [f"{file.file}: {file.error or f'{file.duration:.2f} s'}" for file in plan.files]
    return "\n".join([*lines, f"{plan.out}: nothing was written"])
