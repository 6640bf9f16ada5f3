from odoo import _, api, fields, models
from odoo.exceptions import AccessError

from ..engine.entities import STATE


class OnlineSyncChange(models.Model):
    """Something that changed on one side and is not at the other yet, or why it is not; once it is, what crossed."""

    _name = 'online.sync.change'
    _description = "Synchronized Change"
    _order = 'id desc'
    _rec_name = 'title'
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
    crossed_words = fields.Char("What crossed", compute='_compute_crossed_words')
    done_at = fields.Datetime("Done", readonly=True)

    def init(self):
        super().init()
        self.env.cr.execute("""CREATE INDEX IF NOT EXISTS online_sync_change_open_idx ON online_sync_change (flow_id, state, id)
                                WHERE state NOT IN ('done', 'dropped')""")

    @api.depends('crossed')
    def _compute_crossed_words(self):
        """Which fields went which way, by the names that the fields' list gives them."""
        sides = {'here': _("here"), 'there': _("there")}
        for flow in self.flow_id:
            titles = {**{field.name: field.title for field in flow._entity().fields}, STATE: _("State")}
            for change in self.filtered(lambda change, flow=flow: change.flow_id == flow):
                change.crossed_words = '; '.join(
                    f"{sides.get(side, side)}: {', '.join(titles.get(name, name) for name in names)}"
                    for side, names in (change.crossed or {}).items() if names) or False

    def action_open_here(self):
        """The record of this database."""
        self.ensure_one()
        return {'type': 'ir.actions.act_window', 'res_model': self.flow_id._model()._name, 'res_id': self.res_id,
                'views': [(False, 'form')]}

    def action_open_there(self):
        """The record of the other side, in a new tab."""
        self.ensure_one()
        return {'type': 'ir.actions.act_url', 'url': self.link_id._address_of(self.flow_id.entity, self.external_id), 'target': 'new'}

    def action_retry(self):
        """Try again at once."""
        changes = self._decided()
        changes.filtered(lambda change: change.state in ('failed', 'blocked', 'dropped')).write({'state': 'pending', 'why': False})
        changes.link_id._wake()

    def action_skip(self):
        """Leave the record as it is until it changes again; what waits for it waits on."""
        self._decided().filtered(lambda change: change.state in ('failed', 'blocked', 'pending')).write({'state': 'dropped'})

    def _decided(self):
        """The changes in superuser mode, for nobody may write them but through the buttons of an accountant."""
        self.check_access('read')
        if not self.env.user.has_group('account.group_account_basic'):
            raise AccessError(_("Ask an accountant: you may not decide what is synchronized."))
        return self.sudo()

    @api.autovacuum
    def _gc_done(self):
        """What crossed is kept for half a year."""
        limit = fields.Datetime.subtract(fields.Datetime.now(), days=180)
        self.search([('state', 'in', ('done', 'dropped')), ('write_date', '<', limit)], limit=10000).unlink()
