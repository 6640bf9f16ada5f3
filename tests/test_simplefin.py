"""Stories about SimpleFIN: one token, one address, one answer for all accounts, and errors that never read as "no transactions"."""
import base64
import logging
from datetime import date, timedelta
from decimal import Decimal

from odoo.tests import BaseCase, tagged

from ..clients import wire
from ..clients.base import client_class, providers
from ..clients.errors import (
    AccountUnavailable,
    ConfigError,
    ProtocolError,
    RateLimited,
    ReauthRequired,
    RestartRead,
    TransientError,
)
from ..clients.http import Http
from ..clients.records import BOOKED, PENDING, Window
from ..clients.simplefin import SimpleFin
from .servers.bank import Bank
from .servers.kit import NOON, Clock, http_options
from .servers.simplefin import CONNECTION, SimpleFinServer

TODAY = NOON.date()
WINDOW = Window(TODAY - timedelta(days=9), TODAY)


class SimpleFinCase(BaseCase):

    def setUp(self):
        super().setUp()
        self.clock = Clock()
        self.bank = Bank(TODAY)
        self.current = self.bank.open('Business Checking', currency='USD', opening='1000')
        self.card = self.bank.open('Visa Credit Card', currency='USD')
        self.server = SimpleFinServer(self.bank).start()
        self.addCleanup(self.server.stop)
        self.addCleanup(lambda: self.assertEqual(self.server.problems, []))

    def client(self, credentials=None):
        """A new client, as every run of a link makes one; without credentials, with those of a finished sign-in."""
        http = Http(**http_options(self.clock))
        self.addCleanup(http.close)
        return SimpleFin({'access_url': self.server.access_url} if credentials is None else credentials, http, clock=self.clock)

    def account(self, account, client=None):
        found = {row.handle: row for row in (client or self.client()).fetch_accounts()}
        return found[self.server.id_of(account)]

    def pages(self, account, window=WINDOW, token='', client=None):
        client = client or self.client()
        return list(client.fetch_pages(self.account(account, client), window, token))

    def movements(self, account, window=WINDOW):
        return [movement for page in self.pages(account, window) for movement in page.transactions]


