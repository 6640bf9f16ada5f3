"""The books of an Odoo database as canonical records: written once, used for our own database and for another one over the wire.

All that differs between the two is how a method is called (:class:`Access`). What differs between Odoo's series is found out by asking
(`fields_get`): a field that a series does not have is not told and not written.
"""
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Protocol

from .books import (
    ACTIVE,
    ARCHIVED,
    Changes,
    FieldInfo,
    Filter,
    Line,
    Record,
    Ref,
    Side,
    Value,
)
from .odoo_balances import Balances, SumAccess
from .odoo_shapes import CURRENCY, SHAPES, Map, Shape
from .odoo_writing import Writing
from .pace import LARGEST, Pace

#: Ids that one call of a complete listing brings.
LISTING_PAGE = 5000
#: A transaction that took so long to commit is still seen: what changed so much earlier is asked for again.
OVERLAP = timedelta(minutes=10)
#: By so much the clock that a server shows may differ from the one of its database.
PATIENCE = timedelta(minutes=30)
#: A version younger than this may be overwritten within the same second, for Odoo tells seconds.
SETTLED = timedelta(seconds=2)
#: {how a field is converted: types of Odoo that can be}
TYPES = {
    'text': ('char', 'text', 'html'), 'html': ('html', 'text'), 'choice': ('selection',), 'bool': ('boolean',), 'file': ('binary',),
    'number': ('float', 'integer', 'monetary', 'many2one_reference'), 'date': ('date', 'datetime'), 'instant': ('datetime',),
    'id': ('many2one',), 'ids': ('many2many', 'one2many'), 'code': ('many2one',)}
_TIME = '%Y-%m-%d %H:%M:%S'


class Access(SumAccess, Protocol):
    """How methods of an Odoo database are called.

    :ivar reading, writing: how much at once
    """

    reading: Pace
    writing: Pace

    def call(self, model: str, method: str, ids: Sequence[int] | None = None, /, *, idempotent: bool = False,
             context: Mapping | None = None, **named) -> Any:
        """What the method returns: ids for records, lists and dictionaries."""

    def create_marked(self, model: str, rows: Sequence[Mapping], markers: Sequence[str], context: Mapping) -> list[int]:
        """Ids of new records; a marker that was used before gives the record that it made."""

    def find_marked(self, model: str, marker: str) -> int:
        """Id of the record that was created with the marker, 0 for none."""

    def markers_of(self, model: str, ids: Sequence[int]) -> dict[str, str]:
        """{id as a text: marker} of those of the records that have one."""

    def own_users(self) -> frozenset[str]:
        """Ids of the users in whose name we write; none where a transaction keeps others out."""

    def now(self) -> datetime:
        """The database's clock."""


