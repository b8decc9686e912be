"""Row 42 of docs/faults.md: Dolby Vision whose pixels only its own decoders show is refused."""

import pytest

from maskgen.errors import InputError
from maskgen.video import open_clip
from maskgen.video.container_tags import is_dolby_vision_alone
from tests.helpers.clips import moving, write_clip
from tests.helpers.colour_clips import write_bars
from tests.maskgen.video.frames.test_run import take
from tests.maskgen.video.test_faults_colours import HLG, PQ

pytestmark = pytest.mark.fault

DEEP = {"pix_fmt": "yuv420p10le", "codec": "libx265"}


def record(profile, compatibility):
    """Returns a configuration record: version 1.0, level 6, metadata and base layer are present."""
    bits = profile << 9 | 6 << 3 | 0b101
    return bytes([1, 0]) + bits.to_bytes(2, "big") + bytes([compatibility << 4]) + bytes(19)


def boxes(data, at, end):
    while at < end:
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], at, size
        at += size


def with_record(path, target, name, content, code=None):
    """Copies an MP4, and appends a box to the description of its video; `code`: new name of the description."""
    data = bytearray(path.read_bytes())
    at, end, parents = 0, len(data), []
    for wanted, head in ((b"moov", 8), (b"trak", 8), (b"mdia", 8), (b"minf", 8), (b"stbl", 8), (b"stsd", 16)):
        start, size = next((at, size) for name, at, size in boxes(data, at, end) if name == wanted)
        parents.append(start)
        at, end = start + head, start + size
    if code:
        data[at + 4 : at + 8] = code
    box = (8 + len(content)).to_bytes(4, "big") + name + content
    for start in [*parents, at]:
        data[start : start + 4] = (int.from_bytes(data[start : start + 4], "big") + len(box)).to_bytes(
            4, "big"
        )
    data[end:end] = box
    target.write_bytes(data)
    return target


@pytest.fixture(scope="module")
def pq(tmp_path_factory):
    return write_bars(tmp_path_factory.mktemp("bars") / "a.mp4", PQ, **DEEP)


@pytest.mark.parametrize("backend", ["pyav", "opencv"])
@pytest.mark.parametrize("code", [None, b"dvh1", b"dvhe"])
@pytest.mark.parametrize(("name", "profile"), [(b"dvcC", 5), (b"dvvC", 10)])
def test_row42_profile_5_is_refused_in_one_line(tmp_path, pq, name, profile, code, backend):
    path = with_record(pq, tmp_path / "dolby.mp4", name, record(profile, 0), code)
    with pytest.raises(InputError, match="Dolby Vision") as caught:
        open_clip(path, backend=backend)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(("profile", "compatibility", "transfer"), [(8, 1, "PQ"), (7, 6, "PQ")])
def test_row42_dolby_vision_over_hdr10_is_tone_mapped(tmp_path, pq, profile, compatibility, transfer):
    path = with_record(pq, tmp_path / "dolby.mp4", b"dvvC", record(profile, compatibility))
    clip = open_clip(path, 1)
    assert len([moment.pixels() for moment in clip.moments()]) == 4
    assert clip.tone_mapped == transfer
    clip.close()


def test_row42_dolby_vision_over_hlg_as_phones_write_it_is_tone_mapped(tmp_path):
    plain = write_bars(tmp_path / "a.mp4", HLG, **DEEP)
    path = with_record(plain, tmp_path / "phone.mp4", b"dvvC", record(8, 4))
    clip = open_clip(path, 1)
    assert next(iter(clip.moments())).pixels().shape[2] == 3
    assert clip.tone_mapped == "HLG"
    clip.close()


def test_row42_a_dolby_vision_stream_without_a_record_is_refused(tmp_path, pq):
    path = with_record(pq, tmp_path / "dolby.mp4", b"free", bytes(24), b"dvh1")
    with pytest.raises(InputError, match="Dolby Vision"):
        open_clip(path)


def test_row42_a_clip_in_dolby_vision_does_not_stop_the_others(tmp_path, pq):
    path = with_record(pq, tmp_path / "dolby.mp4", b"dvcC", record(5, 0))
    good = write_clip(tmp_path / "good.mp4", moving(5))
    report = take(path, good, out=tmp_path / "out", size=64)
    assert [bool(file.error) for file in report.files] == [True, False]
    assert "Dolby Vision" in report.warnings[0]
    assert report.photos == 1


def element(name, content):
    size = len(content)
    assert size < 127
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + bytes([0x80 | size]) + content


@pytest.mark.parametrize(("compatibility", "alone"), [(0, True), (1, False), (4, False)])
def test_row42_the_record_is_found_in_matroska(tmp_path, compatibility, alone):
    addition = element(0x41E7, b"dvcC") + element(0x41ED, record(5, compatibility))
    tracks = element(0x1654AE6B, element(0xAE, element(0xD7, b"\1") + element(0x41E4, addition)))
    path = tmp_path / "a.mkv"
    path.write_bytes(element(0x1A45DFA3, element(0x4282, b"matroska")) + element(0x18538067, tracks))
    assert is_dolby_vision_alone(path) is alone
