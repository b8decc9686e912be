"""Rows 710 to 715 of the fault matrix: layouts of few large files."""

import io
import json
import tarfile

import pyarrow.parquet
import pytest

from maskgen.dataset.unpack import unpack
from maskgen.errors import InputError, MissingError, UsageError
from tests.helpers.shard_layouts import mds_samples, tfrecords
from tests.helpers.small_images import write_data_set

pytestmark = pytest.mark.fault
LAYOUTS = ("parquet", "mds", "tfrecord")


def data_files(folder):
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".csv", ".md")
    )


def change_members(folder, name, change):
    """Rewrites a shard with other members; `change` takes a name and bytes and returns both, or None."""
    shard = folder / f"{name}.tar"
    with tarfile.open(shard) as file:
        members = [change(member.name, file.extractfile(member).read()) for member in file]
    with tarfile.open(shard, "w") as file:
        for entry in members:
            if entry is not None:
                info = tarfile.TarInfo(entry[0])
                info.size = len(entry[1])
                file.addfile(info, io.BytesIO(entry[1]))


def test_row710_without_pyarrow_the_command_to_install_it_is_named(tmp_path, monkeypatch):
    folder = write_data_set(tmp_path / "set", ["a.jpg"])
    monkeypatch.setattr("maskgen.extras.find_spec", lambda _: None)
    with pytest.raises(MissingError, match=r"--layout parquet needs pyarrow: pip install 'pyarrow>=\d+'"):
        unpack(folder, tmp_path / "to", layout="parquet")
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize(
    ("layout", "left"),
    [("parquet", "data/train-000001.parquet"), ("tfrecord", "train-000001.tfrecord")],
)
def test_row711_files_of_a_larger_data_set_are_not_mixed_with_new_ones(tmp_path, layout, left):
    large = write_data_set(tmp_path / "large", ["a.jpg"])
    write_data_set(large, ["b.jpg"], number=1)
    small = write_data_set(tmp_path / "small", ["c.jpg"])
    unpack(large, tmp_path / "to", layout=layout)
    before = {name: (tmp_path / "to" / name).read_bytes() for name in data_files(tmp_path / "to")}
    with pytest.raises(UsageError, match=rf"{left.rpartition('/')[2]} in .* would be read as part of"):
        unpack(small, tmp_path / "to", layout=layout, overwrite=True)
    assert before == {name: (tmp_path / "to" / name).read_bytes() for name in data_files(tmp_path / "to")}
    (tmp_path / "to" / left).unlink()
    unpack(small, tmp_path / "to", layout=layout, overwrite=True)
    assert len(data_files(tmp_path / "to")) == 1


def test_row711_shards_of_a_larger_split_do_not_stay_beside_a_new_index(tmp_path, monkeypatch):
    monkeypatch.setattr("maskgen.dataset.unpack.mds.LIMIT", 4000)
    large = write_data_set(tmp_path / "large", [f"{number}.jpg" for number in range(4)])
    unpack(large, tmp_path / "to", layout="mds")
    assert len(data_files(tmp_path / "to")) == 5
    unpack(write_data_set(tmp_path / "small", ["c.jpg"]), tmp_path / "to", layout="mds", overwrite=True)
    assert data_files(tmp_path / "to") == ["train/index.json", "train/shard.00000.mds"]
    assert len(list(mds_samples(tmp_path / "to/train"))) == 1


def test_row711_a_split_of_another_export_does_not_stay_beside_new_ones(tmp_path):
    large = write_data_set(tmp_path / "large", ["a.jpg"])
    write_data_set(large, ["b.jpg"], split="val")
    small = write_data_set(tmp_path / "small", ["c.jpg"])
    unpack(large, tmp_path / "to", layout="mds")
    before = {name: (tmp_path / "to" / name).read_bytes() for name in data_files(tmp_path / "to")}
    for folder, split in ((small, ""), (large, "train")):
        with pytest.raises(UsageError, match=r"val/ in it would be read as part of this data set"):
            unpack(folder, tmp_path / "to", layout="mds", split=split, overwrite=True)
    assert before == {name: (tmp_path / "to" / name).read_bytes() for name in data_files(tmp_path / "to")}
    unpack(large, tmp_path / "to", layout="mds", overwrite=True)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_row712_a_full_disk_ends_with_one_line_and_leaves_whole_files_only(tmp_path, layout):
    resource = pytest.importorskip("resource")
    folder = write_data_set(tmp_path / "set", ["a.jpg"])
    write_data_set(folder, [f"{number}.jpg" for number in range(60)], number=1)  # 100 kB
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(MissingError, match=r"no file may grow to .* here"):
            unpack(folder, tmp_path / "to", layout=layout)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    whole = {"parquet": ["data/train-000000.parquet"], "mds": [], "tfrecord": ["train-000000.tfrecord"]}
    assert data_files(tmp_path / "to") == whole[layout]
    unpack(folder, tmp_path / "to", layout=layout, overwrite=True)
    assert len(data_files(tmp_path / "to")) == 2


