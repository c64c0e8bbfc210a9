"""Schedules that are a formula of the number of steps, under PyTorch's names."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import ClassVar, TypeAlias

from minitensor.context import effect
from minitensor.errors import DTypeError, OptionError
from minitensor.optim.optimizer import Optimizer
from minitensor.optim.options import count, number, real
from minitensor.optim.schedule import LRScheduler, checked, each, of_group

Factor: TypeAlias = Callable[[int], float]


class StepLR(LRScheduler):
    """Multiplies the learning rate by gamma every step_size steps.

    >>> from minitensor import Tensor, optim
    >>> schedule = StepLR(optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0), step_size=2, gamma=0.5)
    >>> [schedule.lr_at(step, 1.0) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    chainable: ClassVar[bool] = True

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = count("StepLR", "step_size", step_size)
        self.gamma = real("StepLR", "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, step: int, base: float) -> float:
        return base * self.gamma ** (step // self.step_size)


class MultiStepLR(LRScheduler):
    """Multiplies the learning rate by gamma after each of these numbers of steps, in whatever order they are.

    >>> from minitensor import Tensor, optim
    >>> schedule = MultiStepLR(optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0), [1, 3], gamma=0.5)
    >>> [schedule.lr_at(step, 1.0) for step in range(5)]
    [1.0, 0.5, 0.5, 0.25, 0.25]
    """

    chainable: ClassVar[bool] = True

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        if not isinstance(milestones, Iterable) or isinstance(milestones, str):
            raise DTypeError(f"MultiStepLR: milestones must be a list, not {type(milestones).__name__}")
        self.milestones = sorted([count("MultiStepLR", "a milestone", m, least=0) for m in milestones])
        self.gamma = real("MultiStepLR", "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, step: int, base: float) -> float:
        return base * self.gamma ** bisect_right(self.milestones, step)


class ExponentialLR(LRScheduler):
    """Multiplies the learning rate by gamma at every step.

    >>> from minitensor import Tensor, optim
    >>> schedule = ExponentialLR(optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0), gamma=0.5)
    >>> [schedule.lr_at(step, 1.0) for step in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """

    chainable: ClassVar[bool] = True

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = real("ExponentialLR", "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, step: int, base: float) -> float:
        return base * self.gamma**step


class ConstantLR(LRScheduler):
    """A part of the learning rate for total_iters steps, then all of it.

    >>> from minitensor import Tensor, optim
    >>> schedule = ConstantLR(optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0), 0.5, total_iters=2)
    >>> [schedule.lr_at(step, 1.0) for step in range(4)]
    [0.5, 0.5, 1.0, 1.0]
    """

    chainable: ClassVar[bool] = True

    def __init__(
        self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        self.factor = _part("ConstantLR", "factor", factor)
        self.total_iters = count("ConstantLR", "total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, step: int, base: float) -> float:
        return base * self.factor if step < self.total_iters else base


class _Ends(LRScheduler):
    """What those share that let the groups have what they have after total_iters steps."""

    chainable: ClassVar[bool] = True
    total_iters: int

    def get_lr(self) -> list[float]:
        return super().get_lr() if self.last_epoch <= self.total_iters else self.get_last_lr()


class LinearLR(_Ends):
    """A straight line from start_factor times the learning rate to end_factor times it, in total_iters steps.

    >>> from minitensor import Tensor, optim
    >>> schedule = LinearLR(optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0), 0.5, 1.0, total_iters=2)
    >>> [schedule.lr_at(step, 1.0) for step in range(4)]
    [0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor = _part("LinearLR", "start_factor", start_factor, above=True)
        self.end_factor = _part("LinearLR", "end_factor", end_factor)
        self.total_iters = count("LinearLR", "total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, step: int, base: float) -> float:
        done = min(step, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * done)


class PolynomialLR(_Ends):
    """A power of the part of total_iters steps that is left: base · (1 − step / total_iters)^power.

    >>> from minitensor import Tensor, optim
    >>> schedule = PolynomialLR(optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0), 4, power=2)
    >>> [schedule.lr_at(step, 1.0) for step in range(6)]
    [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = count("PolynomialLR", "total_iters", total_iters)
        self.power = real("PolynomialLR", "power", power)
        if not self.power >= 0:
            raise OptionError(f"PolynomialLR: power must not be negative, and is {power}")
        super().__init__(optimizer, last_epoch)

    def lr_at(self, step: int, base: float) -> float:
        left: float = (1 - min(step, self.total_iters) / self.total_iters) ** self.power
        return base * left


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the learning rate down to eta_min in T_max steps; after them, up again.

    Source: Loshchilov & Hutter (2017), "SGDR: Stochastic Gradient Descent with Warm Restarts".
    """

    chainable: ClassVar[bool] = True

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = count("CosineAnnealingLR", "T_max", T_max)
        self.eta_min = real("CosineAnnealingLR", "eta_min", eta_min)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, step: int, base: float) -> float:
        return cosine(base, self.eta_min, step / self.T_max)

    def _bases_now(self, step: float) -> list[float]:
        """At its lowest, nothing is left of the bases: from there on those at first hold, as in PyTorch."""
        bases = super()._bases_now(step)
        if (step - self.T_max) % (2 * self.T_max) == 0:
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            for i, base in enumerate(self.base_lrs):
                bases[i] = base + (self.optimizer.param_groups[i]["lr"] - self.eta_min) / rise
        return bases


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine from the learning rate down to eta_min, again and again.

    The first takes T_0 steps, each other T_mult times as many as the one before.

    Source: Loshchilov & Hutter (2017), "SGDR: Stochastic Gradient Descent with Warm Restarts".

    >>> from minitensor import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
    >>> [round(schedule.lr_at(step, 1.0), 2) for step in range(7)]
    [1.0, 0.5, 1.0, 0.85, 0.5, 0.15, 1.0]
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_0 = count("CosineAnnealingWarmRestarts", "T_0", T_0)
        self.T_mult = count("CosineAnnealingWarmRestarts", "T_mult", T_mult)
        self.eta_min = real("CosineAnnealingWarmRestarts", "eta_min", eta_min)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, step: float, base: float) -> float:
        done, length = step, self.T_0
        if self.T_mult == 1:
            done %= length
        while done >= length:
            done, length = done - length, length * self.T_mult
        return cosine(base, self.eta_min, done / length)

    @effect
    def step(self, epoch: float | None = None) -> None:
        """Go on to the next learning rate, or to that of an epoch: also of a part of one, such as 2.5."""
        at = self._at + 1 if epoch is None else number(f"{self._name}.step: epoch must be a number", epoch)
        if not 0 <= at < math.inf:
            raise OptionError(f"{self._name}.step: epoch must not be negative, and is {epoch}")
        self._set(at, self._bases_now(self._at))

    def _set(self, step: float, bases: list[float]) -> None:
        super()._set(step, bases)  # type: ignore[arg-type]
        self._at: float = step
        self.last_epoch = math.floor(step)


class _OfFunctions(LRScheduler):
    """What those share that are given a function of the number of steps, or a list of one for each group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | list[Factor], last_epoch: int = -1) -> None:
        self.lr_lambdas = each(
            self._name, "lr_lambda", lr_lambda, checked(self._name, optimizer).param_groups
        )
        for function in self.lr_lambdas if isinstance(self.lr_lambdas, list) else [self.lr_lambdas]:
            if not callable(function):
                raise DTypeError(
                    f"{self._name}: lr_lambda must be a function of the step, not {type(function).__name__}"
                )
        super().__init__(optimizer, last_epoch)

    def _factor(self, i: int, step: int) -> float:
        found = of_group(self._name, "lr_lambda", self.lr_lambdas, i)(step)
        return number(f"{self._name}: lr_lambda must return a number", found, axes=0)


class LambdaLR(_OfFunctions):
    """The learning rate times what a function says of the number of steps.

    >>> from minitensor import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.5)
    >>> schedule = LambdaLR(optimizer, lambda step: 1 / (1 + step))
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.25]

    Args:
        optimizer: Whose groups to set.
        lr_lambda: The function, or a list with one for each group. It is not saved with the state.
        last_epoch: How many steps were taken before the last one of a run that goes on.
    """

    def lr_at(self, step: int, base: float) -> float:
        return self._lr_of(0, step, base)

    def _lr_of(self, i: int, step: int, base: float) -> float:
        return base * self._factor(i, step)


class MultiplicativeLR(_OfFunctions):
    """At each step, the learning rate of before times what a function says of the number of steps.

    >>> from minitensor import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.5)
    >>> schedule = MultiplicativeLR(optimizer, lambda step: 1 / (1 + step))
    >>> schedule.step()
    >>> schedule.step()
    >>> round(schedule.get_last_lr()[0], 4)  # 0.5 / 2 / 3
    0.0833

    Args:
        optimizer: Whose groups to set.
        lr_lambda: The function, or a list with one for each group. It is not saved with the state.
        last_epoch: How many steps were taken before the last one of a run that goes on.
    """

    chainable: ClassVar[bool] = True

    def _begin(self, step: int = 0) -> None:
        self.last_epoch, self._bases = step, self.base_lrs
        self._last_lr = self.get_last_lr()

    def get_lr(self) -> list[float]:
        """The next learning rates."""
        return [lr * self._factor(i, self.last_epoch) for i, lr in enumerate(self.get_last_lr())]


def cosine(start: float, end: float, done: float) -> float:
    """Where half a cosine from start to end is when this part of it is done."""
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2


def _part(name: str, option: str, x: float, above: bool = False) -> float:
    """A factor that makes a learning rate smaller."""
    found = real(name, option, x)
    if not (0 < found <= 1 or (found == 0 and not above)):
        least = "above 0" if above else "at least 0"
        raise OptionError(f"{name}: {option} must be {least} and at most 1, not {x}")
    return found
