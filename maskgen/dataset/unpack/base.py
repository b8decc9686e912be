"""Interface of a layout: the files that a sample becomes, and the files that describe them all."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from maskgen.dataset.reader import Encoded

File = tuple[str, bytes]  # path below the target, content

NAME_BYTES = 255  # longest file name of common file systems


@dataclass(frozen=True)
class LayoutOptions:
    """LayoutOptions of all layouts; a layout refuses those that have no meaning for it.

    Attributes:
        names: folders of masked image, original and map, separated by commas; "" for the layout's own.
    """

    names: str = ""


@runtime_checkable
class FileLayout(Protocol):
    """Layout of files; built once per run.

    Attributes:
        strangers: whether it has files for crops of faces other than the main face of a known person's photo.
    """

    strangers: bool

    def files(self, sample: Encoded) -> list[File]:
        """Returns the files of a sample, the most important one first: `samples.csv` names it."""
        ...

    def closing(self) -> Iterable[File]:
        """Returns files about all samples, such as an index; called once, after the last sample."""
        ...


def fitting(stem: str, end: str) -> str:
    """Shortens a file name to `NAME_BYTES` bytes by cutting its stem."""
    return stem.encode()[: NAME_BYTES - len(end.encode())].decode("utf-8", "ignore") + end
