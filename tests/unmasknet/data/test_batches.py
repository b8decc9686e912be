"""Batches: content, dependence on seed and step only, handling of bad shards."""

import itertools
import json
import pickle
import shutil
import tarfile
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch

from maskgen.dataset import shard_record, shards
from maskgen.errors import InputError
from maskgen.settings import ShardSettings
from maskgen.types import Triplet
from tests.helpers.small_images import bare, drawn_triplet
from unmasknet.data.batches import Batch, default_workers, open_batches
from unmasknet.data.shard_list import count_samples, list_shards
from unmasknet.data.stream import SampleOrder, distinct_batches, photo_of
from unmasknet.settings import AugmentSettings, DataSettings, GanSettings, SegmSettings

STILL = AugmentSettings(flip=0, rotate=0, zoom=0, shift=0, colour=0)
MOVED = AugmentSettings(map_jitter=4)
SHARDS, PHOTOS, MASKS = 3, 8, 2
Dress = Callable[[int], Triplet]


def write_shard(
    folder: Path,
    name: str,
    photos: range,
    masks: int = MASKS,
    encoding: str = "jpg",
    dress: Dress = drawn_triplet,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    split = name.partition("-")[0]
    with shards.ShardWriter(folder, folder, name, len(photos)) as writer:
        for photo in photos:
            origin = shards.Origin(f"p{photo}.jpg", f"p{photo}", split, "toy terms")
            members = shards.encode(dress(photo), origin, ShardSettings(format=encoding))
            writer.add_photo([(f"toy{photo:03d}-0123abcd-f0-m{mask}", members) for mask in range(masks)])
        size, digest = writer.finish()
    count = len(photos) * masks
    shard_record.write_record(
        folder, shard_record.ShardReport(name, split, len(photos), count, size, digest, "0" * 16)
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("data")
    for number in range(SHARDS):
        write_shard(folder, f"train-{number:06d}", range(number * PHOTOS, (number + 1) * PHOTOS))
    write_shard(folder, "val-000000", range(90, 95), masks=1)
    return str(folder)


def settings(kind: type = GanSettings, augment: AugmentSettings = MOVED, **data: object):
    chosen = DataSettings(**{"size": 64, "batch": 4, "lanes": 2, "workers": 0, "shuffle": 8, **data})
    return kind(data=chosen, augment=augment)


def take(data: str, count: int, chosen=None, **place: int) -> list[Batch]:
    stream = open_batches([data], "train", chosen or settings(), train=True, **place)
    return list(itertools.islice(stream, count))


def same(a: Batch, b: Batch) -> bool:
    return a.keys == b.keys and all(
        torch.equal(getattr(a, name), getattr(b, name)) for name in ("masked", "gt", "map", "parts", "chance")
    )


def test_a_batch_has_the_documented_shapes_and_ranges(data):
    (batch,) = take(data, 1, settings(SegmSettings))
    assert len(batch) == 4
    assert batch.masked.shape == batch.gt.shape == (4, 3, 64, 64)
    assert batch.map.shape == batch.parts.shape == batch.target.shape == (4, 1, 64, 64)
    assert 0 <= batch.masked.min() < batch.masked.max() <= 1
    assert set(batch.map.unique().tolist()) == {0.0, 1.0}
    assert batch.parts.dtype == torch.uint8
    assert torch.equal(batch.target, (batch.parts >= 2).float())


def test_the_generators_photo_is_the_truth_outside_the_true_map(data):
    (batch,) = take(data, 1, settings(augment=MOVED.model_copy(update={"map_jitter": 0})))
    outside = batch.map.expand_as(batch.gt) == 0
    assert torch.equal(batch.masked[outside], batch.gt[outside])
    assert not torch.equal(batch.masked, batch.gt)


def test_the_segmenter_sees_the_photo_as_decoded(data):
    (batch,) = take(data, 1, settings(SegmSettings, STILL))
    members = {k: m for shard in list_shards([data], "train") for k, m in shards.read_shard(Path(shard.url))}
    for row, key in enumerate(batch.keys):
        expected = torch.from_numpy(shards.decode(members[key])["masked"]).permute(2, 0, 1) / 255
        assert torch.equal(batch.masked[row], expected)


def test_a_step_is_the_same_wherever_the_stream_began(data):
    whole = take(data, 9)
    for start in (1, 4, 7):
        assert all(same(a, b) for a, b in zip(take(data, 2, start_step=start), whole[start:], strict=False))


def test_a_step_is_the_same_in_the_next_leg_too(data, monkeypatch):
    monkeypatch.setattr("unmasknet.data.stream.LEG", 8)  # samples: two batches
    whole = take(data, 12)
    assert all(same(a, b) for a, b in zip(take(data, 5, start_step=7), whole[7:], strict=True))
    orders = [tuple(whole[step].keys) for step in (0, 4, 8)]
    assert len(set(orders)) == 3, "each leg has an order of its own"


def test_ranks_share_the_batch_that_one_process_would_have(data):
    alone = take(data, 4)
    ranks = [take(data, 4, rank=rank, world=2) for rank in range(2)]
    for step, batch in enumerate(alone):
        assert ranks[0][step].keys + ranks[1][step].keys == batch.keys
        assert torch.equal(torch.cat([r[step].masked for r in ranks]), batch.masked)


def test_workers_change_nothing(data):
    plain = take(data, 5)
    stream = open_batches([data], "train", settings(workers=2), train=True)
    assert all(same(a, b) for a, b in zip(plain, itertools.islice(stream, 5), strict=True))
    stream.close()


def test_another_seed_gives_other_batches(data):
    other = settings().model_copy(update={"seed": 1})
    assert take(data, 1)[0].keys != take(data, 1, other)[0].keys


def test_no_two_masks_of_one_photo_are_in_a_batch(data):
    for batch in take(data, 40, settings(batch=12)):
        assert len({photo_of(key) for key in batch.keys}) == 12


def test_all_samples_come_about_equally_often(data):
    keys = [key for batch in take(data, 240) for key in batch.keys]
    counts = np.unique(keys, return_counts=True)[1]
    assert len(counts) == SHARDS * PHOTOS * MASKS
    assert counts.max() - counts.min() <= 8, "960 samples of 48: 20 each"


def test_a_batch_larger_than_the_photos_is_refused(data):
    with pytest.raises(InputError, match="smaller --batch"):
        take(data, 1, settings(batch=SHARDS * PHOTOS + 1))


def test_distinct_batches_lose_nothing():
    keys = ["a-f0-m0", "a-f0-m1", "b-f0-m0", "b-f0-m1", "a-f0-m2", "c-f0-m0"]
    batches = list(distinct_batches(({"__key__": key} for key in keys), 2))
    found = [[sample["__key__"] for sample in batch] for batch in batches]
    assert found == [["a-f0-m0", "b-f0-m0"], ["a-f0-m1", "b-f0-m1"], ["a-f0-m2", "c-f0-m0"]]


def test_the_place_of_a_step_counts_lanes_and_legs():
    order = SampleOrder(seed=0, batch=1024, lanes=2, shuffle=1)
    assert [order.place(step) for step in (0, 1, 2, 7, 8, 9)] == [
        (0, 0, 0), (1, 0, 0), (0, 0, 1), (1, 0, 3), (0, 1, 0), (1, 1, 0),
    ]  # fmt: skip


def test_evaluation_reads_each_sample_once_in_order_with_labels(data):
    found = list(open_batches([data], "val", settings(batch=2), train=False))
    assert [len(batch) for batch in found] == [2, 2, 1]
    keys = [key for batch in found for key in batch.keys]
    assert keys == sorted(keys)
    assert found[0].faces[0]["box"] == [8.0, 8.0, 56.0, 60.0]
    assert found[0].labels[0]["identity"] == "p90"
    assert found[0].parts.max() == 3


def test_evaluation_on_two_ranks_covers_each_sample_once(data):
    ranks = [
        list(open_batches([data], "val", settings(batch=2), train=False, rank=r, world=2)) for r in (0, 1)
    ]
    assert [[len(b) for b in found] for found in ranks] == [[2, 1], [2]]


def test_labels_move_with_the_image(data):
    half = list(open_batches([data], "val", settings(size=32), train=False))
    assert half[0].faces[0]["box"] == [3.75, 3.75, 27.75, 29.75]  # centres of pixels: (8 + .5) / 2 - .5
    assert half[0].masked.shape[-2:] == (32, 32)


def test_the_parts_of_a_split_batch_make_up_the_batch(data):
    (batch,) = take(data, 1, settings(batch=5))
    pieces = batch.split(2)
    assert [len(piece) for piece in pieces] == [2, 3]
    assert [key for piece in pieces for key in piece.keys] == batch.keys
    assert torch.equal(torch.cat([piece.chance for piece in pieces]), batch.chance)
    assert len(batch[:1].split(3)) == 1


def test_png_and_jpg_data_sets_can_be_combined(data, tmp_path):
    write_shard(tmp_path / "png", "train-000000", range(50, 58), encoding="png")
    stream = open_batches([data, str(tmp_path / "png")], "train", settings(batch=24), train=True)
    kinds = {int(key[3:6]) >= 50 for batch in itertools.islice(stream, 3) for key in batch.keys}
    assert kinds == {True, False}


def test_data_sets_are_read_over_http(data):
    about = {
        "shards": [
            json.loads(path.read_bytes()) for path in sorted(Path(data).glob("records/train-*.record"))
        ]
    }
    (Path(data) / "dataset.json").write_text(json.dumps(about))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=data)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert all(same(a, b) for a, b in zip(take(url, 2), take(data, 2), strict=True))
        braces = f"{url}/train-{{000000..000002}}.tar"
        assert [shard.url for shard in list_shards([braces], "train")] == [
            f"{url}/train-00000{i}.tar" for i in range(3)
        ]
        server.shutdown()


def test_samples_are_counted_by_the_records(data):
    assert count_samples([data], "train") == SHARDS * PHOTOS * MASKS
    assert count_samples([f"{data}/train-{{000000..000001}}.tar"], "train") is None


def test_default_workers_divide_the_lanes_and_leave_the_trainer_a_core(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(6)), raising=False)
    assert [default_workers(lanes, 1) for lanes in (1, 4, 6, 10)] == [1, 4, 3, 5]
    assert default_workers(4, 6) == 1


