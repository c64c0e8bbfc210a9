"""The exceptions minitensor raises, and the wording of shape errors.

Every message names the operation, the full shapes, the axis at fault and the cure; none prints array values.
The operations themselves check nothing: NumPy refuses a bad shape at no extra cost, and `explain` then says
what NumPy found. Where an operation has words of its own for it, they stand beside its rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

Shape: TypeAlias = tuple[int, ...]
Wording: TypeAlias = Callable[..., str]
"""Says why shapes do not fit an operation; "" leaves it to `explain`."""


class ShapeError(ValueError):
    """The shapes of the inputs do not fit the operation, or a gradient does not fit its input."""


class OptionError(ValueError):
    """An argument names something that the operation does not know, such as an unknown reduction."""


class DTypeError(TypeError):
    """An input has a dtype, or is a kind of object, that the operation cannot take."""


class GraphError(RuntimeError):
    """The graph cannot do what was asked: nothing requires grad, it was freed, or a saved input changed."""


class CompileError(RuntimeError):
    """compile() cannot record what a step does."""


class NumericError(RuntimeError):
    """Under debug(), an operation made NaN or inf, or was given NaN."""


class DataError(ValueError):
    """Data cannot be fetched or read, are damaged, or are not what they should be."""


class CheckpointError(ValueError):
    """A saved model or run cannot be read, is damaged, or does not fit; or it cannot be written."""


class GradcheckError(AssertionError):
    """An analytic gradient differs from its numerical estimate."""


def explain(
    name: str, shapes: Sequence[Shape], error: Exception, wording: Wording | None = None
) -> Exception:
    """Why operation `name` refused inputs of these `shapes`, as an exception; `error` is what NumPy raised.

    `wording` is the operation's own: a function of the inputs' shapes.

    >>> print(explain("add", [(3, 4), (3,)], ValueError("... broadcast ...")))
    add: cannot broadcast (3, 4) with (3,): last axis 4 against 3. For one value per row use shape (3, 1).
    """
    if isinstance(error, ShapeError | OptionError | DTypeError):
        return error
    if isinstance(error, TypeError):
        hint = ". Axes and lengths are integers." if "as an integer" in str(error) else ""
        return DTypeError(f"{name}: {error}{hint}")
    number = isinstance(error, AttributeError)  # where an array must be; perhaps its shape () says why not
    if shapes and wording is not None and (not number or () in shapes) and (words := wording(*shapes)):
        return ShapeError(words)
    if number:
        return DTypeError(f"{name}: {error}: takes tensors and arrays")
    found = f"{name}: {error}" + (f" (shape {' and '.join(map(str, shapes))})" if shapes else "")
    if type(error).__name__ == "LinAlgError" and "dimension" not in str(error) and "square" not in str(error):
        return type(error)(found)  # singular, or not positive definite: no fault of the shapes
    if "negative integer powers" in str(error):
        return DTypeError(f"{name}: integers to negative powers are no integers. Try x.float().")
    clash = _explain_broadcast(name, shapes) if "broadcast" in str(error) else None
    return ShapeError(clash or found)


def _explain_broadcast(name: str, shapes: Sequence[Shape]) -> str | None:
    for i, x in enumerate(shapes):
        for y in shapes[i + 1 :]:
            for back in range(1, min(len(x), len(y)) + 1):
                if x[-back] != y[-back] and 1 not in (x[-back], y[-back]):
                    which = "last axis" if back == 1 else f"axis {-back}"
                    clash = f"{which} {x[-back]} against {y[-back]}"
                    return f"{name}: cannot broadcast {x} with {y}: {clash}.{_row_hint(x, y)}"
    return None


def _row_hint(x: Shape, y: Shape) -> str:
    """One value per row is the common intention behind (n, m) with (n,)."""
    wide, flat = (x, y) if len(x) > len(y) else (y, x)
    if len(wide) == 2 and len(flat) == 1 and wide[0] == flat[0]:
        return f" For one value per row use shape ({flat[0]}, 1)."
    return ""
