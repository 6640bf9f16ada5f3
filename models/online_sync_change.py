import json
from datetime import timedelta

from odoo import _, api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ..engine.entities import STATE

#: When what was refused is tried again by itself: first and at the latest.
FIRST_RETRY, LAST_RETRY = timedelta(minutes=10), timedelta(days=1)


class OnlineSyncChange(models.Model):
    """Something that changed on one side and is not at the other yet, or why it is not; once it is, what crossed."""

    _name = 'online.sync.change'
    _description = "Synchronized Change"
    _order = 'id desc'
    _rec_name = 'title'
    _log_access = True

    flow_id = fields.Many2one('online.sync.flow', string="Records", required=True, ondelete='cascade', index=True)
    link_id = fields.Many2one(related='flow_id.link_id', store=True, precompute=True)
    company_id = fields.Many2one(related='flow_id.company_id', store=True, precompute=True)
    origin = fields.Selection([('here', "Changed here"), ('there', "Changed there")], required=True, default='here')
    res_id = fields.Integer("Record here")
    external_id = fields.Char("Record there")
    title = fields.Char()
    what = fields.Char("Which record", compute='_compute_what')
    state = fields.Selection(
        [('pending', "To do"), ('blocked', "Waits for another record"), ('failed', "Refused"), ('done', "Done"), ('dropped', "Skipped")],
        required=True, default='pending', index=True)
    attempts = fields.Integer(readonly=True)
    retry_at = fields.Datetime("Next try", readonly=True, help="When what was refused is tried again by itself.")
    needs = fields.Json(readonly=True, help="References that the other side does not know yet: [entity, key].")
    why = fields.Char(readonly=True)
    remote_version = fields.Char(readonly=True, help="What the record there was when it was looked at.")
    skipped_with_id = fields.Many2one(
        'online.sync.change', "Skipped with", readonly=True, ondelete='set null', index='btree_not_null',
        help="What this record needs was skipped.")
    crossed = fields.Json(readonly=True, help="What crossed: {'here' or 'there': names of fields}.")
    crossed_words = fields.Char("What crossed", compute='_compute_crossed_words')
    done_at = fields.Datetime("Done", readonly=True)
    is_final = fields.Boolean(readonly=True, help="Trying again leaves traces: only a person does.")

    def init(self):
        super().init()
        self.env.cr.execute("""CREATE INDEX IF NOT EXISTS online_sync_change_open_idx ON online_sync_change (flow_id, state, id)
                                WHERE state NOT IN ('done', 'dropped')""")

    @api.depends('crossed')
    def _compute_crossed_words(self):
        """Which fields went which way, by the names that the fields' list gives them."""
        sides = {'here': _("here"), 'there': _("there")}
        for flow in self.flow_id:
            titles = {**{field.name: field.title for field in flow._entity().fields}, STATE: _("State")}
            for change in self.filtered(lambda change, flow=flow: change.flow_id == flow):
                change.crossed_words = '; '.join(
                    f"{sides.get(side, side)}: {', '.join(titles.get(name, name) for name in names)}"
                    for side, names in (change.crossed or {}).items() if names) or False

    @api.depends('title', 'res_id')
    def _compute_what(self):
        """What was noted only has no title yet: the record's own name."""
        names = {}
        for flow in self.filtered(lambda change: not change.title and change.res_id).flow_id.filtered(lambda flow: flow._has_model()):
            ids = self.filtered(lambda change, flow=flow: change.flow_id == flow and not change.title).mapped('res_id')
            records = flow._model().with_context(active_test=False).search([('id', 'in', ids)])
            names.update({(flow.id, record.id): record.display_name for record in records})
        for change in self:
            change.what = change.title or names.get((change.flow_id.id, change.res_id)) or _("(gone)")

    def action_open_here(self):
        """The record of this database."""
        self.ensure_one()
        return {'type': 'ir.actions.act_window', 'res_model': self.flow_id._model()._name, 'res_id': self.res_id,
                'views': [(False, 'form')]}

    def action_open_there(self):
        """The record of the other side, in a new tab."""
        self.ensure_one()
        return {'type': 'ir.actions.act_url', 'url': self.link_id._address_of(self.flow_id.entity, self.external_id), 'target': 'new'}

    @api.model
    def _domain_due(self):
        """What is to be sent now: what is new, what may go on, and what was refused and is tried again."""
        return ['|', ('state', '=', 'pending'), '&', '&', ('state', '=', 'failed'), ('is_final', '=', False),
                ('retry_at', '<=', fields.Datetime.now())]

    def _is_due(self):
        return self.state == 'pending' or self.state == 'failed' and not self.is_final and bool(self.retry_at) and (
            self.retry_at <= fields.Datetime.now())

    def _next_try(self):
        """When a change that was refused is tried again: soon, then ever later, for most refusals are settled by a person."""
        attempts = max(self.mapped('attempts'), default=0)
        return fields.Datetime.now() + min(FIRST_RETRY * 2 ** min(attempts, 10), LAST_RETRY)

    def action_retry(self):
        """Try again at once."""
        changes = self._decided()
        changes._with_skipped().filtered(lambda change: change.state in ('failed', 'blocked', 'dropped')).write({
            'state': 'pending', 'why': False, 'skipped_with_id': False})
        changes.link_id._wake()

    def _with_skipped(self):
        """These, and what was skipped along with them."""
        found, new = self, self
        while new:
            new = self.search([('skipped_with_id', 'in', new.ids), ('state', '=', 'dropped')]) - found
            found |= new
        return found

    def action_skip(self):
        """Leave the record as it is until it changes again, and with it what waits for it."""
        changes = self._decided().filtered(lambda change: change.state in ('failed', 'blocked', 'pending'))
        changes.write({'state': 'dropped'})
        self.env['online.sync.issue'].sudo()._settle_rejected(changes)
        for change in changes:
            waiting = change._waiting()
            waiting.write({'skipped_with_id': change.id, 'why': _("Skipped with %s", change.title or change.flow_id.name)})
            waiting.action_skip()

    def _waiting(self):
        """The changes that wait for the record of this one."""
        entity, found = self.flow_id.entity, self.browse()
        for needed in (self.res_id and f'here:{self.res_id}', self.external_id and f'there:{self.external_id}'):
            if needed:
                found |= self._that_need(self.link_id, [[entity, needed]])
        return found - self

    @api.model
    def _that_need(self, links, refs):
        """The blocked changes that need one of these records.

        :param refs: [[entity, 'here:KEY' or 'there:KEY'], …]
        """
        self.flush_model(['link_id', 'state', 'needs'])
        self.env.cr.execute(SQL(
            """SELECT change.id FROM online_sync_change change
                WHERE change.state = 'blocked' AND change.link_id IN %s
                  AND EXISTS (SELECT 1 FROM jsonb_array_elements(change.needs) need WHERE need = ANY(%s::jsonb[]))""",
            tuple(links.ids) or (0,), [json.dumps(ref) for ref in refs]))
        return self.browse(id_ for id_, in self.env.cr.fetchall())

    def _decided(self):
        """The changes in superuser mode, for nobody may write them but through the buttons of an accountant."""
        self.check_access('read')
        if not self.env.user.has_group('account.group_account_basic'):
            raise AccessError(_("Ask an accountant: you may not decide what is synchronized."))
        return self.sudo()

    @api.autovacuum
    def _gc_done(self):
        """What crossed is kept for half a year, what came to nothing for a week. What somebody skipped is kept: else it would be new one
        day.
        """
        for days, more in ((180, []), (7, [('crossed', '=', False)])):
            limit = fields.Datetime.subtract(fields.Datetime.now(), days=days)
            self.search([('state', '=', 'done'), ('write_date', '<', limit), *more], limit=100000).unlink()

    @api.autovacuum
    def _gc_pending(self):
        """A connection that cannot run notes each edit: the last one of a record is enough."""
        self.flush_model(['flow_id', 'res_id', 'state'])
        self.env.cr.execute(
            """DELETE FROM online_sync_change WHERE id IN (
                   SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY flow_id, res_id ORDER BY id DESC) place
                                     FROM online_sync_change WHERE state = 'pending' AND res_id > 0) noted WHERE place > 1)""")
