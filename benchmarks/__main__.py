"""`python -m benchmarks`: measure everything, or what is named, and print tables.

    python -m benchmarks                       all of it, in about 20 minutes
    python -m benchmarks steps moons           some of it
    python -m benchmarks --save results        also as Markdown, JSON and a picture, into a folder
    python -m benchmarks --check               a small part, which fails if a ratio has grown

Libraries that are not installed are left out: `pip install -e ".[benchmarks]"` installs all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import chain, epoch, import_time, leak, moons, operations, steps
from benchmarks.table import Table

MEASUREMENTS: dict[str, tuple[Callable[[int], Table], int]] = {
    "steps": (steps.steps, 15),
    "inference": (steps.inference, 10),
    "growth": (steps.growth, 5),
    "epoch": (epoch.measure, 9),
    "moons": (moons.measure, 11),
    "operations": (operations.measure, 20),
    "chain": (chain.measure, 1),
    "leak": (leak.measure, 1),
    "import": (import_time.measure, 15),
}
"""By name: what measures it, and in how many rounds."""


def main() -> int:
    """Measure, print, and save."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(MEASUREMENTS))
    parser.add_argument("--rounds", type=int, help="how often each takes its turn")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write results.md, .json and .png")
    parser.add_argument("--check", action="store_true", help="a small part, with limits on its ratios")
    options = parser.parse_args()
    unknown = set(options.names) - MEASUREMENTS.keys()
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}")
    if options.check:
        print(steps.check().markdown())
        return 0
    load = os.getloadavg()[0]
    tables = {}
    for name in options.names or MEASUREMENTS:
        measure, rounds = MEASUREMENTS[name]
        try:
            tables[name] = measure(options.rounds or rounds)
        except (ModuleNotFoundError, RuntimeError) as error:  # a library that is not here
            print(f"{name}: left out: {error}\n", file=sys.stderr)
            continue
        print(tables[name].markdown(), end="\n\n", flush=True)
    print(f"The load at the start was {load:.1f}.")
    if options.save:
        save(tables, options.save)
    return 0


def save(tables: dict[str, Table], folder: Path) -> None:
    """Write the tables as Markdown and JSON, and the steps as a picture if there is matplotlib."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(table.markdown() for table in tables.values())
    (folder / "results.md").write_text(text + "\n", encoding="utf-8")
    record = {name: table.record() for name, table in tables.items()}
    (folder / "results.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if "steps" not in tables:
        return
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return
    cases = list(dict.fromkeys(row[0] for row in tables["steps"].rows))
    figure = Figure(figsize=(11, 4), layout="tight")
    for axis, case in zip(figure.subplots(1, len(cases)), cases, strict=True):
        rows = [row for row in tables["steps"].rows if row[0] == case][::-1]
        colors = ["C0" if row[1] in ("compiled", "eager") else "C7" for row in rows]
        axis.barh([row[1] for row in rows], [row[2] for row in rows], color=colors)
        axis.set_title(case)
        axis.set_xlabel("ms")
    figure.savefig(folder / "results.png", dpi=120)


if __name__ == "__main__":
    sys.exit(main())
