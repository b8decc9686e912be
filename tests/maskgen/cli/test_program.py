"""Commands as users and scripts see them: exit codes, stdout, stderr."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import typer.main

import cli
from maskgen.assets import asset
from maskgen.config import load_settings, print_config
from maskgen.settings import GenSettings
from tests.helpers.program import command_names, program
from tests.helpers.small_images import write_data_set

ROOT = Path(__file__).parents[3]
# Every command of the program, and the arguments that it needs before it can print its settings.
COMMANDS = command_names(typer.main.get_command(cli.app))
NEEDED = {"train": ("segm",)}


class Result(NamedTuple):
    code: int
    out: str
    err: str


Unmask = Callable[..., Result]


@pytest.fixture
def unmask(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Unmask]:
    """Run a command in an empty folder."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*args: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["unmask", *map(str, args)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        code = end.value.code
        return Result(code if isinstance(code, int) else 0, *capsys.readouterr())

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.jpg").write_bytes(asset("demo/astronaut.jpg").read_bytes())
    return folder


@pytest.mark.parametrize("command", ["", "masks", *COMMANDS])
def test_help_shows_no_types_of_python(unmask, command):
    code, out, _ = unmask(*command.split(), "--help")
    assert code == 0
    assert not re.search("<(str|bool|list|path)", out)


def test_help_answers_in_half_a_second():
    # CPU seconds, because wall time includes the other load of the machine.
    seconds = []
    for _ in range(3):
        before = os.times()
        assert program("--help").returncode == 0
        after = os.times()
        seconds.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
    assert min(seconds) < 0.5


def test_importing_the_library_loads_no_heavy_package():
    heavy = "{'torch', 'cv2', 'webdataset', 'datasets', 'ai_edge_litert', 'PIL', 'pydantic', 'rich'}"
    code = f"import sys, maskgen, unmasknet; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


