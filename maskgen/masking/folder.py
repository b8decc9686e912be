"""Folder of masked photos: which folders may be written to, the journal, and what of earlier runs is still good."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from maskgen.dataset.plan import Plan, differences
from maskgen.errors import HARMLESS_REASONS, UsageError
from maskgen.files import held_files, make_folder, remove
from maskgen.masking.journal import Journal, PhotoResult, sample_of
from maskgen.masking.maps_mark import holding_maps, read_mark
from maskgen.masking.names import Naming
from maskgen.masking.target import AtomicFolder
from maskgen.sources import PlacedSource, Source
from maskgen.types import PhotoRef


class MaskFolder:
    """Folder of masked photos `out`, with the folder of their maps.

    Attributes:
        out: the folder.
        maps: the folder of maps; None for none.
        journal: what became of each photo.
    """

    def __init__(self, out: Path, maps: Path | None, src: Path | None) -> None:
        """Holds the folders.

        Args:
            out: the folder.
            maps: the folder of maps; None for none.
            src: the photo, archive or folder that the photos come from; None where it is no path.

        Raises:
            UsageError: one of the folders lies in another one, or a file is in the way.
        """
        self.out, self.maps = out, maps
        self.journal = Journal(out)
        _refuse_overlaps(out, maps, src)

    @contextmanager
    def claim(self, plan: Plan, *, overwrite: bool) -> Iterator[None]:
        """Locks the folder and its journal until the end of the `with` block; begins the journal or continues it.

        Args:
            plan: source, settings and versions.
            overwrite: start anew.

        Raises:
            UsageError: the folder was made otherwise (with the differences), holds other files, or another run writes
                there.
            UnmaskError: the folder cannot be written to.
        """
        self.refuse_foreign(overwrite=overwrite)
        make_folder(self.out, "the masked photos")
        self.journal.open()
        try:
            if not overwrite:
                self.refuse_foreign_maps()  # before a lock is left in a folder of others, and again under the lock
            with ExitStack() as held:
                mark = held.enter_context(holding_maps(self.maps)) if self.maps else None
                self._settle(plan, overwrite=overwrite)
                if not overwrite:
                    self.refuse_foreign_maps()
                for folder in (self.out, self.maps):
                    if folder:
                        target = AtomicFolder(folder)
                        target.prepare()
                        held.callback(target.clean)
                if mark:
                    mark.write(self._mark)
                yield
        finally:
            self.journal.close()

    def refuse_foreign(self, *, overwrite: bool) -> None:
        """Refuses folders that hold files and have no journal; hidden files do not count.

        Raises:
            UsageError: there is one.
        """
        if self.journal.path.exists() or overwrite:
            return
        for name, folder in (("--out", self.out), ("--maps", self.maps)):
            if folder and (found := held_files(folder)):
                raise UsageError(
                    f"{name} {folder}: holds {', '.join(found)}, which unmask mask has not made; choose another "
                    "folder, or --overwrite to write among them and replace files of the same names"
                )

    def refuse_foreign_maps(self) -> None:
        """Refuses a folder of maps that holds files of others: its mark is not the one in the header of the journal.

        Raises:
            UsageError: it is one.
        """
        if self.maps and (found := held_files(self.maps)) and read_mark(self.maps) != self._mark:
            raise UsageError(
                f"--maps {self.maps}: holds {', '.join(found)}, which no run into {self.out} has made; choose another "
                "folder, or --overwrite both"
            )

    @property
    def _mark(self) -> str:
        return str((self.journal.header or {}).get("mark", ""))

    def versions(self) -> dict[str, str]:
        """Returns the versions that the journal was begun with."""
        return dict(_plan_of(self.journal.header or {}).versions)

    def refuse_difference(self, plan: Plan) -> None:
        """Refuses a journal of other settings.

        Raises:
            UsageError: with each difference.
        """
        found = differences(_plan_of(self.journal.header or {}), plan)
        if found:
            raise UsageError(
                f"{self.out}: was begun otherwise, so these photos would not fit to those there:\n  "
                + "\n  ".join(found)
                + "\nGive what it was begun with, choose another --out, or --overwrite it"
            )

    def split_todo(
        self, refs: Sequence[PhotoRef], source: Source, naming: Naming, *, retry_failed: bool
    ) -> tuple[list[PhotoRef], list[PhotoResult]]:
        """Divides photos into those still to mask and those done; removes files of photos that have changed.

        A photo is done if the journal has it, its file has the size and the bytes in its middle that it had, and what
        was written is still there.

        Returns:
            photos to mask, and the results of the others without their faces.
        """
        todo: list[PhotoRef] = []
        done: list[PhotoResult] = []
        for ref in refs:
            result = next(self.journal.results([ref.id]), None)
            if result and self._is_good(result, ref, source, naming, retry_failed=retry_failed):
                done.append(PhotoResult(ref.id, masked=result.masked, reason=result.reason))
            else:
                todo.append(ref)
        return todo, done

    def remove_files(self, refs: Sequence[PhotoRef]) -> None:
        """Removes what was written of photos that will be masked again: it may have other names then."""
        for result in self.journal.results(ref.id for ref in refs):
            self._remove(result)

    def _is_good(
        self, result: PhotoResult, ref: PhotoRef, source: Source, naming: Naming, *, retry_failed: bool
    ) -> bool:
        if retry_failed and result.reason and is_failure(result.reason):
            return False
        names = naming.files(ref.id)
        if not (set(result.files) <= set(names.photos) and set(result.maps) <= set(names.maps)):
            return False
        if result.bytes and _source_size(source, ref) not in (None, result.bytes):
            return False
        if result.sample and sample_of(source, ref) not in ("", result.sample):  # photos of BMP have one size
            return False
        folders = [(self.out, result.files), *([(self.maps, result.maps)] if self.maps else [])]
        return all(_size(folder / path) == size for folder, files in folders for path, size in files.items())

    def _settle(self, plan: Plan, *, overwrite: bool) -> None:
        """Continues the journal, begins it, or, with `overwrite`, removes the files that it names and begins anew."""
        if self.journal.header is not None:
            if not overwrite:
                self.refuse_difference(plan)
                return
            if not self.journal.ended and not differences(_plan_of(self.journal.header), plan):
                return  # this very --overwrite was stopped: go on
            for result in self.journal.results():
                self._remove(result)
        header: dict[str, Any] = {"source": plan.source, "settings": plan.settings, "versions": plan.versions}
        header["mark"] = secrets.token_hex(8)
        self.journal.begin(header)

    def _remove(self, result: PhotoResult) -> None:
        """Removes the files of a photo; none to which a link in the folder leads out of it."""
        for folder, files in ((self.out, result.files), (self.maps, result.maps)):
            for path in files if folder else ():
                file = folder / path  # type: ignore[operator]
                if file.parent.resolve().is_relative_to(folder.resolve()):  # type: ignore[union-attr]
                    remove(file)


def is_failure(reason: str) -> bool:
    """Tells whether a reason lies in the file and not in the face."""
    return reason not in HARMLESS_REASONS


def _refuse_overlaps(out: Path, maps: Path | None, src: Path | None) -> None:
    named = [("--out", out), *([("--maps", maps)] if maps else [])]
    for name, folder in named:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{name} {folder}: is a file; choose a folder")
        if src is None:
            continue
        if src.is_dir() and _overlap(folder, src):
            raise UsageError(
                f"{name} {folder}: lies in the folder of the photos, {src}, or holds it; choose a folder beside it"
            )
        if not src.is_dir() and _is_same(folder, src.parent):
            raise UsageError(
                f"{name} {folder}: is the folder that holds {src.name}, which could be written over; choose another one"
            )
    if maps and _overlap(out, maps):
        raise UsageError(f"--maps {maps}: lies in --out {out}, or holds it; choose a folder beside it")


def _overlap(one: Path, other: Path) -> bool:
    """Tells whether two folders are the same, or one holds the other."""
    first, second = one.resolve(), other.resolve()
    return first.is_relative_to(second) or second.is_relative_to(first)


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _plan_of(header: Mapping[str, Any]) -> Plan:
    """Returns what a journal was begun with, to be compared; parts that are missing or of another kind are empty."""
    settings, versions = header.get("settings"), header.get("versions")
    return Plan(
        str(header.get("source", "")),
        "",
        settings if isinstance(settings, dict) else {},
        versions if isinstance(versions, dict) else {},
    )


def _source_size(source: Source, ref: PhotoRef) -> int | None:
    """Returns the size of a photo's file, without reading it; None if it is unknown."""
    place = source.place(ref) if isinstance(source, PlacedSource) else None
    return place[0].size(place[1]) if place else None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
