"""What a page leaves behind: pairs of what was created, and what both sides agree on now."""
from dataclasses import replace

from odoo import _, fields, models

from ..clients.books import DRAFT, POSTED, Intent, LineEdits
from ..engine import plan
from ..engine.agree import agree
from ..engine.entities import ENTITIES, STATE
from ..engine.merge_rules import LOCAL, REMOTE, Base
from ..engine.plan import HERE, THERE

#: A version that no record has: whatever is there is looked at.
OUT_OF_SIGHT = '?'


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    def _remember(self, sides, items):
        self._bind_new(sides, items)
        before = [(item.local, item.remote) for item in items]
        self._translate_all(items)
        rules, met = self._rules(), []
        self._pass_over_unknown(items)
        for item, were in zip(items, before, strict=True):
            if item.binding and _may_have_added_lines(item):
                item.binding.is_doubtful = True
            if item.unread:
                if item.binding and item.told[THERE]:       # as it is now it was looked at
                    item.binding.remote_version = item.told[THERE].version or item.binding.remote_version
                continue
            if item.is_older and (item.error or item.plan.kind in (plan.ASKED, plan.BLOCKED)):
                continue        # what it was is still what both agreed on: else the older state would be a change that was made there
            if item.binding and item.local and item.remote:
                met += [] if item.binding._base() else [item]
                if item.is_careful and not _may_have_added_lines(item):
                    item.binding.is_doubtful = bool(item.plan.merged.doubtful) and (bool(item.plan.conflicts) or bool(item.error))
                merged = _carried_out(item.plan, item.outcomes)
                slipped_in = self._slipped_in(sides, item)
                if slipped_in:      # what we wrote is not what is there: it is looked at again. Lines stay pairs, else each is there twice
                    merged = replace(merged, to_remote={
                        name: value for name, value in merged.to_remote.items() if isinstance(value, LineEdits)})
                    item.remote = replace(item.remote, version='')
                base = item.binding._base()
                agreed = agree(
                    base, merged, _with_state(item.local), _with_state(item.remote), self._agreeable(item, rules),
                    own=(STATE,), before=self._as_it_was(base, were), written=self._written_sides(item, slipped_in))
                agreed = _as_drafts(agreed) if _is_left_draft(item) else agreed
                item.binding._store(_without_asked(agreed, item) if item.is_older else agreed, item.local, item.remote)
            elif self._is_out_of_sight(item):
                item.binding.remote_version = OUT_OF_SIGHT
        self._look_at_appendices(sides, met)
        self._note_all(items)
        self._ask_all(sides, items, rules)
        self._ask_older(items)
        self._look_once_more(items, rules)

    def _as_it_was(self, base, were):
        """What both sides held before anything was written, None where one was not there.

        :param were: the records of both sides
        """
        entity, agreed = self._entity(), (base.local, base.remote) if base else (None, None)
        return Base(*({**plan.with_number(entity, known, record.fields), STATE: record.state}
                      for known, record in zip(agreed, were, strict=True))) if all(were) else None

    def _look_once_more(self, items, rules):
        """What this database made of what was written here may have to go there: what an addon adds, what a field has by default."""
        again = [item for item in items if HERE in item.outcomes and not item.error and not item.unread and not item.is_older
                 and item.binding and item.local and item.remote]
        plans = [(item, self._plan_of_pair(item, rules, self._options(), ())) for item in again]
        self.env['online.sync.change'].create([
            {'flow_id': self.id, 'origin': 'here', 'res_id': item.binding.res_id, 'external_id': item.binding.external_id,
             'title': item.local.title} for item, then in plans if then.to_remote or then.kind == plan.BLOCKED])

    def _written_sides(self, item, slipped_in):
        return {name for side, name in ((HERE, LOCAL), (THERE, REMOTE))
                if side in item.outcomes and not item.outcomes[side].error and not (side == THERE and slipped_in)}

    def _slipped_in(self, sides, item):
        """Whether somebody else changed the record there after we wrote it and before it was read again."""
        outcome = item.outcomes.get(THERE)
        own = sides[THERE].own_users() if outcome and outcome.record and not outcome.error else None
        return bool(own) and bool(outcome.record.changed_by) and outcome.record.changed_by not in own

    def _agreeable(self, item, rules):
        """The rules of what can be agreed on.

        While it is asked whether a document is posted, what it says is not. Nor is it where we opened a document and could not post it
        again: what is left of it is our doing, and nobody's wish.
        """
        is_asked = any(conflict.name == STATE for conflict in item.plan.conflicts)
        is_left_open = any(item.outcomes[side].error and intent.reopens for side, intent in item.plan.intents() if side in item.outcomes)
        if not self._entity().is_document or not is_asked and not is_left_open:
            return rules
        frozen = {field.name for field in self._entity().fields if field.frozen}
        return {name: rule for name, rule in rules.items() if name not in frozen}

    def _bind_new(self, sides, items):
        """Bindings for what was created, also where what followed was refused: it is there."""
        created = []
        for item in items:
            outcome = item.outcomes.get(HERE if item.plan.kind == plan.CREATE_HERE else THERE)
            if item.plan.kind in (plan.CREATE_HERE, plan.CREATE_THERE) and outcome and outcome.key:
                created.append((item, outcome))
        created = self._without_halves(self._without_bound(created))
        bindings = self.env['online.sync.binding'].create([{
            'flow_id': self.id, 'res_model': self._model()._name,
            'res_id': int(outcome.key if item.plan.kind == plan.CREATE_HERE else item.told[HERE].key),
            'external_id': item.told[THERE].key if item.plan.kind == plan.CREATE_HERE else outcome.key,
            'created_in': HERE if item.plan.kind == plan.CREATE_HERE else THERE, 'created_at': fields.Datetime.now(),
        } for item, outcome in created])
        for (item, _outcome), binding in zip(created, bindings, strict=True):
            item.binding = binding
        self._release(bindings)

    def _without_halves(self, created):
        """What was created for a record whose partner had been deleted takes the partner's place in their pair."""
        halves = self.env['online.sync.binding'].search([
            ('flow_id', '=', self.id), ('gone', '!=', False), '|',
            ('res_id', 'in', [int(item.told[HERE].key) for item, _outcome in created if item.plan.kind == plan.CREATE_THERE]),
            ('external_id', 'in', [item.told[THERE].key for item, _outcome in created if item.plan.kind == plan.CREATE_HERE])])
        by_side = {HERE: {one.external_id: one for one in halves}, THERE: {str(one.res_id): one for one in halves}}
        left = []
        for item, outcome in created:
            side, source = (HERE, THERE) if item.plan.kind == plan.CREATE_HERE else (THERE, HERE)
            half = by_side[side].get(item.told[source].key)
            if half:
                half._renew({'created_in': side, 'created_at': fields.Datetime.now(),
                             **({'res_id': int(outcome.key)} if side == HERE else {'external_id': outcome.key})})
                item.binding = half
                self._release(half)
            else:
                left.append((item, outcome))
        return left

    def _without_bound(self, created):
        """What was said to be created and was there already: the pair of a record that is gone gets the new partner, else it is an error.

        Matches are such: undone and made again they are the same two documents.
        """
        about = [(item.plan.kind == plan.CREATE_HERE, outcome.key) for item, outcome in created]
        bound = self.env['online.sync.binding'].search([
            ('flow_id', '=', self.id), '|', ('res_id', 'in', [int(key) for is_here, key in about if is_here]),
            ('external_id', 'in', [key for is_here, key in about if not is_here])])
        by_key = {**{(True, str(one.res_id)): one for one in bound}, **{(False, one.external_id): one for one in bound}}
        left = []
        for (item, outcome), key in zip(created, about, strict=True):
            binding = by_key.get(key)
            if not binding:
                left.append((item, outcome))
            elif key[0] and binding.gone == THERE or not key[0] and not self._model().browse(binding.res_id).exists():
                binding._renew({'external_id': item.told[THERE].key} if key[0] else {'res_id': int(item.told[HERE].key)})
                item.binding = binding
            else:
                item.error = _("The other side has it already, as the pair of %s. Delete one of the two there, and try again.",
                               binding.title or binding.res_id)
        return left


