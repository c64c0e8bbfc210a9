"""Optimizer: what every optimizer shares. It updates those of its parameters that have a gradient."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from minitensor import memory
from minitensor.context import effect
from minitensor.core.tensor import Tensor
from minitensor.core.value import Value
from minitensor.core.watcher import here
from minitensor.errors import DTypeError, GraphError, OptionError, ShapeError
from minitensor.optim.blas import factor
from minitensor.optim.values import ValueVector

Params: TypeAlias = Iterable[Tensor] | Iterable[Value] | Iterable[Mapping[str, Any]]
"""What an optimizer is to update: tensors, or Values, or groups of either."""
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
        params: The tensors to update, which are leaves that require grad; or dicts, each with tensors under
            "params" and with options that differ for them, such as {"params": [bias], "weight_decay": 0}.
            Or Values, all of which then are updated together, as one vector.
        defaults: The options of a group that does not name its own.

    Attributes:
        elementwise: Whether `update` treats each element by itself, so that compile may give it several
            parameters, or a part of one, as one vector. A subclass says so.
        param_groups: The groups. Their options may be changed at any time; schedules change "lr".
        state: What each updated parameter remembers between steps, such as its velocity.

    Raises:
        ValueError: If there are no parameters, one is given twice, or an option has no meaning.
        GraphError: If a parameter is not a leaf, or none requires grad.
    """

    elementwise: ClassVar[bool] = False

    def __init__(self, params: Params, **defaults: Any) -> None:
        self.defaults = defaults
        self.param_groups: list[Group] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        self._scratch: dict[Tensor, NDArray[Any]] = {}
        self._steps = 0
        if callable(params) or isinstance(params, Tensor | Value):
            cure = "a list of it" if not callable(params) else "what it returns"
            cure = "model.parameters()" if hasattr(params, "parameters") else cure
            raise DTypeError(f"{self._name}: takes parameters, not a {type(params).__name__}. Pass {cure}.")
        given: list[Any] = list(params)
        self._check(defaults)  # before the parameters: a typing error is the likelier mistake
        if not given:
            raise ValueError(f"{self._name}: no parameters. Pass model.parameters().")
        for group in given if isinstance(given[0], Mapping) else [{"params": given}]:
            self.add_param_group(group)
        if not any(parameter.requires_grad for parameter in self._parameters()):
            raise GraphError(f"{self._name}: no parameter requires grad, so none can be updated")

    def __init_subclass__(cls) -> None:
        for name in {"step", "zero_grad"} & vars(cls).keys():
            setattr(cls, name, effect(vars(cls)[name]))

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _parameters(self) -> list[Any]:
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters, with their own options or the defaults."""
        if not isinstance(group, Mapping) or "params" not in group:
            raise DTypeError(
                f"{self._name}: groups are dicts with the parameters under 'params', not {_what(group)}"
            )
        params = group["params"]
        added: list[Any] = [params] if isinstance(params, Tensor | Value) else list(params)
        options = {name: value for name, value in group.items() if name != "params"}
        unknown = options.keys() - self.defaults.keys() - {"initial_lr"}
        if unknown:
            raise OptionError(
                f"{self._name}: no option {', '.join(sorted(unknown))}. It has {', '.join(self.defaults)}."
            )
        self._check(self.defaults | options)
        if not added:
            raise ValueError(f"{self._name}: no parameters. Pass model.parameters().")
        kind = Value if isinstance(added[0], Value) else Tensor
        for parameter in added:
            if not isinstance(parameter, kind):
                what = "all Tensors or all Values" if kind is Value else "Tensors"
                raise DTypeError(f"{self._name}: parameters must be {what}, not {type(parameter).__name__}")
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
        if kind is Value:
            added = [ValueVector(added)]
        self.param_groups.append({"params": added, **self.defaults, **options})

    def _check(self, options: Mapping[str, Any]) -> None:
        """Refuse options without a meaning. A subclass adds its own."""
        for name in ("lr", "momentum", "weight_decay", "eps", "lr_decay", "initial_accumulator_value"):
            if not options.get(name, 0) >= 0:
                raise OptionError(f"{self._name}: {name} must not be negative, and is {options[name]}")
        for name, betas in [("alpha", (options.get("alpha", 0),)), ("betas", options.get("betas", ()))]:
            if not all(0 <= beta < 1 for beta in betas):
                raise OptionError(
                    f"{self._name}: {name} must be at least 0 and below 1, and is {options[name]}"
                )

    @effect
    def zero_grad(self) -> None:
        """Set every parameter's gradient to None."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter._grad = None

    @effect
    def step(self) -> None:
        """Update every parameter that has a gradient; warns if none has one."""
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
                state = self.state.get(parameter)
                if state is None:
                    state = self.state[parameter] = {}
                updates.append((parameter, gradient, state, group))
        self.take(updates)
        if not updates:
            warnings.warn(
                f"{self._name}.step(): no parameter has a gradient, so nothing was updated. "
                "Call loss.backward() first, on a loss computed from these parameters.",
                stacklevel=3,
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
        """Set what is too small for a normal floating-point number to 0 in all that is remembered.

        The velocity of a weight whose gradient stays 0, such as that of a unit which no input activates,
        shrinks to such numbers and stays there, and arithmetic on them is many times slower.
        """
        for state in self.state.values():
            for x in state.values():
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
        """The gradient of the L2-penalized loss; under "maximize", of minus the objective."""
        if group["maximize"]:
            gradient = -gradient
        if group["weight_decay"]:
            gradient = gradient + factor(group["weight_decay"], gradient.dtype) * parameter.data
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
        position = {parameter: i for i, parameter in enumerate(self._parameters())}
        return {
            "state": {
                position[parameter]: {name: _copy(value) for name, value in state.items()}
                for parameter, state in self.state.items()
                if state
            },
            "param_groups": [
                {**group, "params": [position[parameter] for parameter in group["params"]]}
                for group in self.param_groups
            ],
            "steps": self._steps,
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what state_dict() gave, also PyTorch's, for parameters in the same order.

        Raises:
            OptionError: If the groups or their options do not match. Then nothing was loaded.
            ShapeError: If an array does not have its parameter's shape. Then nothing was loaded.
        """
        parameters = self._parameters()
        sizes = [len(group["params"]) for group in self.param_groups]
        given = [len(group["params"]) for group in state_dict["param_groups"]]
        if given != sizes:
            raise OptionError(
                f"{self._name}.load_state_dict: groups of {given} parameters for groups of {sizes}. "
                "Nothing was loaded."
            )
        missing = {
            name for saved in state_dict["param_groups"] for name in self.defaults.keys() - saved.keys()
        }
        if missing:
            raise OptionError(
                f"{self._name}.load_state_dict: is another optimizer's: has no {', '.join(sorted(missing))}. "
                "Nothing was loaded."
            )
        states = {}
        for i, saved in state_dict["state"].items():
            parameter = parameters[int(i)]
            states[parameter] = {name: self._restored(name, x, parameter) for name, x in saved.items()}
        for group, saved in zip(self.param_groups, state_dict["param_groups"], strict=True):
            known = group.keys() | {"initial_lr"}
            group.update({name: saved[name] for name in saved if name in known and name != "params"})
        self.state = states
        self._steps = int(state_dict.get("steps", 0))

    def _restored(self, name: str, value: Any, parameter: Tensor) -> Any:
        if value is None or (np.ndim(value) == 0 and name == "step"):
            return value if value is None else int(value)
        array = np.asarray(value)
        if array.shape != parameter.shape:
            raise ShapeError(
                f"{self._name}.load_state_dict: {name} has shape {array.shape} for a parameter of shape "
                f"{parameter.shape}. Nothing was loaded."
            )
        restored = memory.empty_like(parameter.data)  # in the parameter's order of memory
        restored[...] = array
        return restored

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy: without the memory that a step makes anew, much more than the state."""
        return vars(self) | {"_scratch": {}}

    def __repr__(self) -> str:
        lines = []
        for group in self.param_groups:
            options = ", ".join(f"{name}={value!r}" for name, value in group.items() if name != "params")
            count = sum([len(p.values) if isinstance(p, ValueVector) else 1 for p in group["params"]])
            lines.append(f"{self._name}({count} parameters, {options})")
        return "\n".join(lines)


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _what(group: Any) -> str:
    return "a dict without it" if isinstance(group, Mapping) else type(group).__name__
