"""Stand-in for a decoder, loaded in a decoder process: it hangs, crashes or takes memory when the file says so."""

import os
import signal
import time

import numpy as np

from maskgen.images import decoder_jobs

HANG, CRASH, GREEDY, PID = b"hang", b"crash", b"greedy", b"pid"
READ = f"{__name__}:read"


def read(job, data):
    if data == HANG:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # deaf, like a decoder in C
        while True:
            time.sleep(60)
    if data == CRASH:
        os.kill(os.getpid(), signal.SIGSEGV)
    if data == GREEDY:
        return np.ones((1 << 20, 1 << 14), np.uint8)
    if data == PID:
        return np.frombuffer(os.getpid().to_bytes(8, "little"), np.uint8)
    return decoder_jobs.read_image(job, data)
