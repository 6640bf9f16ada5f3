from odoo import _, api, fields, models

from ..clients.books import CANCELLED
from ..engine.plan import HERE, THERE
from .compat import HAS_CONSTRAINT


class OnlineSyncAlike(models.Model):
    """Two records that are no pair and look like one: a person is asked, or has said that they are two."""

    _name = 'online.sync.alike'
    _description = "Records That May Be the Same"

    flow_id = fields.Many2one('online.sync.flow', string="Records", required=True, ondelete='cascade', index=True)
    company_id = fields.Many2one(related='flow_id.company_id', store=True, precompute=True, index=True)
    res_id = fields.Integer("Record here", required=True)
    external_id = fields.Char("Record there", required=True)
    is_apart = fields.Boolean(help="A person said that they are two.")
    missed_at = fields.Datetime(help="Since when the record there is not seen.")

    if HAS_CONSTRAINT:
        _pair_uniq = models.Constraint('UNIQUE(flow_id, res_id, external_id)', "These two records are known to look alike.")
    else:
        _sql_constraints = [('pair_uniq', 'UNIQUE(flow_id, res_id, external_id)', "These two records are known to look alike.")]

    @api.model
    def _about(self, flow, res_ids, external_ids):
        """What is known of these records."""
        return self.search([('flow_id', '=', flow.id), '|', ('res_id', 'in', list(res_ids)), ('external_id', 'in', list(external_ids))])

    @api.model
    def _keep_apart(self, flow, pairs):
        """Remember that these are not the same.

        :param pairs: {(id here, key there)}
        """
        known = self._about(flow, [pair[0] for pair in pairs], [pair[1] for pair in pairs])
        asked = known.filtered(lambda one: (one.res_id, one.external_id) in pairs)
        asked.is_apart = True
        missing = pairs - {(one.res_id, one.external_id) for one in asked}
        self.create([{'flow_id': flow.id, 'res_id': pair[0], 'external_id': pair[1], 'is_apart': True} for pair in sorted(missing)])
        asked._settle()

    def _settle(self):
        """Nothing is asked any more: the records are looked at again."""
        if not self:
            return
        self.env['online.sync.issue'].search([('alike_id', 'in', self.ids), ('state', '=', 'open')])._close_settled()
        for flow in self.flow_id:
            own = self.filtered(lambda one, flow=flow: one.flow_id == flow)
            self.env['online.sync.change'].search([
                ('flow_id', '=', flow.id), ('state', '=', 'blocked'), '|', ('res_id', 'in', own.mapped('res_id')),
                ('external_id', 'in', own.mapped('external_id'))]).write({'state': 'pending', 'why': False})


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    def _settle_alike(self, sides, log):
        """What was asked about and is no longer there is asked about no longer. Returns whether there was any.

        Who is not seen there may be out of our user's sight: only when the one that waits is there itself, one look is enough.
        """
        asked = self.env['online.sync.alike'].search([('flow_id', '=', self.id), ('is_apart', '=', False)])
        if not asked:
            return False
        hidden, day = {HERE: {}, THERE: {}}, fields.Datetime.subtract(fields.Datetime.now(), days=1)
        there = sides[THERE].read_records(self.entity, asked.mapped('external_id'), (), hidden[THERE])
        here = sides[HERE].read_records(self.entity, map(str, asked.mapped('res_id')), (), hidden[HERE])
        pairs = self.env['online.sync.binding'].search([
            ('flow_id', '=', self.id), ('gone', '=', False), '|', ('res_id', 'in', asked.mapped('res_id')),
            ('external_id', 'in', asked.mapped('external_id'))])
        ours, theirs = set(pairs.mapped('res_id')), set(pairs.mapped('external_id'))
        missing = asked.filtered(lambda one: one.external_id not in there and one.external_id not in hidden[THERE])
        (asked - missing).filtered('missed_at').missed_at = False
        missing.filtered(lambda one: not one.missed_at).missed_at = fields.Datetime.now()
        lost = missing.filtered(lambda one: one.missed_at < day or one.is_double and one.res_id in ours)
        lost |= asked.filtered(lambda one: str(one.res_id) not in here and str(one.res_id) not in hidden[HERE])
        lost |= asked.filtered(lambda one: one.is_double and CANCELLED in _states(here, there, one))
        halves = (asked - lost - missing).filtered(lambda one: one.is_double and one.res_id not in ours and one.external_id not in theirs)
        lost._settle()
        lost.unlink()
        for one in halves:      # the one that was paired was deleted: the other one takes its place
            self._bind_one(one.res_id, one.external_id)
        return bool(lost or halves)


def _states(here, there, alike):
    """States of the two records, as far as they are seen."""
    return {records[key].state for records, key in ((here, str(alike.res_id)), (there, alike.external_id)) if key in records}


class OnlineSyncIssue(models.Model):
    _inherit = 'online.sync.issue'

    kind = fields.Selection(selection_add=[('alike', "May be the same")], ondelete={'alike': 'cascade'})
    alike_id = fields.Many2one('online.sync.alike', ondelete='set null', index='btree_not_null')

    @api.model
    def _raise_alike(self, alike, here, there, by):
        """
        :param by: titles of the fields that are equal
        """
        flow = alike.flow_id
        return self._raise(
            flow.link_id, 'alike', alike.id, flow_id=flow.id, alike_id=alike.id,
            summary=_("“%(here)s” here and “%(there)s” there may be the same (equal: %(what)s).", here=here, there=there,
                      what=', '.join(by).lower()),
            blocks=_("Neither crosses until you say, so that nothing is there twice; nor does what needs them."))

    def _about(self):
        alike = self.alike_id
        return alike and alike.flow_id._model().browse(alike.res_id).exists() or super()._about()

    def action_is_same(self):
        """From now on they are a pair."""
        for issue in self:
            issue = issue._open('alike')
            alike = issue.alike_id
            issue._close(_("The same"))
            issue.flow_id._bind_one(alike.res_id, alike.external_id)
            issue.link_id._wake()
        return self._goes_on()

    def action_is_other(self):
        """They are two: each is created on the other side as well."""
        for issue in self:
            issue = issue._open('alike')
            alike = issue.alike_id
            issue._close(_("Two different ones"))
            alike._keep_apart(issue.flow_id, {(alike.res_id, alike.external_id)})
            issue.link_id._wake()
        return self._goes_on()
