"""Without torch (extra `train`) there is nothing to test here; `make lint` says so."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py", "*/test_*.py"]
