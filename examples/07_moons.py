"""Two moons in both modes, side by side: the same network, steps and picture, and the two times.

python examples/07_moons.py             draws in the terminal
python examples/07_moons.py moons.png   draws into a file as well (needs matplotlib)
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minitensor import Tensor, Value, nn, no_grad, optim
from minitensor.data import make_moons
from minitensor.nn import functional, scalar

Array = NDArray[np.float64]
STEPS = 30
x, labels = make_moons(100, noise=0.1, rng=1)
targets = 2.0 * labels - 1  # hinge loss: −1 for the one moon, 1 for the other
points = x.astype(np.float64)

one_by_one = scalar.MLP(2, [16, 16, 1], activation="tanh", rng=0)
all_at_once = nn.MLP(2, [16, 16, 1], activation="tanh", dtype=np.float64)
all_at_once.load_scalar(one_by_one)  # the same weights


def scalar_scores(rows: Array) -> list[Value]:
    return [one_by_one(row) for row in rows]


def tensor_scores(rows: Array) -> Tensor:
    scores: Tensor = all_at_once(rows).reshape(-1)
    return scores


def train(model: scalar.MLP | nn.MLP, scores: Callable[[Array], Any]) -> tuple[float, float]:
    """Take the steps; these lines do not know the mode."""
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    start = time.perf_counter()
    for _ in range(STEPS):
        loss = functional.hinge_loss(scores(points), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.data), time.perf_counter() - start


losses, times = zip(*[train(one_by_one, scalar_scores), train(all_at_once, tensor_scores)], strict=True)

# The decision of both networks at every place of a grid, seen from above.
across, down = np.linspace(-1.5, 2.5, 38), np.linspace(1.5, -1.0, 18)
grid = np.array([(a, b) for b in down for a in across])
with no_grad():
    pictures = [
        np.reshape([score.data for score in scalar_scores(grid)], (18, 38)),
        tensor_scores(grid).numpy().reshape(18, 38),
    ]


def drawing(picture: Array) -> list[str]:
    """One line of text for each row of the grid: the two sides of the boundary, and the points as o and x."""
    characters = np.where(picture > 0, "▒", " ")
    columns = np.abs(points[:, :1] - across).argmin(axis=1)
    rows = np.abs(points[:, 1:] - down).argmin(axis=1)
    characters[rows, columns] = np.where(targets > 0, "x", "o")
    return ["".join(row) for row in characters]


print(f"{'scalar mode':38}    tensor mode")
for left, right in zip(*map(drawing, pictures), strict=True):
    print(f"{left}    {right}")
print(f"{f'{times[0]:<8.3f}seconds for {STEPS} steps':42}{times[1]:.3f}")
print(f"{f'{losses[0]:<8.4f}loss of the last':42}{losses[1]:.4f}")
print(f"largest difference of the scores: {np.abs(pictures[0] - pictures[1]).max():.0e}")

if len(sys.argv) > 1:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="tight")
    names = ("scalar mode", "tensor mode")
    for axis, name, picture, seconds in zip(figure.subplots(1, 2), names, pictures, times, strict=True):
        axis.contourf(across, down, picture > 0, levels=[-0.5, 0.5, 1.5], colors=["#cfe3f5", "#fbdcc4"])
        axis.scatter(*points.T, c=targets, cmap="coolwarm", s=18)
        axis.set_title(name)
        axis.set_xlabel(f"{seconds:.3f} s for {STEPS} steps")
    figure.savefig(sys.argv[1], dpi=120)
