import json
from dataclasses import replace
from pathlib import Path

import pytest

from maskgen.cli.gen_data import _output, report_text
from maskgen.dataset.folder import DataSetFolder
from maskgen.dataset.plan import ShardPlan
from maskgen.dataset.verify import verify
from maskgen.errors import FACE_REASONS, InputError, TooManyFailures, UnmaskError, UsageError
from maskgen.generation import pipeline
from maskgen.generation.pipeline import MASK_SECONDS, GenReport, check_failures, generate, rehearse
from maskgen.generation.process_pool import LocalEngine
from maskgen.generation.worker_tools import Kit, build_kit
from maskgen.progress import Progress
from maskgen.settings import GenSettings
from maskgen.sources import Source, build_source
from maskgen.types import PhotoRef
from tests.helpers.fake_worker_tools import build, contents, draw_photo, draw_photos, settings_for

REPORT = GenReport("out", photos=100, triplets=90, skipped={}, shards=1, seconds=1.0)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_photos(tmp_path_factory.mktemp("source") / "people", 12, ("noface",))


def test_a_run_reports_all_photos_and_progress_reaches_the_total(photos: Path, tmp_path: Path) -> None:
    updates: list[Progress] = []
    settings = settings_for(photos, tmp_path / "out", masks={"per_face": 2})
    report = generate(settings, updates.append, build=build)
    assert (report.photos, report.triplets, report.skipped, report.made) == (13, 24, {"no_face": 1}, 13)
    assert report.whole
    assert updates[-1] == Progress(13, 13, figures={"triplets": 24, "no_face": 1})
    again = generate(settings, updates.append, build=build)
    assert (again.triplets, again.made, updates[-1].found) == (24, 0, 13)
    assert not list((tmp_path / "out" / ".work").glob("lock-*"))


def test_dataset_json_holds_no_path_of_this_machine(photos: Path, tmp_path: Path) -> None:
    generate(settings_for(photos, tmp_path / "out"), build=build)
    for path in (tmp_path / "out").iterdir():
        if path.is_file():
            assert str(tmp_path).encode() not in path.read_bytes()
            assert str(photos.parent).encode() not in path.read_bytes()
    facts = json.loads((tmp_path / "out" / "dataset.json").read_bytes())
    assert facts["triplets"] == sum(split["triplets"] for split in facts["splits"].values()) == 12


def test_fewer_photos_than_requested_give_a_warning(photos: Path, tmp_path: Path) -> None:
    settings = settings_for(photos, tmp_path / "out", source={"n": 50})
    assert rehearse(settings).photos == 13
    report = generate(settings, build=build)
    assert report.warnings == ("the source has 13 photos, 50 were asked for (--n): took them all",)


def test_a_damaged_shard_is_made_again_with_a_warning(photos: Path, tmp_path: Path) -> None:
    settings = settings_for(photos, tmp_path / "out")
    generate(settings, build=build)
    shard = min((tmp_path / "out").glob("*.tar"))
    sound = shard.read_bytes()
    shard.write_bytes(sound[:-700])
    assert generate(settings, build=build).warnings == (
        f"{shard.stem}: not what the record says; made again",
    )
    assert shard.read_bytes() == sound
    assert generate(settings, build=build).warnings == ()


def test_a_source_without_identities_gives_a_warning(tmp_path: Path) -> None:
    for i in range(3):
        draw_photo(tmp_path / "flat" / f"{i}.jpg", i)
    report = generate(settings_for(tmp_path / "flat", tmp_path / "out"), build=build)
    assert report.warnings[0].endswith("may share people")


def test_with_people_folders_the_warning_names_photos_outside_of_folders(
    tmp_path: Path,
) -> None:
    for name in ("Ann/1", "Bo/1", "a", "b"):
        draw_photo(tmp_path / f"mixed/{name}.jpg", len(name))
    settings = settings_for(tmp_path / "mixed", tmp_path / "out", source={"people": "folders"})
    (line,) = generate(settings, build=build).warnings
    assert "does not say who is on 2 of its 4 photos (a.jpg, b.jpg, in no folder): " in line
    assert "says so" not in line


