"""Builds a Typer command from a plain function, with options from the fields of its settings.

A command is a function `(settings, ...) -> Output`. It neither parses nor prints; `as_command` adds the options that
the settings declare (`maskgen.section.Option`), the options that every command has, and the printing.
"""

import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from maskgen.cli.completion import argument, values_of
from maskgen.cli.streams import print_result
from maskgen.errors import SKIP_REASONS, UnmaskError, UsageError
from maskgen.files import NAME_BYTES
from maskgen.progress import OnProgress, Progress
from maskgen.section import COMMON, Option

PATH_LENGTH = 4096  # characters of a path that no system opens
SHOWN = 60  # characters of such a path in a message
_PATHS = re.compile(r"DIR|FILE|FOLDER|PHOTO|RUN|SRC|INPUT")  # in the placeholders of options that take a path


@dataclass(frozen=True)
class Output:
    """Result of a command, for `as_command` to print.

    Attributes:
        facts: the output with `--json`: a dataclass or a mapping that JSON can hold.
        text: the output without `--json`.
        warnings: lines for stderr.
        exit_code: the exit code after printing.
        check: called after printing; may raise an `UnmaskError`, such as `TooManyFailures`.
    """

    facts: Any
    text: str
    warnings: Sequence[str] = ()
    exit_code: int = 0
    check: Callable[[], None] | None = None


class Resolution(NamedTuple):
    """Settings model, base values and settings file of a call that depend on other arguments: see `as_command`."""

    model: type[BaseModel]
    base: dict[str, Any] | None = None
    config: Path | None = None


class SettingOption(NamedTuple):
    """Setting that is a command-line option: its dotted path, its field and its `Option`."""

    path: str
    field: FieldInfo
    option: Option

    @property
    def flag(self) -> str:
        """Flag, such as "--per-face", or the name of a positional argument."""
        return self.option.flag or "--" + self.path.rpartition(".")[2].replace("_", "-")

    @property
    def positional(self) -> bool:
        """Whether the setting is a positional argument."""
        return not self.flag.startswith("--")

    @property
    def switch(self) -> bool:
        """Whether the option takes no value."""
        return self.field.annotation is bool

    @property
    def repeated(self) -> bool:
        """Whether the option may be given several times, with one text each."""
        return get_origin(self.field.annotation) is tuple and get_args(self.field.annotation)[0] is str

    @property
    def metavar(self) -> str:
        """Placeholder of the value in `--help`."""
        if self.option.metavar or self.switch:
            return self.option.metavar
        if get_origin(self.field.annotation) is Literal:
            return "|".join(get_args(self.field.annotation))
        return self.flag if self.positional else self.path.rpartition(".")[2].upper()

    @property
    def help(self) -> str:
        """Docstring under the field, on one line, with its default."""
        text = " ".join((self.field.description or "").split())
        return f"{text} [default: {self.default}]" if self.default else text

    @property
    def default(self) -> str:
        """Default as text; "" if it is not shown."""
        value = self.field.default
        if self.option.default or value in ("", None, ()) or isinstance(value, bool):
            return self.option.default
        return ",".join(map(str, value)) if isinstance(value, tuple) else f"{value}"


