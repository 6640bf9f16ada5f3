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

    def test_bank_that_wants_a_new_sign_in_is_one_question_for_all_its_accounts(self):
        self.bank.open('Savings', opening='50')
        self.link.action_fetch_accounts()
        self.link.account_ids.filtered(lambda account: not account.journal_id).mapping = 'create'
        self.link.account_ids._apply_mapping()
        self.server.expire_consent()
        log = self.sync()
        self.assertEqual(log.state, 'failed')
        issue = self.issues('unavailable')
        self.assertEqual(len(issue), 1)
        for name in ('Current account', 'Savings'):
            self.assertIn(name, issue.blocks)
        self.assertIn('https://', issue.summary)
        self.server.renew_consent()
        self.assertEqual(self.sync().state, 'done')
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


@tagged('post_install', '-at_install')
class TestCorrections(BankFeedCase):
    """What a bank does to movements that it told before. Each story was found by tests/test_faults.py."""

    def book_some(self):
        """Two movements, and one on either side of them, so that neither is at the edge of what is read."""
        self.bank.book(self.account, TODAY - timedelta(days=6), '-6', 'FIRST')
        coffee = self.bank.book(self.account, TODAY - timedelta(days=3), '-3.20', 'COFFEE CORNER')
        tea = self.bank.book(self.account, TODAY - timedelta(days=3), '-2.50', 'TEA HOUSE')
        self.bank.book(self.account, TODAY - timedelta(days=1), '-1', 'LAST')
        self.sync()
        return coffee, tea

    def sync_days(self, days):
        for _day in range(days):
            self.next_day()
            self.sync()

    def test_movement_that_comes_back_is_booked_again(self):
        coffee, _tea = self.book_some()
        self.bank.vanish(coffee)
        self.sync_days(2)
        self.issues('vanished').action_delete_line()
        self.account.movements.append(coffee)
        self.sync_days(1)
        self.assertBooksAreTheBanks()

    def test_amount_changed_and_changed_back_is_asked_about(self):
        coffee, _tea = self.book_some()
        self.bank.edit_amount(coffee, '-3.40')
        self.sync_days(1)
        self.issues('edited').action_replace()
        self.bank.edit_amount(coffee, '-3.20')
        self.sync_days(2)
        self.issues('vanished').action_delete_line()
        self.assertBooksAreTheBanks()

    def test_question_goes_when_the_bank_shows_the_movement_again(self):
        coffee, _tea = self.book_some()
        self.bank.vanish(coffee)
        self.sync_days(2)
        self.assertTrue(self.issues('vanished'))
        self.account.movements.append(coffee)
        self.sync_days(1)
        self.assertFalse(self.issues('vanished'))
        self.assertBooksAreTheBanks()

    def test_changed_amount_is_one_question(self):
        coffee, _tea = self.book_some()
        self.bank.edit_amount(coffee, '-3.40')
        self.sync_days(3)
        self.assertEqual(self.issues().mapped('kind').count('edited'), 1)
        self.assertFalse(self.issues('vanished'))

    def test_missed_movement_is_looked_for_until_it_is_asked_about(self):
        """Missed once, then nobody reads for so long that its day is no longer read again by itself."""
        coffee, _tea = self.book_some()
        self.bank.vanish(coffee)
        self.sync_days(1)
        self.next_day(20)
        self.sync()
        self.issues('vanished').action_delete_line()
        self.assertBooksAreTheBanks()

    def test_movement_that_moved_into_the_days_read_again_is_a_question(self):
        rent = self.bank.book(self.account, TODAY - timedelta(days=12), '-200', 'RENT')
        self.book_some()
        self.bank.reissue_ids(self.account)
        self.bank.move_date(rent, TODAY - timedelta(days=8))
        self.mapping._owe_again(TODAY - timedelta(days=1))
        self.sync_days(1)
        self.issues('duplicate').action_same()
        self.sync_days(1)
        self.assertEqual([day for day, amount, _text in self.book_lines() if amount == -200], [TODAY - timedelta(days=12)])

    def test_pending_that_is_booked_under_an_old_date_arrives(self):
        """A hotel's hold: booked after weeks, under the day of the hold, which no run reads again by itself."""
        self.book_some()
        hold = self.bank.pend(self.account, '-80', 'HOTEL')
        self.sync_days(1)
        for _week in range(3):
            self.next_day(7)
            self.sync()
        hold.pending = False
        self.sync_days(1)
        self.assertBooksAreTheBanks()

    def test_text_rewritten_to_that_of_a_new_movement(self):
        """One becomes equal to another that comes at the same time: both are numbered among the equal ones."""
        coffee, _tea = self.book_some()
        self.bank.edit_text(coffee, 'LUNCH')
        self.bank.book(self.account, coffee.day, coffee.amount, 'LUNCH')
        self.next_day()
        self.assertEqual(self.sync().state, 'done')
        self.assertBooksAreTheBanks()

    def test_one_id_for_two_movements_harms_nothing(self):
        coffee, _tea = self.book_some()
        lunch = self.bank.book(self.account, coffee.day, '-9.90', 'LUNCH')
        coffee.id = lunch.id = 'SAME'
        self.next_day()
        self.assertEqual(self.sync().state, 'done')
        self.assertBooksAreTheBanks()

    def test_row_keeps_its_id_when_its_neighbour_gets_another(self):
        coffee, tea = self.book_some()
        self.bank.vanish(tea)
        self.sync_days(1)
        self.account.movements.append(tea)
        coffee.id = 'NEW'
        self.sync_days(1)
        ids = self.mapping.transaction_ids.mapped('external_id')
        self.assertIn(tea.id, ids)
        self.assertIn('NEW', ids)


