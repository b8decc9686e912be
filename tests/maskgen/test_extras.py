from importlib import metadata

from maskgen.extras import install_command, install_line

REQUIRED = [
    "numpy>=2",
    'av>=17; extra == "video"',
    "torch >= 2.10 ; extra == 'train'",
    "unmask[train,video]; extra == 'all'",
    "av>=17; extra == 'all'",
]


def test_the_command_names_the_packages_and_not_unmask_itself(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRED)
    assert install_command("train") == "pip install 'torch>=2.10'"


def test_extras_that_name_extras_are_resolved_without_duplicates(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRED)
    assert install_command("all") == "pip install 'torch>=2.10' 'av>=17'"


def test_without_an_installation_the_command_is_for_the_checkout(monkeypatch):
    def none(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", none)
    assert install_command("web") == "pip install -e '.[web]' in the checkout"


def test_a_message_names_the_extra_too(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRED)
    assert install_line("video") == "pip install 'av>=17' (the extra unmask[video])"


def test_every_extra_named_by_the_program_exists():
    for extra in (
        "train",
        "dlib",
        "eval",
        "fan",
        "video",
        "web",
        "onnx",
        "datasets",
        "parquet",
        "tensorboard",
    ):
        assert install_line(extra).startswith("pip install '"), extra
