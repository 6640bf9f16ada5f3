import json

from odoo import api, fields, models

from ..clients.books import Ref
from ..engine.merge_rules import Base
from ..engine.values import from_json, to_json
from .compat import HAS_CONSTRAINT


def _seen(local, remote):
    return json.loads(json.dumps(to_json({'local': local, 'remote': remote})))


class OnlineSyncBinding(models.Model):
    """This record is that record, and what both sides last agreed on."""

    _name = 'online.sync.binding'
    _description = "Synchronized Pair"
    _order = 'id desc'
    _rec_name = 'title'

    flow_id = fields.Many2one('online.sync.flow', string="Records", required=True, ondelete='cascade', index=True)
    link_id = fields.Many2one(related='flow_id.link_id', store=True, precompute=True, index=True)
    company_id = fields.Many2one(related='flow_id.company_id', store=True, precompute=True, index=True)
    entity = fields.Char(related='flow_id.entity', store=True, precompute=True)
    res_id = fields.Many2oneReference("Record here", model_field='res_model', required=True, index=True)
    res_model = fields.Char(required=True)
    external_id = fields.Char("Record there", required=True)
    title = fields.Char("Record")
    base_local = fields.Json(readonly=True)
    base_remote = fields.Json(readonly=True)
    remote_version = fields.Char(readonly=True)
    remote_born = fields.Char(readonly=True, help="When the record there was created: another one for the same key is another record.")
    local_version = fields.Char(readonly=True, help="What the record here was when both were looked at last; empty where it was too fresh.")
    seen_pass = fields.Integer(readonly=True, help="The last complete list that showed it there.")
    missed = fields.Integer(readonly=True, help="Complete reads in a row that did not show it there.")
    gone = fields.Selection([('here', "Deleted here"), ('there', "Deleted there")], readonly=True)
    tied_ids = fields.Many2many(
        'online.sync.binding', 'online_sync_binding_tie', 'tie_id', 'document_id', string="Documents", readonly=True,
        help="What belongs together by this record.")
    merged_into_id = fields.Many2one(
        'online.sync.binding', readonly=True, ondelete='set null', index='btree_not_null',
        help="The record was merged into that one, here or there. What points to it on the other side means that one too.")
    is_doubtful = fields.Boolean(
        readonly=True, help="Both sides have new lines since a run broke off, and one may be the other: they are asked about.")
    decided = fields.Json(readonly=True, help="What a person decided and what is not written yet: {field: {'side': side, 'seen': values}}.")
    last_sync = fields.Datetime("Last synchronized", readonly=True)

    if HAS_CONSTRAINT:
        _here_uniq = models.Constraint('UNIQUE(flow_id, res_id)', "The record is paired already.")
        _there_uniq = models.Constraint('UNIQUE(flow_id, external_id)', "The record of the other side is paired already.")
    else:
        _sql_constraints = [
            ('here_uniq', 'UNIQUE(flow_id, res_id)', "The record is paired already."),
            ('there_uniq', 'UNIQUE(flow_id, external_id)', "The record of the other side is paired already.")]

    def _base(self):
        """engine.merge_rules.Base, None while nothing was agreed on."""
        return None if self.base_local is None and self.base_remote is None or self.base_local is False else Base(
            from_json(self.base_local), from_json(self.base_remote))

    def _decide(self, choices, conflicts):
        """Keep what a person decided, with the values that it was about.

        :param choices: {name: 'local' or 'remote'}
        :param conflicts: [{name, local, remote}]
        """
        seen = {one['name']: _seen(one['local'], one['remote']) for one in conflicts}
        self.decided = {**(self.decided or {}), **{name: {'side': side, 'seen': seen.get(name)} for name, side in choices.items()}}

    def _decisions(self, conflicts):
        """{name: side} of what a person decided and what is still about the same values: what was typed since nobody decided on.

        :param conflicts: engine.merge_rules.Conflict as they are now
        """
        now = {one.name: _seen(one.local, one.remote) for one in conflicts} if self.decided else {}
        return {name: one['side'] for name, one in (self.decided or {}).items()
                if name in now and one['seen'] and now[name] == self._as_known_now(one['seen'])}

    def _as_known_now(self, seen):
        """What was seen, with those that only one side had and that are pairs by now as such."""
        values = from_json(seen)
        return _seen(**self.flow_id._as_known_now(values))

    def _renew(self, values):
        """One of the two is another record from now on, and nothing is agreed on.

        :param values: with its `res_id` or `external_id`
        """
        self.write({'base_local': False, 'base_remote': False, 'gone': False, 'missed': 0, **values})

    @api.model
    def _note_merged(self, records, target):
        """Records of this database became one. The partners there stay two, and both mean the one here.

        :param records: those that are gone
        """
        for binding in self.search([('res_model', '=', target._name), ('res_id', 'in', records.ids)]):
            kept = self.search([('flow_id', '=', binding.flow_id.id), ('res_id', '=', target.id)])
            if not kept:
                binding.res_id = target.id
                continue
            kept = kept.merged_into_id or kept
            self.search([('merged_into_id', '=', binding.id)]).merged_into_id = kept
            binding.merged_into_id = kept

    def _store(self, base, local, remote):
        """Keep what both sides agree on now.

        What a person decided is used up, also where it was refused: it was about these values, and others are asked about again.

        :param local, remote: the records of both sides, as they were read last
        """
        self.write({
            'seen_pass': self.flow_id.listing_pass,
            'base_local': to_json(base.local), 'base_remote': to_json(base.remote),
            'remote_version': remote.version, 'remote_born': remote.born or False, 'local_version': local.version,
            'title': remote.title, 'missed': 0, 'gone': False, 'decided': False, 'last_sync': fields.Datetime.now()})
        if self.flow_id._entity().is_tie:
            names = self.flow_id._entity().tied_names()
            documents = [value for name, value in base.local.items() if name in names and isinstance(value, Ref)]
            self.tied_ids = self.browse({int(ref.key[1:]) for ref in documents if ref.key.startswith('#')}).exists()
