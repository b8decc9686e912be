"""Types in `--help`: plain words instead of Python's types, whatever the version of Typer."""

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup


class PlainCommand(TyperCommand):
    """Command whose help says TEXT, and nothing for flags, where Typer says `<str>` and `<bool>`."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Lists the parameters, `--help` among them."""
        return [_plain(one) for one in super().get_params(ctx)]


class PlainGroup(TyperGroup):
    """Group of commands whose help is as plain."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Lists the parameters, `--help` among them."""
        return [_plain(one) for one in super().get_params(ctx)]


def _plain(one: Any) -> Any:
    if isinstance(one, TyperArgument):
        one.display_type_rich = lambda ctx: "TEXT"  # type: ignore[method-assign]
    elif one.is_flag and one.metavar is None:
        one.metavar = ""
    return one
