"""OpenCV's Python packages, which overwrite each other: each of the four installs the same folder `cv2`.

pip knows nothing of it. With two of them, the one installed last is used, and removing or upgrading one takes files of
the other away. https://github.com/opencv/opencv-python says to install only one.
"""

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

OURS = "opencv-python-headless"  # what unmask requires: it needs no screen and no libGL
PACKAGES = ("opencv-python", OURS, "opencv-contrib-python", "opencv-contrib-python-headless")
_BINARY = ("cv2.abi3.so", "cv2.so", "cv2.pyd")


@dataclass(frozen=True)
class OpenCVPackage:
    """Installed package of OpenCV.

    Attributes:
        name: name on the package index.
        version: its version, such as "5.0.0.93".
        in_use: whether the compiled module in the folder `cv2` is its own, and not that of another package.
    """

    name: str
    version: str
    in_use: bool

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def opencv_packages() -> list[OpenCVPackage]:
    """Returns the installed packages that own files in the folder `cv2`.

    Conda's package of OpenCV also writes the names of packages of the index, so that pip is content. Those own no
    file in `cv2` and are not listed.
    """
    found = []
    for name in PACKAGES:
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        own = [file for file in package.files or () if file.parts[0] == "cv2"]
        if own:
            found.append(OpenCVPackage(name, package.version, any(map(_is_unchanged, own))))
    return found


def mending_command(packages: list[OpenCVPackage]) -> str:
    """Returns the command that leaves one OpenCV, the one that unmask requires.

    The reinstallation is needed because the removal of another package takes the shared files with it.
    """
    others = [one.name for one in packages if one.name != OURS]
    newest = max((one.version for one in packages), key=_numbers, default="")
    install = f"pip install --force-reinstall --no-deps {OURS}" + (f"=={newest}" if newest else "")
    return f"pip uninstall -y {' '.join(others)} && {install}" if others else install


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _is_unchanged(file: metadata.PackagePath) -> bool:
    """Checks whether a file is OpenCV's compiled module as its package installed it, by size and sha256."""
    if file.name not in _BINARY or file.hash is None:
        return False
    path = Path(str(file.locate()))
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    with path.open("rb") as content:
        digest = hashlib.sha256()
        while block := content.read(1 << 20):
            digest.update(block)
    return urlsafe_b64encode(digest.digest()).rstrip(b"=").decode("ascii") == file.hash.value
