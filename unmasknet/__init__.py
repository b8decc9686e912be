"""The networks that take masks off again. Of `maskgen` they know what a shard is, and where faces are."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unmasknet.restore.unmasker import Restored, Unmasker

__all__ = ["Restored", "Unmasker"]


def __getattr__(name: str) -> Any:
    """Public names, loaded when they are first asked for: training needs no face finder, and nothing of it loads."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from unmasknet.restore import unmasker

    return getattr(unmasker, name)
