"""Export of a pipeline as TorchScript: `forward` runs all of it, `find_map` and `fill_hole` one network each."""

import io
import json
import warnings
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from unmasknet.export.pipeline import Pipeline
from unmasknet.models.digest import check_digest, check_members, damaged, warn_of_unchecked

FACTS = "unmask.json"  # extra file with the metadata
EXAMPLE = (2, 120, 136)


class _Traced(nn.Module):
    """Pipeline with the method names of the file."""

    def __init__(self, pipeline: Pipeline):
        super().__init__()
        self.pipeline = pipeline

    def forward(self, *pictures: Tensor) -> tuple[Tensor, ...]:
        return self.pipeline(*pictures)

    def find_map(self, photo: Tensor) -> tuple[Tensor, ...]:
        assert self.pipeline.find is not None
        return self.pipeline.find(photo)

    def fill_hole(self, photo: Tensor, map: Tensor) -> tuple[Tensor, ...]:
        assert self.pipeline.fill is not None
        return self.pipeline.fill(photo, map)


def to_torchscript(pipeline: Pipeline, facts: Mapping[str, str]) -> bytes:
    """Traces an exportable pipeline and returns the file's bytes; size and number of images stay dynamic."""
    count, height, width = EXAMPLE
    photo, map = torch.zeros(count, 3, height, width), torch.zeros(count, 1, height, width)
    examples: dict[str, tuple[Tensor, ...]] = {"forward": (photo,) if pipeline.find else (photo, map)}
    if pipeline.find:
        examples["find_map"] = (photo,)
    if pipeline.fill:
        examples["fill_hole"] = (photo, map)
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # about sizes taken as constants, and that TorchScript is deprecated
        traced = torch.jit.trace_module(  # type: ignore[no-untyped-call]
            _Traced(pipeline).eval(), examples, check_trace=False
        )
        torch.jit.save(traced, buffer, _extra_files={FACTS: json.dumps(dict(facts))})
    return buffer.getvalue()


def load_torchscript(data: bytes, origin: object = "the file") -> Callable[..., tuple[Tensor, ...]]:
    """Loads the pipeline of a file that `unmask export` wrote.

    Args:
        data: the bytes of the file.
        origin: path of the file, for messages.

    Raises:
        InputError: it is damaged, or no TorchScript.
    """
    checked = check_digest(data, origin)
    if not checked:
        check_members(data, origin)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded: Callable[..., tuple[Tensor, ...]] = torch.jit.load(  # type: ignore[no-untyped-call]
                io.BytesIO(data), map_location="cpu"
            )
    except Exception as error:  # a parser fed with damaged bytes raises anything
        raise damaged(origin, "it is no TorchScript that torch can read") from error
    if not checked:
        warn_of_unchecked(origin)
    return loaded
