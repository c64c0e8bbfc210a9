"""Cross-entropy as one rule. The losses themselves are in minitensor/losses.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitensor.graph import on_nodes
from minitensor.operation import rule
from minitensor.rules.notation import Array, FloatArray, Unary, sum_rows
from minitensor.rules.reductions import _peak


@rule
def _cross_entropy(x: FloatArray, onehot: Any, reduction: str) -> Unary:
    """−log softmax(x)[target] for rows of logits x; `onehot` (classes, n) holds the target of each row.

    The gradient is softmax(x) − onehot. Fused: a third of the arrays of log_softmax and index.
    """
    n = x.shape[0]
    # Classes first: NumPy reduces over few rows several times faster than over few columns.
    z = x.T if on_nodes(x) else x.T.copy()
    shifted = z - _peak(z, 0)
    e = np.exp(shifted)
    total = sum_rows(e)
    loss = np.log(total) - shifted.T[onehot.T]
    if reduction != "none":
        loss = np.add.reduce(loss, axis=0)
    if reduction == "mean":
        loss = loss / n

    def local(g: Array) -> Array:
        return ((e / total - onehot) * (g / n if reduction == "mean" else g)).T

    return loss, local
