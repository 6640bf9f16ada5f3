"""Records that are there no longer: deleted, merged into others, or only out of our sight."""
from odoo import _, api, fields, models

from ..clients.books import POSTED
from ..engine.entities import REF
from ..engine.plan import HERE, THERE

#: Complete lists in a row that must miss a record.
GONE_AFTER = 2
#: So many records may vanish between two lists, also when that is more than half of all: a small book is not a suspicious one.
SUDDEN = 10
#: Records of a kind whose references tell whether a deleted one was merged into another.
SAMPLE = 5
MISSING = 'missing'


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    believes_missing = fields.Boolean(readonly=True, copy=False, help="A person said that what is missing there was deleted.")

    def _note_missing(self, sides, log):
        """After a complete list: two in a row that do not show a record mean that it was deleted."""
        missing = self.env['online.sync.binding'].search([
            ('flow_id', '=', self.id), ('seen_pass', '<', self.listing_pass), ('gone', '=', False)])
        for binding in missing:
            binding.missed += 1
        gone = missing.filtered(lambda one: one.missed >= GONE_AFTER)
        found = sides[THERE].read_records(self.entity, gone.mapped('external_id'), ()) if gone else {}
        gone = gone.filtered(lambda one: one.external_id not in found)
        issues = self.env['online.sync.issue'].sudo()
        if len(gone) > max(SUDDEN, self.binding_count // 2) and not self.believes_missing:
            issues._raise_missing(self, len(gone))
            return
        issues._settle_missing(self)
        self.believes_missing = False
        for binding in gone:
            heir = self._heir_there(sides, binding)
            self._settle_out_of_sight(binding)
            if heir:
                binding.write({'gone': THERE, 'merged_into_id': heir.id})
                log._say(_("%(gone)s was merged into %(kept)s there. Here both stay, and both mean that one.",
                           gone=binding.name_here, kept=heir.name_here))
            else:
                self._gone_there(sides, binding)

    def _heir_there(self, sides, binding):
        """The pair of the record that took the place of a deleted one there: posted documents of the one are documents of the other now.

        Nothing else proves a merge: a draft, or the contact of a company, is given to another one by hand.
        """
        found, bindings = set(), self.env['online.sync.binding']
        for flow, names in self._pointing_here().items():
            found |= flow._point_to(sides, names, f'#{binding.id}')
        heir = bindings.search([('flow_id', '=', self.id), ('external_id', '=', found.pop())]) if len(found) == 1 else bindings
        return (heir.merged_into_id or heir) - binding

    def _pointing_here(self):
        """{flow: names of its fields that point to records of this kind}"""
        names = {flow: [field.name for field in flow._entity().fields if field.of == self.entity and field.kind == REF]
                 for flow in self.link_id._working_flows() if flow._entity().is_document}
        return {flow: fields for flow, fields in names.items() if fields}

    def _point_to(self, sides, names, common):
        """Keys of what posted documents of this flow point to there, of a few that pointed to a record when both sides last agreed."""
        found = set()
        for name in names:
            self.env.cr.execute(
                """SELECT external_id FROM online_sync_binding
                    WHERE flow_id = %s AND gone IS NULL AND base_remote -> %s -> 'r' ->> 1 = %s LIMIT %s""",
                [self.id, name, common, SAMPLE])
            keys = [key for key, in self.env.cr.fetchall()]
            records = sides[THERE].read_records(self.entity, keys, (name,)) if keys else {}
            found |= {record.fields[name].key for record in records.values() if record.fields.get(name) and record.state == POSTED}
        return found

    def _gone_there(self, sides, binding):
        """A record was deleted there: archived here, cancelled if it is a draft here; a posted document is left to a person."""
        binding.gone = THERE
        key = str(binding.res_id)
        self._take_along(sides, HERE, binding, sides[HERE].read_records(self.entity, [key], ()).get(key))


class OnlineSyncIssue(models.Model):
    _inherit = 'online.sync.issue'

    kind = fields.Selection(selection_add=[(MISSING, "Many deleted at once")], ondelete={MISSING: 'cascade'})

    @api.model
    def _raise_missing(self, flow, count):
        """More than half of the records are there no longer: more likely our user does not see them."""
        return self._raise(
            flow.link_id, MISSING, flow.id, flow_id=flow.id,
            summary=_("%(count)s of %(all)s records (%(flow)s) are there no longer.", count=count, all=flow.binding_count, flow=flow.name),
            blocks=_("Nothing was archived or cancelled here: it may be that the user there no longer sees them. Give that user its rights "
                     "back, or say that they were deleted."))

    @api.model
    def _settle_missing(self, flow):
        self.search([('flow_id', '=', flow.id), ('kind', '=', MISSING), ('state', '=', 'open')])._close_settled()

    def action_believe_missing(self):
        """They were deleted there: the next list has its usual consequences."""
        for issue in self:
            issue = issue._open(MISSING)
            issue.flow_id.sudo().write({'believes_missing': True, 'listed_at': False})
            issue._close(_("Deleted there"))
            issue.link_id._wake()
        return True
