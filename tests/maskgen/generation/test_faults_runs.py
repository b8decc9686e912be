"""Rows 15 to 17 and 23 of the fault matrix: kills, signals, full disks and poison photos."""

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
from types import SimpleNamespace

import pytest

from maskgen.dataset.plan import load_plan
from maskgen.dataset.verify import verify
from maskgen.errors import MissingError, TooManyFailures, UnmaskError
from maskgen.generation import process_pool
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
)
from tests.helpers.waiting import Watch, children_of, is_alive, own_seconds_until, wait_for

pytestmark = pytest.mark.fault

KILLS = int(os.environ.get("UNMASK_TEST_KILLS", "5"))  # each takes a second or two


NEVER = 9999.0  # seconds per photo, or until its worker counts as hung


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path / "watch")


# Row 15: kills


def test_row15_killed_runs_leave_no_partial_file_and_end_byte_identical(
    photos: Path, undisturbed: Path, tmp_path: Path, watch: Watch
) -> None:
    out, rng = tmp_path / "out", random.Random(15)
    settings = settings_for(photos, out, run={"jobs": 2})
    hits = 0
    while hits < KILLS:
        moment = len(watch.begun()) + rng.randint(1, 15)
        run = start(settings, FAKE_SECONDS="0.02", **watch.env)
        wait_for(lambda run=run, moment=moment: len(watch.begun()) >= moment or run.poll() is not None)
        time.sleep(rng.uniform(0, 0.05))  # so that the kill falls anywhere; nothing below depends on where
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
    photos: Path, undisturbed: Path, tmp_path: Path, watch: Watch
) -> None:
    """Kills a worker at each of some photos, which are held until then, and at the same time the other one."""
    out, rng = tmp_path / "out", random.Random(16)
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.jpg"))
    held = rng.sample(names, min(KILLS, PHOTOS))
    for photo in held:
        watch.hold(photo)
    settings = settings_for(photos, out, run={"jobs": 2})
    run = start(settings, hang_after=NEVER, FAKE_SECONDS="0.02", **watch.env)

    def waiting() -> list[tuple[int, str]]:
        """Lists the workers that wait in a photo, and the photo."""
        return [
            (worker, name) for worker, name in watch.last().items() if watch.holds(name) and is_alive(worker)
        ]

    killed = set()
    for _ in held:
        wait_for(lambda: waiting() or run.poll() is not None)
        assert run.poll() is None
        time.sleep(rng.uniform(0, 0.2))  # so that the other worker may be anywhere; nothing depends on where
        at, [(worker, photo), *rest] = watch.last(), waiting()
        for other in set(children_of(run.pid)) - {worker, *dict(rest)}:
            if at.get(other) not in killed:  # a photo at which workers die three times would be blamed
                os.kill(other, signal.SIGKILL)
                killed.add(at.get(other, ""))
        os.kill(worker, signal.SIGKILL)
        killed.add(photo)
        watch.let_go(photo)
    finish(run)
    assert killed >= set(held)
    assert contents(out) == contents(undisturbed)


def test_row15_workers_end_with_a_killed_run(photos: Path, tmp_path: Path, watch: Watch) -> None:
    """Each worker is in a photo that never ends, so only the end of its parent can end it."""
    settings = settings_for(photos, tmp_path / "out", run={"jobs": 2})
    run = start(settings, hang_after=NEVER, FAKE_SECONDS=str(NEVER), **watch.env)
    wait_for(lambda: len(watch.last()) == 2)
    workers = children_of(run.pid)
    assert sorted(workers) == sorted(watch.last())
    run.kill()
    assert own_seconds_until(lambda: not any(map(is_alive, workers))) < 3
    finish(run, code=-signal.SIGKILL)
    assert len(watch.begun()) == 2


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
def test_row16_a_signal_ends_the_run_within_5_seconds_and_the_same_command_resumes(
    number: signal.Signals, photos: Path, undisturbed: Path, tmp_path: Path, watch: Watch
) -> None:
    out = tmp_path / "out"
    settings = settings_for(photos, out, run={"jobs": 2})
    held = load_plan(undisturbed / ".work" / "plan.json").shards[-1].refs[0].id
    watch.hold(held)  # the run cannot end before the signal
    run = start(settings, hang_after=NEVER, FAKE_SECONDS="0.03", **watch.env)
    wait_for(lambda: held in watch.last().values() and any(out.glob("records/*.record")))
    workers = children_of(run.pid)
    os.killpg(run.pid, number)  # as a terminal does: parent and workers alike
    assert own_seconds_until(lambda: run.poll() is not None and not any(map(is_alive, workers))) < 5
    message = finish(run, code=128 + number)
    assert re.match(rf"stopped by {number.name} with \d of \d shards done; the same command goes on", message)
    assert len(message.splitlines()) == 1
    assert not in_part(out)
    assert len(workers) == 2
    make(settings)
    assert contents(out) == contents(undisturbed)


