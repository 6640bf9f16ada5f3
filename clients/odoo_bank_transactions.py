"""How Odoo keeps bank transactions: booked at once against a suspense account, which the items take the place of that settle them."""
from collections.abc import Sequence
from decimal import Decimal

from .books import LineEdits
from .errors import Rejected
from .odoo_documents import Documents, refused_for_gaps, refused_for_taxes, taxes_of_line, told_with_taxes
from .odoo_habits import REFUSALS, money, with_kept

FED = "Its journal has its own bank feed, which brings it too. Leave the journal out of what is synchronized, or switch that feed off."
KEPT = "A bank transaction is deleted by a person only."
OTHER_BOOKS = "What settles it cannot be told to books that are kept in another currency. Settle it there by hand."
NO_ENTRY = "Where it goes to, its entry is not on the bank account of its journal. Settle it there by hand."
MIXED = "Only a part of it is settled, in more than one currency. Settle it by hand."
ITEM = 'account.move.line'
#: An entry of a bank transaction is posted, and Odoo lets nobody but itself write there.
CONTEXT = {'skip_invoice_sync': True, 'skip_readonly_check': True, 'force_delete': True, 'skip_account_move_synchronization': True}
#: Fields that the amounts of its entry follow.
AMOUNTS = {'amount', 'currency', 'original_amount'}
#: Fields of the items of the bank and of its suspense account that say what the transaction says.
SAID = {'text': 'name', 'partner': 'partner_id'}


class BankTransactions(Documents):
    """Booked as soon as they are there. What a bank told is never taken out of the books by the other side."""

    def is_booked(self, intent):
        return not intent.key or bool({'date', 'amount', 'journal', 'items'} & intent.fields.keys())

    # -- telling ------------------------------------------------------------------------------------------------------------------

    def tell_lines(self, lines, rows):
        """What settles it: the items besides those of the bank and of its suspense account, which are each side's own."""
        accounts = self._accounts({row['journal_id'] for row in rows})
        settled = {row[lines.parent] for row in rows if row['account_id'] == accounts[row['journal_id']][0]}
        return told_with_taxes(self.side, [
            row for row in rows if row[lines.parent] in settled and row['account_id'] not in accounts[row['journal_id']]])

    def _accounts(self, journals):
        """{journal: (its bank account, its suspense account)}"""
        rows = self.side.rows('account.journal', [('id', 'in', sorted(journals))], [
            'default_account_id', 'suspense_account_id']) if journals else []
        return {row['id']: (row['default_account_id'], row['suspense_account_id']) for row in rows}

    def line_values(self, fields, is_new):
        return taxes_of_line(self.side, fields, is_new)

    # -- writing ------------------------------------------------------------------------------------------------------------------

    def refuse(self, intents):
        """Besides locked periods: a journal whose transactions its own bank feed brings would have them twice."""
        new = {number: int(intent.fields['journal'].key) for number, intent in intents.items()
               if not intent.key and intent.fields.get('journal')}
        rows = self.side.rows('account.journal', [('id', 'in', sorted(set(new.values())))], ['bank_statements_source']) if new else []
        fed = {row['id'] for row in rows if 'online' in (row['bank_statements_source'] or '')}
        return {**super().refuse(intents), **refused_for_taxes(self.side, intents, 'items'),
                **refused_for_gaps(intents, 'items', {'account', 'amount', 'currency'}),
                **{number: Rejected(FED) for number, journal in new.items() if journal in fed}}

    def context_of(self, intent):
        """Odoo would make the entry anew for a partner or a label, and take out what settles it."""
        return self.context if AMOUNTS & intent.fields.keys() else {'skip_account_move_synchronization': True}

    def settle(self, intents, keys):
        errors = {}
        for number, intent in intents.items():
            told = with_kept(intent.fields.get('items'), intent.keeps.get('items'))
            try:
                if intent.key and SAID.keys() & intent.fields.keys() and not AMOUNTS & intent.fields.keys():
                    self._say(int(intent.key), intent.fields)
                if told and keys.get(number):
                    self._settle(int(keys[number]), told if isinstance(told, LineEdits) else LineEdits(add=told))
            except REFUSALS as error:
                errors[number] = error
        return errors

    def _say(self, id_, fields):
        """Partner and label of the transaction on its entry."""
        rows = self.side.rows(ITEM, [('statement_line_id', '=', id_)], ['move_id', 'journal_id', 'account_id'])
        values = {odoo: (int(fields[name].key) if name == 'partner' else fields[name]) if fields[name] else False
                  for name, odoo in SAID.items() if name in fields}
        if rows:
            own = self._accounts({rows[0]['journal_id']})[rows[0]['journal_id']]
            self.side.call('account.move', 'write', [rows[0]['move_id']], context=CONTEXT, vals={
                **{name: value for name, value in values.items() if name == 'partner_id'},
                'line_ids': [[1, row['id'], values] for row in rows if row['account_id'] in own]})

    def _settle(self, id_, edits: LineEdits):
        """Let items take the place of what is in suspense, or give back what they took."""
        if any('balance' not in line.fields for line in edits.add):
            raise Rejected(OTHER_BOOKS)
        rows = self.side.rows(ITEM, [('statement_line_id', '=', id_)], [
            'move_id', 'journal_id', 'account_id', 'name', 'partner_id', 'balance', 'amount_currency', 'currency_id'])
        if not rows:
            raise Rejected(NO_ENTRY)
        bank, suspense = self._accounts({rows[0]['journal_id']})[rows[0]['journal_id']]
        waiting = [row for row in rows if row['account_id'] == suspense]
        commands = self.side.commands(self.shape, self.shape.lines[0], edits)
        left = _after([row for row in rows if row not in waiting], commands)
        liquidity = next((row for row in rows if row['account_id'] == bank), None)
        if liquidity is None:
            raise Rejected(NO_ENTRY)
        commands += _suspended(left, waiting, {
            'account_id': suspense, **{name: liquidity[name] for name in ('name', 'partner_id', 'currency_id')}})
        self.side.call('account.move', 'write', [rows[0]['move_id']], context=CONTEXT, vals={'line_ids': commands})

    def activate(self, ids, active):
        """Refused: a person deletes it, or does not."""
        raise Rejected(KEPT)


def _after(rows, commands) -> list[tuple[Decimal, Decimal, int]]:
    """(balance, amount, currency) of the items once they are written."""
    told = {command[1]: command for command in commands if command[1]}
    kept = [{**row, **(told[row['id']][2] if row['id'] in told else {})} for row in rows
            if row['id'] not in told or told[row['id']][0] != 2]
    return [(money(row['balance']), money(row['amount_currency']), row['currency_id'])
            for row in (*kept, *(command[2] for command in commands if command[0] == 0))]


def _suspended(left: Sequence[tuple[Decimal, Decimal, int]], waiting, values) -> list[list]:
    """What is to be in suspense so that the entry is balanced."""
    rest = -sum(balance for balance, _amount, _currency in left)
    if not rest:
        return [[2, row['id'], 0] for row in waiting]
    currency = waiting[0]['currency_id'] if waiting else values['currency_id']
    if any(own != currency for _balance, _amount, own in left):
        raise Rejected(MIXED)
    amounts = {'balance': rest, 'amount_currency': -sum(amount for _balance, amount, _currency in left)}
    return [[1, waiting[0]['id'], amounts]] if waiting else [[0, 0, {**values, 'currency_id': currency, **amounts}]]
