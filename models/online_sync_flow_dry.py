"""What the next run of a connection to other books would do: the same plans as of a run, and nothing is written."""
from odoo import _, api, models
from odoo.exceptions import UserError

from ..clients import errors
from ..clients.books import ARCHIVED, CANCELLED, POSTED, LineEdits, Ref
from ..engine import plan
from ..engine.plan import HERE, THERE
from ..engine.values import to_json
from .online_sync_flow_exchange import PAGE


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    def action_open_dry_run(self):
        """What a run would do, without doing it."""
        self.ensure_one()
        self.check_access('write')
        try:
            run = self.env['online.sync.dry.run']._of(self.sudo())
        except errors.SyncError as error:
            raise UserError(error.message_at_once) from None
        return {'type': 'ir.actions.act_window', 'name': _("Dry run"), 'res_model': run._name, 'res_id': run.id,
                'views': [(False, 'form')], 'target': 'new', 'context': {'dialog_size': 'extra-large'}}


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    def _dry_items(self, sides, known):
        """All records of both sides with their plans.

        :param known: references that both sides will know by then; grows with what would be created
        """
        bound = self.env['online.sync.binding'].search([('flow_id', '=', self.id), ('gone', '=', False)])
        here = sorted({int(key) for key in self._all_keys(sides, HERE)} - set(bound.mapped('res_id')))
        there = sorted(self._all_keys(sides, THERE) - set(bound.mapped('external_id')), key=lambda key: (len(key), key))
        pages = [{'here': bound.ids and bound[first:first + PAGE].mapped('res_id')} for first in range(0, len(bound), PAGE)]
        pages += [{'here': here[first:first + PAGE]} for first in range(0, len(here), PAGE)]
        pages += [{'there': there[first:first + PAGE]} for first in range(0, len(there), PAGE)]
        for page in pages:
            items = self._load_items(sides, page.get('here', ()), page.get('there', ()))
            for _time in range(2):      # a record that points to another one of its page
                self._plan_all(items, known=known)
                known.update(ref for item in items if (ref := _created_ref(self.entity, item)))
            self._leave_out_ties(sides, items)
            items = self._pair_in_dry_run(sides, items)
            self._foresee(sides, items)
            known.difference_update(ref for item in items if item.error and (ref := _created_ref(self.entity, item)))
            yield from items

    def _foresee(self, sides, items):
        """Say of what would be refused why; of what was refused already, what was said then."""
        standing = self._standing_changes(items)
        for side, name in ((HERE, 'to_local'), (THERE, 'to_remote')):
            wanted = [(item, getattr(item.plan, name)) for item in items if getattr(item.plan, name) and not item.error]
            refused = sides[side].foresee(self.entity, self._own_refs(side, [intent for _item, intent in wanted])) if wanted else {}
            for number, error in refused.items():
                wanted[number][0].error = error.message
        for item in items:
            failed = standing(item).filtered(lambda change: change.state == 'failed') if not item.error and item.plan.intents() else None
            if failed:
                item.error = _("Refused when it was tried last: %s", failed[0].why or '')

    def _dry_lines(self, item):
        """Values of online.sync.dry.run.line."""
        record = item.local or item.remote
        base = {'flow_name': self.name, 'title': record.title if record else item.binding.title}
        kind = item.plan.kind
        if item.error:
            return [{**base, 'kind': 'refused', 'after': item.error}]
        if self._left_behind(item):
            return self._dry_removals(item, base)
        if kind in (plan.CREATE_HERE, plan.CREATE_THERE):
            return [{**base, 'kind': kind, 'where': 'here' if kind == plan.CREATE_HERE else 'there'}]
        if kind == plan.ASKED:
            return [{**base, 'kind': 'blocked', 'after': _("It may be on the other side already: you are asked.")}]
        if kind == plan.BLOCKED:
            return [{**base, 'kind': 'blocked', 'after': self._say_needs(item.plan.needs)}]
        issues = self.env['online.sync.issue']
        say, lines = issues._say, []
        for where, intent, old in (('here', item.plan.to_local, item.local), ('there', item.plan.to_remote, item.remote)):
            new = item.remote if where == 'here' else item.local
            for name, value in intent.fields.items() if intent else ():
                before, after = ('', issues._say_edits(self._entity_field(name), old.fields.get(name), value)) if isinstance(
                    value, LineEdits) else issues._say_sides(self, name, old.fields.get(name), new.fields.get(name))
                lines.append({
                    **base, 'kind': 'change', 'where': where, 'field_name': self._title_of(name), 'before': before, 'after': after})
            if intent and intent.state:
                kind = 'remove' if intent.state in (ARCHIVED, CANCELLED) else 'change'
                lines.append({**base, 'kind': kind, 'where': where, 'field_name': _("Status"), 'before': say(old.state),
                              'after': say(intent.state)})
        for one in item.plan.conflicts:
            before, after = issues._say_sides(self, one.name, one.local, one.remote)
            lines.append({**base, 'kind': 'conflict', 'field_name': self._title_of(one.name), 'before': _("Here: %s", before),
                          'after': _("There: %s", after)})
        return lines

    @api.model
    def _left_behind(self, item):
        """The side where a record of a pair still is when the other one was deleted, '' for neither."""
        if not item.binding or bool(item.told[HERE]) == bool(item.told[THERE]):
            return ''
        return HERE if item.told[HERE] else THERE

    def _dry_fate(self, item, side):
        """The state that it gets, as `_fate_without_partner` tells it; '' where a person left it as it is."""
        last = self.env['online.sync.issue']._last('gone', item.binding)
        return '' if last._is_left(item.told[side].state) else self._fate_without_partner(side, item.told[side])

    def _dry_removals(self, item, base):
        """What becomes of it."""
        side = self._left_behind(item)
        record = item.told[side]
        fate, say = self._dry_fate(item, side), self.env['online.sync.issue']._say
        if not fate:
            return []
        where = _("deleted here") if side == THERE else _("deleted there")
        base = {**base, 'where': side, 'title': record.title or item.binding.title, 'field_name': _("Status"), 'before': say(record.state)}
        if fate == POSTED:
            return [{**base, 'kind': 'conflict', 'after': where}]
        return [{**base, 'kind': 'remove', 'after': f'{say(fate)} ({where})'}]

    @api.model
    def _dry_mark(self, item):
        """What must be the same for the plan to be the same."""
        intents = [(to_json(intent.fields), intent.state, intent.reopens, to_json(intent.expects)) if intent else None
                   for intent in (item.plan.to_local, item.plan.to_remote)]
        keys = [(record.key, record.state) if record else None for record in item.told.values()]
        return item.plan.kind, bool(item.error), keys, intents, sorted(item.plan.needs), [one.name for one in item.plan.conflicts]

    def _dry_kind(self, item):
        """What happens to a record, in one word."""
        kind = item.plan.kind
        if item.error:
            return 'refused'
        side = self._left_behind(item)
        if side:
            return {'': 'nothing', POSTED: 'conflict'}.get(self._dry_fate(item, side), 'remove')
        if kind in (plan.CREATE_HERE, plan.CREATE_THERE):
            return 'create'
        if kind == plan.ASKED:
            return 'blocked'
        if any(intent and intent.state in (ARCHIVED, CANCELLED) for intent in (item.plan.to_local, item.plan.to_remote)):
            return 'remove'
        return 'conflict' if item.plan.conflicts and kind == plan.NOTHING else kind

    def _add_total(self, totals, item):
        """Count what would be booked: {(side, whether it is booked as soon as it is there, currency): (documents, their amounts)}."""
        is_booked = self._entity().is_booked
        for side, intent in ((HERE, item.plan.to_local), (THERE, item.plan.to_remote)):
            record = item.told[THERE if side == HERE else HERE]
            if intent and record and not item.error and (intent.state == POSTED or is_booked and not intent.key):
                key = side, is_booked, '' if is_booked else str(record.fields.get('currency') or '')
                count, total = totals.get(key, (0, 0))
                totals[key] = count + 1, total + (record.fields.get('total') or record.fields.get('amount') or 0)


def _created_ref(entity, item):
    if item.plan.kind == plan.CREATE_THERE:
        return Ref(entity, f'{HERE}:{item.told[HERE].key}')
    return Ref(entity, f'{THERE}:{item.told[THERE].key}') if item.plan.kind == plan.CREATE_HERE else None
