"""What a measurement comes to: a title, columns of words and numbers, and what must be said with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Table:
    """The outcome of one measurement.

    Args:
        title: What was measured, in which units.
        columns: The names of the columns, the first of words.
        rows: A word and numbers each, or None for what there is not.
        notes: Versions, cores, and what else a reader must know.
    """

    title: str
    columns: Sequence[str]
    rows: list[list[Any]] = field(default_factory=list)
    notes: str = ""

    def markdown(self) -> str:
        """The table, as a page shows it."""
        cells = [list(self.columns), *[[_shown(x) for x in row] for row in self.rows]]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        lines = [
            "| "
            + " | ".join(
                f"{x:{'<' if i == 0 else '>'}{n}}" for i, (x, n) in enumerate(zip(row, widths, strict=True))
            )
            + " |"
            for row in cells
        ]
        rule = "| " + " | ".join("-" * (n - (i > 0)) + ":" * (i > 0) for i, n in enumerate(widths)) + " |"
        return "\n".join([f"**{self.title}**", "", lines[0], rule, *lines[1:], "", self.notes]).rstrip()

    def record(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self)


def _shown(x: Any) -> str:
    if x is None:
        return ""
    if isinstance(x, float):
        return f"{x:.3g}" if abs(x) < 100 else f"{x:,.0f}"
    return f"{x:,}" if isinstance(x, int) else str(x)
