"""Decoder process: the same pixels as in this process, and no file that it cannot survive."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from maskgen.errors import Skip
from maskgen.images import codecs
from maskgen.images.decoder_jobs import map_job, photo_job
from maskgen.images.decoder_process import DecoderProcess
from tests.helpers.decoders import CRASH, GREEDY, HANG, READ
from tests.helpers.serving import jpeg, photo
from tests.helpers.waiting import HANG_GUARD, is_alive, wait_for

ROOT = Path(__file__).parents[3]
JOB = photo_job(1 << 20, 255)


@pytest.fixture
def decoder():
    process = DecoderProcess(1 << 20, READ)
    yield process
    process.close()


def test_a_photo_is_decoded_as_in_this_process():
    process = DecoderProcess(1 << 20)
    for data in (jpeg(), codecs.encode_lossless(photo(), "png"), b"<html>", jpeg()[:-200]):
        there, here = (
            process.read(JOB, data, HANG_GUARD),
            codecs.decode(data, max_pixels=1 << 20, background=255),
        )
        assert there == here if isinstance(here, Skip) else np.array_equal(there, here)
    process.close()


def test_a_map_has_the_size_of_its_photo_and_is_0_or_1(decoder):
    drawn = np.zeros((20, 40, 3), np.uint8)
    drawn[:, 20:] = 255
    map = decoder.read(map_job(1 << 20, 40, 80), codecs.encode_lossless(drawn, "png"), HANG_GUARD)
    assert map.shape == (40, 80)
    assert not map[:, :39].any()
    assert (map[:, 41:] == 1).all()


@pytest.mark.fault
def test_row59_a_decoder_that_hangs_is_killed_at_its_deadline(decoder):
    assert decoder.read(JOB, jpeg(), HANG_GUARD).shape == (48, 64, 3)
    began = time.monotonic()
    assert decoder.read(JOB, HANG, 0.2) == Skip("poison", "decoding failed: it takes longer than 0.2 s")
    assert time.monotonic() - began < 5
    assert not decoder.alive


@pytest.mark.fault
def test_row59_a_decoder_that_crashes_is_reported(decoder):
    assert decoder.read(JOB, CRASH, HANG_GUARD) == Skip("poison", "decoding failed: the decoder stopped")
    assert not decoder.alive


@pytest.mark.fault
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_row59_a_decoder_gets_no_more_memory_than_its_photos_need(decoder):
    found = decoder.read(JOB, GREEDY, HANG_GUARD)  # 16 GiB
    assert isinstance(found, Skip)


@pytest.mark.fault
def test_row59_closing_ends_a_decoder_that_hangs(decoder):
    found: list[object] = []
    waiting = threading.Thread(target=lambda: found.append(decoder.read(JOB, HANG, HANG_GUARD)))
    decoder.read(JOB, jpeg(), HANG_GUARD)
    waiting.start()
    decoder.close()
    waiting.join(HANG_GUARD)
    assert [one.reason for one in found] == ["poison"]


@pytest.mark.fault
def test_row59_a_decoder_that_hangs_ends_with_a_killed_parent():
    code = (
        "import os, signal, threading\n"
        "from maskgen.images.decoder_process import DecoderProcess\n"
        "from tests.helpers.decoders import HANG, PID, READ\n"
        "process = DecoderProcess(1 << 20, READ)\n"
        "print(int.from_bytes(process.read({}, PID, 60).tobytes(), 'little'), flush=True)\n"
        "threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGKILL)).start()\n"
        "process.read({}, HANG, 60)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    wait_for(lambda: not is_alive(pid))
