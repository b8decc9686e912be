import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.waiting import HANG_GUARD, children_of, cpu_seconds, is_alive, wait_for

ROOT = Path(__file__).parents[3]
MEASURE = """
from maskgen.generation.core_scaling import _rounds
try:
    _rounds(2, 9999.0)
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the children of a process are asked of Linux")
def test_ctrl_c_ends_the_loops_without_output() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", MEASURE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )
    try:
        # A process that has used so much is past its start and in its loop: the parent then waits for both.
        wait_for(lambda: [cpu_seconds(loop) >= 0.3 for loop in children_of(run.pid)] == [True, True])
        loops = children_of(run.pid)
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to parent and loops alike
        assert run.communicate(timeout=HANG_GUARD) == (b"stopped\n", b"")
        assert not any(is_alive(loop) for loop in loops)
    finally:
        for process in (*children_of(run.pid), run.pid) if run.poll() is None else ():
            os.kill(process, signal.SIGKILL)
        run.communicate()
