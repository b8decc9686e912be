"""`frames-from-video`: the folder that it writes, its filters, its reports, and its use by gen-data."""

import csv
import json
import subprocess
import sys
import tarfile
import wave
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgen.errors import InputError, UsageError
from maskgen.frames_settings import FramesSettings
from maskgen.images.codecs import decode
from maskgen.settings import SourceSettings
from maskgen.sources import build_source, load
from maskgen.video.frames.run import frames_from_video, rehearse_frames
from tests.helpers.clips import av, face_frame, faceless_frame, moving, stream_times, write_clip

CLI = Path(__file__).parents[4] / "cli.py"


def take(*files, out, **settings):
    names = tuple(str(file) for file in files)
    return frames_from_video(FramesSettings(files=names, out=str(out), **settings), lambda *_: None)


def rows_of(out):
    with (out / "frames.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def files_of(out):
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Clip of two seconds at 30 frames per second, with audio."""
    return write_clip(tmp_path_factory.mktemp("clip") / "raw clip.mp4", moving(60), sound=2.0)


def test_a_clip_gives_crops_at_exact_times(clip, tmp_path):
    report = take(clip, out=tmp_path / "out", fps=3, size=128)
    (file,) = report.files
    assert (file.frames, file.kept, file.faces, file.photos, file.persons) == (6, 6, 6, 6, 1)
    assert (file.seconds_covered, file.duration, file.cut) == (2.0, 2.0, False)
    rows, truth = rows_of(tmp_path / "out"), stream_times(clip)
    assert [int(row["index"]) for row in rows] == [0, 10, 20, 30, 40, 50]
    for row in rows:
        assert float(row["time"]) == pytest.approx(truth[int(row["index"])], abs=1e-3)
        pixels = decode((tmp_path / "out" / row["photo"]).read_bytes(), max_pixels=10**6, background=255)
        assert pixels.shape == (128, 128, 3)
        assert (row["faces"], row["persons"], row["kept"], row["why"]) == ("1", "p0", "1", "")
    assert (tmp_path / "out" / "sheet.png").stat().st_size > 10_000


def test_crops_keep_the_face_at_one_position(clip, tmp_path):
    take(clip, out=tmp_path / "out", fps=0, end=0.7, size=128)
    photos = [
        decode((tmp_path / "out" / row["photo"]).read_bytes(), max_pixels=10**6, background=255).astype(float)
        for row in rows_of(tmp_path / "out")
    ]
    assert len(photos) == 21
    inner = [photo[40:100, 40:90] for photo in photos]
    assert max(np.abs(one - other).mean() for one, other in pairwise(inner)) < 12


def test_whole_frames_have_even_sides_and_need_no_face(tmp_path):
    path = write_clip(tmp_path / "a.mkv", [face_frame(width=321, height=241)] * 3 + [faceless_frame(321, 241)] * 3,
                      codec="ffv1", clock=1000)  # fmt: skip
    (file,) = take(path, out=tmp_path / "out", fps=0, size=0).files
    assert (file.kept, file.faces) == (6, 3)
    rows = rows_of(tmp_path / "out")
    shapes = {
        decode((tmp_path / "out" / row["photo"]).read_bytes(), max_pixels=10**6, background=0).shape
        for row in rows
    }
    assert shapes == {(240, 320, 3)}
    assert {row["identity"] for row in rows} == {file.clip}
    (file,) = take(path, out=tmp_path / "faces", fps=0, size=0, drop="faceless").files
    assert (file.kept, file.faces, file.dropped) == (3, 3, {"faceless": 3})


def test_every_start_end_and_max(clip, tmp_path):
    def indices(name, **settings):
        take(clip, out=tmp_path / name, size=64, **settings)
        return [int(row["index"]) for row in rows_of(tmp_path / name) if row["kept"] == "1"]

    assert indices("a", every=0.5) == [0, 15, 30, 45]
    assert indices("b", every=0.5, start=0.5, end="0:01.5") == [15, 30]
    assert indices("c", fps=10, max=2) == [0, 3]


def test_filters_say_why(tmp_path):
    blurred = cv2.GaussianBlur(face_frame(), (0, 0), 3)
    path = write_clip(tmp_path / "a.mp4", [face_frame()] * 30 + [blurred] * 30)
    (file,) = take(path, out=tmp_path / "out", fps=2, start=0.25, size=64, drop="duplicates,blur").files
    assert file.dropped == {"blur": 2, "duplicates": 1}
    assert file.kept == 1


def test_frames_without_a_face_are_counted(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [face_frame()] * 30 + [faceless_frame()] * 30)
    (file,) = take(path, out=tmp_path / "out", fps=2, size=64).files
    assert (file.frames, file.kept, file.dropped) == (4, 2, {"no_face": 2})


def test_frames_near_a_cut_are_dropped(tmp_path):
    path = write_clip(
        tmp_path / "a.mp4", [face_frame()] * 30 + [np.ascontiguousarray(255 - face_frame(40))] * 30
    )
    take(path, out=tmp_path / "out", fps=10, size=0, drop="cuts")
    near = [float(row["time"]) for row in rows_of(tmp_path / "out") if row["why"] == "cuts"]
    assert 0.8 <= min(near) <= 1.0 <= max(near) <= 1.25


def test_spread_and_person_choose_among_all_photos(clip, tmp_path):
    (file,) = take(clip, out=tmp_path / "a", fps=5, size=64, spread=3).files
    assert (file.photos, file.dropped) == (3, {"spread": 7})
    short = write_clip(tmp_path / "short.mp4", moving(6))
    (file,) = take(short, out=tmp_path / "b", size=64, faces="p0").files
    assert (file.photos, file.dropped) == (1, {})
    (file,) = take(short, out=tmp_path / "c", size=64, faces="p1").files
    assert (file.photos, file.dropped) == (0, {"other_face": 1})


def test_audio_begins_with_the_first_kept_frame(clip, tmp_path):
    (file,) = take(clip, out=tmp_path / "a", start=0.5, size=64, audio_rate=16_000).files
    with wave.open(str(tmp_path / "a" / file.audio)) as sound:
        assert (sound.getframerate(), sound.getsampwidth()) == (16_000, 2)
        assert sound.getnframes() / 16_000 == pytest.approx(1.5, abs=0.05)
    (file,) = take(clip, out=tmp_path / "b", start=0.5, size=64, audio=True).files
    assert file.audio.endswith("audio.m4a")
    with av.open(str(tmp_path / "b" / file.audio)) as sound:
        frames = list(sound.decode(audio=0))
    assert frames[-1].time == pytest.approx(1.5, abs=0.06)


def test_a_clip_without_audio_gives_no_audio_file_and_no_error(tmp_path):
    path = write_clip(tmp_path / "a.mp4", moving(10))
    (file,) = take(path, out=tmp_path / "out", size=64, audio=True).files
    assert (file.audio, file.error, file.kept) == ("", "", 1)


def test_the_same_command_gives_the_same_bytes_and_repeats_no_work(clip, tmp_path):
    take(clip, out=tmp_path / "a", fps=2, size=64, threads=1)
    take(clip, out=tmp_path / "b", fps=2, size=64, threads=2)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    photo = next((tmp_path / "a").rglob("*.jpg"))
    before = photo.stat().st_mtime_ns
    report = take(clip, out=tmp_path / "a", fps=2, size=64)
    assert report.photos == 4
    assert photo.stat().st_mtime_ns == before


def test_an_interrupted_run_can_be_repeated(clip, tmp_path):
    out = tmp_path / "out"

    def stop(*_):
        raise KeyboardInterrupt

    settings = FramesSettings(files=(str(clip),), out=str(out), size=64)
    with pytest.raises(KeyboardInterrupt):
        frames_from_video(settings, stop)
    assert not files_of(out)
    assert frames_from_video(settings, lambda *_: None).photos == 2


def test_other_settings_are_refused_unless_overwritten(clip, tmp_path):
    take(clip, out=tmp_path / "out", size=64)
    with pytest.raises(UsageError, match="size was 64, is 96"):
        take(clip, out=tmp_path / "out", size=96)
    take(clip, out=tmp_path / "out", size=96, overwrite=True)


def test_several_files_and_folders_share_one_table(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    write_clip(tmp_path / "in" / "deep" / "one.mp4", [face_frame()] * 5)
    write_clip(tmp_path / "in" / "two.MKV", [face_frame(20)] * 5)
    (tmp_path / "in" / "notes.txt").write_text("x")
    report = take(tmp_path / "in", out=tmp_path / "out", size=64)
    assert [file.file for file in report.files] == ["deep/one.mp4", "two.MKV"]
    assert len({row["identity"] for row in rows_of(tmp_path / "out")}) == 2
    assert str(tmp_path) not in "".join(str(row) for row in rows_of(tmp_path / "out"))


def test_a_folder_without_videos_and_a_missing_file_are_input_errors(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="no video in this folder"):
        take(tmp_path, out=tmp_path / "out")
    with pytest.raises(InputError, match="cannot be read"):
        take(tmp_path / "gone.mp4", out=tmp_path / "out")


def test_a_dry_run_writes_nothing(clip, tmp_path):
    plan = rehearse_frames(FramesSettings(files=(str(clip),), out=str(tmp_path / "out")))
    assert [file.duration for file in plan.files] == [2.0]
    assert not (tmp_path / "out").exists()


def test_gen_data_takes_the_folder_with_persons_as_identities(clip, tmp_path):
    out = tmp_path / "out"
    (file,) = take(clip, out=out, fps=2, size=96).files
    source = build_source(SourceSettings(src=str(out)))
    refs = source.refs()
    assert {ref.identity for ref in refs} == {f"{file.clip}/p0"}
    assert len(refs) == 4  # sheet.png is not among the photos
    assert load(source, refs[0], SourceSettings()).pixels.shape == (96, 96, 3)
    with tarfile.open(tmp_path / "packed.tar", "w") as tar:
        tar.add(out, arcname="inner")
    packed = build_source(SourceSettings(src=str(tmp_path / "packed.tar"))).refs()
    assert [ref.identity for ref in packed] == [f"inner/{ref.identity}" for ref in refs]


def test_a_table_without_kept_photos_is_refused(tmp_path):
    (tmp_path / "frames.csv").write_text("file,photo,identity,kept\na.mp4,,a,0\n")
    with pytest.raises(InputError, match="lists no kept photo"):
        build_source(SourceSettings(src=str(tmp_path)))


def test_clip_json_holds_the_report_and_the_settings(clip, tmp_path):
    (file,) = take(clip, out=tmp_path / "out", size=64).files
    record = json.loads((tmp_path / "out" / file.clip / "clip.json").read_bytes())
    assert record["report"]["photos"] == 2
    assert record["settings"]["size"] == 64


def test_the_command_reports_as_json_and_a_bad_file_is_exit_4(clip, tmp_path):
    def unmask(*args):
        done = subprocess.run([sys.executable, str(CLI), *args], capture_output=True, text=True, cwd=tmp_path)
        return done.returncode, done.stdout, done.stderr

    (tmp_path / "bad.mp4").write_text("#EXTM3U\n")
    code, out, err = unmask("frames-from-video", str(clip), "bad.mp4", "--size", "64", "--json")
    report = json.loads(out)
    assert code == 4
    assert "playlist" in err
    assert set(report) >= {"out", "files"}
    assert report["out"] == "data/frames/frames"
    assert set(report["files"][0]) >= {"file", "frames", "kept", "faces", "seconds_covered", "duration"}
    assert unmask("frames-from-video", str(clip), "--fps", "1", "--every", "2", "--drop", "x")[0] == 2
    assert unmask("frames-from-video", "bad.mp4")[0] == 4
    assert "nothing was written" in unmask("frames-from-video", str(clip), "--dry-run")[1]


@pytest.mark.parametrize(
    "run", [take, lambda *names, out: rehearse_frames(FramesSettings(files=names, out=str(out)))]
)
def test_a_foreign_frames_csv_is_not_overwritten(run, tmp_path):
    (tmp_path / "frames.csv").write_text("mine")
    with pytest.raises(UsageError, match=r"holds frames\.csv, but no extracted clip; choose another folder"):
        run(__file__, out=tmp_path)
    assert (tmp_path / "frames.csv").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["frames.csv"]
