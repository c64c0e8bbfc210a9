"""Containers: modules whose entries are other modules or parameters, in a row or by name.

An entry is an attribute of its container, under its name or number: so it is found, saved and watched like
those of any module, and what is set as an attribute is an entry, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from operator import index
from typing import Any, ClassVar, Generic, Self, TypeAlias, TypeVar, overload

from minitensor.core.tensor import Tensor, TensorLike
from minitensor.errors import DTypeError
from minitensor.nn.module import Module, Parameter, changes

Entry = TypeVar("Entry", bound="Module | Parameter")
Pairs: TypeAlias = "Mapping[str, Any] | Iterable[tuple[str, Any]]"


class _Container(Module, Generic[Entry]):
    """What rows and tables have in common."""

    _kind: ClassVar[Any] = Module

    def _entries(self) -> dict[str, Entry]:
        kind = self._kind
        return {name: x for name, x in vars(self).items() if isinstance(x, kind)}

    def _checked(self, x: Any) -> Entry:
        """x, if it may be an entry."""
        if not isinstance(x, self._kind):
            cure = ""
            if isinstance(x, list | tuple) and all([isinstance(item, self._kind) for item in x]):
                cure = f" Write {type(self).__name__}(*layers)." if isinstance(self, Sequential) else ""
            what = "layer" if isinstance(self, Sequential) else "entry"
            raise DTypeError(
                f"{type(self).__name__}: every {what} must be a {self._kind.__name__}, "
                f"not {type(x).__name__}.{cure}"
            )
        return x

    def _set_all(self, entries: Mapping[str, Entry]) -> None:
        """Have these entries instead of those that there are."""
        own = vars(self)
        for name in self._entries():
            del own[name]
        own.update(entries)
        changes.advance()

    def __len__(self) -> int:
        return len(self._entries())


class _Row(_Container[Entry]):
    """Entries in a row, by number; their names are their numbers, unless they were given others."""

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries().values())

    def __contains__(self, x: object) -> bool:
        return any([x is entry for entry in self._entries().values()])

    def _name(self, i: int) -> str:
        names = list(self._entries())
        try:
            i = index(i)
        except TypeError:
            raise DTypeError(
                f"{type(self).__name__}: entries have numbers, and slices of them, not {type(i).__name__}"
            ) from None
        if not -len(names) <= i < len(names):
            raise IndexError(f"{type(self).__name__}: there is no entry {i} among {len(names)}")
        return names[i]

    @overload
    def __getitem__(self, i: int) -> Entry: ...
    @overload
    def __getitem__(self, i: slice) -> Self: ...
    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return self._of(dict(list(self._entries().items())[i]))
        return self._entries()[self._name(i)]

    def _of(self, entries: dict[str, Entry]) -> Any:
        """A row of these entries; not of a subclass, which may be made in another way."""
        raise NotImplementedError

    def __setitem__(self, i: int, x: Entry) -> None:
        setattr(self, self._name(i), self._checked(x))

    def __delitem__(self, i: int | slice) -> None:
        rest = list(self._entries().values())
        if not isinstance(i, slice):
            i = list(self._entries()).index(self._name(i))
        del rest[i]
        self._number(rest)

    def _number(self, entries: Iterable[Entry]) -> None:
        self._set_all({str(i): x for i, x in enumerate(entries)})

    def append(self, x: Entry) -> Self:
        """Add an entry at the end."""
        return self.extend([x])

    def extend(self, entries: Iterable[Entry]) -> Self:
        """Add entries at the end."""
        if not isinstance(entries, Iterable):
            raise DTypeError(f"{type(self).__name__}.extend: takes a list, not {type(entries).__name__}")
        new = [self._checked(x) for x in entries]
        names = self._entries()
        free = (str(i) for i in count(len(names)) if str(i) not in names)
        for x in new:
            setattr(self, next(free), x)
        return self

    def insert(self, i: int, x: Entry) -> Self:
        """Put an entry before entry i; then all have their numbers as names."""
        entries = list(self._entries().values())
        entries.insert(i, self._checked(x))
        self._number(entries)
        return self

    def pop(self, i: int = -1) -> Entry:
        """Remove an entry, and return it; then all have their numbers as names."""
        x = self[i]
        del self[i]
        return x

    def __add__(self, other: Iterable[Entry]) -> Self:
        return self._of({}).extend(self).extend(other)

    def __iadd__(self, other: Iterable[Entry]) -> Self:
        return self.extend(other)


class _Table(_Container[Entry]):
    """Entries by name, in the order in which they were first set."""

    def __init__(self, entries: Pairs | None = None) -> None:
        if entries is not None:
            self.update(entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries())

    def __contains__(self, name: object) -> bool:
        return name in self._entries()

    def __getitem__(self, name: str) -> Entry:
        return self._entries()[self._known(name)]

    def __setitem__(self, name: str, x: Any) -> None:
        self.update([(name, x)])

    def __delitem__(self, name: str) -> None:
        delattr(self, self._known(name))

    def _known(self, name: str) -> str:
        entries = self._entries()
        if name not in entries:
            raise KeyError(
                f"{type(self).__name__} has no entry {name!r}. There are {', '.join(entries) or 'none'}."
            )
        return name

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._entries().keys()

    def values(self) -> Iterable[Entry]:
        """The entries."""
        return self._entries().values()

    def items(self) -> Iterable[tuple[str, Entry]]:
        """The names with their entries."""
        return self._entries().items()

    def get(self, name: str, default: Any = None) -> Any:
        """The entry of that name, or else the default."""
        return self._entries().get(name, default)

    def update(self, entries: Pairs) -> None:
        """Set several entries: of a mapping, or of pairs (name, entry). All, or none if one is refused."""
        pairs = entries.items() if hasattr(entries, "items") else entries
        try:
            new = {name: self._checked(x) for name, x in pairs}
        except (ValueError, TypeError) as error:
            if isinstance(error, DTypeError):
                raise
            raise DTypeError(
                f"{type(self).__name__}: takes a dict, or pairs (name, entry), not {type(entries).__name__}"
            ) from None
        for name in new:
            self._check_name(name)
        for name, x in new.items():
            setattr(self, name, x)

    def pop(self, name: str) -> Entry:
        """Remove an entry, and return it."""
        x = self[name]
        del self[name]
        return x

    def clear(self) -> None:
        """Remove all entries."""
        self._set_all({})


class ModuleList(_Row[Module]):
    """Modules in a row, for a forward that calls them.

    >>> from minitensor import nn
    >>> layers = ModuleList([nn.Linear(2, 2) for _ in range(3)]).append(nn.ReLU())
    >>> len(layers), len(layers[1:]), layers[-1]
    (4, 3, ReLU())
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        if modules is not None:
            self.extend(modules)

    def _of(self, entries: dict[str, Module]) -> ModuleList:
        return ModuleList(entries.values())

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("ModuleList: has no forward. Call its modules, or use Sequential.")


