"""Products of matrices and tensors, determinants, inverses and factors."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from minitensor.core.rule import composite, rule
from minitensor.errors import DTypeError, ShapeError
from minitensor.results import SignAndLogDet
from minitensor.rules.axes import are_several, integers, one_axis, one_integer, several_axes
from minitensor.rules.fast import product, sum_rows
from minitensor.rules.indexing import diagonal, scatter
from minitensor.rules.notation import Array, Binary, Local, Shape, Unary, arrays_of, on_nodes, unchanged
from minitensor.rules.reductions import sum
from minitensor.rules.shapes import moveaxis, roll, tril

# ------------------------------------------------------------------------------------------- products


def _explain_matmul(x: Shape, y: Shape) -> str:
    if not x or not y:
        return f"matmul: {x} @ {y}: needs at least one axis on each side. Multiply by a number with *."
    inner = x[-1], y[-2] if len(y) > 1 else y[0]
    if inner[0] != inner[1]:
        return f"matmul: {x} @ {y}: inner sizes {inner[0]} and {inner[1]} differ"
    return f"matmul: {x} @ {y}: the leading axes {x[:-2]} and {y[:-2]} do not broadcast"


@rule(arrays=True, explain=_explain_matmul)
def matmul(x: Array, y: Array) -> Binary:
    """Matrix product over the last two axes; a 1-D input is a row on the left, a column on the right.

    Stacks of matrices broadcast against each other, as in NumPy.
    """
    row, column = x.ndim == 1, y.ndim == 1

    def local_x(g: Array) -> Array:
        if column:
            return g[..., None] * y
        return (g[..., None, :] if row else g) @ y.swapaxes(-1, -2)

    def local_y(g: Array) -> Array:
        if row:
            return x * g if column else x[:, None] * g[..., None, :]
        if column:
            return (x.swapaxes(-1, -2) @ g[..., None])[..., 0]
        return x.swapaxes(-1, -2) @ g

    return x @ y, local_x, local_y


def _explain_linear(x: Shape, weight: Shape = (), bias: Shape | None = None) -> str:
    if len(weight) == 1 and bias is None:  # two shapes are left: one of the inputs is None
        return f"linear: an input is None, and the others have shapes {x} and {weight}"
    if not weight:
        return ""  # a number
    if len(weight) != 2:
        return f"linear: the weight must have shape (out_features, in_features), not {weight}"
    out_features, in_features = weight
    layer = f"Linear({in_features} → {out_features})"
    if not x or x[-1] != in_features:
        found = f"the last axis is {x[-1]}" if x else "it has no axis"
        hint = f" Try x.reshape({x[0]}, -1)." if len(x) > 2 and math.prod(x[1:]) == in_features else ""
        return f"{layer} got {x}: {found} and must be {in_features}.{hint}"
    return f"{layer}: the bias must have shape ({out_features},), not {bias}"


@rule(arrays=True, inputs="x weight bias", explain=_explain_linear)
def linear(x: Array, weight: Array, bias: Array | None = None) -> tuple[Any, Local, Local, Local]:
    """x Wᵀ + b over the last axis of x; weight has shape (out_features, in_features).

    Fused, because the sum then writes into the product: one array less than matmul and add. As one operation
    it knows that its bias enters every row, and sums its gradient over them.
    """
    out_features, in_features = weight.shape
    y = product(x, weight.T)
    if bias is not None:
        y += bias

    def local_weight(g: Array) -> Array:
        if x.ndim == 2:
            return product(x.T, g).T
        rows = math.prod(x.shape[:-1])
        return product(x.reshape(rows, in_features).T, g.reshape(rows, out_features)).T

    def local_bias(g: Array) -> Array:
        return sum_rows(g if g.ndim == 2 else g.reshape(math.prod(g.shape[:-1]), out_features))

    of_bias = unchanged if bias is None or bias.ndim > 1 else local_bias
    return y, lambda g: product(g, weight), local_weight, of_bias


@composite(arrays=True)
def dot(x: Array, y: Array) -> Any:
    """Σ over the last axis of x and the last but one of y, as in NumPy; for matrices, x @ y."""
    if not (np.ndim(x) and np.ndim(y)):
        return x * y
    if y.ndim <= 2:
        return x @ y
    return tensordot(x, y, (-1, -2))


@composite(arrays=True)
def vdot(x: Array, y: Array) -> Any:
    """Σ x y over all elements."""
    return x.reshape(-1) @ y.reshape(-1)


@composite(arrays=True)
def inner(x: Array, y: Array) -> Any:
    """Σ x y over the last axes of both; a 0-d array multiplies the other.

    >>> inner(np.array([[1, 0], [1, 1]]), np.array([2, 3]))
    array([2, 5])
    """
    x, y = arrays_of("inner", x, y)
    if not (x.ndim and y.ndim):
        return x * y
    if x.shape[-1] != y.shape[-1]:
        raise ShapeError(f"inner: the last axes of {x.shape} and {y.shape} differ")
    return tensordot(x, y, (-1, -1))


@composite(arrays=True)
def cross(
    x: Array, y: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """Cross products of vectors of length 3, which lie along axisa of x, axisb of y and axisc of the result.

    With `axis`, along that one of all three; the other axes broadcast.

    >>> cross(np.array([1, 0, 0]), np.array([0, 1, 0]))
    array([0, 0, 1])
    """
    x, y = arrays_of("cross", x, y)
    of_x, of_y, of_z = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    x = moveaxis(x, one_axis("cross", of_x, x.shape), -1)
    y = moveaxis(y, one_axis("cross", of_y, y.shape), -1)
    if (x.shape[-1], y.shape[-1]) != (3, 3):
        raise ShapeError(f"cross: vectors have length 3, not {x.shape[-1]} and {y.shape[-1]}: pad with 0")
    z = roll(x, -1, -1) * roll(y, 1, -1) - roll(x, 1, -1) * roll(y, -1, -1)
    return moveaxis(z, -1, one_axis("cross", of_z, z.shape))


@composite(arrays=True)
def outer(x: Array, y: Array) -> Any:
    """All products of an element of x and one of y, as a matrix."""
    return x.reshape(-1, 1) * y.reshape(1, -1)


@composite(arrays=True)
def kron(x: Array, y: Array) -> Any:
    """Kronecker product: a copy of y for each element of x, multiplied by it."""
    ndim = max(x.ndim, y.ndim)
    of_x, of_y = (1,) * (ndim - x.ndim) + x.shape, (1,) * (ndim - y.ndim) + y.shape
    coarse = x.reshape(tuple([m for n in of_x for m in (n, 1)]))
    fine = y.reshape(tuple([m for n in of_y for m in (1, n)]))
    return (coarse * fine).reshape(tuple([n * m for n, m in zip(of_x, of_y, strict=True)]))


@composite(arrays=True)
def tensordot(x: Array, y: Array, axes: Any = 2) -> Any:
    """Σ over pairs of axes: the last n of x with the first n of y, or those in axes = (of x, of y)."""
    if not are_several(axes):
        n = one_integer("tensordot", "axes", axes)
        if not 0 <= n <= min(x.ndim, y.ndim):
            raise ShapeError(f"tensordot: {x.shape} and {y.shape} do not both have {n} axes to sum over")
        axes = (range(x.ndim - n, x.ndim), range(n))
    if len(axes) != 2:
        raise ShapeError(f"tensordot: axes are a number, or two: those of x and those of y, not {len(axes)}")
    of_x = several_axes("tensordot", axes[0], x.shape)
    of_y = several_axes("tensordot", axes[1], y.shape)
    if [x.shape[i] for i in of_x] != [y.shape[i] for i in of_y]:
        raise ShapeError(f"tensordot: axes {of_x} of {x.shape} and {of_y} of {y.shape} differ in length")
    rest_x = [i for i in range(x.ndim) if i not in of_x]
    rest_y = [i for i in range(y.ndim) if i not in of_y]
    inner = math.prod([x.shape[i] for i in of_x])
    shape_x, shape_y = tuple([x.shape[i] for i in rest_x]), tuple([y.shape[i] for i in rest_y])
    rows = x.transpose(rest_x + of_x).reshape((math.prod(shape_x), inner))
    columns = y.transpose(of_y + rest_y).reshape((inner, math.prod(shape_y)))
    return (rows @ columns).reshape(shape_x + shape_y)


# --------------------------------------------------------------------------------------------- einsum


@composite(arrays=True)
def einsum(subscripts: Any, *operands: Any, optimize: Any = True) -> Any:
    """Einstein's sum: multiply the operands along their labels, and sum over the labels not in the output.

    Takes what NumPy's does: an explicit or implicit output, "..." for axes that broadcast, a label repeated
    in one operand for its diagonal, and lists of integers instead of a string. The gradient of an operand is
    the einsum of the others and g. `optimize` is always on.

    >>> einsum("ij,jk->ik", np.ones((2, 3)), np.ones((3, 4))).shape
    (2, 4)
    """
    if not isinstance(subscripts, str):  # einsum(x, [0, 1], y, [1, 2], [0, 2])
        args = (subscripts, *operands)
        operands = args[: len(args) // 2 * 2 : 2]
        words = [_letters(labels) for labels in (*args[1::2], *args[len(args) // 2 * 2 :])]
        subscripts = ",".join(words[: len(operands)]) + "".join(
            ["->" + word for word in words[len(operands) :]]
        )
    inputs, output = _labels(str(subscripts), tuple([np.shape(x) for x in operands]))
    return _einsum(",".join(inputs) + "->" + output, *operands)


@rule(arrays=True, inputs="*operands")
def _einsum(subscripts: str, *operands: Array) -> tuple[Any, ...]:
    """Einstein's sum with every label spelled out."""
    inputs, _, output = subscripts.partition("->")
    of_each = inputs.split(",")
    lengths: dict[str, int] = {}
    for x, labels in zip(operands, of_each, strict=True):
        for label, n in zip(labels, x.shape, strict=True):
            if n != 1 or label not in lengths:
                lengths[label] = n
    locals_ = [_einsum_local(i, of_each, output, operands, lengths) for i in range(len(operands))]
    if on_nodes(*operands):
        return _einsum(subscripts, *operands), None, *locals_
    return np.einsum(subscripts, *operands, optimize=len(operands) > 1), None, *locals_


