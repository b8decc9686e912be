"""`unmask bench run`: a separate process per measurement, figures by runtime and cores."""

import pytest

from maskgen.errors import InputError, MissingError, UnmaskError
from maskgen.images import codecs
from tests.helpers.exports import write_weights
from tests.helpers.serving import jpeg
from unmasknet.bench import inference as module
from unmasknet.bench.inference import BenchRunSettings, as_json, as_table, bench_run, runtimes
from unmasknet.restore.runtimes.open import RUNTIMES

FIGURES = {"first_ms": 900.0, "face_ms": 50.0, "cpu_ms": 60.0, "net_ms": 20.0, "rss_mb": 200.0}


def test_runs_go_to_torch_and_each_exported_file_to_the_others():
    file = [("onnx", ["a.onnx"]), ("opencv", ["a.onnx"])]
    assert runtimes(["segm", "a.onnx", "gan"]) == [("torch", ["segm", "gan"]), *file]
    assert runtimes(["a.onnx"]) == file


def test_every_runtime_is_measured_on_every_number_of_cores(monkeypatch):
    asked = []

    def measured(runtime, names, cores, photo, rounds):
        asked.append((runtime, cores, rounds, codecs.picture_format(photo.read_bytes()[:16])))
        return FIGURES | {"photo": [48, 64], "faces": 1}

    monkeypatch.setattr(module, "_measured", measured)
    monkeypatch.setattr(module, "_usable", lambda: [0, 1])
    settings = BenchRunSettings(weights=("segm", "gan", "a.onnx"), cores=(1, 2, 64), rounds=3)
    told = []
    report = bench_run(settings, jpeg, lambda progress: told.append((progress.done, progress.total)))
    assert asked == [(runtime, cores, 3, "jpeg") for runtime in RUNTIMES for cores in (1, 2)]
    assert told[-1] == (6, 6)
    both = {"1": FIGURES, "2": FIGURES}
    assert as_json(report) == {"photo": [48, 64], "faces": 1, **dict.fromkeys(RUNTIMES, both)}
    assert as_table(report).count("\n") == 6


def test_a_process_loads_measures_and_says_when_nothing_was_restored(tmp_path):
    settings = BenchRunSettings(weights=tuple(write_weights(tmp_path)), cores=(1,), rounds=1)
    with pytest.raises(InputError, match="no mask was found in it"):
        bench_run(settings, jpeg)  # a ramp of grey


def test_a_failed_process_passes_on_its_message(tmp_path):
    settings = BenchRunSettings(weights=(str(tmp_path / "none"),), cores=(1,), rounds=1)
    with pytest.raises(InputError, match=r"torch on 1 cores failed: .*none"):
        bench_run(settings, jpeg)


def test_a_failed_process_raises_the_class_in_its_traceback():
    missing = module._failure(
        "Traceback\nmaskgen.errors.MissingError: --weights released: none", "it failed: "
    )
    assert isinstance(missing, MissingError)
    assert str(missing) == "it failed: --weights released: none"
    assert type(module._failure("KeyError: 'a'", "")) is UnmaskError


def test_a_photo_that_is_not_there_is_an_input_error(tmp_path):
    settings = BenchRunSettings(
        weights=tuple(write_weights(tmp_path)), cores=(1,), rounds=1, photo=str(tmp_path / "no.jpg")
    )
    with pytest.raises(InputError, match=r"no\.jpg: cannot be read"):
        bench_run(settings, jpeg)