def test_help_loads_no_heavy_package():
    code = (
        "import sys, atexit, cli; sys.argv = ['unmask', 'gen-data', '--help'];"
        "atexit.register(lambda: print(sorted({'numpy', 'cv2', 'jaxtyping', 'PIL'} & sys.modules.keys()))); cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_an_example_and_the_common_options(unmask, command):
    text = unmask(*command.split(), "--help").out
    assert f"Example: unmask {command}" in " ".join(text.split())
    for option in ("--config", "--set", "--print-config", "--json", "--seed"):
        assert option in text


@pytest.mark.parametrize("command", COMMANDS)
def test_print_config_does_nothing_else(unmask, command, tmp_path):
    code, out, err = unmask(*command.split(), *NEEDED.get(command, ()), "--print-config", "--seed", "7")
    assert (code, err) == (0, "")
    assert "seed = 7" in out
    assert not list(tmp_path.iterdir())


def test_the_printed_config_gives_the_same_settings(unmask, tmp_path):
    out = unmask("gen-data", "--src", "x", "--n", "5", "--masks", "n95:2", "--extend", "--print-config").out
    (tmp_path / "gen.toml").write_text(out)
    assert print_config(load_settings(GenSettings, tmp_path / "gen.toml")) == out
    assert 'masks = "n95:2"' in out
    assert "extend = true" in out


def test_no_command_is_a_usage_error_with_the_help(unmask):
    code, out, err = unmask()
    assert code == 2
    assert "gen-data" in out + err


def test_an_unknown_option_is_a_usage_error(unmask):
    assert unmask("gen-data", "--bogus").code == 2


def test_version_is_the_package_version(unmask):
    from maskgen import __version__

    assert unmask("--version").out == f"unmask {__version__}\n"


def test_a_missing_source_is_an_input_error(unmask):
    code, out, err = unmask("gen-data", "--src", "nowhere", "--json")
    assert (code, out) == (4, "")
    assert err.startswith("unmask: nowhere: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["preview", "verify"])
def test_a_data_set_must_be_named(unmask, command):
    code, _, err = unmask(command)
    assert code == 2
    assert "dir is missing" in err


@pytest.mark.parametrize("args", [("preview",), ("verify",), ("unpack", "--to", "plain")])
def test_a_folder_without_a_data_set_is_an_input_error(unmask, args):
    code, _, err = unmask(args[0], "nowhere", *args[1:])
    assert code == 4
    assert "nowhere" in err


def test_a_package_that_cannot_be_imported_is_reported_as_missing(unmask, monkeypatch):
    monkeypatch.setitem(sys.modules, "maskgen.masks.library", None)
    code, _, err = unmask("masks")
    assert code == 5
    assert err.count("\n") == 1
    assert "unmask doctor" in err


def test_an_unknown_action_of_masks_is_a_usage_error(unmask):
    assert unmask("masks", "paint").code == 2


def test_masks_list_gives_every_family_as_json(unmask):
    families = json.loads(unmask("masks", "list", "--json").out)["families"]
    assert {"surgical", "n95", "cloth"} <= {family["name"] for family in families}
    assert all(set(family) >= {"name", "colours", "textures", "wear"} for family in families)


def test_masks_list_is_readable(unmask):
    assert unmask("masks").out == unmask("masks", "list").out
    assert "surgical" in unmask("masks").out


def test_dry_run_writes_nothing(unmask, photos, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    code, out, _ = unmask("gen-data", "--src", photos, "--dry-run", "--json")
    assert code == 0
    assert json.loads(out)["photos"] == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_gen_data_then_verify_preview_and_unpack(unmask, photos, tmp_path):
    code, out, err = unmask(
        "gen-data", "--src", photos, "--out", "set", "--size", 96, "--jobs", 1, "--n", 9, "--json"
    )
    report = json.loads(out)
    assert code == 0, err
    assert set(report) >= {"out", "photos", "triplets", "skipped", "shards", "seconds"}
    assert (report["photos"], report["triplets"], report["skipped"]) == (2, 2, {})
    assert "9 were asked for" in err

    checked = unmask("verify", "set", "--json")
    assert checked.code == 0
    found = json.loads(checked.out)
    assert found == {"ok": True, "shards": report["shards"], "samples": 2, "problems": [], "format": 2}
    assert "sound" in unmask("verify", "set").out

    shown = json.loads(unmask("preview", "set", "--out", "look", "--json").out)
    assert (shown["samples"], shown["shown"]) == (2, 2)
    assert (tmp_path / "look" / "preview.html").stat().st_size

    code, out, _ = unmask(
        "unpack", "set", "--layout", "folders", "--to", "plain", "--names", "a,b,c", "--json"
    )
    assert code == 0
    whole = {"to": "plain", "samples": 2, "files": 6, "skipped": {}, "left_out": 0, "warnings": []}
    whole |= {"boxes": {}, "faces_left_out": 0, "people": 0}  # of the layouts for detectors and recognisers
    assert json.loads(out) == whole
    assert {path.name for path in (tmp_path / "plain").iterdir()} == {
        "a", "b", "c", "samples.csv", "skipped.csv"
    }  # fmt: skip

    shard = next((tmp_path / "set").glob("*.tar"))
    shard.write_bytes(shard.read_bytes()[:-512])
    code, out, _ = unmask("verify", "set", "--json")
    assert code == 1
    assert json.loads(out)["problems"][0]["shard"] == shard.stem
    assert "the same unmask gen-data command makes damaged shards again" in unmask("verify", shard.parent).out


def test_unpack_warns_of_missing_shards(unmask, tmp_path):
    folder = write_data_set(tmp_path / "set", ["a.jpg"])
    planned = [{"name": f"train-00000{n}", "split": "train", "photos": 7} for n in range(3)]
    (folder / "dataset.json").write_text(json.dumps({"shards": planned}))
    code, out, err = unmask("unpack", "set", "--to", "plain", "--json")
    assert code == 0
    (warning,) = json.loads(out)["warnings"]
    assert "2 of 3 shards are not there (train-000001, train-000002); their 14 photos" in warning
    assert warning in err


def test_json_is_ascii_for_any_file_name(unmask, tmp_path):
    write_data_set(tmp_path / "caf\u00e9 \udcff", ["a.jpg"])
    out = unmask("preview", "caf\u00e9 \udcff", "--json").out
    assert out.isascii()
    assert json.loads(out)["page"] == "caf\u00e9 \udcff/preview.html"


def test_a_run_reports_skipped_photos_with_reasons(unmask, photos):
    (photos / "torn.jpg").write_bytes((photos / "one.jpg").read_bytes()[:9000])
    code, out, err = unmask("gen-data", "--src", photos, "--out", "set", "--size", 64, "--jobs", 1)
    assert "1  truncated: the file ends before the image is complete" in out
    assert code == 3
    assert "--max-failures" in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_its_code(number, code):
    kill = f"program.app = lambda: os.kill(os.getpid(), {int(number)})"
    script = f"import os, signal; from unmasknet.cli import program; {kill}; program.main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == code
    assert done.stderr == f"unmask: stopped by {number.name}\n"
