"""What NumPy and PyTorch mean differently by one name says which it takes, unless it is told.

`axis=` and `ddof=` speak NumPy, `dim=` and `unbiased=` speak PyTorch. Where neither is said, these operations
do as NumPy does, with a warning: by `x.max(1)[0]` PyTorch means the largest of every row, NumPy that of the
first. NumPy's own functions, as in np.max(x, 1), have said it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

from minitensor import rules
from minitensor.core.tensor import Tensor
from minitensor.methods import TensorMethods

_SAID = {"axis", "dim", "keepdim", "ddof", "correction", "unbiased"}
_VALUES = "it gives the values alone, as in NumPy. Write axis=, or dim= for values and indices"
_BY_N = "it divides by n, as in NumPy. Write ddof=0, or ddof=1 to divide by n − 1"
_WORDS = {
    **dict.fromkeys(("max", "min", "sort"), _VALUES),
    "median": "of two in the middle it is the mean, as in NumPy. Write axis=, or dim= for the lower of them",
    **dict.fromkeys(("std", "var"), _BY_N),
}
"""By operation, what it does, and what to write for that, or for what PyTorch does."""


def _asking(name: str, words: str) -> Callable[..., Any]:
    operation = getattr(rules, name)
    always = name not in ("max", "min")  # of all elements, there is but one largest

    @wraps(operation)
    def call(x: Any, *args: Any, **attrs: Any) -> Any:
        positional = bool(args) and args[0] is not None and not isinstance(args[0], Tensor)
        if (always or positional) and isinstance(x, Tensor) and not attrs.keys() & _SAID:
            warnings.warn(f"{name}: {words}, as PyTorch has it.", stacklevel=2)
        return operation(x, *args, **attrs)

    return call


__all__ = list(_WORDS)
for _name, _words in _WORDS.items():
    globals()[_name] = _call = _asking(_name, _words)
    setattr(TensorMethods, _name, _call)
