"""What the tests of the addon share: a bank on loopback, a link to it, and ways to run it."""
from contextlib import contextmanager
from datetime import date, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from ..clients.http import Http
from .servers.bank import Bank
from .servers.simplefin import SimpleFinServer

TODAY = date(2026, 3, 10)


@contextmanager
def cursor_test_mode(case):
    """Let the code under test commit: a commit becomes the release of a savepoint."""
    if hasattr(case, 'enter_registry_test_mode'):       # 19.0
        with case.enter_registry_test_mode():
            yield
        return
    case.env.flush_all()                                # 18.0
    if case.registry.test_cr:                           # an HttpCase is in that mode from its beginning
        yield
        return
    case.registry.enter_test_mode(case.cr)
    try:
        yield
    finally:
        case.registry.leave_test_mode()
        case.env.invalidate_all()


@tagged('post_install', '-at_install')
class BankFeedCase(AccountTestInvoicingCommon):
    """A company, a SimpleFIN bank with one EUR account on loopback, and a link to it. The day is :data:`TODAY`."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['ir.config_parameter'].sudo().set_param('account_online_sync.allowed_networks', '127.0.0.0/8')
        cls.eur = cls.env.ref('base.EUR')
        cls.eur.active = True
        cls.company = cls.env.company
        cls.lines = cls.env['account.bank.statement.line']

    def setUp(self):
        super().setUp()
        self.clock = freeze_time(f'{TODAY} 09:00:00')
        self.frozen = self.clock.start()
        self.addCleanup(self.clock.stop)
        self.startPatcher(patch.object(Http, 'sleep', lambda http, seconds: None))
        self.bank = Bank(TODAY)
        self.account = self.bank.open('Current account', iban='DE89370400440532013000', opening='1000')
        self.server = self.start_server()
        self.link = self.connect()
        self.mapping = self.link.account_ids
        self.journal = self.mapping.journal_id

    def start_server(self):
        server = SimpleFinServer(self.bank, reusable_token=True).start()
        self.addCleanup(server.stop)
        self.addCleanup(lambda: self.assertEqual(server.problems, []))
        return server

    def connect(self, **values):
        """A connected link whose accounts all have a journal."""
        link = self.env['online.sync.link'].create({'provider': 'simplefin', **values}).sudo()
        self.assertEqual(link._sign_in({'setup_token': self.server.setup_token}, return_url=''), '')
        link.account_ids.write({'start_date': TODAY - timedelta(days=30), 'adds_opening': False, 'mapping': 'create', 'journal_id': False})
        link.account_ids._apply_mapping()
        return link

    def sync(self, link=None):
        """One run, step by step, as the job queue does it: nothing commits. Returns its log."""
        link = link or self.link
        log = link._begin_run('manual')
        client = link._client_or_stop(log, None)
        while client and log.todo and link._advance(log, client):
            self.env.flush_all()
        link._end_run(log)
        self.env.flush_all()
        return log

    def go_to(self, day):
        """The next morning, at the bank and here."""
        self.bank.today = day
        self.frozen.move_to(f'{day} 09:00:00')
        self.link.account_ids.calls = self.link.calls = False

    def next_day(self, days=1):
        self.go_to(self.bank.today + timedelta(days=days))

    def book_lines(self, journal=None):
        """The lines of the journal, oldest first, as (date, amount, text)."""
        lines = self.lines.search([('journal_id', '=', (journal or self.journal).id)], order='internal_index')
        return [(line.date, line.amount, line.payment_ref) for line in lines]

    def assertBooksAreTheBanks(self, mapping=None, account=None):
        """Every booked movement of the bank exactly once in the books, and nothing else from it."""
        mapping, account = mapping or self.mapping, account or self.account
        theirs = sorted((m.day, float(m.amount)) for m in self.bank.shown(account) if not m.pending and m.day >= mapping.start_date)
        ours = sorted((day, amount) for day, amount, _text in self.book_lines(mapping.journal_id) if day >= mapping.start_date)
        self.assertEqual(ours, theirs)

    def issues(self, kind=None):
        domain = [('link_id', '=', self.link.id), ('state', '=', 'open')]
        return self.env['online.sync.issue'].search(domain + ([('kind', '=', kind)] if kind else []))
