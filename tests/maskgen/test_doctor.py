import json
import shlex
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

from maskgen import doctor, native
from maskgen.cli.doctor import checks_text
from maskgen.doctor import Check, examine
from maskgen.errors import MissingError

find_faces = doctor._faces


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the test of a sound machine loads the detector."""
    monkeypatch.setattr(doctor, "_faces", lambda: "a face")


def named(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def test_a_sound_machine_has_no_cross(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_faces", find_faces)
    crosses = [check for check in examine(tmp_path) if not check.ok and not check.optional]
    assert not [
        check for check in crosses if check.name != "packages"
    ]  # from a bare checkout unmask is not installed


def test_every_cross_has_one_line_that_mends_it(tmp_path):
    for check in examine(tmp_path):
        assert bool(check.mend) != check.ok
        assert "\n" not in check.mend + check.found


def test_opencv_without_libgl_is_mended_by_a_headless_build_of_the_same_version(tmp_path, monkeypatch):
    installed = {"opencv-python": "5.0.0.93"}
    monkeypatch.setattr(doctor, "_version", lambda name: installed.get(name, ""))
    monkeypatch.setitem(sys.modules, "cv2", None)
    opencv = named(examine(tmp_path), "opencv")
    assert not opencv.ok
    assert opencv.mend == "pip install --force-reinstall --no-deps opencv-contrib-python-headless==5.0.0.93"


def test_a_missing_model_is_a_cross(tmp_path, monkeypatch):
    def missing() -> str:
        raise MissingError("models/face.tflite: is missing")

    monkeypatch.setattr(doctor, "_models", missing)
    assert named(examine(tmp_path), "models").found == "models/face.tflite: is missing"


def test_a_full_disk_is_a_cross(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "ENOUGH_BYTES", 10**18)
    assert "--out" in named(examine(tmp_path), "disk").mend


def test_a_folder_that_is_not_there_yet_counts_as_its_parent(tmp_path: Path):
    assert named(examine(tmp_path / "a" / "b"), "disk").ok


def test_an_extra_that_is_missing_is_optional(tmp_path, monkeypatch):
    def none(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", none)
    torch = named(examine(tmp_path), "torch")
    assert (torch.ok, torch.optional) == (False, True)
    assert "'torch>=" in torch.mend


def test_the_words_name_the_mend_below_its_cross():
    checks = [Check("disk", False, "full", "make room"), Check("torch", False, "none", "pip", optional=True)]
    assert checks_text(checks).splitlines() == [
        "XX disk            full",
        "                   make room",
        "-- torch           none",
        "                   pip",
    ]


def test_the_words_are_not_needed_where_json_is(tmp_path):
    json.dumps([vars(check) for check in examine(tmp_path)])


def test_what_an_uninstalled_opencv_leaves_of_its_folder_is_a_cross(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", ModuleType("cv2"))
    opencv = named(examine(tmp_path), "opencv")
    assert "has no attribute" in opencv.found
    assert opencv.mend.startswith("pip install")


def test_whether_kernels_are_compiled_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(native, "absent", "")
    assert named(examine(tmp_path), "kernels").ok
    monkeypatch.setattr(native, "absent", "not compiled")
    kernels = named(examine(tmp_path), "kernels")
    assert not kernels.ok
    assert kernels.optional
    what, _, line = kernels.mend.partition(": ")
    assert "compiler" in what
    program, script = shlex.split(line)
    assert program == sys.executable
    assert Path(script) == native.LIBRARY.with_name("build.py")  # a wheel that lacks them lacks them again


def test_kernels_that_were_switched_off_are_switched_on_again(tmp_path, monkeypatch):
    monkeypatch.setenv("UNMASK_KERNELS", "numpy")
    monkeypatch.setattr(native, "absent", native._load()[1])
    assert named(examine(tmp_path), "kernels").mend == "unset UNMASK_KERNELS"
