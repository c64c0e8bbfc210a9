"""Products of matrices and tensors, determinants, inverses, factors."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np
import torch
from torch.nn import functional

import minitensor as mt
from tests.oracle.agreement import Array
from tests.oracle.samples import PRODUCTS, Row, Sample, drawn, part_of, sample, with_each


def torch_dot(x: torch.Tensor, y: torch.Tensor) -> Any:
    """NumPy's: over the last axis of x and the last but one of y."""
    if not (x.ndim and y.ndim):
        return x * y
    return torch.tensordot(x, y, ([-1], [-2])) if y.ndim > 1 else x @ y


def torch_tensordot(x: torch.Tensor, y: torch.Tensor, axes: Any = 2) -> Any:
    if isinstance(axes, int):
        return torch.tensordot(x, y, axes)
    return torch.tensordot(x, y, [[a] if isinstance(a, int) else list(a) for a in axes])


def torch_trace(x: torch.Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> torch.Tensor:
    return torch.diagonal(x, offset, axis1, axis2).sum(-1)


def with_subscripts(function: Any) -> Any:
    """With the equation as an attribute."""
    return lambda *operands, subscripts: function(subscripts, *operands)


def torch_leibniz(x: torch.Tensor) -> torch.Tensor:
    """Determinants by definition: at singular matrices their det has gradient 0 instead of the cofactors."""
    n = x.shape[-1]
    terms = [
        torch.det(torch.eye(n)[list(order)]) * math.prod([x[..., i, j] for i, j in enumerate(order)])
        for order in permutations(range(n))
    ]
    return sum(terms[1:], terms[0])


def regular(*shape: int) -> Array:
    """Matrices that are well conditioned."""
    return drawn(*shape) + 3 * np.eye(shape[-1])


def positive(*shape: int) -> Array:
    x = drawn(*shape)
    return np.asarray(x @ x.swapaxes(-1, -2) / shape[-1] + np.eye(shape[-1]))


SQUARES: list[Sample] = [
    *[sample(regular(*shape)) for shape in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 2, 2), (2, 1, 3, 3)]],
    *[
        sample(regular(3, 3).T),
        sample(regular(4, 2, 2).swapaxes(1, 2)),
        sample(np.eye(3)),
        sample(-np.eye(3)),
    ],
    sample(np.array([[0.0, 1.0], [1.0, 0.0]])),
    sample(np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 3.0], [1.0, 0.0, 1.0]])),
]
NO_MATRICES: list[Sample] = [sample(drawn(0, 2, 2)), sample(drawn(0, 0)), sample(drawn(2, 0, 0))]
SINGULAR: list[Sample] = [
    sample(np.array([[1.0, 2.0], [2.0, 4.0]])),
    sample(np.array([[0.0, 0.0], [0.0, 0.0]])),
    sample(np.array([[0.0]])),
    sample(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])),
    sample(np.diag([1.0, 2.0, 0.0])),
    sample(np.diag([1.0, 0.0, 0.0])),
    sample(np.array([[[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]]])),
]

VECTORS: list[Sample] = [
    *[sample(drawn(*x), drawn(*y)) for x, y in [((3,), (3,)), ((1,), (1,)), ((0,), (0,))]],
    sample(drawn(6)[::2], drawn(3)),
    sample(np.array([np.inf, 1.0, 0.0]), np.array([1.0, np.nan, 2.0])),
]

