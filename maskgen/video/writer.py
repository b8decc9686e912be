"""Video output: writes new images at the times of a clip's frames, and copies its audio."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
from av.video.reformatter import VideoReformatter

from maskgen.errors import InputError
from maskgen.types import RGBImage
from maskgen.video.base import Moment
from maskgen.video.colours import BT709, UNTAGGED, Colours
from maskgen.video.conversion import put_on, to_yuv
from maskgen.video.pyav import open_container

IN_MP4 = ("aac", "alac", "mp3", "ac3", "eac3", "opus", "flac")  # audio codecs that players expect in an MP4
X264 = "log-level=none:videoformat=component"  # naming a format makes x264 name the range, too
QUALITY = "16"  # x264's CRF; at about 17 and below nobody sees a difference from the source


def suffix_for(source: Path) -> str:
    """Returns `.mp4`, or `.mkv` if the clip's audio cannot be copied into an MP4."""
    with open_container(source) as container:
        return ".mp4" if all(s.codec_context.name in IN_MP4 for s in container.streams.audio) else ".mkv"


def container_of(target: Path) -> str:
    """Returns FFmpeg's name of the container for a file with a suffix from `suffix_for`."""
    return "matroska" if target.suffix == ".mkv" else "mp4"


class ClipWriter:
    """Writer of a video in which new images replace the frames of a clip.

    Args:
        source: the clip, for its clock and audio.
        target: the file to write; its suffix determines the container.
        container: FFmpeg's name of the container, if the suffix does not determine it.
        note: comment in the file's metadata.
    """

    def __init__(self, source: Path, target: Path, container: str | None = None, note: str = "") -> None:
        self._source = open_container(source)
        still = av.stream.Disposition.attached_pic
        self._model = next(s for s in self._source.streams.video if not s.disposition & still)
        self._out = av.open(str(target), "w", format=container)
        if note:
            self._out.metadata["comment"] = note
        self._video: Any = None
        self._colours, self._matrix, self._reformatter = UNTAGGED, BT709, VideoReformatter()
        self._clock: Fraction = self._model.time_base
        self._ends: dict[int, int] = {}
        self._copies: dict[int, Any] = {}
        self._sound = iter(())
        self._held: Any = None

    def __enter__(self) -> "ClipWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and self._video is not None:
                self._mux(self._video.encode())
                self._copy_sound(float("inf"))
        finally:
            self._out.close()
            self._source.close()

    def write(self, moment: Moment, pixels: RGBImage) -> None:
        """Writes the image that is on screen at a moment; both its sides must be even.

        The first moment's colours become those of the video: limited range, and the source's matrix, transfer and
        primaries as far as the images have them.
        """
        if self._video is None:
            self._open_streams(pixels.shape[0], pixels.shape[1], moment.colours)
        frame = to_yuv(pixels, self._matrix, self._colours, self._reformatter)
        frame.pts, frame.time_base = round(moment.time / self._clock), self._clock
        self._ends[frame.pts] = max(round((moment.end - moment.time) / self._clock), 0)
        self._mux(self._video.encode(frame))
        self._copy_sound(moment.time)

    def _open_streams(self, height: int, width: int, colours: Colours) -> None:
        model = self._model.codec_context
        self._matrix = colours.known(
            model.width, model.height
        ).matrix  # of the source's frames, not of upright ones
        self._colours = colours.written(self._matrix)
        rate = self._model.average_rate or Fraction(25)
        video = self._out.add_stream("libx264", rate=rate)
        video.height, video.width, video.pix_fmt = height, width, "yuv420p"
        video.time_base = video.codec_context.time_base = self._clock
        # without B-frames, decoding times equal display times, and no edit list shifts the start
        video.options = {"crf": QUALITY, "preset": "fast", "bf": "0", "x264-params": X264}
        put_on(video.codec_context, self._colours)
        self._video = video
        audio = self._source.streams.audio
        self._copies = {stream.index: self._out.add_stream_from_template(stream) for stream in audio}
        self._sound = self._source.demux(*audio) if audio else iter(())

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            packet.duration = self._ends.pop(round(packet.pts * packet.time_base / self._clock), 0)
            self._out.mux(packet)

    def _copy_sound(self, until: float) -> None:
        """Copies the audio packets that begin up to a time, unchanged."""
        while True:
            packet = self._held or next(self._sound, None)
            self._held = None
            if packet is None:
                return
            if packet.pts is None or packet.dts is None or packet.is_corrupt:
                continue
            if float(packet.pts * packet.time_base) > until:
                self._held = packet
                return
            packet.stream = self._copies[packet.stream.index]
            try:
                self._out.mux(packet)
            except av.FFmpegError as error:
                raise InputError(
                    f"the audio cannot be copied: {error}. Use a copy of the file without audio"
                ) from error
