import re
import shutil
from dataclasses import replace

import pytest

from maskgen.assets import asset
from maskgen.errors import InputError
from maskgen.masks.library import Library, built_in
from maskgen.masks.spec import COLOURS, colour_of, parse_spec, parse_wear, with_share
from maskgen.masks.templates import TEXTURES
from maskgen.masks.user_textures import load_artwork


def test_spec_reads_families_textures_colours_strengths_and_weights():
    surgical, cloth, n95 = parse_spec("surgical-#0473E2@.5:3, cloth-check, n95", built_in())
    assert (surgical.family, surgical.colour, surgical.strength, surgical.weight) == (
        "surgical",
        "#0473e2",
        0.5,
        3,
    )
    assert (cloth.family, cloth.texture, cloth.weight) == ("cloth", "check", 1)
    assert (n95.family, n95.texture, n95.colour) == ("n95", "", "")


def test_gas_is_the_respirator():
    assert parse_spec("gas", built_in())[0].family == "respirator"


@pytest.mark.fault
def test_row14_unknown_families_textures_and_colours_are_reported_at_once():
    with pytest.raises(InputError) as caught:
        parse_spec("surgcal, cloth-tartan, n95-#12, n95@7, surgical", built_in())
    message = str(caught.value)
    assert "surgcal" in message
    assert "tartan" in message
    assert "#12" in message
    assert "strength 7" in message
    assert caught.value.exit_code == 4


@pytest.mark.fault
def test_row14_an_unknown_wear_is_refused_with_the_list_of_states():
    with pytest.raises(InputError, match=r"hat.*correct, nose, chin, below-mouth"):
        parse_wear("correct:.8,hat:.2")


@pytest.mark.parametrize("text", ["", "surgical:0", " , "])
def test_a_spec_that_chooses_nothing_is_refused(text):
    with pytest.raises(InputError):
        parse_spec(text, built_in())


def test_a_negative_weight_is_refused_with_the_allowed_values():
    with pytest.raises(InputError, match="weight '-1' of 'nose' must be a number, 0 or more"):
        parse_wear("nose:-1")


def test_wear_fractions_sum_to_one():
    shares = parse_wear("correct:3,nose:1")
    assert shares == {"correct": 0.75, "nose": 0.25}


def test_the_codes_of_masktheface_are_understood():
    code = (
        "cloth-masks/textures/check/check_4.jpg, cloth-#e54294, cloth, cloth-masks/textures/others/heart_1.png, "
        "cloth-masks/textures/fruits/pineapple.png, N95, KN95, surgical_blue, surgical_green, gas, inpaint"
    )
    found = [(choice.family, choice.texture, choice.colour) for choice in parse_spec(code, built_in())]
    assert found == [
        ("cloth", "check", ""), ("cloth", "", "#e54294"), ("cloth", "", ""), ("cloth", "print", ""),
        ("cloth", "print", ""), ("n95", "", ""), ("kn95", "", ""), ("surgical", "", "#a9cfe4"),
        ("surgical", "", "#b5dccb"), ("respirator", "", ""), ("none", "", ""),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["random", "all"])
def test_random_chooses_all_masks_equally_often(name):
    choices = parse_spec(f"{name}-#ff0000:2, n95", built_in())
    families = [choice.family for choice in choices[:-1]]
    assert set(families) == set(built_in().families) - {"none", "oval", "rectangle"}
    assert sum(choice.weight for choice in choices[:-1]) == pytest.approx(2)
    assert {choice.colour for choice in choices[:-1]} == {"#ff0000"}


def test_random_with_a_texture_chooses_the_masks_that_have_it():
    choices = parse_spec("random-paisley", built_in())
    assert "bandana" in {choice.family for choice in choices}
    assert {choice.texture for choice in choices} == {"paisley"}


