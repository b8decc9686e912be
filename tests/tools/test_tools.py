"""Tools of a release: the model card, results by rank, randomly chosen results."""

import copy
import csv
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import maskgen
from benchmarks.masks import flatten, segm
from maskgen.dataset import shards
from maskgen.dataset.reader import open_data_set
from maskgen.errors import InputError, UsageError
from maskgen.settings import ShardSettings
from tests.helpers.evaluation import quick, write_run, write_split
from tests.helpers.faces import astronaut
from tools import looked, model_card, ranked
from tools.faces import restored_faces
from tools.mix_weights import mixed
from tools.model_card import card, filled, looked_at, read_evals, summary, wilson
from unmasknet.evaluation.evaluate import evaluate
from unmasknet.evaluation.score_csv import write_scores
from unmasknet.models.released import NAMES
from unmasknet.models.two_stage import load_restorer

TABLE = {name: {"file": f"{name}.bin", "bytes": 1_234_567, "sha256": name[0] * 64} for name in NAMES}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Makes a data set, networks, and their scores on it by two groups."""
    folder = tmp_path_factory.mktemp("tools")
    write_split(folder / "toys", "train", 4)
    write_split(folder / "toys", "test", 9)
    runs = [str(write_run(folder / stage, stage)) for stage in ("segm", "gan")]
    (folder / "by.csv").write_text(
        "photo,sex\n" + "".join(f"{n}.jpg,{('female', 'male')[n % 2]}\n" for n in range(9))
    )
    evaluation = evaluate(quick(folder / "toys", weights=runs, by=str(folder / "by.csv")))
    write_scores(folder / "scores.csv", evaluation.rows)
    return open_data_set(folder / "toys"), runs, evaluation, folder / "scores.csv"


@pytest.fixture
def runs(tmp_path):
    """Makes two run folders as training writes them."""
    found = {}
    for stage, steps, batch in (("segm", 1000, 16), ("gan", 2500, 8)):
        folder = tmp_path / stage
        folder.mkdir()
        (folder / "config.toml").write_text(
            f'# made\nseed = 7\nsegmenter = "/home/owner-x/runs/segm"\n\n[data]\ndata = ["/home/owner-x/shards/lfw", '
            f'"/home/owner-x/shards/utk"]\nsize = 128\nbatch = {batch}\n\n[loop]\naccumulate = 2\n\n'
            "[optimiser]\nlr = 0.002\nema_images = 3000\n\n"
            f"[{'model' if stage == 'segm' else 'generator'}]\nwidth = 8\n\n"
            '[loss]\nidentity_net = "/home/owner-x/face.onnx"\nperceptual_weights = "/home/owner-x/vgg.pth"\n'
        )
        rows = [
            {"step": steps // 2, "kind": "train", "seconds": 100.0},
            {"step": steps, "kind": "train", "seconds": 5400.0},
            {"step": steps, "kind": "validate"},
        ]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        found[stage] = folder
    return found


def test_the_template_of_the_card_has_no_numbers():
    words = re.sub(r"\{\w+\}", "", model_card.WORDS.read_text("utf-8"))
    assert re.findall(r"\d+[^\n]{0,12}", words) == ["95 % intervals"]


def test_the_card_has_the_measurements_but_no_folders_of_the_machine(made, runs, tmp_path):
    figures = made[2].summary
    (tmp_path / "make.sh").write_text("unmask train segm --seed 7\n")
    text = card(TABLE, runs, [runs["gan"]], {"toys": figures}, None, tmp_path / "make.sh", "a loom")
    assert "{" not in re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert "owner-x" not in text
    for fact in (
        "trained on a loom", "| segmenter | generator, leg 1 | generator, leg 2 |", "3.70 MB in all",
        "s" * 64, "research use only",
        "| images seen | 16,000 | 20,000 | 20,000 |", "| hours | 1.5 | 1.5 | 1.5 |",
        "| data | lfw, utk | lfw, utk | lfw, utk |", "unmask train segm --seed 7", "### toys: 9 samples at 64 px",
        f"{figures['hole']['psnr']:.2f} [{figures['ci95']['hole.psnr'][0]:.2f},", "telea", "mean face", "mean fill",
        "**By sex**", "| female | 5 |", f"| parameters | {figures['parameters']['segmenter']:,} |",
    ):  # fmt: skip
        assert fact in text, fact


def test_the_release_s_training_says_what_is_missing_before_hours_of_work(tmp_path):
    for folder in ("tools", "data", "bin"):
        (tmp_path / folder).mkdir()
    source = Path(model_card.__file__).with_name("train_release.sh")
    script = Path(shutil.copy(source, tmp_path / "tools"))
    for name in ("bash", "dirname"):  # and no npm
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    worked = tmp_path / "bin" / "unmask"
    worked.write_text(f'#!/bin/bash\necho "$@" >> {tmp_path}/worked\n')
    worked.chmod(0o755)

    def begin():
        command = [str(tmp_path / "bin" / "bash"), str(script), "lfw", "utk"]
        return subprocess.run(
            command, env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True, check=False
        )

    done = begin()
    assert done.returncode == 5
    assert "npm" in done.stderr
    assert not (tmp_path / "worked").exists()
    (tmp_path / "data" / "hse-face-net.onnx").touch()
    assert begin().returncode == 0
    legs = (tmp_path / "worked").read_text().splitlines()
    assert [leg.split()[0] for leg in legs] == ["gen-data"] * 2 + ["train"] * 7
    assert "loss.identity_net=data/hse-face-net.onnx" in legs[-1]


def test_training_on_two_sources_of_one_name_is_refused_before_any_work(tmp_path):
    script = Path(model_card.__file__).with_name("train_release_gpu.sh")
    done = subprocess.run(
        ["bash", str(script), "lfw/photos", "utk/photos"],
        env=os.environ | {"UNMASK": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "lfw/photos, utk/photos: both are called photos" in done.stderr


def test_two_data_sets_of_one_name_are_not_compared(tmp_path, monkeypatch, capsys):
    sets = ["--ours", "a/set", "--flat", "b/other", "--flat", "b/set"]
    monkeypatch.setattr(sys, "argv", ["segm", *sets, "--labelled", "c", "--out", str(tmp_path / "runs")])
    with pytest.raises(SystemExit) as ended:
        segm.main()
    assert ended.value.code == 2
    assert "a/set, b/other, b/set: two folders have the same name" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_flat_baseline_keeps_photo_and_labels_and_draws_another_mask():
    triplet = maskgen.mask_photo(astronaut(), "cloth", size=128)
    members = shards.encode(triplet, shards.Origin("a", "", "train", ""), ShardSettings())
    sample = shards.decode(members)
    for baseline in flatten.BASELINES:
        flat = shards.decode(flatten.flattened(members, baseline))
        assert (flat["gt"] == sample["gt"]).all()
        assert flat["json"]["faces"] == sample["json"]["faces"]
        assert flat["json"]["hole"] == flat["map"].mean() > 0.05
        assert (flat["masked"] != sample["masked"]).any()


def test_another_measurement_gives_another_card_and_another_readme(made, runs):
    figures = made[2].summary
    other = copy.deepcopy(figures)
    other["hole"]["psnr"], other["by_group"]["sex"]["male"]["ssim"] = 77.77, 0.123
    text = card(TABLE, runs, [], {"toys": other}, None, None, "a loom")
    assert "77.77" in text
    assert "0.123" in text
    assert "77.77" in summary("toys", other)
    assert "77.77" not in summary("toys", figures)
    assert "with predicted maps (Dice" in summary("toys", figures)
    assert "with true maps:" in summary("toys", figures | {"map_source": "truth"})
    assert summary("toys", figures, "a.jpg").startswith(f"![{model_card.CAPTION}](a.jpg)\n\ntoys: ")


def test_the_readme_is_changed_between_its_marks_alone(made):
    readme = f"before\n{model_card.BEGIN}\nold\n{model_card.END}\nafter\n"
    once = filled(readme, summary("toys", made[2].summary))
    assert once.startswith(f"before\n{model_card.BEGIN}\ntoys: 9 samples")
    assert once.endswith(f"{model_card.END}\nafter\n")
    assert "\nold\n" not in once
    assert filled(once, "old") == readme
    with pytest.raises(InputError, match="holds no"):
        filled("no marks", "text")


def test_the_project_s_readme_has_the_marks():
    assert filled(model_card.README.read_text("utf-8"), "a table").count("a table") == 1


def test_files_that_are_not_runs_or_json_are_refused(tmp_path):
    with pytest.raises(InputError, match="not a folder of a finished run"):
        model_card.learnt(tmp_path)
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(InputError, match="--eval"):
        read_evals([f"a={tmp_path / 'a.json'}"])


def test_verdicts_are_counted_with_their_interval(tmp_path):
    path = tmp_path / "verdicts.csv"
    rows = [
        f"{n},k{n},n95,correct,20.0,{'no' if n < 2 else 'yes'},{'blurred' if n == 1 else ''}"
        for n in range(20)
    ]
    path.write_text("\n".join([",".join(looked.COLUMNS), *rows]))
    text = looked_at(path)
    assert "18 of 20 (90.0 %; 95 % interval by Wilson 69.9 % to 97.2 %)" in text  # R's binom.wilson(18, 20)
    assert "| 1 | n95 | correct | blurred |" in text
    path.write_text("\n".join([",".join(looked.COLUMNS), "0,k,n95,correct,20.0,,"]))
    with pytest.raises(InputError, match="needs the verdict"):
        looked_at(path)


def test_wilson_intervals_stay_between_0_and_1():
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == pytest.approx(1)
    assert wilson(10, 10)[1] <= 1


def test_ranks_are_the_quantiles_of_the_scores():
    scores = {f"k{n}": float(n) for n in range(101)}
    assert ranked.at_ranks(scores) == {
        "worst": "k0", "25 %": "k25", "median": "k50", "75 %": "k75", "best": "k100",
    }  # fmt: skip
    assert set(ranked.at_ranks({"a": 1.0}).values()) == {"a"}
    with pytest.raises(InputError, match="no sample"):
        ranked.at_ranks({})


def test_ranks_by_the_evaluation_s_scores_equal_ranks_by_computed_scores(made):
    data, runs, _, scores = made
    restorer = load_restorer(runs, torch.device("cpu"))
    (split, ours), (_, theirs) = (ranked.scored(data, "auto", restorer, path) for path in (None, scores))
    assert split == "test"
    assert ours.keys() == theirs.keys()
    assert max(abs(ours[key] - theirs[key]) for key in ours) < 1e-3
    sheet = ranked.ranked(data, "auto", restorer, scores, "toys")
    assert sheet.shape[1] == ranked.WIDTH
    assert len(np.unique(sheet)) > 50


def test_a_sample_without_a_score_has_no_rank(made, monkeypatch):
    faces = [
        SimpleNamespace(case=SimpleNamespace(key=key), psnr=psnr)
        for key, psnr in {"bare": math.nan, "same": math.inf, "good": 30.0, "bad": 20.0}.items()
    ]
    monkeypatch.setattr(ranked, "restored_faces", lambda *_: iter(faces))
    assert ranked.scored(made[0], "auto", None, None)[1] == {"good": 30.0, "bad": 20.0}


def test_random_results_are_reproducible_and_verdicts_are_never_replaced(made, tmp_path):
    data, runs, _, _ = made
    restorer = load_restorer(runs, torch.device("cpu"))
    one, again, other = (looked.by_lot(data, "auto", 5, seed, restorer) for seed in (0, 0, 1))
    keys = [face.case.key for face in one]
    assert [face.case.key for face in again] == keys
    assert [face.case.key for face in other] != keys
    looked.write(one, tmp_path, "five")
    with (tmp_path / looked.TABLE).open() as file:
        assert [row["key"] for row in csv.DictReader(file)] == keys
    with Image.open(tmp_path / "page0.png") as sheet:
        assert sheet.width == looked.WIDTH
    with pytest.raises(UsageError, match="verdicts"):
        looked.write(one, tmp_path, "five")


def test_a_drawn_face_is_the_photo_outside_the_map_and_the_result_inside(made):
    data, runs, _, _ = made
    restorer = load_restorer(runs, torch.device("cpu"))
    face = next(restored_faces(data, "test", [next(data.samples(split="test")).key], restorer))
    outside = face.map[..., 0] == 0
    assert np.array_equal(face.restored[outside], face.case.masked[outside])
    assert face.pictures[0] is face.case.masked


def test_mixed_weights_lie_between_the_two_and_are_of_one_network():
    first, second = {"w": torch.tensor([0.0, 4.0])}, {"w": torch.tensor([1.0, 0.0])}
    assert torch.equal(mixed(first, second, 0.25)["w"], torch.tensor([0.25, 3.0]))
    assert torch.equal(mixed(first, second, 0.0)["w"], first["w"])
    with pytest.raises(UsageError, match="different networks"):
        mixed(first, {"w": torch.zeros(3)}, 0.5)
