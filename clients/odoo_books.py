"""The books of an Odoo database as canonical records: written once, used for our own database and for another one over the wire.

All that differs between the two is how a method is called (:class:`Access`). What differs between Odoo's series is found out by asking
(`fields_get`): a field that a series does not have is not told and not written.
"""
import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Protocol

from .books import (
    ACTIVE,
    ARCHIVED,
    CANCELLED,
    DRAFT,
    POSTED,
    Changes,
    FieldInfo,
    Filter,
    Intent,
    Line,
    LineEdits,
    Outcome,
    Record,
    Ref,
    Side,
    Value,
)
from .errors import Rejected
from .odoo_balances import Balances, SumAccess
from .odoo_habits import REFUSALS, Allocations, Attachments, BankTransactions, Entries, Habits, Invoices, Partners, Payments

#: Records that one call reads or writes at most.
PAGE = 200
#: Ids that one call of a complete listing brings.
LISTING_PAGE = 5000
#: A transaction that took so long to commit is still seen: what changed so much earlier is asked for again.
OVERLAP = timedelta(minutes=10)
#: A version younger than this may be overwritten within the same second, for Odoo tells seconds.
SETTLED = timedelta(seconds=2)
WRONG_TOTAL = ("It comes to {found} instead of {wanted}, so it was left a draft. Compare the taxes of both sides, correct it and post it.")
NOT_REACHED = "It stayed {found} instead of becoming {wanted}. Open it, see what holds it, and bring it to that state by hand."
_TIME = '%Y-%m-%d %H:%M:%S'


class Access(SumAccess, Protocol):
    """How methods of an Odoo database are called."""

    def call(self, model: str, method: str, ids: Sequence[int] | None = None, /, *, idempotent: bool = False,
             context: Mapping | None = None, **named) -> Any:
        """What the method returns: ids for records, lists and dictionaries."""

    def create_marked(self, model: str, rows: Sequence[Mapping], markers: Sequence[str], context: Mapping) -> list[int]:
        """Ids of new records; a marker that was used before gives the record that it made."""

    def find_marked(self, model: str, marker: str) -> int:
        """Id of the record that was created with the marker, 0 for none."""

    def now(self) -> datetime:
        """The database's clock."""


@dataclass(frozen=True, slots=True)
class Map:
    """A canonical field and where Odoo keeps it.

    :param odoo: name of the field
    :param kind: how it is converted: text, html, bool, number, date, choice, id, ids, code
    :param of: entity that an id points to
    :param code: (model, field) whose code stands for an id
    :param readonly: told, never written
    """

    name: str
    odoo: str
    kind: str = 'text'
    of: str = ''
    code: tuple[str, str] | None = None
    readonly: bool = False


@dataclass(frozen=True, slots=True)
class Lines:
    """A canonical list of lines and the records that are its lines.

    :param odoo: the one2many that writes them
    :param model, parent: where they are read
    """

    name: str
    odoo: str
    model: str
    parent: str
    maps: tuple[Map, ...]
    domain: tuple = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """An entity in Odoo.

    :param states: {Odoo's state: canonical state} of a document
    :param steps: {canonical state to reach: method}
    :param title: field with which a person names it
    :param derived: names of the fields that Odoo itself copies from another record, by the fields of this one: they are not told
    :param habits: what Odoo does with its records besides create and write
    :param holders: (model, field that leads to the records) of other records that hold some of their fields, besides their lines; Odoo
        gives the records a new `write_date` with them
    """

    model: str
    maps: tuple[Map, ...]
    lines: tuple[Lines, ...] = ()
    domain: tuple = ()
    has_company: bool = True
    states: Mapping[str, str] | None = None
    steps: Mapping[str, str] | None = None
    title: str = 'display_name'
    derived: Callable[[Mapping[str, Value]], Collection[str]] = lambda _fields: ()
    habits: type[Habits] = Habits
    holders: tuple[tuple[str, str], ...] = ()

    def children(self):
        return [(lines.model, lines.parent) for lines in self.lines]

    def watched(self) -> list[tuple[str, str]]:
        """(model, field that leads to the records, '' for none): what changes with its records, or changes them."""
        return [(self.model, ''), *self.children(), *self.holders]


def _same(*names, kind='text'):
    return tuple(Map(name, name, kind) for name in names)


