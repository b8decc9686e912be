"""`unmask masks list`, `check`, `sheet` and `new`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from maskgen.cli.help_types import PlainGroup
from maskgen.cli.options import Output, count_of
from maskgen.command_settings import CheckSettings, DraftSettings, MasksSettings, SheetSettings
from maskgen.errors import InputError

if TYPE_CHECKING:
    from maskgen.authoring.proof_sheet import LibrarySheet, ProofReport
    from maskgen.authoring.template_from_photo import DraftReport


class ListByDefault(PlainGroup):
    """Command group `unmask masks`, which lists the masks if no command is given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts `list` before the options if no command is given; not while a shell asks what may come next."""
        bare = not ctx.resilient_parsing and (
            not args or (args[0].startswith("-") and args[0] not in ("-h", "--help"))
        )
        return super().parse_args(ctx, ["list", *args] if bare else args)


def list_masks(settings: MasksSettings) -> Output:
    """List the mask families with their colours, textures and ways to wear them.

    Example: [bold]unmask masks list[/bold]
    """
    from maskgen.masks.library import list_families
    from maskgen.masks.selection import open_library

    families = list_families(open_library(settings.templates, replace=settings.replace))
    return Output({"families": families}, families_text(families))


def check(settings: CheckSettings) -> Output:
    """List all problems of your own mask templates; if there are none, draw them on a face in three poses.

    Example: [bold]unmask masks check mymasks/[/bold]
    """
    from maskgen.authoring.proof_sheet import prove

    report = prove(settings)
    return Output(report, proof_text(report), exit_code=0 if report.ok else InputError.exit_code)


def sheet(settings: SheetSettings) -> Output:
    """Draw every family in three textures on faces in three poses: frontal, turned left, turned right.

    Example: [bold]unmask masks sheet --src photos/ --out masks.png[/bold]
    """
    from maskgen.authoring.proof_sheet import draw_library

    report = draw_library(settings)
    return Output(report, sheet_text(report))


def new(settings: DraftSettings) -> Output:
    """Make your own mask template from one photo of a mask; docs/masks.md explains how to take it.

    Example: [bold]unmask masks new heart heart.jpg --to mymasks/[/bold]
    """
    from maskgen.authoring.template_from_photo import draft_template

    report = draft_template(settings)
    return Output(report, draft_text(report))


def families_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Describes one family per paragraph: its colours, textures and ways to wear it."""
    lines = []
    for row in rows:
        facts = [f"{name:<9}{', '.join(row[name])}" for name in ("colours", "textures", "wear")]
        title = row["title"] + (", your own" if row["own"] else "")
        lines.append("\n            ".join([f"{row['name']:<12}{title}", *facts]))
    return "\n".join(lines)


def proof_text(report: "ProofReport") -> str:
    """Lists the problems, or names the proof image."""
    if report.problems:
        lines = [f"{problem.path}: {problem.what}" for problem in report.problems]
        return "\n".join([*lines, count_of(len(lines), "problem")])
    return f"{', '.join(report.families)}: sound\nlook at it: {report.proof}"


def sheet_text(report: "LibrarySheet") -> str:
    """Summarises what was drawn, and where."""
    return f"{report.families} families on {report.faces} faces\nlook at it: {report.sheet}"


def draft_text(report: "DraftReport") -> str:
    """Summarises the template that was made, and names the next steps."""
    lines = [f"{report.folder}: {report.colour}, shaped like {report.like}"]
    problems = [f"{problem.path}: {problem.what}" for problem in report.problems]
    lines += problems or [f"look at it: {report.proof}"]
    lines.append(f"edit {report.folder}/template.toml by hand, then: unmask masks check {report.to}")
    return "\n".join(lines)
