"""Rows 14 and 24 of docs/faults.md, as commands."""

import subprocess
import sys
from pathlib import Path

import pytest

from maskgen.assets import asset

pytestmark = pytest.mark.fault
ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(asset("demo/astronaut.jpg").read_bytes())
    return tmp_path


def gen_data(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "cli.py"), "gen-data", "--src", "photos", "--out", "set", *args]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def test_row24_every_wrong_option_is_named_in_one_message(folder):
    done = gen_data(folder, "--n", "0", "--size", "7", "--jobs", "0", "--seed", "-1", "--format", "gif")
    assert done.returncode == 2
    assert done.stderr.startswith("unmask: 5 problems in the settings:\n")
    for option in ("--n", "--size", "--jobs", "--seed", "--format"):
        assert f"  {option}: " in done.stderr
    assert not (folder / "set").exists()


@pytest.mark.parametrize("n", ["-1", "many", "1.5", ""])
def test_row24_a_wrong_number_of_photos_is_refused(folder, n):
    done = gen_data(folder, f"--n={n}")
    assert done.returncode == 2
    assert "--n: source.n: " in done.stderr
    assert not (folder / "set").exists()


def test_row24_unknown_keys_of_a_file_are_named_with_a_suggestion(folder):
    (folder / "gen.toml").write_text(
        "sed = 1\n[crop]\nsize = 7\n[crops]\nsize = 128\n[masks]\nper_fase = 2\n"
    )
    done = gen_data(folder, "--config", "gen.toml")
    assert done.returncode == 2
    assert done.stderr.startswith("unmask: 4 problems in the settings:\n")
    assert "did you mean masks.per_face?" in done.stderr
    assert "did you mean seed?" in done.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("--masks", "surgcal"),
        ("--masks", "surgical-#12345"),
        ("--masks", "surgical:x"),
        ("--wear", "upside"),
        ("--wear", "correct:-1"),
    ],
)
def test_row14_unknown_masks_and_wear_are_refused_before_any_work(folder, args):
    done = gen_data(folder, *args)
    assert done.returncode == 4, done.stderr
    assert args[1].partition(":")[0].partition("-")[0] in done.stderr
    assert not (folder / "set").exists()


def test_row14_bad_masks_wear_templates_and_pictures_give_one_message_before_any_work(folder):
    broken = folder / "own" / "heart"
    broken.mkdir(parents=True)
    (broken / "template.toml").write_text('title = "heart"\n[look]\ncolours = { red = 1 }\n')
    (broken / "albedo.png").write_bytes(b"\x89PNG")
    done = gen_data(
        folder, "--masks", "surgcal, cloth-#12", "--wear", "hat", "--set", "masks.templates=own",
        "--set", "masks.pictures.fair=nowhere.png",
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    for word in ("surgcal", "#12", "hat", "shell", "colours.red", "albedo.png", "height.png", "nowhere.png"):
        assert word in done.stderr
    assert not (folder / "set").exists()


def test_row14_a_dry_run_refuses_bad_masks_too(folder):
    done = gen_data(folder, "--masks", "surgcal", "--dry-run")
    assert done.returncode == 4
    assert "surgcal" in done.stderr


def test_row14_one_message_lists_all_problems_of_a_list_of_masks(folder):
    done = gen_data(folder, "--masks", "surgcal, n96, cloth-nothing, n95@7")
    assert done.returncode == 4, done.stderr
    for word in ("surgcal", "n96", "nothing", "@7"):
        assert word in done.stderr
    assert done.stderr.count("\n") == 1
