"""Files of pairs: both forms come back as they were written; what is drawn keeps LFW's protocol."""

import pickle
from collections import Counter

import pytest

from maskgen.cli.pairs import pairs as pairs_command
from maskgen.command_settings import PairsSettings
from maskgen.dataset.draw_pairs import draw_pairs
from maskgen.dataset.pairs import Pair, is_lfw_name, match_pairs, pairs_text, read_pairs
from maskgen.dataset.reader import open_data_set
from maskgen.errors import InputError, UsageError
from tests.helpers.small_images import write_data_set

OFFICIAL = (
    "2\t1\nAbel_Pacheco\t1\t4\nAbdel_Madi_Shabneh\t1\tDean_Barker\t1\nAkhmed_Zakayev\t1\t3\nA\t1\tB\t12\n"
)


def album(people=20, photos=4):
    return {
        f"P_{who:02d}": [f"P_{who:02d}/P_{who:02d}_{nth:04d}.jpg" for nth in range(1, 1 + photos)]
        for who in range(people)
    }


def test_lfw_s_own_form_is_read_and_written_byte_for_byte(tmp_path):
    file = tmp_path / "pairs.txt"
    file.write_text(OFFICIAL)
    pairs = read_pairs(file)
    assert pairs[0] == Pair(
        "Abel_Pacheco/Abel_Pacheco_0001.jpg", "Abel_Pacheco/Abel_Pacheco_0004.jpg", True, 0
    )
    assert pairs[3] == Pair("A/A_0001.jpg", "B/B_0012.jpg", False, 1)
    assert pairs_text(pairs, "lfw") == OFFICIAL


def test_a_first_line_of_one_number_is_one_fold(tmp_path):
    file = tmp_path / "pairsDevTest.txt"
    file.write_text("1\r\nA\t1\t2\r\nA\t1\tB\t1\r\n")
    assert [(pair.same, pair.fold) for pair in read_pairs(file)] == [(True, 0), (False, 0)]


@pytest.mark.parametrize("separator", ["\t", ",", " "])
def test_a_plain_list_is_read_with_any_separator(tmp_path, separator):
    file = tmp_path / "list.txt"
    file.write_text(
        "# mine\n"
        + "\n".join(separator.join(row) for row in [("a/1.jpg", "a/2.jpg", "1"), ("a/1.jpg", "b.png", "0")])
    )
    assert read_pairs(file, folds=2) == [
        Pair("a/1.jpg", "a/2.jpg", True, 0),
        Pair("a/1.jpg", "b.png", False, 1),
    ]


