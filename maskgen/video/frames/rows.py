"""What became of each sampled frame; and at a clip's end who is who, which photos stay, and what they are called."""

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
    """A sampled frame, or a face of it, and what became of it.

    Attributes:
        time: seconds on the stream's clock; index: the frame's number in the clip.
        photo: its file below the clip's folder, "" where none was kept.
        person: who is seen, -1 for nobody.
        boxes: of all faces of the frame, its own first, in pixels of the upright frame; who: the persons in them.
        pose, eyes: of the own face: degrees; how far the eyes are open, 1.0 as usual for it.
        why: "" or a key of `selection.REASONS`.
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
    """Rows with persons for tracks, the choice made among all of a person's photos, and files under final names."""
    person_of = persons(tracks)
    rows = [
        replace(row, person=person_of.get(row.person, -1), who=tuple(person_of[track] for track in row.who))
        for row in rows
    ]
    asked = int(settings.faces[1:]) if settings.faces.startswith("p") else None
    why = {n: "other_face" for n, row in enumerate(rows) if row.photo and not _is_asked(row, asked, settings)}
    why |= dict.fromkeys(_too_many([*enumerate(rows)], why, settings.spread), "spread")
    for n, row in enumerate(rows):
        if n in why:
            (folder / row.photo).unlink()
            rows[n] = replace(row, photo="", why=why[n])
        elif row.photo:
            rows[n] = replace(row, photo=_renamed(row, folder, settings))
    return rows


def _is_asked(row: Row, asked: int | None, settings: FramesSettings) -> bool:
    return asked is None or asked in (row.who if settings.size == 0 else row.who[:1])


def _too_many(rows: list[tuple[int, Row]], gone: dict[int, str], spread: int | None) -> Iterator[int]:
    """Photos beyond the `spread` of each person whose poses differ most."""
    if spread is None:
        return
    for person in {row.person for _, row in rows}:
        own = [(n, row) for n, row in rows if row.photo and n not in gone and row.person == person]
        chosen = set(spread_out([row.pose for _, row in own], spread))
        yield from (n for at, (n, _) in enumerate(own) if at not in chosen)


def _renamed(row: Row, folder: Path, settings: FramesSettings) -> str:
    """Builds a photo's final name: in a folder of its person, or of the clip for whole frames."""
    stem = folder.name.strip(".").rpartition("-")[0]
    who = f"p{row.person}" if settings.size else ""
    name = "-".join(part for part in (stem, who, f"f{row.index:06d}.{settings.format}") if part)
    (folder / who).mkdir(exist_ok=True)
    (folder / row.photo).rename(folder / who / name)
    return f"{who}/{name}" if who else name
