from odoo import _, fields, models
from odoo.exceptions import UserError

from ..clients import errors
from ..engine.plan import HERE

#: Records that may be chosen from.
CANDIDATES = 2000


class OnlineSyncPair(models.TransientModel):
    """What a record of one side is on the other: chosen by a person, so that what waits for it goes on."""

    _name = 'online.sync.pair'
    _description = "Choose the Partner of a Record"

    issue_id = fields.Many2one('online.sync.issue', required=True, ondelete='cascade')
    summary = fields.Char(related='issue_id.summary')
    blocks = fields.Char(related='issue_id.blocks')
    candidate_ids = fields.One2many('online.sync.pair.candidate', 'wizard_id')
    candidate_id = fields.Many2one('online.sync.pair.candidate', "It is the same as", domain="[('wizard_id', '=', id)]")

    def _read(self):
        """Read both sides: what may be chosen, the likeliest chosen already."""
        issue = self.issue_id.sudo()
        flow = issue.flow_id
        sides = issue.link_id._sides(flow, issue.link_id._client())
        records = flow._read_unpaired(sides)
        side, _colon, own = issue.needed.partition(':')
        others = records[1] if side == HERE else records[0]
        likely = {(pair.local, pair.remote) for pair in flow._pairs_among(*records)}
        rows = self.env['online.sync.pair.candidate'].create([
            {'wizard_id': self.id, 'key': record.key, 'name': record.title or record.key} for record in others[:CANDIDATES]])
        self.candidate_id = rows.filtered(lambda row: ((own, row.key) if side == HERE else (row.key, own)) in likely)[:1]

    def action_pair(self):
        """From now on they are the same."""
        self.ensure_one()
        if not self.candidate_id:
            raise UserError(_("Choose a record first."))
        self.issue_id._pair_with(self.candidate_id.key)
        return {'type': 'ir.actions.act_window_close'}


class OnlineSyncPairCandidate(models.TransientModel):
    """A record of the other side that may be chosen."""

    _name = 'online.sync.pair.candidate'
    _description = "Record to Choose"
    _order = 'name, id'

    wizard_id = fields.Many2one('online.sync.pair', required=True, ondelete='cascade')
    key = fields.Char(required=True)
    name = fields.Char(required=True)


class OnlineSyncIssue(models.Model):
    _inherit = 'online.sync.issue'

    def action_pair(self):
        """Say what it is on the other side."""
        issue = self._open('unmapped')
        wizard = self.env['online.sync.pair'].create({'issue_id': issue.id})
        try:
            wizard._read()
        except errors.SyncError as error:
            raise UserError(error.message_at_once) from None
        return {'type': 'ir.actions.act_window', 'name': _("Pair"), 'res_model': wizard._name, 'res_id': wizard.id,
                'views': [(False, 'form')], 'target': 'new'}
