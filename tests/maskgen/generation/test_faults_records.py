"""Rows 700 to 706 of the fault matrix: the records of shards, their folder, and shards for several loader workers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from maskgen.config import load_settings
from maskgen.dataset.reader import open_data_set
from maskgen.dataset.shard_record import read_record
from maskgen.dataset.verify import verify
from maskgen.errors import UsageError
from maskgen.files import older_record_path, record_path
from maskgen.generation.pipeline import rehearse
from maskgen.settings import GenSettings
from tests.helpers.fake_worker_tools import ROOT, contents, draw_photos, finish, make, settings_for, start

pytestmark = pytest.mark.fault


@pytest.fixture
def out(undisturbed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(undisturbed, tmp_path / "out")


def file_of_theirs(records: Path) -> None:
    records.write_text("theirs")


def link_to_a_folder(records: Path) -> None:
    (records.parent / "elsewhere").mkdir()
    records.symlink_to(records.parent / "elsewhere")


def link_to_nothing(records: Path) -> None:
    records.symlink_to(records.parent / "nowhere")


def folder_named_like_a_record(records: Path) -> None:
    (records / "train-000000.record").mkdir(parents=True)


@pytest.mark.parametrize(
    "damage", [file_of_theirs, link_to_a_folder, link_to_nothing, folder_named_like_a_record]
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_row701_what_is_in_the_way_of_the_records_is_refused_before_anything_changes(
    damage: Callable[[Path], None], overwrite: bool, photos: Path, out: Path
) -> None:
    shutil.rmtree(out / "records")
    damage(out / "records")
    before = contents(out)
    with pytest.raises(UsageError, match=r"records.*(file|link|folder).*move it away"):
        make(settings_for(photos, out, run={"overwrite": overwrite}))
    assert contents(out) == before
    assert not list((out / "elsewhere").glob("*"))


def test_row701_a_folder_of_records_that_cannot_be_written_to_costs_no_shard(photos: Path, out: Path) -> None:
    (out / "records").chmod(0o500)
    before = contents(out)
    code = "import sys; from tests.helpers.fake_worker_tools import main; sys.exit(main())"
    settings = settings_for(photos, out, run={"overwrite": True}).model_dump_json()
    rights = "-dac_override,-dac_read_search"  # by these root may write anywhere
    drop = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"] if os.geteuid() == 0 else []
    run = subprocess.run(
        [*drop, sys.executable, "-c", code, settings, "60"], cwd=ROOT, capture_output=True, text=True
    )
    assert (run.returncode, run.stderr.count("\n")) == (1, 1), run.stderr
    assert "cannot write the records of the shards" in run.stderr
    (out / "records").chmod(0o700)
    assert contents(out) == before


def test_row702_files_of_others_among_the_records_are_refused_and_found(
    photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    new, stray = tmp_path / "new", tmp_path / "new" / "records" / "notes.txt"
    stray.parent.mkdir(parents=True)
    stray.write_text("mine")
    (stray.parent / ".DS_Store").write_text("left by the system")
    for start_run in (make, rehearse):
        with pytest.raises(UsageError, match=r"holds records/notes\.txt, .*move it away"):
            start_run(settings_for(photos, new))
    assert sorted(path.name for path in new.iterdir()) == ["records"]
    stray.unlink()
    make(settings_for(photos, new))
    assert verify(new).ok
    stray.write_text("mine")
    assert [problem.what for problem in verify(new).problems] == [
        "records/notes.txt is not part of the data set"
    ]
    make(settings_for(photos, new, run={"overwrite": True}))
    assert stray.read_text() == "mine"
    stray.unlink()
    (stray.parent / ".DS_Store").unlink()
    assert contents(new) == contents(undisturbed)


def test_row702_a_second_record_beside_the_tar_is_found_and_not_used(out: Path) -> None:
    record = json.loads(record_path(out, "train-000000").read_bytes())
    older_record_path(out, "train-000000").write_text(json.dumps(record | {"count": 1}))
    assert open_data_set(out).count == verify(out).samples
    (problem,) = verify(out).problems
    assert "second record, train-000000.json" in problem.what


def test_row703_a_lost_folder_of_records_is_made_again(photos: Path, undisturbed: Path, out: Path) -> None:
    shutil.rmtree(out / "records")
    assert {problem.what.partition(",")[0] for problem in verify(out).problems} >= {"the record is missing"}
    make(settings_for(photos, out))
    assert contents(out) == contents(undisturbed)


def test_row703_records_moved_beside_the_tars_are_read_but_their_shards_are_made_again(
    photos: Path, undisturbed: Path, out: Path
) -> None:
    for path in (out / "records").iterdir():
        path.rename(older_record_path(out, path.stem))
    assert verify(out).ok
    assert rehearse(settings_for(photos, out)).missing == len(list(out.glob("*.tar")))
    make(settings_for(photos, out))
    assert contents(out) == contents(undisturbed), "no record stays beside a tar"


# Kills the run and its worker when the latter is about to rename a temporary file to a certain name.
KILLER = """
import os
from pathlib import Path
replace = Path.replace
def replace_or_end(path, target):
    if str(target) == os.environ.get("KILLED_AT"):
        os.kill(os.getppid(), 9)
        os.kill(os.getpid(), 9)
    return replace(path, target)
