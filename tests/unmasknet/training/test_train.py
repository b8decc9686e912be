"""Small complete runs: the files they write, and resuming as if they had never stopped."""

import itertools
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from maskgen.dataset.reader import open_data_set
from maskgen.errors import InputError, UnmaskError, UsageError
from tests.helpers.evaluation import write_split
from tests.helpers.training import settings, train, write_data
from unmasknet.data.batches import open_batches
from unmasknet.models import checkpoint
from unmasknet.models.load import load_generator, load_segmenter, load_trained
from unmasknet.presets import PRESETS, preset_tree
from unmasknet.settings import GanSettings, SegmSettings
from unmasknet.training import distributed, launch, losses, timing
from unmasknet.training.signals import StopRequested

STAGES = ("segm", "gan")
NAMES = {"segm": "segmenter", "gan": "generator"}
TIMES = ("seconds", "images_per_s", "wait")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    """An uninterrupted run of each stage."""
    folder = tmp_path_factory.mktemp("runs")
    return {stage: train(stage, settings(stage, data), folder / stage) for stage in STAGES}


def rows(run: Path, kind: str = "train") -> list[dict]:
    """Returns lines of metrics.jsonl without measured times."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [
        {name: value for name, value in row.items() if name not in TIMES}
        for row in lines
        if row["kind"] == kind
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_run_writes_the_documented_files(runs, stage):
    run = runs[stage].run
    names = [
        "config.toml",
        "metrics.jsonl",
        "curves.png",
        "report.html",
        "samples.gif",
        f"{NAMES[stage]}.safetensors",
    ]
    assert [name for name in names if not (run / name).is_file()] == []
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"last.pt", "best.pt"}
    assert [path.name for path in sorted((run / "samples").iterdir())] == [
        "000000.png",
        "000003.png",
        "000006.png",
    ]
    with Image.open(run / "samples.gif") as gif:
        assert gif.n_frames == 3
    # With "://", which base64 never contains; "http" alone may occur by chance in an embedded image.
    assert "://" not in (run / "report.html").read_text()


@pytest.mark.parametrize("stage", STAGES)
def test_report_has_steps_best_metrics_parameters_and_gmac(runs, stage):
    report = runs[stage]
    assert report.steps == 6
    assert report.best[{"segm": "dice", "gan": "psnr_hole"}[stage]] > 0
    assert report.parameters["trainable"] > 100
    assert report.parameters["fixed"] == 0
    assert 0 < report.gmac < 0.1
    assert report.bad_steps == 0


def test_each_step_and_each_validation_has_a_line(runs):
    assert [row["step"] for row in rows(runs["gan"].run)] == [1, 2, 3, 4, 5, 6]
    assert [row["step"] for row in rows(runs["gan"].run, "validate")] == [3, 6]
    assert {"over_telea", "over_mean_face", "psnr_hole", "ssim_hole"} <= set(
        rows(runs["gan"].run, "validate")[0]
    )
    assert {"dice", "iou", "boundary_f", "dice_mask", "threshold"} <= set(
        rows(runs["segm"].run, "validate")[0]
    )


def test_region_discriminator_joins_at_its_fraction_of_the_steps(runs):
    assert [row["step"] for row in rows(runs["gan"].run) if "d_region" in row] == [4, 5, 6]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.fault
def test_row28_stopped_and_resumed_run_equals_an_uninterrupted_one(runs, data, tmp_path, stage):
    def stop(progress):
        if progress.done == 3:  # between two checkpoints
            os.kill(os.getpid(), signal.SIGINT)

    chosen = settings(stage, data)
    with pytest.raises(StopRequested) as stopped:
        train(stage, chosen, tmp_path, on_progress=stop)
    assert stopped.value.exit_code == 130
    report = train(stage, chosen, tmp_path, resume=True)
    assert report.steps == 6
    assert rows(tmp_path) == rows(runs[stage].run)
    assert rows(tmp_path, "validate") == rows(runs[stage].run, "validate")
    resumed, whole = (checkpoint.load(run / "checkpoints" / "last.pt") for run in (tmp_path, runs[stage].run))
    assert_same(resumed["nets"], whole["nets"])
    assert_same(resumed["ema"], whole["ema"])
    assert_same(resumed["optimisers"], whole["optimisers"])
    assert resumed["facts"] == whole["facts"]


@pytest.mark.fault
def test_row28_run_killed_after_a_checkpoint_repeats_its_steps_bit_for_bit(runs, data, tmp_path):
    class Killed(BaseException):
        pass

    def kill(progress):
        if progress.done == 5:  # the last checkpoint is of step 4
            raise Killed

    chosen = settings("gan", data)
    with pytest.raises(Killed):
        train("gan", chosen, tmp_path, on_progress=kill)
    assert checkpoint.load(tmp_path / "checkpoints" / "last.pt")["progress"]["step"] == 4
    train("gan", chosen, tmp_path, resume=True)
    assert rows(tmp_path) == rows(runs["gan"].run)


def assert_same(one, other):
    """Asserts that two nested values are equal bit for bit."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_same(one[name], other[name])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert one == other


