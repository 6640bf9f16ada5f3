"""What a careful bookkeeper would not match alone, and what must not spoil the books: found by reviews, one test each."""
from datetime import timedelta

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import TODAY
from .test_match import MatchCase


class HardCase(MatchCase):

    def assertOpen(self, *lines):
        for line in lines:
            self.assertFalse(line.is_reconciled, line.online_sync_match_ids.mapped('sentence'))

    def assertStaysOpen(self, *lines):
        """Matching leaves the lines to a person."""
        self.env['account.bank.statement.line'].union(*lines).online_sync_match()
        self.assertOpen(*lines)

    def eur_journal(self):
        return self.env['account.journal'].create({'name': 'EUR', 'type': 'bank', 'code': 'BEUR', 'currency_id': self.eur.id})

    def discounted(self, currency=None):
        term = self.env['account.payment.term'].create({
            'name': '2/10', 'early_discount': True, 'discount_percentage': 2, 'discount_days': 10,
            'early_pay_discount_computation': 'included',
            'line_ids': [Command.create({'value': 'percent', 'value_amount': 100, 'nb_days': 30})]})
        return self.invoice(1000, days=3, currency=currency, invoice_payment_term_id=term.id)

    def instalments(self, *shares):
        term = self.env['account.payment.term'].create({'name': 'parts', 'line_ids': [
            Command.create({'value': 'percent', 'value_amount': share, 'nb_days': 30 * n}) for n, share in enumerate(shares)]})
        return self.invoice(1000, days=3, invoice_payment_term_id=term.id)