Path.replace = replace_or_end
"""


@pytest.mark.parametrize("moment", ["tar", "record", "seal"])
def test_row704_a_kill_between_tar_and_record_leaves_no_record_of_another_tar(
    moment: str, photos: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """The worker is killed before the tar is renamed, before the record is, and before its digest is."""
    out = tmp_path / "out"
    make(settings_for(photos, out, shards={"shard_size": 2}))
    names = {
        "tar": "train-000000.tar",
        "record": "records/train-000000.record",
        "seal": ".work/train-000000.record",
    }
    (tmp_path / "sitecustomize.py").write_text(KILLER)
    settings = settings_for(photos, out, run={"overwrite": True})
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    finish(start(settings, PYTHONPATH=paths, KILLED_AT=str(out / names[moment])), code=-signal.SIGKILL)
    assert read_record(out, "train-000000") is None
    assert (out / "train-000000.tar").exists() == (moment != "tar")
    make(settings_for(photos, out))
    assert contents(out) == contents(undisturbed)


@pytest.mark.parametrize("readers", [0, -1, 1025, "many"])
def test_row705_readers_out_of_bounds_are_refused(readers: object) -> None:
    with pytest.raises(UsageError, match="readers"):
        load_settings(GenSettings, sets=[f"shards.readers={readers}"])


def test_row705_another_number_of_readers_is_another_data_set(photos: Path, out: Path) -> None:
    before = contents(out)
    with pytest.raises(UsageError, match=r"shards\.readers: 4 there, 2 now"):
        make(settings_for(photos, out, shards={"readers": 2}))
    assert contents(out) == before


def test_row706_a_split_whose_photos_give_no_sample_does_not_take_the_shard_of_a_reader(
    tmp_path: Path,
) -> None:
    """One photo in four gives no sample; the others are enough for each of four loader workers."""
    photos = draw_photos(tmp_path / "people", 150, names=tuple(f"noface_{i}" for i in range(50)))
    made = make(settings_for(photos, tmp_path / "out", shards={"shard_size": 1000}))
    assert made.skipped == {"no_face": 50}
    for split in ("train", "val", "test"):
        records = [record for record in open_data_set(tmp_path / "out").records if record.split == split]
        assert len(records) == 4
        assert min(record.count for record in records) > 0


def test_row706_a_worker_of_a_data_loader_finds_samples_in_every_split(tmp_path: Path) -> None:
    photos = draw_photos(tmp_path / "people", 100)
    make(settings_for(photos, tmp_path / "out", shards={"shard_size": 1000}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # raised by imports of other packages
        torch_data, webdataset = pytest.importorskip("torch.utils.data"), pytest.importorskip("webdataset")
        for split in ("train", "val", "test"):
            tars = sorted(map(str, (tmp_path / "out").glob(f"{split}-*.tar")))
            samples = webdataset.WebDataset(tars, shardshuffle=False, nodesplitter=webdataset.split_by_node)
            loader = torch_data.DataLoader(samples, batch_size=None, num_workers=2)
            keys = [sample["__key__"] for sample in loader]
            counts = [
                record.count for record in open_data_set(tmp_path / "out").records if record.split == split
            ]
            assert len(counts) >= 2
            assert len(set(keys)) == len(keys) == sum(counts)