def test_parts_of_a_batch_give_the_same_weights_as_the_whole(data, tmp_path):
    for parts in (1, 2):
        train("segm", settings("segm", data, loop={"accumulate": parts}), tmp_path / str(parts))
    one, two = (
        checkpoint.load(tmp_path / name / "checkpoints" / "last.pt")["nets"]["segmenter"] for name in "12"
    )
    for name, tensor in one.items():
        assert torch.allclose(tensor, two[name], atol=2e-4), name


def test_resume_with_other_settings_is_refused_and_the_difference_named(runs, data):
    with pytest.raises(UsageError, match=r"optimiser\.lr: .* now 0\.5"):
        train("segm", settings("segm", data, optimiser={"lr": 0.5}), runs["segm"].run, resume=True)


def test_a_run_older_than_a_setting_can_be_resumed(data, tmp_path):
    train("gan", settings("gan", data, loop={"steps": 2}), tmp_path)
    last = tmp_path / "checkpoints" / "last.pt"
    state = checkpoint.load(last)
    old = json.loads(state["facts"]["settings"])
    del old["loss"]["identity"], old["loss"]["identity_net"]
    old["loop"]["threads"] = None  # the default before it was 0
    state["facts"]["settings"] = json.dumps(old)
    checkpoint.save(last, state)
    with pytest.raises(UsageError, match=r"loss\.identity: 0\.0, now 1\.0"):
        train("gan", settings("gan", data, loss={"identity": 1.0}, loop={"steps": 3}), tmp_path, resume=True)
    assert load_trained(last).settings.loop.threads == 0
    assert train("gan", settings("gan", data, loop={"steps": 3}), tmp_path, resume=True).steps == 3
    state["facts"]["settings"] = json.dumps({**old, "mood": 3})
    checkpoint.save(last, state)
    with pytest.raises(UsageError, match="mood: 3, now None"):
        train("gan", settings("gan", data, loop={"steps": 3}), tmp_path, resume=True)


def test_resume_with_more_steps_trains_longer(data, tmp_path):
    train("segm", settings("segm", data), tmp_path)
    report = train("segm", settings("segm", data, loop={"steps": 8}), tmp_path, resume=True)
    assert report.steps == 8
    assert [row["step"] for row in rows(tmp_path)] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_resume_without_a_run_starts_one(data, tmp_path):
    assert train("segm", settings("segm", data), tmp_path / "new", resume=True).steps == 6


def test_run_folder_in_use_is_refused(runs, data):
    with pytest.raises(UsageError, match="--resume"):
        train("segm", settings("segm", data), runs["segm"].run)


def test_run_of_the_other_stage_is_refused(runs, data):
    with pytest.raises(UsageError, match="train segm"):
        train("gan", settings("gan", data), runs["segm"].run, resume=True)


def test_from_loads_the_weights_and_starts_at_step_0(runs, data, tmp_path):
    chosen = settings(
        "segm", data, loop={"steps": 1}, optimiser={"lr": 1e-9, "ema_images": 0, "weight_decay": 0.0}
    )
    train("segm", chosen, tmp_path, start=str(runs["segm"].run))
    assert [row["step"] for row in rows(tmp_path)] == [1]
    old, new = (
        checkpoint.load(run / "checkpoints" / "last.pt")["nets"]["segmenter"]
        for run in (runs["segm"].run, tmp_path)
    )
    assert all(torch.allclose(old[name], new[name], atol=1e-6) for name in old)


@pytest.mark.fault
def test_row32_weights_of_another_size_are_refused_in_one_line(runs, data, tmp_path):
    other = settings("segm", data, model={"width": 8, "max_width": 8, "depth": 2})
    with pytest.raises(InputError, match="another network") as error:
        train("segm", other, tmp_path, start=str(runs["segm"].run))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("start", ["", "segmenter.safetensors"])
def test_from_the_other_stage_is_refused_with_advice(runs, data, tmp_path, start):
    with pytest.raises(InputError, match="--segmenter"):
        train("gan", settings("gan", data), tmp_path, start=str(runs["segm"].run / start))


