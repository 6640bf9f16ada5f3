from odoo import api, fields, models

from ..engine import coverage


class OnlineSyncCoverage(models.Model):
    """One fetched interval of one account and how it went. A day without a proving row is owed."""

    _name = 'online.sync.coverage'
    _description = "Online Synchronization Coverage"
    _order = 'fetched_at desc, id desc'
    _rec_name = 'date_from'

    account_id = fields.Many2one('online.sync.account', required=True, ondelete='cascade', index=True)
    company_id = fields.Many2one(related='account_id.company_id', store=True, precompute=True)
    log_id = fields.Many2one('online.sync.log', string="Run", ondelete='set null', index='btree_not_null')
    date_from = fields.Date("From", required=True)
    date_to = fields.Date("To", required=True)
    status = fields.Selection(
        [(coverage.OK, "Read"), (coverage.EMPTY, "No movement"), (coverage.FAILED, "Failed"),
         (coverage.RATE_LIMITED, "Calls used up"), (coverage.CONSENT_EXPIRED, "Consent ended")],
        required=True)
    fetched_at = fields.Datetime("Fetched", required=True, default=fields.Datetime.now)
    transaction_count = fields.Integer("Transactions")
    message = fields.Char("Why")

    def _intervals(self):
        """The rows as the engine wants them, oldest fetch first."""
        return [
            coverage.Interval(row.date_from, row.date_to, row.status, row.fetched_at.date())
            for row in self.sorted(lambda row: (row.fetched_at, row.id))
        ]

    @api.model
    def _record(self, account, window, status, *, count=0, message='', log=None):
        """Store how the fetch of a window went.

        A row of the same kind, window and day is replaced: it says nothing that the later one does not say.
        """
        now = fields.Datetime.now()
        same = account.coverage_ids.filtered(lambda row: (
            (row.date_from, row.date_to, row.status) == (window.date_from, window.date_to, status)
            and row.fetched_at.date() == now.date()
        ))[:1]
        values = {'fetched_at': now, 'transaction_count': count, 'message': message, 'log_id': log.id if log else False}
        if same:
            same.write(values)
            return same
        return self.create({
            'account_id': account.id, 'date_from': window.date_from, 'date_to': window.date_to, 'status': status, **values})

    @api.autovacuum
    def _gc_redundant(self):
        """Drop rows older than a month that later ones make redundant; what is proved and what is owed stays the same."""
        limit = fields.Datetime.subtract(fields.Datetime.now(), days=31)
        self.env.cr.execute("""
            DELETE FROM online_sync_coverage old
                  WHERE old.fetched_at < %s
                    AND EXISTS (SELECT FROM online_sync_coverage new
                                 WHERE new.account_id = old.account_id AND new.id != old.id
                                   AND new.fetched_at > old.fetched_at
                                   AND new.status IN ('ok', 'empty')
                                   AND new.date_from <= old.date_from AND new.date_to >= old.date_to
                                   AND new.fetched_at::date > old.date_to)
        """, [limit])