def test_row16_a_stopped_run_has_the_exit_code_of_its_signal() -> None:
    assert (PoolStopped(signal.SIGINT).exit_code, PoolStopped(signal.SIGTERM).exit_code) == (130, 143)


# Row 17: the disk


def test_row17_a_file_too_large_for_the_disk_is_a_one_line_error_and_the_run_resumes(
    photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    settings = settings_for(photos, tmp_path / "out")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))"
    message = finish(start(settings, prelude=limit), code=MissingError.exit_code)
    assert "no file may grow to" in message
    assert ".tar (about 1" in message  # kB: what the shard needed
    assert len(message.splitlines()) == 1
    assert not in_part(tmp_path / "out")
    make(settings)
    assert contents(tmp_path / "out") == contents(undisturbed)


def test_row17_a_full_disk_is_a_one_line_error_and_the_run_resumes(
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


def test_row17_a_read_only_target_is_a_one_line_error(photos: Path, tmp_path: Path) -> None:
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


def clock_of_hung(watch: Watch) -> Callable[[], float]:
    """Makes a clock that runs ahead while a worker hangs in a photo: each reading then takes 5 s more.

    So a hung photo is found at once, and a healthy one on a slow machine has all its time.
    """
    ahead = 0.0

    def monotonic() -> float:
        nonlocal ahead
        ahead += 5 * any("hang" in photo and is_alive(worker) for worker, photo in watch.last().items())
        return time.monotonic() + ahead

    return monotonic


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
def test_row23_a_photo_that_crashes_its_worker_is_skipped_as_poison(
    name: str, cause: str, tmp_path: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_WATCH", watch.env["FAKE_WATCH"])
    monkeypatch.setattr(process_pool, "time", SimpleNamespace(monotonic=clock_of_hung(watch)))
    source = draw_photos(tmp_path / "people", 6, (name,))
    settings = settings_for(source, tmp_path / "out", source={"val": 0, "test": 0})
    report = make(settings)
    assert (report.triplets, report.skipped) == (6, {"poison": 1})
    record = json.loads((tmp_path / "out" / "records/train-000000.record").read_bytes())
    [(photo, reason, detail)] = record["skips"]
    assert (photo, reason) == (f"{name}/{name}_0001.jpg", "poison")
    assert detail.startswith(cause)
    assert "\n" not in detail
    with pytest.raises(TooManyFailures, match="1 poison") as failed:
        check_failures(report, settings)
    assert failed.value.exit_code == 3
    assert verify(tmp_path / "out").ok
    assert make(settings).made == 0


def test_row23_poison_is_remembered_and_tried_again_only_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = draw_photos(tmp_path / "people", 6, ("segfault",)), tmp_path / "out"
    settings = settings_for(source, out, source={"val": 0, "test": 0})
    make(settings)
    poisoned = contents(out)
    monkeypatch.setenv("FAKE_HEALED", "1")
    (out / "records/train-000000.record").unlink()
    assert make(settings).skipped == {"poison": 1}
    assert contents(out) == poisoned
    again = settings.model_copy(update={"run": settings.run.model_copy(update={"retry_failed": True})})
    report = make(again)
    assert (report.triplets, report.skipped) == (7, {})
    assert verify(out).ok
    assert make(again).made == 0
