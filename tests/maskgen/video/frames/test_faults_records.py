"""Row 64 of docs/faults.md: the record of a clip that is nested deeply or of wrong types, or is no file."""

import json
from pathlib import Path

import pytest

from maskgen.errors import InputError
from maskgen.frames_settings import FramesSettings
from maskgen.video.frames.index import write_catalogue
from maskgen.video.frames.run import VideoFile, _record
from tests.helpers.special_files import make_special, within

pytestmark = pytest.mark.fault
RECORDS = [
    "[" * 100_000,
    "[]",
    "1",
    "null",
    '{"rows": 1}',
    '{"rows": [1], "report": {}, "settings": {}}',
    "{",
    "\xff",
]


def clip(folder: Path) -> VideoFile:
    (folder / "clip").mkdir()
    return VideoFile(folder / "clip.mp4", "clip.mp4", "clip")


@pytest.mark.parametrize("text", RECORDS, ids=lambda text: text[:20])
def test_row64_a_damaged_record_of_a_clip_is_one_line(tmp_path, text):
    source = clip(tmp_path)
    (tmp_path / "clip" / "clip.json").write_text(text, "latin-1")
    settings = FramesSettings(files=("clip.mp4",))
    for read in (lambda: _record(tmp_path, source, settings), lambda: write_catalogue(tmp_path)):
        with pytest.raises(InputError, match="is not what this program writes") as found:
            read()
        assert "\n" not in str(found.value)
    assert _record(tmp_path, source, settings.model_copy(update={"overwrite": True})) is None


def test_row64_a_record_of_a_clip_with_settings_of_another_type_is_one_line(tmp_path):
    source = clip(tmp_path)
    record = {"rows": [], "report": {"file": "a", "more": 1}, "settings": []}
    (tmp_path / "clip" / "clip.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="is not what this program writes"):
        _record(tmp_path, source, FramesSettings(files=("clip.mp4",)))


def test_row61_a_pipe_in_place_of_a_clips_record_is_one_line(tmp_path):
    source = clip(tmp_path)
    make_special(tmp_path / "clip" / "clip.json", "pipe")
    with within(10), pytest.raises(InputError, match="is a pipe"):
        _record(tmp_path, source, FramesSettings(files=("clip.mp4",)))
