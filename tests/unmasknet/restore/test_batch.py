"""`unmask run`: restores files, reports a line per file and counts the inputs that cannot be used."""

import json

import numpy as np
import pytest
from PIL import Image, ImageCms

from maskgen.errors import InputError, TooManyFailures, UsageError
from maskgen.images import codecs
from tests.helpers.evaluation import write_run
from tests.helpers.program import program
from tests.helpers.restoring import ToyNetworks, draw_photo, face_at, fixed_detector
from unmasknet.cli.run import report_text
from unmasknet.restore.batch import check_failures, run
from unmasknet.restore.inputs import find_inputs
from unmasknet.restore.settings import RestoreSettings
from unmasknet.restore.unmasker import Unmasker

FACE = (100, 120, 160)


def save(path, photo):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo).save(path)
    return path


def opened(path):
    with Image.open(path) as image:
        return np.asarray(image)


def restore(tmp_path, *inputs, **options):
    settings = RestoreSettings(inputs=tuple(map(str, inputs)), out=str(tmp_path / "out"), **options)
    return run(settings, Unmasker(ToyNetworks(), fixed_detector(face_at(*FACE))), lambda *_: None)


def test_results_of_a_folder_keep_its_names_and_subfolders(tmp_path):
    save(tmp_path / "in/a.png", draw_photo(240, 200, FACE))
    save(tmp_path / "in/deep/a.png", draw_photo(240, 200, FACE))
    report = restore(tmp_path, tmp_path / "in")
    assert sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png")) == [
        "a.png",
        "deep/a.png",
    ]
    assert "2 inputs, 2 with masks" in report_text(report)


@pytest.mark.fault
def test_row771_control_characters_of_a_name_are_printed_visibly(tmp_path):
    save(tmp_path / "in/a\n\x1b[31m.png", draw_photo(240, 200, FACE))
    text = report_text(restore(tmp_path, tmp_path / "in"))
    assert len(text.splitlines()) == 2
    assert "a\\n\\x1b[31m.png" in text


def test_files_with_the_same_stem_get_different_result_names(tmp_path):
    one, two = (save(tmp_path / place / "a.png", draw_photo(64, 64)) for place in ("x", "y"))
    three = save(tmp_path / "x/A.bmp", draw_photo(64, 64))
    names = [found.name for found in find_inputs([str(one), str(two), str(three)], tmp_path / "out")]
    assert len({name.lower() for name in names}) == 3


def test_no_result_name_collides_with_the_side_files_of_another_result(tmp_path):
    for name in ("x.jpg", "x-1.jpg", "x-map.jpg", "y-1.jpg"):
        (tmp_path / name).touch()
    names = [found.name for found in find_inputs([str(tmp_path)], tmp_path / "out")]
    assert sorted(names) == ["x", "x-1-jpg", "x-map-jpg", "y-1"]


def test_a_file_given_twice_is_restored_once_and_the_output_folder_is_skipped(tmp_path):
    photo = save(tmp_path / "in/a.png", draw_photo(64, 64))
    save(tmp_path / "in/out/a.png", draw_photo(64, 64))
    found = find_inputs([str(photo), str(tmp_path / "in")], tmp_path / "in/out")
    assert [one.path for one in found] == [photo]


def test_a_photo_without_a_mask_is_copied(tmp_path):
    photo = save(tmp_path / "in/bare.bmp", draw_photo(240, 200))
    result = restore(tmp_path, photo).results[0]
    assert (tmp_path / "out/bare.bmp").read_bytes() == photo.read_bytes()
    assert "no mask" in result.said
    assert not result.error


def test_in_the_inputs_folder_the_result_gets_another_name(tmp_path):
    photo = save(tmp_path / "out/a.png", draw_photo(240, 200, FACE))
    before = photo.read_bytes()
    result = restore(tmp_path, photo).results[0]
    assert photo.read_bytes() == before
    assert result.output.endswith("a-unmasked.png")


def test_in_the_inputs_folder_no_other_photo_is_replaced(tmp_path):
    photo = save(tmp_path / "out/a.gif", draw_photo(240, 200, FACE))
    other = save(tmp_path / "out/a.png", draw_photo(64, 64))
    before = other.read_bytes()
    assert restore(tmp_path, photo).results[0].output.endswith("a-unmasked.png")
    assert other.read_bytes() == before


def test_results_never_replace_inputs_maps_or_truth(tmp_path):
    photo = save(tmp_path / "out/a.png", draw_photo(240, 200, FACE))
    earlier = save(tmp_path / "out/a-unmasked.png", draw_photo(240, 200, FACE))
    before = earlier.read_bytes()
    with pytest.raises(UsageError, match=r"a-unmasked\.png, which is an input; choose a folder outside"):
        restore(tmp_path, photo, earlier)
    for option in ("map", "truth"):
        with pytest.raises(UsageError, match=f"--{option}"):
            restore(tmp_path, photo, **{option: str(tmp_path / "out")})
    assert earlier.read_bytes() == before