@tagged('post_install', '-at_install')
class TestOpeningBalance(BankFeedCase):
    """What the bank held before the first day, found out once, from the bank's own word."""

    def setUp(self):
        super().setUp()
        self.mapping.adds_opening = True
        self.coffee = self.bank.book(self.account, TODAY - timedelta(days=3), '-3.20', 'COFFEE CORNER')
        self.bank.book(self.account, TODAY - timedelta(days=2), '-200', 'RENT')

    def opening(self):
        return self.lines.search([('journal_id', '=', self.journal.id), ('date', '<', self.mapping.start_date)]).mapped('amount')

    def test_waits_until_every_day_is_read(self):
        """What a partial answer lacks would be taken for what was there before."""
        self.server.account_error(self.account)
        late = self.bank.book(self.account, TODAY - timedelta(days=1), '-50', 'NOT DELIVERED')
        self.account.movements.remove(late)
        self.account.opening -= 50
        self.sync()
        self.assertFalse(self.opening())
        self.assertFalse(self.issues('opening'))
        self.account.movements.append(late)
        self.account.opening += 50
        self.server.errlist.clear()
        self.sync()
        self.assertEqual(self.opening(), [1000])
        self.assertEqual(self.mapping.proof_state, 'agrees')

    def test_difference_after_a_late_line_is_no_opening_balance(self):
        self.sync()
        self.assertEqual(self.opening(), [1000])
        self.bank.book(self.account, TODAY - timedelta(days=1), '-7', 'LATE')
        self.bank.book(self.account, TODAY - timedelta(days=20), '-9', 'TOO LATE')
        self.next_day()
        self.sync()
        self.assertFalse(self.issues('opening'))
        self.assertEqual(self.mapping.proof_state, 'differs')
        self.assertEqual(self.mapping.difference, -9)

    def test_first_balance_is_taken_beside_a_read_of_all_days(self):
        """The first run was killed before it asked for the balance; weeks later the bank knows more of the days that it read."""
        self.link._advance(self.link._begin_run('schedule'), self.link._client())
        self.next_day(20)
        self.bank.book(self.account, TODAY - timedelta(days=25), '-30', 'VERY LATE')
        self.sync()
        self.assertBooksAreTheBanks()
        self.assertEqual(self.opening(), [1000])

    def test_is_the_banks_word_although_the_books_differ(self):
        """Locked at first, so that the bank has time to correct a line before the opening balance can be added."""
        self.company.fiscalyear_lock_date = TODAY - timedelta(days=20)
        self.sync()
        self.assertFalse(self.opening())
        self.assertIn('1,000.00', self.issues('opening').summary)
        self.next_day(15)
        self.bank.edit_amount(self.coffee, '-3.40')
        self.sync()
        self.company.fiscalyear_lock_date = False
        self.issues('opening').action_add_opening()
        self.assertEqual(self.opening(), [1000])
        self.assertEqual((self.mapping.proof_state, self.mapping.difference), ('differs', -0.2))
        self.assertEqual(self.issues().mapped('kind'), ['edited'])

    def test_is_asked_for_again_when_its_line_is_deleted(self):
        self.sync()
        self.lines.search([('journal_id', '=', self.journal.id), ('date', '<', self.mapping.start_date)]).unlink()
        self.next_day()
        self.sync()
        self.assertIn('1,000.00', self.issues('opening').summary)


