"""Completion by TAB: what shells ask the program, and what it answers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from maskgen.cli.completion import values_of
from maskgen.masks.library import built_in
from maskgen.masks.spec import WEARS

ROOT = Path(__file__).parents[3]
PROGRAM = ["-c", "import sys; sys.argv[0] = 'unmask'; from unmasknet.cli.program import main; main()"]


def offered(line: str, shell: str = "bash") -> list[str]:
    """Asks as bash does when TAB is pressed at the end of a line."""
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_UNMASK_COMPLETE": f"complete_{shell}"}
    asked |= {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    run = subprocess.run(
        [sys.executable, *PROGRAM], env={**os.environ, **asked}, cwd=ROOT, capture_output=True, text=True
    )
    return run.stdout.split()


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("unmask gen-d", ["gen-data"]),
        ("unmask gen-data --sh", ["--share", "--shard-size", "--shards"]),
        ("unmask train ", ["segm", "gan"]),
        ("unmask train gan --preset t", ["tiny"]),
        ("unmask masks ", ["list", "check", "sheet", "new"]),
        ("unmask eval r", ["recognition"]),
        ("unmask gen-data --masks surgical,cloth", ["surgical,cloth", "surgical,cloth2"]),
        ("unmask gen-data --format ", ["jpg", "png", "webp"]),
        ("unmask gen-data --src ", []),
    ],
)
def test_bash_is_offered_what_may_come_next(line, answer):
    assert offered(line) == answer


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_zsh_and_fish_are_offered_the_same_with_descriptions(shell):
    assert any("gen-data" in word for word in offered("unmask gen-d", shell))


def test_a_comma_list_is_completed_at_its_end_without_the_names_before():
    complete = values_of("--wear", "WEAR")
    assert complete("") == list(WEARS)
    assert complete("nose:.3,c") == ["nose:.3,correct", "nose:.3,chin"]
    assert complete("correct,c") == ["correct,chin"]


def test_every_mask_family_is_offered():
    assert values_of("--masks", "SPEC")("") == sorted(built_in().families)
    assert values_of("--like", "FAMILY")("surg") == ["surgical"]


def test_placeholders_are_not_offered_as_values():
    assert values_of("--net", "dlib|FILE.onnx")("") == ["dlib"]
    assert values_of("--src", "SRC") is None


def test_a_completion_loads_neither_numpy_nor_opencv_nor_torch():
    code = (
        "import sys, unmasknet.cli.program\n"
        "from maskgen.cli.completion import _NAMED\n"
        "[names() for names, _ in _NAMED.values()]\n"
        "print({'numpy', 'cv2', 'torch', 'PIL'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.strip() == "set()", run.stderr


def test_a_completion_builds_no_validator():
    """Each takes milliseconds, and a completion reads fields only: a section's default is a `default_factory`."""
    code = (
        "import unmasknet.cli.program\n"
        "from maskgen.section import Section\n"
        "found = [Section]\n"
        "for one in found: found += one.__subclasses__()\n"
        "assert len(found) > 40\n"
        "print([one.__name__ for one in found if one.__pydantic_complete__])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_completes_with_the_script_that_the_program_prints(tmp_path):
    program = tmp_path / "unmask"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{PROGRAM[1]}" "$@"\n')
    program.chmod(0o755)
    typed = (
        'eval "$(_UNMASK_COMPLETE=source_bash unmask)"\n'
        "COMP_WORDS=(unmask gen-data --sh); COMP_CWORD=2\n"
        "_unmask_completion unmask\n"
        'complete -p unmask; echo "${COMPREPLY[@]}"\n'
    )
    here = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(["bash", "-c", typed], env=here, cwd=tmp_path, capture_output=True, text=True)
    registered, offer = run.stdout.splitlines()
    assert registered == "complete -o default -F _unmask_completion unmask", run.stderr
    assert offer == "--share --shard-size --shards"
