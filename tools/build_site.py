"""Builds the site in site/, strictly: python -m tools.build_site [FOLDER].

A warning of Sphinx fails it: a link, an anchor, a file or a page that is missing, a page that is not in the navigation,
a link to a folder. So does a page that would load something from another address: see `tools.outside_addresses`.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.outside_addresses import outside_addresses

ROOT = Path(__file__).parent.parent


def build_site(folder: Path, root: Path = ROOT) -> list[str]:
    """Builds the site of a repository.

    Args:
        folder: receives the site; its files are overwritten.
        root: the repository.

    Returns:
        One line per problem; empty if the site is right.
    """
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-j", "auto"]
        command += ["-c", str(root / "docs/site"), "-d", cache, str(root), str(folder)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=os.environ | {"NO_COLOR": "1"}
        )
    problems = [line for line in done.stderr.splitlines() if line.strip()]
    if done.returncode and not problems:
        problems = [f"sphinx ended with code {done.returncode}"]
    return problems or outside_addresses(folder)


def main() -> int:
    """Builds the site in the folder that the command line names, or in site/."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site"
    problems = build_site(folder)
    print("\n".join(problems) or f"open {folder / 'index.html'}")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
