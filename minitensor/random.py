"""The one source of randomness: initialisation, shuffling, splitting and dropout all draw from here.

NumPy's global state is neither read nor changed. Everything that draws also takes `rng=`.
"""

from __future__ import annotations

import numpy as np

from minitensor.context import Drawn, Onlooker
from minitensor.core.watcher import here

_generator: np.random.Generator | None = None


def manual_seed(seed: int) -> np.random.Generator:
    """Restart the project-wide generator, so that one seed gives identical bits.

    Args:
        seed: A non-negative integer.

    Returns:
        The new generator.

    >>> import minitensor
    >>> minitensor.manual_seed(0).random() == minitensor.manual_seed(0).random()
    True
    """
    watcher = here.state.watcher
    if isinstance(watcher, Onlooker):
        return watcher.draws(_seeded, seed)
    return _seeded(seed)


def _seeded(seed: int) -> np.random.Generator:
    global _generator
    _generator = np.random.default_rng(seed)
    return _generator


def generator(rng: np.random.Generator | int | None = None) -> np.random.Generator:
    """The generator to draw from: `rng`, one seeded with the integer `rng`, or else the project-wide one.

    >>> generator(7).random() == generator(7).random()
    True
    """
    if isinstance(rng, Drawn):
        return rng
    watcher = here.state.watcher
    if isinstance(watcher, Onlooker):
        return watcher.draws(_generator_of, rng)
    return _generator_of(rng)


def _generator_of(rng: np.random.Generator | int | None) -> np.random.Generator:
    global _generator
    if rng is not None:
        return np.random.default_rng(rng)
    if _generator is None:
        _generator = np.random.default_rng()
    return _generator
