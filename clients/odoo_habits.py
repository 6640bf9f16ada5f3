"""What Odoo does with some kinds of records besides `create` and `write`: entries that it makes by itself, numbers of payments.

Each class is for one entity of :mod:`clients.odoo_books` and works for both sides of a link, as all there does.
"""
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal

from .books import CANCELLED, DRAFT, POSTED, Intent, LineEdits, Ref, Value
from .errors import Rejected, ServerFault, StaleObject, SyncError
from .odoo_balances import account_title
from .odoo_tax_items import NOTHING, carries_taxes

#: What concerns one record alone; all else stops the page.
REFUSALS = (Rejected, StaleObject, ServerFault)
#: Digits of a rate that must be the same.
RATE_DIGITS = 8

#: Kinds of lock dates, and the day that Odoo gives for none.
LOCKS = ('fiscalyear', 'hard', 'tax', 'sale', 'purchase')
NO_LOCK = date.min
#: Percent of the tax of a line.
WHOLLY = Decimal(100)

LOCKED = ("It is dated {day}, in a period that is closed up to {lock}: it would be booked on another day. Open the period, or date it "
          "later.")
NO_CURRENCY = "Where it goes to, there is no currency {codes}. Create or activate it, and try again."
MATCHED = ("It is matched with a payment or another document, and to change it would undo that. Undo the match and it goes on by itself, "
           "or make the change by hand.")
NOT_DEDUCTIBLE = ("{percent} % of the tax of one of its lines are deductible. Where it goes to, that cannot be said of a line: enter it "
                  "there by hand, or use a tax that says it.")
INCOMPLETE = "Its items are told without {names}, which does not flow. Let that flow, or enter it there by hand."
NOT_BACK = "A file that was deleted cannot be brought back."


class Habits:
    """As the ORM has it. An entity that differs has a subclass.

    :param side: the :class:`clients.odoo_books.OdooSide`
    :ivar context: for Odoo's `create`
    :ivar reads: names of fields that `tell` needs
    :ivar lines_last: lines are written after all else, for Odoo computes some of their fields anew when that changes
    """

    context: Mapping = {}
    reads: tuple[str, ...] = ()
    lines_last = False

    def __init__(self, side, shape):
        self.side, self.shape = side, shape

    def context_of(self, intent: Intent) -> Mapping:
        """For Odoo's `write`."""
        return self.context

    def domain(self) -> list:
        """What else records must fulfil, where this depends on the company."""
        return []

    def tell(self, rows, names: Collection[str] | None = None) -> dict[int, tuple[Mapping[str, Value], str]]:
        """{id: (values that are kept elsewhere, title)} of rows that were read.

        :param names: of the fields that are wanted, None for all
        """
        return {}

    def tell_lines(self, lines, rows) -> dict[int, Mapping[str, Value]]:
        """{id: values that are not converted one by one} of the rows that are lines; others are none.

        :param lines: the :class:`clients.odoo_shapes.Lines`
        """
        return {row['id']: {} for row in rows}

    def line_values(self, fields: Mapping[str, Value], is_new: bool) -> dict:
        """What Odoo's `create` or `write` wants of a line besides what is converted one by one."""
        return {}

    def refuse(self, intents: Mapping[int, Intent]) -> dict[int, SyncError]:
        """{number: why it is not even tried}"""
        return {}

    def make(self, intents: Mapping[int, Intent]) -> tuple[dict[int, str], dict[int, SyncError], set[int]]:
        """({number: key}, {number: error}, numbers of those that an earlier attempt had created)"""
        return self.side.create_rows(self.shape, intents)

    def complete(self, intent: Intent) -> Intent:
        """A change, with what must be written along with it."""
        return intent

    def prepare(self, intents: Mapping[int, Intent], keys: Mapping[int, str]) -> dict[int, SyncError]:
        """What is left to do with records before they get their state. Returns {number: error}."""
        return {}

    def settle(self, intents: Mapping[int, Intent], keys: Mapping[int, str]) -> dict[int, SyncError]:
        """What is left to do with records once they have their state. Returns {number: error}."""
        return {}

    def appended_to(self, documents) -> set[str]:
        """Keys of the records that belong to these documents."""
        return set()

    def post_under_another_number(self, id_: int) -> bool:
        """Whether a draft that was refused could be posted after all, under another number."""
        return False

    def step(self, state: str, ids):
        """Bring records that are not in a state to it."""
        self.side.call(self.shape.model, self.shape.steps[state], ids)

    def activate(self, ids, active: bool):
        """Archive records, or bring them back."""
        self.side.call(self.shape.model, 'write', ids, idempotent=True, vals={'active': active})


