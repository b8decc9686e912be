"""Rows of sampled frames; at a clip's end they get persons, the final choice of photos, and file names."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from maskgen.frames_settings import FramesSettings
from maskgen.types import Pose
from maskgen.video.frames.quality import spread_out
from maskgen.video.tracking.tracks import Track, persons

Box = tuple[float, float, float, float]
NO_POSE = Pose(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Row:
    """Sampled frame, or one face of it, and the outcome.

    Attributes:
        time: time stamp in seconds on the stream's clock.
        index: frame number in the clip.
        photo: file below the clip's folder; "" if no photo was kept.
        person: number of the person (before `name_photos`: of the track); -1 if there is no face.
        sharpness: see `quality.sharpness`.
        boxes: of all faces of the frame, the row's own face first, in pixels of the upright frame.
        who: numbers of the persons (or tracks) in the same order.
        pose: pose of the row's own face in degrees.
        eyes: how far the eyes of the row's own face are open; 1.0 is usual for this face.
        why: reason why no photo was kept, a key of `frames_settings.REASONS`; "" if one was.
    """

    time: float
    index: int
    photo: str = ""
    person: int = -1
    sharpness: float = 0.0
    boxes: tuple[Box, ...] = ()
    who: tuple[int, ...] = ()
    pose: Pose = NO_POSE
    eyes: float = 0.0
    why: str = ""


def name_photos(rows: list[Row], tracks: list[Track], settings: FramesSettings, folder: Path) -> list[Row]:
    """Replaces tracks by persons, drops photos that were not requested, and gives the files their final names.

    Returns:
        The updated rows.
    """
    person_of = persons(tracks)
    rows = [
        replace(row, person=person_of.get(row.person, -1), who=tuple(person_of[track] for track in row.who))
        for row in rows
    ]
    person = int(settings.faces[1:]) if settings.faces.startswith("p") else None
    why = {n: "other_face" for n, row in enumerate(rows) if row.photo and not _shows(row, person, settings)}
    why |= dict.fromkeys(_too_many([*enumerate(rows)], why, settings.spread), "spread")
    for n, row in enumerate(rows):
        if n in why:
            (folder / row.photo).unlink()
            rows[n] = replace(row, photo="", why=why[n])
        elif row.photo:
            rows[n] = replace(row, photo=_renamed(row, folder, settings))
    return rows


def _shows(row: Row, person: int | None, settings: FramesSettings) -> bool:
    return person is None or person in (row.who if settings.size == 0 else row.who[:1])


def _too_many(rows: list[tuple[int, Row]], dropped: dict[int, str], spread: int | None) -> Iterator[int]:
    """Yields the rows of photos beyond the `spread` photos of each person whose poses differ most."""
    if spread is None:
        return
    for person in {row.person for _, row in rows}:
        own = [(n, row) for n, row in rows if row.photo and n not in dropped and row.person == person]
        chosen = set(spread_out([row.pose for _, row in own], spread))
        yield from (n for at, (n, _) in enumerate(own) if at not in chosen)


def _renamed(row: Row, folder: Path, settings: FramesSettings) -> str:
    """Moves a photo to its final name: in a folder for its person, or in the clip's folder for whole frames."""
    stem = folder.name.strip(".").rpartition("-")[0]
    who = f"p{row.person}" if settings.size else ""
    name = "-".join(part for part in (stem, who, f"f{row.index:06d}.{settings.format}") if part)
    (folder / who).mkdir(exist_ok=True)
    (folder / row.photo).rename(folder / who / name)
    return f"{who}/{name}" if who else name
