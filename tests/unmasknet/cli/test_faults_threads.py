"""Rows 70 and 71 of docs/faults.md: training and evaluation beside other programs that use the cores."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import cli
from tests.helpers.evaluation import quick, write_split
from tests.helpers.program import ROOT, program
from tests.helpers.training import write_data
from unmasknet.bench.training_step import bench_train
from unmasknet.evaluation.evaluate import evaluate
from unmasknet.presets import load_preset

SMALL = [
    "data.lanes=1", "data.workers=0", "data.shuffle=4", "model.width=4", "model.max_width=8", "model.depth=2",
    "loop.validate_samples=2", "loop.samples=1",
]  # fmt: skip


@pytest.fixture
def threads():
    """Sets two threads before the test, and the number from before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield torch.get_num_threads
    torch.set_num_threads(before)


def train(data: Path, out: Path, *more: str) -> list[str]:
    sets = [part for value in SMALL for part in ("--set", value)]
    options = ["--preset", "tiny", "--size", "32", "--batch", "2", "--device", "cpu", "--steps", "1"]
    return ["train", "segm", "--data", str(data), "--out", str(out), *options, *sets, *more]


@pytest.mark.fault
@pytest.mark.skipif(sys.platform == "win32", reason="OpenMP of Windows has no OMP_DISPLAY_ENV")
@pytest.mark.parametrize(("own", "seen"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_row70_threads_that_wait_sleep_unless_the_user_decides(tmp_path, monkeypatch, own, seen):
    """OpenMP prints the settings that it took from the environment when torch loads it."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    done = program(*train(write_data(tmp_path / "data"), tmp_path / "run"), OMP_DISPLAY_ENV="VERBOSE", **own)
    assert done.returncode == 0, done.stderr
    assert f"OMP_WAIT_POLICY = '{seen}'" in done.stderr
    if sys.platform == "linux":  # GCC's OpenMP says PASSIVE and spins where nothing is set
        assert ("GOMP_SPINCOUNT = '0'" in done.stderr) == (seen == "PASSIVE")


@pytest.mark.fault
def test_row70_threads_of_benchmarks_sleep_before_torch_is_loaded(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    lines = "import benchmarks, os, sys; print(os.environ.get('OMP_WAIT_POLICY'), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", lines], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["PASSIVE", "False"]


@pytest.mark.fault
def test_row71_threads_of_train_are_set(tmp_path, monkeypatch, threads):
    command = train(write_data(tmp_path / "data"), tmp_path / "run", "--threads", "1")
    monkeypatch.setattr(sys, "argv", ["unmask", *command])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    assert threads() == 1


@pytest.mark.fault
def test_row71_threads_of_eval_are_set(tmp_path, threads):
    write_split(tmp_path, "test", 2)
    evaluate(quick(tmp_path, threads=1))
    assert threads() == 1


@pytest.mark.fault
def test_row71_threads_of_bench_are_set(tmp_path, threads):
    tree = load_preset("tiny", "segm").model_dump()
    tree["data"] |= {"data": [str(write_data(tmp_path))], "size": 32, "batch": 2, "lanes": 1, "workers": 0}
    tree["loop"] |= {"validate_samples": 2, "samples": 1, "device": "cpu", "threads": 1}
    bench_train(type(load_preset("tiny", "segm")).model_validate(tree), steps=1)
    assert threads() == 1
