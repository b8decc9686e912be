"""Runs of `unmask mask` in tests: settings, files written, runs in a process of their own."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskgen.masking.settings import MaskFolderSettings
from tests.helpers.fake_worker_tools import ROOT, STARTED, build

if TYPE_CHECKING:
    from maskgen.masking.report import MaskReport


def masking(src: Path, out: Path, **sections: Any) -> MaskFolderSettings:
    """Builds the settings of a small run; `sections` override the defaults."""
    base: dict[str, Any] = {"src": str(src), "files": {"out": str(out)}, "run": {"jobs": 1}}
    for name, values in sections.items():
        base[name] = base.get(name, {}) | values if isinstance(values, dict) else values
    return MaskFolderSettings.model_validate(base)


def run_masking(settings: MaskFolderSettings, hang_after: float = 60.0) -> "MaskReport":
    """Masks with fake tools in this process."""
    from maskgen.masking.pipeline import mask_folder

    return mask_folder(settings, build=build, hang_after=hang_after)


def start_masking(settings: MaskFolderSettings, **env: str) -> subprocess.Popen[bytes]:
    """Starts a run with fake tools in a new process and process group."""
    code = "import sys; from tests.helpers.masking import main; sys.exit(main())"
    run = subprocess.Popen(
        [sys.executable, "-c", code, settings.model_dump_json()],
        cwd=ROOT,
        env=os.environ | env,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    STARTED.append(run)
    return run


def written(folder: Path) -> dict[str, str]:
    """Returns the sha256 of every file that is not hidden, by its path, and of the tables."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (".unmask-mask.jsonl", ".unmask-maps")
    }


def names_in(folder: Path) -> list[str]:
    """Lists the files that are not hidden; reads none, as a run may be at work."""
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts)]


def main() -> int:
    """Runs `mask_folder` as a command."""
    from maskgen.errors import UnmaskError
    from maskgen.masking.report import check_mask_failures

    settings = MaskFolderSettings.model_validate_json(sys.argv[1])
    try:
        check_mask_failures(run_masking(settings), settings)
    except UnmaskError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0
