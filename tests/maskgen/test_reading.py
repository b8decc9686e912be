"""Reading: regular files only, so many bytes only."""

import errno
import io
import os
import sys

import pytest

from maskgen import reading
from maskgen.reading import check_regular_file, open_regular_file, parse_json, parse_toml, read_regular_file

READERS = [
    check_regular_file,
    lambda path: open_regular_file(path).close(),
    lambda path: read_regular_file(path, 100),
]


def test_a_file_is_read_whole(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 33)
    assert read_regular_file(path, 99) == b"abc" * 33
    assert check_regular_file(path, 99) == 99
    with open_regular_file(path) as file:
        assert file.read(4) == b"abca"


def test_a_file_above_the_limit_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"a" * 100)
    for read in (read_regular_file, check_regular_file, open_regular_file):
        with pytest.raises(OSError, match="100 bytes, at most 99 bytes are allowed") as found:
            read(path, 99)
        assert found.value.errno == errno.EFBIG


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_a_file_that_says_it_is_empty_is_read_to_its_end_or_the_limit():
    path = "/proc/self/maps"
    assert len(read_regular_file(path, 1 << 24)) > 1000
    with pytest.raises(OSError, match="at most 1\\.0 kB"):
        read_regular_file(path, 1000)


def test_a_file_whose_bytes_would_have_to_be_waited_for_is_empty(tmp_path, monkeypatch):
    path = tmp_path / "kmsg"
    path.write_bytes(b"line")

    class Waiting(io.FileIO):
        def read(self, size: int | None = -1, /) -> None:  # as `FileIO` does without waiting
            return None

    monkeypatch.setattr(reading, "FileIO", Waiting)
    assert read_regular_file(path, 99) == b""


@pytest.mark.parametrize("read", READERS)
def test_only_regular_files_are_opened(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    for name, what in (("pipe", "is a pipe"), ("device", "is a device"), ("folder", "is a folder")):
        with pytest.raises(OSError, match=what) as found:
            read(tmp_path / name)
        assert what in found.value.strerror


@pytest.mark.parametrize("read", READERS)
def test_a_missing_file_and_a_name_with_nul_are_os_errors(tmp_path, read):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nothing")
    with pytest.raises(OSError, match="is no path"):
        read(f"{tmp_path}/a\0b")


def test_deep_nesting_is_a_value_error():
    for parse, text in ((parse_json, "[" * 100_000), (parse_toml, "a = " + "[" * 100_000)):
        with pytest.raises(ValueError, match="nested too deeply"):
            parse(text)
        with pytest.raises(ValueError, match=r"line 1"):
            parse("{")
