"""The same elements in another shape or order, repeated, joined, or chosen by their place."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

import minitensor as mt
from tests.oracle.agreement import Function, is_array
from tests.oracle.samples import (
    KEYS,
    ONE,
    POINTS,
    Row,
    Sample,
    Shape,
    drawn,
    part_of,
    sample,
    with_each,
    with_tensors,
)


def torch_transpose(x: torch.Tensor, *axes: Any) -> torch.Tensor:
    return x.permute(axes or tuple(reversed(range(x.ndim))))


def torch_expand_dims(x: torch.Tensor, axis: Any) -> torch.Tensor:
    """One axis after the other, in the places they have in the end."""
    axes = axis if isinstance(axis, tuple) else (axis,)
    for place in sorted([a % (x.ndim + len(axes)) for a in axes]):
        x = x.unsqueeze(place)
    return x


def torch_flip(x: torch.Tensor, axis: Any = None) -> torch.Tensor:
    axes = tuple(range(x.ndim)) if axis is None else axis
    return torch.flip(x, axes if isinstance(axes, tuple) else (axes,))


def torch_repeat(x: torch.Tensor, repeats: Any, axis: int | None = None) -> torch.Tensor:
    return torch.repeat_interleave(x, torch.as_tensor(repeats) if is_array(repeats) else repeats, axis)


def torch_pad(
    x: torch.Tensor, pad_width: Any, mode: str = "constant", constant_values: float = 0
) -> torch.Tensor:
    """Theirs wants the last axis first, and batches; "symmetric" is one more element, reflected."""
    widths = np.broadcast_to(pad_width, (x.ndim, 2))
    if mode == "symmetric":
        for axis, (before, after) in enumerate(widths.tolist()):
            n, back = x.shape[axis], x.flip(axis)
            x = torch.cat([back.narrow(axis, n - before, before), x, back.narrow(axis, 0, after)], axis)
        return x
    flat = widths[::-1].reshape(-1).tolist()
    if mode == "constant":
        return functional.pad(x, flat, value=constant_values)
    theirs = {"edge": "replicate", "wrap": "circular"}.get(mode, mode)
    return functional.pad(x[None, None], flat, theirs)[0, 0]


def torch_key(key: Any) -> Any:
    """Lists and arrays as tensors."""
    parts = key if isinstance(key, tuple) else (key,)
    return tuple([torch.as_tensor(part) if isinstance(part, list | np.ndarray) else part for part in parts])


def torch_index(x: torch.Tensor, key: Any) -> torch.Tensor:
    """PyTorch refuses negative steps: such an axis is flipped and walked forwards."""
    parts = list(key) if isinstance(key, tuple) else [key]
    for axis, part in enumerate(parts):
        if isinstance(part, slice) and (part.step or 1) < 0:
            visited = range(*part.indices(x.shape[axis]))[::-1]
            x = x[(slice(None),) * axis + (slice(visited.start, visited.stop, visited.step),)].flip(axis)
            parts[axis] = slice(None)
    return x[torch_key(tuple(parts))]


def torch_scatter(x: torch.Tensor, key: Any, shape: Shape) -> torch.Tensor:
    """By definition: the gradient of indexing."""
    zeros = torch.zeros(shape, dtype=x.dtype, requires_grad=True)
    (y,) = torch.autograd.grad(torch_index(zeros, key), zeros, x, create_graph=True)
    return y


def scattered(key: Any) -> Sample:
    shape = np.zeros((4, 3))[key].shape
    return sample(drawn(*shape), key=key, shape=(4, 3))


def torch_scatter_add(x: torch.Tensor, axis: int, index: torch.Tensor, src: torch.Tensor) -> torch.Tensor:
    """Theirs has no gradient where src is larger than the index, and leaves a part of it out."""
    return torch.scatter_add(x, axis, index, src[tuple([slice(n) for n in index.shape])])


def torch_take(x: torch.Tensor, indices: Any, axis: int | None = None) -> torch.Tensor:
    if axis is None:
        return torch.take(x, torch.as_tensor(indices))
    key: tuple[Any, ...] = (*(slice(None),) * (axis % x.ndim), torch.as_tensor(indices))
    return x[key]


def torch_take_along(x: torch.Tensor, indices: Any, axis: int | None = -1) -> torch.Tensor:
    return torch.take_along_dim(x, torch.as_tensor(indices), axis)


def torch_split(x: torch.Tensor, indices_or_sections: Any, axis: int = 0) -> Any:
    return torch.tensor_split(x, indices_or_sections, axis)


def torch_meshgrid(*arrays: torch.Tensor, indexing: str = "xy") -> Any:
    return torch.meshgrid(*arrays, indexing=indexing)


def rows(function: Function) -> Function:
    """An operation on a sequence, as one on its members."""
    return lambda *arrays, axis=0: function(arrays, axis)


def torch_concatenate(arrays: Any, axis: int | None) -> torch.Tensor:
    return torch.cat([x.reshape(-1) for x in arrays], 0) if axis is None else torch.cat(arrays, axis)


SQUARE = drawn(4, 4)
MATRICES: list[Sample] = [
    *[sample(drawn(*shape)) for shape in [(3, 3), (2, 4), (4, 2), (2, 3, 4), (0, 3), (1, 1)]],
    *[sample(drawn(4, 3).T), sample(np.array([[1.0, np.inf], [np.nan, -np.inf]]))],
]
WIDTHS_OF_MATRICES: list[Any] = [0, 1, (1, 0), ((1, 1), (0, 2)), ((0, 0), (2, 1))]
PARTS: list[Sample] = [
    *with_each([sample(drawn(6, 4)), sample(drawn(4, 6).T)], axis=[0, -1]),
    *[sample(drawn(6)), sample(drawn(4, 0))],
]

SHAPES: dict[str, Row] = {
    "reshape": Row(
        mt.reshape,
        torch.reshape,
        [
            *[sample(drawn(2, 3), shape) for shape in [(3, -1), (6,), (1, 2, 3)]],
            sample(drawn(3, 2).T, (6,)),
            sample(drawn(1, 1), ()),
            sample(drawn(0, 3), (0, 5)),
        ],
    ),
    "flatten": Row(
        mt.flatten,
        torch.flatten,
        [
            *ONE,
            *[sample(drawn(2, 3, 4), start_dim=i, end_dim=j) for i, j in [(0, 1), (1, 2), (1, 1)]],
            *[sample(drawn(2, 3, 4).T, start_dim=-2), sample(drawn(2, 0, 3), start_dim=1)],
        ],
    ),
    "ravel": Row(mt.ravel, torch.ravel, [*ONE, sample(drawn(2, 3, 4).T)]),
    "squeeze": Row(
        mt.squeeze,
        lambda x, axis=None: torch.squeeze(x) if axis is None else torch.squeeze(x, axis),
        [
            *[*ONE, sample(drawn(1, 1)), sample(drawn(1, 3, 1).T), sample(drawn(1, 0))],
            *with_each([sample(drawn(1, 3, 1))], axis=[0, -1, (0, 2), (-1, 0), ()]),
            sample(drawn(), axis=0),
        ],
    ),
    "expand_dims": Row(
        mt.expand_dims,
        torch_expand_dims,
        [
            *with_each([sample(drawn(2, 3)), sample(drawn(3, 2).T)], axis=[0, 1, 2, -1, -3, (0, -1), (1, 2)]),
            *with_each([sample(drawn()), sample(drawn(0))], axis=[0, -1]),
        ],
    ),
    "transpose": Row(
        mt.transpose,
        torch_transpose,
        [*ONE, sample(drawn(2, 3, 4)), sample(drawn(2, 3, 4), 1, 2, 0), sample(drawn(2, 3, 0), -1, 0, 1)],
    ),
    "swapaxes": Row(
        mt.swapaxes,
        torch.swapaxes,
        [sample(drawn(2, 3, 4), 0, -1), sample(drawn(2, 3), 1, 0), sample(drawn(2), 0, 0)],
    ),
    "moveaxis": Row(
        mt.moveaxis,
        torch.moveaxis,
        [
            *[sample(drawn(2, 3, 4), i, j) for i, j in [(0, 2), (-1, 0), (1, 1), (0, -2)]],
            *[sample(drawn(2, 3, 4, 1), i, j) for i, j in [((0, 1), (2, 3)), ((3, 0), (0, -1))]],
            sample(drawn(0, 3), 0, 1),
        ],
    ),
    "flip": Row(
        mt.flip,
        torch_flip,
        [*ONE, *with_each([sample(drawn(2, 3, 4)), sample(drawn(4, 3, 2).T)], axis=[0, -1, (0, 2), ()])],
    ),
    "roll": Row(
        mt.roll,
        torch.roll,
        [
            *[Sample((*x, 1), {}) for x, _ in ONE],
            *[sample(drawn(3, 4), shift) for shift in (0, 2, -1, 13)],
            *[sample(drawn(3, 4), shift, 1) for shift in (2, -5)],
            *[sample(drawn(4, 3).T, (1, -2), (0, 1)), sample(drawn(0, 3), 1, 0), sample(drawn(3, 4), 1, -1)],
            sample(drawn(3, 4), (1, 1), (0, 0)),
        ],
    ),
    "broadcast_to": Row(
        mt.broadcast_to,
        torch.broadcast_to,
        [sample(drawn(*x), (4, 2, 3)) for x in [(), (3,), (2, 1), (1, 1, 1), (4, 2, 3)]]
        + [sample(drawn(1, 3), (0, 3))],
    ),
    "repeat": Row(
        mt.repeat,
        torch_repeat,
        [
            *with_each([sample(drawn(2, 3)), sample(drawn(3, 2).T)], repeats=[0, 1, 3], axis=[None, 0, -1]),
            *[sample(drawn(3), repeats=np.array([2, 0, 1])), sample(drawn(0), repeats=2)],
            *[sample(drawn(2, 3), repeats=np.array([2, 0, 1]), axis=1), sample(POINTS, repeats=2)],
        ],
    ),
    "tile": Row(
        mt.tile,
        lambda x, reps: torch.tile(x, reps if isinstance(reps, tuple) else (reps,)),
        [
            *with_each([*ONE, sample(drawn(2, 3))], reps=[2, (2, 3), ()]),
            *with_each([sample(drawn(2, 3))], reps=[(2, 1, 2), (0, 2), 0, 1, (1, 1)]),
        ],
    ),
    "pad": Row(
        mt.pad,
        torch_pad,
        [
            *with_each([sample(drawn(3, 4)), sample(drawn(4, 3).T)], pad_width=WIDTHS_OF_MATRICES),
            *with_each([sample(drawn(3))], pad_width=[(2, 0)], constant_values=[1.5, np.inf, np.nan]),
            *with_each([sample(drawn(0, 2)), sample(drawn(2, 2, 3))], pad_width=[1]),
            *with_each(
                [sample(drawn(3, 4)), sample(drawn(4, 3).T)],
                pad_width=WIDTHS_OF_MATRICES,
                mode=["edge", "reflect", "symmetric", "wrap"],
            ),
            *with_each(
                [sample(drawn(3))], pad_width=[(2, 0), (1, 2)], mode=["edge", "reflect", "symmetric", "wrap"]
            ),
            *with_each(
                [sample(drawn(2, 2, 3))], pad_width=[1], mode=["edge", "reflect", "symmetric", "wrap"]
            ),
            sample(drawn(2), pad_width=(5, 7), mode="edge"),
        ],
    ),
    "concatenate": Row(
        rows(mt.concatenate),
        rows(torch_concatenate),
        [
            sample(drawn(2, 3), drawn(1, 3)),
            sample(drawn(2, 3), drawn(1, 2).T, axis=-1),
            sample(drawn(2, 0), drawn(2, 3), axis=1),
            *[sample(drawn(3)), sample(drawn(3), drawn(2), drawn(0), drawn(1))],
            *[sample(drawn(2, 3), drawn(4), axis=None), sample(drawn(), drawn(3, 2).T, axis=None)],
        ],
    ),
    "stack": Row(
        rows(mt.stack),
        rows(torch.stack),
        [
            *with_each([sample(drawn(2, 3), drawn(3, 2).T)], axis=[0, 1, -1]),
            sample(drawn(), drawn()),
            sample(drawn(2, 0), drawn(2, 0)),
        ],
    ),
    "meshgrid": Row(
        part_of(mt.meshgrid),
        part_of(torch_meshgrid),
        [
            *with_each([sample(drawn(2), drawn(3))], part=[0, 1], indexing=["xy", "ij"]),
            *with_each([sample(drawn(2), drawn(3), drawn(4))], part=[0, 1, 2], indexing=["xy", "ij"]),
            *with_each([sample(drawn(2), drawn()), sample(drawn(0), drawn(2))], part=[0, 1]),
            *[sample(drawn(3), part=0), sample(drawn(2), drawn(3), part=1)],
        ],
    ),
    "tril": Row(
        mt.tril, torch.tril, [*MATRICES, *[Sample((*m, k), {}) for k in (-1, 1, 5) for m, _ in MATRICES]]
    ),
    "triu": Row(
        mt.triu, torch.triu, [*MATRICES, *[Sample((*m, k), {}) for k in (-1, 1, 5) for m, _ in MATRICES]]
    ),
    "copy": Row(mt.copy, torch.clone, ONE),
    "astype": Row(
        mt.astype,
        lambda x, dtype: x.to(getattr(torch, dtype)),
        with_each([sample(drawn(2, 3)), sample(drawn())], dtype=["float32", "float64"]),
    ),
}

INDEXING: dict[str, Row] = {
    "index": Row(mt.index, torch_index, with_each([sample(drawn(4, 3)), sample(drawn(3, 4).T)], key=KEYS)),
    "scatter": Row(mt.scatter, torch_scatter, [scattered(key) for key in KEYS]),
    "take": Row(
        mt.take,
        torch_take,
        [
            *with_each(
                [sample(drawn(4, 3)), sample(drawn(3, 4).T)],
                indices=[np.array([0, 2, 2]), np.array([[0, -1], [1, 0]]), np.array([], int), np.array(1)],
                axis=[None, 0, 1, -1],
            ),
            *[sample(drawn(4, 3), np.array([0, 2, 2]), 0), sample(drawn(3), indices=np.array([-1, 0]))],
            sample(drawn(4, 3), indices=2, axis=1),
        ],
    ),
    "gather": Row(
        mt.gather,
        with_tensors(torch.gather),
        [
            *[
                sample(drawn(4, 3), 0, np.array([[0, 3, 1], [0, 0, 2]])),
                sample(drawn(4), 0, np.array([1, 1, 3, 0])),
            ],
            *[
                sample(drawn(4, 3), -1, np.array([[0], [2], [2], [1]])),
                sample(drawn(3, 4).T, 1, np.array([[2, 2]])),
            ],
            sample(drawn(4, 3), axis=1, index=np.array([[0, 0, 0, 2]])),
            sample(drawn(2, 2, 3), 1, np.zeros((2, 1, 3), int)),
            sample(drawn(4, 3), 0, np.zeros((0, 3), int)),
        ],
    ),
    "scatter_add": Row(
        mt.scatter_add,
        torch_scatter_add,
        [
            sample(drawn(4, 3), 0, np.array([[0, 3, 1], [0, 0, 2]]), drawn(2, 3)),
            sample(drawn(4, 3), -1, np.array([[0], [2], [2]]), drawn(4, 3)),
            sample(drawn(4), 0, np.array([1, 1, 1]), drawn(3)),
            sample(drawn(3, 4).T, 1, np.array([[2, 2, 0, 1]]), drawn(4, 2).T),
            sample(drawn(4, 3), 0, np.zeros((0, 3), int), drawn(2, 3)),
        ],
    ),
    "take_along_axis": Row(
        mt.take_along_axis,
        torch_take_along,
        [
            sample(drawn(2, 3), indices=np.array([[0, 2, 2], [1, 0, -1]])),
            sample(drawn(2, 3), indices=np.array([[0], [1]]), axis=1),
            sample(drawn(2, 3), indices=np.array([[0, 1, 1], [1, 1, 0], [0, 0, 0]]), axis=0),
            sample(drawn(3, 2).T, indices=np.array([[2, 0, 1, 1]]), axis=1),  # broadcasts
            sample(drawn(2, 3), indices=np.array([[1]]), axis=0),
            sample(drawn(2, 3), indices=np.array([5, 0, 0]), axis=None),
            sample(drawn(2, 3), np.array([[0, 2, 2], [1, 0, 1]])),
            sample(drawn(2, 3), indices=np.zeros((2, 0), int)),
        ],
    ),
    "unbind": Row(part_of(mt.unbind), part_of(torch.unbind), with_each(PARTS[:-1], part=[0, 1, -1])),
    "split": Row(
        part_of(mt.split),
        part_of(torch_split),
        [
            *with_each(PARTS, indices_or_sections=[2, 1], part=[0, -1]),
            *with_each(PARTS, indices_or_sections=[(1, 3), (0, 2), (2, 2), (3, 9), (-1,), ()], part=[0, -1]),
            *with_each([sample(drawn(6, 4))], indices_or_sections=[(3, 1)], part=[0, 1, 2]),
        ],
    ),
    "chunk": Row(
        part_of(mt.chunk),
        part_of(torch.chunk),
        with_each([*PARTS, sample(drawn(0, 3)), sample(drawn(7))], chunks=[1, 2, 3, 4, 9], part=[0, -1]),
    ),
    "diagonal": Row(
        mt.diagonal,
        torch.diagonal,
        [
            *with_each([sample(drawn(3, 4)), sample(drawn(4, 3).T)], offset=[0, 1, -1, 3, -2]),
            *[sample(drawn(2, 3, 4), 0, i, j) for i, j in [(0, 1), (1, 2), (2, 0), (-1, -2)]],
            *[sample(drawn(2, 3, 4), 1, 2, 0), sample(drawn(0, 3)), sample(drawn(3, 4), offset=4)],
        ],
    ),
}
