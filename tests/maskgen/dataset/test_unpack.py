import csv
import io
import json
import stat

import numpy as np
import pytest
from PIL import Image

from maskgen.cli.unpack import report_text
from maskgen.dataset.reader import open_data_set
from maskgen.dataset.unpack import COLUMNS, unpack
from maskgen.errors import InputError, UnmaskError, UsageError
from maskgen.generation.pipeline import generate
from tests.helpers.fake_worker_tools import build, draw_photo, settings_for
from tests.helpers.small_images import drawn_photo, drawn_triplet, write_data_set

TABLES = {"samples.csv", "skipped.csv"}
SOURCES = ("Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg", "Bob/Bob_0001.png")


def test_folders_hold_the_bytes_of_the_shard_and_a_map_of_0_and_255(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES)
    report = unpack(folder, tmp_path / "to")
    assert (report.samples, report.files) == (3, 9)
    for sample in open_data_set(folder).samples():
        assert (tmp_path / f"to/inputs/{sample.key}.jpg").read_bytes() == sample.members["masked.jpg"]
        assert (tmp_path / f"to/outputs/{sample.key}.jpg").read_bytes() == sample.members["gt.jpg"]
        with Image.open(tmp_path / f"to/binary_mask/{sample.key}.png") as image:
            assert image.mode == "L"
            assert np.array_equal(np.asarray(image), sample.decode()["map"] * 255)


def test_names_set_the_folders(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES)
    unpack(folder, tmp_path / "to", names="masked, unmasked,map")
    assert {path.name for path in (tmp_path / "to").iterdir()} == {"masked", "unmasked", "map", *TABLES}


def test_table_has_a_row_for_each_sample(tmp_path):
    folder = write_data_set(tmp_path / "set", [*SOURCES, "odd/=1,\n2.jpg"])
    unpack(folder, tmp_path / "to")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "to/samples.csv").read_text("utf-8"), newline="")))
    assert list(rows[0]) == COLUMNS
    assert {row["source"] for row in rows} == {*SOURCES, "odd/=1,\n2.jpg"}
    assert all((tmp_path / "to" / row["file"]).exists() for row in rows)


def unpack_tree(folder, to, **options):
    """Unpacks as a tree; returns the report and the rows of `skipped.csv`."""
    report = unpack(folder, to, layout="tree", **options)
    return report, list(csv.DictReader(io.StringIO((to / "skipped.csv").read_text("utf-8"), newline="")))


def test_photos_missing_from_a_tree_are_counted_and_listed_with_identity_and_reason(tmp_path):
    skips = [
        ("Ann/Ann_0003.jpg", "no_face", ""),
        ("Cid/Cid_0001.jpg", "profile", "yaw 81"),
        ("x/1.jpg", "no_face", ""),
    ]
    folder = write_data_set(tmp_path / "set", SOURCES[:2], skips=skips)
    report, rows = unpack_tree(folder, tmp_path / "to")
    assert report.skipped == {"no_face": 2, "profile": 1}
    assert [tuple(row.values()) for row in rows] == [
        ("Ann/Ann_0003.jpg", "Ann", "train", "no_face", ""),
        ("Cid/Cid_0001.jpg", "Cid", "train", "profile", "yaw 81"),
        ("x/1.jpg", "", "train", "no_face", ""),
    ]
    text = report_text(report)
    assert "3 photos of the source gave no sample, see skipped.csv" in text
    assert "      2  no_face: no face was found" in text


def test_a_missing_photo_has_its_folder_as_identity_if_folders_are_people(tmp_path):
    lists = (*SOURCES, "clips/one/1.jpg")  # folder "one", identity "clips", so a list gave the identities
    for name, sources, identity in (("mine", SOURCES, "45"), ("listed", lists, "")):
        folder = write_data_set(tmp_path / name, sources, skips=[("45/1.jpg", "no_face", "")])
        (folder / "dataset.json").write_text(json.dumps({"settings": {"source": {"people": "folders"}}}))
        _, rows = unpack_tree(folder, tmp_path / f"{name}-to")
        assert [row["identity"] for row in rows] == [identity]