def test_names_with_blanks_need_tabs_and_keep_them(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("a b/1.jpg\tc, d/2.jpg\t1\t7\n")
    assert read_pairs(file) == [Pair("a b/1.jpg", "c, d/2.jpg", True, 7)]


def test_a_written_list_comes_back(tmp_path):
    pairs = draw_pairs(album(), folds=10)
    file = tmp_path / "pairs.txt"
    for form in ("lfw", "list"):
        file.write_text(pairs_text(pairs, form))
        assert read_pairs(file) == pairs


def test_folds_share_nobody_and_have_as_many_pairs_of_each_kind():
    pairs = draw_pairs(album(37, 3), folds=5, seed=4)
    people = {}
    for pair in pairs:
        names = {photo.split("/")[0] for photo in (pair.first, pair.second)}
        assert len(names) == 2 - pair.same
        for name in names:
            assert people.setdefault(name, pair.fold) == pair.fold
    assert len(set(Counter((pair.fold, pair.same) for pair in pairs).values())) == 1
    assert len({frozenset((pair.first, pair.second)) for pair in pairs}) == len(pairs)
    assert len(pairs) == 2 * 5 * 7 * 3  # each fold has at least 7 people with 3 pairs


def test_the_seed_decides_the_pairs():
    drawn = [draw_pairs(album(), 5, 4, seed=seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_copies_of_a_photo_make_no_pair():
    people = album(8, 2)
    digests = {photo: person for person, photos in people.items() for photo in photos if person < "P_04"}
    pairs = draw_pairs(people, 2, digests=digests, seed=1)
    assert {pair.first.split("/")[0] for pair in pairs if pair.same} == {"P_04", "P_05", "P_06", "P_07"}


def test_nobody_makes_most_of_the_pairs_by_many_photos():
    people = album(20, 2) | {"Many": [f"Many/Many_{nth:04d}.jpg" for nth in range(500)]}
    same = [pair for pair in draw_pairs(people, 2, 9) if pair.same]
    assert len(same) == 18


@pytest.mark.parametrize(
    ("people", "folds", "each", "error", "says"),
    [
        (album(3), 2, None, InputError, "3 people, 3 of them with several photos, are too few for 2 folds"),
        (album(20, 1), 2, None, InputError, "0 of them with several photos"),
        (album(20, 2), 10, 3, UsageError, "--per-fold 3: one of the 10 folds has 2 pairs of one person"),
    ],
)
def test_too_few_photos_are_an_error_with_their_number(people, folds, each, error, says):
    with pytest.raises(error, match=says):
        draw_pairs(people, folds, each)


def test_photos_are_matched_by_the_end_of_their_path_with_any_suffix():
    pairs = [Pair("A/A_0001.jpg", "B/B_0001.jpg", False), Pair("A/A_0001.jpg", "A/A_0002.jpg", True)]
    found = match_pairs(pairs, ["lfw/A/A_0001.png", "lfw/B/B_0001.jpg", "AA/A_0002.jpg"])
    assert found.pairs == (Pair("lfw/A/A_0001.png", "lfw/B/B_0001.jpg", False),)
    assert found.missing == ("A/A_0002.jpg",)


def test_a_name_that_two_photos_match_is_missing():
    found = match_pairs([Pair("1.jpg", "b/2.jpg", True)], ["a/1.jpg", "b/1.jpg", "b/2.jpg"])
    assert found.missing == ("1.jpg",)
    assert match_pairs([Pair("a/1.jpg", "b/2.jpg", True)], ["a/1.jpg", "b/1.jpg", "b/2.jpg"]).missing == ()


def test_photos_with_other_names_have_no_place_in_lfw_s_form():
    assert is_lfw_name("x/A/A_0001.png")
    assert not is_lfw_name("A/B_0001.png")
    with pytest.raises(InputError, match="use --form list"):
        pairs_text([Pair("a/1.jpg", "a/2.jpg", True), Pair("a/1.jpg", "b/2.jpg", False)], "lfw")
    with pytest.raises(InputError, match="a tab or a line end"):
        pairs_text([Pair("a\t1.jpg", "b.jpg", True)], "list")


def test_the_command_writes_pairs_of_one_split_in_the_form_that_fits(tmp_path):
    people = [f"P_{who}/P_{who}_{nth:04d}.jpg" for who in range(6) for nth in (1, 2)]
    folder = write_data_set(tmp_path / "set", people, split="test", strangers=["P_0/P_0_0009.jpg"])
    write_data_set(folder, ["Q/Q_0001.jpg", "Q/Q_0002.jpg", "stray.jpg"])
    settings = PairsSettings(dir=str(folder), out=str(tmp_path / "new/pairs.txt"), folds=3)
    output = pairs_command(settings)
    assert (output.facts.form, output.facts.pairs, output.facts.people) == ("lfw", 12, 6)
    assert "12 pairs of 6 people in 3 folds" in output.text
    photos = {name for pair in read_pairs(tmp_path / "new/pairs.txt") for name in (pair.first, pair.second)}
    assert photos <= set(people)
    listed = settings.model_copy(update={"form": "list", "split": "all", "out": str(tmp_path / "all.txt")})
    assert pairs_command(listed).facts.form == "list"
    with pytest.raises(InputError, match="0 people"):
        pairs_command(settings.model_copy(update={"split": "val"}))


@pytest.mark.parametrize(
    ("sides", "members"),
    [("plain-masked", ("gt", "masked")), ("masked-masked", ("masked",) * 2), ("plain-plain", ("gt",) * 2)],
)
def test_images_of_pairs_are_written_as_arcface_torch_loads_them(tmp_path, sides, members):
    people = [f"P_{who}/P_{who}_{nth:04d}.jpg" for who in range(4) for nth in (1, 2)]
    folder = write_data_set(tmp_path / "set", people, split="test", strangers=["P_0/P_0_0001.jpg"])
    settings = PairsSettings(dir=str(folder), out=str(tmp_path / "pairs.txt"), folds=2)
    pairs_command(settings)
    pairs_command(
        settings.model_copy(update={"form": "bin", "sides": sides, "out": str(tmp_path / "pairs.bin")})
    )
    images, same = pickle.loads((tmp_path / "pairs.bin").read_bytes())
    pairs = read_pairs(tmp_path / "pairs.txt")
    stored = {s.labels["source"]: s for s in open_data_set(folder).samples() if s.labels["identity"]}
    expected = [
        stored[photo].member(member)[0]
        for pair in pairs
        for photo, member in zip((pair.first, pair.second), members, strict=True)
    ]
    assert images == expected
    assert same == [pair.same for pair in pairs]
    assert {type(one) for one in (*images, *same)} == {bytes, bool}


@pytest.mark.fault
def test_row640_a_pickle_of_pairs_is_not_run(tmp_path):
    for protocol in (2, 4):
        (tmp_path / "lfw.bin").write_bytes(pickle.dumps(([b"image"], [True]), protocol=protocol))
        with pytest.raises(InputError, match="a pickle, as InsightFace's"):
            read_pairs(tmp_path / "lfw.bin")


@pytest.mark.fault
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no pair"),
        ("10\t300\nA\t1\t2\n", "promises 10 x 2 x 300 pairs, but 1 follow; is it cut"),
        ("1\t1\nA\t1\tB\t2\nA\t1\t2\n", "line 2: expected Name 1 2"),
        ("1\t1\nA\t1\tx\nA\t1\tB\t2\n", "line 2: expected Name 1 2"),
        ("a.jpg\tb.jpg\t1\nc.jpg\td.jpg\n", "line 2: expected two photos and 1"),
        ("a.jpg\tb.jpg\t2\n", "line 1: expected two photos"),
        ("1\t\u0661\nA\t1\t2\nA\t1\tB\t2\n", "line 1: expected two photos"),
    ],
)
def test_row640_a_broken_file_of_pairs_is_refused_with_its_line(tmp_path, text, says):
    file = tmp_path / "pairs.txt"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        read_pairs(file)


@pytest.mark.fault
def test_row640_a_missing_or_binary_file_of_pairs_is_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("missing", "binary", "."):
        with pytest.raises(InputError, match="cannot be read as pairs"):
            read_pairs(tmp_path / name)


@pytest.mark.fault
@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0b", "\x1c", "\x0c", ", ", "#", "\ufeff", "'"])
def test_row696_names_with_marks_that_look_like_line_ends_come_back(tmp_path, mark):
    pairs = [Pair(f"A{mark}B/1.jpg", f"C{mark}D.jpg", True), Pair("a.jpg", f"{mark.strip()}b.jpg", False)]
    (tmp_path / "pairs.txt").write_bytes(pairs_text(pairs, "list").encode())
    assert [(p.first, p.second, p.same) for p in read_pairs(tmp_path / "pairs.txt")] == [
        (p.first, p.second, p.same) for p in pairs
    ]


@pytest.mark.fault
@pytest.mark.parametrize("mark", ["#", "\ufeff"])
@pytest.mark.parametrize("form", ["list", "lfw"])
def test_row696_a_name_that_begins_like_a_comment_is_refused(mark, form):
    pairs = [
        Pair(f"{mark}A/{mark}A_0001.jpg", f"{mark}A/{mark}A_0002.jpg", True),
        Pair("B/B_0001.jpg", "C/C_0001.jpg", False),
    ]
    with pytest.raises(InputError, match="begins as a comment does"):
        pairs_text(pairs, form)


@pytest.mark.fault
def test_row689_photos_of_one_name_in_lfw_s_form_are_listed_by_their_paths(tmp_path):
    names = [f"{folder}/{who}/{who}_0001.jpg" for folder in "ab" for who in ("Ann", "Bob")]
    data, file = write_data_set(tmp_path / "set", names), tmp_path / "pairs.txt"
    settings = PairsSettings(dir=str(data), out=str(file), folds=1, split="all")
    pairs_command(settings)
    assert {photo for pair in read_pairs(file) for photo in (pair.first, pair.second)} == set(names)
    with pytest.raises(InputError, match="each otherwise; use --form list"):
        pairs_command(settings.model_copy(update={"form": "lfw"}))
