"""Presets: complete settings of both stages under one name, each in a TOML file that names their origin."""

import sys
from typing import Any, Literal, overload

from maskgen.assets import asset
from maskgen.errors import UsageError
from maskgen.section import Section
from unmasknet.settings import GanSettings, SegmSettings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PRESETS = ("tiny", "small", "unmask", "din2020", "fugan", "v2", "patch256")
Stage = Literal["segm", "gan"]


class Preset(Section):
    """Content of a preset file."""

    segm: SegmSettings
    gan: GanSettings


def preset_tree(name: str, stage: Stage) -> dict[str, Any]:
    """Loads a preset's values for one stage as plain tables, which --config, --set and options then override.

    Raises:
        UsageError: there is no preset of this name.
    """
    if name not in PRESETS:
        raise UsageError(f"--preset {name}: there is no such preset; choose one of {', '.join(PRESETS)}")
    tree: dict[str, Any] = tomllib.loads(asset(f"configs/presets/{name}.toml").read_text("utf-8"))
    return dict(tree[stage])


@overload
def load_preset(name: str, stage: Literal["segm"]) -> SegmSettings: ...
@overload
def load_preset(name: str, stage: Literal["gan"]) -> GanSettings: ...
def load_preset(name: str, stage: Stage) -> SegmSettings | GanSettings:
    """Loads a preset's settings of one stage.

    Raises:
        UsageError: there is no preset of this name.
    """
    model = SegmSettings if stage == "segm" else GanSettings
    return model.model_validate(preset_tree(name, stage))
