"""Fake worker tools: make triplets without face detection, and fail in a way that a photo's name selects."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from maskgen.errors import Skip, UnmaskError
from maskgen.generation.worker_tools import Kit
from maskgen.seeds import hash64, rng_for
from maskgen.settings import GenSettings
from maskgen.sources import Source, sample_key
from maskgen.types import Face, MaskedFace, Photo, Pose, Triplet, WornMask
from tests.helpers.waiting import HANG_GUARD, Watch

if TYPE_CHECKING:
    from maskgen.generation.pipeline import GenReport

ROOT = Path(__file__).parents[2]
SIZE = 64
PHOTOS = 40  # number of photos in the source shared by the tests of runs
STARTED: list[subprocess.Popen[bytes]] = []  # by `start`, in this test


def draw_photos(folder: Path, count: int, names: tuple[str, ...] = ()) -> Path:
    """Draws `count` photos of `count // 2` people in an LFW tree, and one photo for each of `names`."""
    for i in range(count):
        person = f"Person_{i // 2:03d}"
        draw_photo(folder / person / f"{person}_{i % 2 + 1:04d}.jpg", i)
    for i, name in enumerate(names):
        draw_photo(folder / name / f"{name}_0001.jpg", count + i)
    return folder


def draw_photo(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(number)
    coarse = rng.integers(0, 255, (6, 6, 3), np.uint8)
    cv2.imwrite(str(path), cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC))


def build(settings: GenSettings, source: Source) -> Kit:
    """Builds the fake tools. `FAKE_SECONDS` is the time per photo, `FAKE_VERSION` the version of a library."""
    if "FAKE_DEAD" in os.environ and "maskgen.generation.pipeline" not in sys.modules:  # in a worker
        os._exit(9)
    versions = {"fake": os.environ.get("FAKE_VERSION", "1")}
    return Kit(source, lambda photo, base: triplets(photo, base, settings), versions)


def triplets(photo: Photo, base: str, settings: GenSettings) -> list[tuple[str, Triplet]] | Skip:
    if watched := os.environ.get("FAKE_WATCH"):
        Watch(Path(watched)).begin(photo.ref.id)
    time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))
    misbehave(photo.ref.id)
    if "noface" in photo.ref.id:
        return Skip("no_face")
    keys = [sample_key(base, 0, mask) for mask in range(settings.masks.per_face)]
    return [(key, triplet(photo, key, settings)) for key in keys]


def misbehave(name: str) -> None:
    if "FAKE_HEALED" in os.environ:
        return
    if "segfault" in name:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "kill" in name:
        os.kill(os.getpid(), signal.SIGKILL)
    if "once" in name and not (mark := Path(os.environ["FAKE_MARK"])).exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if "hang" in name:
        time.sleep(1000)
    if "memory" in name:
        raise MemoryError
    if "bug" in name:
        raise ValueError("a bug\nof two lines")


def triplet(photo: Photo, key: str, settings: GenSettings) -> Triplet:
    rng = rng_for(settings.seed, key)
    parts = np.zeros(photo.pixels.shape[:2], np.uint8)
    x, y = rng.integers(8, 24, 2)
    parts[y : y + 24, x : x + 24] = 3
    parts[y + 24 : y + 27, x : x + 24] = 1
    map = (parts > 0).astype(np.uint8)
    masked = np.where(parts[:, :, None] > 0, photo.pixels ^ 128, photo.pixels)
    points = rng.normal(32, 9, (468, 3)).astype(np.float32)
    face = Face((8.0, 8.0, 56.0, 56.0), points[:, :2], "mesh468", points, 0.9)
    worn = MaskedFace(
        face, Pose(1.0, -2.0, 0.00001), WornMask("surgical", "plain", "#0473e2", 1.0, "correct")
    )
    return Triplet(masked, photo.pixels, map, parts, (worn,), 1.0, hash64(settings.seed, key))


def settings_for(photos: Path, out: Path, **sections: dict[str, object]) -> GenSettings:
    """Builds the settings of a small run; `sections` override the defaults."""
    base: dict[str, dict[str, object]] = {
        "source": {"src": str(photos)},
        "shards": {"shard_size": 8},
        "run": {"out": str(out), "jobs": 1},
    }
    for name, values in sections.items():
        base[name] = base.get(name, {}) | values
    return GenSettings.model_validate(base)


def contents(out: Path) -> dict[str, str]:
    """Returns the sha256 of every file of a data set, by path in it."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted([*out.iterdir(), *(out / "records").glob("*")])
        if path.is_file()
    }


def start(
    settings: GenSettings, *, hang_after: float = 60.0, prelude: str = "", **env: str
) -> subprocess.Popen[bytes]:
    """Starts a run in a new process and process group; `prelude` is Python code that it executes first."""
    code = f"{prelude}\nimport sys; from tests.helpers.fake_worker_tools import main; sys.exit(main())"
    run = subprocess.Popen(
        [sys.executable, "-c", code, settings.model_dump_json(), str(hang_after)],
        cwd=ROOT,
        env=os.environ | env,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    STARTED.append(run)
    return run


def end_started() -> None:
    """Kills the runs of `start` that a failed test left behind; their workers end with them."""
    while STARTED:
        run = STARTED.pop()
        if run.poll() is None or not run.stderr.closed:  # `finish` closes it
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)  # the workers too, which hold the pipe open
            run.communicate()


def finish(run: subprocess.Popen[bytes], code: int = 0) -> str:
    """Waits for a run, checks its exit code, and returns its stderr."""
    _, stderr = run.communicate(timeout=HANG_GUARD)
    assert run.returncode == code, (run.returncode, stderr.decode())
    return stderr.decode()


def make(settings: GenSettings, hang_after: float = 60.0) -> "GenReport":
    """Executes a run in this process."""
    # imported here, since `build` takes a process without this module for a worker
    from maskgen.generation.pipeline import generate

    return generate(settings, build=build, hang_after=hang_after)


def in_part(out: Path) -> bool:
    """Returns whether a shard is being written."""
    return any((out / ".work").glob("*.tar.*.part"))


def main() -> int:
    """Runs `generate` as a command."""
    from maskgen.generation.pipeline import check_failures, generate

    settings = GenSettings.model_validate_json(sys.argv[1])
    try:
        check_failures(generate(settings, build=build, hang_after=float(sys.argv[2])), settings)
    except UnmaskError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0
