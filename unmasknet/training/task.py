"""Interface between the training loop and a stage, and the checkpoint with everything needed to resume."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from maskgen.errors import InputError
from maskgen.types import RGBImage
from unmasknet.data.batches import Batch
from unmasknet.models import checkpoint
from unmasknet.models.checkpoint import State
from unmasknet.models.load import Trained
from unmasknet.training.distributed import Ranks
from unmasknet.training.ema import Ema
from unmasknet.training.optimizer import Optimiser

Losses = Mapping[str, Tensor]


@dataclass(frozen=True)
class TrainingProcess:
    """Device of a stage, and this process among those that train together."""

    device: torch.device
    ranks: Ranks


@dataclass
class TrainProgress:
    """State of a run beside the weights.

    Attributes:
        step: steps done.
        seconds: time spent so far, including earlier processes of the run.
        bad: steps skipped so far because of a non-finite value.
        bad_run: number of latest steps that were skipped in a row.
        best: metrics of the best validation so far.
        latest: metrics of the latest validation.
    """

    step: int = 0
    seconds: float = 0.0
    bad: int = 0
    bad_run: int = 0
    best: dict[str, float] = field(default_factory=dict)
    latest: dict[str, float] = field(default_factory=dict)


@runtime_checkable
class Task(Protocol):
    """Stage of training: networks, their updates, and their validation.

    Attributes:
        nets: the trained networks by name; the first one is averaged and released.
        optimisers: their optimisers by name.
        ema: the averaged weights of the first network.
        best_by: the metric of `validate`, higher is better, that chooses the best checkpoint.
        inputs: number of channels of each input of the first network.
    """

    nets: dict[str, nn.Module]
    optimisers: dict[str, Optimiser]
    ema: Ema[Any]
    best_by: str
    inputs: tuple[int, ...]

    def step(self, parts: Sequence[Batch], done: float, lr_scale: float) -> tuple[Losses, bool]:
        """Updates the weights with a batch.

        Args:
            parts: the batch in one or more parts; the update is the same.
            done: fraction of the run's steps that are done, in [0, 1).
            lr_scale: learning rate as a fraction of the full one.

        Returns:
            The losses, and whether all updates were made; an update with a non-finite value is skipped.
        """

    def validate(self) -> dict[str, float]:
        """Computes metrics on the held-out samples of all ranks."""

    def draw(self) -> RGBImage:
        """Draws the fixed samples with the current averaged weights."""

    def facts(self) -> dict[str, str]:
        """Returns metadata that users of the weights need beside the settings."""

    def recall(self, facts: Mapping[str, str]) -> None:
        """Restores state that is in a checkpoint's facts, not in its weights."""


def capture(task: Task, progress: TrainProgress, facts: Mapping[str, str]) -> State:
    """Captures everything that is needed to resume."""
    return {
        "facts": {**facts, **task.facts()},
        "progress": dict(vars(progress)),
        "nets": {name: net.state_dict() for name, net in task.nets.items()},
        "ema": task.ema.state_dict(),
        "optimisers": {name: optimiser.adam.state_dict() for name, optimiser in task.optimisers.items()},
    }


def restore(task: Task, state: State, origin: object) -> TrainProgress:
    """Restores a state that `capture` returned.

    Raises:
        InputError: the checkpoint belongs to another network or version.
    """
    begin_from(task, state, origin)
    for name, optimiser in task.optimisers.items():
        checkpoint.put_state(optimiser.adam, state["optimisers"].get(name, {}), origin)
    try:
        return TrainProgress(**state["progress"])
    except TypeError as error:
        raise InputError(
            f"{origin}: its progress is of another version of unmask ({error}); train anew"
        ) from error


def begin_from_weights(task: Task, trained: Trained[Any], origin: object) -> None:
    """Loads the averaged weights of the released network; other networks, such as discriminators, keep their own.

    Raises:
        InputError: the weights belong to another network.
    """
    weights = trained.net.state_dict()
    for net in (next(iter(task.nets.values())), task.ema.net):
        checkpoint.put_weights(net, weights, origin)
    task.recall(trained.facts)


def begin_from(task: Task, state: State, origin: object) -> None:
    """Loads weights, averaged weights and their facts from a checkpoint; no progress and no optimiser state.

    Raises:
        InputError: the checkpoint belongs to another network.
    """
    for name, net in task.nets.items():
        checkpoint.put_weights(net, state["nets"].get(name, {}), origin)
    checkpoint.put_weights(task.ema.net, state["ema"], origin)
    task.recall(state["facts"])
