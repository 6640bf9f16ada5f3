"""Bank transactions find what they pay: loads lines and open items, asks the engine, stores what it found, applies what is certain."""
import logging
import re
import unicodedata
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

import psycopg2

from odoo import Command, api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import SQL, split_every

from ..clients.redaction import redact
from ..engine import evidence, matching
from ..engine.identity import normalise_account
from ..engine.parties import Party, words_of
from .user_regex import found_in

_logger = logging.getLogger(__name__)

#: Matches that are applied together.
BATCH = 100
#: Accents go, what stands between words becomes a space, what stands within a word vanishes: as :func:`words_of` does, for SQL's translate.
_ACCENTED = {char: plain for char in map(chr, range(0xDF, 0x180)) if len(plain := unicodedata.normalize('NFKD', char)) > 1 and (
    plain := plain[0]).isascii()}
_BETWEEN = ',;:/&+-_()"|\n\t'
_PLAIN = ''.join(_ACCENTED) + _BETWEEN + ".'’", ''.join(_ACCENTED.values()) + ' ' * len(_BETWEEN)


class AccountBankStatementLine(models.Model):
    _inherit = 'account.bank.statement.line'

    online_sync_match_ids = fields.One2many('online.sync.match', 'statement_line_id', string="Matches")
    online_sync_why = fields.Char("Why", compute='_compute_online_sync_why', help="What it was matched with, or could be, and why.")

    @api.depends('online_sync_match_ids.state')
    def _compute_online_sync_why(self):
        for line in self:
            matches = line.online_sync_match_ids.filtered(lambda match: match.state in ('applied', 'proposed'))
            line.online_sync_why = '; '.join(matches.sorted(lambda match: match.state).mapped('sentence'))

    # -- public entry points --------------------------------------------------------------------------------------------------

    def online_sync_match(self, apply=True):
        """Find what the lines pay, whoever made them (the bank, a file, a hand); reconcile what is certain.

        Lines that are reconciled, locked or hashed are left alone, and so is a line that Odoo refuses to reconcile: one bad line never
        stops the others. Journals that are not set to match alone get proposals only.

        :param apply: False to propose only
        :returns: the `online.sync.match` records of these lines, applied or proposed
        :raises AccessError: the user is no accountant
        """
        self._online_sync_check_accountant()
        matches = self.env['online.sync.match']
        for company, lines in self._online_sync_open().grouped('company_id').items():
            matches |= lines.with_company(company)._online_sync_match_company(company, apply)
        return matches

    def online_sync_unmatch(self):
        """Undo what :meth:`online_sync_match` or a person applied to the lines; they are open again, with the partner they had."""
        self.online_sync_match_ids.filtered(lambda match: match.state == 'applied').action_undo()

    def action_open_online_sync_match(self):
        """The matches of the line: why, what came second, who and when, and the way back."""
        self.ensure_one()
        matches = self.online_sync_match_ids
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_match')
        if len(matches) == 1:
            return {**action, 'views': [(False, 'form')], 'res_id': matches.id}
        return {**action, 'domain': [('statement_line_id', '=', self.id)], 'context': {}}

    # -- loading --------------------------------------------------------------------------------------------------------------

    def _online_sync_open(self):
        """The lines that wait for a match and may be touched."""
        return self.filtered(
            lambda line: line.state == 'posted' and not line.is_reconciled and line.amount and not line.move_id.inalterable_hash
        ).filtered(lambda line: line._online_sync_is_untouched() and not (
            line.company_id._get_violated_lock_dates(line.date, False, line.journal_id)))

    def _online_sync_is_untouched(self):
        _liquidity, suspense, other = self._seek_for_lines()
        return len(suspense) == 1 and not other

    def _online_sync_match_company(self, company, apply):
        """Decide over all open lines of the company, for what is unique among a few may not be so among all; store for these."""
        items = self._online_sync_load_items(company)
        lines = self._online_sync_load_lines(company)
        refused = self.env['online.sync.match']._refused(company)
        found = matching.match(lines, items, self._online_sync_load_parties(company, items, lines), self._online_sync_own_accounts(company),
                               refused)
        ruled = self._online_sync_rules(company, {one.line for one in found if one.items or one.certain})
        mine = set(self.ids) - {one.line for one in ruled}
        matches = self._online_sync_store_matches([one for one in found if one.line in mine] + ruled)
        if apply:
            self._online_sync_apply_safely(matches.filtered('may_be_applied_alone'))
        return matches.exists()

    @api.model
    def _online_sync_load_lines(self, company):
        """All open lines of the company that nobody began to match, as the engine knows them, in one query."""
        mapping = self.env['account.reconcile.model']._online_sync_partner_mapping(company)
        self.env.flush_all()
        self.env.cr.execute(SQL(
            """
            SELECT line.id, move.journal_id, move.date, line.amount::text, currency.name, currency.decimal_places, line.payment_ref,
                   move.ref, line.transaction_details, line.account_number, line.partner_name, partner.commercial_partner_id,
                   move.narration, line.amount_currency::text, other.name, other.decimal_places, line.transaction_type
              FROM account_bank_statement_line line
              JOIN account_move move ON move.id = line.move_id AND move.state = 'posted'
              JOIN res_currency currency ON currency.id = line.currency_id
              LEFT JOIN res_currency other ON other.id = line.foreign_currency_id
              JOIN account_journal journal ON journal.id = move.journal_id
              LEFT JOIN res_partner partner ON partner.id = line.partner_id
             WHERE move.company_id = %s AND line.is_reconciled IS NOT TRUE AND line.amount != 0
               AND NOT EXISTS (SELECT FROM account_move_line item WHERE item.move_id = move.id
                                  AND item.account_id NOT IN (journal.default_account_id, journal.suspense_account_id))
             ORDER BY line.id
            """, company.id))
        return [_as_line(row, mapping, company) for row in self.env.cr.fetchall()]

    @api.model
    def _online_sync_load_items(self, company):
        """All that is open in the company and that a bank line may clear: invoices and bills, and payments that wait for the bank."""
        self.env.flush_all()
        outstanding = self._online_sync_outstanding_accounts(company)
        self.env.cr.execute(SQL(
            """
            SELECT aml.id, aml.date, aml.amount_residual_currency::text, currency.name, partner.commercial_partner_id, move.name,
                   move.payment_reference, move.ref, aml.date_maturity, aml.discount_date, aml.discount_amount_currency::text,
                   aml.account_id = ANY(%(outstanding)s), currency.decimal_places, move.id, move.move_type = 'entry', account.account_type,
                   payment_move.journal_id, aml.amount_residual_currency = aml.amount_currency
              FROM account_move_line aml
              JOIN account_move move ON move.id = aml.move_id
              JOIN account_account account ON account.id = aml.account_id
              JOIN res_currency currency ON currency.id = aml.currency_id
              LEFT JOIN res_partner partner ON partner.id = aml.partner_id
              LEFT JOIN account_move payment_move ON payment_move.id = aml.move_id AND aml.payment_id IS NOT NULL
             WHERE aml.company_id = %(company)s AND aml.parent_state = 'posted' AND aml.reconciled IS NOT TRUE AND account.reconcile
               AND aml.statement_line_id IS NULL AND aml.amount_residual_currency != 0
               AND (aml.account_id = ANY(%(outstanding)s)
                    OR account.account_type IN ('asset_receivable', 'liability_payable') AND aml.payment_id IS NULL)
            """, outstanding=outstanding, company=company.id,
        ))
        return [_as_item(row, company) for row in self.env.cr.fetchall()]

    @api.model
    def _online_sync_outstanding_accounts(self, company):
        """Ids of the accounts where registered payments wait for the bank."""
        methods = self.env['account.payment.method.line'].sudo().search([('journal_id.company_id', '=', company.id)])
        accounts = methods.payment_account_id
        for name in ('account_journal_payment_debit_account_id', 'account_journal_payment_credit_account_id'):    # gone in 19.0
            if name in company._fields:
                accounts |= company[name]
        return accounts.filtered('reconcile').ids

    @api.model
    def _online_sync_load_parties(self, company, items, lines):
        """The partners that may be meant: those of open items and lines, and whoever else has their names or account numbers.

        With all their names (also of their contacts), their account numbers, and those of their earlier lines. Never the company itself.
        """
        ids = {one.partner for one in (*items, *lines) if one.partner}
        accounts = {normalise_account(line.account) for line in lines if line.account}
        names_of = self._online_sync_names(company, SQL(
            """partner.commercial_partner_id = ANY(%s)
               OR partner.id IN (SELECT partner_id FROM res_partner_bank WHERE active AND sanitized_acc_number = ANY(%s))""",
            list(ids), list(accounts)))
        names = {name for names in names_of.values() for name in names} | {line.partner_name for line in lines if line.partner_name}
        for id_, namesakes in self._online_sync_namesakes(company, {tuple(sorted(words_of(name))) for name in names}).items():
            names_of.setdefault(id_, namesakes)
        self.env.cr.execute(SQL(
            """SELECT partner.commercial_partner_id, array_agg(DISTINCT bank.sanitized_acc_number)
                 FROM res_partner_bank bank JOIN res_partner partner ON partner.id = bank.partner_id
                WHERE partner.commercial_partner_id = ANY(%s) AND bank.active GROUP BY partner.commercial_partner_id""", list(names_of)))
        accounts_of = dict(self.env.cr.fetchall())
        learned = self._online_sync_learned_accounts(company)
        return [Party(id_, tuple(names), tuple(accounts_of.get(id_, ())), tuple(learned.get(id_, ()))) for id_, names in names_of.items()]

    @api.model
    def _online_sync_names(self, company, condition):
        """{partner id: its names and those of its contacts, as far as the condition on `partner` holds}."""
        self.env.cr.execute(SQL(
            """
            SELECT partner.commercial_partner_id, array_agg(DISTINCT partner.name)
              FROM res_partner partner
             WHERE partner.active AND (partner.company_id IS NULL OR partner.company_id = %s)
               AND partner.commercial_partner_id != %s AND partner.name IS NOT NULL AND (%s)
             GROUP BY partner.commercial_partner_id
            """, company.id, company.partner_id.commercial_partner_id.id, condition))
        return dict(self.env.cr.fetchall())

    @api.model
    def _online_sync_namesakes(self, company, wanted):
        """{partner id: names} of all partners with a name of these words: who is called like another one cannot be told from it.

        :param wanted: names as sorted tuples of the words that count; legal forms and punctuation do not
        """
        # The database looks for one word of each name, what is left is compared as the engine compares.
        words = [max(name, key=len) for name in wanted if name]
        found = self._online_sync_names(company, SQL(
            """EXISTS (SELECT FROM unnest(string_to_array(translate(replace(lower(partner.name), 'ß', 'ss'), %s, %s), ' ')) word
                        WHERE word = ANY(%s))""", *_PLAIN, words))
        return {id_: names for id_, names in found.items() if any(tuple(sorted(words_of(name))) in wanted for name in names)}

    @api.model
    def _online_sync_learned_accounts(self, company):
        """{partner id: account numbers of its earlier lines}, as far as no other partner's line and no other name came from them."""
        self.env.cr.execute(SQL(
            """SELECT line.account_number, min(partner.commercial_partner_id)
                 FROM online_sync_match match
                 JOIN account_bank_statement_line line ON line.id = match.statement_line_id
                 JOIN res_partner partner ON partner.id = line.partner_id
                WHERE match.state = 'applied' AND match.company_id = %s AND line.account_number != ''
                GROUP BY line.account_number
               HAVING count(DISTINCT partner.commercial_partner_id) = 1
                  AND count(DISTINCT lower(line.partner_name)) FILTER (WHERE line.partner_name != '') <= 1""", company.id))
        learned = defaultdict(list)
        for number, partner in self.env.cr.fetchall():
            learned[partner].append(number)
        return learned

    @api.model
    def _online_sync_own_accounts(self, company):
        """{normalised account number: journal ids} of the company's own bank accounts: one number may have a journal for each currency."""
        journals = self.env['account.journal'].search([('company_id', '=', company.id), ('bank_account_id', '!=', False)])
        own = defaultdict(list)
        for journal in journals:
            own[normalise_account(journal.bank_account_id.acc_number)].append(journal.id)
        return own

    def _online_sync_rules(self, company, explained):
        """Matches by the user's rules, for the lines that no open document and no sure transfer explains."""
        rules = self.env['account.reconcile.model']._online_sync_rules(company)
        return [found for line in self if line.id not in explained and (found := line._online_sync_try_rules(rules))]

    def _online_sync_try_rules(self, rules):
        """The match by the first rule that fits, None for none, or when a rule or one of its taxes breaks on this line."""
        try:
            return rules._online_sync_match(self)
        except psycopg2.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - a user's rule, or a tax with code of its own
            _logger.warning("A reconciliation model broke on bank transaction %s: %s", self.id, redact(error))
            return None

    # -- storing and applying ---------------------------------------------------------------------------------------------------

    def _online_sync_store_matches(self, found):
        """Records for what the engine found; what a person rejected or undid for a line is not proposed for it again.

        A proposal that is the same as before stays the same record.
        """
        matches = self.env['online.sync.match'].sudo()
        old = matches.search([('statement_line_id', 'in', self.ids), ('state', '!=', 'applied')])
        refused = {match._key() for match in old if match.state != 'proposed' and match.rule_id}
        asked = {key[0] for key in refused}     # where a person took one rule back, the next one does not decide alone
        proposed = {match._key(): match for match in old if match.state == 'proposed'}
        kept, creates = matches, []
        for one in found:
            key = *matching.key_of(one.line, one.items, one.pair), one.rule
            if key in refused:      # the engine knows those without a rule
                continue
            if one.rule and one.line in asked:
                one = replace(one, certain=False, against=(evidence.RULE_ASKS,))
            values = _match_values(one)
            same = proposed.pop(key, None)
            if same:
                same._bring_up_to_date(values)
                kept |= same
            else:
                creates.append(values)
        matches.browse([match.id for match in proposed.values()]).unlink()
        return (kept | matches.create(creates)).sudo(self.env.su)

    @api.model
    def _online_sync_apply_safely(self, matches):
        """Apply certain matches, a batch at a time; what Odoo refuses stays a proposal that says why."""
        for ids in split_every(BATCH, matches.ids):
            batch = matches.browse(ids)
            if not self._online_sync_try(batch):
                for match in batch:
                    if match.state == 'proposed':
                        self._online_sync_try(match)

    @api.model
    def _online_sync_try(self, matches):
        """Apply all or none. Returns whether it went well; a single one that did not says why."""
        try:
            with self.env.cr.savepoint():
                matches._apply('alone')
                self.env.flush_all()
        except (psycopg2.OperationalError, AccessError):
            raise       # a concurrent change: all is done again; and who may not do it is told so
        except Exception as error:  # noqa: BLE001 - whatever the ORM or another addon objects to
            self.env.invalidate_all()
            if len(matches) == 1:
                _logger.warning("Match of bank transaction %s was refused: %s", matches.statement_line_id.id, redact(error))
                matches.sudo().write({'is_certain': False, 'refusal': redact(error)[:200]})
            return False
        return True


