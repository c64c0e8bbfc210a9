"""A generator of random numbers with PyTorch's words; minitensor's own are in random.py."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from minitensor.context import effect
from minitensor.devices import Device


class Generator(np.random.Generator):
    """NumPy's generator, as PyTorch's scripts make one: for `generator=` and `rng=`.

    >>> from minitensor import randint
    >>> g = Generator().manual_seed(2147483647)
    >>> randint(0, 10, (3,), generator=g).tolist() == randint(0, 10, (3,), rng=2147483647).tolist()
    True
    """

    def __init__(self, device: object = "cpu") -> None:
        Device(device)
        super().__init__(np.random.PCG64())

    def manual_seed(self, seed: int) -> Self:
        """Begin again, with the numbers of this seed."""
        self._begin(seed)
        return self

    @effect
    def _begin(self, seed: int) -> None:
        self.bit_generator.state = np.random.PCG64(seed).state

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (), self.bit_generator.state

    def __setstate__(self, state: Any) -> None:
        self.bit_generator.state = state
