import pytest

from maskgen.errors import InputError
from maskgen.masks.library import built_in
from maskgen.masks.spec import parse_spec, parse_wear


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
