"""Profile of `gen-data`: time per photo of each step, measured inside real calls, as a Markdown table.

    python -m benchmarks.profile_gen --src photos/ --n 12 --rounds 30 [--size 256] [--cold]

A step's time includes the steps that it calls. The best round of each photo counts; the result is the mean over photos.
"""

import argparse
import importlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from maskgen.dataset.shards import ShardWriter
from maskgen.generation.make_shard import make_samples
from maskgen.generation.worker_tools import build_kit
from maskgen.settings import CropSettings, FaceSettings, GenSettings, SourceSettings
from maskgen.sources import build_source

STEPS = (
    "sources.base.load", "faces.landmarks.cache.CachedDetector.detect", "rendering.triplet.set_stages",
    "faces.align.crop", "rendering.lighting.estimate_light", "faces.pose.head_pose",
    "rendering.projection.fit_head", "rendering.layer.draw_layer", "rendering.placement.seat",
    "rendering.projection.carry", "rendering.projection.rasterise", "rendering.placement._over_eyes",
    "rendering.cloth.weave", "rendering.cloth._tile", "rendering.layer._soft", "rendering.straps.draw_straps",
    "rendering.occlusion.in_front", "rendering.layer._contact_shadow", "rendering.blend.blend",
    "rendering.projection._draw_cells", "rendering.cloth._shade", "rendering.cloth._lay",
    "rendering.layer._drape", "rendering.layer._finish", "masks.appearance.pick_mask",
    "masks.appearance.pick_dress", "dataset.shards.encode_photo", "images.codecs.encode_jpeg",
    "images.codecs.encode_map", "images.codecs.encode_parts", "dataset.labels.encode_labels",
)  # fmt: skip


class Clock:
    """Stopwatch that adds up seconds by step."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()

    def watch(self, step: str) -> None:
        """Replaces a function or method of maskgen by a timed one, in all modules that imported it."""
        names = step.split(".")
        depth = -2 if names[-2][:1].isupper() else -1
        home: Any = importlib.import_module(".".join(["maskgen", *names[:depth]]))
        for name in names[depth:-1]:
            home = getattr(home, name)
        inner = getattr(home, names[-1])
        timed = self._timed(step, inner)
        setattr(home, names[-1], timed)
        for module in [module for name, module in sys.modules.items() if name.startswith("maskgen.")]:
            for name, value in list(vars(module).items()):
                if value is inner:
                    setattr(module, name, timed)

    def _timed(self, step: str, inner: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            began = time.process_time()
            try:
                return inner(*args, **options)
            finally:
                self.spent[step] += time.process_time() - began

        return run


def profile(settings: GenSettings, n: int, rounds: int, folder: Path) -> dict[str, float]:
    """Measures the milliseconds per photo by step; "all" is the total."""
    source = build_source(settings.source)
    photos = random.Random(settings.seed).sample(source.refs(), n)  # noqa: S311
    build_kit(settings, source)  # imports the modules to be timed
    clock = Clock()
    for step in STEPS:
        clock.watch(step)
    kit = build_kit(settings, source)
    best: list[dict[str, float]] = [{} for _ in photos]
    with ShardWriter(folder, folder, "profile", 1) as shard:
        for nth in range(rounds + 1):
            for i, ref in enumerate(photos):
                clock.spent.clear()
                began = time.process_time()
                made = make_samples(ref, "train", kit, settings)
                if isinstance(made, list):
                    shard.add_photo(made)
                clock.spent["all"] = time.process_time() - began  # type: ignore[assignment]
                if nth:  # the first round warms up
                    best[i] = {step: min(best[i].get(step, 9.0), took) for step, took in clock.spent.items()}
    total: Counter[str] = Counter()
    for times in best:
        total.update(times)  # type: ignore[arg-type]
    return {step: seconds / n * 1000 for step, seconds in total.most_common()}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--src", required=True)
    parser.add_argument("--n", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cold", action="store_true", help="do not use cached landmarks")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        settings = GenSettings(
            source=SourceSettings(src=options.src),
            faces=FaceSettings(landmarks="mesh", cache="off" if options.cold else f"{folder}/landmarks"),
            crop=CropSettings(size=options.size),
            seed=options.seed,
        )
        table = profile(settings, options.n, options.rounds, Path(folder))
    print("| step | ms |\n|---|---|")
    for step, milliseconds in table.items():
        print(f"| `{step}` | {milliseconds:.2f} |")


if __name__ == "__main__":
    main()
