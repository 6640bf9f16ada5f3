"""Which records of two sides are the same? Looked for among all before anything is written, and again before a record is created.

*Exact*: all fields of one of the entity's keys are equal, and no other record of either side has them. *Probable*: the same with its hints.
"""
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from ..clients.books import Record, Value
from .entities import Entity
from .merge_lines import plain
from .merge_rules import is_empty

EXACT, PROBABLE = 'exact', 'probable'
#: Fields that people write with and without spaces, points and dashes.
_LOOSE = frozenset(('vat', 'company_number', 'barcode', 'bank_accounts/number'))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records that are, or may be, the same.

    :param by: names of the fields that are equal
    """

    local: str
    remote: str
    sureness: str
    by: tuple[str, ...]


def pairs(entity: Entity, local: Iterable[Record], remote: Iterable[Record]) -> list[Pair]:
    """The pairs among records of both sides; a record is in one pair at most, and in that with the strongest evidence."""
    left = {record.key: record for record in local}, {record.key: record for record in remote}
    found = []
    for sureness, keys in ((EXACT, entity.keys), (PROBABLE, entity.hints)):
        for names in keys:
            for here, there in _unique(names, *left):
                is_sure = sureness == EXACT and not _contradict(entity, left[0][here], left[1][there])
                found.append(Pair(here, there, EXACT if is_sure else PROBABLE, names))
                del left[0][here], left[1][there]
    return found


def _contradict(entity, one, other):
    """Whether a field differs that no two records share."""
    values = [[_values(record, (name,)) for record in (one, other)] for name in entity.telling]
    return any(mine and yours and mine.keys().isdisjoint(yours) for mine, yours in values)


def alike(entity: Entity, local: Iterable[Record], remote: Iterable[Record]) -> list[Pair]:
    """Like :func:`pairs`, and besides whoever else may be the same: what several records are like is probable with each of them."""
    local, remote = list(local), list(remote)
    found = pairs(entity, local, remote)
    sure = [pair for pair in found if pair.sureness == EXACT]
    taken = {pair.local for pair in sure}, {pair.remote for pair in sure}
    probable = {}
    for names in (*entity.keys, *entity.hints):
        for here, there in _equal(names, local, remote):
            if here not in taken[0] and there not in taken[1]:
                probable.setdefault((here, there), Pair(here, there, PROBABLE, names))
    return [*sure, *probable.values()]


def are_apart(entity: Entity, one: Record, other: Record) -> bool:
    """Whether two records that are alike are two for sure: a vendor's number says so, what we call our own documents does not."""
    if str(one.fields.get('kind') or '').startswith('out_'):
        return False
    told = [(plain(one.fields.get(name)), plain(other.fields.get(name))) for name in entity.apart]
    return any(mine and yours and mine != yours for mine, yours in told)


def searches(entity: Entity, records: Iterable[Record]) -> Iterator[dict[str, Value]]:
    """Values to look for on the other side: whoever has all those of one of them may be the same as one of the records."""
    records, groups = list(records), {*entity.keys, *entity.hints}
    for names in groups:
        if any(set(fewer) < set(names) for fewer in groups):
            continue        # whoever is equal in all of these is equal in the fewer ones
        for record in records:
            yield from (dict(zip(names, values, strict=True)) for values in _told(record, names))


def _equal(names, local, remote):
    """Keys of all records that are equal in these fields."""
    groups = defaultdict(list)
    for record in local:
        for values in _values(record, names):
            groups[values].append(record.key)
    return [(here, record.key) for record in remote for values in _values(record, names) for here in groups.get(values, ())]


def _unique(names, local: Mapping[str, Record], remote: Mapping[str, Record]):
    """Pairs of keys of records that nobody else is like."""
    groups = defaultdict(lambda: ([], []))
    for side, records in enumerate((local, remote)):
        for record in records.values():
            for values in _values(record, names):
                groups[values][side].append(record.key)
    found = dict.fromkeys((here[0], there[0]) for here, there in groups.values() if len(here) == len(there) == 1)
    times = [Counter(pair[side] for pair in found) for side in (0, 1)]
    return [pair for pair in found if times[0][pair[0]] == times[1][pair[1]] == 1]      # of two bank accounts each may be another one's


def _values(record, names):
    """The values to be compared: one tuple, several where lines have them, none where one is missing."""
    return dict.fromkeys(tuple(_plain(name, value) for name, value in zip(names, values, strict=True)) for values in _told(record, names))


def _told(record, names):
    """The same as the record tells them."""
    return product(*(_of_field(record, name) for name in names))


def _of_field(record, name):
    head, slash, inner = name.partition('/')
    values = [line.fields.get(inner) for line in record.fields.get(head) or ()] if slash else [record.fields.get(head)]
    return [value for value in values if not is_empty(value)]


def _plain(name, value):
    if not isinstance(value, str):
        return value
    return re.sub(r'[^0-9a-z]', '', value.casefold()) if name in _LOOSE else ' '.join(value.casefold().split())
