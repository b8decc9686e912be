"""Without torch there is nothing to test here; the run's first lines say so."""

from importlib.util import find_spec

TORCH = find_spec("torch") is not None
collect_ignore_glob = [] if TORCH else ["test_*.py"]


def pytest_report_header() -> str:
    return "unmasknet: tested" if TORCH else "unmasknet: not tested, torch is not installed (extra `train`)"
