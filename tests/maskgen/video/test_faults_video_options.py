"""Rows 410 and 411 of docs/faults.md: times and rates that no clip has, and videos without what they need."""

import errno
import shutil
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from maskgen.assets import asset
from maskgen.cli.gen_data import gen_data
from maskgen.cli.progress_bar import Meter
from maskgen.errors import InputError, MissingError
from maskgen.frames_settings import FramesSettings
from maskgen.settings import GenSettings, RunSettings, SourceSettings
from maskgen.video import Grid
from maskgen.video.to_dataset import rehearse_reel
from tests.helpers.clips import moving, write_clip
from tests.helpers.program import program
from tests.maskgen.video.frames.test_run import rows_of, take

pytestmark = pytest.mark.fault


@pytest.mark.parametrize("value", ["inf", "nan", "1e300", "-1", "99999999:00:00"])
@pytest.mark.parametrize("option", ["--start", "--end"])
def test_row410_a_time_that_no_clip_has_is_refused(option, value, tmp_path):
    done = program("frames-from-video", str(tmp_path / "a.mp4"), f"{option}={value}")
    assert done.returncode == 2
    assert f"{option}: {option[2:]}: should be" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "settings", [{"fps": 1e300}, {"fps": np.inf}, {"every": np.inf}, {"every": 1e-320}, {"every": np.nan}]
)
def test_row410_a_rate_that_no_clip_has_is_refused(settings):
    with pytest.raises(ValidationError):
        FramesSettings(files=("a.mp4",), **settings)


@pytest.mark.parametrize("step", [1e-320, 1e-300, 1e-9, 0.01])
def test_row410_a_fine_grid_requests_every_frame_at_once(step):
    grid = Grid(0.0, step, 10.0)
    assert [grid.asks(n / 25, (n + 1) / 25) for n in range(300)] == [True] * 250 + [False] * 50


def test_row410_a_start_after_the_end_of_the_clip_is_said(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", moving(10))
    report = take(clip, out=tmp_path / "out", size=64, start=1e6)
    assert report.photos == 0
    assert "no frame lies between" in report.warnings[0]
    assert rows_of(tmp_path / "out") == []


def test_row411_a_rehearsal_of_videos_says_that_pyav_is_missing(monkeypatch, tmp_path):
    clip = write_clip(tmp_path / "a.mp4", moving(3))
    monkeypatch.setattr("maskgen.extras.find_spec", lambda name: None)
    settings = GenSettings(source=SourceSettings(src=str(clip)), run=RunSettings(video=True))
    with pytest.raises(MissingError, match="pip install"):
        rehearse_reel(settings)


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
@pytest.mark.parametrize("folder", [False, True])
def test_row411_gen_data_of_a_video_names_the_option_for_videos(tmp_path, folder, more):
    (tmp_path / "clips").mkdir()
    clip = write_clip(tmp_path / "clips/raw.mp4", moving(3))
    done = program(
        "gen-data", "--src", str(clip.parent if folder else clip), "--out", str(tmp_path / "out"), *more
    )
    assert done.returncode == 4
    assert "--video" in done.stderr
    assert not (tmp_path / "out").exists()


def test_row410_the_rate_of_a_second_clip_counts_from_its_start(tmp_path):
    """With `--start 8`, the seconds before it are no work done."""
    clips = [write_clip(tmp_path / f"{name}.mp4", moving(300 + n)) for n, name in enumerate("ab")]
    seen = []

    class Recorder(Meter):
        def __call__(self, progress):
            seen.append(progress)
            super().__call__(progress)

    settings = FramesSettings(
        files=tuple(map(str, clips)), out=str(tmp_path / "out"), size=64, start=8.0, fps=5
    )
    from maskgen.video.frames.run import frames_from_video

    now = iter(np.arange(10_000) * 0.5)
    frames_from_video(settings, Recorder("seconds of video", None, lambda: next(now)))
    firsts = [n for n, progress in enumerate(seen) if progress.done == 8.0 == progress.found]
    assert len(firsts) >= 2
    assert all(progress.found == 8.0 <= progress.done <= progress.total + 0.2 for progress in seen)


@pytest.mark.parametrize("option", [("--masks", "nothing-like-that"), ("--landmarks", "celeba")])
def test_row411_other_mistakes_with_photos_beside_a_video_do_not_name_it(tmp_path, option):
    write_clip(tmp_path / "raw.mp4", moving(3))
    shutil.copy(asset("demo/astronaut.jpg"), tmp_path)
    done = program("gen-data", "--src", str(tmp_path), "--out", str(tmp_path / "out"), "--dry-run", *option)
    assert done.returncode == 4
    assert "--video" not in done.stderr


def test_row411_a_source_that_may_not_be_read_is_not_searched_for_videos(monkeypatch, tmp_path):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", refuse)
    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(InputError, match="may not be read by this user"):
        gen_data(GenSettings(source=SourceSettings(src=str(tmp_path))))
