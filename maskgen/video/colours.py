"""Colour tags of a video stream: what they mean, and which of them can be converted to RGB.

The numbers are the code points of ITU-T H.273, which H.264, HEVC, AV1, MP4 and Matroska share.
"""

from dataclasses import dataclass, replace

from maskgen.errors import InputError

UNSPECIFIED, RGB = 2, 0
BT709, BT601, BT2020 = 1, 6, 9  # code points of matrices; BT.709 and BT.2020 are the same among primaries
PQ, HLG, LINEAR = 16, 18, 8

# Matrices that can be converted, with the luma weights of red and blue.
MATRICES = {BT709: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), BT601: (0.299, 0.114), 7: (0.212, 0.087),
            BT2020: (0.2627, 0.0593)}  # fmt: skip
NO_MATRIX = {8: "YCgCo", 10: "BT.2020 with constant luminance", 11: "Y'D'zD'x", 12: "derived from the primaries",
             13: "derived from the primaries, with constant luminance", 14: "ICtCp", 15: "IPT-C2", 16: "YCgCo-Re",
             17: "YCgCo-Ro"}  # fmt: skip
NO_TRANSFER = {9: "log 100:1", 10: "log 316:1", 17: "SMPTE ST 428-1"}
HDR = {PQ: "PQ", HLG: "HLG"}
# Primaries that differ visibly from those of sRGB.
WIDE = {8: "film", BT2020: "BT.2020", 11: "DCI P3", 12: "Display P3"}

HD = (1280, 576)  # a wider or higher clip that names no matrix is BT.709 for players, a smaller one BT.601


@dataclass(frozen=True)
class Colours:
    """Colour tags of a stream, code points of ITU-T H.273; 2 is unspecified.

    Attributes:
        matrix: matrix that made Y, Cb, Cr of R, G, B.
        transfer: transfer characteristic.
        primaries: colour primaries.
    """

    matrix: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    primaries: int = UNSPECIFIED

    @property
    def hdr(self) -> str:
        """Name of the HDR transfer, "" for other clips."""
        return HDR.get(self.transfer, "")

    @property
    def problem(self) -> str:
        """Name of the tag that cannot be converted to RGB; "" if all can."""
        if self.matrix in NO_MATRIX:
            return f"colour matrix {NO_MATRIX[self.matrix]}"
        if self.transfer in NO_TRANSFER:
            return f"transfer characteristic {NO_TRANSFER[self.transfer]}"
        return ""

    def check(self, path: object) -> None:
        """Raises InputError if the clip at `path` cannot be converted to RGB."""
        if self.problem:
            raise InputError(
                f"{path}: its colours cannot be converted: {self.problem}. Convert the clip to BT.709 first"
            )

    def known(self, width: int, height: int) -> "Colours":
        """Fills in the tags that decoding needs, as players do: BT.2020 for HDR, else by the size of the frame."""
        guess = BT2020 if self.hdr else BT709 if width >= HD[0] or height > HD[1] else BT601
        matrix = self.matrix if self.matrix in MATRICES else guess
        primaries = BT2020 if self.hdr and self.primaries in (0, UNSPECIFIED, 3) else self.primaries
        return replace(self, matrix=matrix, primaries=primaries)

    def shown(self, srgb: bool) -> "Colours":
        """Returns the tags of the RGB images into which a clip is converted.

        Args:
            srgb: True for photos; False for images that become a video again, which keeps its gamut if it is not HDR.
        """
        if self.hdr or self.transfer == LINEAR:
            return Colours(BT709, BT709, BT709)
        return replace(self, primaries=BT709) if srgb and self.primaries in WIDE else self

    def written(self, matrix: int) -> "Colours":
        """Returns the tags of a video made of RGB images of these colours by `matrix`.

        A matrix that the source does not name is not named in the copy either, so players treat both alike.
        """
        return self if self.matrix in (*MATRICES, UNSPECIFIED) else replace(self, matrix=matrix)


UNTAGGED = Colours()
