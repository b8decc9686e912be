"""`unmask eval` and `unmask eval recognition` beside each other, and what restores the faces."""

import numpy as np
import typer.main
from typer.testing import CliRunner

import cli
from tests.helpers.evaluation import write_run
from unmasknet.cli.eval_recognition import build_restore
from unmasknet.recognition.settings import RecognitionSettings

HELP = {"COLUMNS": "200", "NO_COLOR": "1"}


def test_help_of_eval_shows_its_options_and_the_command_in_it():
    answer = CliRunner().invoke(cli.app, ["eval", "--help"], env=HELP)
    assert answer.exit_code == 0
    assert "--compare" in answer.stdout
    assert "recognition" in answer.stdout
    answer = CliRunner().invoke(cli.app, ["eval", "recognition", "--help"], env=HELP)
    assert "--net-channels" in answer.stdout
    assert "--compare" not in answer.stdout


def test_eval_without_a_command_has_the_settings_it_had():
    answer = CliRunner().invoke(cli.app, ["eval", "--data", "x", "--n", "3", "--print-config"])
    assert answer.exit_code == 0
    assert 'data = "x"' in answer.stdout
    assert "\nn = 3" in answer.stdout
    group = typer.main.get_command(cli.app).commands["eval"]
    assert group.invoke_without_command


def test_faces_are_restored_as_run_does_it(tmp_path):
    weights = (str(write_run(tmp_path / "gan", "gan")),)
    settings = RecognitionSettings(data="x", weights=weights, map="truth", device="cpu", threads=1)
    restore = build_restore(settings)
    image = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    map = np.zeros((96, 96), np.uint8)
    map[50:80, 30:66] = 1
    picture, by_reference = restore(image, map, [])
    assert not by_reference
    changed = (picture != image).any(2)
    assert changed[55:75, 35:60].mean() > 0.9
    assert not changed[:30].any()
