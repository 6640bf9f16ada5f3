"""What Odoo does with documents: locked periods, matched items, totals that it computes, taxes of journal items.

Each class is for one entity of :mod:`clients.odoo_books`, as those of :mod:`clients.odoo_habits` are.
"""
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal

from .books import CANCELLED, DRAFT, POSTED, Intent, LineEdits
from .errors import Rejected
from .odoo_habits import REFUSALS, Habits, money
from .odoo_tax_items import NOTHING, carries_taxes

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