@pytest.mark.parametrize(("people", "warnings"), [("auto", 1), ("folders", 0)])
def test_photos_in_folders_without_identities_give_a_warning_that_names_the_option(
    tmp_path: Path, people: str, warnings: int
) -> None:
    for name in ("Ann/Ann_0001", "Ann/best", "Bo/1"):
        draw_photo(tmp_path / f"mixed/{name}.jpg", len(name))
    settings = settings_for(tmp_path / "mixed", tmp_path / "out")
    source = settings.source.model_copy(update={"people": people})
    report = generate(settings.model_copy(update={"source": source}), build=build)
    assert len(report.warnings) == warnings
    assert all("2 of its 3 photos" in line and "--people folders" in line for line in report.warnings)


def test_a_rehearsal_writes_nothing_and_predicts_the_run(photos: Path, tmp_path: Path) -> None:
    settings = settings_for(photos, tmp_path / "out")
    before = rehearse(settings)
    assert not (tmp_path / "out").exists()
    assert (before.photos, before.missing) == (13, before.shards)
    assert generate(settings, build=build).shards == before.shards
    assert rehearse(settings) == replace(before, missing=0)


def test_a_rehearsal_of_an_extension_predicts_the_run(photos: Path, tmp_path: Path) -> None:
    generate(settings_for(photos, tmp_path / "out", source={"n": 5}), build=build)
    more = settings_for(photos, tmp_path / "out", source={"n": 9}, run={"extend": True})
    before = rehearse(more)
    report = generate(more, build=build)
    assert (before.photos, before.shards) == (report.photos, report.shards) == (9, before.shards)
    assert before.missing > 0
    assert rehearse(more) == replace(before, missing=0)
    anew = rehearse(settings_for(photos, tmp_path / "out", run={"overwrite": True}))
    assert anew.missing == anew.shards


