"""Program `unmask`: registers the commands, handles signals, turns errors into messages and exit codes.

Each command is a function in its own file in `maskgen/cli` or `unmasknet/cli`; it does its imports when it runs, so
that `--help` is fast. Results go to stdout, everything else to stderr.
"""

import signal
import sys
import warnings
from collections.abc import Callable
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from maskgen.cli import (
    bench_gen,
    doctor,
    frames_from_video,
    gen_data,
    make_rec,
    mask,
    masks,
    pack,
    pairs,
    preview,
    unpack,
    verify,
)
from maskgen.cli.help_types import PlainCommand, PlainGroup
from maskgen.cli.options import as_command, switch
from maskgen.cli.streams import open_streams, print_result
from maskgen.command_settings import (
    BenchGenSettings,
    CheckSettings,
    DemoSettings,
    DoctorSettings,
    DraftSettings,
    MakeRecSettings,
    MasksSettings,
    PackSettings,
    PairsSettings,
    PreviewSettings,
    SheetSettings,
    UnpackSettings,
    VerifySettings,
)
from maskgen.errors import MissingError, UnmaskError
from maskgen.frames_settings import FramesSettings
from maskgen.masking.settings import MaskFolderSettings
from maskgen.settings import GenSettings
from unmasknet.bench.inference_settings import BenchRunSettings
from unmasknet.cli import bench, demo, eval_recognition, evaluate, export, run, serve, train
from unmasknet.evaluation.settings import EvalSettings
from unmasknet.export.settings import ExportSettings
from unmasknet.openmp import wait_without_spinning
from unmasknet.recognition.settings import RecognitionSettings
from unmasknet.restore.settings import RestoreSettings
from unmasknet.serve.settings import ServeSettings
from unmasknet.settings import GanSettings

app = typer.Typer(
    cls=PlainGroup,
    help="Put masks on faces, and take them off: photos in, verified triplets (masked, original, map) out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
masks_app = typer.Typer(
    cls=masks.ListByDefault,
    help="The mask library: list it, draw it, check your own templates, make one from a photo.\n\n"
    "Example: [bold]unmask masks sheet --out masks.png[/bold]",
    rich_markup_mode="rich",
)
eval_app = typer.Typer(cls=PlainGroup, rich_markup_mode="rich")
bench_app = typer.Typer(cls=PlainGroup, help="Benchmarks.", no_args_is_help=True, rich_markup_mode="rich")


@app.callback(invoke_without_command=True)
def program(version: Annotated[bool, switch("--version", "Print the version and exit.")] = False) -> None:
    """Prints the version."""
    if version:
        from maskgen import __version__

        print_result(f"unmask {__version__}")
        raise typer.Exit


def register(group: typer.Typer, name: str, run: Callable[..., Any], model: Any, **how: Any) -> None:
    """Adds a command to a group; see `as_command`."""
    group.command(name, cls=PlainCommand)(as_command(run, model, **how))


register(app, "demo", demo.demo, DemoSettings)
register(app, "gen-data", gen_data.gen_data, GenSettings)
register(app, "mask", mask.mask, MaskFolderSettings)
register(app, "frames-from-video", frames_from_video.frames_from_video, FramesSettings)
register(app, "preview", preview.preview, PreviewSettings)
register(app, "verify", verify.verify, VerifySettings)
register(app, "unpack", unpack.unpack, UnpackSettings)
register(app, "make-rec", make_rec.make_rec, MakeRecSettings)
register(app, "pairs", pairs.pairs, PairsSettings)
register(app, "pack", pack.pack, PackSettings)
app.add_typer(masks_app, name="masks")
register(masks_app, "list", masks.list_masks, MasksSettings)
register(masks_app, "check", masks.check, CheckSettings)
register(masks_app, "sheet", masks.sheet, SheetSettings)
register(masks_app, "new", masks.new, DraftSettings)
register(app, "train", train.train, GanSettings, resolve=train.resolve_training)
app.add_typer(eval_app, name="eval")
eval_app.callback(invoke_without_command=True)(as_command(evaluate.evaluate, EvalSettings, of_group=True))
register(eval_app, "recognition", eval_recognition.eval_recognition, RecognitionSettings)
register(app, "run", run.run, RestoreSettings)
register(app, "export", export.export, ExportSettings)
register(app, "serve", serve.serve, ServeSettings)
app.add_typer(bench_app, name="bench")
register(bench_app, "gen", bench_gen.bench_gen, BenchGenSettings)
register(bench_app, "run", bench.bench_run, BenchRunSettings)
for benchmark, measure in (("load", bench.bench_load), ("train", bench.bench_train)):
    register(bench_app, benchmark, measure, GanSettings, resolve=train.resolve_stage, paths=bench.OPTIONS)
register(app, "doctor", doctor.doctor, DoctorSettings)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    print(f"unmask: stopped by {signal.Signals(number).name}", file=sys.stderr)
    raise SystemExit(128 + number)


def _format_warning(message: Warning | str, category: type[Warning], *place: Any) -> str:
    """Formats a warning of unmask as one line, others as Python does."""
    if category.__module__.partition(".")[0] in ("maskgen", "unmasknet"):
        return f"unmask: {message}\n"
    return _python_format(message, category, *place)


_python_format = warnings.formatwarning


def main() -> None:
    """Runs the program; turns an `UnmaskError`, or an error of a disk, into one message and an exit code."""
    warnings.formatwarning = _format_warning  # type: ignore[assignment]
    wait_without_spinning()
    open_streams()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # at exit it would be too late to tell that stdout is full
    except UnmaskError as error:
        _fail(f"{error}", error.exit_code)
    except ImportError as error:
        _fail(f"a package is missing or damaged ({error}); see unmask doctor", MissingError.exit_code)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else f"{error}", UnmaskError.exit_code)


def _fail(message: str, code: int) -> NoReturn:
    print(f"unmask: {message}", file=sys.stderr)
    raise SystemExit(code) from None
