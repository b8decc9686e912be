"""`unmask train` and `unmask bench` as users and scripts see them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import cli
from tests.helpers.training import write_data
from tests.helpers.waiting import HANG_GUARD, wait_for
from unmasknet.bench.training_step import bench_train
from unmasknet.cli.train import report_text
from unmasknet.presets import load_preset

ROOT = Path(__file__).parents[3]
SMALL = [
    "data.lanes=1", "data.workers=0", "data.shuffle=8", "model.width=4", "model.max_width=8", "model.depth=2",
    "loop.validate_samples=4", "loop.samples=2", "loop.log_every=1", "loop.checkpoint_every=2",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


def command(data: Path, out: Path, *args: str) -> list[str]:
    sets = [part for value in SMALL for part in ("--set", value)]
    options = ["--preset", "tiny", "--size", "32", "--batch", "4", "--device", "cpu", *sets]
    return ["unmask", "train", "segm", "--data", str(data), "--out", str(out), *options, *args]


@pytest.fixture
def unmask(monkeypatch, capsys):
    """Run the program in this process: exit code, stdout, stderr."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", list(args))
        with pytest.raises(SystemExit) as end:
            cli.main()
        return (end.value.code or 0, *capsys.readouterr())

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_json_has_the_documented_keys_and_a_run_resumes_from_its_folder(data, tmp_path, unmask):
    code, out, _ = unmask(*command(data, tmp_path / "run", "--steps", "2", "--json"))
    assert code == 0
    report = json.loads(out)
    assert {"run", "steps", "best", "parameters", "gmac", "seconds"} <= report.keys()
    assert set(report["parameters"]) == {"trainable", "fixed"}
    assert report["steps"] == 2
    again = ("unmask", "train", "segm", "--resume", "--out", str(tmp_path / "run"), "--steps", "3")
    code, out, _ = unmask(*again)
    assert code == 0
    assert "3 steps" in out
    assert "model.width" not in out
    code, _, text = unmask("unmask", "train", "gan", "--resume", "--out", str(tmp_path / "run"))
    assert code == 2
    assert "unmask train segm --resume" in text


def test_run_folder_in_use_is_a_usage_error(data, tmp_path, unmask):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (tmp_path / "run" / "checkpoints" / "last.pt").touch()
    code, _, text = unmask(*command(data, tmp_path / "run"))
    assert code == 2
    assert "--resume" in text


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["train"], "train gan"),
        (["train", "other"], "train gan"),
        (["train", "segm", "--preset", "nothing"], "tiny"),
        (["train", "segm", "--preset", "tiny"], "--data"),
        (["train", "segm", "--resume"], "--out"),
        (["train", "segm", "--steps", "1", "--epochs", "1"], "choose one"),
        (["train", "segm", "--data", "x", "--size", "33"], "multiple of 32"),
        (["train", "segm", "--data", "x", "--set", "loop.epochs=2", "--steps", "3"], "give --epochs"),
        (["train", "segm", "--data", "x", "--segmenter", "y"], "no setting segmenter"),
        (["train", "gan", "--data", "x", "--set", "loop.accumulate=3"], "loop.accumulate 3 does not divide"),
        (
            ["train", "gan", "--set", "loss.identity=1", "--set", "data.fit=crop"],
            "1 problem in the settings:\n",
        ),
        (
            ["train", "gan", "--set", "data.lanes=0", "--set", "loop.accumulate=3"],
            "2 problems in the settings:\n",
        ),
        (["bench", "train", "--data", "x", "--workers", "a"], "--workers 0,1,2"),
    ],
)
def test_mistakes_give_one_message_and_exit_2(unmask, args, word):
    code, _, text = unmask("unmask", *args)
    assert code == 2
    assert word in text


def test_missing_data_gives_exit_4(tmp_path, unmask):
    code, _, text = unmask(*command(tmp_path / "nothing", tmp_path / "run"))
    assert code == 4
    assert "nothing" in text
    assert not (tmp_path / "run").exists()


def test_a_file_and_options_override_the_preset(tmp_path, unmask):
    (tmp_path / "mine.toml").write_text("[loop]\nsteps = 77\nlog_every = 3\n")
    _, out, _ = unmask(
        "unmask", "train", "segm", "--preset", "tiny", "--config", str(tmp_path / "mine.toml"), "--steps", "78",
        "--print-config",
    )  # fmt: skip
    assert "steps = 78\n" in out
    assert "log_every = 3\n" in out
    assert f"width = {load_preset('tiny', 'segm').model.width}\n" in out


def test_sigint_saves_everything_and_exits_with_130(data, tmp_path):
    args = [sys.executable, str(ROOT / "cli.py"), *command(data, tmp_path, "--steps", "1000000000")[1:]]
    run = subprocess.Popen(
        args, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    saved = tmp_path / "checkpoints" / "last.pt"
    try:
        wait_for(lambda: saved.exists() or run.poll() is not None)
        run.send_signal(signal.SIGINT)
        _, text = run.communicate(timeout=HANG_GUARD)
    finally:
        run.kill()
    assert run.returncode == 130, text
    assert "--resume" in text
    assert "Traceback" not in text
    assert (tmp_path / "segmenter.safetensors").is_file()


@pytest.mark.parametrize("stage", ["segm", "gan"])
def test_bench_measures_a_step_with_real_and_synthetic_data(data, stage):
    chosen = load_preset("tiny", stage)
    tree = chosen.model_dump()
    tree["data"] |= {"data": [str(data)], "size": 32, "batch": 2, "lanes": 1, "workers": 0, "shuffle": 4}
    tree["loop"] |= {"validate_samples": 2, "samples": 2, "device": "cpu"}
    report = bench_train(type(chosen).model_validate(tree), steps=2, workers=(0,))
    assert report.stage == stage
    assert report.ratio == pytest.approx(report.step_ms / report.synthetic_ms)
    assert 0 <= report.wait <= 1
    assert set(report.by_workers) == {0}


def test_the_report_text_names_the_html_report():
    from unmasknet.training.launch import TrainReport

    report = TrainReport(Path("r"), 5, {"dice": 0.5}, {"trainable": 10, "fixed": 0}, 0.5, 60.0, 2, 0.01)
    text = report_text(report)
    assert "r/report.html" in text
    assert "2 steps were skipped" in text


@pytest.mark.parametrize("installed", [True, False])
def test_the_report_text_says_how_to_see_the_run_in_tensorboard(installed, monkeypatch):
    from unmasknet.cli import train
    from unmasknet.training.launch import TrainReport

    monkeypatch.setattr(train, "find_spec", lambda name: object() if installed else None)
    text = report_text(TrainReport(Path("r"), 5, {}, {"trainable": 1, "fixed": 0}, 0.5, 1.0, 0, 0.0))
    assert "tensorboard --logdir r/tensorboard" in text
    assert ("pip install" in text) is not installed
