from odoo import fields, models


class OnlineSyncDryRunEffect(models.TransientModel):
    """What a run would change in the trial balance of a side: an account, before and after."""

    _name = 'online.sync.dry.run.effect'
    _description = "Effect of a Dry Run"
    _order = 'where, id'

    run_id = fields.Many2one('online.sync.dry.run', required=True, ondelete='cascade')
    currency_id = fields.Many2one(related='run_id.link_id.company_id.currency_id')
    where = fields.Selection([('here', "Here"), ('there', "There")], "Books", required=True)
    account = fields.Char(required=True)
    before = fields.Monetary()
    change = fields.Monetary()
    after = fields.Monetary()
    is_paired = fields.Boolean(help="Off: the account has no pair, so its side chooses one itself. The other side's account is named.")
