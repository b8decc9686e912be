"""Every kernel is bit-identical to its NumPy reference implementation."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maskgen.native as native
from maskgen.dataset.labels import _write_points
from maskgen.faces.landmarks.crop_windows import _bounds, window
from maskgen.faces.landmarks.mesh import _lay_out
from maskgen.faces.landmarks.network_input import _look_between
from maskgen.faces.landmarks.plausibility import _count_flipped, _fit, _measure
from maskgen.faces.pose import _settle
from maskgen.images.resample import _fine
from maskgen.native import build
from maskgen.rendering.blend import _blend
from maskgen.rendering.cloth import _LIMITS, _lay, _shade
from maskgen.rendering.layer import _blur, _contact_shadow, _drape, _finish, _taps
from maskgen.rendering.lighting import LUMA, Light, _levels, _sample, _weigh
from maskgen.rendering.occlusion import _BORDERS, _dark
from maskgen.rendering.placement import LIDS, _is_near_eyes
from maskgen.rendering.projection import BEYOND, UNSEEN, _carry, _compare, _draw_cells, _sway
from maskgen.rendering.seeding import _words, generator
from maskgen.rendering.straps import _LIMITS as _SKIN_LIMITS
from maskgen.rendering.straps import _ribbons, _under_hair
from maskgen.rendering.triplet import make_triplets
from tests.helpers.worn_masks import skin_photo, turned_mesh
from tests.maskgen.rendering.test_triplet import tools_for

ROOT = Path(__file__).parents[3]
MAKEFILE = ROOT / "Makefile"
needed = pytest.mark.skipif(native.library is None, reason=f"no kernels here: {native.absent}")
seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 300)


def noise(rng, *shape, low=0, high=256):
    """Draws random bytes; in half of the cases many are the least or the largest value, for which sums may overflow."""
    values = rng.integers(low, high, shape)
    if rng.random() < 0.5:
        values = np.where(rng.random(shape) < 0.4, rng.choice([low, high - 1], shape), values)
    return values.astype(np.uint8)


def floats(rng, *shape, low=-1.0, high=1.0):
    return rng.uniform(low, high, shape).astype(np.float32)


def places(rng, h, w, reach=1.0):
    """Draws places on a mask; a row below 0 means that no mask is visible."""
    found = floats(rng, h, w, 2, low=0, high=reach)
    found[rng.random((h, w)) < 0.2] = UNSEEN
    found[rng.random((h, w)) < 0.1] = reach
    return found


def assert_same(kernel, *args, results):
    """Asserts that kernel and NumPy reference return the same and write the same to their last `results` arguments."""
    in_c, in_numpy = ([arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args] for _ in range(2))
    assert kernel(*in_c) == kernel.twin(*in_numpy)
    for one, other in zip(in_c[-results:], in_numpy[-results:], strict=True):
        np.testing.assert_array_equal(one, other)


@needed
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(2, 9), st.integers(2, 9), st.integers(1, 70), st.integers(1, 70), st.floats(1, 60))
def test_raster(seed, rows, columns, h, w, rough):
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(-0.2 * w, 1.1 * w, columns), np.linspace(-0.1 * h, 1.2 * h, rows))
    corners = np.stack([x, y], axis=-1) * 256 + rng.normal(0, 4 * rough, (rows, columns, 2))
    if rng.random() < 0.3:
        corners[rng.integers(rows), rng.integers(columns)] = rng.choice([-1, 1], 2) * 2.0**28
    if rng.random() < 0.3:
        corners = np.round(corners, -2)  # corners on top of each other, and on pixel centres
    depth = np.round(rng.normal(0, 2, (rows, columns, 1)), 1)
    grid = np.concatenate([corners / 256, depth], axis=-1).astype(np.float32)
    planes = np.empty((h, w, 2), np.float32), np.empty((h, w), np.float32)
    assert_same(_draw_cells, grid, *rng.integers(-9, 9, 2).tolist(), BEYOND, UNSEEN, *planes, results=2)


@needed
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 90), st.integers(0, 9))
def test_carry(seed, count, modes):
    rng = np.random.default_rng(seed)
    arrays = floats(rng, 3, count), floats(rng, modes, count), floats(rng, modes, 3), floats(rng, count)
    loose = rng.normal(0, 0.2, 4).tolist()
    fit = floats(rng, 3, 3), float(rng.uniform(5, 300)), floats(rng, 3, low=-50, high=300)
    results = np.empty((count, 3), np.float32), np.empty((2, 2, 2), np.float32)
    assert_same(_carry, *arrays, *loose, *fit, int(rng.integers(1, count + 1)), *results, results=2)


@needed
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 90), st.integers(1, 40), st.integers(0, 40))
def test_fit(seed, points, steady, modes):
    rng = np.random.default_rng(seed)
    mesh, chosen = floats(rng, points, 3, low=-50, high=300), rng.integers(0, points, steady)
    model, frame = rng.normal(0, 1, (steady, 3)), (rng.normal(0, 90, 3), rng.normal(0, 0.1, (3, 3)))
    assert_same(_compare, mesh, chosen, model, np.empty(3), np.empty((3, 3)), results=2)
    modes, sway = floats(rng, steady, modes), np.empty((modes, 3), np.float32)
    assert_same(_sway, mesh, chosen, model, *frame, modes, sway, results=1)


@needed
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(0, 5), st.integers(2, 12), sides, sides)
def test_straps(seed, count, points, h, w):
    rng = np.random.default_rng(seed)
    lines, skin = floats(rng, count, points, 3, low=-20, high=320), floats(rng, 3, low=0.05)
    image = np.clip(255 * np.sqrt(skin) + rng.normal(0, 40, (h, w, 3)), 0, 255).astype(np.uint8)
    hidden, edges = np.empty((count, points), np.uint8), np.empty((count, 2 * points, 2), np.int32)
    assert_same(_under_hair, lines, image, skin, LUMA, _SKIN_LIMITS, hidden, results=1)
    corner = rng.integers(0, 50, 2).tolist()
    assert_same(_ribbons, lines, floats(rng, count, low=0, high=9), 16.0, *corner, edges, results=1)


@needed
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 90), st.integers(1, 90), st.sampled_from([1, 4]), st.floats(0.21, 4))
def test_blur(seed, h, w, channels, softness):
    layer = noise(np.random.default_rng(seed), h, w, channels)
    assert_same(_blur, layer, *_taps(round(softness, 2)), np.empty_like(layer), results=1)


@needed
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 120), st.integers(1, 120), st.floats(5, 250))
def test_cast(seed, h, w, scale):
    rng = np.random.default_rng(seed)
    direction, nothing = floats(rng, 3), np.zeros(0, np.float32)
    layer, light = noise(rng, h, w, 4), Light(np.ones(3, np.float32), direction, 1.0, 1.0, nothing)
    compiled = _contact_shadow(layer, scale, light)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "library", None)
        np.testing.assert_array_equal(compiled, _contact_shadow(layer, scale, light))


@needed
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(3, 50), st.integers(1, 6))
def test_settle(seed, count, steps):
    rng = np.random.default_rng(seed)
    points, seen = rng.normal(0, 1, (count, 3)), rng.normal(0, 1, (count, 2))
    turn, shift = np.linalg.qr(rng.normal(0, 1, (3, 3)))[0], rng.normal(0, 1, 3) + np.array([0, 0, 90])
    in_c, in_numpy = ((turn.copy(), shift.copy()) for _ in range(2))
    _settle(points, seen, *in_c, 100, 1e-9, steps)
    _settle.twin(points, seen, *in_numpy, 100, 1e-9, steps)
    np.testing.assert_array_equal(in_c[0], in_numpy[0])
    np.testing.assert_array_equal(in_c[1], in_numpy[1])


@needed
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 90), sides, sides)
def test_light(seed, count, h, w):
    rng = np.random.default_rng(seed)
    skin, normals = floats(rng, count, 3, low=0), floats(rng, count, 3)
    bends = floats(rng, count, 2, low=0, high=30)
    if rng.random() < 0.3:
        skin, bends = np.round(skin, 1), np.round(bends, -1)  # many of them are equal
    assert_same(_weigh, skin, normals, bends, LUMA, 2.5, 0.02, np.empty(14), results=1)
    assert_same(_levels, noise(rng, h, w, 3), 50, np.empty(10, np.int64), results=1)


@needed
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(2, 17), st.integers(2, 21))
def test_shade(seed, rows, columns):
    rng = np.random.default_rng(seed)
    grid = floats(rng, rows, columns, 3, low=-300, high=300)
    if rng.random() < 0.5:
        grid[: rows // 2] = grid[0]  # collapsed cells have no normal
    cells = np.empty((rows, columns, 3), np.float32)
    assert_same(_shade, grid, floats(rng, 3), float(rng.uniform(0, 9)), 0.7, cells, results=1)


@needed
@settings(max_examples=25, deadline=None)
@given(
    seeds,
    st.integers(2, 6),
    st.integers(2, 22),
    st.integers(1, 9),
    st.integers(1, 13),
    st.sampled_from("lpa"),
    st.booleans(),
)
def test_lay(seed, rows, columns, down, across, kind, printed):
    rng = np.random.default_rng(seed)
    h, w = (rows - 1) * down, (columns - 1) * across
    slopes = rng.integers(-9000, 9000, (2, h, w)).astype(np.int16)
    creases = rng.integers(-9000, 9000, (2, *rng.integers(1, 90, 2))).astype(np.int16)
    tile = noise(rng, *((0, 0) if kind == "l" else rng.integers(1, 90, 2)), 4)
    assert_same(
        _lay, floats(rng, rows, columns, 3), noise(rng, h, w), noise(rng, h, w), slopes,
        noise(rng, 3, *((h, w) if printed else (0, 0))), creases, tile, floats(rng, 3, 3, low=0),
        floats(rng, 3, low=0, high=1.3), _LIMITS, float(rng.random()), float(rng.random() / 1024),
        float(rng.random() / 255) if kind == "a" else 0.0, *rng.integers(0, 200, 4).tolist(),
        np.empty((h, w, 4), np.uint8), results=1,
    )  # fmt: skip


@needed
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(2, 40), st.integers(2, 40), st.integers(1, 60), st.integers(1, 60), st.booleans())
def test_drape(seed, tall, wide, h, w, behind):
    rng = np.random.default_rng(seed)
    hidden = noise(rng, *((h, w) if behind else (0, 0)))
    layer = np.empty((h, w, 4), np.uint8)
    assert_same(_drape, noise(rng, tall, wide, 4), places(rng, h, w, 1.01), hidden, layer, results=1)


@needed
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(2, 60), st.integers(1, 60), st.integers(0, 9), st.integers(0, 9))
def test_dark(seed, h, w, left, top):
    rng = np.random.default_rng(seed)
    image, lights = noise(rng, h + top + 2, w + left + 3, 3), floats(rng, 5, 7, low=0.1, high=2)
    args = places(rng, h, w), lights, _BORDERS, LUMA, float(rng.uniform(0.05, 0.9)), left, top, 20
    assert_same(_dark, image, *args, np.empty((h, w), np.uint8), results=1)


@needed
@settings(max_examples=50, deadline=None)
@given(seeds, st.integers(1, 60), st.integers(1, 60), st.integers(0, 5), st.floats(-30, 60))
def test_is_near_eyes(seed, h, w, around, away):
    rng = np.random.default_rng(seed)
    mesh = floats(rng, 468, 3, low=away, high=away + 30)
    seen = places(rng, h, w)
    seen[: int(rng.integers(h + 1))] = UNSEEN
    assert_same(_is_near_eyes, mesh, LIDS, seen, around, *rng.integers(-9, 30, 2).tolist(), results=1)


@needed
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 50), sides, st.integers(0, 20), st.integers(0, 20), st.floats(0, 30))
def test_finish(seed, h, w, more_h, more_w, grain):
    rng = np.random.default_rng(seed)
    side = int(rng.integers(1, 600))
    tile = rng.standard_normal((side, side), dtype=np.float32)
    colour, straps = noise(rng, h, w, 4), noise(rng, h + more_h, w + more_w)
    strap = rng.integers(0, 256, 3).astype(np.int32)
    left, top = int(rng.integers(more_w + 1)), int(rng.integers(more_h + 1))
    corner = rng.integers(0, 128, 2).tolist()
    layer, seen = np.empty((*straps.shape, 4), np.uint8), np.empty(straps.shape, np.uint8)
    assert_same(_finish, colour, straps, tile, strap, grain, left, top, *corner, layer, seen, results=2)


@needed
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 40), sides)
def test_blend(seed, h, w):
    rng = np.random.default_rng(seed)
    tall, wide = h + int(rng.integers(4)), w + int(rng.integers(4))
    planes = [noise(rng, h, w) for _ in range(2)]
    corner = int(rng.integers(wide - w + 1)), int(rng.integers(tall - h + 1))
    layer = noise(rng, h, w, 4)
    layer[..., 3] = np.where(rng.random() < 0.2, 0, layer[..., 3])  # no mask is visible then
    before = noise(rng, tall, wide, 3), noise(rng, tall, wide, high=2), noise(rng, tall, wide, high=4)
    assert_same(_blend, layer, *planes, noise(rng, tall, wide, high=2), *corner, *before, results=3)


@needed
@settings(max_examples=25, deadline=None)
@given(
    seeds,
    sides,
    st.floats(-3.2, 3.2),
    st.floats(0.8, 6.0),
    st.floats(0.8, 1.2),
    st.sampled_from(["reflect", "replicate", "constant"]),
)
def test_look_up(seed, size, angle, scale, ratio, border):
    rng = np.random.default_rng(seed)
    image = noise(rng, *rng.integers(2, 90, 2), 3)
    matrix = window(rng.uniform(-20, 100, 2), angle, scale, size)
    matrix[0] *= np.float32(ratio)
    compiled = _fine(image, matrix, size, border)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "library", None)
        np.testing.assert_array_equal(compiled, _fine(image, matrix, size, border))


@needed
@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(3, 90), st.integers(3, 90))
def test_sample(seed, h, w):
    rng = np.random.default_rng(seed)
    mesh = rng.uniform(-10, 100, (40, 3)).astype(np.float32)
    triangles = rng.integers(0, 40, (60, 3))
    triangles = triangles if rng.random() < 0.5 else triangles[:, ::-1].copy()
    results = [np.zeros((60, columns), np.float32) for columns in (3, 3, 2)]
    assert_same(_sample, noise(rng, h, w, 3), mesh, triangles, LUMA, *results, results=3)


@needed
@settings(max_examples=25, deadline=None)
@given(seeds)
def test_count_flipped(seed):
    rng = np.random.default_rng(seed)
    mesh, normals = rng.normal(0, 1, (40, 3)), np.round(rng.normal(0, 1, (60, 3)))
    assert_same(_count_flipped, mesh, rng.integers(0, 40, (60, 3)), normals, results=1)


@needed
@given(seeds)
def test_measure_and_fit(seed):
    rng = np.random.default_rng(seed)
    mesh, model = floats(rng, 40, 3, high=300.0), rng.normal(0, 1, (40, 3))
    assert_same(_measure, mesh, model, np.zeros(3), np.zeros((3, 3)), np.zeros(1), results=3)
    turn, offset = rng.normal(0, 0.01, (3, 3)), rng.normal(0, 1, 3)
    assert_same(_fit, mesh, model, turn, offset, np.zeros((40, 3)), np.zeros(40), results=2)


@needed
@given(seeds, st.sampled_from([0.0, np.nan, np.inf]))
def test_bounds_and_lay_out(seed, odd):
    rng = np.random.default_rng(seed)
    points = floats(rng, 40, 3, high=192.0)
    assert_same(_lay_out, points, *floats(rng, 5).tolist(), np.zeros((40, 3), np.float32), results=1)
    if odd:
        points[rng.integers(0, 40, rng.integers(1, 80)), 0] = odd
    with np.errstate(invalid="ignore"):
        assert_same(_bounds, points, *floats(rng, 2).tolist(), np.zeros(4, np.float32), results=1)


@needed
@settings(max_examples=50, deadline=None)
@given(seeds, sides, sides, st.integers(1, 40), st.booleans())
def test_look_between(seed, tall, wide, size, replicate):
    rng = np.random.default_rng(seed)
    start = rng.integers(-30 << 20, (max(tall, wide) + 30) << 20, 2).tolist()
    steps = rng.integers(-(4 << 20), 4 << 20, 4).tolist()
    shown = np.zeros((size, size, 3), np.float32)
    assert_same(
        _look_between,
        *(noise(rng, tall, wide, 3), *start, *steps, int(replicate), 1 / 255 / 4096, -0.5, shown),
        results=1,
    )


@needed
@given(st.integers(0, 2**63 - 1) | st.integers(0, 2**33))
def test_words(seed):
    assert_same(_words, seed, np.empty(4, np.uint64), results=1)
    assert generator(seed).random() == np.random.default_rng(seed).random()


@needed
@given(st.lists(st.tuples(*[st.integers(-999_999, 999_999)] * 2), min_size=1))
def test_write_points(points):
    hundredths = np.array(points, np.int64)
    assert_same(_write_points, hundredths, np.zeros((len(points), 24), np.uint8), results=1)


@needed
@pytest.mark.parametrize("size", [0, 192])
def test_triplets_are_the_same_with_and_without_kernels(size, monkeypatch):
    photo, meshes = (
        skin_photo(),
        [turned_mesh(35, at=(90.0, 80.0)), turned_mesh(-10, 8, 20, at=(170.0, 130.0))],
    )
    spec = "surgical,cloth-check,n95,scarf-check,clear,gaiter-camo,none,respirator,urethane-print"
    results = []
    for library in (native.library, None):
        monkeypatch.setattr(native, "library", library)
        tools = tools_for(spec, per_face=4, mesh=meshes, size=size, faces="all")
        results.append(make_triplets(photo, tools, "x"))
    assert len(results[0]) >= 4
    for (key, one), (other_key, other) in zip(*results, strict=True):
        assert key == other_key
        for name in ("masked", "gt", "map", "parts"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@needed
def test_arrays_of_a_wrong_type_or_shape_are_refused_before_the_c_call():
    plane, image = np.zeros((4, 5), np.uint8), np.zeros((4, 5, 3), np.uint8)
    rest = plane, plane, plane, 0, 0, image, plane.copy(), plane.copy()
    for wrong in (
        np.zeros((4, 5, 4)),
        np.zeros((4, 5, 3), np.uint8),
        np.zeros((4, 10, 4), np.uint8)[:, ::2],
        plane,
    ):
        with pytest.raises((TypeError, ValueError), match="layer"):
            _blend(wrong, *rest)
    with pytest.raises(ValueError, match="strap"):
        _blend(np.zeros((4, 6, 4), np.uint8), *rest)


@needed
@pytest.mark.parametrize(
    ("rows", "columns", "creases", "tile"),
    [(1, 3, 0, 0), (3, 1, 0, 0), (0, 3, 0, 0), (3, 3, -5, 0), (3, 3, 0, -5)],
)
def test_invalid_sizes_and_offsets_write_nothing(rows, columns, creases, tile):
    texels = np.full((4, 4, 4), 7, np.uint8)
    plane, slopes = np.zeros((4, 4), np.uint8), np.zeros((2, 4, 4), np.int16)
    _lay(
        np.zeros((rows, columns, 3), np.float32), plane, plane, slopes, np.zeros((3, 0, 0), np.uint8), slopes,
        texels.copy(), np.zeros((3, 3), np.float32), np.zeros(3, np.float32), _LIMITS, 1.0, 0.0, 0.0, creases, creases,
        tile, tile, texels,
    )  # fmt: skip
    assert (texels == 7).all()


SHORT_OF_MEMORY = """
import resource
import numpy as np
from maskgen.rendering.layer import _blur, _cast
from maskgen.rendering.lighting import _weigh
from maskgen.rendering.projection import _carry, _sway

