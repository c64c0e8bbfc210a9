"""Schedule: what all schedules of the learning rate share, and LRScheduler, the base class of the formulas.

A schedule sets "lr" in every group of its optimizer, first when it is made, then at each `step()`: once an
epoch or once a batch, as `interval` says, where `fit` steps it. A step that raises has changed nothing.

A group that is added later goes on from the rate that it has as the formula does from there, as in PyTorch.
So does a group whose rate something else has changed, such as the user or another schedule, if the schedule
is `chainable`. The others set their own, whatever it is.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from minitensor.context import effect, reveal
from minitensor.errors import DTypeError, OptionError
from minitensor.optim.optimizer import Group, Optimizer
from minitensor.optim.options import count, number, real

T = TypeVar("T")


class Schedule:
    """What all schedules share.

    Args:
        optimizer: Whose groups to set.

    Attributes:
        interval: When `fit` takes a step: after each "epoch" or after each "batch".
    """

    interval: str = "epoch"

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = checked(type(self).__name__, optimizer)

    @property
    def _name(self) -> str:
        return type(self).__name__

    def get_last_lr(self) -> list[float]:
        """The current learning rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What to save in order to go on later: plain numbers, which JSON can hold; no functions."""
        return copy.deepcopy({name: x for name, x in vars(self).items() if _can_be_saved(x)})

    @effect
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what state_dict() gave. The optimizer's own state carries the learning rates.

        Raises:
            OptionError: If it is another schedule's. Then nothing was loaded.
        """
        own = self.state_dict()
        needed = {name for name in own if not name.startswith("_")}  # the others can be found again
        if not needed <= state_dict.keys() <= own.keys():
            raise OptionError(
                f"{self._name}.load_state_dict: needs {', '.join(own)}, "
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

    Or it returns from `get_lr` the rates of all groups after `last_epoch` steps, as in PyTorch.

    Args:
        optimizer: Whose groups to set. The learning rate that a group has is the schedule's base.
        last_epoch: How many steps were taken before the last one of a run that goes on; −1 begins anew.

    Attributes:
        chainable: Whether it goes on from a rate that something else has set. A subclass says so.
        last_epoch: How many steps were taken.
        base_lrs: The learning rate that each group had at first.

    Raises:
        OptionError: If a run is to go on, but the groups do not tell how it began.
    """

    chainable: ClassVar[bool] = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        super().__init__(optimizer)
        begin = count(self._name, "last_epoch", last_epoch, least=-1) + 1
        groups = optimizer.param_groups
        if begin and not all("initial_lr" in group for group in groups):
            raise OptionError(
                f"{self._name}: last_epoch={last_epoch} goes on with a run, but the optimizer's groups have "
                "no initial_lr. Load the optimizer's state first, or leave last_epoch out."
            )
        self.base_lrs = self._first_lrs()
        self._begin(begin)
        for group, base in zip(groups, self.base_lrs, strict=True):
            group.setdefault("initial_lr", base)

    def _first_lrs(self) -> list[float]:
        groups = self.optimizer.param_groups
        return [group["initial_lr" if "initial_lr" in group else "lr"] for group in groups]

    def lr_at(self, step: int, base: float) -> float:
        """The learning rate after `step` steps of a group that began with `base`."""
        raise NotImplementedError(f"{self._name} does not define lr_at(step, base)")

    def _lr_of(self, i: int, step: Any, base: float) -> float:
        """The same, of group number i, where groups differ in more than their base."""
        return self.lr_at(step, base)

    def get_lr(self) -> list[float]:
        """What the formula gives for each group after `last_epoch` steps; get_last_lr() is what they have."""
        reveal("the rates of a schedule")
        return [self._lr_of(i, self.last_epoch, base) for i, base in enumerate(self._bases)]

    @effect
    def step(self, epoch: float | None = None) -> None:
        """Go on to the next learning rate, after the optimizer's step.

        Raises:
            OptionError: If groups were taken from the optimizer, or an epoch is given.
            DTypeError: If the formula returns no number. Then nothing was changed.
        """
        if epoch is not None:
            raise no_epoch(self._name)
        self._set(self.last_epoch + 1, self._bases_now(self.last_epoch))

    def _begin(self, step: int = 0) -> None:
        """Set the rates of this step. Those that groups have now are their bases, or what became of them."""
        self.last_epoch = step
        self._bases: list[float] = self.base_lrs
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]
        bases = self.base_lrs
        if self.chainable:
            bases = [self._base_of(i, lr, step) if step else lr for i, lr in enumerate(self._last_lr)]
        self._set(step, bases)

    def _restart(self) -> None:
        """Begin anew with the rates at first, as after a milestone of SequentialLR."""
        self._set(0, self.base_lrs + self._bases_now(self.last_epoch)[len(self.base_lrs) :])

    def _set(self, step: int, bases: list[float]) -> None:
        """Set what the groups are to have after so many steps: all of them, or none."""
        groups, n = self.optimizer.param_groups, len(self.optimizer.param_groups)
        before = self.last_epoch, self.base_lrs, self._bases
        self.last_epoch, self._bases = step, bases
        self.base_lrs = self.base_lrs + bases[len(self.base_lrs) :]
        try:
            rates = [self._number(rate) for rate in self.get_lr()]
            if len(rates) != n:
                raise OptionError(
                    f"{self._name}: get_lr must return a rate for each of {n} groups, not {len(rates)}"
                )
        except BaseException:
            self.last_epoch, self.base_lrs, self._bases = before
            raise
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = rates

    def _number(self, rate: Any) -> float:
        return number(f"{self._name}: lr_at must return a number", rate, axes=0)

    def _bases_now(self, step: float) -> list[float]:
        """The bases; new ones for groups that were added, or whose rates something else has changed."""
        known, groups = len(self._bases), self.optimizer.param_groups
        if len(groups) < known:
            raise OptionError(
                f"{self._name}: {known} groups of parameters had this schedule, and the optimizer "
                f"has {len(groups)}. Make a new one."
            )
        return [
            self._base_of(i, group["lr"], step)
            if i >= known or (self.chainable and group["lr"] != self._last_lr[i])
            else self._bases[i]
            for i, group in enumerate(groups)
        ]

    def _base_of(self, i: int, lr: float, step: float) -> float:
        """The base from which group number i would have come to this rate after so many steps.

        Most formulas are a · base + b. By others, and where the base plays no part, as at the end of a
        cosine, the group goes on as if its rate were its base.
        """
        if type(self).lr_at is LRScheduler.lr_at:  # no formula
            return lr
        one, two, three = (self._number(self._lr_of(i, step, base)) for base in (1.0, 2.0, 3.0))
        a, b = two - one, 2 * one - two
        is_line = a != 0 and math.isclose(three, 3 * a + b, rel_tol=1e-9)
        return (lr - b) / a if is_line else lr


def checked(name: str, optimizer: Any) -> Optimizer:
    """The optimizer, if it is one."""
    if not isinstance(optimizer, Optimizer):
        raise DTypeError(f"{name}: takes an Optimizer, not {type(optimizer).__name__}")
    return optimizer


def no_epoch(name: str) -> OptionError:
    """What to say where a step is given an epoch, as was usual in PyTorch before 1.4."""
    return OptionError(f"{name}.step: counts its steps, and takes no epoch. Call step() once for each.")


def each(name: str, option: str, x: T | Sequence[T], groups: list[Group]) -> T | list[T]:
    """An option that may differ between the groups: as it is, or a list with one for each."""
    if not isinstance(x, list | tuple):
        return x  # type: ignore[return-value]
    if len(x) != len(groups):
        raise OptionError(f"{name}: {len(x)} {option} for {len(groups)} groups of parameters")
    return list(x)


def numbers(name: str, option: str, x: Any, groups: list[Group]) -> float | list[float]:
    """An option of numbers that may differ between the groups."""
    found = each(name, option, x, groups)
    return [real(name, option, y) for y in found] if isinstance(found, list) else real(name, option, found)


def of_group(name: str, option: str, x: T | list[T], i: int) -> T:
    """What `each` has read, for group number i."""
    if not isinstance(x, list):
        return x
    if i >= len(x):
        raise OptionError(f"{name}: {len(x)} {option}, and group number {i} was added later. Make a new one.")
    return x[i]


def _can_be_saved(x: Any) -> bool:
    parts = x if isinstance(x, list) and x else [x]
    return not any(isinstance(part, Optimizer | Schedule) or callable(part) for part in parts)
