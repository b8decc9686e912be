"""Driver of the compatibility test: scripts, environments, reports, tables, the committed page."""

import re
import sys
import textwrap

import numpy as np
import pytest

from compat import environments, runner
from compat.__main__ import _chosen, _in_order
from compat.data_sets import read_data_sets, write_files
from compat.environments import InstallError, prepare
from compat.runner import differences, take_turn
from compat.script import READERS, all_scripts, read_script
from compat.table import PAGE, RESULTS, fill, read_results, table
from tests.helpers.evaluation import write_split

HEADER = """\
# /// script
# dependencies = ["numpy==2.4.6"]
# [tool.compat]
# reader = "Mine"
# kind = "decoder"
# ///
"""


def _script(folder, body="", header=HEADER, name="mine.py"):
    path = folder / name
    path.write_text(header + textwrap.dedent(body))
    return path


def test_header_gives_name_kind_and_pins(tmp_path):
    script = read_script(_script(tmp_path))
    assert (script.name, script.reader, script.kind, script.language) == ("mine", "Mine", "decoder", "python")
    assert script.dependencies == ("numpy==2.4.6",)


def test_header_of_javascript_has_its_own_comments_and_pins(tmp_path):
    header = HEADER.replace("# ", "// ").replace("numpy==2.4.6", "sharp@0.35.5")
    script = read_script(_script(tmp_path, header=header, name="mine.mjs"))
    assert (script.language, script.dependencies) == ("javascript", ("sharp@0.35.5",))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "no block"),
        (HEADER.replace("numpy==2.4.6", "numpy>=2"), "no exact version of numpy>=2"),
        (HEADER.replace('"decoder"', '"editor"'), "kind 'editor'"),
        (HEADER.replace("reader = ", "name = "), "lacks or misspells 'reader'"),
        (HEADER.replace('"Mine"', "Mine"), "lacks or misspells"),
    ],
)
def test_wrong_header_is_refused(tmp_path, header, message):
    with pytest.raises(ValueError, match=message):
        read_script(_script(tmp_path, header=header))


def test_scripts_with_the_same_pins_share_an_environment(tmp_path):
    one = HEADER.replace('"numpy==2.4.6"', '"numpy==2.4.6", "pillow==12.3.0"')
    other = HEADER.replace('"numpy==2.4.6"', '"pillow==12.3.0", "numpy==2.4.6"')
    scripts = [
        read_script(_script(tmp_path, header=header, name=f"{n}.py"))
        for n, header in enumerate((one, other, HEADER))
    ]
    assert scripts[0].environment == scripts[1].environment != scripts[2].environment
    assert [script.name for script in _in_order(scripts)] == ["0", "2", "1"]


def test_unknown_name_of_only_is_an_error(tmp_path):
    scripts = [read_script(_script(tmp_path))]
    assert _chosen(scripts, "mine") == _chosen(scripts, "") == scripts
    with pytest.raises(SystemExit, match="no reader yours"):
        _chosen(scripts, "mine,yours")


