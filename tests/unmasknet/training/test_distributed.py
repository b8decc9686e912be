"""Two processes that train one network over gloo, as torchrun starts them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from maskgen.errors import UsageError
from tests.helpers.training import settings, train, write_data
from unmasknet.models import checkpoint
from unmasknet.training.distributed import environment_ranks

ROOT = Path(__file__).parents[3]
SCRIPT = """
import os, sys, time
from pathlib import Path
import unmasknet.training.launch
from maskgen.errors import UnmaskError
from tests.helpers.training import settings, train
from unmasknet.models import checkpoint

stages, ports, data, out, steps, slow = sys.argv[1:]
fit, tasks = unmasknet.training.launch.fit, []

def keeping(task, *rest):
    tasks.append(task)
    return fit(task, *rest)

def tell(_):
    Path(out, "began").touch()
    time.sleep(float(slow))

unmasknet.training.launch.fit = keeping
for stage, port in zip(stages.split(","), ports.split(",")):
    os.environ["MASTER_PORT"] = port
    try:
        train(stage, settings(stage, Path(data), loop={"steps": int(steps)}), Path(out, stage), tell=tell)
    except UnmaskError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
print(*(checkpoint.fingerprint(net) for task in tasks for net in task.nets.values()))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


def start_ranks(
    stages: str, data: Path, out: Path, steps: int = 4, slow: float = 0.0
) -> list[subprocess.Popen]:
    """Two ranks that train the stages one after the other, each with a port of its own to meet at."""
    ports = ",".join(str(free_port()) for _ in stages.split(","))
    ours = {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "OMP_NUM_THREADS": "1",
        "UNMASK_RANK_TIMEOUT": "20",
    }
    command = [sys.executable, "-c", SCRIPT, stages, ports, str(data), str(out), str(steps), str(slow)]
    return [
        subprocess.Popen(
            command,
            env={**os.environ, **ours, "RANK": str(rank), "LOCAL_RANK": str(rank), "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def losses(run: Path) -> list[float]:
    """The loss at each step."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if row["kind"] == "train"]


def test_two_ranks_hold_the_same_weights_and_learn_as_one(data, tmp_path):
    ranks = start_ranks("segm,gan", data, tmp_path / "two")
    outs = [rank.communicate(timeout=110) for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], outs
    assert outs[0][0] == outs[1][0] != ""
    for stage in ("segm", "gan"):
        train(stage, settings(stage, data, loop={"steps": 4}), tmp_path / "one" / stage)
        runs = [tmp_path / name / stage for name in ("one", "two")]
        assert losses(runs[1]) == pytest.approx(losses(runs[0]), abs=1e-4)
        one, two = (checkpoint.load(run / "checkpoints" / "last.pt")["ema"] for run in runs)
        assert all(torch.allclose(one[name].float(), two[name].float(), atol=1e-3) for name in one)


@pytest.mark.fault
def test_row31_death_of_a_rank_ends_the_other(data, tmp_path):
    ranks = start_ranks("segm", data, tmp_path, steps=10_000, slow=0.05)
    try:
        wait_for(tmp_path / "began")
        ranks[1].kill()
        began = time.monotonic()
        _, text = ranks[0].communicate(timeout=90)
        assert ranks[0].returncode == 1, text
        assert time.monotonic() - began < 25
        assert "another rank ended" in text
        assert "Traceback" not in text
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()


def test_signal_to_one_rank_ends_both_with_all_saved(data, tmp_path):
    ranks = start_ranks("segm", data, tmp_path, steps=10_000, slow=0.05)
    try:
        wait_for(tmp_path / "began")
        ranks[1].send_signal(signal.SIGTERM)
        texts = [rank.communicate(timeout=90)[1] for rank in ranks]
        assert [rank.returncode for rank in ranks] == [143, 143], texts
        assert checkpoint.load(tmp_path / "segm" / "checkpoints" / "last.pt")["progress"]["step"] > 0
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()


def wait_for(path: Path) -> None:
    """Until the run has begun to step."""
    end = time.monotonic() + 90
    while not path.exists():
        assert time.monotonic() < end, "the run did not begin"
        time.sleep(0.05)


def test_ranks_that_do_not_fit_together_are_refused(monkeypatch):
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="RANK=3, WORLD_SIZE=2"):
        environment_ranks()
