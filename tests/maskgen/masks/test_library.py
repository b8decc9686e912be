import shutil

import cv2
import numpy as np
import pytest

from maskgen.assets import asset
from maskgen.dataset.plan import data_settings
from maskgen.errors import InputError
from maskgen.generation.worker_tools import versions
from maskgen.masks.appearance import pick_dress, pick_mask
from maskgen.masks.library import built_in
from maskgen.masks.selection import open_library, open_wardrobe
from maskgen.masks.validation import check_templates
from maskgen.settings import GenSettings, MaskSettings
from tests.maskgen.rendering.test_triplet import one


@pytest.fixture
def own(tmp_path):
    """Folder with one valid template, a copy of the cloth mask under another name."""
    shutil.copytree(asset("masks/cloth"), tmp_path / "own" / "mine")
    return tmp_path / "own"


@pytest.fixture
def picture(tmp_path):
    """Image with a red left and a green right half, transparent below the middle."""
    pixels = np.zeros((60, 120, 4), np.uint8)
    pixels[:, :60] = (0, 0, 255, 255)
    pixels[:, 60:] = (0, 255, 0, 255)
    pixels[30:, :, 3] = 0
    cv2.imwrite(str(tmp_path / "halves.png"), pixels)
    return tmp_path / "halves.png"


def problems(folder, **kwargs):
    return [str(problem) for problem in check_templates(folder, **kwargs).problems]


def test_the_built_in_templates_pass_the_check(tmp_path):
    assert problems(asset("masks"), replace=True) == []


def test_own_families_are_added_to_the_built_in_ones(own):
    library = open_library(str(own), replace=False)
    assert set(library.families) == {*built_in().families, "mine"}
    assert library.mask("mine").name == "mine"
    wardrobe = open_wardrobe(MaskSettings(templates=str(own), masks="mine-check:2,n95"))
    assert [choice.family for choice in wardrobe.choices] == ["mine", "n95"]


def test_two_folders_may_hold_families_of_the_same_name(own, tmp_path):
    shutil.copytree(asset("masks/n95"), tmp_path / "other" / "mine")
    one_, other = (open_library(str(folder), replace=False) for folder in (own, tmp_path / "other"))
    assert one_.template("mine").title == "cloth"
    assert other.template("mine").title != "cloth"
    assert one_.shell("mine", "correct").aspect != other.shell("mine", "correct").aspect


def test_a_built_in_family_is_replaced_only_on_request(own):
    (own / "mine").rename(own / "n95")
    with pytest.raises(InputError, match=r"n95: is a built-in family.*masks\.replace"):
        open_library(str(own), replace=False)
    assert open_library(str(own), replace=True).template("n95").title == "cloth"


def test_the_digest_depends_on_every_byte_of_templates_and_images(own, picture):
    settings = MaskSettings(templates=str(own), pictures={"halves": str(picture)}, masks="mine")
    digests = [built_in().digest, open_wardrobe(settings).library.digest]
    tiled = settings.model_copy(update={"pictures": {"halves": MaskSettings(
        pictures={"halves": {"path": str(picture), "tile": True}}).pictures["halves"]}})  # fmt: skip
    digests.append(open_wardrobe(tiled).library.digest)
    with (own / "mine" / "template.toml").open("a") as file:
        file.write("# changed\n")
    digests.append(open_wardrobe(settings).library.digest)
    assert len(set(digests)) == 4
    assert versions("mesh", digests[0])["templates"] == digests[0]


def test_a_data_set_contains_no_path_of_templates_or_images(own, picture):
    masks = MaskSettings(templates=str(own), pictures={"halves": str(picture)})
    assert str(own.parent) not in str(data_settings(GenSettings(masks=masks)))


