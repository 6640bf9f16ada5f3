"""What keeps the ledger of days and the proof of the balance honest in the long run."""
from datetime import timedelta
from decimal import Decimal
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged

from ..clients import errors
from ..clients.records import BOOKED, Balance
from ..models import online_sync_account
from .common import TODAY, BankFeedCase


@tagged('post_install', '-at_install')
class TestLedger(BankFeedCase):

    def test_old_rows_go_only_for_later_ones_that_prove_their_days(self):
        coverage, now = self.env['online.sync.coverage'].sudo(), fields.Datetime.now()
        days = {'date_from': TODAY - timedelta(days=60), 'date_to': TODAY - timedelta(days=50)}

        def row(status, age, **values):
            return coverage.create({'account_id': self.mapping.id, 'status': status, 'fetched_at': now - timedelta(days=age), **days,
                                    **values})
        proved, failed = row('ok', 48), row('failed', 2)
        coverage._gc_redundant()
        self.assertEqual((proved | failed).exists(), proved | failed, "what failed later proves nothing")
        later = row('empty', 1)
        coverage._gc_redundant()
        self.assertEqual((proved | failed | later).exists(), failed | later)

    def test_gaps_that_touch_are_one_question(self):
        issues = self.env['online.sync.issue'].sudo()
        first = issues._raise_gap(self.mapping, TODAY - timedelta(days=400), TODAY - timedelta(days=311))
        apart = issues._raise_gap(self.mapping, TODAY - timedelta(days=200), TODAY - timedelta(days=190))
        issues._raise_gap(self.mapping, TODAY - timedelta(days=310), TODAY - timedelta(days=250))
        self.assertEqual(self.issues('gap'), first | apart)
        self.assertEqual((first.date_from, first.date_to), (TODAY - timedelta(days=400), TODAY - timedelta(days=250)))
        issues._raise_gap(self.mapping, TODAY - timedelta(days=249), TODAY - timedelta(days=201))
        self.assertEqual(self.issues('gap'), first)
        self.assertEqual(first.date_to, TODAY - timedelta(days=190))
        first.action_days_complete()
        self.assertFalse(self.issues('gap'))

    def test_movement_that_the_bank_counts_before_it_lists_it_is_no_question_on_the_first_day(self):
        self.mapping.adds_opening = True
        self.sync()
        self.account.opening += 7
        self.next_day()
        self.sync()
        self.assertEqual(self.mapping.proof_state, 'differs')
        self.assertFalse(self.issues('drift'))
        self.frozen.move_to(f'{self.bank.today} 20:00:00')
        self.bank.today += timedelta(days=1)
        self.next_day(0)
        self.sync()
        self.assertTrue(self.issues('drift'))

    def test_difference_that_is_a_possible_duplicate_is_one_question(self):
        self.mapping.adds_opening = True
        self.sync()
        day = TODAY - timedelta(days=1)
        self.bank.book(self.account, day, '-49.90', 'COFFEE SHOP')
        self.next_day()
        self.sync()
        self.lines.search([('journal_id', '=', self.journal.id), ('amount', '=', -49.9)]).unlink()
        self.mapping.transaction_ids.sudo().state = 'duplicate'
        self.mapping._prove_balance()
        self.assertEqual(self.mapping.difference, -49.9)
        self.mapping.sudo().differs_since -= timedelta(days=1)
        self.mapping._prove_balance()
        self.assertFalse(self.issues('drift'))
        self.mapping.transaction_ids.sudo().state = 'ignored'
        self.mapping._prove_balance()
        self.assertTrue(self.issues('drift'))

    def test_journals_that_share_a_bank_account_are_proved_apart(self):
        self.mapping.adds_opening = True
        self.bank.book(self.account, TODAY - timedelta(days=2), '-20', 'RENT')
        self.sync()
        other = self.env['account.journal'].create({
            'name': 'Till', 'type': 'bank', 'code': 'TILL', 'currency_id': self.journal.currency_id.id,
            'default_account_id': self.journal.default_account_id.id})
        self.lines.create({'journal_id': other.id, 'date': TODAY - timedelta(days=1), 'amount': 33, 'payment_ref': 'OTHER JOURNAL'})
        self.next_day()
        self.sync()
        self.assertEqual((self.mapping.proof_state, self.mapping.book_balance), ('agrees', 980))

    def test_pending_that_a_bank_counts_is_no_difference(self):
        """Its own movements do not explain the balance, those and the pending one do."""
        self.mapping.adds_opening = True
        self.sync()
        real = self.bank.balance
        self.bank.balance = lambda account, on=None, pending=False: real(account, on, pending=True)
        self.bank.pend(self.account, '-50', 'FUEL')
        self.next_day()
        self.sync()
        self.assertEqual((self.mapping.proof_state, self.mapping.difference), ('agrees', 0))

    def test_calls_of_the_day_are_not_exceeded(self):
        now, calls = fields.Datetime.now(), len(self.server.calls)
        limit = self.link._capabilities().calls_per_day
        self.link.calls = [f'{now - timedelta(hours=1)}+00:00'] * limit
        log = self.sync()
        self.assertEqual((log.state, len(self.server.calls)), ('limited', calls))
        self.assertIn('next one is free', log.detail)

    def test_books_kept_by_hand_until_yesterday_need_no_opening_balance(self):
        """The bank's first line is a possible duplicate, and the proof agrees in the very run that finds the opening balance out."""
        start = TODAY - timedelta(days=5)
        for day, amount, text in ((start - timedelta(days=20), 1000, 'Opening'), (start - timedelta(days=1), -200, 'RENT')):
            self.lines.create({'journal_id': self.journal.id, 'date': day, 'amount': amount, 'payment_ref': text})
        self.mapping.start_date = self.mapping._default_start_date()
        self.bank.book(self.account, start, '-200', 'RENT')
        self.sync()
        self.assertEqual(self.issues().mapped('kind'), ['duplicate'])

    def test_later_start_date_asks_nothing(self):
        self.mapping.adds_opening = True
        self.bank.book(self.account, TODAY - timedelta(days=20), '-50', 'OLD')
        self.sync()
        self.mapping.start_date = TODAY - timedelta(days=2)
        for _day in range(2):
            self.next_day()
            self.sync()
            self.assertFalse(self.issues())

    def test_balance_of_another_currency_is_not_shown(self):
        client = self.link._client()
        self.mapping.write({'bank_balance': 0, 'bank_balance_date': False})
        told = [Balance(kind=BOOKED, amount=Decimal(12), currency='EUR', date=TODAY),
                Balance(kind=BOOKED, amount=Decimal(99999), currency='USD', date=TODAY, final=True)]
        with patch.object(type(client), 'fetch_balances', lambda client, account: told):
            self.mapping._show_balances(client)
        self.assertEqual(self.mapping.bank_balance, 12)

    def test_account_that_is_closed_hides_no_other_balance(self):
        self.bank.open('Second', iban='DE02120300000000202051', opening='5')
        accounts = self.connect().account_ids.sorted('id')
        accounts.write({'bank_balance': 0, 'bank_balance_date': False})
        asked = []

        def fetch(client, account):
            asked.append(account.name)
            if account.name == 'Current account':
                raise errors.AccountUnavailable('closed')
            return [Balance(kind=BOOKED, amount=Decimal(5), currency='EUR', date=TODAY)]
        client = self.link._client()
        with patch.object(type(client), 'fetch_balances', fetch):
            accounts._show_balances(client)
        self.assertEqual((asked, accounts.mapped('bank_balance')), (['Current account', 'Second'], [0, 5]))
        accounts.bank_balance_date = False
        with patch.object(type(client), 'fetch_balances', fetch), patch.object(online_sync_account, 'SHOW_SECONDS', -1):
            accounts[1:]._show_balances(client)
            accounts._show_balances(client)
        self.assertEqual(len(asked), 4, "a person does not wait for all")
