import errno
from pathlib import Path

import pytest

from maskgen.errors import MissingError, UnmaskError
from maskgen.files import disk_errors, part_path, size_text, write_atomic


def test_a_file_is_replaced_atomically_and_no_partial_file_stays(tmp_path: Path) -> None:
    for data in (b"old", b"new"):
        write_atomic(tmp_path / "a", data)
        assert (tmp_path / "a").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_in_a_data_set_the_partial_file_lies_in_the_work_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".work").mkdir()
    seen: list[Path] = []
    monkeypatch.setattr("maskgen.files.sync", lambda _: seen.extend(tmp_path.rglob("*.part")))
    write_atomic(tmp_path / "a", b"new")
    assert [path.parent.name for path in seen] == [".work"]


def test_no_two_writers_share_a_partial_file(tmp_path: Path) -> None:
    assert len({part_path(tmp_path, "a") for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.ENOSPC, MissingError, "no room for shard, .* free; make room and give the same command again"),
        (errno.EDQUOT, MissingError, "no room for shard"),
        (errno.EFBIG, MissingError, "no file may grow to shard here"),
        (
            errno.EROFS,
            UnmaskError,
            "cannot write shard: Read-only file system; allow it, or choose another folder",
        ),
        (errno.ENOTDIR, UnmaskError, "cannot write shard: a file is in the way; choose another folder"),
        (errno.EIO, UnmaskError, "cannot write shard: Input/output error; check the disk"),
    ],
)
def test_a_failed_write_says_what_could_not_be_written(
    number: int, kind: type[UnmaskError], says: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=says) as failed, disk_errors(tmp_path, "shard"):
        raise OSError(
            number, {errno.EROFS: "Read-only file system", errno.EIO: "Input/output error"}.get(number, "")
        )
    assert type(failed.value) is kind
    assert "\n" not in str(failed.value)


def test_sizes_are_formatted_for_people() -> None:
    assert [size_text(n) for n in (0, 999, 1000, 61_234_567, 2 * 10**12)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "61.2 MB",
        "2.0 TB",
    ]
