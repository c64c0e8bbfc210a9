"""Peers that take turns: each in a process of its own, asked to run a number of times, and timed.

In one process the threads and the memory of one library would disturb the others. Taking turns (A B C A B
C ...), with whatever else the machine does meeting all alike, makes their ratios comparable; nothing makes
one absolute time so.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from statistics import median
from typing import Any, NamedTuple

from benchmarks import memory, use_all_cores

SETTLE = 0.25  # seconds: longer than idle threads of OpenBLAS, OpenMP and XLA spin
WARM_UP = 0.4  # seconds: longer than a processor needs to leave its rest, during which it may be half as fast
Build = Callable[..., Callable[[], Any]]


class Run(NamedTuple):
    """What a peer answers."""

    seconds: float  # per call
    result: Any  # of the last call
    peak: int  # bytes of memory at most so far


class Worker:
    """A process that builds something to call, and calls it when asked.

    Args:
        build: A function of a module, which imports what it needs and returns what is to be timed.
        args: Its arguments.
    """

    def __init__(self, build: Build, *args: Any) -> None:
        context = multiprocessing.get_context("spawn")  # nothing of this process is there already
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(build, args, theirs), daemon=True)
        self._process.start()

    def run(self, count: int = 1, warm_up: int = 0) -> Run:
        """Call `count` times, after some that do not count.

        Raises:
            RuntimeError: With the message of what failed there.
        """
        self._pipe.send((count, warm_up))
        answer = self._pipe.recv()
        if isinstance(answer, str):
            raise RuntimeError(answer)
        return Run(*answer)

    def stop(self) -> None:
        """End the process."""
        self._pipe.send(None)
        self._process.join()


def _serve(build: Build, args: tuple[Any, ...], pipe: Connection) -> None:
    call: Callable[[], Any] | None = None
    while True:
        try:
            request = pipe.recv()
        except EOFError:  # whoever asked is gone
            return
        if request is None:
            return
        count, warm_up = request
        try:
            call = call or build(*args)
            for _ in range(warm_up):
                call()
            start = time.perf_counter()
            for _ in range(count):
                result = call()
            seconds = (time.perf_counter() - start) / count
            pipe.send((seconds, result, memory("VmHWM")))
        except Exception as error:
            pipe.send(f"{type(error).__name__}: {error}")


class Times(dict[str, list[float]]):
    """Seconds per call, of every round of every peer."""

    def ratio(self, one: str, other: str) -> float:
        """Of their medians."""
        return median(self[one]) / median(self[other])

    def ratio_of_minima(self, one: str, other: str) -> float:
        """The same of their fastest rounds, which the rest of the machine disturbed least."""
        return min(self[one]) / min(self[other])


def take_turns(workers: dict[str, Worker], rounds: int, seconds: float = 0.0) -> Times:
    """Time all workers, round by round; each warms up, then runs as often as takes `seconds`, or once."""
    counts, warm_ups = {}, {}
    for name, worker in workers.items():
        worker.run(3 if seconds else 1)  # builds, loads and compiles, some at more than the first call
        took = worker.run(5).seconds if seconds else WARM_UP
        counts[name], warm_ups[name] = max(round(seconds / took), 1), max(round(WARM_UP / took), 1)
    times = Times({name: [] for name in workers})
    for _ in range(rounds):
        for name, worker in workers.items():
            time.sleep(SETTLE)
            times[name].append(worker.run(counts[name], warm_ups[name]).seconds)
    return times


use_all_cores()
