"""`unmask doctor`: checks of the installation, and for each failed check the command that fixes it."""

import os
import platform
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from maskgen.errors import UnmaskError
from maskgen.extras import install_command
from maskgen.opencv_packages import mending_command, opencv_packages

TRIPLET_BYTES = 60_000  # approximate size of a triplet in a shard at 256 pixels and JPEG quality 95
ENOUGH_BYTES = 1_000_000_000  # free disk space below which the check fails

# Package, the extra that installs it ("": installed by itself), its purpose.
OPTIONAL = (
    ("ai-edge-litert", "", "finds faces twice as fast as OpenCV does"),
    ("webdataset", "", "streams shards into a training loop"),
    ("datasets", "datasets", "reads a data set as a Hugging Face data set"),
    ("torch", "train", "networks: train and eval; run on a GPU"),
    ("dlib-bin", "dlib", "dlib's detector"),
    ("face-alignment", "fan", "face-alignment's detector"),
    ("pillow-heif", "heif", "reads HEIC, the photos of phones"),
    ("av", "video", "sound, and rare kinds of video files; OpenCV reads the others"),
    ("fastapi", "web", "the web page"),
    ("onnxruntime", "onnx", "takes masks off without torch, as OpenCV does too"),
    ("tensorboard", "tensorboard", "shows the curves and images of a training"),
)


@dataclass(frozen=True)
class Check:
    """Result of one check.

    Attributes:
        name: name of the check.
        ok: whether it passed.
        found: what was found, such as a version or an error message.
        mend: the command or hint that fixes it, in one line; "" if it passed.
        optional: whether everything else works without it.
    """

    name: str
    ok: bool
    found: str
    mend: str = ""
    optional: bool = False


def examine(folder: Path, celeba: str = "") -> list[Check]:
    """Runs all checks: first those of required parts, then those of optional ones.

    Args:
        folder: folder in which data would be written.
        celeba: folder of CelebA; "" looks in the usual one, and checks nothing if there is none.
    """
    # a package named unmask on the package index need not be this one
    again = "pip install --force-reinstall --no-deps WHEEL_OR_CHECKOUT_OF_UNMASK"
    needed = [
        Check("python", True, _python()),
        _tried("packages", _packages, "pip install WHEEL_OR_CHECKOUT_OF_UNMASK"),
        _tried("opencv", _opencv, mending_command(opencv_packages())),
        _tried("models", _models, again),
        _tried("masks", _masks, f"fix the lines above; else {again}"),
        _tried("faces", _faces, "fix the lines above; else pip install --force-reinstall ai-edge-litert"),
        _tried("disk", lambda: _disk(folder), "choose a folder on a disk with free space: --out FOLDER"),
    ]
    return (
        [*needed, *_one_opencv(), _kernels()]
        + [_optional(*entry) for entry in OPTIONAL]
        + _celeba(folder, celeba)
    )


def _tried(name: str, look: Callable[[], str], mend: str) -> Check:
    try:
        return Check(name, True, look())
    except Exception as error:  # noqa: BLE001 - a damaged package may raise anything
        return Check(name, False, " ".join(str(error).split()) or type(error).__name__, mend)


def _python() -> str:
    return f"{platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def _packages() -> str:
    return ", ".join(f"{name} {metadata.version(name)}" for name in ("unmask", "numpy", "pillow", "pydantic"))


def _opencv() -> str:
    import cv2

    return " from ".join([f"OpenCV {cv2.__version__}", *map(str, opencv_packages()[:1])])


def _one_opencv() -> list[Check]:
    """Checks that no other package overwrites the files of OpenCV; returns nothing if there is one package."""
    found = opencv_packages()
    if len(found) < 2:
        return []
    used = [one.name for one in found if one.in_use]
    text = (
        f"{' and '.join(map(str, found))} write into one folder, cv2, which holds the files of "
        f"{' and '.join(used) or 'neither'}; removing or upgrading one of them breaks it"
    )
    return [Check("one opencv", False, text, mending_command(found), optional=True)]


