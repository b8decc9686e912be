"""Results of other methods on the same samples, for `--compare NAME=FOLDER`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from maskgen.errors import InputError, Skip, UsageError
from maskgen.images import codecs
from maskgen.images.formats import has_photo_suffix
from maskgen.reading import PHOTO_BYTES, read_regular_file
from maskgen.types import RGBImage
from unmasknet.data.decode import MAX_PIXELS
from unmasknet.evaluation.samples import fitted


@dataclass(frozen=True)
class OtherMethod:
    """Other method: its name, and its image file for each sample key."""

    name: str
    files: dict[str, Path]

    def read(self, key: str, size: int) -> RGBImage | None:
        """Reads the method's image of a sample, cropped to the centre square and resampled; None if missing.

        Raises:
            InputError: the file cannot be decoded as an image.
        """
        path = self.files.get(key)
        if path is None:
            return None
        try:
            data = read_regular_file(path, PHOTO_BYTES)
        except OSError as error:
            raise InputError(
                f"{path}: cannot be read: {error.strerror}; delete it to leave it out"
            ) from error
        image = codecs.decode(data, max_pixels=MAX_PIXELS, background=255)
        if isinstance(image, Skip):
            raise InputError(
                f"{path}: is not an image ({image.reason}); make it again, or delete it to leave it out"
            )
        side = min(image.shape[:2])
        top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
        return fitted(image[top : top + side, left : left + side], size)


def open_others(specs: Sequence[str], keys: Sequence[str]) -> list[OtherMethod]:
    """Finds the images of other methods.

    Args:
        specs: as NAME=FOLDER.
        keys: keys of the samples that are scored.

    Raises:
        UsageError: a spec is not of the form NAME=FOLDER.
        InputError: the folder holds none of the samples, or two images of one.
    """
    others = []
    for spec in specs:
        name, equals, folder = spec.partition("=")
        if not (name and equals and folder):
            raise UsageError(f"--compare {spec}: give a name and a folder, as in --compare lama=results/lama")
        if not Path(folder).is_dir():
            raise InputError(
                f"--compare {spec}: there is no such folder; give the one with the method's images"
            )
        others.append(OtherMethod(name, _files(spec, Path(folder), set(keys))))
    return others


def _files(spec: str, folder: Path, keys: Collection[str]) -> dict[str, Path]:
    """Maps keys to image files.

    Raises:
        InputError: the folder holds none of the samples, or two images of one.
    """
    found = sorted(folder.rglob("*"))
    images = [path for path in found if has_photo_suffix(path.name) and not path.name.startswith(".")]
    files: dict[str, Path] = {}
    for path in images:
        key = path.name.split(".")[0]
        if key in files:
            raise InputError(
                f"--compare {spec}: {files[key]} and {path} are both images of {key}; give the folder with the "
                "method's results alone"
            )
        if key in keys:
            files[key] = path
    if not files:
        raise InputError(
            f"--compare {spec}: none of its {len(images)} images is named after a sample, such as "
            f"{min(keys)}.png; unmask unpack writes the masked photos under those names"
        )
    return files
