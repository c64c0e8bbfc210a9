"""What makes a Tensor feel like an array, and a Value like a number.

    operators    x + y and its like
    protocols    np.exp(x), array + x: NumPy's functions find their operations
    interface    shape, x[i], comparison, conversion, printing
    writing      .data and .grad, x += y, x[i] = y
    dtypes       which dtype an operation on several tensors computes in
    creation     tensors from nothing: zeros, arange, randn, ...
    numbers      what a Value has because numbers have it
    nodes        requires_grad and is_leaf: a node's place in the graph
    copying      copy, deepcopy, pickle
    names        PyTorch's other names, in one table
    asking       what NumPy and PyTorch mean differently by one name

Each room defines a class of methods, and extend.py gives them to Tensor and Value.
"""

from minitensor.arrays import (  # noqa: F401
    asking,
    copying,
    creation,
    dtypes,
    interface,
    names,
    nodes,
    numbers,
    operators,
    protocols,
    writing,
)
from minitensor.arrays.extend import add_operations

add_operations()
