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
from tests.helpers.waiting import HANG_GUARD, wait_for
from unmasknet.models import checkpoint
from unmasknet.training.distributed import environment_ranks

ROOT = Path(__file__).parents[3]
ENDLESS = 10**9  # steps
RANK_TIMEOUT = 60.0  # seconds; healthy ranks are apart by less, even when they start on a busy machine
SCRIPT = """
import os, sys
from pathlib import Path
import unmasknet.training.launch
from maskgen.errors import UnmaskError
from tests.helpers.training import settings, train
from unmasknet.models import checkpoint

stages, ports, data, out, steps = sys.argv[1:]
fit, tasks = unmasknet.training.launch.fit, []

def keeping(task, *rest):
    tasks.append(task)
    return fit(task, *rest)

def tell(_):
    Path(out, "began").touch()

unmasknet.training.launch.fit = keeping
for stage, port in zip(stages.split(","), ports.split(",")):
    os.environ["MASTER_PORT"] = port
    try:
        train(stage, settings(stage, Path(data), loop={"steps": int(steps)}), Path(out, stage), on_progress=tell)
    except UnmaskError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
print(*(checkpoint.fingerprint(net) for task in tasks for net in task.nets.values()))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


def start_ranks(
    stages: str, data: Path, out: Path, steps: int = 4, rank_timeout: float = HANG_GUARD
) -> list[subprocess.Popen]:
    """Two ranks that train the stages one after the other, each with a port of its own to meet at."""
    ports = ",".join(str(free_port()) for _ in stages.split(","))
    ours = {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "OMP_NUM_THREADS": "1",
        "UNMASK_RANK_TIMEOUT": str(rank_timeout),
    }
    command = [sys.executable, "-c", SCRIPT, stages, ports, str(data), str(out), str(steps)]
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


def wait_for_first_step(ranks: list[subprocess.Popen], out: Path) -> None:
    wait_for(lambda: (out / "began").exists() or any(rank.poll() is not None for rank in ranks))
    assert [rank.poll() for rank in ranks] == [None, None]


def losses(run: Path) -> list[float]:
    """The loss at each step."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if row["kind"] == "train"]


def test_two_ranks_hold_the_same_weights_and_learn_as_one(data, tmp_path):
    ranks = start_ranks("segm,gan", data, tmp_path / "two")
    outs = [rank.communicate(timeout=HANG_GUARD) for rank in ranks]
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
    ranks = start_ranks("segm", data, tmp_path, ENDLESS, RANK_TIMEOUT)
    try:
        wait_for_first_step(ranks, tmp_path)
        ranks[1].kill()
        began = time.monotonic()
        _, text = ranks[0].communicate(timeout=HANG_GUARD)
        assert ranks[0].returncode == 1, text
        assert time.monotonic() - began < RANK_TIMEOUT + 5
        assert "another rank ended" in text
        assert "Traceback" not in text
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()


def test_signal_to_one_rank_ends_both_with_all_saved(data, tmp_path):
    ranks = start_ranks("segm", data, tmp_path, ENDLESS)
    try:
        wait_for_first_step(ranks, tmp_path)
        ranks[1].send_signal(signal.SIGTERM)
        texts = [rank.communicate(timeout=HANG_GUARD)[1] for rank in ranks]
        assert [rank.returncode for rank in ranks] == [143, 143], texts
        assert checkpoint.load(tmp_path / "segm" / "checkpoints" / "last.pt")["progress"]["step"] > 0
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()


def test_ranks_that_do_not_fit_together_are_refused(monkeypatch):
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="RANK=3, WORLD_SIZE=2"):
        environment_ranks()
