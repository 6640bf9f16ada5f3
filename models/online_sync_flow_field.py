from odoo import api, fields, models

from .compat import HAS_CONSTRAINT
from .online_sync_flow import DIRECTIONS, POLICIES


class OnlineSyncFlowField(models.Model):
    """One field of a synchronized kind of record: whether it flows, which way, and who wins."""

    _name = 'online.sync.flow.field'
    _description = "Synchronized Field"
    _order = 'flow_id, id'

    flow_id = fields.Many2one('online.sync.flow', string="Records", required=True, ondelete='cascade', index=True)
    link_id = fields.Many2one(related='flow_id.link_id', store=True, precompute=True)
    company_id = fields.Many2one(related='flow_id.company_id', store=True, precompute=True)
    name = fields.Char("Technical name", required=True, readonly=True, help="Fields of lines begin with the name of their list.")
    title = fields.Char("Field", required=True, readonly=True)
    kind = fields.Char("Type", readonly=True)
    direction = fields.Selection(DIRECTIONS, required=True, default='both')
    policy = fields.Selection([('', "As the records"), *POLICIES][1:], "Who wins", help="Empty: as for all fields of these records.")
    is_check = fields.Boolean(readonly=True, help="Both sides compute it; it is compared to the cent, never written.")
    problem = fields.Char(readonly=True, help="Why it cannot flow as things are: the field is missing on one side, or of another type.")
    is_line = fields.Boolean(compute='_compute_is_line')

    if HAS_CONSTRAINT:
        _name_uniq = models.Constraint('UNIQUE(flow_id, name)', "Each field is there once.")
    else:
        _sql_constraints = [('name_uniq', 'UNIQUE(flow_id, name)', "Each field is there once.")]

    @api.depends('name')
    def _compute_is_line(self):
        for field in self:
            field.is_line = '/' in (field.name or '')
