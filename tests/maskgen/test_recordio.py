"""RecordIO: the bytes that MXNet 1.9.1 writes, and what damaged files say."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskgen.recordio import (
    MAGIC_BYTES,
    Record,
    TooLong,
    frame_record,
    index_text,
    pack_record,
    peek_record,
    read_framed,
    read_index,
    unpack_record,
)

M = MAGIC_BYTES
# written by mxnet 1.9.1: MXIndexedRecordIO.write_idx of the four records below
GOLDEN = bytes.fromhex(
    "0a23d7ce1d000000000000000000e0400100000000000000000000000000000061626364650000000a23d7ce18000020"
    "0000000000000041020000000000000000000000000000000a23d7ce04000040616263640a23d7ce000000400a23d7ce"
    "0600006061620a23d7ce00000a23d7ce200000000200000000000000030000000000000000000000000000000000803f"
    "000040400a23d7ce200000000200000000000000000000000000000001000000000000000000404000008040"
)
RECORDS = (
    Record((7.0,), b"abcde", 1),
    Record((8.0,), M + b"abcd" + M + M + b"ab" + M, 2),
    Record((1.0, 3.0), b"", 3, several=True),
)
OFFSETS = (0, 40, 108)


def on_disk(tmp_path, data):
    (tmp_path / "a.rec").write_bytes(data)
    return os.open(tmp_path / "a.rec", os.O_RDONLY)


def test_records_have_the_bytes_that_mxnet_writes():
    written = b"".join(frame_record(pack_record(record)) for record in RECORDS)
    assert written == GOLDEN[:148]


def test_records_of_mxnet_are_read(tmp_path):
    file = on_disk(tmp_path, GOLDEN)
    assert tuple(unpack_record(read_framed(file, at)) for at in OFFSETS) == RECORDS
    assert [peek_record(file, at).labels for at in (*OFFSETS, 148)] == [
        (7.0,),
        (8.0,),
        (1.0, 3.0),
        (3.0, 4.0),
    ]
    os.close(file)


pieces = st.lists(st.one_of(st.just(M), st.binary(max_size=9)), max_size=9).map(b"".join)


@given(pieces, st.integers(0, 12))
def test_any_content_comes_back_wherever_it_holds_the_magic_number(tmp_path_factory, content, before):
    file = on_disk(tmp_path_factory.getbasetemp(), frame_record(bytes(before)) + frame_record(content))
    assert read_framed(file, len(frame_record(bytes(before)))) == content
    os.close(file)


def test_an_index_comes_back_sorted_by_key(tmp_path):
    (tmp_path / "a.idx").write_text(index_text([(1, 0), (2, 40), (0, 108)]))
    index = read_index(tmp_path / "a.idx")
    assert (index.keys.tolist(), index.offsets.tolist()) == ([0, 1, 2], [108, 0, 40])
    assert [index.place(key) for key in (0, 2, 3, -1)] == [0, 2, None, None]


def test_a_record_longer_than_the_limit_is_not_read(tmp_path):
    file = on_disk(tmp_path, GOLDEN)
    with pytest.raises(TooLong, match="29 bytes, at most 28 are allowed"):
        read_framed(file, 0, 28)
    os.close(file)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("data", "at", "says"),
    [
        (GOLDEN, 500, "byte 500 is behind the end"),
        (GOLDEN, 4, "byte 4 is no start of a record"),
        (GOLDEN[:20], 0, "has 12 of 29 bytes: the file is cut"),
        (GOLDEN[:5], 0, "ends before its length: the file is cut"),
        (
            GOLDEN[40:72],
            0,
            "ends before its length: the file is cut",
        ),  # after the first part of a divided record
        (GOLDEN, 72, "part 2 of a record, out of order"),
        (GOLDEN[40:72] + GOLDEN[:40], 0, "part 0 of a record, out of order"),
    ],
)
def test_row641_damage_is_named(tmp_path, data, at, says):
    file = on_disk(tmp_path, data)
    with pytest.raises(ValueError, match=says):
        read_framed(file, at)
    os.close(file)


@pytest.mark.fault
@pytest.mark.parametrize("cut", range(0, 148, 4))
def test_row641_every_cut_of_a_file_is_noticed(tmp_path, cut):
    file = on_disk(tmp_path, GOLDEN[:cut])
    for at, end in zip(OFFSETS, (*OFFSETS[1:], 148), strict=True):
        if end > cut + 3:  # the last bytes may be padding
            with pytest.raises(ValueError, match=r"cut|behind the end"):
                read_framed(file, at)
        elif end <= cut:
            read_framed(file, at)
    os.close(file)


@pytest.mark.fault
def test_row641_a_header_with_too_many_labels_is_refused():
    with pytest.raises(ValueError, match="promises 9 labels"):
        unpack_record(b"\x09" + bytes(30))
    with pytest.raises(ValueError, match="a header has 24"):
        unpack_record(bytes(23))


@pytest.mark.fault
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1\t0\n2\n", "line 2: expected key<TAB>offset"),
        ("1\t0\nb\t4\n", "line 2: expected"),
        ("1\t0\n2\t-4\n", "line 2: expected"),
        ("1\t0\n2\t\u0664\n", "line 2: expected"),
        ("1\t0 2\n3\n", "line 1: expected"),
        ("1\t0\n2\t99999999999999999999\n", "line 2: expected"),
        ("1\t0\n1\t4\n", "lists the key 1 twice"),
    ],
)
def test_row641_a_broken_index_is_named_by_its_line(tmp_path, text, says):
    (tmp_path / "a.idx").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=says):
        read_index(tmp_path / "a.idx")
