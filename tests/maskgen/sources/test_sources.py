"""Sources: photos found, their ids, and the same photos from a folder and from its archive."""

import io
import json
import pickle
import re
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskgen.errors import InputError, Skip, UsageError
from maskgen.files import older_record_path, record_path
from maskgen.images.codecs import encode_jpeg
from maskgen.settings import SourceSettings
from maskgen.sources import Source, build_source, key_base, load, sample_key
from maskgen.sources.keys import clean_id, slug
from maskgen.sources.layouts import LFW_KNOWN, LFW_PEOPLE
from maskgen.types import PhotoRef

JPEG = encode_jpeg(np.full((40, 40, 3), 90, np.uint8), 90)
LFW = ["Ann_Lee/Ann_Lee_0001.jpg", "Ann_Lee/Ann_Lee_0002.jpg", "Bo_Ek/Bo_Ek_0001.jpg"]


def photo(number: int) -> bytes:
    """Makes a different JPEG for each number: bytes after the end are ignored, but make the files differ."""
    return JPEG + number.to_bytes(4, "big")


def make_folder(root: Path, names: list[str]) -> Path:
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(photo(number))
    return root


def make_archive(path: Path, names: list[str], first: int = 0) -> Path:
    members = [(name, photo(first + number)) for number, name in enumerate(names)]
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, data in members:
                packed.writestr(name, data)
        return path
    with tarfile.open(path, {".gz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}.get(path.suffix, "w")) as tar:
        for name, data in members:
            header = tarfile.TarInfo(name)
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))
    return path


def source_of(path: Path) -> Source:
    return build_source(SourceSettings(src=str(path)))


def read_all(source: Source) -> dict[str, bytes | Skip]:
    return {ref.id: source.read(ref) for ref in source.refs()}


def test_a_folder_is_read_to_any_depth_ordered_by_id(tmp_path):
    make_folder(tmp_path, ["b.jpg", "a/c/d/e.PNG", "a/z.jpeg", "notes.txt", ".git/x.jpg", "a/._z.jpeg"])
    source = source_of(tmp_path)
    assert read_all(source) == {"a/c/d/e.PNG": photo(1), "a/z.jpeg": photo(2), "b.jpg": photo(0)}
    assert source.terms == ""


@pytest.mark.parametrize("name", ["set.zip", "set.tar", "set.tar.gz", "set.tar.xz", "set.tar.bz2"])
def test_an_archive_gives_the_same_photos_as_its_folder(tmp_path, name):
    names = ["x/b.jpg", "x/a.png", "x/read me.txt", "__MACOSX/x/._b.jpg"]
    folder = source_of(make_folder(tmp_path / "folder", names[:3]))
    archive = source_of(make_archive(tmp_path / name, names))
    assert read_all(archive) == read_all(folder)
    assert archive.name == "set"


@pytest.mark.parametrize("where", ["folder", "parent", "set.zip", "set.tar", "set.tar.gz"])
def test_lfw_is_recognised_by_its_folders(tmp_path, where):
    deep = [f"lfw-deepfunneled/{name}" for name in LFW]
    if where == "folder":
        source = source_of(make_folder(tmp_path / "lfw_funneled", LFW))
    elif where == "parent":
        source = source_of(make_folder(tmp_path, deep))
    else:
        source = source_of(make_archive(tmp_path / where, deep))
    assert (source.name, source.terms) == ("lfw", "LFW: research")
    assert [ref.identity for ref in source.refs()] == ["Ann_Lee", "Ann_Lee", "Bo_Ek"]


@pytest.mark.parametrize("place", ["our-club", "set.tar", "mylfw", "lfwish/album"])
def test_photos_named_like_lfw_get_identities_but_not_its_terms(tmp_path, place):
    path = tmp_path / place
    source = source_of(make_archive(path, LFW) if path.suffix else make_folder(path, LFW))
    assert (source.name, source.terms) == (slug(path.stem), "")
    assert [ref.identity for ref in source.refs()] == ["Ann_Lee", "Ann_Lee", "Bo_Ek"]


@pytest.mark.parametrize(("known", "terms"), [(LFW_KNOWN, "LFW: research"), (LFW_KNOWN - 1, "")])
def test_lfw_is_recognised_by_its_people(tmp_path, known, terms):
    people = [f"{person}/{person}_0001.jpg" for person in sorted(LFW_PEOPLE)[:known]]
    assert source_of(make_folder(tmp_path / "faces", people + LFW)).terms == terms


def test_lfw_among_other_photos_keeps_its_identities(tmp_path):
    source = source_of(make_folder(tmp_path / "Mixed Photos", [*LFW, "other/1.jpg", "other/2.jpg"]))
    assert (source.name, source.terms) == ("mixed-photos", "")
    assert [ref.identity for ref in source.refs()] == ["Ann_Lee", "Ann_Lee", "Bo_Ek", "", ""]


