"""Errors of the program and their exit codes, and the reasons for which photos are skipped.

    UnmaskError                 base class; its message is for the user         exit 1
    |-- UsageError              the command or its settings are wrong           exit 2
    |-- TooManyFailures         done, but more failed than --max-failures       exit 3
    |-- InputError              an input cannot be used                         exit 4
    |   `-- NoPhotosError       a source without photos
    `-- MissingError            something is missing on this machine            exit 5

A message says what is wrong, the value, and what to do. An expected failure of one photo is not an error but a value,
`Skip`: it is counted and the run continues. A bug in unmask raises an `AssertionError`.
"""

from dataclasses import dataclass


class UnmaskError(Exception):
    """Failure that the user can act on. `exit_code` is the exit code of the command."""

    exit_code = 1


class UsageError(UnmaskError):
    """Wrong command line or settings file; no file was changed."""

    exit_code = 2


class TooManyFailures(UnmaskError):
    """Error of a run that is complete but in which too many photos failed."""

    exit_code = 3


class InputError(UnmaskError):
    """Input (source, data set, template, weights) that cannot be used."""

    exit_code = 4


class NoPhotosError(InputError):
    """Source that holds no photos, or is none."""


class MissingError(UnmaskError):
    """Something that is missing on this machine: a package, a model file, space on the disk."""

    exit_code = 5


@dataclass(frozen=True)
class Skip:
    """Reason for which a photo gives no triplet.

    Attributes:
        reason: one of the words in docs/commands.md, such as "no_face"; reports count by it.
        detail: further information for the user.
    """

    reason: str
    detail: str = ""

    def __post_init__(self) -> None:
        assert self.reason in SKIP_REASONS, self.reason


SKIP_REASONS = {
    "unreadable": "the file cannot be decoded as a photo",
    "truncated": "the file ends before the image is complete",
    "too_large": "the header promises more pixels than are allowed",
    "too_small": "a side is shorter than the smallest face",
    "no_permission": "the file may not be read",
    "vanished": "the file was listed but no longer exists",
    "key_collision": "two photos would get the same key",
    "duplicate": "the file has the same bytes as another photo",
    "no_face": "no face was found",
    "tiny_face": "the face is smaller than the limit",
    "profile": "the head is turned beyond the limit",
    "upside_down": "the head is upside down",
    "bad_landmarks": "the landmarks cannot be those of a face",
    "off_frame": "the place of the mask lies outside the photo",
    "incomplete": "the triplet lacks an image, or its images differ in size",
    "bad_map": "the map covers nothing or nearly everything, or is no map",
    "poison": "decoding or masking the photo killed its worker",
}

# Reasons that lie in the face, not in the file: they do not count as failures.
FACE_REASONS = {"no_face", "tiny_face", "profile", "upside_down", "bad_landmarks", "off_frame"}

# Reasons that are no failure: those of the face, and copies that are left out on purpose.
HARMLESS_REASONS = FACE_REASONS | {"duplicate"}
