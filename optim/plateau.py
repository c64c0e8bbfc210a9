"""ReduceLROnPlateau: the schedule that looks at how training goes."""

from __future__ import annotations

import math

from minitensor.context import effect
from minitensor.errors import OptionError
from minitensor.optim.optimizer import Optimizer
from minitensor.optim.options import number, real
from minitensor.optim.schedule import Schedule, no_epoch, numbers, of_group


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
        min_lr: The lowest learning rate; a list gives one for each group.
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
        min_lr: float | list[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(optimizer)
        self.factor = real("ReduceLROnPlateau", "factor", factor)
        if not self.factor < 1:
            raise OptionError(f"ReduceLROnPlateau: factor must be below 1, not {factor}")
        if mode not in ("min", "max"):
            raise OptionError(f"ReduceLROnPlateau: mode must be min or max, not {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise OptionError(f"ReduceLROnPlateau: threshold_mode must be rel or abs, not {threshold_mode!r}")
        self.mode = mode
        self.patience = real("ReduceLROnPlateau", "patience", patience)
        self.threshold = real("ReduceLROnPlateau", "threshold", threshold)
        self.threshold_mode = threshold_mode
        self.cooldown = real("ReduceLROnPlateau", "cooldown", cooldown)
        self.min_lr = numbers("ReduceLROnPlateau", "min_lr", min_lr, optimizer.param_groups)
        self.eps = real("ReduceLROnPlateau", "eps", eps)
        self.best: float | None = None
        self.num_bad_epochs = 0
        self.cooldown_counter: float = 0

    @effect
    def step(self, metrics: float, epoch: float | None = None) -> None:
        """Take the metric into account, and reduce the learning rate if it is time to."""
        if epoch is not None:
            raise no_epoch("ReduceLROnPlateau")
        metric = number("ReduceLROnPlateau: takes one number", metrics)
        if self._improves(metric):
            self.best = metric
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            groups = self.optimizer.param_groups
            lows = [of_group("ReduceLROnPlateau", "min_lr", self.min_lr, i) for i in range(len(groups))]
            for group, low in zip(groups, lows, strict=True):
                reduced = max(group["lr"] * self.factor, low)
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
