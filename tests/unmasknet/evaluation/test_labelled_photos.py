"""Labelled photos: decoding of both kinds of labels, and scores of a segmenter."""

from pathlib import Path

import numpy as np
import pytest
import torch

from maskgen.errors import InputError
from maskgen.images.codecs import encode_lossless
from tests.helpers.evaluation import quick, write_run
from unmasknet.evaluation import labelled_photos
from unmasknet.models.two_stage import load_restorer


def write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_lossless(image, "png"))


def grey(values: np.ndarray) -> np.ndarray:
    return np.dstack([values] * 3).astype(np.uint8)


def test_a_coloured_label_shows_the_mask_in_green() -> None:
    label = np.zeros((4, 6, 3), np.uint8)
    label[0], label[1] = (0, 128, 0), (128, 0, 0)
    mask, counted = labelled_photos.read_label(label, 4, 6)
    assert mask.tolist() == [[1] * 6, [0] * 6, [0] * 6, [0] * 6]
    assert counted.all()


def test_a_grey_label_marks_ignored_pixels() -> None:
    label = grey(np.array([[255, 128, 0]]))
    mask, counted = labelled_photos.read_label(label, 1, 3)
    assert mask.tolist() == [[1, 0, 0]]
    assert counted.tolist() == [[1, 0, 1]]


def test_a_label_of_another_size_is_resampled_to_the_photos() -> None:
    mask, _ = labelled_photos.read_label(grey(np.array([[255, 0], [0, 0]])), 8, 8)
    assert mask[:4, :4].all()
    assert mask.sum() == 16


def test_the_view_contains_the_whole_photo() -> None:
    photo = np.zeros((50, 100, 3), np.uint8)
    view = labelled_photos.whole(photo, 64)
    corners = np.array([[0, 0], [99, 0], [0, 49], [99, 49]]) @ view[:, :2].T + view[:, 2]
    assert corners.min() >= -0.5  # half a pixel
    assert corners.max() <= 63.5
    assert np.allclose(corners.mean(0), 31.5)


def test_photos_beside_labels_and_in_images_are_paired(tmp_path: Path) -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    for name in ("a/images/x.png", "a/labels/x.png", "b/y.png", "b/labels/y.png", "b/unlabelled.png"):
        write(tmp_path / name, image)
    found = labelled_photos.open_labelled([str(tmp_path / "a"), str(tmp_path / "b")])
    assert [(folder.name, len(folder.pairs)) for folder in found] == [("a", 1), ("b", 1)]


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="labels"):
        labelled_photos.open_labelled([str(tmp_path)])


def test_scores_are_given_in_total_and_by_name_prefix(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("CWM-1", "CWM-2", "IWM-1"):
        write(tmp_path / f"images/{name}.png", rng.integers(0, 255, (70, 90, 3), dtype=np.uint8))
        write(tmp_path / f"labels/{name}.png", grey(np.pad(np.full((30, 40), 255), ((30, 10), (20, 30)))))
    restorer = load_restorer([str(write_run(tmp_path / "segm", "segm"))], torch.device("cpu"))
    (folder,) = labelled_photos.open_labelled([str(tmp_path)])
    with torch.inference_mode():
        summary = labelled_photos.score_labelled(folder, restorer, None, torch.device("cpu"), quick(tmp_path))
    assert summary["n"] == 3
    assert {name: part["n"] for name, part in summary["by_name"].items()} == {"CWM": 2, "IWM": 1}
    assert 0 <= summary["dice"] <= 1
    assert summary["faces_found"] is None