@tagged('post_install', '-at_install')
class TestEveryDay(BankFeedCase):
    """The balance of each day is proved, not only the last one."""

    def setUp(self):
        super().setUp()
        self.mapping.adds_opening = True
        self.sync()
        self.next_day()
        self.rent = self.bank.book(self.account, self.bank.today, '-200', 'RENT')
        self.day = self.bank.today

    def booked(self):
        return self.lines.search([('journal_id', '=', self.journal.id), ('amount', '=', -200)])

    def type_on(self, day):
        return self.lines.create({'journal_id': self.journal.id, 'date': day, 'amount': -200, 'payment_ref': 'Rent of the shop, typed'})

    def test_booked_on_another_day_than_at_the_bank(self):
        self.sync()
        self.booked().unlink()
        self.next_day()
        self.sync()
        self.type_on(self.bank.today)
        self.sync()
        self.assertEqual(self.mapping.proof_state, 'agrees')
        self.assertFalse(self.issues('drift'))
        issue = self.issues('misdated')
        self.assertEqual((issue.date_from, issue.date_to), (self.day, self.day))
        self.assertIn('200.00', issue.summary)
        shown = {day['date']: day['state'] for day in self.mapping.strip}
        self.assertEqual((shown[self.day.isoformat()], shown[(self.day - timedelta(days=1)).isoformat()]), ('differs', 'quiet'))
        issue.action_ignore()
        self.next_day()
        self.sync()
        self.assertFalse(self.issues('misdated'))

    def test_settles_when_the_day_is_put_right(self):
        self.sync()
        self.booked().unlink()
        self.next_day()
        line = self.type_on(self.bank.today)
        self.sync()
        self.assertTrue(self.issues('misdated'))
        line.unlink()
        self.type_on(self.day)
        self.sync()
        self.assertFalse(self.issues('misdated'))
        self.assertEqual({day['date']: day['state'] for day in self.mapping.strip}[self.day.isoformat()], 'proved')

    def test_the_same_movement_on_another_day_is_no_difference(self):
        """The accountant moved the bank's line, within what Odoo allows: the movement is known to be the same."""
        self.sync()
        self.booked().move_id.button_draft()
        self.booked().date = self.day + timedelta(days=1)
        self.booked().move_id.action_post()
        self.next_day()
        self.sync()
        self.assertEqual(self.booked().date, self.day + timedelta(days=1))
        self.assertEqual(self.mapping.proof_state, 'agrees')
        self.assertFalse(self.issues())

    def test_a_late_line_makes_an_old_balance_wrong_by_right(self):
        self.sync()
        self.bank.book(self.account, self.day - timedelta(days=2), '-30', 'LATE')
        self.next_day()
        self.sync()
        self.assertEqual(self.mapping.proof_state, 'agrees')
        self.assertFalse(self.issues())

    def typed_instead(self):
        """The bank's line is deleted, and typed by hand on the next day: one question about the day between."""
        self.sync()
        self.booked().unlink()
        self.next_day()
        line = self.type_on(self.bank.today)
        self.sync()
        return line

    def test_possible_duplicate_on_another_day_is_one_question(self):
        line = self.type_on(self.day)
        line.payment_ref = 'RENT'
        self.account.movements.remove(self.rent)
        self.sync()
        self.next_day()
        self.bank.book(self.account, self.bank.today, '-200', 'RENT')
        self.sync()
        self.assertEqual(self.issues().mapped('kind'), ['duplicate'])
        self.issues('duplicate').action_ignore()
        self.assertFalse(self.issues())

    def test_answer_holds_after_a_late_line(self):
        self.typed_instead()
        self.issues('misdated').action_ignore()
        self.env.invalidate_all()
        self.assertEqual({day['date']: day['state'] for day in self.mapping.strip}[self.day.isoformat()], 'differs')
        self.bank.book(self.account, self.day, '-30', 'LATE')
        self.next_day()
        self.sync()
        self.assertFalse(self.issues('misdated'))

    def test_question_holds_after_a_late_line(self):
        self.typed_instead()
        issue = self.issues('misdated')
        self.assertIn('differed', self.mapping._state_words())
        self.bank.book(self.account, self.day - timedelta(days=1), '-30', 'LATE')
        self.next_day()
        self.sync()
        self.assertEqual(self.issues('misdated'), issue)
        self.assertEqual({day['date']: day['state'] for day in self.mapping.strip}[self.day.isoformat()], 'differs')

    def test_line_that_goes_again_is_one_question(self):
        self.typed_instead().unlink()
        for _day in range(2):
            self.next_day()
            self.sync()
        self.assertEqual(self.issues().mapped('kind'), ['drift'])

    def test_edited_amount_is_one_question(self):
        self.sync()
        self.next_day()
        self.bank.edit_amount(self.rent, '-201')
        for _day in range(2):
            self.sync()
            self.next_day()
        self.assertEqual(self.issues().mapped('kind'), ['edited'])

    def test_two_questions_about_the_same_line_lose_no_movement(self):
        """Both look like the one that the bank no longer shows; a person says "Same" to both: the second is a movement of its own."""
        self.sync()
        inbox = self.env['online.sync.transaction'].sudo()
        old = self.mapping.transaction_ids.filtered(lambda row: row.amount == -200).sudo()
        rows = inbox.create([{
            **old.copy_data()[0], 'external_id': f'X{n}', 'date': self.day, 'occurrence': n + 2, 'state': 'new'} for n in range(2)])
        for row in rows:
            row._quarantine(old, "shown instead")
        for issue in self.issues('duplicate'):
            if issue.state == 'open':
                issue.action_same()
        self.assertEqual(len(self.booked()), 2)
        self.assertEqual(len(self.mapping.transaction_ids.filtered(lambda row: row.amount == -200 and row.state == 'imported')), 2)
