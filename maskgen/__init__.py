"""Photos in, verified triplets out: `masked`, `gt` and the `map` between them.

    from maskgen import generate, GenSettings

Public names are looked up when they are first used: `import maskgen` loads no detector, no OpenCV, no torch.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "GenReport": "generation.pipeline",
    "GenSettings": "settings",
    "InputError": "errors",
    "MissingError": "errors",
    "Skip": "errors",
    "Triplet": "types",
    "UnmaskError": "errors",
    "UsageError": "errors",
    "generate": "generation.pipeline",
    "load_settings": "config",
    "mask_photo": "api",
    "read_shard": "dataset.shards",
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'maskgen' has no attribute {name!r}")
    return getattr(import_module(f"maskgen.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