_CURRENCY = ('res.currency', 'name')
_LINE = (
    Map('type', 'display_type', 'choice'), Map('product', 'product_id', 'id', of='product'), Map('text', 'name'),
    Map('quantity', 'quantity', 'number'), Map('unit_price', 'price_unit', 'number'), Map('discount', 'discount', 'number'),
    Map('account', 'account_id', 'id', of='account'), Map('taxes', 'tax_ids', 'ids', of='tax'), Map('position', 'sequence', 'number'),
)
_ITEM = (
    Map('account', 'account_id', 'id', of='account'), Map('partner', 'partner_id', 'id', of='partner'), Map('text', 'name'),
    Map('balance', 'balance', 'number'), Map('currency', 'currency_id', 'code', code=_CURRENCY),
    Map('amount', 'amount_currency', 'number'), Map('due_date', 'date_maturity', 'date'), Map('position', 'sequence', 'number'),
)
_MOVE_STATES = {'draft': DRAFT, 'posted': POSTED, 'cancel': CANCELLED}
_MOVE_STEPS = {POSTED: 'action_post', DRAFT: 'button_draft', CANCELLED: 'button_cancel'}
INVOICES = ('out_invoice', 'out_refund', 'in_invoice', 'in_refund', 'out_receipt', 'in_receipt')

_ADDRESS = ('street', 'street2', 'zip', 'city', 'state_code', 'country')
_COMMERCIAL = ('vat', 'company_number', 'receivable', 'payable', 'customer_terms', 'vendor_terms')


def _derived_of_partner(fields):
    """A contact of a company has its address and its commercial fields (res.partner, `_fields_sync`)."""
    if not fields.get('parent'):
        return ()
    return (*(_ADDRESS if fields.get('kind') == 'contact' else ()), *(() if fields.get('is_company') else _COMMERCIAL))