@pytest.mark.parametrize(
    ("layout", "left"),
    [
        ("parquet", "data/train-000007.parquet.1-0a0b0c0d.part"),
        ("mds", "train/shard.00007.mds.1-0a0b0c0d.part"),
        ("tfrecord", "train-000007.tfrecord.1-0a0b0c0d.part"),
    ],
)
def test_row712_what_a_killed_run_left_is_removed(tmp_path, layout, left):
    folder = write_data_set(tmp_path / "set", ["a.jpg"])
    (tmp_path / "to" / left).parent.mkdir(parents=True)
    (tmp_path / "to" / left).write_bytes(b"half")
    unpack(folder, tmp_path / "to", layout=layout, overwrite=True)
    assert not (tmp_path / "to" / left).exists()


def test_row712_an_interrupted_mds_export_leaves_no_older_index_beside_newer_shards(tmp_path, monkeypatch):
    folder = write_data_set(tmp_path / "set", ["a.jpg"])
    unpack(folder, tmp_path / "to", layout="mds")

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("maskgen.dataset.unpack.mds_file.MdsWriter.finish", stop)
    with pytest.raises(KeyboardInterrupt):
        unpack(folder, tmp_path / "to", layout="mds", overwrite=True)
    assert data_files(tmp_path / "to") == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_row713_images_of_two_formats_are_refused_with_both_samples(tmp_path, layout):
    folder = write_data_set(tmp_path / "set", ["a.jpg"])
    write_data_set(folder, ["b.jpg"], number=1, encoding="png")
    with pytest.raises(
        InputError, match=r"toy-\w+-f0-m0: its images are png and png, those of toy-\w+-f0-m0 are jpg"
    ):
        unpack(folder, tmp_path / "to", layout=layout)
    assert not [name for name in data_files(tmp_path / "to") if ".part" in name or "000001" in name]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("member", "data", "message"),
    [("parts.png", None, "the sample has no parts"), ("map.png", b"\x89PNG", "its map is damaged")],
)
def test_row713_a_missing_or_damaged_member_is_named_with_its_sample(tmp_path, layout, member, data, message):
    folder = write_data_set(tmp_path / "set", ["a.jpg"])

    def change(name, content):
        if name.endswith(member):
            return None if data is None else (name, data)
        return name, content

    change_members(folder, "train-000000", change)
    with pytest.raises(InputError, match=rf"toy-\w+-f0-m0: {message}"):
        unpack(folder, tmp_path / "to", layout=layout)
    assert data_files(tmp_path / "to") == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_row714_options_of_other_layouts_are_refused(tmp_path, layout):
    folder = write_data_set(tmp_path / "set", ["a.jpg"])
    for option in ({"names": "a,b,c"}, {"also_original": True}, {"classes": "a,b,c"}, {"segments": "rle"}):
        with pytest.raises(UsageError, match=f"has no meaning for --layout {layout}"):
            unpack(folder, tmp_path / "to", layout=layout, **option)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_row715_samples_without_known_faces_keep_the_types_of_their_labels(tmp_path, layout):
    folder = write_data_set(tmp_path / "set", ["a.jpg"])
    change_members(
        folder,
        "train-000000",
        lambda name, data: (
            name,
            json.dumps({**json.loads(data), "faces": []}).encode() if name.endswith(".json") else data,
        ),
    )
    unpack(folder, tmp_path / "to", layout=layout)
    if layout == "parquet":
        table = pyarrow.parquet.read_table(tmp_path / "to/data/train-000000.parquet")
        assert table["faces"].to_pylist() == [[]]
        assert "list<element: list<element: double>>" in str(table.schema.field("faces").type)
    elif layout == "mds":
        assert [sample["faces"] for sample in mds_samples(tmp_path / "to/train")] == [[]]
    else:
        assert len(list(tfrecords(tmp_path / "to/train-000000.tfrecord"))) == 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_row715_a_data_set_without_samples_gives_no_files_and_names_no_split(tmp_path, layout):
    folder = write_data_set(tmp_path / "set", [], skips=[("a.jpg", "no_face", "")])
    report = unpack(folder, tmp_path / "to", layout=layout)
    assert (report.samples, report.files) == (0, 0)
    assert data_files(tmp_path / "to") == []
    assert "data_files" not in (tmp_path / "to/README.md").read_text("utf-8")
