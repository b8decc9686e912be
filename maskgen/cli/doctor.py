"""`unmask doctor`. Imports nothing that may be broken: it must run even if OpenCV cannot be imported."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from maskgen.cli.options import Output
from maskgen.command_settings import DoctorSettings
from maskgen.errors import MissingError

if TYPE_CHECKING:
    from maskgen.doctor import Check


def doctor(settings: DoctorSettings) -> Output:
    """Check this machine, and print for each failed check the command that fixes it.

    Example: [bold]unmask doctor --root data/celeba[/bold]
    """
    from maskgen.doctor import examine

    checks = examine(Path.cwd(), settings.root)
    sound = all(check.ok or check.optional for check in checks)
    facts = {"checks": [asdict(check) for check in checks]}
    return Output(facts, checks_text(checks), exit_code=0 if sound else MissingError.exit_code)


def checks_text(checks: "Sequence[Check]") -> str:
    """Lists one check per line, a failed one with the command that fixes it; failed optional checks get a dash."""
    lines = []
    for check in checks:
        mark = "ok" if check.ok else "--" if check.optional else "XX"
        lines.append(f"{mark} {check.name:<15} {check.found}")
        if check.mend:
            lines.append(f"{'':<19}{check.mend}")
    return "\n".join(lines)
