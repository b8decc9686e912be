"""Options and codes of MaskTheFace, translated to SPEC."""

import pytest
from skimage.io import imsave

from maskgen.errors import InputError, UsageError
from maskgen.masking.mask_the_face import OWN_COLOURS, translate
from maskgen.masking.masks import choose_outfits
from maskgen.masking.settings import MaskFolderSettings, MaskTheFaceSettings
from maskgen.masks.library import built_in
from maskgen.masks.selection import open_wardrobe
from tests.helpers.faces import astronaut

# Those of its README, of its help and of the comment in its source.
CODES = {
    "cloth-masks/textures/check/check_4.jpg, cloth-#e54294, cloth-#ff0000, cloth, "
    "cloth-masks/textures/others/heart_1.png, cloth-masks/textures/fruits/pineapple.png, N95": [
        ("cloth", "check"), ("cloth", "plain"), ("cloth", "plain"), ("cloth", "plain"),
        ("cloth", "print"), ("cloth", "print"), ("n95", "plain"),
    ],
    "cloth-masks/textures/check/check_4.jpg, cloth-#e54294, cloth-#ff0000, cloth, "
    "cloth-masks/textures/others/heart_1.png, cloth-masks/textures/fruits/pineapple.png, N95, surgical_blue, "
    "surgical_green": [
        ("cloth", "check"), ("cloth", "plain"), ("cloth", "plain"), ("cloth", "plain"), ("cloth", "print"),
        ("cloth", "print"), ("n95", "plain"), ("surgical", "plain"), ("surgical", "plain"),
    ],
    "surgical,KN95,gas,inpaint,empty": [
        ("surgical", "plain"), ("kn95", "plain"), ("respirator", "plain"), ("none", ""), ("none", ""),
    ],
}  # fmt: skip
TEXTURES = [
    *(f"fruits/{name}" for name in ("pineapple.png", "cherry.jpg", "bananas.png", "lemon.png", "strawberry.png")),
    "others/heart_1.png", "others/polka.jpg", "floral/grey_petals.png",
    *(f"floral/floral_{number}.png" for number in (1, 7, 8, 10)),
    *(f"floral/floral_{number}.jpg" for number in (2, 3, 4, 5, 6, 9, 11)),
    *(f"check/check_{number}.png" for number in (1, 3)),
    *(f"check/check_{number}.jpg" for number in (2, 4, 5, 6, 7)),
]  # fmt: skip


def choices(**options):
    """Returns the choices of the translated SPEC, as the renderer gets them."""
    settings = MaskFolderSettings(mask_the_face=MaskTheFaceSettings(**options))
    return open_wardrobe(choose_outfits(settings).whole.masks).choices


@pytest.mark.parametrize("code", CODES)
def test_documented_codes_name_these_masks_each_equally_often(code):
    found = choices(code=code)
    assert [(one.family, one.texture) for one in found] == CODES[code]
    assert len({one.weight for one in found}) == 1


@pytest.mark.parametrize("texture", TEXTURES)
def test_every_texture_of_its_folder_has_one_here(texture):
    (found,) = choices(code=f"cloth-masks/textures/{texture}")
    assert found.texture in ("check", "print", "dots", "floral")
    assert found.strength == 0.5


def test_a_colour_is_mixed_with_the_own_colour_of_the_mask():
    (default,) = choices(mask_type="surgical")
    assert default.colour == "#5e96ce"  # half of #b9b9b9 and #0473e2
    (full,) = choices(mask_type="cloth", color="#ff0000", color_weight=1)
    assert full.colour == "#ff0000"
    (own,) = choices(mask_type="N95", color="")
    assert own.colour == OWN_COLOURS["N95"][1]
    (named,) = choices(color="red", color_weight=1)
    assert (named.family, named.colour) == ("surgical", "#ff0000")


def test_a_pattern_has_its_weight():
    (found,) = choices(mask_type="cloth", pattern="masks/textures/check/check_4.jpg", pattern_weight=0.8)
    assert (found.texture, found.strength) == ("check", 0.8)


def test_a_pattern_suits_the_default_mask_and_every_other():
    path = "masks/textures/check/check_4.jpg"
    assert [(one.family, one.texture) for one in choices(pattern=path)] == [("surgical", "check")]
    assert {one.texture for one in choices(mask_type="random", pattern=path)} == {"check"}


def test_random_draws_all_masks_and_all_writes_each():
    assert [one.family for one in choices(mask_type="random")] == [
        family for family, _ in OWN_COLOURS.values()
    ]
    settings = MaskFolderSettings(mask_the_face=MaskTheFaceSettings(mask_type="all"))
    outfits = choose_outfits(settings)
    assert outfits.labels == tuple(OWN_COLOURS)
    assert len(outfits.settings) == len(OWN_COLOURS)


def test_an_image_of_the_users_is_a_texture_of_any_mask(tmp_path):
    path = tmp_path / "My Flowers.png"
    imsave(path, astronaut()[:64, :64])
    (found,) = choices(mask_type="N95", pattern=str(path))
    assert (found.family, found.texture) == ("n95", "myflowers")


def test_an_image_of_the_users_is_itself_though_it_is_named_like_a_texture(tmp_path):
    own, theirs = tmp_path / "floral.png", tmp_path / "masks" / "textures" / "floral" / "floral_7.png"
    theirs.parent.mkdir(parents=True)
    for path in (own, theirs):
        imsave(path, astronaut()[:64, :64])
    (found,) = choices(mask_type="cloth", pattern=str(own))
    assert found.texture == "floralx2"
    (found,) = choices(mask_type="cloth", pattern=str(theirs))
    assert found.texture == "floral"


@pytest.mark.fault
@pytest.mark.parametrize("options", [{"pattern": "black"}, {"code": "cloth-black"}, {"pattern": "check,n95"}])
def test_row616_a_pattern_that_is_a_colour_or_a_list_is_refused(options):
    with pytest.raises(
        InputError, match=r"is no texture; give a file such as .* a colour as --color or as #rrggbb"
    ):
        choices(**options)


@pytest.mark.fault
def test_row616_all_problems_of_a_code_are_in_one_message():
    with pytest.raises(UsageError) as error:
        translate(MaskTheFaceSettings(code="cloht, cloth-#12, N96-#ff0000"), built_in())
    for part in ("'cloht'", "'#12'", "'N96'", "there are surgical, surgical_blue"):
        assert part in str(error.value)


@pytest.mark.fault
def test_row616_an_unknown_texture_is_named():
    with pytest.raises(InputError, match=r"no texture 'tiger\.png'.*and there is no file tiger\.png"):
        choices(mask_type="cloth", pattern="tiger.png")


@pytest.mark.fault
def test_row616_an_empty_code_is_refused():
    with pytest.raises(UsageError, match="names no mask"):
        translate(MaskTheFaceSettings(code=" , "), built_in())


@pytest.mark.fault
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"masks": {"masks": "n95"}, "mask_the_face": {"mask_type": "cloth"}}, "either --masks or those"),
        ({"mask_the_face": {"code": "cloth", "color": "#ff0000"}}, "leave them out"),
        ({"src": "a", "mask_the_face": {"path": "b"}}, "give one of them"),
        ({"masks": {"per_face": 2}, "mask_the_face": {"mask_type": "all"}}, "choose one"),
    ],
)
def test_row616_options_that_contradict_each_other_are_refused(settings, said):
    assert any(said in problem for problem in MaskFolderSettings(**settings).conflicts())
