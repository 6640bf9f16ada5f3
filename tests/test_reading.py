"""Reading a list page by page while it does not stand still, and going on with a read that was interrupted."""
from datetime import timedelta

from odoo.tests import BaseCase, tagged

from ..clients.records import Page, Window
from ..engine.reading import Reading
from .common import TODAY, BankFeedCase
from .faults.providers import EnableBankingSide
from .servers.enable_banking import EnableBankingServer

YESTERDAY = TODAY - timedelta(days=1)


@tagged('at_install', '-post_install')
class TestReadingState(BaseCase):

    def test_survives_in_json(self):
        reading = Reading(3, [Window(YESTERDAY, TODAY)], planned_on=TODAY)
        reading.advance(Page((), next_token='2'), [5, 6], TODAY, run=9)
        reading.doubts = {'print': 2}
        again = Reading.load(reading.dump())
        self.assertEqual(again.dump(), reading.dump())
        self.assertIn(5, again.seen)
        self.assertEqual((again.begun_on, again.planned_on, again.windows), (TODAY, TODAY, reading.windows))

    def test_state_of_an_earlier_version_is_read(self):
        old = {'number': 1, 'windows': [['2026-03-01', '2026-03-10']], 'token': 'x', 'digests': [], 'seen': [[1, 4]], 'count': 4,
               'complete': True, 'first_day': None}
        self.assertTrue(Reading.load(old).goes_on_in(7))

    def test_day_of_the_first_page_is_not_proved_by_a_read_that_ends_later(self):
        """What the bank booked later on that day was never shown: the first page of the list had been read already."""
        reading = Reading(1, [Window(TODAY - timedelta(days=9), TODAY)])
        reading.advance(Page((), next_token='2'), [], TODAY)
        self.assertEqual(reading.proved(TODAY), reading.window)
        self.assertEqual(reading.proved(TODAY + timedelta(days=2)), Window(TODAY - timedelta(days=9), YESTERDAY))
        only = Reading(1, [Window(TODAY, TODAY)])
        only.advance(Page(()), [], TODAY)
        self.assertIsNone(only.proved(TODAY + timedelta(days=2)))


@tagged('post_install', '-at_install')
class TestPages(BankFeedCase):
    """A bank without ids whose list comes in pages of two, newest first."""

    def start_server(self):
        self.account.ids = 'none'
        server = EnableBankingServer(self.bank).start()
        server.page_size = 2
        self.addCleanup(server.stop)
        self.addCleanup(lambda: self.assertEqual(server.problems, []))
        return server

    def connect(self):
        link = self.env['online.sync.link'].create({'provider': 'enable_banking'}).sudo()
        EnableBankingSide.sign_in(self.env, link.id, self.server)
        link.account_ids.write({'start_date': TODAY - timedelta(days=30), 'adds_opening': False, 'mapping': 'create', 'journal_id': False})
        link.account_ids._apply_mapping()
        return link

    def book_four(self):
        return [self.bank.book(self.account, TODAY - timedelta(days=days), -days, f'LINE{days}') for days in (12, 11, 10, 9)]

    def interrupted_run(self, pages=1):
        """A run that is killed after some pages."""
        log, client = self.link._begin_run('schedule'), self.link._client()
        for _page in range(pages):
            self.link._advance(log, client)
        self.env.flush_all()

    def pages_asked(self):
        return self.server.count('GET', '/transactions')

    def test_read_goes_on_where_it_stopped(self):
        self.book_four()
        self.interrupted_run()
        self.assertEqual(len(self.book_lines()), 2)
        asked = self.pages_asked()
        self.sync()
        self.assertBooksAreTheBanks()
        self.assertEqual(self.pages_asked() - asked, 2, "the last page again, to see that the list stood still, and the next one")

    def test_list_that_grew_between_two_runs_doubles_nothing(self):
        self.book_four()
        self.interrupted_run()
        self.bank.book(self.account, TODAY - timedelta(days=9), -99, 'LATE')
        self.sync()
        self.assertBooksAreTheBanks()

    def test_list_that_shrank_between_two_runs_loses_nothing(self):
        pending = self.bank.pend(self.account, '-5', 'HOLD')
        self.book_four()
        self.interrupted_run()
        self.bank.vanish(pending)
        self.next_day()
        self.sync()
        self.assertBooksAreTheBanks()

    def test_list_that_grows_while_it_is_read_doubles_nothing(self):
        self.book_four()
        pages = []

        def before(call):
            pages.extend([call] if '/transactions' in call.path else [])
            if len(pages) == 2:
                self.server.before = None
                self.bank.book(self.account, TODAY - timedelta(days=9), -99, 'LATE')

        self.server.before = before
        self.sync()
        self.next_day()
        self.sync()
        self.assertBooksAreTheBanks()

    def test_equal_ones_on_two_pages_are_two(self):
        for text in ('LUNCH', 'COFFEE', 'COFFEE', 'DINNER'):
            self.bank.book(self.account, YESTERDAY, '-3.20', text)
        asked = self.pages_asked()
        self.server.page_size = 2
        log = self.sync()
        self.assertEqual(log.state, 'done', log.detail)
        self.assertBooksAreTheBanks()
        self.assertEqual(self.pages_asked() - asked, 4, "a second pass says that the second coffee is no shifted first one")
        self.next_day()
        self.sync()
        self.assertBooksAreTheBanks()

    def test_list_that_never_stands_still_fails_and_stays_owed(self):
        for _cup in range(8):
            self.bank.book(self.account, YESTERDAY, '-3.20', 'COFFEE')

        def before(call):
            if '/transactions' in call.path and 'continuation_key' in call.query:
                self.bank.book(self.account, YESTERDAY, '-3.20', 'COFFEE')

        self.server.before = before
        self.assertEqual(self.sync().state, 'failed')
        self.assertFalse(self.mapping.proved_to)
        self.server.before = None
        self.next_day()
        self.sync()
        self.assertBooksAreTheBanks()

    def test_place_that_is_lost_again_and_again_is_a_failure(self):
        """Not an endless loop, and not the calls of a whole day."""
        self.book_four()
        self.server._key = lambda *_args: 'bm93aGVyZQ=='
        asked = self.pages_asked()
        log = self.sync()
        self.assertEqual(log.state, 'failed')
        self.assertLessEqual(self.pages_asked() - asked, 4)


    def test_interrupted_read_of_an_earlier_day_is_followed_by_todays(self):
        self.book_four()
        self.interrupted_run(pages=2)
        self.next_day(5)
        self.bank.book(self.account, self.bank.today - timedelta(days=1), '-7', 'SINCE')
        self.sync()
        self.assertBooksAreTheBanks()
        self.assertEqual(self.mapping.proved_to, self.bank.today - timedelta(days=1))
