"""Job of a run and the result of one input; where its files go."""

from dataclasses import dataclass, field
from pathlib import Path

from maskgen.errors import UsageError
from unmasknet.restore.inputs import Input
from unmasknet.restore.reference.references import References
from unmasknet.restore.settings import RestoreSettings
from unmasknet.restore.unmasker import Unmasker


@dataclass(frozen=True)
class Result:
    """Result of one input.

    Attributes:
        output: path of the result; "" if the input could not be used.
        map: path of the map; "" without `save_map`.
        faces: number of faces found, masked or not; for a video the largest number in one frame.
        boxes: their bounding boxes, x0, y0, x1, y1 in pixels of the upright photo; empty for a video.
        worn: for each box, whether a mask was found there.
        masked: number of faces with a mask.
        said: what was done, or why nothing was done.
        error: why the input could not be used; "" if it could.
    """

    input: str
    output: str = ""
    map: str = ""
    faces: int = 0
    boxes: list[list[float]] = field(default_factory=list)
    worn: list[bool] = field(default_factory=list)
    masked: int = 0
    seconds: float = 0.0
    said: str = ""
    error: str = ""


@dataclass(frozen=True)
class RunJob:
    """Job of a run, the same for all inputs.

    Attributes:
        settings: of the command.
        unmasker: the networks.
        person: the references; None without `--reference`.
        out: the output folder.
    """

    settings: RestoreSettings
    unmasker: Unmasker
    person: References | None
    out: Path


def target_of(one: Input, out: Path) -> Path:
    """Builds the path of an input's result, without suffix.

    In the input's own folder the name gets `-unmasked`, whatever the suffix: the PNG made from a GIF, or a JPG on a
    case-insensitive file system, could otherwise replace another photo.
    """
    target = out / one.name
    same = target.parent.resolve() == one.path.parent.resolve()
    return target.with_name(f"{target.name}-unmasked") if same else target


def needs_both(name: str, unmasker: Unmasker) -> None:
    """Raises UsageError if a network is missing, which a video or camera needs; `name` is its own."""
    if None in (unmasker.networks.segmenter_side, unmasker.networks.generator_side):
        raise UsageError(
            f"{name}: videos and cameras need a segmenter and a generator; give both with --weights"
        )
