"""Transforms: functions of functions, as in JAX. Each returns derivatives and changes nothing.

    grad, value_and_grad   the gradient of a function that returns one number
    vjp, jvp               a cotangent pulled back, a tangent pushed forward
    hvp                    the Hessian times a vector, without the Hessian
    jacobian, hessian      all derivatives of first, of second order
    functional_call        a module as a function of its parameters too

They nest: `grad(grad(f))` is the second derivative. Arguments may be tensors, arrays and numbers, and tuples,
lists and dicts of them; derivatives come back in the same structure. There is no second table of rules: jvp
pulls back twice, and the second time turns the cotangent into the tangent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import index
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from minitensor import rules
from minitensor.context import is_grad_enabled, recording
from minitensor.core.graph import Node, propagate, tick, topological_order
from minitensor.core.tensor import Tensor
from minitensor.errors import DTypeError, OptionError, ShapeError
from minitensor.instead import answers
from minitensor.ndarrays import is_only_here

__all__ = ["functional_call", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Any]
Argnums = int | tuple[int, ...]
Tree = Any  # a tensor, or a tuple, list or dict of trees; None holds nothing


def grad(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The function that computes the gradient of `function`.

    Args:
        function: Returns one number: a tensor of one element. With has_aux, a pair of it and anything else.
        argnums: The position of the argument to derive by, or several positions for a tuple of gradients.
        has_aux: Whether to return a pair of the gradient and what else the function returned.

    Raises:
        ShapeError: If the function does not return one number.
        DTypeError: If an argument is not floating-point.

    >>> grad(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
    Tensor([ 3., 12.], dtype=float64)
    >>> grad(grad(lambda x: x**3))(2.0)
    Tensor(12.)
    >>> grad(lambda p: p["w"] * p["b"])({"w": 2.0, "b": 3.0})
    {'w': Tensor(3.), 'b': Tensor(2.)}
    """
    if not callable(function):
        raise DTypeError(
            f"grad: takes a function, not {type(function).__name__}. For the gradient of a tensor already "
            "computed, call its backward(), or autograd.grad(y, x)."
        )
    both = value_and_grad(function, argnums, has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, gradients = both(*args, **kwargs)
        return (gradients, value[1]) if has_aux else gradients

    return gradient


def value_and_grad(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Like grad, but the new function returns (value, gradient), or ((value, aux), gradient).

    >>> value_and_grad(lambda x: (x * x).sum())(np.array([1.0, 2.0]))
    (Tensor(5., dtype=float64), Tensor([2., 4.], dtype=float64))
    """

    def both(*args: Any, **kwargs: Any) -> Any:
        run = _Run(function, args, kwargs, argnums, has_aux)
        if not isinstance(run.output, Tensor):
            raise DTypeError(f"grad: the function must return one number, not a {type(run.output).__name__}")
        if run.output.size != 1:
            raise ShapeError(
                f"grad: the function must return one number, not shape {run.output.shape}. "
                "Reduce it with .mean() or .sum(), or use vjp or jacobian."
            )
        gradients = run.pull_back([np.ones(run.output.shape, run.output.dtype)])
        return run.result(), run.of_arguments(gradients)

    return both


def vjp(function: Function, *primals: Tree, has_aux: bool = False) -> tuple[Any, ...]:
    """(output, pull), where pull(cotangent) is the vector-Jacobian product for each of the primals.

    Args:
        function: Returns a tensor, or a tree of them; with has_aux, a pair of that and anything else.
        primals: The arguments to evaluate and to derive by.
        has_aux: Whether to return (output, pull, aux).

    >>> output, pull = vjp(lambda x, y: x * y, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> pull(np.array([1.0, 10.0]))
    (Tensor([ 3., 40.], dtype=float64), Tensor([ 1., 20.], dtype=float64))
    """
    run = _Run(function, primals, {}, tuple(range(len(primals))), has_aux)

    def pull(cotangent: Tree) -> tuple[Any, ...]:
        seeds = _matching("vjp: cotangent", cotangent, run.output)
        return tuple(run.of_arguments(run.pull_back(seeds)))

    return (run.detached(run.output), pull, run.detached(run.aux)) if has_aux else (run.result(), pull)


def jvp(function: Function, primals: Sequence[Tree], tangents: Sequence[Tree]) -> tuple[Any, Any]:
    """(output, tangent): how the output moves when the primals move along the tangents.

    Pulls back an unknown cotangent u, which is linear in u, and pulls that back along the tangents.

    >>> jvp(lambda x: x * x, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (Tensor([1., 4.], dtype=float64), Tensor([ 2., 40.], dtype=float64))
    """
    _check_tuples("jvp", primals, tangents)
    run = _Run(function, tuple(primals), {}, tuple(range(len(primals))), False)
    directions = _matching("jvp: tangents", tuple(tangents), tuple(run.chosen))
    # Any cotangent will do, as it enters linearly; 1 keeps clear of 0 · inf.
    unknown = [Tensor(np.ones(y.shape), dtype=y.dtype, requires_grad=True) for y in run.outputs]

    def pulled(*seeds: Tensor) -> Tensor:
        parts = zip(run.pull_back(seeds), directions, strict=True)
        return rules.add(sum([(g * d).sum() for g, d in parts]), 0.0)

    back = _Run(pulled, tuple(unknown), {}, tuple(range(len(unknown))), False)
    back.connected = run.connected or (run.outside and any(d.requires_grad for d in directions))
    moved = back.pull_back([np.ones((), back.output.dtype)])
    return run.result(), run.like_output(moved)


def hvp(function: Function, primals: Sequence[Tree], tangents: Sequence[Tree]) -> Any:
    """The Hessian of `function` at the primals times the tangents: the gradient of ⟨gradient, tangents⟩.

    Of one primal the product alone, of several a tuple.

    >>> hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    Tensor([  6., 120.], dtype=float64)
    """
    _check_tuples("hvp", primals, tangents)
    every = tuple(range(len(primals)))
    inner = grad(function, every)

    def along(*args: Tree) -> Tensor:
        gradients = inner(*args)
        directions = _matching("hvp: tangents", tuple(tangents), gradients)
        return rules.add(
            sum([(g * d).sum() for g, d in zip(_leaves(gradients), directions, strict=True)]), 0.0
        )

    products = grad(along, every)(*primals)
    return products[0] if len(every) == 1 else products


def jacobian(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The function that computes all first derivatives, of shape (*output.shape, *argument.shape).

    One pull back for each element of the output. Of trees: the output's structure, the argument's inside.

    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    Tensor([[2., 0.],
            [0., 4.]], dtype=float64)
    """

    def derivatives(*args: Any, **kwargs: Any) -> Any:
        run = _Run(function, args, kwargs, argnums, has_aux)
        blocks = []
        for i, y in enumerate(run.outputs):
            rows = []
            for element in range(y.size):
                seeds: list[Any] = [np.zeros(z.shape, z.dtype) for z in run.outputs]
                seeds[i].flat[element] = 1
                rows.append(run.pull_back(seeds))
            columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in run.inputs]
            blocks.append(
                run.of_arguments(
                    [
                        rules.reshape(rules.stack(column), (*y.shape, *x.shape))
                        if column
                        else Tensor(np.zeros((*y.shape, *x.shape), x.dtype))
                        for x, column in zip(run.inputs, columns, strict=True)
                    ]
                )
            )
        result = run.like_output(blocks)
        return (result, run.detached(run.aux)) if has_aux else result

    return derivatives


def hessian(function: Function, argnums: Argnums = 0) -> Function:
    """The function that computes all second derivatives of a function that returns one number.

    >>> hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
    Tensor([[ 6.,  0.],
            [ 0., 12.]], dtype=float64)
    """
    return jacobian(grad(function, argnums), argnums)


class Stateful(Protocol):
    """A module, which can be called with other tensors in place of its parameters and buffers."""

    def _call_with(self, state: Mapping[str, Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of module(*args, **kwargs)."""


def functional_call(
    module: Stateful,
    parameters_and_buffers: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """module(*args, **kwargs) with other tensors in place of its parameters and buffers, meanwhile.

    Gradients flow to these tensors. Afterwards, and after an exception, the module is as it was; but a buffer
    that is given is updated in place of its own.

    Args:
        module: The module.
        parameters_and_buffers: Tensors by their names in the module, or several such dicts. Others stay. A
            shared parameter needs to be given under one of its names only.
        args: The arguments: a tuple, or one that is none.
        kwargs: The keyword arguments.

    Raises:
        OptionError: If the module has no parameter or buffer of such a name.
        DTypeError: If it is no module.

    >>> from minitensor import nn
    >>> model = nn.Linear(2, 1, bias=False)
    >>> loss = lambda state, x: functional_call(model, state, x).sum()
    >>> grad(loss)({"weight": np.zeros((1, 2))}, Tensor([[3.0, 4.0]]))
    {'weight': Tensor([[3., 4.]], dtype=float64)}
    """
    if not hasattr(module, "_call_with"):
        raise DTypeError(f"functional_call: takes a module, not {type(module).__name__}")
    states = (
        [parameters_and_buffers] if isinstance(parameters_and_buffers, Mapping) else parameters_and_buffers
    )
    given: dict[str, Tensor] = {}
    for state in states:
        if not isinstance(state, Mapping):
            raise DTypeError(f"functional_call: takes a dict of tensors by name, not {type(state).__name__}")
        if twice := given.keys() & state.keys():
            raise OptionError(f"functional_call: {', '.join(sorted(twice))} given twice")
        given |= {name: x if isinstance(x, Tensor) else Tensor(x) for name, x in state.items()}
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    return module._call_with(given, args, dict(kwargs or {}))


class _Run:
    """One run of a function on fresh inputs, and the way back to them: what all transforms share."""

    def __init__(
        self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], argnums: Argnums, aux: bool
    ) -> None:
        self.has_aux = aux
        self.single = not isinstance(argnums, tuple | list)
        places = [
            _place(i, len(args)) for i in (argnums if isinstance(argnums, tuple | list) else (argnums,))
        ]
        if len(set(places)) < len(places):
            raise OptionError(f"argnums: an argument is named twice in {argnums}")
        self.outside = is_grad_enabled()
        given = [_tensor(x) for i in places for x in _leaves(args[i])]
        with recording(True):
            # An input with a graph of its own stays connected to it, as a node from which this run starts.
            self.connected = self.outside and any(x.requires_grad for x in given)
            self.inputs = [
                rules.copy(x) if self.outside and x.requires_grad else _leaf_of_now(x) for x in given
            ]
            self.since = tick()
            fresh, again = iter(self.inputs), iter(self.inputs)
            called = list(args)
            for i in places:
                called[i] = _rebuilt(args[i], fresh)
            self.chosen = [_rebuilt(args[i], again) for i in places]  # the function may change its own
            returned = function(*called, **kwargs)
        if aux and not (isinstance(returned, tuple) and len(returned) == 2):
            raise DTypeError("has_aux=True: the function must return a pair (output, aux)")
        self.output: Any = returned[0] if aux else returned
        self.aux: Any = returned[1] if aux else None
        self.outputs = list(_leaves(self.output))
        for y in self.outputs:
            if not isinstance(y, Tensor):
                raise DTypeError(
                    f"the function must return Tensors, not {type(y).__name__} (rebuilt from .data?)"
                )
        self.connected = self.connected or (self.outside and self._depends_on_others())

    def _depends_on_others(self) -> bool:
        """Whether the outputs also depend on tensors that require grad and are none of the inputs."""
        own: set[Node] = set(self.inputs)
        return any(
            parent._tick <= self.since and parent not in own
            for y in self.outputs
            if y.requires_grad and y._tick > self.since
            for node in topological_order(y, self.since)
            for parent in node.parents
        )

    def pull_back(self, cotangents: Sequence[Any]) -> list[Tensor]:
        """The gradient of each input, for a cotangent of each output; with a graph if one is needed."""
        seeds = [_tensor(seed) for seed in cotangents]
        create = self.connected or (is_grad_enabled() and any(seed.requires_grad for seed in seeds))
        totals: dict[Node, Any] = {}

        def receive(node: Node, gradient: Any) -> None:
            if node in own:
                if create and not isinstance(gradient, Tensor):
                    gradient = Tensor(gradient)
                elif not create and not (type(gradient) is np.ndarray and is_only_here(gradient)):
                    gradient = np.asarray(gradient) if np.isscalar(gradient) else gradient.copy("K")
                held = totals.get(node)
                totals[node] = gradient if held is None else held + gradient

        own: set[Node] = set(self.inputs)
        for y, seed in zip(self.outputs, seeds, strict=True):
            if y.requires_grad:
                start = seed if create else seed.data
                propagate(y, start, receive, retain_graph=True, create_graph=create, since=self.since)
        with recording(create):
            return [
                Tensor(np.zeros(x.shape, x.dtype))
                if x not in totals
                else rules.copy(totals[x])  # no two gradients share memory
                if create
                else Tensor.from_numpy(totals[x])
                for x in self.inputs
            ]

    def of_arguments(self, leaves: Sequence[Any]) -> Any:
        """One value for each input, in the structure of the arguments."""
        values = iter(leaves)
        trees = [_rebuilt(tree, values) for tree in self.chosen]
        return trees[0] if self.single else tuple(trees)

    def like_output(self, leaves: Sequence[Any]) -> Any:
        """One value for each output, in the structure of the output."""
        return _rebuilt(self.output, iter(leaves))

    def detached(self, tree: Any) -> Any:
        """A result without the graph of this run, unless the caller's own graph goes through it."""
        if self.connected:
            return tree
        return _rebuilt(tree, (x.detach() if isinstance(x, Tensor) else x for x in _leaves(tree)))

    def result(self) -> Any:
        """What the function returned."""
        output = self.detached(self.output)
        return (output, self.detached(self.aux)) if self.has_aux else output


# --------------------------------------------------------------------------------------------- trees


def _leaves(tree: Tree) -> Iterator[Any]:
    """What a tree holds, in order."""
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, tuple | list):
        if tree is not None:
            yield tree
        return
    for branch in tree:
        yield from _leaves(branch)


def _rebuilt(tree: Tree, leaves: Iterator[Any]) -> Tree:
    """A tree of the same structure, with the next leaves in it."""
    if isinstance(tree, dict):
        return {key: _rebuilt(branch, leaves) for key, branch in tree.items()}
    if isinstance(tree, tuple | list):
        branches = [_rebuilt(branch, leaves) for branch in tree]
        return type(tree)(*branches) if hasattr(tree, "_fields") else type(tree)(branches)
    return None if tree is None else next(leaves)


def _matching(what: str, tree: Tree, like: Tree) -> list[Tensor]:
    """The leaves of a tree, in the order of another one of the same structure and shapes."""
    found = [_tensor(x) for x in _aligned(what, tree, like)]
    shapes, needed = [x.shape for x in found], [x.shape for x in _leaves(like)]
    if shapes != needed:
        raise ShapeError(f"{what} must have shape {_listed(needed)}, not {_listed(shapes)}")
    return found


def _aligned(what: str, tree: Tree, like: Tree) -> Iterator[Any]:
    """The leaves of a tree in the order of `like`, whose structure it must have."""
    if isinstance(like, tuple | list | dict):
        keys = list(like) if isinstance(like, dict) else range(len(like))
        if isinstance(like, dict) != isinstance(tree, dict) or not isinstance(tree, tuple | list | dict):
            raise ShapeError(
                f"{what}: a {type(tree).__name__} stands where a {type(like).__name__} is needed"
            )
        own = list(tree) if isinstance(tree, dict) else range(len(tree))
        if set(own) != set(keys):
            raise ShapeError(f"{what}: needs the parts {_listed(keys)}, and has {_listed(own)}")
        for key in keys:
            yield from _aligned(what, tree[key], like[key])
    elif like is not None:
        yield tree


def _listed(items: Any) -> str:
    return ", ".join([str(item) for item in items]) or "nothing"


def _check_tuples(name: str, primals: object, tangents: object) -> None:
    if not (isinstance(primals, tuple | list) and isinstance(tangents, tuple | list)):
        raise DTypeError(f"{name}: primals and tangents are tuples, as in {name}(f, (x,), (v,))")


def _tensor(x: Any) -> Tensor:
    if isinstance(x, Node) and not isinstance(x, Tensor):
        raise DTypeError(f"transforms derive by tensors, arrays and numbers, not by {type(x).__name__}")
    tensor = x if isinstance(x, Tensor) else Tensor(x)
    if tensor.dtype.kind != "f":
        raise DTypeError(
            f"transforms derive by floating-point numbers, not {tensor.dtype}. Try 2.0, or x.astype(float)."
        )
    return tensor


def _leaf_of_now(x: Tensor) -> Tensor:
    """A leaf with a copy of x and the present tick, by which an outer run knows that it was made inside."""
    leaf = Tensor(x, requires_grad=True)
    leaf._tick = tick()
    return leaf


def _place(i: int, count: int) -> int:
    i = index(i)
    if not -count <= i < count:
        raise OptionError(
            f"argnums: there is no positional argument {i} among {count}. "
            "Pass what to derive by without its name."
        )
    return i % count


if not TYPE_CHECKING:
    __getattr__ = answers(__name__)