def test_folders_are_identities_if_the_setting_says_so(tmp_path):
    folder = make_folder(tmp_path, ["0000045/001.jpg", "b/0000045/7.jpg", "ann lee/IMG_1.JPG", "alone.jpg"])
    source = build_source(SourceSettings(src=str(folder), people="folders"))
    assert {ref.id: ref.identity for ref in source.refs()} == {
        "0000045/001.jpg": "0000045", "b/0000045/7.jpg": "0000045", "ann lee/IMG_1.JPG": "ann lee", "alone.jpg": ""
    }  # fmt: skip
    again = pickle.loads(pickle.dumps(source))
    assert again.refs() == source.refs()


def test_a_data_set_in_several_tars_is_one_source(tmp_path):
    for part in range(3):
        make_archive(tmp_path / f"lfw-{part}.tar", [f"lfw/{LFW[part]}"], first=part)
    source = source_of(tmp_path)
    assert read_all(source) == {f"lfw/{name}": photo(number) for number, name in enumerate(LFW)}
    assert source.name == "lfw"


def test_archives_with_equal_ids_prefix_them_with_their_name(tmp_path):
    make_archive(tmp_path / "one.tar", ["1.jpg", "2.jpg"])
    make_archive(tmp_path / "two.zip", ["2.jpg"], first=2)
    ids = {"one.tar/1.jpg": photo(0), "one.tar/2.jpg": photo(1), "two.zip/2.jpg": photo(2)}
    assert read_all(source_of(tmp_path)) == ids


def test_extracted_photos_take_precedence_over_their_archive(tmp_path):
    make_archive(tmp_path / "download.zip", ["x/1.jpg"])
    make_folder(tmp_path, ["x/1.jpg"])
    assert list(read_all(source_of(tmp_path))) == ["x/1.jpg"]


def test_utkface_is_recognised_by_its_file_names(tmp_path):
    names = ["100_1_0_20170119212053665.jpg", "9_0_3_20161220222308131.jpg", "61_1_20170109142408075.jpg"]
    source = source_of(make_folder(tmp_path, names))
    assert (source.name, source.terms) == ("utkface", "UTKFace: non-commercial research")
    assert {ref.identity for ref in source.refs()} == {""}


@pytest.mark.parametrize("inside", ["img_align_celeba", "."])
def test_celeba_is_found_under_its_root(tmp_path, inside):
    make_folder(tmp_path / inside, ["000001.jpg", "000002.jpg"])
    source = build_source(SourceSettings(src="celeba", root=str(tmp_path)))
    assert source.name == "celeba"
    assert source.terms.startswith("CelebA: non-commercial")
    assert len(source.refs()) == 2


def test_the_zip_and_the_folder_of_celeba_are_celeba(tmp_path):
    make_archive(tmp_path / "zip" / "img_align_celeba.zip", ["img_align_celeba/000001.jpg"])
    assert build_source(SourceSettings(src="celeba", root=str(tmp_path / "zip"))).name == "celeba"
    assert source_of(make_folder(tmp_path / "img_align_celeba", ["000001.jpg"])).name == "celeba"


def test_missing_celeba_says_what_to_put_where(tmp_path):
    with pytest.raises(InputError, match=r"(?s)img_align_celeba\.zip.*--root"):
        build_source(SourceSettings(src="celeba", root=str(tmp_path / "none")))


def make_shard(path: Path, samples: dict[str, dict[str, str]], *, older: bool = False) -> None:
    with tarfile.open(path, "w") as tar:
        for key, label in samples.items():
            members = {
                "gt.jpg": photo(hash(key) & 0xFF),
                "json": json.dumps(label).encode(),
                "masked.jpg": JPEG,
            }
            for member, data in members.items():
                header = tarfile.TarInfo(f"{key}.{member}")
                header.size = len(data)
                tar.addfile(header, io.BytesIO(data))
    record = (older_record_path if older else record_path)(path.parent, path.stem)
    record.parent.mkdir(exist_ok=True)
    record.write_text("{}")


@pytest.mark.parametrize("older", [False, True])
def test_shards_give_each_face_once_with_its_identity_and_split(tmp_path, older):
    ann = {"identity": "Ann_Lee", "split": "train", "terms": "LFW: research"}
    bo = {"identity": "Bo_Ek", "split": "val", "terms": "LFW: research"}
    make_shard(
        tmp_path / "train-000000.tar", {"ann-00000001-f0-m1": ann, "ann-00000001-f0-m0": ann}, older=older
    )
    bos = {"bo-00000002-f0-m0": bo, "bo-00000002-f1-m0": bo}
    make_shard(tmp_path / "val-000000.tar", bos, older=older)
    (tmp_path / "dataset.json").write_text("{}")
    (tmp_path / "sheet.png").write_bytes(JPEG)
    source = source_of(tmp_path)
    assert [(ref.id, ref.identity, ref.split) for ref in source.refs()] == [
        ("ann-00000001-f0-m0.gt.jpg", "Ann_Lee", "train"),
        ("bo-00000002-f0-m0.gt.jpg", "Bo_Ek", "val"),
        ("bo-00000002-f1-m0.gt.jpg", "Bo_Ek", "val"),
    ]
    assert source.terms == "LFW: research"
    assert all(isinstance(data, bytes) for data in read_all(source).values())


