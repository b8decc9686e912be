from pathlib import Path

import pytest

from maskgen import config
from maskgen.assets import asset
from maskgen.command_settings import PreviewSettings
from maskgen.config import Given, load_settings, print_config
from maskgen.errors import UsageError
from maskgen.settings import GenSettings, RunSettings


def problems(*args: object, **kwargs: object) -> list[str]:
    with pytest.raises(UsageError) as caught:
        load_settings(GenSettings, *args, **kwargs)  # type: ignore[arg-type]
    return str(caught.value).split("\n  ")[1:]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gen.toml"
    path.write_text('seed = 3\n[crop]\nsize = 128\nborder = "constant"\n')
    return path


def test_without_any_input_the_defaults_apply():
    assert load_settings(GenSettings) == GenSettings()


def test_options_override_set_which_overrides_the_file(file):
    settings = load_settings(GenSettings, file, ["crop.size=256", "seed=4"], [Given("--seed", "seed", "5")])
    assert (settings.crop.border, settings.crop.size, settings.seed) == ("constant", 256, 5)


def test_an_option_that_was_not_used_changes_nothing(file):
    assert load_settings(GenSettings, file, (), [Given("--size", "crop.size", None)]).crop.size == 128


def test_set_reads_text_numbers_switches_and_none():
    settings = load_settings(
        GenSettings,
        None,
        ["masks.masks=none", "shards.quality=90", "run.extend=true", "run.jobs=none", 'run.out="a b"'],
    )
    assert settings.masks.masks == "none"
    assert (settings.shards.quality, settings.run.extend, settings.run.jobs, settings.run.out) == (
        90,
        True,
        None,
        "a b",
    )


def test_a_text_setting_keeps_text_that_looks_like_a_number():
    assert load_settings(GenSettings, None, ["source.src=2024"]).source.src == "2024"


def test_all_problems_come_in_one_message_each_with_its_origin(file):
    file.write_text("[crop]\nsize = 7\n[foo]\nbar = 1\n")
    found = problems(
        file,
        ["source.m=3", "crop.size"],
        [Given("--n", "source.n", "0")],
        required={"source.src": "give --src"},
    )
    assert sorted(found) == sorted(
        [
            "--set crop.size: must be `section.key=value`",
            f"{file}: crop.size: must be 0 (the source's own grid) or 64 to 1024; got 7",
            f"{file}: foo: there is no setting foo",
            "--set source.m=3: there is no setting source.m; did you mean source.n?",
            "--n: source.n: should be greater than or equal to 1; got '0'",
            "source.src is missing; give --src",
        ]
    )


def test_conflicts_are_found_beside_other_problems():
    found = problems(None, ["crop.size=7", "source.val=.6", "source.test=.6", "run.shards=3::2"])
    assert len(found) == 3
    assert any("must leave something to train on" in line for line in found)
    assert any("0 <= i < k" in line for line in found)


def test_extend_and_overwrite_exclude_each_other():
    assert "choose one" in problems(None, ["run.extend=true", "run.overwrite=true"])[0]


def test_a_photo_that_is_kept_whole_cannot_be_aligned():
    (problem,) = problems(None, ["crop.align=arcface", "crop.size=0"])
    assert "arcface aligns a crop, but with crop.size (--size) 0 there is none" in problem
    assert load_settings(GenSettings, None, ["crop.align=none", "crop.size=0"], ()).crop.align == "none"


def test_a_slice_of_the_shards_is_read_from_its_text():
    assert (RunSettings().slice, RunSettings(shards="2::5").slice) == ((0, 1), (2, 5))
    assert problems(None, ["run.shards=5::5"]) == [
        "--set run.shards=5::5: must be i::k with 0 <= i < k; got '5::5'"
    ]


def test_a_file_that_is_not_toml_is_named_with_the_line(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text("[crop\n")
    assert "not TOML" in problems(path)[0]
    assert "line 1" in problems(path)[0]


def test_a_missing_file_is_named(tmp_path):
    assert problems(tmp_path / "none.toml") == [f"--config: {tmp_path}/none.toml: No such file or directory"]


def test_a_byte_order_mark_is_accepted(file):
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert load_settings(GenSettings, file).seed == 3


@pytest.mark.parametrize(
    "bad", ["crop=3", "seed.x=3", "crop.size.x=1", "=3", ".=3", "crop.=1", "crop.size=[1"]
)
def test_a_malformed_set_is_reported_without_a_crash(bad):
    assert problems(None, [bad])


def test_printed_settings_are_read_back_unchanged(tmp_path):
    settings = load_settings(
        GenSettings,
        None,
        ["source.n=12", 'source.src=ä "b"\\c', "source.val=0", "faces.max_yaw=1e-7", "run.extend=true"],
    )
    path = tmp_path / "printed.toml"
    path.write_text(print_config(settings), "utf-8")
    assert load_settings(GenSettings, path) == settings


def test_every_setting_is_printed_below_its_description():
    text = print_config(GenSettings())
    names = list(config._names(GenSettings))
    assert len(names) > 25
    for name in names:
        before, found, _ = text.partition(f"\n{name.split('.')[-1]} = ")
        before = before if found else text.partition(f"\n# {name.split('.')[-1]} =")[0]
        assert before.rsplit("\n", 1)[-1].startswith("# "), name


def test_bounds_and_choices_are_printed():
    text = print_config(GenSettings())
    assert "# One of: reflect, constant." in text
    assert "# Bounds: >= 50, <= 100." in text
    assert "# Bounds: >= 1." in text.partition("# n =")[0].rsplit("\n\n", 1)[-1]


def test_the_shipped_config_is_current():
    assert asset("configs/gen.toml").read_text("utf-8") == print_config(GenSettings())


def test_flat_settings_have_no_tables():
    assert "[" not in print_config(PreviewSettings()).replace("`", "")