EQUATIONS: list[Sample] = [
    *[sample(drawn(2, 3), drawn(3, 4), subscripts=s) for s in ["ij,jk->ik", "ij,jk", "ij,jk->ki", "ij,jk->"]],
    *[
        sample(drawn(2, 3), drawn(3, 4), subscripts=s)
        for s in ["ij,jk->ijk", "ij,jk->j", "ij,jk->i", "ba,ac"]
    ],
    *[sample(drawn(3, 2).T, drawn(4, 3).T, subscripts=s) for s in ["ij,jk->ik", " i j , j k -> k i "]],
    *[sample(drawn(2, 3), subscripts=s) for s in ["ij", "ji", "ij->ji", "ij->", "ij->j", "ba", "...->..."]],
    *[sample(drawn(3, 3), subscripts=s) for s in ["ii->i", "ii", "ii->", "ij->ji"]],
    *[
        sample(drawn(3, 3, 3), subscripts=s)
        for s in ["iii->i", "iii", "iij->ij", "iji->j", "iij->i", "ijj->ij"]
    ],
    *[
        sample(drawn(3, 3), drawn(3), subscripts=s)
        for s in ["ii,i->i", "ii,i", "ii,j->ij", "ij,i->", "ij,j->i"]
    ],
    *[sample(drawn(3), drawn(3), subscripts=s) for s in ["i,i", "i,i->i", "i,j", "i,j->ji", "i,j->", "j,i"]],
    *[
        sample(drawn(2, 3, 4), drawn(2, 4, 5), subscripts=s)
        for s in ["bij,bjk->bik", "bij,bjk", "bij,bjk->ik"]
    ],
    *[sample(drawn(2, 3, 4), subscripts=s) for s in ["...j->...", "...j", "i...->...", "i...->...i", "..."]],
    *[sample(drawn(5, 2, 3), drawn(3, 4), subscripts=s) for s in ["...ij,jk->...ik", "...ij,...jk->...ik"]],
    *[sample(drawn(5, 2, 3), drawn(1, 3, 4), subscripts=s) for s in ["...ij,...jk->...ik", "...ij,...jk"]],
    *[sample(drawn(1, 5, 2, 3), drawn(7, 1, 3), subscripts=s) for s in ["...ij,...j->...i", "...ij,...j"]],
    *[
        sample(drawn(2, 1), drawn(3, 4), subscripts=s)
        for s in ["ij,jk->ik", "ij,jk->ijk", "ij,jk", "ij,jk->"]
    ],
    *[
        sample(drawn(1, 3), drawn(2, 3), subscripts=s)
        for s in ["ij,ij->ij", "ij,ij->j", "ij,ij->", "ij,ij->i"]
    ],
    *[sample(drawn(2, 3), drawn(3, 4), drawn(4, 2), subscripts=s) for s in ["ij,jk,ki->", "ij,jk,kl->il"]],
    *[sample(drawn(3), drawn(3), drawn(3), subscripts=s) for s in ["i,i,i->", "i,j,k->kji", "i,i,j->j"]],
    *[sample(drawn(), drawn(2), subscripts=s) for s in [",i->i", ",i"]],
    *[sample(drawn(), subscripts="->"), sample(drawn(), drawn(), subscripts=",")],
    *[
        sample(drawn(0, 3), drawn(3, 2), subscripts="ij,jk->ik"),
        sample(drawn(2, 0), drawn(0, 3), subscripts="ij,jk"),
    ],
    *[sample(drawn(2, 0), subscripts=s) for s in ["ij->i", "ij->j", "ij->"]],
    sample(drawn(2, 3, 4, 5), drawn(4, 5, 3), subscripts="bhij,ijh->bh"),
    sample(drawn(2, 3), drawn(2, 3), drawn(2), subscripts="Ab,Ab,A->b"),
    sample(
        np.array([[np.inf, 1.0], [0.0, np.nan]]), np.array([[0.0, 1.0], [2.0, 3.0]]), subscripts="ij,jk->ik"
    ),
]

