"""Write every preset anew: its head and its values as they are, each value under what it means.

Run after a setting was added or its text was changed: python tools/comment_presets.py
"""

import tomllib
from pathlib import Path

from maskgen.assets import asset
from maskgen.config import print_config
from unmasknet.presets import PRESETS, Preset


def commented(text: str) -> str:
    """A preset's file with current comments; the comment block at its top stays."""
    head = text.partition("\n\n")[0]
    return f"{head}\n\n{print_config(Preset.model_validate(tomllib.loads(text)))}"


def main() -> None:
    """Rewrite the files in place."""
    for name in PRESETS:
        path = Path(asset(f"configs/presets/{name}.toml"))
        path.write_text(commented(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
