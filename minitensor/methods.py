"""The operators and methods of Value and Tensor: none here, on purpose.

The engine knows how to apply an operation, but none by name. What makes a Value feel like a number and a
Tensor like an array is added to these classes from outside, once, when minitensor is imported: operators,
NumPy's protocols, indexing, writing in place by the rooms of arrays/; `x.tanh()` and its like from the
registered operations. methods.pyi beside this, which is generated, tells type checkers and editors.
"""

from typing import Generic, TypeVar

N = TypeVar("N")


class ValueMethods(Generic[N]):
    """What Value has besides: x + y, x.tanh(), x < y, float(x), ..."""

    __slots__ = ()


class TensorMethods(Generic[N]):
    """What Tensor has besides: x + y, x.tanh(), x[i], x.shape, x += y, np.exp(x), ..."""

    __slots__ = ()