def test_a_run_from_averaged_weights_has_new_discriminators(runs, data, tmp_path):
    weights = runs["gan"].run / "generator.safetensors"
    still = settings("gan", data, optimiser={"lr": 1e-12, "lr_discriminator": 1e-12, "ema_images": 0})
    train("gan", still, tmp_path, start=str(weights))
    start, _ = checkpoint.load_weights(weights)
    nets = checkpoint.load(tmp_path / "checkpoints" / "last.pt")["nets"]
    assert all(torch.allclose(tensor, start[name], atol=1e-6) for name, tensor in nets["generator"].items())
    trained = checkpoint.load(runs["gan"].run / "checkpoints" / "last.pt")["nets"]["region"]
    assert not any(
        torch.equal(nets["region"][name], trained[name]) for name in trained if name.endswith("weight")
    )


def test_generator_trains_on_a_segmenters_maps(runs, data, tmp_path):
    chosen = settings("gan", data, segmenter=str(runs["segm"].run), predicted=1.0)
    train("gan", chosen, tmp_path)
    assert rows(tmp_path)[0]["l1_hole"] != rows(runs["gan"].run)[0]["l1_hole"]


@pytest.mark.fault
def test_row29_step_with_a_nan_is_skipped_and_counted_and_keeps_the_weights_finite(
    data, tmp_path, monkeypatch
):
    calls = []
    finite = losses.bce

    def sometimes_nan(logits, target):
        calls.append(1)
        return finite(logits, target) * (float("nan") if len(calls) == 3 else 1.0)

    monkeypatch.setattr(losses, "bce", sometimes_nan)
    report = train("segm", settings("segm", data, loop={"validate_every": 6}), tmp_path)
    assert report.bad_steps == 1
    assert [row["bad"] for row in rows(tmp_path)] == [0, 0, 1, 1, 1, 1]
    state = checkpoint.load(tmp_path / "checkpoints" / "last.pt")
    assert all(torch.isfinite(tensor).all() for tensor in state["nets"]["segmenter"].values())


@pytest.mark.fault
def test_row29_repeated_nan_ends_the_run_and_keeps_the_last_good_checkpoint(data, tmp_path, monkeypatch):
    calls = []
    finite = losses.bce

    def nan_from_step_4(logits, target):
        calls.append(1)
        return finite(logits, target) * (float("nan") if len(calls) > 3 else 1.0)

    monkeypatch.setattr(losses, "bce", nan_from_step_4)
    chosen = settings("segm", data, loop={"steps": 20, "max_bad_steps": 3, "validate_every": 50})
    with pytest.raises(UnmaskError, match="3 steps in a row"):
        train("segm", chosen, tmp_path)
    state = checkpoint.load(tmp_path / "checkpoints" / "last.pt")
    assert state["progress"]["step"] == 2
    assert all(torch.isfinite(tensor).all() for tensor in state["ema"].values())


@pytest.mark.fault
def test_row29_the_best_validation_is_kept_even_if_the_step_before_it_was_skipped(
    data, tmp_path, monkeypatch
):
    calls = []
    finite = losses.bce

    def nan_in_step_3(logits, target):
        calls.append(1)
        return finite(logits, target) * (float("nan") if len(calls) == 3 else 1.0)

    monkeypatch.setattr(losses, "bce", nan_in_step_3)
    report = train("segm", settings("segm", data, loop={"steps": 3, "validate_every": 3}), tmp_path)
    assert report.best
    assert checkpoint.load(tmp_path / "checkpoints" / "best.pt")["progress"]["best"] == report.best


@pytest.mark.fault
def test_row30_unreadable_data_is_logged_once_and_shown(data, tmp_path, monkeypatch):
    def with_faults(*args, **options):
        for batch in open_batches(*args, **options):
            yield replace(batch, faults=("train-000000.tar: toy-1: is cut",))

    monkeypatch.setattr(launch, "open_batches", with_faults)
    report = train("segm", settings("segm", data), tmp_path)
    assert report.unread == 1
    assert rows(tmp_path, "unread") == [
        {"step": 1, "kind": "unread", "what": "train-000000.tar: toy-1: is cut"}
    ]
    assert "toy-1: is cut" in (tmp_path / "report.html").read_text()


def test_a_rank_without_the_checkpoint_of_another_rank_is_refused(runs, data, tmp_path, monkeypatch):
    monkeypatch.setattr(distributed, "largest", lambda value, _: max(value, 6.0))  # another rank is at step 6
    with pytest.raises(InputError, match="all machines"):
        train("segm", settings("segm", data), tmp_path, resume=True)