def test_a_shard_whose_label_is_broken_is_refused(tmp_path):
    make_shard(tmp_path / "train-000000.tar", {"ann-00000001-f0-m0": {}})
    data = (tmp_path / "train-000000.tar").read_bytes().replace(b"{}", b"{!")
    (tmp_path / "train-000000.tar").write_bytes(data)
    with pytest.raises(InputError, match=r"ann-00000001-f0-m0\.json is missing or broken"):
        source_of(tmp_path)


@pytest.mark.parametrize("where", ["folder", "set.zip", "set.tar", "set.tar.gz", "parts"])
def test_a_pickled_source_is_small_and_reads_the_same(tmp_path, where):
    names = [f"{number}/photo.jpg" for number in range(300)]
    if where == "folder":
        source = source_of(make_folder(tmp_path, names))
    elif where == "parts":
        make_archive(tmp_path / "a.tar", names)
        make_archive(tmp_path / "b.zip", names)
        source = source_of(tmp_path)
    else:
        source = source_of(make_archive(tmp_path / where, names))
    pickled = pickle.dumps(source)
    assert len(pickled) < 1000
    again = pickle.loads(pickled)
    assert again.read(source.refs()[7]) == source.read(source.refs()[7])
    assert again.refs() == source.refs()


def test_load_gives_pixels_and_the_digest_of_the_file(tmp_path):
    source = source_of(make_folder(tmp_path, ["a.jpg", "b.jpg"]))
    first, second = (load(source, ref, SourceSettings()) for ref in source.refs())
    assert not isinstance(first, Skip)
    assert not isinstance(second, Skip)
    assert first.pixels.shape == (40, 40, 3)
    assert np.array_equal(first.pixels, second.pixels)
    assert first.digest != second.digest


def refused(path: Path, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        source_of(path)
    assert str(path) in str(caught.value)


def test_invalid_sources_are_refused_with_their_path(tmp_path):
    refused(tmp_path / "nothing", "no such file or folder; a relative path")  # no --src: unmask mask has none
    refused(tmp_path, "no photos among its 0 files")
    (tmp_path / "notes.txt").write_text("none here")
    refused(tmp_path, "no photos among its 1 files")
    refused(tmp_path / "notes.txt", "neither a folder nor a zip or tar")
    (tmp_path / "me.jpg").write_bytes(JPEG)
    refused(tmp_path / "me.jpg", "a single photo")


def test_a_missing_source_is_a_usage_error():
    with pytest.raises(UsageError, match="--src"):
        build_source(SourceSettings())


@pytest.mark.parametrize("name", ["set.zip", "set.tar", "set.tar.gz"])
def test_a_truncated_archive_is_refused_with_its_path(tmp_path, name):
    whole = make_archive(tmp_path / "whole" / name, [f"{number}.jpg" for number in range(20)])
    cut = tmp_path / name
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    refused(cut, "cut short")


def test_a_tar_truncated_anywhere_before_its_end_mark_is_refused(tmp_path):
    make_archive(tmp_path / "whole.tar", ["1.jpg", "2.jpg", "3.jpg"])
    data = (tmp_path / "whole.tar").read_bytes()
    for length in range(512, len(data.rstrip(b"\0")), 100):
        (tmp_path / "cut.tar").write_bytes(data[:length])
        refused(tmp_path / "cut.tar", "cut short")


KEY = re.compile(r"[a-z0-9_-]+")


@given(st.text(min_size=1))
def test_every_key_is_clean_and_short(name):
    key = sample_key(key_base(PhotoRef(clean_id(name) or "x")), 0, 12)
    assert KEY.fullmatch(key)
    assert len(key) <= 40 + len("-12345678-f0-m12")


def test_keys_depend_on_the_photo_and_not_on_its_index():
    assert (
        key_base(PhotoRef("lfw/AJ_Cook/AJ_Cook_0001.jpg"))
        == "aj_cook_0001-" + key_base(PhotoRef("lfw/AJ_Cook/AJ_Cook_0001.jpg")).rsplit("-", 1)[-1]
    )
    assert sample_key("a-01234567", 2, 3) == "a-01234567-f2-m3"
    assert key_base(PhotoRef("a/1.jpg")) != key_base(PhotoRef("b/1.jpg"))


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b c", "/"]), min_size=1).map("/".join))
def test_ids_never_lead_upwards_or_to_the_root(name):
    parts = clean_id(name).split("/")
    assert ".." not in parts
    assert not clean_id(name).startswith("/")


def test_a_path_that_cannot_be_opened_is_refused_with_the_system_error(tmp_path):
    (tmp_path / "round").symlink_to("round")
    refused(tmp_path / "round", "symbolic links")
    refused(tmp_path / ("x" * 300), "File name too long")


def test_a_folder_named_like_an_archive_is_a_folder(tmp_path):
    (tmp_path / "lfw.tar").mkdir()
    with pytest.raises(InputError, match="no photos among its 0 files"):
        build_source(SourceSettings(src=str(tmp_path)))
