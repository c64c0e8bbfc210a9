"""Write what is generated from the operations: the stub of methods and the page that lists them.

python -m tools.generate
"""

from __future__ import annotations

from tools import methods_stub, operations_page

GENERATED = (methods_stub, operations_page)
"""Each has a PATH, and a function text() that says what stands there."""


def main() -> None:
    """Write all of them."""
    for page in GENERATED:
        page.PATH.write_text(page.text(), encoding="utf-8")


if __name__ == "__main__":
    main()
