import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskgen.faces.canonical_head import canonical_head
from maskgen.masks.library import built_in
from maskgen.rendering.projection import UNSEEN, Box, Looseness, box_around, carry, fit_head, rasterise
from tests.helpers.worn_masks import SIZE, UNIT, turned_mesh

HEAD = canonical_head()


def test_fit_recovers_the_position_of_the_canonical_mesh():
    fit = fit_head(turned_mesh(at=(90, 80)), HEAD)
    assert fit.scale == pytest.approx(UNIT, rel=1e-4)
    assert fit.offset == pytest.approx([90, 80, 0], abs=0.01)
    assert np.abs(fit.sway).max() < 1e-4


@settings(max_examples=20, deadline=None)
@given(st.floats(-55, 55), st.floats(-20, 20), st.floats(-20, 20))
def test_shell_moves_with_the_head(yaw, pitch, roll):
    shell = built_in().shell("surgical", "correct")
    straight = carry(shell, fit_head(turned_mesh(), HEAD), Looseness()).grid - [128, 100, 0]
    turned = carry(shell, fit_head(turned_mesh(yaw, pitch, roll), HEAD), Looseness()).grid - [128, 100, 0]
    between = np.linalg.norm(straight[3, 4] - straight[12, 15])
    assert np.linalg.norm(turned[3, 4] - turned[12, 15]) == pytest.approx(between, rel=1e-3)


def test_shell_follows_a_longer_chin():
    mesh = turned_mesh()
    mesh[HEAD.mesh[:, 1] > 1.4, 1] += 8
    shell = built_in().shell("surgical", "correct")
    usual = carry(shell, fit_head(turned_mesh(), HEAD), Looseness()).grid
    longer = carry(shell, fit_head(mesh, HEAD), Looseness()).grid
    assert longer[-3, 10, 1] - usual[-3, 10, 1] > 3
    assert abs(longer[1, 10, 1] - usual[1, 10, 1]) < 2.5


FLAT = np.meshgrid(np.linspace(0, 1, 6), np.linspace(-1, 1, 8), indexing="ij")


def covered_by_a_flat_grid(box):
    """Rasterises a flat grid; returns rows and columns of the covered pixels, and the positions there."""
    v, u = FLAT
    places = rasterise(np.dstack([50 + 40 * u, 20 + 60 * v, np.zeros_like(u)]).astype(np.float32), box)
    rows, columns = np.nonzero(places[..., 0] != UNSEEN)
    return rows + box.y0, columns + box.x0, places[rows, columns]


def test_raster_of_a_flat_grid_returns_its_own_coordinates():
    rows, columns, places = covered_by_a_flat_grid(Box(0, 0, 120, 100))
    # the grid's edge runs through pixel centres, which may be in or out
    assert 79 * 59 <= len(rows) <= 81 * 61
    assert places[:, 0] == pytest.approx((rows - 20) / 60, abs=1e-4)
    assert places[:, 1] == pytest.approx((columns - 10) / 80, abs=1e-4)


def test_a_box_contains_its_part_of_a_grid():
    rows, columns, places = covered_by_a_flat_grid(Box(40, 30, 70, 100))
    assert columns.min() == 40
    assert rows.min() == 30
    assert places[:, 1] == pytest.approx((columns - 10) / 80, abs=1e-4)


def test_a_raster_has_no_gap_between_cells():
    v, u = FLAT
    grid = np.dstack([50 + 40 * u, 20 + 60 * v, 0 * u]) + np.random.default_rng(0).normal(0, 1.5, (6, 8, 3))
    visible = (rasterise(grid.astype(np.float32), Box(0, 0, 120, 100))[..., 0] != UNSEEN).astype(np.uint8)
    closed = cv2.morphologyEx(visible, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    assert (cv2.erode(closed, np.ones((5, 5), np.uint8)) <= visible).all()


def test_raster_shows_the_near_side_of_a_fold_and_no_back_faces():
    v, u = np.meshgrid(np.linspace(0, 1, 9), np.linspace(-1, 1, 33), indexing="ij")
    angle = u * np.pi * 0.95
    grid = np.dstack([60 + 40 * np.sin(angle), 10 + 60 * v, -40 * np.cos(angle)]).astype(np.float32)
    places = rasterise(grid, Box(0, 0, 120, 90))
    visible = places[places[..., 0] != UNSEEN]
    assert len(visible) > 4000
    assert np.abs(visible[:, 1] * 2 - 1).max() < 0.56


def test_raster_of_a_grid_beyond_the_box_is_cut_not_wrapped():
    v, u = FLAT
    grid = np.dstack([10 + 40 * u, 60 * v - 30, np.zeros_like(u)]).astype(np.float32)
    rows, columns = np.nonzero(rasterise(grid, Box(0, 0, 100, 100))[..., 0] != UNSEEN)
    assert columns.max() <= 50
    assert rows.max() <= 30


def test_far_side_of_a_turned_mask_is_not_visible():
    shell = built_in().shell("surgical", "correct")
    carried = carry(shell, fit_head(turned_mesh(yaw=50), HEAD), Looseness())
    places = rasterise(carried.grid, box_around(carried.bounds[0], 2.0, SIZE, SIZE))
    visible = places[places[..., 0] != UNSEEN]
    assert (visible[:, 1] < 0.05).any()  # the near side, at the viewer's left, is visible up to its edge
    assert not (visible[:, 1] > 0.88).any()


def test_looseness_moves_the_mask_but_not_the_strap_ends():
    shell = built_in().shell("n95", "correct")
    fit = fit_head(turned_mesh(), HEAD)
    usual = carry(shell, fit, Looseness())
    moved = carry(shell, fit, Looseness(down=0.1))
    assert (moved.grid - usual.grid)[..., 1] == pytest.approx(np.full((17, 21), 6.0), abs=1e-3)
    assert moved.straps[:, -1] == pytest.approx(usual.straps[:, -1], abs=1e-3)