def test_failed_installation_is_reported_and_not_taken_for_complete(tmp_path, monkeypatch):
    def fail(command):
        raise InstallError("no such version")

    monkeypatch.setattr(environments, "_call", fail)
    script = read_script(_script(tmp_path))
    for _ in range(2):
        with pytest.raises(InstallError, match="no such version"):
            prepare(script, tmp_path / "environments")
    assert take_turn(script, tmp_path, {}).problems == ["not installed: no such version"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Folder of the driver with a data set of lossless images, six samples of it as files."""
    folder = tmp_path_factory.mktemp("cache")
    write_split(folder / "data" / "png", "train", 8, unmasked={7})
    write_files(read_data_sets(folder / "data")["png"], folder / "data" / "png-files", "png")
    return folder


WAY = """
import numpy as np
from PIL import Image
from reader_tools import decode_files, run
run([decode_files("open", {function}, {expect}, suffix="png", note={note!r})], "numpy")
"""


@pytest.fixture
def turn(cache, tmp_path, monkeypatch):
    """Runs a reader whose function from path to array is given, in this environment instead of its own."""
    monkeypatch.setattr(runner, "prepare", lambda script, folder: [sys.executable, str(script.path)])

    def run(function, expect=None, note="", body=WAY):
        expect = expect or {"map": "right, uint8 h w", "parts": "right, uint8 h w"}
        body = body.format(function=function, expect=expect, note=note)
        expected = read_data_sets(cache / "data")
        return take_turn(read_script(_script(tmp_path, body)), cache, expected)

    return run


def test_reader_that_reads_right_is_as_expected(turn):
    made = turn("Image.open")
    assert made.problems == []
    assert made.result["version"] == np.__version__
    assert made.result["ways"][0]["verdicts"] == {"map": "right, uint8 h w", "parts": "right, uint8 h w"}


def test_reader_that_returns_other_values_is_seen(turn):
    made = turn("lambda path: np.array(Image.open(path)) // 2")
    verdicts = made.result["ways"][0]["verdicts"]
    assert verdicts["map"].startswith("wrong, uint8 h w, values 0 127")
    assert any("map: expected 'right, uint8 h w', got 'wrong" in problem for problem in made.problems)


def test_reader_that_raises_is_refused_and_needs_a_note(turn):
    refused = {"map": "refused", "parts": "refused"}
    made = turn("lambda path: 1 / 0", refused)
    assert made.problems == ["open (png): not all is right, but no note says what to do"]
    assert made.result["ways"][0]["verdicts"]["map"] == "refused: ZeroDivisionError: division by zero"
    assert turn("lambda path: 1 / 0", refused, note="give another divisor").problems == []


def test_script_that_does_not_run_is_reported(turn):
    made = turn("", body="raise SystemExit(3)")
    assert made.result == {}
    assert made.problems[0].startswith("did not run: exit code 3")
    assert turn("", body="pass").problems[0].startswith("did not run: it wrote no report")


def test_member_that_nobody_expected_is_a_difference():
    way = {"code": "open", "suffix": "jpg", "expect": {"map": "right, uint8 h w"}, "note": ""}
    assert differences(way, {"map": "right, uint8 h w"}) == []
    found = differences(way, {"map": "right, uint8 h w", "parts": "right, uint8 h w"})
    assert found == ["open (jpg): parts: expected 'nothing', got 'right, uint8 h w'"]


RESULT = {
    "reader": "Mine",
    "kind": "decoder",
    "version": "1.0",
    "ways": [
        {"code": "a | b", "suffix": "jpg", "verdicts": {"map": "right, uint8 h w"}, "note": ""},
        {"code": "c", "suffix": "webp", "verdicts": {"images": "refused: E: no"}, "note": "give jpg"},
    ],
}


def test_table_has_a_row_per_way_and_keeps_bars_inside_cells():
    lines = table("decoder", [RESULT]).splitlines()
    assert lines[2:] == [
        "| Mine | 1.0 | `a \\| b` | right, uint8 h w |  |  |  |",
        "|  |  | `c` (webp) |  |  | **refused**: E: no | give jpg |",
    ]
    assert len(table("loader", [RESULT]).splitlines()) == 2


def test_ways_of_one_line_of_code_are_one_row():
    ways = [
        {"code": "a", "suffix": "jpg", "verdicts": {"map": "right, uint8 h w"}, "note": "one"},
        {"code": "a", "suffix": "jpg", "verdicts": {"images": "right, uint8 h w 3"}, "note": ""},
        {"code": "a", "suffix": "png", "verdicts": {"images": "right, uint8 h w 3"}, "note": "one"},
        {"code": "a", "suffix": "webp", "verdicts": {"images": "refused: E: no"}, "note": "two"},
    ]
    row = table("decoder", [RESULT | {"ways": ways}]).splitlines()[2]
    cells = "right, uint8 h w |  | jpg, png: right, uint8 h w 3; webp: **refused**: E: no"
    assert row == f"| Mine | 1.0 | `a` | {cells} | one; two |"


def test_page_without_its_markers_is_an_error():
    with pytest.raises(ValueError, match="table 'decoder'"):
        fill("# Readers", [RESULT])


def test_committed_page_is_made_of_the_committed_results():
    text = PAGE.read_text(encoding="utf-8")
    assert fill(text, read_results()) == text


def test_each_result_has_its_reader_and_is_as_that_names_it():
    scripts = {script.name: script for script in all_scripts()}
    assert {path.stem for path in RESULTS.glob("*.json")} == set(scripts)
    names = {(script.reader, script.kind) for script in scripts.values()}
    assert {(result["reader"], result["kind"]) for result in read_results()} == names


def test_readers_import_nothing_of_unmask_except_the_one_that_tries_its_own_decoder():
    ours = re.compile(r"^\s*(from|import) (maskgen|unmasknet|compat)\b", re.MULTILINE)
    assert [path.name for path in READERS.iterdir() if path.is_file() and ours.search(path.read_text())] == [
        "maskgen.py"
    ]
