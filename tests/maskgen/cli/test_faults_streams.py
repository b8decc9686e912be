"""Row 69 of docs/faults.md: standard streams that are closed, full or ASCII-only, and a deleted working directory."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from maskgen.assets import asset
from maskgen.cli.streams import TolerantStream

pytestmark = [
    pytest.mark.fault,
    pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full"),
]
PROGRAM = shlex.join([sys.executable, str(Path(__file__).parents[3] / "cli.py")])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(asset("demo/astronaut.jpg").read_bytes())
    return tmp_path


def shell(command: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of shell in which `unmask` is the program."""
    line = command.replace("unmask", PROGRAM, 1)
    return subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, cwd=folder, env={**os.environ, **env}
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.startswith("unmask: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return lines[0]


@pytest.mark.parametrize("stdout", [">/dev/full", ">&-"])
@pytest.mark.parametrize("form", ["", "--json"])
def test_row69_the_work_is_done_and_exit_1_says_what_was_not_printed(folder, stdout, form):
    done = shell(f"unmask gen-data --src photos --out set --n 1 --jobs 1 {form} {stdout}", folder)
    assert done.returncode == 1
    line = one_line(done)
    assert "stdout is closed or full" in line
    assert "all work is done, but not printed: " in line
    assert ('"out": "set"' if form else "set: 1 triplet") in line
    assert (folder / "set/dataset.json").exists()


@pytest.mark.parametrize("stdout", [">/dev/full", ">&-"])
@pytest.mark.parametrize(
    "command", ["--version", "--help", "gen-data --help", "gen-data --print-config", "masks list"]
)
def test_row69_what_only_prints_fails_in_one_line(folder, stdout, command):
    done = shell(f"unmask {command} {stdout}", folder)
    assert done.returncode == 1, done.stderr
    assert "stdout is closed or full" in one_line(done)


def test_row69_a_reader_that_leaves_early_is_told_of_in_one_line(folder):
    done = shell("unmask masks list --json | true", folder)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_row69_stdout_in_ascii_gets_escapes(folder):
    (folder / "photos" / "a.jpg").rename(folder / "photos" / "é.jpg")
    (folder / "é").mkdir()
    done = shell(
        "unmask gen-data --src photos --out é/set --jobs 1", folder, PYTHONIOENCODING="ascii", PYTHONUTF8="0"
    )
    assert done.returncode == 0, done.stderr
    assert "\\xe9/set: 1 triplet" in done.stdout


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_row69_a_closed_or_full_stderr_does_not_end_a_run_nor_mix_with_the_result(folder, stderr, jobs):
    line = f"unmask gen-data --src photos --out set --n 5 --jobs {jobs} --json {stderr}"  # warns of n
    done = shell(line, folder)
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["triplets"] == 1
    assert shell("unmask verify set", folder).returncode == 0


def test_row69_a_closed_stderr_does_not_lose_an_exit_code(folder):
    for stderr in ("2>&-", "2>/dev/full"):
        assert shell(f"unmask verify nothing {stderr}", folder).returncode == 4
        assert shell(f"unmask gen-data --n 0 {stderr}", folder).returncode == 2


def test_row69_all_streams_closed_still_make_the_data_set(folder):
    done = shell("unmask gen-data --src photos --out set --jobs 1 <&- >&- 2>&-", folder)
    assert done.returncode == 1
    assert shell("unmask verify set", folder).returncode == 0


def test_row69_a_deleted_working_directory_is_told_of_in_one_line(folder):
    for command in ("gen-data --src photos --out set", "masks list", "verify .", "doctor", "run a.jpg"):
        done = shell(f"mkdir gone; cd gone; rmdir ../gone; unmask {command}", folder)
        assert done.returncode == 2, done.stderr
        assert "working directory" in one_line(done)
    done = shell("mkdir gone; cd gone; rmdir ../gone; unmask --version", folder)
    assert (done.returncode, done.stderr) == (0, "")


def test_row69_a_tolerant_stream_drops_what_it_cannot_write():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        stream = TolerantStream(full)
        assert stream.write("x" * 100_000) == 100_000
        stream.flush()
        assert not stream.isatty()
