"""Rows 650 to 654 of docs/faults.md: what cannot be verified, and networks that cannot verify."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from maskgen.dataset.pairs import Pair, pairs_text
from maskgen.errors import InputError, MissingError
from tests.helpers import small_images
from tests.helpers.evaluation import write_split
from tests.helpers.program import program
from tests.helpers.recognition import embedder, quick, restore_by_reference, write_people
from unmasknet.recognition.evaluate import evaluate
from unmasknet.recognition.networks import build_network
from unmasknet.recognition.settings import RecognitionSettings


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return write_people(tmp_path_factory.mktemp("people") / "toys", [3, 3, 3, 2, 1])


def network(path):
    return build_network(RecognitionSettings(data="x", net=str(path)))


def write_graph(path, inputs, nodes, constants=()):
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


@pytest.mark.fault
@pytest.mark.parametrize("counts", [[1, 1, 1], [4], [1]])
def test_row650_people_without_pairs_are_unusable_input(tmp_path, counts):
    with pytest.raises(InputError, match="two photos of one of them") as error:
        evaluate(quick(write_people(tmp_path / "toys", counts)), embedder())
    assert error.value.exit_code == 4
    assert f"{sum(counts)} usable photos of {len(counts)} people" in str(error.value)


@pytest.mark.fault
def test_row650_unnamed_people_are_left_out_and_counted(tmp_path):
    folder = small_images.write_data_set(tmp_path / "toys", ["a.jpg", "b.jpg"], split="test")
    with pytest.raises(InputError, match="2 left out: the person is unknown"):
        evaluate(quick(folder), embedder())


@pytest.mark.fault
def test_row650_a_split_without_samples_is_named(people):
    with pytest.raises(InputError, match=r"no sample of val, it holds test"):
        evaluate(quick(people, split="val"), embedder())


@pytest.mark.fault
def test_row650_bare_faces_are_left_out_and_counted(tmp_path):
    write_split(tmp_path, "test", 12, people=3, unmasked={0, 4})
    summary = evaluate(quick(tmp_path), embedder()).summary
    assert summary["left_out"] == {"bare": 2}
    assert summary["photos"] == 10


@pytest.mark.fault
def test_row651_files_that_are_no_network_are_refused(tmp_path):
    with pytest.raises(MissingError, match="no such file"):
        network(tmp_path / "none.onnx")
    for number, data in enumerate((b"", b"no network", bytes(2000))):
        path = tmp_path / f"{number}.onnx"
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"cannot be read as an ONNX network"):
            network(path)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ([1, 1, 16, 16], "its input is"),
        ([1, 3, 16], "its input is"),
        ([1, 3, 16, 20], "its input is"),
        ([1, 3, 2, 2], "2 px wide"),
        ([1, 3, 9000, 9000], "9000 px wide"),
    ],
)
def test_row651_inputs_that_are_no_face_are_refused(tmp_path, shape, said):
    path = write_graph(tmp_path / "n.onnx", [("in", shape)], [helper.make_node("Flatten", ["in"], ["out"])])
    with pytest.raises(InputError, match=said):
        network(path)


@pytest.mark.fault
def test_row651_two_inputs_are_refused(tmp_path):
    nodes = [helper.make_node("Add", ["in", "more"], ["out"])]
    path = write_graph(tmp_path / "n.onnx", [("in", [1, 3, 16, 16]), ("more", [1, 3, 16, 16])], nodes)
    with pytest.raises(InputError, match="takes 2 inputs"):
        network(path)


@pytest.mark.fault
def test_row651_answers_that_are_no_embedding_are_refused(tmp_path):
    shape = [("in", [1, 3, 16, 16])]
    number = write_graph(
        tmp_path / "number.onnx", shape, [helper.make_node("ReduceMean", ["in"], ["out"], axes=[1, 2, 3])]
    )
    with pytest.raises(InputError, match="one embedding per image"):
        network(number)
    features = write_graph(tmp_path / "features.onnx", shape, [helper.make_node("Identity", ["in"], ["out"])])
    with pytest.raises(InputError, match=r"computes \(1, 3, 16, 16\) for one image"):
        network(features)
    column = write_graph(
        tmp_path / "column.onnx",
        shape,
        [helper.make_node("ReduceMean", ["in"], ["out"], axes=[2, 3], keepdims=1)],
    )
    assert len(network(column).embed_crop(np.ones((16, 16, 3), np.uint8))) == 3, "n d 1 1 is an embedding"
    nan = write_graph(
        tmp_path / "nan.onnx",
        shape,
        [helper.make_node("Log", ["in"], ["log"]), helper.make_node("Flatten", ["log"], ["out"])],
    )
    with pytest.raises(InputError, match="NaN or infinity"):
        network(nan)


@pytest.mark.fault
def test_row657_networks_that_take_several_images_at_once_are_refused(tmp_path):
    flat = helper.make_node("Flatten", ["in"], ["out"])
    path = write_graph(tmp_path / "four.onnx", [("in", [4, 3, 16, 16])], [flat])
    with pytest.raises(InputError, match="takes 4 images at once"):
        network(path)


@pytest.mark.fault
def test_row652_listed_pairs_of_other_photos_are_counted_or_refused(people, tmp_path):
    there = [
        Pair("p000/p000_0001.jpg", "p000/p000_0002.jpg", True),
        Pair("p000/p000_0001.jpg", "p001/p001_0001.jpg", False),
    ]
    absent = [
        Pair("q/q_0001.jpg", "q/q_0002.jpg", True),
        Pair("q/q_0001.jpg", "p001/p001_0001.jpg", False),
    ]
    both, nothing = tmp_path / "both.txt", tmp_path / "nothing.txt"
    both.write_text(pairs_text([*there, *absent], "lfw"))
    nothing.write_text(pairs_text(absent, "lfw"))
    found = evaluate(quick(people, pairs=str(both)), embedder())
    assert found.summary["pairs"]["missing"] == 2
    assert found.summary["people"] == 2, "others are not embedded"
    assert any("2 of the listed pairs" in warning for warning in found.warnings)
    with pytest.raises(InputError, match="0 of its 2 pairs"):
        evaluate(quick(people, pairs=str(nothing)), embedder())


@pytest.mark.fault
def test_row655_copies_of_one_photo_are_no_two_photos(tmp_path):
    folder = write_people(tmp_path / "toys", [2, 1], digest=lambda person, photo: person)
    with pytest.raises(InputError, match="have the same bytes") as error:
        evaluate(quick(folder), embedder())
    assert error.value.exit_code == 4


@pytest.mark.fault
def test_row656_lists_whose_accuracy_says_little_are_warned_of(people, tmp_path):
    pairs = [
        Pair("p000/p000_0001.jpg", "p000/p000_0002.jpg", True),
        Pair("p000/p000_0001.jpg", "p001/p001_0001.jpg", False),
    ]
    one, shared, wrong = (tmp_path / f"{name}.txt" for name in ("one", "shared", "wrong"))
    one.write_text(pairs_text(pairs, "lfw"))
    shared.write_text(pairs_text([*pairs, *(replace(pair, fold=1) for pair in pairs)], "lfw"))
    wrong.write_text(pairs_text([*pairs, replace(pairs[1], same=True)], "list"))
    for path, said in (
        (one, "all pairs are in one fold"),
        (shared, "2 people are in several folds"),
        (wrong, "1 of the listed pairs contradict the names"),
    ):
        warnings = evaluate(quick(people, pairs=str(path), rows=("plain-plain",)), embedder()).warnings
        assert any(said in warning for warning in warnings), path
    drawn = evaluate(quick(people, rows=("plain-plain",)), embedder()).warnings
    assert not any("folds" in warning or "fold:" in warning for warning in drawn)


@pytest.mark.fault
def test_row653_rows_and_options_that_cannot_be_meant_are_usage():
    for args, said in (
        (["--rows", "masked-plain"], "got 'masked-plain', know plain-plain"),
        (["--rows", "plain-restored", "--weights", "none"], "needs networks that restore"),
        (["--net-std", "0"], "net-std"),
    ):
        answer = program("eval", "recognition", "--data", "x", *args)
        assert answer.returncode == 2, answer.stderr
        assert said in answer.stderr
    answer = program("eval", "--data", "x", "recognition")
    assert answer.returncode == 2
    assert "--data: stands before recognition" in answer.stderr


@pytest.mark.fault
def test_row654_a_reference_that_cannot_be_used_is_counted(people):
    def refuse(masked, map, references):
        if references:
            raise InputError("no face in the reference")
        return restore_by_reference(masked, map, references)

    found = evaluate(quick(people), embedder(restore=refuse))
    summary = found.summary
    assert summary["refused_references"] > 0
    assert any("references could not be used" in warning for warning in found.warnings)
    both = np.isfinite(found.scored.listed_similarity["plain-reference-restored"])
    assert found.scored.listed_similarity["plain-reference-restored"][both] == pytest.approx(
        found.scored.listed_similarity["plain-restored"][both]
    ), "restored without"


@pytest.mark.fault
def test_row654_rates_that_too_few_pairs_allow_are_null(people):
    found = evaluate(quick(people), embedder())
    json.dumps(found.summary, allow_nan=False)
    assert found.summary["rows"]["plain-plain"]["tar_at_far"]["0.001"] is None
    assert any("needs 1,000 pairs of two people" in warning for warning in found.warnings)
    assert any("rests on 1 false" in warning for warning in found.warnings)
    without = evaluate(quick(people, bootstrap=0), embedder()).summary
    assert without["rows"]["plain-plain"]["ci95"] == {}


def test_the_command_refuses_nothing_it_needs_not(people):
    answer = program(
        "eval", "recognition", "--data", str(people), "--weights", "none", "--json", "--set", "bootstrap=5"
    )
    assert answer.returncode == 0, answer.stderr
    assert list(json.loads(answer.stdout)["rows"]) == ["plain-plain", "plain-masked", "masked-masked"]
