"""Checkpoints: written atomically, and read without executing code.

A checkpoint is a tree of dicts and lists with tensors, numbers and strings as leaves. torch reads it with
`weights_only`, which refuses everything else, so an untrusted file may be wrong but cannot run code.
"""

import hashlib
import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

import torch
from safetensors.torch import load as from_safetensors
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from maskgen.errors import InputError
from maskgen.files import write_atomic
from maskgen.reading import parse_json
from unmasknet.models.digest import (
    IN_COMMENT,
    KEY,
    UNSEALED,
    check_digest,
    check_members,
    read_weight_file,
    sealed,
    sealed_archive,
    warn_of_unchecked,
)

FORMAT = 1  # version of the format; increased when older code cannot read it
State = dict[str, Any]


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Writes `state` atomically: a kill at any moment leaves the old file or the new one.

    Raises:
        MissingError: the disk is full.
        UnmaskError: the folder is not writable.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, KEY: IN_COMMENT, **state}, buffer)
    write_atomic(path, sealed_archive(buffer.getvalue()))


def load(path: Path) -> State:
    """Loads the state in `path`, with all tensors on the CPU; warns with `UncheckedFile` if it has no digest.

    Raises:
        InputError: the file is missing or damaged, holds more than data, or is of another version of the program.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no checkpoint; name a run folder or a .pt file in it")
    data = read_weight_file(path)
    checked = check_digest(data, path)
    if not checked:  # torch compares no checksums, and reads files that are no archives by other code
        check_members(data, path)
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: holds more than tensors and numbers and was not read: it could run code. "
            "Take a checkpoint that unmask wrote"
        ) from error
    except Exception as error:  # a parser fed with damaged bytes raises anything
        raise InputError(
            f"{path}: cannot be read as a checkpoint ({_first_line(error)}); copy it again, or take another"
        ) from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        found = state.get("format", "none") if isinstance(state, dict) else type(state).__name__
        raise InputError(
            f"{path}: is not a checkpoint of this version; got format {found}, reads {FORMAT}. "
            "Train again, or read it with the version that wrote it"
        )
    if not checked:
        warn_of_unchecked(path)
    return {name: value for name, value in state.items() if name != KEY}


def load_run(path: Path) -> State:
    """Loads the checkpoint of a training run, like `load`, and checks that it has the parts of one.

    Returns:
        The state: "facts" (texts by name, at least stage, settings and data), "ema" (tensors by name), "nets" and
        "optimisers" (by name), and "progress" (numbers by name).

    Raises:
        InputError: as in `load`, or a part is missing or of another kind.
    """
    state = load(path)
    texts, tensors, nets = state.get("facts"), state.get("ema"), state.get("nets")
    sound = {
        "facts": _all(texts, str) and {"stage", "settings", "data"} <= texts.keys(),
        "ema": _all(tensors, Tensor),
        "nets": _all(nets, dict) and all(_all(net, Tensor) for net in nets.values()),
        "optimisers": _all(state.get("optimisers"), dict),
        "progress": _all(state.get("progress"), int | float | dict),
    }
    wrong = [name for name, is_sound in sound.items() if not is_sound]
    if wrong:
        raise InputError(
            f"{path}: is not the checkpoint of a training run: {wrong[0]} is missing or malformed; take another"
        )
    return state


def save_weights(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> None:
    """Writes the weights of one network as safetensors, with `facts` in the header; atomic, as `save`."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, sealed(to_safetensors(plain, {**facts, KEY: UNSEALED})))


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Loads the tensors and metadata of a safetensors file; warns with `UncheckedFile` if it has no digest.

    Raises:
        InputError: the file is missing or damaged.
    """
    data = read_weight_file(path)
    checked = check_digest(data, path)
    try:
        tensors = from_safetensors(data)
        head = parse_json(data[8 : 8 + int.from_bytes(data[:8], "little")])
        facts: dict[str, str] = dict(head.get("__metadata__", {}))
    except Exception as error:  # as in `load`
        raise InputError(
            f"{path}: cannot be read as weights ({_first_line(error)}); copy the file again, or take another"
        ) from error
    if not checked:
        warn_of_unchecked(path)
    return tensors, {name: fact for name, fact in facts.items() if name != KEY}


def put_weights(net: nn.Module, tensors: Mapping[str, Tensor], origin: object) -> None:
    """Loads `tensors` into `net`; names, shapes and kinds of numbers must match, and all numbers must be finite.

    Raises:
        InputError: they belong to another network, or a number is NaN or infinite.
    """
    own = net.state_dict()
    wrong = [name for name in own if name not in tensors or not _fits(tensors[name], own[name])]
    wrong += [name for name in tensors if name not in own]
    if wrong:
        name = wrong[0]
        raise InputError(
            f"{origin}: these weights belong to another network: {len(wrong)} of {len(own)} do not fit, such as "
            f"{name}: got {_shape(tensors, name)}, needs {_shape(own, name)}. Use the preset and model settings they "
            "were trained with"
        )
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise InputError(
                f"{origin}: {name} has NaN or infinite weights; the file is damaged or its training failed. Copy it "
                "again, or take another checkpoint"
            )
    net.load_state_dict(dict(tensors))


def put_state(optimiser: torch.optim.Optimizer, state: State, origin: object) -> None:
    """Loads an optimiser's state.

    Raises:
        InputError: it belongs to other parameters.
    """
    try:
        optimiser.load_state_dict(state)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            f"{origin}: the optimiser's state belongs to another network ({_first_line(error)}); take the checkpoint "
            "of a run with these settings"
        ) from error


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


def _all(part: Any, kind: Any) -> TypeGuard[dict[str, Any]]:
    """Tells whether a part is a dict from texts to values of a kind."""
    return isinstance(part, dict) and all(
        isinstance(name, str) and isinstance(value, kind) for name, value in part.items()
    )


def _fits(tensor: Tensor, own: Tensor) -> bool:
    return tensor.shape == own.shape and tensor.is_floating_point() == own.is_floating_point()


def _shape(tensors: Mapping[str, Tensor], name: str) -> str:
    if name not in tensors:
        return "none"
    kind = "" if tensors[name].is_floating_point() else " whole numbers"
    return ("x".join(str(side) for side in tensors[name].shape) or "a number") + kind


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160]