MANY = 4_000_000  # numbers; so many that a kernel's memory comes from the system, not from freed blocks


def new(kind, *shape):
    return np.zeros(shape, kind)


f4, f8, one = np.float32, np.float64, new(np.int64, 1)
image, edge = new(np.uint8, 1, MANY, 4), new(np.uint16, 2)
calls = [
    (_blur, image, edge, edge, image),
    (_cast, image, new(f4, 1), 1, 0.0, 0.0, 1.0, new(f4, 1, MANY), new(f4, 1, MANY), new(np.uint8, 1, MANY)),
    (_sway, new(f4, 1, 3), one, new(f8, 1, 3), new(f8, 3), new(f8, 3, 3), new(f4, 1, MANY), new(f4, MANY, 3)),
    (_carry, new(f4, 3, MANY), new(f4, 0, MANY), new(f4, 0, 3), new(f4, MANY), 0.0, 0.0, 0.0, 0.0, new(f4, 3, 3), 1.0,
     new(f4, 3), 1, new(f4, MANY, 3), new(f4, 2, 2, 2)),
    (_weigh, new(f4, MANY, 3), new(f4, MANY, 3), new(f4, MANY, 2), new(f4, 3), 1.0, 1.0, new(f8, 14)),
]
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 2**21, -1))
for kernel, *args in calls:
    try:
        kernel(*args)
    except MemoryError as error:
        print(error)
