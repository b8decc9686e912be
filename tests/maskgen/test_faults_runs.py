"""Rows 15 to 20, 22 and 23 of the matrix: kills, signals, full disks, resuming, foreign files, poison."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from maskgen.engine import Stopped
from maskgen.errors import MissingError, TooManyFailures, UnmaskError, UsageError
from maskgen.pipeline import GenReport, check_failures, generate
from maskgen.settings import GenSettings
from maskgen.verify import verify
from tests.maskgen.fake_kit import build, contents, draw_photo, draw_photos, finish, settings_for, start

pytestmark = pytest.mark.fault

KILLS = int(os.environ.get("UNMASK_TEST_KILLS", "5"))  # each takes a second or two
PHOTOS = 40


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_photos(tmp_path_factory.mktemp("source") / "people", PHOTOS)


@pytest.fixture(scope="module")
def undisturbed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert make(settings_for(photos, out)).triplets == PHOTOS
    return out


def make(settings: GenSettings, hang_after: float = 60.0) -> GenReport:
    return generate(settings, build=build, hang_after=hang_after)


def wait_for(true: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def workers_of(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(child) for child in children.read_text().split()] if children.exists() else []


def in_part(out: Path) -> bool:
    """Whether a shard is being written."""
    return any((out / ".work").glob("*.tar.*.part"))


# Row 15: kills


def test_row15_killed_runs_leave_no_partial_file_and_end_byte_identical(
    photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out, rng = tmp_path / "out", random.Random(15)
    settings = settings_for(photos, out, run={"jobs": 2})
    hits = 0
    while hits < KILLS:
        run = start(settings, FAKE_SECONDS="0.02")
        wait_for(lambda run=run: in_part(out) or run.poll() is not None)
        time.sleep(rng.uniform(0, 0.3))
        run.kill()
        finish(run, code=run.wait())
        hits += run.returncode == -signal.SIGKILL
        for tar in out.glob("*.tar"):
            assert tar.read_bytes() == (undisturbed / tar.name).read_bytes()
        if run.returncode == 0:
            shutil.rmtree(out)
    assert make(settings).triplets == PHOTOS
    assert contents(out) == contents(undisturbed)
    assert not in_part(out)


def test_row15_killed_workers_are_replaced_and_no_photo_is_blamed(
    photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out, rng, killed = tmp_path / "out", random.Random(16), 0
    run = start(settings_for(photos, out, run={"jobs": 2}), FAKE_SECONDS="0.05")
    wait_for(lambda: in_part(out) or run.poll() is not None)
    while killed < KILLS and run.poll() is None:
        for worker in rng.sample(workers_of(run.pid), k=min(1, len(workers_of(run.pid)))):
            os.kill(worker, signal.SIGKILL)
            killed += 1
        time.sleep(rng.uniform(0.3, 0.8))
    finish(run)
    assert killed >= min(KILLS, 3)
    assert contents(out) == contents(undisturbed)


def test_row15_workers_end_with_a_killed_run(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = start(settings_for(photos, out, run={"jobs": 2}), FAKE_SECONDS="0.2")
    wait_for(lambda: in_part(out))
    workers = workers_of(run.pid)
    run.kill()
    finish(run, code=-signal.SIGKILL)
    assert len(workers) == 2
    wait_for(lambda: not any(is_alive(worker) for worker in workers), seconds=3)


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_row15_a_kill_for_memory_at_one_photo_is_tried_again(photos: Path, tmp_path: Path) -> None:
    source = tmp_path / "people"
    shutil.copytree(photos, source)
    draw_photo(source / "once" / "once_0001.jpg", 77)
    run = start(settings_for(source, tmp_path / "out"), FAKE_MARK=str(tmp_path / "mark"))
    finish(run)
    facts = json.loads((tmp_path / "out" / "dataset.json").read_bytes())
    assert (facts["triplets"], facts["skipped"]) == (PHOTOS + 1, {})


# Row 16: signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_row16_a_signal_ends_the_run_within_5_seconds_and_the_same_command_goes_on(
    number: signal.Signals, photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    settings = settings_for(photos, out, run={"jobs": 2})
    run = start(settings, FAKE_SECONDS="0.03")
    wait_for(lambda: any(out.glob("*.json")))
    workers, began = workers_of(run.pid), time.monotonic()
    os.killpg(run.pid, number)  # as a terminal does: parent and workers alike
    said = finish(run, code=128 + number)
    assert time.monotonic() - began < 5
    assert re.match(rf"stopped by {number.name} with \d of \d shards done; the same command goes on", said)
    assert len(said.splitlines()) == 1
    assert not in_part(out)
    assert not any(is_alive(worker) for worker in workers)
    make(settings)
    assert contents(out) == contents(undisturbed)


def test_row16_stopped_knows_its_exit_code() -> None:
    assert (Stopped(signal.SIGINT).exit_code, Stopped(signal.SIGTERM).exit_code) == (130, 143)


# Row 17: the disk


def test_row17_a_file_too_large_for_the_disk_is_said_in_one_line_and_the_run_resumes(
    photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    settings = settings_for(photos, tmp_path / "out")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))"
    said = finish(start(settings, prelude=limit), code=MissingError.exit_code)
    assert "no file may grow to" in said
    assert ".tar (about 1" in said  # kB: what the shard needed
    assert len(said.splitlines()) == 1
    assert not in_part(tmp_path / "out")
    make(settings)
    assert contents(tmp_path / "out") == contents(undisturbed)


def test_row17_a_full_disk_is_said_in_one_line_and_the_run_resumes(
    photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]
    if subprocess.run([*mount, f"mount -t tmpfs -o size=300k tmpfs {disk}"], capture_output=True).returncode:
        pytest.skip("this user may not mount a small disk")
    code = "from tests.maskgen.fake_kit import main; import sys; sys.exit(main())"
    settings = settings_for(photos, disk / "out")
    script = (
        f"mount -t tmpfs -o size=300k tmpfs {disk} && {{ python -c '{code}' \"$1\" 60; test $? = 5; }} && "
        f"ls {disk}/out/.work && mount -o remount,size=9m {disk} && python -c '{code}' \"$1\" 60 && "
        f"cp -r {disk}/out {tmp_path}/kept"
    )
    python = str(Path(os.sys.executable).parent)  # type: ignore[attr-defined]
    done = subprocess.run(
        [*mount, script, "sh", settings.model_dump_json()],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PATH": f"{python}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done
    assert "no room for" in done.stderr
    assert "free; make room and give the same command again" in done.stderr
    assert ".part" not in done.stdout
    assert contents(tmp_path / "kept") == contents(undisturbed)


def test_row17_a_read_only_target_is_said_in_one_line(photos: Path, tmp_path: Path) -> None:
    parent = tmp_path / "locked"
    parent.mkdir()
    if os.geteuid() == 0:
        # root may write anywhere but where there is no folder
        (tmp_path / "file").write_text("")
        settings = settings_for(photos, tmp_path / "file" / "out")
    else:
        parent.chmod(0o500)
        settings = settings_for(photos, parent / "out")
    with pytest.raises(UnmaskError, match="cannot write the data set") as failed:
        make(settings)
    assert "\n" not in str(failed.value)
    assert failed.value.exit_code == 1


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


def test_row19_another_seed_size_or_version_is_refused_with_the_difference(
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


def test_row19_overwrite_makes_the_data_set_anew(photos: Path, undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(settings_for(photos, out, shards={"shard_size": 2}))
    assert len(list(out.glob("*.tar"))) > len(list(undisturbed.glob("*.tar")))
    (out / "notes.txt").write_text("mine")
    make(settings_for(photos, out, run={"overwrite": True}))
    assert (out / "notes.txt").read_text() == "mine"
    (out / "notes.txt").unlink()
    assert contents(out) == contents(undisturbed)


def test_row19_a_killed_overwrite_goes_on_with_the_same_command(
    photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    make(settings_for(photos, out, shards={"shard_size": 2}))
    settings = settings_for(photos, out, run={"overwrite": True})
    run = start(settings, FAKE_SECONDS="0.02")
    wait_for(
        lambda: not (out / "dataset.json").exists() and any(out.glob("train-000000.json")) and in_part(out)
    )
    run.kill()
    finish(run, code=-signal.SIGKILL)
    there = {path.name for path in out.glob("*.tar") if path.with_suffix(".json").exists()}
    report = make(settings)
    assert there
    assert report.made < PHOTOS
    assert contents(out) == contents(undisturbed)


# Row 20: damage


def damage_tar_gone(out: Path) -> None:
    (out / "train-000001.tar").unlink()


def damage_record_gone(out: Path) -> None:
    (out / "train-000001.json").unlink()


def damage_tar_cut(out: Path) -> None:
    os.truncate(out / "train-000001.tar", 1024)


def damage_tar_flipped(out: Path) -> None:
    data = bytearray((out / "train-000001.tar").read_bytes())
    data[700] ^= 1
    (out / "train-000001.tar").write_bytes(data)


def damage_record_cut(out: Path) -> None:
    os.truncate(out / "train-000001.json", 40)


@pytest.mark.parametrize(
    "damage", [damage_tar_gone, damage_record_gone, damage_tar_cut, damage_tar_flipped, damage_record_cut]
)
def test_row20_a_damaged_shard_is_made_again_and_no_other(
    damage: Callable[[Path], None], photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    damage(out)
    assert make(settings_for(photos, out)).made == 8
    assert contents(out) == contents(undisturbed)


# Row 22: foreign files, two runs


def test_row22_foreign_files_are_left_alone(photos: Path, undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    make(settings_for(photos, out))
    assert (out / "notes.txt").read_text() == "mine"
    assert contents(undisturbed).items() <= contents(out).items()


@pytest.mark.parametrize("name", ["README.md", "dataset.json", "train-000000.tar", "train-000000.json"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_row22_foreign_files_in_our_place_are_refused_not_replaced(
    name: str, overwrite: bool, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text('{"theirs": 1}')
    with pytest.raises(UsageError, match=name):
        make(settings_for(photos, out, run={"overwrite": overwrite}))
    assert (out / name).read_text() == '{"theirs": 1}'


def test_row22_a_data_set_of_another_kind_is_not_ours_to_overwrite(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "dataset.json").write_text('{"format": "theirs", "images": []}')
    (out / "README.md").write_text("mine")
    with pytest.raises(UsageError, match=r"README\.md, dataset\.json"):
        make(settings_for(photos, out, run={"overwrite": True}))
    assert (out / "README.md").read_text() == "mine"
    assert (out / "dataset.json").read_text().startswith('{"format": "theirs"')


def test_row22_a_refused_run_leaves_nothing_behind(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="README"):
        make(settings_for(photos, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_row22_a_second_run_into_the_same_slice_is_refused_and_names_the_first(
    photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = start(settings_for(photos, out, run={"shards": "1::2"}), FAKE_SECONDS="0.2")
    wait_for(lambda: in_part(out))
    for part in ("1::2", "3::4", ""):
        with pytest.raises(UsageError, match=f"slice 1::2 is being made by process {first.pid} on "):
            make(settings_for(photos, out, run={"shards": part}))
    other = make(settings_for(photos, out, run={"shards": "0::2"}))
    assert not other.whole
    first.kill()
    finish(first, code=-signal.SIGKILL)
    assert make(settings_for(photos, out)).whole  # the lock of the dead holds nobody up


# Row 23: poison


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("segfault", "killed by SIGSEGV"),
        ("kill", "killed by SIGKILL"),
        ("hang", "hung for"),
        ("memory", "out of memory"),
        ("bug", "ValueError: a bug"),
    ],
)
def test_row23_a_photo_that_ends_its_worker_is_set_aside_as_poison(
    name: str, cause: str, tmp_path: Path
) -> None:
    source = draw_photos(tmp_path / "people", 6, (name,))
    settings = settings_for(source, tmp_path / "out", source={"val": 0, "test": 0})
    report = make(settings, hang_after=0.0 if name == "hang" else 60.0)
    assert (report.triplets, report.skipped) == (6, {"poison": 1})
    record = json.loads((tmp_path / "out" / "train-000000.json").read_bytes())
    [(photo, reason, detail)] = record["skips"]
    assert (photo, reason) == (f"{name}/{name}_0001.jpg", "poison")
    assert detail.startswith(cause)
    assert "\n" not in detail
    with pytest.raises(TooManyFailures, match="1 poison") as failed:
        check_failures(report, settings)
    assert failed.value.exit_code == 3
    assert verify(tmp_path / "out").ok
    assert make(settings).made == 0


def test_row23_poison_is_remembered_and_tried_again_only_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = draw_photos(tmp_path / "people", 6, ("segfault",)), tmp_path / "out"
    settings = settings_for(source, out, source={"val": 0, "test": 0})
    make(settings)
    poisoned = contents(out)
    monkeypatch.setenv("FAKE_HEALED", "1")
    (out / "train-000000.json").unlink()
    assert make(settings).skipped == {"poison": 1}
    assert contents(out) == poisoned
    again = settings.model_copy(update={"run": settings.run.model_copy(update={"retry_failed": True})})
    report = make(again)
    assert (report.triplets, report.skipped) == (7, {})
    assert verify(out).ok
    assert make(again).made == 0