def _match_values(one):
    return {
        'statement_line_id': one.line, 'is_certain': one.certain, 'score': one.score, 'evidence': list(one.evidence),
        'against': list(one.against), 'item_ids': [Command.set(one.items)], 'pair_id': one.pair or False, 'rule_id': one.rule or False,
        'runner_up_id': one.runner_up or False, 'rest': float(one.rest),
    }


def _exact(text, decimals):
    return Decimal(text).quantize(Decimal(1).scaleb(-decimals))


def _as_line(row, mapping, company):
    """The engine's line for a row of :meth:`AccountBankStatementLine._online_sync_load_lines`.

    :param mapping: what texts say of partners, by the user's rules; a line's own partner comes first
    """
    (id_, journal, day, amount, currency, decimals, text, ref, details, account, name, partner, narration, other_amount, other,
     other_decimals, kind) = row
    if not partner and mapping:
        texts = {False: text or '', True: narration or ''}
        partner = next((one.commercial_partner_id.id for regex, is_note, one in mapping if found_in(
            rf'\A(?:{regex})', texts[is_note], re.IGNORECASE | re.DOTALL)), None)
    return evidence.Line(
        id=id_, journal=journal, date=day, amount=_exact(amount, decimals), currency=currency, text=text or '', reference=ref or '',
        end_to_end_id=str(details.get('end_to_end_id') or '') if isinstance(details, dict) else '', kind=kind or '', account=account or '',
        partner_name=name or '', partner=partner, foreign=(_exact(other_amount, other_decimals), other) if other else None,
        company=company.id)


def _as_item(row, company):
    """The engine's item for a row of :meth:`AccountBankStatementLine._online_sync_load_items`."""
    (id_, day, residual, currency, partner, number, payment_reference, ref, due, discount_day, discount, is_payment, decimals, document,
     is_entry, side, payment_journal, is_untouched) = row
    references = tuple(dict.fromkeys(text for text in (payment_reference, ref) if text and text != number))
    has_discount = is_untouched and discount_day and discount and Decimal(discount) and Decimal(discount) != Decimal(residual)
    return evidence.Item(
        id=id_, date=day, residual=_exact(residual, decimals), currency=currency, partner=partner, number=number or '',
        references=references, due=due, is_payment=is_payment, is_entry=is_entry and not is_payment, side=side, document=document,
        journal=payment_journal, company=company.id,
        discount=(_exact(discount, decimals), discount_day) if has_discount else None)