class Accounts(Habits):
    """Known by code and name to everybody."""

    reads = 'code', 'name'

    def tell(self, rows, _names=None):
        return {row['id']: ({}, account_title(row)) for row in rows}


class Partners(Habits):
    """A new name becomes the holder of the bank accounts, also of those that have another one.

    A bank account that was removed is archived, and Odoo refuses a second one of the same number: it is brought back.
    """

    lines_last = True
    model = 'res.partner.bank'

    def complete(self, intent):
        edits = intent.fields.get('bank_accounts')
        numbers = {_plain(line.fields.get('number')) for line in edits.add} - {''} if isinstance(edits, LineEdits) else set()
        rows = self.side.rows(self.model, [('partner_id', '=', int(intent.key)), ('active', '=', False), (
            'sanitized_acc_number', 'in', sorted(numbers))], ['sanitized_acc_number']) if numbers else []
        archived, back, new = {row['sanitized_acc_number']: row['id'] for row in rows}, {}, []
        for line in edits.add if archived else ():
            id_ = archived.pop(_plain(line.fields.get('number')), 0)
            if id_:
                back[id_] = line.fields
            else:
                new.append(line)
        if not back:
            return intent
        self.side.call(self.model, 'write', sorted(back), idempotent=True, vals={'active': True})
        edits = replace(edits, update={**edits.update, **{str(id_): fields for id_, fields in back.items()}}, add=tuple(new))
        return replace(intent, fields={**intent.fields, 'bank_accounts': edits})


class Documents(Habits):
    """What Odoo posts in a locked period it books on another day, without a word. So nothing is posted there.

    :ivar day: name of the field that says on which day a document is booked
    :ivar numbered: whether its number is a field of its own
    """

    day = 'date'
    numbered = True

    def refuse(self, intents):
        locks = self._locks()
        wanted = {number: intent for number, intent in intents.items() if self.is_booked(intent)} if locks else {}
        keys = {one.key for one in wanted.values() if one.key}
        known = self.side.read_records(next(iter(wanted.values())).entity, keys, (self.day, 'kind', 'tax')) if keys else {}
        errors = {}
        for number, intent in wanted.items():
            fields = {**(known[intent.key].fields if intent.key in known else {}), **intent.fields}
            day, lock = fields.get(self.day), max((locks[name] for name in _locks_of(fields) if name in locks), default=None)
            if day and lock and day <= lock:
                errors[number] = Rejected(LOCKED.format(day=day.isoformat(), lock=lock.isoformat()))
        codes = set(self.side.currency_codes().values())
        for number, intent in intents.items():
            missing = {code for code in _currencies_of(intent.fields) if code and code not in codes}
            if missing:
                errors[number] = Rejected(NO_CURRENCY.format(codes=', '.join(sorted(missing))))
        matched = self._matched({int(one.key) for number, one in intents.items() if one.key and number not in errors and (
            one.reopens == POSTED or one.state in (DRAFT, CANCELLED))})
        errors.update({number: Rejected(MATCHED) for number, one in intents.items() if one.key and int(one.key) in matched})
        return errors

    def _matched(self, ids):
        """Those of the documents that something is matched with: to open them undoes that, also what the other side does not know of."""
        field = 'payment_id' if self.shape.model == 'account.payment' else 'move_id'
        domain = [(field, 'in', sorted(ids)), '|', ('matched_debit_ids', '!=', False), ('matched_credit_ids', '!=', False)]
        return {row[field] for row in self.side.rows('account.move.line', domain, [field])} if ids else set()

    def is_booked(self, intent: Intent) -> bool:
        """Whether a document is posted by it."""
        return POSTED in (intent.state, intent.reopens)

    def post_under_another_number(self, id_):
        """A draft whose number another document of its journal has got meanwhile can be posted under the next one only, and where it has no
        reference the number becomes that. It is left as it was where that is refused, too.
        """
        if not self.numbered:
            return False
        drafts = self.side.rows(self.shape.model, [('id', '=', id_), ('state', '=', 'draft')], ['name', 'journal_id', 'ref'])
        row = drafts[0] if drafts else None
        if not row or row['name'] in (False, '/') or not self.side.rows(self.shape.model, [
                ('name', '=', row['name']), ('journal_id', '=', row['journal_id']), ('state', '=', 'posted')], ['id']):
            return False
        try:
            self.side.call(self.shape.model, 'write', [id_], idempotent=True, vals={'name': False, 'ref': row['ref'] or row['name']})
            self.step(POSTED, [id_])
        except REFUSALS:
            with suppress(*REFUSALS):       # then it has no number, and gets one when it is posted
                self.side.call(self.shape.model, 'write', [id_], idempotent=True, vals={'name': row['name'], 'ref': row['ref']})
            return False
        return True

    def _locks(self):
        """{kind of lock: its last day}, as they are for our user."""
        names = [f'user_{name}_lock_date' for name in LOCKS]
        told = zip(LOCKS, self.side.of_company(tuple(names)), strict=True)
        days = {name: date(*map(int, str(day).split('-'))) for name, day in told if day}
        return {name: day for name, day in days.items() if day > NO_LOCK}