@pytest.mark.parametrize(
    ("entry", "word"),
    [("pipe:cat x.tar", "not run"), ("nowhere", "no such folder"), ("file:///nowhere", "cannot be opened")],
)
def test_invalid_data_arguments_are_refused(entry, word):
    with pytest.raises(InputError, match=word):
        list_shards([entry], "train")


def test_a_split_without_samples_is_refused(data):
    with pytest.raises(InputError, match="no samples of the split test"):
        list_shards([data], "test")


def test_ranks_must_divide_the_batch(data):
    with pytest.raises(InputError, match="multiple of 3"):
        open_batches([data], "train", settings(), train=True, world=3)


@pytest.fixture
def copy(data, tmp_path) -> Path:
    return shutil.copytree(data, tmp_path / "data")


@pytest.mark.fault
def test_row30_a_shard_that_is_missing_or_cut_at_the_start_is_refused(copy):
    path = copy / "train-000001.tar"
    path.write_bytes(path.read_bytes()[:-512])
    with pytest.raises(InputError, match="its record says"):
        take(str(copy), 1)
    path.unlink()
    with pytest.raises(InputError, match="is missing"):
        take(str(copy), 1)


@pytest.mark.fault
@pytest.mark.parametrize("damage", ["cut", "header", "gone", "rubbish"])
def test_row30_a_shard_that_breaks_within_an_epoch_is_skipped_and_reported(copy, damage):
    path = copy / "train-000001.tar"
    whole = path.read_bytes()
    stream = open_batches([str(copy)], "train", settings(), train=True)
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2 + 100])
    elif damage == "header":
        path.write_bytes(whole[:60] + b"\xff" + whole[61:])
    elif damage == "rubbish":
        path.write_bytes(b"no tar at all" * 1000)
    else:
        path.unlink()
    batches = list(itertools.islice(stream, 30))
    assert all(len(batch) == 4 for batch in batches), "steps stay what they are"
    faults = [fault for batch in batches for fault in batch.faults]
    assert faults
    assert all("train-000001.tar" in fault for fault in faults)


