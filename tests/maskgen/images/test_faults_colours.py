"""Row 46 of the fault matrix: photos whose numbers are not sRGB."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from maskgen.errors import Skip
from maskgen.images.codecs import decode
from maskgen.images.photo_loader import load_photo
from tests.helpers.photo_files import corners_chunk, drawn, gamma_chunk, png, saved

pytestmark = pytest.mark.fault

# Published values of the corners of sRGB in two spaces: what is stored, and what it shows in sRGB.
ADOBE_RGB = [((219, 0, 0), (255, 0, 0)), ((144, 255, 60), (0, 255, 0)), ((0, 0, 250), (0, 0, 255))]
DISPLAY_P3 = [((234, 51, 35), (255, 0, 0)), ((117, 251, 76), (0, 255, 0)), ((0, 0, 245), (0, 0, 255))]
SHARED = [((v, v, v), None) for v in (0, 255)]
D65, P3_CORNERS = (0.3127, 0.3290), (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
ADOBE_CORNERS = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06)


def icc(corners, curve: bytes) -> bytes:
    """Builds an RGB profile, as cameras embed one, of x, y of red, green and blue at the white D65."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in np.reshape(corners, (3, 2))]).T
    white = np.array([D65[0] / D65[1], 1, (1 - sum(D65)) / D65[1]])
    cone = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    d50 = np.array([0.9642, 1, 0.8249])
    adapt = np.linalg.inv(cone) @ np.diag((cone @ d50) / (cone @ white)) @ cone
    matrix = adapt @ columns @ np.diag(np.linalg.inv(columns) @ white)

    def xyz(value):
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in value))

    tags = [(b"wtpt", xyz(d50)), *zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz, matrix.T), strict=True)]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    at, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags:
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    size = at + len(body)
    head = struct.pack(">I4sI12s", size, b"\0" * 4, 0x02100000, b"mntrRGB XYZ ") + b"\0" * 12 + b"acsp"
    head = head.ljust(68, b"\0") + struct.pack(">3i", *(round(v * 65536) for v in d50))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def gamma_curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def srgb_curve() -> bytes:
    values = np.linspace(0, 1, 1024)
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return b"curv\0\0\0\0" + struct.pack(">I1024H", 1024, *np.round(light * 65535).astype(int))


ADOBE_PROFILE, P3_PROFILE = icc(ADOBE_CORNERS, gamma_curve(563 / 256)), icc(P3_CORNERS, srgb_curve())
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def patch(colour, mode: str = "RGB") -> Image.Image:
    return Image.new("RGB", (32, 32), tuple(colour)).convert(mode)


def shown(data: bytes, background: int = 255) -> np.ndarray:
    pixels = decode(data, max_pixels=10**6, background=background)
    assert not isinstance(pixels, Skip), pixels
    return pixels[16, 16].astype(int)