def chosen(entry: str, library: Library | None = None) -> tuple[str, str, str, float, float]:
    (choice,) = parse_spec(entry, library or built_in())
    return choice.family, choice.texture, choice.colour, choice.strength, choice.weight


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("cloth-plain-#101010", ("cloth", "plain", "#101010", 1.0, 1.0)),
        ("surgical-gradient-blue@.6", ("surgical", "gradient", "#0000ff", 0.6, 1.0)),
        ("surgical-check-blue@.6", ("surgical", "check", "#0000ff", 0.6, 1.0)),
        ("n95-masks/textures/floral/floral_7.png", ("n95", "floral", "", 1.0, 1.0)),
        ("cloth-check-Blue@.6:2", ("cloth", "check", "#0000ff", 0.6, 2.0)),
        ("surgical-navy", ("surgical", "", "#000080", 1.0, 1.0)),
        ("n95-plain", ("n95", "plain", "", 1.0, 1.0)),
        ("n95-plain-white:.5", ("n95", "plain", "#ffffff", 1.0, 0.5)),
        ("scarf-plain-rebeccapurple", ("scarf", "plain", "#663399", 1.0, 1.0)),
        ("cloth-masks/textures/check/check_4.jpg-#00FF00", ("cloth", "check", "#00ff00", 1.0, 1.0)),
        ("surgical_blue-plain", ("surgical", "plain", "#a9cfe4", 1.0, 1.0)),
        ("surgical_blue-plain-red", ("surgical", "plain", "#ff0000", 1.0, 1.0)),
        ("bare:3", ("bare", "", "", 0.0, 3.0)),
        ("none", ("none", "", "", 1.0, 1.0)),
    ],
)
def test_texture_colour_and_strength_stand_together(entry, expected):
    assert chosen(entry) == expected


def test_all_148_colour_names_of_css_are_known():
    assert len(COLOURS) == 148
    assert (colour_of("CornflowerBlue"), colour_of("grey"), colour_of("gray")) == (
        "#6495ed",
        "#808080",
        "#808080",
    )
    assert colour_of("transparent") == colour_of("#12345") == colour_of("") == ""


@pytest.mark.parametrize(
    "family", [name for name in built_in().families if not built_in().template(name).look.flat]
)
def test_every_family_but_the_flat_blocks_can_have_every_texture_that_is_named(family):
    for texture in TEXTURES:
        assert chosen(f"{family}-{texture}-navy")[1:3] == (texture, "#000080")


@pytest.mark.parametrize("family", built_in().families)
def test_every_family_can_be_plain(family):
    assert chosen(f"{family}-plain-#0473e2")[:3] == (family, "plain", "#0473e2")


def test_a_template_without_plain_in_its_draw_can_be_plain(tmp_path):
    folder = tmp_path / "dotted"
    shutil.copytree(asset("masks") / "cloth", folder)
    text = (folder / "template.toml").read_text()
    (folder / "template.toml").write_text(re.sub("textures = .*", "textures = { dots = 1.0 }", text))
    library = Library({"dotted": folder})
    assert library.textures("dotted") == ("dots", "plain")
    assert chosen("dotted-plain", library)[1] == "plain"


def test_a_texture_named_like_a_colour_is_the_texture_and_the_colour_stands_behind_it():
    library = replace(
        built_in(), pictures={"salmon": load_artwork(asset("masks") / "cloth" / "albedo.png", False)}
    )
    assert chosen("cloth-salmon", library)[1:3] == ("salmon", "")
    assert chosen("cloth-salmon-salmon", library)[1:3] == ("salmon", "#fa8072")
    assert chosen("cloth-plain-salmon", library)[1:3] == ("plain", "#fa8072")
    assert chosen("cloth-salmon")[1:3] == ("", "#fa8072")


@pytest.mark.fault
@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("surgical-blue-gradient", "texture comes before the colour"),
        (
            "cloth-chek",
            "no texture 'chek', and no colour has this name (did you mean check?); textures are plain, check",
        ),
        ("cloth-chek-blue", "no texture 'chek'"),
        ("cloth-plain-bluu", "no colour 'bluu' (did you mean blue?): write #rrggbb, or a name of CSS"),
        ("cloth-plain-#12", "no colour '#12'"),
        ("cloth-nvay", "did you mean navy?"),
        ("random-tartan-blue", "no family has no texture 'tartan'"),
        ("none-check-blue", "'none' has no texture 'check'"),
        ("bare-blue", "a bare face has no texture, colour or strength; write bare:1"),
        ("bare@.5:2", "a bare face has no texture, colour or strength; write bare:2"),
        ("barr", "there are bandana"),
    ],
)
def test_row603_an_entry_that_cannot_be_worn_is_refused_with_what_there_is(entry, message):
    with pytest.raises(InputError) as caught:
        parse_spec(f"{entry}, surgical", built_in())
    assert message in str(caught.value)
    assert str(caught.value).count(";") < 4


@pytest.mark.parametrize(("share", "expected"), [(1.0, [3, 1]), (0.6, [0.45, 0.15, 0.4]), (0.0, [0, 0, 1])])
def test_a_share_scales_the_entries_and_leaves_the_rest_bare(share, expected):
    choices = with_share(parse_spec("n95:3, cloth", built_in()), share)
    assert [choice.weight for choice in choices] == pytest.approx(expected)
    assert [choice.family for choice in choices] == ["n95", "cloth", "bare"][: len(expected)]