def setting_options(model: type[BaseModel], prefix: str = "") -> Iterator[SettingOption]:
    """Yields the options that a settings model declares, section by section, in the order of its fields."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from setting_options(inner, f"{prefix}{name}.")
        for declared in field.metadata:
            if isinstance(declared, Option):
                yield SettingOption(prefix + name, field, declared)


def option(flag: str, metavar: str, help: str, panel: str | None = None) -> Any:
    """Declares an option that is not a setting; the command checks its text."""
    return typer.Option(
        flag,
        metavar=metavar,
        help=_escaped(help),
        rich_help_panel=panel,
        show_default=False,
        autocompletion=values_of(flag, metavar),
    )


def _escaped(help: str) -> str:
    """Escapes [words], which Typer would read as markup."""
    return help.replace("[", r"\[")


def switch(flag: str, help: str, panel: str | None = None) -> Any:
    """Declares an option without a value that is not a setting."""
    return option(flag, "", help, panel)


Config = Annotated[Path | None, option("--config", "FILE", "Read settings from a TOML file.", COMMON)]
Sets = Annotated[
    list[str] | None,
    option("--set", "KEY=VALUE", "Change one setting, such as crop.size=128. Repeatable.", COMMON),
]
Show = Annotated[bool, switch("--print-config", "Print the resolved settings as TOML and exit.", COMMON)]
AsJson = Annotated[bool, switch("--json", "Print the result as one JSON object on stdout.", COMMON)]
COMMON_PARAMETERS = {"config": Config, "sets": Sets, "show": Show, "as_json": AsJson}


def as_command(
    run: Callable[..., "Output | None"],
    model: type[BaseModel],
    *,
    resolve: Callable[..., Resolution] | None = None,
    paths: Sequence[str] = (),
    of_group: bool = False,
) -> Callable[..., None]:
    """Builds the function that Typer registers for a command.

    Args:
        run: called as `run(settings, **arguments)`; its further parameters, annotated for Typer, are the command's own
            options. A parameter `given` receives the options that were used, path -> text; a parameter `as_json`
            receives whether `--json` was given.
        model: declares the options, and validates the settings, unless `resolve` returns another model.
        resolve: called before settings are loaded, with the options that were used, path -> text, and the command's
            own arguments; returns the model that validates the settings, base values that the user's values
            override, and a settings file.
        paths: the settings that are options of this command; empty: all that `model` declares.
        of_group: whether it is what a group of commands does when none of them is named.

    Returns:
        A function whose signature lists all options, with the docstring of `run` as its help, and `model` as its
        attribute `settings`.
    """
    hints = get_type_hints(run, include_extras=True)
    own = {
        name: parameter.replace(annotation=hints[name])
        for name, parameter in list(inspect.signature(run).parameters.items())[1:]
        if name not in ("given", "as_json")
    }
    wanted = inspect.signature(run).parameters
    options = {
        one.path.replace(".", "__"): one for one in setting_options(model) if not paths or one.path in paths
    }

    def command(**values: Any) -> None:
        named = values.pop("context").invoked_subcommand if of_group else None
        if named:
            return _check_unused(values, named)
        _check_working_directory()
        given = {one.path: values.pop(name) for name, one in options.items()}
        used = {path: value for path, value in given.items() if value not in (None, [])}
        config, sets, show, as_json = (values.pop(name) for name in COMMON_PARAMETERS)
        resolved = resolve(used, values) if resolve else Resolution(model)
        settings = _load(resolved, config, sets, options.values(), used, show=show)
        extra = {"given": used, "as_json": as_json}
        output = run(settings, **values, **{name: value for name, value in extra.items() if name in wanted})
        if output is not None:
            show_output(output, as_json=as_json)
        return None

    # Positional arguments stand first; Python's sort keeps the order of the rest.
    listed = [_parameter(one) for one in sorted(options.values(), key=lambda one: not one.positional)]
    arguments = [one for one in own.values() if _is_argument(one)]
    flags = [one for one in own.values() if not _is_argument(one)]
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
        for (name, hint), default in zip(COMMON_PARAMETERS.items(), (None, None, False, False), strict=True)
    ]
    parameters = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*arguments, *listed, *flags, *common)
    ]
    if of_group:
        kind = inspect.Parameter.KEYWORD_ONLY
        parameters.append(inspect.Parameter("context", kind, annotation=typer.Context))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    command.__doc__ = run.__doc__
    command.__name__ = run.__name__
    command.settings = model  # type: ignore[attr-defined]  # what the reference of settings lists
    return command


def _check_unused(values: Mapping[str, Any], command: str) -> None:
    """Checks that no option stands before the name of a group's command, where it would be ignored.

    Raises:
        UsageError: one does.
    """
    given = [name for name, value in values.items() if value not in (None, [], False)]
    if given:
        options = ", ".join("--" + name.rpartition("__")[2].replace("_", "-") for name in given)
        raise UsageError(
            f"{options}: stands before {command}, which would not see it; give it after {command}"
        )


def _check_working_directory() -> None:
    """Checks that the working directory exists, from which relative paths are opened.

    Raises:
        UsageError: it was deleted.
    """
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(
            f"the working directory cannot be used ({error.strerror}); was it deleted? Change to another one with cd"
        ) from None


def _is_argument(parameter: inspect.Parameter) -> bool:
    return any(
        isinstance(one, typer.models.ArgumentInfo)
        for one in getattr(parameter.annotation, "__metadata__", ())
    )


def _parameter(one: SettingOption) -> inspect.Parameter:
    """Turns a setting into a parameter for Typer; its value stays text, which the settings validate."""
    kind = list[str] | None if one.repeated else bool | None if one.switch else str | None
    declared = (
        argument(one.metavar, _escaped(one.help))
        if one.positional
        else option(one.flag, one.metavar, one.help, one.option.panel)
    )
    return inspect.Parameter(
        one.path.replace(".", "__"),
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind, declared],
    )


def _load(
    resolved: Resolution,
    config: Path | None,
    sets: Sequence[str] | None,
    options: Collection[SettingOption],
    used: Mapping[str, Any],
    *,
    show: bool,
) -> BaseModel:
    """Loads the settings; with --print-config prints them and exits."""
    from maskgen.config import Given, load_settings, print_config

    given = [
        Given(one.flag.rstrip("."), one.path, _value(one, used[one.path]))
        for one in options
        if one.path in used
    ]
    required = {one.path: one.option.required for one in options if one.option.required}
    settings = load_settings(
        resolved.model,
        config or resolved.config,
        sets or (),
        given,
        required=None if show else required,
        base=resolved.base,
    )
    _check_names(settings, options)
    if show:
        print_result(print_config(settings), end="")
        raise typer.Exit
    return settings


def _check_names(settings: BaseModel, options: Collection[SettingOption]) -> None:
    """Checks, before any work, that no path among the settings holds a name that is too long for a disk.

    Raises:
        UsageError: with each of them.
    """
    problems = [
        f"{one.flag.rstrip('.')}: {text[:SHOWN]}...: is too long for a path"
        for one in options
        if _PATHS.search(one.metavar)
        for text in _texts(settings, one.path)
        if len(text) >= PATH_LENGTH or any(len(os.fsencode(part)) > NAME_BYTES for part in Path(text).parts)
    ]
    if problems:
        raise UsageError("\n  ".join(problems))


def _texts(settings: BaseModel, path: str) -> Sequence[str]:
    """Returns the texts of a setting, none if these settings lack it: presets have sections of their own."""
    value: Any = settings
    for name in path.split("."):
        value = getattr(value, name, ())
    return (value,) if isinstance(value, str) else value


def _value(one: SettingOption, value: Any) -> Any:
    """Splits the text of a list of numbers, such as "1,2"; returns other values unchanged."""
    listed = get_origin(one.field.annotation) is tuple and not one.repeated
    return value.split(",") if listed and isinstance(value, str) else value


def show_output(output: Output, *, as_json: bool) -> None:
    """Prints the output of a command: warnings on stderr, the result on stdout.

    Raises:
        typer.Exit: with the command's exit code, if it is not 0.
        UnmaskError: raised by `output.check`; or stdout is closed or full.
    """
    for warning in output.warnings:
        print(f"unmask: {warning}", file=sys.stderr)
    facts = asdict(output.facts) if is_dataclass(output.facts) else output.facts  # type: ignore[arg-type]
    text = json.dumps(facts, default=str, allow_nan=False) if as_json else output.text
    problems: list[UnmaskError] = []
    for step in (partial(print_result, text), output.check):
        try:
            if step is not None:
                step()
        except UnmaskError as error:
            problems.append(error)
    if problems:
        raise problems[0] if len(problems) == 1 else UnmaskError("\n  ".join(map(str, problems)))
    if output.exit_code:
        raise typer.Exit(output.exit_code)


def count_of(number: int, noun: str) -> str:
    """Counts a noun: "1 photo", "2 photos"."""
    return f"{number:,} {noun}{'s'[: number != 1]}"


def reason_lines(counts: Mapping[str, int]) -> list[str]:
    """Lists skipped photos, one line per reason."""
    return [f"  {count:>7,}  {reason}: {SKIP_REASONS.get(reason, '')}" for reason, count in counts.items()]


def with_skipped(on_progress: OnProgress) -> OnProgress:
    """Adds the skipped photos of a run to the note of its progress."""

    def report(progress: Progress) -> None:
        skipped = [
            f"{count} {reason}" for reason, count in progress.figures.items() if reason in SKIP_REASONS
        ]
        on_progress(replace(progress, note="skipped " + ", ".join(skipped) if skipped else ""))

    return report


def kernel_warning() -> list[str]:
    """Returns a warning line if masks are drawn by NumPy, because there are no compiled kernels."""
    from maskgen import native

    hint = "drawing masks took several times as long as with kernels; see unmask doctor"
    return [f"kernels: {native.absent}; {hint}"] if native.absent else []
