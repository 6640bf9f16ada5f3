"""What is to become of the records of a page: planned, with what they need brought over first."""
from collections import defaultdict
from dataclasses import replace

from odoo import _, models

from ..clients import books
from ..clients.books import Ref
from ..engine import plan
from ..engine.entities import CREATE
from ..engine.plan import HERE, THERE, Plan
from ..engine.refs import refs_of

#: How many steps from a record to what it needs, to what that needs, …
DEEPEST = 4


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    def _plan_all(self, items, is_needed=False, known=()):
        entity, rules, options = self._entity(), self._rules(), self._options()
        self._note_older_wins(items)
        self._pass_over_unknown(items)
        for item in items:
            if item.unread:
                item.plan = Plan(plan.NOTHING)
            elif item.local and item.remote:
                item.plan = self._plan_of_pair(item, rules, options, known)
            elif item.binding:
                item.plan = Plan(plan.NOTHING)
            else:
                record, side = (item.local, HERE) if item.local else (item.remote, THERE)
                marker = self._marker(record) if side == HERE else ''
                item.plan = plan.plan_alone(
                    entity, record, side, rules, options, marker, defaults=self._defaults(), is_needed=is_needed, known=known)
        self._leave_out_dead(items)

    def _pass_over_unknown(self, items):
        """What is in a state that only an addon knows is left alone, as if it could not be read."""
        for item in items:
            unknown = [side for side, record in item.told.items() if record and record.state == books.UNKNOWN]
            if unknown and not item.unread:
                item.unread = unknown[0]
                if not item.error and self._would_cross(item, item.unread):
                    item.error = _(
                        "It is in a state that only an addon knows. It goes on by itself once it is a draft, posted or cancelled.")

    def _would_cross(self, item, side):
        """Whether anything would become of a record, as far as that is known without reading it."""
        if item.binding:
            return not item.binding.gone
        way, missing = ('push', self.missing_there) if side == HERE else ('pull', self.missing_here)
        return self.direction in ('both', way) and missing == CREATE

    def _plan_of_pair(self, item, rules, options, known):
        def planned(base, decided):
            return plan.plan_pair(
                self._entity(), base, item.local, item.remote, rules, options, newer=self._newer(item), decided=decided,
                known=known, is_careful=item.is_careful or self._entity().is_booked)     # two who booked one movement are asked
        if item.is_older:
            return self._plan_of_older(item, planned) if item.older_wins else Plan(plan.ASKED)
        base = item.binding._base()
        undecided = planned(base, {})
        decided = item.binding._decisions(undecided.conflicts)
        return planned(base, decided) if decided else undecided

    def _leave_out_dead(self, items):
        """What would point to a record that was deleted where it is written waits for another one."""
        meant = [(item, side, {int(ref.key[1:]) for ref in refs_of(intent.fields) if ref.key.startswith('#')})
                 for item in items for side, intent in item.plan.intents()]
        dead = self.env['online.sync.binding'].search([
            ('id', 'in', list(set().union(*(ids for _item, _side, ids in meant)))), ('gone', '!=', False), ('merged_into_id', '=', False)])
        for item, side, ids in meant if dead else ():
            needs = frozenset(Ref(one.entity, f'{HERE}:{one.res_id}' if side == THERE else f'{THERE}:{one.external_id}')
                              for one in dead if one.id in ids and one.gone == side)
            if needs:
                item.plan = Plan(plan.BLOCKED, merged=item.plan.merged, needs=needs | item.plan.needs, held=item.plan.held)

    def _plan_with_needed(self, sides, items, depth, is_needed):
        """Bring over what the blocked ones point to, and plan them again."""
        if depth < DEEPEST and self._exchange_needed(sides, items, depth):
            self._leave_to_others(items)
            self._plan_all([item for item in items if item.plan.kind == plan.BLOCKED], is_needed)
        self._leave_out_ties(sides, items)

    def _leave_out_ties(self, sides, items):
        """A match with what is booked in a journal that is left out is left out too."""
        blocked = [item for item in items if item.plan.kind == plan.BLOCKED] if self._entity().is_tie else ()
        for flow in self.link_id.flow_ids.filtered(lambda flow: flow._entity().is_booked and flow.direction != 'off') if blocked else ():
            for side in (HERE, THERE):
                needed, only = defaultdict(list), flow._filter_of_needed(side)
                for item in blocked:
                    for ref in item.plan.needs:
                        if ref.entity == flow.entity and ref.key.startswith(f'{side}:'):
                            needed[ref.key.partition(':')[2]].append(item)
                for key in needed.keys() - sides[side].find_matching(flow.entity, needed, only) if only and needed else ():
                    for item in needed[key]:
                        item.plan = Plan(plan.IGNORED)

    def _newer(self, item):
        """The side that was changed last, by the clock of each; None when they cannot be told apart."""
        local, remote = item.local.changed_at, item.remote.changed_at
        if not local or not remote or local == remote:
            return None
        return 'local' if local > remote - self.link_id._clock_difference() else 'remote'

    def _exchange_needed(self, sides, items, depth):
        """Bring over first what the blocked ones point to. Returns whether something was brought over."""
        needs = defaultdict(lambda: {HERE: set(), THERE: set()})
        for item in items:
            for ref in item.plan.needs:
                side, _colon, key = ref.key.partition(':')
                needs[ref.entity][side].add(key)
        brought = False
        for flow in self.link_id._working_flows().filtered(lambda flow: flow.entity in needs and flow != self):
            keys = needs[flow.entity]
            before = self._bound(flow, keys)
            flow._exchange(sides, [int(key) for key in keys[HERE]], keys[THERE], depth=depth + 1, is_needed=True)
            brought |= bool(self._bound(flow, keys) - before)
        own = needs.get(self.entity)
        if own:         # a record that points to another one of its kind, such as a contact to its company
            before = self._bound(self, own)
            self._exchange(sides, [int(key) for key in own[HERE]], own[THERE], depth=depth + 1, is_needed=True)
            brought |= bool(self._bound(self, own) - before)
        if brought:
            self._translate_all(items)
        return brought

    def _leave_to_others(self, items):
        """What was brought over meanwhile because another record of this page points to it."""
        alone = [item for item in items if not item.binding]
        found = self.env['online.sync.binding'].search([
            ('flow_id', '=', self.id), ('gone', '=', False), '|', ('res_id', 'in', [self._about(item)[0] for item in alone]),
            ('external_id', 'in', [self._about(item)[1] for item in alone])])
        by_key = {**{(HERE, one.res_id): one for one in found}, **{(THERE, one.external_id): one for one in found}}
        for item in alone:
            res_id, external_id = self._about(item)
            binding = by_key.get((HERE, res_id)) or by_key.get((THERE, external_id))
            if binding:
                item.binding, item.plan = binding, Plan(plan.NOTHING)

    def _bound(self, flow, keys):
        return self.env['online.sync.binding'].search([
            ('flow_id', '=', flow.id), ('gone', '=', False), '|', ('res_id', 'in', [int(key) for key in keys[HERE]]),
            ('external_id', 'in', list(keys[THERE]))])

    def _hold_ties(self, items):
        """A match waits while one of its documents could not follow the other side yet: what is matched is not opened for a change."""
        if not self._entity().is_tie:
            return
        for item in items:
            ids = {int(ref.key[1:]) for _side, intent in item.plan.intents() if not intent.key for ref in refs_of(intent.fields)
                   if ref.key.startswith('#')}
            documents = self.env['online.sync.binding'].browse(ids).exists().filtered(lambda one: one.flow_id.follows)
            late = documents.filtered(lambda one: one.flow_id.change_ids.search_count([
                ('flow_id', '=', one.flow_id.id), ('state', '=', 'failed'), '|',
                ('res_id', '=', one.res_id), ('external_id', '=', one.external_id)], limit=1))
            if late:
                item.error = _("It waits until %s is the same on both sides.", ', '.join(late.mapped('name_here')))
                item.plan = replace(item.plan, to_local=None, to_remote=None)
