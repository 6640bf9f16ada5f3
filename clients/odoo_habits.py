"""What Odoo does with some kinds of records besides `create` and `write`: entries that it makes by itself, numbers of payments, matching.

Each class is for one entity of :mod:`clients.odoo_books` and works for both sides of a link, as all there does.
"""
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from .books import POSTED, Intent, LineEdits, Ref, Value
from .errors import Rejected, StaleObject, SyncError

#: What concerns one record alone; all else stops the page.
REFUSALS = (Rejected, StaleObject)
#: Digits of a rate that must be the same.
RATE_DIGITS = 8

#: Kinds of lock dates, and the day that Odoo gives for none.
LOCKS = ('fiscalyear', 'hard', 'tax', 'sale', 'purchase')
NO_LOCK = date.min

LOCKED = ("It is dated {day}, in a period that is closed up to {lock}: it would be booked on another day. Open the period, or date it "
          "later.")
NO_ITEM = ("{document} has no item that can be matched: it is not posted, or it is a payment whose method has no outstanding account, so "
           "that it has no journal entry.")
NOTHING_FITS = ("{amount} of {payer} pay {document} on the other side. No open items come to that: {open_debit} of {document} and "
                "{open_credit} of {payer} are open.")
OTHER_AMOUNT = ("{amount} of {payer} pay {document} on the other side, but it came to {found} by another exchange rate. That was undone: "
                "match them by hand.")
FED = "Its journal has its own bank feed, which brings it too. Leave the journal out of what is synchronized, or switch that feed off."
KEPT = "A bank transaction is deleted by a person only."
NOT_BACK = "A file that was deleted cannot be brought back."
NOT_AGAIN = "What was unmatched is not matched again: a new match is made instead."


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

    def domain(self) -> list:
        """What else records must fulfil, where this depends on the company."""
        return []

    def tell(self, rows) -> dict[int, tuple[Mapping[str, Value], str]]:
        """{id: (values that are kept elsewhere, title)} of rows that were read."""
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

    def settle(self, intents: Mapping[int, Intent], keys: Mapping[int, str]):
        """What is left to do with records once they have their state."""

    def appended_to(self, documents) -> set[str]:
        """Keys of the records that belong to these documents."""
        return set()

    def activate(self, ids, active: bool):
        """Archive records, or bring them back."""
        self.side.call(self.shape.model, 'write', ids, idempotent=True, vals={'active': active})


class Partners(Habits):
    """A new name becomes the holder of the bank accounts, also of those that have another one."""

    lines_last = True


class Documents(Habits):
    """What Odoo posts in a locked period it books on another day, without a word. So nothing is posted there.

    :ivar day: name of the field that says on which day a document is booked
    """

    day = 'date'

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
        return errors

    def is_booked(self, intent: Intent) -> bool:
        """Whether a document is posted by it."""
        return POSTED in (intent.state, intent.reopens)

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


def _added(lines):
    return lines.add if isinstance(lines, LineEdits) else lines or ()


class Invoices(Documents):
    """The rate of a document goes with it, whatever rates this database has.

    18.0 computes it anew on `create`, whatever it is told, and whenever the date changes; what is written afterwards stays.
    """

    day = 'entry_date'

    def complete(self, intent):
        if 'rate' in intent.fields or not {'date', 'currency'} & intent.fields.keys():
            return intent
        record = self.side.read_records(intent.entity, [intent.key], ['rate', 'currency']).get(intent.key)
        if not record or intent.fields.get('currency', record.fields['currency']) != record.fields['currency']:
            return intent
        return replace(intent, fields={**intent.fields, 'rate': record.fields['rate']})

    def prepare(self, intents, keys):
        wanted = {int(keys[number]): number for number, intent in intents.items() if keys.get(number) and intent.fields.get('rate')}
        rows = self.side.rows(self.shape.model, [('id', 'in', list(wanted))], ['invoice_currency_rate']) if wanted else []
        errors = {}
        for row in rows:
            rate = intents[wanted[row['id']]].fields['rate']
            if rate and round(rate, RATE_DIGITS) != round(_money(row['invoice_currency_rate']), RATE_DIGITS):
                try:
                    self.side.call(self.shape.model, 'write', [row['id']], idempotent=True, vals={'invoice_currency_rate': rate})
                except REFUSALS as error:
                    errors[wanted[row['id']]] = error
        return errors


