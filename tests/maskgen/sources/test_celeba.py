"""CelebA in every layout gives the same photos, splits, identities, points, and triplets."""

import pickle
from functools import cache

import pytest

from maskgen.dataset.shards import read_shard
from maskgen.errors import InputError
from maskgen.generation.pipeline import generate
from maskgen.settings import (
    CropSettings,
    FaceSettings,
    GenSettings,
    RunSettings,
    ShardSettings,
    SourceSettings,
)
from maskgen.sources import build_source
from maskgen.types import PhotoRef
from tests.helpers.celeba_folders import LAYOUTS, NAMES, in_its_zip, lists, photos, points, text, unpacked

FORMS = [(layout, form) for layout in LAYOUTS for form in ("folder", "zip")]


@cache
def files(layout):
    return LAYOUTS[layout]()


def laid_out(tmp_path, layout, form):
    root = tmp_path / f"{layout}-{form}"
    return in_its_zip(root, files(layout), layout) if form == "zip" else unpacked(root, files(layout))


def celeba(root, **more):
    return build_source(SourceSettings(src="celeba", root=str(root), **more))


@pytest.mark.parametrize(("layout", "form"), FORMS)
def test_each_layout_gives_the_same_photos_splits_identities_and_points(tmp_path, layout, form):
    source = celeba(laid_out(tmp_path, layout, form))
    refs = source.refs()
    assert (source.name, source.notes) == ("celeba", ())
    assert [ref.id for ref in refs] == [f"img_align_celeba/{name}" for name in NAMES]
    assert [ref.split for ref in refs] == ["train", "train", "val", "val", "test", "test"]
    known = ["" for _ in NAMES] if layout == "kaggle" else ["100", "100", "101", "101", "102", "102"]
    assert [ref.identity for ref in refs] == known
    assert [[v for point in ref.points for v in point] for ref in refs] == list(points().values())
    assert [source.read(ref) for ref in refs] == list(photos().values())


@pytest.mark.parametrize(("layout", "form"), FORMS[:2])
def test_a_workers_copy_reads_photos_and_is_small(tmp_path, layout, form):
    source = celeba(laid_out(tmp_path, layout, form))
    packed = pickle.dumps(source)
    assert len(packed) < 2000
    assert pickle.loads(packed).read(PhotoRef(f"img_align_celeba/{NAMES[2]}")) == photos()[NAMES[2]]


def triplets(root, out, landmarks="auto"):
    settings = GenSettings(
        source=SourceSettings(src="celeba", root=str(root)),
        faces=FaceSettings(landmarks=landmarks, cache="off"),
        crop=CropSettings(size=64),
        shards=ShardSettings(shard_size=2),
        run=RunSettings(out=str(out), jobs=1),
    )
    report = generate(settings)
    assert (report.photos, report.triplets, report.shards) == (6, 6, 3)
    members = {}
    for path in sorted(out.glob("*.tar")):
        members.update({(path.stem, key): sample for key, sample in read_shard(path)})
    return report, members


def test_each_layout_from_folder_and_zip_gives_the_same_triplets(tmp_path):
    made = {}
    for layout, form in FORMS:
        _, made[layout, form] = triplets(laid_out(tmp_path, layout, form), tmp_path / f"out-{layout}-{form}")
    first = made["official", "folder"]
    for (layout, _), members in made.items():
        assert members.keys() == first.keys()
        for place, sample in members.items():
            known = {name: data for name, data in sample.items() if layout != "kaggle" or name != "json"}
            assert known.items() <= first[place].items()  # Kaggle's layout has no identities


def test_its_points_give_the_faces_that_a_search_finds(tmp_path):
    root = laid_out(tmp_path, "official", "folder")
    report, by_points = triplets(root, tmp_path / "points", "celeba")
    assert "points-only" in report.landmarks
    _, by_search = triplets(root, tmp_path / "search", "mesh")
    assert by_points.keys() == by_search.keys()


def test_missing_points_are_asked_for_by_the_name_of_their_list(tmp_path):
    root = unpacked(tmp_path / "c", {f"img_align_celeba/{name}": data for name, data in photos().items()})
    with pytest.raises(InputError, match=r"list_landmarks_align_celeba\.txt"):
        triplets(root, tmp_path / "out", "celeba")


def test_photos_alone_are_celeba_without_splits(tmp_path):
    bare = {f"img_align_celeba/{name}": data for name, data in photos().items()}
    for place in (tmp_path / "a", tmp_path / "b" / "img_align_celeba"):
        unpacked(place, bare if place.name == "a" else photos())
        source = build_source(SourceSettings(src=str(place)))
        assert source.name == "celeba"
        assert {ref.split for ref in source.refs()} == {""}


def test_lists_beside_the_given_folder_or_zip_are_found(tmp_path):
    root = laid_out(tmp_path, "official", "folder")
    source = build_source(SourceSettings(src=str(root / "Img" / "img_align_celeba")))
    assert [ref.split for ref in source.refs()][:1] == ["train"]
    packed = laid_out(tmp_path, "official", "zip")
    source = build_source(SourceSettings(src=str(packed / "Img" / "img_align_celeba.zip")))
    assert source.refs()[0].identity == "100"
    assert celeba(packed / "Img" / "img_align_celeba.zip").refs() == source.refs()


def test_other_photos_beside_those_of_celeba_are_kept(tmp_path):
    unpacked(tmp_path / "mix", files("kaggle") | {f"mine/{i}.jpg": b"x" for i in range(5)})
    source = build_source(SourceSettings(src=str(tmp_path / "mix")))
    assert (source.name, len(source.refs())) == ("mix", 11)


def test_photos_in_the_wild_use_their_own_points(tmp_path):
    wild = {f"Img/img_celeba/{name}": data for name, data in photos().items()}
    wild["Anno/list_landmarks_celeba.txt"] = text({name: [5] * 10 for name in NAMES}, ["x"] * 10)
    wild["Anno/list_bbox_celeba.txt"] = b"nothing that is read"
    wild["Anno/list_landmarks_align_celeba.txt"] = lists()["list_landmarks_align_celeba.txt"]
    refs = celeba(unpacked(tmp_path, wild)).refs()
    assert refs[0].id == "img_celeba/000001.jpg"
    assert set(refs[0].points) == {(5.0, 5.0)}


def test_aligned_photos_are_taken_before_those_in_the_wild(tmp_path):
    both = files("official") | {f"Img/img_celeba/{name}": b"" for name in (*NAMES, "000007.jpg")}
    assert celeba(unpacked(tmp_path, both)).refs()[0].id == "img_align_celeba/000001.jpg"


def test_missing_photos_say_what_to_download_and_where_to_put_it(tmp_path):
    (tmp_path / "empty").mkdir()
    for root in (tmp_path / "empty", tmp_path / "none"):
        with pytest.raises(InputError) as caught:
            celeba(root)
        for word in (
            str(root),
            "img_align_celeba.zip",
            "list_eval_partition.txt",
            "identity_CelebA.txt",
            "--root",
        ):
            assert word in str(caught.value)
