"""Settings and fixtures of the whole suite."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

# scikit-learn skips some of its checks otherwise; SciPy reads it once
os.environ.setdefault("SCIPY_ARRAY_API", "1")


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Python's garbage collector is off, so that memory is freed by reference counts alone."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def own_rules_are_forgotten() -> Iterator[None]:
    """Rules that a test registers are gone when it ends."""
    from minitensor.core.rule import registry

    known = dict(registry)
    yield
    registry.clear()
    registry.update(known)
