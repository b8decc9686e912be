"""Rows 610 to 615 and 688 of the fault matrix: runs of `unmask mask`, with fake tools."""

import json
import os
import random
import shutil
import signal
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgen.errors import TooManyFailures, UnmaskError, UsageError
from maskgen.masking.journal import NAME, Journal
from maskgen.masking.maps_mark import holding_maps, read_mark
from maskgen.masking.pipeline import mask_folder, rehearse_masking
from maskgen.masking.report import check_mask_failures
from maskgen.masking.tables import FACES, SKIPPED
from tests.helpers.fake_worker_tools import PHOTOS, build, draw_photo, finish
from tests.helpers.masking import masking, names_in, run_masking, start_masking, written
from tests.helpers.waiting import wait_for

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def undisturbed_files(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert run_masking(masking(photos, out)).masked == PHOTOS
    return written(out)


@pytest.fixture
def few(tmp_path: Path) -> Path:
    for number in range(4):
        draw_photo(tmp_path / "few" / "Ann" / f"{number}.jpg", number)
    return tmp_path / "few"


def skipped_rows(out: Path) -> list[str]:
    return (out / SKIPPED).read_text().splitlines()[1:]


# Row 610: nothing is written into the source, or outside the target


@pytest.mark.parametrize("out", ["few", "few/masked", "."])
def test_row610_a_target_in_the_source_or_around_it_is_refused(few, out):
    before = written(few.parent)
    with pytest.raises(UsageError, match="choose a folder beside it"):
        run_masking(masking(few, few.parent / out))
    assert written(few.parent) == before


def test_row610_the_folder_of_a_single_photo_or_archive_is_refused(few):
    photo = few / "Ann" / "0.jpg"
    before = photo.read_bytes()
    with pytest.raises(UsageError, match=r"holds 0\.jpg, which could be written over"):
        run_masking(masking(photo, photo.parent))
    assert photo.read_bytes() == before


def test_row610_maps_inside_the_target_are_refused(few, tmp_path):
    for maps in ("out", "out/maps"):
        with pytest.raises(UsageError, match=r"--maps .*choose a folder beside it"):
            run_masking(masking(few, tmp_path / "out", files={"maps": str(tmp_path / maps)}))
    assert not (tmp_path / "out").exists()


def test_row610_a_link_in_the_target_is_not_followed(few, tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (out / "Ann").symlink_to(elsewhere)
    with pytest.raises(UnmaskError, match="is a link that leads to"):
        run_masking(masking(few, out, run={"overwrite": True}))
    assert list(elsewhere.iterdir()) == []


def test_row610_an_archive_writes_only_below_the_target(few, tmp_path):
    archive = tmp_path / "in" / "photos.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("../evil.jpg", "/absolute.jpg", "Ann/good.jpg"):
            file.writestr(zipfile.ZipInfo(name), (few / "Ann" / "0.jpg").read_bytes())
    report = run_masking(masking(archive, tmp_path / "out"))
    assert report.masked == 3
    assert names_in(tmp_path / "out") == ["Ann/good.jpg", "_/absolute.jpg", "__/evil.jpg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few", "in", "out"]


# Row 612: kills, signals, damaged journals


def files_so_far(out):
    """Counts the files of a run that goes on; its folder for partial files may vanish meanwhile."""
    try:
        return len(names_in(out))
    except FileNotFoundError:
        return 0


def test_row612_killed_runs_leave_whole_files_and_end_with_the_same_bytes(
    photos, tmp_path, undisturbed_files
):
    out, rng = tmp_path / "out", random.Random(612)
    settings = masking(photos, out, run={"jobs": 2})
    for moment in sorted(rng.sample(range(1, PHOTOS - 4), 4)):
        run = start_masking(settings, FAKE_SECONDS="0.03")
        wait_for(lambda moment=moment, run=run: files_so_far(out) >= moment or run.poll() is not None)
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        for name in names_in(out):
            assert undisturbed_files.get(name) == written(out)[name] or name.startswith(".unmask-parts/")
    assert run_masking(settings).photos == PHOTOS
    assert written(out) == undisturbed_files


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_row612_signals_end_the_run_and_the_same_command_goes_on(
    photos, tmp_path, undisturbed_files, number, code
):
    out = tmp_path / "out"
    settings = masking(photos, out)
    run = start_masking(settings, FAKE_SECONDS="0.03")
    wait_for(lambda: files_so_far(out) >= 15)
    run.send_signal(number)
    assert "the same command goes on where it stopped" in finish(run, code)
    assert not (out / ".unmask-parts").exists()
    assert run_masking(settings).made < PHOTOS
    assert written(out) == undisturbed_files


def test_row612_other_numbers_of_jobs_give_the_same_bytes(photos, tmp_path, undisturbed_files):
    run_masking(masking(photos, tmp_path / "out", run={"jobs": 3}))
    assert written(tmp_path / "out") == undisturbed_files


@pytest.mark.parametrize("damage", ["cut", "garbage", "flipped", "twice"])
def test_row612_photos_whose_line_is_damaged_are_masked_again(few, tmp_path, damage):
    out = tmp_path / "out"
    run_masking(masking(few, out))
    before, journal = written(out), out / NAME
    lines = journal.read_bytes().splitlines(keepends=True)
    if damage == "cut":
        journal.write_bytes(b"".join(lines)[: -len(lines[-1]) - 20])
    elif damage == "garbage":
        journal.write_bytes(lines[0] + b"\xff\0{]\n" + b"".join(lines[2:]))
    elif damage == "flipped":
        journal.write_bytes(lines[0] + lines[1].replace(b'"files"', b'"fi1es"') + b"".join(lines[2:]))
    else:
        journal.write_bytes(b"".join(lines + lines[1:]))
    assert run_masking(masking(few, out)).made == (0 if damage == "twice" else 1)
    assert written(out) == before
    assert run_masking(masking(few, out)).made == 0


def test_row612_a_journal_that_names_files_outside_removes_none(few, tmp_path):
    out, outside = tmp_path / "out", tmp_path / "outside.jpg"
    run_masking(masking(few, out))
    outside.write_bytes(b"mine")
    with (out / NAME).open("ab") as file:
        for path in ("../outside.jpg", str(outside)):
            entry = {"photo": "Ann/0.jpg", "bytes": 1, "files": {path: 4}, "masked": 1}
            file.write(json.dumps(entry).encode() + b"\n")
    run_masking(masking(few, out, seed=1, run={"overwrite": True}))
    assert outside.read_bytes() == b"mine"


def test_row612_a_foreign_file_in_place_of_the_journal_is_refused(few, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / NAME).write_text('{"my": "notes"}\n')
    with pytest.raises(UsageError, match="is no journal of unmask mask"):
        run_masking(masking(few, tmp_path / "out"))
    assert (tmp_path / "out" / NAME).read_text() == '{"my": "notes"}\n'


# Row 613: other settings, other files, two runs


def test_row613_other_settings_are_refused_with_the_difference(few, tmp_path):
    out = tmp_path / "out"
    run_masking(masking(few, out))
    before = written(out)
    for more, said in (
        ({"masks": {"masks": "n95"}}, "masks.masks: .* now"),
        ({"seed": 7}, "seed: 0 there, 7 now"),
        ({"files": {"quality": 80}}, "files.quality: 95 there, 80 now"),
        ({"files": {"also_original": True}}, "files.also_original: False there, True now"),
        ({"files": {"maps": str(tmp_path / "maps")}}, "files.maps: False there, True now"),
    ):
        with pytest.raises(UsageError, match=said):
            run_masking(masking(few, out, **more))
        with pytest.raises(UsageError, match=said):
            rehearse_masking(masking(few, out, **more))
    assert written(out) == before


def test_row613_overwrite_starts_anew_and_removes_only_its_own_files(few, tmp_path):
    out = tmp_path / "out"
    run_masking(masking(few, out, files={"also_original": True}))
    (out / "mine.txt").write_text("mine")
    run_masking(masking(few, out, seed=3, run={"overwrite": True}))
    assert names_in(out) == [*(f"Ann/{number}.jpg" for number in range(4)), "mine.txt"]


def test_row613_an_overwrite_that_was_stopped_goes_on(few, tmp_path):
    out = tmp_path / "out"
    run_masking(masking(few, out))
    again = masking(few, out, seed=3, run={"overwrite": True})
    run_masking(again)
    lines = (out / NAME).read_bytes().splitlines(keepends=True)
    (out / NAME).write_bytes(b"".join(lines[:3]))  # as if killed after two photos
    assert run_masking(again).made == 2
    assert run_masking(again).made == 4  # it had come to its end: from the start


def test_row613_a_folder_with_other_files_is_refused_before_anything_is_written(few, tmp_path):
    for flag in ("out", "maps"):
        folder = tmp_path / flag
        folder.mkdir()
        (folder / "holiday.jpg").write_bytes(b"mine")
        files = {"out": str(tmp_path / "other")} | {flag: str(folder)}
        with pytest.raises(UsageError, match=rf"--{flag} .*: holds holiday\.jpg"):
            run_masking(masking(few, tmp_path / "other", files=files))
        assert [path.name for path in folder.iterdir()] == ["holiday.jpg"]
        shutil.rmtree(folder)


def test_row613_a_second_run_into_the_same_folder_is_refused(few, tmp_path):
    out = tmp_path / "out"
    run_masking(masking(few, out))
    first = Journal(out)
    first.open()
    try:
        with pytest.raises(UsageError, match="another run writes there"):
            run_masking(masking(few, out))
    finally:
        first.close()
    assert run_masking(masking(few, out)).made == 0


def test_row745_two_runs_do_not_write_their_maps_into_one_folder(few, tmp_path):
    maps, out = tmp_path / "maps", tmp_path / "second"
    for begun in (False, True):  # by a run that has not written yet, and by one that has
        if begun:
            run_masking(masking(few, tmp_path / "first", files={"maps": str(maps)}))
        with (
            holding_maps(maps),
            pytest.raises(UsageError, match=r"another run writes its maps there|holds Ann"),
        ):
            run_masking(masking(few, out, files={"maps": str(maps)}))
        assert not list(out.rglob("*.jpg"))
        assert bool(read_mark(maps)) is begun
    with holding_maps(maps), pytest.raises(UsageError, match="another run writes its maps there"):
        run_masking(masking(few, tmp_path / "first", files={"maps": str(maps)}))
    assert run_masking(masking(few, tmp_path / "first", files={"maps": str(maps)})).made == 0


def test_row745_a_stopped_run_leaves_its_folder_of_maps_unlocked(few, tmp_path):
    maps = tmp_path / "maps"

    def stopped():
        with holding_maps(maps) as mark:
            mark.write("0123")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert read_mark(maps) == "0123"
    with holding_maps(maps) as mark:
        mark.write("45")
    assert read_mark(maps) == "45"


def test_row613_a_file_in_place_of_a_folder_is_refused(few, tmp_path):
    (tmp_path / "out").write_bytes(b"mine")
    with pytest.raises(UsageError, match="is a file; choose a folder"):
        run_masking(masking(few, tmp_path / "out"))


# Row 614: photos and files that change between runs


def test_row614_only_new_and_changed_photos_are_masked(few, tmp_path):
    out = tmp_path / "out"
    run_masking(masking(few, out))
    draw_photo(few / "Bob" / "new.jpg", 9)
    cv2.imwrite(str(few / "Ann" / "1.jpg"), np.full((80, 80, 3), 90, np.uint8))
    report = run_masking(masking(few, out))
    assert (report.made, report.photos) == (2, 5)
    assert cv2.imread(str(out / "Ann" / "1.jpg")).shape == (80, 80, 3)


def test_row614_what_was_made_of_a_removed_photo_is_left_and_said(few, tmp_path):
    out = tmp_path / "out"
    run_masking(masking(few, out))
    (few / "Ann" / "0.jpg").unlink()
    report = run_masking(masking(few, out))
    assert any("1 photos of earlier runs are not among these" in line for line in report.warnings)
    assert (out / "Ann" / "0.jpg").exists()
    assert report.photos == 3


def test_row614_files_that_were_deleted_or_cut_are_made_again(few, tmp_path):
    out = tmp_path / "out"
    run_masking(masking(few, out, files={"maps": str(tmp_path / "maps")}))
    before = written(out), written(tmp_path / "maps")
    (out / "Ann" / "0.jpg").unlink()
    (out / "Ann" / "1.jpg").write_bytes((out / "Ann" / "1.jpg").read_bytes()[:100])
    (tmp_path / "maps" / "Ann" / "2.png").unlink()
    assert run_masking(masking(few, out, files={"maps": str(tmp_path / "maps")})).made == 3
    assert (written(out), written(tmp_path / "maps")) == before


# Row 615: photos that fail


def test_row615_photos_without_a_mask_are_counted_listed_and_not_written(few, tmp_path):
    draw_photo(few / "noface.jpg", 1)
    (few / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    out = tmp_path / "out"
    report = run_masking(masking(few, out))
    assert (report.photos, report.masked, report.skipped) == (6, 4, {"no_face": 1, "truncated": 1})
    assert [row.split(",")[:2] for row in skipped_rows(out)] == [
        ["broken.jpg", "truncated"],
        ["noface.jpg", "no_face"],
    ]
    assert names_in(out) == [f"Ann/{number}.jpg" for number in range(4)]
    assert len((out / FACES).read_text().splitlines()) == 5
    with pytest.raises(TooManyFailures, match="1 of 6 photos failed"):
        check_mask_failures(report, masking(few, out))
    check_mask_failures(report, masking(few, out, run={"max_failures": 0.5}))


def test_row615_copies_of_photos_without_a_mask_are_written_on_request(few, tmp_path):
    draw_photo(few / "noface.png", 1)
    (few / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    report = run_masking(masking(few, tmp_path / "out", files={"unmasked": "copy"}))
    assert (report.masked, report.copied, report.files) == (4, 1, 5)
    copy, photo = (cv2.imread(str(folder / "noface.png")) for folder in (tmp_path / "out", few))
    assert np.array_equal(copy, photo)


@pytest.mark.parametrize("name", ["segfault", "kill", "memory", "bug", "hang"])
def test_row615_a_photo_that_ends_or_hangs_its_worker_is_set_aside(few, tmp_path, name):
    draw_photo(few / "Ann" / f"{name}.jpg", 5)
    out = tmp_path / "out"
    settings = masking(few, out)
    report = mask_folder(settings, build=build, hang_after=2.0 if name == "hang" else 60.0)
    assert (report.masked, report.skipped) == (4, {"poison": 1})
    with pytest.raises(TooManyFailures, match="--retry-failed"):
        check_mask_failures(report, settings)
    assert run_masking(settings).made == 0


def test_row615_failed_photos_are_tried_again_on_request(few, tmp_path, monkeypatch):
    draw_photo(few / "Ann" / "bug.jpg", 5)
    draw_photo(few / "Ann" / "noface.jpg", 6)
    out = tmp_path / "out"
    run_masking(masking(few, out))
    monkeypatch.setenv("FAKE_HEALED", "1")
    report = run_masking(masking(few, out, run={"retry_failed": True}))
    assert (report.made, report.masked, report.skipped) == (1, 5, {"no_face": 1})


def test_row615_a_full_disk_ends_the_run_with_one_line_and_the_same_command_goes_on(
    few, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    run = start_masking(masking(few, out), FAKE_SECONDS="0")
    finish(run)
    before = written(out)
    shutil.rmtree(out)
    code = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, (700, resource.RLIM_INFINITY))"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(code)
    said = finish(start_masking(masking(few, out)), 5)
    assert "no file may grow to" in said
    monkeypatch.delenv("PYTHONPATH")
    run_masking(masking(few, out))
    assert written(out) == before


# Row 688: nothing of others is removed or replaced through a journal, a link or --maps


def test_row688_a_journal_and_a_link_do_not_remove_a_file_outside(few, tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    run_masking(masking(few, out))
    elsewhere.mkdir()
    (elsewhere / "mine.txt").write_text("mine")
    (out / "link").symlink_to(elsewhere)
    with (out / NAME).open("a") as journal:
        journal.write(json.dumps({"photo": "x.jpg", "files": {"link/mine.txt": 4}}) + "\n")
    assert run_masking(masking(few, out, run={"overwrite": True})).masked == 4
    assert (elsewhere / "mine.txt").read_text() == "mine"


def test_row688_maps_of_a_later_run_do_not_replace_files_of_others(few, tmp_path):
    out, maps, other = (tmp_path / name for name in ("out", "maps", "other"))
    run_masking(masking(few, out, files={"maps": str(maps)}))
    (other / "Ann").mkdir(parents=True)
    (other / "Ann" / "0.png").write_bytes(b"mine")
    for call in (run_masking, rehearse_masking):
        with pytest.raises(
            UsageError, match=r"--maps .*other: holds Ann/0\.png, which no run into .*out has made"
        ):
            call(masking(few, out, files={"maps": str(other)}))
    assert (other / "Ann" / "0.png").read_bytes() == b"mine"
    with pytest.raises(UsageError, match=r"--maps .*maps: holds Ann/0\.png"):
        run_masking(masking(few, tmp_path / "second", files={"maps": str(maps)}))
    assert run_masking(masking(few, out, files={"maps": str(maps)})).made == 0
    assert run_masking(masking(few, out, files={"maps": str(tmp_path / "new")})).made == 4
    assert run_masking(masking(few, out, files={"maps": str(other)}, run={"overwrite": True})).made == 4


def test_row688_maps_moved_with_their_photos_stay_theirs(few, tmp_path):
    run_masking(masking(few, tmp_path / "a" / "out", files={"maps": str(tmp_path / "a" / "maps")}))
    (tmp_path / "a").rename(tmp_path / "b")
    assert (
        run_masking(masking(few, tmp_path / "b" / "out", files={"maps": str(tmp_path / "b" / "maps")})).made
        == 0
    )


def test_row688_long_names_of_folders_in_an_archive_are_cut(few, tmp_path):
    archive, letter = tmp_path / "in" / "photos.zip", "\u5f20"  # three bytes
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as file:
        for end in "ab":
            file.writestr(f"{letter * 100}{end}/0.jpg", (few / "Ann" / "0.jpg").read_bytes())
    assert run_masking(masking(archive, tmp_path / "out")).files == 2
    assert names_in(tmp_path / "out") == [f"{letter * 85}/{name}" for name in ("0.jpg", "0~1.jpg")]


@pytest.mark.parametrize("kind", ["link", "pipe"])
@pytest.mark.parametrize("place", ["out", "maps"])
def test_row770_a_link_or_pipe_in_place_of_the_journal_or_mark_is_refused(few, tmp_path, place, kind):
    victim, name = tmp_path / "victim", {"out": NAME, "maps": ".unmask-maps"}[place]
    victim.write_text("mine")
    (tmp_path / place).mkdir()
    if kind == "link":
        (tmp_path / place / name).symlink_to(victim)
    else:
        os.mkfifo(tmp_path / place / name)
    calls = (run_masking, rehearse_masking) if place == "out" and kind == "pipe" else (run_masking,)
    for call in calls:
        with pytest.raises(UsageError, match=rf"{name}: is a {kind}, where a file of unmask belongs; move"):
            call(masking(few, tmp_path / "out", files={"maps": str(tmp_path / "maps")}))
    assert victim.read_text() == "mine"
    (tmp_path / place / name).unlink()
    assert run_masking(masking(few, tmp_path / "out", files={"maps": str(tmp_path / "maps")})).made == 4


# Row 689: what a run cannot see by sizes and names


def test_row689_a_photo_that_changes_without_changing_its_size_is_masked_again(tmp_path):
    source, out = tmp_path / "photos", tmp_path / "out"
    source.mkdir()
    for number in range(2):
        draw_photo(tmp_path / f"{number}.jpg", number)
        cv2.imwrite(str(source / f"{number}.bmp"), cv2.imread(str(tmp_path / f"{number}.jpg")))
    run_masking(masking(source, out))
    assert run_masking(masking(source, out)).made == 0
    before = written(out)
    shutil.copyfile(source / "1.bmp", source / "0.bmp")
    assert run_masking(masking(source, out)).made == 1
    assert written(out)["0.bmp"] != before["0.bmp"]


def test_row689_parts_of_tables_that_a_kill_cut_are_removed(few, tmp_path):
    out = tmp_path / "out"
    run_masking(masking(few, out))
    before = written(out)
    (out / f".{FACES}.1-0a0b0c0d.part").write_bytes(b"photo,fi")
    run_masking(masking(few, out))
    assert written(out) == before