@tagged('at_install', '-post_install')
class TestSignIn(SimpleFinCase):

    def start(self, token):
        return self.client({'setup_token': token}).start()

    def test_a_token_is_claimed_once_and_gives_what_later_calls_need(self):
        consent = self.start(f'  {self.server.setup_token[:20]}\n{self.server.setup_token[20:]} ')
        self.assertEqual(set(consent.credentials), {'access_url'})
        self.assertEqual((consent.valid_until, consent.accounts), (None, None))
        self.assertEqual(len(self.client(consent.credentials).fetch_accounts()), 2)
        self.assertEqual(self.server.count('POST', '/claim/'), 1)

    def test_a_used_token_may_be_a_stolen_one(self):
        self.start(self.server.setup_token)
        with self.assertRaisesRegex(ConfigError, "somebody else may have your bank data") as caught:
            self.start(self.server.setup_token)
        self.assertEqual((caught.exception.field, caught.exception.status), ('setup_token', 403))

    def test_what_is_not_a_token_is_not_called(self):
        for text in ('hello', 'aGVsbG8=', base64.b64encode(b'ftp://bank.example/claim/1').decode(), base64.b64encode(b'https://host').decode()):
            with self.assertRaisesRegex(ConfigError, "not a SimpleFIN setup token"):
                self.start(text)
        self.assertEqual(self.server.calls, [])

    def test_a_missing_token_is_named(self):
        with self.assertRaisesRegex(ConfigError, "“Setup Token” is missing"):
            self.client({}).start()
        with self.assertRaises(ConfigError):
            self.client({}).fetch_accounts()

    def test_a_token_that_points_into_the_local_network_is_refused(self):
        http = Http(clock=self.clock)
        self.addCleanup(http.close)
        with self.assertRaisesRegex(ConfigError, "private or local network"):
            SimpleFin({'setup_token': self.server.setup_token}, http).start()
        self.assertEqual(self.server.calls, [])

    def test_a_token_whose_answer_got_lost_is_not_sent_again_by_itself(self):
        self.server.drop_next()
        with self.assertRaisesRegex(TransientError, "works only once"):
            self.start(self.server.setup_token)
        self.assertEqual(self.server.count('POST'), 1)

    def test_an_access_address_in_place_of_the_token_is_taken(self):
        consent = self.start(self.server.access_url)
        self.assertEqual(len(self.client(consent.credentials).fetch_accounts()), 2)
        self.assertEqual(self.server.count('POST'), 0)

    def test_an_answer_that_is_no_access_address_is_refused(self):
        for answer in ('https://bank.example/simplefin', 'sorry', '', 'ftp://user:password@bank.example', 'https://u:p@h/' + 'x' * 3000):
            self.server.answer_next(answer.encode())
            with self.assertRaises(ProtocolError):
                self.start(self.server.setup_token)

    def test_a_server_that_repeats_the_password_does_not_show_it(self):
        self.server.answer_next({'error': f'no such user {self.server.user} {self.server.password}'}, status=400)
        with self.assertRaises(ConfigError) as caught:
            self.client().fetch_accounts()
        self.assertIn('no such user', caught.exception.detail)
        self.assertNotIn(self.server.password, caught.exception.log_line())

    def test_nothing_secret_is_logged(self):
        with self.assertLogs(level=logging.DEBUG) as logs:
            consent = self.start(self.server.setup_token)
            self.client(consent.credentials).fetch_accounts()
            self.server.revoke_key()
            with self.assertRaises(ReauthRequired) as caught:
                self.client(consent.credentials).fetch_accounts()
        told = '\n'.join([*logs.output, caught.exception.log_line(), repr(consent)])
        for secret in (self.server.claim_code, self.server.setup_token, self.server.password, self.server.user, 'pass%2Fword'):
            self.assertNotIn(secret, told)