class Entries(Documents):
    """Entries that people make. What Odoo makes by itself on both sides (exchange differences) stays out.

    18.0 does not say of an entry that it books an exchange difference; it is one of the exchange journal with the gain or loss account.
    """

    def domain(self):
        names = 'currency_exchange_journal_id', 'income_currency_exchange_account_id', 'expense_currency_exchange_account_id'
        journal, *accounts = self.side.of_company(names)
        return ['|', ('journal_id', '!=', journal), ('line_ids', 'not any', [('account_id', 'in', accounts)])] if journal else []


class Payments(Documents):
    """A payment's number is that of the entry that Odoo makes for it on posting."""

    # 19.0 and later, where a payment would have no entry: without one nothing can be matched with it.
    context = {'force_payment_move': True}

    def settle(self, intents, keys):
        """Give the entries the numbers of the other side, where they follow the same pattern and are free: a number of another pattern
        would become the journal's own for all that comes after it.
        """
        wanted = {int(keys[number]): intent.fields['number'] for number, intent in intents.items()
                  if not intent.key and keys.get(number) and intent.fields.get('number')}
        rows = self.side.rows(self.shape.model, [('id', 'in', list(wanted))], ['name', 'move_id', 'journal_id']) if wanted else []
        rows = [row for row in rows if row['move_id'] and row['name'] != wanted[row['id']]
                and _pattern(row['name']) == _pattern(wanted[row['id']])]
        taken = self._taken({wanted[row['id']] for row in rows}) if rows else set()
        for row in rows:
            number = wanted[row['id']]
            if (number, row['journal_id']) not in taken:
                try:
                    self.side.call('account.move', 'write', [row['move_id']], idempotent=True, vals={'name': number})
                except REFUSALS:
                    continue        # it keeps its own
                taken.add((number, row['journal_id']))
                taken.discard((row['name'], row['journal_id']))

    def _taken(self, numbers):
        return {(row['name'], row['journal_id']) for row in self.side.rows(
            'account.move', [('name', 'in', sorted(numbers))], ['name', 'journal_id'])}


class BankTransactions(Documents):
    """Booked as soon as they are there. What a bank told is never taken out of the books by the other side."""

    def is_booked(self, intent):
        return not intent.key or bool({'date', 'amount', 'journal'} & intent.fields.keys())

    def refuse(self, intents):
        """Besides locked periods: a journal whose transactions its own bank feed brings would have them twice."""
        new = {number: int(intent.fields['journal'].key) for number, intent in intents.items()
               if not intent.key and intent.fields.get('journal')}
        rows = self.side.rows('account.journal', [('id', 'in', sorted(set(new.values())))], ['bank_statements_source']) if new else []
        fed = {row['id'] for row in rows if 'online' in (row['bank_statements_source'] or '')}
        return {**super().refuse(intents), **{number: Rejected(FED) for number, journal in new.items() if journal in fed}}

    def activate(self, ids, active):
        """Refused: a person deletes it, or does not."""
        raise Rejected(KEPT)


class Attachments(Habits):
    """Files that people attached to documents; Odoo keeps model and id of the document."""

    reads = 'res_model', 'res_id'
    models: Mapping = {'invoice': 'account.move', 'payment': 'account.payment', 'entry': 'account.move'}

    def tell(self, rows):
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


def _pattern(number):
    return re.sub(r'\d+$', '', number or '')


@dataclass(slots=True)
class _Item:
    """A journal item that can be matched; `open` in its own currency, without sign."""

    id: int
    name: str
    account: str
    due: str
    currency: str
    is_debit: bool
    open: Decimal


#: Fields of an allocation that name its document, by side and entity.
DOCUMENTS = {side: {entity: f'{side}_{entity}' for entity in ('invoice', 'payment', 'entry')} for side in ('debit', 'credit')}


