"""The exceptions minitensor raises, and the wording of shape errors.

Every message names the operation, the full shapes, the axis at fault and the cure; none prints array values.
The operations themselves check nothing: NumPy refuses a bad shape at no extra cost, and `explain` then
says in the operation's own terms what NumPy found.
"""

from __future__ import annotations

from collections.abc import Sequence

Shape = tuple[int, ...]


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


def explain(name: str, shapes: Sequence[Shape], error: Exception) -> Exception:
    """Why operation `name` refused inputs of these `shapes`, as an exception; `error` is what NumPy raised.

    >>> print(explain("add", [(3, 4), (3,)], ValueError()))
    add: cannot broadcast (3, 4) with (3,): last axis 4 against 3. For one value per row use shape (3, 1).
    >>> print(explain("matmul", [(3, 4), (3, 4)], ValueError()))
    matmul: (3, 4) @ (3, 4): inner sizes 4 and 3 differ
    """
    if isinstance(error, ShapeError | OptionError | DTypeError):
        return error
    if isinstance(error, AttributeError) and not (name == "matmul" and () in shapes):
        return DTypeError(f"{name}: {error}: takes tensors and arrays")
    if isinstance(error, TypeError):
        hint = ". An axis is an integer, axes are a tuple." if "as an integer" in str(error) else ""
        return DTypeError(f"{name}: {error}{hint}")
    found = f"{name}: {error} (shape {' and '.join(map(str, shapes))})"
    if name == "matmul":
        return ShapeError(_explain_matmul(*shapes))
    if name == "linear" and len(shapes) > 1:
        return ShapeError(_explain_linear(*shapes))
    if type(error).__name__ == "LinAlgError" and "dimension" not in str(error) and "square" not in str(error):
        return type(error)(found)  # singular, or not positive definite: no fault of the shapes
    if "negative integer powers" in str(error):
        return DTypeError(f"{name}: integers to negative powers are no integers. Try x.float().")
    if name in ("concatenate", "stack"):
        return ShapeError(found)
    return ShapeError(_explain_broadcast(name, shapes) or found)


def _explain_matmul(x: Shape, y: Shape) -> str:
    if not x or not y:
        return f"matmul: {x} @ {y}: needs at least one axis on each side. Multiply by a number with *."
    inner = x[-1], y[-2] if len(y) > 1 else y[0]
    if inner[0] != inner[1]:
        return f"matmul: {x} @ {y}: inner sizes {inner[0]} and {inner[1]} differ"
    return f"matmul: {x} @ {y}: the leading axes {x[:-2]} and {y[:-2]} do not broadcast"


def _explain_linear(x: Shape, weight: Shape, bias: Shape | None = None) -> str:
    if len(weight) == 1 and bias is None:  # two shapes are left: one of the inputs is None
        return f"linear: an input is None, and the others have shapes {x} and {weight}"
    if len(weight) != 2:
        return f"linear: the weight must have shape (out_features, in_features), not {weight}"
    out_features, in_features = weight
    layer = f"Linear({in_features} → {out_features})"
    if not x or x[-1] != in_features:
        found = f"the last axis is {x[-1]}" if x else "it has no axis"
        hint = f" Try x.reshape({x[0]}, -1)." if len(x) > 2 and _size(x[1:]) == in_features else ""
        return f"{layer} got {x}: {found} and must be {in_features}.{hint}"
    return f"{layer}: the bias must have shape ({out_features},), not {bias}"


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


