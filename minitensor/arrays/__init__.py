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

Each room defines a class of methods, and extend.py gives them to Tensor and Value.
"""

from minitensor.arrays import copying, dtypes, interface, nodes, numbers, operators, protocols, writing  # noqa: F401
from minitensor.arrays.extend import add_operations

add_operations()

from minitensor.arrays import creation  # noqa: E402, F401  # its operations are no methods
