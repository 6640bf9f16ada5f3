"""The books of an Odoo database as canonical records: written once, used for our own database and for another one over the wire.

All that differs between the two is how a method is called (:class:`Access`). What differs between Odoo's series is found out by asking
(`fields_get`): a field that a series does not have is not told and not written.
"""
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, Protocol

from .books import (
    ACTIVE,
    ARCHIVED,
    UNKNOWN,
    FieldInfo,
    Line,
    Record,
    Ref,
    Side,
    Value,
)
from .odoo_balances import Balances, SumAccess
from .odoo_finding import LONG_AGO, TIME, Finding
from .odoo_rights import Rights
from .odoo_shapes import CURRENCY, SHAPES, Map, Shape
from .odoo_tax_items import TaxItems
from .odoo_writing import REFUSALS, Writing
from .pace import Pace

#: {how a field is converted: types of Odoo that can be}
TYPES = {
    'text': ('char', 'text', 'html'), 'html': ('html', 'text'), 'choice': ('selection',), 'bool': ('boolean',), 'file': ('binary',),
    'number': ('float', 'integer', 'monetary', 'many2one_reference'), 'date': ('date', 'datetime'), 'instant': ('datetime',),
    'id': ('many2one',), 'ids': ('many2many', 'one2many'), 'code': ('many2one',), 'part': ('many2one',), 'grids': ('many2many',)}


#: So many records are tried to tell whether a kind of records can be read.
SAMPLE = 3


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


