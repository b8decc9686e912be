"""Loading of trained networks from a run folder, a file of averaged weights, or a checkpoint."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from maskgen.errors import InputError
from unmasknet.models import checkpoint
from unmasknet.models.generator import Generator, build_generator
from unmasknet.models.released import WEIGHTS
from unmasknet.models.segmenter import Segmenter, build_segmenter
from unmasknet.settings import GanSettings, SegmSettings

Net = TypeVar("Net", bound=nn.Module)
THRESHOLD = 0.5  # for a segmenter that was never validated


@dataclass(frozen=True)
class Trained(Generic[Net]):
    """Network with its averaged weights, in evaluation mode, and its metadata.

    Attributes:
        net: the network.
        stage: "segm" or "gan".
        settings: settings of the training.
        facts: metadata as text: data, step, validation, threshold.
    """

    net: Net
    stage: str
    settings: SegmSettings | GanSettings
    facts: Mapping[str, str]

    @property
    def threshold(self) -> float:
        """Probability above which a pixel counts as mask, chosen by validation."""
        return read_threshold(self.facts, self.stage)


def read_threshold(facts: Mapping[str, str], origin: object) -> float:
    """Returns the threshold in the metadata of weights, in (0, 1); without one, `THRESHOLD`.

    Raises:
        InputError: it is not a number between 0 and 1.
    """
    text = facts.get("threshold", str(THRESHOLD))
    try:
        threshold = float(text)
    except (ValueError, TypeError):
        threshold = math.nan
    if not 0 < threshold < 1:
        raise InputError(
            f"{origin}: the threshold in its metadata is {text!r}, not a number between 0 and 1; take weights that "
            "this version wrote"
        )
    return threshold


def load_trained(path: Path, device: torch.device | str = "cpu") -> Trained[Segmenter | Generator]:
    """Loads the network of a run folder, a .safetensors file or a checkpoint.

    Raises:
        InputError: it is missing, damaged, or of another version of the program.
    """
    file = find_weights(path)
    if file.suffix == ".pt":
        state = checkpoint.load_run(file)
        tensors, facts = state["ema"], state["facts"]
    else:
        tensors, facts = checkpoint.load_weights(file)
    stage, settings = _read_facts(file, facts)
    read_threshold(facts, file)
    net = build(settings)
    checkpoint.put_weights(net, tensors, file)
    return Trained(net.to(device).eval().requires_grad_(False), stage, settings, facts)


def build(settings: SegmSettings | GanSettings) -> Segmenter | Generator:
    """Builds the network of a stage, with initial weights."""
    if isinstance(settings, SegmSettings):
        return build_segmenter(settings.model)
    return build_generator(settings.generator)


def load_segmenter(path: Path, device: torch.device | str = "cpu") -> Trained[Segmenter]:
    """Loads a trained segmenter.

    Raises:
        InputError: `path` has no segmenter.
    """
    return _of_kind(load_trained(path, device), Segmenter, path)


def load_generator(path: Path, device: torch.device | str = "cpu") -> Trained[Generator]:
    """Loads a trained generator.

    Raises:
        InputError: `path` has no generator.
    """
    return _of_kind(load_trained(path, device), Generator, path)


def _of_kind(trained: Trained[Segmenter | Generator], kind: type[Net], path: Path) -> Trained[Net]:
    if not isinstance(trained.net, kind):
        raise InputError(
            f"{path}: got the weights of a {type(trained.net).__name__}, needs a {kind.__name__}'s; name a run of "
            f"train {'segm' if kind is Segmenter else 'gan'}"
        )
    return Trained(trained.net, trained.stage, trained.settings, trained.facts)


def find_weights(path: Path) -> Path:
    """Finds the file with a network's weights; in a run folder, the averaged weights.

    Raises:
        InputError: there is no such file.
    """
    if path.is_dir():
        found = [path / name for name in WEIGHTS.values() if (path / name).is_file()]
        if not found:
            raise InputError(
                f"{path}: holds no {' or '.join(WEIGHTS.values())}; name the folder of a run that has one"
            )
        return found[0]
    if path.suffix not in (".pt", ".safetensors"):
        raise InputError(f"{path}: is not a run folder, .safetensors or .pt file; name one")
    return path


def find_checkpoint(path: Path) -> Path:
    """Finds a checkpoint: the file itself, or the last checkpoint of a run folder.

    Raises:
        InputError: there is no such file.
    """
    file = path / "checkpoints" / "last.pt" if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"{path}: there is no checkpoint; name a run folder or a .pt file in it")
    return file


def _read_facts(file: Path, facts: Mapping[str, str]) -> tuple[str, SegmSettings | GanSettings]:
    """Reads stage and settings from the metadata of weights.

    Raises:
        InputError: they are missing or of another version.
    """
    models: dict[str, Any] = {"segm": SegmSettings, "gan": GanSettings}
    try:
        stage = facts["stage"]
        return stage, models[stage].model_validate(json.loads(facts["settings"]))
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise InputError(
            f"{file}: its settings are missing or of another version ({str(error).splitlines()[0]}); take weights "
            "that this version wrote"
        ) from error
