"""`unmask make-rec`: photos keep their bytes, people of several sources share labels, bad photos are counted."""

import cv2
import numpy as np
import pytest

from maskgen.cli.make_rec import make_rec
from maskgen.command_settings import MakeRecSettings
from maskgen.errors import InputError, UsageError
from maskgen.settings import SourceSettings
from maskgen.sources import build_source
from tests.helpers.record_files import write_records


def image(seed, side=32, suffix=".jpg"):
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)
    return cv2.imencode(suffix, pixels)[1].tobytes()


def album(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return str(folder)


def made(tmp_path, *sources, **changes):
    settings = MakeRecSettings(sources=sources, to=str(tmp_path / "to"), people="folders", **changes)
    return make_rec(settings)


def people_in(folder):
    """Returns the images of each label."""
    found = build_source(SourceSettings(src=str(folder)))
    people = {}
    for ref in found.refs():
        people.setdefault(int(ref.identity), set()).add(found.read(ref))
    return people


def test_photos_keep_their_bytes_and_people_are_numbered_by_name(tmp_path):
    photos = {"Ann/1.jpg": image(1), "Ann/2.png": image(2, suffix=".png"), "Bob/1.jpg": image(3)}
    output = made(tmp_path, album(tmp_path / "photos", photos))
    assert people_in(tmp_path / "to") == {
        0: {photos["Ann/1.jpg"], photos["Ann/2.png"]},
        1: {photos["Bob/1.jpg"]},
    }
    assert (output.facts.images, output.facts.people, output.facts.skipped) == (3, 2, {})
    assert (tmp_path / "to/property").read_text() == "2,32,32\n"
    names = {line.split("\t")[2] for line in (tmp_path / "to/train.lst").read_text().splitlines()}
    assert names == set(photos)


def test_the_list_says_which_source_an_image_is_from(tmp_path):
    one = album(tmp_path / "a" / "faces", {"Ann/1.jpg": image(1), "Bob/1.jpg": image(2)})
    other = album(tmp_path / "masked", {"Ann/1.jpg": image(3)})
    same = album(tmp_path / "b" / "faces", {"Ann/1.jpg": image(4)})
    made(tmp_path, one, other, same)
    names = {line.split("\t")[2] for line in (tmp_path / "to/train.lst").read_text().splitlines()}
    assert names == {"faces/Ann/1.jpg", "faces/Bob/1.jpg", "masked/Ann/1.jpg", "faces-2/Ann/1.jpg"}


def test_masked_copies_get_the_labels_of_the_rec_file_that_they_come_from(tmp_path):
    write_records(tmp_path / "faces", [[image(1)], [image(2)], [image(3)]], side=32)
    copies = album(tmp_path / "masked", {"0000002/00000003.jpg": image(9)})
    made(tmp_path, str(tmp_path / "faces"), copies)
    assert people_in(tmp_path / "to") == {0: {image(1)}, 1: {image(2)}, 2: {image(3), image(9)}}


@pytest.mark.fault
def test_row644_bad_photos_and_unknown_people_are_counted(tmp_path):
    photos = {
        "Ann/1.jpg": image(1),
        "Ann/2.jpg": image(2)[:-40],
        "Bob/1.webp": image(3, suffix=".webp"),
        "stray.jpg": image(4),
    }
    output = made(tmp_path, album(tmp_path / "photos", photos))
    assert people_in(tmp_path / "to") == {0: {photos["Ann/1.jpg"]}}
    assert output.facts.skipped == {"truncated": 1, "unreadable": 1}
    assert output.facts.unknown == 1
    assert "1 photo left out: the person is unknown" in output.text


@pytest.mark.fault
def test_row644_photos_of_several_sizes_are_refused_with_both_names(tmp_path):
    with pytest.raises(InputError, match=r"32 x 32 pixels.*(Ann|Bob)/1.jpg has|48 x 48 pixels.*has 32 x 32"):
        made(tmp_path, album(tmp_path / "photos", {"Ann/1.jpg": image(1), "Bob/1.jpg": image(2, 48)}))
    assert not (tmp_path / "to").exists()


@pytest.mark.fault
def test_row644_without_people_or_good_photos_and_into_a_full_folder_nothing_is_written(tmp_path):
    strays = album(tmp_path / "strays", {"1.jpg": image(1)})
    with pytest.raises(InputError, match="no person is known"):
        made(tmp_path, strays)
    broken = album(tmp_path / "broken", {"Ann/1.jpg": image(1)[:200]})
    with pytest.raises(InputError, match=r"none of the 1 photos can be used: \{'truncated': 1\}"):
        made(tmp_path, broken)
    assert not (tmp_path / "to").exists()
    good = album(tmp_path / "good", {"Ann/1.jpg": image(1)})
    album(tmp_path / "to", {"note.txt": b"mine"})
    with pytest.raises(UsageError, match="is not empty"):
        made(tmp_path, good)
    made(tmp_path, good, overwrite=True)
    assert (tmp_path / "to/note.txt").read_bytes() == b"mine"
