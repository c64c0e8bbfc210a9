"""One training step of an MLP: minitensor against PyTorch, both eager.

A step is forward, cross-entropy, zero_grad, backward, and SGD with momentum 0.9, in float32. Both start from
the same weights and take the same batches; first their losses over 20 steps must agree.

Each library runs in a process of its own, so that the threads of one cannot disturb the other, with as many
threads as there are cores. The parent asks them in turn (A B A B ...) to time a round of steps that lasts
about 10 ms, so that whatever else the machine does meets both alike. Warm-up is not counted, and before each
round the parent waits until the other library's threads have gone to sleep.

Leave the machine idle meanwhile: one other busy process makes two threads wait for each other, and PyTorch's
median then grows up to a hundredfold. Where the two ratios of a row disagree, or the load was not near 0, do
not believe them.

Run with `python -m benchmarks.step [--rounds 60]`; needs PyTorch.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine, use_all_cores

LEARNING_RATE, MOMENTUM = 0.1, 0.9
ROUND = 0.010  # seconds
SETTLE = 0.050  # seconds: longer than idle OpenBLAS and OpenMP threads spin


@dataclass(frozen=True)
class Case:
    """A network and its batch, small enough to send to a process."""

    widths: tuple[int, ...]
    batch: int

    def weights(self) -> dict[str, NDArray[Any]]:
        """The initial parameters, under the names that both libraries give them."""
        draw = np.random.default_rng(0)
        state = {}
        for layer, (fan_in, fan_out) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            bound = fan_in**-0.5
            state[f"{2 * layer}.weight"] = draw.uniform(-bound, bound, (fan_out, fan_in)).astype(np.float32)
            state[f"{2 * layer}.bias"] = draw.uniform(-bound, bound, fan_out).astype(np.float32)
        return state

    def batches(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Ten batches of inputs and labels."""
        draw = np.random.default_rng(1)
        inputs, classes = self.widths[0], self.widths[-1]
        return [
            (
                draw.standard_normal((self.batch, inputs), dtype=np.float32),
                draw.integers(classes, size=self.batch),
            )
            for _ in range(10)
        ]

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.widths))}, {self.batch}"


CASES = [Case((64, 32, 10), 32), Case((784, 256, 128, 10), 128)]


def training_step(model: Any, loss_of: Any, optimizer: Any, batches: Iterator[Any]) -> Callable[[], Any]:
    """The step itself, the same lines for both libraries."""

    def step() -> Any:
        x, y = next(batches)
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def minitensor_step(case: Case) -> Callable[[], Any]:
    """Build the network in minitensor; the result takes one step and returns the loss."""
    from minitensor import nn, optim

    model = nn.MLP(case.widths[0], case.widths[1:])
    model.load_state_dict(case.weights())
    loss_of = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
    batches = cycle(case.batches())
    return training_step(model, loss_of, optimizer, batches)


def pytorch_step(case: Case) -> Callable[[], Any]:
    """Build the network in PyTorch; the result takes one step and returns the loss."""
    import torch

    layers: list[torch.nn.Module] = []
    for fan_in, fan_out in zip(case.widths, case.widths[1:], strict=False):
        layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    model.load_state_dict({name: torch.from_numpy(array) for name, array in case.weights().items()})
    loss_of = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
    batches = cycle([(torch.from_numpy(x), torch.from_numpy(y)) for x, y in case.batches()])
    return training_step(model, loss_of, optimizer, batches)


PEERS = {"minitensor": minitensor_step, "pytorch": pytorch_step}


def time_steps(step: Callable[[], Any], count: int) -> float:
    """Seconds per step."""
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count


def work(peer: str, parent: Connection) -> None:
    """The process of one library: answer a case with 20 losses, then every number n with n steps' time."""
    step: Callable[[], Any]
    while (request := parent.recv()) is not None:
        if isinstance(request, Case):
            step = PEERS[peer](request)
            parent.send([step().item() for _ in range(20)])
        else:
            time_steps(step, max(request // 10, 1))  # wake the threads and fill the caches
            parent.send(time_steps(step, request))


def ask(worker: Connection, request: Any) -> Any:
    """Send a request to a worker, and wait for the answer."""
    worker.send(request)
    return worker.recv()


def compare(case: Case, workers: dict[str, Connection], rounds: int) -> dict[str, list[float]]:
    """Seconds per step of every round, by library."""
    losses = np.array([ask(worker, case) for worker in workers.values()])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4, err_msg="they do not train alike")
    counts = {peer: max(round(ROUND / ask(worker, 200)), 1) for peer, worker in workers.items()}
    times: dict[str, list[float]] = {peer: [] for peer in workers}
    for _ in range(rounds):
        for peer, worker in workers.items():
            time.sleep(SETTLE)
            times[peer].append(ask(worker, counts[peer]))
    return times


def main() -> None:
    """Compare the libraries on every case, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60, help="rounds per library and network")
    rounds = parser.parse_args().rounds

    load, *_ = os.getloadavg()
    use_all_cores()
    context = multiprocessing.get_context("spawn")
    workers = {}
    for peer in PEERS:
        workers[peer], parent = context.Pipe()
        context.Process(target=work, args=(peer, parent), daemon=True).start()

    print(f"ms per training step; median and minimum of {rounds} rounds")
    print(f"{'network, batch':24}{'minitensor':>18}{'pytorch':>18}{'ratio of medians, minima':>27}")
    for case in CASES:
        times = compare(case, workers, rounds)
        cells = [f"{1e3 * median(t):.4f}  {1e3 * min(t):.4f}" for t in times.values()]
        ours, theirs = times.values()
        ratios = f"{median(ours) / median(theirs):.3f}  {min(ours) / min(theirs):.3f}"
        print(f"{case!s:24}{cells[0]:>18}{cells[1]:>18}{ratios:>27}", flush=True)
    for worker in workers.values():
        worker.send(None)
    print(f"{machine('numpy', 'torch')}; load at the start {load:.1f}")


if __name__ == "__main__":
    main()
