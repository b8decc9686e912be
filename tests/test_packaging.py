"""The source distribution and the wheel that is built from it."""

import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder

from maskgen import __version__, native

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# A development folder, and what a run leaves behind; none of it is the project's.
OTHERS = {".git", ".venv", "build", "dist", "site", "unmask-demo", "data"}
# The folders of the wheel, by those of the checkout.
SHIPPED = {"maskgen": "maskgen", "unmasknet": "unmasknet", "assets": "maskgen/_assets"}


def files_below(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("kernels.")
    }


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """Makes the source distribution of this checkout, and unpacks it."""
    folder = tmp_path_factory.mktemp("sdist")
    (archive,) = SdistBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return Path(archive.removesuffix(".tar.gz"))


@pytest.fixture(scope="module")
def wheel(unpacked) -> Path:
    """Builds the wheel from the unpacked source distribution, as pip does."""
    out = unpacked.parent / "wheels"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    done = subprocess.run(build, cwd=unpacked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (found,) = out.glob("*.whl")
    return found


def test_the_source_distribution_holds_all_of_the_checkout(unpacked):
    here = {path.name for path in ROOT.iterdir()} - OTHERS
    ignored = {name for name in here if name.endswith((".egg-info", "_cache")) or name == ".hypothesis"}
    assert here - ignored - {path.name for path in unpacked.iterdir()} == set()
    for folder in ("maskgen", "unmasknet", "assets", "tests", "tools", "notebooks"):
        assert files_below(unpacked / folder).keys() == files_below(ROOT / folder).keys(), folder


def test_the_wheel_holds_the_files_of_the_source_distribution_unchanged(wheel, unpacked):
    with zipfile.ZipFile(wheel) as archive:
        found = {
            name: archive.read(name)
            for name in archive.namelist()
            if ".dist-info/" not in name and not name.startswith("maskgen/native/kernels.")
        }
    wanted = {
        f"{there}/{name}": path.read_bytes()
        for here, there in SHIPPED.items()
        for name, path in files_below(unpacked / here).items()
    }
    assert found == wanted


@pytest.mark.skipif(native.library is None, reason=f"no kernels here: {native.absent}")
def test_the_kernels_of_the_wheel_are_loaded_and_set_its_tag(wheel, tmp_path):
    assert "-py3-none-" in wheel.name
    assert not wheel.name.endswith("-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/WHEEL")]
        assert "Root-Is-Purelib: false" in archive.read(metadata).decode()
    code = "from maskgen import native; print(native.LIBRARY, native.absent)"
    here = {**os.environ, "PYTHONPATH": str(tmp_path)}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=here, capture_output=True, text=True
    )
    assert said.stdout.split() == [str(tmp_path / "maskgen/native/kernels.so")], said.stderr


def hook():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("platform", "environment", "tag"),
    [
        ("linux", {"_PYTHON_HOST_PLATFORM": "linux-aarch64"}, "linux_aarch64"),
        ("darwin", {"_PYTHON_HOST_PLATFORM": "macosx-11.0-arm64"}, "macosx_11_0_arm64"),
        ("darwin", {"MACOSX_DEPLOYMENT_TARGET": "12.3"}, "macosx_12_0_arm64"),
        ("darwin", {"MACOSX_DEPLOYMENT_TARGET": "11"}, "macosx_11_0_arm64"),
    ],
)
def test_a_wheel_is_tagged_for_the_system_that_it_is_built_for(platform, environment, tag, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr("packaging.tags.platform.mac_ver", lambda: ("14.4", ("", "", ""), "arm64"))
    for name in ("_PYTHON_HOST_PLATFORM", "MACOSX_DEPLOYMENT_TARGET"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert hook().system_tag() == tag


def test_on_linux_a_wheel_says_linux_and_auditwheel_says_which(monkeypatch):
    monkeypatch.delenv("_PYTHON_HOST_PLATFORM", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    tags = ["manylinux_2_36_x86_64", "musllinux_1_2_x86_64", "linux_x86_64"]
    module = hook()
    monkeypatch.setattr(module, "platform_tags", lambda: iter(tags))
    assert module.system_tag() == "linux_x86_64"


def test_the_page_on_installing_lists_every_extra():
    page = (ROOT / "docs/install.md").read_text("utf-8")
    listed = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"(?m)^\| (`.*?) \|", page))))
    assert listed == set(PROJECT["optional-dependencies"])


def test_citation_and_conda_recipe_name_this_version_and_the_packages_of_the_base():
    citation, recipe = ((ROOT / name).read_text("utf-8") for name in ("CITATION.cff", "conda/recipe.yaml"))
    assert f"\nversion: {__version__}\n" in citation
    assert f'\n  version: "{__version__}"\n' in recipe
    run = recipe.partition("\n  run:\n")[2].partition("\n\n")[0]
    found = set(re.findall(r"- ([\w-]+ >=[\d.]+)$", run, re.MULTILINE))
    names = {"opencv-python-headless": "py-opencv"}
    base = [re.match(r"([\w-]+)(>=[\d.]+)", line).groups() for line in PROJECT["dependencies"]]
    assert found == {f"{names.get(name, name)} {least}" for name, least in base if name != "ai-edge-litert"}
