"""Attributes of people by UTKFace's names, CSV files and CelebA's list."""

from collections.abc import Callable
from pathlib import Path

import pytest

from maskgen.dataset.attributes import (
    MOST_GROUPS,
    merged,
    parse_source,
    read_attributes,
    read_source,
    sorted_groups,
)
from maskgen.errors import InputError, UsageError

CELEBA = "2\nMale Smiling Young\n000001.jpg  1 -1  1\n000002.jpg -1  1 -1\n"


def test_a_table_gives_attributes_by_id_file_name_or_stem(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("photo,sex, age \na/1.jpg,f,7\n2.jpg, m ,\n3,f,131\n", encoding="utf-8-sig")
    of = read_attributes(str(path))
    assert of("a/1.jpg") == {"sex": "f", "age": "0-12"}  # years become age groups
    assert of("b/1.jpg") == {}
    assert of("any/where/2.jpg") == {"sex": "m"}
    assert of("3.png") == {"sex": "f", "age": "131"}  # no age of a person


def test_celebas_list_gives_sex_and_youth_as_text_and_as_csv() -> None:
    rows = [line.split() for line in CELEBA.splitlines()[1:]]
    table = "\n".join(",".join(["image_id", *row] if at == 0 else row) for at, row in enumerate(rows))
    for name, text in (("list_attr_celeba.txt", CELEBA), ("list_attr_celeba.csv", table)):
        source = parse_source(name, text.encode())
        assert source.attributes == ("sex", "young")
        assert source.of("img_align_celeba/000001.jpg") == {"sex": "male", "young": "yes"}
        assert source.of("img_align_celeba_png/000002.png") == {"sex": "female", "young": "no"}
        assert source.of("img_align_celeba/000003.jpg") == {}


def test_utkface_names_without_a_group_still_give_sex_and_age() -> None:
    assert read_source("utkface").of("61_1_20170109150557335.jpg.chip.jpg") == {
        "sex": "female",
        "age": "50-64",
    }


def test_several_sources_are_merged(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("photo,hat\n1_0_0_20170116174525125.jpg,yes\n")
    of = read_attributes(["utkface", "tone", str(tmp_path / "a.csv")])
    assert of("x/1_0_0_20170116174525125.jpg") == {
        "sex": "male", "group": "White", "age": "0-12", "hat": "yes",
    }  # fmt: skip


@pytest.mark.fault
def test_row663_two_sources_of_one_attribute_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("photo,sex\n1.jpg,f\n")
    with pytest.raises(UsageError, match=r"--by utkface and --by .*a\.csv: both state sex"):
        read_attributes(["utkface", str(tmp_path / "a.csv")])
    with pytest.raises(UsageError, match="both state"):
        merged([read_source("utkface"), read_source("utkface")])


BROKEN = {
    "columns photo": ("sex,age\nf,3\n", "found the columns sex, age; it needs photo"),
    "no attribute": ("photo\n1.jpg\n", "found the columns photo; it needs photo, and one for each"),
    "column twice": ("photo,sex,sex\n1.jpg,f,m\n", "each once"),
    "column without a name": ("photo,sex,\n1.jpg,f,m\n", "each once"),
    "empty": ("", "found the columns none"),
    "no rows": ("photo,sex\n", "names no photo"),
    "photo twice": ("photo,sex\n1.jpg,f\n2.jpg,f\n1.jpg,m\n", "line 4: names 1.jpg again, after line 2"),
    "too few cells": ("photo,sex,age\n1.jpg,f,3\n2.jpg,f\n", "line 3: expected 3 cells"),
    "too many cells": ("photo,sex\n1.jpg,f,3\n", "line 2: expected 2 cells"),
    "no name": ("photo,sex\n,f\n", "line 2: names no photo"),
    "web page": ("<!DOCTYPE html>\n<html>\n", "found the columns <!DOCTYPE html>"),
    "not UTF-8": (b"photo,sex\n1.jpg,\xff\n", "cannot be read as CSV"),
    "binary": (bytes(range(256)), "cannot be read as CSV"),
    "a number per photo": (
        "photo,score\n" + "".join(f"{n}.jpg,{n}\n" for n in range(MOST_GROUPS + 1)),
        "column score has 101 different values",
    ),
}


@pytest.mark.fault
@pytest.mark.parametrize("kind", BROKEN)
def test_row660_a_malformed_table_is_refused_with_the_line(kind: str, tmp_path: Path) -> None:
    content, message = BROKEN[kind]
    path = tmp_path / "people.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        read_attributes(str(path))
    assert str(caught.value).startswith(f"--by {path}")
    assert message in str(caught.value)


@pytest.mark.fault
def test_row660_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--by .*none\.csv: cannot be read"):
        read_attributes(str(tmp_path / "none.csv"))


@pytest.mark.fault
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("2\n", "3\n", 1), "line 1: promises 3 photos, but 2 follow"),
        (lambda text: text.replace("Male ", "", 1), "lacks the columns Male"),
        (lambda text: text[:-4], "line 4: expected a photo's name and 3 values"),
        (
            lambda text: text.replace("-1  1\n", "0  1\n", 1),
            "line 3: expected a photo's name and 3 values, each 1 or -1",
        ),
        (lambda text: "2\n", "lacks the columns Male, Young"),
    ],
)
def test_row661_a_damaged_list_of_celeba_is_refused_with_the_line(
    change: Callable[[str], str], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        parse_source("list_attr_celeba.txt", change(CELEBA).encode())
    assert message in str(caught.value)


def test_ranges_are_sorted_by_their_lower_bound_and_other_groups_by_name() -> None:
    assert sorted_groups(["65+", "unknown", "13-19", "0-12"]) == ["0-12", "13-19", "65+", "unknown"]
    assert sorted_groups({"female", "male", "divers"}) == ["divers", "female", "male"]
