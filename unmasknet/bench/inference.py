"""`unmask bench run`: time and memory to restore one face, by runtime and cores, each measured in a separate process.

The clock of the process starts when this module is imported, so `first_ms` includes loading NumPy, the runtime and the
networks. Memory is the peak that the operating system reports at the end.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from maskgen.errors import InputError, MissingError, UnmaskError, UsageError
from maskgen.progress import OnProgress, Progress, no_progress
from unmasknet.bench.inference_settings import BenchRunSettings
from unmasknet.models.released import RELEASED, check_released

BEGAN = time.perf_counter()  # before it, a measuring process runs only the imports above


@dataclass(frozen=True)
class Cost:
    """Cost of one runtime on a number of cores.

    Attributes:
        runtime: "torch", "onnx" or "opencv".
        cores: number of cores that the process may use.
        first_ms: time from the import of this module to the first result, including loading.
        face_ms: time per photo after loading, from pixels to pixels; median.
        cpu_ms: processor time per photo on all cores, which other load on the machine hardly changes; median.
        net_ms: time per photo in the two networks; median.
        rss_mb: peak memory of the process.
    """

    runtime: str
    cores: int
    first_ms: float
    face_ms: float
    cpu_ms: float
    net_ms: float
    rss_mb: float


@dataclass(frozen=True)
class RunBench:
    """Result of `bench_run`.

    Attributes:
        photo: height and width of the photo.
        faces: number of restored faces.
        costs: cost of every combination of runtime and cores.
    """

    photo: list[int]
    faces: int
    costs: list[Cost]


def bench_run(
    settings: BenchRunSettings,
    example: Callable[[], bytes],
    on_progress: OnProgress = no_progress,
) -> RunBench:
    """Measures every runtime on every number of cores.

    Args:
        settings: networks, cores, rounds.
        example: returns the built-in photo as an encoded file.
        on_progress: called after each process.

    Raises:
        UnmaskError: a process failed; the error has the message and the class of the process's error.
        InputError: no face was restored.
    """
    ways = [
        (runtime, names, cores) for runtime, names in runtimes(settings.weights) for cores in _cores(settings)
    ]
    costs: list[Cost] = []
    sides: list[int] = []
    faces = 0
    with TemporaryDirectory(prefix="unmask-bench-") as folder:
        photo = Path(settings.photo) if settings.photo else Path(folder) / "photo.jpg"
        if not settings.photo:
            photo.write_bytes(example())
        for number, (runtime, names, cores) in enumerate(ways):
            figures = _measured(runtime, names, cores, photo, settings.rounds)
            sides, faces = figures.pop("photo"), figures.pop("faces")
            if not faces:
                raise InputError(
                    f"{photo}: no mask was found in it, so nothing was restored; give another photo"
                )
            costs.append(Cost(runtime, cores, **figures))
            on_progress(Progress(number + 1, len(ways)))
    return RunBench(sides, faces, costs)


def runtimes(weights: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Lists the runtimes to measure, each with its weights."""
    from unmasknet.restore.runtimes.open import (  # imported here, so that the clock includes NumPy's import
        RUNTIMES,
        has_runtime,
    )

    files = [name for name in weights if name.endswith(".onnx")]
    runs = [name for name in weights if name not in (*files, RELEASED)]
    found = [("torch", runs)] if runs else []
    found += [(runtime, [file]) for file in files for runtime in ("onnx", "opencv") if has_runtime(runtime)]
    if RELEASED in weights:
        check_released()
        found += [(runtime, [RELEASED]) for runtime in RUNTIMES if has_runtime(runtime)]
    return found


def _cores(settings: BenchRunSettings) -> list[int]:
    there = len(_usable())
    return [count for count in settings.cores if count <= there] or [there]


def _usable() -> list[int]:
    return (
        sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [*range(os.cpu_count() or 1)]
    )


def _measured(runtime: str, names: Sequence[str], cores: int, photo: Path, rounds: int) -> dict[str, Any]:
    """Runs a measuring process and reads its figures.

    Raises:
        UnmaskError: the process failed; the class is that of the process's error.
    """
    order = json.dumps([runtime, [*names], cores, str(photo), rounds])
    limits = {name: str(cores) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-m", "unmasknet.bench.inference", order],
        env={**os.environ, **limits, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise _failure(done.stderr, f"bench run: {runtime} on {cores} cores failed: ")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _failure(text: str, head: str) -> UnmaskError:
    """Converts a process's traceback to an error of the same class, so that the command has the same exit code."""
    last = (text.strip() or "it printed no error").splitlines()[-1].removeprefix("maskgen.errors.")
    name, _, words = last.partition(": ")
    kinds = {kind.__name__: kind for kind in (UsageError, InputError, MissingError)}
    return kinds[name](head + words) if name in kinds else UnmaskError(head + last)


def measure(runtime: str, names: Sequence[str], cores: int, photo: Path, rounds: int) -> dict[str, Any]:
    """Measures inside the process; returns the figures described in `Cost` and `RunBench`."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, _usable()[:cores])
    import cv2

    from unmasknet.restore.unmasker import Unmasker, as_picture

    cv2.setNumThreads(cores)
    unmasker = Unmasker.from_pretrained(names, runtime=runtime, device="cpu", threads=cores)
    pixels = as_picture(photo)
    restored = unmasker(pixels)
    first = time.perf_counter() - BEGAN
    watch = _Watched(unmasker.networks)
    unmasker.networks = watch
    times, works, nets = [], [], []
    for _ in range(rounds):
        began, worked, watch.seconds = time.perf_counter(), time.process_time(), 0.0
        unmasker(pixels)
        times.append(time.perf_counter() - began)
        works.append(time.process_time() - worked)
        nets.append(watch.seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 << 20 if sys.platform == "darwin" else 1 << 10
    )
    return {
        "photo": [*pixels.shape[:2]],
        "faces": sum(face.masked for face in restored.faces) if restored.changed else 0,
        "first_ms": round(first * 1000, 1),
        "face_ms": round(median(times) * 1000, 1),
        "cpu_ms": round(median(works) * 1000, 1),
        "net_ms": round(median(nets) * 1000, 1),
        "rss_mb": round(peak, 1),
    }


class _Watched:
    """Wrapper of the networks that adds up their time in `seconds`."""

    def __init__(self, networks: Any) -> None:
        self._networks = networks
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._networks, name)
        return self._timed(found) if name in ("hidden", "fill") else found

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            began = time.perf_counter()
            try:
                return call(*given)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


def as_table(report: RunBench) -> str:
    """Formats the costs, one per line."""
    rows: list[tuple[str, ...]] = [("runtime", "cores", "first", "per face", "CPU", "networks", "memory")]
    for cost in report.costs:
        times = (f"{value:.0f} ms" for value in (cost.first_ms, cost.face_ms, cost.cpu_ms, cost.net_ms))
        rows.append((cost.runtime, str(cost.cores), *times, f"{cost.rss_mb:.0f} MB"))
    return "\n".join("  ".join(f"{cell:>9}" for cell in row) for row in rows)


def as_json(report: RunBench) -> dict[str, Any]:
    """Formats the costs for `--json`: {runtime: {cores: figures}}."""
    found: dict[str, Any] = {"photo": report.photo, "faces": report.faces}
    for cost in report.costs:
        figures = asdict(cost)
        found.setdefault(figures.pop("runtime"), {})[str(figures.pop("cores"))] = figures
    return found


if __name__ == "__main__":
    runtime, names, cores, photo, rounds = json.loads(sys.argv[1])
    print(json.dumps(measure(runtime, names, cores, Path(photo), rounds)))  # noqa: T201