@tagged('post_install', '-at_install')
class TestNotAlone(HardCase):
    """Coincidences."""

    def test_day_or_month_in_the_text_is_no_number(self):
        self.invoice(300, 'in_invoice', ref='R-77', days=9)
        invoices = [self.invoice(100 + n, partner=self.blue) for n in range(4)]
        self.assertStaysOpen(
            self.line(-300, 'direct debit 2026-03-01 GYM', partner_name='City Gym'),
            self.line(102, 'rent 2026-03', partner_name='Somebody Else'), self.line(60, 'card payment 2026-03-09', partner_id=self.blue.id))
        line = self.line(103, f'{invoices[3].name} 2026-03-09')
        line.online_sync_match()
        self.assertMatched(line, invoices[3])

    def test_reference_that_looks_like_a_day_or_a_month(self):
        for ref, text in (('09032026', 'POS 09.03.2026 SHELL'), ('260309', 'POS 26.03.09 SHELL'), ('March 2026', 'Salary March 2026'),
                          ('Q1 2026', 'rent Q1 2026')):
            bill = self.invoice(60, 'in_invoice', partner=self.blue, ref=ref)
            self.assertStaysOpen(self.line(-60, text, partner_name='John Employee'))
            bill.button_draft()

    def test_counterpart_without_open_items_is_known_all_the_same(self):
        self.env['res.partner.bank'].create({'acc_number': 'BE71096123456769', 'partner_id': self.blue.id})
        self.env['res.partner'].create([{'name': 'Acme Foods Germany GmbH'}, {'name': 'Cedar'}, {'name': 'Cedar'}])
        cedar = self.env['res.partner'].search([('name', '=', 'Cedar')], limit=1)
        self.invoice(90, 'in_invoice', ref='1001-26')
        self.invoice(70)
        self.invoice(75, partner=cedar)
        self.assertStaysOpen(
            self.line(-90, 'payment 1001-26', account_number='BE71096123456769', partner_name='Blue Labs'),
            self.line(70, 'order of acme foods', account_number='BE71 0961 2345 6769'),
            self.line(70, 'order', partner_name='Acme Foods Germany GmbH'), self.line(75, 'order', partner_name='Cedar'))

    def test_namesakes_under_another_spelling(self):
        """Legal forms, accents and punctuation tell nobody apart: of two partners that are called alike, none is meant for sure."""
        for number, (mine, other) in enumerate((
                ('Bäckerei Süd GmbH', 'Backerei Sud'), ("O'Neil & Sons Ltd.", 'ONeil Sons'), ('Straße Logistik AG', 'Strasse, Logistik'))):
            partner, _other = self.env['res.partner'].create([{'name': mine}, {'name': other}])
            self.invoice(70 + number, partner=partner)
            self.assertStaysOpen(self.line(70 + number, 'order', partner_name=mine.upper()))

    def test_document_that_is_later_than_the_payment(self):
        """The partner and the amount alone may be last month's, paid twice; the number says that it is this document."""
        invoice = self.invoice(70, days=-5)
        self.assertStaysOpen(self.line(70, 'subscription', partner_name='Acme Foods'))
        named = self.line(70, invoice.name, partner_name='Acme Foods')
        named.online_sync_match()
        self.assertMatched(named, invoice)

    def test_transfer_to_an_account_with_a_journal_for_each_currency(self):
        journals = self.eur_journal() | self.bank.copy({'name': 'Dollars', 'code': 'USD2', 'currency_id': False})
        for journal in (*journals, *reversed(journals)):
            journal.set_bank_account('BE71096123456769')
        out = self.line(-500, 'top up', account_number='BE71 0961 2345 6769')
        into = self.line(500, 'top up', journal=journals[1])
        (out | into).online_sync_match()
        self.assertEqual((out | into).mapped('is_reconciled'), [True, True])

    def test_name_in_a_text_is_not_enough(self):
        orange = self.env['res.partner'].create({'name': 'Orange'})
        self.invoice(60, 'in_invoice', partner=orange, ref='k1')
        self.invoice(100)
        self.invoice(50)
        self.assertStaysOpen(self.line(-60, 'card payment juice bar orange street'),
                             self.line(150, 'refund of Acme Foods order', partner_name='Zeta Trading'))

    def test_account_of_a_payment_service(self):
        first, service = self.invoice(50), 'LU89751000135104200E'
        line = self.line(50, first.name, account_number=service, partner_name='PayPal')
        line.online_sync_match()
        self.assertMatched(line, first)
        self.invoice(77)
        self.assertStaysOpen(self.line(77, 'payout', account_number=service, partner_name='Blue Labs'))

    def test_text_that_names_another_document(self):
        paid, opened = self.invoice(60, days=30), self.invoice(60, days=10)
        first = self.line(60, paid.name)
        first.online_sync_match()
        self.assertMatched(first, paid)
        self.invoice(300, 'in_invoice', ref='2026-0778')
        iban = {'account_number': 'NL91ABNA0417164300'}
        self.assertStaysOpen(
            self.line(60, f"Invoice {paid.name.split('/', 1)[1]}", **iban), self.line(-300, 'Rechnung 2026-0777', **iban),
            self.line(60, 'inv 1', **iban))
        self.assertEqual(opened.amount_residual, 60)

    def test_payment_that_came_back_pays_no_credit_note(self):
        self.invoice(60, 'out_refund')
        for text in ('CHARGEBACK: Acme Foods', 'RETURN: Acme Foods', 'R-transaction', 'Lastschriftrückgabe', '(storno)', 'impayée'):
            self.assertStaysOpen(self.line(-60, text, account_number='NL91ABNA0417164300'))
        self.assertStaysOpen(self.line(-60, 'x', ref='chargeback', partner_id=self.acme.id))

    def test_payment_registered_in_another_bank_journal(self):
        other = self.bank.copy({'name': 'Savings', 'code': 'SAV'})
        outstanding = self.env['account.account'].create({
            'name': 'Out', 'code': '101499', 'account_type': 'asset_current', 'reconcile': True})
        (self.bank | other).inbound_payment_method_line_ids.payment_account_id = outstanding
        self.env['account.payment'].create({
            'payment_type': 'inbound', 'partner_type': 'customer', 'partner_id': self.acme.id, 'amount': 250, 'journal_id': other.id,
            'date': TODAY}).action_post()
        self.assertStaysOpen(self.line(250, 'thanks', account_number='NL91ABNA0417164300'))

    def test_all_that_is_open_must_be_all_and_of_one_kind(self):
        self.invoice(100)
        bill = self.invoice(40, 'in_invoice', ref='xk1')
        self.assertStaysOpen(self.line(60, 'thanks', account_number='NL91ABNA0417164300'))
        bill.button_draft()
        self.invoice(50)
        self.invoice(30, currency=self.eur)
        self.assertStaysOpen(self.line(150, 'thanks', partner_id=self.acme.id))

    def test_weaker_line_does_not_take_what_another_names(self):
        invoice = self.invoice(100)
        self.assertStaysOpen(self.line(98, invoice.name, partner_id=self.acme.id), self.line(100, 'x', partner_id=self.acme.id))

    def test_what_a_person_refused_makes_the_other_no_surer(self):
        self.invoice(60, days=20)
        self.invoice(60, days=10)
        line = self.line(60, 'thanks', partner_id=self.acme.id)
        line.online_sync_match().action_reject()
        self.assertStaysOpen(line)

    def test_text_that_names_another_customer_than_the_account(self):
        self.invoice(77)
        self.invoice(77, partner=self.blue)
        self.assertStaysOpen(self.line(77, 'on behalf of Blue Labs', account_number='NL91ABNA0417164300'))

    def test_ordinary_words_are_no_return(self):
        for text in ('%s reverse charge', 'unpaid invoice %s', 'Payment for transaction %s', 'SEPA transfer transaction %s', 'REF USED %s'):
            invoice = self.invoice(60)
            line = self.line(60, text % invoice.name, partner_name='Acme Foods')
            line.online_sync_match()
            self.assertMatched(line, invoice)

    def test_numbers_that_only_begin_like_a_day_or_month(self):
        for ref in ('H-12345', 'DEC-2341', 'MARTEC 4711'):
            bill = self.invoice(60, 'in_invoice', ref=ref)
            line = self.line(-60, f'Bill {ref}', partner_name='Acme Foods')
            line.online_sync_match()
            self.assertMatched(line, bill)

    def test_contacts_name_in_the_text_refutes_no_number(self):
        self.env['res.partner'].create({'name': 'Invoice', 'parent_id': self.blue.id, 'type': 'invoice'})
        self.invoice(33, partner=self.blue)
        invoice = self.invoice(90)
        line = self.line(90, f'Invoice {invoice.name}')
        line.online_sync_match()
        self.assertMatched(line, invoice)

    def test_same_number_of_two_vendors(self):
        bill = self.invoice(60, 'in_invoice', ref='2026-001')
        self.invoice(70, 'in_invoice', partner=self.blue, ref='2026-001')
        line = self.line(-60, 'Bill 2026-001', partner_name='Acme Foods')
        line.online_sync_match()
        self.assertMatched(line, bill)

    def test_instalments(self):
        parts, halves = self.instalments(30, 70), self.instalments(50, 50)
        lines = self.line(300, parts.name) | self.line(500, halves.name)
        lines.online_sync_match()
        self.assertMatched(lines[0], parts)
        self.assertMatched(lines[1], halves)
        self.assertEqual(lines[1].online_sync_match_ids.item_ids.date_maturity, TODAY - timedelta(days=3))
        whole = self.instalments(50, 50)
        line = self.line(1000, whole.name)
        line.online_sync_match()
        self.assertMatched(line, whole)

    def test_rejected_gives_way_to_what_comes_second(self):
        invoice = self.invoice(90, partner=self.blue)
        self.bank.online_sync_matching = 'propose'
        line = self.line(90, invoice.name)
        line.online_sync_match().action_reject()
        self.assertFalse(line.online_sync_match())
        other = self.line(90, 'thanks', partner_name='Blue Labs')
        other.online_sync_match()
        self.assertEqual(other.online_sync_match_ids.item_ids.move_id, invoice)


