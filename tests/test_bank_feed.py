"""Stories of a bank feed: given a bank that says X, when Y, then the books say Z."""
from datetime import timedelta

from odoo.tests import tagged

from .common import TODAY, BankFeedCase


@tagged('post_install', '-at_install')
class TestBankFeed(BankFeedCase):

    def test_first_run_books_what_the_bank_has(self):
        self.bank.book(self.account, TODAY - timedelta(days=3), '-3.20', 'COFFEE CORNER')
        self.bank.book(self.account, TODAY - timedelta(days=2), '500', 'INVOICE 42', partner='Acme')
        log = self.sync()
        self.assertEqual(log.state, 'done', log.detail)
        self.assertEqual(self.book_lines(), [
            (TODAY - timedelta(days=3), -3.2, 'COFFEE CORNER'), (TODAY - timedelta(days=2), 500, 'INVOICE 42')])
        self.assertEqual(self.lines.search([('journal_id', '=', self.journal.id)]).mapped('state'), ['posted', 'posted'])
        self.assertEqual((log.fetched, log.created), (2, 2))

    def test_same_days_read_again_change_nothing(self):
        self.bank.book(self.account, TODAY - timedelta(days=3), '-3.20', 'COFFEE CORNER')
        self.sync()
        self.next_day()
        log = self.sync()
        self.assertBooksAreTheBanks()
        self.assertEqual((log.created, log.updated), (0, 0))

    def test_two_equal_coffees_are_two_lines(self):
        for _cup in range(2):
            self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        self.sync()
        self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        self.next_day()
        self.sync()
        self.assertBooksAreTheBanks()
        self.assertEqual(len(self.book_lines()), 3)

    def test_late_line_of_a_read_day_arrives(self):
        self.sync()
        self.bank.book(self.account, TODAY - timedelta(days=4), '-20', 'LATE')
        self.next_day()
        self.sync()
        self.assertBooksAreTheBanks()

    def test_reissued_ids_double_nothing(self):
        for n in range(6):
            self.bank.book(self.account, TODAY - timedelta(days=n // 2), '-3.20' if n % 2 else -n - 1, 'COFFEE CORNER')
        self.sync()
        self.bank.reissue_ids(self.account)
        self.next_day()
        self.sync()
        self.assertBooksAreTheBanks()
        self.assertFalse(self.issues('duplicate'))

    def test_pending_waits_in_the_inbox_until_it_is_booked(self):
        pending = self.bank.pend(self.account, '-12.50', 'FUEL')
        self.sync()
        self.assertEqual(self.book_lines(), [])
        self.assertEqual(self.mapping.transaction_ids.mapped('status'), ['pending'])
        self.next_day()
        self.bank.settle(pending, amount='-12.75')
        self.sync()
        self.assertEqual([amount for _day, amount, _text in self.book_lines()], [-12.75])
        row = self.mapping.transaction_ids.filtered(lambda row: row.status == 'pending')
        self.assertEqual(row.state, 'superseded')

    def test_edited_amount_overwrites_nothing(self):
        coffee = self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        self.sync()
        self.bank.edit_amount(coffee, '-3.40')
        self.next_day()
        self.sync()
        self.assertEqual([amount for _day, amount, _text in self.book_lines()], [-3.2])
        issue = self.issues('edited')
        self.assertIn('3.40', issue.summary)
        self.assertFalse(self.mapping.ids_trusted)
        issue.action_replace()
        self.assertBooksAreTheBanks()
        self.next_day()
        self.sync()
        self.assertBooksAreTheBanks()

    def test_edited_text_stays_one_line(self):
        coffee = self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER BERLIN')
        self.sync()
        self.bank.edit_text(coffee, 'COFFEE CORNER BERLIN MITTE')
        self.bank.reissue_ids(self.account)
        self.next_day()
        self.sync()
        self.assertBooksAreTheBanks()

    def test_deleted_line_stays_deleted(self):
        self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        self.sync()
        self.lines.search([('journal_id', '=', self.journal.id)]).unlink()
        self.bank.reissue_ids(self.account)
        self.next_day()
        self.sync()
        self.assertEqual(self.book_lines(), [])
        self.assertEqual(self.mapping.transaction_ids.state, 'ignored')

    def test_deleted_entry_stays_deleted(self):
        self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        self.sync()
        move = self.lines.search([('journal_id', '=', self.journal.id)]).move_id
        move.button_draft()
        move.with_context(force_delete=True).unlink()
        self.next_day()
        self.sync()
        self.assertEqual(self.book_lines(), [])

    def test_vanished_line_is_asked_about_after_two_reads(self):
        coffee = self.bank.book(self.account, TODAY - timedelta(days=2), '-3.20', 'COFFEE CORNER')
        self.bank.book(self.account, TODAY - timedelta(days=1), '-9', 'LUNCH')
        self.sync()
        self.bank.vanish(coffee)
        self.next_day()
        self.sync()
        self.assertFalse(self.issues('vanished'))
        self.next_day()
        self.sync()
        self.assertEqual(len(self.book_lines()), 2)
        self.issues('vanished').action_delete_line()
        self.assertBooksAreTheBanks()

    def test_vanished_line_that_a_person_keeps_is_not_asked_about_again(self):
        coffee = self.bank.book(self.account, TODAY - timedelta(days=2), '-3.20', 'COFFEE CORNER')
        self.bank.book(self.account, TODAY - timedelta(days=1), '-9', 'LUNCH')
        self.sync()
        self.bank.vanish(coffee)
        for _read in range(2):
            self.next_day()
            self.sync()
        self.issues('vanished').action_ignore()
        self.next_day()
        self.sync()
        self.assertFalse(self.issues('vanished'))
        self.assertEqual(len(self.book_lines()), 2)

    def test_line_typed_by_hand_is_not_doubled(self):
        hand = self.lines.create({
            'journal_id': self.journal.id, 'date': TODAY - timedelta(days=1), 'amount': -49.9, 'payment_ref': 'coffee machine'})
        self.bank.book(self.account, TODAY - timedelta(days=1), '-49.90', 'COFFEE SHOP')
        self.sync()
        self.assertEqual(len(self.book_lines()), 1)
        self.issues('duplicate').action_same()
        self.assertEqual(hand.online_sync_transaction_id, self.mapping.transaction_ids)
        self.next_day()
        self.sync()
        self.assertEqual(len(self.book_lines()), 1)

    def test_keep_both_books_the_second(self):
        self.lines.create({
            'journal_id': self.journal.id, 'date': TODAY - timedelta(days=1), 'amount': -49.9, 'payment_ref': 'coffee machine'})
        self.bank.book(self.account, TODAY - timedelta(days=1), '-49.90', 'COFFEE SHOP')
        self.sync()
        self.issues('duplicate').action_keep_both()
        self.assertEqual(len(self.book_lines()), 2)
        self.assertFalse(self.issues('duplicate'))

    def test_file_imported_after_the_feed_is_asked_about(self):
        self.bank.book(self.account, TODAY - timedelta(days=1), '-49.90', 'COFFEE SHOP')
        self.sync()
        self.lines.create([
            {'journal_id': self.journal.id, 'date': TODAY - timedelta(days=1), 'amount': -49.9, 'payment_ref': 'from a file'},
            {'journal_id': self.journal.id, 'date': TODAY - timedelta(days=1), 'amount': -50, 'payment_ref': 'another'}])
        issue = self.issues('copied')
        self.assertEqual(len(issue), 1)
        issue.action_delete_copy()
        self.assertEqual([text for *_rest, text in self.book_lines()], ['COFFEE SHOP', 'another'])
        self.next_day()
        self.sync()
        self.assertEqual(len(self.book_lines()), 2)

    def test_locked_period_waits(self):
        self.company.fiscalyear_lock_date = TODAY - timedelta(days=10)
        self.bank.book(self.account, TODAY - timedelta(days=12), '-1', 'OLD')
        self.bank.book(self.account, TODAY - timedelta(days=2), '-2', 'NEW')
        self.sync()
        self.assertEqual(self.book_lines(), [(TODAY - timedelta(days=2), -2, 'NEW')])
        issue = self.issues('locked')
        self.assertEqual(len(issue), 1)
        self.company.fiscalyear_lock_date = False
        issue.action_try_again()
        self.assertBooksAreTheBanks()
        self.assertFalse(self.issues('locked'))

    def test_balance_is_proved_after_the_opening_balance(self):
        self.bank.book(self.account, TODAY - timedelta(days=2), '-200', 'RENT')
        self.sync()
        self.assertEqual(self.mapping.proof_state, 'opening')
        issue = self.issues('opening')
        self.assertIn('1,000.00', issue.summary)
        issue.action_add_opening()
        self.assertEqual(self.mapping.proof_state, 'agrees')
        self.assertEqual(self.mapping.difference, 0)
        self.assertFalse(self.issues())

    def test_difference_says_on_which_day_it_began(self):
        self.bank.book(self.account, TODAY - timedelta(days=5), '-200', 'RENT')
        self.sync()
        self.issues('opening').action_add_opening()
        self.lines.create({'journal_id': self.journal.id, 'date': TODAY - timedelta(days=3), 'amount': -7, 'payment_ref': 'TYPED'})
        self.next_day()
        self.sync()
        issue = self.issues('drift')
        self.assertEqual(issue.date_from, TODAY - timedelta(days=3))
        self.assertEqual(self.mapping.difference, 7)

    def test_failed_days_stay_owed(self):
        self.bank.book(self.account, TODAY - timedelta(days=2), '-200', 'RENT')
        self.server.fail_next(20, status=500)
        log = self.sync()
        self.assertEqual(log.state, 'failed')
        self.assertEqual(self.mapping.coverage_ids.mapped('status'), ['failed'])
        self.assertEqual(self.link.failure_count, 1)
        self.server.clear_faults()
        self.sync()
        self.assertBooksAreTheBanks()
        self.assertEqual(self.link.failure_count, 0)

    def test_expired_consent_fills_the_gap_after_reconnect(self):
        self.sync()
        self.server.revoke_key()
        self.next_day(15)
        self.bank.book(self.account, TODAY + timedelta(days=2), '-200', 'RENT')
        self.sync()
        self.assertEqual(self.link.state, 'expired')
        self.assertTrue(self.issues('consent'))
        self.assertTrue(self.link.activity_ids)
        self.link._sign_in({'setup_token': self.server.new_token()}, return_url='')
        self.assertEqual(self.link.state, 'connected')
        self.assertFalse(self.issues('consent'))
        self.sync()
        self.assertBooksAreTheBanks()
        self.assertEqual(self.mapping.proved_to, self.bank.today - timedelta(days=1))

    def test_bank_that_wants_a_new_sign_in_stops_its_account_only(self):
        self.sync()
        self.server.expire_consent()
        self.next_day(2)
        self.bank.book(self.account, self.bank.today, '-200', 'RENT')
        self.sync()
        self.assertEqual(self.link.state, 'connected')
        self.assertEqual(self.mapping.state, 'error')
        self.assertIn('consent_expired', self.mapping.coverage_ids.mapped('status'))
        self.assertTrue(self.issues('unavailable'))
        self.server.renew_consent()
        self.sync()
        self.assertBooksAreTheBanks()
        self.assertFalse(self.issues('unavailable'))

    def test_used_up_calls_say_when_the_next_is_free(self):
        self.server.fail_next(5, status=429, retry_after=7200)
        log = self.sync()
        self.assertEqual(log.state, 'limited')
        self.assertEqual(self.mapping.coverage_ids.status, 'rate_limited')
        self.assertEqual(self.link.failure_count, 0)
        self.assertIn('next one is free', self.link._outcome_sentence('done'))
        calls = len(self.server.calls)
        self.sync()
        self.assertEqual(len(self.server.calls), calls, "no call while the bank forbids it")
