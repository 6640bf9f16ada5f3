from odoo import fields, models
from odoo.tools import SQL


class OnlineSyncMatchReport(models.Model):
    """Bank transactions by how they found what they pay: a month at a glance."""

    _name = 'online.sync.match.report'
    _description = "Bank Matching Analysis"
    _auto = False
    _order = 'date desc'

    date = fields.Date(readonly=True)
    journal_id = fields.Many2one('account.journal', readonly=True)
    company_id = fields.Many2one('res.company', readonly=True)
    how = fields.Selection(
        [('alone', "Matched alone"), ('accepted', "Accepted"), ('hand', "By hand"), ('elsewhere', "Matched elsewhere"), ('open', "Open")],
        readonly=True)
    line_count = fields.Integer("Bank transactions", readonly=True)

    @property
    def _table_query(self):
        return SQL("""
            SELECT line.id, move.date, move.journal_id, move.company_id, 1 AS line_count,
                   CASE WHEN line.is_reconciled IS NOT TRUE THEN 'open' ELSE COALESCE(match.how, 'elsewhere') END AS how
              FROM account_bank_statement_line line
              JOIN account_move move ON move.id = line.move_id AND move.state = 'posted'
              LEFT JOIN LATERAL (SELECT how FROM online_sync_match WHERE statement_line_id = line.id AND state = 'applied'
                                  ORDER BY id DESC LIMIT 1) match ON TRUE
        """)