@tagged('post_install', '-at_install')
class TestBooksStaySound(HardCase):
    """What would put wrong amounts into the books."""

    def test_discount_of_an_invoice_that_is_partly_paid(self):
        journal, invoice = self.eur_journal(), self.discounted(currency=self.eur)
        self.line(500, 'x', journal=journal).online_sync_settle_by_hand(self.term_items(invoice).ids)
        self.assertStaysOpen(self.line(980, invoice.name, journal=journal))

    def test_discount_proposed_before_a_part_was_paid(self):
        invoice = self.discounted()
        match = self.line(980, invoice.name).online_sync_match(apply=False)
        self.line(500, 'x').online_sync_settle_by_hand(self.term_items(invoice).ids)
        with self.assertRaisesRegex(UserError, "discount"):
            match.action_accept()

    def test_payment_opened_by_a_person_stays_open(self):
        invoice = self.invoice(90)
        line = self.line(90, invoice.name)
        line.online_sync_match()
        self.term_items(invoice).remove_move_reconcile()
        self.env['account.bank.statement.line'].online_sync_look_again(self.bank.id)
        self.assertEqual((invoice.amount_residual, line.is_reconciled), (90, True))

    def test_one_of_two_documents_went_back_to_draft(self):
        one, two = self.invoice(50), self.invoice(50)
        line = self.line(100, f'{one.name} {two.name}')
        line.online_sync_match()
        self.assertMatched(line, one, two)
        one.button_draft()
        self.env['account.bank.statement.line'].online_sync_look_again(self.bank.id)
        if not self.term_items(one).matched_credit_ids:     # 19.0 keeps a draft reconciled
            self.assertOpen(line)
            self.assertEqual(two.amount_residual, 50)

    def test_foreign_amounts_that_changed_since_the_proposal(self):
        invoice = self.invoice(100, currency=self.eur)
        match = self.line(130, invoice.name, foreign_currency_id=self.eur.id, amount_currency=100).online_sync_match(apply=False)
        self.line(40, 'x', journal=self.eur_journal()).online_sync_settle_by_hand(self.term_items(invoice).ids)
        self.env['account.bank.statement.line']._online_sync_apply_safely(match)
        self.assertOpen(match.statement_line_id)

    def test_registered_payment_is_not_cleared_in_part(self):
        self.inbound_payment_method_line.payment_account_id = self.env['account.account'].create({
            'name': 'Out', 'code': '101499', 'account_type': 'asset_current', 'reconcile': True})
        invoice = self.invoice(1000)
        self.env['account.payment.register'].with_context(active_model='account.move', active_ids=invoice.ids).create({
            'journal_id': self.bank.id, 'payment_method_line_id': self.inbound_payment_method_line.id})._create_payments()
        self.assertStaysOpen(self.line(400, invoice.name, partner_name='Acme Foods'))

    def test_entry_that_does_not_balance_is_refused(self):
        invoice = self.invoice(60)
        line = self.line(60, invoice.name)
        real = type(line)._online_sync_counterparts

        def wrong(line, items, **more):
            parts, left = real(line, items, **more)
            parts[0].balance += 0.01
            parts[0].amount_currency += 0.01
            return parts, left
        self.patch(type(line), '_online_sync_counterparts', wrong)
        line.online_sync_match()
        self.assertOpen(line)
        self.assertAlmostEqual(sum(line.move_id.line_ids.mapped('balance')), 0)

    def test_look_again_without_a_journal(self):
        self.assertEqual(self.env['account.bank.statement.line'].online_sync_look_again(False), {'matched': 0, 'proposed': 0})

    def test_what_odoo_refused_is_not_tried_at_each_run(self):
        invoice = self.invoice(60)
        line, tries = self.line(60, invoice.name), []

        def refuses(line, items, **more):
            tries.append(items)
            raise UserError("not now")  # pylint: disable=translation-required
        self.patch(type(line), '_online_sync_counterparts', refuses)
        with mute_logger('odoo.addons.account_online_sync.models.account_bank_statement_line_match'):
            for _run in range(3):
                line.online_sync_match()
        self.assertLessEqual(len(tries), 2, "in its batch and alone, once")
        self.assertIn('not now', line.online_sync_match_ids.sentence)

    def test_one_invoice_is_not_paid_twice_at_once(self):
        self.invoice(60)
        lines = self.line(60, 'thanks', partner_id=self.acme.id) | self.line(60, 'thanks', partner_id=self.acme.id)
        matches = lines.online_sync_match()
        self.assertEqual(len(matches), 2)
        with self.assertRaisesRegex(UserError, "two of these"):
            matches.action_accept()
        self.assertOpen(*lines)

    def test_amounts_that_changed_since_the_proposal(self):
        invoice = self.invoice(1000)
        match = self.line(1000, invoice.name).online_sync_match(apply=False)
        self.line(400, 'x').online_sync_settle_by_hand(self.term_items(invoice).ids)
        self.env['account.bank.statement.line']._online_sync_apply_safely(match)
        self.assertOpen(match.statement_line_id)
        self.assertIn('changed', match.refusal)
        match.action_accept()
        self.assertEqual((match.rest, match.statement_line_id.amount_residual), (400, -400))

    def test_document_that_is_gone(self):
        self.bank.online_sync_matching = 'propose'
        invoice = self.invoice(90)
        match = self.line(90, invoice.name).online_sync_match()
        invoice.button_draft()
        invoice.unlink()
        with self.assertRaisesRegex(UserError, "gone"):
            match.action_accept()

    def test_document_that_went_back_to_draft_opens_the_line_again(self):
        invoice = self.invoice(90)
        line = self.line(90, invoice.name)
        before = self.books(line.move_id)
        line.online_sync_match()
        invoice.button_draft()
        self.assertTrue(line.is_reconciled, "as Odoo has it")
        is_kept = bool(self.term_items(invoice).matched_credit_ids)     # 19.0 keeps a draft reconciled
        again = self.env['account.bank.statement.line'].online_sync_look_again(self.bank.id)
        if not is_kept:
            self.assertEqual(self.books(line.move_id), before)
            self.assertEqual((again['matched'], line.is_reconciled), (0, False))
            self.assertIn('no longer posted', line.move_id.message_ids[:1].body)
        invoice.action_post()
        again = self.env['account.bank.statement.line'].online_sync_look_again(self.bank.id)
        self.assertEqual((again['matched'], invoice.amount_residual, line.is_reconciled), (0 if is_kept else 1, 0, True))

    def transfer(self):
        other = self.bank.copy({'name': 'Savings', 'code': 'SAV'})
        for journal, number in ((self.bank, 'DE02120300000000202051'), (other, 'DE02500105170137075030')):
            journal.set_bank_account(number)
        return (self.line(-500, 'x', account_number='DE02500105170137075030'),
                self.line(500, 'y', journal=other, account_number='DE02120300000000202051'))

    def test_transfer_whose_other_side_is_settled_in_part(self):
        out, into = self.transfer()
        into.online_sync_settle_by_hand(self.term_items(self.invoice(300)).ids)
        self.assertStaysOpen(out)

    def test_transfer_of_which_only_one_side_was_looked_at(self):
        out, into = self.transfer()
        self.bank.online_sync_matching = 'propose'
        before = self.books(out.move_id | into.move_id)
        out.online_sync_match().action_accept()
        self.assertTrue(out.is_reconciled and into.is_reconciled)
        self.assertEqual(into.online_sync_match_ids.state, 'applied')
        into.online_sync_unmatch()
        self.assertEqual(self.books(out.move_id | into.move_id), before)

    def test_transfer_that_was_rejected(self):
        out, into = self.transfer()
        (out | into).online_sync_match(apply=False)
        out.online_sync_match_ids.action_reject()
        self.assertStaysOpen(out, into)

    def test_bank_items_cannot_be_chosen(self):
        line, other = self.line(60, 'x'), self.line(61, 'y')
        for items in (line._seek_for_lines()[0], line._seek_for_lines()[1], other._seek_for_lines()[0]):
            with self.assertRaises(UserError):
                line.online_sync_settle_by_hand(items.ids)
        for account in (self.bank.default_account_id, self.bank.suspense_account_id):
            with self.assertRaises(UserError):
                line.online_sync_settle_by_hand([], {'account_id': account.id})
        gone = self.invoice(60)
        item = self.term_items(gone)
        gone.button_draft()
        with self.assertRaises(UserError):
            line.online_sync_settle_by_hand(item.ids)
        self.assertOpen(line)

    def test_difference_that_the_invoice_leaves_is_written_off(self):
        invoice, account = self.invoice(100), self.company_data['default_account_expense']
        line = self.line(97, invoice.name)
        before = self.books(invoice | line.move_id)
        line.online_sync_settle_by_hand(self.term_items(invoice).ids, {'account_id': account.id, 'label': 'Bank fee'})
        self.assertEqual((invoice.amount_residual, line.is_reconciled), (0, True))
        self.assertEqual(line.move_id.line_ids.filtered(lambda item: item.account_id == account).balance, 3)
        line.online_sync_unmatch()
        self.assertEqual(self.books(invoice | line.move_id), before)

    def test_reader_spoils_nothing(self):
        invoice = self.invoice(60)
        line = self.line(60, invoice.name)
        match = line.online_sync_match(apply=False)
        for group in ('account.group_account_readonly', 'account.group_account_invoice'):
            user = new_test_user(self.env, login=group, groups=group, company_id=self.company.id)
            for call in (line.with_user(user).online_sync_match, match.with_user(user).action_accept, match.with_user(user).action_reject,
                         lambda user=user: self.env['account.bank.statement.line'].with_user(user).online_sync_look_again(self.bank.id)):
                with self.assertRaises(AccessError):
                    call()
        self.assertEqual((match.state, match.is_certain, match.refusal), ('proposed', True, False))

    def test_screen_reads_its_lines_together(self):
        self.bank.online_sync_matching = 'propose'
        counts = []
        for start in (0, 10):
            for n in range(start, start + 10):
                self.line(100 + n, self.invoice(100 + n).name)
            self.env['account.bank.statement.line'].search([('journal_id', '=', self.bank.id)]).online_sync_match()
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertEqual(len(self.env['account.bank.statement.line'].online_sync_screen(self.bank.id)['lines']), start + 10)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLess(counts[1] - counts[0], 10, counts)