def _einsum_local(
    i: int, of_each: list[str], output: str, operands: tuple[Array, ...], lengths: dict[str, int]
) -> Local:
    labels = of_each[i]
    others = [x for j, x in enumerate(operands) if j != i]
    of_others = [of_x for j, of_x in enumerate(of_each) if j != i]
    once = "".join(dict.fromkeys(labels))
    known = "".join([label for label in once if label in output + "".join(of_others)])

    def local(g: Array) -> Array:
        part = _einsum(",".join([output, *of_others]) + "->" + known, g, *others)
        found = dict(zip(known, part.shape, strict=True))
        # A label that is nowhere else was summed away: its gradient is repeated.
        part = part.reshape(tuple([found.get(label, 1) for label in once]))
        part = np.broadcast_to(part, tuple([lengths[label] for label in once]))
        if once == labels:
            return part
        # A label that is repeated took a diagonal: back to it.
        places = dict(zip(once, np.ogrid[tuple([slice(lengths[label]) for label in once])], strict=True))
        return scatter(part, tuple([places[a] for a in labels]), tuple([lengths[a] for a in labels]))

    return local


def _letters(labels: Any) -> str:
    """Labels given as integers, such as [0, 1, ...], as a word."""
    try:
        return "".join(["..." if i is ... else _LETTERS[integers("einsum", "label", i)[0]] for i in labels])
    except (TypeError, IndexError):
        raise DTypeError(
            "einsum: takes subscripts and arrays, as in einsum('ij,jk', x, y), or each array followed by a "
            f"list of integers below {len(_LETTERS)}, as in einsum(x, [0, 1], y, [1, 2])"
        ) from None


