"""`unmask train`: turns the options into a run of one of the two stages. Imports torch only to train."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from maskgen.cli.completion import argument
from maskgen.cli.options import Output, Resolution, option, switch
from maskgen.errors import UsageError
from maskgen.extras import install_line, require
from maskgen.section import RUN
from unmasknet.models.released import WEIGHTS
from unmasknet.presets import preset_tree
from unmasknet.settings import LEARN, GanSettings, SegmSettings

if TYPE_CHECKING:
    from unmasknet.training.launch import TrainReport

StageSettings = SegmSettings | GanSettings
PRESET = "unmask"
MODELS: dict[str, type[StageSettings]] = {"segm": SegmSettings, "gan": GanSettings}
# The figures of a step that the progress line shows.
SHOWN = ("loss", "d_whole", "d_region", "val dice", "val psnr_hole", "val over_telea", "val over_mean_face")

Stage = Annotated[
    str | None,
    argument("segm|gan", "Find the mask, or restore the face."),
]
Preset = Annotated[
    str | None,
    option("--preset", "NAME", "tiny, small, unmask, din2020, fugan, v2, patch256. [default: unmask]", LEARN),
]
Out = Annotated[str | None, option("--out", "RUN", "The run folder. [default: data/runs/STAGE-PRESET]", RUN)]
Resume = Annotated[bool, switch("--resume", "Resume the run in --out.", RUN)]
Start = Annotated[
    str | None,
    option(
        "--from", "CKPT", "Start from the weights of a run, a .pt or .safetensors file, or `released`.", RUN
    ),
]


def resolve_training(given: Mapping[str, Any], own: Mapping[str, Any]) -> Resolution:
    """Resolves the settings model of a run, the preset's values, and the settings file of a resumed run.

    Args:
        given: the options that were used: path of the setting -> text.
        own: the arguments of `train` that are not settings.

    Raises:
        UsageError: the stage or preset does not exist, --resume names no run, or two options exclude each other.
    """
    if {"loop.steps", "loop.epochs"} <= given.keys():
        raise UsageError("--steps and --epochs: choose one")
    stage, preset, out = own["stage"], own["preset"], own["out"]
    if stage in MODELS and own["resume"] and out is None and preset is None:
        raise UsageError("--resume: name the run: --out RUN")
    resolution = resolve_stage(given, own)
    if own["resume"] and preset is None:
        return resolution._replace(config=config_of(run_folder(stage, preset, out), stage))
    return resolution


def resolve_stage(_: Mapping[str, Any], own: Mapping[str, Any]) -> Resolution:
    """Resolves the settings model of a stage, and the preset's values.

    Raises:
        UsageError: the stage or preset does not exist.
    """
    stage = own["stage"]
    if stage not in MODELS:
        problem = f"train {stage}: there is no such stage" if stage else "train: got no stage"
        raise UsageError(f"{problem}; use: unmask train segm, or unmask train gan")
    return Resolution(
        MODELS[stage], preset_tree(own["preset"] or PRESET, cast(Literal["segm", "gan"], stage))
    )


def run_folder(stage: str | None, preset: str | None, out: str | None) -> Path:
    """Returns the folder of a run: --out, or one named after stage and preset."""
    return Path(out) if out else Path("data/runs") / f"{stage}-{preset or PRESET}"


def config_of(folder: Path, stage: str | None) -> Path | None:
    """Finds the settings file with which a run was started; None if there is none.

    Raises:
        UsageError: the folder holds a run of the other stage.
    """
    path = folder / "config.toml"
    if not path.is_file():
        return None
    other = "gan" if stage == "segm" else "segm"
    if (folder / WEIGHTS[other]).is_file():
        raise UsageError(
            f"--resume: {folder} is a run of train {other}; use: unmask train {other} --resume --out {folder}"
        )
    return path


def train(
    settings: StageSettings,
    given: Mapping[str, Any],
    stage: Stage = None,
    preset: Preset = None,
    out: Out = None,
    resume: Resume = False,
    start: Start = None,
) -> Output | None:
    """Train a network on shards, into a run folder: checkpoints, weights, curves, images, a report.

    To continue an interrupted run bit for bit, give the same command with --resume.

    Example: [bold]unmask train segm --data data/shards/mine --preset tiny --out data/runs/segm[/bold]
    """
    if "loop.steps" in given and settings.loop.epochs is not None:
        raise UsageError(
            f"--steps {given['loop.steps']}: loop.epochs is set to {settings.loop.epochs:g}; "
            "give --epochs instead"
        )
    require("this command", "train", "torch")
    from maskgen.cli.progress_bar import Meter
    from maskgen.config import print_config
    from unmasknet.training.distributed import environment_ranks
    from unmasknet.training.launch import TrainingOrder, launch

    order = TrainingOrder(run_folder(stage, preset, out), print_config(settings), resume, start or "")
    with Meter("steps", sys.stderr) as meter:
        report = launch(settings, order, lambda step: meter(replace(step, note=progress_text(step.figures))))
    return Output(report, report_text(report), report.warnings) if environment_ranks().first else None


def progress_text(figures: Mapping[str, float]) -> str:
    """Formats the speed and the losses of a run as one line."""
    losses = ", ".join(f"{name} {value:.3g}" for name, value in figures.items() if name in SHOWN)
    return f"{figures['images_per_s']:.1f} images/s" + (f"; {losses}" if losses else "")


def report_text(report: "TrainReport") -> str:
    """Summarises a run."""
    best = ", ".join(f"{name} {value:.4g}" for name, value in report.best.items())
    lines = [
        f"{report.run}: {report.steps:,} steps; {report.seconds:.0f} s since this start",
        f"best on held-out samples: {best}" if best else "not validated",
        f"{report.parameters['trainable']:,} trainable parameters, {report.gmac:.2f} GMAC per image",
    ]
    if report.bad_steps:
        lines.append(f"{report.bad_steps} steps were skipped for a non-finite loss or gradient")
    if report.unread:
        log = report.run / "metrics.jsonl"
        lines.append(f"{report.unread} faults in the data were skipped: see unread in {log}")
    return "\n".join([*lines, f"look at it: {report.run / 'report.html'}", _tensorboard_line(report.run)])


def _tensorboard_line(run: Path) -> str:
    """Returns how to see numbers and samples in TensorBoard, and how to install it where it is missing."""
    line = f"in TensorBoard: tensorboard --logdir {run / 'tensorboard'}"
    return line if find_spec("tensorboard") else f"{line}; to install it: {install_line('tensorboard')}"
