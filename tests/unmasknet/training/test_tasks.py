"""Tasks of both stages without the loop: inputs and effects of a step, and what a checkpoint restores."""

from dataclasses import replace

import pytest
import torch

from tests.helpers.training import settings, train, write_data
from unmasknet.data.batches import Batch, open_batches
from unmasknet.models.two_stage import load_restorer
from unmasknet.training import losses
from unmasknet.training.distributed import Ranks
from unmasknet.training.gan import GanTask
from unmasknet.training.segmenter import SegmTask
from unmasknet.training.task import TrainingProcess, TrainProgress, capture, restore

HERE = TrainingProcess(torch.device("cpu"), Ranks())


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def segmenter(data, tmp_path_factory):
    """A segmenter for 64 pixels, twice the size that the generators of these tests use."""
    chosen = settings("segm", data, data={"size": 64}, loop={"steps": 2})
    return str(train("segm", chosen, tmp_path_factory.mktemp("runs") / "segm").run)


def batch_of(chosen) -> Batch:
    return next(open_batches(chosen.data.data, "train", chosen, train=True))


def test_a_resumed_segmenter_keeps_the_threshold_that_validation_chose(data):
    task, later = (SegmTask(settings("segm", data), HERE) for _ in range(2))
    task.threshold = 0.3
    restore(later, capture(task, TrainProgress(), {}), "a checkpoint")
    assert later.facts() == {"threshold": "0.3"}


def test_the_random_number_of_a_sample_decides_whether_it_gets_the_segmenters_map(data, segmenter):
    chosen = settings("gan", data, segmenter=segmenter, predicted=0.5)
    task, batch = GanTask(chosen, HERE), batch_of(chosen)
    chance = batch.chance.clone()
    chance[:, -1] = torch.tensor([0.9, 0.1, 0.9, 0.1])
    batch = replace(batch, chance=chance)
    whole = task.with_predicted(batch).map
    torch.manual_seed(1)
    parts = torch.cat([task.with_predicted(part).map for part in batch.split(2)])
    assert torch.equal(whole, parts)
    assert torch.equal(whole[::2], batch.map[::2])
    assert not torch.equal(whole[1::2], batch.map[1::2])


def test_the_segmenter_runs_at_its_own_size_as_in_the_restorer(data, segmenter):
    chosen = settings("gan", data, segmenter=segmenter, predicted=1.0)
    task, batch = GanTask(chosen, HERE), batch_of(chosen)
    restorer = load_restorer([segmenter], torch.device("cpu"))
    assert torch.equal(task.with_predicted(batch).map, restorer.predicted(batch.masked)[0])


def test_a_non_finite_loss_of_the_discriminators_leaves_the_generator_unchanged(data, monkeypatch):
    def nan_loss(real, fake):
        return losses.hinge_d(real, fake) * float("nan")

    monkeypatch.setitem(losses.ADVERSARIAL, "hinge", (nan_loss, losses.hinge_g))
    chosen = settings("gan", data)
    task = GanTask(chosen, HERE)
    before = {name: tensor.clone() for name, tensor in task.generator.state_dict().items()}
    _, good = task.step([batch_of(chosen)], 0.9, 1.0)
    assert not good
    assert all(torch.equal(before[name], tensor) for name, tensor in task.generator.state_dict().items())
