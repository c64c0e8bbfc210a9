"""New tensors like others, which have no gradient."""

from __future__ import annotations

import numpy as np

import minitensor as mt
from tests.table.row import Row, Sample
from tests.table.samples import sample, with_each

LIKE: list[Sample] = [
    *[sample(np.array([[1.0, 2.0, 3.0]])), sample(np.array(2.0, np.float32))],
    *[sample(np.zeros((0, 2))), sample(np.array([1, 2]))],
]
LABELS: list[Sample] = [sample(np.array(labels)) for labels in ([2, 0, 1], [[0, 1], [1, 1]], 1)]

CREATION: dict[str, Row] = {
    "zeros_like": Row(mt.zeros_like, "zeros_like", samples=LIKE, graph=False),
    "ones_like": Row(mt.ones_like, "ones_like", samples=LIKE, graph=False),
    "full_like": Row(mt.full_like, "full_like", samples=[sample(*x, 7) for x, _ in LIKE], graph=False),
    "empty_like": Row(mt.empty_like, None, graph=False),
    # Random: the shape and the dtype alone are compared, elsewhere.
    "rand_like": Row(mt.rand_like, "rand_like", graph=False),
    "randn_like": Row(mt.randn_like, "randn_like", graph=False),
    "bernoulli": Row(mt.bernoulli, "bernoulli", graph=False),
    "multinomial": Row(mt.multinomial, "multinomial", graph=False),
    "one_hot": Row(
        mt.one_hot,
        "nn.functional.one_hot",
        samples=LABELS + with_each(LABELS, num_classes=[5]),
        graph=False,
    ),
}