def _locks_of(fields):
    """Kinds of locks that a document falls under."""
    kind = str(fields.get('kind') or '')
    has_taxes = bool(fields.get('tax')) or any(line.fields.get('taxes') for line in _added(fields.get('lines')))
    return ['fiscalyear', 'hard', *(['tax'] if has_taxes else []), *(['sale'] if kind.startswith('out_') else []),
            *(['purchase'] if kind.startswith('in_') else [])]


def _currencies_of(fields):
    """Codes of the currencies of a document and of its lines."""
    lines = [line for name in ('lines', 'items', 'write_offs') for line in written_lines(fields, name)]
    return {one['currency'] for one in (fields, *lines) if 'currency' in one}


def written_lines(fields, name='lines'):
    """The fields of all lines of a list that are added or changed."""
    edits = fields.get(name)
    return [*(line.fields for line in _added(edits)), *(edits.update.values() if isinstance(edits, LineEdits) else ())]


def _added(lines):
    return lines.add if isinstance(lines, LineEdits) else lines or ()


def with_kept(edits, kept):
    """Changes to lines, with all that stays: some of it would be computed anew, and a line of an entry would not be balanced."""
    if not isinstance(edits, LineEdits) or not kept:
        return edits
    return replace(edits, update={key: {**kept.update.get(key, {}), **fields} for key, fields in edits.update.items()})


def refused_for_gaps(intents, name, needed):
    """{number: error} for new items in a list that are told without what Odoo needs of them."""
    refused = {}
    for number, intent in intents.items():
        gaps = {one for line in _added(intent.fields.get(name)) for one in needed - line.fields.keys()}
        if gaps:
            refused[number] = Rejected(INCOMPLETE.format(names=', '.join(sorted(gaps))))
    return refused


class Invoices(Documents):
    """The rate of a document goes with it, whatever rates this database has.

    18.0 computes it anew on `create`, whatever it is told, and whenever the date changes; what is written afterwards stays.
    """

    day = 'entry_date'
    item = 'account.move.line'

    def tell(self, rows, names=None):
        """Besides, what each tax comes to: two taxes may be wrong by a cent that the sum of both does not show."""
        if not rows or names is not None and 'tax_amounts' not in names:
            return {}
        sums = defaultdict(lambda: defaultdict(Decimal))
        for item in self.side.rows(self.item, [
                ('move_id', 'in', [row['id'] for row in rows]), '|', ('tax_line_id', '!=', False),
                ('display_type', '=', 'non_deductible_tax')], ['move_id', 'tax_line_id', 'amount_currency']):
            sums[item['move_id']][item['tax_line_id']] += money(item['amount_currency'])
        return {row['id']: ({'tax_amounts': _said(sums[row['id']].values())}, '') for row in rows}

    def refuse(self, intents):
        """Besides: 18.0 deducts the tax of a line as a whole."""
        refused = super().refuse(intents)
        if 'deductible_amount' not in self.side.fields_of(self.item):
            for number, intent in intents.items():
                partly = next((value for value in _deductible(intent) if value != WHOLLY), None)
                if partly is not None:
                    refused[number] = Rejected(NOT_DEDUCTIBLE.format(percent=f'{float(partly):g}'))
        return refused

    def complete(self, intent):
        if 'rate' in intent.fields or not {'date', 'currency'} & intent.fields.keys():
            return intent
        record = self.side.read_records(intent.entity, [intent.key], ['rate', 'currency']).get(intent.key)
        if not record or intent.fields.get('currency', record.fields['currency']) != record.fields['currency']:
            return intent
        return replace(intent, fields={**intent.fields, 'rate': record.fields['rate']})

    def prepare(self, intents, keys):
        errors = {}
        wanted = {int(keys[number]): number for number, intent in intents.items() if keys.get(number) and intent.fields.get('rate')}
        rows = self.side.rows(self.shape.model, [('id', 'in', list(wanted))], ['invoice_currency_rate']) if wanted else []
        for row in rows:
            rate = intents[wanted[row['id']]].fields['rate']
            if rate and round(rate, RATE_DIGITS) != round(money(row['invoice_currency_rate']), RATE_DIGITS):
                try:
                    self.side.call(self.shape.model, 'write', [row['id']], idempotent=True, vals={'invoice_currency_rate': rate})
                except REFUSALS as error:
                    errors[wanted[row['id']]] = error
        return errors


