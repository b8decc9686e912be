import re

import numpy as np
import pytest

from maskgen.errors import InputError
from maskgen.masks.library import built_in, list_families
from maskgen.masks.patterns import PATTERNS, VARIANTS, pattern
from maskgen.masks.templates import read_template, tint_of

PROMISED = (
    "surgical n95 kn95 ffp2 duckbill cloth cloth2 urethane pleated respirator bandana gaiter scarf clear "
    "rectangle oval none"
)


def test_all_promised_families_exist():
    assert set(PROMISED.split()) <= set(built_in().families)


@pytest.mark.parametrize("family", built_in().families)
def test_every_template_is_complete(family):
    mask = built_in().mask(family)
    look = mask.template.look
    assert mask.surface[0].shape == (512, 512, 4)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in look.colours)
    assert set(look.textures) <= {"plain", *PATTERNS}
    assert mask.surface[0][256, 200, 1] > 0.4 or family == "clear"
    assert mask.surface[0][[0, -1]][..., 1].max() < 0.03  # the edge of the grid is transparent


@pytest.mark.fault
def test_row14_a_template_with_a_missing_edge_is_refused_by_name(tmp_path):
    (tmp_path / "template.toml").write_text(
        'title = "x"\n[shell]\ntop = [[0,0,0.1],[1,60,0.5]]\n[look]\ncolours = {}\nhue = 1\n'
    )
    with pytest.raises(InputError) as caught:
        read_template(tmp_path)
    assert "shell.bottom" in str(caught.value)
    assert "look.hue" in str(caught.value)


def test_strength_blends_from_the_templates_own_colour_to_the_given_one():
    assert tint_of("#102030", 0.0) == (1, 1, 1)
    assert tint_of("#102030", 1.0) == pytest.approx((16 / 255, 32 / 255, 48 / 255))


def test_the_list_describes_every_family():
    rows = list_families(built_in())
    assert [row["name"] for row in rows] == list(built_in().families)
    assert all(row["colours"] and row["textures"] and row["wear"] for row in rows)


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_are_seeded_and_their_variants_differ(name):
    first = pattern.__wrapped__(name, 0)[0]
    assert (first == pattern.__wrapped__(name, 0)[0]).all()
    assert any((first != pattern(name, variant)[0]).any() for variant in range(1, VARIANTS))


@pytest.mark.parametrize("name", ["camo", "check", "dots", "floral", "stripes", "paisley", "weave"])
def test_repeated_patterns_are_seamless(name):
    for variant in range(VARIANTS):
        tile = pattern(name, variant)[0].astype(int)
        seam = np.abs(tile[:, 0] - tile[:, -1]).mean()
        inside = np.abs(np.diff(tile, axis=1)).mean((0, 2)).max()
        assert seam <= inside + 6
