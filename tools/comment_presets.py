"""Updates the comments of all presets from the descriptions of the settings; heads and values stay unchanged.

Run it after adding a setting or changing a description: python tools/comment_presets.py
"""

from maskgen.assets import asset
from maskgen.config import print_config, read_toml
from unmasknet.presets import PRESETS, Preset


def main() -> None:
    """Rewrites the files in place, except for the comment block at the top of each."""
    for name in PRESETS:
        path = asset(f"configs/presets/{name}.toml")
        head = path.read_text("utf-8").partition("\n\n")[0]
        path.write_text(f"{head}\n\n{print_config(Preset.model_validate(read_toml(path)))}", "utf-8")


if __name__ == "__main__":
    main()
