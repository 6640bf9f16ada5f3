from odoo import fields, models


class OnlineSyncDriftLine(models.Model):
    """An account in a month: what it moved by here and there. An account that only one side has, over all months."""

    _name = 'online.sync.drift.line'
    _description = "Compared Account"
    _order = 'is_expected, month desc, name, id'

    drift_id = fields.Many2one('online.sync.drift', string="Comparison", required=True, ondelete='cascade', index=True)
    company_id = fields.Many2one(related='drift_id.company_id', store=True, precompute=True)
    currency_id = fields.Many2one(related='drift_id.currency_id')
    name = fields.Char("Account", required=True)
    name_there = fields.Char("Account there")
    account_id = fields.Many2one('account.account', string="Account here", ondelete='cascade')
    month = fields.Date(help="Its first day; empty for an account that is not compared.")
    status = fields.Selection([('equal', "Equal"), ('differs', "Differs"), ('alone', "Not compared")], required=True)
    here = fields.Monetary()
    there = fields.Monetary()
    difference = fields.Monetary()
    to_correct = fields.Monetary("To correct", help="The difference without what waits to be synchronized and what is not synchronized.")
    rest = fields.Monetary("Not explained", help="What no document explains, or what was not looked into.")
    is_expected = fields.Boolean(
        "Nothing to do", help="All of it waits to be synchronized, or is of a kind that is not synchronized.")
    is_accepted = fields.Boolean("Accepted", help="A person left it as it is. It is told again when what is to correct changes.")
    cause_ids = fields.One2many('online.sync.drift.cause', 'line_id', string="Documents that differ")