def test_maps_strips_and_samples_are_written_beside_the_result(tmp_path):
    photo = save(tmp_path / "in/a.png", draw_photo(240, 200, FACE))
    truth = save(tmp_path / "truth/a.png", draw_photo(240, 200))
    result = restore(tmp_path, photo, save_map=True, strip=True, truth=str(truth.parent), samples=2).results[
        0
    ]
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["a-1.png", "a-2.png", "a-disagreement.png", "a-map.png", "a-strip.png", "a.png"]
    map = opened(result.map)
    assert map.shape == (240, 200)
    outside = map == 0
    assert np.array_equal(opened(result.output)[outside], opened(photo)[outside])
    assert opened(tmp_path / "out/a-strip.png").shape == (240, 4 * 200 + 3 * 6, 3)


def test_a_given_map_replaces_the_segmenters_map(tmp_path):
    photo = save(tmp_path / "in/a.png", draw_photo(240, 200))
    map = np.zeros((240, 200), np.uint8)
    map[120:160, 80:120] = 255
    save(tmp_path / "maps/a.png", map)
    result = restore(tmp_path, photo, map=str(tmp_path / "maps")).results[0]
    changed = (opened(result.output) != opened(photo)).any(-1)
    assert changed[125:155, 85:115].mean() > 0.95
    assert not changed[:100].any()
    with pytest.raises(InputError, match=r"holds no b\.png"):
        restore(tmp_path, save(tmp_path / "in/b.png", draw_photo(64, 64)), map=str(tmp_path / "maps"))


def test_bad_files_are_counted_and_the_rest_is_restored(tmp_path):
    photo = save(tmp_path / "in/a.png", draw_photo(240, 200, FACE))
    (tmp_path / "in/b.jpg").write_bytes(b"no photo")
    report = restore(tmp_path, tmp_path / "in")
    assert report.failed == 1
    assert (tmp_path / "out" / photo.name).is_file()
    check_failures(report, 0.5)
    with pytest.raises(TooManyFailures, match="1 of 2"):
        check_failures(report, 0.05)


def test_a_run_without_any_usable_file_is_an_input_error(tmp_path):
    (tmp_path / "b.jpg").write_bytes(b"no photo")
    with pytest.raises(InputError, match="unreadable"):
        restore(tmp_path, tmp_path / "b.jpg")
    with pytest.raises(InputError, match="no such"):
        restore(tmp_path, tmp_path / "c.jpg")


def test_the_command_prints_the_documented_json(tmp_path):
    photo = save(tmp_path / "face.png", draw_photo(200, 200))
    runs = [str(write_run(tmp_path / stage, stage)) for stage in ("segm", "gan")]
    done = program(
        "run",
        str(photo),
        "--weights",
        runs[0],
        "--weights",
        runs[1],
        "--out",
        str(tmp_path / "out"),
        "--json",
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)["results"][0]
    assert {"input", "output", "map", "faces", "boxes", "worn", "seconds"} <= result.keys()
    assert (result["map"], result["faces"], result["boxes"], result["worn"]) == ("", 0, [], [])


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_the_result_keeps_the_photos_colour_profile(tmp_path, suffix):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (tmp_path / "in").mkdir()
    Image.fromarray(draw_photo(240, 200, FACE)).save(
        tmp_path / f"in/a.{suffix}", quality=95, icc_profile=profile
    )
    result = restore(tmp_path, tmp_path / f"in/a.{suffix}").results[0]
    assert "1 face restored" in result.said
    assert (len(result.boxes), result.worn) == (1, [True])
    with Image.open(result.output) as image:
        assert image.info["icc_profile"] == profile


def test_a_profile_that_is_not_rgb_is_left_out(tmp_path):
    photo = Image.fromarray(draw_photo(64, 64)).convert("L")
    photo.save(tmp_path / "a.png", icc_profile=b"\0" * 16 + b"GRAY" + b"\0" * 108)
    data = (tmp_path / "a.png").read_bytes()
    assert codecs.decode_in_own_colours(data, max_pixels=10**6, background=255).profile == b""


def test_unused_options_and_missing_folders_are_refused(tmp_path):
    photo = save(tmp_path / "a.png", draw_photo(64, 64))
    with pytest.raises(UsageError, match="--strip as well"):
        restore(tmp_path, photo, truth=str(tmp_path))
    with pytest.raises(InputError, match=r"--truth .*no such folder"):
        restore(tmp_path, photo, truth=str(tmp_path / "none"), strip=True)
