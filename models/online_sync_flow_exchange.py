"""A page of records: read on both sides, merged, written, agreed on. What was changed here and what was changed there take the same way.

Order within a page: read both sides, decide, write there, write here, remember. Nothing here is locked while the other side is called. If
the server dies in between, nothing is remembered: the next run finds both sides as they are, equal where the write arrived, and a record
that was created there is found again by its marker.
"""
from collections import defaultdict
from dataclasses import dataclass, field, replace

from odoo import _, models

from ..clients import books, errors
from ..clients.books import LineEdits, Record, Ref
from ..engine import plan
from ..engine.entities import FILE
from ..engine.plan import HERE, THERE, Plan
from ..engine.refs import mapped, refs_of

#: Changes and records that one step takes on.
PAGE = 200
#: Files that are in memory at once.
FILES = 5


@dataclass(slots=True)
class Item:
    """A record of a page: what is known of it on either side.

    :param told: {side: the record as that side tells it}
    :param local, remote: the same with references in the language of :mod:`engine.plan`
    :param found: `told` as it was before anything was written
    :param is_lost: it is a pair, and its record was not found there
    :param is_older: the record there is in an older state than it was
    :param older_wins: the side that a person said holds then, '' for none
    :param is_careful: lines may have been written there of which nobody remembers it
    :param unread: the side on which it is and cannot be read, '' for none: then nothing is done about it
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
    is_careful: bool = False
    is_older: bool = False
    older_wins: str = ''
    unread: str = ''
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
        items = self._within_filter(sides, items, is_needed)
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
        self._note_gone(sides, [
            item for item in items if item.binding and not item.binding.gone and not item.told[HERE] and not item.unread])
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
        unread = {HERE: {}, THERE: {}}
        locals_ = sides[HERE].read_records(self.entity, [str(id_) for id_ in local_ids], refused=unread[HERE])
        remotes = sides[THERE].read_records(self.entity, remote_keys, refused=unread[THERE])
        items, bindings = self._items_of_unread(bindings, unread, locals_, remotes)
        replaced, half = self._replaced(bindings, remotes), self._half(bindings, locals_, remotes, is_needed)
        bindings -= replaced | half
        if forgets:
            self._tell_replaced(replaced)
            replaced.unlink()
        lost = bindings.filtered(lambda one: one.external_id not in remotes)
        items += [Item(binding, {HERE: locals_.pop(str(binding.res_id), None), THERE: remotes.pop(binding.external_id, None)},
                       is_lost=binding in lost, is_careful=sides[THERE].is_careful or binding.is_doubtful) for binding in bindings]
        for item in items:
            item.is_older = self._is_older(sides[THERE], item.binding, item.told[THERE])
        none = bindings.browse()
        items += [Item(none, {HERE: record, THERE: None}) for record in locals_.values()]
        items += [Item(none, {HERE: None, THERE: record}) for record in remotes.values()]
        self._translate_all(items)
        for item in items:
            item.changes = (changes or self.env['online.sync.change']).filtered(lambda change, item=item: self._is_about(change, item))
        return items

    def _items_of_unread(self, bindings, unread, locals_, remotes):
        """(items of records that one side cannot read, the pairs without these)

        :param unread: {side: {key: error}}
        """
        own = bindings.filtered(lambda one: str(one.res_id) in unread[HERE] or one.external_id in unread[THERE])
        items = []
        for one in own:
            side, key = (HERE, str(one.res_id)) if str(one.res_id) in unread[HERE] else (THERE, one.external_id)
            told = {HERE: locals_.pop(str(one.res_id), None), THERE: remotes.pop(one.external_id, None)}
            items.append(Item(one, told, error=unread[side][key].message, unread=side))
        known = {HERE: set(map(str, own.mapped('res_id'))), THERE: set(own.mapped('external_id'))}
        items += [Item(own.browse(), {HERE: None, THERE: None, side: Record(self.entity, key, '', {}, title=f'{self.name} {key}')},
                       error=error.message, unread=side)
                  for side, errors in unread.items() for key, error in errors.items() if key not in known[side]]
        return items, bindings - own

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

    def _within_filter(self, sides, items, is_needed=False):
        """Without those that are not paired and that the filter leaves out."""
        for side in (HERE, THERE):
            only = self._filter_of_needed(side) if is_needed else self._filter(side)
            keys = {item.told[side].key for item in items if not item.binding and item.told[side]}
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
                for ref in refs_of(record.fields if record else {}):
                    keys[side][ref.entity].add(ref.key)
        known = self._known_refs(keys)
        for item in items:
            item.local, item.remote = (
                record and replace(record, fields=mapped(record.fields, known[side])) for side, record in item.told.items())

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

    def _as_known_now(self, values):
        """Values with references that were told when only one side had the record, and that both know by now."""
        keys = {HERE: defaultdict(set), THERE: defaultdict(set)}
        for ref in refs_of(values):
            side, colon, key = ref.key.partition(':')
            if colon:
                keys[side][ref.entity].add(key)
        known = self._known_refs(keys)

        def now(ref):
            side, colon, key = ref.key.partition(':')
            return known[side](Ref(ref.entity, key)) if colon else ref
        return mapped(values, now)

    def _own_refs(self, side, intents):
        """Intents with the references of the side that is to carry them out."""
        return [replace(intent, fields=fields)
                for intent, fields in zip(intents, self._in_words_of(side, [intent.fields for intent in intents]), strict=True)]

    def _in_words_of(self, side, values):
        """Values with the references of a side."""
        ids = {int(ref.key[1:]) for one in values for ref in refs_of(one) if ref.key.startswith('#')}
        bindings = {binding.id: binding for binding in self.env['online.sync.binding'].browse(ids).exists()}

        def own(ref):
            if not ref.key.startswith('#'):     # it goes nowhere: the plan would be blocked
                return Ref(ref.entity, ref.key.partition(':')[2])
            binding = bindings[int(ref.key[1:])]
            return Ref(ref.entity, str(binding.res_id) if side == HERE else binding.external_id)
        return [mapped(one, own) for one in values]

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
        wanted = [(item, replace(intent, keeps=_as_told(intent.keeps, item.told[side]))) for item, intent in wanted]
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
        names = self._entity().tied_names()
        ids = {int(ref.key[1:]) for name in names for ref in refs_of(intent.fields.get(name)) if ref.key.startswith('#')}
        if intent.key or not self._entity().is_tie or not ids:
            return intent
        ties = self.env['online.sync.binding'].search([
            ('flow_id', '=', self.id), ('gone', '=', False), *(('tied_ids', 'in', [id_]) for id_ in ids)])
        there = set(self._model().browse(ties.mapped('res_id')).exists().ids)
        known = ties.filtered(lambda tie: tie.res_id in there)
        return replace(intent, apart=frozenset(map(str, known.mapped('res_id')) if side == HERE else known.mapped('external_id')))


def _as_told(keeps, record):
    """What is to be kept, as the side itself says it: two of its records may be one for us."""
    lines = {name: {line.key: line.fields for line in record.fields[name]} for name, value in keeps.items() if isinstance(value, LineEdits)}
    return {name: LineEdits(update={key: {inner: lines[name][key][inner] for inner in fields} for key, fields in value.update.items()})
            if name in lines else record.fields[name] for name, value in keeps.items()}
