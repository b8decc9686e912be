"""Checkpoints: written atomically, and read without executing code.

A checkpoint is a tree of dicts and lists with tensors, numbers and strings as leaves. torch reads it with
`weights_only`, which refuses everything else, so an untrusted file may be wrong but cannot run code.
"""

import hashlib
import io
import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from maskgen.errors import InputError
from maskgen.files import write_atomic

FORMAT = 1  # version of the format; increased when older code cannot read it
State = dict[str, Any]


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Writes `state` atomically: a kill at any moment leaves the old file or the new one.

    Raises:
        MissingError: the disk is full.
        UnmaskError: the folder is not writable.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **state}, buffer)
    write_atomic(path, buffer.getvalue())


def load(path: Path) -> State:
    """Loads the state in `path`, with all tensors on the CPU.

    Raises:
        InputError: the file is missing or damaged, holds more than data, or is of another version of the program.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no checkpoint; name a run folder or a .pt file in it")
    try:
        if not zipfile.is_zipfile(path):  # torch reads older formats by other code, with warnings
            raise ValueError("it is truncated, or of another format")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: holds more than tensors and numbers and was not read: it could run code. "
            "Take a checkpoint that unmask wrote"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: cannot be read as a checkpoint ({_first_line(error)}); copy it again, or take another"
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        found = state.get("format", "none") if isinstance(state, dict) else type(state).__name__
        raise InputError(
            f"{path}: is not a checkpoint of this version; got format {found}, reads {FORMAT}. "
            "Train again, or read it with the version that wrote it"
        )
    return state


def save_weights(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> None:
    """Writes the weights of one network as safetensors, with `facts` in the header; atomic, as `save`."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, to_safetensors(plain, dict(facts)))


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Loads the tensors and metadata of a safetensors file.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: there are no such weights; name a run folder or a .safetensors file"
        ) from error
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as weights ({_first_line(error)}); copy the file again, or take another"
        ) from error


def put_weights(net: nn.Module, tensors: Mapping[str, Tensor], origin: object) -> None:
    """Loads `tensors` into `net`; names and shapes must match exactly.

    Raises:
        InputError: they belong to another network.
    """
    own = net.state_dict()
    wrong = [name for name in own if name not in tensors or tensors[name].shape != own[name].shape]
    wrong += [name for name in tensors if name not in own]
    if wrong:
        name = wrong[0]
        raise InputError(
            f"{origin}: these weights belong to another network: {len(wrong)} of {len(own)} do not fit, such as "
            f"{name}: got {_shape(tensors, name)}, needs {_shape(own, name)}. Use the preset and model settings they "
            "were trained with"
        )
    net.load_state_dict(dict(tensors))


def put_state(optimiser: torch.optim.Optimizer, state: State, origin: object) -> None:
    """Loads an optimiser's state.

    Raises:
        InputError: it belongs to other parameters.
    """
    try:
        optimiser.load_state_dict(state)
    except (ValueError, KeyError) as error:
        raise InputError(f"{origin}: the optimiser's state belongs to another network ({error})") from error


def fingerprint(net: nn.Module) -> str:
    """Computes a short hash of all weights; equal on two ranks only if every bit is equal."""
    digest = hashlib.sha256()
    for name, tensor in sorted(net.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def facts_text(**facts: object) -> dict[str, str]:
    """Converts facts to strings for a safetensors header; values that are not strings become JSON."""
    return {name: str(fact) if isinstance(fact, str) else json.dumps(fact) for name, fact in facts.items()}


def _shape(tensors: Mapping[str, Tensor], name: str) -> str:
    return "x".join(str(side) for side in tensors[name].shape) or "a number" if name in tensors else "none"


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160]
