"""Data sets that earlier builds made of scikit-image's astronaut: 4 photos, 8 samples of 64 pixels in 3 shards.

`format-1.zip` was made by the build of 2026-11-22. `format-2-early.zip` was made a week later, by the last build that
wrote records beside the tars.
"""

import zipfile
from pathlib import Path

FILES = Path(__file__).parents[1] / "maskgen" / "dataset"
OLDER = {"format-1": 1, "format-2-early": 2}  # name -> format
SAMPLES = 8


def unpack_older(name: str, to: Path) -> Path:
    """Unpacks one of the data sets and returns its folder."""
    with zipfile.ZipFile(FILES / f"{name}.zip") as archive:
        archive.extractall(to / name)
    return to / name
