"""CyclicLR and OneCycleLR: the learning rate rises and falls, and momentum goes the other way."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real

from minitensor.errors import DTypeError, OptionError
from minitensor.optim.formulas import cosine
from minitensor.optim.optimizer import Optimizer
from minitensor.optim.options import count, real
from minitensor.optim.schedule import LRScheduler, checked, each, numbers, of_group


class _Cycle(LRScheduler):
    """What both share: momentum, or Adam's β₁, that falls as far as `height` says."""

    interval = "batch"

    def _cycle(
        self,
        optimizer: Optimizer,
        cycle_momentum: bool,
        base_momentum: float | list[float],
        max_momentum: float | list[float],
    ) -> None:
        """Read what is said of momentum."""
        groups = checked(self._name, optimizer).param_groups
        if cycle_momentum and not all("betas" in group or "momentum" in group for group in groups):
            raise OptionError(
                f"{self._name}: the optimizer has no momentum to cycle. Say cycle_momentum=False."
            )
        self.cycle_momentum = cycle_momentum
        self.base_momentum = numbers(self._name, "base_momentum", base_momentum, groups)
        self.max_momentum = numbers(self._name, "max_momentum", max_momentum, groups)

    def height(self, step: int) -> float:
        """The part of the way from the highest momentum to the lowest."""
        raise NotImplementedError

    def _set(self, step: int, bases: list[float]) -> None:
        groups = self.optimizer.param_groups if self.cycle_momentum else []
        ends = [
            [of_group(self._name, "momenta", x, i) for x in (self.base_momentum, self.max_momentum)]
            for i in range(len(groups))
        ]
        super()._set(step, bases)
        for group, (low, high) in zip(groups, ends, strict=True):
            momentum = high - (high - low) * self.height(step)
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum


