"""Writes docs/python.md, the public names with their docstrings: python -m tools.python_reference.

griffe reads the sources; nothing is imported. A type of this project that a signature names is described as well.
"""

import logging
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import griffe

ROOT = Path(__file__).parent.parent
PAGE, LIBRARY = ROOT / "docs/python.md", ROOT / "docs/api.md"
MODULES = ("maskgen", "maskgen.transforms", "unmasknet")
INTRODUCTION = """# Python reference

Reference: every public function and class of `maskgen` and `unmasknet`, from its docstring. This page is written by
`python -m tools.python_reference`. [Python library](api.md) shows how they are used together.

Images are RGB `uint8` arrays, 0 to 255; points are (x, y) in pixels of their image, y downwards; angles are in degrees.
`UInt8[ndarray, "h w 3"]` is jaxtyping's way to write an array's type and shape.
"""
WIDTH = 88  # of a signature, in characters, before it is broken into a line for each parameter
TAKEN = ("PhotoInput", "OnProgress")  # types of arguments that users build themselves
SETTINGS = "Section"  # the base class of settings, whose annotations hold options of the command line


def python_page() -> str:
    """Formats the page."""
    logging.getLogger("griffe").setLevel(logging.ERROR)  # it warns of "masks, wear, p: as in ..."
    packages = griffe.GriffeLoader(search_paths=[str(ROOT)], docstring_parser=griffe.Parser.google)
    trees = {name: packages.load(name) for name in ("maskgen", "unmasknet")}
    packages.resolve_aliases()
    public = {module: _public_names(_find(trees, module)) for module in MODULES}
    known = {one.path: f"{module}.{one.name}" for module, names in public.items() for one in names}
    types = _types_of([one for names in public.values() for one in names], trees, known)
    known |= {one.path: one.name for one in types}
    parts = [INTRODUCTION]
    for module, names in public.items():
        parts += [f"## {module}", "", *(_object(f"{module}.{one.name}", one, known) for one in names)]
    parts += [
        "## Types",
        "",
        "Types that the entries above name. They come as results, or say what an argument may be; none is imported.",
    ]
    parts += ["", *(_object(one.name, one, known) for one in types)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


def _find(trees: dict[str, Any], path: str) -> Any:
    package, _, rest = path.partition(".")
    return trees[package][rest] if rest else trees[package]


def _public_names(module: Any) -> list[Any]:
    """Lists the functions and classes in a module's `__all__`: functions first, each in the order of the alphabet."""
    home = _homes(module)
    found = [_resolved(module, home[name]) for name in sorted(home)]
    return sorted(found, key=lambda one: one.is_class)


def _homes(module: Any) -> dict[str, str]:
    """Maps the public names of a package to the paths that it imports them from while types are checked."""
    return {
        name: one.target_path for name, one in module.members.items() if one.is_alias and _is_own(one, name)
    }


def _is_own(alias: Any, name: str) -> bool:
    return alias.target_path.partition(".")[0] in ("maskgen", "unmasknet") and alias.target_path.endswith(
        f".{name}"
    )


def _resolved(module: Any, path: str) -> Any:
    one = module.modules_collection[path]
    return one.final_target if one.is_alias else one


def _types_of(start: list[Any], trees: dict[str, Any], known: dict[str, str]) -> list[Any]:
    """Finds the classes and aliases of this project that signatures and attributes name, and so on from those."""
    found: dict[str, Any] = {}
    todo = list(start)
    while todo:
        for path in _named_paths(todo.pop()):
            if path.partition(".")[0] not in trees or path in known or path in found:
                continue
            try:
                one = _resolved(trees["maskgen"], path)
            except KeyError:
                continue  # a name of a function's own
            described = one.is_class or (_is_type_alias(one) and "TypeVar" not in str(one.value))
            if described and one.path not in known and one.path not in found:
                found[one.path] = one
                todo.append(one)
    return sorted(found.values(), key=lambda one: one.name.lower())


def _named_paths(one: Any) -> Iterator[str]:
    """Yields the paths of the types that a function returns, that attributes have, and of the aliases it takes."""
    parts = [one, *_members(one)] if one.is_class else [one]
    for part in () if one.is_class and _is_settings(one) else parts:
        if part.is_function:
            annotations = [
                part.returns,
                *(p.annotation for p in part.parameters if str(p.annotation) in TAKEN),
            ]
        else:
            annotations = [part.value if _is_type_alias(part) else getattr(part, "annotation", None)]
        for annotation in annotations:
            if isinstance(annotation, griffe.Expr):
                names = [name for name in annotation.iterate() if isinstance(name, griffe.ExprName)]
                yield from (name.canonical_path for name in names)


def _is_type_alias(one: Any) -> bool:
    return one.is_attribute and one.parent.is_module


def _is_settings(one: Any) -> bool:
    return any(base.name == SETTINGS for base in one.mro())


def _members(one: Any) -> list[Any]:
    """Lists the public attributes of a class, and those of its methods that docs/api.md names."""
    return [
        part
        for name, part in one.members.items()
        if not part.is_alias and name != "model_config" and (not name.startswith("_") or name == "__call__")
        if (part.is_attribute and "property" not in part.labels) or _is_promised(name, part)
    ]


@cache
def _promises() -> str:
    return LIBRARY.read_text("utf-8")


def _is_promised(name: str, part: Any) -> bool:
    return bool(part.docstring) and (
        name == "__call__" or bool(re.search(rf"\.{name}\b|`{name}\(", _promises()))
    )


def _object(name: str, one: Any, known: dict[str, str]) -> str:
    body = _function(one, known) if one.is_function else _class(one, known) if one.is_class else _alias(one)
    return "\n".join([f"### {name}", "", *body, ""])


def _alias(one: Any) -> Iterator[str]:
    yield f"    {one.name} = {_quoted(str(one.value))}"
    yield ""
    if one.docstring:
        yield one.docstring.value


def _function(one: Any, known: dict[str, str]) -> Iterator[str]:
    yield from ("```python", f"{_signature(one)}: ...", "```", "")
    yield from _docstring(one, known)


def _class(one: Any, known: dict[str, str]) -> Iterator[str]:
    start = one.members.get("__init__")
    if start is not None and "dataclass" not in one.labels and not _is_settings(one) and not start.is_alias:
        inside = [f"    {line}" for line in f"{_signature(start)}: ...".split("\n")]
        yield from ("```python", f"class {one.name}:", *inside, "```", "")
    bases = [known[base.canonical_path] for base in one.bases if base.canonical_path in known]
    if bases:
        yield from (_linked(f"Subclass of `{bases[0].rpartition('.')[2]}`.", known, one), "")
    attributes = [part for part in _members(one) if part.is_attribute]
    yield from _docstring(one, known, attributes)
    for part in _members(one):
        if part.is_function:
            shown = "" if part.name == "__call__" else f".{part.name}"
            yield from (f"**`{one.name}{shown}`**", "", *_function(part, known))


def _signature(one: Any) -> str:
    """Formats a function's first line, without its colon; a long one has a line for each parameter."""
    parameters = [_quoted(parameter) for parameter in _parameters(one)]
    result = _quoted(f" -> {one.returns}") if one.returns is not None else ""
    line = f"def {one.name}({', '.join(parameters)}){result}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"def {one.name}(", *(f"    {parameter}," for parameter in parameters), f"){result}"])


def _quoted(code: str) -> str:
    """Writes texts in double quotes, as the sources do; griffe takes single ones."""
    return code if '"' in code else code.replace("'", '"')


def _parameters(one: Any) -> Iterator[str]:
    starred = False
    for parameter in one.parameters:
        kind = parameter.kind.value
        if kind == "keyword-only" and not starred:
            starred = True
            yield "*"
        stars = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
        starred = starred or stars == "*"
        text = stars + parameter.name
        if parameter.annotation is not None:
            text += f": {parameter.annotation}"
        if parameter.default is not None and not stars:
            default = _value(parameter.default, one)
            text += f" = {default}" if parameter.annotation is not None else f"={default}"
        yield text


def _value(default: Any, one: Any) -> str:
    """Formats a default; of a constant of this project, its number or text is shown, not its name."""
    try:
        named = one.modules_collection[default.canonical_path]
        shown = str((named.final_target if named.is_alias else named).value)
    except (AttributeError, KeyError):  # no name, or one of another project
        return str(default)
    return shown if re.fullmatch(r"[\d._]+|'[^']*'|None", shown) else str(default)


def _docstring(one: Any, known: dict[str, str], attributes: Iterable[Any] = ()) -> Iterator[str]:
    """Yields a docstring as Markdown. The attributes of a class are listed with what the docstring says of them."""
    said: dict[str, str] = {}
    for section in one.docstring.parsed if one.docstring else []:
        match section.kind.value:
            case "text":
                yield from (_linked(section.value, known, one), "")
            case "parameters":
                yield from _items(
                    "Arguments", [(item.name, item.description) for item in section.value], known, one
                )
            case "attributes":
                said = {item.name: item.description for item in section.value}
            case "returns" | "yields" as kind:
                text = " ".join(item.description for item in section.value)
                yield from (f"**{kind.capitalize()}**: {_linked(text, known, one)}", "")
            case "raises":
                yield from _items(
                    "Raises", [(str(item.annotation), item.description) for item in section.value], known, one
                )
            case "admonition" if section.value.kind == "example":
                yield from ("```pycon", section.value.contents, "```", "")
            case other:
                raise ValueError(f"{one.path}: a docstring's section of the kind {other} is not supported")
    if one.is_class and _is_settings(one):
        yield from ("[Settings](settings.md) lists the bounds of these values.", "")
    listed = [_attribute(part, said, settings=_is_settings(one)) for part in attributes]
    yield from _items("Attributes", listed, known, one)


def _attribute(part: Any, said: dict[str, str], *, settings: bool) -> tuple[str, str]:
    text = said.get(part.name) or (part.docstring.value if part.docstring else "")
    if settings:
        shown = re.sub(r"Field\(default_factory=(\w+)\)", r"\1()", _value(part.value, part))
        return f"{part.name} = {_quoted(shown)}" if part.value is not None else part.name, text
    return f"{part.name}: {_quoted(str(part.annotation))}" if part.annotation is not None else part.name, text


def _items(title: str, items: list[tuple[str, str]], known: dict[str, str], one: Any) -> Iterator[str]:
    if items:
        yield from (f"**{title}**:", "")
        for name, text in items:
            meaning = _linked(" ".join(text.split()), known, one)
            yield f"- {_linked(f'`{name}`', known, one)}" + (f": {meaning}" if meaning else "")
        yield ""


def _linked(text: str, known: dict[str, str], one: Any) -> str:
    """Links names in backticks to their entries on this page, where the text is not the entry itself."""
    headings = {heading.rpartition(".")[2]: heading for heading in known.values()}

    def link(match: re.Match[str]) -> str:
        heading = headings.get(match[1])
        if heading is None or match[1] == one.name:
            return match[0]
        return f"[`{match[1]}`](#{re.sub(r'[^a-z0-9_-]', '', heading.lower())})"

    return re.sub(r"(?<!\[)`(\w+)`", link, text)


if __name__ == "__main__":
    PAGE.write_text(python_page(), "utf-8")
