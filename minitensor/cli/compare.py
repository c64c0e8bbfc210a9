"""`minitensor compare`: one network in scalar and in tensor mode, side by side."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict

from minitensor.cli import task
from minitensor.errors import OptionError
from minitensor.modes import BOUNDS, Comparison, Cost, Point, Watch, compare, matrix_product_rate, scale
from minitensor.tables import table

MODES = ("scalar", "tensor", "scalar / tensor")


def run(options: argparse.Namespace) -> int:
    """Compare, report, and return 1 if the modes disagree."""
    layers = options.layers
    if len(layers) < 2:
        raise OptionError("--layers takes at least two widths, of the input and of the output")
    task.check_picture(options.plot)
    with _progress() as watch:
        found = compare(layers, options.batch_size, options.steps, options.activation, options.seed, watch)
        found.scaling = scale(layers, options.batch_size, options.activation, options.seed, watch)
        found.product_rate = matrix_product_rate()
    print(json.dumps(_record(found)) if options.json else report(found))
    if options.plot:
        with task.drawing(options.plot):
            _draw(found, options.plot)
    if found.agrees:
        return 0
    faults = [name for name, bound in BOUNDS.items() if not found.differences[name] <= bound]
    task.say(f"the modes disagree in {' and '.join(faults)}")
    return 1


def _draw(found: Comparison, path: str) -> None:
    """Draw the time of a step against its multiplications: both modes, and the hardware at its best."""
    from minitensor.training.plots import figure_of, save

    figure, axes = figure_of(1, len(found.scaling), (10, 4))
    for axis, (name, points) in zip(axes[0], found.scaling.items(), strict=True):
        work = [point.multiplications for point in points]
        measured = [point for point in points if point.measured]
        if len(measured) < len(points):
            axis.loglog(work, [p.scalar for p in points], "--", color="C1", label="scalar mode, extrapolated")
        axis.loglog(
            [p.multiplications for p in measured],
            [p.scalar for p in measured],
            *("o-",),
            color="C1",
            label="scalar mode",
        )
        axis.loglog(work, [p.tensor for p in points], "o-", color="C0", label="tensor mode")
        best = [n / found.product_rate for n in work]
        axis.loglog(work, best, ":", color="gray", label="a large matrix product")
        axis.set_title(f"{name} doubled from {points[0].size} to {points[-1].size}")
        axis.set_xlabel("multiplications in a training step")
        axis.set_ylabel("seconds")
        axis.grid(alpha=0.3)
        axis.set_ylim(1e-8, 1e4)  # the same in both, with room for the legend
        axis.legend(loc="upper left")
    save(figure, path)


@contextlib.contextmanager
def _progress() -> Iterator[Watch]:
    """A live line on standard error, if that is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda words: None
        return
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield status.update


def _record(found: Comparison) -> dict[str, object]:
    """What `--json` prints."""
    scaling = {name: [point._asdict() for point in points] for name, points in found.scaling.items()}
    return {**asdict(found), "scaling": scaling, "bounds": BOUNDS, "agrees": found.agrees}


def report(found: Comparison) -> str:
    """The tables, and what was seen in plain words."""
    network = " → ".join(map(str, found.layers))
    parts = [
        f"MLP {network}, {found.activation}, {_count(found.parameters, 'parameter')}, on "
        f"{_count(found.batch, 'digit')}; cross-entropy, SGD with momentum, float64",
        _costs(found.scalar, found.tensor),
        _differences(found),
        *[_scaling(name, points, found) for name, points in found.scaling.items()],
    ]
    if any(not point.measured for points in found.scaling.values() for point in points):
        parts.append("~ extrapolated, in proportion to the multiplications")
    return "\n\n".join([*parts, summary(found)])


def _costs(one: Cost, many: Cost) -> str:
    quantities: list[tuple[str, float, float, Callable[[float], str]]] = [
        ("nodes in the graph", one.nodes, many.nodes, "{:,}".format),
        ("forward", one.forward, many.forward, _seconds),
        ("backward", one.backward, many.backward, _seconds),
        ("update", one.update, many.update, _seconds),
        ("in all", one.step, many.step, _seconds),
        ("memory", one.memory, many.memory, _bytes),
    ]
    rows = [(name, shown(a), shown(b), _ratio(a, b)) for name, a, b, shown in quantities]
    return table("lrrr", rows, ["one step", *MODES])


def _differences(found: Comparison) -> str:
    places = {"loss": "first step", "gradients": "first step", "weights": _count(found.steps, "step")}
    rows = [
        (name, f"{found.differences[name]:.1e}", f"{bound:.0e}", places[name])
        for name, bound in BOUNDS.items()
    ]
    return table("lrrl", rows, ["largest difference", "found", "allowed", ""])


def _scaling(name: str, points: list[Point], found: Comparison) -> str:
    fixed = f"batch {found.batch}" if name == "width" else f"width {_width(found)}"
    rows = []
    for point in points:
        about = "" if point.measured else "~"
        times = about + _seconds(point.scalar), _seconds(point.tensor)
        ratio = about + _ratio(point.scalar, point.tensor)
        rows.append((f"{point.size:,}", *times, ratio, f"{point.multiplications:,}"))
    return table("lrrrr", rows, [f"{name}, {fixed}", *MODES, "multiplications"])


def summary(found: Comparison) -> str:
    """What was seen, in plain words."""
    if not found.agrees:
        faults = [name for name, bound in BOUNDS.items() if not found.differences[name] <= bound]
        if faults == ["weights"] and found.steps > 1:
            return (
                f"The first step agrees; after {found.steps} steps the weights differ by more than allowed. "
                "Either the updates are not the same, or training amplified rounding: try fewer --steps."
            )
        return "The two modes do not agree: what is computed one number at a time is not what arrays compute."
    one, many = found.scalar, found.tensor
    sentences = [
        f"The same rules gave the same numbers, to {max(found.differences.values()):.0e}.",
        f"What scalar mode does in {one.nodes:,} nodes, tensor mode does in {many.nodes}: in 1/"
        f"{_ratio(one.step, many.step)} of the time, and 1/{_ratio(one.memory, many.memory)} of the memory.",
    ]
    if found.scaling:
        first, last = found.scaling["width"][0], found.scaling["width"][-1]
        approximately = "" if last.measured else ", by extrapolation,"
        sentences.append(
            f"A network with {_ratio(last.multiplications, first.multiplications)} times the multiplications "
            f"takes scalar mode{approximately} {_ratio(last.scalar, first.scalar)} times as long, and "
            f"tensor mode {_ratio(last.tensor, first.tensor)} times."
        )
    return "\n".join(sentences)


def _width(found: Comparison) -> int:
    return found.layers[1] if len(found.layers) > 2 else 32


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _ratio(a: float, b: float) -> str:
    """How many times b goes into a."""
    ratio = a / b if b else float("inf")
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}"


def _seconds(t: float) -> str:
    for unit, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if t >= unit:
            return f"{t / unit:,.3g} {name}" if t / unit < 1000 else f"{t / unit:,.0f} {name}"
    return f"{t / 1e-6:.2g} µs"


def _bytes(n: float) -> str:
    for unit, name in ((2**30, "GB"), (2**20, "MB"), (2**10, "kB")):
        if n >= unit:
            return f"{n / unit:.3g} {name}"
    return f"{n:.0f} B"
