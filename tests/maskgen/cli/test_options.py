"""Options of a command, built from the fields of its settings."""

from typing import Annotated

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from maskgen.cli.options import Output, Resolution, as_command, setting_options, switch
from maskgen.errors import InputError, UsageError
from maskgen.section import Option, Section


class Crop(Section):
    """Section."""

    side: Annotated[int, Field(ge=8), Option("PX", "Frame")] = 64
    """Side of the crop
    in pixels."""
    hidden: int = 3
    """A setting without an option."""


class Settings(Section):
    """Settings of a command."""

    photo: Annotated[str, Option(flag="PHOTO", required="name a photo")] = ""
    """The photo."""
    names: Annotated[tuple[str, ...], Option("NAME", flag="--name")] = ()
    """Names."""
    cores: Annotated[tuple[int, ...], Option("A,B")] = (1, 2)
    """Cores."""
    fast: Annotated[bool, Option()] = False
    """Be fast."""
    crop: Crop = Crop()
    seed: Annotated[int, Option("N")] = 0
    """Seed."""


def run(settings: Settings, dry: Annotated[bool, switch("--dry", "Do nothing.")] = False) -> Output:
    """Do it."""
    return Output(
        {"side": settings.crop.side, "names": settings.names, "cores": settings.cores, "dry": dry}, "done"
    )


def call(*args: str, function=run, **how):
    app = typer.Typer()
    app.command()(as_command(function, Settings, **how))
    return CliRunner().invoke(app, list(args))


def test_flag_help_and_default_come_from_the_field():
    listed = {one.path: one for one in setting_options(Settings)}
    assert list(listed) == ["photo", "names", "cores", "fast", "crop.side", "seed"]
    side = listed["crop.side"]
    assert (side.flag, side.metavar, side.help) == (
        "--side",
        "PX",
        "Side of the crop in pixels. [default: 64]",
    )
    assert listed["cores"].default == "1,2"
    assert (listed["fast"].switch, listed["fast"].default) == (True, "")


def test_options_reach_the_settings_as_text_and_repeat():
    done = call("x.jpg", "--side", "9", "--name", "a", "--name", "b", "--cores", "3,4", "--dry", "--json")
    assert done.output == '{"side": 9, "names": ["a", "b"], "cores": [3, 4], "dry": true}\n'


def test_one_message_lists_all_problems_with_the_users_flags():
    error = call("--side", "2", "--cores", "x").exception
    assert isinstance(error, UsageError)
    for part in ("--side: crop.side", "cores.0: should be a valid integer", "photo is missing; name a photo"):
        assert part in str(error)


def test_paths_choose_the_settings_that_are_options():
    assert "--side" not in call("--help", paths=("seed",)).output
    assert call("x.jpg", "--side", "9", paths=("photo",)).exit_code == 2


def test_values_from_resolve_are_overridden_by_the_users_values():
    calls = {}

    def resolve(given, own):
        calls.update(given=given, own=own)
        return Resolution(Settings, {"crop": {"side": 32}, "seed": 5})

    assert '"side": 32' in call("x.jpg", "--json", resolve=resolve).output
    assert calls == {"given": {"photo": "x.jpg"}, "own": {"dry": False}}


@pytest.mark.parametrize("as_json", [True, False])
def test_a_result_is_printed_before_the_final_error(as_json):
    def fail():
        raise InputError("too many")

    def failing(settings: Settings) -> Output:
        """Fail."""
        return Output({"n": 1}, "text", warnings=("careful",), check=fail)

    done = call("x.jpg", *["--json"] * as_json, function=failing)
    assert done.stdout == ('{"n": 1}\n' if as_json else "text\n")
    assert done.stderr == "unmask: careful\n"
    assert isinstance(done.exception, InputError)
