import pytest

from maskgen.errors import InputError
from maskgen.library import built_in
from maskgen.spec import parse_spec, parse_wear


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
def test_row14_unknown_families_textures_and_colours_are_all_told_at_once():
    with pytest.raises(InputError) as caught:
        parse_spec("surgcal, cloth-tartan, n95-#12, n95@7, surgical", built_in())
    message = str(caught.value)
    assert "surgcal" in message
    assert "tartan" in message
    assert "#12" in message
    assert "strength 7" in message
    assert caught.value.exit_code == 4


@pytest.mark.fault
def test_row14_unknown_wear_is_refused_with_what_there_is():
    with pytest.raises(InputError, match=r"hat.*correct, nose, chin, below-mouth"):
        parse_wear("correct:.8,hat:.2")


@pytest.mark.parametrize("text", ["", "surgical:0", " , "])
def test_a_spec_that_chooses_nothing_is_refused(text):
    with pytest.raises(InputError):
        parse_spec(text, built_in())


def test_wear_shares_sum_to_one():
    shares = parse_wear("correct:3,nose:1")
    assert shares == {"correct": 0.75, "nose": 0.25}
