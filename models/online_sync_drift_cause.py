from odoo import _, fields, models
from odoo.exceptions import UserError

from ..engine import drift


class OnlineSyncDriftCause(models.Model):
    """A document that books other amounts on an account in a month here than there, and why; or several that need no look one by one."""

    _name = 'online.sync.drift.cause'
    _description = "Document That Differs"
    _order = 'is_expected, id'
    _rec_name = 'title'

    line_id = fields.Many2one('online.sync.drift.line', required=True, ondelete='cascade', index=True)
    drift_id = fields.Many2one(related='line_id.drift_id', store=True, index=True)
    company_id = fields.Many2one(related='line_id.company_id', store=True, precompute=True)
    currency_id = fields.Many2one(related='line_id.currency_id')
    account = fields.Char(related='line_id.name')
    month = fields.Date(related='line_id.month')
    flow_id = fields.Many2one('online.sync.flow', string="Records", ondelete='cascade')
    title = fields.Char("Document")
    res_id = fields.Integer("Record here")
    external_id = fields.Char("Record there")
    here = fields.Monetary()
    there = fields.Monetary()
    difference = fields.Monetary()
    what = fields.Selection([
        (drift.MISSING, "Only on one side"), (drift.GONE, "Deleted on one side"), (drift.STATE, "Another status"),
        (drift.ELSEWHERE, "Booked elsewhere"), (drift.AMOUNT, "Another amount")], help="Empty for several documents.")
    standing = fields.Selection([
        (drift.OPEN, "To correct"), (drift.WAITING, "Waits"), (drift.HELD, "For you to decide"), (drift.REFUSED, "Refused"),
        (drift.LEFT_OUT, "Not synchronized")], "Stands", required=True)
    is_expected = fields.Boolean("Nothing to do")
    words = fields.Char("Why", required=True)

    def action_open_here(self):
        """The document of this database."""
        self.ensure_one()
        record = self.flow_id and self.flow_id._model().browse(self.res_id).exists()
        if not record:
            raise UserError(_("This document is not here."))
        return {'type': 'ir.actions.act_window', 'res_model': record._name, 'res_id': record.id, 'views': [(False, 'form')]}

    def action_open_there(self):
        """The document of the other side, in a new tab."""
        self.ensure_one()
        if not self.external_id:
            raise UserError(_("This document is not there."))
        address = self.drift_id.link_id._address_of(self.flow_id.entity, self.external_id)
        return {'type': 'ir.actions.act_url', 'url': address, 'target': 'new'}
