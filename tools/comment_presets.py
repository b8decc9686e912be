"""Write every preset anew: its head and its values as they are, each value under what it means.

Run after a setting was added or its text was changed: python tools/comment_presets.py
"""

from maskgen.assets import asset
from maskgen.config import print_config, read_toml
from unmasknet.presets import PRESETS, Preset


def main() -> None:
    """Rewrite the files in place; the comment block at the top of each stays."""
    for name in PRESETS:
        path = asset(f"configs/presets/{name}.toml")
        head = path.read_text("utf-8").partition("\n\n")[0]
        path.write_text(f"{head}\n\n{print_config(Preset.model_validate(read_toml(path)))}", "utf-8")


if __name__ == "__main__":
    main()
