"""`kill -9` of real processes on a real, committed database: whatever moment it hits, the books end as if nothing had happened."""
import json
import logging
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import date
from pathlib import Path
from unittest import SkipTest

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tests import BaseCase, tagged
from odoo.tests.common import get_db_name
from odoo.tools import config

from ..models import vault
from .servers.bank import Bank
from .servers.enable_banking import EnableBankingServer

SCRIPT = Path(__file__).with_name('faults') / 'child.py'
_logger = logging.getLogger(__name__)

#: Seconds after which a process that says nothing is given up.
PATIENCE = 40
KILLS = 24


def command():
    """The command line of a shell on the database of this test, and its environment."""
    addons = config['addons_path']
    options = {
        '-c': os.devnull, '-d': get_db_name(), '--addons-path': addons if isinstance(addons, str) else ','.join(addons),
        '--data-dir': config['data_dir'], '--db_host': config['db_host'], '--db_port': config['db_port'], '--db_user': config['db_user'],
        '--log-level': 'warn',
    }
    line = [sys.executable, sys.argv[0], 'shell', '--no-http']
    line += [str(part) for option, value in options.items() if value for part in (option, value)]
    environment = {**os.environ, vault.VARIABLE: vault._keys()}
    if config['db_password']:
        environment['PGPASSWORD'] = config['db_password']
    return line, environment


