"""Reading of weights that other programs publish as .pth files, such as torchvision's VGG, with the checks they allow.

torch compares neither the CRC-32 of the archive's members nor the start of the SHA-256 that torch.hub puts into file
names (`vgg16-397923af.pth`), so a damaged file would give other losses and scores without an error.
"""

import hashlib
import re
import zipfile
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor

from maskgen.errors import InputError
from maskgen.reading import WEIGHT_BYTES, read_regular_file

IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.pth?$")


def load_foreign(path: str | Path) -> dict[str, Tensor]:
    """Loads the tensors of a .pth file, on the CPU.

    Args:
        path: file that holds one dict of tensors.

    Returns:
        The tensors by name; all numbers are finite.

    Raises:
        InputError: it cannot be read, holds more than tensors, or is damaged.
    """
    try:
        data = read_regular_file(path, WEIGHT_BYTES)
        _check(data, Path(path))
        tensors = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
        sound = isinstance(tensors, dict) and all(
            isinstance(tensor, Tensor) and bool(torch.isfinite(tensor).all()) for tensor in tensors.values()
        )
    except InputError:
        raise
    except Exception as error:  # a parser fed with damaged bytes raises anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
        raise InputError(f"{path}: cannot be read as weights ({reason}); fetch the file again") from error
    if not sound:
        raise InputError(f"{path}: holds other things than finite tensors; fetch the file again")
    return dict(tensors)


def _check(data: bytes, path: Path) -> None:
    """Raises InputError if a checksum in the file or in its name does not match."""
    named = IN_NAME.search(path.name)
    if named and not hashlib.sha256(data).hexdigest().startswith(named[1]):
        raise InputError(
            f"{path}: is damaged or another file: its SHA-256 does not begin with {named[1]}; fetch it again"
        )
    if zipfile.is_zipfile(BytesIO(data)):
        with zipfile.ZipFile(BytesIO(data)) as archive:
            if broken := archive.testzip():
                raise InputError(
                    f"{path}: is damaged: the checksum of {broken} in it does not match; fetch it again"
                )
