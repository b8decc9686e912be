"""The build's own step: compile maskgen's kernels where a C compiler is. Where there is none the package is as it was.

A wheel with kernels is for one system and any Python; one without is for all.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags


class Kernels(BuildHookInterface):
    """Compiles, for wheels and for `pip install -e`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Make the library, and tell what the wheel is for."""
        if self.target_name != "wheel":
            return
        build = _load(Path(self.root, "maskgen", "native", "build.py"))
        said = build.compile_kernels()
        if not build.LIBRARY.exists():
            sys.stderr.write(f"maskgen's kernels are left out, numpy does their work, slower: {said}\n")
            return
        build_data["pure_python"] = False
        build_data["artifacts"].append(f"/{build.LIBRARY.relative_to(self.root).as_posix()}")
        system = next(tag for tag in platform_tags() if not tag.startswith(("manylinux", "musllinux")))
        build_data["tag"] = f"py3-none-{system}"


def _load(path: Path) -> ModuleType:
    """A module by its path: the package itself cannot be imported before its requirements are installed."""
    spec = importlib.util.spec_from_file_location("kernels_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
