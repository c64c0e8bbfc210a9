"""Export to ONNX, the format that other programs run models in. Needs the package onnx."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minitensor import nn
from minitensor.errors import CheckpointError, OptionError
from minitensor.files import write_atomically

_OPSET = 20  # the first with Gelu

_LAYERS: dict[type[nn.Module], Callable[[Any], tuple[str, dict[str, Any]]]] = {
    nn.ReLU: lambda layer: ("Relu", {}),
    nn.LeakyReLU: lambda layer: ("LeakyRelu", {"alpha": layer.negative_slope}),
    nn.Tanh: lambda layer: ("Tanh", {}),
    nn.Sigmoid: lambda layer: ("Sigmoid", {}),
    nn.GELU: lambda layer: ("Gelu", {"approximate": layer.approximate}),
    nn.ELU: lambda layer: ("Elu", {"alpha": layer.alpha}),
    nn.SELU: lambda layer: ("Selu", {}),
    nn.Softplus: lambda layer: ("Softplus", {}),
    nn.Softmax: lambda layer: ("Softmax", {"axis": layer.axis}),
    nn.Flatten: lambda layer: ("Flatten", {"axis": 1}),
}


def export(model: nn.Module, path: str | os.PathLike[str], in_features: int) -> int:
    """Write a Sequential, such as an MLP, as an ONNX file, in evaluation mode.

    Args:
        model: A Sequential of Linear layers, activations, Dropout and Flatten.
        path: Where to.
        in_features: The numbers in a row of its input.

    Returns:
        The size of the file in bytes. Its input "x" has shape (n, in_features), its output "y" (n, out).

    Raises:
        OptionError: If a layer has no counterpart.
        CheckpointError: If the file cannot be written.
        ModuleNotFoundError: Without the package onnx.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    if not isinstance(model, nn.Sequential):
        raise OptionError(f"export: takes a Sequential, such as an MLP, not {type(model).__name__}")
    nodes, arrays, name, width = [], [], "x", in_features
    attributes: dict[str, Any]
    for i, layer in enumerate(_flat(model)):
        if isinstance(layer, nn.Dropout):
            continue  # the identity in evaluation mode
        made, inputs = f"y{i}", [name]
        if isinstance(layer, nn.Linear):
            kind, attributes, width = "Gemm", {"transB": 1}, layer.out_features
            for label, parameter in layer.named_parameters():
                arrays.append(numpy_helper.from_array(parameter.data.astype(np.float32), f"{i}.{label}"))
                inputs.append(f"{i}.{label}")
        elif isinstance(layer, nn.SiLU):
            nodes.append(helper.make_node("Sigmoid", [name], [f"{made}.gate"]))
            kind, attributes, inputs = "Mul", {}, [name, f"{made}.gate"]
        elif type(layer) in _LAYERS and getattr(layer, "beta", 1) == 1:
            kind, attributes = _LAYERS[type(layer)](layer)
        else:
            raise OptionError(f"export: {layer!r} has no counterpart in ONNX, or none is written yet")
        nodes.append(helper.make_node(kind, inputs, [made], **attributes))
        name = made
    nodes.append(helper.make_node("Identity", [name], ["y"]))
    rows_in = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", in_features])
    rows_out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", width])
    graph = helper.make_graph(nodes, type(model).__name__, [rows_in], [rows_out], arrays)
    opset = [helper.make_opsetid("", _OPSET)]
    whole = helper.make_model(graph, opset_imports=opset, producer_name="minitensor", ir_version=9)
    checker.check_model(whole, full_check=True)
    content = whole.SerializeToString()
    try:
        write_atomically(path, content)
    except OSError as error:
        raise CheckpointError(f"{os.fspath(path)}: cannot be written: {error.strerror}") from error
    return len(content)


def _flat(model: nn.Sequential) -> Iterator[nn.Module]:
    """The layers, those of inner Sequentials too."""
    for layer in model:
        if isinstance(layer, nn.Sequential):
            yield from _flat(layer)
        else:
            yield layer
