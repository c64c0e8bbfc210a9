"""Writing files so that a reader finds the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether what is written there is passed on, as by a pipe or a device, and no file to be replaced.

    >>> is_stream(os.devnull), is_stream("no such file")
    (True, False)
    """
    path = os.path.abspath(path)
    if path.startswith(("/dev/std", "/dev/fd/", "/proc/")):  # perhaps of a file, which is not to be replaced
        return True
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file through a temporary one beside it, which takes its name once it is whole and on the disk.

    A link stays, and the file that it leads to is replaced. A stream is written to as it is.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder, "note"), b"whole")
    ...     Path(folder, "note").read_bytes()
    b'whole'
    """
    if is_stream(path):
        with open(path, "ab") as file:
            file.write(content)
        return
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    with contextlib.suppress(OSError):  # the new name on the disk too, where the system can
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
