"""Draws docs/gallery.md and its images, from the built-in photo: python -m tools.draw_gallery.

The commands on the page are those that are run here; the images are the files that they write, cut to the head.
"""

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copy

from PIL import Image

from maskgen.assets import asset
from maskgen.demo.photo import LOOKS
from maskgen.masks.patterns import PATTERNS
from maskgen.masks.spec import WEARS

ROOT = Path(__file__).parent.parent
PAGE, IMAGES = ROOT / "docs/gallery.md", ROOT / "docs/images/gallery"
FLAT = ("rectangle", "oval", "none")
FAMILIES = (
    "surgical-plain-lightskyblue", "pleated-plain-#7c2633", "cloth-plain-#27405f", "cloth2-dots-#d8b24a",
    "urethane-plain-#8a6fb0", "n95", "kn95-plain-#24262a", "ffp2", "duckbill-plain-#e9dcb4", "respirator",
    "bandana-paisley-#a31f2c", "gaiter-camo-#3f4a2c", "scarf-knit-#5b6068", "clear-plain-#9fc3d8",
)  # fmt: skip
HEAD = (115, 0, 345, 230)  # of the built-in photo, x0, y0, x1, y1 in pixels
SIDE, QUALITY = 200, 80  # of an image of the gallery, in pixels; of its JPEG
COLUMNS = 4

INTRODUCTION = """# Gallery

Mask families, textures, colours, states of wear, heads and light, on the built-in photo (NASA, public domain). Below
each heading is the command that made its images, which are cut to the head here; below each image is what differs.
`astronaut.jpg` is [assets/demo/astronaut.jpg](../assets/demo/astronaut.jpg). This page is written by
`python -m tools.draw_gallery`; [masks](masks.md) explains SPEC and WEAR.
"""


@dataclass(frozen=True)
class Shown:
    """Image of the gallery: its file without suffix, the caption below it, and the file that the command writes."""

    file: str
    caption: str
    made: str
    crop: tuple[int, int, int, int] | None = HEAD


@dataclass(frozen=True)
class Part:
    """Part of the page: images that one command, or a few, have made."""

    title: str
    text: str
    commands: tuple[str, ...]
    images: tuple[Shown, ...]


def _each(title: str, text: str, name: str, specs: tuple[str, ...]) -> Part:
    """Describes one photo with each mask of a SPEC."""
    command = f"unmask mask astronaut.jpg --each --masks '{','.join(specs)}' --out {name}"
    images = tuple(
        Shown(f"{name}-{_slug(spec)}", spec, f"{name}/astronaut_{_named(spec, specs)}.jpg") for spec in specs
    )
    return Part(title, text, (command,), images)


def _named(spec: str, specs: tuple[str, ...]) -> str:
    """Names an entry as `--each` does: without its strength; entries that are then alike are numbered."""
    names = [one.replace("#", "").partition("@")[0] for one in specs]
    name = names[specs.index(spec)]
    return name + (str(names[: specs.index(spec) + 1].count(name)) if names.count(name) > 1 else "")


def _wear() -> Part:
    families = ("surgical-plain-lightskyblue", "ffp2", "cloth-plain-#23252b")
    commands = tuple(
        f"unmask mask astronaut.jpg --each --masks '{','.join(families)}' --wear {state} --out {state}"
        for state in WEARS
    )
    images = tuple(
        Shown(f"wear-{family.partition('-')[0]}-{state}", f"{family.partition('-')[0]}, {state}",
              f"{state}/astronaut_{_named(family, families)}.jpg")
        for family in families
        for state in WEARS
    )  # fmt: skip
    text = (
        "`nose` leaves the nose bare, `below-mouth` nose and mouth, and `chin` is worn under the chin. Detectors and\n"
        "classifiers learn these as worn incorrectly: [data for detectors](detection-data.md)."
    )
    return Part("States of wear", text, commands, images)


def parts() -> tuple[Part, ...]:
    """Lists the parts of the gallery."""
    spec = "surgical-plain-lightskyblue"
    looks = tuple(Shown(f"look-{look}", look, f"looks/{look}.jpg", None) for look in LOOKS)
    return (
        _each("Families", "Each family in one of its colours and textures; SPEC may name others, or leave them open.",
              "families", FAMILIES),
        _each("Textures", "The same cloth in each texture. A texture that is drawn at random has four variants.",
              "textures", ("cloth-plain-#27405f", *(f"cloth-{name}-#27405f" for name in PATTERNS))),
        _each("Colours and strength", "A colour is `#rrggbb` or a name of CSS; `@` is how strongly the cloth is dyed.",
              "colours", ("surgical-plain-#0473e2", "surgical-plain-#0473e2@.5", "surgical-plain-#0473e2@.2",
                          "kn95-black", "kn95-hotpink", "urethane-plain-seagreen", "n95-white", "respirator-navy")),
        _wear(),
        Part("Heads and light", "The variants of the photo that `unmask demo` writes, each with the same mask. The\n"
             "mask follows the head, and takes the light, the grain and the grey of its photo.",
             ("unmask demo --out demo", f"unmask mask demo/photos --masks {spec} --out looks"), looks),
        _each("Flat blocks", "Blocks without light, shadow or soft edges, as in older data sets. They are not drawn\n"
              "unless SPEC names them.", "blocks", FLAT),
    )  # fmt: skip


def gallery_page() -> str:
    """Formats the page."""
    return "\n".join([INTRODUCTION, *(line for part in parts() for line in _part(part))]).rstrip() + "\n"


def _part(part: Part) -> Iterator[str]:
    yield from (f"## {part.title}", "", part.text, "", *(f"    {one}" for one in part.commands), "")
    rows = [part.images[at : at + COLUMNS] for at in range(0, len(part.images), COLUMNS)]
    yield from ("|" + " |" * COLUMNS, "|" + "---|" * COLUMNS)
    for row in rows:
        cells = [f"![{one.caption}](images/gallery/{one.file}.jpg)<br>`{one.caption}`" for one in row]
        yield f"| {' | '.join(cells + [''] * (COLUMNS - len(row)))} |"
    yield ""


def _slug(spec: str) -> str:
    return "".join(sign if sign.isalnum() else "-" for sign in spec.lower()).strip("-")


def draw(work: Path) -> None:
    """Runs all commands in a folder, and writes the images from their results."""
    copy(asset("demo/astronaut.jpg"), work / "astronaut.jpg")
    for part in parts():
        for command in part.commands:
            words = shlex.split(command)[1:]
            subprocess.run([sys.executable, "-m", "unmasknet", *words], cwd=work, check=True)
        for one in part.images:
            image = Image.open(work / one.made)
            shown = image.crop(one.crop) if one.crop else image
            shown = shown.resize((SIDE, SIDE * shown.height // shown.width), Image.Resampling.LANCZOS)
            shown.save(IMAGES / f"{one.file}.jpg", quality=QUALITY, optimize=True)


def main() -> None:
    """Draws the images and writes the page."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for old in IMAGES.glob("*.jpg"):
        old.unlink()
    with tempfile.TemporaryDirectory() as work:
        draw(Path(work))
    PAGE.write_text(gallery_page(), "utf-8")


if __name__ == "__main__":
    main()
