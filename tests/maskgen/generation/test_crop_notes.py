"""Notes on crops of 112 pixels that are not aligned as ArcFace's, and on aligned ones of another size or border."""

import pytest

from maskgen.config import Given, load_settings
from maskgen.generation.crop_notes import note_of_alignment
from maskgen.generation.pipeline import generate, rehearse
from maskgen.settings import GenSettings
from tests.helpers.fake_worker_tools import build, draw_photos, settings_for

OPTIONS = {"--size": "crop.size", "--align": "crop.align", "--border": "crop.border"}


def note(**given):
    """Returns the notes on the settings that a command with these options resolves."""
    options = [Given(f"--{name}", f"crop.{name}", value) for name, value in given.items()]
    return note_of_alignment(load_settings(GenSettings, given=options).crop)


def test_crops_of_112_pixels_are_said_not_to_be_aligned():
    (line,) = note(size="112")
    assert "not aligned as ArcFace's" in line
    assert "--align arcface --border constant" in line


def test_an_alignment_changes_neither_size_nor_border_and_says_so():
    (line,) = note(align="arcface")
    assert "expect --size 112 --border constant" in line
    assert "have --size 256 --border reflect" in line
    (line,) = note(align="arcface", size="112")
    assert "expect --border constant too; these crops have --border reflect" in line


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"size": "128"},
        {"size": "112", "align": "ffhq"},
        {"size": "112", "align": "none"},
        {"size": "112", "align": "arcface", "border": "constant"},
        {"size": "224", "align": "arcface", "border": "reflect"},
    ],
)
def test_nothing_is_said_of_what_was_given(given):
    assert note(**given) == []


def test_a_run_and_its_rehearsal_carry_the_note(tmp_path):
    photos = draw_photos(tmp_path / "people", 2)
    settings = settings_for(photos, tmp_path / "out", crop={"size": 112}, source={"val": 0, "test": 0})
    for warnings in (rehearse(settings).warnings, generate(settings, build=build).warnings):
        assert any("not aligned as ArcFace's" in line for line in warnings)