SHAPES = {
    'currency': Shape('res.currency', (Map('code', 'name'), Map('symbol', 'symbol')), has_company=False),
    'bank': Shape('res.bank', (
        *_same('name', 'bic', 'email', 'phone', 'street', 'zip', 'city'), Map('country', 'country', 'code', code=('res.country', 'code'))),
        has_company=False),
    'account': Shape('account.account', (
        *_same('code', 'name'), Map('type', 'account_type', 'choice'), Map('reconcile', 'reconcile', 'bool'),
        Map('currency', 'currency_id', 'code', code=_CURRENCY)), has_company=False),
    'tax': Shape('account.tax', (
        Map('name', 'name'), Map('use', 'type_tax_use', 'choice'), Map('computation', 'amount_type', 'choice'),
        Map('amount', 'amount', 'number'), Map('description', 'invoice_label'), Map('included', 'price_include_override', 'choice'))),
    'journal': Shape('account.journal', (
        *_same('code', 'name'), Map('type', 'type', 'choice'), Map('currency', 'currency_id', 'code', code=_CURRENCY))),
    'payment_term': Shape('account.payment.term', (Map('name', 'name'), Map('note', 'note', 'html'))),
    'partner': Shape('res.partner', (
        *_same('name', 'vat', 'email', 'phone', 'website', 'street', 'street2', 'zip', 'city'), Map('is_company', 'is_company', 'bool'),
        Map('parent', 'parent_id', 'id', of='partner'), Map('kind', 'type', 'choice'), Map('company_number', 'company_registry'),
        Map('reference', 'ref'), Map('state_code', 'state_id', 'code', code=('res.country.state', 'code')),
        Map('country', 'country_id', 'code', code=('res.country', 'code')), Map('language', 'lang', 'choice'),
        Map('note', 'comment', 'html'),
        Map('receivable', 'property_account_receivable_id', 'id', of='account'),
        Map('payable', 'property_account_payable_id', 'id', of='account'),
        Map('customer_terms', 'property_payment_term_id', 'id', of='payment_term'),
        Map('vendor_terms', 'property_supplier_payment_term_id', 'id', of='payment_term')),
        lines=(Lines('bank_accounts', 'bank_ids', 'res.partner.bank', 'partner_id', (
            Map('number', 'acc_number'), Map('bank', 'bank_id', 'code', code=('res.bank', 'bic')), Map('holder', 'acc_holder_name'))),),
        derived=_derived_of_partner, habits=Partners),
    'product': Shape('product.product', (
        *_same('name', 'barcode'), Map('code', 'default_code'), Map('type', 'type', 'choice'), Map('price', 'list_price', 'number'),
        Map('sales_text', 'description_sale'), Map('can_be_sold', 'sale_ok', 'bool'), Map('can_be_bought', 'purchase_ok', 'bool'),
        Map('income', 'property_account_income_id', 'id', of='account'),
        Map('expense', 'property_account_expense_id', 'id', of='account'), Map('sales_taxes', 'taxes_id', 'ids', of='tax'),
        Map('purchase_taxes', 'supplier_taxes_id', 'ids', of='tax')), holders=(('product.template', 'product_variant_ids'),)),
    'invoice': Shape('account.move', (
        Map('kind', 'move_type', 'choice'), Map('number', 'name'), Map('partner', 'partner_id', 'id', of='partner'),
        Map('date', 'invoice_date', 'date'), Map('entry_date', 'date', 'date'),
        Map('terms', 'invoice_payment_term_id', 'id', of='payment_term'),
        Map('due_date', 'invoice_date_due', 'date'), Map('currency', 'currency_id', 'code', code=_CURRENCY),
        Map('rate', 'invoice_currency_rate', 'number'), Map('journal', 'journal_id', 'id', of='journal'), Map('reference', 'ref'),
        Map('payment_reference', 'payment_reference'), Map('origin', 'invoice_origin'), Map('note', 'narration', 'html'),
        Map('untaxed', 'amount_untaxed', 'number', readonly=True), Map('tax', 'amount_tax', 'number', readonly=True),
        Map('total', 'amount_total', 'number', readonly=True)),
        lines=(Lines('lines', 'invoice_line_ids', 'account.move.line', 'move_id', _LINE,
                     (('display_type', 'not in', ['tax', 'payment_term', 'rounding', 'epd', 'discount', 'cogs', 'non_deductible_tax',
                                                  'non_deductible_product', 'non_deductible_product_total']),)),),
        domain=(('move_type', 'in', list(INVOICES)),), states=_MOVE_STATES, steps=_MOVE_STEPS, habits=Invoices),
    'payment': Shape('account.payment', (
        Map('direction', 'payment_type', 'choice'), Map('number', 'name', readonly=True), Map('partner_kind', 'partner_type', 'choice'),
        Map('partner', 'partner_id', 'id', of='partner'), Map('date', 'date', 'date'), Map('amount', 'amount', 'number'),
        Map('currency', 'currency_id', 'code', code=_CURRENCY), Map('journal', 'journal_id', 'id', of='journal'),
        Map('reference', 'memo')),
        states={'draft': DRAFT, 'in_process': POSTED, 'paid': POSTED, 'canceled': CANCELLED, 'rejected': CANCELLED},
        steps={POSTED: 'action_post', DRAFT: 'action_draft', CANCELLED: 'action_cancel'}, habits=Payments),
    'entry': Shape('account.move', (
        Map('number', 'name'), Map('date', 'date', 'date'), Map('journal', 'journal_id', 'id', of='journal'), Map('reference', 'ref'),
        Map('total', 'amount_total', 'number', readonly=True)),
        lines=(Lines('lines', 'line_ids', 'account.move.line', 'move_id', _ITEM),),
        domain=(('move_type', '=', 'entry'), ('statement_line_id', '=', False), ('origin_payment_id', '=', False),
                ('tax_cash_basis_rec_id', '=', False), ('tax_cash_basis_origin_move_id', '=', False),
                '|', ('reversed_entry_id', '=', False), ('reversed_entry_id.tax_cash_basis_origin_move_id', '=', False)),
        states=_MOVE_STATES, steps=_MOVE_STEPS, habits=Entries),
    'attachment': Shape('ir.attachment', (
        Map('name', 'name'), Map('type', 'mimetype'), Map('checksum', 'checksum', readonly=True), Map('content', 'datas', 'file'),
        Map('model', 'res_model'), Map('record', 'res_id', 'number')),
        domain=(('res_model', 'in', ['account.move', 'account.payment']), ('res_id', '!=', False), ('res_field', '=', False),
                ('type', '=', 'binary')), habits=Attachments),
    'bank_transaction': Shape('account.bank.statement.line', (
        Map('journal', 'journal_id', 'id', of='journal'), Map('date', 'date', 'date'), Map('text', 'payment_ref'),
        Map('partner', 'partner_id', 'id', of='partner'), Map('amount', 'amount', 'number'),
        Map('currency', 'foreign_currency_id', 'code', code=_CURRENCY), Map('original_amount', 'amount_currency', 'number')),
        habits=BankTransactions),
    'allocation': Shape('account.partial.reconcile', (
        Map('amount', 'debit_amount_currency', 'number', readonly=True),
        Map('currency', 'debit_currency_id', 'code', code=_CURRENCY, readonly=True), Map('date', 'max_date', 'date', readonly=True)),
        domain=(('debit_move_id.move_id.statement_line_id', '=', False), ('credit_move_id.move_id.statement_line_id', '=', False)),
        habits=Allocations),
}