def explain_targets(name: str, x: Shape, target: Shape, dtype: str) -> str:
    """Say why loss `name` refused targets of this shape and dtype for an input of shape `x`.

    >>> print(explain_targets("cross_entropy", (32, 10), (32, 10), "int64"))
    cross_entropy: input (32, 10) needs 32 integer targets from 0 to 9 of shape (32,), not int64 of shape \
(32, 10). For one-hot targets take target.argmax(axis=1), or target.astype(float) as probabilities.
    """
    if not x:
        return f"{name}: the input must have shape (n, classes), not ()"
    classes, wanted = (x[1], x[:1] + x[2:]) if len(x) > 1 else (x[0], ())
    count = f"{_size(wanted)} integer targets" if wanted else "an integer target"
    needs = f"{name}: input {x} needs {count} from 0 to {classes - 1} of shape {wanted}"
    if target == wanted and dtype.startswith(("int", "uint")):
        return f"{needs}; some are out of range"
    hint = ""
    if target == x and dtype.startswith(("int", "uint", "bool")):
        either = ", or target.astype(float) as probabilities" if name == "cross_entropy" else ""
        hint = f" For one-hot targets take target.argmax(axis=1){either}."
    elif target == x:
        hint = " For probabilities take target.argmax(axis=1), or cross_entropy of logits."
    elif _size(target) == _size(wanted):
        hint = " Try target.astype(int)." if target == wanted else f" Try target.reshape({wanted})."
    return f"{needs}, not {dtype} of shape {target}.{hint}"


def explain_conv2d(
    x: Shape, weight: Shape, bias: Shape | None, padding: Sequence[Shape], dilation: Shape, groups: int
) -> str:
    """Why conv2d cannot take images of shape `x`; "" if it can. Padding is ((top, bottom), (left, right)).

    >>> print(explain_conv2d((8, 28, 28), (6, 1, 5, 5), None, ((0, 0), (0, 0)), (1, 1), 1))
    Conv2d(1 → 6, kernel 5 × 5) got (8, 28, 28): images must be (n, 1, h, w) or (1, h, w). \
For a batch try x.reshape(8, 1, 28, 28).
    """
    if len(weight) != 4 or groups < 1 or weight[0] % groups or 0 in weight:
        form = "(o, c / groups, kernel height, kernel width), none of them 0 and o a multiple of groups"
        return f"conv2d: the weight must be {form}, not {weight} with groups={groups}"
    o, channels = weight[0], weight[1] * groups
    name = f"Conv2d({channels} → {o}, kernel {weight[2]} × {weight[3]})"
    if len(x) not in (3, 4) or x[-3] != channels:
        needs = f"images must be (n, {channels}, h, w) or ({channels}, h, w)"
        hint = ""
        if len(x) == 3 and channels == 1:
            hint = f" For a batch try x.reshape({x[0]}, 1, {x[1]}, {x[2]})."
        elif len(x) in (3, 4) and x[-1] == channels:
            hint = f" Channels come first: try x.transpose({'0, 3, 1, 2' if len(x) == 4 else '2, 0, 1'})."
        return f"{name} got {x}: {needs}.{hint}"
    if bias is not None and bias != (o,):
        return f"{name}: the bias must have shape ({o},), not {bias}"
    for axis in (0, 1):
        if x[axis - 2] + sum(padding[axis]) <= (weight[axis + 2] - 1) * dilation[axis]:
            return explain_window(name, x, padding, weight[2:], dilation)
    return ""


def explain_window(
    name: str, x: Shape, padding: Sequence[Shape], kernel: Shape, dilation: Shape = (1, 1)
) -> str:
    """Say that windows do not fit into images of shape `x`.

    >>> print(explain_window("max_pool2d", (1, 3, 4, 4), ((0, 0), (0, 0)), (5, 5)))
    max_pool2d got (1, 3, 4, 4): a window spans 5 × 5, and an image only 4 × 4. \
Try a smaller kernel, or padding.
    """
    h, w = [length + sum(pair) for length, pair in zip(x[-2:], padding, strict=True)]
    down, right = [(size - 1) * apart + 1 for size, apart in zip(kernel, dilation, strict=True)]
    padded = " with its padding" if any([sum(pair) for pair in padding]) else ""
    return (
        f"{name} got {x}: a window spans {down} × {right}, and an image{padded} only {h} × {w}. "
        f"Try a smaller kernel, or {'more ' if padded else ''}padding."
    )


def _size(shape: Shape) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
