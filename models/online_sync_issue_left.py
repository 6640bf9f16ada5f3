"""What a person leaves as it is: totals that differ, a document whose partner was deleted. A new state of it is asked about again."""
from odoo import _, api, fields, models

from ..clients.books import ARCHIVED, CANCELLED
from ..engine.values import to_json


class OnlineSyncIssue(models.Model):
    _inherit = 'online.sync.issue'

    seen = fields.Json(readonly=True, help="What is asked about: both totals, or the status of the record that is left.")

    @api.model
    def _ask_about_totals(self, flow, binding, local, remote, names):
        """Ask about totals that differ, unless a person left these as they are."""
        seen = {name: to_json({'here': local.fields[name], 'there': remote.fields[name]}) for name in names}
        if not self._last('totals', binding)._is_left(seen):
            self._raise_totals(flow, binding, local, remote, names).seen = seen

    @api.model
    def _ask_about_left(self, flow, binding, record):
        """A record whose partner was deleted was looked at again: a person did what was asked, or it is another state than they left."""
        if record.state in (CANCELLED, ARCHIVED):
            self._settle_binding(binding, {'gone'})
            return
        last = self._last('gone', binding)
        if last.seen and not last._is_left(record.state):
            self._raise_gone(flow, binding, binding.gone, record.state)

    @api.model
    def _last(self, kind, binding):
        """The last question of a kind about a pair."""
        return self.search([('binding_id', '=', binding.id), ('kind', '=', kind)], order='id desc', limit=1)

    def _is_left(self, seen=None):
        """Whether a person left it as it is, and it is so still."""
        return self.state == 'done' and bool(self.done_by_id) and bool(self.seen) and seen in (None, self.seen)

    @api.model
    def _left_as_they_are(self, bindings):
        """Those of the pairs of which a person left what differs as it is."""
        last = {issue.binding_id: issue for issue in self.search(
            [('binding_id', 'in', bindings.ids), ('kind', 'in', ('totals', 'gone'))], order='id')}
        return bindings.filtered(lambda binding: binding in last and last[binding]._is_left())

    def action_leave(self):
        """Leave it as it is."""
        for issue in self:
            issue._open('totals', 'gone')._close(_("Left as it is"))
        return True
