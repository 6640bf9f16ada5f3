"""The calendar strip of an account: it answers "which days are proved?"."""
from collections import defaultdict
from datetime import timedelta

from odoo import _, api, fields, models
from odoo.tools import format_date

from ..engine import coverage

WEEKS = 13


class OnlineSyncAccount(models.Model):
    _inherit = 'online.sync.account'

    strip = fields.Json(compute='_compute_strip')
    inbox = fields.Json("Inbox by filter", compute='_compute_inbox', help="The inbox by filter, with how many rows each shows.")

    @api.depends('transaction_ids.state', 'transaction_ids.status')
    @api.depends_context('lang')
    def _compute_inbox(self):
        for account in self:
            account.inbox = [account._inbox_filter(*each) for each in account._inbox_filters()] if account.id else []

    def _inbox_filters(self):
        """Of the inbox below the strip: (name of the search view's filter, label, domain)."""
        return [
            ('all', _("All"), []),
            ('pending', _("Pending"), [('status', '=', 'pending'), ('state', '!=', 'superseded')]),
            ('imported', _("Imported"), [('state', '=', 'imported')]),
            ('duplicate', _("Possible duplicates"), [('state', '=', 'duplicate')]),
            ('ignored', _("Ignored"), [('state', '=', 'ignored')]),
        ]

    def _inbox_filter(self, key, label, domain):
        domain = [('account_id', '=', self.id), *domain]
        return {'key': key, 'label': label, 'domain': domain, 'count': self.env['online.sync.transaction'].search_count(domain)}

    @api.depends('coverage_ids', 'start_date', 'proof_state', 'proof_began', 'misdated')
    @api.depends_context('lang')
    def _compute_strip(self):
        for account in self:
            account.strip = account._strip_days() if account.id else []

    def _strip_days(self):
        """The last weeks, Monday first: [{'date', 'state', 'label', 'why'}]; one query for the movements, one for the ledger."""
        today = fields.Date.today()
        first = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
        intervals = self.coverage_ids._intervals()
        moved = self._movements_by_day(first)
        states = coverage.day_states(first, today, self._first_day(), intervals, set(moved))
        failures, misdated = self._failures_by_day(first), self._misdated_days(first)
        return [self._strip_day(day, 'differs' if state in ('proved', 'quiet') and self._differs_on(day, misdated) else state,
                                moved.get(day, 0), failures.get(day)) for day, state in states.items()]

    def _differs_on(self, day, misdated):
        return day in misdated or self.proof_state in ('differs', 'opening') and self.proof_began and day >= self.proof_began

    def _misdated_days(self, first):
        """Days on which the books differed although they agree again since."""
        stretches = [(fields.Date.to_date(one), fields.Date.to_date(other)) for one, other in self.misdated or []]
        return {day for one, other in stretches if other >= first for day in coverage.days(max(one, first), other)}

    def _strip_day(self, day, state, count, failure):
        return {
            'date': day.isoformat(), 'label': format_date(self.env, day), 'state': state,
            'why': failure if state == 'failed' else self._strip_words(state, count),
        }

    def _strip_words(self, state, count):
        return {
            'proved': _("%s transactions, proved", count), 'quiet': _("No movement, proved"), 'owed': _("Still to be fetched"),
            'before': _("Before the first day of this connection"), 'differs': _("Read, but the balance differs from the books"),
        }.get(state, '')

    def _movements_by_day(self, first):
        rows = self.env['online.sync.transaction']._read_group(
            [('account_id', '=', self.id), ('date', '>=', first), ('status', '=', 'booked'), ('state', '!=', 'superseded')],
            ['date:day'], ['__count'])
        return {day if not hasattr(day, 'date') else day.date(): count for day, count in rows}

    def _failures_by_day(self, first):
        """Why the last try of a day failed, by day."""
        reasons = defaultdict(str)
        for row in self.coverage_ids.filtered(lambda row: row.status not in coverage.PROVING and row.date_to >= first).sorted('fetched_at'):
            for day in coverage.days(max(row.date_from, first), row.date_to):
                reasons[day] = row.message
        return reasons

    def action_fetch_day(self, day):
        """Read again from one day on, at once."""
        self.ensure_one()
        return self._fetch_again(fields.Date.to_date(day))

    def action_open_day(self, day):
        """The inbox of one day."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_transaction')
        return {**action, 'domain': [('account_id', '=', self.id), ('date', '=', day)], 'context': {'of_one_account': True},
                'display_name': _("%(account)s, %(day)s", account=self.name, day=format_date(self.env, fields.Date.to_date(day)))}

    def action_open_inbox(self):
        """Everything that the bank told of this account, with search."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_transaction')
        return {**action, 'domain': [('account_id', '=', self.id)], 'context': {'of_one_account': True}}

    def action_synchronize_now(self):
        return self.link_id.action_synchronize_now()
