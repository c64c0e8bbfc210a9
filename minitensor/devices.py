"""The one device there is, the CPU, for scripts that name it or ask for another."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitensor.errors import OptionError

_OTHERS = (
    "cuda",
    "mps",
    "xpu",
    "hip",
    "hpu",
    "xla",
    "tpu",
    "gpu",
    "vulkan",
    "meta",
    "ipu",
    "mtia",
    "privateuseone",
)


class Device:
    """The CPU, which `minitensor.device("cpu")` gives and `x.device` is.

    Raises:
        OptionError: If it is to be another.

    >>> Device("cpu")
    device(type='cpu')
    >>> Device("cpu").type
    'cpu'
    """

    __slots__ = ()
    type = "cpu"
    index = None

    def __init__(self, name: object = "cpu", index: int = 0) -> None:
        if not isinstance(name, Device) and name not in ("cpu", "cpu:0"):
            raise OptionError(
                f'device {name!r}: minitensor computes on the CPU alone. Write "cpu", or no device.'
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device)

    def __hash__(self) -> int:
        return hash("cpu")

    def __str__(self) -> str:
        return "cpu"

    def __repr__(self) -> str:
        return "device(type='cpu')"


CPU = Device()


def dtype_to(*args: Any, **options: Any) -> np.dtype[Any] | None:
    """The dtype that `x.to(...)` names, as PyTorch has it: dtype, device, (device, dtype), tensor; or None.

    PyTorch's other arguments, such as non_blocking, are about copies between devices, and mean nothing.

    Raises:
        OptionError: If it names another device, or something else.

    >>> dtype_to("cpu", np.float64), dtype_to(np.zeros(2)), dtype_to(device="cpu", non_blocking=True)
    (dtype('float64'), dtype('float64'), None)
    """
    unknown = options.keys() - {"dtype", "device", "tensor", "other", "non_blocking", "copy", "memory_format"}
    if unknown:
        raise OptionError(f'to: no argument {", ".join(sorted(unknown))}. Write to(dtype) or to("cpu").')
    named = [options.get(name) for name in ("device", "dtype", "tensor", "other")]
    found: np.dtype[Any] | None = None
    for x in (*args, *named):
        if x is None or type(x) is bool:  # non_blocking, copy
            continue
        if isinstance(x, Device | int) or (isinstance(x, str) and x.partition(":")[0] in ("cpu", *_OTHERS)):
            Device(x)
        elif hasattr(x, "shape") and hasattr(x, "dtype") and not isinstance(x, type):
            found = np.dtype(x.dtype)
        else:
            found = _dtype(x)
    return found


def _dtype(x: object) -> np.dtype[Any]:
    try:
        return np.dtype(x)  # type: ignore[call-overload]
    except TypeError:
        raise OptionError(f'to: takes a dtype, a tensor or "cpu", not {x!r}') from None
