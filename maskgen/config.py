"""Loads settings from a TOML file, `--set` and options, and prints them as commented TOML.

Precedence: defaults < file < `--set` < options of the command. All problems are reported in one message.
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from maskgen.errors import UsageError
from maskgen.reading import LEVELS, TEXT_BYTES, parse_toml, read_regular_file
from maskgen.section import Section

S = TypeVar("S", bound=BaseModel)
SHOWN = 200  # characters of a wrong value in a message
ARGUMENTS = {"choose": "faces"}  # settings whose argument in Python has another name
Value = Any  # a TOML value
Tree = dict[str, Value]


@dataclass(frozen=True)
class Given:
    """Setting given by an option of the command. `value` is None if the option was not used."""

    flag: str
    path: str
    value: object


@dataclass
class _Draft:
    """Values gathered so far, the origin of each (such as a file or an option), and the problems found."""

    tree: Tree
    origins: dict[str, str]
    problems: list[str]

    def put(self, path: str, value: Value, origin: str) -> None:
        *sections, name = path.split(".")
        node = self.tree
        for section in sections:
            inner = node.setdefault(section, {})
            if not isinstance(inner, dict):
                self.problems.append(f"{origin}: {section} is a value, so it has no {name}")
                return
            node = inner
        node[name] = value
        self.origins[path] = origin


def load_settings(
    model: type[S],
    file: Path | None = None,
    sets: Sequence[str] = (),
    given: Sequence[Given] = (),
    *,
    required: Mapping[str, str] | None = None,
    base: Tree | None = None,
) -> S:
    """Resolves the settings of a command.

    Args:
        model: class of the settings.
        file: TOML file with some of the settings.
        sets: texts `section.key=value`, as `--set` takes them.
        given: the command's own options.
        required: for each setting that may not stay empty, its path and a text that says how to give it.
        base: values that replace the defaults, such as those of a preset.

    Returns:
        The validated settings.

    Raises:
        UsageError: the settings have problems; the message lists all of them.
    """
    draft = _Draft(_merged({}, base or {}), {}, [])
    if file is not None:
        _read_file(draft, file)
    for text in sets:
        _read_set(draft, model, text)
    for option in given:
        if option.value is not None:
            draft.put(option.path, option.value, option.flag)
    settings = _check(draft, model)
    for path, how in (required or {}).items():
        if not _lookup(settings, path):
            draft.problems.append(f"{path} is missing; {how}")
    if draft.problems:
        raise _refusal(draft)
    return settings


def _refusal(draft: _Draft) -> UsageError:
    count = len(draft.problems)
    return UsageError("\n  ".join([f"{count} problem{'s'[: count > 1]} in the settings:", *draft.problems]))


def read_toml(file: Path) -> Tree:
    """Reads a TOML file, with or without a byte-order mark.

    Raises:
        OSError: it cannot be read, or is no regular file.
        ValueError: it is not TOML, or is nested too deeply.
    """
    return parse_toml(read_regular_file(file, TEXT_BYTES))


def _read_file(draft: _Draft, file: Path) -> None:
    try:
        tree = read_toml(file)
    except OSError as error:
        draft.problems.append(f"--config: {shortened(str(file))}: {error.strerror}")
    except ValueError as error:
        draft.problems.append(f"--config: {file}: not TOML: {error}")
    else:
        draft.tree = _merged(draft.tree, tree)
        draft.origins.update({path: str(file) for path in _paths(tree)})


def _merged(under: Tree, over: Tree) -> Tree:
    """Merges two trees table by table; the values of `over` win."""
    merged = dict(under)
    for name, value in over.items():
        if isinstance(value, dict):
            beneath = merged.get(name)
            value = _merged(beneath if isinstance(beneath, dict) else {}, value)
        merged[name] = value
    return merged


def _paths(tree: Tree, prefix: str = "") -> Iterator[str]:
    for name, value in tree.items():
        yield prefix + name
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{name}.")


def _read_set(draft: _Draft, model: type[BaseModel], text: str) -> None:
    path, equals, value = text.partition("=")
    path = path.strip()
    if not equals or not path or not all(path.split(".")) or path.count(".") > LEVELS:
        draft.problems.append(f"--set {shortened(text)}: must be `section.key=value`")
        return
    field = _field(model, path)
    draft.put(path, _value(value.strip(), field), f"--set {shortened(text)}")


def _value(text: str, field: FieldInfo | None) -> Value:
    """Parses the value of a `--set`.

    A quoted text, a list or a table is TOML. `none` unsets a setting that may be None. All other texts are returned
    unchanged and parsed later by the setting's type.
    """
    if text == "none" and field is not None and type(None) in get_args(field.annotation):
        return None
    if text[:1] in ('"', "'", "[", "{"):
        try:
            return parse_toml(f"value = {text}")["value"]
        except ValueError:
            return text
    return text


def _field(model: type[BaseModel], path: str) -> FieldInfo | None:
    """Finds the field that `path` names, or None."""
    section, _, rest = path.partition(".")
    field = model.model_fields.get(section)
    if field is None or not rest:
        return field
    inner = field.annotation
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return _field(inner, rest)
    return None


def _check(draft: _Draft, model: type[S]) -> S:
    """Validates the values. Invalid values are recorded and dropped, so that conflicts among the rest are found too.

    Raises:
        UsageError: a validator of the model itself finds a conflict, which does not name a single value to drop; the
            message lists all problems found so far.
    """
    try:
        settings = model.model_validate(draft.tree)
    except ValidationError as errors:
        for error in errors.errors():
            if error["loc"]:
                path = ".".join(str(part) for part in error["loc"])
                draft.problems.append(_problem(path, error, draft, model))
                _drop(draft.tree, path)
        try:
            settings = model.model_validate(draft.tree)
        except ValidationError as conflicts:
            draft.problems += [error["msg"].removeprefix("Value error, ") for error in conflicts.errors()]
            raise _refusal(draft) from conflicts
    if isinstance(settings, Section):
        draft.problems.extend(settings.conflicts())
    return settings


def _problem(path: str, error: Mapping[str, Any], draft: _Draft, model: type[BaseModel]) -> str:
    origin = draft.origins.get(path)
    where = f"{origin}: {path}" if origin and not origin.startswith("--set") else origin or path
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(path, list(_names(model)), n=1)
        return f"{where}: there is no setting {path}" + (f"; did you mean {near[0]}?" if near else "")
    return f"{where}: {wrong_value(error)}"


def wrong_value(error: Mapping[str, Any]) -> str:
    """Formats an error of pydantic's about one value: the problem, and the value."""
    return f"{error['msg'].removeprefix('Value error, ').removeprefix('Input ')}; got {shortened(repr(error['input']))}"


