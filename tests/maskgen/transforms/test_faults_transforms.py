"""Faults of transforms: see docs/faults.md."""

import os
import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from maskgen.errors import InputError, UsageError
from maskgen.transforms import RandomFaceMask, memory, process_lock
from maskgen.transforms.process_lock import ProcessLock
from tests.helpers.aligned import aligned, five, sixty_eight

pytestmark = pytest.mark.fault
torch = pytest.importorskip("torch")


def given(**options):
    return RandomFaceMask("surgical", p=1, cache="off", **options)


@pytest.mark.parametrize(
    "landmarks",
    [
        five()[:4], sixty_eight()[:67], np.zeros((5, 4)), np.zeros(10), np.zeros((2, 2, 5, 2)), "five", {"eyes": 1},
        [[1, 2], [3]], 5,
    ],
    ids=str,
)  # fmt: skip
def test_row620_landmarks_of_another_form(landmarks):
    with pytest.raises(InputError, match=r"landmarks: .*5, 68 or 468"):
        given()(aligned()[0], landmarks=landmarks)


@pytest.mark.parametrize(
    "landmarks",
    [
        np.full((5, 2), np.nan), np.full((68, 2), np.inf), np.full((5, 2), 40.0), np.full((468, 3), 40.0),
        np.linspace(0, 100, 10).reshape(5, 2), five() + 500, five() * 1e30, five() * 1e300,
        np.random.default_rng(0).uniform(0, 1e200, (468, 3)), -np.ones((5, 2)), five()[[0, 1, 3, 4, 2]],
        np.random.default_rng(0).uniform(0, 112, (68, 2)), np.random.default_rng(0).uniform(0, 112, (468, 3)),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("error")
def test_row621_landmarks_that_are_no_face(landmarks):
    transform = given()
    assert transform(aligned()[0], landmarks=landmarks) is aligned()[0]
    assert transform.counts == {"bad_landmarks": 1}


@pytest.mark.filterwarnings("error")
def test_row621_five_points_that_are_no_face_and_were_to_be_refined():
    transform = given(refine=True)
    for landmarks in (np.full((5, 2), np.nan), five() * 1e300):
        assert transform(aligned()[0], landmarks=landmarks) is aligned()[0]
    assert transform.counts == {"bad_landmarks": 2}


def test_row621_no_landmarks_beside_a_photo():
    transform = given()
    assert transform(aligned()[0], landmarks=[]) is aligned()[0]
    assert transform(aligned()[0], landmarks=np.zeros((0, 5, 2))) is aligned()[0]
    assert transform.counts == {"no_face": 2}


TENSOR = torch.from_numpy(aligned()[0].copy()).permute(2, 0, 1)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (TENSOR[None], "one image at a time"),
        (aligned()[0][None], "one image at a time"),
        (TENSOR.permute(1, 2, 0), "channels first"),
        (aligned()[0].transpose(2, 0, 1), "channels last"),
        (TENSOR[:2], r"\(3, h, w\)"),
        ((TENSOR / 255 - 0.5) / 0.5, "before Normalize"),
        (TENSOR.float(), "0 to 1"),
        (TENSOR * float("nan"), "0 to 1"),
        (TENSOR.to(torch.int32), "int32"),
        (aligned()[0].astype(np.uint16), "uint16"),
        (np.zeros((0, 5, 3), np.uint8), r"\(0, 5, 3\)"),
        (Image.fromarray(aligned()[0]).convert("RGBA"), "RGBA"),
        (Image.fromarray(aligned()[0]).convert("P"), "mode P"),
        ("photo.jpg", "str"),
        (None, "NoneType"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_row622_images_of_another_kind(image, says):
    with pytest.raises(InputError, match=f"image: .*{says}"):
        given(landmarks="arcface")(image)


def test_row622_a_sample_of_several_values():
    with pytest.raises(UsageError, match="TorchvisionFaceMask"):
        given()(aligned()[0], 3)


def test_row623_crops_that_are_not_square_and_samples_without_key_points():
    with pytest.raises(InputError, match="112 x 100"):
        given(landmarks="arcface")(aligned()[0][:100])
    with pytest.raises(InputError, match="no key points"):
        given(landmarks="keypoints")(aligned()[0])


@pytest.mark.parametrize(
    "options", [{"p": 1.5}, {"p": -0.1}, {"p": float("nan")}, {"seed": -1}, {"faces": "both"}]
)
def test_row624_arguments_out_of_bounds(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        RandomFaceMask(**{"landmarks": "arcface", **options})


def test_row624_masks_that_do_not_exist():
    with pytest.raises(InputError, match="velvet"):
        RandomFaceMask("velvet", landmarks="arcface")
    with pytest.raises(InputError, match="upside"):
        RandomFaceMask(wear="upside", landmarks="arcface")


@pytest.mark.parametrize("number", [-1, True, 2**63])
def test_row625_an_index_or_an_epoch_that_is_none(number):
    transform = given(landmarks="arcface")
    with pytest.raises(UsageError, match="index"):
        transform(aligned()[0], index=number)
    with pytest.raises(UsageError, match="set_epoch"):
        transform.set_epoch(number)


def test_row625_numbers_of_numpy_and_torch_are_indices():
    transform = given(landmarks="arcface")
    expected = transform(aligned()[0], index=3)
    assert (transform(aligned()[0], index=np.int64(3)) == expected).all()
    assert (transform(aligned()[0], index=torch.tensor(3)) == expected).all()


@pytest.mark.parametrize("side", [1, 2, 8, 20, 28])
def test_row626_tiny_images(side):
    small = np.full((side, side, 3), 90, np.uint8)
    for transform in (given(landmarks="arcface"), given()):
        assert transform(small) is small
        assert sum(transform.counts.values()) == 1


def errors_in_threads(work: Callable[[int], object], count: int = 8) -> list[Exception]:
    """Calls `work` with 0, 1, ... in threads that take turns as often as they can."""
    errors: list[Exception] = []

    def run(nth: int) -> None:
        try:
            work(nth)
        except Exception as error:  # noqa: BLE001 (any of them is a fault)
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=run, args=(nth,)) for nth in range(count)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(interval)
    assert not any(thread.is_alive() for thread in threads)
    return errors


def test_row693_threads_that_keep_and_forget_faces_at_once(monkeypatch):
    monkeypatch.setattr(memory, "KEPT", 2)
    kept = memory.SubjectMemory()

    def find(nth: int) -> None:
        for turn in range(3000):
            kept.find(str((7 * turn + nth) % 40), list)

    assert errors_in_threads(find) == []
    assert len(kept) == 2


def test_row693_threads_with_crops_of_several_sizes():
    class Meanwhile(dict):
        """Memory in which another thread always replaces what was just looked up."""

        def __contains__(self, key):
            source._aligned = {}
            return super().__contains__(key)

    source, crop = given(landmarks="arcface")._source, aligned()[0]
    expected = source.find(crop, "", None)
    source._aligned = Meanwhile(source._aligned)
    assert [found.face.box for found in source.find(crop, "", None)] == [expected[0].face.box]


def test_row694_threads_of_a_forked_process_that_take_a_lock_first_at_once(monkeypatch):
    lock, inside, most = ProcessLock(), 0, 0
    with lock:  # as another thread may hold it while a process is forked
        number = os.getpid() + 1
        monkeypatch.setattr(process_lock, "os", SimpleNamespace(getpid=lambda: number))
        monkeypatch.setattr(process_lock, "Lock", slow_lock)

        def work(_: int) -> None:
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
                time.sleep(0.01)
                inside -= 1

        assert errors_in_threads(work) == []
        assert most == 1
        monkeypatch.undo()


def slow_lock():
    lock = threading.Lock()
    time.sleep(0.01)
    return lock
