"""Small weight files for tests, in the format that training runs write."""

import json
from pathlib import Path

import onnx
import torch

from tests.helpers.training import GAN, SEGM
from unmasknet.models.checkpoint import save_weights
from unmasknet.models.digest import UNSEALED, sealed
from unmasknet.models.load import build
from unmasknet.settings import GanSettings, SegmSettings


def write_weights(folder: Path, sizes: tuple[int, int] = (64, 32)) -> list[str]:
    """Writes an untrained segmenter and generator with inputs of `sizes` pixels; returns their paths."""
    torch.manual_seed(0)
    paths = []
    models = {"segm": SegmSettings, "gan": GanSettings}
    for (stage, model), parts, size in zip(models.items(), (SEGM, GAN), sizes, strict=True):
        settings = model.model_validate({**parts, "data": {"size": size, "data": ["/a/folder/of/ours"]}})
        facts = {"stage": stage, "settings": json.dumps(settings.model_dump(mode="json")), "step": "7"}
        paths.append(folder / f"{stage}.safetensors")
        save_weights(paths[-1], build(settings).state_dict(), facts | {"threshold": "0.4"})
    return [str(path) for path in paths]


def write_model(model: onnx.ModelProto, path: Path) -> None:
    """Writes a changed model with a valid digest, so that only its content can be refused."""
    for fact in model.metadata_props:
        if fact.key == "digest":
            fact.value = UNSEALED
    path.write_bytes(sealed(model.SerializeToString()))
