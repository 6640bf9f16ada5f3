from odoo import _, fields, models
from odoo.exceptions import UserError


class OnlineSyncDecide(models.TransientModel):
    """A conflict side by side, field by field: what was agreed last, what is here, what is there."""

    _name = 'online.sync.decide'
    _description = "Decide a Conflict"

    issue_id = fields.Many2one('online.sync.issue', required=True, ondelete='cascade')
    title = fields.Char(related='issue_id.binding_id.title')
    totals = fields.Char(related='issue_id.totals')
    kind = fields.Selection(related='issue_id.kind')
    is_document = fields.Boolean(related='issue_id.flow_id.is_document')
    changed_here = fields.Char("Changed here", readonly=True)
    changed_there = fields.Char("Changed there", readonly=True)
    line_ids = fields.One2many('online.sync.decide.line', 'wizard_id', string="Fields")

    def action_confirm(self):
        """Write what was chosen on both sides."""
        self.ensure_one()
        if any(not line.choice for line in self.line_ids):
            raise UserError(_("Choose here or there for each field."))
        self.issue_id._decide({line.name: line.choice for line in self.line_ids}, self.line_ids.filtered('always').mapped('name'))
        return self.issue_id._goes_on()


class OnlineSyncDecideLine(models.TransientModel):
    """One field of a conflict."""

    _name = 'online.sync.decide.line'
    _description = "Field to Decide"

    wizard_id = fields.Many2one('online.sync.decide', required=True, ondelete='cascade')
    name = fields.Char(required=True, readonly=True)
    title = fields.Char("Field", readonly=True)
    base = fields.Char("What both had", readonly=True, help="Empty: they were never the same.")
    here = fields.Char(readonly=True)
    there = fields.Char(readonly=True)
    if_here = fields.Char(readonly=True, help="What is written where, when it is to be as it is here.")
    if_there = fields.Char(readonly=True)
    choice = fields.Selection([('local', "Here"), ('remote', "There")], "Keep")
    always = fields.Boolean("Always like this")
    can_be_always = fields.Boolean(compute='_compute_can_be_always', help="What a posted document says is asked about each time.")

    def _compute_can_be_always(self):
        for line in self:
            line.can_be_always = line.wizard_id.kind == 'conflict' and bool(line.wizard_id.issue_id.flow_id._row_of(line.name))
