"""Systems without what only POSIX has. Windows itself is tried by .github/workflows/wheels.yml alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from maskgen.assets import asset
from tests.helpers.small_images import write_data_set

ROOT = Path(__file__).parents[2]
# Hides the modules that Python has on POSIX alone; `os.name` is what the program asks.
WITHOUT = """
import sys, types
for name in ("fcntl", "resource"):
    sys.modules[name] = None
import maskgen.processes
maskgen.processes.os = types.SimpleNamespace(name="nt", getppid=None)
"""
RUN = "sys.argv[0] = 'unmask'\nfrom unmasknet.cli.program import main\nmain()\n"


def elsewhere(code: str, folder: Path, *args: object) -> subprocess.CompletedProcess[str]:
    """Runs Python code as on such a system."""
    here = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, "-c", WITHOUT + code, *map(str, args)]
    return subprocess.run(command, cwd=folder, env=here, capture_output=True, text=True)


@pytest.mark.fault
def test_row732_the_library_masks_and_restores_without_posix(tmp_path):
    code = f"""
from PIL import Image
from maskgen import mask_photo
from maskgen.transforms import RandomFaceMask
from unmasknet import Unmasker
photo = Image.open({str(asset("demo/astronaut.jpg"))!r})
print(mask_photo(photo).map.any(), RandomFaceMask(p=1.0)(photo) != photo)
print(len(Unmasker.from_pretrained(runtime="opencv")(photo).faces) >= 1)
"""
    run = elsewhere(code, tmp_path)
    assert run.stdout.split() == ["True"] * 3, run.stderr


@pytest.mark.fault
def test_row732_commands_that_read_a_data_set_run_without_posix(tmp_path):
    write_data_set(tmp_path / "set", ["a.png", "b.png"])
    for command, said in (
        (["verify", "set"], "2 samples in 1 shard"),  # of a dataset.json that does not list it
        (["unpack", "set", "--to", "plain"], "plain"),
        (["preview", "set"], "preview.html"),
        (["masks", "list"], "surgical"),
    ):
        run = elsewhere(RUN, tmp_path, *command)
        assert said in run.stdout, (command, run.stderr)
        assert not run.stderr
    assert list((tmp_path / "plain").rglob("*.jpg"))


@pytest.mark.fault
@pytest.mark.parametrize(
    "command",
    [
        ["gen-data", "--src", "photos", "--out", "out"],
        ["mask", "photos", "--out", "out"],
        ["demo", "--out", "out"],
        ["serve"],
        ["bench", "gen", "--src", "photos"],
        ["bench", "run"],
    ],
    ids=" ".join,
)
def test_row732_commands_that_need_posix_say_so(command, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_bytes(asset("demo/astronaut.jpg").read_bytes())
    run = elsewhere(RUN, tmp_path, *command)
    assert run.returncode == 5
    (line,) = run.stderr.splitlines()
    assert "needs Linux or macOS; on Windows, install unmask in WSL" in line
