"""Small copies of CelebA: the same photos in each of its layouts, as a folder and as a zip."""

import zipfile
from pathlib import Path

from maskgen.images.codecs import encode_jpeg
from tests.helpers.faces import astronaut

NAMES = tuple(f"{number:06}.jpg" for number in range(1, 7))
POINTS = ((204, 101), (247, 103), (224, 122), (210, 141), (240, 142))  # of the astronaut, located by hand
AXES = [
    f"{place}_{axis}" for place in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth") for axis in "xy"
]


def photos() -> dict[str, bytes]:
    """Encodes six slightly different crops of the astronaut."""
    return {
        name: encode_jpeg(astronaut()[:300, 4 * i : 4 * i + 360].copy(), 92) for i, name in enumerate(NAMES)
    }


def points() -> dict[str, list[int]]:
    return {name: [v for x, y in POINTS for v in (x - 4 * i, y)] for i, name in enumerate(NAMES)}


def partition() -> dict[str, list[int]]:
    return {name: [min(i // 2, 2)] for i, name in enumerate(NAMES)}


def identities() -> dict[str, list[int]]:
    return {name: [100 + i // 2] for i, name in enumerate(NAMES)}


def text(rows: dict[str, list[int]], header: list[str] | None = None) -> bytes:
    """Formats a list as CelebA's text; with a header, the number of rows comes first."""
    head = [str(len(rows)), " ".join(header)] if header else []
    return (
        "\n".join([*head, *(f"{name} {'  '.join(map(str, row))}" for name, row in rows.items())]).encode()
        + b"\n"
    )


def csv(rows: dict[str, list[int]], header: list[str]) -> bytes:
    lines = [
        ",".join(["image_id", *header]),
        *(",".join(map(str, [name, *row])) for name, row in rows.items()),
    ]
    return "\n".join(lines).encode() + b"\n"


def lists() -> dict[str, bytes]:
    """Returns the lists as text, by file name."""
    return {
        "list_eval_partition.txt": text(partition()),
        "identity_CelebA.txt": text(identities()),
        "list_landmarks_align_celeba.txt": text(points(), AXES),
        "list_attr_celeba.txt": b"6\nSmiling\n",
    }


def official() -> dict[str, bytes]:
    places = {name: f"{'Eval' if 'eval' in name else 'Anno'}/{name}" for name in lists()}
    return _aligned("Img/img_align_celeba/") | {places[name]: data for name, data in lists().items()}


def torchvision() -> dict[str, bytes]:
    return _aligned("celeba/img_align_celeba/") | {f"celeba/{name}": data for name, data in lists().items()}


def kaggle() -> dict[str, bytes]:
    tables = {
        "list_eval_partition.csv": csv(partition(), ["partition"]),
        "list_landmarks_align_celeba.csv": csv(points(), AXES),
    }
    return _aligned("img_align_celeba/img_align_celeba/") | tables


LAYOUTS = {"official": official, "torchvision": torchvision, "kaggle": kaggle}


def _aligned(folder: str) -> dict[str, bytes]:
    return {folder + name: data for name, data in photos().items()}


def unpacked(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def in_its_zip(root: Path, files: dict[str, bytes], layout: str) -> Path:
    """Writes a layout with its zip: Kaggle's holds everything, the others' only the photos."""
    root.mkdir(parents=True, exist_ok=True)
    if layout == "kaggle":
        packed, rest, place = files, {}, "archive.zip"
    else:
        packed = {f"img_align_celeba/{name}": data for name, data in photos().items()}
        rest = {name: data for name, data in files.items() if not name.endswith(".jpg")}
        place = "Img/img_align_celeba.zip" if layout == "official" else "celeba/img_align_celeba.zip"
    unpacked(root, rest)
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(root / place, "w") as archive:
        for name, data in packed.items():
            archive.writestr(name, data)
    return root
