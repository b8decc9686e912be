"""Target folder: what it may hold, unique names in it, and writing."""

from pathlib import Path, PurePosixPath

from maskgen.dataset.unpack.base import File
from maskgen.errors import UsageError
from maskgen.files import RECORDS, WORK, disk_errors, fitting_path, size_text


def refuse_filled(to: Path, *, overwrite: bool) -> None:
    """Refuses a target that is a file, or that holds files.

    Raises:
        UsageError: it is.
    """
    if to.exists() and not to.is_dir():
        raise UsageError(f"--to {to}: is a file; choose a folder")
    if to.is_dir() and any(to.iterdir()) and not overwrite:
        raise UsageError(f"--to {to}: the folder is not empty; choose another, or give --overwrite")


class TargetFolder:
    """Folder that files are written into; case is ignored when names are compared.

    Raises:
        UsageError: it is the data set itself or a folder of its own, a file, or not empty without `overwrite`.
    """

    def __init__(self, to: Path, data_set: Path, overwrite: bool) -> None:
        if to.resolve() == data_set.resolve():
            raise UsageError(f"--to {to}: this is the data set itself; choose another folder")
        if any(to.resolve().is_relative_to((data_set / name).resolve()) for name in (RECORDS, WORK)):
            raise UsageError(f"--to {to}: this folder is part of the data set; choose another one")
        refuse_filled(to, overwrite=overwrite)
        self.folder = to
        self.taken: set[str] = set()

    def write_sample(self, key: str, files: list[File]) -> list[str]:
        """Writes the files of a sample and returns their final names."""
        names = [self._claim(name, key) for name, _ in files]
        for name, (_, content) in zip(names, files, strict=True):
            self.write(name, content)
        return names

    def write(self, name: str, content: bytes) -> None:
        """Writes a file; one of the same name is replaced.

        Raises:
            MissingError: the disk is full.
            UnmaskError: the file cannot be written.
        """
        path = self.folder / name
        what = f"{name} ({size_text(len(content))})"
        with disk_errors(self.folder, what, "and give the same command again with --overwrite"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def _claim(self, name: str, key: str) -> str:
        """Reserves a name, or a name with the key if another sample has it."""
        path = PurePosixPath(name)
        if name.casefold() in self.taken:
            name = str(path.with_name(fitting_path(path.stem, f"-{key}{path.suffix}")))
        assert name.casefold() not in self.taken, name
        self.taken.add(name.casefold())
        return name
