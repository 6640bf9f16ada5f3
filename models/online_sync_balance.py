from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

from odoo import _, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date

from ..clients.records import BOOKED
from ..engine import balance
from .compat import HAS_CONSTRAINT


class OnlineSyncBalance(models.Model):
    """What the bank said an account held on a day, and what that proves."""

    _name = 'online.sync.balance'
    _description = "Online Synchronization Balance"
    _order = 'date desc, is_final desc'
    _rec_name = 'date'

    if HAS_CONSTRAINT:
        _day_uniq = models.Constraint('UNIQUE(account_id, date, is_final)', "The balance of this day is stored already.")
    else:
        _sql_constraints = [('day_uniq', 'UNIQUE(account_id, date, is_final)', "The balance of this day is stored already.")]

    account_id = fields.Many2one('online.sync.account', required=True, ondelete='cascade', index=True)
    company_id = fields.Many2one(related='account_id.company_id', store=True)
    currency_id = fields.Many2one(related='account_id.currency_id')
    date = fields.Date(required=True)
    amount = fields.Monetary(required=True)
    is_final = fields.Boolean("Closing balance", help="The day was over; else it was true at some time of the day.")
    fetched_at = fields.Datetime("Fetched", required=True, default=fields.Datetime.now)

    @api.model
    def _record(self, account, balances):
        """Store the booked balances among those that the bank gave; the last one of a day stays.

        :param balances: clients.records.Balance
        """
        booked = [b for b in balances if b.kind == BOOKED and b.currency in (account.currency_id.name, '')]
        if not booked:
            return
        stored = {(row.date, row.is_final): row for row in self.search(
            [('account_id', '=', account.id), ('date', 'in', [b.date for b in booked])])}
        now = fields.Datetime.now()
        for reading in booked:
            row = stored.get((reading.date, reading.final))
            if row:
                row.write({'amount': float(reading.amount), 'fetched_at': now})
            else:
                stored[reading.date, reading.final] = self.create({
                    'account_id': account.id, 'date': reading.date, 'amount': float(reading.amount), 'is_final': reading.final,
                    'fetched_at': now})
        last = max(booked, key=lambda b: (b.date, b.final))
        account.write({'bank_balance': float(last.amount), 'bank_balance_date': last.date})