"""


@needed
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc/self/statm on this system")
def test_a_kernel_without_memory_raises_memory_error():
    done = subprocess.run([sys.executable, "-c", SHORT_OF_MEMORY], capture_output=True, text=True, cwd=ROOT)
    names = ("blur", "cast", "sway", "carry", "weigh")
    assert done.stdout.splitlines() == [f"{name} got no memory" for name in names], done.stderr


@needed
def test_every_kernel_that_allocates_memory_is_tested_without_it():
    takers = sum(path.read_text().count("alloc(") for path in build.sources())
    assert SHORT_OF_MEMORY.count("\n    (_") == takers


def test_a_library_compiled_from_other_sources_is_not_used(monkeypatch):
    monkeypatch.setattr(native, "digest", lambda: "0" * 16)
    assert native._load() == (
        None,
        "compiled from other sources" if native.LIBRARY.exists() else "not compiled",
    )


def test_an_install_without_a_compiler_succeeds(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "LIBRARY", tmp_path / "kernels.so")
    monkeypatch.setattr(build, "compilers", lambda: [["/nowhere/cc"]])
    assert build.compile_kernels() == build.NO_COMPILER
    assert not list(tmp_path.iterdir())


def test_an_install_succeeds_if_the_library_cannot_be_replaced(tmp_path, monkeypatch):
    (tmp_path / "kernels.so/within").mkdir(parents=True)  # cannot be deleted, as on a read-only disk
    monkeypatch.setattr(build, "LIBRARY", tmp_path / "kernels.so")
    build.compile_kernels()
    assert [path.name for path in tmp_path.iterdir()] == ["kernels.so"]


@pytest.mark.skipif(not shutil.which("make") or not MAKEFILE.exists(), reason="no make, or no checkout")
def test_a_failing_compiler_does_not_end_make_demo(tmp_path):
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    (tmp_path / "maskgen/native").mkdir(parents=True)
    for name in ("pyproject.toml", "constraints.txt", "maskgen/native/build.py", ".venv/.base"):
        (tmp_path / name).touch()
    shutil.copy(MAKEFILE, tmp_path)
    done = subprocess.run(["make", "maskgen/native/kernels.so"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@needed
def test_the_sources_compile_without_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "LIBRARY", tmp_path / "kernels.so")
    assert build.compile_kernels("-Werror") == ""
    assert (tmp_path / "kernels.so").exists()
