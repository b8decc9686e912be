"""Row 62 of docs/faults.md: `run` goes on with the next input after any fault of one."""

import json
import shutil

import pytest
from PIL import Image

from maskgen.errors import InputError, MissingError, UnmaskError
from maskgen.video.frames.run import find_files
from tests.helpers.restoring import ToyNetworks, draw_photo, face_at, fixed_detector
from tests.helpers.special_files import KINDS, make_special, within
from unmasknet.restore import batch, photo_file, video_file
from unmasknet.restore.batch import run
from unmasknet.restore.inputs import find_inputs
from unmasknet.restore.settings import RestoreSettings
from unmasknet.restore.unmasker import Unmasker

pytestmark = pytest.mark.fault
FACE = (100, 120, 160)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(draw_photo(240, 200, FACE)).save(folder / name)
    return folder


def restore(folder, unmasker=None, **options):
    settings = RestoreSettings(inputs=(str(folder),), out=str(folder.parent / "out"), **options)
    unmasker = unmasker or Unmasker(ToyNetworks(), fixed_detector(face_at(*FACE)))
    with within(60):
        return run(settings, unmasker, lambda *_: None)


def check_others(report, folder, faulty: str, reason: str) -> None:
    """Checks that one input failed for a reason, in one line, and that the others have their results."""
    assert report.failed == 1
    for result in report.results:
        if result.input.endswith(faulty):
            assert reason in result.error
            assert "\n" not in result.error
            assert not result.output
        else:
            assert result.masked == 1
            with Image.open(result.output) as image:
                assert image.size == (200, 240)


@pytest.mark.parametrize("kind", KINDS)
def test_row62_a_pipe_device_or_sparse_file_is_one_failed_input(photos, kind):
    make_special(photos / "b.png", kind)
    check_others(restore(photos), photos, "b.png", KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_row62_a_map_that_is_no_file_fails_its_photo_alone(photos, kind):
    maps = photos.parent / "maps"
    maps.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(draw_photo(240, 200, FACE)).convert("L").point(lambda v: 255 * (v < 90)).save(
            maps / name
        )
    make_special(maps / "b.png", kind)
    report = restore(photos, map=str(maps))
    assert [bool(result.error) for result in report.results] == [False, True, False]


def test_row62_links_that_form_a_circle_fail_alone(photos):
    (photos / "b.png").unlink()
    (photos / "b.png").symlink_to(photos / "b2.png")
    (photos / "b2.png").symlink_to(photos / "b.png")
    report = restore(photos)
    assert [bool(result.error) for result in report.results] == [False, True, False] or report.failed == 2
    assert sum(result.masked for result in report.results) == 2


def test_row62_a_photo_that_vanishes_fails_alone(photos, monkeypatch):
    listed = batch.find_inputs

    def find_then_lose(*args):
        found = listed(*args)
        (photos / "b.png").unlink()
        return found

    monkeypatch.setattr(batch, "find_inputs", find_then_lose)
    check_others(restore(photos), photos, "b.png", "No such file")


class Failing(Unmasker):
    """An Unmasker that fails at its second photo."""

    def __init__(self, error: Exception) -> None:
        super().__init__(ToyNetworks(), fixed_detector(face_at(*FACE)))
        self.error, self.calls = error, 0

    def __call__(self, *args, **options):
        self.calls += 1
        if self.calls == 2:
            raise self.error
        return super().__call__(*args, **options)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("a network fails"), ValueError("odd\nlines"), InputError("unusable")],
)
def test_row62_an_error_of_a_network_or_of_memory_fails_its_photo_alone(photos, error):
    reason = str(error).partition("\n")[0] or "MemoryError"
    check_others(restore(photos, Failing(error)), photos, "b.png", reason)


def test_row62_a_video_that_no_package_can_read_fails_alone(photos, monkeypatch):
    (photos / "b.png").rename(photos / "b.mp4")
    monkeypatch.setattr(video_file, "find_spec", lambda name: None)
    check_others(restore(photos), photos, "b.mp4", "videos need PyAV")


def test_row62_inputs_that_all_fail_for_want_of_a_package_keep_its_exit_code(photos, monkeypatch):
    for path in photos.iterdir():
        path.rename(path.with_suffix(".mp4"))
    monkeypatch.setattr(video_file, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match="videos need PyAV"):
        restore(photos)


@pytest.mark.parametrize("name", ["..jpg", "...jpg", ".jpg", "..mp4", "..jpg_large"])
def test_row48_a_name_of_dots_and_a_suffix_is_a_name(photos, name):
    (photos / "a.png").rename(photos / name)
    report = restore(photos)
    assert {result.input for result in report.results} == {str(file) for file in photos.iterdir()}
    assert [result.input for result in report.results if result.error] == [str(photos / "..mp4")] * (
        name == "..mp4"
    )
    assert len({result.output for result in report.results}) == len(report.results)


def test_row57_videos_that_a_system_left_are_no_inputs(photos):
    for name in ("a/.thumbnails/a.mp4", "@eaDir/b.mp4", ".trashed-1700000000-c.mp4", "._d.mp4", "a/d.mp4"):
        (photos / name).parent.mkdir(exist_ok=True, parents=True)
        (photos / name).write_bytes(b"clip")
    found = find_inputs([str(photos)], photos.parent / "out")
    assert [one.name for one in found] == ["a", "b", "c", "a/d"]
    assert [file.name for file in find_files((str(photos),))] == ["a/d.mp4"]


def test_row62_the_longest_name_gets_a_result(photos):
    name = "n" * 251 + ".png"
    (photos / "b.png").rename(photos / name)
    report = restore(photos, save_map=True)
    assert report.failed == 1  # NAME-map.png would be longer than a disk allows
    assert sum(result.masked for result in report.results) == 2
    shutil.rmtree(photos.parent / "out")
    assert restore(photos).failed == 0


def test_row62_a_folder_of_results_that_cannot_be_written_ends_the_run(photos, monkeypatch):
    def full(*_):
        raise MissingError("no room")

    monkeypatch.setattr(photo_file, "write_atomic", full)
    with pytest.raises(UnmaskError, match="no room"):
        restore(photos)


def test_row62_the_report_is_json(photos):
    (photos / "b.png").write_bytes(b"")
    report = restore(photos)
    assert json.loads(json.dumps([result.error for result in report.results]))[1]