class OdooSide(Balances, Side):
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
        number, latest = place.get('model', 0), place.get('latest', '')
        model, parent = models[number]
        domain = self._domain(shape) if not parent else []
        domain += [('write_date', '>=', _earlier(place['since']))] if place.get('since') else _matching(shape, only)
        rows = self._rows(model, [*domain, ('id', '>', place.get('id', 0))], ['write_date', *filter(None, [parent])], PAGE)
        latest = max([latest, *(row['write_date'] for row in rows)])
        # Who changed in this very second may change once more and look the same: its version is not known yet.
        fresh = (self.access.now() - SETTLED).strftime(_TIME)
        versions = {str(row[parent or 'id']): '' if parent or row['write_date'] >= fresh else row['write_date']
                    for row in rows if row[parent or 'id']}
        if len(rows) == PAGE:
            return Changes(versions, json.dumps({**place, 'id': rows[-1]['id'], 'latest': latest}), True)
        if number + 1 < len(models):
            return Changes(versions, json.dumps({'since': place['since'], 'model': number + 1, 'latest': latest}), True)
        return Changes(versions, json.dumps({'since': max(latest, place.get('since', ''))}), False)

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

    def find_made(self, entity, marker):
        id_ = self.access.find_marked(self.shapes[entity].model, marker)
        return str(id_) if id_ else ''

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

    def name_of(self, changed_by):
        rows = self._rows('res.users', [('id', '=', int(changed_by))], ['name'], 1) if changed_by else []
        return rows[0]['name'] if rows else ''

    def read_records(self, entity, keys, names=None):
        shape, ids = self.shapes[entity], sorted(int(key) for key in keys)
        records = {}
        for first in range(0, len(ids), PAGE):
            records.update(self._read_page(entity, shape, ids[first:first + PAGE], names))
        return records

    def _read_page(self, entity, shape, ids, names):
        maps = [one for one in self._usable(shape.model, shape.maps) if (one.kind != 'file' if names is None else one.name in names)]
        state = ['state'] if shape.states else ['active'] if 'active' in self._fields(shape.model) else []
        fields = [*(one.odoo for one in maps), *state, 'write_date', 'write_uid', shape.title, *shape.habits.reads]
        rows = self._rows(shape.model, [*self._domain(shape), ('id', 'in', ids)], fields, len(ids))
        ids = [row['id'] for row in rows]
        lines = {one.name: self._read_lines(one, ids) for one in shape.lines if names is None or one.name in names}
        fresh = (self.access.now() - SETTLED).strftime(_TIME)
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
                      title or str(row[shape.title] or ''))

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
                    one.name, info['string'] if info else '', one.kind if info else '', one.readonly or bool(info and info['readonly']),
                    bool(info and info['required']), '' if info else f"{model} has no field “{one.odoo}” there.")
        return infos

    # -- writing ----------------------------------------------------------------------------------------------------------------

    def write_records(self, entity, intents):
        shape = self.shapes[entity]
        outcomes: dict[int, Outcome] = {}
        for first in range(0, len(intents), PAGE):
            page = dict(enumerate(intents[first:first + PAGE], first))
            habits = shape.habits(self, shape)
            refused = habits.refuse(page)
            outcomes.update({n: Outcome(page[n].key, None, error) for n, error in refused.items()})
            page = {n: one for n, one in page.items() if n not in refused}
            keys, errors, found = habits.make({n: one for n, one in page.items() if not one.key})
            for number, intent in self._with_free_numbers(shape, {n: one for n, one in page.items() if one.key}).items():
                keys[number] = intent.key
                errors[number] = self._update(shape, habits.complete(intent))
            errors.update(habits.prepare({n: one for n, one in page.items() if n not in found and not errors.get(n)}, keys))
            states = {n: (keys[n], one.state or one.reopens) for n, one in page.items()
                      if keys.get(n) and not errors.get(n)}
            errors.update(self._unexpected(entity, {n: page[n] for n, (_key, state) in states.items() if state}, keys))
            self._bring_to_states(shape, {n: one for n, one in states.items() if not errors.get(n)}, errors)
            habits.settle({n: one for n, one in page.items() if n not in found and not errors.get(n)}, keys)
            records = self.read_records(entity, {key for key in keys.values() if key})
            for n, (key, state) in states.items():      # Odoo may do nothing without a word
                if key in records and records[key].state != state and state and not errors.get(n):
                    errors[n] = Rejected(NOT_REACHED.format(found=records[key].state, wanted=state))
            outcomes.update({n: Outcome(keys.get(n) or '', records.get(keys.get(n)), errors.get(n), n in found) for n in page})
        return [outcomes[number] for number in range(len(intents))]

    def _unexpected(self, entity, intents, keys):
        """{number: error} for new documents whose totals are not what they are on the other side."""
        wanted = {number: intent for number, intent in intents.items() if intent.expects}
        names = {name for intent in wanted.values() for name in intent.expects}
        records = self.read_records(entity, {keys[number] for number in wanted}, names) if wanted else {}
        return {number: Rejected(WRONG_TOTAL.format(wanted=intent.expects.get('total'), found=records[keys[number]].fields.get('total')))
                for number, intent in wanted.items() if any(
                    records[keys[number]].fields.get(name) != value for name, value in intent.expects.items())}

    def delete_records(self, entity, keys):
        """Archive records, cancel documents, undo allocations. One outcome for each key, in their order; what is gone already is well."""
        shape, known = self.shapes[entity], self.read_records(entity, keys, ())
        state = CANCELLED if shape.states else ARCHIVED
        wanted = [key for key in dict.fromkeys(keys) if key in known and known[key].state != state]
        done = self.write_records(entity, [Intent(entity, key, state=state) for key in wanted])
        outcomes = dict(zip(wanted, done, strict=True))
        return [outcomes.get(key) or Outcome(key, known.get(key)) for key in keys]

    def create_rows(self, shape, intents):
        """({number: key}, {number: error}, numbers of those that an earlier attempt had created): all at once, else one by one."""
        intents = self._with_free_numbers(shape, intents)
        rows = {number: self._values(shape, intent) for number, intent in intents.items()}
        ids = self._create_at_once(shape, rows, intents)
        if ids is not None:
            return dict(zip(rows, map(str, ids), strict=True)), {}, set()
        keys, errors, found = {}, {}, set()
        for number, row in rows.items():
            marker = intents[number].marker
            try:
                keys[number] = str(self._create_marked(shape, [row], [marker])[0])
            except REFUSALS as error:
                known = self.access.find_marked(shape.model, marker)
                if known:
                    keys[number] = str(known)
                    found.add(number)
                else:
                    errors[number] = error
        return keys, errors, found

    def _create_at_once(self, shape, rows, intents):
        """Ids of all, None when one of them was refused: then none was created."""
        markers = [intents[number].marker for number in rows]
        try:
            return self._create_marked(shape, list(rows.values()), markers) if rows else []
        except REFUSALS:
            return None

    def _create_marked(self, shape, rows, markers):
        return self.access.create_marked(shape.model, rows, markers, {**self.context, **shape.habits(self, shape).context})

    def _with_free_numbers(self, shape, intents):
        """A number that its journal here has given already stays behind; where the document has no reference, it becomes that."""
        maps = {one.name: one for one in shape.maps}
        wanted = {number: intent for number, intent in intents.items()
                  if intent.fields.get('number') and not (intent.key and maps['number'].readonly)}
        if not wanted:
            return intents
        name, reference = maps['number'].odoo, maps['reference'].odoo
        domain = ['|', (name, 'in', sorted({one.fields['number'] for one in wanted.values()})),
                  ('id', 'in', [int(one.key) for one in wanted.values() if one.key])]
        rows = self._rows(shape.model, domain, [name, 'journal_id', reference], 0)
        taken = {(row[name], str(row['journal_id'])): row['id'] for row in rows}
        own = {str(row['id']): {**row, 'reference': row[reference]} for row in rows}
        free = {number: self._with_free_number(shape, intent, taken, own.get(intent.key)) for number, intent in wanted.items()}
        return {**intents, **free}

    def _with_free_number(self, shape, intent, taken, own):
        """
        :param own: the document itself, where there is one already
        """
        fields = dict(intent.fields)
        journal = getattr(fields.get('journal'), 'key', str(own['journal_id']) if own else '')
        by = taken.get((fields.get('number'), journal))
        if not by or by == (own['id'] if own else self.access.find_marked(shape.model, intent.marker)):
            return intent       # free, or its own: of an attempt that broke off
        number = fields.pop('number')
        reference = fields.get('reference', own and own['reference']) or number
        return replace(intent, fields={**fields, 'reference': reference})

    def _update(self, shape, intent):
        values, ids = self._values(shape, intent), [int(intent.key)]
        try:
            if intent.reopens or intent.state == DRAFT:
                self._step(shape, DRAFT, ids)
            for part in _parts(shape, values):
                self.access.call(shape.model, 'write', ids, idempotent=True, context=self.context, vals=part)
        except REFUSALS as error:
            if intent.reopens:      # refused: it is again what it was
                self._bring_to_states(shape, {0: (intent.key, intent.reopens)}, {})
            return error
        return None

    def _bring_to_states(self, shape, wanted, errors):
        """Call the methods that lead to the wanted states, for all records at once, one by one where that is refused."""
        by_state: dict[str, list[int]] = {}
        for number, (_key, state) in wanted.items():
            if state:
                by_state.setdefault(state, []).append(number)
        for state, numbers in by_state.items():
            try:
                self._step(shape, state, [int(wanted[number][0]) for number in numbers])
            except REFUSALS as error:
                if len(numbers) == 1:
                    errors[numbers[0]] = error
                    continue
                for number in numbers:
                    try:
                        self._step(shape, state, [int(wanted[number][0])])
                    except REFUSALS as one:
                        errors[number] = one

    def _step(self, shape, state, ids):
        if not shape.states:
            shape.habits(self, shape).activate(ids, state == ACTIVE)
            return
        rows = self._rows(shape.model, [('id', 'in', ids)], ['state'], len(ids))
        left = [row['id'] for row in rows if shape.states[row['state']] != state]
        cancelled = [row['id'] for row in rows if shape.states[row['state']] == CANCELLED]
        if cancelled and state == POSTED:       # Odoo posts drafts only, and of a cancelled payment it does not even say so
            self.access.call(shape.model, shape.steps[DRAFT], cancelled, context=self.context)
        if left:
            self.access.call(shape.model, shape.steps[state], left, context=self.context)

    def _values(self, shape, intent: Intent):
        """What Odoo's `create` or `write` wants."""
        maps = {one.name: one for one in self._usable(shape.model, shape.maps) if not one.readonly}
        values = {maps[name].odoo: self._raw(maps[name], value) for name, value in intent.fields.items() if name in maps}
        for lines in shape.lines:
            if lines.name in intent.fields:
                values[lines.odoo] = self._commands(lines, intent.fields[lines.name])
        return values

    def _commands(self, lines, edits):
        maps = {one.name: one for one in self._usable(lines.model, lines.maps)}

        def raw(fields):
            return {maps[name].odoo: self._raw(maps[name], value) for name, value in fields.items() if name in maps}
        if not isinstance(edits, LineEdits):
            edits = LineEdits(add=edits)
        return [*([2, int(key), 0] for key in edits.remove), *([1, int(key), raw(fields)] for key, fields in edits.update.items()),
                *([0, 0, raw(line.fields)] for line in edits.add)]

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
        return self._codes_of(_CURRENCY)

    # -- helpers ----------------------------------------------------------------------------------------------------------------

    def _domain(self, shape):
        domain = [*shape.domain, *shape.habits(self, shape).domain()]
        if shape.has_company and 'company_id' in self._fields(shape.model):
            domain.append(('company_id', 'in', [self.company, False]))
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


def _parts(shape, values):
    """What is written one after the other."""
    names = {one.odoo for one in shape.lines} if shape.habits.lines_last else set()
    parts = ({name: value for name, value in values.items() if (name in names) == is_line} for is_line in (False, True))
    return [part for part in parts if part]


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


def _earlier(since):
    return (datetime.strptime(since, _TIME) - OVERLAP).strftime(_TIME)