@pytest.mark.fault
def test_row14_all_problems_of_all_templates_are_reported_at_once(own):
    for name in ("half", "gas", "Bad-Name", "colours"):
        shutil.copytree(own / "mine", own / name)
    data = (own / "half" / "albedo.png").read_bytes()
    (own / "half" / "albedo.png").write_bytes(data[: len(data) // 2])
    (own / "half" / "height.png").unlink()
    toml = own / "colours" / "template.toml"
    toml.write_text(
        toml.read_text().replace("#23252b", "#23252").replace("plain =", "plane =") + "depth = 1\n"
    )
    opaque = cv2.imread(str(own / "colours" / "albedo.png"))
    cv2.imwrite(str(own / "colours" / "albedo.png"), opaque)
    cv2.imwrite(str(own / "colours" / "height.png"), opaque[:100])
    text = "\n".join(problems(own))
    for words in (
        "half/albedo.png: cannot be read", "half/height.png: is missing", "gas: the name means something else",
        "Bad-Name: the folder's name", "colours/template.toml: look.colours.#23252", "look.textures.plane",
        "depth", "colours/albedo.png: must be a PNG with 8 bits per channel, LA or RGBA; got PNG RGB",
        "colours/height.png: must have 128 to 4096",
    ):  # fmt: skip
        assert words in text, (words, text)
    assert not any("mine" in problem for problem in problems(own))


@pytest.mark.fault
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("[1, 70, 1.02]", "[1, 70, 0.40]"), "the edges cross"),
        (("[0.6, 48, 0.48]", "[0.2, 48, 0.48]"), "u must grow"),
        (("[1, 70, 0.48]", "[1, 170, 0.48]"), "azimuths"),
        (('ridge_along = "u"', 'ridge_along = "w"'), "ridge_along"),
        (("colours = {", "colours = { } #"), "weight above 0"),
        (("[shell]", "[shell"), "is not TOML"),
    ],
)
def test_row14_an_impossible_shape_is_refused(own, change, words):
    toml = own / "mine" / "template.toml"
    assert change[0] in toml.read_text()
    toml.write_text(toml.read_text().replace(*change))
    assert words in "\n".join(problems(own))


@pytest.mark.fault
def test_row14_images_that_would_look_wrong_are_refused(own):
    path = str(own / "mine" / "albedo.png")
    pixels = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGRA) if pixels.ndim == 2 else pixels
    pixels[..., 0], pixels[..., 3] = 40, 255
    cv2.imwrite(path, pixels)
    text = "\n".join(problems(own))
    assert "must be grey" in text
    assert "must be transparent at its border" in text


@pytest.mark.parametrize("name", ["nowhere", "own/mine"])
def test_a_folder_without_templates_is_refused_with_one_problem(own, name):
    folder = own.parent / name
    assert len(problems(folder)) == 1
    with pytest.raises(InputError):
        open_library(str(folder), replace=False)


def test_an_image_fills_the_mask_once_and_its_transparent_parts_show_the_masks_colour(picture):
    triplet = one(masks="cloth-halves", pictures={"halves": str(picture)})
    (worn,) = triplet.faces
    assert worn.mask.texture == "halves"
    left, right = triplet.masked[130:145, 95:110].mean((0, 1)), triplet.masked[130:145, 145:160].mean((0, 1))
    assert left[0] > 1.5 * left[1]
    assert right[1] > 1.5 * right[0]
    below = triplet.masked[175:185, 110:146].reshape(-1, 3).mean(0)
    assert np.ptp(below) < 0.5 * below.max()


def test_an_image_of_strength_zero_leaves_the_masks_own_colour(picture):
    triplet = one(masks="cloth-halves@0", pictures={"halves": str(picture)})
    left, right = triplet.masked[130:145, 95:110].mean((0, 1)), triplet.masked[130:145, 145:160].mean((0, 1))
    assert left[0] / left[1] == pytest.approx(right[0] / right[1], rel=0.02)


def test_an_image_fills_the_mask_without_being_stretched(picture):
    wardrobe = open_wardrobe(MaskSettings(masks="cloth-halves", pictures={"halves": str(picture)}))
    worn = pick_mask(wardrobe, np.random.default_rng(0))
    look, art = wardrobe.library.template("cloth").look, wardrobe.library.pictures["halves"]
    for aspect in (1.0, 2.0, 4.0):
        dress = pick_dress(worn, look, np.random.default_rng(0), aspect=aspect, artwork=art)
        across, down = dress.repeats
        assert max(across, down) == pytest.approx(1)
        assert across / down == pytest.approx(aspect / 2)  # the image is twice as wide as tall


@pytest.mark.fault
def test_row14_an_unreadable_image_or_the_name_of_a_built_in_texture_is_refused(tmp_path, picture):
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    pictures = {"check": str(picture), "cut": str(tmp_path / "cut.jpg"), "gone": str(tmp_path / "gone.png")}
    with pytest.raises(InputError) as caught:
        open_wardrobe(MaskSettings(pictures=pictures))
    for name in pictures:
        assert f"masks.pictures.{name}: " in str(caught.value)