def wrong_arguments(function: str, errors: ValidationError) -> UsageError:
    """Builds the error of a function of Python whose arguments become sections of settings.

    Args:
        function: its name.
        errors: of one section; a setting is named by the argument that it comes from.
    """
    problems = [
        f"{ARGUMENTS.get(name := str(error['loc'][0]), name)}: {wrong_value(error)}"
        for error in errors.errors()
    ]
    return UsageError(f"{function}: {'; '.join(problems)}")


def shortened(text: str) -> str:
    """Cuts a text of the user's to a length that fits a message."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yields the paths of all settings."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _names(inner, f"{prefix}{name}.")
        else:
            yield prefix + name


def _drop(tree: Tree, path: str) -> None:
    """Removes the value at `path`, or the list that contains it."""
    section, _, rest = path.partition(".")
    inner = tree.get(section)
    if rest and isinstance(inner, dict):
        _drop(inner, rest)
    else:
        tree.pop(section, None)


def _lookup(settings: BaseModel, path: str) -> Any:
    value: Any = settings
    for name in path.split("."):
        value = getattr(value, name)
    return value


def print_config(settings: BaseModel) -> str:
    """Formats the settings as TOML that can be read back, each below its description, choices and bounds."""
    lines: list[str] = []
    _emit(settings, "", lines)
    return "\n".join(lines).strip() + "\n"


def _emit(settings: BaseModel, table: str, lines: list[str]) -> None:
    fields = type(settings).model_fields
    inner = {name: value for name in fields if isinstance(value := getattr(settings, name), BaseModel)}
    if table and len(inner) < len(fields):
        lines += ["", f"[{table}]"]
    for name, field in fields.items():
        if name not in inner:
            value = getattr(settings, name)
            lines += [f"# {line}" for line in _meaning(field)]
            lines += [f"# {name} =" if value is None else f"{name} = {_toml(value)}", ""]
    for name, value in inner.items():
        _emit(value, f"{table}.{name}" if table else name, lines)


def _meaning(field: FieldInfo) -> list[str]:
    lines = (field.description or "").split("\n")
    if choices := allowed_choices(field):
        lines.append("One of: " + ", ".join(choices) + ".")
    if bounds := allowed_range(field):
        lines.append("Bounds: " + ", ".join(bounds) + ".")
    return lines


def allowed_choices(field: FieldInfo) -> list[str]:
    """Lists the texts that a setting may be; empty if they are not listed."""
    return (
        [str(choice) for choice in get_args(field.annotation)]
        if get_origin(field.annotation) is Literal
        else []
    )


def allowed_range(field: FieldInfo) -> list[str]:
    """Lists the bounds of a setting, such as [">= 1", "<= 64"]."""
    return [
        f"{sign} {getattr(rule, name)}"
        for rule in _rules(field)
        for name, sign in _BOUNDS
        if hasattr(rule, name)
    ]


def _rules(field: FieldInfo) -> Iterator[Any]:
    """Yields the field's bounds, including those inside `Annotated[int, Field(ge=1)] | None`."""
    yield from field.metadata
    for part in get_args(field.annotation):
        for rule in getattr(part, "__metadata__", ()):
            yield from getattr(rule, "metadata", [rule])


_BOUNDS = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))


def _toml(value: Value) -> str:
    """Formats a value as TOML: floats as in Python; texts, booleans and lists as in JSON."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, dict):
        inside = ", ".join(f"{name} = {_toml(inner)}" for name, inner in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
