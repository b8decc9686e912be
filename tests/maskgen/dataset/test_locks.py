import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskgen.dataset.locks import changing, hold_slice, let_go, overlap, refuse_held
from maskgen.errors import UsageError

SLICES = st.integers(1, 12).flatmap(lambda k: st.tuples(st.integers(0, k - 1), st.just(k)))


@given(SLICES, SLICES)
def test_slices_overlap_where_they_share_a_shard(one: tuple[int, int], other: tuple[int, int]) -> None:
    shards = range(200)
    assert overlap(one, other) == bool(set(shards[one[0] :: one[1]]) & set(shards[other[0] :: other[1]]))


def test_a_held_slice_is_refused_until_it_is_released(tmp_path: Path) -> None:
    with hold_slice(tmp_path, (1, 3)):
        with pytest.raises(UsageError, match=r"slice 1::3 is being made by process \d+ on "):
            refuse_held(tmp_path)
        refuse_held(tmp_path, (0, 3))
    refuse_held(tmp_path)


def test_a_released_slice_leaves_no_file_and_keeps_other_slices_locked(tmp_path: Path) -> None:
    with hold_slice(tmp_path, (1, 2)):
        with changing(tmp_path):
            let_go(hold_slice(tmp_path, (0, 2)))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "lock-1-of-2"]
        refuse_held(tmp_path, (0, 2))
        with pytest.raises(UsageError, match="slice 1::2"):
            refuse_held(tmp_path)


def test_a_lock_file_that_cannot_be_deleted_is_no_error(tmp_path: Path, monkeypatch) -> None:
    def keep(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(Path, "unlink", keep)
    let_go(hold_slice(tmp_path, (0, 1)))
    assert (tmp_path / "lock-0-of-1").exists()
    refuse_held(tmp_path)
