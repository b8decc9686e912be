"""Networks that remove masks: training, evaluation, inference. Uses the data sets and face detection of `maskgen`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unmasknet.models.digest import check_file
    from unmasknet.restore.unmasker import Restored, Unmasker

__all__ = ["Restored", "Unmasker", "check_file"]


def __getattr__(name: str) -> Any:
    """Imports a public name on first use, so that training does not load the face detector."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "check_file":
        from unmasknet.models.digest import check_file

        return check_file
    from unmasknet.restore import unmasker

    return getattr(unmasker, name)
