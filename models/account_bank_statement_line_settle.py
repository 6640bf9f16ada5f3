"""Puts what a bank transaction pays in the place of its suspense item, and takes it back; one `reconcile` for many lines."""
from dataclasses import dataclass, field
from functools import reduce

from odoo import _, api, models
from odoo.exceptions import UserError

from .audit import is_audited


@dataclass(slots=True)
class Counterpart:
    """A journal item that takes the place of (a part of) the suspense item.

    :param currency: res.currency of `amount_currency`
    :param amount_currency: with the sign of the suspense item's part that it replaces
    :param balance: the same in the company's currency
    :param items: the open journal items that it is reconciled with
    :param link: counterparts of the same link are reconciled with one another
    :param values: further values of the journal item
    """

    account: models.BaseModel
    partner: models.BaseModel
    currency: models.BaseModel
    amount_currency: float
    balance: float
    items: models.BaseModel = None
    link: object = None
    values: dict = field(default_factory=dict)

    @property
    def key(self):
        """Counterparts of one key are one journal item. What adds and what takes stays apart: else `reconcile` would pay an invoice with a
        credit note directly, and an undo of this line would not take that back.
        """
        return self.account, self.partner, self.currency, self.amount_currency > 0

    @property
    def may_be_turned_into(self):
        """Whether the suspense item can become it: Odoo does not let the taxes of a posted item change."""
        return not self.values.keys() & {'tax_ids', 'tax_repartition_line_id'}


class Left:
    """What a bank transaction still has to give, in each currency in which the bank told its amount and in the company's.

    All amounts have the sign of the suspense item.
    """

    def __init__(self, line, suspense):
        self.line, self.company = line, line.company_id.currency_id
        whole = line.amount_currency if line.foreign_currency_id else line.amount
        open_share = -suspense.amount_currency / whole if whole else 1.0       # a part may be matched already
        self.total = {line.currency_id: line.currency_id.round(-line.amount * open_share),
                      suspense.currency_id: suspense.amount_currency, self.company: suspense.balance}
        self.now = dict(self.total)

    def of(self, currency):
        """What is left in a currency; by Odoo's rate of the day where the bank told no amount in it."""
        if currency in self.now:
            return self.now[currency]
        return self.company._convert(self.now[self.company], currency, self.line.company_id, self.line.date)

    def take(self, currency, wanted):
        """Take an amount, or all that is left when that is less. Returns (taken in the currency, taken in the company's)."""
        left = self.of(currency)
        if wanted * left > 0 and currency.compare_amounts(abs(wanted), abs(left)) >= 0:
            taken = left, self.now[self.company]
            self.now = dict.fromkeys(self.now, 0.0)
            return taken
        return self.take_all(currency, wanted)

    def take_all(self, currency, wanted):
        """Take an amount, also more than is left. Returns (it, the same in the company's currency)."""
        if not currency.compare_amounts(wanted, self.of(currency)):
            wanted, balance = self.of(currency), self.now[self.company]
            self.now = dict.fromkeys(self.now, 0.0)
            return wanted, balance
        for other, total in self.total.items():
            part = wanted if other == currency else other.round(self._in(other, total, currency, wanted))
            self.now[other] = other.round(self.now[other] - part)
            if other == self.company:
                balance = part
        return wanted, balance

    def in_company(self, currency, wanted):
        """An amount in the company's currency; all that is left is so to the cent."""
        if not currency.compare_amounts(wanted, self.of(currency)):
            return self.now[self.company]
        return wanted if currency == self.company else self.company.round(
            self._in(self.company, self.total[self.company], currency, wanted))

    def _in(self, other, total, currency, wanted):
        """An amount in another currency, by the bank's own rate where it told one."""
        if currency in self.total:
            return wanted * total / self.total[currency]
        in_company = currency._convert(wanted, self.company, self.line.company_id, self.line.date)
        return in_company * total / self.total[self.company]

    def __bool__(self):
        return any(not currency.is_zero(amount) for currency, amount in self.now.items())


