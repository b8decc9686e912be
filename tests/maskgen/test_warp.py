import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskgen.head import canonical_head
from maskgen.library import built_in
from maskgen.warp import Box, Looseness, box_around, carry, fit_head, rasterise
from tests.maskgen.worn import SIZE, UNIT, turned_mesh

HEAD = canonical_head()


def test_fit_of_the_canonical_mesh_is_where_it_was_put():
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


def test_shell_follows_a_chin_that_is_longer():
    mesh = turned_mesh()
    mesh[HEAD.mesh[:, 1] > 1.4, 1] += 8
    shell = built_in().shell("surgical", "correct")
    usual = carry(shell, fit_head(turned_mesh(), HEAD), Looseness()).grid
    longer = carry(shell, fit_head(mesh, HEAD), Looseness()).grid
    assert longer[-3, 10, 1] - usual[-3, 10, 1] > 3
    assert abs(longer[1, 10, 1] - usual[1, 10, 1]) < 2.5


def test_raster_of_a_flat_grid_gives_its_own_coordinates():
    v, u = np.meshgrid(np.linspace(0, 1, 6), np.linspace(-1, 1, 8), indexing="ij")
    grid = np.dstack([50 + 40 * u, 20 + 60 * v, np.zeros_like(u)]).astype(np.float32)
    box = Box(0, 0, 120, 100)
    seen = rasterise(grid, np.dstack([u, v]).astype(np.float32), box)
    rows, columns = np.divmod(seen.at, 120)
    assert len(seen.at) == 81 * 61
    assert seen.uv[:, 0] == pytest.approx((columns - 50) / 40, abs=1e-4)
    assert seen.uv[:, 1] == pytest.approx((rows - 20) / 60, abs=1e-4)


def test_raster_shows_the_near_side_of_a_fold_and_nothing_that_looks_away():
    v, u = np.meshgrid(np.linspace(0, 1, 9), np.linspace(-1, 1, 33), indexing="ij")
    turn = u * np.pi * 0.95
    grid = np.dstack([60 + 40 * np.sin(turn), 10 + 60 * v, -40 * np.cos(turn)]).astype(np.float32)
    seen = rasterise(grid, np.dstack([u, v]).astype(np.float32), Box(0, 0, 120, 90))
    assert len(seen.at) > 4000
    assert np.abs(seen.uv[:, 0]).max() < 0.56


def test_raster_of_a_grid_beyond_the_box_is_cut_not_wrapped():
    v, u = np.meshgrid(np.linspace(0, 1, 6), np.linspace(-1, 1, 8), indexing="ij")
    grid = np.dstack([10 + 40 * u, 60 * v - 30, np.zeros_like(u)]).astype(np.float32)
    seen = rasterise(grid, np.dstack([u, v]).astype(np.float32), Box(0, 0, 100, 100))
    rows, columns = np.divmod(seen.at, 100)
    assert columns.max() <= 50
    assert rows.max() <= 30


def test_far_side_of_a_turned_mask_is_not_seen():
    shell = built_in().shell("surgical", "correct")
    carried = carry(shell, fit_head(turned_mesh(yaw=50), HEAD), Looseness())
    box = box_around(carried, 2.0, SIZE, SIZE)
    seen = rasterise(carried.grid, shell.uv, box)
    assert (seen.uv[:, 0] < -0.9).any()  # the near side, at the viewer's left, is seen to its edge
    assert not (seen.uv[:, 0] > 0.8).any()


def test_looseness_moves_the_mask_by_its_measures():
    shell = built_in().shell("n95", "correct")
    fit = fit_head(turned_mesh(), HEAD)
    usual = carry(shell, fit, Looseness())
    moved = carry(shell, fit, Looseness(down=0.1))
    assert (moved.grid - usual.grid)[..., 1] == pytest.approx(np.full((17, 21), 6.0), abs=1e-3)
    assert moved.straps[:, -1] == pytest.approx(usual.straps[:, -1], abs=1e-3)
