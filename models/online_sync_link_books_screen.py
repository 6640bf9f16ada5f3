"""What the card and the page of a connection to other books show, and the ways from there."""
from odoo import _, api, fields, models
from odoo.exceptions import UserError

from ..clients import errors


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    system = fields.Char(compute='_compute_system', help="Name and version of the system at the other end.")
    needs_pairing = fields.Boolean(compute='_compute_pairing', help="Records are to flow whose pairs nobody has confirmed yet.")
    can_run = fields.Boolean(compute='_compute_pairing', help="There is something to synchronize.")
    waiting_count = fields.Integer("Waiting", compute='_compute_book_counts')
    binding_count = fields.Integer("Synchronized records", compute='_compute_book_counts')

    @api.depends('kind', 'flow_ids.direction', 'flow_ids.pairs_confirmed')
    def _compute_pairing(self):
        for link in self:
            link.needs_pairing = any(flow.needs_pairing for flow in link.flow_ids)
            link.can_run = link.kind != 'books' or bool(link._working_flows())

    @api.depends('provider', 'peer_version')
    def _compute_system(self):
        for link in self:
            link.system = ' '.join(filter(None, [link.provider and link._provider().title, link.peer_version]))

    def _compute_book_counts(self):
        bound = dict(self.env['online.sync.binding']._read_group([('link_id', 'in', self.ids)], ['link_id'], ['__count']))
        waiting = dict(self.env['online.sync.change']._read_group(
            [('link_id', 'in', self.ids), ('state', 'not in', ('done', 'dropped'))], ['link_id'], ['__count']))
        for link in self:
            link.binding_count, link.waiting_count = bound.get(link, 0), waiting.get(link, 0)

    @api.depends('kind', 'flow_ids.direction', 'flow_ids.pairs_confirmed')
    def _compute_card(self):
        super()._compute_card()
        for link in self.filtered(lambda link: link.kind == 'books'):
            link.card = {**link.card, 'books': link._books_words(), 'left_out': 0, 'quiet': not link.needs_pairing and link.card['quiet'],
                         'via': ' · '.join(filter(None, [link.system, link.peer_currency]))}


    def _books_words(self):
        """Lines of the card: [(sentence, whether it is bad news)]"""
        if self.state == 'draft':
            return []
        conflicts = len(self.issue_ids.filtered(lambda issue: issue.kind == 'conflict'))
        flows = self.flow_ids.filtered(lambda flow: flow.direction != 'off')
        both = len(flows.filtered(lambda flow: flow.direction == 'both'))
        lines = [(_("%(flows)s kinds of records · %(both)s both ways", flows=len(flows), both=both), False)]
        if self.needs_pairing:
            lines.append((_("Pairs are to be confirmed before anything is written."), True))
        if self.binding_count:
            lines.append((_("1 record synchronized") if self.binding_count == 1 else
                          _("%s records synchronized", self.binding_count), False))
        if self.waiting_count:
            lines.append((_("%s waiting", self.waiting_count), False))
        if conflicts:
            lines.append((_("1 conflict") if conflicts == 1 else _("%s conflicts", conflicts), True))
        return [{'words': words, 'bad': bad} for words, bad in lines]

    def action_open_form(self):
        """This connection's page."""
        self.ensure_one()
        return {'type': 'ir.actions.act_window', 'name': self.name, 'res_model': self._name, 'res_id': self.id,
                'views': [(False, 'form')], 'target': 'current'}

    def action_pair(self):
        """Read both sides and show what may be the same; nothing is written."""
        self.ensure_one()
        self.check_access('write')
        if not self.flow_ids.filtered(lambda flow: flow.direction != 'off'):
            raise UserError(_("Nothing is to be synchronized yet. Turn an arrow first."))
        pairing = self.env['online.sync.pairing'].create({'link_id': self.id})
        try:
            self._check_rights()
            pairing._read()
        except errors.SyncError as error:
            raise UserError(error.message_at_once) from None
        return pairing._show()

    def action_open_pairs(self):
        """All pairs of this connection."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_binding')
        return {**action, 'domain': [('link_id', '=', self.id)], 'context': {'search_default_group_flow': 1}}

    def action_open_changes(self):
        """What waits, and what crossed."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_change')
        return {**action, 'domain': [('link_id', '=', self.id)], 'context': {'search_default_open': 1}}

    def _outcome_sentence(self, outcome):
        if self.kind != 'books' or outcome == 'busy':
            return super()._outcome_sentence(outcome)
        log = self.log_ids[:1]
        words = [_("1 new record") if log.created == 1 else _("%s new records", log.created), _("%s changed", log.updated)]
        if log.waiting:
            words.append(_("%s waiting", log.waiting))
        if log.failed:
            words.append(_("%s failed", log.failed))
        if log.state == 'running' or self.goes_on:
            words.append(_("the rest follows in the background"))
        return _("%(link)s: %(words)s.", link=self.name, words=', '.join(words))
