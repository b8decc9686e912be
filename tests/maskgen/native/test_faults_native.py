"""Row 63 of docs/faults.md: a damaged library of kernels.

The damage is harmless to a loader: a byte behind all that it maps. What counts is that it is found before the library
is loaded, because other damage kills the interpreter.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from maskgen import native

ROOT = Path(__file__).parents[3]
pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(not native.LIBRARY.exists(), reason="no C compiler here, so no kernels to damage"),
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of the packages whose library can be damaged."""
    folder = tmp_path_factory.mktemp("checkout")
    for package in ("maskgen", "unmasknet"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "assets").symlink_to(ROOT / "assets")
    (folder / "photos").mkdir()
    shutil.copy(ROOT / "assets/demo/astronaut.jpg", folder / "photos")
    return folder


def python(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **env, "PYTHONPATH": str(folder)},
    )


def absent(folder: Path) -> str:
    done = python(folder, "-c", "from maskgen import native; print(native.absent, native.library is None)")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def cut(data: bytes) -> bytes:
    return data[:-1]


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def longer(data: bytes) -> bytes:
    return data + b"\0"


@pytest.mark.parametrize("damage", [cut, flipped, longer])
def test_row63_a_damaged_library_is_found_before_it_is_loaded(checkout, damage):
    library = checkout / "maskgen/native/kernels.so"
    sound = library.read_bytes()
    assert absent(checkout) == "False"
    library.write_bytes(damage(sound))
    try:
        assert absent(checkout).startswith("damaged: ")
        assert absent(checkout).endswith(" True")
    finally:
        library.write_bytes(sound)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"0" * 64, None])
def test_row63_a_library_with_a_damaged_or_missing_digest_is_not_loaded(checkout, text):
    digest = checkout / "maskgen/native/kernels.sha256"
    sound = digest.read_bytes()
    digest.unlink()
    if text is not None:
        digest.write_bytes(text)
    try:
        assert absent(checkout).startswith("damaged")
    finally:
        digest.write_bytes(sound)


def test_row63_a_data_set_is_made_without_a_damaged_library_with_one_warning_and_the_same_bytes(checkout):
    command = ["-m", "unmasknet", "gen-data", "--src", "photos", "--n", "1", "--jobs", "1", "--json", "--out"]
    library = checkout / "maskgen/native/kernels.so"
    sound = library.read_bytes()
    shas = []
    for name, data in (("sound", sound), ("damaged", cut(sound))):
        library.write_bytes(data)
        done = python(checkout, *command, name)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["triplets"] == 1
        assert done.stderr.count("kernels: damaged") == (name == "damaged")
        tars = sorted((checkout / name).glob("*.tar"))
        shas.append([hashlib.sha256(tar.read_bytes()).hexdigest() for tar in tars])
    library.write_bytes(sound)
    assert shas[0] == shas[1] != []


def test_row63_the_library_that_is_in_use_has_its_digest():
    assert native.absent == ""
    assert native.digest_file().read_text("ascii").strip() == native.library_digest()
