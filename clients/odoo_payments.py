"""How Odoo keeps payments: each has an entry that Odoo makes for it on posting, with its number, and with what was written off."""
import re
from dataclasses import replace

from .books import CANCELLED, DRAFT, POSTED, Line, LineEdits, Ref
from .errors import Rejected
from .odoo_documents import Documents, refused_for_gaps, refused_for_taxes, taxes_of_line, told_with_taxes
from .odoo_habits import REFUSALS, money

NO_ACCOUNT = ("It would have no journal entry: its payment method has no outstanding account. Give it one in the journal, and try again.")
DRAFT_WRITE_OFF = ("Something is written off in it, and it would be a draft where it goes to: Odoo writes off in posted payments only. It "
                   "crosses by itself once it is posted and payments arrive posted.")
CHANGED_WRITE_OFF = "What is written off in it was changed. Make that change by hand: Odoo makes the entry anew when a payment changes."
FOREIGN_WRITE_OFF = ("Something is written off in it, and the books where it goes to are kept in another currency. Enter it there by hand.")
#: What each kind of partner is asked for its account.
PROPERTY = {'customer': 'property_account_receivable_id', 'supplier': 'property_account_payable_id'}
ITEM = 'account.move.line'
#: Items of the entry of a payment in which nothing is written off.
PLAIN = 2


