"""One story: a bank, a link to it, and what happens to them in random order; then everything heals and the books are compared."""
import random
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

from odoo import SUPERUSER_ID, api

from ...engine import coverage
from ..servers.bank import Bank
from .bank import SHOPS, BankSteps
from .kill import KINDS, Fuse, Killed, killing
from .people import TYPED, PeopleSteps
from .truth import Line, Truth, compare
from .watch import found
from .wire import WireSteps

LENGTH = 40
#: Step -> how often, compared with the others.
STEPS = {
    'run': 26, 'killed_run': 12, 'days_pass': 12, 'answer': 8,
    'book': 9, 'equal_coffees': 4, 'equal_amounts_on_near_days': 3, 'many': 1, 'late': 5, 'very_late': 1, 'pend': 4, 'settle': 4,
    'drop_pending': 1, 'reissue_ids': 3, 'edit_text': 3, 'edit_amount': 2, 'take_back': 2, 'move_date': 2, 'change_between_pages': 2,
    'page_size': 2,
    'errors': 3, 'odd_status': 1, 'too_many_calls': 2, 'cut': 2, 'drop': 2, 'html': 1, 'huge': 1, 'redirect': 1, 'nonsense': 2,
    'repeat_token': 1, 'skip': 2, 'clear': 3, 'consent_ends': 2, 'key_revoked': 1, 'sign_in': 3, 'hide': 1, 'show': 2, 'account_error': 2,
    'calls_a_day': 1,
    'delete_line': 3, 'type_line': 2, 'lock': 1, 'unlock': 1,
}
#: Days that it takes at most until everything is well again.
LONGEST_HEALING = 12


