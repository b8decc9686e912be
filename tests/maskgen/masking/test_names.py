"""Names of the files that `unmask mask` writes."""

import pickle

import hypothesis.strategies as st
import pytest
from hypothesis import given

from maskgen.masking.names import Naming, PhotoFiles

pytestmark = pytest.mark.fault


def files(naming, *photos):
    named = naming.without_collisions(photos)
    return {photo: named.files(photo) for photo in photos}


def masked(naming, *photos):
    return [one.masked for one in files(naming, *photos).values()]


def test_a_photo_keeps_its_name_and_folder():
    photos = ("Ann/1.jpg", "Ann/2.JPEG", "b c/x.y.png", "noend", "odd.jpg_large", "x.jfif", "y.tif")
    assert [one for (one,) in masked(Naming(), *photos)] == list(photos)


def test_suffixes_of_formats_that_are_not_written_change():
    assert masked(Naming(), "a.gif", "b.HEIC", "c.heif", "d.pgm", "e.gif?w=640") == [
        ("a.png",), ("b.jpg",), ("c.jpg",), ("d.ppm",), ("e.png",)
    ]  # fmt: skip


def test_a_forced_format_changes_other_suffixes_only():
    assert masked(Naming("jpg"), "a.jpeg", "b.png", "c.JPG", "d") == [
        ("a.jpeg",), ("b.jpg",), ("c.JPG",), ("d.jpg",)
    ]  # fmt: skip


def test_several_masks_and_the_original_get_names_of_their_own():
    assert files(Naming(count=3, original=True, maps=True), "p/a.jpg")["p/a.jpg"] == PhotoFiles(
        ("p/a.jpg", "p/a-m1.jpg", "p/a-m2.jpg"),
        "p/a-original.jpg",
        ("p/a.png", "p/a-m1.png", "p/a-m2.png"),
    )
    assert masked(Naming(count=2, labels=("surgical", "N95")), "a.jpg") == [("a_surgical.jpg", "a_N95.jpg")]


def test_row611_photos_that_keep_their_name_have_it_before_those_that_change_it():
    assert masked(Naming(), "a.gif", "a.png") == [("a~1.png",), ("a.png",)]


def test_row611_names_that_differ_in_case_or_accents_only_are_kept_apart():
    assert masked(Naming(), "A/x.jpg", "a/X.JPG") == [("A/x.jpg",), ("a/X~1.JPG",)]
    assert masked(Naming(), "e\u0301.jpg", "\u00e9.jpg") == [("e\u0301.jpg",), ("\u00e9~1.jpg",)]


def test_row611_further_files_do_not_take_the_name_of_a_photo():
    assert masked(Naming(count=2), "a-m1.jpg", "a.jpg") == [
        ("a-m1.jpg", "a-m1-m1.jpg"), ("a.jpg", "a-m1~1.jpg")
    ]  # fmt: skip


def test_row611_maps_of_photos_that_differ_in_suffix_only_are_kept_apart():
    found = files(Naming(maps=True), "a.jpg", "a.png")
    assert [one.maps for one in found.values()] == [("a.png",), ("a~1.png",)]


def test_row611_no_file_takes_the_name_of_a_folder():
    assert masked(Naming(), "a.gif", "a.png/b.jpg") == [("a~1.png",), ("a.png/b.jpg",)]


NAMES = st.text(st.sampled_from("aA~1m-_."), min_size=1, max_size=4).filter(
    lambda text: text.strip(".") != ""
)
PHOTOS = st.lists(
    st.builds(lambda name, end: name + end, NAMES, st.sampled_from([".jpg", ".png", ".gif", ".JPG", ""])),
    unique=True,
    max_size=12,
)


@given(PHOTOS, st.integers(1, 3), st.booleans(), st.sampled_from(["own", "jpg", "png"]))
def test_row611_no_two_files_ever_have_the_same_name(photos, count, original, kind):
    found = files(Naming(kind, count, original=original, maps=True), *sorted(photos)).values()
    for paths in (
        [path for one in found for path in one.photos],
        [path for one in found for path in one.maps],
    ):
        assert len({path.casefold() for path in paths}) == len(paths)


def test_names_of_255_bytes_are_cut_to_fit():
    long = "é" * 125 + ".jpg"
    found = files(Naming(count=2), long)[long].masked
    assert found[0] == long
    assert len(found[1].encode()) <= 255
    assert found[1].endswith("-m1.jpg")


def test_the_rule_is_pickled_without_the_photos():
    photos = [f"{number}.jpg" for number in range(10_000)]
    assert len(pickle.dumps(Naming(count=3).without_collisions(photos))) < 1000
