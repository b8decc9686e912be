"""Rules for names and docstrings that no linter checks: unique class names, verbs first, sections where due."""

import ast
import inspect
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import maskgen
import unmasknet

ROOT = Path(__file__).parents[1]
FILES = [*sorted(ROOT.glob("maskgen/**/*.py")), *sorted(ROOT.glob("unmasknet/**/*.py")), ROOT / "cli.py"]
VERB = re.compile(r"(?!This|Less|Faces|Greys|Slopes|Threads)[A-Z][a-z-]+s[,;:.]?")  # "Computes"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    """Yield all functions and methods but properties, which are nouns, and dunders, which the language explains."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            names = {ast.unparse(one).split(".")[-1] for one in node.decorator_list}
            if not names & {"property", "cached_property", "setter", "overload"} and node.name[:2] != "__":
                yield node


def place(file: Path, node: ast.AST) -> str:
    return f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def test_no_class_name_stands_twice():
    places = defaultdict(list)
    for file in FILES:
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(place(file, node))
    assert not {name: where for name, where in places.items() if len(where) > 1}


def test_docstrings_of_functions_start_with_a_verb_in_the_third_person():
    wrong = []
    for file in FILES:
        if file.parent.name == "cli":  # a command's docstring is its help, in the imperative
            continue
        for node in functions(ast.parse(file.read_text("utf-8"))):
            words = (ast.get_docstring(node) or "Does").split()
            if not VERB.fullmatch(words[0]):
                wrong.append(f"{place(file, node)} {node.name}: {' '.join(words[:6])}")
    assert not wrong, "\n".join([f"{len(wrong)} docstrings start without a verb:", *wrong])


def test_docstrings_of_modules_and_classes_start_with_a_noun():
    opening = re.compile(r"(A|An|The|What|How|Which|Who|Where|Whether|When)\b")
    nodes = [(file, node) for file in FILES for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    documented = [(file, node) for file, node in nodes if isinstance(node, ast.Module | ast.ClassDef)]
    wrong = [place(file, node) for file, node in documented if opening.match(ast.get_docstring(node) or "")]
    assert not wrong, "\n".join(["docstrings that start with an article or a question word:", *wrong])


def public_functions() -> Iterator[tuple[str, object]]:
    """Yield the functions that both packages promise, and the public methods of the classes that they promise."""
    for package in (maskgen, unmasknet):
        for name in package.__all__:
            promised = getattr(package, name)
            if inspect.isfunction(promised):
                yield f"{package.__name__}.{name}", promised
            elif inspect.isclass(promised) and not issubclass(promised, Exception):
                for method, value in list(vars(promised).items()):
                    value = getattr(value, "__func__", value)
                    if not inspect.isfunction(value) or (method != "__call__" and method.startswith("_")):
                        continue
                    if value.__module__.split(".")[0] in ("maskgen", "unmasknet"):
                        yield f"{package.__name__}.{name}.{method}", value


@pytest.mark.parametrize(
    ("name", "function"), list(public_functions()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_public_functions_document_arguments_results_and_errors(name, function):
    text = inspect.getdoc(function) or ""
    signature = inspect.signature(function)
    takes = [one for one in signature.parameters if one not in ("self", "cls")]
    gives = signature.return_annotation not in (None, "None", inspect.Signature.empty)
    due = ["Args:"] * bool(takes) + ["Returns:"] * gives
    raises = any(
        isinstance(node, ast.Raise)
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function))))
    )
    due += ["Raises:"] * raises
    missing = [
        section
        for section in due
        if section not in text and not (section == "Returns:" and "Yields:" in text)
    ]
    assert not missing, f"{name}: its docstring lacks {', '.join(missing)}"
