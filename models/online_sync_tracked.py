"""What changes here and must go to the other side: noted in the user's own transaction, just before it commits, with one INSERT.

Nothing is decided here and no row is locked. A note says only "look at this record"; whether anything is to be sent is found out later, by
comparing it with what both sides agreed on. A note too many, such as for a change that was rolled back to a savepoint, costs a look.
"""
from collections import defaultdict
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.tools import SQL, ormcache

from ..clients.odoo_shapes import SHAPES
from .online_sync_link_run import CRON

#: Where the notes of a transaction wait for its commit.
NOTES = 'online_sync_notes'
#: Where they wait while the synchronization itself writes, on the cursor: the end of each savepoint writes what waits for the commit.
HELD = 'online_sync_held_notes'


class OnlineSyncTracked(models.AbstractModel):
    """Mixin of the models whose records are synchronized, and of the models of their lines."""

    _name = 'online.sync.tracked'
    _description = "Synchronized with other books"

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        if records._online_sync_is_watched():
            records._online_sync_note()
        return records

    def write(self, vals):
        """A line that moves from one document to another concerns both."""
        if not vals or not self._online_sync_is_watched():
            return super().write(vals)
        parents = self._online_sync_parents()
        result = super().write(vals)
        self._online_sync_note(parents)
        return result

    def unlink(self):
        if self._online_sync_is_watched():
            self._online_sync_note()
        return super().unlink()

    def _online_sync_is_watched(self):
        """Whether anybody wants to know what changes. All that a database without flows pays is this one look into a cache."""
        return self._name in self.env['online.sync.flow']._watched()

    def _online_sync_parents(self):
        """[(flow id, ids of the records that these are, or are lines of)]"""
        flows = self.env['online.sync.flow']._tracking().get(self._name, ())
        records = self.sudo().with_context(active_test=False) if flows else self
        return [(flow, records[parent].ids if parent else self.ids) for flow, _link, parent in flows]

    def _online_sync_note(self, also=()):
        """Note that these records changed."""
        found = [*also, *self._online_sync_parents()]
        if not found:
            return
        self.env['online.sync.flow']._note(found)


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    @api.model
    @ormcache()
    def _tracking(self):
        """{model: ((flow id, link id, field that leads to the record, '' for none), …)} of the flows that send changes from here."""
        found = defaultdict(list)
        for flow in self.sudo().search([('direction', 'in', ('both', 'push')), ('link_id.state', 'not in', ('draft', 'disconnected'))]):
            for model, parent in SHAPES[flow.entity].watched() if flow.entity in SHAPES else ():
                found[model].append((flow.id, flow.link_id.id, parent))
        return {model: tuple(rows) for model, rows in found.items()}

    @api.model
    @ormcache()
    def _watched(self):
        """Names of the models of which changes are noted."""
        return frozenset(self._tracking())

    @api.model
    def _note(self, found):
        """Note that records changed.

        :param found: [(flow id, ids of records)]
        """
        cr = self.env.cr
        notes = getattr(cr, HELD, None)
        if notes is None and NOTES not in cr.precommit.data:
            cr.precommit.data[NOTES] = defaultdict(set)
            cr.precommit.add(self.env(user=api.SUPERUSER_ID, su=True)['online.sync.flow']._write_notes)
        notes = cr.precommit.data[NOTES] if notes is None else notes
        for flow, ids in found:
            notes[flow].update(ids)

    @api.model
    @contextmanager
    def _without_own_notes(self, link, model):
        """What the synchronization writes within is no change that must go to the other side; what follows from it elsewhere is one.

        :returns: a set, to be filled with the ids of the records that were written
        """
        cr, held, written = self.env.cr, defaultdict(set), set()
        setattr(cr, HELD, held)
        try:
            yield written
        finally:
            delattr(cr, HELD)
        for flow, owner, parent in self._tracking().get(model, ()):     # of what was refused nothing stays, nor is it noted
            if owner == link.id and not parent:
                held[flow] -= written
        self._note([(flow, ids) for flow, ids in held.items() if ids])

    @api.model
    def _write_notes(self):
        """Just before the commit: the notes become changes, and whoever sends them is woken after it."""
        notes = self.env.cr.precommit.data.pop(NOTES, {})
        rows = [(flow, id_) for flow, ids in notes.items() for id_ in sorted(ids)]
        if not rows:
            return
        now = fields.Datetime.now()
        self.env.cr.execute(SQL(
            """INSERT INTO online_sync_change (flow_id, link_id, company_id, origin, res_id, state, attempts, create_date, write_date)
               SELECT flow.id, flow.link_id, flow.company_id, 'here', note.res_id, 'pending', 0, %s, %s
                 FROM unnest(%s, %s) note (flow_id, res_id) JOIN online_sync_flow flow ON flow.id = note.flow_id
                 JOIN online_sync_link link ON link.id = flow.link_id""",
            now, now, [flow for flow, _id in rows], [id_ for _flow, id_ in rows]))
        cron = self.env.ref(CRON, raise_if_not_found=False)
        if cron:
            cron._trigger()

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        """What is tracked follows the direction."""
        if 'direction' in vals:
            self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()
