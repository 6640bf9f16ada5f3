"""What the Bank Matching screen asks and does; what the person's decisions teach."""
from odoo.exceptions import AccessError, UserError
from odoo.tests import BaseCase, new_test_user, tagged

from ..engine.learning import common_text
from .common import TODAY
from .test_match import MatchCase


@tagged('at_install', '-post_install')
class TestLearning(BaseCase):

    def test_common_text(self):
        self.assertEqual(common_text('LUNCH ROOM HAMBURG 4242', 'lunch room hamburg 17'), 'LUNCH ROOM HAMBURG')
        self.assertEqual(common_text('CARD 4242 Lunch Room 3 MAR', 'CARD 4243 Lunch Room 9 APR'), 'Lunch Room')
        self.assertEqual(common_text('A B', 'A B'), '')
        self.assertEqual(common_text('rent', 'lunch'), '')
        self.assertEqual(common_text('', 'lunch'), '')


@tagged('post_install', '-at_install')
class TestMatchScreen(MatchCase):

    def screen(self):
        return self.env['account.bank.statement.line'].online_sync_screen(self.bank.id)

    def test_shows_open_lines_with_their_proposals(self):
        self.bank.online_sync_matching = 'propose'
        invoice = self.invoice(1210)
        line, other = self.line(1210, invoice.name), self.line(-7, 'LUNCH')
        (line | other).online_sync_match()
        shown = {one['id']: one for one in self.screen()['lines']}
        self.assertEqual(shown[line.id]['match']['subject'], invoice.name)
        self.assertTrue(shown[line.id]['match']['is_certain'])
        self.assertIn('amount equal', shown[line.id]['match']['why'])
        self.assertIsNone(shown[other.id]['match'])
        line.online_sync_match_ids.action_accept()
        self.assertNotIn(line.id, [one['id'] for one in self.screen()['lines']])
        self.assertEqual(self.screen()['open'], 1)

    def test_candidates(self):
        older, newer = self.invoice(60, days=30), self.invoice(60, days=10)
        cheap, blue = self.invoice(10), self.invoice(99, partner=self.blue)
        line = self.line(60, 'thanks', partner_id=self.acme.id)
        line.online_sync_match()
        names = [one['name'] for one in line.online_sync_candidates()]
        self.assertEqual(names[:2], [older.name, newer.name])
        self.assertIn(cheap.name, names)
        for search, found in ((blue.name[-5:], blue), ('blue lab', blue), ('99.00', blue), ('10', cheap)):
            self.assertIn(found.name, [one['name'] for one in line.online_sync_candidates(search)], search)
        self.assertEqual(line.online_sync_candidates('no such thing'), [])

    def test_choose_other(self):
        invoice, other = self.invoice(60, days=30), self.invoice(60, days=10)
        line = self.line(60, 'thanks', partner_id=self.acme.id)
        line.online_sync_match()
        done = line.online_sync_settle_by_hand(self.term_items(other).ids)
        self.assertMatched(line, other, how='hand')
        self.assertEqual((done['line'], done['offer']), (None, None))
        self.assertEqual(invoice.amount_residual, 60)

    def test_part_of_the_line_then_the_rest(self):
        one, two = self.invoice(60), self.invoice(40, partner=self.blue)
        line = self.line(100, 'both')
        before = self.books(one | two | line.move_id)
        done = line.online_sync_settle_by_hand(self.term_items(one).ids)
        self.assertEqual((done['line']['amount'], line.is_reconciled), (40, False))
        self.assertFalse(line.online_sync_match(), "a line that a person began is left to the person")
        line.online_sync_settle_by_hand(self.term_items(two).ids)
        self.assertTrue(line.is_reconciled)
        self.assertEqual((one.amount_residual, two.amount_residual), (0, 0))
        line.online_sync_unmatch()
        self.assertEqual(self.books(one | two | line.move_id), before)
        self.assertEqual(line.online_sync_match_ids.mapped('state'), ['undone', 'undone'])

    def test_part_of_a_foreign_line_then_the_rest(self):
        one, two = self.invoice(60, currency=self.eur), self.invoice(40, currency=self.eur)
        line = self.line(130, 'both', foreign_currency_id=self.eur.id, amount_currency=100)
        line.online_sync_settle_by_hand(self.term_items(one).ids)
        self.assertEqual(line._online_sync_screen_line()['amount'], 40)
        line.online_sync_settle_by_hand(self.term_items(two).ids)
        self.assertTrue(line.is_reconciled)
        self.assertEqual((one.amount_residual, two.amount_residual), (0, 0))
        self.assertAlmostEqual(sum(line.move_id.line_ids.mapped('balance')), 0)

    def test_write_off_with_tax(self):
        account, tax = self.company_data['default_account_expense'], self.company_data['default_tax_purchase']
        line = self.line(-115, 'LUNCH ROOM 1')
        before = self.books(line.move_id)
        line.online_sync_settle_by_hand((), {'account_id': account.id, 'tax_ids': tax.ids, 'label': 'Lunch'})
        base = line.move_id.line_ids.filtered(lambda item: item.account_id == account and item.tax_ids)
        self.assertEqual((base.balance, base.name), (100, 'Lunch'))
        self.assertEqual(line.move_id.line_ids.filtered('tax_line_id').balance, 15)
        self.assertIn('written off on', line.online_sync_match_ids.sentence)
        line.online_sync_unmatch()
        self.assertEqual(self.books(line.move_id), before)

    def test_rest_is_written_off(self):
        invoice, account = self.invoice(100), self.company_data['default_account_expense']
        line = self.line(103, invoice.name)
        line.online_sync_settle_by_hand(self.term_items(invoice).ids, {'account_id': account.id, 'label': 'Rounded up'})
        self.assertTrue(line.is_reconciled)
        self.assertEqual(line.move_id.line_ids.filtered(lambda item: item.account_id == account).balance, -3)

    def test_chosen_too_much(self):
        one, two = self.invoice(60), self.invoice(40)
        line = self.line(60, 'x')
        with self.assertRaisesRegex(UserError, "does not reach"):
            line.online_sync_settle_by_hand((self.term_items(one) | self.term_items(two)).ids)
        line.online_sync_settle_by_hand(self.term_items(one).ids)
        with self.assertRaisesRegex(UserError, "already"):
            line.online_sync_settle_by_hand(self.term_items(two).ids)
        with self.assertRaisesRegex(UserError, "paid already"):
            self.line(60, 'y').online_sync_settle_by_hand(self.term_items(one).ids)
        with self.assertRaises(UserError):
            self.line(60, 'z').online_sync_settle_by_hand()

    def test_rights(self):
        line = self.line(60, 'x')
        reader = new_test_user(self.env, login='screen_reader', groups='account.group_account_readonly', company_id=self.company.id)
        with self.assertRaises(AccessError):
            line.with_user(reader).online_sync_settle_by_hand((), {'account_id': self.company_data['default_account_expense'].id})
        self.assertFalse(self.env['account.bank.statement.line'].with_user(reader).online_sync_screen(self.bank.id)['may_decide'])

    def test_rule_is_offered_after_two_equal_decisions(self):
        account = self.company_data['default_account_expense']
        offers = []
        for text in ('LUNCH ROOM HAMBURG 4711', 'LUNCH ROOM HAMBURG 4712'):
            offers.append(self.line(-7, text).online_sync_settle_by_hand((), {'account_id': account.id})['offer'])
        self.assertIsNone(offers[0])
        self.assertEqual((offers[1]['text'], offers[1]['times']), ('LUNCH ROOM HAMBURG', 2))
        self.assertFalse(self.env['account.reconcile.model'].search([('match_label_param', '=', 'LUNCH ROOM HAMBURG')]))
        action = offers[1]['action']
        self.env[action['res_model']].with_context(**action['context']).create({})
        line = self.line(-8, 'lunch room hamburg 9')
        line.online_sync_match()
        self.assertTrue(line.is_reconciled, line.online_sync_match_ids.sentence)
        self.assertIsNone(self.line(-7, 'LUNCH ROOM HAMBURG 1').online_sync_settle_by_hand((), {'account_id': account.id})['offer'])

    def test_account_number_of_an_earlier_line_is_known(self):
        first = self.line(60, 'x', account_number='BE71096123456769')
        first.online_sync_settle_by_hand(self.term_items(self.invoice(60, partner=self.blue)).ids)
        invoice = self.invoice(75, partner=self.blue)
        line = self.line(75, 'y', account_number='BE71 0961 2345 6769')
        line.online_sync_match()
        self.assertMatched(line, invoice)

    def test_shadow_measures_what_the_person_does(self):
        self.bank.online_sync_matching = 'shadow'
        invoices = [self.invoice(100 + n) for n in range(4)]
        lines = [self.line(100 + n, invoice.name) for n, invoice in enumerate(invoices)]
        noise = self.line(-7, 'LUNCH')
        self.env['account.bank.statement.line'].union(*lines, noise).online_sync_match()
        self.assertFalse(any(line.is_reconciled for line in lines))
        lines[0].online_sync_match_ids.action_accept()
        lines[1].online_sync_settle_by_hand(self.term_items(invoices[1]).ids)
        lines[2].online_sync_settle_by_hand((), {'account_id': self.company_data['default_account_revenue'].id})
        noise.online_sync_settle_by_hand((), {'account_id': self.company_data['default_account_expense'].id})
        suspense = lines[3]._seek_for_lines()[1]        # on another screen
        item = self.term_items(invoices[3])
        suspense.with_context(skip_account_move_synchronization=True, skip_readonly_check=True).account_id = item.account_id
        (suspense | item).reconcile()
        self.screen()
        self.assertEqual([line.online_sync_match_ids.verdict for line in lines], ['same', 'same', 'other', 'same'])
        self.assertEqual((self.bank.online_sync_decided, self.bank.online_sync_precision, self.bank.online_sync_coverage), (5, 0.75, 0.8))
        self.assertFalse(self.bank.online_sync_is_measured)

    def test_month_at_a_glance(self):
        invoice = self.invoice(90)
        self.line(90, invoice.name).online_sync_match()
        self.line(-5, 'open')
        rows = self.env['online.sync.match.report'].search([('journal_id', '=', self.bank.id)])
        self.assertEqual(sorted(rows.mapped('how')), ['alone', 'open'])
        self.assertEqual(set(rows.mapped('date')), {TODAY})
        self.assertEqual(sum(rows.mapped('line_count')), 2)
