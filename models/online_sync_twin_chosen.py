"""From a record of a model that a user chose to its twin and to what crossed.

Its form knows nothing of us, so the way is in the *Actions* menu.
"""
from odoo import _, api, models
from odoo.exceptions import UserError

from ..clients import odoo_models
from .online_sync_twin import READERS


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    @api.model_create_multi
    def create(self, vals_list):
        flows = super().create(vals_list)
        for flow in flows.filtered(lambda flow: flow._is_chosen() and flow._has_model()):
            flow._add_to_menu()
        return flows

    def unlink(self):
        names = set(self.filtered(lambda flow: flow._is_chosen()).mapped('entity'))
        result = super().unlink()
        left = set(self.sudo().search([('entity', 'in', list(names))]).mapped('entity')) if names else set()
        for entity in names - left:
            self._in_menu(odoo_models.model_of(entity)).unlink()
        return result

    def _add_to_menu(self):
        """Whoever looks at one of the records finds its twin, and what crossed."""
        model = odoo_models.model_of(self.entity)
        actions = self._in_menu(model)
        if actions:
            return
        groups = [self.env.ref(name).id for name in READERS.split(',')]
        field = 'group_ids' if 'group_ids' in actions else 'groups_id'      # 19.0, 18.0
        model_id = self.env['ir.model'].sudo()._get(model).id
        actions.create([{
            'name': name, 'model_id': model_id, 'binding_model_id': model_id, 'binding_view_types': 'form', 'state': 'code', 'code': code,
            field: [(6, 0, groups)]} for code, name in _entries()])

    @api.model
    def _in_menu(self, model):
        return self.env['ir.actions.server'].sudo().search([
            ('model_name', '=', model), ('code', 'in', [code for code, _name in _entries()])])


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    def unlink(self):
        self.sudo().flow_ids.unlink()       # with what they have in menus
        return super().unlink()


class OnlineSyncBinding(models.Model):
    _inherit = 'online.sync.binding'

    @api.model
    def open_twin_of(self, record):
        """Action that shows the record of the other side."""
        return self._of_record(record)._open_twins()

    @api.model
    def open_history_of(self, record):
        """Action that shows what crossed of a record, and what waits."""
        return self._of_record(record)._open_history()

    @api.model
    def _of_record(self, record):
        found = self.search([('res_model', '=', record._name), ('res_id', 'in', record.ids)])
        if not found:
            raise UserError(_("It is not on the other side."))
        return found


def _entries():
    """(code, name) of what is in the menu."""
    return [("action = env['online.sync.binding'].open_twin_of(record)", _("Twin in the other books")),
            ("action = env['online.sync.binding'].open_history_of(record)", _("What crossed between the books"))]