@tagged('at_install', '-post_install')
class TestReading(SimpleFinCase):

    def test_accounts(self):
        self.bank.book(self.current, TODAY, '-20.10', 'RENT')
        self.bank.pend(self.current, '-5', 'FUEL')
        checking, card = self.client().fetch_accounts()
        self.assertEqual((checking.name, checking.currency, checking.kind, checking.institution),
                         ('Business Checking', 'USD', 'bank', 'Sandbox Bank'))
        self.assertEqual(card.kind, 'card')
        self.assertEqual((checking.balance.amount, checking.balance.date, checking.balance.kind, checking.balance.final),
                         (Decimal('979.90'), TODAY, 'booked', False))
        booked, available = self.client().fetch_balances(checking)
        self.assertEqual((booked.amount, available.amount, available.kind), (Decimal('979.90'), Decimal('974.90'), 'available'))

    def test_movements(self):
        self.bank.book(self.current, TODAY, '-3.20', 'COFFEE', partner='Coffee Corner')
        self.bank.book(self.current, TODAY, '-3.20', 'COFFEE', partner='Coffee Corner')
        self.bank.book(self.card, TODAY - timedelta(days=1), '12.00', 'REFUND')
        first, second = self.movements(self.current)
        self.assertEqual((first.amount, first.currency, first.date, first.status, first.text, first.partner_name),
                         (Decimal('-3.20'), 'USD', TODAY, BOOKED, 'COFFEE', 'Coffee Corner'))
        self.assertNotEqual(first.external_id, second.external_id)
        refund, = self.movements(self.card)
        self.assertEqual((refund.amount, refund.date), (Decimal('12.00'), TODAY - timedelta(days=1)))

    def test_a_pending_movement_becomes_another_one_when_it_is_booked(self):
        pending = self.bank.pend(self.current, '-12.50', 'FUEL', TODAY - timedelta(days=1))
        told, = self.movements(self.current)
        self.assertEqual((told.status, told.date), (PENDING, TODAY - timedelta(days=1)))
        self.bank.settle(pending, amount='-12.75')
        booked, = self.movements(self.current)
        self.assertEqual((booked.status, booked.date, booked.amount), (BOOKED, TODAY, Decimal('-12.75')))
        self.assertNotEqual(booked.external_id, told.external_id)

    def test_what_is_pending_with_a_posting_day_is_still_pending(self):
        self.server.skip_next()
        self.server.answer_next({'errlist': [], 'connections': [], 'accounts': [{
            'id': self.server.id_of(self.current), 'name': 'A', 'currency': 'USD', 'balance': '1', 'balance-date': 1, 'transactions': [
                {'id': '1', 'posted': 1773144000, 'pending': True, 'amount': '-1', 'description': 'a'},
                {'id': '2', 'posted': 0, 'amount': '-1', 'description': 'b'}]}]})
        self.assertEqual([(m.status, m.date) for m in self.movements(self.current)], [(PENDING, TODAY), (PENDING, TODAY)])

    def test_only_the_days_of_the_window_are_read(self):
        for days in (10, 9, 1, 0):
            self.bank.book(self.current, self.bank.days_ago(days), '-1', f'{days} days ago')
        self.assertEqual([m.text for m in self.movements(self.current)], ['9 days ago', '1 days ago', '0 days ago'])
        yesterday = Window(TODAY - timedelta(days=1), TODAY - timedelta(days=1))
        self.assertEqual([m.text for m in self.movements(self.current, yesterday)], ['1 days ago'])

    def test_a_long_window_is_read_in_pages_of_ninety_days(self):
        for days in (0, 89, 90, 150, 200):
            self.bank.book(self.current, self.bank.days_ago(days), '-1', str(days))
        pages = self.pages(self.current, Window(TODAY - timedelta(days=200), TODAY))
        self.assertEqual([[m.text for m in page.transactions] for page in pages], [['200', '150'], ['90', '89'], ['0']])
        rest = self.pages(self.current, Window(TODAY - timedelta(days=200), TODAY), token=pages[0].next_token)
        self.assertEqual([[m.text for m in page.transactions] for page in rest], [['90', '89'], ['0']])

    def test_a_token_of_another_window_starts_over(self):
        for token in ('2020-01-01', '2030-01-01', 'nonsense'):
            with self.assertRaises(RestartRead):
                self.pages(self.current, token=token)

    def test_all_accounts_cost_one_call_in_a_run(self):
        client = self.client()
        accounts = client.fetch_accounts()
        for account in accounts:
            list(client.fetch_pages(account, WINDOW))
            client.fetch_balances(account)
        self.assertEqual((client.http.calls, self.server.count('GET', '/accounts')), (2, 2))
        self.assertNotIn('account', self.server.calls[-1].query)
        self.client().fetch_balances(accounts[0])
        self.assertEqual(self.server.count('GET', '/accounts'), 3, "another run asks again")

    def test_points_and_miles_have_no_currency(self):
        self.bank.open('Miles', currency='https://airline.example/miles', opening='5000')
        miles = self.client().fetch_accounts()[-1]
        self.assertEqual((miles.currency, miles.name, miles.balance.currency), ('', 'Miles (https://airline.example/miles)', ''))

    def test_both_versions_of_the_protocol_give_the_same(self):
        self.bank.book(self.current, TODAY, '-3.20', 'COFFEE')
        seen = []
        for version in (1, 2):
            self.server.version = version
            seen.append((self.client().fetch_accounts(), self.movements(self.current)))
        self.assertEqual(*seen)

    def test_a_movement_that_makes_no_sense_does_not_hide_the_others(self):
        self.bank.book(self.current, TODAY, '-3.20', 'COFFEE')
        for broken in ({'amount': '1,50'}, {'amount': None}, {'posted': 'yesterday'}, {'amount': 'NaN'}, {'amount': '1e30'}):
            answer = {'errlist': [], 'connections': [], 'accounts': [{
                'id': self.server.id_of(self.current), 'name': 'Checking', 'conn_id': CONNECTION, 'currency': 'USD', 'balance': '1',
                'balance-date': 1773144000, 'transactions': [
                    {'id': '1', 'posted': 1773144000, 'amount': '-2.00', 'description': 'fine'},
                    {'id': '2', 'posted': 1773144000, 'amount': '-2.00', 'description': 'broken', **broken}]}]}
            self.server.skip_next()
            self.server.answer_next(answer)
            page, = self.pages(self.current)
            self.assertEqual([m.text for m in page.transactions], ['fine'])
            self.assertFalse(page.complete)
            self.assertEqual(page.notices[0].level, 'failed')

    def test_an_exact_number_is_as_good_as_text(self):
        row = {'id': 'ACT-1', 'name': 'A', 'currency': 'USD', 'balance': Decimal('0.1'), 'balance-date': 0}
        self.server.answer_next(b'{"errlist":[],"connections":[],"accounts":[{"id":"ACT-1","name":"A","currency":"USD","balance":0.10,'
                                b'"balance-date":0,"conn_id":"C"}]}')
        account, = self.client().fetch_accounts()
        self.assertEqual((account.balance.amount, account.balance.date, account.external_id), (row['balance'], TODAY, 'C/ACT-1'))