class ModuleDict(_Table[Module]):
    """Modules by name, for a forward that calls them.

    >>> from minitensor import nn
    >>> heads = ModuleDict({"score": nn.Linear(4, 1)})
    >>> heads["label"] = nn.Linear(4, 10)
    >>> list(heads)
    ['score', 'label']
    """

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("ModuleDict: has no forward. Call its modules.")


class ParameterList(_Row[Parameter]):
    """Parameters in a row; of tensors and arrays it makes some.

    >>> [parameter.shape for parameter in ParameterList([Parameter([1.0, 2.0]), [3.0]])]
    [(2,), (1,)]
    """

    _kind = Parameter

    def __init__(self, values: Iterable[TensorLike] | None = None) -> None:
        if values is not None:
            self.extend(values)  # type: ignore[arg-type]

    def _of(self, entries: dict[str, Parameter]) -> ParameterList:
        return ParameterList(entries.values())

    def _checked(self, x: Any) -> Parameter:
        return super()._checked(_as_parameter(x))


class ParameterDict(_Table[Parameter]):
    """Parameters by name; of tensors and arrays it makes some.

    >>> rates = ParameterDict({"decay": [0.5]})
    >>> rates["decay"]
    Parameter([0.5], requires_grad=True)
    """

    _kind = Parameter

    def _checked(self, x: Any) -> Parameter:
        return super()._checked(_as_parameter(x))


def _as_parameter(x: Any) -> Any:
    return x if isinstance(x, Parameter | Module | str | None) else Parameter(x)


class Sequential(_Row[Module]):
    """Modules applied one after the other; a slice of them is a Sequential of the same layers.

    Args:
        layers: The modules, or one dict of them by name.

    >>> from minitensor import nn
    >>> nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    Sequential(
      (0): Linear(4 → 3, weight (3, 4), bias (3,))  # 15 parameters
      (1): ReLU()
    )  # 15 parameters
    >>> model = nn.Sequential({"inner": nn.Linear(4, 3), "act": nn.ReLU()})
    >>> model.act, len(model[:-1])
    (ReLU(), 1)
    """

    @overload
    def __init__(self, layers: Mapping[str, Module], /) -> None: ...
    @overload
    def __init__(self, *layers: Module) -> None: ...
    def __init__(self, *layers: Any) -> None:
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            named = layers[0]
        else:
            named = {str(i): layer for i, layer in enumerate(layers)}
        for name, layer in named.items():
            self._checked(layer)
            self._check_name(name)
        for name, layer in named.items():
            setattr(self, name, layer)

    @overload
    def __getitem__(self, i: int) -> Module: ...
    @overload
    def __getitem__(self, i: slice) -> Sequential: ...
    def __getitem__(self, i: Any) -> Any:
        return super().__getitem__(i)

    def _of(self, entries: dict[str, Module]) -> Sequential:
        return Sequential(entries)

    def forward(self, x: Tensor) -> Tensor:
        for layer in [entry for entry in vars(self).values() if isinstance(entry, Module)]:
            x = layer(x)
        return x
