"""Records that are in an older state there than they were: a backup was restored. That is no change that anybody made."""
from odoo import _, api, fields, models

from ..engine.entities import STATE
from ..engine.merge_rules import LOCAL, REMOTE
from .online_sync_flow_remember import OUT_OF_SIGHT

OLDER = 'older'


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    older_wins = fields.Selection(
        [(LOCAL, "Ours"), (REMOTE, "Theirs")], readonly=True, copy=False,
        help="A person said whose state holds where the other side fell back to an older one. Until the next complete list was read.")

    def _is_older(self, side, binding, record):
        known = binding.remote_version
        return bool(record and record.version and known and known != OUT_OF_SIGHT) and side.is_older(record.version, known)

    def _note_older_wins(self, items):
        """Whose state holds, for those that are in an older one: said of all of them, or said before and refused since."""
        older = [item for item in items if item.is_older]
        standing = self._standing_changes(older) if older and not self.older_wins else None
        for item in older:
            said = standing(item).filtered('older_wins')[:1].older_wins if standing else self.older_wins
            item.older_wins = said or ''

    def _plan_of_older(self, item, planned):
        """What a person said: theirs is a change like any other; ours goes there again, and what is posted is asked about one by one.

        :param planned: function from (what was agreed on, decisions) to the plan
        """
        if item.older_wins == REMOTE:
            return planned(item.binding._base(), {})
        frozen = {field.name for field in self._entity().fields if field.frozen} if self._entity().is_document else set()
        return planned(None, dict.fromkeys(self._rules().keys() - frozen - {STATE}, LOCAL))

    def _ask_older(self, items):
        if any(item.is_older and not item.older_wins for item in items):
            waiting = self.env['online.sync.change'].search_count([
                ('flow_id', '=', self.id), ('state', '=', 'blocked'), ('is_older', '=', True)])
            self.env['online.sync.issue'].sudo()._raise_older(self, waiting)


class OnlineSyncChange(models.Model):
    _inherit = 'online.sync.change'

    is_older = fields.Boolean(readonly=True, help="It waits because the record there is in an older state than it was.")
    older_wins = fields.Selection(
        [(LOCAL, "Ours"), (REMOTE, "Theirs")], readonly=True, help="Whose state was to hold, where that was refused or had to wait.")


class OnlineSyncIssue(models.Model):
    _inherit = 'online.sync.issue'

    kind = fields.Selection(selection_add=[(OLDER, "Older state there")], ondelete={OLDER: 'cascade'})

    @api.model
    def _raise_older(self, flow, count):
        return self._raise(
            flow.link_id, OLDER, flow.id, flow_id=flow.id,
            summary=_("%(count)s records (%(flow)s) are in an older state there than they were.", count=count, flow=flow.name),
            blocks=_("Maybe a backup was restored there. Nothing of them is taken over or sent until you say whose state holds."))

    def action_older_ours(self):
        """What the backup lacks goes there again."""
        return self._say_older(LOCAL, _("Ours"))

    def action_older_theirs(self):
        """The older state is taken over."""
        return self._say_older(REMOTE, _("Theirs"))

    def _say_older(self, winner, words):
        for issue in self:
            issue = issue._open(OLDER)
            flow = issue.flow_id.sudo()
            flow.write({'older_wins': winner, 'listed_at': False})
            flow.change_ids.search([('flow_id', '=', flow.id), ('state', '=', 'blocked'), ('is_older', '=', True)]).write({
                'state': 'pending', 'why': False})
            issue._close(words)
            issue.link_id._wake()
        return self._goes_on()
