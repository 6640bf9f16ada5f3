"""The user's own rules (`account.reconcile.model`) for bank transactions that no open document explains. Both versions' shape.

18.0 says with `rule_type` which models are rules and with `auto_reconcile` which of them decide alone, and maps texts to partners in a list
of its own; 19.0 says it with `trigger` and the conditions, and a rule with a partner and no account maps a text to that partner.
"""
import re

from odoo import api, models

from ..engine import evidence, matching
from .account_bank_statement_line_settle import Counterpart, Left
from .user_regex import found_in

#: A number in a text, with whatever separators.
NUMBER = re.compile(r'\d[\d.,\' \u00a0]*')
class AccountReconcileModel(models.Model):
    _inherit = 'account.reconcile.model'

    # -- which rule -----------------------------------------------------------------------------------------------------------

    @api.model
    def _online_sync_rules(self, company):
        """The rules that book something by themselves or propose it, in their order."""
        return self.search([('company_id', '=', company.id)]).filtered(lambda rule: rule._online_sync_is_rule())

    @api.model
    def _online_sync_is_18(self):
        """Whether rules have the shape of 18.0. `rule_type` does not tell: OCA's `account_reconcile_model_oca` has it on 19.0 too."""
        return 'auto_reconcile' in self._fields

    @api.model
    def _online_sync_kind_of_rule(self):
        """Values that make a rule one that writes off alone."""
        if self._online_sync_is_18():
            return {'rule_type': 'writeoff_suggestion', 'auto_reconcile': True}
        return {'trigger': 'auto_reconcile', **({'is_writeoff_suggestion': True} if 'is_writeoff_suggestion' in self._fields else {})}

    def _online_sync_is_rule(self):
        if self._online_sync_is_18():
            return self.rule_type == 'writeoff_suggestion' and bool(self.line_ids)
        if 'rule_type' in self._fields and self.rule_type == 'invoice_matching':    # its lines are for the rest of what OCA's addon finds
            return False
        return self.can_be_proposed and bool(self.line_ids) and all(line.account_id for line in self.line_ids)

    def _online_sync_decides(self):
        """Whether the user wants no question."""
        return self.auto_reconcile if self._online_sync_is_18() else self.trigger == 'auto_reconcile'

    def _online_sync_match(self, line):
        """The match of a bank transaction by the first of these rules whose conditions hold, None for none."""
        rule = next((rule for rule in self if rule._online_sync_fits(line)), None)
        if not rule:
            return None
        parts, left, fits = rule._online_sync_counterparts(line)
        against = () if rule._online_sync_decides() and parts and fits and not left else (evidence.RULE_ASKS,)
        return matching.Match(line.id, certain=not against, score=50, evidence=(evidence.RULE,), against=against, rule=rule.id,
                              rest=-line.currency_id.round(left.of(line.currency_id)))

    def _online_sync_fits(self, line):
        """Whether all conditions hold."""
        return (not self.match_journal_ids or line.journal_id in self.match_journal_ids) and (
            self._online_sync_fits_amount(line) and self._online_sync_fits_text(line) and self._online_sync_fits_partner(line))

    def _online_sync_fits_amount(self, line):
        nature = self.match_nature if 'match_nature' in self._fields else 'both'
        if nature == 'amount_received' and line.amount < 0 or nature == 'amount_paid' and line.amount > 0:
            return False
        amount, low, high = abs(line.amount), self.match_amount_min, self.match_amount_max
        compare = line.currency_id.compare_amounts
        if self.match_amount == 'lower':
            return compare(amount, high) < (not self._online_sync_is_18())     # 19.0: or equal
        if self.match_amount == 'greater':
            return compare(amount, low) > -(not self._online_sync_is_18())
        return self.match_amount != 'between' or compare(amount, low) >= 0 >= compare(amount, high)

    def _online_sync_fits_text(self, line):
        details = line.transaction_details
        note, kind = str(line.narration or ''), line.transaction_type or ''
        texts = {'match_label': [line.payment_ref or ''], 'match_note': [note], 'match_transaction_type': [kind]}
        if 'match_note' not in self._fields:        # 19.0: one condition for all texts
            texts = {'match_label': [line.payment_ref or '', str(details or ''), note]}
        return all(self._online_sync_holds(self[name], self[f'{name}_param'], where) for name, where in texts.items())

    @staticmethod
    def _online_sync_holds(condition, parameter, texts):
        if not condition:
            return True
        if condition == 'match_regex':
            return any(found_in(parameter or '', text) for text in texts)
        contains = any((parameter or '').casefold() in text.casefold() for text in texts)
        return contains == (condition == 'contains')

    def _online_sync_fits_partner(self, line):
        partner = line.partner_id
        if 'match_partner' in self._fields:     # 18.0
            if not self.match_partner:
                return True
            if not partner or self.match_partner_category_ids and not self.match_partner_category_ids & partner.category_id:
                return False
        return not self.match_partner_ids or partner.commercial_partner_id in self.match_partner_ids.commercial_partner_id

    # -- whose payment --------------------------------------------------------------------------------------------------------

    @api.model
    def _online_sync_partner_mapping(self, company):
        """What texts say of partners, by the user's word: [(regular expression, whether it is about the notes, partner)]."""
        rules = self.search([('company_id', '=', company.id)])
        if 'partner_mapping_line_ids' in self._fields:
            return [(regex, is_note, row.partner_id) for row in rules.partner_mapping_line_ids
                    for regex, is_note in ((row.payment_ref_regex, False), (row.narration_regex, True)) if regex]
        return [(rule.match_label_param if rule.match_label == 'match_regex' else f".*{re.escape(rule.match_label_param or '')}", False,
                 rule.mapped_partner_id)
                for rule in rules if rule.mapped_partner_id and rule.match_label in ('contains', 'match_regex')]

    # -- what it books ---------------------------------------------------------------------------------------------------------

    def _online_sync_counterparts(self, line):
        """What the rule books in the place of the suspense item.

        :returns: (list of Counterpart, Left, whether each of its amounts was there to be taken)
        """
        self.ensure_one()
        suspense = line._online_sync_suspense()
        left, parts, fits = Left(line, suspense), [], True
        for each in self.line_ids.sorted('sequence'):
            currency, wanted, included = each._online_sync_amount(line, suspense, left)
            if currency.is_zero(wanted):
                continue
            values = {'reconcile_model_id': self.id}
            if each.analytic_distribution:
                values['analytic_distribution'] = each.analytic_distribution
            balance = left.in_company(currency, wanted)
            booked = line._online_sync_taxed(each.account_id, each.tax_ids, each.label or line.payment_ref, currency, wanted, balance,
                                             values, included)
            taken = currency.round(sum(part.amount_currency for part in booked))
            is_share = each.amount_type.startswith('percentage')
            fits = fits and (is_share or currency.compare_amounts(abs(taken), abs(left.of(currency))) <= 0)
            # The base takes what the two roundings (of the whole, of its parts) differ by.
            _taken, balance = left.take_all(currency, taken)
            booked[0].balance += line.company_id.currency_id.round(balance - sum(part.balance for part in booked))
            parts += [each._online_sync_with_partner(part) for part in booked]
        return parts, left, fits


