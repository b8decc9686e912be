"""Checks of the documents against the program."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import typer.main
from PIL import Image

import cli
from maskgen.assets import asset
from maskgen.dataset.draw_pairs import PairsReport
from maskgen.dataset.make_record_file import RecReport
from maskgen.dataset.unpack import UnpackReport
from maskgen.dataset.verify import VerifyReport
from maskgen.errors import SKIP_REASONS
from maskgen.generation.bench import GenBench
from maskgen.generation.pipeline import GenReport, Rehearsal
from maskgen.masking.report import MaskRehearsal, MaskReport
from maskgen.video.frames.run import FramesReport
from tools.command_options import with_tables

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "data/README.md"]
COMMANDS = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]


def options_of(command):
    """The options of a command; those of a group are its commands' as well."""
    own = {flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")}
    return own.union(*(options_of(part) for part in getattr(command, "commands", {}).values()))


OPTIONS = {name: options_of(command) for name, command in COMMANDS.items()}


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("command", OPTIONS)
def test_every_command_is_documented(command):
    assert f"`unmask {command}" in text("docs/commands.md")


@pytest.mark.parametrize("option", sorted(set.union(*OPTIONS.values()) - {"--help"}))
def test_every_option_is_documented(option):
    assert re.search(rf"{option}\b", text("README.md") + text("docs/commands.md"))


def test_the_tables_of_options_are_those_of_the_program():
    page = text("docs/commands.md")
    assert page == with_tables(page), "run: python -m tools.command_options"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_a_document_exists(page):
    for name, rest in re.findall(r"(?m)^ {4}unmask ([\w-]+)(.*)", page.read_text("utf-8")):
        used = set(re.findall(r"(?<= )--[\w-]+", rest.partition("#")[0]))
        assert used <= OPTIONS[name], page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_inside_the_project_leads_somewhere(page):
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize(
    ("command", "report"),
    [
        ("gen-data", GenReport),
        ("gen-data", Rehearsal),
        ("mask", MaskReport),
        ("mask", MaskRehearsal),
        ("frames-from-video", FramesReport),
        ("verify", VerifyReport),
        ("unpack", UnpackReport),
        ("make-rec", RecReport),
        ("pairs", PairsReport),
        ("bench gen", GenBench),
    ],
)
def test_every_key_of_a_result_is_documented(command, report):
    row = re.search(rf"(?m)^\| `unmask {command}` \|.*$", text("docs/commands.md"))
    assert row
    missing = [field.name for field in fields(report) if f"`{field.name}`" not in row[0]]
    assert not missing


def test_every_reason_of_a_skip_is_documented():
    table = dict(re.findall(r"(?m)^\| `(\w+)` \| (.+) \|$", text("docs/commands.md").partition("## Why")[2]))
    assert table == SKIP_REASONS


def test_every_fault_test_names_a_row():
    rows = set(re.findall(r"(?m)^\| (\d+) \|", text("docs/faults.md")))
    for path in (ROOT / "tests").rglob("test_faults_*.py"):
        for row in re.findall(r"def test_row(\d+)_", path.read_text("utf-8")):
            assert str(int(row)) in rows, path


def test_python_in_the_documents_compiles():
    for page in PAGES:
        for code in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            compile(code, str(page), "exec")


def test_the_examples_of_the_python_library_run(tmp_path):
    demo = Image.open(asset("demo/astronaut.jpg"))
    (tmp_path / "photos").mkdir()
    for number in range(8):
        demo.crop((0, 0, 512 - number, 512 - number)).save(tmp_path / f"photos/{number}.jpg")
    demo.save(tmp_path / "photo.jpg")
    examples = re.findall(r"```python\n(.*?)```", text("docs/api.md"), re.DOTALL)
    assert len(examples) >= 4
    for number, example in enumerate(examples):
        script = tmp_path / f"example_{number}.py"
        script.write_text(example, "utf-8")
        run = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        assert "no_face" not in run.stdout


def test_the_version_has_its_entry():
    from maskgen import __version__

    assert f"## {__version__}" in text("CHANGELOG.md")
