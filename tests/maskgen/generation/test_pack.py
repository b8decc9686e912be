"""`pack` makes shards from triplets in folders, and is the inverse of `unpack`."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskgen.command_settings import PackSettings
from maskgen.dataset.reader import open_data_set
from maskgen.dataset.unpack import unpack
from maskgen.dataset.verify import verify
from maskgen.errors import InputError, UsageError
from maskgen.generation.pack import TripletSource, join_images, pack
from maskgen.types import PhotoRef
from tests.helpers.worn_masks import skin_photo


def save(path: Path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def write_triplets(root: Path, count=6, names=("inputs", "outputs", "binary_mask"), suffix="png"):
    """Writes triplets of a skin-coloured photo with a blue square."""
    for i in range(count):
        gt = skin_photo(64).pixels.copy()
        gt[:, :, 0] -= np.uint8(i)
        drawn = np.zeros((64, 64), np.uint8)
        drawn[30 : 50 + i, 20:40] = 255
        masked = gt.copy()
        masked[drawn > 0] = (20, 60, 200)
        for name, image in zip(names, (masked, gt, drawn), strict=True):
            end = "png" if image is drawn else suffix
            save(root / name / f"p{i // 2}" / f"{i:03}.{end}", image)
    return root


def packed(root, to, **more):
    return pack(PackSettings(dir=str(root), to=str(to), jobs=1, val=0, test=0, **more))


def samples(folder):
    return {sample.labels["source"]: sample for sample in open_data_set(folder).samples()}


def test_folders_become_a_sound_data_set_with_parts_from_the_map(tmp_path):
    report = packed(write_triplets(tmp_path / "plain"), tmp_path / "set", format="png", terms="mine")
    assert (report.triplets, report.skipped) == (6, {})
    assert verify(tmp_path / "set").ok
    found = samples(tmp_path / "set")
    assert sorted(found) == [f"p{i // 2}/{i:03}" for i in range(6)]
    for i, name in enumerate(sorted(found)):
        sample = found[name].decode()
        original = np.asarray(Image.open(tmp_path / "plain/outputs" / f"{name}.png"))
        assert (sample["gt"] == original).all()
        assert sample["map"].sum() == 20 * (20 + i)
        assert (sample["parts"] == 3 * sample["map"]).all()
        assert found[name].labels["terms"] == "mine"


@pytest.mark.parametrize(("readers", "sizes"), [(None, [4, 4, 4]), (2, [6, 6]), (1, [12])])
def test_readers_is_the_number_of_shards_of_a_split(tmp_path, readers, sizes):
    more = {"readers": readers} if readers else {}
    packed(write_triplets(tmp_path / "plain", 12), tmp_path / "set", **more)
    assert [record.count for record in open_data_set(tmp_path / "set").records] == sizes


def test_an_unpacked_data_set_packs_to_the_same_images(tmp_path):
    packed(write_triplets(tmp_path / "plain"), tmp_path / "one", format="png")
    unpack(tmp_path / "one", tmp_path / "flat")
    packed(tmp_path / "flat", tmp_path / "two", format="png")
    first = [s.decode() for s in open_data_set(tmp_path / "one").samples()]
    second = [s.decode() for s in open_data_set(tmp_path / "two").samples()]
    assert len(first) == len(second) == 6
    for one in first:
        same = [two for two in second if (two["gt"] == one["gt"]).all()]
        assert len(same) == 1
        assert all((same[0][name] == one[name]).all() for name in ("masked", "map", "parts"))


def test_identity_and_split_come_back_from_the_table(tmp_path):
    write_triplets(tmp_path / "plain", 2)
    table = "file,key,source,identity,split\nx,p0/000,a,Ann,val\nx,p0/001,b,Bo,test\n"
    (tmp_path / "plain" / "samples.csv").write_text(table)
    packed(tmp_path / "plain", tmp_path / "set")
    labels = {name: sample.labels for name, sample in samples(tmp_path / "set").items()}
    assert [(labels[n]["identity"], labels[n]["split"]) for n in ("p0/000", "p0/001")] == [
        ("Ann", "val"),
        ("Bo", "test"),
    ]


def test_other_folder_names_and_suffixes_are_matched(tmp_path):
    names = ("test_mask", "test_unmask", "test_map")
    write_triplets(tmp_path / "plain", names=names, suffix="jpg")
    report = packed(tmp_path / "plain", tmp_path / "set", names=",".join(names))
    assert report.triplets == 6
    assert verify(tmp_path / "set").ok


def test_triplets_that_lack_an_image_or_differ_in_size_are_counted(tmp_path):
    root = write_triplets(tmp_path / "plain")
    (root / "inputs/p0/000.png").unlink()
    (root / "outputs/p0/001.png").unlink()
    (root / "binary_mask/p1/002.png").write_bytes(b"no image")
    save(root / "inputs/p1/003.png", np.zeros((32, 64, 3), np.uint8))
    report = packed(root, tmp_path / "set")
    assert report.triplets == 2
    assert report.skipped == {"incomplete": 3, "unreadable": 1}
    assert "2 of 6 triplets lack an image" in report.warnings[0]


def test_outside_the_map_the_masked_image_is_replaced_by_the_photo():
    gt = skin_photo(32).pixels
    noisy = np.clip(gt.astype(int) + 2, 0, 255).astype(np.uint8)
    drawn = np.zeros((32, 32), np.uint8)
    drawn[8:16, 8:16] = 1
    triplet = join_images(noisy, gt, drawn, lossless=False, seed=1)
    assert (triplet.masked == np.where(triplet.map[..., None] > 0, noisy, gt)).all()
    assert triplet.map.sum() == 64


def test_a_lossless_map_leaves_out_equal_pixels():
    gt = skin_photo(32).pixels
    masked = gt.copy()
    masked[10:12, 10:12] = 0
    triplet = join_images(masked, gt, np.ones((32, 32), np.uint8), lossless=True, seed=1)
    assert triplet.map.sum() == 4


@pytest.mark.parametrize("names", ["a,b", "a,a,b", "a,,b", "a,b,c,d"])
def test_names_that_are_not_three_folders_are_refused(tmp_path, names):
    write_triplets(tmp_path)
    with pytest.raises(UsageError, match="three different folders"):
        TripletSource(tmp_path, names, "")


def test_a_missing_folder_is_named(tmp_path):
    write_triplets(tmp_path, names=("inputs", "outputs", "maps"))
    with pytest.raises(InputError, match=r"no pictures in binary_mask/.*--names"):
        TripletSource(tmp_path, "inputs,outputs,binary_mask", "")


def test_a_pickled_copy_of_the_source_finds_the_images(tmp_path):
    source = TripletSource(write_triplets(tmp_path), "inputs,outputs,binary_mask", "")
    copy = pickle.loads(pickle.dumps(source))
    assert copy.read_role(PhotoRef("p0/000"), "map") == (tmp_path / "binary_mask/p0/000.png").read_bytes()
