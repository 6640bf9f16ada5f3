from odoo import api, fields, models

from ..clients.records import BOOKED
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
    company_id = fields.Many2one(related='account_id.company_id', store=True, precompute=True)
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
        booked = self._booked(account, balances)
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
        self._show(account, booked)

    @api.model
    def _booked(self, account, balances):
        """The booked ones in the account's currency."""
        return [b for b in balances if b.kind == BOOKED and b.currency in (account.currency_id.name, '')]

    @api.model
    def _show(self, account, booked):
        """The last of these balances is the one that the account shows."""
        if booked:
            last = max(booked, key=lambda b: (b.date, b.final))
            account.write({'bank_balance': float(last.amount), 'bank_balance_date': last.date})