class OdooSide(Balances, Writing, Side):
    """One company of an Odoo database.

    :param company: id of the company
    :param lang: language in which translated texts are read and written
    :param shapes: {entity: its shape} of kinds of records that a user chose, besides those that everybody has
    """

    def __init__(self, access: Access, company: int, lang: str = 'en_US', shapes: Mapping[str, Shape] | None = None):
        self.access, self.company, self.shapes = access, company, {**SHAPES, **(shapes or {})}
        self.context = {'lang': lang, 'allowed_company_ids': [company], 'active_test': False}
        self._codes: dict[tuple[str, str], dict[int, str]] = {}
        self._infos: dict[str, dict] = {}
        self._owned: dict[str, set[int]] = {}
        self._company_values: dict[tuple[str, ...], list] = {}

    # -- what there is ----------------------------------------------------------------------------------------------------------

    def read_changes(self, entity, cursor, only=None):
        shape, place = self.shapes[entity], json.loads(cursor or '{}')
        models = [(shape.model, ''), *(shape.children() if place.get('since') else ())]
        model, parent = models[place.get('model', 0)]
        if parent:
            versions, last = self._changed_parents(model, parent, place)
        else:
            domain = [*self._domain(shape), *(_since(place) if place.get('since') else _matching(shape, only))]
            rows = self._rows(model, [*domain, ('id', '>', place.get('id', 0))], ['write_date'], LARGEST)
            place.setdefault('begun', self.access.now().strftime(_TIME))
            fresh = self._fresh()
            versions = {str(row['id']): '' if row['write_date'] >= fresh else row['write_date'] for row in rows}
            place['latest'] = max([place.get('latest', ''), *(row['write_date'] for row in rows)])
            last = rows[-1]['id'] if len(rows) == LARGEST else 0
        if last:
            return Changes(versions, json.dumps({**place, 'id': last}), True)
        number = place.pop('model', 0) + 1
        place.pop('id', None)
        if number < len(models):
            return Changes(versions, json.dumps({**place, 'model': number}), True)
        # Time itself moves the cursor on, else the last busy minutes would be told again until something happens. What was changed while
        # pages were read may be on one that was read before.
        waited = (datetime.strptime(place['begun'], _TIME) - PATIENCE).strftime(_TIME)
        since = max(min(place.get('latest', ''), place['begun']), waited, place.get('since', ''))
        return Changes(versions, json.dumps({'since': since, 'seen': place.get('seeing', {})}), False)

    def _changed_parents(self, model, parent, place):
        """({key of a record with lines that changed: ''}, id to go on from, 0 at the end), without what was told before and is as it was.

        Lines do not say when they were told last, as records do by their version: so those of the last minutes are remembered.
        """
        rows = self._rows(model, [*_since(place), ('id', '>', place.get('id', 0))], ['write_date', parent], LISTING_PAGE)
        seen, seeing = place.get('seen', {}).get(model, {}), place.setdefault('seeing', {}).setdefault(model, {})
        fresh, versions = self._fresh(), {}
        known = {(moment, id_) for moment, ids in seen.items() for id_ in ids}
        for row in rows:
            if row['write_date'] < fresh:
                seeing.setdefault(row['write_date'], []).append(row['id'])
            if row[parent] and (row['write_date'], row['id']) not in known:
                versions[str(row[parent])] = ''
            if len(versions) == LARGEST:
                return versions, row['id']
        return versions, rows[-1]['id'] if len(rows) == LISTING_PAGE else 0

    def _fresh(self):
        """Who changed in this very second may change once more and look the same: its version is not known yet."""
        return (self.access.now() - SETTLED).strftime(_TIME)

    def read_listing(self, entity, cursor, only=None):
        shape = self.shapes[entity]
        domain = [*self._domain(shape), *_matching(shape, only), ('id', '>', int(cursor or 0))]
        rows = self._rows(shape.model, domain, ['write_date'], LISTING_PAGE)
        versions = {str(row['id']): row['write_date'] for row in rows}
        return Changes(versions, str(rows[-1]['id']) if rows else cursor, len(rows) == LISTING_PAGE)

    def find_appended(self, entity, documents):
        shape = self.shapes[entity]
        return shape.habits(self, shape).appended_to(documents)

    def count(self, entity, only):
        shape = self.shapes[entity]
        return self.call(shape.model, 'search_count', idempotent=True, domain=[*self._domain(shape), *_matching(shape, only)])

    def find_matching(self, entity, keys, only):
        shape, found, ids = self.shapes[entity], set(), sorted(int(key) for key in keys)
        for first in range(0, len(ids), LISTING_PAGE):
            domain = [*self._domain(shape), *_matching(shape, only), ('id', 'in', ids[first:first + LISTING_PAGE])]
            found.update(str(row['id']) for row in self._rows(shape.model, domain, ['id'], 0))
        return found

    def untouched(self, entity, keys):
        return {str(id_) for id_ in self._untouched(self.shapes[entity], [int(key) for key in keys])}

    def _untouched(self, shape, ids):
        rows = self._rows(shape.model, [('id', 'in', ids)], ['create_date', 'write_date'], 0) if ids else []
        return {row['id'] for row in rows if row['create_date'] == row['write_date']}

    def markers_of(self, entity, keys):
        return self.access.markers_of(self.shapes[entity].model, [int(key) for key in keys]) if keys else {}

    def find_equal(self, entity, wanted):
        shape, groups = self.shapes[entity], defaultdict(list)
        maps = {one.name: one for one in self._usable(shape.model, shape.maps)}
        for values in wanted:
            groups[tuple(sorted(values.keys() & maps.keys()))].append(values)
        domains = [_all_of([self._one_of(maps[name], {one[name] for one in group}) for name in names])
                   for names, group in groups.items() if names]
        if not domains:
            return set()
        rows = self._rows(shape.model, [*self._domain(shape), *_any_of(domains)], ['id'], 0)
        return {str(row['id']) for row in rows}

    def _one_of(self, one, values):
        """A domain: the field has one of these values."""
        if one.kind == 'text':
            return _any_of([(one.odoo, '=ilike', _pattern(value))] for value in sorted(values))
        return [(one.odoo, 'in', [self._raw(one, value) for value in sorted(values)])]

    def own_users(self):
        return self.access.own_users()

    def name_of(self, changed_by):
        rows = self._rows('res.users', [('id', '=', int(changed_by))], ['name'], 1) if changed_by else []
        return rows[0]['name'] if rows else ''

    def read_records(self, entity, keys, names=None):
        shape, ids = self.shapes[entity], sorted(int(key) for key in keys)
        pages = self.access.reading.batches(ids, lambda part: self._read_page(entity, shape, part, names))
        return {key: record for page in pages for key, record in page.items()}

    def _read_page(self, entity, shape, ids, names):
        maps = [one for one in self._usable(shape.model, shape.maps) if (one.kind != 'file' if names is None else one.name in names)]
        state = ['state'] if shape.states else ['active'] if 'active' in self._fields(shape.model) else []
        fields = [*(one.odoo for one in maps), *state, 'create_date', 'write_date', 'write_uid', shape.title, *shape.habits.reads]
        rows = self._rows(shape.model, [*self._domain(shape), ('id', 'in', ids)], fields, len(ids))
        ids = [row['id'] for row in rows]
        lines = {one.name: self._read_lines(one, ids) for one in shape.lines if names is None or one.name in names}
        fresh = self._fresh()
        told = shape.habits(self, shape).tell(rows)
        return {str(row['id']): self._record(entity, shape, maps, row, lines, fresh, *told.get(row['id'], ({}, ''))) for row in rows}

    def _record(self, entity, shape, maps, row, lines, fresh, more, title):
        values = {**{one.name: self._value(one, row[one.odoo]) for one in maps}, **more}
        values.update({name: by_parent.get(row['id'], ()) for name, by_parent in lines.items()})
        for name in shape.derived(values):
            values.pop(name, None)
        state = shape.states[row['state']] if shape.states else ACTIVE if row.get('active', True) else ARCHIVED
        if values.get('number') in ('/', 'False'):
            values['number'] = ''
        return Record(entity, str(row['id']), '' if row['write_date'] >= fresh else row['write_date'], values, state,
                      datetime.strptime(row['write_date'], _TIME).replace(tzinfo=timezone.utc), str(row['write_uid'] or ''),
                      title or str(row[shape.title] or ''), row['create_date'] or '')

    def _read_lines(self, lines, parents):
        """{id of the parent: its lines, in their order}"""
        maps = self._usable(lines.model, lines.maps)
        rows = self.access.call(
            lines.model, 'search_read', idempotent=True, context=self.context, domain=[(lines.parent, 'in', parents), *lines.domain],
            fields=[lines.parent, *(one.odoo for one in maps)], load='',
            order='sequence, id' if any(one.odoo == 'sequence' for one in maps) else 'id')
        found: dict[int, tuple[Line, ...]] = {}
        for row in rows:
            line = Line(str(row['id']), {one.name: self._value(one, row[one.odoo]) for one in maps})
            found[row[lines.parent]] = (*found.get(row[lines.parent], ()), line)
        return found

    def describe(self, entity):
        shape, infos = self.shapes[entity], {}
        for maps, model in ((shape.maps, shape.model), *((one.maps, one.model) for one in shape.lines)):
            known = self._fields(model)
            for one in maps:
                info = known.get(one.odoo)
                name = one.name if maps is shape.maps else f'{shape.lines[0].name}/{one.name}'
                infos[name] = FieldInfo(
                    one.name, info['string'] if info else '', _kind_of(one, info), one.readonly or bool(info and info['readonly']),
                    '' if info else f"{model} has no field “{one.odoo}” there.")
        return infos

    def choices(self, entity, name):
        """The values that a field of an entity, or of its lines (`lines/field`), may have; () where that is not a choice."""
        shape = self.shapes[entity]
        first, _bar, inner = name.partition('/')
        model, maps = next(((one.model, one.maps) for one in shape.lines if inner and one.name == first), (shape.model, shape.maps))
        found = next((one for one in maps if one.name == (inner or first)), None)
        return tuple(value for value, _label in self._fields(model).get(found.odoo, {}).get('selection') or ()) if found else ()

    # -- values -----------------------------------------------------------------------------------------------------------------

    def _value(self, one: Map, raw) -> Value:
        if one.kind in ('text', 'html', 'choice'):
            return _text(raw)
        if one.kind == 'file':
            return raw or ''
        if one.kind == 'bool':
            return bool(raw)
        if one.kind == 'number':
            return Decimal(str(round(raw, 9))) if not isinstance(raw, Decimal) else raw
        if one.kind == 'date':
            return date.fromisoformat(str(raw)[:10]) if raw else None
        if one.kind == 'instant':
            return datetime.strptime(raw, _TIME).replace(tzinfo=timezone.utc) if raw else None
        if one.kind == 'ids':
            return frozenset(Ref(one.of, str(id_)) for id_ in raw if id_ in self._own(one.of))
        if one.kind == 'id':
            return Ref(one.of, str(raw)) if raw else None
        return self._codes_of(one.code).get(raw, '') if raw else ''

    def _raw(self, one: Map, value: Value):
        if one.kind in ('text', 'html', 'choice', 'file'):
            return value or False
        if one.kind == 'date':
            return value.isoformat() if value else False
        if one.kind == 'instant':
            return value.astimezone(timezone.utc).strftime(_TIME) if value else False
        if one.kind == 'ids':
            ids = {int(ref.key) for ref in value}
            return [*([3, id_, 0] for id_ in sorted(self._own(one.of) - ids)), *([4, id_, 0] for id_ in sorted(ids))]
        if one.kind == 'id':
            return int(value.key) if value else False
        if one.kind == 'code':
            return next((id_ for id_, code in self._codes_of(one.code).items() if code == value), False) if value else False
        return value

    def _own(self, entity) -> set[int]:
        """Ids of the company's own records: a product has taxes of every company, and ours are not the others' business."""
        if entity not in self._owned:
            shape = self.shapes[entity]
            self._owned[entity] = {row['id'] for row in self._rows(shape.model, self._domain(shape), [], 0)}
        return self._owned[entity]

    def _codes_of(self, code):
        """{id: code} of a model whose records are the same everywhere."""
        if code not in self._codes:
            model, field = code
            prefix = ['country_id'] if model == 'res.country.state' else []
            rows = self._rows(model, [], [field, *prefix], 0)
            countries = self._codes_of(('res.country', 'code')) if prefix else {}
            self._codes[code] = {
                row['id']: (f"{countries[row['country_id']]}-" if prefix else '') + (row[field] or '') for row in rows}
        return self._codes[code]

    # -- for the habits of an entity ----------------------------------------------------------------------------------------------

    def call(self, model, method, ids=None, /, *, idempotent=False, **named):
        """What a method returns, called for our company."""
        return self.access.call(model, method, ids, idempotent=idempotent, context=self.context, **named)

    def rows(self, model, domain, fields):
        """All records that match, with these fields and their id."""
        return self._rows(model, domain, fields, 0)

    def last(self, model, domain, fields):
        """The newest record that matches, in a list."""
        return self.call(model, 'search_read', idempotent=True, domain=domain, fields=fields, order='id desc', limit=1, load='')

    def existing(self, entity, ids):
        """Those of the ids that are records of an entity."""
        domain = [*self._domain(self.shapes[entity]), ('id', 'in', sorted(ids))]
        return {row['id'] for row in self._rows(self.shapes[entity].model, domain, ['id'], 0)} if ids else set()

    def domain_of(self, entity):
        """What the records of an entity fulfil."""
        return self._domain(self.shapes[entity])

    def of_company(self, names):
        """Values of fields of our company, in this order."""
        if names not in self._company_values:
            row, = self._rows('res.company', [('id', '=', self.company)], list(names), 1)
            self._company_values[names] = [row[name] for name in names]
        return self._company_values[names]

    def fields_of(self, model):
        """What `fields_get` says of a model."""
        return self._fields(model)

    def currency_codes(self):
        """{id: ISO code}"""
        return self._codes_of(CURRENCY)

    # -- helpers ----------------------------------------------------------------------------------------------------------------

    def _domain(self, shape):
        domain = [*shape.domain, *shape.habits(self, shape).domain()]
        if shape.has_company and 'company_id' in self._fields(shape.model):
            domain.append(('company_id', 'in', [self.company, False]))
        if 'company_ids' in self._fields(shape.model):
            domain += ['|', ('company_ids', '=', False), ('company_ids', 'parent_of', [self.company])]
        return domain

    def _rows(self, model, domain, fields, limit):
        return self.access.call(model, 'search_read', idempotent=True, context=self.context, domain=domain, fields=fields, order='id',
                                limit=limit or None, load='')

    def _fields(self, model):
        if model not in self._infos:
            self._infos[model] = self.access.call(
                model, 'fields_get', idempotent=True, context=self.context,
                attributes=['string', 'type', 'readonly', 'required', 'selection'])
        return self._infos[model]

    def _usable(self, model, maps):
        known = self._fields(model)
        return [one for one in maps if one.odoo in known]


