"""Wait policy of the threads of OpenMP; set before torch is imported, which loads OpenMP."""

import os


def wait_without_spinning() -> None:
    """Lets waiting threads sleep, unless the environment sets `OMP_WAIT_POLICY`.

    By default a thread that waits spins, and so takes the processor from the thread that it waits for when other
    programs use the cores. Sleeping costs nothing measurable when the machine is idle (docs/training.md).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
