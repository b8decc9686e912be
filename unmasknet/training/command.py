"""What `unmask train` does between its options and the two stages, and what it says. Without torch until it trains."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from maskgen.errors import UsageError
from unmasknet.models.released import WEIGHTS
from unmasknet.presets import preset_tree
from unmasknet.settings import GanSettings, SegmSettings

if TYPE_CHECKING:
    from unmasknet.training.launch import TrainReport
    from unmasknet.training.loop import News

Settings = SegmSettings | GanSettings
PRESET = "unmask"
MODELS: dict[str, type[Settings]] = {"segm": SegmSettings, "gan": GanSettings}


def plan(
    stage: str | None, preset: str | None, out: str | None, *, resume: bool
) -> tuple[type[Settings], dict[str, Any], Path]:
    """What the settings are checked against, the preset's values, and the run's folder.

    Raises:
        UsageError: there is no such stage or preset, or --resume does not say of what.
    """
    if stage not in MODELS:
        raise UsageError(f"train {stage or ''}: got no stage; use: unmask train segm, or unmask train gan")
    if resume and out is None and preset is None:
        raise UsageError("--resume: name the run: --out RUN")
    base = preset_tree(preset or PRESET, cast(Literal["segm", "gan"], stage))
    folder = Path(out) if out else Path("data/runs") / f"{stage}-{preset or PRESET}"
    return MODELS[stage], base, folder


def config_of(folder: Path, stage: str | None) -> Path | None:
    """The settings that a run was begun with, if there is one.

    Raises:
        UsageError: it is a run of the other stage.
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
    settings: Settings,
    folder: Path,
    config: str,
    tell: "Callable[[News], None]",
    *,
    resume: bool,
    start: str,
) -> "TrainReport | None":
    """Train the stage of the settings; None on ranks that do not report. See `launch` for what is raised."""
    from unmasknet.training.distributed import environment_ranks
    from unmasknet.training.launch import TrainingOrder, launch

    report = launch(settings, TrainingOrder(folder, config, resume, start), tell)
    return report if environment_ranks().first else None


def measure(
    action: str | None, workers: str
) -> "tuple[Callable[[Settings, tuple[int, ...]], Any], tuple[int, ...]]":
    """What `unmask bench` calls, and the numbers of workers.

    Raises:
        UsageError: there is no such measurement, or a number is none.
    """
    if action not in ("load", "train"):
        raise UsageError(
            f"bench {action or ''}: there is no such benchmark; use: unmask bench load, or train"
        )
    numbers = [text.strip() for text in workers.split(",") if text.strip()]
    if not all(number.isdecimal() for number in numbers):
        raise UsageError(f"--workers {workers}: got no list of numbers; use: --workers 0,1,2")

    def run(settings: Settings, numbers: tuple[int, ...]) -> Any:
        if action == "load":
            from unmasknet.bench.loader import bench_load

            return bench_load(settings.data.data, settings, numbers)
        from unmasknet.bench.training_step import bench_train

        return bench_train(settings, workers=numbers)

    return run, tuple(int(number) for number in numbers)


def told(news: "News") -> str:
    """How far a run is, in one line."""
    figures = ", ".join(f"{name} {value:.3g}" for name, value in news.figures.items() if name in _TOLD)
    return f"{news.images_per_s:.1f} images/s" + (f"; {figures}" if figures else "")


_TOLD = ("loss", "d_whole", "d_region", "val dice", "val psnr_hole", "val over_telea", "val over_mean_face")


def trained(report: "TrainReport") -> str:
    """What became of a run."""
    best = ", ".join(f"{name} {value:.4g}" for name, value in report.best.items())
    lines = [
        f"{report.run}: {report.steps:,} steps; {report.seconds:.0f} s since this start",
        f"held out, at best: {best}" if best else "not validated",
        f"{report.parameters['trainable']:,} weights, {report.gmac:.2f} billion multiply-adds a picture",
    ]
    if report.bad_steps:
        lines.append(f"{report.bad_steps} steps were left out: a number in them was none")
    if report.unread:
        lines.append(
            f"{report.unread} faults in the data were passed over: see unread in {report.run / 'metrics.jsonl'}"
        )
    return "\n".join([*lines, f"look at it: {report.run / 'report.html'}"])