@pytest.mark.parametrize(
    ("profile", "colours"), [(ADOBE_PROFILE, ADOBE_RGB), (P3_PROFILE, DISPLAY_P3)], ids=["adobe", "p3"]
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_row46_colours_of_an_icc_profile_are_converted(kind, profile, colours):
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    for stored, expected in colours:
        options = {"lossless": True} if kind == "WEBP" else {"quality": 100, "subsampling": "4:4:4"}
        data = saved(patch(stored), kind, icc_profile=profile, **options)
        assert np.abs(shown(data) - expected).max() <= 8, (kind, stored)


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA"])
def test_row46_every_mode_is_converted_and_keeps_its_transparency(mode):
    image = patch((120, 120, 120) if mode in ("L", "LA") else (144, 255, 60))
    image = image.quantize(2) if mode == "P" else image.convert(mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray(np.repeat(np.uint8([[0, 255]]), 16, 1).repeat(32, 0)))
    wide = icc(ADOBE_CORNERS, gamma_curve(1.0 if mode in ("L", "LA") else 563 / 256))
    pixels = decode(saved(image, "PNG", icc_profile=wide), max_pixels=10**6, background=77)
    expected = (182, 182, 182) if mode in ("L", "LA") else (0, 255, 0)  # linear light 120 / 255
    assert np.abs(pixels[16, 31].astype(int) - expected).max() <= 3
    if mode in ("RGBA", "LA"):
        assert (pixels[:, :16] == 77).all()


def test_row46_a_grey_profile_is_applied_to_grey_photos():
    curve = gamma_curve(1.0)
    head = struct.pack(">I4sI12s", 132 + 24 + 20 + 16, b"\0" * 4, 0x02100000, b"mntrGRAYXYZ ") + b"\0" * 12
    head = (head + b"acsp").ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    table = struct.pack(">I4sII4sII", 2, b"wtpt", 156, 20, b"kTRC", 176, len(curve))
    profile = head.ljust(128, b"\0") + table + white + curve + b"\0\0"
    for kind in ("PNG", "JPEG", "TIFF"):
        data = saved(patch((120, 120, 120), "L"), kind, icc_profile=profile)
        assert np.abs(shown(data) - 182).max() <= 3, kind


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_row46_srgb_and_unusable_profiles_change_no_byte(mode):
    image = Image.fromarray(drawn()).convert(mode)
    plain = decode(saved(image, "JPEG", quality=90), max_pixels=10**6, background=255)
    broken = ADOBE_PROFILE[:200], b"\0" * 16 + b"RGB " + b"\0" * 108, ADOBE_PROFILE[:128] + b"\xff" * 90
    for profile in (SRGB_PROFILE, icc((0.64, 0.33, 0.30, 0.60, 0.15, 0.06), srgb_curve()), *broken):
        data = saved(image, "JPEG", quality=90, icc_profile=profile)
        assert np.array_equal(decode(data, max_pixels=10**6, background=255), plain)


def mark_of_adobe_rgb(index: bytes = b"R03\0") -> bytes:
    """Builds the EXIF data by which cameras mark Adobe RGB: Exif directory, then interoperability, then the index."""
    one = lambda tag, kind, count, value: struct.pack(">HHHI4s", 1, tag, kind, count, value)  # noqa: E731
    place = lambda at: struct.pack(">I", at)  # noqa: E731
    first, exif = one(0x8769, 4, 1, place(26)), one(0xA005, 4, 1, place(44))
    interop = one(1, 2, 4, index)
    return b"Exif\0\0MM\0*" + place(8) + first + b"\0" * 4 + exif + b"\0" * 4 + interop + b"\0" * 4


def test_row46_adobe_rgb_of_a_camera_without_a_profile_is_known_by_its_exif_mark():
    for stored, expected in ADOBE_RGB:
        data = saved(patch(stored), "JPEG", quality=100, subsampling=0, exif=mark_of_adobe_rgb())
        assert np.abs(shown(data) - expected).max() <= 3
    data = saved(patch((144, 255, 60)), "JPEG", quality=100, subsampling=0, exif=mark_of_adobe_rgb(b"R98\0"))
    assert np.abs(shown(data) - (144, 255, 60)).max() <= 2


def flat(colour, dtype=np.uint8) -> np.ndarray:
    return np.full((32, 32, 3), np.array(colour) * (257 if dtype == np.uint16 else 1), dtype)


LINEAR = [(v, round(255 * (1.055 * (v / 255) ** (1 / 2.4) - 0.055))) for v in (1, 4, 30, 120, 254)]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_row46_a_png_of_linear_light_is_not_dark(dtype, channels):
    for stored, expected in LINEAR:
        pixels = flat((stored,) * 3, dtype)
        data = png(pixels[:, :, 0] if channels == 1 else pixels, gamma_chunk(1.0))
        assert np.abs(shown(data) - expected).max() <= 1, stored


def test_row46_sixteen_bits_of_linear_light_keep_their_dark_tones():
    values = np.arange(0, 640, 5, dtype=np.uint16)
    data = png(np.repeat(values[None, :, None], 32, axis=0).repeat(3, axis=2), gamma_chunk(1.0))
    row = decode(data, max_pixels=10**6, background=255)[0, :, 0].astype(int)
    light = values / 65535
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    assert np.abs(row - expected).max() <= 1
    assert np.diff(row).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_row46_the_corners_of_a_png_are_converted(dtype):
    for stored, expected in DISPLAY_P3:
        data = png(flat(stored, dtype), corners_chunk(*D65, *P3_CORNERS))
        assert np.abs(shown(data) - expected).max() <= 3
    for stored, expected in ADOBE_RGB:
        data = png(flat(stored, dtype), gamma_chunk(256 / 563), corners_chunk(*D65, *ADOBE_CORNERS))
        assert np.abs(shown(data) - expected).max() <= 3


def test_row46_a_png_that_means_srgb_changes_no_byte():
    plain = drawn()
    srgb_corners = corners_chunk(*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
    for chunks in (
        [gamma_chunk(1 / 2.2)],
        [gamma_chunk(1 / 2.2), srgb_corners],
        [(b"sRGB", b"\0"), gamma_chunk(1.0), corners_chunk(*D65, *P3_CORNERS)],  # sRGB goes first
        [(b"cICP", bytes((1, 13, 0, 1))), gamma_chunk(1.0)],
        [(b"cICP", bytes((1, 1, 0, 1)))],  # the curve of video is shown as that of sRGB
        [corners_chunk(0, 0, 0, 0, 0, 0, 0, 0)],  # no space
        [(b"gAMA", b"\0" * 4)],
    ):
        assert np.array_equal(decode(png(plain, *chunks), max_pixels=10**6, background=255), plain), chunks


def test_row46_cicp_goes_before_a_profile_and_is_converted():
    for stored, expected in DISPLAY_P3:
        chunks = [(b"cICP", bytes((12, 13, 0, 1))), (b"sRGB", b"\0"), gamma_chunk(1.0)]
        assert np.abs(shown(png(flat(stored), *chunks)) - expected).max() <= 3
    assert np.abs(shown(png(flat((120, 120, 120)), (b"cICP", bytes((1, 8, 0, 1))))) - 182).max() <= 1


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG"), (9, "logarithmic")])
def test_row46_brightness_beyond_8_bits_is_refused_with_its_name(transfer, name):
    outcome = decode(png(drawn(), (b"cICP", bytes((9, transfer, 0, 1)))), max_pixels=10**6, background=255)
    assert isinstance(outcome, Skip)
    assert outcome.reason == "unreadable"
    assert name in outcome.detail


def test_row46_colours_stated_by_avif_and_heic_are_converted():
    import pillow_heif

    pillow_heif.register_heif_opener()
    for stored, expected in DISPLAY_P3:
        avif = saved(patch(stored), "AVIF", quality=100, subsampling="4:4:4")
        avif = avif.replace(b"colrnclx\0\1\0\r", b"colrnclx\0\x0c\0\r")
        assert np.abs(shown(avif) - expected).max() <= 4
        heic = saved(patch(stored), "HEIF", quality=100, chroma=444, color_primaries=12)
        assert np.abs(shown(heic) - expected).max() <= 4
    hdr = saved(patch((9, 9, 9)), "AVIF").replace(b"colrnclx\0\1\0\r", b"colrnclx\0\x09\0\x10")
    assert "PQ" in decode(hdr, max_pixels=10**6, background=255).detail


def test_row46_cmyk_is_converted_by_its_own_profile():
    """A press whose inks print other colours than the numbers say: cyan looks red. No formula could know that."""
    profile = red_press()
    data = saved(Image.new("CMYK", (32, 32), (255, 0, 0, 0)), "JPEG", quality=100, icc_profile=profile)
    red, green, blue = shown(data)
    assert red > 200
    assert max(green, blue) < 60
    tiff = saved(Image.new("CMYK", (32, 32), (255, 0, 0, 0)), "TIFF", icc_profile=profile)
    assert shown(tiff)[0] > 200
    without = saved(Image.new("CMYK", (32, 32), (255, 0, 0, 0)), "JPEG", quality=100)
    assert np.abs(shown(without) - (0, 255, 255)).max() <= 2


def red_press() -> bytes:
    """Builds a CMYK profile whose table has two levels per ink: paper is white, any ink gives Lab (54, 80, 67)."""
    levels, white, ink = 2, (65280, 32768, 32768), (35251, 53248, 49920)  # 16-bit Lab of version 2
    table = b"".join(struct.pack(">3H", *(ink if any(i) else white)) for i in np.ndindex(2, 2, 2, 2))
    straight = struct.pack(">2H", 0, 65535)
    lut = (
        b"mft2\0\0\0\0"
        + bytes((4, 3, levels, 0))
        + struct.pack(">9i", *(65536 * v for v in np.eye(3, dtype=int).ravel()))
    )
    lut += struct.pack(">2H", 2, 2) + straight * 4 + table + straight * 3
    white_point = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    tags = [(b"wtpt", white_point), (b"A2B0", lut), (b"A2B1", lut)]
    at, listed, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags:
        listed += name + struct.pack(">II", at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = (
        struct.pack(">I4sI12s", at + len(body), b"\0" * 4, 0x02100000, b"prtrCMYKLab ") + b"\0" * 12 + b"acsp"
    )
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + listed + body


def test_row46_lab_photos_have_colours():
    lab = ImageCms.profileToProfile(
        patch((200, 30, 30)), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert np.abs(shown(saved(lab, "TIFF")) - (200, 30, 30)).max() <= 4


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("profile", [None, ADOBE_PROFILE])
def test_row46_the_transparent_colour_of_a_deep_png_shows_the_background(channels, profile):
    pixels = (np.arange(32 * 32 * 3, dtype=np.uint16).reshape(32, 32, 3) * 21)[:, :, :channels]
    key = struct.pack(f">{channels}H", *pixels[3, 3])
    chunks = [(b"iCCP", b"a\0\0" + zlib.compress(profile))] if profile else []
    near = pixels.copy()
    near[5, 5] = pixels[3, 3]
    near[6, 6] = pixels[3, 3] + 1  # the same 8 high bits, another colour
    shown_ = decode(png(near, *chunks, (b"tRNS", key)), max_pixels=10**6, background=99)
    assert (shown_[3, 3] == 99).all()
    assert (shown_[5, 5] == 99).all()
    assert (shown_[6, 6] != 99).any()


def test_row46_pillow_images_and_files_give_the_same_colours():
    image = patch((144, 255, 60))
    image.info["icc_profile"] = ADOBE_PROFILE
    data = saved(image, "PNG", icc_profile=ADOBE_PROFILE)
    assert np.array_equal(
        load_photo(image, max_pixels=10**6, background=255),
        load_photo(data, max_pixels=10**6, background=255),
    )
