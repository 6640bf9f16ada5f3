"""Pairs before the first write: what both sides have already is found, not created again."""
from odoo import models

from ..engine import pairing
from ..engine.plan import HERE, THERE
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
        bound = self.env['online.sync.binding'].search([('flow_id', '=', self.id)])
        known = {HERE: {str(id_) for id_ in bound.mapped('res_id')}, THERE: set(bound.mapped('external_id'))}
        names = {name for key in (*self._entity().keys, *self._entity().hints) for name in key}
        items = []
        for side in (HERE, THERE):
            keys = self._all_keys(sides, side) - known[side]
            records = sides[side].read_records(self.entity, keys, names)
            items += [Item(bound.browse(), {HERE: None, THERE: None, side: record}) for record in records.values()]
        self._translate_all(items)
        return [item.local for item in items if item.local], [item.remote for item in items if item.remote]

    def _all_keys(self, sides, side):
        """Of all records of a side that the filter lets through."""
        cursor, keys, more = '', set(), True
        while more:
            page = sides[side].read_listing(self.entity, cursor, self._filter(side))
            keys.update(page.versions)
            cursor, more = page.cursor, page.more
        return keys

    def _confirm_pairs(self, pairs):
        """A person looked at the pairs: from now on the flow writes."""
        self.ensure_one()
        bindings = self._bind(pairs)
        self.pairs_confirmed = True
        return bindings

    def _bind(self, pairs):
        """Remember pairs; what differs in them is merged by the next steps."""
        bindings = self.env['online.sync.binding'].create([
            {'flow_id': self.id, 'res_model': self._model()._name, 'res_id': int(pair.local), 'external_id': pair.remote}
            for pair in pairs])
        self._release(bindings)
        return bindings
