"""Rows 15 to 17 and 23 of the matrix, what ends a run or a worker: kills, signals, full disks, poison."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from maskgen.dataset.verify import verify
from maskgen.errors import MissingError, TooManyFailures, UnmaskError
from maskgen.generation.pipeline import check_failures
from maskgen.generation.process_pool import PoolStopped
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
    wait_for,
)

pytestmark = pytest.mark.fault

KILLS = int(os.environ.get("UNMASK_TEST_KILLS", "5"))  # each takes a second or two


def workers_of(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(child) for child in children.read_text().split()] if children.exists() else []


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
    assert (PoolStopped(signal.SIGINT).exit_code, PoolStopped(signal.SIGTERM).exit_code) == (130, 143)


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
    code = "from tests.helpers.fake_worker_tools import main; import sys; sys.exit(main())"
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
        cwd=Path(__file__).parents[3],
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