def _kind_of(one, info):
    """The kind of a field, '' where there is none; where its type does not fit, the type."""
    if not info:
        return ''
    return one.kind if info['type'] in TYPES[one.kind] else info['type']


def _matching(shape, only: Filter | None) -> list:
    """A filter as a domain. What a kind of record does not have (a day, a journal) does not filter it."""
    if not only:
        return []
    names, domain = {one.name: one.odoo for one in shape.maps}, [*only.domain]
    day = names.get('entry_date') or names.get('date')
    if only.since and day:
        domain.append((day, '>=', only.since.isoformat()))
    if only.journals is not None and 'journal' in names:
        domain.append((names['journal'], 'in', sorted(int(key) for key in only.journals)))
    return domain


def _all_of(domains):
    domains = list(domains)
    return ['&'] * (len(domains) - 1) + [part for domain in domains for part in domain]


def _any_of(domains):
    domains = list(domains)
    return ['|'] * (len(domains) - 1) + [part for domain in domains for part in domain]


def _pattern(text):
    """Of all texts that are the same but for their blanks; where there are digits, but for points and dashes too."""
    if not any(character.isdigit() for character in text):
        return '%'.join(re.sub(r'([\\%_])', r'\\\1', word) for word in text.split())
    words = text.strip()
    ends = ['' if words[end].isalnum() else '%' for end in (0, -1)]     # a sign at an end is left out, but it is there
    return '%'.join(character for character in words if character.isalnum()).join(ends)


def _text(raw):
    text = str(raw) if raw else ''
    return '' if text in ('<p><br></p>', '<p></p>') else text


def _since(place):
    """The domain of what changed since the cursor's moment, and shortly before."""
    return [('write_date', '>=', (datetime.strptime(place['since'], _TIME) - OVERLAP).strftime(_TIME))]
