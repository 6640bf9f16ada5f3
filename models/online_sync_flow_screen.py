"""What the screens show and do with flows: what is only paired so far, what stands in the way of a field, many fields at once."""
from odoo import _, api, fields, models
from odoo.exceptions import UserError

from ..clients.odoo_models import model_of
from ..engine import entities
from ..engine.plan import HERE, THERE

#: What a connection begins with; all else is off until somebody turns it on.
FIRST = ('account', 'tax', 'journal', 'payment_term', 'partner', 'product', 'invoice', 'payment', 'entry', 'allocation')


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    fields_checked_at = fields.Datetime(readonly=True, copy=False, help="When the fields of both sides were compared last.")
    needs_pairing = fields.Boolean(compute='_compute_needs_pairing')
    is_document = fields.Boolean(compute='_compute_shape')
    has_journal = fields.Boolean(compute='_compute_shape')
    res_model = fields.Char("Model", compute='_compute_shape')

    @api.depends('direction', 'pairs_confirmed')
    def _compute_needs_pairing(self):
        for flow in self:
            flow.needs_pairing = flow.direction != 'off' and not flow.pairs_confirmed

    @api.depends('entity')
    def _compute_shape(self):
        for flow in self:
            flow.is_document = bool(flow.entity) and flow._entity().is_document
            flow.has_journal = bool(flow.entity) and any(field.name == 'journal' for field in flow._entity().fields)
            flow.res_model = flow.entity and model_of(flow.entity)

    def write(self, vals):
        """What was off is paired again before it goes on, and looked through from the beginning."""
        if vals.get('direction') == 'off':
            vals = {**vals, 'pairs_confirmed': False}
        is_sending = vals.get('direction') in ('both', 'push')
        silent = self.filtered(lambda flow: flow.direction in ('off', 'pull')) if is_sending else self.browse()
        result = super().write(vals)
        if silent:
            silent.sudo()._begin_sending()      # nobody may write pairs but the synchronization
        return result

    @api.model
    def _switch_on_first(self, link):
        """What most people want, when nothing was chosen yet: the documents, and what they need only paired."""
        if all(flow.direction == 'off' for flow in link.flow_ids):
            link.flow_ids.filtered(lambda flow: flow.entity in FIRST).write({'direction': 'both'})

    def _check_fields(self, sides):
        """Say for each field why it cannot flow as things are."""
        for flow in self:
            here, there = sides[HERE].describe(flow.entity), sides[THERE].describe(flow.entity)
            for field in flow.field_ids:
                field._note_problem(here.get(field.name), there.get(field.name))
        self.fields_checked_at = fields.Datetime.now()

    def _check_fields_daily(self, sides, log):
        """An upgrade of either side may have taken fields away, or made others of them. Returns that there is no more to do."""
        if self.fields_checked_at and self.fields_checked_at > fields.Datetime.subtract(fields.Datetime.now(), days=1):
            return False
        before = self.field_ids.filtered('problem') if self.fields_checked_at else self.field_ids
        self._check_fields(sides)
        new = self.field_ids.filtered('problem') - before
        if new:
            said = _("%(flow)s: these fields can no longer be synchronized: %(names)s.", flow=self.name, names='; '.join(
                f'{field.title} ({field.problem})' for field in new))
            log._say(said)
            self.link_id.sudo().message_post(body=said)
        return False

    def action_open_pairs(self):
        """The pairs of this kind of record, each with its address there."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_binding')
        return {**action, 'domain': [('flow_id', '=', self.id)], 'context': {'of_one_flow': True}, 'display_name': self.name}

    def action_open_changes(self):
        """What waits to cross, and what could not."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_change')
        return {**action, 'domain': [('flow_id', '=', self.id)],
                'context': {'of_one_flow': True, 'search_default_open': 1}, 'display_name': self.name}


class OnlineSyncFlowField(models.Model):
    _inherit = 'online.sync.flow.field'

    is_nowhere = fields.Boolean(readonly=True, help="Neither side has such a field.")
    is_unlike = fields.Boolean(readonly=True, help="Its values are of another kind there, so that it does not flow.")
    part = fields.Char(compute='_compute_part', store=True, help="The record itself, or the list whose lines have the field.")
    kind_name = fields.Char("Kind of value", compute='_compute_kind_name')

    @api.depends('name', 'flow_id')
    def _compute_part(self):
        for field in self:
            head, slash, _rest = (field.name or '').partition('/')
            field.part = field.flow_id._entity().field(head).title if slash else _("Header")

    @api.depends('kind')
    def _compute_kind_name(self):
        kinds = self._kind_names()
        for field in self:
            field.kind_name = kinds.get(field.kind, field.kind)

    @api.model
    def _kind_names(self):
        return {
            entities.TEXT: _("Text"), entities.HTML: _("Formatted text"), entities.BOOL: _("Yes or no"), entities.NUMBER: _("Number"),
            entities.MONEY: _("Amount"), entities.DATE: _("Date"), entities.INSTANT: _("Date and time"), entities.CHOICE: _("Choice"),
            entities.CODE: _("Code"), entities.REF: _("Another record"), entities.REFS: _("Other records"), entities.LINES: _("Lines"),
            entities.FILE: _("File"),
        }

    def _note_problem(self, here, there):
        """
        :param here, there: clients.books.FieldInfo, None where the side says nothing of such a field
        """
        kinds = [one.kind for one in (here, there) if one]
        told = {'is_nowhere': bool(kinds) and not any(kinds), 'is_unlike': all(kinds) and len({*kinds}) > 1}
        told['problem'] = '' if told['is_nowhere'] else self._problem(here, there)
        if any((self[name] or '') != (value or '') for name, value in told.items()):
            self.write(told)

    def _problem(self, here, there):
        """A sentence, '' for none.

        :param here, there: clients.books.FieldInfo, None where the side says nothing of such a field
        """
        if not here and not there:
            return ''       # a list: its lines have the fields
        if self._declared().in_books and self.link_id._has_other_currency():
            return _("The books there are kept in %s: each side has its own rates.", self.link_id.peer_currency)
        if not here or not here.kind:
            return _("This Odoo has no such field.")
        if not there or not there.kind:
            return _("The other side has no such field.")
        return _("Another kind of value there.") if here.kind != there.kind else ''

    def _declared(self):
        """engine.entities.Field"""
        head, _slash, rest = self.name.partition('/')
        field = self.flow_id._entity().field(head)
        return next(one for one in field.lines if one.name == rest) if rest else field

    def _turn(self, direction):
        free = self.filtered(lambda field: not field.is_check)
        if not free:
            raise UserError(_("Both sides compute these fields; they are compared and never written."))
        free.write({'direction': direction})

    def action_both(self):
        """Both ways."""
        self._turn('both')

    def action_pull(self):
        """Only from there to here."""
        self._turn('pull')

    def action_push(self):
        """Only from here to there."""
        self._turn('push')

    def action_off(self):
        """Not synchronized."""
        self._turn('off')
