"""A Tensor's array and gradient, read and written: nothing that a graph needs changes unseen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from minitensor import rules
from minitensor.arrays.extend import extend
from minitensor.arrays.interface import plain_key
from minitensor.arrays.operators import Constant
from minitensor.core.graph import origin, write_tick
from minitensor.core.tensor import Tensor, TensorLike
from minitensor.core.watcher import here
from minitensor.errors import DTypeError, GraphError, ShapeError
from minitensor.methods import TensorMethods
from minitensor.ndarrays import Array, array_of, as_array, may_reach


@extend(TensorMethods)
class Contents(Tensor):
    """What a tensor holds."""

    __slots__ = ()

    @property
    def data(self) -> Array:
        """The array itself. Assigning to it, as in `p.data -= lr * p.grad`, counts as writing in place."""
        watcher = here.state.watcher
        return self._data if watcher is None else watcher.reads(self, "data")

    @data.setter
    def data(self, value: ArrayLike) -> None:
        if value is not self._data and value is not self.data:
            array = as_array(value, None if isinstance(value, np.ndarray) else self.dtype)
            if self._requires_grad and array.dtype.kind != "f":
                raise DTypeError(f"data: a tensor that requires grad cannot hold {array.dtype}")
            if self._grad is not None and (array.shape, array.dtype) != (self.shape, self.dtype):
                raise ShapeError(
                    f"data: {array.dtype} of shape {array.shape} does not fit the gradient, which is "
                    f"{self.dtype} of shape {self.shape}. Set .grad = None first."
                )
            watcher = here.state.watcher
            self._data = array if watcher is None else watcher.assigns(self, "data", array)
            self._written = None  # other memory, which no view shares
        self._mark_written()

    @property
    def grad(self) -> Any:
        """The gradient: an array of data's shape and dtype, a Tensor after create_graph=True, or None."""
        watcher = here.state.watcher
        return self._grad if watcher is None else watcher.reads(self, "grad")

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None and value is not self.grad:
            value = value if isinstance(value, Tensor) else array_of(value)
            if (value.shape, value.dtype) != (self.shape, self.dtype):
                fault = ShapeError if value.shape != self.shape else DTypeError
                raise fault(
                    f"grad: {value.dtype} of shape {value.shape} does not fit the tensor, which is "
                    f"{self.dtype} of shape {self.shape}"
                )
        watcher = here.state.watcher
        self._grad = value if watcher is None else watcher.assigns(self, "grad", value)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Start, or stop, computing gradients for this leaf."""
        if requires_grad and self.dtype.kind != "f":
            raise DTypeError(
                f"only floating-point tensors can require grad, not {self.dtype}. Try dtype=float."
            )
        if self._operation:
            raise GraphError("requires_grad_(): only for leaves. Use detach() to leave the graph.")
        self._requires_grad = bool(requires_grad)
        return self

    def retain_grad(self) -> Self:
        """Keep this tensor's gradient in `.grad` although it is not a leaf.

        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> y = (x * 3).retain_grad()
        >>> (y * y).sum().backward()
        >>> y.grad
        array([ 6., 12.], dtype=float32)
        """
        if not self._requires_grad:
            raise GraphError("retain_grad(): this tensor does not require grad")
        self._retains = True
        return self


@extend(TensorMethods)
class Writing(Tensor):
    """x += y and its like, and x[i] = y: in place where no graph is involved."""

    __slots__ = ()

    def _writes(self) -> list[int]:
        if self._written is None:
            self._written = [0]
        return self._written

    def _share_writes(self, args: tuple[Any, ...]) -> None:
        """A write into a view is a write into what it views."""
        for arg in args:
            if isinstance(arg, Tensor) and np.may_share_memory(self._data, arg._data):
                self._written = arg._writes()
                break

    def _mark_written(self) -> None:
        """Make every recorded operation that still needs the overwritten data refuse to run backward."""
        self._writes()[0] = write_tick()

    def _check_unchanged(self, run_again: bool) -> None:
        locals_ = [local for _, local in self._edges or ()]
        for x in (self, *(self._args or ())):
            if isinstance(x, Tensor) and x._written is not None and x._written[0] > self._tick:
                if not run_again and not any([may_reach(local, x._data) for local in locals_]):
                    continue
                what = "its result" if x is self else f"an input of shape {x.shape}"
                raise GraphError(
                    f"backward(): {self.made_by} needs {what}, which was overwritten after the forward "
                    f"pass. Run backward() before updating, or write into a copy.{origin(self)}"
                )

    def _is_recorded_with(self, other: object) -> bool:
        """Whether an operation on these two would be recorded."""
        graph = self._requires_grad or (isinstance(other, Tensor) and other._requires_grad)
        return here.state.recording and graph

    def _write(self, name: str, value: TensorLike, write: Callable[[Array, Array], object]) -> None:
        """Write into the memory of a tensor that no graph depends on."""
        if self._is_recorded_with(value):
            sign = name.removesuffix("=")
            new = "where(mask, b, a)" if "[" in name else f"a {sign} b"
            new = f"a.{name.rstrip('_')}(...)" if name.endswith("_") else new
            raise GraphError(
                f"{name}: writing in place into a tensor that requires grad, or from one. "
                f"Write under no_grad(), or make a new tensor: a = {new}."
            )
        array: Any = value.data if isinstance(value, Tensor) else value
        array = array_of(array)
        if here.state.watcher is not None:
            here.state.watcher.writes(self)
        try:
            write(self.data, array)
        except TypeError as error:
            raise DTypeError(f"{name}: cannot write {array.dtype} into {self.dtype}") from error
        except ValueError as error:
            if not self._data.flags.writeable:
                raise ShapeError(
                    f"{name}: the memory of this tensor, of shape {self.shape}, is read-only, as where "
                    "expand() repeats elements. Write into a copy: x.clone()."
                ) from error
            raise ShapeError(f"{name}: {error} (shape {self.shape}, written {array.shape})") from error
        self._mark_written()

    def _update(self, symbol: str, other: TensorLike, ufunc: np.ufunc, operation: Callable[..., Any]) -> Self:
        """`self += other` and its like: in place where no graph is involved, else a new tensor.

        A leaf that requires grad is refused: the new tensor would silently take the parameter's name.
        """
        parameter = self._requires_grad and self._operation is None
        if self._is_recorded_with(other) and not parameter:
            return operation(self, other)
        self._write(symbol, other, lambda a, b: ufunc(a, b, out=a, casting="same_kind"))
        return self

    def __iadd__(self, other: Tensor | Constant) -> Self:
        return self._update("+=", other, np.add, rules.add)

    def __isub__(self, other: Tensor | Constant) -> Self:
        return self._update("-=", other, np.subtract, rules.subtract)

    def __imul__(self, other: Tensor | Constant) -> Self:
        return self._update("*=", other, np.multiply, rules.multiply)

    def __itruediv__(self, other: Tensor | Constant) -> Self:
        return self._update("/=", other, np.divide, rules.divide)

    def __ipow__(self, other: Tensor | Constant) -> Self:
        return self._update("**=", other, np.power, rules.power)

    def __imatmul__(self, other: TensorLike) -> Self:
        return self._update("@=", other, np.matmul, rules.matmul)

    def __setitem__(self, key: Any, value: TensorLike) -> None:
        key = plain_key(key)

        def assign(a: Array, b: Array) -> None:
            a[key] = b

        self._write("tensor[...] =", value, assign)
