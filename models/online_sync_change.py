from odoo import api, fields, models


class OnlineSyncChange(models.Model):
    """Something that changed on one side and is not at the other yet, or why it is not; once it is, what crossed."""

    _name = 'online.sync.change'
    _description = "Synchronized Change"
    _order = 'id desc'
    _log_access = True

    flow_id = fields.Many2one('online.sync.flow', string="Records", required=True, ondelete='cascade', index=True)
    link_id = fields.Many2one(related='flow_id.link_id', store=True, precompute=True)
    company_id = fields.Many2one(related='flow_id.company_id', store=True, precompute=True)
    origin = fields.Selection([('here', "Changed here"), ('there', "Changed there")], required=True, default='here')
    res_id = fields.Integer("Record here")
    external_id = fields.Char("Record there")
    title = fields.Char("Record")
    state = fields.Selection(
        [('pending', "To do"), ('blocked', "Waits for another record"), ('failed', "Refused"), ('done', "Done"), ('dropped', "Skipped")],
        required=True, default='pending', index=True)
    deleted = fields.Boolean(help="The record was deleted here.")
    attempts = fields.Integer(readonly=True)
    needs = fields.Json(readonly=True, help="References that the other side does not know yet: [entity, key].")
    why = fields.Char(readonly=True)
    crossed = fields.Json(readonly=True, help="What crossed: {'here' or 'there': names of fields}.")
    done_at = fields.Datetime("Done", readonly=True)

    def init(self):
        super().init()
        self.env.cr.execute("""CREATE INDEX IF NOT EXISTS online_sync_change_open_idx ON online_sync_change (flow_id, state, id)
                                WHERE state NOT IN ('done', 'dropped')""")

    def action_retry(self):
        """Try again at once."""
        self.filtered(lambda change: change.state in ('failed', 'blocked', 'dropped')).write({'state': 'pending', 'why': False})
        self.link_id._wake()

    def action_skip(self):
        """Leave the record as it is until it changes again; what waits for it waits on."""
        self.filtered(lambda change: change.state in ('failed', 'blocked', 'pending')).write({'state': 'dropped'})

    @api.autovacuum
    def _gc_done(self):
        """What crossed is kept for half a year."""
        limit = fields.Datetime.subtract(fields.Datetime.now(), days=180)
        self.search([('state', 'in', ('done', 'dropped')), ('write_date', '<', limit)], limit=10000).unlink()
