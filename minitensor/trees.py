"""What is to be saved, as a file holds it: a tree that JSON can write, and arrays beside it.

JSON knows dicts with names, lists, strings, numbers, truth and null. Everything else stands in the tree as a
dict of one mark, "array", "scalar", "tuple", "dict", "complex" or "tensor", and comes back as it was, to the
bit: its dtype, its shape and its order in memory. Of a kind derived from one of Python's, such as a named
tuple, an OrderedDict or an enumeration of integers, the plain tuple, dict or int comes back; kinds derived
from NumPy's array, such as a masked one, are refused, as what they add to it would be lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minitensor.core.tensor import Tensor
from minitensor.errors import CheckpointError
from minitensor.ndarrays import order_in_memory
from minitensor.nn import Buffer, Parameter

Arrays = dict[str, NDArray[Any]]
_MARKS = {"array", "scalar", "tuple", "dict", "complex", "tensor"}
_TENSORS = {kind.__name__: kind for kind in (Tensor, Parameter, Buffer)}
_IN_FILES = set("?bBhHiIlLqQefdF")  # the dtypes that safetensors knows, by their letter


def split(tree: Any, path: str, arrays: Arrays) -> Any:
    """The tree that JSON can hold; each array goes into `arrays`, and its name there into the tree.

    Args:
        tree: Dicts, lists, tuples, arrays, tensors that are leaves, numbers, strings and None.
        path: The beginning of the names, or "".
        arrays: What is filled.

    Raises:
        CheckpointError: If there is something else in it.

    >>> arrays: Arrays = {}
    >>> split({"lr": 0.1, 3: (np.zeros(2), None)}, "state", arrays)
    {'dict': [['lr', 0.1], [3, {'tuple': [{'array': 'state.3.0'}, None]}]]}
    >>> arrays
    {'state.3.0': array([0., 0.])}
    """
    if tree is None or type(tree) in (bool, int, float, str):
        return tree
    if isinstance(tree, dict):
        items = [(key, split(x, _under(path, key), arrays)) for key, x in tree.items()]
        if all([type(key) is str for key in tree]) and not _MARKS & tree.keys():
            return dict(items)
        return {"dict": [[split(key, path, arrays), x] for key, x in items]}
    if isinstance(tree, list | tuple):
        parts = [split(x, _under(path, i), arrays) for i, x in enumerate(tree)]
        return {"tuple": parts} if isinstance(tree, tuple) else parts
    if isinstance(tree, np.generic):
        plain = tree.dtype.kind in "biuf" and tree.itemsize <= 8
        x = [tree.dtype.str, tree.item()] if plain else split(np.asarray(tree), path, arrays)
        return {"scalar": x}
    if type(tree) is np.ndarray and tree.dtype.kind not in "OV":
        return _put(tree, path, arrays)
    if isinstance(tree, complex):
        return {"complex": [tree.real, tree.imag]}
    if type(tree) in _TENSORS.values() and tree.is_leaf:
        parts = [split(x, path, arrays) for x in (tree.data, tree.grad)]
        return {"tensor": [type(tree).__name__, *parts, tree.requires_grad]}
    if isinstance(tree, str | int | float):  # of subclasses, such as an enumeration
        return split(next(kind for kind in (str, int, float) if isinstance(tree, kind))(tree), path, arrays)
    cure = ""
    if isinstance(tree, Tensor):
        cure = " Of this one, which has a graph, save x.detach()."
    elif hasattr(tree, "__array__") and type(tree) is not np.ndarray:
        cure = " Of this one save np.asarray(x)."
    elif hasattr(tree, "load_state_dict"):
        cure = " Of this one save its state_dict(), and after loading give that to load_state_dict."
    raise CheckpointError(
        f"{path or 'save'}: a {type(tree).__name__} cannot be saved. Keep arrays, leaf tensors, numbers, "
        f"strings and None, and lists, tuples and dicts of them.{cure}"
    )


def _under(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def join(tree: Any, arrays: Arrays) -> Any:
    """What `split` took apart.

    >>> join({"tuple": [{"scalar": ["<f4", 0.5]}, {"array": "x"}]}, {"x": np.arange(2)})
    (np.float32(0.5), array([0, 1]))
    """
    if isinstance(tree, list):
        return [join(x, arrays) for x in tree]
    if not isinstance(tree, dict):
        return tree
    match tree:
        case {"tuple": parts}:
            return tuple(join(parts, arrays))
        case {"dict": items}:
            return {join(key, arrays): join(x, arrays) for key, x in items}
        case {"array": name}:
            return _take(arrays[name], tree)
        case {"scalar": [dtype, number]}:
            return np.dtype(dtype).type(number)
        case {"scalar": array}:
            return join(array, arrays)[()]
        case {"complex": [real, imaginary]}:
            return complex(real, imaginary)
        case {"tensor": [kind, data, grad, requires_grad]}:
            tensor = _TENSORS[kind].from_numpy(join(data, arrays)).requires_grad_(requires_grad)
            tensor.grad = join(grad, arrays)
            return tensor
    return {key: join(x, arrays) for key, x in tree.items()}


def _put(x: NDArray[Any], path: str, arrays: Arrays) -> dict[str, Any]:
    """Put an array into `arrays` in C's order, and say what a file does not keep of it."""
    path = (path or "array").encode(errors="backslashreplace").decode()  # half of a surrogate pair
    while path in arrays or path == "__metadata__":  # of {"a.b": x, "a": {"b": y}}
        path += "_"
    order = order_in_memory(x)
    whole = np.asarray(x.transpose(order), order="C")
    marks: dict[str, Any] = {} if order == sorted(order) else {"order": order}
    if x.dtype.char not in _IN_FILES or not x.dtype.isnative:
        marks |= {"dtype": x.dtype.str, "shape": list(whole.shape)}
        whole = np.frombuffer(whole.tobytes(), np.uint8)
    arrays[path] = whole
    return {"array": path, **marks}


def _take(x: NDArray[Any], marks: dict[str, Any]) -> NDArray[Any]:
    """The array that was put there, as it was."""
    if "dtype" in marks:
        x = np.frombuffer(bytearray(x.tobytes()), marks["dtype"]).reshape(marks["shape"])
    return x.transpose(np.argsort(marks["order"])) if "order" in marks else x