@tagged('at_install', '-post_install')
class TestTrouble(SimpleFinCase):

    def test_the_bank_wants_a_new_sign_in(self):
        self.bank.book(self.current, TODAY - timedelta(days=3), '-1', 'before')
        self.server.expire_consent()
        page, = self.pages(self.current)
        self.assertFalse(page.complete)
        self.assertEqual([(n.level, n.code) for n in page.notices], [('reauth', 'con.auth')])
        self.assertEqual([m.text for m in page.transactions], ['before'])
        self.server.renew_consent()
        self.assertTrue(self.pages(self.current)[0].complete)

    def test_an_account_that_the_bank_did_not_give_whole_is_not_complete_but_the_others_are(self):
        for code in ('act.failed', 'act.missingdata', 'act.whatever'):
            self.server.renew_consent()
            self.server.account_error(self.current, code)
            failed, = self.pages(self.current)
            self.assertEqual((failed.complete, failed.notices[0].level, failed.notices[0].code), (False, 'failed', code))
            self.assertEqual(failed.notices[0].external_id, self.account(self.current).external_id)
            self.assertTrue(self.pages(self.card)[0].complete)

    def test_whom_an_error_concerns(self):
        """When in doubt, everybody."""
        for entry, level in (
            ({'code': 'gen.auth', 'msg': 'x'}, 'reauth'), ({'code': 'gen.api', 'msg': 'x'}, 'failed'),
            ({'code': 'gen.', 'msg': 'x'}, 'failed'),
            ({'code': 'con.', 'msg': 'x', 'conn_id': CONNECTION}, 'failed'), ({'code': 'con.new', 'msg': 'x'}, 'failed'),
            ({'code': 'act.failed', 'msg': 'x'}, 'failed'), ({'code': 'con.auth', 'msg': 'x', 'account_id': 'ACT-other'}, 'reauth'),
        ):
            self.server.errlist = [entry]
            page, = self.pages(self.current)
            self.assertEqual((page.complete, [n.level for n in page.notices]), (False, [level]), entry)
        for entry in ({'code': 'con.auth', 'msg': 'x', 'conn_id': 'CON-other'},
                      {'code': 'act.failed', 'msg': 'x', 'account_id': 'ACT-other'}):
            self.server.errlist = [entry]
            self.assertTrue(self.pages(self.current)[0].complete, entry)

    def test_errors_of_unknown_form_are_errors_too(self):
        for errors in ({'errlist': [{}]}, {'errlist': ['text']}, {'errors': ['text']}, {'errors': 'text'},
                       {'errlist': [{'code': 'new.kind'}]}, {'errlist': [], 'errors': ['text']}, {'errlist': {'code': 'gen.'}}):
            self.server.skip_next()
            self.server.answer_next({'connections': [], 'accounts': [
                {'id': self.server.id_of(self.current), 'name': 'A', 'currency': 'USD', 'balance': '1', 'balance-date': 1}], **errors})
            page, = self.pages(self.current)
            self.assertEqual((page.complete, len(page.notices)), (False, 1), errors)

    def test_texts_of_version_one(self):
        self.server.version = 1
        for text, level in (("You must reauthenticate.", 'reauth'), ("Connection to My Bank may need attention", 'reauth'),
                            ("My Bank is slow today", 'failed')):
            self.server.errlist = [{'code': 'gen.', 'msg': text}]
            page, = self.pages(self.current)
            self.assertEqual((page.complete, page.notices[0].level, page.notices[0].text), (False, level, text))

    def test_a_text_of_version_one_speaks_of_the_bank_that_it_names(self):
        """One bank that wants a new sign-in does not stop the others."""
        def read(text):
            self.server.answer_next({'errors': [text], 'accounts': [
                {'id': number, 'name': number, 'currency': 'USD', 'balance': '1', 'balance-date': 1, 'transactions': [],
                 'org': {'domain': f'{name.lower()}.example', 'name': f'{name} Bank', 'sfin-url': 'x'}}
                for number, name in (('1', 'Alpha'), ('2', 'Beta'))]}, n=2)
            accounts = self.client().fetch_accounts()
            client = self.client()
            return [(page.complete, [n.level for n in page.notices], bool(page.notices and page.notices[0].external_id))
                    for account in accounts for page in client.fetch_pages(account, WINDOW)]
        self.assertEqual(read("Connection to Beta Bank may need attention"), [(True, [], False), (False, ['reauth'], True)])
        self.assertEqual(read("alpha bank is slow"), [(False, ['failed'], True), (True, [], False)])
        self.assertEqual(read("You must reauthenticate."), [(False, ['failed'], False)] * 2)

    def test_error_texts_are_not_trusted(self):
        self.server.errlist = [{'code': 'gen.', 'msg': 'No access to DE89370400440532013000 ' + 'x' * 5000}]
        notice, = self.pages(self.current)[0].notices
        self.assertLess(len(notice.text), 250)
        self.assertNotIn('370400440532', notice.text)

    def test_an_account_that_is_gone(self):
        client = self.client()
        known = self.account(self.current, client)
        self.current.hidden = True
        with self.assertRaisesRegex(AccountUnavailable, "Business Checking"):
            list(self.client().fetch_pages(known, WINDOW))
        self.assertTrue(self.pages(self.card)[0].complete)

    def test_an_account_that_is_missing_while_there_are_errors_is_not_gone(self):
        known = self.account(self.current)
        self.current.hidden = True
        self.server.account_error(self.current)
        with self.assertRaises(TransientError):
            list(self.client().fetch_pages(known, WINDOW))
        self.server.expire_consent()
        with self.assertRaisesRegex(ReauthRequired, "sign in to your bank again") as caught:
            list(self.client().fetch_pages(known, WINDOW))
        self.assertTrue(caught.exception.account_only, "other connections of the link go on")

    def test_no_account_at_all(self):
        self.current.hidden = self.card.hidden = True
        self.assertEqual(self.client().fetch_accounts(), [])
        self.server.expire_consent()
        with self.assertRaises(ReauthRequired):
            self.client().fetch_accounts()

    def test_access_was_disabled(self):
        self.server.revoke_key()
        with self.assertRaisesRegex(ReauthRequired, "new setup token") as caught:
            self.client().fetch_accounts()
        self.assertEqual(caught.exception.status, 403)

    def test_a_new_token_brings_the_same_accounts(self):
        before = {a.external_id for a in self.client().fetch_accounts()}
        consent = self.client({'setup_token': self.server.new_token()}).start()
        self.assertEqual({a.external_id for a in self.client(consent.credentials).fetch_accounts()}, before)

    def test_a_bill_is_open(self):
        self.server.fail_next(1, 402)
        with self.assertRaisesRegex(ConfigError, "payment"):
            self.client().fetch_accounts()

    def test_the_calls_of_the_day_are_used_up(self):
        self.server.daily_limit = 1
        self.client().fetch_accounts()
        with self.assertRaises(RateLimited):
            self.client().fetch_accounts()
        self.bank.today += timedelta(days=1)
        self.client().fetch_accounts()

    def test_an_answer_without_accounts_is_no_answer(self):
        for body in ([], {}, {'accounts': None}, {'accounts': [1]}, {'accounts': [{'name': 'no id'}]}, {'errlist': []},
                     {'accounts': [{'id': '1'}, {'id': '1'}]}):
            self.server.answer_next(body)
            with self.assertRaises(ProtocolError):
                self.client().fetch_accounts()

    def test_a_server_that_learns_version_two_keeps_the_accounts(self):
        """Ids other than the Bridge's are scoped by organisation in version 1, by connection in version 2."""
        def answer(**scope):
            return {'errlist': [], 'errors': [], 'connections': [], 'accounts': [
                {'id': '2930002', 'name': 'A', 'currency': 'USD', 'balance': '1', 'balance-date': 1, 'transactions': [], **scope}]}
        self.server.answer_next(answer(org={'domain': 'bank.example', 'sfin-url': 'https://bank.example'}))
        known, = self.client().fetch_accounts()
        self.assertEqual((known.external_id, known.handle), ('bank.example/2930002', '2930002'))
        self.server.answer_next(answer(conn_id='CON-1'))
        self.assertTrue(next(self.client().fetch_pages(known, WINDOW)).complete)
        twice = answer(conn_id='CON-1')
        twice['accounts'] += answer(conn_id='CON-2')['accounts']
        self.server.answer_next(twice)
        with self.assertRaises(AccountUnavailable):
            next(self.client().fetch_pages(known, WINDOW))