@pytest.mark.fault
def test_row30_a_broken_sample_is_skipped_and_reported(copy):
    path = copy / "train-000000.tar"
    data = bytearray(path.read_bytes())
    at = data.find(b"\xff\xd8\xff")
    data[at : at + 64] = bytes(64)
    path.write_bytes(data)
    batches = take(str(copy), 40)
    short = [batch for batch in batches if len(batch) < 4]
    assert short
    assert all("is unreadable" in batch.faults[-1] for batch in short)
    with pytest.raises(InputError, match="unmask verify"):
        list(open_batches([str(copy)], "train", settings(), train=False))


@pytest.mark.fault
def test_row30_if_no_shard_can_be_read_the_run_stops(copy):
    stream = open_batches([str(copy)], "train", settings(), train=True)
    for path in copy.glob("train-*.tar"):
        path.unlink()
    with pytest.raises(InputError, match="neither this nor any other shard"):
        next(stream)


@pytest.mark.fault
def test_row30_fewer_shards_than_workers_and_ranks_still_give_equal_steps(tmp_path):
    write_shard(tmp_path, "train-000000", range(8))
    ranks = [take(str(tmp_path), 6, settings(lanes=8), rank=rank, world=4) for rank in range(4)]
    assert [[len(batch) for batch in batches] for batches in ranks] == [[1] * 6] * 4


