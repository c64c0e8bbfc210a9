"""Products of matrices and tensors, determinants, inverses, factors."""

from __future__ import annotations

import numpy as np

import minitensor as mt
from tests.table.checks import check
from tests.table.equations import CHECKED, EQUATIONS
from tests.table.forms import part_of, with_subscripts
from tests.table.row import Array, Row, Sample, Shape
from tests.table.samples import drawn, pairs, sample, with_each

EYE = np.eye(3, dtype=np.float32)
MATRICES: list[tuple[Shape, Shape]] = [
    *[((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((3,), (2, 3, 4)), ((2, 4, 3), (3,))],
    *[((2, 2, 3), (3, 2)), ((2, 3), (2, 3, 2)), ((2, 1, 2, 3), (3, 3, 2))],
    *[((0, 3), (3, 2)), ((2, 0), (0, 3)), ((1, 2, 3), (4, 3, 1))],
]
STACKS: list[Shape] = [(), (4,), (1,), (5, 1)]
PRODUCTS: list[Sample] = [
    *[
        sample(drawn(*x), drawn(*y))
        for x in [(3,), (0, 3), *[(*stack, 2, 3) for stack in STACKS]]
        for y in [(3,), (3, 0), *[(*stack, 3, 2) for stack in STACKS]]
    ],
    *pairs(((2, 0), (0, 3)), ((0,), (0,))),
    *[sample(drawn(3, 2).T, drawn(4, 3).T), sample(drawn(2, 3, 4).swapaxes(1, 2), drawn(3))],
    sample(np.array([[np.inf, 1.0], [0.0, np.nan]]), np.array([[0.0, 1.0], [2.0, 3.0]])),
]
VECTORS: list[Sample] = [
    *[*pairs(((3,), (3,)), ((1,), (1,)), ((0,), (0,))), sample(drawn(6)[::2], drawn(3))],
    sample(np.array([np.inf, 1.0, 0.0]), np.array([1.0, np.nan, 2.0])),
]


def regular(*shape: int) -> Array:
    """Matrices that are well conditioned."""
    return drawn(*shape) + 3 * np.eye(shape[-1])


def positive(*shape: int) -> Array:
    x = drawn(*shape)
    return np.asarray(x @ x.swapaxes(-1, -2) / shape[-1] + np.eye(shape[-1]))


SQUARES: list[Sample] = [
    *[sample(regular(*shape)) for shape in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 2, 2), (2, 1, 3, 3)]],
    *[sample(regular(3, 3).T), sample(regular(4, 2, 2).swapaxes(1, 2))],
    *[sample(np.eye(3)), sample(-np.eye(3)), sample(np.array([[0.0, 1.0], [1.0, 0.0]]))],
    sample(np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 3.0], [1.0, 0.0, 1.0]])),
    *[sample(drawn(0, 2, 2)), sample(drawn(0, 0)), sample(drawn(2, 0, 0))],
]
SINGULAR: list[Sample] = [
    *[sample(np.array([[1.0, 2.0], [2.0, 4.0]])), sample(np.zeros((2, 2))), sample(np.zeros((1, 1)))],
    sample(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])),
    *[sample(np.diag([1.0, 2.0, 0.0])), sample(np.diag([1.0, 0.0, 0.0]))],
    sample(np.array([[[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]]])),
]
SYSTEMS: list[Sample] = [
    *[sample(regular(3, 3), drawn(*y)) for y in [(3,), (3, 1), (3, 2), (4, 3, 2), (3, 0)]],
    *[sample(regular(4, 3, 3), drawn(*y)) for y in [(4, 3, 2), (3, 2), (1, 3, 2), (5, 1, 3, 2), (3,)]],
    *[sample(regular(3, 3).T, drawn(2, 3).T), sample(regular(1, 1), drawn(1))],
    *[*pairs(((0, 0), (0,)), ((0, 2, 2), (0, 2, 1))), sample(np.eye(2), drawn(2))],
]

