from odoo import _, api, fields, models
from odoo.exceptions import UserError

from ..clients import odoo_models
from ..models.online_sync_flow_model import kind_of


class OnlineSyncAdd(models.TransientModel):
    """Lets records of any other model flow: which ones, and which of their fields."""

    _name = 'online.sync.add'
    _description = "Add Records"

    link_id = fields.Many2one('online.sync.link', string="Connection", required=True, readonly=True, ondelete='cascade')
    model = fields.Selection('_selection_model', string="Records", help="Those that you may change yourself and that are not there yet.")
    is_read = fields.Boolean(readonly=True, help="The fields that both sides have are known.")
    field_ids = fields.One2many('online.sync.add.field', 'wizard_id', string="Fields")

    @api.model
    def _selection_model(self):
        found = [(record.model, record.name) for record in self.env['ir.model'].sudo().search([('transient', '=', False)])
                 if self.env['online.sync.flow']._may_choose(record.model)]
        return sorted(found, key=lambda one: (one[1].casefold(), one[0]))

    def action_read(self):
        """Ask both sides which fields they have in common."""
        self.ensure_one()
        self.link_id.check_access('write')
        if not self.model:
            raise UserError(_("Choose the records first."))
        crossings, required = self.env['online.sync.flow']._crossings(self.link_id, self.model)
        if not crossings:
            raise UserError(_("The two sides have no field in common that could cross."))
        needed, names = set().union(*required.values()), {one.name for one in crossings if one.can_be_key}
        label = next((name for name in (self.env[self.model]._rec_name, 'name', 'code') if name in names), '')
        self.write({'is_read': True, 'field_ids': [(5, 0, 0), *((0, 0, {
            'name': one.name, 'title': one.title, 'kind': kind_of(one), 'is_needed': one.name in needed,
            'is_chosen': one.name in needed or one.name == label,
            'is_key': one.can_be_key and one.name == label, 'can_be_key': one.can_be_key,
        }) for one in crossings)]})
        return self._show()

    def action_back(self):
        """Choose other records."""
        self.ensure_one()
        self.write({'is_read': False, 'field_ids': [(5, 0, 0)]})
        return self._show()

    def action_add(self):
        """Add them to what is synchronized. Nothing is written before their pairs are confirmed."""
        self.ensure_one()
        if not self.field_ids.filtered('is_key') and self.field_ids.filtered('can_be_key'):
            raise UserError(_("Mark at least one field to pair by: else what both sides have already would be created once more on each."))
        self.link_id.check_access('write')
        chosen = self.field_ids.filtered('is_chosen')
        self.env['online.sync.flow']._create_chosen(
            self.link_id, self.model, chosen.mapped('name'), chosen.filtered('is_key').mapped('name'))
        return {'type': 'ir.actions.act_window_close'}

    def _show(self):
        return {'type': 'ir.actions.act_window', 'name': _("Add Records"), 'res_model': self._name, 'res_id': self.id,
                'views': [(False, 'form')], 'target': 'new'}


class OnlineSyncAddField(models.TransientModel):
    """One field that both sides have."""

    _name = 'online.sync.add.field'
    _description = "Field to Add"
    _order = 'is_needed desc, id'

    wizard_id = fields.Many2one('online.sync.add', required=True, ondelete='cascade')
    name = fields.Char("Technical name", required=True, readonly=True)
    title = fields.Char("Field", readonly=True)
    kind = fields.Char(readonly=True)
    kind_name = fields.Char("Kind of value", compute='_compute_kind_name')
    is_needed = fields.Boolean("Needed", readonly=True, help="New records cannot be without it.")
    is_chosen = fields.Boolean("Synchronize")
    can_be_key = fields.Boolean(readonly=True)
    is_key = fields.Boolean("Pair by", help="Records that agree in all fields marked so are paired, not created again.")

    @api.depends('kind')
    def _compute_kind_name(self):
        kinds = self.env['online.sync.flow.field']._kind_names()
        for field in self:
            field.kind_name = kinds.get(field.kind, field.kind)


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    can_add = fields.Boolean(compute='_compute_can_add', help="Records of any other model may be added: the other side is an Odoo too.")

    @api.depends('provider')
    def _compute_can_add(self):
        for link in self:
            link.can_add = link.provider == odoo_models.PROVIDER

    def action_add_records(self):
        """Choose further records to synchronize."""
        self.ensure_one()
        self.check_access('write')
        return self.env['online.sync.add'].create({'link_id': self.id})._show()
