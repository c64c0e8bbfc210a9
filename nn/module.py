"""Module and Parameter: how a network holds its parameters, names them, and saves and loads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minitensor.errors import DTypeError, ShapeError
from minitensor.graph import no_grad
from minitensor.tensor import Operand, Tensor


class Parameter(Tensor):
    """A Tensor that a Module finds among its attributes and an optimizer updates.

    >>> Parameter([1.0, 2.0])
    Parameter([1., 2.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Operand, requires_grad: bool = True, dtype: DTypeLike | None = None) -> None:
        super().__init__(data, dtype=dtype, requires_grad=requires_grad)


class Module:
    """A function with parameters. Subclasses set attributes in `__init__` and define `forward`.

    Parameters and submodules are found among the attributes, also inside lists, tuples and dicts.

    >>> from minitensor import nn
    >>> class Residual(nn.Module):
    ...     def __init__(self, width):
    ...         self.inner = nn.MLP(width, [32, width])
    ...     def forward(self, x):
    ...         return x + self.inner(x)
    >>> [name for name, _ in Residual(4).named_parameters()]
    ['inner.0.weight', 'inner.0.bias', 'inner.2.weight', 'inner.2.bias']
    """

    training: bool = True

    if not TYPE_CHECKING:  # type checkers would take it that any attribute may be set

        def __setattr__(self, name: str, value: Any) -> None:
            lost = isinstance(value, Tensor) and not isinstance(value, Parameter)
            if lost and isinstance(vars(self).get(name), Parameter):
                raise DTypeError(
                    f"{type(self).__name__}.{name} is a Parameter, and would be lost from parameters(). "
                    f"Assign nn.Parameter(...), or write into it under no_grad(): {name}[...] = x."
                )
            object.__setattr__(self, name, value)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; called through `module(...)`."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward(...)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def _members(self) -> Iterator[tuple[str, Parameter | Module]]:
        """The parameters and modules held directly, by name."""
        for name, value in vars(self).items():
            yield from _find(name, value)

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module under the name "", and every submodule under its dotted path."""
        yield prefix, self
        for name, member in self._members():
            if isinstance(member, Module):
                yield from member.named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        """This module and every submodule."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter under its dotted path, such as "0.weight"; a shared one under its first."""
        seen = set()
        for name, parameter in self._all_parameters():
            if parameter not in seen:
                seen.add(parameter)
                yield name, parameter

    def _all_parameters(self) -> Iterator[tuple[str, Parameter]]:
        for path, module in self.named_modules():
            for name, member in module._members():
                if isinstance(member, Parameter):
                    yield f"{path}.{name}" if path else name, member

    def parameters(self) -> Iterator[Parameter]:
        """Every parameter, once."""
        return (parameter for _, parameter in self.named_parameters())

    def train(self, mode: bool = True) -> Self:
        """Switch every submodule to training mode, in which Dropout drops."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch every submodule to evaluation mode."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Set every parameter's gradient to None."""
        for parameter in self.parameters():
            parameter._grad = None

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """A copy of every parameter's array, under the names that PyTorch gives them.

        >>> from minitensor import nn
        >>> {name: array.shape for name, array in nn.Linear(3, 2).state_dict().items()}
        {'weight': (2, 3), 'bias': (2,)}
        """
        return {name: parameter.data.copy() for name, parameter in self._all_parameters()}

    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """Copy arrays (or CPU torch tensors) into the parameters, converted to the parameters' dtypes.

        Raises:
            ShapeError: Naming every missing, unexpected and misshapen key. Then nothing was loaded.
        """
        own = dict(self._all_parameters())
        arrays = {name: np.asarray(value) for name, value in state.items()}
        faults = [f"missing {name}" for name in own if name not in arrays]
        faults += [f"unexpected {name}" for name in arrays if name not in own]
        faults += [
            f"{name} has shape {arrays[name].shape} and must have {parameter.shape}"
            for name, parameter in own.items()
            if name in arrays and arrays[name].shape != parameter.shape
        ]
        faults += [
            f"{name} holds {x.dtype}, not real numbers"
            for name, x in arrays.items()
            if x.dtype.kind not in "biuf"
        ]
        if faults:
            raise ShapeError(f"load_state_dict: {'; '.join(faults)}. Nothing was loaded.")
        converted = {name: arrays[name].astype(parameter.dtype) for name, parameter in own.items()}
        with no_grad():
            for name, parameter in own.items():
                parameter[...] = converted[name]

    def extra_repr(self) -> str:
        """What the repr shows between the parentheses."""
        return ""

    def __repr__(self) -> str:
        members = list(self._members())
        own = [f"{name} {member.shape}" for name, member in members if isinstance(member, Parameter)]
        count = sum(parameter.size for parameter in self.parameters())
        lines = [f"({name}): {member!r}" for name, member in members if isinstance(member, Module)]
        inside = ", ".join(part for part in [self.extra_repr(), *own] if part)
        body = "".join(f"\n{line}" for line in lines).replace("\n", "\n  ") + "\n" if lines else ""
        total = f"  # {count:,} parameters" if count else ""
        return f"{type(self).__name__}({inside}{body}){total}"


def _find(name: str, value: object) -> Iterator[tuple[str, Parameter | Module]]:
    if isinstance(value, Parameter | Module):
        yield name, value
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _find(f"{name}.{i}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _find(f"{name}.{key}", item)