def _models() -> str:
    from maskgen.assets import asset, model_file
    from maskgen.config import read_toml

    names = sorted(read_toml(asset("models/models.toml")))
    return ", ".join(f"{name} {model_file(name).digest[:8]}" for name in names)


def _masks() -> str:
    from maskgen.masks.library import built_in

    return ", ".join(built_in().families)


def _faces() -> str:
    """Finds the face of the built-in photo, with decoder, face detector and landmarks."""
    from maskgen.assets import asset
    from maskgen.errors import Skip
    from maskgen.faces.landmarks import build_detector
    from maskgen.images.codecs import decode
    from maskgen.settings import FaceSettings, SourceSettings

    detector, limits = build_detector(FaceSettings()), SourceSettings()
    photo = asset("demo/astronaut.jpg").read_bytes()
    pixels = decode(photo, max_pixels=limits.max_pixels, background=limits.background)
    faces = pixels if isinstance(pixels, Skip) else detector.detect(pixels)
    if isinstance(faces, Skip):
        raise UnmaskError(f"{detector.name} finds no face in the built-in photo: {faces.reason}")
    return f"{detector.name}, score {faces[0].score:.2f} on the built-in photo"


def _disk(folder: Path) -> str:
    there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if not os.access(there, os.W_OK):
        raise UnmaskError(f"{there} is not writable")
    found = f"{free / 1e9:.1f} GB free in {there}, about {free // TRIPLET_BYTES:,} triplets at 256 pixels"
    if free < ENOUGH_BYTES:
        raise UnmaskError(found)
    return found


def _kernels() -> Check:
    """Checks whether the C kernels are in use. Without them, NumPy computes the same results."""
    from maskgen.native import SWITCH, absent, build

    if not absent:
        return Check(
            "kernels", True, "compiled: masks are drawn several times faster than with NumPy", optional=True
        )
    mend = f"with a C compiler (gcc or clang): {shlex.join([sys.executable, build.__file__])}"
    if absent.startswith(SWITCH):
        mend = f"unset {SWITCH}"
    return Check("kernels", False, f"{absent}: NumPy is used instead, which is slower", mend, optional=True)


def _celeba(folder: Path, root: str) -> list[Check]:
    """Checks CelebA's photos, if there is a folder of them, and each of its lists that is missing."""
    from maskgen.settings import SourceSettings

    place = Path(root).expanduser() if root else folder / SourceSettings().root
    if not root and not place.exists():
        return []
    try:
        from maskgen.sources import build_source
        from maskgen.sources.celeba import CelebaSource
        from maskgen.sources.celeba_missing import missing_lists
    except ImportError as error:  # OpenCV's, whose own check says so
        return [Check("celeba", False, f"not checked: {error}", "fix the lines above", optional=True)]
    try:
        source = build_source(SourceSettings(src="celeba", root=str(place)))
    except UnmaskError as error:
        found, _, mend = " ".join(str(error).split()).partition(". ")
        return [Check("celeba", False, found, mend or "download it again, see docs/celeba.md", optional=True)]
    assert isinstance(source, CelebaSource)
    photos = Check("celeba", True, f"{len(source.refs()):,} photos in {place}", optional=True)
    lists = zip(source.missing, missing_lists(source), strict=True)
    mends = [(line, f"put {name} beside the photos, see docs/celeba.md") for name, line in lists]
    return [photos, *(Check("celeba", False, line, mend, optional=True) for line, mend in mends)]


def _optional(package: str, extra: str, what: str) -> Check:
    version = _version(package)
    if version:
        return Check(package, True, f"{version}: {what}", optional=True)
    mend = install_command(extra) if extra else f"pip install '{package}'"
    return Check(package, False, f"not installed: {what}", mend, optional=True)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