@tagged('at_install', '-post_install')
class TestProvider(BaseCase):

    def test_what_it_declares(self):
        provider = client_class('simplefin').provider
        self.assertIn(provider, providers())
        self.assertEqual((provider.capabilities.window_days, provider.capabilities.calls_per_day, provider.capabilities.calls_scope),
                         (90, 24, 'link'))
        self.assertEqual([c.name for c in provider.credentials], ['setup_token'])

    def test_a_provider_nobody_has(self):
        with self.assertRaisesRegex(ConfigError, "“acme” is not installed"):
            client_class('acme')

    def test_amounts_are_exact_or_refused(self):
        for value, amount in (('1.10', '1.10'), (' -3 ', '-3'), ('-0.00', '0.00'), ('+5', '5'), (7, '7'), (Decimal('0.1'), '0.1')):
            self.assertEqual(str(wire.money(value)), amount)
        for value in (0.1, True, None, '', '1,5', '1e3', 'NaN', Decimal('Infinity'), '1' * 16, '0.123456789', [], '١'):
            with self.assertRaises(ProtocolError, msg=repr(value)):
                wire.money(value)

    def test_days_are_in_utc(self):
        self.assertEqual(wire.epoch_day(wire.epoch(date(2026, 3, 10))), date(2026, 3, 10))
        self.assertEqual(wire.epoch_day(wire.epoch(date(2026, 3, 10)) - 1), date(2026, 3, 9))
