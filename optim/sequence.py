"""Schedules made of others: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from minitensor.context import effect
from minitensor.errors import DTypeError, OptionError
from minitensor.optim.cycles import CyclicLR, OneCycleLR
from minitensor.optim.optimizer import Optimizer
from minitensor.optim.options import count, real
from minitensor.optim.plateau import ReduceLROnPlateau
from minitensor.optim.schedule import LRScheduler, checked, no_epoch


class _Made(LRScheduler):
    """What schedules made of others share: step the whole, and not its parts."""

    def _take(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler]) -> None:
        """Check the parts, and keep them."""
        if not isinstance(schedulers, list | tuple) or not schedulers:
            raise OptionError(f"{self._name}: takes a list of at least one schedule")
        for i, part in enumerate(schedulers):
            if not isinstance(part, LRScheduler):
                hint = ", which needs a metric" if isinstance(part, ReduceLROnPlateau) else ""
                raise DTypeError(
                    f"{self._name}: needs schedules that step by themselves, and number {i} is a "
                    f"{type(part).__name__}{hint}"
                )
            if part.optimizer is not checked(self._name, optimizer):
                raise OptionError(f"{self._name}: schedule number {i} is of another optimizer")
        self.optimizer = optimizer
        self.schedulers = list(schedulers)
        self.interval = schedulers[0].interval

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"schedulers": [part.state_dict() for part in self.schedulers]}

    @effect
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        own, parts = self.state_dict(), self.schedulers
        states = state_dict.get("schedulers")
        if not isinstance(states, list) or len(states) != len(parts):
            states = own["schedulers"]
            state_dict = {name: x for name, x in state_dict.items() if name != "schedulers"}
        try:
            for part, state in zip(parts, states, strict=True):
                part.load_state_dict(state)
            super().load_state_dict(state_dict)
        except OptionError:
            for part, state in zip(parts, own["schedulers"], strict=True):
                part.load_state_dict(state)
            raise
        finally:
            self.schedulers = parts


class SequentialLR(_Made):
    """One schedule after the other: number n + 1 begins when milestone n is reached.

    Args:
        optimizer: Whose groups to set.
        schedulers: The schedules, all of this optimizer. Step this one alone.
        milestones: After how many steps the second begins, the third, and so on.
        last_epoch: How many steps were taken before the last one of a run that goes on.

    Raises:
        OptionError: If the milestones do not rise, or are not one less than the schedules.
        DTypeError: If a schedule needs more than the number of steps, as ReduceLROnPlateau does.

    >>> from minitensor import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> parts = [optim.ConstantLR(optimizer, 0.5), optim.ExponentialLR(optimizer, 0.1)]
    >>> schedule = SequentialLR(optimizer, parts, milestones=[2])
    >>> for _ in range(4):
    ...     print(schedule.get_last_lr())
    ...     schedule.step()
    [0.5]
    [0.5]
    [1.0]
    [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        self._take(optimizer, schedulers)
        if not isinstance(milestones, list | tuple):
            raise DTypeError(f"SequentialLR: milestones must be a list, not {type(milestones).__name__}")
        self.milestones = [count("SequentialLR", "a milestone", m) for m in milestones]
        if self.milestones != sorted({*self.milestones}):
            raise OptionError(f"SequentialLR: milestones must rise, and are {self.milestones}")
        if len(self.milestones) != len(self.schedulers) - 1:
            raise OptionError(
                f"SequentialLR: {len(self.schedulers)} schedules need {len(self.schedulers) - 1} milestones, "
                f"one where each but the first begins, not {len(self.milestones)}"
            )
        super().__init__(optimizer, last_epoch)

    def _begin(self, step: int = 0) -> None:
        part, begin = self._part(step)
        if step == 0:
            for group in self.optimizer.param_groups:  # undo what the parts have done when they were made
                group["lr"] = group["initial_lr"]
        part._begin(step - begin)
        self.last_epoch = step

    def _restart(self) -> None:
        self.schedulers[0]._restart()
        self.last_epoch = 0

    def _part(self, step: int) -> tuple[LRScheduler, int]:
        """The schedule of this step, and the step at which it begins."""
        i = bisect_right(self.milestones, step)
        return self.schedulers[i], self.milestones[i - 1] if i else 0

    def lr_at(self, step: int, base: float) -> float:
        return self._lr_of(0, step, base)

    def _lr_of(self, i: int, step: int, base: float) -> float:
        part, begin = self._part(step)
        return part._lr_of(i, step - begin, base)

    @effect
    def step(self, epoch: float | None = None) -> None:
        """Go on to the next learning rate."""
        if epoch is not None:
            raise no_epoch(self._name)
        part, begin = self._part(self.last_epoch + 1)
        if begin == self.last_epoch + 1:
            part._restart()
        else:
            part.step()
        self.last_epoch += 1


class ChainedScheduler(_Made):
    """Several schedules at once: each goes on from what the one before it has set.

    Args:
        schedulers: The schedules, all of the same optimizer. Step this one alone.
        optimizer: Whose groups they set: that of the first, if it is None.

    >>> from minitensor import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> parts = [optim.StepLR(optimizer, 2, gamma=0.1), optim.ExponentialLR(optimizer, 0.5)]
    >>> schedule = ChainedScheduler(parts)
    >>> schedule.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.025]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if optimizer is None and isinstance(schedulers, list | tuple) and schedulers:
            optimizer = getattr(schedulers[0], "optimizer", None)
        self._take(optimizer, schedulers)  # type: ignore[arg-type]
        self.last_epoch = 0

    def _begin(self, step: int = 0) -> None:
        for part in self.schedulers:
            part._begin(step)
        self.last_epoch = step

    def _restart(self) -> None:
        self.schedulers[0]._restart()
        for part in self.schedulers[1:]:
            part._begin()
        self.last_epoch = 0

    @effect
    def step(self, epoch: float | None = None) -> None:
        """Let each take a step, in this order."""
        if epoch is not None:
            raise no_epoch(self._name)
        groups, states = self.optimizer.param_groups, [part.state_dict() for part in self.schedulers]
        before = [dict(group) for group in groups]
        try:
            for part in self.schedulers:
                part.step()
        except BaseException:
            for part, state in zip(self.schedulers, states, strict=True):
                part.load_state_dict(state)
            for group, options in zip(groups, before, strict=True):
                group.update(options)
            raise
        self.last_epoch += 1


class LinearWarmup(LRScheduler):
    """A straight line from start_factor times the learning rate up to all of it, then another schedule.

    Args:
        optimizer: Whose groups to set.
        total_iters: The steps until all of the learning rate is reached.
        start_factor: The part of it to start from.
        after: A schedule of the same optimizer, which begins when the warm-up ends. Step this one alone.
        last_epoch: How many steps were taken before the last one of a run that goes on.

    Source: Goyal et al. (2017), "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour".

    >>> from minitensor import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    >>> schedule = LinearWarmup(optimizer, 4, start_factor=0.2, after=optim.StepLR(optimizer, 2, gamma=0.5))
    >>> [round(schedule.lr_at(step, 1.0), 2) for step in range(8)]
    [0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 0.5, 0.5]
    """

    chainable: ClassVar[bool] = True
    interval = "batch"

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        start_factor: float = 1 / 3,
        after: LRScheduler | None = None,
        last_epoch: int = -1,
    ) -> None:
        self.total_iters = count("LinearWarmup", "total_iters", total_iters)
        self.start_factor = real("LinearWarmup", "start_factor", start_factor)
        if not 0 < self.start_factor <= 1:
            raise OptionError(f"LinearWarmup: start_factor must be above 0 and at most 1, not {start_factor}")
        if after is not None and (not isinstance(after, LRScheduler) or after.optimizer is not optimizer):
            raise DTypeError("LinearWarmup: after must be a schedule of learning rates of the same optimizer")
        if isinstance(after, CyclicLR | OneCycleLR):
            raise DTypeError(f"LinearWarmup: {type(after).__name__} has a warm-up of its own")
        if after is not None and type(after).lr_at is LRScheduler.lr_at:
            raise DTypeError(
                f"LinearWarmup: {type(after).__name__} has no formula. Put LinearLR and it into SequentialLR."
            )
        self.after = after
        super().__init__(optimizer, last_epoch)

    def _begin(self, step: int = 0) -> None:
        for group in self.optimizer.param_groups if self.after and step == 0 else []:
            group["lr"] = group["initial_lr"]  # undo what the other has done when it was made
        super()._begin(step)

    def lr_at(self, step: int, base: float) -> float:
        return self._lr_of(0, step, base)

    def _lr_of(self, i: int, step: int, base: float) -> float:
        if step < self.total_iters:
            return base * (self.start_factor + (1 - self.start_factor) * step / self.total_iters)
        return self.after._lr_of(i, step - self.total_iters, base) if self.after else base