class AccountReconcileModelLine(models.Model):
    _inherit = 'account.reconcile.model.line'

    def _online_sync_amount(self, line, suspense, left):
        """What this line of the rule books, with the sign of the suspense item: (currency, amount, whether its taxes are part of it).

        A share of the money that moved has its taxes in it; a fixed amount or one of the label is the journal's currency's.
        """
        currency, total = suspense.currency_id, suspense.amount_currency
        if self.amount_type == 'percentage':
            return currency, currency.round(left.of(currency) * self.amount / 100), True
        if self.amount_type == 'percentage_st_line':
            return currency, currency.round(total * self.amount / 100), True
        amount = self.amount if self.amount_type == 'fixed' else self._online_sync_amount_in_text(line.payment_ref or '')
        included = 'force_tax_included' in self._fields and self.force_tax_included
        return line.currency_id, (1 if total > 0 else -1) * amount, included

    def _online_sync_amount_in_text(self, text):
        """The amount that the rule's expression finds in the label, 0 for none."""
        found = found_in(self.amount_string, text, flags=0)
        number = NUMBER.search(found.group(1) if found and found.groups() else found.group() if found else '')
        if not number:
            return 0.0
        point = self.model_id.decimal_separator if 'decimal_separator' in self.model_id._fields else None
        digits = re.sub(r"[^\d.,]", '', number.group())
        if not point:       # the last separator, when one or two digits follow
            tail = re.search(r'([.,])\d{1,2}$', digits)
            point = tail.group(1) if tail else None
        whole, _sep, cents = digits.rpartition(point) if point and point in digits else (digits, '', '')
        return float(f"{re.sub(r'[.,]', '', whole) or 0}.{cents or 0}") if cents.isdigit() or not cents else 0.0

    def _online_sync_with_partner(self, part: Counterpart):
        """19.0 lets a rule say whose it is."""
        if 'partner_id' in self._fields and self.partner_id:
            part.partner = self.partner_id
        return part
