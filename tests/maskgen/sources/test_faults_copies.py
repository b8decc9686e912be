"""Row 54 of the fault matrix: byte-identical photos of a source are found, and hardly a byte is read for it."""

import hashlib
import io
import os
import signal
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from maskgen.generation.process_pool import PoolStopped
from maskgen.images.codecs import encode_jpeg
from maskgen.settings import SourceSettings
from maskgen.sources import Source, build_source, find_copies
from maskgen.sources.copies import CHUNK, THREADS
from maskgen.types import PhotoRef

pytestmark = pytest.mark.fault

START = encode_jpeg(np.full((40, 40, 3), 90, np.uint8), 90)


def photo(number: int, middle: int = 0) -> bytes:
    """Makes photos of one size: they differ in their middle by `middle`, and at their end by `number`."""
    return (
        START + bytes(404) + middle.to_bytes(4, "big") + bytes(len(START) + 396) + number.to_bytes(4, "big")
    )


def write(path: Path, photos: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, data in photos.items():
                packed.writestr(name, data)
    elif ".tar" in path.name:
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
            for name, data in photos.items():
                header = tarfile.TarInfo(name)
                header.size = len(data)
                tar.addfile(header, io.BytesIO(data))
    elif path.name == "parts":
        path.mkdir()
        for number, (name, data) in enumerate(photos.items()):
            write(path / f"part-{number % 2}-{number}.{('zip', 'tar')[number % 2]}", {name: data})
    else:
        for name, data in photos.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
    return path


def source_of(path: Path) -> Source:
    return build_source(SourceSettings(src=str(path)))


def counted(source: Source) -> tuple[Source, list[str]]:
    """Lets a source note which photos are read as a whole."""
    reads: list[str] = []
    read = source.read

    def noting(ref):
        reads.append(ref.id)
        return read(ref)

    source.read = noting
    return source, reads


PHOTOS = {f"{number}/{number}.jpg": photo(number, number) for number in range(40)}
COPIES = {
    "a/one.jpg": photo(3, 3),
    "b/two.jpeg": photo(3, 3),
    "c/same end and middle, other start.jpg": b"\xff\xd8\xff\xe1" + photo(5, 5)[4:],
    "d/longer.jpg": photo(7, 7) + b"\0",
    "e/other end.jpg": photo(9999, 9),
    "f/empty.jpg": b"",
    "f/empty too.jpg": b"",
}
SHAPES = ["folder", "set.zip", "set.tar", "set.tar.gz", "parts"]


@pytest.mark.parametrize("shape", SHAPES)
def test_row54_copies_are_found_by_their_bytes_alone(tmp_path, shape):
    source = source_of(write(tmp_path / shape, PHOTOS | COPIES))
    refs = source.refs()
    found = find_copies(source, refs)
    same = hashlib.sha256(photo(3, 3)).hexdigest()
    assert found == dict.fromkeys(["3/3.jpg", "a/one.jpg", "b/two.jpeg"], same)
    assert list(find_copies(source, refs[::-1])) == list(found)[::-1]


@pytest.mark.parametrize("shape", SHAPES[:-1])
def test_row54_only_what_may_be_a_copy_is_read(tmp_path, shape):
    source, reads = counted(source_of(write(tmp_path / shape, PHOTOS | COPIES)))
    find_copies(source, source.refs())
    likely = {"3/3.jpg", "a/one.jpg", "b/two.jpeg"}
    look_alike = {"5/5.jpg", "c/same end and middle, other start.jpg", "9/9.jpg", "e/other end.jpg"}
    assert set(reads) == likely | (set() if shape == "set.zip" else look_alike)  # a zip states checksums
    assert len(reads) == len(set(reads))


def test_row54_photos_of_different_sizes_are_not_even_opened(tmp_path, monkeypatch):
    photos = {f"{number}.jpg": photo(number) + bytes(number) for number in range(30)}
    source, reads = counted(source_of(write(tmp_path / "folder", photos)))
    refs = source.refs()
    opened: list[str] = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: opened.append(str(path)) or real(path, *rest))
    assert find_copies(source, refs) == {}
    assert not reads
    assert not opened


def test_row54_files_that_cannot_be_read_are_no_copies(tmp_path):
    source = source_of(write(tmp_path / "folder", {f"{number}.jpg": photo(1, 1) for number in range(4)}))
    refs = source.refs()
    (tmp_path / "folder/1.jpg").unlink()
    (tmp_path / "folder/2.jpg").unlink()
    (tmp_path / "folder/2.jpg").mkdir()
    assert set(find_copies(source, refs)) == {"0.jpg", "3.jpg"}
    os.mkfifo(tmp_path / "folder/1.jpg")
    (tmp_path / "folder/3.jpg").unlink()
    (tmp_path / "folder/3.jpg").symlink_to("/dev/zero")
    assert find_copies(source, refs) == {}


class Numbers:
    """Store and source of photos that are numbers; every tenth is a copy of another one."""

    path, name, terms, notes, reads = Path("numbers"), "numbers", "", (), 0

    def names(self):
        return [str(number) for number in range(20_000)]

    def refs(self):
        return [PhotoRef(name) for name in self.names()]

    def head(self, name):
        return b""

    def read(self, ref):
        self.reads += 1
        return self.sample(ref.id)

    def place(self, ref):
        return self, ref.id

    def size(self, name):
        return 20_000 + int(name) // 10 % 1_000

    def sample(self, name):
        return str(int(name) - (int(name) % 10 == 9)).encode()


def test_row54_of_many_photos_only_the_copies_are_read():
    source = Numbers()
    found = find_copies(source, source.refs())
    assert len(found) == source.reads == 4_000
    assert all(int(name) % 10 in (8, 9) for name in found)


def test_row54_a_signal_ends_the_search_at_once():
    """Leaving the threads' pool waits for them; looking at all photos of a slow disk would take minutes."""
    handled, lock = threading.Event(), threading.Lock()

    class Slow(Numbers):
        looked = 0

        def size(self, name):
            with lock:
                self.looked += 1
                last = self.looked == THREADS  # all are at work
            if last:
                os.kill(os.getpid(), signal.SIGUSR1)
            assert handled.wait(60)
            time.sleep(0.01)
            return 1

    def stop(*_):
        handled.set()
        raise PoolStopped(signal.SIGUSR1)

    source, before = Slow(), signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(PoolStopped):
            find_copies(source, source.refs())
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert source.looked < THREADS * CHUNK // 2
