"""What a stage of training is to the loop, and how it is stored: everything needed to go on, nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from maskgen.types import RGBImage
from unmasknet.data.batches import Batch
from unmasknet.models import checkpoint
from unmasknet.models.checkpoint import State
from unmasknet.training.distributed import Ranks
from unmasknet.training.ema import Ema
from unmasknet.training.optimizer import Optimiser

Losses = Mapping[str, Tensor]


@dataclass(frozen=True)
class TrainingProcess:
    """Where a stage is set up: its device, and this process among those that train together."""

    device: torch.device
    ranks: Ranks


@dataclass
class TrainProgress:
    """What a run has to remember beside weights.

    Attributes:
        step: updates done.
        seconds: time spent so far, of earlier legs too.
        bad: steps left out so far because a number was none; `bad_run`: those in a row at the end.
        best: the best validation so far.
        latest: the last one.
    """

    step: int = 0
    seconds: float = 0.0
    bad: int = 0
    bad_run: int = 0
    best: dict[str, float] = field(default_factory=dict)
    latest: dict[str, float] = field(default_factory=dict)


@runtime_checkable
class Task(Protocol):
    """What is trained: networks, how one step changes them, and how good they are.

    Attributes:
        nets: all that is trained, by name; the first is the one that is averaged and released.
        best_by: the number of `validate` that is better when it is higher.
        inputs: channels of each picture that the first network takes.
    """

    nets: dict[str, nn.Module]
    optimisers: dict[str, Optimiser]
    ema: Ema[Any]
    best_by: str
    inputs: tuple[int, ...]

    def step(self, parts: Sequence[Batch], done: float, lr_scale: float) -> tuple[Losses, bool]:
        """Updates the weights by a batch.

        Args:
            parts: the batch, in one or more parts; what is learned is the same.
            done: share of the run's steps, in [0, 1).
            lr_scale: of the full learning rate.

        Returns:
            The losses, and whether all updates were made: none is where a number is none.
        """

    def validate(self) -> dict[str, float]:
        """Figures on held-out samples, those of all ranks together."""

    def draw(self) -> RGBImage:
        """Draws the fixed samples as they are now."""

    def facts(self) -> dict[str, str]:
        """Returns what a reader of the weights must know beside the settings."""

    def recall(self, facts: Mapping[str, str]) -> None:
        """Takes back from a checkpoint's facts what is not in its weights."""


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
    """Restores what `capture` returned.

    Raises:
        InputError: the checkpoint is another network's.
    """
    begin_from(task, state, origin)
    for name, optimiser in task.optimisers.items():
        checkpoint.put_state(optimiser.adam, state["optimisers"].get(name, {}), origin)
    return TrainProgress(**state["progress"])


def begin_from(task: Task, state: State, origin: object) -> None:
    """Takes a checkpoint's weights and averages and what belongs to them, and nothing else of it.

    Raises:
        InputError: the checkpoint is another network's.
    """
    for name, net in task.nets.items():
        checkpoint.put_weights(net, state["nets"].get(name, {}), origin)
    checkpoint.put_weights(task.ema.net, state["ema"], origin)
    task.recall(state["facts"])
