"""ONNX network as a torch module with gradients, for the operators that face networks consist of.

It is for a fixed network that is part of a loss, which needs gradients. For inference, use ONNX Runtime.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from maskgen.errors import InputError
from maskgen.extras import require

Attributes = dict[str, Any]
Operator = Callable[[Attributes, list[Tensor]], Tensor]


class OnnxLayers(nn.Module):
    """Network with one input and one output, computed node by node; its weights are fixed.

    Args:
        path: ONNX file; its input is `n 3 side side`, RGB in any range.

    Raises:
        InputError: the file is not such a network, or has an operator, or a form of one, that is not in `OPERATORS`.
        MissingError: the package onnx is not installed.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        require(f"the network {path}", "onnx", "onnx")
        import onnx

        try:
            graph = onnx.load(path).graph
            arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
            steps = [
                (
                    node.op_type,
                    {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute},
                    list(node.input),
                    node.output[0],
                )
                for node in graph.node
            ]
            (source,) = [entry for entry in graph.input if entry.name not in arrays]
            (target,) = graph.output
            side = source.type.tensor_type.shape.dim[2].dim_value
        except Exception as error:
            raise InputError(f"{path}: is not a readable ONNX network of one image: {error}") from error
        foreign = ", ".join(sorted({name for name, *_ in steps} - set(OPERATORS)))
        if foreign or not side:
            problem = f"it has {foreign}" if foreign else "the side of its input is not fixed"
            raise InputError(
                f"{path}: {problem}; give a network for images of a fixed side, made of {', '.join(OPERATORS)}"
            )
        self.side, self._source, self._target = int(side), source.name, target.name
        self._steps = steps
        self._places = {name: f"constant_{number}" for number, name in enumerate(arrays)}
        for name, array in arrays.items():
            self.register_buffer(self._places[name], torch.tensor(array), persistent=False)
        self._try(path)

    @torch.no_grad()
    def _try(self, path: Path) -> None:
        """Runs the network once, so that an unsupported form of an operator is reported before training starts."""
        try:
            self(torch.zeros(1, 3, self.side, self.side))
        except Exception as error:
            raise InputError(
                f"{path}: its network cannot be computed ({type(error).__name__}: {error}); give one of float32 that "
                "takes RGB, with paddings written out and both bounds of each Clip"
            ) from error

    def forward(self, images: Tensor) -> Tensor:
        """Computes the network's output for `images`, `n 3 side side`."""
        values = {name: getattr(self, place) for name, place in self._places.items()} | {self._source: images}
        for kind, attributes, inputs, output in self._steps:
            values[output] = OPERATORS[kind](attributes, [values[name] for name in inputs if name])
        return values[self._target]


def _conv(attributes: Attributes, inputs: list[Tensor]) -> Tensor:
    x, weight, *bias = inputs
    if attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise ValueError("Conv with auto_pad")
    top, left, bottom, right = attributes.get("pads", (0, 0, 0, 0))
    padding: Any = (top, left)
    if (top, left) != (bottom, right):
        x, padding = functional.pad(x, (left, right, top, bottom)), 0
    return functional.conv2d(
        x,
        weight,
        bias[0] if bias else None,
        stride=tuple(attributes.get("strides", (1, 1))),
        padding=padding,
        dilation=tuple(attributes.get("dilations", (1, 1))),
        groups=attributes.get("group", 1),
    )


def _batch_norm(attributes: Attributes, inputs: list[Tensor]) -> Tensor:
    x, scale, offset, mean, variance = inputs
    return functional.batch_norm(x, mean, variance, scale, offset, eps=attributes.get("epsilon", 1e-5))


def _prelu(_: Attributes, inputs: list[Tensor]) -> Tensor:
    x, slope = inputs
    return functional.prelu(x, slope.flatten())


def _clip(_: Attributes, inputs: list[Tensor]) -> Tensor:
    x, low, high = inputs
    return x.clamp(low, high)


def _gemm(attributes: Attributes, inputs: list[Tensor]) -> Tensor:
    a, b, *c = inputs
    a = a.T if attributes.get("transA") else a
    b = b.T if attributes.get("transB") else b
    product = attributes.get("alpha", 1.0) * (a @ b)
    return product + attributes.get("beta", 1.0) * c[0] if c else product


OPERATORS: dict[str, Operator] = {
    "Add": lambda _, inputs: inputs[0] + inputs[1],
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Conv": _conv,
    "Dropout": lambda _, inputs: inputs[0],
    "Flatten": lambda attributes, inputs: inputs[0].flatten(attributes.get("axis", 1)),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda _, inputs: inputs[0].mean((2, 3), keepdim=True),
    "Identity": lambda _, inputs: inputs[0],
    "Mul": lambda _, inputs: inputs[0] * inputs[1],
    "PRelu": _prelu,
    "Relu": lambda _, inputs: functional.relu(inputs[0]),
    "Sub": lambda _, inputs: inputs[0] - inputs[1],
}
