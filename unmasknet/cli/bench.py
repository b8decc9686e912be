"""`unmask bench load`, `train` and `run`."""

import sys
from dataclasses import asdict
from typing import Annotated, Any

from maskgen.cli.completion import argument
from maskgen.cli.options import Output, option
from maskgen.errors import UsageError
from maskgen.extras import require
from maskgen.processes import require_posix
from unmasknet.bench.inference_settings import BenchRunSettings
from unmasknet.cli.train import StageSettings

Stage = Annotated[str, argument("[segm|gan]", "The stage.")]
Preset = Annotated[str | None, option("--preset", "NAME", "As for train. [default: unmask]")]
Workers = Annotated[
    str, option("--workers", "A,B,C", "Numbers of workers to measure as well. [default: none]")
]
OPTIONS = ("data.data", "data.size", "seed")  # the settings that are options of both training benchmarks


def bench_load(
    settings: StageSettings, stage: Stage = "segm", preset: Preset = None, workers: Workers = ""
) -> Output:
    """Compare the speed of the loader with that of decoding the same images alone.

    Example: [bold]unmask bench load --data data/shards/mine --workers 0,1,2[/bold]
    """
    numbers = worker_numbers(workers)
    require("this command", "train", "torch")
    from unmasknet.bench.loader import bench_load as measure

    return _output(asdict(measure(settings.data.data, settings, numbers)))


def bench_train(
    settings: StageSettings, stage: Stage = "segm", preset: Preset = None, workers: Workers = ""
) -> Output:
    """Compare the time of a training step on loaded data with that on one batch kept in memory.

    Example: [bold]unmask bench train gan --data data/shards/mine --preset tiny --workers 0,1,2[/bold]
    """
    numbers = worker_numbers(workers)
    require("this command", "train", "torch")
    from unmasknet.bench.training_step import bench_train as measure

    return _output(asdict(measure(settings, workers=numbers)))


def bench_run(settings: BenchRunSettings) -> Output:
    """Measure the cost of restoring one face per runtime and number of cores, each in a separate process.

    Example: [bold]unmask bench run --weights data/runs/segm --weights data/runs/gan --weights unmask.onnx[/bold]
    """
    require_posix("unmask bench run")
    from maskgen.cli.progress_bar import Meter
    from maskgen.demo.example import masked_example
    from unmasknet.bench import inference

    with Meter("processes", sys.stderr) as meter:
        report = inference.bench_run(settings, lambda: masked_example(256), meter)
    return Output(inference.as_json(report), inference.as_table(report))


def worker_numbers(workers: str) -> tuple[int, ...]:
    """Parses a comma-separated list of worker counts.

    Raises:
        UsageError: an item is not a number.
    """
    numbers = [text.strip() for text in workers.split(",") if text.strip()]
    if not all(number.isascii() and number.isdecimal() and len(number) < 5 for number in numbers):
        raise UsageError(f"--workers {workers}: got no list of numbers; use: --workers 0,1,2")
    return tuple(int(number) for number in numbers)


def _output(facts: dict[str, Any]) -> Output:
    return Output(facts, "\n".join(f"{name}: {_rounded(value)}" for name, value in facts.items()))


def _rounded(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value}"
