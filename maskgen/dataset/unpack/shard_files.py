"""Files of a layout that writes one file per shard: complete under their names, or not there."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from maskgen.errors import UsageError
from maskgen.files import PART, disk_errors, part_path, remove, sync, sync_folder

AGAIN = "and give the same command again with --overwrite"
_BUFFER = 1 << 20
_NAMED = 3  # number of files that a message lists


class PartFile:
    """File that is written under a temporary name; `finish` renames it, `abandon` deletes what is not finished.

    Args:
        path: the final path.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._part = path, part_path(path.parent, path.name)
        with self.errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self.file: IO[bytes] = self._part.open("wb", buffering=_BUFFER)

    def finish(self) -> None:
        """Flushes the file to the disk and renames it."""
        with self.errors():
            self.file.flush()
            sync(self.file.fileno())
            self.file.close()
            self._part.replace(self._path)
            sync_folder(self._path.parent)

    def abandon(self) -> None:
        """Deletes the unfinished file; of a finished one nothing."""
        with suppress(OSError):  # on a full disk the buffer cannot be written; that was reported
            self.file.close()
        remove(self._part)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Converts errors of the disk into ones that name the file."""
        with disk_errors(self._path.parent, self._path.name, AGAIN):
            yield


def clear_folder(to: Path, below: str, pattern: str, wanted: Collection[str]) -> None:
    """Removes temporary files of killed runs, and refuses a folder with files that readers would take for new ones.

    Args:
        to: the target folder.
        below: folder in it, or "".
        pattern: of the files that readers find, such as "*.parquet".
        wanted: names of the files that will be written; those are replaced.

    Raises:
        UsageError: the folder holds others, as a data set with more shards leaves them.
    """
    folder = to / below
    for left in folder.glob(f"{pattern}.*{PART}"):
        remove(left)
    others = sorted(path.name for path in folder.glob(pattern) if path.name not in wanted)
    if others:
        raise left_behind(to, others, below or "it")


def left_behind(to: Path, names: Sequence[str], place: str) -> UsageError:
    """Returns the error of a target folder that holds files of another export.

    Args:
        to: the target folder.
        names: those files, or folders.
        place: folder in which they are, for the message.
    """
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return UsageError(
        f"--to {to}: {', '.join(names[:_NAMED])}{more} in {place} would be read as part of this data set; delete them, "
        "or choose another folder"
    )
