"""Build hook that compiles the C kernels of maskgen. Without a C compiler, the package is built without them.

A wheel with kernels is for one operating system and any Python version; a wheel without kernels is for all systems.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags


class Kernels(BuildHookInterface):
    """Build hook for wheels and for `pip install -e`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Compiles the kernels, and sets the tag of the wheel."""
        if self.target_name != "wheel":
            return
        build = _load(Path(self.root, "maskgen", "native", "build.py"))
        said = build.compile_kernels()
        if not build.LIBRARY.exists():
            sys.stderr.write(f"no kernels: masks will be drawn by NumPy, several times slower: {said}\n")
            return
        build_data["pure_python"] = False
        for path in (build.LIBRARY, build.digest_file()):
            build_data["artifacts"].append(f"/{path.relative_to(self.root).as_posix()}")
        system = next(tag for tag in platform_tags() if not tag.startswith(("manylinux", "musllinux")))
        build_data["tag"] = f"py3-none-{system}"


def _load(path: Path) -> ModuleType:
    """Loads a module by its path: the package cannot be imported before its requirements are installed."""
    spec = importlib.util.spec_from_file_location("kernels_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