class Trap:
    """Object that sets a mark when it is unpickled."""

    def __reduce__(self):
        return (Path.touch, (Path("trap-was-sprung"),))


@pytest.mark.fault
@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_row32_a_pickle_in_a_shard_never_runs(copy, tar_format, monkeypatch):
    monkeypatch.chdir(copy)
    path = copy / "train-000000.tar"
    members = list(shards.read_members(path))
    with tarfile.open(path, "w", format=tar_format) as tar:
        for name, data in members:
            extra = [
                (name.partition(".")[0] + suffix, pickle.dumps(Trap())) for suffix in (".pyd", ".pth", ".pkl")
            ]
            for member, content in [(name, data), *(extra if name.endswith("parts.png") else [])]:
                info = tarfile.TarInfo(member)
                info.size, info.mtime = len(content), 0.5 if tar_format == tarfile.PAX_FORMAT else 0
                tar.addfile(info, BytesIO(content))
    batches = list(itertools.islice(open_batches([str(path)], "train", settings(), train=True), 4))
    assert all(len(batch) == 4 and not batch.faults for batch in batches)
    assert not (copy / "trap-was-sprung").exists()


def half_bare(number: int) -> Triplet:
    return bare(drawn_triplet(number)) if number % 2 else drawn_triplet(number)


def all_bare(number: int) -> Triplet:
    return bare(drawn_triplet(number))


def test_the_generator_gets_no_bare_samples_and_the_segmenter_does(tmp_path):
    for split, photos in (("train", range(16)), ("val", range(20, 30))):
        write_shard(tmp_path, f"{split}-000000", photos, 1, dress=half_bare)
    for kind, expected in ((GanSettings, {False}), (SegmSettings, {False, True})):
        chosen = settings(kind, STILL if kind is GanSettings else STILL.model_copy(update={"unmasked": 0.0}))
        held_out = open_batches([str(tmp_path)], "val", chosen, train=False)
        for batches in (take(str(tmp_path), 8, chosen), list(held_out)):
            empty = {
                int(key[3:6]): not hole.any()
                for batch in batches
                for key, hole in zip(batch.keys, batch.map, strict=True)
            }
            assert set(empty.values()) == expected
            assert all(no_hole == bool(number % 2) for number, no_hole in empty.items())


def test_the_samples_of_a_step_do_not_depend_on_where_a_run_with_bare_samples_resumed(tmp_path):
    write_shard(tmp_path, "train-000000", range(16), 1, dress=half_bare)
    whole = take(str(tmp_path), 6)
    assert all(same(a, b) for a, b in zip(whole[3:], take(str(tmp_path), 3, start_step=3), strict=True))


def test_data_without_any_mask_is_an_error_for_the_generator(tmp_path):
    write_shard(tmp_path, "train-000000", range(8), 1, dress=all_bare)
    with pytest.raises(InputError, match=r"none of the 8 samples .* shows a mask"):
        take(str(tmp_path), 1)
    assert not take(str(tmp_path), 1, settings(SegmSettings))[0].target.any()
