"""Masks on faces as an augmentation: for a training loop, torchvision and Albumentations.

    from maskgen.transforms import RandomFaceMask

`RandomFaceMask` needs neither torch nor Albumentations. `TorchvisionFaceMask` and `AlbumentationsFaceMask` are the same
transform as subclasses of the base classes that those libraries compose; each is imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maskgen.transforms.albumentations_transform import AlbumentationsFaceMask as AlbumentationsFaceMask
    from maskgen.transforms.random_face_mask import MaskedImage as MaskedImage
    from maskgen.transforms.random_face_mask import RandomFaceMask as RandomFaceMask
    from maskgen.transforms.torchvision_transform import TorchvisionFaceMask as TorchvisionFaceMask

_HOME = {
    "AlbumentationsFaceMask": "albumentations_transform",
    "MaskedImage": "random_face_mask",
    "RandomFaceMask": "random_face_mask",
    "TorchvisionFaceMask": "torchvision_transform",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'maskgen.transforms' has no attribute {name!r}")
    return getattr(import_module(f"maskgen.transforms.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
