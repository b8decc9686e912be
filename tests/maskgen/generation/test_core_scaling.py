import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.fake_worker_tools import wait_for

ROOT = Path(__file__).parents[3]
MEASURE = """
from maskgen.generation.core_scaling import _rounds
try:
    _rounds(2, 60.0)
except KeyboardInterrupt:
    print("stopped")
"""


def children_of(parent: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@pytest.mark.skipif(sys.platform != "linux", reason="the children of a process are asked of Linux")
def test_ctrl_c_ends_the_loops_without_a_word_of_theirs() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", MEASURE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )
    wait_for(lambda: len(children_of(run.pid)) == 2)
    loops = children_of(run.pid)
    time.sleep(0.3)  # they have begun
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to parent and loops alike
    assert run.communicate(timeout=20) == (b"stopped\n", b"")
    assert not any(Path(f"/proc/{loop}").exists() for loop in loops)
