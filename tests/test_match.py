"""Bank transactions find what they pay, in the books: every shape, and back again."""
from datetime import date, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from .common import TODAY, BankFeedCase


@tagged('post_install', '-at_install')
class MatchCase(AccountTestInvoicingCommon):
    """A company with a bank journal in its own currency (USD), and one in EUR at two rates."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time(f'{TODAY} 09:00:00'))
        cls.company = cls.env.company
        cls.bank = cls.company_data['default_journal_bank']
        cls.eur = cls.env.ref('base.EUR')
        cls.eur.active = True
        cls.eur.rate_ids.unlink()
        cls.eur.rate_ids = [Command.create({'name': date(2026, 1, 1), 'rate': 0.5, 'company_id': cls.company.id}),
                            Command.create({'name': date(2026, 3, 1), 'rate': 0.8, 'company_id': cls.company.id})]
        cls.acme, cls.blue = cls.env['res.partner'].create([{'name': 'Acme Foods'}, {'name': 'Blue Labs'}])
        cls.env['res.partner.bank'].create({'acc_number': 'NL91ABNA0417164300', 'partner_id': cls.acme.id})

    def invoice(self, amount, move_type='out_invoice', partner=None, days=20, currency=None, **values):
        move = self.env['account.move'].create({
            'move_type': move_type, 'partner_id': (partner or self.acme).id, 'invoice_date': TODAY - timedelta(days=days),
            'date': TODAY - timedelta(days=days), 'currency_id': (currency or self.company.currency_id).id,
            'invoice_line_ids': [Command.create({'name': 'x', 'quantity': 1, 'price_unit': amount, 'tax_ids': [Command.clear()]})],
            **values})
        move.action_post()
        return move

    def line(self, amount, text='', journal=None, **values):
        return self.env['account.bank.statement.line'].create({
            'journal_id': (journal or self.bank).id, 'date': TODAY, 'amount': amount, 'payment_ref': text, **values})

    @staticmethod
    def term_items(moves):
        return moves.line_ids.filtered(lambda item: item.account_type in ('asset_receivable', 'liability_payable'))

    def books(self, moves):
        """Every journal item of the entries, without ids."""
        names = ('name', 'account_id', 'partner_id', 'currency_id', 'amount_currency', 'balance', 'amount_residual', 'date', 'reconciled',
                 'tax_ids', 'tax_tag_ids', 'analytic_distribution')
        self.env.invalidate_all()
        return sorted(repr([item[name] for name in names]) for item in moves.line_ids)

    def assertMatched(self, line, *moves, how='alone'):
        match = line.online_sync_match_ids
        self.assertEqual((match.state, match.how, match.refusal), ('applied', how, False), match.sentence)
        self.assertEqual(match.item_ids.move_id, self.env['account.move'].union(*moves))
        self.assertTrue(line.is_reconciled)
        self.assertTrue(line.currency_id.is_zero(line.amount_residual))
        self.assertAlmostEqual(sum(line.move_id.line_ids.mapped('balance')), 0)
        return match


@tagged('post_install', '-at_install')
class TestMatch(MatchCase):

    def test_number_and_amount(self):
        invoice = self.invoice(1210)
        line = self.line(1210, f"Acme paid {invoice.name.replace('/', ' ')}")
        found = line.online_sync_match()
        match = self.assertMatched(line, invoice)
        self.assertEqual(found, match)
        self.assertIn(invoice.payment_state, ('paid', 'in_payment'))
        self.assertEqual(line.partner_id, self.acme)
        self.assertEqual(line.move_id.partner_id, self.acme)
        self.assertEqual(set(line.move_id.line_ids.partner_id), {self.acme})
        self.assertIn(invoice.name, match.sentence)
        self.assertIn('number in the text', match.sentence)

    def test_undo_is_as_if_nothing_had_happened(self):
        invoice = self.invoice(1210)
        line = self.line(1210, invoice.name)
        moves = invoice | line.move_id
        before, checked, state = self.books(moves), line.checked, invoice.payment_state
        line.online_sync_match()
        self.assertMatched(line, invoice)
        line.online_sync_unmatch()
        self.assertEqual(self.books(moves), before)
        self.assertEqual((line.checked, line.partner_id, line.is_reconciled), (checked, self.env['res.partner'], False))
        self.assertEqual(invoice.payment_state, state)
        self.assertEqual(line.online_sync_match_ids.state, 'undone')
        self.assertFalse(line.online_sync_match(), "what a person undid is not matched again")

    def test_undo_on_another_screen(self):
        """Odoo's own button does the same."""
        invoice = self.invoice(1210)
        line = self.line(1210, invoice.name)
        before = self.books(invoice | line.move_id)
        line.online_sync_match()
        self.assertEqual(invoice.online_sync_line_count, 1)
        self.assertEqual(invoice.action_open_online_sync_lines()['res_id'], line.id)
        self.assertEqual(line.action_open_online_sync_match()['res_id'], line.online_sync_match_ids.id)
        self.assertIn('number in the text', line.online_sync_why)
        line.action_undo_reconciliation()
        self.assertEqual(self.books(invoice | line.move_id), before)
        self.assertEqual((line.online_sync_match_ids.state, line.partner_id.id, line.online_sync_why), ('undone', False, ''))

    def test_undo_after_the_invoice_went_back_to_draft(self):
        invoice = self.invoice(1210)
        line = self.line(1210, invoice.name)
        before = self.books(line.move_id)
        line.online_sync_match()
        invoice.button_draft()
        line.online_sync_unmatch()
        self.assertEqual(self.books(line.move_id), before)
        self.assertFalse(line.is_reconciled)

    def test_bill_by_the_vendors_number(self):
        bill = self.invoice(300, 'in_invoice', ref='2026-AB-778')
        line = self.line(-300, 'your invoice 2026AB778')
        line.online_sync_match()
        self.assertMatched(line, bill)

    def test_account_number_and_amount(self):
        invoice = self.invoice(77.7)
        line = self.line(77.7, 'thanks', account_number='nl91 abna 0417 1643 00')
        line.online_sync_match()
        self.assertMatched(line, invoice)

    def test_several_in_one(self):
        one, two = self.invoice(100), self.invoice(50, days=10)
        line = self.line(150, f'{one.name} {two.name}')
        line.online_sync_match()
        self.assertMatched(line, one, two)
        self.assertEqual(len(line.move_id.line_ids), 2, "equal counterparts are one")

    def test_invoice_less_credit_note(self):
        invoice, note = self.invoice(100), self.invoice(20, 'out_refund', days=5)
        line = self.line(80, f'{invoice.name} - {note.name}')
        before = self.books(invoice | note | line.move_id)
        line.online_sync_match()
        self.assertMatched(line, invoice, note)
        self.assertEqual((invoice.amount_residual, note.amount_residual), (0, 0))
        line.online_sync_unmatch()
        self.assertEqual(self.books(invoice | note | line.move_id), before)

    def test_part_of_a_named_invoice(self):
        invoice = self.invoice(1000)
        line = self.line(400, invoice.name, partner_id=self.acme.id)
        line.online_sync_match()
        match = self.assertMatched(line, invoice)
        self.assertEqual((invoice.amount_residual, match.rest), (600, -600))

    def test_early_payment_discount(self):
        term = self.env['account.payment.term'].create({
            'name': '2/10', 'early_discount': True, 'discount_percentage': 2, 'discount_days': 10,
            'early_pay_discount_computation': 'included',
            'line_ids': [Command.create({'value': 'percent', 'value_amount': 100, 'nb_days': 30})]})
        for tax in (self.env['account.tax'], self.company_data['default_tax_sale']):
            with self.subTest(tax=tax.name):
                invoice = self.invoice(1000, days=3, invoice_payment_term_id=term.id, invoice_line_ids=[Command.create({
                    'name': 'x', 'price_unit': 1000, 'tax_ids': [Command.set(tax.ids)]})])
                due = self.term_items(invoice).discount_amount_currency
                line = self.line(due, invoice.name)
                before = self.books(invoice | line.move_id)
                line.online_sync_match()
                self.assertMatched(line, invoice)
                self.assertEqual(invoice.amount_residual, 0)
                self.assertLess(due, invoice.amount_total)
                line.online_sync_unmatch()
                self.assertEqual(self.books(invoice | line.move_id), before)

    def test_payment_that_was_registered_already(self):
        invoice = self.invoice(250)
        outstanding = self.inbound_payment_method_line.payment_account_id or self.env['account.account'].create({
            'name': 'Outstanding', 'code': '101499', 'account_type': 'asset_current', 'reconcile': True})
        self.inbound_payment_method_line.payment_account_id = outstanding
        payment = self.env['account.payment.register'].with_context(active_model='account.move', active_ids=invoice.ids).create({
            'journal_id': self.bank.id, 'payment_method_line_id': self.inbound_payment_method_line.id})._create_payments()
        line = self.line(250, f'payment {invoice.name}')
        line.online_sync_match()
        match = line.online_sync_match_ids
        self.assertEqual(match.state, 'applied', match.sentence)
        self.assertEqual(match.item_ids.account_id, outstanding)
        self.assertEqual(match.item_ids.payment_id, payment)
        self.assertEqual(invoice._online_sync_paid_by(), line)
        self.assertEqual(invoice.payment_state, 'paid')

    def test_transfer_between_own_accounts(self):
        other = self.bank.copy({'name': 'Savings', 'code': 'SAV'})
        for journal, number in ((self.bank, 'DE02120300000000202051'), (other, 'DE02500105170137075030')):
            journal.set_bank_account(number)
        out = self.line(-500, 'to savings', account_number='DE02500105170137075030')
        into = self.line(500, 'from current', journal=other, account_number='DE02120300000000202051')
        before = self.books(out.move_id | into.move_id)
        (out | into).online_sync_match()
        self.assertEqual((out | into).online_sync_match_ids.mapped('state'), ['applied', 'applied'])
        transfer = (out | into).move_id.line_ids.filtered(lambda item: item.account_id == self.company.transfer_account_id)
        self.assertEqual((len(transfer), transfer.mapped('reconciled')), (2, [True, True]))
        self.assertFalse((out | into).partner_id)
        out.online_sync_unmatch()
        self.assertEqual(self.books(out.move_id | into.move_id), before)
        self.assertEqual(set((out | into).online_sync_match_ids.mapped('state')), {'undone'})

    def test_invoice_in_the_original_currency_of_the_line(self):
        """An invoice of 100 EUR (200 USD then), paid with 100 EUR when the bank gave 130 USD for it."""
        invoice = self.invoice(100, days=60, currency=self.eur)
        line = self.line(130, invoice.name, foreign_currency_id=self.eur.id, amount_currency=100)
        line.online_sync_match()
        self.assertMatched(line, invoice)
        self.assertEqual(invoice.amount_residual, 0)
        exchange = self.term_items(invoice).matched_credit_ids.exchange_move_id
        self.assertEqual(sum(exchange.line_ids.filtered(lambda item: item.account_type == 'asset_receivable').mapped('balance')), -70)

    def test_line_of_a_journal_in_another_currency(self):
        journal = self.env['account.journal'].create({'name': 'EUR', 'type': 'bank', 'code': 'BEUR', 'currency_id': self.eur.id})
        invoice = self.invoice(100, days=60, currency=self.eur)
        line = self.line(100, invoice.name, journal=journal)
        line.online_sync_match()
        self.assertMatched(line, invoice)
        self.assertEqual(invoice.amount_residual, 0)
        before = self.books(line.move_id)
        self.assertTrue(before)

    def test_undo_with_an_exchange_difference(self):
        """The exchange entry of a posted match is reversed, as Odoo does: nothing is left on any account."""
        invoice = self.invoice(100, days=60, currency=self.eur)
        line = self.line(130, invoice.name, foreign_currency_id=self.eur.id, amount_currency=100)
        before, totals = self.books(invoice | line.move_id), self.totals()
        line.online_sync_match()
        line.online_sync_unmatch()
        self.assertEqual(self.books(invoice | line.move_id), before)
        self.assertEqual(self.totals(), totals)

    def totals(self):
        return {account: round(total, 2) for account, total in self.env['account.move.line']._read_group(
            [('company_id', '=', self.company.id), ('parent_state', '=', 'posted')], ['account_id'], ['balance:sum']) if round(total, 2)}

    def test_two_equal_invoices_are_left_to_a_person(self):
        older, newer = self.invoice(60, days=30), self.invoice(60, days=10)
        line = self.line(60, 'thanks', partner_id=self.acme.id)
        line.online_sync_match()
        match = line.online_sync_match_ids
        self.assertEqual((match.state, match.item_ids.move_id, match.runner_up_id.move_id), ('proposed', older, newer))
        self.assertFalse(line.is_reconciled)
        match.action_accept()
        self.assertMatched(line, older, how='accepted')

    def test_one_of_two_equal_lines_is_not_unique_although_it_is_asked_for_alone(self):
        self.invoice(60)
        first, _second = self.line(60, 'thanks', partner_id=self.acme.id), self.line(60, 'thanks', partner_id=self.acme.id)
        match = first.online_sync_match()
        self.assertEqual((match.state, match.is_certain), ('proposed', False))

    def test_rejected_is_not_proposed_again(self):
        self.invoice(60, days=30)
        self.invoice(60, days=10)
        line = self.line(60, 'thanks', partner_id=self.acme.id)
        first = line.online_sync_match()
        self.assertEqual(line.online_sync_match(), first, "the same proposal stays the same record")
        first.action_reject()
        again = line.online_sync_match()
        self.assertFalse(again & first)
        self.assertNotEqual(again.item_ids, first.item_ids)

    def test_lines_that_are_not_to_be_touched(self):
        invoice = self.invoice(90, days=60)
        locked = self.line(90, invoice.name, date=TODAY - timedelta(days=40))
        self.env.flush_all()        # Odoo would not lock a period with an open line; another tool may
        self.env.cr.execute("UPDATE res_company SET fiscalyear_lock_date = %s WHERE id = %s", [TODAY - timedelta(days=30), self.company.id])
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        self.assertFalse(locked.online_sync_match())
        hashed = self.line(90, invoice.name)
        self.env.flush_all()
        self.env.cr.execute("UPDATE account_move SET inalterable_hash = '$1$x' WHERE id = %s", [hashed.move_id.id])
        self.env.invalidate_all()
        self.assertFalse(hashed.online_sync_match())
        draft = self.line(90, invoice.name)
        draft.move_id.button_draft()
        self.assertFalse(draft.online_sync_match())
        edited = self.line(90, invoice.name)
        edited.move_id.with_context(skip_readonly_check=True).write({'line_ids': [Command.update(
            edited._seek_for_lines()[1].id, {'account_id': self.company_data['default_account_expense'].id})]})
        self.assertFalse(edited.online_sync_match())

    def test_one_bad_line_stops_no_other(self):
        good, bad = self.invoice(90), self.invoice(91)
        lines = self.line(90, good.name) | self.line(91, bad.name)
        real = type(lines)._online_sync_counterparts

        def refuses(line, items, **more):
            if items.move_id == bad:
                raise UserError("not this one")  # pylint: disable=translation-required
            return real(line, items, **more)
        self.patch(type(lines), '_online_sync_counterparts', refuses)
        lines.online_sync_match()
        self.assertMatched(lines[0], good)
        self.assertEqual((lines[1].online_sync_match_ids.state, lines[1].is_reconciled), ('proposed', False))
        self.assertIn('not this one', lines[1].online_sync_match_ids.sentence)

    def test_journal_that_only_proposes(self):
        invoice = self.invoice(90)
        line = self.line(90, invoice.name)
        for mode in ('propose', 'shadow', 'off'):
            self.bank.online_sync_matching = mode
            match = line.online_sync_match()
            self.assertEqual((match.state, match.is_certain), ('proposed', True), mode)
        match.action_accept()
        self.assertMatched(line, invoice, how='accepted')

    def test_off_where_enterprise_matches(self):
        self.assertEqual(self.bank.online_sync_matching, 'alone')
        lines = type(self.env['account.bank.statement.line'])
        with patch.object(lines, 'set_line_bank_statement_line', create=True, new=lambda line: None):
            self.assertEqual(self.bank.copy({'code': 'ENT'}).online_sync_matching, 'alone', "a copy is as its original")
            journal = self.env['account.journal'].create({'name': 'New', 'type': 'bank', 'code': 'NEW'})
            self.assertEqual(journal.online_sync_matching, 'off')

    def test_line_that_another_addon_reconciled_on_create_is_left(self):
        invoice = self.invoice(90)
        line = self.line(90, invoice.name)
        item = self.term_items(invoice)
        suspense = line._seek_for_lines()[1]
        suspense.with_context(skip_account_move_synchronization=True, skip_readonly_check=True).account_id = item.account_id
        (suspense | item).reconcile()
        before = self.books(invoice | line.move_id)
        self.assertFalse(line.online_sync_match())
        self.assertEqual(self.books(invoice | line.move_id), before)

    def test_other_company_is_not_seen(self):
        other = self.setup_other_company()['company']
        invoice = self.invoice(90)
        foreign = self.env['account.bank.statement.line'].with_company(other).create({
            'journal_id': self.env['account.journal'].search([('company_id', '=', other.id), ('type', '=', 'bank')], limit=1).id,
            'date': TODAY, 'amount': 90, 'payment_ref': invoice.name})
        foreign.online_sync_match()
        self.assertFalse(foreign.is_reconciled)
        self.assertFalse(foreign.online_sync_match_ids)

    def test_rights(self):
        invoice = self.invoice(90)
        line = self.line(90, invoice.name)
        self.bank.online_sync_matching = 'propose'
        match = line.online_sync_match()
        reader = new_test_user(self.env, login='match_reader', groups='account.group_account_readonly', company_id=self.company.id)
        with self.assertRaises(AccessError):
            match.with_user(reader).action_accept()
        basic = new_test_user(self.env, login='match_basic', groups='account.group_account_basic,account.group_account_invoice',
                              company_id=self.company.id)
        match.with_user(basic).action_accept()
        self.assertMatched(line, invoice, how='accepted')
        self.assertEqual(match.applied_by_id, basic)
        line.with_user(basic).online_sync_unmatch()
        self.assertFalse(line.is_reconciled)

    def test_batch_takes_few_queries(self):
        counts = []
        for size in (10, 20):
            invoices = [self.invoice(100 + n) for n in range(size)]
            lines = self.env['account.bank.statement.line'].union(
                *(self.line(100 + n, invoice.name) for n, invoice in enumerate(invoices)))
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            lines.online_sync_match()
            self.env.flush_all()
            counts.append(self.env.cr.sql_log_count - before)
            self.assertEqual(set(lines.mapped('is_reconciled')), {True})
        self.assertLess((counts[1] - counts[0]) / 10, 40, counts)


