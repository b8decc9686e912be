"""What can go wrong, and whose turn it is to mend it.

    UnmaskError                 the message is for a person: what, got, do      exit 1
    |-- UsageError              the command or its settings are off             exit 2
    |-- TooManyFailures         done, but more failed than --max-failures       exit 3
    |-- InputError              an input cannot be used                         exit 4
    `-- MissingError            something is missing on this machine            exit 5

An expected failure of one photo is no error but a value, `Skip`: it is counted and the run goes on.
A mistake of ours is an `assert`.
"""

from dataclasses import dataclass


class UnmaskError(Exception):
    """A failure that a person can act on. `exit_code` is what the command ends with."""

    exit_code = 1


class UsageError(UnmaskError):
    """The command line or a settings file is off; nothing was touched."""

    exit_code = 2


class TooManyFailures(UnmaskError):
    """The work is done, but more of it failed than was allowed."""

    exit_code = 3


class InputError(UnmaskError):
    """An input (source, data set, template, weights) cannot be used."""

    exit_code = 4


class MissingError(UnmaskError):
    """This machine lacks something: a package, a model file, room on the disk."""

    exit_code = 5


@dataclass(frozen=True)
class Skip:
    """Why a photo gives no triplet.

    `reason` is one of `SKIP_REASONS` and is what reports count by; `detail` is for a person.
    """

    reason: str
    detail: str = ""

    def __post_init__(self) -> None:
        assert self.reason in SKIP_REASONS, self.reason


SKIP_REASONS = {
    "unreadable": "the file is no photo that can be decoded",
    "truncated": "the file ends before its picture does",
    "too_large": "the header promises more pixels than are allowed",
    "too_small": "a side is shorter than a face can be",
    "no_permission": "the file may not be read",
    "vanished": "the file was listed, then gone",
    "key_collision": "two photos would get the same key",
    "no_face": "no face was found",
    "tiny_face": "the face is smaller than the limit",
    "profile": "the head is turned beyond the limit",
    "upside_down": "the head is upside down",
    "bad_landmarks": "the landmarks cannot be a face",
    "off_frame": "the place of the mask lies outside the photo",
    "incomplete": "the triplet lacks a picture, or its pictures have several sizes",
    "poison": "decoding or masking the photo killed its worker",
}

# The photo is sound, and its face is what it is: no failure, and a person can see why.
FACE_REASONS = {"no_face", "tiny_face", "profile", "upside_down", "bad_landmarks", "off_frame"}