class Allocations(Habits):
    """Which document pays which, as Odoo keeps it: two matched items.

    A match with an item of no synchronized document is told without that document, so nobody sends it on: of a bank transaction (the other
    side has its own bank feed and matches there), of an exchange difference or a cash basis entry (Odoo makes them itself, on each side).
    Bank transactions are not even listed: that would be most of what is matched.
    """

    reads = 'debit_move_id', 'credit_move_id'

    def tell(self, rows):
        lines = self._lines([('id', 'in', sorted({row[name] for row in rows for name in ('debit_move_id', 'credit_move_id')}))])
        told = {}
        for row in rows:
            debit, credit = lines.get(row['debit_move_id']), lines.get(row['credit_move_id'])
            fields: dict[str, Value] = {'account': debit and Ref('account', str(debit['account_id']))}
            for side, line in (('debit', debit), ('credit', credit)):
                document = line and line['document']
                fields.update({name: document if document and document.entity == entity else None
                               for entity, name in DOCUMENTS[side].items()})
                fields[f'{side}_due'] = line and line['date_maturity'] and date.fromisoformat(str(line['date_maturity'])) or None
            told[row['id']] = fields, ' / '.join(line['move_name'] or '' for line in (debit, credit) if line)
        return told

    def make(self, intents):
        """Match the items, one pair at a time. An allocation may need another one to be made first, which leaves less open."""
        items = self._items({ref for intent in intents.values() for side in DOCUMENTS for ref in [_document(intent, side)] if ref})
        keys, known = {}, self._known([item for own in items.values() for item in own])
        for number, intent in intents.items():
            found = next((pair for pair in _pairs(intent, items) if known.get(_ids(pair), (0, 0))[1] == intent.fields['amount']), None)
            if found:       # matched by an earlier attempt, or by a person on this side
                keys[number] = str(known.pop(_ids(found))[0])
        left = {number: intent for number, intent in intents.items() if number not in keys}
        pairs, errors, before = {}, {}, None
        while left and len(left) != before:
            before = len(left)
            for number, intent in list(left.items()):
                pair = _fitting(intent, items)
                if pair:
                    del left[number]
                    self._match(number, intent, pair, pairs, errors)
        errors.update({number: self._nothing_fits(intent, items) for number, intent in left.items()})
        self._check(intents, pairs, keys, errors)
        return keys, errors, set()

    def _match(self, number, intent, pair, pairs, errors):
        try:
            self.side.call('account.move.line', 'reconcile', list(_ids(pair)))
        except REFUSALS as error:
            errors[number] = error
            return
        pairs[number] = pair
        for item in pair:
            item.open = max(item.open - intent.fields['amount'], Decimal(0)) if _same_currency(pair) else Decimal(0)

    def activate(self, ids, active):
        """Removing a match is deleting it: it leaves no trace in Odoo either."""
        if active:
            raise Rejected(NOT_AGAIN)
        self.side.call(self.shape.model, 'unlink', ids)

    # -- how --------------------------------------------------------------------------------------------------------------------

    def _lines(self, domain):
        """{id: values of a journal item, with the document that it belongs to, None where that is not synchronized}"""
        rows = self.side.rows('account.move.line', domain, [
            'move_id', 'move_name', 'move_type', 'payment_id', 'account_id', 'date_maturity', 'currency_id', 'amount_currency',
            'amount_residual_currency', 'reconciled'])
        entries = {row['move_id'] for row in rows if row['move_type'] == 'entry' and not row['payment_id']}
        own = self.side.existing('entry', entries)
        for row in rows:
            if row['payment_id']:
                row['document'] = Ref('payment', str(row['payment_id']))
            elif row['move_type'] != 'entry':
                row['document'] = Ref('invoice', str(row['move_id']))
            else:
                row['document'] = Ref('entry', str(row['move_id'])) if row['move_id'] in own else None
        return {row['id']: row for row in rows}

    def _items(self, documents):
        """{document: its items}"""
        moves = [int(ref.key) for ref in documents if ref.entity != 'payment']
        payments = [int(ref.key) for ref in documents if ref.entity == 'payment']
        lines = self._lines([
            '|', ('move_id', 'in', moves), ('payment_id', 'in', payments), ('parent_state', '=', 'posted'),
            '|', ('account_id.reconcile', '=', True), ('account_id.account_type', 'in', ['asset_cash', 'liability_credit_card'])])
        currencies = self.side.currency_codes()
        items = defaultdict(list)
        for row in lines.values():
            if row['document']:
                items[row['document']].append(_Item(
                    row['id'], row['move_name'] or '', str(row['account_id']), str(row['date_maturity'] or ''),
                    currencies.get(row['currency_id'], ''), row['amount_currency'] > 0,
                    Decimal(0) if row['reconciled'] else abs(_money(row['amount_residual_currency']))))
        return items

    def _known(self, items):
        """{(debit item, credit item): (id, amount in the currency of the debit item)} of what is matched already."""
        ids = [item.id for item in items]
        rows = self.side.rows(self.shape.model, [('debit_move_id', 'in', ids), ('credit_move_id', 'in', ids)], [
            'debit_move_id', 'credit_move_id', 'debit_amount_currency']) if ids else []
        return {(row['debit_move_id'], row['credit_move_id']): (row['id'], _money(row['debit_amount_currency'])) for row in rows}

    def _check(self, intents, pairs, keys, errors):
        """Whether what was matched is what was wanted; else it is undone."""
        known = self._known([item for pair in pairs.values() for item in pair]) if pairs else {}
        for number, pair in pairs.items():
            id_, amount = known.get(_ids(pair), (0, Decimal(0)))
            if amount == intents[number].fields['amount']:
                keys[number] = str(id_)
                continue
            if id_:
                self.activate([id_], False)
            errors[number] = Rejected(OTHER_AMOUNT.format(
                amount=_said(intents[number]), found=amount, document=pair[0].name, payer=pair[1].name))

    def _nothing_fits(self, intent, items):
        names, left = {}, {}
        for side in DOCUMENTS:
            own = items.get(_document(intent, side))
            if not own:
                return Rejected(NO_ITEM.format(document=self._title(_document(intent, side))))
            names[side], left[side] = own[0].name, sum(item.open for item in own if item.is_debit == (side == 'debit'))
        return Rejected(NOTHING_FITS.format(amount=_said(intent), document=names['debit'], payer=names['credit'],
                                            open_debit=left['debit'], open_credit=left['credit']))

    def _title(self, ref):
        record = self.side.read_records(ref.entity, [ref.key], ()).get(ref.key) if ref else None
        return record.title if record else "A document"


