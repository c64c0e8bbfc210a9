"""The operators and methods of Value and Tensor: none here, on purpose.

The engine knows how to apply an operation, but none by name. What makes a Value feel like a number and a
Tensor like an array is added to these classes from outside, once, when minitensor is imported: operators,
NumPy's protocols, indexing, writing in place by the rooms of arrays/; `x.tanh()` and its like from the
registered operations. methods.pyi beside this, which is generated, tells type checkers and editors.

The engine itself calls some of them, where NumPy's and Python's ways with numbers are not its business:
_promoted, _value_of, _gradient_of (arrays/dtypes.py), _share_writes, _check_unchanged, requires_grad_, .data
(writing.py) and copy of a Tensor; _number_of, _check_flow, _check_unchanged, _receive_watched of a Value
(numbers.py).
"""

from typing import Generic, TypeVar

N = TypeVar("N")


class ValueMethods(Generic[N]):
    """What Value has besides: x + y, x.tanh(), x < y, float(x), ..."""

    __slots__ = ()


class TensorMethods(Generic[N]):
    """What Tensor has besides: x + y, x.tanh(), x[i], x.shape, x += y, np.exp(x), ..."""

    __slots__ = ()
