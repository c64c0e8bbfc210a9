"""Optimizer: what every optimizer shares. It updates those of its parameters that have a gradient."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from minitensor import memory
from minitensor.arrays.copying import Ordered, writable
from minitensor.context import effect, recording, reveal
from minitensor.core.tensor import Tensor
from minitensor.core.value import Value
from minitensor.core.watcher import here
from minitensor.errors import DTypeError, GraphError, OptionError, ShapeError
from minitensor.optim.blas import factor
from minitensor.optim.options import NOT_NEGATIVE, Elsewhere, in_numbers, listed, without_elsewhere
from minitensor.optim.values import ValueVector

R = TypeVar("R")

Params: TypeAlias = (
    Iterable[Tensor] | Iterable[Value] | Iterable[tuple[str, Tensor | Value]] | Iterable[Mapping[str, Any]]
)
"""What an optimizer is to update: tensors, or Values, or pairs of a name and one, or groups of these."""
Group: TypeAlias = dict[str, Any]
"""Parameters under "params", and the options by which they are updated, such as "lr"."""

Update: TypeAlias = tuple[Tensor, NDArray[Any], dict[str, Any], Group]
"""A parameter, its gradient, what is remembered of it, and its group."""

_FLUSH_EVERY = 64  # steps


class Optimizer:
    """Base class. A subclass says in `update` what one parameter's step is.

    >>> class SignDescent(Optimizer):
    ...     def __init__(self, params, lr=0.1):
    ...         super().__init__(params, lr=lr)
    ...     def update(self, parameter, gradient, state, group):
    ...         parameter.data -= group["lr"] * np.sign(gradient)
    >>> w = Tensor([1.0, -1.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> SignDescent([w]).step()
    >>> w
    Tensor([ 0.9, -0.9], requires_grad=True)

    Args:
        params: The tensors to update, which are leaves that require grad, or what named_parameters() gives;
            or dicts, each with tensors under "params" and with options that differ for them, such as
            {"params": [bias], "weight_decay": 0}. Or Values, which are updated together, as one vector.
        defaults: The options of a group that does not name its own, as a dict.
        options: The same, by name.

    Attributes:
        elementwise: Whether `update` treats each element by itself, so that compile may give it several
            parameters, or a part of one, as one vector. A subclass says so.
        moments: What it remembers in arrays like the parameter, such as a velocity, by name: loaded ones are
            checked, and converted to the parameter's dtype. A subclass says so.
        counters: What it remembers as an integer, by name.
        numbers: What it remembers as another number of Python's, by name.
        param_groups: The groups. Their options may be changed at any time; schedules change "lr".
        state: What each updated parameter remembers between steps, such as its velocity: whatever can be
            copied, under any name. What they share may stand in a dict under a name in a parameter's place.

    Raises:
        ValueError: If there are no parameters, one is given twice, or an option has no meaning.
        DTypeError: If the parameters are none, or have no order.
        GraphError: If a parameter is not a leaf, or none requires grad.
    """

    elementwise: ClassVar[bool] = False
    moments: ClassVar[tuple[str, ...]] = ()
    counters: ClassVar[tuple[str, ...]] = ()
    numbers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, params: Params, defaults: Mapping[str, Any] | None = None, /, **options: Any) -> None:
        self.defaults = in_numbers(self._name, {**(defaults or {}), **options})
        self.param_groups: list[Group] = []
        self._state: dict[Tensor | str, dict[str, Any]] = {}
        self._scratch: dict[Tensor, NDArray[Any]] = {}
        self._steps = 0
        given = listed(self._name, params)
        self._check(self.defaults)  # before the parameters: a typing error is the likelier mistake
        if not given:
            raise self._nothing_in(params)
        for group in given if isinstance(given[0], Mapping) else [{"params": given}]:
            self.add_param_group(group)
        if not any(parameter.requires_grad for parameter in self._parameters()):
            raise GraphError(f"{self._name}: no parameter requires grad, so none can be updated")

    def __init_subclass__(cls) -> None:
        for name in {"step", "zero_grad", "load_state_dict"} & vars(cls).keys():
            setattr(cls, name, effect(vars(cls)[name]))

    @property
    def state(self) -> dict[Tensor | str, dict[str, Any]]:
        """What each updated parameter remembers between steps."""
        reveal("the state of an optimizer")
        return self._state

    @state.setter
    def state(self, state: dict[Tensor | str, dict[str, Any]]) -> None:
        reveal("the state of an optimizer")
        self._state = state

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _parameters(self) -> list[Any]:
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def _nothing_in(self, params: Any) -> ValueError:
        spent = " anew: a generator gives them once" if isinstance(params, Iterator) else ""
        return ValueError(f"{self._name}: no parameters. Pass model.parameters(){spent}.")

    def _ignore(self, elsewhere: Elsewhere) -> None:
        """Leave out what only PyTorch has; a subclass that takes it says so in `__init__`."""
        without_elsewhere(self._name, elsewhere, self.defaults)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters, with their own options or the defaults."""
        if not isinstance(group, Mapping) or "params" not in group:
            raise DTypeError(
                f"{self._name}: groups are dicts with the parameters under 'params', not {_what(group)}"
            )
        params = group["params"]
        added: list[Any] = [params] if isinstance(params, Tensor | Value) else listed(self._name, params)
        options = {name: value for name, value in group.items() if name != "params"}
        options = without_elsewhere(self._name, options, [*self.defaults, "initial_lr", "param_names"])
        options = in_numbers(self._name, options)
        self._check(self.defaults | options)
        if not added:
            raise self._nothing_in(params)
        names = [x[0] for x in added if isinstance(x, tuple) and len(x) == 2 and isinstance(x[0], str)]
        if len(names) == len(added):
            options["param_names"], added = names, [parameter for _, parameter in added]
        kinds = {"param_names" in known for known in [*self.param_groups, options]}
        if 0 < len(names) < len(added) or len(kinds) > 1:
            raise OptionError(f"{self._name}: some parameters have names. Name all of them, or none.")
        self._check_parameters(added)
        if isinstance(added[0], Value):
            added = [ValueVector(added)]
        self.param_groups.append({"params": added, **self.defaults, **options})

    def _check_parameters(self, added: list[Any]) -> None:
        known = next((x for x in added if isinstance(x, Value | Tensor)), None)
        kind = Value if isinstance(known, Value) else Tensor
        for i, parameter in enumerate(added):
            if not isinstance(parameter, kind):
                mixed = kind is Value and isinstance(parameter, Tensor)
                what = "all Tensors or all Values" if mixed else f"{kind.__name__}s"
                hint = " To change a number, write w.data = x." if kind is Value and not mixed else ""
                raise DTypeError(
                    f"{self._name}: parameters must be {what}, not {type(parameter).__name__}, "
                    f"which stands at place {i}.{hint}"
                )
            if not parameter.is_leaf:
                raise GraphError(
                    f"{self._name}: parameters must be leaves, "
                    f"and one of shape {np.shape(parameter.data)} is made by {parameter.made_by}"
                )
        together = [*added]
        for known in self._parameters():
            together += known.values if isinstance(known, ValueVector) else [known]
        if len(set(together)) < len(together):
            raise ValueError(f"{self._name}: a parameter is given twice")

    def _check(self, options: Mapping[str, Any]) -> None:
        """Refuse options without a meaning. A subclass adds its own."""
        for name in NOT_NEGATIVE:
            if not options.get(name, 0) >= 0:
                raise OptionError(f"{self._name}: {name} must not be negative, and is {options[name]}")
        for name, betas in [("alpha", (options.get("alpha", 0),)), ("betas", options.get("betas", ()))]:
            if not all(0 <= beta < 1 for beta in betas):
                raise OptionError(
                    f"{self._name}: {name} must be at least 0 and below 1, and is {options[name]}"
                )

    @effect
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set every parameter's gradient to None; or, where there is one, to zeros."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if set_to_none or parameter._grad is None or isinstance(parameter, ValueVector):
                    parameter._grad = None
                else:
                    parameter._grad = memory.zeros_like(parameter.data)

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], R]) -> R: ...
    def step(self, closure: Callable[[], R] | None = None) -> R | None:
        """Update every parameter that has a gradient; warns if none has one.

        >>> from minitensor import optim
        >>> w = Tensor([1.0], requires_grad=True)
        >>> optimizer = optim.SGD([w], lr=0.1)
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (w * w).sum()
        ...     loss.backward()
        ...     return loss
        >>> optimizer.step(closure)
        Tensor(1., made_by=sum)

        Args:
            closure: Computes the loss and its gradients first. Its result is what step returns.
        """
        result = None
        if closure is not None:
            if not callable(closure):
                raise DTypeError(
                    f"{self._name}.step: takes a function that computes the loss and its gradients, "
                    f"not a {type(closure).__name__}. Call loss.backward() before."
                )
            with recording(True):
                result = closure()
        self._update_all()
        return result

    @effect
    def _update_all(self) -> None:
        updates: list[Update] = []
        watcher = here.state.watcher
        for group in self.param_groups:
            for parameter in group["params"]:
                gradient = parameter._grad
                if gradient is None:
                    continue
                if isinstance(gradient, Tensor):
                    gradient = gradient.data
                if watcher is not None:
                    watcher.writes(parameter)
                state = self._state.get(parameter)
                if state is None:
                    state = self._state[parameter] = {}
                updates.append((parameter, gradient, state, group))
        self.take(updates)
        if not updates:
            warnings.warn(
                f"{self._name}.step(): no parameter has a gradient, so nothing was updated. "
                "Call loss.backward() first, on a loss computed from these parameters.",
                stacklevel=4,
            )

    def take(self, updates: Sequence[Update]) -> None:
        """Take one step that is made of these updates, each of which is what `update` is given.

        `step` takes one of all parameters that have a gradient. Whoever has put several of them, or a part of
        one, into a vector, takes it of that, if the optimizer is elementwise.
        """
        for parameter, gradient, state, group in updates:
            self.update(parameter, gradient, state, group)
        self._steps += 1
        if self._steps % _FLUSH_EVERY == 0:
            self._flush()

    def _flush(self) -> None:
        """Set what is too small for a normal floating-point number to 0 in all moments.

        The velocity of a weight whose gradient stays 0, such as that of a unit which no input activates,
        shrinks to such numbers and stays there, and arithmetic on them is many times slower.
        """
        for parameter in self._parameters() if self.moments else ():
            for x in map(self._state.get(parameter, {}).get, self.moments):
                if isinstance(x, np.ndarray):
                    x *= np.abs(x) >= np.finfo(x.dtype).tiny

    def update(self, parameter: Tensor, gradient: NDArray[Any], state: dict[str, Any], group: Group) -> None:
        """Write one step into `parameter.data`.

        Args:
            parameter: The parameter.
            gradient: Its gradient, which must not be changed.
            state: What this parameter remembers between steps; empty at the first.
            group: The options.
        """
        raise NotImplementedError(f"{self._name} does not define update(parameter, gradient, state, group)")

    def _penalized(self, parameter: Tensor, gradient: NDArray[Any], group: Group) -> NDArray[Any]:
        """The gradient of the L2-penalized loss; under "maximize", of minus the objective.

        A decoupled weight decay is no penalty: it shrinks the parameter itself, at once.
        """
        if group["maximize"]:
            gradient = -gradient
        decay = group["weight_decay"]
        if decay and group.get("decoupled_weight_decay"):
            parameter.data *= factor(1 - group["lr"] * decay, parameter.dtype)
        elif decay:
            gradient = gradient + factor(decay, gradient.dtype) * parameter.data
        return gradient

    def _scratch_of(self, parameter: Tensor) -> NDArray[Any]:
        """Memory of a parameter's size for what lives within one update: fresh pages would cost more."""
        scratch = self._scratch.get(parameter)
        if scratch is None:
            scratch = self._scratch[parameter] = memory.empty_like(parameter.data)
        return scratch

    def state_dict(self) -> dict[str, Any]:
        """What to save in order to go on later, laid out as PyTorch does: parameters by their position.

        >>> w = Tensor([1.0], requires_grad=True)
        >>> from minitensor import optim
        >>> optimizer = optim.Adam([w])
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> sorted(optimizer.state_dict()["state"][0])
        ['exp_avg', 'exp_avg_sq', 'step']
        """
        position: dict[Any, int] = {parameter: i for i, parameter in enumerate(self._parameters())}
        return {
            "state": {
                position.get(key, key): copy.deepcopy(state)
                for key, state in self.state.items()
                if (key in position and state) or isinstance(key, str)
            },
            "param_groups": [
                copy.deepcopy({name: x for name, x in group.items() if name != "params"})
                | {"params": [position[parameter] for parameter in group["params"]]}
                for group in self.param_groups
            ],
            "steps": self._steps,
        }

    @effect
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a copy of what state_dict() gave, also PyTorch's, for parameters in the same order.

        Raises:
            OptionError: If the groups or their options do not match, or it is no optimizer's state.
            ShapeError: If one of the `moments` does not have its parameter's shape.
            DTypeError: If one of them holds no numbers. Then, as after the other errors, nothing was loaded.
        """
        try:
            states, groups, steps = self._read(state_dict)
        except (OptionError, ShapeError, DTypeError) as error:
            raise type(error)(f"{self._name}.load_state_dict: {error}. Nothing was loaded.") from error
        for group, saved in zip(self.param_groups, groups, strict=True):
            known = group.keys() | {"initial_lr", "param_names"}
            group.update({name: saved[name] for name in saved if name in known and name != "params"})
        self._state = states
        self._steps = steps

    def _read(
        self, state_dict: Mapping[str, Any]
    ) -> tuple[dict[Tensor | str, dict[str, Any]], list[Group], int]:
        """The states, the groups and the number of steps in what state_dict() gave, copied."""
        try:
            groups = copy.deepcopy([dict(group) for group in state_dict["param_groups"]])
            given = [len(group["params"]) for group in groups]
            saved, steps = copy.deepcopy(dict(state_dict["state"])), int(state_dict.get("steps", 0))
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise OptionError("takes what state_dict() returns, with state and param_groups") from error
        sizes = [len(group["params"]) for group in self.param_groups]
        if given != sizes:
            raise OptionError(f"groups of {given} parameters for groups of {sizes}")
        needed = {name for name, x in self.defaults.items() if not isinstance(x, bool)}  # switches came later
        missing = {name for group in groups for name in needed - group.keys()}
        if missing:
            raise OptionError(f"is another optimizer's: has no {', '.join(sorted(missing))}")
        parameters = self._parameters()
        states: dict[Tensor | str, dict[str, Any]] = {}
        for key, state in saved.items():
            if not str(key).isdecimal():  # else a position, of which JSON makes a string
                states[key] = state
                continue
            if int(key) >= len(parameters) or not isinstance(state, Mapping):
                raise OptionError(f"has a {type(state).__name__} for parameter {key} of {len(parameters)}")
            parameter = parameters[int(key)]
            states[parameter] = {name: self._restored(name, x, parameter) for name, x in state.items()}
        return states, groups, steps

    def _restored(self, name: str, value: Any, parameter: Tensor) -> Any:
        """What was remembered under a name, as `update` expects it."""
        if value is None or name not in (*self.moments, *self.counters, *self.numbers):
            return value
        try:
            array, shape = np.asarray(value), parameter.shape if name in self.moments else ()
        except (TypeError, ValueError, RuntimeError) as error:
            raise DTypeError(f"{name} cannot be made an array: {error}") from error
        if array.dtype.kind not in "biuf":
            raise DTypeError(f"{name} is a {type(value).__name__}, not real numbers")
        if array.shape != shape:
            raise ShapeError(f"{name} has shape {array.shape} for a parameter of shape {parameter.shape}")
        if name in self.counters:
            if not float(array).is_integer():
                raise DTypeError(f"{name} is no integer")
            return int(array)
        if name in self.numbers:
            return float(array)
        restored = memory.empty_like(parameter.data)  # in the parameter's order of memory
        restored[...] = array
        return restored

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy: without the memory that a step makes anew, much more than the state."""
        states = {
            key: {name: Ordered(x) if _is_permuted(x) else x for name, x in state.items()}
            for key, state in self._state.items()
        }
        return vars(self) | {"_state": states, "_scratch": {}}

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        vars(self).update(attributes)
        for state in self._state.values():
            state.update({name: writable(x) for name, x in state.items() if isinstance(x, np.ndarray)})

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __repr__(self) -> str:
        lines = []
        for group in self.param_groups:
            options = ", ".join(f"{name}={value!r}" for name, value in group.items() if "param" not in name)
            count = sum([len(p.values) if isinstance(p, ValueVector) else 1 for p in group["params"]])
            lines.append(f"{self._name}({count} parameters, {options})")
        return "\n".join(lines)


def _is_permuted(x: object) -> bool:
    return isinstance(x, np.ndarray) and not x.flags.forc


def _what(group: Any) -> str:
    return "a dict without it" if isinstance(group, Mapping) else type(group).__name__
