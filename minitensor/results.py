"""What operations return that have several results."""

from __future__ import annotations

from typing import Any, NamedTuple


class Selection(NamedTuple):
    """Values and where they stood."""

    values: Any
    indices: Any


class SignAndLogDet(NamedTuple):
    """The sign of a determinant and the logarithm of its size."""

    sign: Any
    logabsdet: Any
