"""Folder of masked files: atomic writes, and no write outside of it."""

import os
import shutil
from pathlib import Path

from maskgen.errors import UnmaskError
from maskgen.files import PART, disk_errors, remove, size_text, write_all

PARTS = ".unmask-parts"  # folder of files that are being written; there only while a run is at work


class AtomicFolder:
    """Folder that gets files. A file has its final name only when it is whole.

    Files are not flushed to the disk: that takes longer than masking a small photo. After a power failure the journal
    shows by their sizes which files are not whole.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._real = os.path.realpath(root)
        self._folders: set[str] = set()  # those that exist inside the root
        self._number = 0

    def prepare(self) -> None:
        """Makes the folder; removes what a killed run left."""
        with disk_errors(self.root, "the masked photos"):
            self.root.mkdir(parents=True, exist_ok=True)
            self.clean()
            for left in self.root.glob(f"..unmask-*{PART}"):  # of tables that a kill cut
                remove(left)
            (self.root / PARTS).mkdir()

    def clean(self) -> None:
        """Removes the folder of unfinished files."""
        shutil.rmtree(self.root / PARTS, ignore_errors=True)

    def write(self, path: str, data: bytes) -> int:
        """Writes a file atomically and returns its size.

        Args:
            path: relative to the folder.
            data: its bytes.

        Raises:
            MissingError: the disk is full.
            UnmaskError: the folder cannot be written to, or a link leads out of it.
        """
        self._number += 1
        part = f"{self._real}/{PARTS}/{os.getpid()}-{self._number}"
        final = f"{self._real}/{path}"
        with disk_errors(self.root, f"{path} ({size_text(len(data))})"):
            folder = os.path.dirname(final)  # noqa: PTH120 (a tenth of the time of pathlib, for each photo)
            if folder not in self._folders:
                self._enter(folder)
            try:
                with open(part, "wb", buffering=0) as file:  # noqa: PTH123 (as above)
                    write_all(file, data)
                os.replace(part, final)  # noqa: PTH105 (as above)
            except BaseException:
                Path(part).unlink(missing_ok=True)
                raise
        return len(data)

    def _enter(self, folder: str) -> None:
        """Makes a folder; refuses one that is elsewhere."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        real = os.path.realpath(folder)
        if real != self._real and not real.startswith(self._real.rstrip("/") + "/"):
            raise UnmaskError(f"{folder}: is a link that leads to {real}, out of {self.root}; remove it")
        self._folders.add(folder)