def test_a_rehearsal_refuses_the_same_settings_as_a_run(photos: Path, tmp_path: Path) -> None:
    generate(settings_for(photos, tmp_path / "out"), build=build)
    with pytest.raises(UsageError, match="seed: 0 there, 1 now"):
        rehearse(settings_for(photos, tmp_path / "out").model_copy(update={"seed": 1}))
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "README.md").write_text("mine")
    with pytest.raises(UsageError, match=r"holds README\.md"):
        rehearse(settings_for(photos, tmp_path / "theirs"))


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_source_is_never_the_target(overwrite: bool, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    generate(settings_for(photos, out), build=build)
    before = contents(out)
    for source in (photos, out):
        with pytest.raises(UsageError, match="is the source itself; choose another folder with --out"):
            generate(settings_for(source, source / ".", run={"overwrite": overwrite}), build=build)
    assert contents(out) == before
    assert not (photos / ".work").exists()


def test_a_target_in_the_home_folder_is_found(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert rehearse(settings_for(photos, Path("~/out"))).out == str(tmp_path / "out")


def test_the_rate_counts_only_photos_made_in_this_run() -> None:
    assert "1.0 s, 100.0 photos/s" in report_text(replace(REPORT, made=100))
    assert "1.0 s, 10.0 photos/s" in report_text(replace(REPORT, made=10))
    assert "1.0 s, nothing left to make" in report_text(REPORT)


def test_the_long_name_of_the_landmarks_is_in_the_json_result_only() -> None:
    report = replace(REPORT, landmarks="mesh-4-first-look-points-first-from-29-px-litert-2.3.0")
    output = _output(report, GenSettings())
    assert "landmarks" not in output.text
    assert output.facts.landmarks == report.landmarks


def test_a_run_warns_once_why_kernels_are_missing(monkeypatch):
    monkeypatch.setattr("maskgen.native.absent", "compiled from other sources")
    (warning,) = _output(replace(REPORT, made=10), GenSettings()).warnings
    assert warning.startswith("kernels: compiled from other sources")
    assert _output(REPORT, GenSettings()).warnings == ()
    monkeypatch.setattr("maskgen.native.absent", "")
    assert _output(replace(REPORT, made=10), GenSettings()).warnings == ()


def test_photos_without_any_face_give_records_and_no_empty_tar(tmp_path: Path) -> None:
    source = draw_photos(tmp_path / "people", 0, ("noface", "noface2"))
    report = generate(settings_for(source, tmp_path / "out", source={"val": 0, "test": 0}), build=build)
    assert (report.triplets, report.skipped) == (0, {"no_face": 2})
    assert report.warnings == ("no photo gave a triplet; the report lists the reasons under skipped",)
    assert not list((tmp_path / "out").glob("*.tar"))
    assert verify(tmp_path / "out").ok
    assert (
        generate(settings_for(source, tmp_path / "out", source={"val": 0, "test": 0}), build=build).made == 0
    )


def test_a_slice_without_shards_makes_nothing(photos: Path, tmp_path: Path) -> None:
    report = generate(settings_for(photos, tmp_path / "out", run={"shards": "98::99"}), build=build)
    assert (report.shards, report.whole, report.warnings) == (0, False, ())


def test_a_source_without_photos_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError):
        generate(settings_for(tmp_path / "empty", tmp_path / "out"), build=build)
    assert not (tmp_path / "out").exists()


def test_workers_that_crash_at_start_end_the_run_with_a_one_line_error(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_DEAD", "1")
    monkeypatch.setattr("maskgen.generation.process_pool.MAX_DEATHS", 1)
    with pytest.raises(UnmaskError, match="workers died 2 times, the last ended with code 9"):
        generate(settings_for(photos, tmp_path / "out"), build=build)


def test_faces_that_cannot_wear_a_mask_do_not_count_as_failures() -> None:
    check_failures(replace(REPORT, skipped=dict.fromkeys(FACE_REASONS, 15)), GenSettings())


@pytest.mark.parametrize(
    ("skipped", "allowed", "fails"),
    [
        ({"unreadable": 5}, 0.05, False),
        ({"unreadable": 6}, 0.05, True),
        ({"unreadable": 3, "truncated": 3}, 0.05, True),
        ({"unreadable": 6}, 0.06, False),
        ({"poison": 1}, 0.05, True),
        ({"poison": 1}, 1.0, False),
    ],
)
def test_too_many_failures_or_any_poison_photo_is_an_error(
    skipped: dict[str, int], allowed: float, fails: bool
) -> None:
    settings = GenSettings.model_validate({"run": {"max_failures": allowed}})
    if fails:
        with pytest.raises(TooManyFailures, match=str(sum(skipped.values()))):
            check_failures(replace(REPORT, skipped=skipped), settings)
    else:
        check_failures(replace(REPORT, skipped=skipped), settings)


@pytest.mark.parametrize("content", ["", "5", '{"a": 1}', "[[1, 2], 5, null]", "[[1, 2, 3]]", "[" * 100_000])
def test_a_damaged_list_of_poison_photos_holds_none(content: str, tmp_path: Path) -> None:
    folder = DataSetFolder(tmp_path)
    folder.work.mkdir()
    shard = ShardPlan("train-000000", "train", (PhotoRef("a.jpg"), PhotoRef("b\udcff.jpg")))
    (folder.work / "train-000000.poison.json").write_text(content)
    assert folder.without_poison(shard) == shard
    folder.keep_poison("train-000000", ("b\udcff.jpg", "poison", "signal 9"))
    assert [ref.id for ref in folder.without_poison(shard).refs] == ["a.jpg"]


@pytest.mark.fault
def test_row23_a_search_for_small_faces_does_not_count_as_hung(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes 0.13 s per megapixel on an idle core, and more for smaller faces: minutes on a busy machine."""
    settings = settings_for(photos, tmp_path / "out")
    source = build_source(settings.source)
    kit = build_kit(settings, source)
    finer = build_kit(settings_for(photos, tmp_path / "out", faces={"min_size": 14.5}), source)
    assert kit.search_seconds == pytest.approx(50)
    assert finer.search_seconds == pytest.approx(200)

    limits: list[float] = []

    class Engine(LocalEngine):
        def __init__(self, jobs: int, *, hang_after: float) -> None:
            limits.append(hang_after)
            super().__init__(jobs, hang_after=hang_after)

    monkeypatch.setattr(pipeline, "LocalEngine", Engine)
    generate(settings, build=build_patient, hang_after=10.0)
    assert limits == [10.0 + MASK_SECONDS + 50.0]


def build_patient(settings: GenSettings, source: Source) -> Kit:
    return replace(build(settings, source), search_seconds=50.0)