LINEAR_ALGEBRA: dict[str, Row] = {
    "matmul": Row(
        mt.matmul,
        "matmul",
        [check(mt.matmul, *pair) for pair in MATRICES],
        PRODUCTS,
    ),
    "linear": Row(
        mt.linear,
        "nn.functional.linear",
        [
            *[check(mt.linear, (4, 3), (2, 3), (2,)), check(mt.linear, (3,), (2, 3), (2,))],
            *[check(mt.linear, (2, 2, 3), (4, 3), (4,)), check(mt.linear, (0, 3), (2, 3), (2,))],
            *[check(mt.linear, (2, 0), (4, 0), (4,)), check(mt.linear, (2, 3), (0, 3), (0,))],
            check(lambda x, w: mt.linear(x, w), (4, 3), (2, 3)),
        ],
        [
            *[sample(drawn(*x), drawn(4, 3), drawn(4)) for x in [(3,), (2, 3), (2, 5, 3), (0, 3)]],
            *[sample(drawn(*x), drawn(4, 3)) for x in [(3,), (2, 3), (2, 5, 3)]],
            sample(drawn(3, 2).T, drawn(3, 4).T, drawn(4)),
        ],
    ),
    "dot": Row(
        mt.dot,
        "adapters.dot",
        [
            *[check(mt.dot, (), (3,)), check(mt.dot, (3,), (3,))],
            *[check(mt.dot, (2, 3), (3, 4)), check(mt.dot, (2, 3), (2, 3, 2))],
        ],
        [
            *[*VECTORS, *pairs(((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)))],
            *pairs(((), (2, 3)), ((3,), ()), ((), ()), ((2, 0), (0, 3)), ((3,), (2, 3, 4))),
            *pairs(((2, 3), (5, 3, 4)), ((2, 5, 3), (3,)), ((2, 5, 3), (3, 4))),
            sample(drawn(3, 2).T, drawn(4, 3).T),
        ],
    ),
    "vdot": Row(
        mt.vdot,
        "raveled(vdot)",
        [check(mt.vdot, (2, 3), (3, 2))],
        [*VECTORS, sample(drawn(2, 3), drawn(3, 2).T), *pairs(((2, 3), (6,)), ((), ()))],
    ),
    "inner": Row(
        mt.inner,
        "inner",
        [
            check(mt.inner, *pair)
            for pair in [((3,), (3,)), ((2, 3), (4, 3)), ((), (2, 3)), ((2, 2, 3), (3,))]
        ],
        [
            *[*VECTORS, *pairs(((2, 3), (3,)), ((3,), (4, 3)), ((2, 3), (2, 3)), ((), (2, 3)), ((3,), ()))],
            *[*pairs(((), ()), ((2, 5, 3), (4, 3)), ((2, 0), (3, 0))), sample(drawn(3, 2).T, drawn(3, 4).T)],
        ],
    ),
    "cross": Row(
        mt.cross,
        "adapters.cross",
        [
            *[
                check(mt.cross, *pair)
                for pair in [((3,), (3,)), ((2, 3), (3,)), ((2, 1, 3), (4, 3)), ((0, 3), (3,))]
            ],
            check(lambda x, y: mt.cross(x, y, axis=0), (3, 2), (3, 2)),
            check(lambda x, y: mt.cross(x, y, 0, 1, 0), (3, 2), (2, 3)),
        ],
        [
            *pairs(((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1, 3), (4, 3)), ((0, 3), (1, 3))),
            *with_each([sample(drawn(3, 3), drawn(3, 3).T)], axis=[None, 0, -1]),
            *with_each([sample(drawn(3, 2), drawn(2, 3), 0, -1)], axisc=[0, 1, -1, -2]),
            sample(np.array([np.inf, 0.0, 1.0]), np.array([0.0, np.nan, 2.0])),
        ],
    ),
    "outer": Row(
        mt.outer,
        "raveled(outer)",
        [check(mt.outer, (3,), (2, 2))],
        [*VECTORS, *pairs(((2,), (3,)), ((0,), (3,)), ((2, 2), (3,)), ((), (2,)))],
    ),
    "kron": Row(
        mt.kron,
        "kron",
        [check(mt.kron, *pair) for pair in [((2, 3), (3, 2)), ((2,), (3, 2)), ((), (2,))]],
        [
            *[*VECTORS, *pairs(((2, 3), (4, 5)), ((2, 3), (4,)), ((4,), (2, 3)), ((), (2, 3)))],
            *pairs(((2, 1, 2), (2, 2)), ((0, 2), (3, 1))),
            sample(drawn(3, 2).T, drawn(2, 2).T),
        ],
    ),
    "tensordot": Row(
        mt.tensordot,
        "adapters.tensordot",
        [
            check(mt.tensordot, (2, 3, 4), (3, 4, 2)),
            check(lambda x, y: mt.tensordot(x, y, 0), (2,), (3,)),
            check(lambda x, y: mt.tensordot(x, y, (0, -1)), (2, 3), (4, 2)),
            check(lambda x, y: mt.tensordot(x, y, ([0, 1], [1, 0])), (2, 3), (3, 2)),
        ],
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
    "einsum": Row(mt.einsum, "einsum", CHECKED, EQUATIONS, form=with_subscripts),
    "trace": Row(
        mt.trace,
        "adapters.trace",
        [check(mt.trace, (3, 4)), check(lambda x: mt.trace(x, 1, 0, 2), (3, 2, 4))],
        [
            *with_each(
                [sample(drawn(3, 3)), sample(drawn(2, 4)), sample(drawn(4, 2).T)], offset=[0, 1, -1, 5]
            ),
            *[sample(drawn(2, 3, 4), 0, i, j) for i, j in [(0, 1), (1, 2), (2, 0), (-1, -2)]],
            *[sample(drawn(0, 0)), sample(drawn(2, 0, 3))],
        ],
    ),
    "det": Row(
        mt.det,
        "adapters.det",
        [check(lambda x: mt.det(x + 2 * EYE), shape) for shape in [(3, 3), (2, 3, 3)]],
        SQUARES + SINGULAR,
    ),
    "slogdet": Row(
        mt.slogdet,
        "linalg.slogdet",
        [check(lambda x: mt.slogdet(x + 3 * EYE).logabsdet, shape) for shape in [(3, 3), (2, 3, 3)]],
        with_each(SQUARES, part=[1]),
        form=part_of,
    ),
    "inv": Row(
        mt.inv,
        "linalg.inv",
        [check(lambda x: mt.inv(x + 5 * EYE), shape) for shape in [(3, 3), (2, 3, 3)]],
        SQUARES,
    ),
    "solve": Row(
        mt.solve,
        "linalg.solve",
        [
            check(lambda x, y: mt.solve(x + 5 * EYE, y), *pair)
            for pair in [((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (3, 2)), ((2, 3, 3), (2, 3, 1))]
        ],
        SYSTEMS,
    ),
    "cholesky": Row(
        mt.cholesky,
        "linalg.cholesky",
        [
            check(lambda x: mt.cholesky(x @ x.swapaxes(-1, -2) + 2 * EYE), shape)
            for shape in [(3, 3), (2, 3, 3)]
        ],
        [
            *[sample(positive(*shape)) for shape in [(1, 1), (2, 2), (4, 4), (5, 3, 3), (2, 1, 2, 2)]],
            *[sample(np.eye(3)), sample(np.diag([4.0, 9.0])), sample(drawn(0, 0)), sample(drawn(0, 2, 2))],
            *with_each([sample(positive(4, 4)), sample(positive(2, 3, 3))], upper=[True]),
        ],
    ),
}