def _said(amounts):
    return '; '.join(f'{amount:.2f}' for amount in sorted(map(abs, amounts)) if amount)


def _deductible(intent):
    return [one['deductible'] for one in written_lines(intent.fields) if one.get('deductible') is not None]


class Entries(Documents):
    """Entries that people make. What Odoo makes by itself on both sides (exchange differences) stays out.

    18.0 does not say of an entry that it books an exchange difference; it is one of the exchange journal with the gain or loss account.
    """

    # Items come with their taxes: Odoo would compute them once more.
    context = {'skip_invoice_sync': True}

    def tell_lines(self, lines, rows):
        return told_with_taxes(self.side, rows)

    def line_values(self, fields, is_new):
        return taxes_of_line(self.side, fields, is_new)

    def refuse(self, intents):
        """Besides: items whose taxes cannot be the same where they go to."""
        return {**super().refuse(intents), **refused_for_taxes(self.side, intents, 'lines')}

    def domain(self):
        names = 'currency_exchange_journal_id', 'income_currency_exchange_account_id', 'expense_currency_exchange_account_id'
        journal, *accounts = self.side.of_company(names)
        return ['|', ('journal_id', '!=', journal), ('line_ids', 'not any', [('account_id', 'in', accounts)])] if journal else []


def told_with_taxes(side, rows):
    """What items say of taxes, by id; the taxes are read only where one says something."""
    taxes = side.taxes() if any(map(carries_taxes, rows)) else None
    return {row['id']: taxes.tell(row) if carries_taxes(row) else NOTHING for row in rows}


def taxes_of_line(side, fields, is_new):
    """What Odoo's `create` or `write` wants of the taxes of an item."""
    if not NOTHING.keys() & fields.keys() or is_new and not any(fields.get(name) for name in ('taxes', *NOTHING)):
        return {}
    return side.taxes().values(fields, is_new)


def refused_for_taxes(side, intents, name):
    """{number: error} for items in a list whose taxes cannot be the same there."""
    refused = {}
    for number, intent in intents.items():
        lines = [fields for fields in written_lines(intent.fields, name) if any(fields.get(one) for one in NOTHING)]
        why = next((why for fields in lines for why in [side.taxes().refused(fields)] if why), '')
        if why:
            refused[number] = Rejected(why)
    return refused


class Attachments(Habits):
    """Files that people attached to documents; Odoo keeps model and id of the document."""

    reads = 'res_model', 'res_id'
    models: Mapping = {'invoice': 'account.move', 'payment': 'account.payment', 'entry': 'account.move'}

    def tell(self, rows, _names=None):
        ids = {model: {row['res_id'] for row in rows if row['res_model'] == model} for model in self.models.values()}
        own = {entity: self.side.existing(entity, ids[model]) for entity, model in self.models.items()}
        return {row['id']: ({entity: Ref(entity, str(row['res_id'])) if row['res_model'] == model and row['res_id'] in own[entity] else None
                             for entity, model in self.models.items()}, row['display_name']) for row in rows}

    def make(self, intents):
        return super().make({number: self._placed(intent) for number, intent in intents.items()})

    def _placed(self, intent):
        """With its document as Odoo has it."""
        entity, ref = next((name, intent.fields[name]) for name in self.models if intent.fields.get(name))
        return replace(intent, fields={**intent.fields, 'model': self.models[entity], 'record': Decimal(ref.key)})

    def appended_to(self, documents):
        found = set()
        for model in set(self.models.values()):
            ids = [int(ref.key) for ref in documents if self.models.get(ref.entity) == model]
            domain = [*self.shape.domain, ('res_model', '=', model), ('res_id', 'in', ids)]
            found.update(str(row['id']) for row in self.side.rows(self.shape.model, domain, ['id'])) if ids else None
        return found

    def activate(self, ids, active):
        """A file that was deleted on one side is deleted on the other, where the flow says so."""
        if active:
            raise Rejected(NOT_BACK)
        self.side.call(self.shape.model, 'unlink', ids)


def _plain(number):
    """The number of a bank account as Odoo compares it (base, res_bank.py, sanitize_account_number)."""
    return re.sub(r'\W+', '', number or '').upper()


def money(raw):
    """An amount as Odoo tells it, without what a binary number adds."""
    return raw if isinstance(raw, Decimal) else Decimal(str(round(raw, 9)))