class Story(BankSteps, WireSteps, PeopleSteps):
    """A story of a seed. It goes through `request`, each a transaction of its own on the cursor of the test.

    :param case: tests.test_faults.TestFaults
    :param provider: one of :mod:`providers`
    :param link_id: a link that was signed in before, with accounts as the provider's `accounts` and a journal each
    """

    def __init__(self, case, seed, provider, link_id):
        self.case, self.seed, self.provider, self.link_id = case, seed, provider, link_id
        self.random, self.told, self.cents = random.Random(seed), [], 10000
        self.accountant, self.locked_until = case.accountant.id, None
        self.bank = Bank(case.today)
        self.start = case.today - timedelta(days=25)
        for details in provider.accounts:
            self.bank.open(opening='1000', ids=self.random.choice(provider.ids), **details)
        self.truth, self.anchors = Truth(self.bank), set()
        self.server = provider.serve(self.bank).start()
        self.steps = 0

    def say(self, *words):
        day = (self.bank.today - self.case.today).days
        self.told.append(f"  day {day:3}  {' '.join(self._word(word) for word in words)}")

    def _word(self, word):
        if hasattr(word, 'sequence'):
            return f"“{word.text}” {word.amount} of {word.day} ({word.account.name}, {'pending' if word.pending else word.account.ids})"
        return getattr(word, 'name', None) or str(word)

    # -- the database -----------------------------------------------------------------------------------------------------------------

    @contextmanager
    def request(self, user_id=SUPERUSER_ID):
        """The environment of a transaction of its own; it commits at the end."""
        with self.case.registry.cursor() as cr:
            yield api.Environment(cr, user_id, {'allowed_company_ids': [self.case.company.id]})

    def rows(self, query, *parameters):
        self.case.env.cr.execute(query, parameters)
        return self.case.env.cr.fetchall()

    def mappings(self):
        """Ids of the link's accounts, in the order of the bank's."""
        return [row[0] for row in self.rows("SELECT id FROM online_sync_account WHERE link_id = %s ORDER BY id", self.link_id)]

    def account_of(self, mapping):
        return dict(zip(self.mappings(), self.bank.accounts, strict=True))[mapping]

    def lines(self, mapping):
        """The journal's bank transactions since the first day; the opening balance is of the day before."""
        return [Line(id_, day, Decimal(f'{amount:.2f}'), text, text == TYPED) for id_, day, amount, text in self.rows("""
            SELECT line.id, move.date, line.amount, line.payment_ref
              FROM account_bank_statement_line line
              JOIN account_move move ON move.id = line.move_id
              JOIN online_sync_account account ON account.journal_id = line.journal_id
             WHERE account.id = %s AND move.date >= %s ORDER BY line.id""", mapping, self.start)]

    def wanted(self, mapping):
        return self.truth.wanted(self.account_of(mapping), self.start)

    def imported_lines(self):
        return {row[0] for row in self.rows(
            "SELECT id FROM account_bank_statement_line WHERE online_sync_transaction_id IS NOT NULL")}

    def open_issues(self):
        return [row[0] for row in self.rows(
            "SELECT id FROM online_sync_issue WHERE link_id = %s AND state = 'open' ORDER BY id", self.link_id)]

    def is_asked_about(self, line):
        return bool(self.rows("""
            SELECT FROM online_sync_issue issue
              LEFT JOIN account_bank_statement_line line ON line.online_sync_transaction_id = issue.transaction_id
             WHERE issue.state = 'open' AND %s IN (issue.line_id, line.id)""", line.id))

    # -- the whole story --------------------------------------------------------------------------------------------------------------

    def play(self):
        """Sign in, live through :data:`LENGTH` steps, heal, compare."""
        try:
            self.begin()
            for step in self.random.choices(list(STEPS), STEPS.values(), k=LENGTH):
                self.steps += 1
                getattr(self, f'step_{step}')()
            self.heal()
            self.check()
        finally:
            self.server.stop()

    def begin(self):
        """The bank's past, its habits, and the first sign-in."""
        for account in self.bank.accounts:
            self.anchors.add(self.book(account, self.start, self.an_odd_amount(), 'ANCHOR'))
            for _line in range(self.random.randint(2, 6)):
                self.book(account, self.first_day(account, self.random.randint(1, 24)), self.an_amount(), self.random.choice(SHOPS))
        self.server.page_size = self.random.choice((2, 3, 1000))
        self.server.balance_after, self.server.empty_page_first = self.random.random() < 0.3, self.random.random() < 0.2
        self.sign_in()
        as_far_back_as_it_goes = self.random.random() < 0.3
        with self.request() as env:
            env['online.sync.link'].browse(self.link_id).account_ids.write({
                'start_date': not as_far_back_as_it_goes and self.start, 'adds_opening': True, 'first_read_done': False})

    def sign_in(self):
        """The user signs in again at the bank, for one account at least; nothing goes wrong just then."""
        if all(account.hidden for account in self.bank.accounts):
            self.step_show()
        planned = list(self.server._planned)
        self.server.clear_faults()
        self.provider.limit_calls(self, 0)
        with self.request() as env:
            self.provider.sign_in(env, self.link_id, self.server)
        self.server._planned.extend(planned)
        self.say('the user signs in')

    def pass_days(self, days):
        self.bank.today += timedelta(days=days)
        self.provider.settle_statuses(self)
        self.case.go_to(self.bank.today)
        self.say('it is a new day')

    # -- runs -------------------------------------------------------------------------------------------------------------------------

    def step_run(self):
        self.run(self.random.choice(('schedule', 'schedule', 'manual', 'cron')))

    def step_killed_run(self):
        kind = self.random.choice(KINDS)
        fuse = Fuse(kind, self.random.choice((1, 2, 3, 5, 8)) if kind != 'query' else self.random.choice((5, 20, 50, 100, 200, 400)))
        try:
            with killing(fuse, self.case.cursor_class):
                self.run('schedule')
        except Killed:
            self.say('… killed at', fuse.kind)

    def run(self, driver):
        if driver == 'manual':
            return self._run_manually()
        with self.request() as env:
            link = env['online.sync.link'].browse(self.link_id)
            outcome = link._cron_synchronize() if driver == 'cron' else link._run('schedule')
            self.say('run,', driver, outcome, link.log_ids[:1].state, link.log_ids[:1].error or '')

    def _run_manually(self):
        with self.request(self.accountant) as env:
            link = env['online.sync.link'].browse(self.link_id)
            if link.state not in ('draft', 'disconnected', 'expired'):
                self.say('run, manual', link._run_now('manual'))

    # -- the end ----------------------------------------------------------------------------------------------------------------------

    def heal(self):
        """All faults are gone; days pass, the user answers, until nothing is left to do."""
        self.server.clear_faults()
        self.server.before, self.server.page_size = None, 1000
        self.provider.heal(self.server)
        self.lock(None)
        self.step_show()
        self.sign_in()
        for day in range(LONGEST_HEALING):
            self.pass_days(1)
            self.run('schedule')
            self.step_answer()
            if day >= 2 and not self.open_issues() and not self.wrong():
                break
            for mapping in self.mappings() if day % 3 == 2 else ():
                self.look_for_difference(mapping)

    def look_for_difference(self, mapping):
        """What is wrong must be told: by a question, by the balance, or by a day that is owed."""
        if self.owed(mapping):
            return
        issues = self.rows("SELECT kind FROM online_sync_issue WHERE account_id = %s AND state = 'open'", mapping)
        missing, surplus = compare(self.wanted(mapping), self.lines(mapping))
        if missing or surplus:
            self.case.assertTrue(issues, f'wrong without a word: missing {missing}, too much {surplus}')
        if issues:
            self.settle_difference(mapping)

    def owed(self, mapping):
        """Days before today that are not proved."""
        with self.request() as env:
            intervals = env['online.sync.account'].browse(mapping).coverage_ids._intervals()
            return coverage.owed(self.start, self.bank.days_ago(1), intervals)

    def wrong(self):
        return [difference for mapping in self.mappings()
                for difference in compare(self.wanted(mapping), self.lines(mapping)) if difference]

    def check(self):
        """Everything that must be true at the end."""
        case = self.case
        case.assertEqual(self.wrong(), [], 'every booked movement of the bank exactly once')
        with self.request() as env:
            link = env['online.sync.link'].browse(self.link_id)
            case.assertEqual(link.issue_ids.mapped('summary'), [])
            case.assertEqual(link.state, 'connected')
            case.assertFalse(link.log_ids.filtered(lambda log: log.state == 'running'))
            for account in link.account_ids:
                case.assertEqual((account.proof_state, account.difference), ('agrees', 0))
                case.assertFalse(account.transaction_ids.filtered('is_held') if not account.reading else None)
            self.check_secrets(env)
        for mapping in self.mappings():
            case.assertEqual(self.owed(mapping), [])
        case.assertEqual(self.server.problems, [])
        case.assertEqual(case.watch.errors, [])

    def check_secrets(self, env):
        """No secret in what the addon logs, stores for the eyes of users, or posts; no whole account number in any log."""
        link = env['online.sync.link'].browse(self.link_id)
        logs = [text for log in link.log_ids for text in (log.detail, log.error, log.request_id) if text]
        seen = [*logs, *link.account_ids.coverage_ids.filtered('message').mapped('message')]
        issues = env['online.sync.issue'].with_context(active_test=False).search([('link_id', '=', link.id)])
        seen += [text for issue in issues for text in (issue.summary, issue.blocks, issue.answer) if text]
        seen += [text for text in (link.last_error, *link.account_ids.mapped('last_error')) if text]
        seen += env['mail.message'].search([('model', '=like', 'online.sync.%')]).mapped(lambda message: str(message.body))
        secrets = self.provider.secrets(self.server)
        numbers = [account.iban for account in self.bank.accounts if account.iban]
        self.case.assertEqual(found(secrets, [*seen, *self.case.watch.said]), [])
        self.case.assertEqual(found(numbers, [*logs, *self.case.watch.said]), [])
        self.case.assertTrue(self.case.watch.said)
