"""Rows 765 to 769 of the fault matrix: data sets that others changed or copied, and targets inside of them."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from maskgen.dataset.labels import MOST_FLOAT, MOST_INTEGER
from maskgen.dataset.reader import open_data_set
from maskgen.dataset.shard_record import record_bytes
from maskgen.dataset.unpack import unpack
from maskgen.dataset.verify import verify
from maskgen.errors import InputError, UsageError
from maskgen.files import older_record_path, record_path
from maskgen.generation.pipeline import generate
from tests.helpers.fake_worker_tools import ROOT, build, draw_photos, settings_for
from tests.helpers.small_images import write_data_set

pytestmark = pytest.mark.fault
LAYOUTS = ("parquet", "mds", "tfrecord")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_data_set(tmp_path / "set", ["a.jpg"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    generate(settings_for(draw_photos(place / "people", 12, ()), place / "out"), build=build)
    return place / "out"


def relabel(folder: Path, **changes: object) -> None:
    """Changes labels of all samples of a data set and of their first faces."""
    for path in folder.glob("*.tar"):
        with tarfile.open(path) as file:
            members = {member.name: file.extractfile(member).read() for member in file}  # type: ignore[union-attr]
        with tarfile.open(path, "w") as file:
            for name, data in members.items():
                if name.endswith(".json"):
                    labels = json.loads(data)
                    for at, value in changes.items():
                        (labels["faces"][0] if at in labels["faces"][0] else labels)[at] = value
                    data = json.dumps(labels).encode()
                info = tarfile.TarInfo(name)
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", MOST_INTEGER + 1),
        ("seed", -(2**70)),
        ("hole", 1e39),
        ("box", [0.0, 0.0, -1e39, 9.0]),
        ("landmarks", [[1e300, 0.0]]),
    ],
)
def test_row765_numbers_that_no_column_can_hold_are_refused_with_the_sample(
    layout: str, name: str, value: object, folder: Path, tmp_path: Path
) -> None:
    relabel(folder, **{name: value})
    with pytest.raises(
        InputError, match=rf"toy-\w+-f0-m0: the sample's labels are not ours, look at .*{name}"
    ):
        unpack(folder, tmp_path / "to", layout=layout)
    assert any(name in problem.what for problem in verify(folder).problems)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_row765_the_largest_numbers_that_labels_may_have_are_written(
    layout: str, folder: Path, tmp_path: Path
) -> None:
    relabel(folder, seed=MOST_INTEGER, hole=MOST_FLOAT, box=[-MOST_FLOAT, 0.0, 1.0, MOST_FLOAT])
    assert unpack(folder, tmp_path / "to", layout=layout).samples == 1


@pytest.mark.parametrize("place", [record_path, older_record_path])
def test_row766_a_tar_with_a_record_but_not_the_name_of_a_shard_is_not_read(
    place, folder: Path, tmp_path: Path
) -> None:
    (record,) = open_data_set(folder).records
    shutil.copy(folder / "train-000000.tar", folder / "mine.tar")
    place(folder, "mine").write_bytes(record_bytes(record).replace(b"train-000000", b"mine"))
    assert [record.name for record in open_data_set(folder).records] == ["train-000000"]
    assert unpack(folder, tmp_path / "to").samples == 1


def test_row767_records_that_may_not_be_listed_are_named_with_the_reason(folder: Path) -> None:
    (folder / "records").chmod(0)
    code = "import sys; from maskgen.dataset.reader import open_data_set; open_data_set(sys.argv[1])"
    rights = "-dac_override,-dac_read_search"  # by these root may read anywhere
    drop = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"] if os.geteuid() == 0 else []
    run = subprocess.run(
        [*drop, sys.executable, "-c", code, str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    (folder / "records").chmod(0o700)
    assert run.stderr.splitlines()[-1].endswith(
        f"InputError: {folder}/records: cannot be read: Permission denied"
    )


@pytest.mark.parametrize(
    "old", [b"---\npretty", b"configs:", b"  data_files:", b"split: train", b"-*.tar", b"\n---\n"]
)
def test_row768_a_flipped_bit_where_the_card_tells_loaders_the_files_is_found(
    old: bytes, made: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(made, tmp_path / "out")
    card = (out / "README.md").read_bytes()
    at = card.index(old)
    kept = 4 if old == b"---\npretty" else len(old)  # the title is a text for people
    for place in range(at, at + kept):
        flipped = bytearray(card)
        flipped[place] ^= 1 << place % 8
        (out / "README.md").write_bytes(flipped)
        (problem,) = verify(out).problems
        assert "the card README.md" in problem.what


def test_row768_people_may_write_into_the_card(made: Path, tmp_path: Path) -> None:
    out = shutil.copytree(made, tmp_path / "out")
    text = (out / "README.md").read_text("utf-8").replace("license: other\n", "license: mit\nlanguage: en\n")
    (out / "README.md").write_bytes(f"{text}\nMore.\n".replace("\n", "\r\n").encode("utf-8"))
    assert verify(out).ok


def test_row768_the_card_of_a_data_set_without_samples_is_sound(tmp_path: Path) -> None:
    photos = draw_photos(tmp_path / "people", 0, ("noface_0", "noface_1"))
    generate(settings_for(photos, tmp_path / "out"), build=build)
    assert verify(tmp_path / "out").ok


@pytest.mark.parametrize("below", ["records", ".work", "records/new"])
@pytest.mark.parametrize("layout", ["folders", *LAYOUTS])
def test_row769_a_target_among_the_records_is_refused(
    layout: str, below: str, made: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(made, tmp_path / "out")
    before = sorted(out.rglob("*"))
    with pytest.raises(UsageError, match="this folder is part of the data set"):
        unpack(out, out / below, layout=layout, overwrite=True)
    assert sorted(out.rglob("*")) == before


def test_row769_an_export_into_a_new_folder_of_the_data_set_leaves_it_sound(
    made: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(made, tmp_path / "out")
    for layout in LAYOUTS:
        unpack(out, out / layout, layout=layout)
    assert verify(out).ok
    assert open_data_set(out).count == open_data_set(made).count