class CyclicLR(_Cycle):
    """A straight line up from base_lr to max_lr and down again, over and over; momentum goes the other way.

    Args:
        optimizer: Whose groups to set.
        base_lr: The lowest learning rate; a list gives one for each group.
        max_lr: The highest; a list gives one for each group.
        step_size_up: How many steps the way up has.
        step_size_down: How many the way down has; as many, if it is None.
        mode: The scale of cycle n = 1, 2, ...: "triangular", always 1; "triangular2", half that of the last;
            or "exp_range", gamma to the power of the number of steps.
        gamma: The base of that power.
        scale_fn: In place of mode: what the height of a cycle is multiplied by.
        scale_mode: What scale_fn is a function of: "cycle", its number, or "iterations", the number of steps.
        cycle_momentum: Whether momentum (for Adam, β₁) falls and rises against it.
        base_momentum: The lowest momentum; a list gives one for each group.
        max_momentum: The highest momentum; a list gives one for each group.
        last_epoch: How many steps were taken before the last one of a run that goes on.

    Raises:
        OptionError: If an option has no meaning, or the optimizer has no momentum to cycle.

    Source: Smith (2017), "Cyclical Learning Rates for Training Neural Networks".

    >>> from minitensor import Tensor, optim
    >>> optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], momentum=0.9)
    >>> schedule = CyclicLR(optimizer, base_lr=1.0, max_lr=3.0, step_size_up=2)
    >>> [schedule.lr_at(step, 1.0) for step in range(6)]
    [1.0, 2.0, 3.0, 2.0, 1.0, 2.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        groups = checked("CyclicLR", optimizer).param_groups
        self.base_lr = numbers("CyclicLR", "base_lr", base_lr, groups)
        self.max_lr = numbers("CyclicLR", "max_lr", max_lr, groups)
        self.step_size_up = count("CyclicLR", "step_size_up", step_size_up)
        self.step_size_down = self.step_size_up
        if step_size_down is not None:
            self.step_size_down = count("CyclicLR", "step_size_down", step_size_down)
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise OptionError(f"CyclicLR: mode must be triangular, triangular2 or exp_range, not {mode!r}")
        if scale_mode not in ("cycle", "iterations"):
            raise OptionError(f"CyclicLR: scale_mode must be cycle or iterations, not {scale_mode!r}")
        if scale_fn is not None and not callable(scale_fn):
            raise DTypeError(f"CyclicLR: scale_fn must be a function, not {type(scale_fn).__name__}")
        self.mode, self.gamma = mode, real("CyclicLR", "gamma", gamma)
        self.scale_fn, self.scale_mode = scale_fn, scale_mode
        self._cycle(optimizer, cycle_momentum, base_momentum, max_momentum)
        super().__init__(optimizer, last_epoch)

    def _first_lrs(self) -> list[float]:
        groups = range(len(self.optimizer.param_groups))
        return [of_group("CyclicLR", "base_lr", self.base_lr, i) for i in groups]

    def height(self, step: int) -> float:
        cycle, done = divmod(step, self.step_size_up + self.step_size_down)
        up = done <= self.step_size_up
        part = done / self.step_size_up if up else 1 - (done - self.step_size_up) / self.step_size_down
        if self.scale_fn is not None:
            return part * self._number(self.scale_fn(cycle + 1 if self.scale_mode == "cycle" else step))
        if self.mode == "exp_range":
            return part * self.gamma**step
        return part * 0.5**cycle if self.mode == "triangular2" else part

    def lr_at(self, step: int, base: float) -> float:
        return self._lr_of(0, step, base)

    def _lr_of(self, i: int, step: int, base: float) -> float:
        return base + (of_group("CyclicLR", "max_lr", self.max_lr, i) - base) * self.height(step)


class OneCycleLR(_Cycle):
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
        base_momentum: The lowest momentum; a list gives one for each group.
        max_momentum: The highest momentum; a list gives one for each group.
        div_factor: What max_lr is divided by at the start.
        final_div_factor: What the start is divided by at the end.
        three_phase: Whether to return to the start, as slowly as it rose, before the rest.
        last_epoch: How many steps were taken before the last one of a run that goes on.

    Raises:
        OptionError: If the cycle has no length, or an option has no meaning; and at a step beyond its end.

    Source: Smith & Topin (2019), "Super-Convergence: Very Fast Training of Neural Networks Using Large
    Learning Rates".
    """

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
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        groups = checked("OneCycleLR", optimizer).param_groups
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise OptionError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
            epochs = count("OneCycleLR", "epochs", epochs)
            total_steps = epochs * count("OneCycleLR", "steps_per_epoch", steps_per_epoch)
        self.total_steps = count("OneCycleLR", "total_steps", total_steps)
        pct_start = real("OneCycleLR", "pct_start", pct_start)
        if not 0 <= pct_start <= 1:
            raise OptionError(f"OneCycleLR: pct_start must be from 0 to 1, not {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise OptionError(f"OneCycleLR: anneal_strategy must be cos or linear, not {anneal_strategy!r}")
        self.anneal_strategy = anneal_strategy
        first = pct_start * self.total_steps - 1
        ends = [first, 2 * first] if three_phase else [first]
        self.ends = [*ends, float(self.total_steps - 1)]
        self._cycle(optimizer, cycle_momentum, base_momentum, max_momentum)
        peaks = each("OneCycleLR", "max_lr", max_lr, groups)
        peaks = peaks if isinstance(peaks, list) else [peaks] * len(groups)
        if not all(isinstance(x, Real) for x in (*peaks, div_factor, final_div_factor)) or not (
            div_factor > 0 and final_div_factor > 0
        ):
            raise OptionError("OneCycleLR: max_lr must be numbers, and what they are divided by above 0")
        for group, peak in zip(groups if last_epoch == -1 else [], peaks, strict=last_epoch == -1):
            group["initial_lr"] = peak / div_factor
        start, low = 1 / div_factor, 1 / div_factor / final_div_factor
        self.parts = [start, 1.0, start, low] if three_phase else [start, 1.0, low]
        self.heights = [0.0, 1.0, 0.0, 0.0] if three_phase else [0.0, 1.0, 0.0]
        self.div_factor = div_factor
        super().__init__(optimizer, last_epoch)

    def height(self, step: int) -> float:
        return self._between(self.heights, step)

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
            return cosine(corners[i], corners[i + 1], done)
        return corners[i] + (corners[i + 1] - corners[i]) * done
