"""Runs the tests of the Albumentations transform with AlbumentationsX, in an environment of its own.

    python -m tools.check_albumentationsx

AlbumentationsX is AGPL, so it is no dependency, not even of tests; and it is imported by the name of the MIT line, so
both cannot stand in one environment. The new environment sees the packages of this one behind its own.
"""

import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSION = "2.5.1"  # the version that the documents name


def main() -> int:
    """Returns the exit status of the tests."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin/python"
        wanted = f"albumentationsx=={VERSION}", "opencv-python-headless"
        subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
        packages = subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        Path(packages, "behind.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n{ROOT}\n", "utf-8")
        tests = "tests/maskgen/transforms/test_adapters.py", "-k", "albumentations"
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
        return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
