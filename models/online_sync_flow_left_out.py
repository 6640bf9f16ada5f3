"""What a dry run leaves out, and why."""
from odoo import _, models

from ..clients.books import ARCHIVED, CANCELLED
from ..engine.entities import CREATE

#: Records of a kind that are left out for one reason and that are named; the others are counted.
NAMED = 5


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    def _dry_left_out(self, why, titles):
        """Values of online.sync.dry.run.line of records that are left out for the same reason."""
        more = len(titles) - NAMED
        named = sorted(titles)[:NAMED] + ([_("and %s more", more)] if more > 0 else [])
        return [{'flow_name': self.name, 'kind': 'left_out', 'title': title, 'after': why} for title in named]

    def _why_left_out(self, item):
        """Why a record that only one side has is not created on the other one, in the order in which `engine.plan.plan_alone` asks."""
        is_here, record = bool(item.local), item.local or item.remote
        way, missing = ('push', self.missing_there) if is_here else ('pull', self.missing_here)
        if self.direction not in ('both', way):
            return _("Only here: this kind of record does not go there.") if is_here else _(
                "Only there: this kind of record does not come here.")
        if missing != CREATE:
            return _("Only here: this kind of record is paired and not created there.") if is_here else _(
                "Only there: this kind of record is paired and not created here.")
        if record.state == ARCHIVED:
            return _("It is archived, and nothing that is synchronized needs it.")
        if self._entity().is_appendix:
            return _("Its document is not on the other side.")
        if record.state == CANCELLED:
            return _("It is cancelled.")
        return _("It belongs to no document that is synchronized.")
