"""Pages of the documentation that are run as they stand: their commands, their programs, and the output they show."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers.program import ROOT

BLOCK = re.compile(r"(?ms)^```(\w+)\n(.*?)^```$|((?:^ {4}\S[^\n]*\n)(?:^ {4}[^\n]+\n)*)")


def blocks(page):
    """Yields ("text" or "python", content) of each fence and ("commands", lines) of each indented block, in order."""
    for kind, content, indented in BLOCK.findall((ROOT / "docs" / page).read_text("utf-8")):
        if indented:
            lines = "\n".join(line[4:] for line in indented.splitlines()).replace("\\\n", " ")
            yield "commands", lines.splitlines()
        else:
            yield kind, content


def shape_of(line):
    """Returns a line of output without its numbers and plurals."""
    return re.sub(r"s\b", "", re.sub(r"\d[\d,.]*", "#", line.strip()))


@dataclass
class Reader:
    """Reader who follows a page in a folder.

    Attributes:
        folder: where the commands run.
        added: words added to commands that begin with a text, to make them quick.
        stand_ins: function of the command's words for programs of others; None skips the program.
        shown: number of lines of output that were compared.
        saved: how a program on the page is named, by its number.
    """

    folder: Path
    added: dict = field(default_factory=dict)
    stand_ins: dict = field(default_factory=dict)
    saved: dict = field(default_factory=dict)
    shown: int = 0
    programs: int = 0

    def follow(self, page):
        """Does what the page says, and compares the output that it shows with that of the commands before it."""
        said = []
        for kind, content in blocks(page):
            if kind == "commands":
                said += [line for command in content for line in self.run(command).splitlines()]
            elif kind == "python":
                said += self.run_program(content).splitlines()
            elif kind == "text":
                found = {shape_of(line) for line in said}
                for line in content.splitlines():
                    assert shape_of(line) in found, f"{page}: {line!r} is not in the output:\n" + "\n".join(
                        said
                    )
                    self.shown += 1
                said = []

    def run(self, command):
        words = shlex.split(command)
        for beginning, more in self.added.items():
            if command.startswith(beginning):
                words += more
        if words[0] in self.stand_ins:
            stand_in = self.stand_ins[words[0]]
            return (stand_in(words, self.folder) or "") if stand_in else ""
        if words[0] == "unmask":
            words = [sys.executable, "-m", "unmasknet", *words[1:]]
        elif words[0] == "python":
            words = [sys.executable, *words[1:]]
        else:
            assert words[0] in ("mkdir", "cp"), f"no test knows the program of: {command}"
        return self._call(words)

    def run_program(self, code):
        """Runs a program of the page; one that `saved` names is only saved."""
        self.programs += 1
        name = self.saved.get(self.programs)
        path = self.folder / (name or f"program-{self.programs}.py")
        path.write_text(code, "utf-8")
        return "" if name else self._call([sys.executable, path.name])

    def _call(self, words):
        paths = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        env = {**os.environ, "PYTHONPATH": paths, "XDG_CACHE_HOME": str(self.folder / ".cache")}
        done = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, env=env)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout
