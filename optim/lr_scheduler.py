"""Schedules: how the learning rate changes in the course of training, under PyTorch's names.

A schedule sets "lr" in every group of its optimizer, first when it is made, then at each `step()`: once an
epoch or once a batch, as `interval` says, where `fit` steps it. A step that raises has changed nothing.

A group that is added later goes on from the rate that it has as the formula does from there, as in PyTorch.
Otherwise a formula starts from the rates at first: what else is written into "lr", also by another schedule,
lasts until its next step.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from minitensor.context import effect
from minitensor.errors import DTypeError, OptionError
from minitensor.optim.optimizer import Group, Optimizer


class Schedule:
    """What all schedules share.

    Args:
        optimizer: Whose groups to set.

    Attributes:
        interval: When `fit` takes a step: after each "epoch" or after each "batch".
    """

    interval: str = "epoch"

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise DTypeError(f"{type(self).__name__}: takes an Optimizer, not {type(optimizer).__name__}")
        self.optimizer = optimizer

    def get_last_lr(self) -> list[float]:
        """The current learning rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What to save in order to go on later: plain numbers, which JSON can hold."""
        return copy.deepcopy(
            {name: x for name, x in vars(self).items() if not isinstance(x, Optimizer | Schedule)}
        )

    @effect
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what state_dict() gave. The optimizer's own state carries the learning rates.

        Raises:
            OptionError: If it is another schedule's. Then nothing was loaded.
        """
        own = self.state_dict()
        if state_dict.keys() != own.keys():
            raise OptionError(
                f"{type(self).__name__}.load_state_dict: needs {', '.join(own)}, "
                f"not {', '.join(state_dict)}. Nothing was loaded."
            )
        vars(self).update(copy.deepcopy(dict(state_dict)))


class LRScheduler(Schedule):
    """Base class of the formulas. A subclass says in `lr_at` what the learning rate is after `step` steps.

    >>> from minitensor import Tensor, optim
    >>> class Halving(LRScheduler):
    ...     def lr_at(self, step, base):
    ...         return base * 0.5**step
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.8)
    >>> schedule = Halving(optimizer)
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.4]

    Args:
        optimizer: Whose groups to set. The learning rate that a group has is the schedule's base.

    Attributes:
        last_epoch: How many steps were taken.
        base_lrs: The learning rate that each group had at first.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        super().__init__(optimizer)
        self.last_epoch = 0
        self.base_lrs: list[float] = [
            group["initial_lr" if "initial_lr" in group else "lr"] for group in optimizer.param_groups
        ]
        self._apply(0, self.base_lrs)
        for group, base in zip(optimizer.param_groups, self.base_lrs, strict=True):
            group.setdefault("initial_lr", base)

    def lr_at(self, step: int, base: float) -> float:
        """The learning rate after `step` steps of a group that began with `base`."""
        raise NotImplementedError(f"{type(self).__name__} does not define lr_at(step, base)")

    @effect
    def step(self) -> None:
        """Go on to the next learning rate, after the optimizer's step.

        Raises:
            OptionError: If groups were taken from the optimizer.
            DTypeError: If lr_at returns no number. Then nothing was changed.
        """
        bases = self.base_lrs
        if len(self.optimizer.param_groups) != len(bases):
            bases = self._with_joined()
        self._apply(self.last_epoch + 1, bases)

    def _apply(self, step: int, bases: list[float]) -> None:
        """Set what the groups are to have after so many steps."""
        rates = [self._rate(step, base) for base in bases]
        self.last_epoch, self.base_lrs = step, bases
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    def _rate(self, step: int, base: float) -> float:
        rate = self.lr_at(step, base)
        if type(rate) is float:
            return rate
        return _number(f"{type(self).__name__}: lr_at must return a number", rate, axes=0)

    def _with_joined(self) -> list[float]:
        """The bases, with those of groups that were added."""
        known, groups = len(self.base_lrs), self.optimizer.param_groups
        if len(groups) < known:
            raise OptionError(
                f"{type(self).__name__}: {known} groups of parameters had this schedule, and the optimizer "
                f"has {len(groups)}. Make a new one."
            )
        return self.base_lrs + [self._base_of(group) for group in groups[known:]]

    def _base_of(self, group: Group) -> float:
        """The base from which a group that joins would have come to the rate that it has.

        Most formulas are a · base + b. By others, and where the base plays no part, as at the end of a
        cosine, the group goes on as if its rate were its base.
        """
        one, two, three = (self._rate(self.last_epoch, base) for base in (1.0, 2.0, 3.0))
        a, b = two - one, 2 * one - two
        is_line = a != 0 and math.isclose(three, 3 * a + b, rel_tol=1e-9)
        return (group["lr"] - b) / a if is_line else group["lr"]


class StepLR(LRScheduler):
    """Multiplies the learning rate by gamma every step_size steps.

    >>> from minitensor import Tensor, optim
    >>> schedule = StepLR(optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0), step_size=2, gamma=0.5)
    >>> [schedule.lr_at(step, 1.0) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = _count("StepLR", "step_size", step_size)
        self.gamma = gamma
        super().__init__(optimizer)

    def lr_at(self, step: int, base: float) -> float:
        return base * self.gamma ** (step // self.step_size)


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the learning rate down to eta_min in T_max steps; after them, up again.

    Source: Loshchilov & Hutter (2017), "SGDR: Stochastic Gradient Descent with Warm Restarts".
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max = _count("CosineAnnealingLR", "T_max", T_max)
        self.eta_min = eta_min
        super().__init__(optimizer)

    def lr_at(self, step: int, base: float) -> float:
        return _cosine(base, self.eta_min, step / self.T_max)


class LinearWarmup(LRScheduler):
    """A straight line from start_factor times the learning rate up to all of it, then another schedule.

    Args:
        optimizer: Whose groups to set.
        total_iters: The steps until all of the learning rate is reached.
        start_factor: The part of it to start from.
        after: A schedule of the same optimizer, which begins when the warm-up ends. Step this one alone.

    Source: Goyal et al. (2017), "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour".

    >>> from minitensor import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = LinearWarmup(optimizer, 4, start_factor=0.2, after=StepLR(optimizer, 2, gamma=0.5))
    >>> [round(schedule.lr_at(step, 1.0), 2) for step in range(8)]
    [0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 0.5, 0.5]
    """

    interval = "batch"

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        start_factor: float = 1 / 3,
        after: LRScheduler | None = None,
    ) -> None:
        self.total_iters = _count("LinearWarmup", "total_iters", total_iters)
        if not 0 < start_factor <= 1:
            raise OptionError(f"LinearWarmup: start_factor must be above 0 and at most 1, not {start_factor}")
        self.start_factor = start_factor
        if after is not None and (not isinstance(after, LRScheduler) or after.optimizer is not optimizer):
            raise DTypeError("LinearWarmup: after must be a schedule of learning rates of the same optimizer")
        if isinstance(after, OneCycleLR):
            raise DTypeError("LinearWarmup: OneCycleLR has a warm-up of its own")
        self.after = after
        super().__init__(optimizer)

    def lr_at(self, step: int, base: float) -> float:
        if step < self.total_iters:
            return base * (self.start_factor + (1 - self.start_factor) * step / self.total_iters)
        return self.after.lr_at(step - self.total_iters, base) if self.after else base


class OneCycleLR(LRScheduler):
    """One cycle: up from max_lr / div_factor to max_lr, then far down; momentum goes the other way.

    Args:
        optimizer: Whose groups to set.
        max_lr: The peak of the learning rate; a list gives one for each group.
        total_steps: The steps of the cycle; or give epochs and steps_per_epoch.
        epochs: How many epochs the cycle has.
        steps_per_epoch: How many steps an epoch has.
        pct_start: The part of the cycle in which the learning rate rises.
        anneal_strategy: The shape of its rise and fall: "cos" or "linear".
        cycle_momentum: Whether momentum (for Adam, β₁) falls and rises against it.
        base_momentum: The lowest momentum.
        max_momentum: The highest momentum.
        div_factor: What max_lr is divided by at the start.
        final_div_factor: What the start is divided by at the end.
        three_phase: Whether to return to the start, as slowly as it rose, before the rest.

    Raises:
        OptionError: If the cycle has no length, or an option has no meaning; and at a step beyond its end.

    Source: Smith & Topin (2019), "Super-Convergence: Very Fast Training of Neural Networks Using Large
    Learning Rates".
    """

    interval = "batch"

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise OptionError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
            total_steps = _count("OneCycleLR", "epochs", epochs) * _count(
                "OneCycleLR", "steps_per_epoch", steps_per_epoch
            )
        self.total_steps = _count("OneCycleLR", "total_steps", total_steps)
        if not 0 <= pct_start <= 1:
            raise OptionError(f"OneCycleLR: pct_start must be from 0 to 1, not {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise OptionError(f"OneCycleLR: anneal_strategy must be cos or linear, not {anneal_strategy!r}")
        self.anneal_strategy = anneal_strategy
        first = pct_start * total_steps - 1
        ends = [first, 2 * first] if three_phase else [first]
        self.ends = [*ends, float(total_steps - 1)]
        self.momenta = [max_momentum, base_momentum, max_momentum, *([max_momentum] * three_phase)]
        self.cycle_momentum = cycle_momentum
        groups: list[Group] = optimizer.param_groups if isinstance(optimizer, Optimizer) else []
        if cycle_momentum and not all("betas" in group or "momentum" in group for group in groups):
            raise OptionError("OneCycleLR: the optimizer has no momentum to cycle. Say cycle_momentum=False.")
        peaks = list(max_lr) if isinstance(max_lr, list | tuple) else [max_lr] * len(groups)
        if len(peaks) != len(groups):
            raise OptionError(f"OneCycleLR: {len(peaks)} max_lr for {len(groups)} groups of parameters")
        if not all(isinstance(peak, Real) for peak in peaks) or not (div_factor > 0 and final_div_factor > 0):
            raise OptionError("OneCycleLR: max_lr must be numbers, and what they are divided by above 0")
        for group, peak in zip(groups, peaks, strict=True):
            group["initial_lr"] = peak / div_factor
        start, low = 1 / div_factor, 1 / div_factor / final_div_factor
        self.parts = [start, 1.0, start, low] if three_phase else [start, 1.0, low]
        self.div_factor = div_factor
        super().__init__(optimizer)

    def lr_at(self, step: int, base: float) -> float:
        return self._between(self.parts, step) * base * self.div_factor

    def _between(self, corners: list[float], step: int) -> float:
        """Where the path through these corners is; a corner is reached at each end of a phase."""
        if step > self.total_steps:
            raise OptionError(f"OneCycleLR: the cycle has {self.total_steps} steps, and is over")
        begin = 0.0
        for i, end in enumerate(self.ends):
            if step <= end or i == len(self.ends) - 1:
                break
            begin = end
        done = (step - begin) / (end - begin) if end != begin else 1.0
        if self.anneal_strategy == "cos":
            return _cosine(corners[i], corners[i + 1], done)
        return corners[i] + (corners[i + 1] - corners[i]) * done

    def _apply(self, step: int, bases: list[float]) -> None:
        super()._apply(step, bases)
        momentum = self._between(self.momenta, step)
        for group in self.optimizer.param_groups if self.cycle_momentum else ():
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum


class ReduceLROnPlateau(Schedule):
    """Multiplies the learning rate by a factor when a metric has not improved for a while.

    Args:
        optimizer: Whose groups to set.
        mode: "min" if the metric should fall, "max" if it should rise.
        factor: What the learning rate is multiplied by, below 1.
        patience: How many steps without improvement are let pass.
        threshold: What counts as an improvement.
        threshold_mode: Whether the threshold is a part of the best value, "rel", or absolute, "abs".
        cooldown: How many steps to wait after each reduction.
        min_lr: The lowest learning rate.
        eps: The smallest reduction that is made.

    Raises:
        OptionError: If an option has no meaning.

    >>> from minitensor import Tensor, optim
    >>> schedule = ReduceLROnPlateau(optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0), patience=1)
    >>> for loss in [0.9, 0.8, 0.8, 0.8]:
    ...     schedule.step(loss)
    >>> schedule.get_last_lr()
    [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(optimizer)
        if factor >= 1:
            raise OptionError(f"ReduceLROnPlateau: factor must be below 1, not {factor}")
        if mode not in ("min", "max"):
            raise OptionError(f"ReduceLROnPlateau: mode must be min or max, not {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise OptionError(f"ReduceLROnPlateau: threshold_mode must be rel or abs, not {threshold_mode!r}")
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.eps = eps
        self.best: float | None = None
        self.num_bad_epochs = 0
        self.cooldown_counter = 0

    @effect
    def step(self, metrics: float) -> None:
        """Take the metric into account, and reduce the learning rate if it is time to."""
        metric = _number("ReduceLROnPlateau: takes one number", metrics)
        if self._improves(metric):
            self.best = metric
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group in self.optimizer.param_groups:
                reduced = max(group["lr"] * self.factor, self.min_lr)
                if group["lr"] - reduced > self.eps:
                    group["lr"] = reduced
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0

    def _improves(self, metric: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        if self.best is None:
            return sign * metric < math.inf
        relative = self.threshold_mode == "rel"
        bound = self.best * (1 - sign * self.threshold) if relative else self.best - sign * self.threshold
        return sign * metric < sign * bound


def _number(need: str, x: Any, axes: float = math.inf) -> float:
    """One number: Python's, NumPy's, a Value's, or the only element of an array or tensor with few axes."""
    shape = getattr(x, "shape", None)
    try:
        number = x.item() if hasattr(x, "item") else x
        if not isinstance(number, str | bytes) and len(shape or ()) <= axes:
            return float(number)
    except (TypeError, ValueError):
        pass
    raise DTypeError(f"{need}, not {type(x).__name__}" + (f" of shape {shape}" if shape else ""))


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2


def _count(name: str, option: str, value: int) -> int:
    if value < 1 or value != int(value):
        raise OptionError(f"{name}: {option} must be an integer of at least 1, not {value}")
    return int(value)