@lru_cache(maxsize=256)
def _labels(subscripts: str, shapes: tuple[Shape, ...]) -> tuple[list[str], str]:
    """The labels of each operand and of the output, with "..." spelled out and the output made explicit."""
    left, arrow, output = subscripts.replace(" ", "").partition("->")
    words = left.split(",")
    for word in (*words, output):
        strange = [c for c in word.replace("...", "", 1) if c not in _LETTERS]
        if strange:
            raise ShapeError(
                f'einsum: {strange[0]!r} in "{subscripts}" is no label. Labels are letters; "..." may stand '
                'once in each operand, and "->" once before the output.'
            )
    if len(words) != len(shapes):
        raise ShapeError(f'einsum: "{subscripts}" names {len(words)} operands, and there are {len(shapes)}')
    hidden = [len(shape) - len(w.replace("...", "")) for w, shape in zip(words, shapes, strict=True)]
    for word, shape, rest in zip(words, shapes, hidden, strict=True):
        if rest < 0 or (rest and "..." not in word):
            raise ShapeError(
                f'einsum: "{word}" in "{subscripts}" does not name the {len(shape)} axes of its operand, '
                f"{shape}"
            )
    named = "".join(words).replace(".", "")
    spare = [a for a in _LETTERS if a not in subscripts][: max(hidden, default=0)]
    spelled = [w.replace("...", "".join(spare[len(spare) - h :])) for w, h in zip(words, hidden, strict=True)]
    if not arrow:
        output = "..." * bool(spare) + "".join(sorted([a for a in set(named) if named.count(a) == 1]))
    if spare and "..." not in output:
        raise ShapeError(f'einsum: the output of "{subscripts}" needs "..." as the operands have it')
    output = output.replace("...", "".join(spare))
    for label in output:
        if label not in "".join(spelled):
            raise ShapeError(f'einsum: "{label}" in the output of "{subscripts}" is in no operand')
        if output.count(label) > 1:
            raise ShapeError(f'einsum: "{label}" is twice in the output of "{subscripts}"')
    _check_lengths(subscripts, spelled, shapes, spare)
    return spelled, output


