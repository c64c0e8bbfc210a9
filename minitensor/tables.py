"""Tables as plain text: rich's, without lines or colours, as wide as what is in them."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from typing import Literal


def shown(text: object) -> str:
    """Text for one line: what could break the line, or steer a terminal, as Python writes it.

    >>> shown("Côte d'Ivoire"), shown("a" + chr(10) + "b"), shown(3)
    ("Côte d'Ivoire", 'a\\\\nb', '3')
    """
    return "".join([c if c.isprintable() else repr(c)[1:-1] for c in str(text)])


def table(align: str, rows: Iterable[Sequence[object]], header: Sequence[str] = ()) -> str:
    """Rows in columns, two spaces apart.

    The text is the same for a terminal, a pipe and a file, and no column is cut or folded to fit any of them.

    Args:
        align: A letter for each column: "l" for left, "r" for right.
        rows: What is in the columns, as many as there are letters.
        header: The names of the columns.

    >>> print(table("lrl", [("loss", 0.5, "first step"), ("weights", 12.25, "")], ["", "found", ""]))
             found
    loss       0.5  first step
    weights  12.25
    """
    from rich.console import Console
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, show_header=bool(header))
    for i, letter in enumerate(align):
        justify: Literal["left", "right"] = "right" if letter == "r" else "left"
        grid.add_column(header[i] if header else "", justify=justify)
    for row in rows:
        grid.add_row(*[str(cell).expandtabs() for cell in row])  # rich takes a tab for one space
    text = io.StringIO()
    Console(
        file=text,
        width=sys.maxsize,
        force_terminal=False,  # whatever the environment says
        force_jupyter=False,
        markup=False,  # a cell may be the name of a file, with [brackets]
        emoji=False,
        highlight=False,
    ).print(grid)
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip("\n").split("\n"))