class OnlineSyncAccount(models.Model):
    _inherit = 'online.sync.account'

    differs_since = fields.Datetime(readonly=True)

    def _prove_balance(self):
        """Compare the bank's balances with the books plus what waits for them; open or close the issue about it."""
        self.ensure_one()
        proof = self._proof()
        if not proof:
            return
        differs = proof.state != balance.AGREES
        self.write({
            'book_balance': float(proof.books), 'difference': float(proof.difference), 'proof_state': proof.state,
            'proof_began': proof.began or False,
            'differs_since': (self.differs_since or fields.Datetime.now()) if differs else False,
        })
        issues = self.env['online.sync.issue']
        if proof.state == balance.OPENING and self.adds_opening and not self._is_opening_locked():
            self.adds_opening = False
            self._add_opening_balance()
        elif proof.state == balance.OPENING:
            issues._settle(self, ('drift',))
            issues._raise_opening(self, proof)
        elif differs and self._is_lasting(proof):
            issues._settle(self, ('opening',))
            issues._raise_drift(self, proof)
        elif not differs:
            issues._settle(self, ('drift', 'opening'))

    def _proof(self):
        """The engine's proof for the latest reading, None when there is nothing to prove yet."""
        if not (self.journal_id and self.start_date):
            return None
        self.env.flush_all()
        readings = self._readings()
        opening, books = self._book_movements()
        told, staged, pending = self._told_movements()
        for day, amount in staged.items():
            books[day] += amount
        proof = balance.prove(readings, opening, books, told, self.start_date)
        if proof and proof.difference and proof.difference == pending:
            # Some banks count what is pending into the balance that they call booked.
            readings[-1] = balance.Reading(readings[-1].date, readings[-1].amount - pending, readings[-1].final)
            proof = balance.prove(readings, opening, books, told, self.start_date)
        return proof

    def _is_lasting(self, proof):
        """Whether a difference is worth a person's time: banks count a movement of today into the balance before they list it."""
        fresh = proof.began == proof.date == fields.Date.today()
        waited = self.differs_since and fields.Datetime.now() - self.differs_since > timedelta(hours=20)
        explained = proof.difference == self._quarantined_total()
        return not explained and (not fresh or waited)

    def _quarantined_total(self):
        """Sum of the possible duplicates: a person is asked about them already."""
        rows = self.env['online.sync.transaction'].search([('account_id', '=', self.id), ('state', '=', 'duplicate')])
        return self._exact(sum(rows.mapped('amount')))

    def _readings(self):
        rows = self.balance_ids.filtered(lambda row: row.date >= self.start_date - timedelta(days=1))
        return sorted(
            (balance.Reading(row.date, self._exact(row.amount), row.is_final) for row in rows), key=lambda r: (r.date, r.final))

    def _exact(self, value):
        return Decimal(f'{value:.{self.currency_id.decimal_places}f}')

    def _book_movements(self):
        """Posted items of the bank account: (balance before the first day, {day: sum}), in the account's currency."""
        journal, company = self.journal_id, self.company_id
        bank_account = journal.default_account_id
        foreign = self.currency_id != company.currency_id
        shared = self.env['account.journal'].search_count([
            ('default_account_id', '=', bank_account.id), ('company_id', '=', company.id), ('type', 'in', ('bank', 'credit', 'cash'))]) > 1
        self.env.cr.execute(SQL(
            """
            SELECT CASE WHEN date >= %s THEN date END AS day, SUM(%s)::text
              FROM account_move_line
             WHERE account_id = %s AND company_id = %s AND parent_state = 'posted' %s %s
             GROUP BY day
            """,
            self.start_date, SQL("amount_currency" if foreign else "balance"), bank_account.id, company.id,
            SQL("AND currency_id = %s", self.currency_id.id) if foreign else SQL(),
            SQL("AND journal_id = %s", journal.id) if shared else SQL(),
        ))
        movements = defaultdict(Decimal, {day: Decimal(total) for day, total in self.env.cr.fetchall()})
        return movements.pop(None, Decimal(0)), movements

    def _told_movements(self):
        """What the inbox knows: ({day: sum} told as booked, {day: sum} waiting for the books, total pending)."""
        self.env.cr.execute(SQL(
            """
            SELECT date, status, state = 'new' AS waits, SUM(amount)::text
              FROM online_sync_transaction
             WHERE account_id = %s AND state != 'superseded' AND NOT COALESCE(is_held, FALSE) AND currency_id = %s
             GROUP BY date, status, waits
            """, self.id, self.currency_id.id,
        ))
        told, staged, pending = defaultdict(Decimal), defaultdict(Decimal), Decimal(0)
        for day, status, waits, total in self.env.cr.fetchall():
            if status != BOOKED:
                pending += Decimal(total)
                continue
            told[day] += Decimal(total)
            if waits:
                staged[day] += Decimal(total)
        return told, staged, pending

    def _is_opening_locked(self):
        return bool(self.company_id._get_violated_lock_dates(self.start_date - timedelta(days=1), False, self.journal_id))

    def _add_opening_balance(self):
        """Make the first line of the journal: what the bank held before the first day that was fetched.

        :returns: the bank transaction
        """
        self.ensure_one()
        proof = self._proof()
        day = self.start_date - timedelta(days=1)
        if not proof or proof.state != balance.OPENING:
            return self.env['account.bank.statement.line']
        if self._is_opening_locked():
            raise UserError(_(
                "The opening balance belongs on %s, which is locked. Open that period for a moment, or book the balance in the first "
                "open period yourself.", format_date(self.env, day)))
        line = self.env['account.bank.statement.line'].create({
            'journal_id': self.journal_id.id, 'date': day, 'amount': float(proof.difference), 'payment_ref': _("Opening balance")})
        self._prove_balance()
        return line