@tagged('post_install', '-at_install')
class TestMatchRules(MatchCase):
    """The user's reconciliation models, in the shape of the version that runs."""

    def rule(self, text, lines, decides=True, **values):
        kind = self.env['account.reconcile.model']._online_sync_kind_of_rule()
        if not decides:
            kind.update({'auto_reconcile': False} if 'auto_reconcile' in kind else {'trigger': 'manual'})
        return self.env['account.reconcile.model'].create({
            'name': text, 'match_label': 'contains', 'match_label_param': text, 'line_ids': [Command.create(line) for line in lines],
            **kind, **values})

    def test_fee_with_tax(self):
        account, tax = self.company_data['default_account_expense'], self.company_data['default_tax_purchase']
        rule = self.rule('MONTHLY FEE', [{'account_id': account.id, 'amount_type': 'percentage', 'amount_string': '100',
                                          'tax_ids': [Command.set(tax.ids)], 'label': 'Fees'}])
        line = self.line(-115, 'monthly fee march')
        before = self.books(line.move_id)
        line.online_sync_match()
        match = line.online_sync_match_ids
        self.assertEqual((match.state, match.rule_id, match.refusal), ('applied', rule, False))
        base = line.move_id.line_ids.filtered(lambda item: item.account_id == account and item.tax_ids)
        self.assertEqual((base.balance, base.name, base.reconcile_model_id), (100, 'Fees', rule))
        self.assertEqual(line.move_id.line_ids.filtered('tax_line_id').balance, 15)
        self.assertTrue(line.is_reconciled)
        line.online_sync_unmatch()
        self.assertEqual(self.books(line.move_id), before)

    def test_open_document_comes_first(self):
        bill = self.invoice(300, 'in_invoice', ref='FEE-2026-1')
        self.rule('FEE', [{'account_id': self.company_data['default_account_expense'].id, 'amount_string': '100'}])
        line = self.line(-300, 'FEE-2026-1')
        line.online_sync_match()
        self.assertMatched(line, bill)

    def test_rule_that_asks(self):
        rule = self.rule('RENT', [{'account_id': self.company_data['default_account_expense'].id, 'amount_string': '100'}], decides=False)
        line = self.line(-900, 'rent march')
        match = line.online_sync_match()
        self.assertEqual((match.state, match.rule_id), ('proposed', rule))
        match.action_accept()
        self.assertTrue(line.is_reconciled)

    def test_order_and_conditions(self):
        expense = {'account_id': self.company_data['default_account_expense'].id, 'amount_string': '100'}
        self.rule('CARD', [expense], sequence=1, match_amount='greater', match_amount_min=100)
        second = self.rule('CARD FEE', [expense], sequence=2)
        line = self.line(-20, 'card fee')
        self.assertEqual(line.online_sync_match().rule_id, second)

    def test_fixed_then_the_rest(self):
        expense, revenue = self.company_data['default_account_expense'], self.company_data['default_account_revenue']
        self.rule('PAYOUT', [
            {'account_id': expense.id, 'amount_type': 'regex', 'amount_string': r'FEE: ([\d.,]+)', 'sequence': 1},
            {'account_id': revenue.id, 'amount_type': 'percentage', 'amount_string': '100', 'sequence': 2}])
        line = self.line(970, 'PAYOUT FEE: 30.50')
        line.online_sync_match()
        self.assertTrue(line.is_reconciled, line.online_sync_match_ids.sentence)
        booked = {item.account_id: item.balance for item in line.move_id.line_ids}
        self.assertEqual((booked[expense], booked[revenue]), (-30.5, -939.5))

    def test_rest_is_left_to_a_person(self):
        self.rule('HALF', [{'account_id': self.company_data['default_account_expense'].id, 'amount_string': '50'}])
        line = self.line(-80, 'half')
        match = line.online_sync_match()
        self.assertEqual((match.state, match.is_certain, match.rest), ('proposed', False, -40))
        match.action_accept()
        self.assertEqual(line.amount_residual, 40)
        self.assertFalse(line.is_reconciled)

    def test_partner_mapping(self):
        invoice = self.invoice(55)
        if 'partner_mapping_line_ids' in self.env['account.reconcile.model']._fields:
            self.rule('ZZZ', [], partner_mapping_line_ids=[Command.create({
                'partner_id': self.acme.id, 'payment_ref_regex': '.*SHOP 77.*'})])
        else:
            self.rule('SHOP 77', [{'partner_id': self.acme.id, 'amount_string': '100'}])
        line = self.line(55, 'takings of shop 77')
        line.online_sync_match()
        self.assertMatched(line, invoice)


