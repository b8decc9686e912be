"""Rows 64 and 68 of docs/faults.md: settings that are nested deeply or unusable, and names that no disk can hold."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from maskgen.assets import asset
from maskgen.config import load_settings
from maskgen.errors import InputError, UsageError
from maskgen.files import FACTS, record_path, write_atomic
from maskgen.generation.pipeline import generate
from maskgen.masks.templates import parse_template
from maskgen.masks.validation import check_templates
from maskgen.reading import parse_toml
from maskgen.settings import GenSettings, RunSettings, SourceSettings
from tests.helpers.special_files import within

pytestmark = pytest.mark.fault
ROOT = Path(__file__).parents[3]
LEVELS = 100_000
DEEP = {
    "list": "a = " + "[" * LEVELS,
    "table": "a = " + "{a=" * LEVELS,
    "keys": ".".join(["a"] * 150) + " = 1",
    "quoted keys": " . ".join(['"a b"'] * 150) + " = 1",
    "heading": "[" + ".".join(["a"] * 150) + "]\nb = 1",
    "between": "a = " + "[" * 150 + "]" * 150,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(asset("demo/astronaut.jpg").read_bytes())
    return tmp_path


def program(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "cli.py"), *shlex.split(line)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=100)


def refusal(*sets: str, file: Path | None = None) -> str:
    with pytest.raises(UsageError) as found:
        load_settings(GenSettings, file, sets)
    assert len(str(found.value)) < 2000
    return str(found.value)


@pytest.mark.parametrize("kind", DEEP)
def test_row64_a_deeply_nested_settings_file_is_a_usage_error(folder, kind):
    (folder / "gen.toml").write_text(DEEP[kind])
    assert "nested too deeply" in refusal(file=folder / "gen.toml")


@pytest.mark.parametrize(
    "text",
    [
        "masks.pictures=" + "[" * LEVELS,
        "masks.pictures=" + "{a=" * LEVELS,
        "masks.pictures=" + "[" * 150 + "]" * 150,
        "masks.pictures" + ".a" * 150 + "=1",
        ".".join(["a"] * 150) + "=1",
        "a" * LEVELS,
        "seed=" + "9" * LEVELS,
    ],
    ids=lambda text: text[:20],
)
def test_row64_a_deeply_nested_or_long_set_is_a_usage_error_of_readable_length(text):
    assert "--set " in refusal(text)


def test_row64_a_key_of_many_parts_is_refused_before_it_is_parsed(monkeypatch):
    monkeypatch.setattr("maskgen.reading.tomllib", None)
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_toml(DEEP["keys"])


def test_row64_many_dots_in_texts_comments_and_numbers_are_no_keys():
    text = f"""a = "{"a." * 200}" # {"a." * 200}
b = [{", ".join(["1.5"] * 200)}]
c = '{"b." * 200}'
d = '''
{"c." * 200}"'''
"""
    assert list(parse_toml(text)) == ["a", "b", "c", "d"]


def test_row64_a_long_word_takes_no_longer_than_other_text():
    with within(20):
        assert list(parse_toml(f"{'a' * 200_000} = 1")) == ["a" * 200_000]


@pytest.mark.parametrize("kind", DEEP)
def test_row64_a_deeply_nested_template_is_a_problem_of_it(folder, kind):
    own = folder / "own" / "heart"
    own.mkdir(parents=True)
    (own / "template.toml").write_text(DEEP[kind])
    (problem,) = parse_template(own)
    assert "nested too deeply" in problem
    assert any("nested too deeply" in str(problem) for problem in check_templates(folder / "own").problems)


def test_row64_a_command_says_it_in_one_line(folder):
    (folder / "gen.toml").write_text(DEEP["list"])
    for line in (
        "gen-data --src photos --out set --config gen.toml",
        f"gen-data --src photos --out set --set masks.pictures={'[' * 1000}",
    ):
        done = program(folder, line)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 2
    assert not (folder / "set").exists()


@pytest.mark.parametrize(
    "text",
    [
        'run.out="a\\u0000b"',
        'masks.pictures={a="x\\u0000"}',
        'source.src="\\u0000"',
        'masks.masks="n95\\u0000"',
    ],
)
def test_row68_a_nul_character_is_a_usage_error(text):
    assert "must not hold a NUL character" in refusal(text)


def test_row68_a_nul_character_in_a_settings_file_or_a_call_is_refused(folder):
    (folder / "gen.toml").write_text('[run]\nout = "a\\u0000b"\n')
    assert "must not hold a NUL character" in refusal(file=folder / "gen.toml")
    with pytest.raises(ValueError, match="must not hold a NUL character"):
        RunSettings(out="a\0b")


LONG = "n" * 300


@pytest.mark.parametrize(
    "line",
    [
        f"gen-data --src photos --out {LONG}",
        f"gen-data --src photos --out ok/{LONG}/{LONG}",
        f"gen-data --src photos --set run.out={LONG}",
        f"gen-data --src {LONG} --out set",
        f"gen-data --src photos --out set --set masks.templates={LONG}",
        f"verify {LONG}",
        f"preview set --out {LONG}",
        f"unpack set --to {LONG}",
        f"pack photos --to {LONG}",
        f"run {LONG}.jpg --out set",
        f"run photos/a.jpg --out {LONG}",
        f"run photos/a.jpg --out set --map {LONG}",
        f"masks check {LONG}",
        f"masks sheet --out {LONG}.png",
        f"frames-from-video {LONG}.mp4",
        f"demo --out {LONG}",
        f"train segm --data {LONG}",
        f"eval --data {LONG}",
        f"export --weights {LONG}",
        f"gen-data --src photos --config {LONG}",
    ],
    ids=lambda line: line.replace(LONG, "LONG"),
)
def test_row68_a_name_of_300_characters_is_one_line(folder, line):
    done = program(folder, line)
    assert done.returncode in (2, 4), done.stderr
    assert done.stderr.startswith("unmask: ")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert "too long" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["photos"]


def test_row68_the_longest_name_that_a_disk_holds_can_be_written(tmp_path):
    path = tmp_path / ("n" * 251 + ".png")
    write_atomic(path, b"data")
    assert path.read_bytes() == b"data"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_row68_a_folder_in_place_of_a_shard_or_record_does_not_cost_the_facts(folder):
    settings = GenSettings(
        source=SourceSettings(src=str(folder / "photos")), run=RunSettings(out=str(folder / "set"), jobs=1)
    )
    generate(settings)
    (shard,) = (folder / "set").glob("*.tar")
    for path in (shard, record_path(shard.parent, shard.stem)):
        facts, content = (folder / "set" / FACTS).read_bytes(), path.read_bytes()
        path.unlink()
        (path / "mine").mkdir(parents=True)
        with pytest.raises((InputError, UsageError), match=path.name) as found:
            generate(settings)
        assert "folder" in str(found.value)
        assert (folder / "set" / FACTS).read_bytes() == facts
        assert (path / "mine").is_dir()
        (path / "mine").rmdir()
        path.rmdir()
        path.write_bytes(content)