def _check_lengths(subscripts: str, spelled: list[str], shapes: tuple[Shape, ...], spare: list[str]) -> None:
    """A label has one length everywhere, or 1 in an operand, which broadcasts there."""
    seen: dict[str, tuple[int, int]] = {}
    for i, (word, shape) in enumerate(zip(spelled, shapes, strict=True)):
        inside = dict(zip(word[::-1], shape[::-1], strict=True))  # the first of each
        for label, n in zip(word, shape, strict=True):
            m, other = (inside[label], i) if inside[label] != n else seen.get(label, (n, i))
            if n != m and (other == i or 1 not in (n, m)):
                what = (
                    f'an axis of "..." in "{subscripts}"'
                    if label in spare
                    else f'"{label}" in "{subscripts}"'
                )
                raise ShapeError(
                    f"einsum: {what} is {m} in operand {other} of shape {shapes[other]}, and {n} in operand "
                    f"{i} of shape {shape}"
                )
            if label not in seen or seen[label][0] == 1:
                seen[label] = n, i


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

# ----------------------------------------------------------------------------------- square matrices


@composite(arrays=True)
def trace(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Sum of the diagonal of two axes."""
    first, second = (one_axis("trace", a, x.shape) for a in (axis1, axis2))
    return sum(diagonal(x, offset, first, second), -1)


def _adjoint(x: Array) -> Array:
    return x.swapaxes(-1, -2)


@rule(arrays=True, floats=True)
def det(x: Array) -> Unary:
    """Determinants of square matrices (..., n, n); the gradient is the cofactors, det(x) x⁻ᵀ.

    Unlike PyTorch: right also where the determinant is 0, where it often has gradient 0.
    """
    y = np.linalg.det(x)

    def local(g: Array) -> Array:
        if not on_nodes(x):
            return g[..., None, None] * _cofactors(x)
        try:
            return g[..., None, None] * y[..., None, None] * _adjoint(np.linalg.inv(x))
        except np.linalg.LinAlgError:
            return g[..., None, None] * _minors(x)

    return y, local


def _minors(x: Array) -> Array:
    """The cofactors as determinants of x without one row and one column each: slow, but a polynomial in x."""
    n = x.shape[-1]
    i = np.arange(n)
    kept = np.array([np.delete(i, j) for j in i], int).reshape(n, max(n - 1, 0))
    signs = (-1.0) ** (i[:, None] + i)
    return det(x[..., kept[:, None, :, None], kept[None, :, None, :]]) * signs.astype(x.dtype)


def _cofactors(x: Array) -> Array:
    """det(x) x⁻ᵀ without an inverse: with singular values x = U Σ V it is det(U) det(V) U adj(Σ) V."""
    u, s, v = np.linalg.svd(x)
    n = s.shape[-1]
    rest = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)  # the product of the other values
    signs = np.linalg.det(u) * np.linalg.det(v)
    return signs[..., None, None] * ((u * rest[..., None, :]) @ v)


@rule(arrays=True, floats=True)
def _logabsdet(x: Array) -> Unary:
    """log |det x|; the gradient is x⁻ᵀ."""
    y = _logabsdet(x) if on_nodes(x) else np.linalg.slogdet(x).logabsdet
    return y, lambda g: g[..., None, None] * _adjoint(np.linalg.inv(x))


@rule(arrays=True, floats=True)
def _signdet(x: Array) -> tuple[Any]:
    return (np.linalg.slogdet(x).sign,)


@composite(arrays=True, floats=True)
def slogdet(x: Array) -> SignAndLogDet:
    """Sign and logarithm of the size of determinants, which themselves may overflow; the gradient is x⁻ᵀ.

    Unlike PyTorch: the gradient at a singular matrix raises LinAlgError instead of being inf or NaN.
    """
    return SignAndLogDet(_signdet(x), _logabsdet(x))


@rule(arrays=True, floats=True)
def inv(x: Array) -> Unary:
    """Inverses y of square matrices (..., n, n); the gradient is −yᵀ g yᵀ."""
    y = np.linalg.inv(x)
    return y, lambda g: -_adjoint(y) @ g @ _adjoint(y)


@rule(arrays=True, floats=True)
def solve(x: Array, y: Array) -> Binary:
    """The z with x z = y, for y a vector (n,) or matrices (..., n, k).

    Unlike PyTorch: only a 1-D y is a vector, as in NumPy 2; a stack of vectors needs a last axis of length 1.

    The gradient of y is h = x⁻ᵀ g, and that of x is −h zᵀ.
    """
    z = np.linalg.solve(x, y)
    vector = y.ndim == 1

    def local_x(g: Array) -> Array:
        h = np.linalg.solve(_adjoint(x), g[..., None] if vector else g)
        return -h @ _adjoint(z[..., None] if vector else z)

    def local_y(g: Array) -> Array:
        return (
            np.linalg.solve(_adjoint(x), g[..., None])[..., 0] if vector else np.linalg.solve(_adjoint(x), g)
        )

    return z, local_x, local_y


@rule(arrays=True, floats=True)
def cholesky(x: Array, *, upper: bool = False) -> Unary:
    """The lower triangle L with L Lᵀ = x, for symmetric positive definite x; its gradient is symmetric.

    With `upper`, Lᵀ.

    With P the lower triangle of Lᵀ g, its diagonal halved, it is L⁻ᵀ (P + Pᵀ) L⁻¹ / 2 (Murray 2016).
    """
    y = np.linalg.cholesky(x)

    def local(g: Array) -> Array:
        lower = tril(_adjoint(y) @ (_adjoint(g) if upper else g))
        p = lower - lower * np.eye(x.shape[-1], dtype=x.dtype) * 0.5
        inverse = np.linalg.inv(y)
        return _adjoint(inverse) @ ((p + _adjoint(p)) * 0.5) @ inverse

    return (_adjoint(y) if upper else y), local
