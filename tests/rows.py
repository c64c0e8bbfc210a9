"""The table of test cases: one row for every rule, from which all tests of rules are made.

A row lists samples: a function that uses the rule, and the shapes (or the arrays) of its inputs. Adding an
operation means adding its row here; a test fails while it is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import minitensor as mt
from minitensor import rules

Shape = tuple[int, ...]


class Sample(NamedTuple):
    """One use of a rule. Inputs are drawn from `low` to `high`."""

    function: Callable[..., Any]
    shapes: tuple[Shape, ...]
    low: float = -2.0
    high: float = 2.0

    def inputs(self, seed: int = 0) -> list[NDArray[np.float64]]:
        rng = np.random.default_rng(seed)
        return [rng.uniform(self.low, self.high, shape) for shape in self.shapes]


def unary(function: Callable[..., Any], low: float = -2.0, high: float = 2.0) -> list[Sample]:
    """An elementwise function of one input."""
    return [Sample(function, (shape,), low, high) for shape in [(), (3,), (2, 3), (0, 2), (2, 1, 3)]]


def binary(function: Callable[..., Any], low: float = -2.0, high: float = 2.0) -> list[Sample]:
    """An elementwise function of two inputs, which broadcast in every way."""
    pairs: list[tuple[Shape, Shape]] = [
        ((), ()),
        ((3,), ()),
        ((), (2, 3)),
        ((3, 1), (4,)),
        ((2, 3), (2, 3)),
        ((2, 2, 3), (2, 3)),
        ((1,), (2, 1, 3)),
        ((0, 3), (3,)),
        ((2, 1), (2, 0)),
    ]
    return [Sample(function, pair, low, high) for pair in pairs]


def reduction(function: Callable[..., Any], empty: bool = True) -> list[Sample]:
    """A reduction over one, several or all axes."""
    axes: list[Any] = [None, 0, -1, (0, 2), (-1, 0), (0, 1, 2), ()]
    samples = [
        Sample(lambda x, a=axis, k=keep: function(x, axis=a, keepdims=k), ((2, 3, 2),))
        for axis in axes
        for keep in (False, True)
    ]
    samples += [Sample(function, (shape,)) for shape in [(), (4,)]]
    return samples + (
        [Sample(function, ((0, 3),)), Sample(lambda x: function(x, axis=1), ((0, 3),))] if empty else []
    )


def several(function: Callable[..., Any]) -> list[Sample]:
    """A reduction over axes of several elements: one that is not smooth over a single one."""
    axes: list[Any] = [None, 0, -1, (0, 2), (-1, 0), (0, 1, 2)]
    return [
        Sample(lambda x, a=axis, k=keep: function(x, axis=a, keepdims=k), ((2, 3, 2),))
        for axis in axes
        for keep in (False, True)
    ]


def running(function: Callable[..., Any]) -> list[Sample]:
    """A running sum or product."""
    return [
        *[Sample(lambda x, a=axis: function(x, a), ((2, 5, 3),)) for axis in (None, 0, 1, -1)],
        Sample(function, ((4,),)),
        Sample(function, ((),)),
        Sample(lambda x: function(x, 1), ((2, 0),)),
    ]


def reduced(function: Callable[..., Any], *shapes: Shape) -> list[Sample]:
    """A loss under each reduction."""
    return [Sample(lambda *xs, r=r: function(*xs, r), shapes) for r in ("mean", "sum", "none")]


def indexing(function: Callable[[Any, Any], Any]) -> list[Sample]:
    """Every kind of index into an array of shape (4, 3)."""
    mask = np.array([True, False, True, False])
    keys: list[Any] = [
        1,
        -1,
        (2, 0),
        slice(None, None, -2),
        (slice(1, 3), slice(0, 0)),
        (..., 0),
        (None, 1, None),
        np.array([0, 0, 1]),
        [3, 3],
        (np.array([[0, 1], [1, 0]]), np.array([2, 2])),
        (slice(None), np.array([1, 1, 1])),
        mask,
        np.arange(12).reshape(4, 3) % 2 == 0,
        (mask, 1),
        np.zeros(4, bool),
        (),
    ]
    return [Sample(lambda x, k=key: function(x, k), ((4, 3),)) for key in keys]


def scatter(x: Any, key: Any) -> Any:
    """Scatter the part of x that the key selects."""
    return rules.scatter(x[key], key, (4, 3))


EYE = np.eye(3, dtype=np.float32)
SIGNS = np.array([1, -1, 1], np.float32)
INDEX = np.array([[2, 0, 0], [1, 0, 2]])
EINSUMS: list[tuple[str, tuple[Shape, ...]]] = [
    ("ij,jk->ik", ((2, 3), (3, 2))),
    ("ij,jk", ((2, 3), (3, 2))),
    ("ij->ji", ((2, 3),)),
    ("ij->", ((2, 3),)),
    ("ij->i", ((2, 3),)),
    ("ii->i", ((3, 3),)),
    ("ii", ((3, 3),)),
    ("iij->j", ((2, 2, 3),)),
    ("iji->ij", ((2, 3, 2),)),
    ("ii,i->i", ((3, 3), (3,))),
    ("...ij,...jk->...ik", ((2, 1, 2, 3), (3, 3, 2))),
    ("...i,i", ((2, 3), (3,))),
    ("i...,i...->...", ((2, 3), (2, 3))),
    ("ij,j,jk->ik", ((2, 3), (3,), (3, 2))),
    ("i,j,k->kij", ((2,), (3,), (2,))),
    ("ij,ij->ij", ((1, 3), (2, 3))),
    ("i,i->", ((1,), (3,))),
    (",i->i", ((), (3,))),
    ("ij,k->j", ((2, 3), (2,))),
    ("i,ij->j", ((0,), (0, 3))),
    (" i j , jk -> k i ", ((2, 3), (3, 2))),
]
TARGET = np.array([2, 0, 1, 1])
MASK = np.array([[True, False, True], [False, False, True]])
SHAPES_OF_MATMUL: list[tuple[Shape, Shape]] = [
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((3,), (2, 3, 4)),
    ((2, 4, 3), (3,)),
    ((2, 2, 3), (3, 2)),
    ((2, 3), (2, 3, 2)),
    ((2, 1, 2, 3), (3, 3, 2)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((1, 2, 3), (4, 3, 1)),
]

ROWS: dict[str, list[Sample]] = {
    "add": binary(mt.add),
    "add_n": [*unary(mt.add_n), Sample(mt.add_n, ((2, 3), (), (3,), (2, 1)))],
    "subtract": binary(mt.subtract),
    "multiply": binary(mt.multiply),
    "divide": binary(mt.divide, 0.5, 2),
    "square": unary(mt.square),
    "reciprocal": unary(mt.reciprocal, 0.5, 2),
    "remainder": binary(lambda x, y: mt.remainder(x, y + 3), 0.1, 2),
    "floor_divide": binary(lambda x, y: mt.floor_divide(x, y + 3), 0.1, 2),
    "floor": unary(mt.floor),
    "ceil": unary(mt.ceil),
    "trunc": unary(mt.trunc),
    "round": [*unary(mt.round), *unary(lambda x: mt.round(x, 1))],
    "sign": unary(mt.sign),
    "exp2": unary(mt.exp2),
    "expm1": unary(mt.expm1),
    "log1p": unary(mt.log1p, -0.5, 2),
    "log2": unary(mt.log2, 0.5, 3),
    "log10": unary(mt.log10, 0.5, 3),
    "rsqrt": unary(mt.rsqrt, 0.5, 3),
    "hypot": binary(mt.hypot, 0.5, 2),
    "sin": unary(mt.sin),
    "cos": unary(mt.cos),
    "tan": unary(mt.tan, -1, 1),
    "arcsin": unary(mt.arcsin, -0.8, 0.8),
    "arccos": unary(mt.arccos, -0.8, 0.8),
    "arctan": unary(mt.arctan),
    "arctan2": binary(mt.arctan2, 0.5, 2),
    "sinh": unary(mt.sinh),
    "cosh": unary(mt.cosh),
    "arcsinh": unary(mt.arcsinh),
    "arccosh": unary(mt.arccosh, 1.5, 3),
    "arctanh": unary(mt.arctanh, -0.8, 0.8),
    "softplus": [*unary(mt.softplus), *unary(lambda x: mt.softplus(x, 2.5))],
    "silu": unary(mt.silu),
    "elu": [*unary(mt.elu), *unary(lambda x: mt.elu(x, 0.5))],
    "selu": unary(mt.selu),
    "hardtanh": [*unary(mt.hardtanh), *unary(lambda x: mt.hardtanh(x, -0.5, 1.5))],
    "power": [
        *binary(mt.power, 0.5, 2),
        *unary(lambda x: x**3),
        *unary(lambda x: x**-1, 0.5, 2),
        *unary(lambda x: 2**x),
    ],
    "negative": unary(mt.negative),
    "absolute": unary(mt.absolute),
    "exp": unary(mt.exp),
    "log": unary(mt.log, 0.5, 3),
    "sqrt": unary(mt.sqrt, 0.5, 3),
    "tanh": unary(mt.tanh),
    "sigmoid": unary(mt.sigmoid, -4, 4),
    "relu": unary(mt.relu),
    "leaky_relu": [
        *unary(mt.leaky_relu),
        *unary(lambda x: mt.leaky_relu(x, 0.2)),
        *unary(lambda x: mt.leaky_relu(x, 2.0)),
    ],
    "erf": unary(mt.erf),
    "gelu": [*unary(mt.gelu), *unary(lambda x: mt.gelu(x, "tanh"))],
    "logaddexp": binary(mt.logaddexp, -4, 4),
    "maximum": binary(mt.maximum),
    "minimum": binary(mt.minimum),
    "clip": [
        *unary(lambda x: mt.clip(x, -1, 0.5)),
        *unary(lambda x: mt.clip(x, max=0.5)),
        *unary(lambda x: mt.clip(x, 0)),
    ],
    "where": [
        Sample(lambda x, y: mt.where(MASK, x, y), pair)
        for pair in [((2, 3), (2, 3)), ((), (3,)), ((2, 1), ())]
    ],
    "zero_where": [
        Sample(lambda x: mt.zero_where(x, MASK), ((2, 3),)),
        Sample(lambda x: mt.zero_where(x, True), ((2,),)),
    ],
    "sum": reduction(mt.sum),
    "mean": reduction(mt.mean, empty=False),
    "var": [
        *reduction(mt.var, empty=False),
        Sample(lambda x: x.var(0, 1), ((3, 2),)),
        Sample(lambda x: x.var(correction=1), ((3, 2),)),
    ],
    "std": [*several(mt.std), Sample(lambda x: x.std(0, 1), ((3, 2),))],
    "norm": [
        *several(mt.norm),
        *[Sample(lambda x, p=p: mt.norm(x, p, 1), ((2, 3, 2),)) for p in (1, 3, 2.5, 0.5, 0, -1)],
        *[Sample(lambda x, p=p: mt.norm(x, p, (0, 1), True), ((2, 3, 2),)) for p in (np.inf, -np.inf)],
    ],
    "prod": reduction(mt.prod),
    "cumsum": running(mt.cumsum),
    "cumprod": running(mt.cumprod),
    "median": [*several(mt.median), Sample(mt.median, ((4, 5),))],
    "max": reduction(mt.max, empty=False),
    "min": reduction(mt.min, empty=False),
    "logsumexp": reduction(mt.logsumexp, empty=False),
    "reshape": [
        Sample(lambda x: x.reshape(3, -1), ((2, 3),)),
        Sample(lambda x: mt.reshape(x, (6,)), ((2, 3),)),
        Sample(lambda x: x.reshape(()), ((1, 1),)),
        Sample(lambda x: x.reshape(0, 5), ((0, 3),)),
    ],
    "transpose": [
        Sample(mt.transpose, ((2, 3),)),
        Sample(mt.transpose, ((),)),
        Sample(lambda x: x.transpose(1, 2, 0), ((2, 3, 4),)),
        Sample(lambda x: x.transpose((-1, 0, 1)), ((2, 3, 0),)),
        Sample(lambda x: x.T @ x, ((2, 3),)),
    ],
    "swapaxes": [Sample(lambda x: x.swapaxes(0, -1), ((2, 3, 4),))],
    "flatten": [
        Sample(mt.flatten, ((2, 3, 2),)),
        Sample(lambda x: x.flatten(1), ((2, 3, 0),)),
        Sample(lambda x: x.flatten(0, -2), ((2, 3, 2),)),
        Sample(mt.flatten, ((),)),
    ],
    "ravel": [Sample(mt.ravel, ((2, 3),))],
    "squeeze": [
        Sample(mt.squeeze, ((1, 3, 1),)),
        Sample(lambda x: x.squeeze(-1), ((1, 3, 1),)),
        Sample(lambda x: x.squeeze((0, 2)), ((1, 3, 1),)),
    ],
    "expand_dims": [
        Sample(lambda x: mt.expand_dims(x, 0), ((2, 3),)),
        Sample(lambda x: x.unsqueeze(-1), ((2, 3),)),
        Sample(lambda x: mt.expand_dims(x, (0, 2)), ((2, 3),)),
    ],
    "moveaxis": [
        Sample(lambda x: mt.moveaxis(x, 0, -1), ((2, 3, 4),)),
        Sample(lambda x: mt.moveaxis(x, (0, 1), (-1, 0)), ((2, 3, 4),)),
    ],
    "flip": [Sample(lambda x, a=axis: mt.flip(x, a), ((2, 3, 2),)) for axis in (None, 0, -1, (0, 2))],
    "roll": [
        Sample(lambda x: mt.roll(x, 2), ((2, 3),)),
        Sample(lambda x: mt.roll(x, -1, 0), ((2, 3),)),
        Sample(lambda x: mt.roll(x, (1, 2), (0, 1)), ((2, 3),)),
    ],
    "repeat": [
        Sample(lambda x: mt.repeat(x, 2), ((2, 3),)),
        Sample(lambda x: mt.repeat(x, np.array([0, 2, 1]), -1), ((2, 3),)),
    ],
    "tile": [Sample(lambda x, r=reps: mt.tile(x, r), ((2, 3),)) for reps in (2, (2, 1), (2, 1, 3), (1, 0))],
    "pad": [
        Sample(lambda x: mt.pad(x, 1), ((2, 3),)),
        Sample(lambda x: mt.pad(x, ((0, 2), (1, 0)), constant_values=3), ((2, 3),)),
        *[
            Sample(lambda x, m=mode: mt.pad(x, ((1, 2), (1, 1)), m), ((4, 3),))
            for mode in ("edge", "reflect", "symmetric", "wrap")
        ],
    ],
    "tril": [Sample(lambda x, k=k: mt.tril(x, k), ((2, 3, 4),)) for k in (0, 1, -1)],
    "triu": [Sample(lambda x, k=k: mt.triu(x, k), ((2, 3, 4),)) for k in (0, 1, -1)],
    "meshgrid": [
        Sample(lambda x, y: mt.stack(mt.meshgrid(x, y)), ((3,), (2,))),
        Sample(lambda x, y, z: mt.stack(mt.meshgrid(x, y, z, indexing="ij")), ((3,), (2,), (4,))),
    ],
    "broadcast_to": [
        Sample(lambda x: x.broadcast_to((4, 2, 3)), (shape,)) for shape in [(), (3,), (2, 1), (4, 2, 3)]
    ],
    "index": indexing(lambda x, key: x[key]),
    "scatter": indexing(scatter),
    "take": [
        Sample(lambda x: mt.take(x, [0, 0, 5]), ((2, 3),)),
        Sample(lambda x: mt.take(x, np.array([[1, 0]]), -1), ((2, 3),)),
    ],
    "gather": [Sample(lambda x, a=axis: mt.gather(x, a, INDEX), ((3, 3),)) for axis in (0, 1, -1)],
    "scatter_add": [
        Sample(lambda x, y, a=axis: mt.scatter_add(x, a, INDEX, y), ((3, 3), (2, 3))) for axis in (0, 1)
    ],
    "take_along_axis": [
        Sample(lambda x: mt.take_along_axis(x, INDEX, 0), ((3, 3),)),
        Sample(lambda x: mt.take_along_axis(x, np.array([[1, 0]]), 1), ((3, 3),)),
        Sample(lambda x: mt.take_along_axis(x, np.array([4, 4]), None), ((3, 3),)),
    ],
    "sort": [
        *[Sample(lambda x, a=axis: mt.sort(x, a), ((3, 4),)) for axis in (0, -1, None)],
        Sample(lambda x: mt.sort(x, descending=True), ((3, 4),)),
    ],
    "topk": [
        Sample(lambda x: mt.topk(x, 2).values, ((3, 4),)),
        Sample(lambda x: mt.topk(x, 2, 0, False).values, ((3, 4),)),
    ],
    "max_with_indices": [
        Sample(lambda x: mt.max_with_indices(x, 0).values, ((3, 4),)),
        Sample(lambda x: mt.max_with_indices(x, -1, True).values, ((3, 4),)),
    ],
    "min_with_indices": [Sample(lambda x: mt.min_with_indices(x).values, ((3, 4),))],
    "unbind": [Sample(lambda x, a=axis: sum(mt.unbind(x, a)), ((3, 4),)) for axis in (0, -1)],
    "split": [
        Sample(lambda x: mt.stack(mt.split(x, 2)), ((4, 3),)),
        Sample(lambda x: mt.concatenate(mt.split(x, [1, 1, 3], 1)[::-1], axis=1), ((2, 4),)),
    ],
    "chunk": [Sample(lambda x: mt.concatenate(mt.chunk(x, 3, -1)[::-1], axis=-1), ((2, 5),))],
    "diagonal": [
        Sample(lambda x: mt.diagonal(x), ((3, 4),)),
        Sample(lambda x: mt.diagonal(x, 1, 2, 0), ((3, 2, 4),)),
        Sample(lambda x: mt.diagonal(x, -1), ((3, 4),)),
        Sample(lambda x: mt.diagonal(x, 5), ((3, 4),)),
    ],
    "concatenate": [
        Sample(lambda x, y: mt.concatenate([x, y], axis=None), ((2, 3), (2,))),
        Sample(lambda x, y: mt.concatenate([x, y]), ((2, 3), (1, 3))),
        Sample(lambda x, y: mt.concatenate([x, y, x], axis=-1), ((2, 3), (2, 0))),
        Sample(lambda x: mt.concatenate([x]), ((2,),)),
    ],
    "stack": [
        Sample(lambda x, y: mt.stack([x, y]), ((2, 3), (2, 3))),
        Sample(lambda x, y: mt.stack([x, y, x], axis=-1), ((2,), (2,))),
        Sample(lambda x, y: mt.stack([x, y], 1), ((2, 0), (2, 0))),
        Sample(lambda x: mt.stack([x]), ((),)),
    ],
    "copy": [Sample(mt.copy, ((2, 3),))],
    "astype": [Sample(lambda x: x.astype(np.float64), ((2, 3),))],
    "matmul": [Sample(mt.matmul, pair) for pair in SHAPES_OF_MATMUL],
    "linear": [
        Sample(mt.linear, ((4, 3), (2, 3), (2,))),
        Sample(mt.linear, ((3,), (2, 3), (2,))),
        Sample(mt.linear, ((2, 2, 3), (4, 3), (4,))),
        Sample(mt.linear, ((0, 3), (2, 3), (2,))),
        Sample(mt.linear, ((2, 0), (4, 0), (4,))),
        Sample(mt.linear, ((2, 3), (0, 3), (0,))),
        Sample(lambda x, w: mt.linear(x, w), ((4, 3), (2, 3))),
    ],
    "dot": [Sample(mt.dot, p) for p in [((), (3,)), ((3,), (3,)), ((2, 3), (3, 4)), ((2, 3), (2, 3, 2))]],
    "vdot": [Sample(mt.vdot, ((2, 3), (3, 2)))],
    "outer": [Sample(mt.outer, ((3,), (2, 2)))],
    "kron": [Sample(mt.kron, p) for p in [((2, 3), (3, 2)), ((2,), (3, 2)), ((), (2,))]],
    "tensordot": [
        Sample(mt.tensordot, ((2, 3, 4), (3, 4, 2))),
        Sample(lambda x, y: mt.tensordot(x, y, 0), ((2,), (3,))),
        Sample(lambda x, y: mt.tensordot(x, y, (0, -1)), ((2, 3), (4, 2))),
        Sample(lambda x, y: mt.tensordot(x, y, ([0, 1], [1, 0])), ((2, 3), (3, 2))),
    ],
    "einsum": [Sample(lambda *xs, s=s: mt.einsum(s, *xs), shapes) for s, shapes in EINSUMS],
    "trace": [
        Sample(mt.trace, ((3, 4),)),
        Sample(lambda x: mt.trace(x, 1, 0, 2), ((3, 2, 4),)),
    ],
    "det": [Sample(lambda x: mt.det(x + 2 * EYE), (shape,)) for shape in [(3, 3), (2, 3, 3)]],
    "slogdet": [
        Sample(lambda x: mt.slogdet(x + 3 * EYE).logabsdet, (shape,)) for shape in [(3, 3), (2, 3, 3)]
    ],
    "inv": [Sample(lambda x: mt.inv(x + 5 * EYE), (shape,)) for shape in [(3, 3), (2, 3, 3)]],
    "solve": [
        Sample(lambda x, y: mt.solve(x + 5 * EYE, y), pair)
        for pair in [((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (3, 2)), ((2, 3, 3), (2, 3, 1))]
    ],
    "cholesky": [
        Sample(lambda x: mt.cholesky(x @ x.swapaxes(-1, -2) + 2 * EYE), (shape,))
        for shape in [(3, 3), (2, 3, 3)]
    ],
    "standardize": [
        *[
            Sample(lambda x, a=axis: mt.standardize(x, a, 0.1), ((3, 4, 2),))
            for axis in (0, -1, (0, 2), (-2, -1), None)
        ],
        Sample(mt.standardize, ((5,),)),
    ],
    "windows": [
        Sample(lambda x: mt.windows(x, 3), ((2, 5),)),
        Sample(lambda x: mt.windows(x, 2, 0, 3, 2), ((9, 2),)),
        Sample(lambda x: mt.windows(x, 1, 1, 2), ((2, 4, 1),)),
        Sample(lambda x: mt.windows(mt.windows(x, 2, 0), 2, 2, 2), ((3, 4),)),
    ],
    "fold": [
        Sample(lambda x: mt.fold(x, 5), ((2, 3, 3),)),
        Sample(lambda x: mt.fold(x, 9, 0, 3, 2), ((3, 2, 2),)),
        Sample(lambda x: mt.fold(x, 6, -1, 2), ((2, 2, 3),)),
    ],
    "conv2d": [
        Sample(mt.conv2d, ((2, 2, 4, 5), (3, 2, 3, 2), (3,))),
        Sample(lambda x, w: mt.conv2d(x, w), ((2, 4, 3), (1, 2, 2, 2))),
        Sample(lambda x, w, b: mt.conv2d(x, w, b, (2, 1), (1, 2)), ((2, 1, 4, 3), (2, 1, 3, 2), (2,))),
        Sample(lambda x, w: mt.conv2d(x, w, dilation=2, padding="same"), ((1, 1, 3, 4), (1, 1, 2, 3))),
        Sample(lambda x, w, b: mt.conv2d(x, w, b, 2, 1, groups=2), ((2, 4, 3, 3), (2, 2, 2, 2), (2,))),
        Sample(mt.conv2d, ((0, 2, 3, 3), (1, 2, 2, 2), (1,))),
    ],
    "max_pool2d": [
        Sample(lambda x: mt.max_pool2d(x, 2), ((2, 2, 4, 5),)),
        Sample(lambda x: mt.max_pool2d(x, (3, 2), 1, 1), ((1, 4, 3),)),
        Sample(lambda x: mt.max_pool2d(x, 2, 2, 0, (1, 2), ceil_mode=True), ((2, 1, 3, 6),)),
    ],
    "avg_pool2d": [
        Sample(lambda x: mt.avg_pool2d(x, 2), ((2, 2, 4, 5),)),
        Sample(lambda x: mt.avg_pool2d(x, (3, 2), 1, 1), ((1, 4, 3),)),
        Sample(lambda x: mt.avg_pool2d(x, 3, 2, 1, True, False), ((1, 1, 4, 4),)),
    ],
    "softmax": [Sample(lambda x, a=axis: mt.softmax(x, a), ((3, 4),)) for axis in (0, -1)],
    "log_softmax": [Sample(lambda x, a=axis: mt.log_softmax(x, a), ((3, 4),)) for axis in (0, -1)],
    "cross_entropy": [
        *reduced(lambda x, r: mt.cross_entropy(x, TARGET, r), (4, 3)),
        *reduced(lambda x, r: mt.cross_entropy(x, TARGET[:2], r, weight=[1.0, 2.0, 0.5]), (2, 3)),
        *reduced(lambda x, r: mt.cross_entropy(x, TARGET, r, label_smoothing=0.2), (4, 3)),
        *reduced(lambda x, r: mt.cross_entropy(x, TARGET.reshape(2, 2), r, ignore_index=1), (2, 3, 2)),
        Sample(lambda x: mt.cross_entropy(x, np.array(1)), ((3,),)),
        *reduced(lambda x, t, r: mt.cross_entropy(x, mt.softmax(t), r), (4, 3), (4, 3)),
        *reduced(
            lambda x, t, r: mt.cross_entropy(
                x, mt.softmax(t, 1), r, weight=np.array([1.0, 2.0, 0.5]), label_smoothing=0.1
            ),
            *[(2, 3, 2), (2, 3, 2)],
        ),
    ],
    "nll_loss": [
        *reduced(lambda x, r: mt.nll_loss(x, TARGET, r), (4, 3)),
        *reduced(lambda x, r: mt.nll_loss(x, TARGET, r, weight=[1, 2, 3], ignore_index=2), (4, 3)),
    ],
    "mse_loss": reduced(mt.mse_loss, (2, 3), (2, 3)),
    "l1_loss": reduced(mt.l1_loss, (2, 3), (2, 3)),
    "smooth_l1_loss": [
        *reduced(mt.smooth_l1_loss, (2, 3), (2, 3)),
        *reduced(lambda x, y, r: mt.smooth_l1_loss(x, y, r, beta=0.3), (2, 3), (2, 3)),
        *reduced(lambda x, y, r: mt.smooth_l1_loss(x, y, r, beta=0), (2, 3), (2, 3)),
    ],
    "huber_loss": [
        *reduced(mt.huber_loss, (2, 3), (2, 3)),
        *reduced(lambda x, y, r: mt.huber_loss(x, y, r, delta=0.3), (2, 3), (2, 3)),
    ],
    "kl_div": [
        *reduced(lambda x, y, r: mt.kl_div(x, mt.softmax(y), r), (2, 3), (2, 3)),
        *reduced(lambda x, y, r: mt.kl_div(x, y, r, log_target=True), (2, 3), (2, 3)),
        Sample(lambda x, y: mt.kl_div(x, mt.exp(y), "batchmean"), ((2, 3), (2, 3))),
    ],
    "binary_cross_entropy_with_logits": reduced(
        lambda x, t, r: mt.binary_cross_entropy_with_logits(x, mt.sigmoid(t), r), (2, 3), (2, 3)
    ),
    "hinge_loss": reduced(lambda x, r: mt.hinge_loss(x, SIGNS, r), (3,)),
}

OFF_THE_GRAPH = {
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isclose"),
    *("logical_and", "logical_or", "logical_xor", "logical_not", "isnan", "isinf", "isfinite"),
    *("bitwise_and", "bitwise_or", "bitwise_xor", "invert"),
    *("argmax", "argmin", "argsort", "any", "all", "count_nonzero"),
}
OF_ONE = {
    *("logical_not", "isnan", "isinf", "isfinite", "argmax", "argmin", "argsort", "any", "all"),
    *("count_nonzero", "invert"),
}
OF_INTEGERS = {"bitwise_and", "bitwise_or", "bitwise_xor", "invert"}
NO_TENSOR_OUT = {"allclose", "array_equal", "shape", "ndim", "size"}
NO_GRADIENT_IN = {"zeros_like", "ones_like", "full_like", "rand_like", "randn_like", "one_hot"}