@tagged('post_install', '-at_install')
class TestMatchAfterSync(BankFeedCase):
    """A run matches what it brought, and what was open before."""

    def setUp(self):
        super().setUp()
        self.partner = self.env['res.partner'].create({'name': 'Acme Foods'})
        self.invoice = self.env['account.move'].create({
            'move_type': 'out_invoice', 'partner_id': self.partner.id, 'invoice_date': TODAY - timedelta(days=20),
            'currency_id': self.eur.id,
            'invoice_line_ids': [Command.create({'name': 'x', 'price_unit': 500, 'tax_ids': [Command.clear()]})]})

    def test_matched_in_the_same_run(self):
        self.invoice.action_post()
        self.bank.book(self.account, TODAY - timedelta(days=2), '500', f'your invoice {self.invoice.name}')
        self.bank.book(self.account, TODAY - timedelta(days=1), '-7', 'LUNCH')
        log = self.sync()
        self.assertEqual((log.state, log.matched, log.proposed), ('done', 1, 0))
        self.assertEqual(self.invoice.amount_residual, 0)
        self.assertIn('1 matched', log.detail)
        self.assertEqual(self.mapping.proof_state, 'opening')

    def test_invoice_posted_later_is_found_by_the_next_run(self):
        self.bank.book(self.account, TODAY - timedelta(days=2), '500', 'your invoice')
        self.sync()
        self.invoice.action_post()
        self.lines.search([('journal_id', '=', self.journal.id)]).payment_ref = f'your invoice {self.invoice.name}'
        self.next_day()
        self.assertEqual(self.sync().matched, 1)

    def test_journal_that_is_off(self):
        self.invoice.action_post()
        self.journal.online_sync_matching = 'off'
        self.bank.book(self.account, TODAY - timedelta(days=2), '500', self.invoice.name)
        log = self.sync()
        self.assertFalse(log.matched or log.proposed)
        self.assertFalse(self.env['online.sync.match'].search([('journal_id', '=', self.journal.id)]))

    def test_failure_of_matching_loses_nothing_that_was_read(self):
        self.bank.book(self.account, TODAY - timedelta(days=2), '500', 'X')
        lines = type(self.lines)

        def broken(lines, apply=True):
            raise ValueError("broken")
        with patch.object(lines, 'online_sync_match', broken), self.assertLogs('odoo.addons.account_online_sync', 'ERROR'):
            log = self.sync()
        self.assertEqual(log.state, 'done')
        self.assertIn('looking for what they pay failed', log.detail)
        self.assertBooksAreTheBanks()

    def test_expired_consent_ends_the_run(self):
        self.sync()
        self.server.revoke_key()
        self.next_day()
        self.assertFalse(self.sync().todo)
