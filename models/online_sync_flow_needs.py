"""What flows need of each other: documents that were booked on other accounts, or with other taxes, would not be the same documents."""
from odoo import _, api, models
from odoo.exceptions import ValidationError

from ..engine.entities import CREATE


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    def write(self, vals):
        """What is switched on switches on what it books with, the same way."""
        result = super().write(vals)
        way = vals.get('direction', 'off')
        narrow = self._needed().filtered(lambda flow: flow.direction not in ('both', way)) if way != 'off' else self.browse()
        for flow in narrow:
            flow.direction = way if flow.direction == 'off' else 'both'
        return result

    def _needed(self):
        """The flows of what these book with."""
        names = {name for flow in self for name in flow._entity().books_with}
        return self.link_id.flow_ids.filtered(lambda flow: flow.entity in names)

    @api.constrains('direction')
    def _check_needed(self):
        on = self.link_id.flow_ids.filtered(lambda flow: flow.direction != 'off')
        for flow in (on._needed() - on) & self:
            users = ', '.join(one.name for one in on if flow in one._needed() and one.link_id == flow.link_id)
            raise ValidationError(_(
                "%(users)s need %(kind)s: without them they would be booked differently on the other side. Switch %(users)s off first.",
                users=users, kind=flow.name))

    @api.constrains('missing_here', 'missing_there')
    def _check_creatable(self):
        for flow in self:
            if CREATE in (flow.missing_here, flow.missing_there) and not flow._entity().is_creatable:
                raise ValidationError(_(
                    "%s are only paired: what they book or compute cannot be brought over. Enter what is missing by hand, and pair it.",
                    flow.name))
