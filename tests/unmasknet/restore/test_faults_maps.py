"""Row 50 of docs/faults.md: one reader of maps for run, pack, eval --labelled and the Python class."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskgen.command_settings import PackSettings
from maskgen.dataset.reader import open_data_set
from maskgen.errors import InputError
from maskgen.generation.pack import pack
from tests.helpers.program import program
from tests.helpers.restoring import ToyNetworks, draw_photo, fixed_detector
from tests.helpers.worn_masks import skin_photo
from unmasknet.evaluation.labelled_photos import read_label_file
from unmasknet.restore.batch import run
from unmasknet.restore.settings import RestoreSettings
from unmasknet.restore.unmasker import MASK, Unmasker

pytestmark = pytest.mark.fault
HEIGHT, WIDTH = 240, 200
HOLE = np.s_[120:170, 60:140]


def hole(inside=255, outside=0, kind=np.uint8, height=HEIGHT, width=WIDTH):
    plane = np.full((height, width), outside, kind)
    plane[HOLE] = inside
    return plane


def layer(mode: str, colour) -> Image.Image:
    """Draws the hole in one colour on a transparent layer, whose transparent pixels are white below."""
    image = Image.new("RGBA", (WIDTH, HEIGHT), (255, 255, 255, 0))
    image.paste((*colour, 255), (HOLE[1].start, HOLE[0].start, HOLE[1].stop, HOLE[0].stop))
    return image.convert(mode)


def palette() -> Image.Image:
    image = Image.fromarray(hole(1)).convert("P")
    image.putpalette([0, 0, 0, 128, 0, 0] + [0] * 762)
    return image


SOUND = {
    "white": lambda: Image.fromarray(hole()),
    "one bit": lambda: Image.fromarray(hole() > 0),
    "0 and 1": lambda: Image.fromarray(hole(1)),
    "0 and 1 as RGB": lambda: Image.fromarray(np.repeat(hole(1)[..., None], 3, 2)),
    "16 bits": lambda: Image.fromarray(hole(65535, 0, np.uint16)),
    "16 bits, 0 and 255": lambda: Image.fromarray(hole(255, 0, np.uint16)),
    "16 bits, 0 and 1": lambda: Image.fromarray(hole(1, 0, np.uint16)),
    "white on a transparent layer": lambda: layer("RGBA", (255, 255, 255)),
    "red on a transparent layer": lambda: layer("RGBA", (220, 20, 20)),
    "grey on a transparent layer": lambda: layer("LA", (255, 255, 255)),
    "1 on a transparent layer": lambda: layer("RGBA", (1, 1, 1)),
    "palette": palette,
}
UNUSABLE = {
    "nothing": (lambda: Image.fromarray(hole(0)), "covers nothing"),
    "all": (lambda: Image.fromarray(hole(255, 255)), "covers 100 %"),
    "inverted": (lambda: Image.fromarray(255 - hole()), "covers 92 % .*inverted"),
    "inverted 0 and 1": (lambda: Image.fromarray(hole(0, 1)), "covers 92 % .*inverted"),
    "inverted, with a large hole": (lambda: Image.fromarray(255 - large_hole()), "covers 43 % .*inverted"),
    "an empty layer": (lambda: Image.new("RGBA", (WIDTH, HEIGHT), (255, 255, 255, 0)), "covers nothing"),
    "classes": (lambda: Image.fromarray(hole(7)), "covers nothing.* values are 0 to 7"),
    "0, 1 and 255": (lambda: Image.fromarray(with_void()), "0, 1 and 255"),
    "a photo": (lambda: Image.fromarray(draw_photo(HEIGHT, WIDTH, grain=40)), "looks like a photo"),
    "another shape": (lambda: Image.fromarray(hole()[:, :150]), "150 x 240 .* 200 x 240"),
}  # fmt: skip


def large_hole():
    plane = np.zeros((HEIGHT, WIDTH), np.uint8)
    plane[20:220, 30:167] = 255
    return plane


def with_void():
    plane = hole(1)
    plane[:5] = 255
    return plane


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def restored_with(tmp_path: Path, image: Image.Image):
    """Runs `unmask run --map` on one photo; returns its result."""
    (tmp_path / "maps").mkdir()
    Image.fromarray(draw_photo(HEIGHT, WIDTH)).save(tmp_path / "photo.png")
    (tmp_path / "maps/photo.png").write_bytes(png(image))
    settings = RestoreSettings(
        inputs=(str(tmp_path / "photo.png"),),
        out=str(tmp_path / "out"),
        map=str(tmp_path / "maps"),
        save_map=True,
    )
    return run(
        settings, Unmasker(ToyNetworks(segmenter_side=None), fixed_detector()), lambda *_: None
    ).results[0]


@pytest.mark.parametrize("name", SOUND)
def test_row50_run_understands_maps_of_every_kind(tmp_path, name):
    result = restored_with(tmp_path, SOUND[name]())
    with Image.open(result.map) as map:
        assert np.array_equal(np.asarray(map) == MASK, hole() > 0)


@pytest.mark.parametrize("name", UNUSABLE)
def test_row50_run_refuses_maps_that_cannot_be_meant(tmp_path, name):
    draw, words = UNUSABLE[name]
    with pytest.raises(InputError, match=rf"maps/photo\.png: {words}|maps/photo\.png: .*{words}") as error:
        restored_with(tmp_path, draw())
    assert "\n" not in str(error.value)


def packed(tmp_path: Path, image: Image.Image, *, masked=None):
    """Packs one triplet with this map beside a sound one; returns the report and the decoded samples by source."""
    gt = np.ascontiguousarray(np.resize(skin_photo(256).pixels, (HEIGHT, WIDTH, 3)))
    blue = gt.copy()
    blue[hole() > 0] = (20, 60, 200)
    for name, map in (("odd", image), ("sound", Image.fromarray(hole()))):
        for role, picture in (("inputs", blue), ("outputs", gt)):
            (tmp_path / "plain" / role).mkdir(parents=True, exist_ok=True)
            given = masked if masked is not None and (name, role) == ("odd", "inputs") else picture
            Image.fromarray(given).save(tmp_path / "plain" / role / f"{name}.png")
        (tmp_path / "plain/binary_mask").mkdir(exist_ok=True)
        (tmp_path / "plain/binary_mask" / f"{name}.png").write_bytes(png(map))
    to = tmp_path / "set"
    report = pack(PackSettings(dir=str(tmp_path / "plain"), to=str(to), jobs=1, val=0, test=0, format="png"))
    found = {sample.labels["source"]: sample.decode() for sample in open_data_set(to).samples()}
    return report, found


@pytest.mark.parametrize("name", SOUND)
def test_row50_pack_understands_maps_of_every_kind(tmp_path, name):
    report, found = packed(tmp_path, SOUND[name]())
    assert (report.triplets, report.skipped) == (2, {})
    assert np.array_equal(found["odd"]["map"] > 0, hole() > 0)


@pytest.mark.parametrize("name", [name for name in UNUSABLE if name != "another shape"])
def test_row50_pack_counts_maps_that_cannot_be_meant(tmp_path, name):
    report, found = packed(tmp_path, UNUSABLE[name][0]())
    assert (report.triplets, report.skipped) == (1, {"bad_map": 1})
    assert found.keys() == {"sound"}


def test_row50_pack_takes_an_empty_map_where_both_images_are_equal(tmp_path):
    """Faces that wear nothing are in data sets too, and `pack` is the inverse of `unpack`."""
    gt = np.ascontiguousarray(np.resize(skin_photo(256).pixels, (HEIGHT, WIDTH, 3)))
    report, found = packed(tmp_path, Image.fromarray(hole(0)), masked=gt)
    assert (report.triplets, report.skipped) == (2, {})
    assert not found["odd"]["map"].any()


def test_row50_pack_counts_a_masked_image_that_shows_no_mask(tmp_path):
    gt = np.ascontiguousarray(np.resize(skin_photo(256).pixels, (HEIGHT, WIDTH, 3)))
    report, _ = packed(tmp_path, Image.fromarray(hole()), masked=gt)
    assert report.skipped == {"bad_map": 1}


# of a label in colours, the green part is the mask
@pytest.mark.parametrize(
    "name", [name for name in SOUND if name not in ("red on a transparent layer", "palette")]
)
def test_row50_labels_of_every_kind_are_understood(tmp_path, name):
    path = tmp_path / "label.png"
    path.write_bytes(png(SOUND[name]()))
    truth, counted = read_label_file(path, HEIGHT, WIDTH)
    assert np.array_equal(truth > 0, hole() > 0)
    assert counted.all()


@pytest.mark.parametrize("name", [name for name in UNUSABLE if name not in ("a photo",)])
def test_row50_labels_that_cannot_be_meant_are_refused(tmp_path, name):
    path = tmp_path / "label.png"
    path.write_bytes(png(UNUSABLE[name][0]()))
    with pytest.raises(InputError, match=r"label\.png: ") as error:
        read_label_file(path, HEIGHT, WIDTH)
    assert "\n" not in str(error.value)


def test_row50_labels_keep_their_ignored_pixels(tmp_path):
    drawn = hole()
    drawn[:20] = 128
    (tmp_path / "label.png").write_bytes(png(Image.fromarray(drawn)))
    truth, counted = read_label_file(tmp_path / "label.png", HEIGHT, WIDTH)
    assert np.array_equal(truth > 0, hole() > 0)
    assert np.array_equal(counted == 0, drawn == 128)


@pytest.mark.parametrize(
    "map", [hole(0, 1), hole(1.0, 1e-6, np.float32), np.ones((HEIGHT, WIDTH), bool), hole(0, 255)]
)
def test_row50_the_class_refuses_arrays_that_cover_nearly_all_or_are_inverted(map):
    unmasker = Unmasker(ToyNetworks(segmenter_side=None), fixed_detector())
    with pytest.raises(InputError, match=r"map: covers (92|100) %"):
        unmasker(draw_photo(HEIGHT, WIDTH), map=map)


def test_row50_the_class_refuses_arrays_with_values_that_are_no_numbers():
    unmasker = Unmasker(ToyNetworks(segmenter_side=None), fixed_detector())
    with pytest.raises(InputError, match="map: has NaN"):
        unmasker(draw_photo(HEIGHT, WIDTH), map=hole(np.nan, 0, np.float32))


def test_row50_a_smaller_map_of_the_same_shape_is_enlarged(tmp_path):
    result = restored_with(tmp_path, Image.fromarray(hole()).resize((WIDTH // 2, HEIGHT // 2)))
    with Image.open(result.map) as map:
        assert ((np.asarray(map) == MASK) != (hole() > 0)).mean() < 0.01


def test_row50_the_photo_is_unchanged_outside_a_map_drawn_on_a_layer(tmp_path):
    result = restored_with(tmp_path, layer("RGBA", (255, 255, 255)))
    with Image.open(result.output) as picture, Image.open(result.map) as map:
        same = (np.asarray(picture) == draw_photo(HEIGHT, WIDTH)).all(-1)
        assert same[np.asarray(map) == 0].all()
        assert (np.asarray(map) == 0).mean() > 0.8


def test_row50_the_command_pack_does_not_end_well_with_empty_maps(tmp_path):
    packed(tmp_path, Image.fromarray(hole(0)))
    given = ["pack", str(tmp_path / "plain"), "--to", str(tmp_path / "other"), "--jobs", "1"]
    done = program(*given)
    assert done.returncode == 3
    assert "1 of 2 photos failed (1 bad_map)" in done.stderr
    assert program(*given, "--overwrite", "--max-failures", "0.5").returncode == 0