class AccountBankStatementLine(models.Model):
    _inherit = 'account.bank.statement.line'

    # -- what a line becomes --------------------------------------------------------------------------------------------------

    def _online_sync_suspense(self):
        """The one suspense item of a posted line that is open, be it in part.

        :raises UserError: the line is no longer open, or somebody else wrote its entry
        """
        self.ensure_one()
        suspense = self._seek_for_lines()[1]
        if len(suspense) != 1 or self.is_reconciled or self.state != 'posted':
            raise UserError(_("“%s” was matched or edited already.", self.payment_ref or self.move_id.name))
        return suspense

    def _online_sync_counterparts(self, items, discount=False, write_off=None):
        """What takes the place of the suspense item when the line pays these open journal items.

        Credit notes come first, so that what they add can pay invoices; then the oldest. The last one is paid in part when the line is
        short. A counterpart is in its item's currency, so that `reconcile` books the exchange difference that Odoo books itself.

        :param discount: the line pays the items in full by their early payment discount
        :param write_off: (account.account, account.tax records, label) for the difference: the items are paid in full then
        :returns: (list of :class:`Counterpart`, :class:`Left`)
        """
        suspense = self._online_sync_suspense()
        left = Left(self, suspense)
        closed = items.filtered(lambda item: item.reconciled or item.parent_state != 'posted')
        if closed:
            raise UserError(_("“%s” is paid already.", closed[0].move_name))
        if discount:
            self._online_sync_check_discount(items, left)
        ordered = items.sorted(lambda item: (item.amount_residual * self.amount > 0, item.date_maturity or item.date, item.id))
        found = []
        for item in ordered:
            if discount:
                amount, balance = -item.amount_residual_currency, -item.amount_residual
            elif write_off:
                amount, balance = left.take_all(item.currency_id, -item.amount_residual_currency)
            elif not left:
                raise UserError(_("The amount does not reach “%s”.", item.move_name))
            else:
                amount, balance = left.take(item.currency_id, -item.amount_residual_currency)
            found.append(Counterpart(item.account_id, item.partner_id, item.currency_id, amount, balance, item))
        if discount:
            found += self._online_sync_discounts(found, suspense)
            left.now = dict.fromkeys(left.now, 0.0)
        if write_off and left:
            found += self._online_sync_write_off(left, *write_off)
        return _joined(found), left

    def _online_sync_check_discount(self, items, left):
        """The discount holds for a document of which nothing was paid yet, and this line pays it."""
        for item in items:
            partly_paid = item.currency_id.compare_amounts(item.amount_residual_currency, item.amount_currency)
            if partly_paid or item.currency_id.compare_amounts(-left.of(item.currency_id), item.discount_amount_currency):
                raise UserError(_("The early payment discount of “%s” holds no longer. Look again.", item.move_name))

    def _online_sync_discounts(self, counterparts, suspense):
        """The journal items of an early payment discount, as Odoo's own payment wizard makes them."""
        paid = [{'aml': part.items, 'amount_currency': part.amount_currency, 'balance': part.balance} for part in counterparts]
        open_balance = suspense.balance - sum(part.balance for part in counterparts)
        groups = self.env['account.move']._get_invoice_counterpart_amls_for_early_payment_discount(paid, open_balance)
        return [self._online_sync_as_counterpart(values) for group in groups.values() for values in group]

    def _online_sync_as_counterpart(self, values):
        """A :class:`Counterpart` that no item is reconciled with, from a dictionary of journal item values."""
        values = dict(values)
        record = {name: self.env[model].browse(values.pop(name, False)) for name, model in (
            ('account_id', 'account.account'), ('partner_id', 'res.partner'), ('currency_id', 'res.currency'))}
        return Counterpart(record['account_id'], record['partner_id'], record['currency_id'], values.pop('amount_currency'),
                           values.pop('balance'), values=values)

    def _online_sync_write_off(self, left, account, taxes, label):
        """Book all that is left on an account, its taxes included."""
        suspense = self._online_sync_suspense()
        currency = suspense.currency_id
        amount, balance = left.take_all(currency, left.of(currency))
        return self._online_sync_taxed(account, taxes, label, currency, amount, balance)

    def _online_sync_taxed(self, account, taxes, label, currency, amount, balance, values=None, included=True):
        """Counterparts of an amount with its taxes: base first, then the tax items.

        :param included: the taxes are part of the amount, and all sums are it to the cent; else as each tax has it
        """
        partner, company = self.partner_id, self.company_id
        values = {'name': label or self.payment_ref, **(values or {})}
        if not taxes:
            return [Counterpart(account, partner, currency, amount, balance, values=values)]
        rate = balance / amount if amount else 1.0
        is_refund = (amount > 0) == (taxes[0].type_tax_use == 'sale')
        taxes = taxes.with_company(company).with_context(**({'force_price_include': True} if included else {}))
        computed = taxes.compute_all(amount, currency=currency, partner=partner, is_refund=is_refund, include_caba_tags=True)
        parts = [self._online_sync_tax_item(tax, account, currency, rate, values) for tax in computed['taxes']]
        whole = amount if included else computed['total_included']
        base = Counterpart(
            account, partner, currency, currency.round(whole - sum(part.amount_currency for part in parts)),
            company.currency_id.round(whole * rate - sum(part.balance for part in parts)),
            values={**values, 'tax_ids': [(6, 0, taxes.ids)], 'tax_tag_ids': [(6, 0, computed['base_tags'])]})
        return [base, *parts]

    def _online_sync_tax_item(self, tax, account, currency, rate, values):
        """The counterpart for one tax of `compute_all`."""
        company, record = self.company_id.currency_id, self.env['account.tax'].browse(tax['id'])
        item = {
            'name': tax['name'], 'tax_repartition_line_id': tax['tax_repartition_line_id'], 'tax_tag_ids': [(6, 0, tax['tag_ids'])],
            'tax_ids': [(6, 0, tax['tax_ids'])], 'tax_base_amount': company.round(tax['base'] * rate),
            'group_tax_id': tax['group'].id if tax.get('group') else False}
        if record.analytic and values.get('analytic_distribution'):
            item['analytic_distribution'] = values['analytic_distribution']
        return Counterpart(self.env['account.account'].browse(tax['account_id']) or account, self.partner_id, currency, tax['amount'],
                           company.round(tax['amount'] * rate), values=item)

    # -- doing it ---------------------------------------------------------------------------------------------------------------

    @api.model
    def _online_sync_settle(self, settlements):
        """Write and reconcile a batch, as few statements as possible.

        :param settlements: [(line, list of :class:`Counterpart`, :class:`Left`)]
        """
        lines = self.browse([line.id for line, _parts, _left in settlements])
        lines._online_sync_learn_partners(settlements)
        batch = lines.with_context(**lines._online_sync_settle_context())
        with lines.move_id._check_balanced({'records': lines.move_id}):    # not within the context that leaves the check out
            plan = batch._online_sync_write_counterparts(settlements)
        self.env['account.move.line']._reconcile_plan([group.with_env(self.env) for group in plan])

    def _online_sync_settle_context(self):
        """What Odoo itself sets when it rewrites the entry of a posted bank transaction; each entry is proved balanced once at the end."""
        return {
            'skip_readonly_check': True, 'skip_account_move_synchronization': True, 'skip_invoice_sync': True, 'force_delete': True,
            'check_move_validity': False, 'tracking_disable': not any(is_audited(company) for company in self.company_id),
        }

    def _online_sync_write_counterparts(self, settlements):
        """Turn suspense items into counterparts and make the others. Returns what is to be reconciled: [account.move.line records]."""
        updates, parts_of, creates, gone = [], [], [], self.env['account.move.line']
        for line, parts, left in settlements:
            suspense = line.with_env(self.env)._online_sync_suspense()
            turned = None if left else next((part for part in parts if part.may_be_turned_into), None)
            if left:
                updates.append((suspense, None, left.of(suspense.currency_id), left.of(left.company)))
            elif turned:
                updates.append((suspense, turned, turned.amount_currency, turned.balance))
                parts_of.append((suspense, turned))
            else:
                gone |= suspense
            creates += [(line, part) for part in parts if part is not turned]
        gone.unlink()
        _update(updates)
        made = self.env['account.move.line'].create([_item_values(line, part) for line, part in creates])
        parts_of += [(item, part) for item, (_line, part) in zip(made, creates, strict=True)]
        return _groups(parts_of)

    def _online_sync_learn_partners(self, settlements):
        """Lines without a partner get the one whose items they pay."""
        by_partner = {}
        for line, parts, _left in settlements:
            partners = {part.partner.commercial_partner_id for part in parts if part.partner}
            if not line.partner_id and len(partners) == 1:
                by_partner.setdefault(partners.pop(), []).append(line.id)
        for partner, ids in by_partner.items():
            self.browse(ids)._online_sync_set_partner(partner)

    def _online_sync_set_partner(self, partner):
        """Set the partner on the line, its entry and its journal items."""
        lines = self.with_context(**self._online_sync_settle_context())
        lines.partner_id = partner
        lines.move_id.partner_id = partner
        lines.move_id.line_ids.partner_id = partner

    def _online_sync_pair(self, other):
        """Counterparts for the two sides of a transfer between our own accounts: [(line, counterparts, left)] of both."""
        transfer = self.company_id.transfer_account_id
        if not transfer:
            raise UserError(_("The company has no account for internal transfers."))
        sides = [line._online_sync_suspense() for line in self | other]
        one, two = sides
        if one.currency_id != two.currency_id or one.currency_id.compare_amounts(one.amount_currency, -two.amount_currency):
            raise UserError(_("The two sides of this transfer differ."))
        link, settlements = object(), []
        for line in self | other:
            suspense = line._online_sync_suspense()
            left = Left(line, suspense)
            amount, balance = left.take(suspense.currency_id, suspense.amount_currency)
            settlements.append((line, [Counterpart(transfer, line.partner_id, suspense.currency_id, amount, balance, link=link)], left))
        return settlements

    # -- and back ---------------------------------------------------------------------------------------------------------------

    def action_undo_reconciliation(self):
        """Whoever undoes it, on whatever screen: as if it had never been matched.

        Odoo's own undo, for both sides of a transfer, then what that does not bring back: the partner that the line had, and whether it
        was checked.
        """
        applied = self.online_sync_match_ids.filtered(lambda match: match.state == 'applied')
        lines = self | applied.pair_id
        applied |= lines.online_sync_match_ids.filtered(lambda match: match.state == 'applied')
        before = {line: (line.checked, line.online_sync_match_ids.filtered(lambda match: match in applied).sorted('id')[:1])
                  for line in applied.statement_line_id}
        result = super(AccountBankStatementLine, lines).action_undo_reconciliation()
        for line, (was_checked, first) in before.items():
            partner = first.sudo().partner_before_id
            if line.partner_id != partner:
                line.partner_id = partner
            if line.checked != was_checked:
                line.with_context(skip_readonly_check=True).checked = was_checked
        applied.sudo().write({'state': 'undone'})
        return result


