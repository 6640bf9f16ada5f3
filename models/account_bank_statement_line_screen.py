"""What the Bank Matching screen asks and does. Values for the screen are plain dictionaries: amounts as numbers and in words."""
import re

from odoo import Command, _, api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_amount, format_date

from ..engine import evidence

#: Lines that the screen loads at once, and candidates that it shows.
MOST_LINES, MOST_CANDIDATES = 200, 30
#: Lines that `Look again` takes on at once.
MOST_LOOKED_AT = 2000
#: Equal decisions of a person after which a rule is offered.
OFFER_AFTER = 2


class AccountBankStatementLine(models.Model):
    _inherit = 'account.bank.statement.line'

    # -- what the screen shows ------------------------------------------------------------------------------------------------

    @api.model
    def online_sync_screen(self, journal_id=False):
        """The open lines of a journal, newest first, with their proposals.

        :returns: {journals, journal, lines, open, decided}
        """
        journals = self.env['account.journal'].search(
            [('type', 'in', ('bank', 'cash', 'credit')), ('company_id', 'in', self.env.companies.ids)])
        journal = journals.filtered(lambda one: one.id == journal_id) or journals.sorted(lambda one: one.type == 'cash')[:1]
        self.env['online.sync.match']._note_decided_elsewhere(journal)
        domain = [('journal_id', '=', journal.id), ('is_reconciled', '=', False), ('state', '=', 'posted')]
        lines = self.search(domain, limit=MOST_LINES)
        return {
            'journals': [{'id': one.id, 'name': one.display_name} for one in journals], 'journal': journal.id,
            'mode': journal.online_sync_matching, 'lines': lines._online_sync_screen_lines(),
            'open': self.search_count(domain), 'may_decide': self.env.user.has_group('account.group_account_basic'),
        }

    def _online_sync_screen_lines(self):
        """The lines for the screen; their proposals are read together."""
        matches = self.env['online.sync.match'].search([('statement_line_id', 'in', self.ids), ('state', '=', 'proposed')])
        by_line = {match.statement_line_id: match for match in reversed(matches)}
        return [line._online_sync_screen_line(by_line.get(line)) for line in self]

    def _online_sync_screen_line(self, match=None):
        """One line for the screen.

        :param match: its proposal
        """
        suspense = self._seek_for_lines()[1]
        left = -sum(suspense.mapped('amount_currency'))
        currency = suspense[:1].currency_id or self.currency_id
        return {
            'id': self.id, 'date': format_date(self.env, self.date), 'text': self.payment_ref or '', 'amount': left,
            'amount_words': format_amount(self.env, left, currency), 'currency': currency.id, 'digits': currency.decimal_places,
            'whole_words': '' if currency.compare_amounts(abs(left), abs(self.amount_currency or self.amount)) == 0 else
            format_amount(self.env, self.amount, self.currency_id),
            'partner': self.partner_id.display_name or self.partner_name or '', 'account': self.account_number or '',
            'match': match._screen_match() if match else None,
        }

    def online_sync_candidates(self, search=''):
        """Open items that the line may pay: the proposed ones, the partner's, those of its amount; or what a text finds.

        :param search: part of a number or of a name, or an amount
        :returns: [{id, name, partner, due, amount, amount_words, proposed}], the likeliest first
        """
        self.ensure_one()
        self.check_access('read')
        items, base = self.env['account.move.line'], self._online_sync_candidate_domain()
        match = self.online_sync_match_ids.filtered(lambda one: one.state == 'proposed')[:1]
        proposed = match.item_ids | match.runner_up_id
        if search:
            found = items.search(base + self._online_sync_search_domain(search), limit=MOST_CANDIDATES, order='date_maturity, id')
        else:
            found = proposed.filtered(lambda item: not item.reconciled)
            partner = (self.partner_id or proposed[:1].partner_id).commercial_partner_id
            if partner:
                found |= items.search([*base, ('partner_id', 'child_of', partner.id)], limit=MOST_CANDIDATES, order='date_maturity, id')
            found |= items.search([*base, ('amount_residual_currency', '=', self.amount)], limit=MOST_CANDIDATES, order='date_maturity, id')
            found |= items.search([*base, ('amount_residual', '>' if self.amount > 0 else '<', 0)], limit=max(
                MOST_CANDIDATES - len(found), 0) or 1, order='date_maturity desc, id desc')
        return [self._online_sync_candidate(item, match) for item in found[:MOST_CANDIDATES]]

    def _online_sync_candidate_domain(self):
        outstanding = self._online_sync_outstanding_accounts(self.company_id)
        return [
            ('company_id', '=', self.company_id.id), ('parent_state', '=', 'posted'), ('reconciled', '=', False),
            ('statement_line_id', '=', False), ('amount_residual_currency', '!=', 0), '|', ('account_id', 'in', outstanding),
            '&', ('account_id.account_type', 'in', ('asset_receivable', 'liability_payable')), ('account_id.reconcile', '=', True),
        ]

    @staticmethod
    def _online_sync_search_domain(search):
        domain = ['|', '|', '|', ('move_name', 'ilike', search), ('ref', 'ilike', search), ('partner_id.name', 'ilike', search),
                  ('move_id.payment_reference', 'ilike', search)]
        number = re.sub(r'[^\d.,-]', '', search).replace(',', '.')
        try:
            amount = float(number) if number.count('.') <= 1 else None
        except ValueError:
            amount = None
        if amount is not None:
            domain = ['|', '|', ('amount_residual_currency', '=', amount), ('amount_residual_currency', '=', -amount), *domain]
        return domain

    def _online_sync_candidate(self, item, match):
        currency = self._seek_for_lines()[1][:1].currency_id or self.currency_id
        return {
            'id': item.id, 'name': item.move_name or item.name or '', 'reference': item.ref or item.move_id.payment_reference or '',
            'partner': item.partner_id.display_name or '',
            'due': format_date(self.env, item.date_maturity or item.date), 'amount': self._online_sync_worth(item, currency),
            'amount_words': format_amount(self.env, item.amount_residual_currency, item.currency_id), 'proposed': item in match.item_ids,
            'is_runner_up': item == match.runner_up_id, 'move': item.move_id.id,
        }

    def _online_sync_worth(self, item, currency):
        """What is open of an item, in the currency of what is left of the line."""
        if item.currency_id == currency:
            return item.amount_residual_currency
        return item.company_currency_id._convert(item.amount_residual, currency, self.company_id, self.date)

    @api.model
    def online_sync_look_again(self, journal_id):
        """Match the open lines of a journal now. Returns {matched, proposed}."""
        self._online_sync_check_accountant()
        self.env['online.sync.match']._open_broken(self.env['account.journal'].browse(journal_id).exists())
        lines = self.search(
            [('journal_id', '=', journal_id), ('is_reconciled', '=', False), ('state', '=', 'posted')], limit=MOST_LOOKED_AT)
        lines._online_sync_check_accountant()
        matches = lines.online_sync_match()
        applied = matches.filtered(lambda match: match.state == 'applied')
        return {'matched': len(applied), 'proposed': len(matches - applied)}

    # -- what the person decides ------------------------------------------------------------------------------------------------

    def online_sync_settle_by_hand(self, item_ids=(), write_off=None):
        """Match a line with the open items that a person chose; what is left over stays open, or is written off.

        :param item_ids: ids of open journal items
        :param write_off: {account_id, tax_ids, label} for what they leave over, None to leave it open
        :returns: {match, line, offer}: the id of the match, the line when something is left, a rule that is offered
        """
        self.ensure_one()
        self._online_sync_check_accountant()
        items = self._online_sync_chosen(item_ids)
        if not items and not write_off:
            raise UserError(_("Choose what the line pays, or an account to write it off on."))
        account, taxes = self._online_sync_chosen_account(write_off or {})
        before = self.partner_id
        parts, left = self._online_sync_counterparts(
            items, write_off=write_off and (account, taxes, write_off.get('label') or ''))
        is_written_off = any(not part.items for part in parts)
        self._online_sync_settle([(self, parts, left)])
        match = self._online_sync_note_by_hand(items, left, before, account if is_written_off else account.browse(), taxes)
        rest = None if self.is_reconciled else self._online_sync_screen_lines()[0]
        return {'match': match.id, 'line': rest, 'offer': match._offer_rule()}

    def _online_sync_chosen(self, item_ids):
        """The journal items of these ids: all of them must be open, of this company, and of a kind that a line may pay."""
        items = self.env['account.move.line'].search([*self._online_sync_candidate_domain(), ('id', 'in', list(item_ids))])
        if len(items) != len(set(item_ids)):
            known = self.env['account.move.line'].browse(item_ids).exists()
            raise UserError(_("“%s” is paid already, or nothing that a bank transaction pays. Look again.",
                              ', '.join(filter(None, (known - items).mapped('move_name'))) or _("A document")))
        return items

    def _online_sync_chosen_account(self, write_off):
        """(account, taxes) of a write-off, checked."""
        account = self.env['account.account'].browse(write_off.get('account_id') or [])
        taxes = self.env['account.tax'].browse(write_off.get('tax_ids') or [])
        own = self.journal_id.default_account_id | self.journal_id.suspense_account_id
        companies = account.company_ids if 'company_ids' in account._fields else account.company_id
        if account and (account in own or account.account_type in ('asset_cash', 'liability_credit_card', 'off_balance')):
            raise UserError(_("“%s” is no account to write a bank transaction off on.", account.display_name))
        if account and self.company_id.root_id not in companies.root_id or taxes.filtered(lambda tax: tax.company_id != self.company_id):
            raise UserError(_("These are of another company."))
        return account, taxes

    def _online_sync_check_accountant(self):
        if not self.env.su and not self.env.user.has_group('account.group_account_basic'):
            raise AccessError(_("Ask an accountant: you may not match bank transactions."))
        self.check_access('write')

    def _online_sync_note_by_hand(self, items, left, partner_before, account, taxes):
        """The record of what a person decided; the proposals for the line are measured by it and go."""
        proposed = self.online_sync_match_ids.filtered(lambda one: one.state == 'proposed').sudo()
        match = proposed.create({
            'statement_line_id': self.id, 'state': 'applied', 'how': 'hand', 'verdict': proposed._verdict_of(items),
            'evidence': [evidence.CHOSEN], 'against': [],
            'item_ids': [Command.set(items.ids)], 'rest': -self.currency_id.round(left.of(self.currency_id)),
            'write_off_account_id': account.id, 'write_off_tax_ids': [Command.set(taxes.ids)], 'partner_before_id': partner_before.id,
            'applied_at': fields.Datetime.now(), 'applied_by_id': self.env.uid})
        proposed.unlink()
        return match.sudo(self.env.su)