class OdooSide(Finding, Balances, Rights, Writing, Side):
    """One company of an Odoo database.

    :param company: id of the company
    :param lang: language in which translated texts are read and written
    :param shapes: {entity: its shape} of kinds of records that a user chose, besides those that everybody has
    :param infos: what `fields_get` said of models, in this language; what is asked anew is added, for the sides of the same run
    """

    def __init__(self, access: Access, company: int, lang: str = 'en_US', shapes: Mapping[str, Shape] | None = None,
                 infos: dict[str, dict] | None = None):
        self.access, self.company, self.shapes = access, company, {**SHAPES, **(shapes or {})}
        self.context = {'lang': lang, 'allowed_company_ids': [company], 'active_test': False}
        self._codes: dict[tuple[str, str], dict[int, str]] = {}
        self._infos = {} if infos is None else infos
        self._owned: dict[str, set[int]] = {}
        self._company_values: dict[tuple[str, ...], list] = {}
        self._taxes: TaxItems | None = None
        self._rights: dict[tuple[str, str], bool] = {}

    # -- what there is ----------------------------------------------------------------------------------------------------------

    def own_users(self):
        return self.access.own_users()

    def name_of(self, changed_by):
        rows = self._rows('res.users', [('id', '=', int(changed_by))], ['name'], 1) if changed_by else []
        return rows[0]['name'] if rows else ''

    def read_records(self, entity, keys, names=None, refused=None):
        shape, ids = self.shapes[entity], sorted(int(key) for key in keys)

        def read(part):
            try:
                return self._read_page(entity, shape, part, names)
            except REFUSALS:
                if refused is None or not self._can_read_others(entity, shape, part):
                    raise
                return self._read_each(entity, shape, part, names, refused)
        return {key: record for page in self.access.reading.batches(ids, read) for key, record in page.items()}

    def _can_read_others(self, entity, shape, ids):
        """Whether it is these records that cannot be read, and not the whole kind."""
        others = self._rows(shape.model, [*self._domain(shape), ('id', 'not in', ids)], ['id'], SAMPLE)
        return not others or any(self._read_each(entity, shape, [row['id'] for row in others], None, {}))

    def _read_each(self, entity, shape, ids, names, refused):
        """Those of a page that can be read; why the others cannot goes to `refused`."""
        try:
            return self._read_page(entity, shape, ids, names)
        except REFUSALS as error:
            if len(ids) == 1:
                refused[str(ids[0])] = error
                return {}
        half = len(ids) // 2
        return {**self._read_each(entity, shape, ids[:half], names, refused), **self._read_each(entity, shape, ids[half:], names, refused)}

    def _read_page(self, entity, shape, ids, names):
        maps = [one for one in self._usable(shape.model, shape.maps) if (one.kind != 'file' if names is None else one.name in names)]
        state = ['state'] if shape.states else ['active'] if 'active' in self._fields(shape.model) else []
        fields = [*(one.odoo for one in maps), *state, 'create_date', 'write_date', 'write_uid', shape.title, *shape.habits.reads]
        rows = self._rows(shape.model, [*self._domain(shape), ('id', 'in', ids)], fields, len(ids))
        ids = [row['id'] for row in rows]
        habits = shape.habits(self, shape)
        lines = {one.name: self._read_lines(one, ids, habits) for one in shape.lines if names is None or one.name in names}
        fresh = self._fresh()
        told = habits.tell(rows, names)
        return {str(row['id']): self._record(entity, shape, maps, row, lines, fresh, *told.get(row['id'], ({}, ''))) for row in rows}

    def _record(self, entity, shape, maps, row, lines, fresh, more, title):
        values = {**{one.name: self._value(one, row[one.odoo]) for one in maps}, **more}
        values.update({name: by_parent.get(row['id'], ()) for name, by_parent in lines.items()})
        for name in shape.derived(values):
            values.pop(name, None)
        state = self._state_of(shape, row)
        if values.get('number') in ('/', 'False'):
            values['number'] = ''
        moment = row['write_date'] or LONG_AGO
        return Record(entity, str(row['id']), '' if moment >= fresh else moment, values, state,
                      datetime.strptime(moment, TIME).replace(tzinfo=timezone.utc), str(row['write_uid'] or ''),
                      title or str(row[shape.title] or ''), row['create_date'] or '')

    def _state_of(self, shape, row):
        if not shape.states:
            return ACTIVE if row.get('active', True) else ARCHIVED
        return shape.states.get(row['state'], UNKNOWN)      # of an addon, such as one by which documents are approved

    def _read_lines(self, lines, parents, habits):
        """{id of the parent: its lines, in their order}"""
        maps = self._usable(lines.model, lines.maps)
        rows = self.access.call(
            lines.model, 'search_read', idempotent=True, context=self.context, domain=[(lines.parent, 'in', parents), *lines.domain],
            fields=[lines.parent, *(one.odoo for one in maps), *lines.reads], load='',
            order='sequence, id' if any(one.odoo == 'sequence' for one in maps) else 'id')
        found: dict[int, tuple[Line, ...]] = {}
        told = habits.tell_lines(lines, rows)
        for row in rows:
            if row['id'] not in told:
                continue
            line = Line(str(row['id']), {**{one.name: self._value(one, row[one.odoo]) for one in maps}, **told[row['id']]})
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
            return datetime.strptime(raw, TIME).replace(tzinfo=timezone.utc) if raw else None
        if one.kind == 'ids':
            return frozenset(Ref(one.of, str(id_)) for id_ in raw if id_ in self._own(one.of))
        if one.kind == 'id':
            return Ref(one.of, str(raw)) if raw else None
        return self._codes_of(one.code).get(raw, '') if one.code and raw else ''

    def _raw(self, one: Map, value: Value, linked: Collection[int] | None = None):
        """
        :param linked: of a list of references, ids that may be in it now; None where that is not known
        """
        if one.kind in ('text', 'html', 'choice', 'file'):
            return value or False
        if one.kind == 'date':
            return value.isoformat() if value else False
        if one.kind == 'instant':
            return value.astimezone(timezone.utc).strftime(TIME) if value else False
        if one.kind == 'ids':
            ids, own = {int(ref.key) for ref in value}, self._own(one.of)
            off = (own if linked is None else own & {*linked}) - ids
            return [*([3, id_, 0] for id_ in sorted(off)), *([4, id_, 0] for id_ in sorted(ids))] or (
                [[5, 0, 0]] if linked == () else [])        # a new record is told of none, else Odoo takes its defaults
        if one.kind == 'id':
            return int(value.key) if value else False
        if one.kind == 'code':
            return next((id_ for id_, code in self._codes_of(one.code).items() if code == value), False) if value else False
        return value

    def _own(self, entity) -> set[int]:
        """Ids of the company's own records: a product has taxes of every company, and ours are not the others' business."""
        if entity not in self._owned:
            shape = self.shapes[entity]
            self._owned[entity] = {row['id'] for row in self._rows(shape.model, self._domain(shape), ['id'], 0)}
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

    def call(self, model, method, ids=None, /, *, idempotent=False, context=None, **named):
        """What a method returns, called for our company."""
        return self.access.call(model, method, ids, idempotent=idempotent, context={**self.context, **(context or {})}, **named)

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

    def taxes(self):
        """What the taxes say of journal items, as it is now."""
        if self._taxes is None:
            self._taxes = TaxItems(self)
        return self._taxes

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


def _text(raw):
    text = str(raw) if raw else ''
    return '' if text in ('<p><br></p>', '<p></p>') else text
