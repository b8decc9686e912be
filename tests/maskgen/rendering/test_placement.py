import numpy as np
import pytest

from maskgen.faces.canonical_head import canonical_head
from maskgen.masks.library import built_in
from maskgen.rendering.placement import LIDS, seat
from maskgen.rendering.projection import UNSEEN, Looseness, fit_head
from tests.helpers.worn_masks import SIZE, turned_mesh


def placed(family, mesh, down=0.0):
    return seat(
        built_in().shell(family, "correct"),
        fit_head(mesh, canonical_head()),
        Looseness(down=down),
        mesh,
        4.0,
        (SIZE, SIZE),
    )


def covered_pixels(place):
    covered = np.zeros((SIZE, SIZE), bool)
    covered[place.box.slices] = place.places[..., 0] != UNSEEN
    return covered


@pytest.mark.parametrize("family", built_in().families)
@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (-45.0, 10.0), (55.0, 0.0), (0.0, -20.0)])
def test_no_mask_lies_over_an_eye(family, yaw, pitch):
    mesh = turned_mesh(yaw, pitch)
    covered = covered_pixels(placed(family, mesh, down=-0.15))
    for lids in LIDS:
        x, y = np.rint(mesh[list(lids), :2].mean(0)).astype(int)
        assert not covered[y, x]


def test_a_mask_put_on_too_high_is_pulled_down():
    mesh = turned_mesh()
    high, usual = placed("n95", mesh, down=-0.3), placed("n95", mesh)
    assert high.carried.grid[..., 1].mean() > usual.carried.grid[..., 1].mean() - 0.3 * 60 + 2


def test_a_mask_outside_the_image_is_not_placed():
    assert placed("n95", turned_mesh(at=(900.0, 900.0))) is None
