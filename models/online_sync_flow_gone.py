"""Records that are there no longer: deleted, merged into others, or only out of our sight."""
from odoo import _, api, fields, models
from odoo.tools import SQL

from ..clients.books import ARCHIVED, CANCELLED, POSTED, Intent, Ref
from ..engine.entities import REF
from ..engine.plan import HERE, THERE

#: Complete lists in a row that must miss a record.
GONE_AFTER = 2
#: So many records may vanish between two lists; more are asked about: it may be a restored backup, or rights that were taken away.
SUDDEN = 10
#: Records of a kind whose references tell whether a deleted one was merged into another.
SAMPLE = 5
MISSING = 'missing'


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    has_missing = fields.Boolean(readonly=True, copy=False, help="It is not settled yet what became of what the last list did not show.")
    believes_missing = fields.Boolean(readonly=True, copy=False, help="A person said that what is missing there was deleted.")

    def _note_missing(self):
        """After a complete list: two in a row that do not show a record mean that it was deleted."""
        bindings = self.env['online.sync.binding']
        bindings.flush_model(['seen_pass', 'missed', 'gone'])
        self.env.cr.execute(SQL(
            """UPDATE online_sync_binding SET missed = COALESCE(missed, 0) + 1
                WHERE flow_id = %s AND COALESCE(seen_pass, 0) < %s AND gone IS NULL""", self.id, self.listing_pass))
        bindings.invalidate_model(['missed'])
        self.has_missing = True

    def _settle_missing_there(self, sides, log):
        """A few of those that two lists in a row did not show. Returns whether there are more."""
        if not self.has_missing:
            return False
        missing = self.env['online.sync.binding'].search([
            ('flow_id', '=', self.id), ('gone', '=', False), ('missed', '>=', GONE_AFTER)])
        issues = self.env['online.sync.issue'].sudo()
        if len(missing) > SUDDEN and not self.believes_missing:
            missing = self._still_missing(sides, missing)
            if len(missing) > SUDDEN:
                issues._raise_missing(self, len(missing))
                self.has_missing = False
                return False
        self._settle_gone(sides, log, missing[:SUDDEN])
        if len(missing) > SUDDEN:
            return True
        issues._settle_missing(self)
        self.write({'believes_missing': False, 'has_missing': False})
        return False

    def _still_missing(self, sides, missing):
        """Without those that are there all the same, when they are asked for by their key."""
        found = sides[THERE].read_records(self.entity, missing.mapped('external_id'), ()) if missing else {}
        there = missing.filtered(lambda one: one.external_id in found)
        there.missed = 0
        return missing - there

    def _settle_gone(self, sides, log, missing):
        missing = self._still_missing(sides, missing)
        if missing:
            log._say(_("%(flow)s: deleted there: %(names)s.", flow=self.name, names=', '.join(missing.mapped('name_here'))))
        for binding in missing:
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
            found |= flow._point_to(sides, names, Ref(self.entity, str(binding.res_id)))
        heir = bindings.search([('flow_id', '=', self.id), ('external_id', '=', found.pop())]) if len(found) == 1 else bindings
        return (heir.merged_into_id or heir) - binding

    def _pointing_here(self):
        """{flow: names of its fields that point to records of this kind}"""
        names = {flow: [field.name for field in flow._entity().fields if field.of == self.entity and field.kind == REF]
                 for flow in self.link_id._working_flows() if flow._entity().is_document}
        return {flow: fields for flow, fields in names.items() if fields}

    def _point_to(self, sides, names, ref):
        """Keys of what posted documents of this flow point to there, of a few that point to this record here."""
        found = set()
        for name in names:
            here = sides[HERE].find_equal(self.entity, [{name: ref}])
            pairs = self.env['online.sync.binding'].search(
                [('flow_id', '=', self.id), ('gone', '=', False), ('res_id', 'in', [int(key) for key in here])], limit=SAMPLE)
            records = sides[THERE].read_records(self.entity, pairs.mapped('external_id'), (name,)) if pairs else {}
            found |= {record.fields[name].key for record in records.values() if record.fields.get(name) and record.state == POSTED}
        return found

    def _gone_there(self, sides, binding):
        """A record was deleted there: archived here, cancelled if it is a draft here; a posted document is left to a person."""
        binding.gone = THERE
        key = str(binding.res_id)
        self._take_along(sides, HERE, binding, sides[HERE].read_records(self.entity, [key], ()).get(key))

    def _note_gone(self, sides, items):
        """Records that were deleted here: archived there, cancelled if they are drafts there; a posted document is left to a person."""
        model = self._model()
        if self.direction == 'pull':
            return
        gone = [item for item in items if not item.binding.merged_into_id and not model.browse(item.binding.res_id).exists()]
        for item in gone:
            item.binding.gone = HERE
            self._take_along(sides, THERE, item.binding, item.told[THERE])

    def _take_along(self, sides, side, binding, record):
        """A record whose partner was deleted: archived or cancelled too, or left to a person.

        :param side: where it still is
        """
        fate = self._fate_without_partner(side, record)
        if fate and fate != POSTED:
            outcome, = sides[side].write_records(self.entity, [Intent(self.entity, record.key, state=fate)])
        if fate == POSTED or fate and outcome.error:
            self.env['online.sync.issue'].sudo()._raise_gone(self, binding, HERE if side == THERE else THERE, record.state)
        elif fate:
            self._retry_documents(binding)

    def _fate_without_partner(self, side, record):
        """The state that a record gets once its partner was deleted: POSTED means that a person is asked, '' that it is left alone."""
        way = 'push' if side == THERE else 'pull'
        if not record or not self.archives or self.direction not in ('both', way) or record.state in (ARCHIVED, CANCELLED):
            return ''
        if record.state == POSTED:
            return POSTED
        return CANCELLED if self._entity().is_document else ARCHIVED


class OnlineSyncIssue(models.Model):
    _inherit = 'online.sync.issue'

    kind = fields.Selection(selection_add=[(MISSING, "Many deleted at once")], ondelete={MISSING: 'cascade'})

    @api.model
    def _raise_missing(self, flow, count):
        """Many records are there no longer: maybe our user does not see them, or a backup was restored."""
        return self._raise(
            flow.link_id, MISSING, flow.id, flow_id=flow.id,
            summary=_("%(count)s of %(all)s records (%(flow)s) are there no longer.", count=count, all=flow.binding_count, flow=flow.name),
            blocks=_("Nothing was archived, cancelled or unmatched here: it may be that the user there no longer sees them, or that a "
                     "backup was restored there. Give that user its rights back, or say that they were deleted."))

    @api.model
    def _settle_missing(self, flow):
        self.search([('flow_id', '=', flow.id), ('kind', '=', MISSING), ('state', '=', 'open')])._close_settled()

    def action_show_missing(self):
        """Which ones they are."""
        issue = self._open(MISSING)
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_binding')
        return {**action, 'context': {}, 'domain': [
            ('flow_id', '=', issue.flow_id.id), ('gone', '=', False), ('missed', '>=', GONE_AFTER)]}

    def action_believe_missing(self):
        """They were deleted there: the next run does what that means here."""
        for issue in self:
            issue = issue._open(MISSING)
            issue.flow_id.sudo().write({'believes_missing': True, 'has_missing': True})
            issue._close(_("Deleted there"))
            issue.link_id._wake()
        return True
