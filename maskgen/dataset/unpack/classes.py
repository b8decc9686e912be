"""Classes of faces by the mask that they wear: `with_mask`, `without_mask`, `mask_weared_incorrect`, or by wear.

The three names are those of the data sets of the community of mask detectors, with their spelling, so that a network
and a data set made of either fit together. `--classes` renames them; two of one name become one class.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from maskgen.errors import InputError, UsageError
from maskgen.types import BARE

NAMES: dict[str, dict[str, str]] = {  # group -> default name, in the order of the class ids
    "state": {
        "with": "with_mask",
        "without": "without_mask",
        "incorrect": "mask_weared_incorrect",
    },
    "wear": {
        "correct": "correct",
        "nose": "nose",
        "chin": "chin",
        "below-mouth": "below-mouth",
        "bare": "bare",
    },
}
CLASS_NAME = re.compile(r"[^\W_][\w .-]*")  # a folder, a word of an XML file, a value of a YAML file


@dataclass(frozen=True)
class FaceClasses:
    """Classes of a data set of faces.

    Attributes:
        by: "state" tells masks worn correctly, worn otherwise, and bare faces apart; "wear" each state of wear.
        names: group -> name of its class; groups of one name are one class.
    """

    by: str
    names: Mapping[str, str]

    @property
    def ordered(self) -> list[str]:
        """Names of the classes, each once; the index in this list is the class id, from 0."""
        return list(dict.fromkeys(self.names.values()))

    def of(self, mask: Mapping[str, Any]) -> str:
        """Returns the class of a face, by its labels `mask`.

        Everything that is drawn counts as a mask: cloths, gas masks and grey blocks too.

        Raises:
            InputError: the state of wear is unknown.
        """
        bare, wear = mask["family"] == BARE.family, mask["wear"]
        if not bare and wear not in NAMES["wear"]:
            raise InputError(f"unknown state of wear '{wear}'. Run unmask verify on the data set")
        if self.by == "wear":
            return self.names["bare" if bare else wear]
        return self.names["without" if bare else "with" if wear == "correct" else "incorrect"]

    @property
    def bare(self) -> str:
        """Name of the class of bare faces."""
        return self.names["bare" if self.by == "wear" else "without"]


def read_classes(names: str, by: str) -> FaceClasses:
    """Reads the names of the classes.

    Args:
        names: names separated by commas, in the order of `NAMES[by]`; "" for those.
        by: "state" or "wear".

    Returns:
        The classes.

    Raises:
        UsageError: the number of names is wrong, a name is not plain, or all have one name.
    """
    if by not in NAMES:
        raise UsageError(f"--class-by {by}: choose one of {', '.join(NAMES)}")
    usual = NAMES[by]
    given = [name.strip() for name in names.split(",")] if names else list(usual.values())
    if len(given) != len(usual):
        raise UsageError(
            f"--classes {names}: has {len(given)} names; give {len(usual)}, for {', '.join(usual.values())}, in this "
            "order; the same name twice makes one class of two"
        )
    if not all(CLASS_NAME.fullmatch(name) for name in given):
        raise UsageError(
            f"--classes {names}: a name starts with a letter or digit and has only letters, digits, blanks and _ . -"
        )
    if len({name.casefold() for name in given}) != len(set(given)):
        raise UsageError(f"--classes {names}: two names differ only in upper and lower case")
    return FaceClasses(by, dict(zip(usual, given, strict=True)))
