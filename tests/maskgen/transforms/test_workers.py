"""`RandomFaceMask` in the workers of a DataLoader: the same masks, shared counts and templates."""

import os
from pathlib import Path

import pytest

from maskgen.transforms import RandomFaceMask
from tests.helpers.aligned import aligned, crops

torch = pytest.importorskip("torch")
COUNT = 12


class Crops(torch.utils.data.Dataset):
    def __init__(self, transform, by_index):
        self.transform, self.by_index, self.images = transform, by_index, crops(COUNT)

    def __len__(self):
        return COUNT

    def __getitem__(self, index):
        given = {"index": index} if self.by_index else {}
        return index, self.transform(self.images[index], **given).copy()


def masks(**options):
    return RandomFaceMask("cloth,surgical,n95", p=0.6, landmarks="arcface", **options)


def epoch_of(loader):
    return {
        int(index): image.numpy().tobytes() for batch in loader for index, image in zip(*batch, strict=True)
    }


@pytest.mark.parametrize("by_index", [True, False])
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_give_the_masks_of_the_main_process_in_each_epoch(start, by_index):
    alone, shared = masks(), masks()
    loader = torch.utils.data.DataLoader(
        Crops(shared, by_index), batch_size=3, shuffle=True, num_workers=2, persistent_workers=True,
        multiprocessing_context=start,
    )  # fmt: skip
    seen = []
    for epoch in (0, 5):  # persistent workers see the epoch that the main process sets
        for transform in (alone, shared):
            transform.set_epoch(epoch)
        data = Crops(alone, by_index)
        expected = {index: data[index][1].tobytes() for index in range(COUNT)}
        seen.append(epoch_of(loader))
        assert seen[-1] == expected
    assert seen[0] != seen[1]
    assert shared.counts == alone.counts
    assert sum(shared.counts.values()) == 2 * COUNT


def test_without_an_epoch_each_pass_has_masks_of_its_own_and_a_torch_seed_repeats_them():
    def passes():
        torch.manual_seed(3)
        loader = torch.utils.data.DataLoader(Crops(masks(), False), batch_size=3, num_workers=2)
        return [epoch_of(loader) for _ in range(2)]

    first, again = passes(), passes()
    assert first[0] != first[1]
    assert first == again


def test_ranks_of_a_distributed_sampler_draw_what_one_process_draws():
    whole, ranked = masks(), [masks(), masks()]
    for transform in (whole, *ranked):
        transform.set_epoch(2)
    data = Crops(whole, True)
    expected = {index: data[index][1].tobytes() for index in range(COUNT)}
    found = {}
    for rank, transform in enumerate(ranked):
        data = Crops(transform, True)
        sampler = torch.utils.data.DistributedSampler(data, 2, rank)
        sampler.set_epoch(2)
        found |= epoch_of(torch.utils.data.DataLoader(data, batch_size=3, sampler=sampler))
    assert found == expected


@pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="the kernel counts no private memory"
)
def test_a_forked_worker_has_at_most_25_mb_of_its_own():
    transform = RandomFaceMask(p=1, landmarks="arcface", wear="correct:2,nose:1,chin:1,below-mouth:1")
    transform(aligned()[0])
    out, into = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover (another process)
        try:
            before = private_mb()
            for nth in range(200):
                transform(aligned()[0], index=nth)
            os.write(into, f"{private_mb() - before:.1f}".encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert float(os.read(out, 99)) < 25


def private_mb():
    rows = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(row.split()[1]) for row in rows if row.startswith("Private_")) / 1024


def test_memory_keeps_the_faces_of_few_photos(tmp_path, monkeypatch):
    from maskgen.transforms import memory

    monkeypatch.setattr(memory, "KEPT", 3)
    transform = RandomFaceMask("surgical", p=1, landmarks="arcface", refine=True, cache="off")
    for image in crops(6):
        transform(image)
    assert len(transform._memory) == 3
