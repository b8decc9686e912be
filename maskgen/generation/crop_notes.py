"""Notes on crops that a face recogniser would see otherwise than its user expects."""

from maskgen.faces.arcface import SIDE
from maskgen.settings import CropSettings

# What recognisers of ArcFace's kind are trained on, beside the alignment: setting -> (option, value).
EXPECTED = {"size": ("--size", SIDE), "border": ("--border", "constant")}


def note_of_alignment(crop: CropSettings) -> list[str]:
    """Notes that crops of 112 pixels are not ArcFace's, or that aligned ones have another size or border.

    Args:
        crop: settings of the crop. What the user gave, by an option or a file, is not questioned.

    Returns:
        One line, or none.
    """
    given = crop.model_fields_set
    if crop.align != "arcface":
        if crop.size != SIDE or "align" in given:
            return []
        return [
            f"crops of {SIDE} pixels, but not aligned as ArcFace's: recognisers expect --align arcface "
            f"--border constant (this is --align {crop.align}, which says so too)"
        ]
    left = [name for name in EXPECTED if name not in given and getattr(crop, name) != EXPECTED[name][1]]
    if not left:
        return []
    expected = " ".join(f"{EXPECTED[name][0]} {EXPECTED[name][1]}" for name in left)
    present = " ".join(f"{EXPECTED[name][0]} {getattr(crop, name)}" for name in left)
    return [
        f"--align arcface changes only the frame: recognisers expect {expected} too; these crops have {present}"
    ]