def test_a_crop_of_another_face_is_in_no_tree_of_people_and_has_no_identity(tmp_path):
    alone = "Cid/Cid_0001.jpg"  # its main face gave no sample
    skips = [("Dan/Dan_0001.jpg", "no_face", "")]
    folder = write_data_set(tmp_path / "set", SOURCES, strangers=[SOURCES[0], alone], skips=skips)
    (folder / "dataset.json").write_text(json.dumps({"settings": {"source": {"people": "folders"}}}))
    report, (lost,) = unpack_tree(folder, tmp_path / "tree")
    files = {path.relative_to(tmp_path / "tree").as_posix() for path in (tmp_path / "tree").rglob("*.jpg")}
    assert files == {"Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg", "Bob/Bob_0001.jpg"}
    assert (report.samples, report.files, report.left_out, lost["identity"]) == (3, 3, 2, "Dan")
    assert "2 crops left out" in report_text(report)
    report = unpack(folder, tmp_path / "plain")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "plain/samples.csv").read_text("utf-8"), newline="")))
    assert (len(rows), report.left_out) == (5, 0)
    assert {row["identity"] for row in rows if "-f1-" in row["key"]} == {""}
    assert {row["identity"] for row in rows if "-f0-" in row["key"]} == {"Ann", "Bob"}


def test_a_tree_without_identities_keeps_every_crop(tmp_path):
    folder = write_data_set(tmp_path / "set", ["a.jpg", "b.jpg"], strangers=["a.jpg"])
    report = unpack(folder, tmp_path / "to", layout="tree")
    assert (report.samples, report.left_out) == (3, 0)


def test_an_unfinished_data_set_gives_a_warning_and_identities_of_missing_photos(tmp_path):
    for i in range(20):
        draw_photo(tmp_path / f"people/Person {i // 2}/{'noface' if i % 4 == 3 else i}.jpg", i)
    slices = {"source": {"people": "folders"}, "shards": {"shard_size": 4}}
    first = settings_for(tmp_path / "people", tmp_path / "set", **slices, run={"shards": "1::3"})
    done = generate(first, build=build)
    assert done.skipped
    report, rows = unpack_tree(tmp_path / "set", tmp_path / "part")
    (warning,) = report.warnings
    planned = json.loads((tmp_path / "set/.work/plan.json").read_bytes())["shards"]
    there = {path.stem for path in (tmp_path / "set").glob("*.tar")}
    lost = [shard for shard in planned if shard["name"] not in there]
    assert f"{len(lost)} of {len(planned)} shards are not there ({lost[0]['name']}" in warning
    assert f"their {20 - done.photos} photos" in warning
    assert [row["identity"] for row in rows] == [row["source"].split("/")[0] for row in rows]
    assert all(row["identity"].startswith("Person") for row in rows)
    (split,) = {shard["split"] for shard in planned} - {shard["split"] for shard in lost} or [""]
    assert not split or not unpack_tree(tmp_path / "set", tmp_path / "whole", split=split)[0].warnings
    generate(first.model_copy(update={"run": first.run.model_copy(update={"shards": ""})}), build=build)
    assert unpack_tree(tmp_path / "set", tmp_path / "all")[0].warnings == ()


def test_a_data_set_without_plan_or_facts_gives_a_warning(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES)
    (folder / "dataset.json").unlink()
    assert "a part of a data set, or unfinished" in unpack(folder, tmp_path / "to").warnings[0]


def test_no_photo_is_missing_from_a_split_without_skips(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES, skips=[("a.jpg", "no_face", "")])
    write_data_set(folder, ["Cid/Cid_0001.jpg"], split="val")
    report, rows = unpack_tree(folder, tmp_path / "to", split="val")
    assert (report.skipped, rows) == ({}, [])
    assert "skipped" not in report_text(report)


def test_only_the_requested_split_is_unpacked(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES)
    write_data_set(folder, ["Cid/Cid_0001.jpg"], split="val")
    assert unpack(folder, tmp_path / "to", split="val").samples == 1


@pytest.mark.parametrize("encoding", ["png", "webp"])
def test_lossless_strip_is_original_masked_map(tmp_path, encoding):
    folder = write_data_set(tmp_path / "set", ["a.png"], encoding=encoding)
    unpack(folder, tmp_path / "to", layout="strip")
    (path,) = (tmp_path / "to").glob("*.png")
    triplet = drawn_triplet(0)
    white = np.dstack([triplet.map * 255] * 3)
    with Image.open(path) as strip:
        assert np.array_equal(np.asarray(strip), np.hstack([triplet.gt, triplet.masked, white]))


def test_strip_of_jpegs_is_a_jpeg(tmp_path):
    folder = write_data_set(tmp_path / "set", ["a.jpg"])
    unpack(folder, tmp_path / "to", layout="strip")
    (path,) = (tmp_path / "to").glob("*.jpg")
    with Image.open(path) as strip:
        assert strip.size == (192, 64)


def test_tree_keeps_names_and_folders(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES, size_setting=0)
    unpack(folder, tmp_path / "to", layout="tree")
    files = {path.relative_to(tmp_path / "to").as_posix() for path in (tmp_path / "to").rglob("*.*")}
    assert files == {"Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg", "Bob/Bob_0001.jpg", *TABLES}


