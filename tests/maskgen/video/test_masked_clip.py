"""Videos with masks: one steady mask per person, the clip's own times and audio."""

import json

import numpy as np
import pytest

from maskgen.rendering.lighting import Light
from maskgen.rendering.triplet import build_tools
from maskgen.settings import GenSettings, MaskSettings
from maskgen.video.masked_clip import mask_film
from maskgen.video.tracking.mesh_smoothing import REACH, Followed
from tests.helpers.clips import av, moving, read_frames, stream_times, write_clip
from tests.helpers.program import program

STEP = 2  # pixels by which the face of `moving` moves left per frame
LIGHT = Light(np.ones(3, np.float32), np.zeros(3, np.float32), 1.0, 1.0, np.ones(3, np.float32) / 3)


def packets_of(path):
    with av.open(str(path)) as container:
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(audio=0) if p.pts is not None]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Clip with uneven times and audio, and its copy with a mask."""
    folder = tmp_path_factory.mktemp("films")
    times = np.cumsum([0, *([0.04, 0.03, 0.05] * 6)]).tolist()
    clip = write_clip(folder / "raw.mp4", moving(len(times)), times=times, sound=0.8)
    tools = build_tools(GenSettings(masks=MaskSettings(masks="surgical-#0473e2", wear="correct")))
    return clip, mask_film(clip, folder / "masked.mp4", tools, "raw", lambda *_: None)


def test_a_masked_video_has_the_times_and_audio_of_the_clip(films):
    clip, film = films
    assert np.allclose(stream_times(film.video), stream_times(clip), atol=1e-6)
    assert packets_of(film.video) == packets_of(clip)


def test_every_frame_of_a_masked_video_has_the_same_mask(films):
    clip, film = films
    assert film.masked == film.frames == len(stream_times(clip))
    assert film.worn == ("surgical",)


def test_a_person_drawn_bare_stays_bare_in_every_frame(films, tmp_path):
    clip, _ = films
    tools = build_tools(GenSettings(masks=MaskSettings(masks="surgical", share=0.0)))
    film = mask_film(clip, tmp_path / "bare.mp4", tools, "raw", lambda *_: None)
    assert (film.masked, film.worn) == (0, ("bare",))
    assert film.frames == len(stream_times(clip))


def test_a_mask_moves_with_its_face_and_does_not_jitter(films):
    clip, film = films
    changed = np.abs(read_frames(clip) - read_frames(film.video)).max(-1) > 60
    centres = np.array([np.argwhere(frame).mean(0) for frame in changed])
    path = centres[0] + np.arange(len(centres))[:, None] * [0, -STEP]
    off = centres - path
    assert np.abs(off - off.mean(0)).max() < 0.8  # pixels


def test_outside_the_mask_the_video_equals_the_clip(films):
    clip, film = films
    before, after = read_frames(clip), read_frames(film.video)
    assert np.abs(before - after)[:, :60, :60].mean() < 2


def test_a_jittering_mesh_is_smoothed_without_lag():
    rng = np.random.default_rng(0)
    times = np.arange(0, 1, 1 / 30)
    path = np.stack([60 * times, 10 * times, 0 * times], axis=1)[:, None].astype(np.float32)
    noise = rng.normal(0, 0.7, (len(times), 468, 3)).astype(np.float32)
    face = Followed()
    smoothed = []
    for time, mesh in zip(times, path + noise, strict=True):
        face.note(float(time), mesh, LIGHT)
        if time - REACH >= REACH:
            smoothed.append(face.mesh_at(float(time - REACH))[:, :2])
    jerk = np.abs(np.diff(smoothed, 2, axis=0)).mean()
    assert jerk < 0.25 * np.abs(np.diff(noise[..., :2], 2, axis=0)).mean()
    shown = times[times - REACH >= REACH] - REACH
    truth = np.stack([60 * shown, 10 * shown], axis=1)
    assert np.abs(np.mean(smoothed, axis=1) - truth).max() < 0.1


def test_a_face_missed_for_a_few_frames_still_counts_as_seen():
    face = Followed()
    for time in (0.0, 0.04, 0.16, 0.2):
        face.note(time, np.zeros((468, 3), np.float32), LIGHT)
    assert face.is_seen(0.1)
    assert not face.is_seen(0.3)


def test_gen_data_of_a_video_gives_shards_and_the_video(tmp_path):
    clip = write_clip(tmp_path / "raw.mp4", moving(12), rate=10, sound=1.0)
    out = tmp_path / "set"
    asked = (
        "gen-data",
        "--src",
        str(clip),
        "--video",
        "--out",
        str(out),
        "--size",
        "64",
        "--jobs",
        "1",
        "--json",
    )
    done = program(*asked)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["triplets"] >= 1
    (video,) = report["videos"]
    assert np.allclose(stream_times(video), stream_times(clip), atol=1e-6)
    assert json.loads(program(*asked).stdout)["videos"] == [video]
