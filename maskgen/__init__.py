"""maskgen: makes triplets from photos of faces: `masked`, `gt` and the `map` of the pixels in which they differ.

    from maskgen import generate, GenSettings

Public names are imported on first use, so `import maskgen` loads no face detector, no OpenCV and no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from maskgen.api import mask_photo as mask_photo
    from maskgen.command_settings import PackSettings as PackSettings
    from maskgen.config import load_settings as load_settings
    from maskgen.dataset.pairs import Pair as Pair
    from maskgen.dataset.pairs import read_pairs as read_pairs
    from maskgen.dataset.reader import open_data_set as open_data_set
    from maskgen.dataset.shards import decode as decode
    from maskgen.dataset.shards import read_shard as read_shard
    from maskgen.dataset.unpack import unpack as unpack
    from maskgen.dataset.verify import verify as verify
    from maskgen.errors import InputError as InputError
    from maskgen.errors import MissingError as MissingError
    from maskgen.errors import Skip as Skip
    from maskgen.errors import TooManyFailures as TooManyFailures
    from maskgen.errors import UnmaskError as UnmaskError
    from maskgen.errors import UsageError as UsageError
    from maskgen.generation.pack import pack as pack
    from maskgen.generation.pipeline import GenReport as GenReport
    from maskgen.generation.pipeline import generate as generate
    from maskgen.masking.pipeline import mask_folder as mask_folder
    from maskgen.masking.report import MaskReport as MaskReport
    from maskgen.masking.settings import MaskFolderSettings as MaskFolderSettings
    from maskgen.progress import Progress as Progress
    from maskgen.reports.preview import preview as preview
    from maskgen.settings import CropSettings as CropSettings
    from maskgen.settings import FaceSettings as FaceSettings
    from maskgen.settings import GenSettings as GenSettings
    from maskgen.settings import MaskSettings as MaskSettings
    from maskgen.settings import RunSettings as RunSettings
    from maskgen.settings import SourceSettings as SourceSettings
    from maskgen.types import Triplet as Triplet

_HOME = {
    "CropSettings": "settings",
    "FaceSettings": "settings",
    "GenReport": "generation.pipeline",
    "GenSettings": "settings",
    "InputError": "errors",
    "MaskFolderSettings": "masking.settings",
    "MaskReport": "masking.report",
    "MaskSettings": "settings",
    "MissingError": "errors",
    "PackSettings": "command_settings",
    "Pair": "dataset.pairs",
    "Progress": "progress",
    "RunSettings": "settings",
    "Skip": "errors",
    "SourceSettings": "settings",
    "TooManyFailures": "errors",
    "Triplet": "types",
    "UnmaskError": "errors",
    "UsageError": "errors",
    "decode": "dataset.shards",
    "generate": "generation.pipeline",
    "load_settings": "config",
    "mask_folder": "masking.pipeline",
    "mask_photo": "api",
    "open_data_set": "dataset.reader",
    "pack": "generation.pack",
    "preview": "reports.preview",
    "read_pairs": "dataset.pairs",
    "read_shard": "dataset.shards",
    "unpack": "dataset.unpack",
    "verify": "dataset.verify",
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'maskgen' has no attribute {name!r}")
    return getattr(import_module(f"maskgen.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