def _with_state(record):
    return {**record.fields, STATE: record.state}


def _carried_out(planned, outcomes):
    """What was merged, as far as it was written."""
    merged = planned.merged
    to_local, to_remote = (_written(intent, outcomes[side]) if side in outcomes else {}
                           for side, intent in ((HERE, planned.to_local), (THERE, planned.to_remote)))
    return replace(merged, to_local=to_local, to_remote=to_remote)


def _is_created(intent, outcome):
    """Whether a new record is there, whatever was refused afterwards."""
    return bool(intent and not intent.key and outcome.key and outcome.record)


def _is_left_draft(item):
    """Whether a new document is there and was not posted."""
    return any(item.outcomes[side].error and intent.state == POSTED and _is_created(intent, item.outcomes[side])
               and item.outcomes[side].record.state == DRAFT for side, intent in item.plan.intents() if side in item.outcomes)


def _may_have_added_lines(item):
    """Whether lines were sent to be added and nobody knows whether they are there: what comes of them must not cross as new ones."""
    return any(side in item.outcomes and (item.outcomes[side].error or item.unread) and intent.key and any(
        isinstance(value, LineEdits) and value.add for value in intent.fields.values()) for side, intent in item.plan.intents())


def _without_asked(agreed, item):
    """Of what is asked about nothing is agreed on: else the older state would be a change that was made there."""
    asked = {conflict.name.partition('/')[0] for conflict in item.plan.conflicts}
    return Base(*({name: value for name, value in side.items() if name not in asked} for side in (agreed.local, agreed.remote)))


def _as_drafts(agreed):
    """That it is posted where it comes from is news: the next try posts it here as well."""
    return Base({**agreed.local, STATE: DRAFT}, {**agreed.remote, STATE: DRAFT})


def _written(intent: Intent | None, outcome):
    if intent is None or outcome.is_found or outcome.error and not _is_created(intent, outcome):
        return {}
    values = {name: LineEdits(add=value) if isinstance(value, tuple) else value for name, value in intent.fields.items()}
    is_new = not intent.key
    if outcome.error:       # it is there; its rate may be what was refused
        refused = {field.name for field in ENTITIES[intent.entity].fields if field.in_books} if intent.entity in ENTITIES else set()
        return {**{name: value for name, value in values.items() if name not in refused}, STATE: DRAFT}
    return {**values, STATE: intent.state or DRAFT} if intent.state or is_new else values
