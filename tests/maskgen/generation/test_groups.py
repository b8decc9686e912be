"""Groups of people in a data set, from the command line to `dataset.json`, the card and `verify`."""

import json
from pathlib import Path

import pytest

from maskgen.cli.gen_data import report_text
from maskgen.dataset.attributes import UTKFACE
from maskgen.dataset.skin_tone import CLASSES
from maskgen.dataset.verify import verify
from maskgen.errors import InputError
from maskgen.generation.pipeline import generate, rehearse
from maskgen.settings import GenSettings
from tests.helpers.celeba_folders import NAMES, official, unpacked
from tests.helpers.fake_worker_tools import build, contents, draw_photo, draw_photos, settings_for

TABLE = "people.csv"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draws 40 photos of men, all usable, and 40 of women, of whom 20 have no face that is found; and 2 others."""
    folder = tmp_path_factory.mktemp("source") / "people"
    rows = ["photo,sex"]
    for number in range(80):
        sex, bad = ("man", "woman")[number % 2], "noface" if number % 4 == 1 else ""
        name = f"{number:02d}{bad}.jpg"
        draw_photo(folder / name, number)
        rows.append(f"{name},{sex}")
    for name in ("x.jpg", "y.jpg"):
        draw_photo(folder / name, 99)
    (folder.parent / TABLE).write_text("\n".join(rows))
    return folder


def test_a_group_that_is_skipped_more_often_is_flagged_everywhere(photos: Path, tmp_path: Path) -> None:
    out, table = tmp_path / "out", str(photos.parent / TABLE)
    report = generate(settings_for(photos, out, run={"by": table}), build=build)
    sexes = report.by_group["sex"]
    assert {name: (part["photos"], part["made"]) for name, part in sexes.items()} == {
        "man": (40, 40), "woman": (40, 20), "unknown": (2, 2),
    }  # fmt: skip
    assert (sexes["woman"]["differs"], sexes["woman"]["skipped"]) == (True, {"no_face": 20})
    facts = json.loads((out / "dataset.json").read_bytes())
    assert facts["by_group"] == report.by_group
    card = (out / "README.md").read_text("utf-8")
    assert "| sex | woman `*` | 40 | 20 | 50.00% [35.20%, 64.80%] | 20 no_face |" in card
    assert "sex woman     50.00%  [35.20%, 64.80%]  20 of 40 photos  differs" in report_text(report, [table])
    assert verify(out).ok
    assert not report.warnings or all("--by" not in line for line in report.warnings)


def test_a_changed_count_is_found_by_verify(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    generate(settings_for(photos, out, run={"by": str(photos.parent / TABLE)}), build=build)
    text = (out / "dataset.json").read_text("ascii")
    assert '"made": 20' in text
    (out / "dataset.json").write_text(text.replace('"made": 20', '"made": 21'))
    result = verify(out)
    assert not result.ok
    assert any("sex: not what follows from its counts" in problem.what for problem in result.problems)


def test_groups_change_no_byte_of_the_shards_and_can_be_added_later(photos: Path, tmp_path: Path) -> None:
    plain = settings_for(photos, tmp_path / "out")
    generate(plain, build=build)
    before = contents(tmp_path / "out")
    assert "by_group" not in json.loads((tmp_path / "out/dataset.json").read_bytes())
    report = generate(
        settings_for(photos, tmp_path / "out", run={"by": str(photos.parent / TABLE)}), build=build
    )
    after = contents(tmp_path / "out")
    assert report.made == 0
    assert {name for name in before if before[name] != after[name]} == {"dataset.json", "README.md"}
    assert json.loads((tmp_path / "out/dataset.json").read_bytes())["hash"]


def test_utkface_is_counted_without_being_asked(tmp_path: Path) -> None:
    photos = tmp_path / "utk"
    for number in range(6):
        draw_photo(photos / f"{10 * number}_{number % 2}_{number % 5}_2017011617452512{number}.jpg", number)
    settings = settings_for(photos, tmp_path / "out")
    report = generate(settings, build=build)
    assert set(report.by_group) == {"age", "group", "sex"}
    assert report.by_group["sex"]["female"]["photos"] == 3
    assert list(report.by_group["age"]) == ["0-12", "20-34", "35-49", "50-64"]
    assert "no group of age, group, sex differs" in report_text(report)
    assert (
        generate(settings_for(photos, tmp_path / "other", run={"by": [UTKFACE]}), build=build).by_group
        == report.by_group
    )


def test_celebas_list_is_found_beside_the_photos(tmp_path: Path) -> None:
    rows = "\n".join(f"{name} {1 if at < 4 else -1} -1" for at, name in enumerate(NAMES))
    files = official() | {"Anno/list_attr_celeba.txt": f"{len(NAMES)}\nMale Young\n{rows}\n".encode()}
    root = unpacked(tmp_path / "celeba", files)
    settings = settings_for(root, tmp_path / "out", source={"src": "celeba", "root": str(root)})
    report = generate(settings, build=build)
    assert {name: part["photos"] for name, part in report.by_group["sex"].items()} == {"female": 2, "male": 4}
    assert {name: part["made"] for name, part in report.by_group["young"].items()} == {"no": 6}


@pytest.mark.fault
def test_row661_a_damaged_list_beside_the_photos_is_a_warning(tmp_path: Path) -> None:
    files = official() | {"Anno/list_attr_celeba.txt": b"6\nMale Young\n000001.jpg 1\n"}
    root = unpacked(tmp_path / "celeba", files)
    settings = settings_for(root, tmp_path / "out", source={"src": "celeba", "root": str(root)})
    report = generate(settings, build=build)
    assert (report.triplets, report.by_group) == (6, {})
    assert any("the yield is not counted by group" in line and "line 3" in line for line in report.warnings)


@pytest.mark.fault
def test_row660_a_malformed_table_stops_the_run_before_anything_is_written(
    photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_text("name\nx\n")
    settings = settings_for(photos, tmp_path / "out", run={"by": str(tmp_path / "bad.csv")})
    for call in (lambda: generate(settings, build=build), lambda: rehearse(settings)):
        with pytest.raises(InputError, match=r"--by .*bad\.csv"):
            call()
    assert not (tmp_path / "out").exists()


@pytest.mark.fault
def test_row662_a_table_of_other_photos_is_a_warning(tmp_path: Path) -> None:
    photos = draw_photos(tmp_path / "people", 4)
    (tmp_path / "a.csv").write_text("photo,sex\nother.jpg,f\n")
    settings = settings_for(photos, tmp_path / "out", run={"by": str(tmp_path / "a.csv")})
    report = generate(settings, build=build)
    assert report.by_group == {}
    assert any("states nothing about the 4 photos" in line for line in report.warnings)
    assert any("states nothing about the 4 photos" in line for line in rehearse(settings).warnings)


def test_skin_tones_are_counted_when_asked(tmp_path: Path) -> None:
    photos = draw_photos(tmp_path / "people", 6, ("noface",))
    settings = settings_for(photos, tmp_path / "out", run={"by": "tone"}, masks={"per_face": 2})
    report = generate(settings, build=build)
    assert list(report.tones) == [*(name for name, _ in CLASSES), "unknown"]
    assert sum(report.tones.values()) == 6  # each photo once, without the one that has no sample
    card = (tmp_path / "out/README.md").read_text("utf-8")
    assert f"| unknown | {report.tones['unknown']} |" in card
    assert verify(tmp_path / "out").ok
    assert "skin tones of the photos with a sample: very light" in report_text(report, ["tone"])


def test_one_text_in_a_settings_file_is_one_source() -> None:
    assert GenSettings.model_validate({"run": {"by": "utkface"}}).run.by == ("utkface",)
    assert GenSettings.model_validate({"run": {"by": ["utkface", "tone"]}}).run.by == ("utkface", "tone")
    assert GenSettings.model_validate({"run": {"by": ""}}).run.by == ()