@pytest.mark.fault
def test_row34_too_little_memory_names_the_settings_to_change(data, tmp_path, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(losses, "bce", full)
    with pytest.raises(UnmaskError, match=r"loop\.accumulate=2") as error:
        train("segm", settings("segm", data), tmp_path)
    assert error.value.exit_code == 5


def test_epochs_are_passes_over_the_data(data, tmp_path):
    assert (
        train("segm", settings("segm", data, loop={"epochs": 2.0}), tmp_path).steps == 6
    )  # 2 x 12 samples / 4


def test_minutes_end_a_run_with_everything_saved(data, tmp_path, monkeypatch):
    minutes = itertools.count()  # each reading of the clock advances it by one
    monkeypatch.setattr(timing.Clock, "this_leg", lambda self: 60.0 * next(minutes))
    report = train("segm", settings("segm", data, loop={"steps": 100_000, "minutes": 40}), tmp_path)
    assert 0 < report.steps < 100_000
    assert checkpoint.load(tmp_path / "checkpoints" / "last.pt")["progress"]["step"] == report.steps


def test_data_without_people_to_validate_on_is_refused(tmp_path):
    from tests.helpers.evaluation import write_split

    write_split(tmp_path / "data", "train", 6)
    with pytest.raises(InputError, match="val"):
        train("segm", settings("segm", tmp_path / "data"), tmp_path / "run")


def test_weights_carry_settings_data_and_threshold(runs):
    trained = load_segmenter(runs["segm"].run)
    assert trained.settings.model.width == 4
    assert 0 < trained.threshold < 1
    assert len(trained.facts["data"]) == 16
    assert trained.facts["step"] == "6"


def test_weights_record_the_shards_they_learned_from(runs, data):
    recorded = json.loads(load_segmenter(runs["segm"].run).facts["trained_on"])
    shards = {record.sha256[:16] for record in open_data_set(data).records if record.split == "train"}
    assert set(recorded["shards"]) == shards
    assert recorded["split"] == "train"


@pytest.mark.parametrize("stage", STAGES)
def test_weights_file_and_checkpoint_hold_the_same_network(runs, stage):
    one, other = (
        load_trained(runs[stage].run / name)
        for name in (f"{NAMES[stage]}.safetensors", "checkpoints/last.pt")
    )
    assert checkpoint.fingerprint(one.net) == checkpoint.fingerprint(other.net)
    assert one.stage == stage


def test_wrong_kind_of_weights_is_refused(runs):
    with pytest.raises(InputError, match="needs a Generator"):
        load_generator(runs["segm"].run)


def test_samples_show_four_columns(runs):
    image = np.asarray(Image.open(runs["gan"].run / "samples" / "000006.png"))
    assert image.shape[1] > 4 * 128


SMALL = {
    "segm": {"model": {"width": 4, "max_width": 8}},
    "gan": {"generator": {"width": 4, "max_width": 8}, "discriminator": {"width": 4, "layers": 2}},
}
FROM_THE_START = {"whole_from": 0.0, "region_from": 0.0, "perceptual_net": "none"}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_trains_saves_and_resumes(data, tmp_path, preset, stage):
    def narrow(steps):
        tree = preset_tree(preset, stage)
        data_settings = {"data": [str(data)], "size": 64, "batch": 4, "workers": 0, "lanes": 1, "shuffle": 8}
        loop = {"steps": steps, "validate_every": 2, "validate_samples": 2, "samples": 2, "log_every": 1}
        changes = {
            "data": data_settings,
            "loop": loop,
            **SMALL[stage],
            **({"loss": FROM_THE_START} if stage == "gan" else {}),
        }
        for section, values in changes.items():
            tree[section] = {**tree[section], **values}
        return (SegmSettings if stage == "segm" else GanSettings).model_validate(tree)

    train(stage, narrow(2), tmp_path)
    report = train(stage, narrow(3), tmp_path, resume=True)
    assert report.steps == 3
    assert report.bad_steps == 0
    assert [row["step"] for row in rows(tmp_path)] == [1, 2, 3]
    if stage == "gan":
        assert {"d_whole", "g_whole", "d_region", "g_region"} <= set(rows(tmp_path)[-1])


@pytest.mark.parametrize("stage", STAGES)
def test_training_on_data_with_bare_faces_stays_finite(stage, tmp_path):
    write_split(tmp_path / "data", "train", 12, people=6, unmasked=range(0, 12, 2))
    write_split(tmp_path / "data", "val", 6, people=2, unmasked=range(0, 6, 2))
    run = train(stage, settings(stage, tmp_path / "data"), tmp_path / "run").run
    for kind in ("train", "validate"):
        found = rows(run, kind)
        assert found
        assert all(np.isfinite(value) for row in found for value in row.values() if isinstance(value, float))
    if stage == "gan":
        assert all(row["l1_hole"] > 0 for row in rows(run))
