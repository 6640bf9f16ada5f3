"""What the person decides teaches, visibly: how often the engine would have been right, and rules that are offered, never made alone."""
from odoo import _, api, fields, models

from ..engine.learning import common_text
from .account_bank_statement_line_screen import OFFER_AFTER

#: Decided lines after which precision and coverage say something.
ENOUGH = 50


class OnlineSyncMatch(models.Model):
    _inherit = 'online.sync.match'

    verdict = fields.Selection(
        [('same', "As proposed"), ('other', "Otherwise")], readonly=True,
        help="What the person decided of a line for which the engine was certain.")

    def _verdict_of(self, items):
        """What a decision for these journal items says of the certain one among these proposals, False when there is none."""
        certain = self.filtered('is_certain')[:1]
        if not certain:
            return False
        return 'same' if certain.item_ids == items and not certain.pair_id and not certain.rule_id else 'other'

    @api.model
    def _note_decided_elsewhere(self, journal):
        """Lines with a proposal that somebody reconciled on another screen: note what they became, as decided by hand."""
        decided = self.sudo().search([
            ('journal_id', '=', journal.id), ('state', '=', 'proposed'), ('statement_line_id.is_reconciled', '=', True)])
        for match in decided.filtered('is_certain'):
            own = match.statement_line_id.move_id.line_ids
            partials = own.matched_debit_ids | own.matched_credit_ids
            items = (partials.debit_move_id | partials.credit_move_id) - own
            match.write({'state': 'applied', 'how': 'hand', 'verdict': match._verdict_of(items), 'applied_at': fields.Datetime.now(),
                         'item_ids': [(6, 0, items.ids)], 'partner_before_id': match.statement_line_id.partner_id.id})
        (decided - decided.filtered('is_certain')).unlink()

    @api.model
    def _open_broken(self, journal):
        """Open again the lines whose document was set back to draft or deleted since: they would count as matched and pay nothing.

        Not a person's word against the match: it is made again when the document is posted again. A document that is still posted was
        opened by a person, who made the line a payment on account.
        """
        if not journal:
            return
        applied = self.search([
            ('journal_id', '=', journal.id), ('state', '=', 'applied'), ('item_ids.parent_state', '!=', 'posted'),
            ('statement_line_id.move_id.inalterable_hash', '=', False)])
        for match in applied:
            line = match.statement_line_id
            gone = match.item_ids.filtered(lambda item: item.parent_state != 'posted' and not item.reconciled)
            if match.state != 'applied' or not gone or line.company_id._get_violated_lock_dates(line.date, False, journal):
                continue
            with self.env.cr.savepoint():
                line.move_id.message_post(body=_("Opened again, for what it was matched with is no longer posted: %s", match.sentence))
                line.action_undo_reconciliation()
                match.sudo().how = False

    def _offer_rule(self):
        """A rule for what the person wrote off in the same way before, None when there is nothing to offer.

        :returns: {text, account, times, action}: the action opens a new reconciliation model for the person to save
        """
        account, label = self.write_off_account_id, self.statement_line_id.payment_ref or ''
        if not account or self.item_ids:
            return None
        earlier = self.search([
            ('journal_id', '=', self.journal_id.id), ('state', '=', 'applied'), ('how', '=', 'hand'), ('id', '!=', self.id),
            ('write_off_account_id', '=', account.id), ('item_ids', '=', False)], limit=50)
        texts = [text for one in earlier if (text := common_text(label, one.statement_line_id.payment_ref or ''))]
        if len(texts) + 1 < OFFER_AFTER:
            return None
        text = max(texts, key=len)
        if self.env['account.reconcile.model'].search_count([
                ('match_label_param', '=ilike', text), ('company_id', '=', self.company_id.id)]):
            return None
        return {'text': text, 'account': account.display_name, 'times': len(texts) + 1, 'action': self._rule_action(text)}

    def _rule_action(self, text):
        """The form of a new reconciliation model, filled in."""
        kind = {f'default_{name}': value for name, value in self.env['account.reconcile.model']._online_sync_kind_of_rule().items()}
        line = {'account_id': self.write_off_account_id.id, 'amount_type': 'percentage', 'amount_string': '100', 'label': text,
                'tax_ids': [(6, 0, self.write_off_tax_ids.ids)]}
        return {
            'type': 'ir.actions.act_window', 'name': _("New rule"), 'res_model': 'account.reconcile.model', 'views': [(False, 'form')],
            'target': 'new', 'context': {
                **kind, 'default_name': text, 'default_match_label': 'contains', 'default_match_label_param': text,
                'default_match_journal_ids': [(6, 0, self.journal_id.ids)], 'default_line_ids': [(0, 0, line)]},
        }


class AccountJournal(models.Model):
    _inherit = 'account.journal'

    online_sync_decided = fields.Integer("Decided by a person", compute='_compute_online_sync_measured')
    online_sync_precision = fields.Float("Would have been right", compute='_compute_online_sync_measured', digits=(5, 4))
    online_sync_coverage = fields.Float("Would have been matched", compute='_compute_online_sync_measured', digits=(5, 4))
    online_sync_is_measured = fields.Boolean(compute='_compute_online_sync_measured')

    def _compute_online_sync_measured(self):
        """Of the lines that a person decided: how many the engine was certain about, and of those how many it would have had right."""
        counts = {(journal, verdict): count for journal, verdict, count in self.env['online.sync.match']._read_group(
            [('journal_id', 'in', self.ids), ('state', '=', 'applied'), ('how', 'in', ('accepted', 'hand'))],
            ['journal_id', 'verdict'], ['__count'])}
        for journal in self:
            same, other, none = (counts.get((journal, verdict), 0) for verdict in ('same', 'other', False))
            journal.online_sync_decided = same + other + none
            journal.online_sync_is_measured = journal.online_sync_decided >= ENOUGH
            journal.online_sync_precision = same / (same + other) if same + other else 0
            journal.online_sync_coverage = (same + other) / journal.online_sync_decided if journal.online_sync_decided else 0