class Child:
    """A process that works on a database and tells what it does, a JSON object a line.

    :param shell: command line and environment of an Odoo shell; else that on the database of this test
    """

    def __init__(self, call, shell=None):
        line, environment = shell or command()
        started, self.starter = os.pipe()
        self.process = subprocess.Popen(
            line, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=[started], start_new_session=True)
        os.close(started)
        call = call.replace('STARTER', str(started))
        self.process.stdin.write(f'{SCRIPT.read_text()}\n\n{call}\n')
        self.process.stdin.close()

    def hear(self, *words):
        """The next line that says one of these words; an error when the process ends or keeps silent."""
        watchdog = threading.Timer(PATIENCE, self.kill)
        watchdog.start()
        try:
            for line in self.process.stdout:
                told = json.loads(line) if line.startswith('{') else {}
                if told.get('word') in words:
                    return told
        finally:
            watchdog.cancel()
        raise AssertionError(f'the process ended without a word of {words}')

    def start_run(self):
        """Let a run begin that said that it is ready."""
        os.write(self.starter, b'.')

    def kill(self):
        """The process, and those that it forked."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def end(self):
        self.kill()
        self.process.wait()
        self.process.stdout.close()
        os.close(self.starter)


@tagged('post_install', '-at_install')
class TestKill(BaseCase):
    test_sequence = 100     # last: it commits

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not Path(sys.argv[0]).name.startswith('odoo'):
            raise SkipTest("started by something that cannot start an Odoo shell")
        cls.bank = Bank(date.today(), name='Kill Bank')
        cls.server = EnableBankingServer(cls.bank).start()
        cls.addClassCleanup(cls.server.stop)
        cls.server.page_size = 3
        with Registry(get_db_name()).cursor() as cr:
            currency = api.Environment(cr, SUPERUSER_ID, {}).company.currency_id.name
        cls.accounts = [cls.bank.open('Current', iban='DE89370400440532013000', opening='1000', currency=currency),
                        cls.bank.open('Reserve', iban='DE02120300000000202051', ids='none', currency=currency)]
        given = cls.server.url, cls.server.application_id, cls.server.private_key, 'DE:Kill Bank'
        cls.runner = Child(f'serve(env, prepare(env, {", ".join(map(repr, given))}), STARTER)')
        told = cls.runner.hear('prepared')
        cls.link_id, cls.company_id = told['link'], told['company']
        cls.addClassCleanup(cls.clean_up)
        cls.addClassCleanup(cls.runner.end)

    @classmethod
    def clean_up(cls):
        child = Child(f'clean_up(env, {cls.company_id})')
        try:
            left = child.hear('cleaned')['left']
            if left:
                _logger.warning("Company %s could not be taken out of the database altogether: %s", cls.company_id, left)
        finally:
            child.end()

    def setUp(self):
        super().setUp()
        self.random = random.Random(20260310)
        self.addCleanup(setattr, self.server, 'before', None)

    # -- the bank and the books -------------------------------------------------------------------------------------------------------

    def book(self, count, days=6):
        """Movements of the last days, equal ones among them."""
        for _line in range(count):
            account, day = self.random.choice(self.accounts), self.bank.days_ago(self.random.randint(0, days))
            self.bank.book(account, day, self.random.choice(('-3.20', '-12.50', '40.00')), self.random.choice(('COFFEE', 'FUEL')))

    def books(self):
        """{account's name: [(day, amount, number)]} as committed, with the runs of the link."""
        with Registry(get_db_name()).cursor() as cr:
            link = api.Environment(cr, SUPERUSER_ID, {})['online.sync.link'].browse(self.link_id)
            lines = link.env['account.bank.statement.line'].search([('journal_id', 'in', link.account_ids.journal_id.ids)])
            found = {account.name: [] for account in link.account_ids}
            names = {account.journal_id: account.name for account in link.account_ids}
            for line in lines:
                found[names[line.journal_id]].append((line.date, f'{line.amount:.2f}', line.move_id.name))
            return found, link.log_ids.mapped('state'), [bool(account.reading) for account in link.account_ids]

    def assertBooksAreTheBanks(self):
        books, _logs, reading = self.books()
        self.assertFalse(any(reading))
        for account in self.accounts:
            theirs = Counter((m.day, f'{m.amount:.2f}') for m in self.bank.shown(account))
            self.assertEqual(Counter((day, amount) for day, amount, _number in books[account.name]), theirs)
            self.assertNumbersHaveNoGap(name for _day, _amount, name in books[account.name])

    def assertNumbersHaveNoGap(self, names):
        numbers = defaultdict(list)
        for name in names:
            prefix, number = re.fullmatch(r'(.*?)(\d+)', name).groups()
            numbers[prefix].append(int(number))
        for given in numbers.values():
            self.assertEqual(sorted(given), list(range(1, len(given) + 1)))

    # -- runs -------------------------------------------------------------------------------------------------------------------------

    def execute(self, query):
        with Registry(get_db_name()).cursor() as cr:
            cr.execute(query, [self.link_id])

    def free_calls(self):
        """As if a day had passed: the bank allows four calls a day."""
        self.execute("UPDATE online_sync_account SET calls = NULL, next_try = NULL WHERE link_id = %s")

    def owe_all_days(self):
        """As at the beginning, but for the books."""
        self.execute("DELETE FROM online_sync_coverage WHERE account_id IN (SELECT id FROM online_sync_account WHERE link_id = %s)")

    def run_once(self, arrange=None):
        """One run in a process of its own; `arrange(kill)` says when it is killed. Returns whether it was."""
        pid, ended = self.runner.hear('ready')['pid'], threading.Event()
        self.free_calls()

        def kill():
            if not ended.is_set():
                with suppress(ProcessLookupError):      # it was faster
                    os.kill(pid, signal.SIGKILL)

        if arrange:
            arrange(kill)
        self.runner.start_run()
        killed = self.runner.hear('ended')['killed']
        ended.set()
        self.server.before = None
        return killed

    def before_page(self, number):
        """Kill when a page was asked for and not answered yet."""
        def arrange(kill):
            self.server.before = self.at_page(number, kill)
        return arrange

    def after_page(self, number, seconds):
        """Kill some time after a page was answered: while it is staged, imported or committed."""
        def arrange(kill):
            self.server.before = self.at_page(number, lambda: threading.Timer(seconds, kill).start())
        return arrange

    def at_page(self, number, what):
        pages = iter(range(1, 1000))

        def before(call):
            if call.path.endswith('/transactions') and next(pages) == number:
                what()
        return before

    def test_killed_at_any_moment_the_next_run_ends_with_the_same_books(self):
        self.owe_all_days()
        self.book(24, days=30)
        killed, was_reading = 0, False
        for number in range(KILLS):
            page = self.random.randint(1, 5)
            moment = self.before_page(page) if number % 4 == 0 else self.after_page(page, self.random.uniform(0, 0.15))
            killed += self.run_once(moment)
            was_reading |= any(self.books()[2])
            if number % 3 == 2:
                self.book(2)
        self.assertGreaterEqual(killed, 8)
        self.assertTrue(was_reading, 'what a page brought outlives the run')
        self.assertFalse(self.run_once())
        self.assertBooksAreTheBanks()
        self.assertEqual(set(self.books()[1]), {'done', 'interrupted'})
        self.assertEqual(self.server.problems, [])

    def test_second_run_leaves_without_waiting(self):
        self.book(3)
        asked, answer = threading.Event(), threading.Event()

        def before(call):
            asked.set()
            answer.wait(PATIENCE)

        self.server.before = before
        self.runner.hear('ready')
        self.free_calls()
        self.runner.start_run()
        self.assertTrue(asked.wait(PATIENCE), 'the first run waits for the bank')
        begun = time.monotonic()
        with Registry(get_db_name()).cursor() as cr:
            outcome = api.Environment(cr, SUPERUSER_ID, {})['online.sync.link'].browse(self.link_id)._run('manual')
        self.assertEqual(outcome, 'busy')
        self.assertLess(time.monotonic() - begun, 2)
        self.server.before = None
        answer.set()
        self.assertFalse(self.runner.hear('ended')['killed'])
        self.assertBooksAreTheBanks()
        self.assertFalse(self.run_once(), 'the lock is gone with the run')
        self.assertEqual(self.books()[1][:2], ['done', 'done'])

    def test_two_processes_that_start_together(self):
        """One of them reads, whichever comes first; the other leaves, or takes over between two steps, and the first leaves then."""
        other = Child(f'serve(env, {self.link_id}, STARTER)')
        self.addCleanup(other.end)
        outcomes = Counter()
        for _round in range(8):
            self.book(3)
            for runner in (self.runner, other):
                runner.hear('ready')
            self.free_calls()
            for runner in (self.runner, other):
                runner.start_run()
            outcomes.update(runner.hear('run')['outcome'] for runner in (self.runner, other))
        self.assertLessEqual(set(outcomes), {'done', 'busy'})
        self.assertFalse(self.run_once())
        self.assertBooksAreTheBanks()

    def test_days_fetched_again_from_the_calendar(self):
        """The button takes back that days are proved, then reads them: in two transactions, which must not wait for each other."""
        self.run_once()
        self.free_calls()
        late = self.bank.book(self.accounts[0], self.bank.days_ago(25), '-77.77', 'VERY LATE')
        with Registry(get_db_name()).cursor() as cr:
            link = api.Environment(cr, SUPERUSER_ID, {})['online.sync.link'].browse(self.link_id)
            account_id = link.account_ids.filtered(lambda account: account.name == 'Current').id
        child = Child(f'fetch_again(env, {account_id}, {str(late.day)!r})')
        self.addCleanup(child.end)
        child.hear('fetched')
        self.assertBooksAreTheBanks()
