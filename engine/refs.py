"""References within the values of a record."""
from collections.abc import Callable, Iterator
from typing import Any

from ..clients.books import Line, LineEdits, Ref


def refs_of(value: Any) -> Iterator[Ref]:
    """All references within a value."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from refs_of(one)
    elif isinstance(value, LineEdits):
        yield from refs_of(dict(value.update))
        yield from refs_of(value.add)
    elif isinstance(value, Line):
        yield from refs_of(dict(value.fields))
    elif isinstance(value, (tuple, frozenset)):
        for one in value:
            yield from refs_of(one)


def mapped(value: Any, function: Callable[[Ref], Ref]) -> Any:
    """The value with each reference replaced."""
    if isinstance(value, Ref):
        return function(value)
    if isinstance(value, dict):
        return {name: mapped(one, function) for name, one in value.items()}
    if isinstance(value, LineEdits):
        return LineEdits(mapped(dict(value.update), function), mapped(value.add, function), value.remove)
    if isinstance(value, Line):
        return Line(value.key, mapped(dict(value.fields), function))
    if isinstance(value, (tuple, frozenset)):
        return type(value)(mapped(one, function) for one in value)
    return value
