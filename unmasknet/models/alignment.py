"""Alignment of the crops that networks were trained on: recorded in weights, compared before other crops are used."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

USUAL = "ffhq"  # frame of gen-data's crops by default, and of the crops that `run` cuts


class OtherAlignment(UserWarning):
    """Warning that networks see crops in another frame than those that they were trained on."""


def alignment_of(facts: Mapping[str, str]) -> str:
    """Returns the alignment in the metadata of weights; weights from before it was recorded are of the usual one."""
    return facts.get("align") or USUAL


def crop_alignment(settings: Mapping[str, Any]) -> str:
    """Returns the alignment of a data set's crops, by the settings in its dataset.json; "" for whole photos."""
    crop = settings.get("crop", {})
    if not isinstance(crop, Mapping) or crop.get("size") == 0:
        return ""
    return str(crop.get("align", USUAL))


def mixed_alignment(seen: str, trained: Iterable[str]) -> str | None:
    """Compares crops with those that networks were trained on.

    Args:
        seen: alignment of the crops; "" for whole photos.
        trained: alignment of each network.

    Returns:
        A warning, or None if all are alike.
    """
    others = sorted({align for align in trained if align != seen})
    if not seen or not others:
        return None
    return (
        f"the crops are aligned as {seen}, but the networks were trained on crops aligned as {' and '.join(others)}; "
        "the results do not show what they can do"
    )


def warn_before_training(seen: str) -> None:
    """Warns that networks will learn from crops that `run` does not cut."""
    if seen not in ("", USUAL):
        warnings.warn(
            f"the crops are aligned as {seen}; unmask run cuts faces as {USUAL}, so networks that are trained on them "
            f"are not for run; make a data set with gen-data --align {USUAL} to train networks for it",
            OtherAlignment,
            stacklevel=3,
        )
