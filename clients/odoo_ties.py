"""Which document pays which: how Odoo matches journal items, and how just that match is made which the other side has."""
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .books import Ref, Value
from .errors import Rejected
from .odoo_habits import REFUSALS, Habits, money

NO_ITEM = ("{document} has no item that can be matched: it is not posted, or it is a payment whose method has no outstanding account, so "
           "that it has no journal entry.")
NOTHING_FITS = ("{amount} of {payer} pay {document} on the other side. No open items come to that: {open_debit} of {document} and "
                "{open_credit} of {payer} are open.")
OTHER_AMOUNT = ("{amount} of {payer} pay {document} on the other side, but it came to {found} by another exchange rate. That was undone, "
                "with what Odoo had booked for it: match them by hand.")
NO_AMOUNT = "The amount of matched payments does not flow, so nobody can say which items are meant. Let it flow."
NOT_AGAIN = "What was unmatched is not matched again: a new match is made instead."


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
DOCUMENTS = {side: {entity: f'{side}_{entity}' for entity in ('invoice', 'payment', 'entry', 'bank_transaction')}
             for side in ('debit', 'credit')}


class Allocations(Habits):
    """Which document pays which, as Odoo keeps it: two matched items.

    A match with an item of no synchronized document is told without that document, so nobody sends it on: of an exchange difference or a
    cash basis entry (Odoo makes them itself, on each side). Where bank transactions are not synchronized (the other side has its own bank
    feed and matches there), theirs are not even listed: that would be most of what is matched.
    """

    reads = 'debit_move_id', 'credit_move_id'

    def tell(self, rows, _names=None):
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
        blind = {number: Rejected(NO_AMOUNT) for number, intent in intents.items() if 'amount' not in intent.fields}
        intents = {number: intent for number, intent in intents.items() if number not in blind}
        items = self._items({ref for intent in intents.values() for side in DOCUMENTS for ref in [_document(intent, side)] if ref})
        keys, known = {}, self._known([item for own in items.values() for item in own])
        for number, intent in intents.items():
            found = next((pair for pair in _pairs(intent, items) for id_, amount in [known.get(_ids(pair), (0, 0))]
                          if amount == intent.fields['amount'] and str(id_) not in intent.apart), None)
            if found:       # matched by an earlier attempt, or by a person on this side
                keys[number] = str(known.pop(_ids(found))[0])
        left = {number: intent for number, intent in intents.items() if number not in keys}
        pairs, errors, before = {}, blind, None
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
            'move_id', 'move_name', 'move_type', 'payment_id', 'statement_line_id', 'account_id', 'date_maturity', 'currency_id',
            'amount_currency', 'amount_residual_currency', 'reconciled'])
        entries = {row['move_id'] for row in rows
                   if row['move_type'] == 'entry' and not row['payment_id'] and not row['statement_line_id']}
        own = self.side.existing('entry', entries)
        for row in rows:
            if row['payment_id']:
                row['document'] = Ref('payment', str(row['payment_id']))
            elif row['statement_line_id']:
                row['document'] = Ref('bank_transaction', str(row['statement_line_id']))
            elif row['move_type'] != 'entry':
                row['document'] = Ref('invoice', str(row['move_id']))
            else:
                row['document'] = Ref('entry', str(row['move_id'])) if row['move_id'] in own else None
        return {row['id']: row for row in rows}

    def _items(self, documents):
        """{document: its items}"""
        ids = {entity: [int(ref.key) for ref in documents if ref.entity == entity] for entity in DOCUMENTS['debit']}
        lines = self._lines([
            '|', '|', ('move_id', 'in', ids['invoice'] + ids['entry']), ('payment_id', 'in', ids['payment']),
            ('statement_line_id', 'in', ids['bank_transaction']), ('parent_state', '=', 'posted'),
            '|', ('account_id.reconcile', '=', True), ('account_id.account_type', 'in', ['asset_cash', 'liability_credit_card'])])
        currencies = self.side.currency_codes()
        items = defaultdict(list)
        for row in lines.values():
            if row['document']:
                items[row['document']].append(_Item(
                    row['id'], row['move_name'] or '', str(row['account_id']), str(row['date_maturity'] or ''),
                    currencies.get(row['currency_id'], ''), row['amount_currency'] > 0,
                    Decimal(0) if row['reconciled'] else abs(money(row['amount_residual_currency']))))
        return items

    def _known(self, items):
        """{(debit item, credit item): (id, amount in the currency of the debit item)} of what is matched already."""
        ids = [item.id for item in items]
        rows = self.side.rows(self.shape.model, [('debit_move_id', 'in', ids), ('credit_move_id', 'in', ids)], [
            'debit_move_id', 'credit_move_id', 'debit_amount_currency']) if ids else []
        return {(row['debit_move_id'], row['credit_move_id']): (row['id'], money(row['debit_amount_currency'])) for row in rows}

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
                amount=_said(intents[number]), found=amount, document=pair[0].name, payer=pair[1].name), is_final=True)

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


def _said(intent):
    return f"{intent.fields['amount']} {intent.fields.get('currency', '')}".strip()
