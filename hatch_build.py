"""Build hook that compiles the C kernels of maskgen. Without a C compiler, the package is built without them.

A wheel with kernels is for one operating system and any Python version; a wheel without kernels is for all systems.
"""

import importlib.util
import os
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import mac_platforms, platform_tags


class Kernels(BuildHookInterface):
    """Build hook for wheels and for `pip install -e`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Compiles the kernels, and sets the tag of the wheel."""
        if self.target_name != "wheel":
            return
        build = _load(Path(self.root, "maskgen", "native", "build.py"))
        # The architectures that the wheel is for, which on macOS need not be this machine's.
        said = build.compile_kernels(*shlex.split(os.environ.get("ARCHFLAGS", "")))
        if not build.LIBRARY.exists():
            sys.stderr.write(f"no kernels: masks will be drawn by NumPy, several times slower: {said}\n")
            return
        build_data["pure_python"] = False
        for path in (build.LIBRARY, build.digest_file()):
            build_data["artifacts"].append(f"/{path.relative_to(self.root).as_posix()}")
        build_data["tag"] = f"py3-none-{system_tag()}"


def system_tag() -> str:
    """Returns the tag of the operating system and processor that the kernels are compiled for.

    On Linux it is "linux_x86_64", which auditwheel replaces by the oldest manylinux that the library runs on.

    The environment decides if it says anything: `_PYTHON_HOST_PLATFORM`, by which cross builds and cibuildwheel name
    the target, such as "linux-aarch64" or "macosx-11.0-arm64"; then, on macOS, `MACOSX_DEPLOYMENT_TARGET`, the oldest
    version that the compiler aims at. Python's own answer on macOS is the version that Python was built for.
    """
    target = os.environ.get("_PYTHON_HOST_PLATFORM", "")
    if target:
        return target.replace("-", "_").replace(".", "_")
    oldest = os.environ.get("MACOSX_DEPLOYMENT_TARGET", "")
    if sys.platform == "darwin" and oldest:
        major, minor = (int(part) for part in f"{oldest}.0".split(".")[:2])
        return next(iter(mac_platforms((major, minor))))
    return next(tag for tag in platform_tags() if not tag.startswith(("manylinux", "musllinux")))


def _load(path: Path) -> ModuleType:
    """Loads a module by its path: the package cannot be imported before its requirements are installed."""
    spec = importlib.util.spec_from_file_location("kernels_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
