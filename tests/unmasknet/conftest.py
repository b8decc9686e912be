"""Skips the tests of `unmasknet` if torch (extra `train`) is missing; `make lint` reports that."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py", "*/test_*.py"]
