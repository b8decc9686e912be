"""Skips the tests of `unmasknet` if torch (extra `train`) is missing; `make lint` reports that."""

from importlib.util import find_spec

from unmasknet.openmp import wait_without_spinning

wait_without_spinning()  # before torch is imported: spinning threads made the tests several times slower beside others
collect_ignore_glob = [] if find_spec("torch") else ["test_*.py", "*/test_*.py"]
