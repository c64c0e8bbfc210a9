"""Curves of a training run and pictures of mistakes: in the terminal, or with matplotlib into a file."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minitensor.errors import OptionError
from minitensor.tables import table
from minitensor.training.loop import History

if TYPE_CHECKING:
    pass

_LEVELS = "▁▂▃▄▅▆▇█"


def curves(history: History, width: int = 60) -> str:
    """Each quantity of a run as a line of bars, one per epoch or several, with its first and last number.

    >>> print(curves(History(loss=[1.0, 0.5, 0.25], accuracy=[0.5, 0.75, 1.0])))
    loss      1.0000 █▃▁ 0.2500
    accuracy  0.5000 ▁▅█ 1.0000
    """
    lines = []
    for name in ("loss", "validation_loss", "accuracy", "validation_accuracy"):
        numbers = history.get(name, [])
        if numbers:
            lines.append((name, f"{numbers[0]:.4f} {_bars(numbers, width)} {numbers[-1]:.4f}"))
    return table("ll", lines)


def _bars(numbers: Sequence[float], width: int) -> str:
    """Bars for numbers, averaged over neighbours where there are more than `width`."""
    parts = np.array_split(np.array(numbers), min(width, len(numbers)))
    means = [float(part.mean()) for part in parts]
    finite = [mean for mean in means if math.isfinite(mean)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    span = high - low or 1.0
    top = len(_LEVELS) - 1
    return "".join(
        _LEVELS[round((mean - low) / span * top)] if math.isfinite(mean) else "?" for mean in means
    )


def check_format(path: str | os.PathLike[str]) -> None:
    """Refuse a picture's name whose ending matplotlib does not know; without matplotlib, nothing is checked.

    Raises:
        OptionError: Naming the endings that there are.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return
    known = sorted(Figure().canvas.get_supported_filetypes())
    if os.path.splitext(path)[1].lower().removeprefix(".") not in known:
        raise OptionError(f"{os.fspath(path)}: a picture's name must end in one of .{', .'.join(known)}")


def save_curves(history: History, path: str | os.PathLike[str]) -> None:
    """Draw loss and accuracy over the epochs into a picture; its format follows from the name.

    Raises:
        ModuleNotFoundError: Without matplotlib.
        OptionError: If the format is not known, or the file cannot be written.
    """
    figure, axes = figure_of(1, 2, (9, 3.5))
    epochs = range(1, history.epochs + 1)
    for axis, quantity in zip(axes[0], ("loss", "accuracy"), strict=True):
        for name, label in ((quantity, "training"), (f"validation_{quantity}", "validation")):
            if name in history:
                axis.plot(epochs, history[name], label=label)
        axis.set_xlabel("epoch")
        axis.set_ylabel(quantity)
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend()
    save(figure, path)


def save_images(
    images: NDArray[Any], titles: Sequence[str], path: str | os.PathLike[str], columns: int = 6
) -> None:
    """Draw square images, given as rows of pixels, with a title each."""
    side = math.isqrt(images.shape[1])
    if side * side != images.shape[1]:
        raise OptionError(f"rows of {images.shape[1]} numbers are no square images, and cannot be drawn")
    rows = max(1, -(-len(images) // columns))
    figure, axes = figure_of(rows, columns, (1.6 * columns, 1.9 * rows))
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image.reshape(side, side), cmap="gray_r")
        axis.set_title(title, fontsize=9)
    save(figure, path)


def figure_of(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    """A picture of so many inches, and its axes, of shape (rows, columns)."""
    from matplotlib.figure import Figure  # not pyplot, which would look for a screen

    figure = Figure(figsize=size, layout="tight")
    return figure, figure.subplots(rows, columns, squeeze=False)


def save(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a picture.

    Raises:
        OptionError: If it cannot be written there.
    """
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(f"{os.fspath(path)}: the picture cannot be written: {reason}") from error