def _groups(parts_of):
    """Journal items that are to be reconciled with one another."""
    links = {}
    for item, part in parts_of:
        if part.items:
            links[item] = item | part.items
        elif part.link:
            links[part.link] = links.get(part.link, item) | item
    return list(links.values())


def _joined(counterparts):
    """One counterpart for all that would be equal journal items but for the amount."""
    joined = {}
    for part in counterparts:
        key = part.key if part.items else id(part)
        if key in joined:
            one = joined[key]
            one.amount_currency = one.currency.round(one.amount_currency + part.amount_currency)
            one.balance += part.balance
            one.items |= part.items
        else:
            joined[key] = part
    return list(joined.values())


def _update(updates):
    """Write suspense items; what is the same for many is written at once."""
    groups = {}
    for suspense, part, amount, balance in updates:
        values = dict(part.values) if part else {}
        if part:
            values.update(account_id=part.account.id, partner_id=part.partner.id)
        currency = part.currency if part else suspense.currency_id
        if currency != suspense.currency_id or currency.compare_amounts(amount, suspense.amount_currency) or (
                suspense.company_currency_id.compare_amounts(balance, suspense.balance)):
            values.update(currency_id=currency.id, amount_currency=amount, balance=balance)
        groups.setdefault(repr(sorted(values.items())), (values, []))[1].append(suspense)
    for values, items in groups.values():
        reduce(lambda one, other: one | other, items).write(values)


def _item_values(line, part):
    return {
        'name': line.payment_ref, 'move_id': line.move_id.id, 'account_id': part.account.id, 'partner_id': part.partner.id,
        'currency_id': part.currency.id, 'amount_currency': part.amount_currency, 'balance': part.balance, **part.values,
    }
