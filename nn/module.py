"""Module, Parameter and Buffer: how a network holds its state, names it, and saves and loads it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minitensor.context import Onlooker, effect, no_grad
from minitensor.core.tensor import Tensor, TensorLike
from minitensor.core.watcher import here
from minitensor.devices import Device, dtype_to
from minitensor.errors import DTypeError, OptionError, ShapeError
from minitensor.nn import hooks
from minitensor.nn.hooks import Hook, RemovableHandle


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
KindOf: TypeAlias = type[State]
"""Outside of Module, where `type` is a method."""
Member = TypeVar("Member", bound="Tensor | Module")
Function: TypeAlias = Callable[..., Any]


class IncompatibleKeys(NamedTuple):
    """What load_state_dict(strict=False) passed over: what the state lacks, and what the module lacks."""

    missing_keys: list[str]
    unexpected_keys: list[str]


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
    _unsaved: frozenset[str] = frozenset()  # the buffers that are no part of the state
    _hooks: tuple[Hook, ...] = ()

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
            if name in self._unsaved:
                object.__setattr__(self, "_unsaved", self._unsaved - {name})
            changes.advance()

    # ------------------------------------------------------------------------------------- registration

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Set the attribute `name`, in which a Parameter belongs even if it is None now.

        Raises:
            DTypeError: If it is neither.
            OptionError: If there can be no attribute of that name.

        >>> layer = Module()
        >>> layer.register_parameter("bias", None)
        >>> layer.bias = Parameter([0.0])
        >>> [name for name, _ in layer.named_parameters()]
        ['bias']
        """
        self._register(name, Parameter, param)

    def register_buffer(self, name: str, tensor: TensorLike | None, persistent: bool = True) -> None:
        """Set the attribute `name`, in which a Buffer belongs even if it is None now; arrays are copied.

        Args:
            name: The attribute.
            tensor: The buffer.
            persistent: Whether it is a part of the state that is saved and loaded.

        >>> layer = Module()
        >>> layer.register_buffer("mean", np.zeros(2))
        >>> layer.register_buffer("mask", np.ones(2), persistent=False)
        >>> layer.state_dict()
        {'mean': array([0., 0.])}
        """
        self._register(name, Buffer, tensor if isinstance(tensor, Buffer | None) else Buffer(tensor))
        unsaved = self._unsaved - {name} if persistent else self._unsaved | {name}
        if unsaved != self._unsaved:
            object.__setattr__(self, "_unsaved", unsaved)

    def register_module(self, name: str, module: Module | None) -> None:
        """Set the attribute `name`, in which a Module belongs even if it is None now.

        >>> from minitensor import nn
        >>> block = Module()
        >>> block.add_module("first", nn.ReLU())
        >>> block.first
        ReLU()
        """
        self._register(name, Module, module)

    def add_module(self, name: str, module: Module | None) -> None:
        """register_module, by its other name."""
        self._register(name, Module, module)

    def _register(self, name: str, kind: Kind, value: Tensor | Module | None) -> None:
        self._check_name(name)
        self._check_place(name, kind, value)
        setattr(self, name, value)

    def _check_name(self, name: object) -> None:
        """Refuse names under which a member would not be found, or that mean something else."""
        here = type(self).__name__
        if not isinstance(name, str):
            raise DTypeError(f"{here}: names of members are strings, not {type(name).__name__}")
        if not name or "." in name:
            raise OptionError(f"{here}: {name!r} is no name of a member: it must be neither empty nor dotted")
        if hasattr(type(self), name):
            raise OptionError(f"{here}: {name!r} is an attribute that every {here} has. Choose another name.")

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
        if self._hooks:
            return hooks.call(self, args, kwargs)
        return self.forward(*args, **kwargs)

    # ------------------------------------------------------------------------------------------ members

    def _members(self) -> Iterator[tuple[str, Parameter | Buffer | Module]]:
        """The parameters, buffers and modules held directly, by name."""
        for name, value in vars(self).items():
            if name != "_hooks":  # of which one may be a module
                yield from _find(name, value)

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """This module under the name "", and every submodule under its dotted path; a shared one once."""
        found = self._paths(prefix, ())
        return _each_once(found) if remove_duplicate else found

    def _paths(self, path: str, above: tuple[Module, ...]) -> Iterator[tuple[str, Module]]:
        yield path, self
        for name, member in self._members():
            if isinstance(member, Module) and member is not self and member not in above:
                yield from member._paths(f"{path}.{name}" if path else name, (*above, self))

    def modules(self) -> Iterator[Module]:
        """This module and every submodule, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules held directly, also in lists and dicts, by name; a shared one under its first.

        >>> from minitensor import nn
        >>> list(nn.Sequential(nn.ReLU(), nn.Tanh()).named_children())
        [('0', ReLU()), ('1', Tanh())]
        """
        return _each_once((name, x) for name, x in self._members() if isinstance(x, Module))

    def children(self) -> Iterator[Module]:
        """The modules held directly, each once."""
        return (module for _, module in self.named_children())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Every parameter under its dotted path, such as "0.weight"; a shared one under its first.

        Args:
            prefix: What the paths begin with.
            recurse: Whether those of submodules are wanted too.
            remove_duplicate: Whether shared ones come once.
        """
        found = self._all(Parameter, prefix=prefix, recurse=recurse)
        return _each_once(found) if remove_duplicate else found

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Buffer]]:
        """Every buffer under its dotted path, such as "1.running_mean"; a shared one under its first."""
        found = self._all(Buffer, prefix=prefix, recurse=recurse)
        return _each_once(found) if remove_duplicate else found

    def _all(
        self, *kinds: KindOf[State], prefix: str = "", recurse: bool = True, unsaved: bool = True
    ) -> Iterator[tuple[str, State]]:
        """The members of these kinds, module by module, and in each module kind by kind."""
        for path, module in self._paths(prefix, ()) if recurse else [(prefix, self)]:
            members = list(module._members())
            for kind in kinds:
                for name, member in members:
                    if isinstance(member, kind) and (unsaved or name not in module._unsaved):
                        yield f"{path}.{name}" if path else name, member

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Every parameter, once; without `recurse`, those of submodules are left out."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def buffers(self, recurse: bool = True) -> Iterator[Buffer]:
        """Every buffer, once; without `recurse`, those of submodules are left out."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _state(self) -> Iterator[tuple[str, Tensor]]:
        return self._all(Parameter, Buffer, unsaved=False)

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path, "" for this one.

        Raises:
            OptionError: If there is none.

        >>> from minitensor import nn
        >>> nn.Sequential(nn.Sequential(nn.ReLU())).get_submodule("0.0")
        ReLU()
        """
        return self._at("submodule", target, self.named_modules(remove_duplicate=False))

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path, such as "0.weight".

        Raises:
            OptionError: If there is none.
        """
        return self._at("parameter", target, self.named_parameters(remove_duplicate=False))

    def get_buffer(self, target: str) -> Buffer:
        """The buffer at a dotted path, such as "1.running_mean".

        Raises:
            OptionError: If there is none.
        """
        return self._at("buffer", target, self.named_buffers(remove_duplicate=False))

    def _at(self, what: str, target: str, named: Iterator[tuple[str, Member]]) -> Member:
        known = dict(named)
        if target not in known:
            names = ", ".join([name for name in known if name][:8]) or "none"
            more = ", ..." if len(known) > 9 else ""
            raise OptionError(
                f"get_{what}: {type(self).__name__} has no {what} {target!r}. There are {names}{more}."
            )
        return known[target]

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if not name[:1].isdigit()]

    # -------------------------------------------------------------------------------------------- hooks

    def register_forward_pre_hook(
        self, hook: Function, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Have hook(module, args) called before `forward`; what it returns, if not None, takes args' place.

        Args:
            hook: The function.
            prepend: Whether to call it before those that are there already.
            with_kwargs: Whether it is called as hook(module, args, kwargs), and returns None or both.

        Returns:
            A handle, whose remove() takes the hook back.
        """
        return self._add_hook(Hook("before", hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Function, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Have hook(module, args, output) called after `forward`; what it returns, if not None, takes over.

        With `with_kwargs`, it is called as hook(module, args, kwargs, output).

        >>> from minitensor import nn
        >>> model, shapes = nn.MLP(4, [3, 2]), []
        >>> handle = model[0].register_forward_hook(lambda module, args, output: shapes.append(output.shape))
        >>> _ = model(np.zeros((5, 4)))
        >>> shapes
        [(5, 3)]
        """
        return self._add_hook(Hook("after", hook, with_kwargs), prepend)

    def register_full_backward_hook(self, hook: Function, prepend: bool = False) -> RemovableHandle:
        """Have hook(module, grad_input, grad_output) called when the gradients of the inputs are known.

        Both are tuples of tensors: the gradients of the positional arguments, None for what needs none, and
        of the output or outputs. What it returns, if not None, takes grad_input's place. If no argument needs
        a gradient, it is called when those of the outputs are known. It cannot write into either.

        Unlike PyTorch: an output that was not used has gradient 0, not None.

        >>> from minitensor import nn
        >>> layer = nn.ReLU()
        >>> handle = layer.register_full_backward_hook(lambda module, grad_input, grad_output: (
        ...     grad_input[0] * 10,))
        >>> x = Tensor([1.0, -1.0], requires_grad=True)
        >>> layer(x).sum().backward()
        >>> x.grad
        array([10.,  0.], dtype=float32)
        """
        return self._add_hook(Hook("after backward", hook), prepend)

    def register_full_backward_pre_hook(self, hook: Function, prepend: bool = False) -> RemovableHandle:
        """Have hook(module, grad_output) called when the gradients of the outputs are known.

        What it returns, if not None, takes grad_output's place.
        """
        return self._add_hook(Hook("before backward", hook), prepend)

    def _add_hook(self, hook: Hook, prepend: bool) -> RemovableHandle:
        if not callable(hook.function):
            kind = type(hook.function).__name__
            raise DTypeError(f"{type(self).__name__}: a hook is a function, not {kind}")
        self._set_hooks((hook, *self._hooks) if prepend else (*self._hooks, hook))
        return RemovableHandle(self, hook)

    def _set_hooks(self, hooks: tuple[Hook, ...]) -> None:
        """Always others: copies of the module have the old ones. None leaves nothing behind."""
        if hooks:
            object.__setattr__(self, "_hooks", hooks)
        elif self._hooks:
            object.__delattr__(self, "_hooks")
        changes.advance()

    # --------------------------------------------------------------------------------- to every member

    def apply(self, function: Callable[[Module], object]) -> Self:
        """Call function(module) for every submodule, and last for this module.

        >>> from minitensor import nn
        >>> _ = nn.Sequential(nn.ReLU(), nn.Tanh()).apply(lambda module: print(type(module).__name__))
        ReLU
        Tanh
        Sequential
        """
        if not callable(function):
            raise DTypeError(f"{type(self).__name__}.apply: takes a function, not {type(function).__name__}")
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Train every parameter, or none: then backward computes no gradients for them.

        >>> from minitensor import nn
        >>> layer = nn.Linear(2, 1).requires_grad_(False)
        >>> [parameter.requires_grad for parameter in layer.parameters()]
        [False, False]
        """
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    @property
    def requires_grad(self) -> bool:
        """A module has none; its parameters do. Set, it raises OptionError with the cure."""
        raise AttributeError(f"{type(self).__name__} has no requires_grad: its parameters do")

    @requires_grad.setter
    def requires_grad(self, value: object) -> None:
        raise OptionError(
            f"{type(self).__name__}.requires_grad = {bool(value)} would change no parameter. "
            f"Write module.requires_grad_({bool(value)})."
        )

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert the floating-point parameters and buffers, and their gradients, in place.

        Args:
            args: A dtype, the device "cpu", or a tensor whose dtype to take.
            kwargs: The same as dtype=, device= and tensor=.

        Raises:
            OptionError: If another device is named.
            DTypeError: If the dtype is not floating-point.

        >>> from minitensor import nn
        >>> nn.Linear(2, 1).to("cpu", np.float64).weight.dtype
        dtype('float64')
        """
        dtype = dtype_to(*args, **kwargs)
        if dtype is None:
            return self
        if dtype.kind != "f":
            raise DTypeError(f"{type(self).__name__}.to: parameters must be floating-point, not {dtype}")
        for tensor in {id(x): x for _, x in self._all(Parameter, Buffer)}.values():
            if tensor.dtype.kind == "f" and tensor.dtype != dtype:
                gradient, tensor.grad = tensor.grad, None
                tensor.data = tensor.data.astype(dtype)
                tensor.grad = None if gradient is None else gradient.astype(dtype)
        return self

    def type(self, dst_type: DTypeLike) -> Self:
        """to(dst_type)."""
        return self.to(dst_type)

    def double(self) -> Self:
        """to(np.float64).

        >>> from minitensor import nn
        >>> nn.Linear(2, 1).double().weight.dtype
        dtype('float64')
        """
        return self.to(np.float64)

    def float(self) -> Self:
        """to(np.float32)."""
        return self.to(np.float32)

    def half(self) -> Self:
        """to(np.float16), which NumPy computes with, but slowly."""
        return self.to(np.float16)

    def cpu(self) -> Self:
        """The module itself, which is there."""
        return self

    def cuda(self, device: object = None) -> Self:
        """Raises OptionError: there is no other device than the CPU."""
        Device("cuda" if device is None else device if isinstance(device, str) else f"cuda:{device}")
        return self

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
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set every parameter's gradient to None; without `set_to_none`, to zeros where there is one."""
        for parameter in self.parameters():
            kept = None if set_to_none or parameter._grad is None else np.zeros_like(parameter._data)
            parameter._grad = kept

    # -------------------------------------------------------------------------------------------- state

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """A copy of every parameter's and buffer's array, under the names that PyTorch gives them.

        >>> from minitensor import nn
        >>> {name: array.shape for name, array in nn.Linear(3, 2).state_dict().items()}
        {'weight': (2, 3), 'bias': (2,)}
        """
        return {name: tensor.data.copy() for name, tensor in self._state()}

    def load_state_dict(self, state: Mapping[str, ArrayLike], strict: bool = True) -> IncompatibleKeys:
        """Copy arrays (or CPU torch tensors) into the parameters and buffers, converted to their dtypes.

        Args:
            state: The arrays by name.
            strict: Whether the names must be the module's; if not, others are passed over.

        Returns:
            The missing_keys and unexpected_keys that were passed over.

        Raises:
            ShapeError: Naming every missing, unexpected and misshapen key. Then nothing was loaded.

        >>> from minitensor import nn
        >>> nn.Linear(2, 1).load_state_dict({"weight": np.ones((1, 2)), "old": np.zeros(1)}, strict=False)
        IncompatibleKeys(missing_keys=['bias'], unexpected_keys=['old'])
        """
        if not isinstance(state, Mapping):
            raise DTypeError(f"load_state_dict: takes a dict of arrays by name, not {type(state).__name__}")
        own = dict(self._state())
        report = IncompatibleKeys([x for x in own if x not in state], [x for x in state if x not in own])
        arrays = {name: np.asarray(value) for name, value in state.items() if strict or name in own}
        faults = [f"missing {name}" for name in report.missing_keys if strict]
        faults += [f"unexpected {name}" for name in report.unexpected_keys if strict]
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
        converted = {name: array.astype(own[name].dtype) for name, array in arrays.items()}
        with no_grad():
            for name, array in converted.items():
                own[name][...] = array
        return report

    def _call_with(self, state: Mapping[str, Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the module with other tensors in its state, as func.functional_call does."""
        own = dict(self._all(Parameter, Buffer))
        if strange := [name for name in state if name not in own]:
            raise OptionError(
                f"functional_call: {type(self).__name__} has no parameter or buffer {', '.join(strange)}"
            )
        others: dict[int, Tensor] = {}
        for name, tensor in state.items():
            if others.setdefault(id(own[name]), tensor) is not tensor:
                raise OptionError(f"functional_call: {name} is shared with one that is given another tensor")
        found = [
            (vars(module), name, value, _in_place_of(value, others))
            for module in self.modules()
            for name, value in vars(module).items()
        ]
        try:
            for attributes, name, value, other in found:
                if other is not value:
                    attributes[name] = other
            return self(*args, **kwargs)
        finally:
            for attributes, name, value, other in found:
                if other is not value:
                    attributes[name] = value

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


def described(module: Module, **options: object) -> str:
    """Options for a repr; and of PyTorch's `inplace`, that nothing is."""
    parts = [f"{name}={value}" for name, value in options.items()]
    return ", ".join([*parts, *["inplace=True (accepted, not done)"] * getattr(module, "inplace", False)])


def of_parameters(layer: str, dtype: DTypeLike | None, device: object) -> np.dtype[Any]:
    """The dtype that the parameters of a layer are to have, float32 by default, on the only device there is.

    Raises:
        DTypeError: If it is not floating-point.
        OptionError: If another device is named.
    """
    if device is not None:
        Device(device)
    found = np.dtype(np.float32 if dtype is None else dtype)
    if found.kind != "f":
        raise DTypeError(f"{layer}: parameters must be floating-point, not {found}")
    return found


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


def _each_once(named: Iterator[tuple[str, Member]]) -> Iterator[tuple[str, Member]]:
    seen = set()
    for name, member in named:
        if member not in seen:
            seen.add(member)
            yield name, member


def _in_place_of(value: Any, others: Mapping[int, Tensor]) -> Any:
    """The other one for a tensor; of a list, tuple or dict with such, a new one."""
    if not isinstance(value, _CONTAINERS):
        return others.get(id(value), value)
    entries = list(value.values() if isinstance(value, dict) else value)
    changed = [_in_place_of(entry, others) for entry in entries]
    if all([one is two for one, two in zip(entries, changed, strict=True)]):
        return value
    return dict(zip(value, changed, strict=True)) if isinstance(value, dict) else type(value)(changed)


def _find(name: str, value: object) -> Iterator[tuple[str, Parameter | Buffer | Module]]:
    if isinstance(value, _MEMBERS):
        yield name, value
    elif isinstance(value, _CONTAINERS):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _find(f"{name}.{key}", item)
