"""What a step finds around it, and whether that still is as it was when the step was recorded.

A program repeats calls of NumPy. What Python met on its way to them is in the program as a constant, or has
decided which calls they are: numbers in closures, globals and attributes, layers, losses, models, entries of
lists. So a program is good only while all of that is as it was.

`Surroundings` has a walk (walk.py) find all that the step can come by, and remembers what stands in each
place (places.py). Attributes of modules need no places: whenever one is set, it is counted (nn/module.py).
What libraries read is theirs; and what a program reads itself at each run, such as an optimizer's options, is
as it is then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minitensor.compiler.names import line_of, sets
from minitensor.compiler.places import MISSING, Bind, Cache, Entries, all_are, is_value, same
from minitensor.compiler.walk import CONTAINERS, KEPT, Walk
from minitensor.errors import CompileError
from minitensor.nn.module import Module, changes


@dataclass(slots=True)
class Watched:
    """A module as it was: its attributes, its class, what the user calls it, and what matters to nobody."""

    names: tuple[str, ...]
    values: tuple[Any, ...]
    kind: type[Module]
    label: str
    ignored: frozenset[str]

    @classmethod
    def now(cls, module: Module, label: str, ignored: frozenset[str]) -> Watched:
        """As it is."""
        return cls((*vars(module),), (*vars(module).values(),), type(module), label, ignored)

    def anew(self, module: Module) -> Watched:
        """The same module, as it is now."""
        return Watched.now(module, self.label, self.ignored)

    def is_the_same(self, module: Module) -> bool:
        """Whether its attributes are the very same."""
        now, values = vars(module), self.values
        alike = len(now) == len(values) and all_are(now.values(), values) and all_are(now, self.names)
        return (alike and type(module) is self.kind) or self.attributes_are(self.anew(module))

    def attributes_are(self, other: Watched) -> bool:
        """Whether those of another are the very same, where they matter."""
        mine, others = self.attributes(), other.attributes()
        return mine.keys() == others.keys() and all_are(mine.values(), others.values())

    def attributes(self) -> dict[str, Any]:
        """Those that matter, and the class."""
        found = zip(self.names, self.values, strict=True)
        mine = {name: x for name, x in found if name not in self.ignored}
        return {"training": self.kind.training, **mine, "__class__": self.kind}


class Surroundings:
    """What a step and its arguments can come by, as it was when this was made.

    Args:
        step: The step.
        given: Its arguments, but for arrays and tensors.

    Raises:
        CompileError: If there is something whose changes cannot be seen, such as an iterator.
    """

    def __init__(self, step: Callable[..., Any], given: tuple[Any, ...] = ()) -> None:
        self.roots = (step, given)
        known: set[str] = set()
        walk = Walk(step, given, known)
        while not walk.names <= known:  # what was found has code with other names
            known = known | walk.names
            walk = Walk(step, given, known)
        self.seen = changes.count
        self.places = walk.places
        self.tensors = {tensor: tensor._requires_grad for tensor in walk.tensors}
        self.modules = {x: Watched.now(x, label, ignored) for x, (label, ignored) in walk.modules.items()}
        self.entered: dict[Module, Watched] = {}  # those that the step came by in another way
        self.expired = False  # as a cache was emptied, and nobody sees what it is filled with again
        self._codes = walk.codes
        self._random = [(source, name, state(), state) for source, name, state in walk.random]

    def enter(self, modules: Iterable[Module]) -> None:
        """Watch these modules too, which the step has called."""
        others = [module for module in modules if module not in self.modules]
        self.entered = {x: Watched.now(x, type(x).__name__, frozenset({KEPT})) for x in others}

    # --------------------------------------------------------------------------------- is it as it was?

    def source(self, bind: Bind) -> list[str]:
        """What is true if all is the very same, as Python source."""
        mine, counted = bind("surroundings", self), bind("changes", changes)
        unchanged = f"({mine}.seen == {counted}.count or {mine}.modules_are_the_same())"
        return [unchanged, *[place.source(bind) for place in self.places]]

    def modules_are_the_same(self) -> bool:
        """Whether the attributes of all modules are, although some module's were set."""
        count = changes.count
        if all([watched.is_the_same(module) for module, watched in self._all_modules()]):
            self.seen = count
            return True
        return False

    def is_as_it_was(self) -> bool | None:
        """Whether all is equal, which is taken over; None if only another walk can tell."""
        unsure = False
        self.expired = self.expired or any(
            [isinstance(x, Cache) and x.read() != x.value for x in self.places]
        )
        for _, _, before, after in self._differences():
            if not same(before, after):
                if not _alike(before, after):
                    return False
                unsure = True
        if unsure:
            return None
        for place in self.places:
            place.value = place.read()
        for modules in (self.modules, self.entered):
            modules.update({module: watched.anew(module) for module, watched in modules.items()})
        return True

    def again(self) -> Surroundings | None:
        """What the step can come by now; None if there is something whose changes cannot be seen."""
        try:
            now = Surroundings(*self.roots)
        except CompileError:
            return None
        now.enter(self.entered)
        return now

    def difference(self, other: Surroundings) -> str | None:
        """What is another in `other`; None if all is equal, though some of it may be another object."""
        for module, watched in self.modules.items():
            mine = watched.attributes()
            others = other.modules[module].attributes() if module in other.modules else {}
            for name in mine | others:
                if not _alike(mine.get(name, MISSING), others.get(name, MISSING)):
                    return f"{watched.label}.{name}"
        for place, theirs in zip(self.places, other.places, strict=False):
            if place.label != theirs.label or not _alike(place.value, theirs.value):
                return place.label
        counts = [(list(x.tensors.items()), list(x.modules), len(x.places)) for x in (self, other)]
        return None if counts[0] == counts[1] else "something that it can come by"

    def _all_modules(self) -> list[tuple[Module, Watched]]:
        return [*self.modules.items(), *self.entered.items()]

    def _differences(self) -> Iterator[tuple[str, str, Any, Any]]:
        """Where something else stands now: what the place is called, its name, what was there, what is."""
        for module, watched in self._all_modules():
            if not watched.is_the_same(module):
                was, now = watched.attributes(), watched.anew(module).attributes()
                for name in was | now:
                    before, after = was.get(name, MISSING), now.get(name, MISSING)
                    if before is not after:
                        yield f"{watched.label}.{name}", name, before, after
        for tensor, needed in self.tensors.items():
            if tensor._requires_grad is not needed:
                yield "requires_grad of a tensor", "requires_grad", needed, tensor._requires_grad
        for place in self.places:
            after = place.read()
            if after is not place.value:
                yield place.label, place.key, place.value, after

    # ----------------------------------------------------------------------------- what the step has done

    def change(self, drawn: set[int]) -> str | None:
        """What has changed since, in words, and in which line; `drawn` are generators that may have moved.

        A variable that no code of the step sets was changed by another thread: "" then.
        """
        for label, name, before, after in self._differences():
            if not same(before, after):
                variable = is_value(before) and is_value(after) and name != "training"  # which train() sets
                if variable and not sets(name, self._codes):
                    return ""
                return f"it changes {label}, in {line_of(name, self._codes)}"
        for source, name, before, state in self._random:
            if id(source) not in drawn and not same(before, state()):
                what = f"it draws random numbers from {name or type(source).__name__}"
                own = name if isinstance(source, np.random.Generator) else ""
                where = line_of(name, self._codes)
                return f"{what}, in {where}, and not through minitensor.random.generator({own})"
        return None

    def replace(self, function: Callable[[Any], Any]) -> None:
        """Put function(x) in place of each x that stands somewhere."""
        for module in self.modules:
            for name, x in vars(module).items():
                vars(module)[name] = function(x)
        for place in self.places:
            if isinstance(place, Entries) or function(place.value) is not place.value:
                place.write(function)


def _alike(one: Any, two: Any) -> bool:
    """Whether two are the same, or containers of one kind, whose entries have places of their own."""
    if isinstance(one, tuple) and type(one) is type(two):
        return len(one) == len(two) and all(map(_alike, one, two))
    return same(one, two) or (type(one) is type(two) and isinstance(one, CONTAINERS))
