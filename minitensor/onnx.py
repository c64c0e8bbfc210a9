"""Export to ONNX, the format that other programs run models in. Needs the package onnx."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from minitensor import nn
from minitensor.errors import CheckpointError, OptionError
from minitensor.files import write_atomically

_OPSET = 20  # the first with Gelu


def export(model: nn.Module, path: str | os.PathLike[str], in_features: int) -> int:
    """Write a Sequential, such as an MLP, as an ONNX file, in evaluation mode.

    Args:
        model: A Sequential of Linear layers, activations, Dropout, Identity and Flatten.
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
    nodes: list[Any] = []
    arrays, name, width = [], "x", in_features

    def add(kind: str, *inputs: str, **attributes: Any) -> str:
        made = f"y{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [made], **attributes))
        return made

    for i, layer in enumerate(_flat(model)):
        if isinstance(layer, nn.Dropout | nn.Identity):
            continue  # as Dropout is, too, in evaluation mode
        made: str | None = None
        if isinstance(layer, nn.Linear):
            names = []
            for label, parameter in layer.named_parameters():
                names.append(f"{i}.{label}")
                arrays.append(numpy_helper.from_array(parameter.data.astype(np.float32), names[-1]))
            made, width = add("Gemm", name, *names, transB=1), layer.out_features
        elif isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) == (1, -1):
            made = add("Flatten", name, axis=1)
        elif isinstance(layer, nn.Activation) and "onnx" in vars(type(layer)):  # not an inherited one
            made = layer.onnx(add, name)
        if made is None:
            raise OptionError(f"export: {layer!r} has no counterpart in ONNX, or none is written yet")
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
