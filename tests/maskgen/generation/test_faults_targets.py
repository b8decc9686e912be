"""Rows 18 to 20 and 22 of the fault matrix, on target folders: same bytes, other settings, damage, foreign files."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from maskgen.dataset.plan import load_plan
from maskgen.dataset.shard_record import read_record
from maskgen.dataset.verify import verify
from maskgen.errors import UsageError
from maskgen.files import record_path
from tests.helpers.fake_worker_tools import (
    PHOTOS,
    contents,
    draw_photo,
    draw_photos,
    finish,
    in_part,
    make,
    settings_for,
    start,
)
from tests.helpers.waiting import Watch, wait_for

pytestmark = pytest.mark.fault


# Row 18: the same bytes


@pytest.mark.parametrize("jobs", [2, 3])
def test_row18_any_number_of_jobs_gives_the_same_bytes(
    jobs: int, photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    make(settings_for(photos, out, run={"jobs": jobs}))
    assert contents(out) == contents(undisturbed)


def test_row18_two_slices_run_together_give_the_same_bytes(
    photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    slices = [settings_for(photos, out, run={"shards": f"{i}::2"}) for i in (0, 1)]
    for run in [start(settings) for settings in slices]:
        finish(run)
    assert contents(out) == contents(undisturbed)


def test_row18_another_time_zone_locale_and_folder_give_the_same_bytes(
    photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere" / photos.name
    shutil.copytree(photos, moved)
    run = start(
        settings_for(moved, tmp_path / "out"), TZ="Pacific/Kiritimati", LC_ALL="C", PYTHONHASHSEED="7"
    )
    finish(run)
    assert contents(tmp_path / "out") == contents(undisturbed)


# Row 19: resuming under other conditions


def test_row19_another_seed_size_or_version_is_refused_with_the_differences(
    photos: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    before = contents(out)
    with pytest.raises(UsageError, match=r"crop\.size: 256 there, 128 now\n  seed: 0 there, 7 now"):
        make(settings_for(photos, out, crop={"size": 128}).model_copy(update={"seed": 7}))
    monkeypatch.setenv("FAKE_VERSION", "2")
    with pytest.raises(UsageError, match="version of fake: 1 there, 2 now"):
        make(settings_for(photos, out))
    assert contents(out) == before


def test_row19_more_or_fewer_photos_are_refused_unless_extend_is_given(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(settings_for(photos, out, source={"n": 20}))
    before = contents(out)
    for n in (10, 30):
        with pytest.raises(UsageError, match=f"photos: 20 there, {n} now"):
            make(settings_for(photos, out, source={"n": n}))
    settings = settings_for(photos, out, source={"n": 30}, run={"extend": True})
    assert make(settings).triplets == 30
    after = contents(out)
    assert all(after[name] == digest for name, digest in before.items() if name.endswith(".tar"))
    assert make(settings).made == 0
    assert verify(out).ok


def test_row19_overwrite_replaces_the_data_set(photos: Path, undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(settings_for(photos, out, shards={"shard_size": 2}))
    assert len(list(out.glob("*.tar"))) > len(list(undisturbed.glob("*.tar")))
    (out / "notes.txt").write_text("mine")
    make(settings_for(photos, out, run={"overwrite": True}))
    assert (out / "notes.txt").read_text() == "mine"
    (out / "notes.txt").unlink()
    assert contents(out) == contents(undisturbed)


def test_row19_a_killed_overwrite_is_resumed_by_the_same_command(
    photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    make(settings_for(photos, out, shards={"shard_size": 2}))
    settings = settings_for(photos, out, run={"overwrite": True})
    watch = Watch(tmp_path / "watch")
    held = load_plan(undisturbed / ".work" / "plan.json").shards[-1].refs[0].id
    watch.hold(held)  # the run cannot end before it is killed
    run = start(settings, hang_after=9999.0, **watch.env)
    wait_for(lambda: held in watch.last().values())
    assert not (out / "dataset.json").exists()
    assert in_part(out)
    run.kill()
    finish(run, code=-signal.SIGKILL)
    there = {path.name for path in out.glob("*.tar") if record_path(out, path.stem).exists()}
    report = make(settings)
    assert there
    assert report.made < PHOTOS
    assert contents(out) == contents(undisturbed)


# Row 20: damage


def damage_tar_gone(out: Path) -> None:
    (out / "train-000001.tar").unlink()


def damage_record_gone(out: Path) -> None:
    (out / "records/train-000001.record").unlink()


def damage_tar_cut(out: Path) -> None:
    os.truncate(out / "train-000001.tar", 1024)


def damage_tar_flipped(out: Path) -> None:
    data = bytearray((out / "train-000001.tar").read_bytes())
    data[700] ^= 1
    (out / "train-000001.tar").write_bytes(data)


def damage_record_cut(out: Path) -> None:
    os.truncate(out / "records/train-000001.record", 40)


def damage_record_of_a_photo(out: Path) -> None:
    record = out / "records/train-000001.record"
    report = json.loads(record.read_text())
    photo, content, look = report["prints"][0]
    report["prints"][0] = [photo, content[:-1] + "01"[content[-1] == "0"], look]
    record.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")


def damage_record_blank(out: Path) -> None:
    record = out / "records/train-000001.record"
    record.write_text(record.read_text().replace("\n ", "\n\t", 1))


@pytest.mark.parametrize(
    "damage",
    [
        damage_tar_gone,
        damage_record_gone,
        damage_tar_cut,
        damage_tar_flipped,
        damage_record_cut,
        damage_record_of_a_photo,
        damage_record_blank,
    ],
)
def test_row20_only_a_damaged_shard_is_made_again(
    damage: Callable[[Path], None], photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    damage(out)
    record = read_record(undisturbed, "train-000001")
    assert make(settings_for(photos, out)).made == record.photos < PHOTOS
    assert contents(out) == contents(undisturbed)


# Row 22: foreign files, two runs


@pytest.mark.parametrize("name", ["notes.txt", "ann/1.jpg", "a/b/c/1.jpg"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_row22_foreign_files_are_left_alone_and_a_warning_names_them(
    name: str, overwrite: bool, photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")
    settings = settings_for(photos, tmp_path, run={"overwrite": overwrite})
    (warning,) = make(settings).warnings
    assert f"held {name} before" in warning
    assert make(settings).warnings == ()
    assert (tmp_path / name).read_text() == "mine"
    assert contents(undisturbed).items() <= contents(tmp_path).items()


def test_row22_hidden_files_folders_and_remains_of_a_killed_run_count_as_an_empty_folder(
    photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for name in (".DS_Store", ".git/config", ".work/lock"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).touch()
    (out / "lost+found").mkdir()
    assert make(settings_for(photos, out)).warnings == ()
    assert contents(undisturbed).items() <= contents(out).items()


def test_row22_foreign_files_in_a_data_set_and_a_data_set_without_plan_are_left_alone(
    photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    (out / "notes.txt").write_text("mine")
    make(settings_for(photos, out))
    shutil.rmtree(out / ".work")
    with pytest.raises(UsageError, match="or --overwrite what is there"):
        make(settings_for(photos, out))
    make(settings_for(photos, out, run={"overwrite": True}))
    assert (out / "notes.txt").read_text() == "mine"
    assert contents(undisturbed).items() <= contents(out).items()


def test_row22_overwrite_is_not_advised_if_it_would_not_help(photos: Path, tmp_path: Path) -> None:
    (tmp_path / ".work").mkdir()
    (tmp_path / "README.md").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="move it away: --overwrite would not replace it"):
            make(settings_for(photos, tmp_path, run={"overwrite": overwrite}))


@pytest.mark.parametrize("kind", ["link", "pipe"])
@pytest.mark.parametrize("name", ["lock", "lock-0-of-1"])
def test_row770_a_link_or_pipe_in_place_of_a_lock_is_refused(
    name: str, kind: str, photos: Path, tmp_path: Path
) -> None:
    victim, lock = tmp_path / "victim", tmp_path / "out" / ".work" / name
    victim.write_text("mine")
    lock.parent.mkdir(parents=True)
    if kind == "link":
        lock.symlink_to(victim)
    else:
        os.mkfifo(lock)
    with pytest.raises(
        UsageError, match=rf"{name}: is a {kind}, where a file of unmask belongs; move it away"
    ):
        make(settings_for(photos, tmp_path / "out"))
    assert victim.read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["README.md", "dataset.json", "train-000000.tar", "records/train-000000.record"]
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_row22_foreign_files_with_names_of_a_data_set_are_refused_and_kept(
    name: str, overwrite: bool, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text('{"theirs": 1}')
    with pytest.raises(UsageError, match=name):
        make(settings_for(photos, out, run={"overwrite": overwrite}))
    assert (out / name).read_text() == '{"theirs": 1}'


def test_row22_a_data_set_of_another_program_is_not_overwritten(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "dataset.json").write_text('{"format": "theirs", "images": []}')
    (out / "README.md").write_text("mine")
    with pytest.raises(UsageError, match=r"README\.md, dataset\.json"):
        make(settings_for(photos, out, run={"overwrite": True}))
    assert (out / "README.md").read_text() == "mine"
    assert (out / "dataset.json").read_text().startswith('{"format": "theirs"')


def test_row22_a_refused_run_leaves_no_files(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="README"):
        make(settings_for(photos, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_row22_a_second_run_of_the_same_slice_is_refused_with_the_process_of_the_first(
    photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    # runs until it is killed, however slow the machine is
    first = start(settings_for(photos, out, run={"shards": "1::2"}), FAKE_SECONDS="9999", hang_after=9999.0)
    wait_for(lambda: in_part(out))
    for part in ("1::2", "3::4", ""):
        with pytest.raises(UsageError, match=f"slice 1::2 is being made by process {first.pid} on "):
            make(settings_for(photos, out, run={"shards": part}))
    other = make(settings_for(photos, out, run={"shards": "0::2"}))
    assert not other.whole
    first.kill()
    finish(first, code=-signal.SIGKILL)
    assert make(settings_for(photos, out)).whole  # the lock of the killed run blocks no other


def test_row19_the_package_that_reads_heic_counts_where_there_are_heic_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = draw_photos(tmp_path / "photos", 2)
    plain, phone = (settings_for(photos, tmp_path / name, run={"max_failures": 1}) for name in "ab")
    make(plain)
    assert "pillow-heif" not in load_plan(tmp_path / "a" / ".work" / "plan.json").versions
    draw_photo(photos / "drawn.jpg", 3)
    (photos / "drawn.jpg").rename(photos / "IMG_1.HEIC")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pillow_heif", None)
        make(phone)
    with pytest.raises(UsageError, match=r"version of pillow-heif: not installed there, [0-9.]+ now"):
        make(phone)
