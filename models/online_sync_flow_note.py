"""What became of each record of a page: the changes that are done, blocked or refused, and what a person must decide."""
from collections import defaultdict

from odoo import _, api, fields, models

from ..clients import books
from ..clients.books import Ref
from ..engine import plan
from ..engine.entities import STATE
from ..engine.plan import HERE, THERE


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    # -- changes ----------------------------------------------------------------------------------------------------------------

    def _note_all(self, items):
        """What became of the changes; what crossed without one gets one, for the history."""
        new, standing = [], self._standing_changes([item for item in items if not item.changes])
        several = used = self.env['online.sync.change']
        for item in items:
            values, changes = self._outcome_of(item), item.changes
            if not changes:
                changes = standing(item)
                if not values['crossed'] and values['state'] == 'done':     # what was refused is as it was; who was out of sight is back
                    changes = changes.filtered(lambda change: change.state == 'blocked' and not change.needs)
            kept, several = self._as_one(changes), several | changes
            changes, used = kept, used | kept
            if changes:
                changes.write({**values, 'attempts': max(changes.mapped('attempts')) + 1,
                               'retry_at': changes._next_try() if item.error else False})
                item.changes = changes
            elif values['crossed'] or values['state'] != 'done':
                origin = 'here' if THERE in item.outcomes or not item.told[THERE] else 'there'
                new.append((item, {**values, 'flow_id': self.id, 'origin': origin, 'attempts': 1}))
        (several - used).unlink()
        created = self.env['online.sync.change'].create([values for _item, values in new])
        for (item, _values), change in zip(new, created, strict=True):
            item.changes = change
            if item.error:
                change.retry_at = change._next_try()

    def _as_one(self, changes):
        """The one of several notes of a record that stays, for what is to be done about it is one thing."""
        if len(changes) > 1:
            asked = self.env['online.sync.issue'].sudo().search([('change_id', 'in', changes.ids), ('state', '=', 'open')]).change_id
            return (asked or changes)[:1]
        return changes

    def _standing_changes(self, items):
        """The changes about these records that are not done yet: a function of an item."""
        about = [self._about(item) for item in items]
        found = self.env['online.sync.change'].search([
            ('flow_id', '=', self.id), ('state', 'in', ('blocked', 'failed', 'pending')), '|',
            ('res_id', 'in', [res_id for res_id, _key in about if res_id]),
            ('external_id', 'in', [key for _id, key in about if key])]) if items else self.env['online.sync.change']
        by_about = defaultdict(found.browse)
        for change in found:
            for key in filter(None, (change.res_id, change.external_id)):
                by_about[key] |= change

        def standing(item):
            res_id, external_id = self._about(item)
            return by_about.get(res_id, found.browse()) | by_about.get(external_id, found.browse())
        return standing

    def _outcome_of(self, item):
        """Values of the changes about a record."""
        (res_id, external_id), record = self._about(item), item.told[HERE] or item.told[THERE]
        values = {
            'res_id': res_id, 'external_id': external_id or False, 'title': record.title if record else item.binding.title,
            'crossed': _crossed(item) or False, 'remote_version': item.told[THERE].version if item.told[THERE] else False,
            'state': 'done', 'needs': False, 'why': False, 'done_at': False, 'is_final': False, 'is_older': False,
            'older_wins': item.older_wins or False}
        if item.plan.kind == plan.BLOCKED:
            needs = sorted([ref.entity, ref.key] for ref in item.plan.needs)
            return {**values, 'state': 'blocked', 'needs': needs, 'why': self._say_needs(item.plan.needs)}
        if self._is_out_of_sight(item):
            return {**values, 'state': 'blocked', 'why': _(
                "It was not found there: it was deleted, or your user there no longer sees it. It crosses once it is there again.")}
        if item.plan.kind == plan.ASKED and item.is_older:
            why = _("The record there is in an older state than it was: you are asked.")
            return {**values, 'state': 'blocked', 'is_older': True, 'why': why}
        if item.plan.kind == plan.ASKED:
            return {**values, 'state': 'blocked', 'why': _("It may be on the other side already: you are asked.")}
        if item.error:
            return {**values, 'state': 'failed', 'why': item.error, 'is_final': item.is_final}
        return {**values, 'done_at': fields.Datetime.now()}

    def _is_out_of_sight(self, item):
        """Whether something changed here whose partner is not there, and nobody knows yet that it was deleted."""
        return bool(item.is_lost and item.changes and item.told[HERE] and not item.binding.gone and not item.binding.merged_into_id)

    def _settle_out_of_sight(self, binding):
        """It is known what became of the partner: nothing waits for it any more."""
        waiting = self.env['online.sync.change'].search([
            ('flow_id', '=', self.id), ('res_id', '=', binding.res_id), ('state', '=', 'blocked')])
        waiting.filtered(lambda change: not change.needs).write({'state': 'done', 'why': False, 'done_at': fields.Datetime.now()})

    def _say_needs(self, needs):
        titles = {flow.entity: flow.name for flow in self.link_id.flow_ids}
        return _("Waits for: %s", ', '.join(sorted({titles.get(ref.entity, ref.entity) for ref in needs})))

    # -- questions --------------------------------------------------------------------------------------------------------------

    def _ask_all(self, sides, items, rules):
        """What a person must decide; what was asked before and no longer holds is settled."""
        issues = self.env['online.sync.issue'].sudo()
        agreed, right, accepted = (self.env[name].browse() for name in (
            'online.sync.binding', 'online.sync.binding', 'online.sync.change'))
        for item in items:
            if item.unread:
                if item.error:
                    issues._raise_unread(item.changes[:1], item.unread)
                continue        # of the other questions about it nothing is known
            if item.error:
                issues._raise_rejected(item.changes[:1], HERE if HERE in item.outcomes and item.outcomes[HERE].error else THERE)
            elif item.changes:
                accepted |= item.changes
            if item.binding and item.plan.conflicts and item.local:
                issue = issues._raise_conflict(self, item.binding, item.local, item.remote, item.plan.conflicts)
                issue._note_who(sides, item, self._newer(item))
            else:
                agreed |= item.binding
            alone = item.told[HERE] or item.told[THERE]
            if item.binding.gone and alone:
                issues._ask_about_left(self, item.binding, alone)
            wrong = self._wrong_totals(item, rules)
            if wrong:
                issues._ask_about_totals(self, item.binding, item.local, item.remote, wrong)
            else:
                right |= item.binding
        issues._settle_rejected(accepted)
        issues._settle_binding(agreed, {'conflict', 'posted'})
        issues._settle_binding(right, {'totals'})

    def _wrong_totals(self, item, rules):
        """Names of amounts of a document that is posted on both sides and that are not the same, while no other question explains it."""
        if not item.binding or not item.local or not item.remote or {item.local.state, item.remote.state} != {books.POSTED} or (
                item.plan.conflicts or item.error):
            return []
        return plan.wrong_totals(self._entity(), item.local, item.remote, rules)

    def _ask_for_partners(self, sides, items):
        """One question for each record that must be paired before others can go on."""
        waiting = {ref for item in items if item.plan.kind == plan.BLOCKED for ref in item.plan.needs}
        if waiting:
            self.env['online.sync.issue'].sudo()._count_waiting(self.link_id, {
                (ref.entity, int(key) if side == HERE else 0, '' if side == HERE else key)
                for ref in waiting for side, _colon, key in [ref.key.partition(':')]})
        for ref in sorted(waiting, key=lambda ref: (ref.entity, ref.key)):
            flow = self.link_id.flow_ids.filtered(lambda flow, ref=ref: flow.entity == ref.entity)
            side, _colon, key = ref.key.partition(':')
            known = self.env['online.sync.alike']._about(flow, [int(key)] if side == HERE else [], [key] if side == THERE else [])
            if known.filtered(lambda one: not one.is_apart):
                continue        # another question settles it
            record = sides[side].read_records(ref.entity, [key], ()).get(key)
            if record:
                self.env['online.sync.issue'].sudo()._raise_unmapped(flow, ref, record.title)

    # -- what goes on -----------------------------------------------------------------------------------------------------------

    def _retry_ties(self, items):
        """A document was written: what pays it, or is paid by it, may fit now."""
        if (self._entity().is_document or self._entity().is_booked) and any(item.outcomes for item in items):
            ties = self.link_id.flow_ids.filtered(lambda flow: flow._entity().is_tie)
            ties.change_ids.search([
                ('flow_id', 'in', ties.ids), ('state', '=', 'failed'), ('is_final', '=', False)]).write({'state': 'pending'})

    def _retry_documents(self, tie):
        """A tie was undone: what could not be done with its documents may be possible now."""
        for document in tie.tied_ids:
            self.env['online.sync.change'].search([
                ('flow_id', '=', document.flow_id.id), ('state', '=', 'failed'), '|',
                ('res_id', '=', document.res_id), ('external_id', '=', document.external_id)]).state = 'pending'

    def _look_at_appendices(self, sides, met):
        """What belongs to documents of which both sides know only now that they are the same follows them.

        :param met: items
        """
        if not met or not self._entity().is_document:
            return
        for flow in self.link_id._working_flows().filtered(lambda flow: flow._entity().is_appendix):
            for source, name in ((HERE, 'res_id'), (THERE, 'external_id')):
                keys = sides[source].find_appended(flow.entity, [Ref(self.entity, item.told[source].key) for item in met])
                self.env['online.sync.change'].create([
                    {'flow_id': flow.id, 'origin': source, name: int(key) if source == HERE else key} for key in keys])

    @api.model
    def _release(self, bindings):
        """What waited for these records goes on."""
        if not bindings:
            return
        refs = [[binding.entity, f'{side}:{key}'] for binding in bindings
                for side, key in ((HERE, binding.res_id), (THERE, binding.external_id))]
        links = bindings.link_id
        for flow in bindings.flow_id:
            own = bindings.filtered(lambda one, flow=flow: one.flow_id == flow)
            alike = self.env['online.sync.alike']._about(flow, own.mapped('res_id'), own.mapped('external_id'))
            alike._settle()
            alike.unlink()
        self.env['online.sync.change']._that_need(links, refs).write({'state': 'pending', 'why': False})
        asked = self.env['online.sync.issue'].sudo().search([
            ('link_id', 'in', links.ids), ('kind', '=', 'unmapped'), ('state', '=', 'open')])
        asked.filtered(lambda issue: [issue.flow_id.entity, issue.needed] in refs)._close_settled()


def _crossed(item):
    """{side: names of the fields that were written there}"""
    intents = {HERE: item.plan.to_local, THERE: item.plan.to_remote}
    return {side: sorted([*intent.fields, *([STATE] if intent.state else [])]) for side, intent in intents.items()
            if intent and side in item.outcomes and not item.outcomes[side].error}
