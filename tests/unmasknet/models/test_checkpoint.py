"""Checkpoints and weights: atomic writes, no code execution, one-line errors for weights that do not fit."""

import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from maskgen.errors import InputError
from unmasknet.models import checkpoint

STATE = {"step": 3, "best": {"dice": 0.5}, "nets": {"a": {"weight": torch.arange(6.0)}}, "text": ["x", "y"]}


def test_state_comes_back_as_it_was(tmp_path):
    checkpoint.save(tmp_path / "a.pt", STATE)
    state = checkpoint.load(tmp_path / "a.pt")
    assert torch.equal(state["nets"]["a"].pop("weight"), torch.arange(6.0))
    assert state["step"] == 3
    assert state["best"] == {"dice": 0.5}
    assert state["text"] == ["x", "y"]


@pytest.mark.fault
def test_row28_kill_while_a_checkpoint_is_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "last.pt"
    checkpoint.save(path, STATE)

    def kill(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", kill)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(path, {**STATE, "step": 4})
    monkeypatch.undo()
    assert checkpoint.load(path)["step"] == 3
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


class Payload:
    """Object that sets a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


@pytest.mark.fault
@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_row32_pickle_payload_never_runs(tmp_path, writer):
    path, mark = tmp_path / "evil.pt", tmp_path / "mark"
    evil = {"format": 1, "nets": Payload(mark)}
    if writer == "torch":
        torch.save(evil, path)
    else:
        path.write_bytes(pickle.dumps(evil))
    with pytest.raises(InputError) as error:
        checkpoint.load(path)
    assert not mark.exists()
    assert "\n" not in str(error.value)


@pytest.mark.fault
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_row32_truncated_files_are_refused_in_one_line(tmp_path, share):
    checkpoint.save(tmp_path / "a.pt", STATE)
    checkpoint.save_weights(tmp_path / "a.safetensors", {"w": torch.zeros(100)}, {"stage": "segm"})
    for name, read in (("a.pt", checkpoint.load), ("a.safetensors", checkpoint.load_weights)):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        with pytest.raises(InputError, match=name) as error:
            read(path)
        assert "\n" not in str(error.value)


@pytest.mark.fault
def test_row32_checkpoint_of_another_version_is_refused(tmp_path):
    torch.save({"format": 99}, tmp_path / "new.pt")
    with pytest.raises(InputError, match="got format 99, reads 1"):
        checkpoint.load(tmp_path / "new.pt")


@pytest.mark.parametrize("read", [checkpoint.load, checkpoint.load_weights])
def test_missing_file_is_named(tmp_path, read):
    with pytest.raises(InputError, match="nowhere"):
        read(tmp_path / "nowhere.pt")


def test_weights_come_back_with_their_facts(tmp_path):
    net = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
    facts = checkpoint.facts_text(stage="segm", settings={"a": 1.5}, step=7)
    checkpoint.save_weights(tmp_path / "w.safetensors", net.state_dict(), facts)
    tensors, found = checkpoint.load_weights(tmp_path / "w.safetensors")
    assert found == {"stage": "segm", "settings": '{"a": 1.5}', "step": "7"}
    assert torch.equal(tensors["weight"], net.weight)


@pytest.mark.fault
def test_row32_weights_of_another_size_name_the_first_that_does_not_fit():
    with pytest.raises(InputError, match="weight: got 3x2, needs 4x2"):
        checkpoint.put_weights(nn.Linear(2, 4), nn.Linear(2, 3).state_dict(), "x.pt")


def test_fingerprint_sees_the_last_bit():
    net = nn.Linear(2, 2)
    before = checkpoint.fingerprint(net)
    with torch.no_grad():
        net.weight[0, 0] = torch.nextafter(net.weight[0, 0], torch.tensor(10.0))
    assert checkpoint.fingerprint(net) != before
