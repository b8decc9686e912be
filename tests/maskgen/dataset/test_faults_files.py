"""Row 64 of docs/faults.md: JSON of a data set that is nested deeply, of wrong types, or a lie."""

import json
import shutil
import subprocess
import sys
import tarfile
from copy import deepcopy
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from maskgen.dataset import verify as checking
from maskgen.dataset.card import write_card
from maskgen.dataset.folder import DataSetFolder
from maskgen.dataset.missing import read_design, warn_of_absent
from maskgen.dataset.reader import open_data_set
from maskgen.dataset.shard_record import parse_record, read_record
from maskgen.errors import InputError, UnmaskError, UsageError
from tests.helpers.small_images import write_data_set
from unmasknet.data.shard_list import list_shards
from unmasknet.data.stream import _endless

pytestmark = pytest.mark.fault
DEEP = "[" * 100_000
WRONG = [None, True, 1, -1, 1.5, 10**30, "x", [], [[]], [1], {}, {"a": {}}]
verify = checking.verify


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    out = write_data_set(tmp_path_factory.mktemp("sound") / "set", [f"Ann/{n}.jpg" for n in range(4)])
    record = json.loads((out / "records/train-000000.record").read_bytes())
    facts = {
        "format": 1, "source": "lfw", "terms": "", "hash": "0" * 16, "photos": 4, "triplets": 4, "skipped": {},
        "splits": {"train": {"shards": 1, "photos": 4, "triplets": 4}},
        "settings": {"seed": 0, "source": {"people": "auto"}, "crop": {"size": 64}, "shards": {"format": "jpg"}},
        "versions": {"maskgen": "0"}, "shards": [record],
    }  # fmt: skip
    (out / "dataset.json").write_text(json.dumps(facts))
    return out


@pytest.fixture
def folder(sound, tmp_path) -> Path:
    out = tmp_path / "set"
    return shutil.copytree(sound, out, ignore=shutil.ignore_patterns(".work"))


def damaged(content):
    """Yields copies of parsed JSON with one value, at any level, of another type."""
    for key in content if isinstance(content, dict) else range(len(content)):
        for wrong in WRONG:
            if type(wrong) is not type(content[key]):
                copy = deepcopy(content)
                copy[key] = wrong
                yield copy
        if isinstance(content[key], (dict, list)):
            for inner in damaged(content[key]):
                copy = deepcopy(content)
                copy[key] = inner
                yield copy


def message_of(step) -> str:
    """Returns the message of the error that a step raises; "" if it raises none."""
    try:
        step()
    except (UnmaskError, ValueError) as error:
        return str(error)
    return ""


def use(folder: Path) -> None:
    """Reads a data set in every way that reads its JSON; an error is one line for the user."""

    def read() -> None:
        data = open_data_set(folder)
        warn_of_absent(data, read_design(data), "")
        assert read_design(data).people in ("auto", "folders")

    for step in (read, lambda: write_card(folder), DataSetFolder(folder).warn_of_company):
        assert "\n" not in message_of(step)


def whole_problems(folder: Path) -> list[str]:
    return list(checking._check_whole(folder, []))


def test_row64_a_dataset_json_with_a_value_of_another_type_is_refused_or_read(folder):
    facts = json.loads((folder / "dataset.json").read_bytes())
    count = 0
    for wrong in [*WRONG, *damaged(facts)]:
        (folder / "dataset.json").write_text(json.dumps(wrong))
        use(folder)
        assert whole_problems(folder)
        count += 1
    assert count > 300


def test_row64_a_record_with_a_value_of_another_type_is_no_record(folder):
    record = json.loads((folder / "records/train-000000.record").read_bytes())
    record["skips"], record["skipped"] = [["a", "no_face", ""]], {"no_face": 1}
    parse_record(json.dumps(record).encode())
    for wrong in [*WRONG, *damaged(record)]:
        message = message_of(partial(parse_record, json.dumps(wrong).encode()))
        assert not message or "no record of a shard" in message


@pytest.mark.parametrize("name", ["dataset.json", "records/train-000000.record", ".work/plan.json"])
def test_row64_deeply_nested_json_is_one_line(folder, name):
    (folder / ".work").mkdir()
    (folder / name).write_text(DEEP)
    use(folder)
    if name == ".work/plan.json":
        with pytest.raises(UsageError, match="nested too deeply"):
            DataSetFolder(folder).read_plan()
    else:
        assert any("nested too deeply" in problem.what for problem in verify(folder).problems)


def test_row64_commands_say_it_in_one_line(folder):
    root = Path(__file__).parents[3]
    (folder / "dataset.json").write_text(DEEP)
    for command in ("preview", "unpack", "verify"):
        more = ("--to", str(folder / "to")) if command == "unpack" else ()
        done = subprocess.run(
            [sys.executable, str(root / "cli.py"), command, str(folder), *more],
            capture_output=True,
            text=True,
        )
        assert done.returncode == (1 if command == "verify" else 4), done.stderr
        assert "nested too deeply" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_row64_levels_between_the_parsers_limit_and_ours_are_refused_too(folder):
    facts = json.loads((folder / "dataset.json").read_bytes())
    facts["settings"]["masks"] = json.loads('{"a":' * 400 + "1" + "}" * 400)
    (folder / "dataset.json").write_text(json.dumps(facts))
    assert "nested too deeply" in whole_problems(folder)[0]


@pytest.mark.parametrize("count", [0, 1, 3, 5, 8, 10**6, 10**30, -1])
def test_row64_a_record_whose_count_is_a_lie_is_found_by_verify(folder, count):
    change(folder, count=count)
    assert not verify(folder).ok


def test_row64_impossible_numbers_make_no_record(folder):
    for numbers in ({"count": 10**6}, {"count": -1}, {"bytes": 10**30}, {"photos": -4}):
        record = json.loads((folder / "records/train-000000.record").read_bytes())
        with pytest.raises(ValueError, match="its numbers cannot all be true"):
            parse_record(json.dumps({**record, **numbers}).encode())


def change(folder: Path, **values: int) -> None:
    path = folder / "records/train-000000.record"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **values}))


def test_row64_a_count_that_is_a_lie_does_not_end_training(folder):
    honest = json.loads((folder / "records/train-000000.record").read_bytes())
    most = honest["bytes"] // 2560
    assert most > 2 * honest["count"]
    change(folder, count=most)
    shards = list_shards([str(folder)], "train")
    assert [shard.count for shard in shards] == [most]

    class Late(Random):
        """Random numbers that start far behind the last sample."""

        def random(self) -> float:
            return 0.99

        def sample(self, values, count):
            return list(values)

    notes: list[str] = []
    found = list(islice(_endless(shards, Late(), lambda member: True, notes.append), 15))
    assert len(found) == 15
    assert not notes


def test_row64_labels_that_are_nested_deeply_are_one_line(folder):
    path = folder / "train-000000.tar"
    with tarfile.open(path) as tar:
        members = [(info, tar.extractfile(info).read()) for info in tar]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for info, data in members:
            content = DEEP.encode() if info.name.endswith(".json") else data
            info.size = len(content)
            tar.addfile(info, BytesIO(content))
    with pytest.raises(InputError, match="nested too deeply"):
        list(open_data_set(folder).samples())
    assert any("nested too deeply" in problem.what for problem in verify(folder).problems)
    assert read_record(folder, "train-000000") is not None
