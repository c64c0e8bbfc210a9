"""The table of operations, from which the tests of them are made: one row for each, in the room of its rule.

Adding an operation means adding its row; tests fail while it is missing. Counterparts in PyTorch are only
named, so that the table does without it.
"""

from __future__ import annotations

from tests.table.activations import ACTIVATIONS
from tests.table.arithmetic import ARITHMETIC
from tests.table.creation import CREATION
from tests.table.elementwise import ELEMENTWISE
from tests.table.indexing import INDEXING
from tests.table.linear_algebra import LINEAR_ALGEBRA
from tests.table.logic import LOGIC
from tests.table.losses import LOSSES
from tests.table.reductions import REDUCTIONS
from tests.table.row import Row
from tests.table.shapes import SHAPES
from tests.table.windows import WINDOWS

ROWS: dict[str, Row] = {
    **ARITHMETIC,
    **ELEMENTWISE,
    **ACTIVATIONS,
    **LOGIC,
    **REDUCTIONS,
    **SHAPES,
    **INDEXING,
    **LINEAR_ALGEBRA,
    **WINDOWS,
    **LOSSES,
    **CREATION,
}
