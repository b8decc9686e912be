"""Networks that remove masks: training, evaluation, inference. Uses the data sets and face detection of `maskgen`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unmasknet.restore.unmasker import Restored, Unmasker

__all__ = ["Restored", "Unmasker"]


def __getattr__(name: str) -> Any:
    """Imports a public name on first use, so that training does not load the face detector."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from unmasknet.restore import unmasker

    return getattr(unmasker, name)