LINEAR_ALGEBRA: dict[str, Row] = {
    "matmul": Row(mt.matmul, torch.matmul, PRODUCTS),
    "linear": Row(
        mt.linear,
        functional.linear,
        [
            *[sample(drawn(*x), drawn(4, 3), drawn(4)) for x in [(3,), (2, 3), (2, 5, 3), (0, 3)]],
            *[sample(drawn(*x), drawn(4, 3)) for x in [(3,), (2, 3), (2, 5, 3)]],
            sample(drawn(3, 2).T, drawn(3, 4).T, drawn(4)),
        ],
    ),
    "dot": Row(
        mt.dot,
        torch_dot,
        [
            *VECTORS,
            *[sample(drawn(*x), drawn(*y)) for x, y in [((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4))]],
            *[
                sample(drawn(*x), drawn(*y))
                for x, y in [((), (2, 3)), ((3,), ()), ((), ()), ((2, 0), (0, 3))]
            ],
            *[sample(drawn(*x), drawn(*y)) for x, y in [((3,), (2, 3, 4)), ((2, 3), (5, 3, 4))]],
            *[sample(drawn(*x), drawn(*y)) for x, y in [((2, 5, 3), (3,)), ((2, 5, 3), (3, 4))]],
            sample(drawn(3, 2).T, drawn(4, 3).T),
        ],
    ),
    "vdot": Row(
        mt.vdot,
        lambda x, y: torch.vdot(x.reshape(-1), y.reshape(-1)),
        [
            *VECTORS,
            sample(drawn(2, 3), drawn(3, 2).T),
            sample(drawn(2, 3), drawn(6)),
            sample(drawn(), drawn()),
        ],
    ),
    "outer": Row(
        mt.outer,
        lambda x, y: torch.outer(x.reshape(-1), y.reshape(-1)),
        [
            *[
                *VECTORS,
                sample(drawn(2), drawn(3)),
                sample(drawn(0), drawn(3)),
                sample(drawn(2, 2), drawn(3)),
            ],
            sample(drawn(), drawn(2)),
        ],
    ),
    "kron": Row(
        mt.kron,
        torch.kron,
        [
            *VECTORS,
            *[sample(drawn(*x), drawn(*y)) for x, y in [((2, 3), (4, 5)), ((2, 3), (4,)), ((4,), (2, 3))]],
            *[sample(drawn(*x), drawn(*y)) for x, y in [((), (2, 3)), ((2, 1, 2), (2, 2)), ((0, 2), (3, 1))]],
            sample(drawn(3, 2).T, drawn(2, 2).T),
        ],
    ),
    "tensordot": Row(
        mt.tensordot,
        torch_tensordot,
        [
            *[sample(drawn(2, 3, 4), drawn(3, 4, 5)), sample(drawn(2, 3), drawn(3, 4), axes=1)],
            *[sample(drawn(2, 3), drawn(4), axes=0), sample(drawn(2, 3), drawn(2, 3))],
            *with_each(
                [sample(drawn(2, 3, 4), drawn(4, 3, 5)), sample(drawn(4, 3, 2).T, drawn(5, 3, 4).T)],
                axes=[(1, 1), (2, 0), ((1, 2), (1, 0)), (-1, -3), ([1], [1]), ((), ())],
            ),
            *[sample(drawn(2, 0), drawn(0, 3), axes=1), sample(drawn(0, 2), drawn(2, 3), axes=1)],
        ],
    ),
    "einsum": Row(with_subscripts(mt.einsum), with_subscripts(torch.einsum), EQUATIONS),
    "trace": Row(
        mt.trace,
        torch_trace,
        [
            *with_each(
                [sample(drawn(3, 3)), sample(drawn(2, 4)), sample(drawn(4, 2).T)], offset=[0, 1, -1, 5]
            ),
            *[sample(drawn(2, 3, 4), 0, i, j) for i, j in [(0, 1), (1, 2), (2, 0), (-1, -2)]],
            *[sample(drawn(0, 0)), sample(drawn(2, 0, 3))],
        ],
    ),
    "det": Row(mt.det, torch.linalg.det, SQUARES + NO_MATRICES),
    "slogdet": Row(
        part_of(mt.slogdet),
        part_of(torch.linalg.slogdet),
        with_each(SQUARES + NO_MATRICES, part=[1]),
    ),
    "inv": Row(mt.inv, torch.linalg.inv, SQUARES + NO_MATRICES),
    "solve": Row(
        mt.solve,
        torch.linalg.solve,
        [
            *[sample(regular(3, 3), drawn(*y)) for y in [(3,), (3, 1), (3, 2), (4, 3, 2), (3, 0)]],
            *[
                sample(regular(4, 3, 3), drawn(*y))
                for y in [(4, 3, 2), (3, 2), (1, 3, 2), (5, 1, 3, 2), (3,)]
            ],
            *[sample(regular(3, 3).T, drawn(2, 3).T), sample(regular(1, 1), drawn(1))],
            *[
                sample(drawn(0, 0), drawn(0)),
                sample(drawn(0, 2, 2), drawn(0, 2, 1)),
                sample(np.eye(2), drawn(2)),
            ],
        ],
    ),
    "cholesky": Row(
        mt.cholesky,
        torch.linalg.cholesky,
        [
            *[sample(positive(*shape)) for shape in [(1, 1), (2, 2), (4, 4), (5, 3, 3), (2, 1, 2, 2)]],
            *[sample(np.eye(3)), sample(np.diag([4.0, 9.0])), sample(drawn(0, 0)), sample(drawn(0, 2, 2))],
        ],
    ),
}

LINEAR_ALGEBRA_BY_DEFINITION: dict[str, Row] = {"det": Row(mt.det, torch_leibniz, SINGULAR)}
