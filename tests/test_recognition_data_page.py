"""The commands of docs/recognition-data.md, as they stand there, on one person's photo in place of a data set."""

import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from maskgen.faces.align import crop, crop_matrix
from maskgen.recordio import read_index
from maskgen.settings import SourceSettings
from maskgen.sources import build_source
from tests.helpers.faces import astronaut, detector
from tests.helpers.record_files import write_records
from unmasknet.cli.program import app

PAGE = Path(__file__).parents[1] / "docs/recognition-data.md"


def commands(heading):
    """Returns the commands below a heading of the page, without the name of the program."""
    section = PAGE.read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [shlex.split(line) for line in re.findall(r"(?m)^ {4}unmask (.+)$", section)]


def call(arguments):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, (arguments, result.output, result.exception)


def encoded(pixels):
    return cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 95])[
        1
    ].tobytes()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_a_masked_rec_file_comes_from_three_commands_or_two(here):
    face = detector().detect(astronaut())[0]
    aligned = crop(astronaut(), crop_matrix(face, 112, "arcface"), 112, "constant")[0]
    write_records(here / "faces_emore", [[encoded(aligned)], [encoded(aligned[:, ::-1])]])
    for command in commands("From InsightFace's data sets, in three commands"):
        call(command)
    index = read_index(here / "faces_emore_masked/train.idx")
    assert index.keys.tolist() == [
        0,
        1,
        2,
        3,
        4,
        5,
        6,
    ]  # record 0, a masked and a bare image of each, their ranges
    assert (here / "faces_emore_masked/property").read_text() == "2,112,112\n"
    found = build_source(SourceSettings(src=str(here / "faces_emore_masked")))
    images = {}
    for ref in found.refs():
        pixels = cv2.imdecode(np.frombuffer(found.read(ref), np.uint8), cv2.IMREAD_COLOR_RGB).astype(float)
        images.setdefault(ref.identity, []).append(pixels)
    for person, truth in (("0", aligned), ("1", aligned[:, ::-1])):
        masked, bare = images[person]
        assert np.abs(bare - truth).mean() < 3
        differs = np.abs(masked - truth).mean(-1)
        assert differs[60:].mean() > 4 * differs[:45].mean()  # below the eyes, not above them
    both = build_source(SourceSettings(src=str(here / "faces_emore_both")))
    assert sorted(ref.identity for ref in both.refs()) == ["0", "0", "1", "1"]


def test_photos_become_folders_and_pairs(here):
    for person, tone in (("Ann", 1.0), ("Bob", 0.8)):
        folder = here / "photos" / person
        folder.mkdir(parents=True)
        for number, pixels in enumerate((astronaut(), astronaut()[:, ::-1]), 1):
            (folder / f"{person}_{number:04d}.jpg").write_bytes(encoded((pixels * tone).astype(np.uint8)))
    for command in commands("From photos"):
        call(
            [*command, *(["--set", "source.test=.999", "--set", "source.val=0"] * (command[0] == "gen-data"))]
        )
    files = sorted(path.relative_to(here / "faces").as_posix() for path in (here / "faces").rglob("*.jpg"))
    assert files == [f"test/{who}/{who}_{number:04d}.jpg" for who in ("Ann", "Bob") for number in (1, 2)]
    assert cv2.imread(str(here / "faces" / files[0])).shape == (112, 112, 3)
    for command in commands("Pairs for verification"):
        call([*command, "--folds", "1"])
    assert (here / "pairs.txt").read_text().startswith("1\t2\nAnn\t1\t2\nBob\t1\t2\nAnn\t")
