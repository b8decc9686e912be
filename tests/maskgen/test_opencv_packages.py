import hashlib
import re
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from maskgen import doctor
from maskgen.doctor import examine
from maskgen.extras import ALONE, install_command
from maskgen.opencv_packages import OURS, mending_command, opencv_packages

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
MODULE = "cv2/cv2.abi3.so"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Makes an empty site-packages, the only folder in which packages are searched."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


def install(site: Path, name: str, version: str = "5.0.0.93") -> None:
    """Writes a package as pip does: its files over those of others, then their list with digests."""
    content = f"{name} {version}".encode()
    (site / "cv2").mkdir(exist_ok=True)
    (site / MODULE).write_bytes(content)
    describe(site, name, version, [f"{MODULE},sha256={digest(content)},{len(content)}", "cv2/__init__.py,,"])


def describe(site: Path, name: str, version: str, record: list[str]) -> None:
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "RECORD").write_text("\n".join(record))


def digest(content: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def test_one_opencv_is_listed_as_the_one_in_use(site):
    install(site, OURS)
    (found,) = opencv_packages()
    assert (found.name, found.version, found.in_use) == (OURS, "5.0.0.93", True)


@pytest.mark.parametrize("order", [(OURS, "opencv-python"), ("opencv-python", OURS)])
def test_of_two_opencvs_the_one_installed_last_is_in_use(site, order):
    for name in order:
        install(site, name)
    assert [one.name for one in opencv_packages() if one.in_use] == [order[-1]]


def test_after_the_removal_of_another_package_no_opencv_is_in_use(site):
    install(site, OURS)
    (site / MODULE).unlink()
    assert [one.in_use for one in opencv_packages()] == [False]


def test_names_that_own_no_file_of_cv2_are_not_counted(site):
    """Conda's OpenCV writes such names, so that pip finds the requirement fulfilled."""
    install(site, OURS)
    describe(site, "opencv-python", "5.0.0.93", [])
    assert [one.name for one in opencv_packages()] == [OURS]


def test_the_mending_command_removes_the_others_and_writes_ours_anew_in_the_newest_version(site):
    install(site, OURS, "5.0.0.93")
    install(site, "opencv-python", "5.0.0.100")
    install(site, "opencv-contrib-python", "4.9.0.80")
    assert mending_command(opencv_packages()) == (
        "pip uninstall -y opencv-python opencv-contrib-python && "
        f"pip install --force-reinstall --no-deps {OURS}==5.0.0.100"
    )


def test_without_any_opencv_the_mending_command_installs_it():
    assert mending_command([]) == f"pip install --force-reinstall --no-deps {OURS}"


@pytest.mark.fault
def test_row730_doctor_names_two_opencvs_the_one_in_use_and_the_command(site, tmp_path, monkeypatch):
    for name in ("_packages", "_opencv", "_models", "_masks", "_faces"):
        monkeypatch.setattr(doctor, name, lambda: "")  # this site has only OpenCV
    install(site, OURS)
    assert not [check for check in examine(tmp_path) if check.name == "one opencv"]
    install(site, "opencv-python")
    (check,) = [check for check in examine(tmp_path) if check.name == "one opencv"]
    assert (check.ok, check.optional) == (False, True)
    assert "opencv-python 5.0.0.93 and opencv-python-headless 5.0.0.93" in check.found
    assert "the files of opencv-python;" in check.found
    assert check.mend == mending_command(opencv_packages())


@pytest.mark.fault
def test_row731_no_extra_requires_a_second_opencv():
    extras = PROJECT["optional-dependencies"]
    listed = [*PROJECT["dependencies"], *(line for lines in extras.values() for line in lines)]
    names = {re.match(r"[\w-]+", line)[0].lower().replace("_", "-") for line in listed}
    assert {name for name in names if name.startswith("opencv")} == {OURS}
    assert "face-alignment" not in names  # it requires opencv-python
    for extra, package in ALONE.items():
        assert extra in extras
        assert install_command(extra).endswith(f"&& pip install --no-deps '{package}'")


def test_the_extra_all_names_every_extra_but_dev():
    extras = dict(PROJECT["optional-dependencies"])
    (line,) = extras.pop("all")
    named = re.fullmatch(r"unmask\[([\w,]+)\]", line)[1].split(",")
    assert sorted(named) == sorted(extras.keys() - {"dev", "docs"})


@pytest.mark.fault
def test_row730_doctor_runs_to_its_end_where_opencv_is_gone(tmp_path):
    """After the removal of one of two OpenCVs, none is left, and this command must tell."""
    code = "import sys; sys.modules['cv2'] = None; from unmasknet.cli.program import main; main()"
    for options in ([], ["--root", str(tmp_path)]):  # with CelebA's folder it has more to load
        command = [sys.executable, "-c", code, "doctor", *options]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert run.returncode == 5, run.stderr
        assert f"{mending_command(opencv_packages())}\n" in run.stdout
        assert "ok kernels" in run.stdout or "-- kernels" in run.stdout
