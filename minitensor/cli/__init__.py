"""The command line: `minitensor train`, `evaluate`, `predict`, `export`, `info` and `compare`.

Results go to standard output, progress and errors to standard error.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

INTERRUPTED = 130  # what a shell reports for a command ended by Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 is success, 1 a run that failed or diverged, 2 bad arguments or bad files, 130 a run ended by Ctrl-C.
    """
    try:
        return _run(argv)
    except KeyboardInterrupt:
        return _fail("interrupted before there was a result", INTERRUPTED)


def _run(argv: Sequence[str] | None) -> int:
    from minitensor.cli.options import parser

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may not know every character
    options = parser().parse_args(argv)
    from minitensor.errors import CheckpointError, DataError, OptionError, ShapeError

    try:
        return int(options.run(options))
    except (CheckpointError, DataError, OptionError, ShapeError) as error:
        return _fail(str(error), 2)
    except MemoryError as error:
        return _fail(f"not enough memory: {error}. Try a smaller network or batch.", 1)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # a full disk, say
        return _fail(f"{error.filename or 'a file'}: {error.strerror or error}", 1)


def _fail(message: str, code: int) -> int:
    if sys.stderr is not None:  # it may be closed
        from minitensor.tables import shown

        print(f"minitensor: {shown(message)}", file=sys.stderr)
    return code