@tagged('post_install', '-at_install')
class TestHardRules(HardCase):
    """The user's rules at their edges."""

    def rule(self, text, *lines, **values):
        kind = self.env['account.reconcile.model']._online_sync_kind_of_rule()
        return self.env['account.reconcile.model'].create({
            'name': text, 'match_label': 'contains', 'match_label_param': text, 'line_ids': [Command.create(line) for line in lines],
            **kind, **values})

    def setUp(self):
        super().setUp()
        self.expense, self.revenue = self.company_data['default_account_expense'], self.company_data['default_account_revenue']

    def balances(self, line):
        return {item.account_id: item.balance for item in line.move_id.line_ids}

    def test_fixed_amount_above_the_line(self):
        self.rule('PAYOUT', {'account_id': self.expense.id, 'amount_type': 'fixed', 'amount_string': '10', 'sequence': 1},
                  {'account_id': self.revenue.id, 'amount_type': 'percentage', 'amount_string': '100', 'sequence': 2})
        self.assertStaysOpen(self.line(3, 'payout'))

    def test_shares_above_the_line_that_come_to_it_in_the_end(self):
        self.rule('CARDS', {'account_id': self.revenue.id, 'amount_type': 'percentage_st_line', 'amount_string': '103', 'sequence': 1},
                  {'account_id': self.expense.id, 'amount_type': 'percentage_st_line', 'amount_string': '-3', 'sequence': 2})
        line = self.line(100, 'cards')
        line.online_sync_match()
        self.assertTrue(line.is_reconciled)
        self.assertEqual((self.balances(line)[self.revenue], self.balances(line)[self.expense]), (-103, 3))

    def test_amount_of_the_label_is_in_the_journals_currency(self):
        self.rule('FEE', {'account_id': self.expense.id, 'amount_type': 'regex', 'amount_string': r'FEE ([\d.]+)', 'sequence': 1},
                  {'account_id': self.revenue.id, 'amount_type': 'percentage', 'amount_string': '100', 'sequence': 2})
        line = self.line(130, 'FEE 13.00 USD', foreign_currency_id=self.eur.id, amount_currency=100)
        line.online_sync_match()
        self.assertTrue(line.is_reconciled, line.online_sync_match_ids.sentence)
        self.assertEqual((self.balances(line)[self.expense], self.balances(line)[self.revenue]), (-13, -117))

    def test_fixed_amount_with_its_tax_on_top(self):
        tax = self.company_data['default_tax_purchase']
        self.rule('FEE', {'account_id': self.expense.id, 'amount_type': 'fixed', 'amount_string': '100', 'tax_ids': [Command.set(tax.ids)]})
        line = self.line(-115, 'fee')
        line.online_sync_match()
        self.assertTrue(line.is_reconciled, line.online_sync_match_ids.sentence)
        self.assertEqual(self.balances(line)[self.expense], 100)

    def test_tax_on_top_in_another_currency_balances_to_the_cent(self):
        self.eur.rate_ids.filtered(lambda rate: rate.name.month == 3).rate = 0.83
        tax = self.company_data['default_tax_purchase']
        journal = self.eur_journal()
        self.rule('FEE', {'account_id': self.expense.id, 'amount_type': 'fixed', 'amount_string': '1', 'tax_ids': [Command.set(tax.ids)],
                          'sequence': 1},
                  {'account_id': self.revenue.id, 'amount_type': 'percentage', 'amount_string': '100', 'sequence': 2})
        line, small = self.line(-100, 'fee', journal=journal), self.line(-1.1, 'fee', journal=journal)
        (line | small).online_sync_match()
        self.env.invalidate_all()
        self.assertTrue(line.is_reconciled, line.online_sync_match_ids.sentence)
        self.assertAlmostEqual(sum(line.move_id.line_ids.mapped('balance')), 0)
        self.assertOpen(small)

    def test_tax_items(self):
        """The base in the company's currency, and the analytic distribution on a tax that wants it."""
        tax = self.company_data['default_tax_purchase']
        tax.analytic = True
        plan = self.env['account.analytic.plan'].create({'name': 'p'})
        analytic = self.env['account.analytic.account'].create({'name': 'a', 'plan_id': plan.id})
        self.rule('FEE', {'account_id': self.expense.id, 'amount_string': '100', 'tax_ids': [Command.set(tax.ids)],
                          'analytic_distribution': {str(analytic.id): 100}})
        line = self.line(-115, 'fee', journal=self.eur_journal())
        line.online_sync_match()
        item = line.move_id.line_ids.filtered('tax_line_id')
        self.assertEqual((item.amount_currency, item.balance, abs(item.tax_base_amount)), (15, 18.75, 125))
        self.assertEqual(item.analytic_distribution, {str(analytic.id): 100})

    def test_expressions_that_are_broken_or_endless(self):
        for expression in ('fee (', '(a+)+$'):
            self.env['account.reconcile.model'].search([]).unlink()
            rule = self.rule('x', {'account_id': self.expense.id, 'amount_string': '100'})
            self.env.flush_all()
            self.env.cr.execute("UPDATE account_reconcile_model SET match_label = 'match_regex', match_label_param = %s WHERE id = %s",
                                [expression, rule.id])
            self.env.invalidate_all()
            invoice = self.invoice(60)
            line = self.line(60, invoice.name)
            bad = self.line(-5, 'a' * 60 + '!')
            (line | bad).online_sync_match()
            self.assertMatched(line, invoice)
            self.assertOpen(bad)

    def test_rule_that_breaks_on_a_line_stops_no_other(self):
        self.rule('FEE', {'account_id': self.expense.id, 'amount_string': '100'})
        invoice = self.invoice(60)
        line, bad = self.line(60, invoice.name), self.line(-5, 'fee')

        def broken(rules, line):
            raise ZeroDivisionError
        self.patch(type(self.env['account.reconcile.model']), '_online_sync_match', broken)
        with mute_logger('odoo.addons.account_online_sync.models.account_bank_statement_line_match'):
            (line | bad).online_sync_match()
        self.assertMatched(line, invoice)
        self.assertOpen(bad)

    def test_open_bill_of_the_partner_comes_before_a_rule(self):
        self.rule('HOST', {'account_id': self.expense.id, 'amount_string': '100'})
        self.invoice(300, 'in_invoice', ref='HOST-2026-1', partner=self.blue)
        self.assertStaysOpen(self.line(-290, 'HOST services', partner_id=self.blue.id))

    def test_rule_that_a_person_took_back_makes_no_other_sure(self):
        wrong = self.rule('FEE', {'account_id': self.expense.id, 'amount_string': '100'})
        line = self.line(-5, 'fee')
        line.online_sync_match()
        self.assertEqual(line.online_sync_match_ids.rule_id, wrong)
        line.online_sync_unmatch()
        wrong.active = False
        other = self.rule('fee', {'account_id': self.expense.id, 'amount_string': '100'})
        self.assertStaysOpen(line)
        self.assertEqual(line.online_sync_match_ids.filtered(lambda match: match.state == 'proposed').rule_id, other)
