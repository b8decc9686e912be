import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskgen.dataset.labels import Origin, number, points_text, printable
from maskgen.dataset.shards import ShardWriter, decode, encode, encode_photo, member_names, read_shard
from maskgen.errors import InputError
from maskgen.settings import ShardSettings
from maskgen.types import Triplet
from tests.helpers.small_images import drawn_triplet

ORIGIN = Origin("folder/na\udcffme.jpg", "Ann", "train", "terms")


def write(folder: Path, triplets: dict[str, Triplet], settings: ShardSettings) -> Path:
    with ShardWriter(folder, folder, "train-000000", len(triplets)) as shard:
        for key, triplet in triplets.items():
            shard.add_photo([(key, encode(triplet, ORIGIN, settings))])
        shard.finish()
    return folder / "train-000000.tar"


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_decode_is_the_inverse_of_encode(suffix: str) -> None:
    triplet = drawn_triplet(3)
    members = encode(triplet, ORIGIN, ShardSettings.model_validate({"format": suffix}))
    sample = decode(members)
    assert list(members) == member_names(suffix)
    assert (sample["map"] == triplet.map).all()
    assert (sample["parts"] == triplet.parts).all()
    for name, image in (("masked", triplet.masked), ("gt", triplet.gt)):
        distance = np.abs(sample[name].astype(int) - image).mean()  # type: ignore[literal-required]
        assert distance == 0 if suffix != "jpg" else distance < 2


def test_labels_have_the_same_keys_and_types_in_every_sample() -> None:
    for i in range(4):
        labels = decode(encode(drawn_triplet(i), ORIGIN, ShardSettings()))["json"]
        [face] = labels["faces"]
        assert list(labels) == ["source", "identity", "split", "faces", "seed", "hole", "valid", "terms"]
        assert list(face) == ["box", "landmarks", "scheme", "pose", "mask"]
        assert list(face["pose"]) == ["yaw", "pitch", "roll"]
        assert list(face["mask"]) == ["family", "texture", "colour", "strength", "wear"]
        numbers = [
            labels["hole"],
            labels["valid"],
            *face["box"],
            *face["landmarks"][0],
            *face["pose"].values(),
        ]
        assert {type(value) for value in numbers} == {float}


def test_floats_always_have_a_point_and_names_are_valid_text() -> None:
    assert [json.dumps(number(value)) for value in (1, 1e-5, -1e-9, 1e6, 12.34567)] == [
        "1.0",
        "0.0",
        "0.0",
        "1000000.0",
        "12.3457",
    ]
    assert printable("na\udcffme \u00e9") == "na\\xffme \u00e9"


def test_a_shard_is_plain_ustar_without_metadata_of_this_machine(tmp_path: Path) -> None:
    path = write(tmp_path, {"b-1": drawn_triplet(1), "c-2": drawn_triplet(2)}, ShardSettings())
    with tarfile.open(path) as tar:
        infos = tar.getmembers()
    assert [info.name for info in infos] == [
        f"{key}.{name}" for key in ("b-1", "c-2") for name in member_names("jpg")
    ]
    assert {(i.mtime, i.uid, i.gid, i.uname, i.gname, i.mode, i.type) for i in infos} == {
        (0, 0, 0, "", "", 0o644, b"0")
    }
    assert path.stat().st_size % 10240 == 0
    assert path.read_bytes()[257:265] == b"ustar\x0000"


def test_a_shard_is_read_back_sample_by_sample(tmp_path: Path) -> None:
    triplets = {"b-1": drawn_triplet(1), "c-2": drawn_triplet(2)}
    path = write(tmp_path, triplets, ShardSettings(format="png"))
    for key, members in read_shard(path):
        assert (decode(members)["masked"] == triplets.pop(key).masked).all()
    assert not triplets


def test_an_unfinished_shard_leaves_no_file(tmp_path: Path) -> None:
    with ShardWriter(tmp_path, tmp_path, "train-000000", 1) as shard:
        shard.add_photo([("a-1", encode(drawn_triplet(1), ORIGIN, ShardSettings()))])
        assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    assert list(tmp_path.iterdir()) == []


def test_a_shard_without_samples_writes_no_file(tmp_path: Path) -> None:
    with ShardWriter(tmp_path, tmp_path, "train-000000", 1) as shard:
        assert shard.finish() == (0, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lacking", ["gt.jpg", "json", "map.png", "parts.png"])
def test_a_sample_without_a_member_cannot_be_decoded(lacking: str) -> None:
    members = encode(drawn_triplet(1), ORIGIN, ShardSettings())
    del members[lacking]
    with pytest.raises(InputError, match=lacking.partition(".")[0]):
        decode(members)


def test_a_file_that_is_not_a_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"hello" * 1000)
    for name in ("a.tar", "none.tar"):
        with pytest.raises(InputError, match="cannot be read as a shard"):
            list(read_shard(tmp_path / name))


def test_a_pickle_in_a_shard_is_never_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    evil = f"cos\nsystem\n(S'touch {mark}'\ntR.".encode()
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, data in {"a.pyd": evil, "a.masked.pyd": evil, "a.json": b"{}"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    for _, members in read_shard(tmp_path / "a.tar"):
        with pytest.raises(InputError):
            decode(members)
    assert not mark.exists()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_every_sample(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    path = write(tmp_path, {f"a-{i}": drawn_triplet(i) for i in range(3)}, ShardSettings())
    samples = list(webdataset.WebDataset(str(path), shardshuffle=False))
    assert [sample["__key__"] for sample in samples] == ["a-0", "a-1", "a-2"]
    assert {"masked.jpg", "gt.jpg", "map.png", "parts.png", "json"} <= samples[0].keys()


def test_encoding_the_samples_of_a_photo_together_gives_the_same_bytes() -> None:
    triplet = drawn_triplet(1)
    other = replace(drawn_triplet(2), gt=triplet.gt, faces=triplet.faces)
    samples = encode_photo([("b-1", other), ("a-1", triplet)], ORIGIN, ShardSettings())
    assert [key for key, _ in samples] == ["a-1", "b-1"]
    assert samples[0][1] == encode(triplet, ORIGIN, ShardSettings())
    assert samples[1][1] == encode(other, ORIGIN, ShardSettings())


def test_points_are_written_as_valid_json() -> None:
    points = np.random.default_rng(0).uniform(-50, 2000, (200, 2)).astype(np.float32)
    points[0] = 0.001, -0.001
    rounded = np.round(points.astype(np.float64), 2) + 0.0
    assert json.loads(points_text(points)) == rounded.tolist()


def test_headers_equal_those_of_tarfile(tmp_path: Path) -> None:
    path = write(tmp_path, {"a" * 60: drawn_triplet(1)}, ShardSettings())
    with tarfile.open(path) as tar:
        for info in tar.getmembers():
            raw = path.read_bytes()[info.offset : info.offset + 512]
            assert raw == info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