def _document(intent, side):
    return next((intent.fields[name] for name in DOCUMENTS[side].values() if intent.fields.get(name)), None)


def _pairs(intent, items):
    """Pairs of items of its two documents on the same account, those first that look most like the ones of the other side."""
    account, debit_due, credit_due = (intent.fields.get(name) for name in ('account', 'debit_due', 'credit_due'))
    debits, credits_ = (items.get(_document(intent, side), ()) for side in DOCUMENTS)
    pairs = [(debit, credit) for debit in debits for credit in credits_ if debit.is_debit and not credit.is_debit
             and debit.account == credit.account and debit.currency == intent.fields.get('currency', debit.currency)]
    return sorted(pairs, key=lambda pair: (
        not account or pair[0].account != account.key, pair[0].due != str(debit_due or ''), pair[1].due != str(credit_due or ''),
        pair[0].due, pair[1].due, _ids(pair)))


def _fitting(intent, items):
    """The first pair of which Odoo would match just the wanted amount; None for none."""
    return next((pair for pair in _pairs(intent, items) if all(item.open for item in pair) and (
        not _same_currency(pair) or min(item.open for item in pair) == intent.fields['amount'])), None)


def _ids(pair):
    return pair[0].id, pair[1].id


def _same_currency(pair):
    return pair[0].currency == pair[1].currency


def _money(raw):
    return raw if isinstance(raw, Decimal) else Decimal(str(round(raw, 9)))


def _said(intent):
    return f"{intent.fields['amount']} {intent.fields.get('currency', '')}".strip()