def test_tree_never_writes_two_samples_into_one_file(tmp_path):
    folder = write_data_set(tmp_path / "set", ["a/x.jpg", "a/X.jpg", "a/x.png"], size_setting=0)
    unpack(folder, tmp_path / "to", layout="tree")
    names = [path.name.casefold() for path in (tmp_path / "to/a").iterdir()]
    assert len(names) == len(set(names)) == 3


def test_tree_cuts_a_file_name_that_is_too_long_with_its_new_suffix(tmp_path):
    folder = write_data_set(tmp_path / "set", [f"a/{'n' * 251}.png"], encoding="webp", size_setting=0)
    unpack(folder, tmp_path / "to", layout="tree")
    (path,) = (tmp_path / "to/a").iterdir()
    assert path.name == "n" * 250 + ".webp"


def test_tree_with_names_writes_one_tree_per_name(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES, size_setting=256)
    report = unpack(str(folder), str(tmp_path / "to"), layout="tree", names="masked,plain,maps")
    files = {path.relative_to(tmp_path / "to").as_posix() for path in (tmp_path / "to").rglob("*.*")}
    trees = {f"{name}/{SOURCES[0]}" for name in ("masked", "plain")} | {"maps/Ann/Ann_0001.png"}
    assert trees <= files
    assert len(files) == 3 * 3 + len(TABLES)
    assert report.files == 9
    sample = next(each for each in open_data_set(folder).samples() if each.labels["source"] == SOURCES[0])
    assert (tmp_path / "to/plain" / SOURCES[0]).read_bytes() == sample.member("gt")[0]


def test_names_are_refused_for_strips(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES)
    with pytest.raises(UsageError, match="strips lie in no folders"):
        unpack(folder, tmp_path / "to", layout="strip", names="a,b,c")


@pytest.mark.parametrize("evil", ["../evil.jpg", "/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "a/\0.jpg"])
def test_tree_writes_nothing_outside_its_target(tmp_path, evil):
    folder = write_data_set(tmp_path / "deep" / "set", [evil], size_setting=0)
    with pytest.raises(InputError, match="leads out of the target"):
        unpack(folder, tmp_path / "deep" / "to", layout="tree")
    assert not list(tmp_path.glob("**/*evil*"))


def test_target_with_files_is_refused_unless_overwrite(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES)
    (tmp_path / "to").mkdir()
    (tmp_path / "to/mine.txt").write_text("keep")
    with pytest.raises(UsageError, match=r"not empty.*--overwrite"):
        unpack(folder, tmp_path / "to")
    unpack(folder, tmp_path / "to", overwrite=True)
    assert (tmp_path / "to/mine.txt").read_text() == "keep"


@pytest.mark.parametrize("names", ["a,a,b", "../a,b,c", ",b,c", "a/b,c,d", "a,b", "a,b,c,d", ".a,b,c"])
def test_names_that_are_not_three_folders_are_refused(tmp_path, names):
    folder = write_data_set(tmp_path / "set", SOURCES)
    with pytest.raises(UsageError, match="three different plain names"):
        unpack(folder, tmp_path / "to", names=names)


def test_the_data_set_itself_is_refused_as_target(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES)
    with pytest.raises(UsageError, match="data set itself"):
        unpack(folder, folder, overwrite=True)


def test_shard_without_record_is_ignored(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES)
    write_data_set(folder, ["Cid/Cid_0001.jpg"], split="val")
    (folder / "records/val-000000.record").unlink()
    assert unpack(folder, tmp_path / "to").samples == 3


def test_folder_without_shards_is_refused_with_the_command_to_run(tmp_path):
    with pytest.raises(InputError, match="unmask gen-data"):
        unpack(tmp_path, tmp_path / "to")


def test_target_that_is_a_file_is_a_one_line_error(tmp_path):
    folder = write_data_set(tmp_path / "set", SOURCES)
    (tmp_path / "to").write_text("a file")
    with pytest.raises(UnmaskError, match="is a file"):
        unpack(folder, tmp_path / "to")


def test_progress_counts_to_the_total(tmp_path):
    folder, reported = write_data_set(tmp_path / "set", SOURCES), []
    unpack(
        folder, tmp_path / "to", on_progress=lambda progress: reported.append((progress.done, progress.total))
    )
    assert reported == [(1, 3), (2, 3), (3, 3)]


def test_files_are_not_executable(tmp_path):
    folder = write_data_set(tmp_path / "set", ["a.jpg"], photo=drawn_photo(3))
    unpack(folder, tmp_path / "to")
    assert all(not path.stat().st_mode & stat.S_IXUSR for path in (tmp_path / "to").rglob("*.*"))
