"""A page of records: read on both sides, merged, written, agreed on. What was changed here and what was changed there take the same way.

Order within a page: read both sides, decide, write there, write here, remember. Nothing here is locked while the other side is called. If
the server dies in between, nothing is remembered: the next run finds both sides as they are, equal where the write arrived, and a record
that was created there is found again by its marker.
"""
from collections import defaultdict
from dataclasses import dataclass, field, replace

from odoo import _, models

from ..clients import books, errors
from ..clients.books import Intent, Line, LineEdits, Record, Ref
from ..engine import plan
from ..engine.entities import FILE, STATE
from ..engine.merge import agree
from ..engine.plan import HERE, THERE, Plan

#: Changes and records that one step takes on.
PAGE = 200
#: A version that no record has: whatever is there is looked at.
OUT_OF_SIGHT = '?'
#: Files that are in memory at once.
FILES = 5
#: How many steps from a record to what it needs, to what that needs, …
DEEPEST = 4


@dataclass(slots=True)
class Item:
    """A record of a page: what is known of it on either side.

    :param told: {side: the record as that side tells it}
    :param local, remote: the same with references in the language of :mod:`engine.plan`
    :param found: `told` as it was before anything was written
    :param is_lost: it is a pair, and its record was not found there
    """

    binding: models.BaseModel
    told: dict[str, Record]
    local: Record | None = None
    remote: Record | None = None
    changes: models.BaseModel | None = None
    plan: Plan | None = None
    error: str = ''
    is_final: bool = False
    is_lost: bool = False
    outcomes: dict = field(default_factory=dict)
    found: dict[str, Record] = field(default_factory=dict)

    def __post_init__(self):
        self.found = dict(self.told)


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    def _exchange(self, sides, here=(), there=(), changes=None, depth=0, is_needed=False):
        """Bring records to the same state on both sides.

        :param sides: {HERE: Side, THERE: Side}
        :param here: ids of records of this database
        :param there: keys of records of the other side
        :param changes: online.sync.change records that asked for it
        :param is_needed: other records point to these
        :returns: the items, with their plans and outcomes
        """
        self.ensure_one()
        items = self._load_items(sides, here, there, changes, is_needed, forgets=True)
        if not is_needed:
            items = self._within_filter(sides, items)
        self._plan_all(items, is_needed)
        self._plan_with_needed(sides, items, depth, is_needed)
        met = self._pair_before_creating(sides, items)
        if met:
            self._plan_all(met)
            self._plan_with_needed(sides, met, depth, is_needed)
        self._hold_ties(items)
        self._write_all(sides, items)
        self._remember(sides, items)
        if not depth:
            self._ask_for_partners(sides, items)
        self._retry_ties(items)
        self._note_gone(sides, [item for item in items if item.binding and not item.binding.gone and not item.told[HERE]])
        return items

    # -- loading ----------------------------------------------------------------------------------------------------------------

    def _load_items(self, sides, here, there, changes=None, is_needed=False, forgets=False):
        """
        :param forgets: pairs that are none any more are deleted; else they are only passed over
        """
        bindings = self.env['online.sync.binding'].search([
            ('flow_id', '=', self.id), '|', ('res_id', 'in', list(here)), ('external_id', 'in', list(there))])
        local_ids = {*here, *bindings.mapped('res_id')}
        remote_keys = {*there, *bindings.mapped('external_id')}
        locals_ = sides[HERE].read_records(self.entity, [str(id_) for id_ in local_ids])
        remotes = sides[THERE].read_records(self.entity, remote_keys)
        replaced, half = self._replaced(bindings, remotes), self._half(bindings, locals_, remotes, is_needed)
        bindings -= replaced | half
        if forgets:
            self._tell_replaced(replaced)
            (replaced | half).unlink()
        lost = bindings.filtered(lambda one: one.external_id not in remotes)
        items = [Item(binding, {HERE: locals_.pop(str(binding.res_id), None), THERE: remotes.pop(binding.external_id, None)},
                      is_lost=binding in lost) for binding in bindings]
        none = bindings.browse()
        items += [Item(none, {HERE: record, THERE: None}) for record in locals_.values()]
        items += [Item(none, {HERE: None, THERE: record}) for record in remotes.values()]
        self._translate_all(items)
        for item in items:
            item.changes = (changes or self.env['online.sync.change']).filtered(lambda change, item=item: self._is_about(change, item))
        return items

    def _replaced(self, bindings, remotes):
        """Pairs of which the record there is another one than before under the same key: a backup was restored there."""
        return bindings.filtered(lambda one: one.remote_born and one.external_id in remotes
                                 and remotes[one.external_id].born not in ('', one.remote_born))

    def _tell_replaced(self, replaced):
        if replaced:
            self.link_id.sudo().message_post(body=_(
                "%(kind)s: what was paired with %(names)s is another record there now, as after a backup was restored. These pairs were "
                "undone.", kind=self.name, names=', '.join(replaced[:10].mapped('name_here'))))

    def _half(self, bindings, locals_, remotes, is_needed):
        """Pairs of which one side was deleted and the other is in use again: it is a record that only one side has."""
        if self._entity().is_document or self._entity().is_tie or self._entity().is_appendix:
            return bindings.browse()

        def is_half(one):
            left = locals_.get(str(one.res_id)) if one.gone == THERE else remotes.get(one.external_id)
            other = remotes.get(one.external_id) if one.gone == THERE else locals_.get(str(one.res_id))
            return left and not other and (is_needed or self.archives and left.state == books.ACTIVE)
        return bindings.filtered(lambda one: one.gone and not one.merged_into_id and is_half(one))

    def _within_filter(self, sides, items):
        """Without those that are not paired and that the filter leaves out."""
        for side in (HERE, THERE):
            only, keys = self._filter(side), {item.told[side].key for item in items if not item.binding and item.told[side]}
            if only and keys:
                out = keys - sides[side].find_matching(self.entity, keys, only)
                items = [item for item in items if item.binding or not item.told[side] or item.told[side].key not in out]
        return items

    def _about(self, item):
        """(id here, key there) of an item, 0 and '' where there is none."""
        local, remote = item.told[HERE], item.told[THERE]
        return item.binding.res_id or int(local.key if local else 0), item.binding.external_id or (remote.key if remote else '')

    def _is_about(self, change, item):
        res_id, external_id = self._about(item)
        return bool(change.res_id and change.res_id == res_id or change.external_id and change.external_id == external_id)

    # -- one language for references ----------------------------------------------------------------------------------------------

    def _translate_all(self, items):
        """References of both sides become those of :mod:`engine.plan`."""
        keys = {HERE: defaultdict(set), THERE: defaultdict(set)}
        for item in items:
            for side, record in item.told.items():
                for ref in _refs(record.fields if record else {}):
                    keys[side][ref.entity].add(ref.key)
        known = self._known_refs(keys)
        for item in items:
            item.local, item.remote = (
                record and replace(record, fields=_mapped(record.fields, known[side])) for side, record in item.told.items())

    def _known_refs(self, keys):
        """{side: function from a reference of that side to the common one}"""
        found = {HERE: {}, THERE: {}}
        for entity in keys[HERE].keys() | keys[THERE].keys():
            for binding in self.env['online.sync.binding'].search([
                    ('link_id', '=', self.link_id.id), ('entity', '=', entity), '|',
                    ('res_id', 'in', [int(key) for key in keys[HERE][entity]]), ('external_id', 'in', list(keys[THERE][entity]))]):
                common = Ref(entity, f'#{(binding.merged_into_id or binding).id}')
                found[HERE][entity, str(binding.res_id)] = common
                found[THERE][entity, binding.external_id] = common
        return {side: (lambda ref, side=side: found[side].get((ref.entity, ref.key)) or Ref(ref.entity, f'{side}:{ref.key}'))
                for side in (HERE, THERE)}

    def _own_refs(self, side, intents):
        """Intents with the references of the side that is to carry them out."""
        return [replace(intent, fields=fields)
                for intent, fields in zip(intents, self._in_words_of(side, [intent.fields for intent in intents]), strict=True)]

    def _in_words_of(self, side, values):
        """Values with the references of a side."""
        ids = {int(ref.key[1:]) for one in values for ref in _refs(one) if ref.key.startswith('#')}
        bindings = {binding.id: binding for binding in self.env['online.sync.binding'].browse(ids).exists()}

        def own(ref):
            if not ref.key.startswith('#'):     # it goes nowhere: the plan would be blocked
                return Ref(ref.entity, ref.key.partition(':')[2])
            binding = bindings[int(ref.key[1:])]
            return Ref(ref.entity, str(binding.res_id) if side == HERE else binding.external_id)
        return [_mapped(one, own) for one in values]

    # -- deciding ---------------------------------------------------------------------------------------------------------------

    def _plan_all(self, items, is_needed=False, known=()):
        entity, rules, options = self._entity(), self._rules(), self._options()
        for item in items:
            if item.local and item.remote:
                item.plan = plan.plan_pair(
                    entity, item.binding._base(), item.local, item.remote, rules, options, newer=self._newer(item),
                    decided=item.binding.decided or {}, known=known)
            elif item.binding:
                item.plan = Plan(plan.NOTHING)
            else:
                record, side = (item.local, HERE) if item.local else (item.remote, THERE)
                marker = self._marker(record) if side == HERE else ''
                item.plan = plan.plan_alone(
                    entity, record, side, rules, options, marker, defaults=self._defaults(), is_needed=is_needed, known=known)
        self._leave_out_dead(items)

    def _leave_out_dead(self, items):
        """What would point to a record that was deleted where it is written waits for another one."""
        meant = [(item, side, {int(ref.key[1:]) for ref in _refs(intent.fields) if ref.key.startswith('#')})
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
            brought |= self._bound(flow, keys) > before
        own = needs.get(self.entity)
        if own:         # a record that points to another one of its kind, such as a contact to its company
            before = self._bound(self, own)
            self._exchange(sides, [int(key) for key in own[HERE]], own[THERE], depth=depth + 1, is_needed=True)
            brought |= self._bound(self, own) > before
        if brought:
            self._translate_all(items)
        return brought

    def _leave_to_others(self, items):
        """What was brought over meanwhile because another record of this page points to it."""
        alone = [item for item in items if not item.binding]
        found = self.env['online.sync.binding'].search([
            ('flow_id', '=', self.id), '|', ('res_id', 'in', [self._about(item)[0] for item in alone]),
            ('external_id', 'in', [self._about(item)[1] for item in alone])])
        by_key = {**{(HERE, one.res_id): one for one in found}, **{(THERE, one.external_id): one for one in found}}
        for item in alone:
            res_id, external_id = self._about(item)
            binding = by_key.get((HERE, res_id)) or by_key.get((THERE, external_id))
            if binding:
                item.binding, item.plan = binding, Plan(plan.NOTHING)

    def _bound(self, flow, keys):
        return self.env['online.sync.binding'].search_count([
            ('flow_id', '=', flow.id), '|', ('res_id', 'in', [int(key) for key in keys[HERE]]), ('external_id', 'in', list(keys[THERE]))])

    def _hold_ties(self, items):
        """A match waits while one of its documents could not follow the other side yet: what is matched is not opened for a change."""
        if not self._entity().is_tie:
            return
        for item in items:
            ids = {int(ref.key[1:]) for _side, intent in item.plan.intents() if not intent.key for ref in _refs(intent.fields)
                   if ref.key.startswith('#')}
            documents = self.env['online.sync.binding'].browse(ids).exists().filtered(lambda one: one.flow_id.follows)
            late = documents.filtered(lambda one: one.flow_id.change_ids.search_count([
                ('flow_id', '=', one.flow_id.id), ('state', '=', 'failed'), '|',
                ('res_id', '=', one.res_id), ('external_id', '=', one.external_id)], limit=1))
            if late:
                item.error = _("It waits until %s is the same on both sides.", ', '.join(late.mapped('name_here')))
                item.plan = replace(item.plan, to_local=None, to_remote=None)

    # -- writing ----------------------------------------------------------------------------------------------------------------

    def _write_all(self, sides, items):
        """There first: nothing here is locked while the other side is called."""
        for side, name in ((THERE, 'to_remote'), (HERE, 'to_local')):
            wanted = [(item, getattr(item.plan, name)) for item in items
                      if getattr(item.plan, name) and item.plan.kind != plan.BLOCKED]
            size = FILES if self._files() else PAGE
            for first in range(0, len(wanted), size):
                self._write_page(sides, side, wanted[first:first + size])

    def _write_page(self, sides, side, wanted):
        wanted = [(item, self._with_files(sides, side, item, intent)) for item, intent in wanted]
        wanted = [(item, self._told_apart(side, intent)) for item, intent in wanted if intent]
        outcomes = sides[side].write_records(self.entity, self._own_refs(side, [intent for _item, intent in wanted]))
        for (item, _intent), outcome in zip(wanted, outcomes, strict=True):
            item.outcomes[side] = outcome
            item.told[side] = outcome.record or item.told[side]
            if outcome.error:
                item.error, item.is_final = outcome.error.message, getattr(outcome.error, 'is_final', False)

    def _files(self):
        """Names of the fields that hold a file's content."""
        return [field.name for field in self._entity().fields if field.kind == FILE]

    def _with_files(self, sides, side, item, intent):
        """The intent with the contents of its files, which are read only now; None when they are gone meanwhile."""
        source, names = HERE if side == THERE else THERE, self._files()
        if not names or intent.key and 'checksum' not in intent.fields:
            return intent
        key = item.told[source].key
        try:
            record = sides[source].read_records(self.entity, [key], names).get(key)
        except (errors.ProtocolError, errors.Rejected) as error:        # too large, most likely: the others go on
            item.error = error.message
            return None
        return record and replace(intent, fields={**intent.fields, **{name: record.fields[name] for name in names}})

    def _told_apart(self, side, intent):
        """A new match, with those of the same documents that are known: who pays twice the same amount has two of them."""
        if intent.key or not self._entity().is_tie:
            return intent
        ids = {int(ref.key[1:]) for ref in _refs(intent.fields) if ref.key.startswith('#')}
        ties = self.env['online.sync.binding'].search([('flow_id', '=', self.id), ('gone', '=', False), ('tied_ids', 'in', list(ids))])
        there = self._model().browse(ties.mapped('res_id')).exists().ids
        known = ties.filtered(lambda tie: tie.res_id in there)
        return replace(intent, apart=frozenset(map(str, known.mapped('res_id')) if side == HERE else known.mapped('external_id')))

    # -- remembering --------------------------------------------------------------------------------------------------------------

    def _remember(self, sides, items):
        self._bind_new(sides, items)
        self._translate_all(items)
        rules, met = self._rules(), []
        for item in items:
            if item.binding and item.local and item.remote:
                met += [] if item.binding._base() else [item]
                merged = _carried_out(item.plan, item.outcomes)
                slipped_in = self._slipped_in(sides, item)
                if slipped_in:      # what we wrote is not what is there: it is looked at again. Lines stay pairs, else each is there twice
                    merged = replace(merged, to_remote={
                        name: value for name, value in merged.to_remote.items() if isinstance(value, LineEdits)})
                    item.remote = replace(item.remote, version='')
                item.binding._store(agree(item.binding._base(), merged, _with_state(item.local), _with_state(item.remote),
                                          self._agreeable(item, rules), own=(STATE,)), item.local, item.remote)
            elif self._is_out_of_sight(item):
                item.binding.remote_version = OUT_OF_SIGHT
        self._look_at_appendices(sides, met)
        self._note_all(items)
        self._ask_all(sides, items, rules)

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
        created = self._without_bound(created)
        bindings = self.env['online.sync.binding'].create([{
            'flow_id': self.id, 'res_model': self._model()._name,
            'res_id': int(outcome.key if item.plan.kind == plan.CREATE_HERE else item.told[HERE].key),
            'external_id': item.told[THERE].key if item.plan.kind == plan.CREATE_HERE else outcome.key,
        } for item, outcome in created])
        for (item, _outcome), binding in zip(created, bindings, strict=True):
            item.binding = binding
        self._release(bindings)

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
                binding.write({
                    'base_local': False, 'base_remote': False, 'gone': False, 'missed': 0,
                    **({'external_id': item.told[THERE].key} if key[0] else {'res_id': int(item.told[HERE].key)})})
                item.binding = binding
            else:
                item.error = _("The other side has it already, as the pair of %s. Delete one of the two there, and try again.",
                               binding.title or binding.res_id)
        return left

    # -- deleted ------------------------------------------------------------------------------------------------------------------

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
        if fate and fate != books.POSTED:
            outcome, = sides[side].write_records(self.entity, [Intent(self.entity, record.key, state=fate)])
        if fate == books.POSTED or fate and outcome.error:
            self.env['online.sync.issue'].sudo()._raise_gone(self, binding, HERE if side == THERE else THERE)
        elif fate:
            self._retry_documents(binding)

    def _fate_without_partner(self, side, record):
        """The state that a record gets once its partner was deleted: POSTED means that a person is asked, '' that it is left alone."""
        way = 'push' if side == THERE else 'pull'
        if not record or not self.archives or self.direction not in ('both', way) or record.state in (books.ARCHIVED, books.CANCELLED):
            return ''
        if record.state == books.POSTED:
            return books.POSTED
        return books.CANCELLED if self._entity().is_document else books.ARCHIVED


def _refs(value):
    """All references within a value."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _refs(one)
    elif isinstance(value, LineEdits):
        yield from _refs(dict(value.update))
        yield from _refs(value.add)
    elif isinstance(value, Line):
        yield from _refs(dict(value.fields))
    elif isinstance(value, (tuple, frozenset)):
        for one in value:
            yield from _refs(one)


def _mapped(value, function):
    """The value with each reference replaced."""
    if isinstance(value, Ref):
        return function(value)
    if isinstance(value, dict):
        return {name: _mapped(one, function) for name, one in value.items()}
    if isinstance(value, LineEdits):
        return LineEdits(_mapped(dict(value.update), function), _mapped(value.add, function), value.remove)
    if isinstance(value, Line):
        return Line(value.key, _mapped(dict(value.fields), function))
    if isinstance(value, (tuple, frozenset)):
        return type(value)(_mapped(one, function) for one in value)
    return value


def _with_state(record):
    return {**record.fields, STATE: record.state}


def _carried_out(planned, outcomes):
    """What was merged, as far as it was written."""
    merged = planned.merged
    to_local, to_remote = (
        None if side in outcomes and (outcomes[side].error or outcomes[side].is_found) else intent
        for side, intent in ((HERE, planned.to_local), (THERE, planned.to_remote)))
    return replace(merged, to_local=_written(to_local), to_remote=_written(to_remote))


def _written(intent: Intent | None):
    if intent is None:
        return {}
    values = {name: LineEdits(add=value) if isinstance(value, tuple) else value for name, value in intent.fields.items()}
    is_new = not intent.key
    return {**values, STATE: intent.state or books.DRAFT} if intent.state or is_new else values
