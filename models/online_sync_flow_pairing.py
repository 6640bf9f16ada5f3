"""Pairs before the first write, and before each creation: what both sides have already is found, not created again."""
from dataclasses import replace
from itertools import zip_longest

from odoo import _, api, fields, models
from odoo.tools import SQL

from ..clients.books import CANCELLED
from ..engine import pairing, plan
from ..engine.entities import CREATE, LINK, STATE
from ..engine.pairing import EXACT, PROBABLE, Pair
from ..engine.plan import HERE, THERE, Plan
from ..engine.values import to_json
from .online_sync_flow_exchange import Item


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    def _find_pairs(self, sides):
        """engine.pairing.Pair of all records of both sides that are not paired yet."""
        return self._pairs_among(*self._read_unpaired(sides))

    def _pairs_among(self, here, there):
        return pairing.pairs(self._entity(), here, there)

    def _read_unpaired(self, sides):
        """([records here], [records there]) that are not paired yet, with the fields that tell who is the same."""
        bound = self.env['online.sync.binding'].search_fetch([('flow_id', '=', self.id)], ['res_id', 'external_id'])
        known = {HERE: {str(id_) for id_ in bound.mapped('res_id')}, THERE: set(bound.mapped('external_id'))}
        names = {name.partition('/')[0] for key in (*self._entity().keys, *self._entity().hints) for name in key}
        items = []
        for side in (HERE, THERE):
            keys = self._all_keys(sides, side) - known[side]
            records = sides[side].read_records(self.entity, keys, names, refused={})
            items += [Item(bound.browse(), {HERE: None, THERE: None, side: record}) for record in records.values()]
        self._translate_all(items)
        return [item.local for item in items if item.local], [item.remote for item in items if item.remote]

    def _all_keys(self, sides, side):
        """Of all records of a side that the filter lets through."""
        cursor, keys, more = '', set(), True
        while more:
            page = sides[side].read_listing(self.entity, cursor, self._filter_of_all(side))
            keys.update(page.versions)
            cursor, more = page.cursor, page.more
        return keys

    def _confirm_pairs(self, pairs, read_at=None):
        """A person looked at the pairs: from now on the flow writes.

        :param read_at: what was there then and has no pair is left alone, unless another record needs it; None: it flows. Where the flow
            wrote before, it stays as it was said then: what is on its way is not left behind
        """
        self.ensure_one()
        bindings = self._bind(pairs)
        self.write({'pairs_confirmed': True, **({} if read_at and self.pairs_confirmed else {'born_after': read_at or False})})
        return bindings

    def _bind(self, pairs):
        """Remember pairs; what differs in them is merged by the next steps. Of an earlier pair of either one side was deleted."""
        self.env['online.sync.binding'].search([
            ('flow_id', '=', self.id), ('gone', '!=', False), '|', ('res_id', 'in', [int(pair.local) for pair in pairs]),
            ('external_id', 'in', [pair.remote for pair in pairs])]).unlink()
        bindings = self.env['online.sync.binding'].create([
            {'flow_id': self.id, 'res_model': self._model()._name, 'res_id': int(pair.local), 'external_id': pair.remote}
            for pair in pairs])
        self._release(bindings)
        return bindings

    def _bind_one(self, res_id, external_id):
        """A person said that these are the same."""
        return self._bind([Pair(str(res_id), external_id, EXACT, ())])

    # -- before a record is created -------------------------------------------------------------------------------------------------

    def _pair_before_creating(self, sides, items):
        """What somebody typed in on both sides is paired, or asked about, not created a second time.

        :returns: the items that are pairs now
        """
        looked = [item for item in items if not item.binding and not item.unread]
        met, asked, doubles = self._take_back(sides, items), {}, {}
        self._leave_to_others([item for item in items if not item.binding])
        for side in (HERE, THERE):
            alone, bound = self._to_be_compared(items, side), []
            for item, other, pair in self._find_alike(sides, side, alone):
                if pair.sureness == EXACT:
                    item.told = {HERE: item.told[HERE] or other.told[HERE], THERE: item.told[THERE] or other.told[THERE]}
                    item.binding = self._bind([pair])
                    bound.append(item)
                else:
                    item.plan = Plan(plan.ASKED)
                    here, there = (item.told[one] or other.told[one] for one in (HERE, THERE))
                    asked[int(pair.local), pair.remote] = here, there, pair.by
            doubles.update(self._hold_doubles(sides, side, alone))
            met += bound
            self._translate_all(met)
            made = self._created_for(sides, {item.told[THERE].key for item in bound})
            own = [item for item in bound if made.get(item.told[THERE].key) == item.binding.res_id]
            for item in own:
                self._note_created(item)
            self._go_on_with(sides, own)
            self._leave_to_others([item for item in items if not item.binding])
        self._ask_alike(asked, doubles, looked)
        return met + self._take_back(sides, items, gone=True)

    def _take_back(self, sides, items, gone=False):
        """What a run created there and did not live to remember is the pair of the record that it was created for.

        :param gone: those whose record here was deleted since; else those whose record is still here
        :returns: the items that are pairs now
        """
        owners, met = self._owners(sides, items), []
        known = {one.res_id for one in self.env['online.sync.binding'].search(
            [('flow_id', '=', self.id), ('res_id', 'in', list(owners.values()))])}
        records = sides[HERE].read_records(self.entity, {str(id_) for id_ in owners.values()}) if owners else {}
        for item in items:
            owner = owners.get(item.told[THERE].key) if item.told[THERE] else None
            if not owner or bool(records.get(str(owner))) == gone:
                continue
            if owner in known:
                item.plan = Plan(plan.IGNORED)
                item.error = _("It was created there by a run that broke off, and its record here is paired with another one by now. "
                               "Delete one of the two there.")
                continue
            item.told = {**item.told, HERE: records.get(str(owner))}
            item.binding = self._bind_one(owner, item.told[THERE].key)
            self._note_created(item)
            met.append(item)
        self._translate_all(met)
        self._go_on_with(sides, met)
        return met

    def _go_on_with(self, sides, met):
        """What nobody changed since our run created it is what both agreed on: the creation goes on where it ended."""
        untouched = sides[THERE].untouched(self.entity, [item.told[THERE].key for item in met]) if met else set()
        for item in met:
            if item.local and item.told[THERE].key in untouched:
                made = {**item.remote.fields, STATE: item.remote.state}
                item.binding.write({'base_local': to_json(_with_keys_of(item.local, made)), 'base_remote': to_json(made)})
        self._look_at_appendices(sides, [item for item in met if item.local])

    def _owners(self, sides, items):
        """{key there: id of the record here that it was created for} of records that only the other side seems to have."""
        keys = {item.told[THERE].key for item in items if not item.binding and item.told[THERE] and not item.told[HERE]
                and item.plan.kind in (plan.CREATE_HERE, plan.BLOCKED)}
        return self._created_for(sides, keys)

    def _created_for(self, sides, keys):
        """{key there: id of the record here that it was created for} of those that this connection created.

        Without those that another state of this database created: of a record that a restored backup does not have.
        """
        own = self._markers()
        keys = keys - set(self.env['online.sync.binding'].search([      # known to have been pairs: no run died there
            ('flow_id', '=', self.id), ('gone', '!=', False), ('external_id', 'in', list(keys))]).mapped('external_id'))
        told = {key: self._of_marker(marker) for key, marker in sides[THERE].markers_of(self.entity, keys).items()
                if marker.startswith(own)}
        here = sides[HERE].read_records(self.entity, {str(res_id) for res_id, _born in told.values()}, ()) if told else {}
        last = self._last_id_given() if told else 0
        return {key: res_id for key, (res_id, born) in told.items() if (
            self._of_marker(self._marker(here[str(res_id)]))[1] == born if str(res_id) in here else res_id <= last)}

    def _last_id_given(self):
        """The highest id that a record of this kind had here, also one that was deleted."""
        self.env.cr.execute(SQL('SELECT last_value FROM %s', SQL.identifier(f'{self._model()._table}_id_seq')))
        return self.env.cr.fetchone()[0]

    @api.model
    def _note_created(self, item):
        """What an earlier run created there can be seen there since now at the latest."""
        item.binding.write({'created_in': THERE, 'created_at': fields.Datetime.now()})

    def _pair_in_dry_run(self, sides, items):
        """The same, with nothing remembered: the items, without those that a page of the other side shows."""
        shown, known = {id(item): item for item in items}, []
        owners = self._owners(sides, items)
        for item in items:
            if item.told[THERE] and item.told[THERE].key in owners:
                shown.pop(id(item))     # its record here is told by another page
        for side in (HERE, THERE):
            for item, other, pair in self._find_alike(sides, side, [
                    item for item in self._to_be_compared(items, side) if id(item) in shown]):
                if pair.sureness != EXACT:
                    item.plan = Plan(plan.ASKED)
                elif side == THERE:
                    shown.pop(id(item), None)
                else:
                    item.told = {**item.told, THERE: other.told[THERE]}
                    known.append(item)
            self._hold_doubles(sides, side, [item for item in self._to_be_compared(items, side) if id(item) in shown])
        self._translate_all(known)
        self._plan_all(known)
        return list(shown.values())

    def _to_be_compared(self, items, side):
        """Those that only this side has, and that may be given to the other or are only paired with what it has."""
        if not (self._entity().keys or self._entity().hints) or self.direction == 'off':
            return []
        created, missing = (plan.CREATE_THERE, self.missing_there) if side == HERE else (plan.CREATE_HERE, self.missing_here)
        return [item for item in items if not item.binding and item.told[side] and (
            item.plan.kind == created or item.plan.kind == plan.IGNORED and missing == LINK)]

    def _find_alike(self, sides, side, items):
        """[(item, item of the other side alone, engine.pairing.Pair)] of what the other side has already; nothing is written."""
        other, entity = THERE if side == HERE else HERE, self._entity()
        wanted, unread = list(pairing.searches(entity, [item.local if side == HERE else item.remote for item in items])), {}
        found = self._unpaired_equals(sides, other, wanted, unread=unread)
        items = self._without_unread(sides, other, items, unread)
        own = [item.local if side == HERE else item.remote for item in items]
        theirs = [item.remote if side == HERE else item.local for item in found]
        by_key = {item.told[side].key: item for item in items}, {item.told[other].key: item for item in found}
        hidden = {}
        # Who is exact says the whole side, not a page.
        rivals = self._unpaired_equals(sides, side, wanted, by_key[0], hidden) if found else []
        own += [item.local if side == HERE else item.remote for item in rivals]
        pairs = pairing.alike(entity, *((own, theirs) if side == HERE else (theirs, own)))
        pairs = [pair for pair in pairs if (pair.local if side == HERE else pair.remote) in by_key[0]]
        if hidden:      # whoever cannot be read may be the one
            pairs = [replace(pair, sureness=PROBABLE) for pair in pairs]
        pairs = self._with_own_sure(sides, self._without_apart(pairs))
        creates = (self.missing_there if side == HERE else self.missing_here) == CREATE
        pairs = [pair for pair in pairs if creates or pair.sureness == EXACT]       # what is never created needs no question
        return [(by_key[0][mine], by_key[1][yours], pair) for pair in pairs
                for mine, yours in [(pair.local, pair.remote) if side == HERE else (pair.remote, pair.local)]]

    def _without_unread(self, sides, other, items, unread):
        """Items without those that wait: what may be the same as them cannot be read on the other side.

        :param unread: {key there: error}
        """
        left = []
        for item in items:
            if not unread:
                return items
            wanted = list(pairing.searches(self._entity(), [item.remote if other == HERE else item.local]))
            keys = unread.keys() & sides[other].find_equal(self.entity, self._in_words_of(other, wanted)) if wanted else ()
            if keys:
                item.plan, item.error = Plan(plan.IGNORED), _(
                    "It may be the same as a record of the other side that cannot be read. %s", unread[min(keys)].message)
            else:
                left.append(item)
        return left

    def _unpaired_equals(self, sides, side, wanted, known=(), unread=None):
        """Items of records of a side alone that have the wanted values, without those with a key that is known.

        :param unread: filled with {key: error} of those that cannot be read
        """
        keys = sides[side].find_equal(self.entity, self._in_words_of(side, wanted)) if wanted else set()
        keys -= self._bound_keys(side, keys) | set(known)
        return self._items_alone(sides, side, keys, unread)

    def _items_alone(self, sides, side, keys, unread=None):
        """Items of records of one side, whatever the other one has."""
        records = sides[side].read_records(self.entity, keys, refused={} if unread is None else unread) if keys else {}
        found = [Item(self.env['online.sync.binding'].browse(), {HERE: None, THERE: None, side: record}) for record in records.values()
                 if record.state != CANCELLED]
        self._translate_all(found)
        return found

    def _with_own_sure(self, sides, pairs):
        """What this connection created there for a record that is still here is the same as that one, and as no other."""
        owners = self._created_for(sides, {pair.remote for pair in pairs})
        here = {str(id_) for id_ in self._model().browse(owners.values()).exists().ids}
        owner = {key: str(id_) for key, id_ in owners.items() if str(id_) in here}
        sure = [replace(pair, sureness=EXACT) for pair in pairs if owner.get(pair.remote) == pair.local]
        known = {pair.local for pair in sure}
        return [*sure, *(pair for pair in pairs if pair.local not in known and pair.remote not in owner)]

    def _without_apart(self, pairs):
        """Without those of which a person said that they are two."""
        known = self.env['online.sync.alike']._about(self, [int(pair.local) for pair in pairs], [pair.remote for pair in pairs])
        apart = {(str(one.res_id), one.external_id) for one in known if one.is_apart}
        return [pair for pair in pairs if (pair.local, pair.remote) not in apart]

    def _bound_keys(self, side, keys):
        """Those of the keys that are paired already."""
        name, values = ('res_id', [int(key) for key in keys]) if side == HERE else ('external_id', list(keys))
        return {str(value) for value in self.env['online.sync.binding'].search(
            [('flow_id', '=', self.id), (name, 'in', values)]).mapped(name)}

    def _ask_alike(self, asked, doubles, looked):
        """One question for each two that may be the same; what was asked before and no longer holds is settled.

        :param asked: {(id here, key there): (record here, record there, names of equal fields)}
        :param doubles: the same of those of which one is paired already
        :param looked: the items that were compared
        """
        alike, issues = self.env['online.sync.alike'], self.env['online.sync.issue'].sudo()
        about = [self._about(item) for item in looked]
        known = {(one.res_id, one.external_id): one for one in alike._about(
            self, {res_id for res_id, _key in about if res_id}, {key for _id, key in about if key}) if not one.is_apart}
        stale = alike.browse([one.id for key, one in known.items() if key not in (doubles if one.is_double else asked)])
        stale._settle()
        stale.unlink()
        for (res_id, external_id), (here, there, by) in {**doubles, **asked}.items():
            one = (known.get((res_id, external_id)) or alike).exists() or alike.create({
                'flow_id': self.id, 'res_id': res_id, 'external_id': external_id, 'is_double': (res_id, external_id) not in asked})
            issues._raise_alike(one, here.title, there.title, [self._title_of(name) for name in by])


def _with_keys_of(record, made):
    """What our run created of a record, with the keys that the record's own lines have: it created them in their order."""
    lists = {name: value for name, value in made.items() if value and isinstance(value, tuple)}
    return {**made, **{name: tuple(
        replace(line, key=own.key if own and len(record.fields[name]) == len(value) else '')
        for line, own in zip_longest(value, record.fields.get(name, ())[:len(value)])) for name, value in lists.items()}}