class Payments(Documents):
    """A payment's number is that of its entry. The accounts of its journal are each side's own; what differs from the plain entry is told:
    another account than the partner's, and what is written off.
    """

    # 19.0 and later, where a payment would have no entry: without one nothing can be matched with it.
    context = {'force_payment_move': True}
    reads = 'destination_account_id', 'partner_id', 'partner_type'
    numbered = False

    # -- telling ------------------------------------------------------------------------------------------------------------------

    def tell(self, rows, names=None):
        """The account is told where it is not the partner's own."""
        if not rows or names is not None and 'account' not in names:
            return {}
        own = self._accounts_of_partners({row['partner_id'] for row in rows if row['partner_id']})
        return {row['id']: ({'account': None}, '') for row in rows
                if row['partner_id'] and own.get((row['partner_id'], row['partner_type'])) == row['destination_account_id']}

    def _accounts_of_partners(self, ids):
        """{(partner, kind of partner): its account}"""
        rows = self.side.rows('res.partner', [('id', 'in', sorted(ids))], [*PROPERTY.values()]) if ids else []
        return {(row['id'], kind): row[name] for row in rows for kind, name in PROPERTY.items()}

    def tell_lines(self, lines, rows):
        """What is written off: the items of the entry besides those of the bank and of the partner."""
        count: dict[int, list] = {}
        for row in rows:
            count.setdefault(row[lines.parent], []).append(row)
        more = [id_ for id_, own in count.items() if len(own) > PLAIN]
        payments = {row['id']: row for row in self.side.rows(self.shape.model, [('id', 'in', more)], [
            'outstanding_account_id', 'destination_account_id', 'amount', 'payment_type'])} if more else {}
        own = [row for id_ in more for row in _without_plain(count[id_], payments[id_])]
        return told_with_taxes(self.side, own)

    def line_values(self, fields, is_new):
        return taxes_of_line(self.side, fields, is_new)

    # -- writing ------------------------------------------------------------------------------------------------------------------

    def refuse(self, intents):
        """Besides: what is written off is only written with a new payment, once that is posted."""
        refused = {**super().refuse(intents), **refused_for_taxes(self.side, intents, 'write_offs'),
                   **refused_for_gaps(intents, 'write_offs', {'account', 'amount'})}
        for number, intent in intents.items():
            told = intent.fields.get('write_offs')
            is_changed = isinstance(told, LineEdits) and bool(told.update or told.remove)
            added = told.add if isinstance(told, LineEdits) else told or ()
            why = CHANGED_WRITE_OFF if is_changed else DRAFT_WRITE_OFF if added and POSTED not in (intent.state, intent.reopens) else (
                FOREIGN_WRITE_OFF if any('balance' not in line.fields for line in added) else '')
            if why:
                refused[number] = Rejected(why)
        return refused

    def make(self, intents):
        return super().make({number: replace(intent, fields={name: value for name, value in intent.fields.items()
                                                             if name != 'account' or value}) for number, intent in intents.items()})

    def complete(self, intent):
        """The partner's own account, where it is to be that again."""
        if 'account' not in intent.fields or intent.fields['account']:
            return intent
        row, = self.side.rows(self.shape.model, [('id', '=', int(intent.key))], ['partner_id', 'partner_type'])
        partner = int(intent.fields['partner'].key) if intent.fields.get('partner') else row['partner_id']
        own = self._accounts_of_partners({partner} - {False}).get((partner, row['partner_type']))
        fields = {name: value for name, value in intent.fields.items() if name != 'account'}
        return replace(intent, fields={**fields, 'account': Ref('account', str(own))} if own else fields)

    def prepare(self, intents, keys):
        """A payment that was changed as a draft may have lost the account that its entry needs: Odoo chooses it on `create` only."""
        ids = {int(keys[number]) for number, intent in intents.items() if keys.get(number) and POSTED in (intent.state, intent.reopens)}
        lost = [('id', 'in', sorted(ids)), ('move_id', '=', False), ('outstanding_account_id', '=', False)]
        rows = self.side.rows(self.shape.model, lost, ['payment_type']) if ids else []
        errors = {}
        for row in rows:
            account, numbers = self._outstanding(row['payment_type']), [number for number in intents if keys.get(number) == str(row['id'])]
            try:
                if not account:
                    raise Rejected(NO_ACCOUNT)
                self.side.call(self.shape.model, 'write', [row['id']], idempotent=True, vals={'outstanding_account_id': account})
            except REFUSALS as error:       # else it would be posted without an entry
                errors.update(dict.fromkeys(numbers, error))
        return errors

    def step(self, state, ids):
        """A draft that was posted before is cancelled with its entry: else Odoo would delete that, which it may not where another number
        follows.
        """
        posted_before = [('id', 'in', ids), ('state', '=', 'draft'), ('move_id.posted_before', '=', True)]
        rows = self.side.rows(self.shape.model, posted_before, ['move_id']) if state == CANCELLED else []
        if rows:
            self.side.call('account.move', 'button_cancel', [row['move_id'] for row in rows])
        left = sorted({*ids} - {row['id'] for row in rows})
        if left:
            super().step(state, left)

    def _outstanding(self, kind):
        """Id of the account that payments of that direction had last, else of transfers; 0 for none."""
        name = 'outstanding_account_id'
        rows = self.side.last(self.shape.model, [*self.side.domain_of('payment'), ('payment_type', '=', kind), (name, '!=', False)], [name])
        return rows[0][name] if rows else self.side.of_company(('transfer_account_id',))[0] or 0

    def settle(self, intents, keys):
        errors = self._write_off(intents, keys)
        self._number({number: intent for number, intent in intents.items() if number not in errors}, keys)
        return errors

    def _write_off(self, intents, keys):
        """Odoo takes what is written off with `create` only, and not from `load`. So the entry is opened once and gets it."""
        errors = {}
        for number, intent in intents.items():
            told = intent.fields.get('write_offs')
            if told and keys.get(number):
                try:
                    self._write_off_in(int(keys[number]), told.add if isinstance(told, LineEdits) else told, bool(intent.key))
                except REFUSALS as error:
                    errors[number] = error
        return errors

    def _write_off_in(self, id_, told: tuple[Line, ...], is_added):
        """
        :param is_added: the payment was there before
        """
        record = self.side.read_records('payment', [str(id_)], ['write_offs'])[str(id_)]
        payment, = self.side.rows(self.shape.model, [('id', '=', id_)], ['move_id', 'destination_account_id', 'currency_id'])
        if record.fields['write_offs'] and is_added or not payment['move_id']:
            raise Rejected(CHANGED_WRITE_OFF)
        if record.fields['write_offs']:
            return      # an attempt that broke off did it
        item = next(row for row in self.side.rows(ITEM, [('move_id', '=', payment['move_id'])], [
            'account_id', 'balance', 'amount_currency']) if row['account_id'] == payment['destination_account_id'])
        commands = [[0, 0, self._item(line.fields, payment)] for line in told]
        left = {name: money(item[name]) - sum(command[2][name] for command in commands) for name in ('balance', 'amount_currency')}
        self.step(DRAFT, [id_])
        try:
            self.side.call('account.move', 'write', [payment['move_id']], context={'skip_invoice_sync': True}, vals={
                'line_ids': [[1, item['id'], left], *commands]})
        finally:        # refused: it is again what it was
            self.step(POSTED, [id_])

    def _item(self, fields, payment):
        """An item of what is written off, as Odoo wants it."""
        partner, taxes = fields.get('partner'), fields.get('taxes') or ()
        return {
            'account_id': int(fields['account'].key), 'partner_id': int(partner.key) if partner else False,
            'name': fields.get('text') or '', 'currency_id': payment['currency_id'],
            'balance': fields['balance'], 'amount_currency': fields['amount'],
            'tax_ids': [[4, int(ref.key), 0] for ref in taxes], **taxes_of_line(self.side, fields, True)}

    def _number(self, intents, keys):
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


def _without_plain(rows, payment):
    """Items besides that of the bank and that of the partner. A payment of before 18.0 may not say which account the bank's is on."""
    amount = money(payment['amount']) * (1 if payment['payment_type'] == 'inbound' else -1)
    bank = next((row for row in rows if row['account_id'] == payment['outstanding_account_id']), None) or next(
        (row for row in rows if money(row['amount_currency']) == amount), None)
    partner = next((row for row in rows if row['account_id'] == payment['destination_account_id'] and row is not bank), None)
    return [row for row in rows if row is not bank and row is not partner]


def _pattern(number):
    return re.sub(r'\d+$', '', number or '')
