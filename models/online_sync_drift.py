from odoo import _, api, fields, models
from odoo.tools import format_date

STATES = [('agree', "Agree"), ('expected', "Nothing to do"), ('differs', "Differ"), ('incomparable', "Not comparable")]


class OnlineSyncDrift(models.Model):
    """Both trial balances of a connection to other books, compared at one moment by account and month."""

    _name = 'online.sync.drift'
    _description = "Comparison of Books"
    _order = 'compared_at desc, id desc'

    link_id = fields.Many2one('online.sync.link', string="Connection", required=True, ondelete='cascade', index=True)
    company_id = fields.Many2one(related='link_id.company_id', store=True, precompute=True, index=True)
    currency_id = fields.Many2one(related='company_id.currency_id')
    compared_at = fields.Datetime("Compared", required=True, default=fields.Datetime.now)
    state = fields.Selection(
        STATES, "Books", required=True, help="Nothing to do: they differ only by what waits to be synchronized, by what you chose not to "
        "synchronize, and by what you accepted.")
    difference = fields.Monetary(help="What one side has too much on some accounts it has too little on others.")
    to_correct = fields.Monetary(
        "To correct", help="The difference without what waits to be synchronized, what is not synchronized, and what was accepted.")
    summary = fields.Char(required=True)
    line_ids = fields.One2many('online.sync.drift.line', 'drift_id', string="Accounts by month")
    differing_ids = fields.One2many('online.sync.drift.line', 'drift_id', string="Differences", domain=[('status', '=', 'differs')])
    alone_ids = fields.One2many('online.sync.drift.line', 'drift_id', string="Not compared", domain=[('status', '=', 'alone')])
    cause_ids = fields.One2many('online.sync.drift.cause', 'drift_id', string="Documents that differ")
    line_count = fields.Integer("Account months", compute='_compute_counts')
    alone_count = fields.Integer(compute='_compute_counts')
    alone_words = fields.Char(compute='_compute_counts')

    @api.depends('line_ids.status')
    def _compute_counts(self):
        counts = {(drift.id, status): count for drift, status, count in self.env['online.sync.drift.line']._read_group(
            [('drift_id', 'in', self.ids)], ['drift_id', 'status'], ['__count'])}
        for drift in self:
            alone = counts.get((drift.id, 'alone'), 0)
            drift.line_count = sum(counts.get((drift.id, status), 0) for status in ('equal', 'differs'))
            drift.alone_count = alone
            drift.alone_words = alone and (
                _("1 account is not compared: it has no pair on the other side.") if alone == 1 else
                _("%s accounts are not compared: they have no pair on the other side.", alone))

    @api.depends('compared_at')
    @api.depends_context('lang', 'tz')
    def _compute_display_name(self):
        for drift in self:
            day = fields.Datetime.context_timestamp(drift, drift.compared_at).date() if drift.compared_at else False
            drift.display_name = _("Books on %s", format_date(self.env, day))

    def action_compare_again(self):
        """Compare both books as they are now."""
        self.ensure_one()
        return self.link_id.action_compare_books()

    def action_open_lines(self):
        """All accounts by month; at first those that differ."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_drift_line')
        return {**action, 'domain': [('drift_id', '=', self.id)]}

    @api.autovacuum
    def _gc_old(self):
        """Comparisons are kept for a year."""
        limit = fields.Datetime.subtract(fields.Datetime.now(), days=365)
        self.search([('compared_at', '<', limit)], limit=1000).unlink()
