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
from maskgen.opencv_packages import OpenCVPackage

find_faces = doctor._faces


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the face check, so that only the test of a working machine loads the detector."""
    monkeypatch.setattr(doctor, "_faces", lambda: "a face")


def named(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def test_on_a_working_machine_no_check_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_faces", find_faces)
    failed = [check for check in examine(tmp_path) if not check.ok and not check.optional]
    assert not [
        check for check in failed if check.name != "packages"
    ]  # in a checkout without an installation, the package unmask is missing


def test_every_failed_check_has_a_one_line_fix(tmp_path):
    for check in examine(tmp_path):
        assert bool(check.mend) != check.ok
        assert "\n" not in check.mend + check.found


def test_opencv_without_libgl_is_fixed_by_a_headless_build_of_the_same_version(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "opencv_packages", lambda: [OpenCVPackage("opencv-python", "5.0.0.93", True)])
    monkeypatch.setitem(sys.modules, "cv2", None)
    opencv = named(examine(tmp_path), "opencv")
    assert not opencv.ok
    assert opencv.mend == (
        "pip uninstall -y opencv-python && "
        "pip install --force-reinstall --no-deps opencv-python-headless==5.0.0.93"
    )


def test_a_missing_model_fails_its_check(tmp_path, monkeypatch):
    def missing() -> str:
        raise MissingError("models/face.tflite: is missing")

    monkeypatch.setattr(doctor, "_models", missing)
    assert named(examine(tmp_path), "models").found == "models/face.tflite: is missing"


def test_a_full_disk_fails_its_check(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "ENOUGH_BYTES", 10**18)
    assert "--out" in named(examine(tmp_path), "disk").mend


def test_for_a_missing_folder_the_disk_of_its_parent_is_checked(tmp_path: Path):
    assert named(examine(tmp_path / "a" / "b"), "disk").ok


def test_a_missing_extra_is_optional(tmp_path, monkeypatch):
    def none(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", none)
    torch = named(examine(tmp_path), "torch")
    assert (torch.ok, torch.optional) == (False, True)
    assert "'torch>=" in torch.mend


def test_the_text_shows_the_fix_below_its_failed_check():
    checks = [Check("disk", False, "full", "make room"), Check("torch", False, "none", "pip", optional=True)]
    assert checks_text(checks).splitlines() == [
        "XX disk            full",
        "                   make room",
        "-- torch           none",
        "                   pip",
    ]


def test_checks_can_be_written_as_json(tmp_path):
    json.dumps([vars(check) for check in examine(tmp_path)])


def test_an_empty_cv2_folder_left_by_an_uninstalled_opencv_fails_its_check(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", ModuleType("cv2"))
    opencv = named(examine(tmp_path), "opencv")
    assert "has no attribute" in opencv.found
    assert opencv.mend.startswith("pip install")


def test_the_kernels_check_reports_whether_they_are_compiled(tmp_path, monkeypatch):
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
    assert Path(script) == native.LIBRARY.with_name(
        "build.py"
    )  # reinstalling a wheel without kernels would not help


def test_the_fix_for_disabled_kernels_is_to_unset_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("UNMASK_KERNELS", "numpy")
    monkeypatch.setattr(native, "absent", native._load()[1])
    assert named(examine(tmp_path), "kernels").mend == "unset UNMASK_KERNELS"
