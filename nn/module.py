"""Module, Parameter and Buffer: how a network holds its state, names it, and saves and loads it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minitensor.context import Onlooker, effect, no_grad
from minitensor.core.tensor import Tensor, TensorLike
from minitensor.core.watcher import here
from minitensor.errors import DTypeError, ShapeError


class Changes:
    """How often an attribute of any module was set: whoever has read them all knows whether to look again."""

    def __init__(self) -> None:
        self.count = 0
        self._next = itertools.count(1).__next__  # no two threads get the same

    def advance(self) -> None:
        """Count one more."""
        self.count = self._next()


changes = Changes()


class Parameter(Tensor):
    """A Tensor that a Module finds among its attributes and an optimizer updates.

    >>> Parameter([1.0, 2.0])
    Parameter([1., 2.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: TensorLike, requires_grad: bool = True, dtype: DTypeLike | None = None) -> None:
        super().__init__(data, dtype=dtype, requires_grad=requires_grad)


class Buffer(Tensor):
    """A Tensor that a Module finds among its attributes, saves and loads, but that is not trained.

    >>> Buffer([1.0, 2.0])
    Buffer([1., 2.])
    """

    __slots__ = ()

    def __init__(self, data: TensorLike, dtype: DTypeLike | None = None) -> None:
        super().__init__(data, dtype=dtype)


State = TypeVar("State", bound=Tensor)
Kind: TypeAlias = "type[Tensor] | type[Module]"


class Module:
    """A function with parameters. Subclasses set attributes in `__init__` and define `forward`.

    Parameters, buffers and submodules are found among the attributes, also inside lists, tuples and dicts. An
    attribute that holds one keeps holding one: an array, a number or a plain tensor in its place, which would
    not be trained or saved, is refused. (What is written into a list or dict is not seen: `layers[0] = 3`.)

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
    _vacant: Mapping[str, Kind] = MappingProxyType({})  # what belongs where None is, by name

    if not TYPE_CHECKING:  # type checkers would take it that any attribute may be set

        def __setattr__(self, name: str, value: Any) -> None:
            held = vars(self).get(name)
            if isinstance(held, _MEMBERS) or name in self._vacant:
                self._check_place(name, _kind(held) or self._vacant[name], value)
            elif isinstance(held, _CONTAINERS):
                _check_container(f"{type(self).__name__}.{name}", held, value)
            object.__setattr__(self, name, value)
            changes.advance()

        def __delattr__(self, name: str) -> None:
            object.__delattr__(self, name)
            if name in self._vacant:
                self._vacate(name, None)
            changes.advance()

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Set the attribute `name`, in which a Parameter belongs even if it is None now.

        Raises:
            DTypeError: If it is neither.

        >>> layer = Module()
        >>> layer.register_parameter("bias", None)
        >>> layer.bias = Parameter([0.0])
        >>> [name for name, _ in layer.named_parameters()]
        ['bias']
        """
        self._register(name, Parameter, param)

    def register_buffer(self, name: str, tensor: TensorLike | None) -> None:
        """Set the attribute `name`, in which a Buffer belongs even if it is None now; arrays are copied.

        >>> layer = Module()
        >>> layer.register_buffer("mean", np.zeros(2))
        >>> layer.state_dict()
        {'mean': array([0., 0.])}
        """
        self._register(name, Buffer, tensor if isinstance(tensor, Buffer | None) else Buffer(tensor))

    def _register(self, name: str, kind: Kind, value: Tensor | None) -> None:
        self._check_place(name, kind, value)
        setattr(self, name, value)

    def _vacate(self, name: str, kind: Kind | None) -> None:
        """Remember what belongs where None is now, or that nothing does."""
        others = {other: known for other, known in self._vacant.items() if other != name}
        vacant = others if kind is None else {**others, name: kind}  # new: copies of the module have the old
        object.__setattr__(self, "_vacant", vacant)

    def _check_place(self, name: str, kind: Kind, value: object) -> None:
        """Refuse what would push a member out of the state; keep in mind what None stands for."""
        if value is None:
            self._vacate(name, kind)
        elif not isinstance(value, _ACCEPTED[kind]):
            what = kind.__name__
            cure = "" if kind is Module else f", or write into it under no_grad(): {name}[...] = x"
            raise DTypeError(
                f"{type(self).__name__}.{name} takes a {what} or None, not {_full_name(value)}, which "
                f"{what.lower()}s() would not find. Assign an nn.{what}{cure}."
            )

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; called through `module(...)`."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward(...)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        watcher = here.state.watcher
        if watcher is not None and isinstance(watcher, Onlooker):
            watcher.enters(self)
        return self.forward(*args, **kwargs)

    def _members(self) -> Iterator[tuple[str, Parameter | Buffer | Module]]:
        """The parameters, buffers and modules held directly, by name."""
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
        return _each_once(self._all(Parameter))

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Every buffer under its dotted path, such as "1.running_mean"; a shared one under its first."""
        return _each_once(self._all(Buffer))

    def _all(self, *kinds: type[State]) -> Iterator[tuple[str, State]]:
        """The members of these kinds, module by module, and in each module kind by kind."""
        for path, module in self.named_modules():
            members = list(module._members())
            for kind in kinds:
                for name, member in members:
                    if isinstance(member, kind):
                        yield f"{path}.{name}" if path else name, member

    def parameters(self) -> Iterator[Parameter]:
        """Every parameter, once."""
        return (parameter for _, parameter in self.named_parameters())

    def buffers(self) -> Iterator[Buffer]:
        """Every buffer, once."""
        return (buffer for _, buffer in self.named_buffers())

    def _state(self) -> Iterator[tuple[str, Tensor]]:
        return self._all(Parameter, Buffer)

    def train(self, mode: bool = True) -> Self:
        """Switch every submodule to training mode, in which Dropout drops."""
        for module in self.modules():
            if module.training is not mode:
                module.training = mode
        return self

    def eval(self) -> Self:
        """Switch every submodule to evaluation mode."""
        return self.train(False)

    @effect
    def zero_grad(self) -> None:
        """Set every parameter's gradient to None."""
        for parameter in self.parameters():
            parameter._grad = None

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """A copy of every parameter's and buffer's array, under the names that PyTorch gives them.

        >>> from minitensor import nn
        >>> {name: array.shape for name, array in nn.Linear(3, 2).state_dict().items()}
        {'weight': (2, 3), 'bias': (2,)}
        """
        return {name: tensor.data.copy() for name, tensor in self._state()}

    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """Copy arrays (or CPU torch tensors) into the parameters and buffers, converted to their dtypes.

        Raises:
            ShapeError: Naming every missing, unexpected and misshapen key. Then nothing was loaded.
        """
        own = dict(self._state())
        arrays = {name: np.asarray(value) for name, value in state.items()}
        faults = [f"missing {name}" for name in own if name not in arrays]
        faults += [f"unexpected {name}" for name in arrays if name not in own]
        faults += [
            f"{name} has shape {arrays[name].shape} and must have {tensor.shape}"
            for name, tensor in own.items()
            if name in arrays and arrays[name].shape != tensor.shape
        ]
        faults += [
            f"{name} holds {x.dtype}, not real numbers"
            for name, x in arrays.items()
            if x.dtype.kind not in "biuf"
        ]
        if faults:
            raise ShapeError(f"load_state_dict: {'; '.join(faults)}. Nothing was loaded.")
        converted = {name: arrays[name].astype(tensor.dtype) for name, tensor in own.items()}
        with no_grad():
            for name, tensor in own.items():
                tensor[...] = converted[name]

    def extra_repr(self) -> str:
        """What the repr shows between the parentheses."""
        return ""

    def __repr__(self) -> str:
        members = list(self._members())
        own = [f"{name} {member.shape}" for name, member in members if isinstance(member, Parameter)]
        buffers = [f"{name} {member.shape}" for name, member in members if isinstance(member, Buffer)]
        own += [f"buffers {', '.join(buffers)}"] if buffers else []
        count = sum(parameter.size for parameter in self.parameters())
        lines = [f"({name}): {member!r}" for name, member in members if isinstance(member, Module)]
        inside = ", ".join(part for part in [self.extra_repr(), *own] if part)
        body = "".join(f"\n{line}" for line in lines).replace("\n", "\n  ") + "\n" if lines else ""
        total = f"  # {count:,} parameters" if count else ""
        return f"{type(self).__name__}({inside}{body}){total}"


_MEMBERS = (Parameter, Buffer, Module)  # made once: a union would be made at each look
_CONTAINERS = (list, tuple, dict)
_ACCEPTED: dict[Kind, tuple[type, ...]] = {
    Parameter: (Parameter,),
    Buffer: (Buffer, Parameter, Module),
    Module: (Module, Parameter),
}
"""What may take whose place: as PyTorch has it."""


def _kind(value: object) -> Kind | None:
    """Which kind of member something is."""
    return next((kind for kind in _ACCEPTED if isinstance(value, kind)), None)


def _check_container(path: str, held: object, value: object) -> None:
    """Refuse what loses members of a list, tuple or dict and brings others than members; fewer may be."""
    before, after = list(_leaves(path, held)), list(_leaves(path, value))
    known, kept = ({id(x) for _, x in leaves} for leaves in (before, after))
    lost = [name for name, x in before if _kind(x) and id(x) not in kept]
    new = [(name, x) for name, x in after if x is not None and not _kind(x) and id(x) not in known]
    if lost and new:
        name, x = new[0]
        raise DTypeError(
            f"{name} = {_full_name(x)}, and {lost[0]} would be lost from the module. Assign parameters or "
            "modules in lists, tuples or dicts; or None first, if that is meant."
        )


def _leaves(name: str, value: object) -> Iterator[tuple[str, object]]:
    """All that is in lists, tuples and dicts, by its path; or the thing itself."""
    if isinstance(value, list | tuple | dict):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(f"{name}.{key}", item)
    else:
        yield name, value


def _full_name(value: object) -> str:
    """The name of a class with that of its library, as several have a Tensor."""
    library = type(value).__module__.partition(".")[0]
    return type(value).__name__ if library == "builtins" else f"{library}.{type(value).__name__}"


def _each_once(named: Iterator[tuple[str, State]]) -> Iterator[tuple[str, State]]:
    seen = set()
    for name, tensor in named:
        if tensor not in seen:
            seen.add(tensor)
            yield name, tensor


def _find(name: str, value: object) -> Iterator[tuple[str, Parameter | Buffer | Module]]:
    if isinstance(value, _MEMBERS):
        yield name, value
    elif isinstance(value, _CONTAINERS):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _find(f"{name}.{key}", item)
