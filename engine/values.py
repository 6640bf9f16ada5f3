"""Canonical values as JSON, to be stored with a binding and read again as what they were."""
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from ..clients.books import Line, LineEdits, Ref, Value


def to_json(fields: Mapping[str, Value]) -> dict:
    """Fields as JSON. Texts, booleans and None stay what they are, all else is a dictionary with one key that says what it is."""
    return {name: _dump(value) for name, value in fields.items()}


def from_json(stored: Mapping) -> dict[str, Value]:
    """What :func:`to_json` was given."""
    return {name: _load(value) for name, value in (stored or {}).items()}


def _dump(value):
    if isinstance(value, Decimal):
        return {'n': str(value)}
    if isinstance(value, datetime):
        return {'t': value.isoformat()}
    if isinstance(value, date):
        return {'d': value.isoformat()}
    if isinstance(value, Ref):
        return {'r': [value.entity, value.key]}
    if isinstance(value, frozenset):
        return {'s': [[ref.entity, ref.key] for ref in sorted(value)]}
    if isinstance(value, LineEdits):
        return {'e': [to_json(value.update), [_dump_line(line) for line in value.add], list(value.remove)]}
    if isinstance(value, tuple):
        return {'l': [_dump_line(line) for line in value]}
    return {'f': to_json(value)} if isinstance(value, Mapping) else value


def _dump_line(line):
    return [line.key, to_json(line.fields)]


def _load_line(told):
    key, fields = told
    return Line(key, from_json(fields))


def _load(value):
    if not isinstance(value, dict):
        return value
    (kind, told), = value.items()
    return _LOADERS[kind](told)


_LOADERS = {
    'n': Decimal,
    't': datetime.fromisoformat,
    'd': date.fromisoformat,
    'r': lambda told: Ref(*told),
    's': lambda told: frozenset(Ref(*one) for one in told),
    'l': lambda told: tuple(_load_line(line) for line in told),
    'e': lambda told: LineEdits(from_json(told[0]), tuple(_load_line(line) for line in told[1]), tuple(told[2])),
    'f': from_json,
}
