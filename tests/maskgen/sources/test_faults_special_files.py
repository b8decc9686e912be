"""Row 61 of docs/faults.md: pipes, devices and sparse files in place of a photo, a source, a template or a list."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from maskgen.assets import asset
from maskgen.config import load_settings
from maskgen.dataset.reader import open_data_set
from maskgen.dataset.shard_record import read_record
from maskgen.dataset.verify import verify
from maskgen.errors import InputError, MissingError, Skip, UsageError
from maskgen.faces.landmarks.dlib import _load
from maskgen.images.photo_loader import load_photo
from maskgen.masks.library import built_in
from maskgen.masks.templates import _picture
from maskgen.masks.user_textures import load_artwork
from maskgen.masks.validation import check_templates
from maskgen.settings import GenSettings, SourceSettings
from maskgen.sources.folder import FolderStore
from maskgen.sources.resolve import build_source, open_store
from maskgen.video import check_container
from tests.helpers.small_images import write_data_set
from tests.helpers.special_files import KINDS, make_special, within
from unmasknet.data.shard_list import list_shards
from unmasknet.evaluation.attributes import read_attributes
from unmasknet.evaluation.score_csv import read_scores

pytestmark = pytest.mark.fault
ROOT = Path(__file__).parents[3]
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def photos(tmp_path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(asset("demo/astronaut.jpg"), folder / name)
    return folder


def gen_data(photos: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        str(ROOT / "cli.py"),
        "gen-data",
        "--src",
        str(photos),
        "--json",
        "--jobs",
        "1",
    ]
    command += ["--out", str(photos.parent / "set"), "--max-failures", "1"]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


@each_kind
def test_row61_a_photo_that_becomes_something_else_after_it_was_listed_is_skipped(photos, kind):
    store = FolderStore(photos)
    assert store.names() == ["a.jpg", "b.jpg"]
    make_special(photos / "a.jpg", kind)
    with within(10):
        assert store.head("a.jpg") in (b"", b"\0" * 512)
        found = store.read("a.jpg")
    assert isinstance(found, Skip)
    assert found.reason == ("too_large" if kind == "sparse" else "unreadable")
    assert KINDS[kind] in found.detail
    assert isinstance(store.read("b.jpg"), bytes)


def test_row61_gen_data_goes_on_past_a_sparse_file(photos):
    make_special(photos / "a.jpg", "sparse")
    done = gen_data(photos)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["triplets"], facts["skipped"]) == (1, {"too_large": 1})


@each_kind
def test_row743_a_pipe_or_device_with_the_name_of_a_photo_is_counted(photos, kind):
    make_special(photos / "pipe.jpg", kind)
    make_special(photos / "pipe", kind)  # nothing says that this one is a photo
    with within(100):
        done = gen_data(photos)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    reason = "too_large" if kind == "sparse" else "unreadable"
    assert (facts["photos"], facts["triplets"]) == (3, 2)
    assert facts["skipped"] == {reason: 1}


@each_kind
def test_row61_a_source_that_is_no_file_is_one_line(tmp_path, kind):
    path = make_special(tmp_path / "photos.zip", kind)
    with (
        within(10),
        pytest.raises(InputError, match=r"is a pipe|is a device|neither a folder nor a zip or tar"),
    ):
        build_source(SourceSettings(src=str(path)))


@each_kind
def test_row61_settings_templates_and_textures_are_refused_with_the_reason(tmp_path, kind):
    own = tmp_path / "own" / "heart"
    shutil.copytree(built_in().folders["n95"], own)
    toml = make_special(tmp_path / "gen.toml", kind)
    with within(10):
        with pytest.raises(UsageError, match=KINDS[kind]):
            load_settings(GenSettings, toml)
        for name in ("template.toml", "albedo.png", "height.png"):
            kept = (own / name).read_bytes()
            make_special(own / name, kind)
            assert any(KINDS[kind] in str(one) for one in check_templates(tmp_path / "own").problems)
            (own / name).unlink()
            (own / name).write_bytes(kept)
        for read in (_picture, lambda path: load_artwork(path, tile=False)):
            with pytest.raises(InputError, match=KINDS[kind]):
                read(make_special(tmp_path / "print.png", kind))


@each_kind
def test_row61_records_shards_and_facts_are_refused_with_the_reason(tmp_path, kind):
    out = write_data_set(tmp_path / "set", ["Ann/0.jpg", "Ann/1.jpg"])
    sound = {name: (out / name).read_bytes() for name in ("records/train-000000.record", "train-000000.tar")}
    with within(20):
        make_special(out / "records/train-000000.record", kind)
        assert read_record(out, "train-000000") is None
        (out / "records/train-000000.record").unlink()
        (out / "records/train-000000.record").write_bytes(sound["records/train-000000.record"])
        assert list_shards([str(out)], "train")
        make_special(out / "dataset.json", kind)
        with pytest.raises(InputError, match=KINDS[kind]):
            open_data_set(out)
        (out / "dataset.json").unlink()
        if kind != "sparse":  # of another size than recorded, which is found first
            make_special(out / "train-000000.tar", kind)
            with pytest.raises(InputError, match=KINDS[kind]):
                list(open_data_set(out).samples())
            assert not verify(out).ok


@each_kind
def test_row61_a_photo_a_table_and_a_video_given_by_path_are_refused_with_the_reason(tmp_path, kind):
    path = make_special(tmp_path / "file", kind)
    with within(10):
        for read in (lambda: load_photo(path, max_pixels=10**6, background=255), lambda: read_scores(path)):
            with pytest.raises(InputError, match=KINDS[kind]):
                read()
        with pytest.raises(InputError, match=KINDS[kind]):
            read_attributes(str(path))
        if kind != "sparse":  # videos have no limit of size; its zeros are no container
            with pytest.raises(InputError, match=KINDS[kind]):
                check_container(path)


@each_kind
def test_row61_landmark_models_are_refused_with_the_reason(tmp_path, kind):
    path = make_special(tmp_path / "model.dat", kind)
    with within(10), pytest.raises((InputError, MissingError), match=KINDS[kind]):
        _load(lambda name: name, path)


def test_row61_a_zip_that_becomes_a_pipe_after_it_was_opened_is_not_waited_for(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as packed:
        packed.write(asset("demo/astronaut.jpg"), "a.jpg")
    store = open_store(tmp_path / "set.zip")
    make_special(tmp_path / "set.zip", "pipe")
    with within(10), pytest.raises(InputError, match="is a pipe"):
        store.read("a.jpg")
