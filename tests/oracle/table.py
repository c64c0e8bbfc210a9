"""The table of operations: each with the same one of PyTorch, and the inputs to try both on."""

from __future__ import annotations

from tests.oracle.samples import Row
from tests.oracle.table_elementwise import ACTIVATIONS, ELEMENTWISE
from tests.oracle.table_linear_algebra import LINEAR_ALGEBRA, LINEAR_ALGEBRA_BY_DEFINITION
from tests.oracle.table_losses import LOSSES, LOSSES_OF_FIRST_ORDER
from tests.oracle.table_reductions import OFF_THE_GRAPH, REDUCTIONS, REDUCTIONS_OF_FIRST_ORDER
from tests.oracle.table_shapes import INDEXING, SHAPES
from tests.oracle.table_windows import WINDOWS

ROWS: dict[str, Row] = {
    **ELEMENTWISE,
    **ACTIVATIONS,
    **REDUCTIONS,
    **SHAPES,
    **INDEXING,
    **LINEAR_ALGEBRA,
    **LOSSES,
    **WINDOWS,
}

ROWS_OF_FIRST_ORDER: dict[str, Row] = {
    **REDUCTIONS_OF_FIRST_ORDER,
    **LOSSES_OF_FIRST_ORDER,
}
"""More samples of the same operations, at points where the gradient itself has no gradient to compare."""

ROWS_BY_DEFINITION: dict[str, Row] = LINEAR_ALGEBRA_BY_DEFINITION
"""Where PyTorch's own operation is wrong: against the definition, written in PyTorch."""

ROWS_OFF_THE_GRAPH: dict[str, Row] = OFF_THE_GRAPH
