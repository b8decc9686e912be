"""Training runs for tests: a drawn data set, and settings of networks with a few hundred weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maskgen.config import print_config
from maskgen.progress import OnProgress, no_progress
from tests.helpers.evaluation import write_split
from unmasknet.settings import GanSettings, SegmSettings
from unmasknet.training.launch import TrainingOrder, TrainReport, launch

LOOP = {
    "steps": 6, "device": "cpu", "log_every": 1, "validate_every": 3, "validate_samples": 4, "sample_every": 3,
    "samples": 2, "checkpoint_every": 2, "precision": "fp32",
}  # fmt: skip
SEGM = {"model": {"width": 4, "max_width": 8, "depth": 2}}
GAN = {
    "generator": {"width": 4, "max_width": 8, "depth": 2, "ffc_blocks": 1},
    "discriminator": {"width": 4, "layers": 2},
    "loss": {"perceptual_net": "none", "whole_from": 0.0, "region_from": 0.4},
}


def write_data(folder: Path) -> Path:
    """Writes a data set with different people in train and val."""
    write_split(folder, "train", 12, people=6)
    write_split(folder, "val", 4, people=2)
    return folder


def settings(stage: str, data: Path, /, **changes: Mapping[str, Any]) -> Any:
    """Returns the settings of a tiny run; `changes` override values by section."""
    tree: dict[str, Any] = {
        "data": {"data": [str(data)], "size": 32, "batch": 4, "lanes": 1, "workers": 0, "shuffle": 8}
    }
    tree |= {"loop": LOOP, **(SEGM if stage == "segm" else GAN)}
    for section, values in changes.items():
        tree[section] = {**tree.get(section, {}), **values} if isinstance(values, Mapping) else values
    return (SegmSettings if stage == "segm" else GanSettings).model_validate(tree)


def train(
    stage: str,
    chosen: Any,
    out: Path,
    *,
    resume: bool = False,
    start: str = "",
    on_progress: OnProgress = no_progress,
) -> TrainReport:
    """Runs a training."""
    assert chosen.stage == stage
    return launch(chosen, TrainingOrder(out, print_config(chosen), resume, start), on_progress)
