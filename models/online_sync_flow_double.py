"""What was entered on both sides while a run was between the two: the run saw one of them only, and gave it to the other side.

The second one looks new there, though what it is the same as is no more alone. Without a question it would be there twice.
"""
from datetime import datetime, timedelta, timezone

from odoo import _, api, fields, models
from odoo.exceptions import UserError

from ..engine import pairing, plan
from ..engine.plan import HERE, THERE, Plan

#: A form that was open when the run brought its twin is saved within this time.
MEANWHILE = timedelta(minutes=15)


class OnlineSyncBinding(models.Model):
    _inherit = 'online.sync.binding'

    created_in = fields.Selection([(HERE, "Here"), (THERE, "There")], readonly=True, help="Where the synchronization created its record.")
    created_at = fields.Datetime(readonly=True, help="When it could be seen there, nearly.")


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    def _hold_doubles(self, sides, side, items):
        """Those of the items that are there already by their twin are not created: a person is asked."""
        items = [item for item in items if item.plan.kind in (plan.CREATE_HERE, plan.CREATE_THERE) and not item.binding]
        found = self._find_doubles(sides, side, items)
        keys = {str(pair[0 if side == HERE else 1]) for pair in found}
        for item in items:
            if item.told[side].key in keys:
                item.plan = Plan(plan.ASKED)
        return found

    def _find_doubles(self, sides, side, items):
        """{(id here, key there): (record here, record there, names of equal fields)} of documents that only this side seems to have.

        Each looks like one of the other side that came to this one about when it was entered.
        """
        entity, other = self._entity(), THERE if side == HERE else HERE
        own = [item.local if side == HERE else item.remote for item in items] if entity.is_document or entity.is_booked else []
        pairs = self._pairs_brought_to(sides, side, own)
        if not pairs:
            return {}
        theirs = self._items_alone(sides, other, {_key(pair, other) for pair in pairs})
        records = {item.told[other].key: item.local if other == HERE else item.remote for item in theirs}
        seen, known = {_key(pair, other): pair.created_at for pair in pairs}, {record.key: record for record in own}
        late, found = self.link_id._clock_difference() if side == THERE else timedelta(), {}
        for pair in self._without_apart(pairing.alike(entity, *_in_order(side, own, list(records.values())))):
            mine, yours = (pair.local, pair.remote) if side == HERE else (pair.remote, pair.local)
            if _came_meanwhile(known[mine], seen[yours], late) and not pairing.are_apart(entity, known[mine], records[yours]):
                here, there = _in_order(side, known[mine], records[yours])
                found[int(pair.local), pair.remote] = here, there, pair.by
        return found

    def _pairs_brought_to(self, sides, side, records):
        """Pairs whose record on this side was created by us, and whose other one has what these records have."""
        other, bindings = THERE if side == HERE else HERE, self.env['online.sync.binding']
        brought = [('flow_id', '=', self.id), ('created_in', '=', side)]        # also those of which ours was deleted since
        if not records or not bindings.search_count(brought, limit=1):
            return bindings
        keys = sides[other].find_equal(self.entity, self._in_words_of(other, list(pairing.searches(self._entity(), records))))
        name, values = ('res_id', [int(key) for key in keys]) if other == HERE else ('external_id', list(keys))
        return bindings.search([*brought, (name, 'in', values)])


class OnlineSyncAlike(models.Model):
    _inherit = 'online.sync.alike'

    is_double = fields.Boolean(help="The one of them is paired already, with one that looks the same.")


class OnlineSyncIssue(models.Model):
    _inherit = 'online.sync.issue'

    is_double = fields.Boolean(related='alike_id.is_double')

    @api.model
    def _raise_alike(self, alike, here, there, by):
        issue = super()._raise_alike(alike, here, there, by)
        if alike.is_double:
            issue.write({
                'summary': _("“%(here)s” here and “%(there)s” there seem to be the same document (equal: %(what)s). It was entered on both "
                             "sides at the same time, so one of them has it twice.", here=here, there=there,
                             what=', '.join(by).lower()),
                'blocks': _("The second one does not cross. Delete or cancel one of the two, or say that they are two different ones.")})
        return issue

    def action_is_same(self):
        if any(issue.is_double for issue in self):
            raise UserError(_("One of them is paired already. Delete or cancel the other one where it is there twice."))
        return super().action_is_same()


def _key(pair, side):
    return str(pair.res_id) if side == HERE else pair.external_id


def _in_order(side, own, other):
    """What is here and what is there, of this side's and the other one's."""
    return (own, other) if side == HERE else (other, own)


def _came_meanwhile(record, seen, late):
    """Whether a record was entered by somebody who could not see its twin yet, or hardly.

    :param seen: when the twin was there
    :param late: by how much the clock of the record's side is before ours
    """
    try:
        born = datetime.fromisoformat(record.born)
    except ValueError:      # that side does not say when its records were created
        return False
    return bool(seen) and (born if born.tzinfo is None else born.astimezone(timezone.utc).replace(tzinfo=None)) - late <= seen + MEANWHILE
