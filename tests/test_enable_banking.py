"""Stories about Enable Banking: a key, a bank, a consent, pages that may be empty, and a table of what can go wrong."""
import json
import logging
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from odoo.tests import BaseCase, tagged

from ..clients import enable_banking_rows as rows
from ..clients.base import client_class
from ..clients.enable_banking import EnableBanking
from ..clients.enable_banking_errors import CODES
from ..clients.errors import (
    AccountUnavailable,
    ConfigError,
    PeriodUnavailable,
    ProtocolError,
    RateLimited,
    ReauthRequired,
    RestartRead,
    SyncError,
    TransientError,
)
from ..clients.http import Http
from ..clients.records import BOOKED, PENDING, Presence, RemoteAccount, Window
from .servers.bank import Bank
from .servers.enable_banking import EnableBankingServer
from .servers.keys import new_key, pem
from .servers.kit import NOON, Clock, http_options

try:
    import jwt as independent_jwt
except ImportError:
    independent_jwt = None

TODAY = NOON.date()
WINDOW = Window(TODAY - timedelta(days=9), TODAY)
BROWSER = Presence('93.184.216.34', {'user-agent': 'Mozilla/5.0', 'accept-language': 'de', 'accept': 'text/html'})
BANK, BACK, STATE = 'DE:Sandbox Bank', 'https://books.example/online_sync/return', 'state-0123456789'
OWN = RemoteAccount('hash', 'uid', 'Current', 'EUR', iban='DE89370400440532013000')


class EnableBankingCase(BaseCase):

    def setUp(self):
        super().setUp()
        self.clock = Clock()
        self.bank = Bank(TODAY)
        self.current = self.bank.open('Current', iban='DE89370400440532013000', opening='1000', holder='Birch GmbH')
        self.card = self.bank.open('Company Card', kind='card', other_number='5168********4242')
        self.server = EnableBankingServer(self.bank, clock=self.clock).start()
        self.addCleanup(self.server.stop)
        self.addCleanup(lambda: self.assertEqual(self.server.problems, []))
        self.given = {'application_id': self.server.application_id, 'private_key': self.server.private_key}

    def client(self, credentials=None, **options):
        """A new client, as every run of a link makes one; without credentials, with what the user gave."""
        http = Http(**http_options(self.clock))
        self.addCleanup(http.close)
        return EnableBanking(credentials or self.given, http, url=self.server.url, clock=self.clock, **options)

    def start(self, credentials=None, **options):
        return self.client(credentials).start(**{'institution': BANK, 'return_url': BACK, 'state': STATE, **options})

    def consent(self, credentials=None):
        redirect = self.start(credentials)
        return self.client(redirect.credentials).finish(self.server.allow(redirect.url))

    def reader(self, **options):
        """A client that reads, and the account Current."""
        consent = self.consent()
        return self.client(consent.credentials, **options), consent.accounts[0]

    def movements(self, window=WINDOW, **options):
        client, account = self.reader()
        return [movement for page in client.fetch_pages(account, window, **options) for movement in page.transactions]

    def asked(self, path):
        return [call for call in self.server.calls if path in call.path][-1]


@tagged('at_install', '-post_install')
class TestKey(EnableBankingCase):

    def test_the_token_is_what_an_independent_library_makes_of_it(self):
        if not independent_jwt:
            self.skipTest('PyJWT is not installed')
        token = self.client()._bearer()
        claims = independent_jwt.decode(token, self.server.key.public_key(), algorithms=['RS256'], audience='api.enablebanking.com',
                                        issuer='enablebanking.com', options={'verify_exp': False, 'verify_iat': False})
        self.assertEqual(independent_jwt.get_unverified_header(token),
                         {'typ': 'JWT', 'alg': 'RS256', 'kid': self.server.application_id})
        self.assertLessEqual(claims['exp'] - claims['iat'], 86400)
        self.assertLess(claims['iat'], NOON.timestamp())

    def test_a_token_is_used_until_shortly_before_its_end(self):
        client = self.client()
        first = client._bearer()
        self.clock.pass_by(minutes=50)
        self.assertEqual(client._bearer(), first)
        self.clock.pass_by(minutes=9)
        self.assertNotEqual(client._bearer(), first)
        client.fetch_institutions('DE')

    def test_what_is_wrong_with_a_key_is_said(self):
        for key, words in (
            ('', "“Private Key” is missing"), ('hello', "not a private key"), (self.server.private_key[:300], "not a private key"),
            (pem(new_key()).replace('PRIVATE', 'PUBLIC'), "not a private key"),
        ):
            with self.assertRaisesRegex(ConfigError, words) as caught:
                self.client({**self.given, 'private_key': key}).fetch_institutions('DE')
            self.assertEqual(caught.exception.field, 'private_key')
        self.assertEqual(self.server.calls, [])

    def test_the_key_of_another_application(self):
        with self.assertRaisesRegex(ConfigError, "Compare the application id and the private key") as caught:
            self.client({**self.given, 'private_key': pem(new_key(1))}).fetch_institutions('DE')
        self.assertEqual((caught.exception.field, caught.exception.status), ('private_key', 401))


@tagged('at_install', '-post_install')
class TestConsent(EnableBankingCase):

    def test_banks_of_a_country(self):
        self.server.required_psu_headers = ('psu-ip-address',)
        other, bank = self.client().fetch_institutions('de')
        self.assertEqual((bank.code, bank.name, bank.country, bank.consent_days), (BANK, 'Sandbox Bank', 'DE', 180))
        self.assertEqual((other.name, bank.psu_types), ('Another Bank', ('business', 'personal')))
        self.assertEqual(self.client().fetch_institutions('FR'), [])

    def test_the_whole_way(self):
        redirect = self.start()
        self.assertEqual(self.asked('/auth').json(), {
            'access': {'valid_until': '2026-09-06T11:00:00+00:00', 'balances': True, 'transactions': True},
            'aspsp': {'name': 'Sandbox Bank', 'country': 'DE'}, 'psu_type': 'business', 'state': STATE, 'redirect_url': BACK,
            'language': 'en'})
        consent = self.client(redirect.credentials).finish(self.server.allow(redirect.url))
        self.assertEqual(consent.valid_until, datetime(2026, 9, 6, 11, tzinfo=timezone.utc))
        self.assertEqual(set(consent.credentials), {'application_id', 'private_key', 'session'})
        current, card = consent.accounts
        self.assertEqual((current.name, current.iban, current.currency, current.kind, current.holder, current.institution),
                         ('Current', 'DE89370400440532013000', 'EUR', 'bank', 'Birch GmbH', 'Sandbox Bank'))
        self.assertEqual((card.kind, card.number, card.iban), ('card', '5168********4242', ''))
        self.assertEqual(self.client(consent.credentials).fetch_accounts(), [current, card])

    def test_a_consent_of_an_hour_is_asked_for_a_little_less(self):
        self.server.maximum_consent_validity = 3600
        self.start()
        self.assertEqual(self.asked('/auth').json()['access']['valid_until'], '2026-03-10T12:54:00+00:00')

    def test_a_bank_that_serves_only_persons(self):
        self.server.psu_types = ('personal',)
        self.start()
        self.assertEqual(self.asked('/auth').json()['psu_type'], 'personal')

    def test_the_user_refuses(self):
        redirect = self.start()
        with self.assertRaisesRegex(ReauthRequired, "cancelled or refused"):
            self.client(redirect.credentials).finish(self.server.deny(redirect.url))

    def test_the_bank_could_not(self):
        redirect = self.start()
        with self.assertRaises(TransientError):
            self.client(redirect.credentials).finish({'error': 'server_error', 'state': STATE})

    def test_the_answer_of_another_sign_in_is_not_taken(self):
        redirect = self.start()
        answer = self.server.allow(redirect.url)
        for state in ('', 'another', 'stäte'):
            with self.assertRaises(ProtocolError):
                self.client(redirect.credentials).finish({**answer, 'state': state})
        with self.assertRaises(ProtocolError):
            self.client().finish({'code': answer['code'], 'state': ''})
        self.assertEqual(self.server.count('POST', '/sessions'), 0)

    def test_an_answer_is_good_once(self):
        redirect = self.start()
        answer = self.server.allow(redirect.url)
        self.client(redirect.credentials).finish(answer)
        with self.assertRaisesRegex(ReauthRequired, "used before"):
            self.client(redirect.credentials).finish(answer)

    def test_what_cannot_be_started_says_why(self):
        for options, words, field in (
            ({'institution': ''}, "Choose your bank", 'institution'),
            ({'institution': 'DE:Closed Bank'}, "does not reach “Closed Bank” in DE", 'institution'),
            ({'institution': 'Sandbox Bank', 'country': ''}, "Choose your bank", 'institution'),
        ):
            with self.assertRaisesRegex(ConfigError, words) as caught:
                self.start(**options)
            self.assertEqual(caught.exception.field, field)
        self.server.redirect_urls = {'https://elsewhere.example/'}
        with self.assertRaisesRegex(ConfigError, "return address"):
            self.start()

    def test_a_bank_may_be_named_without_its_country(self):
        self.start(institution='Sandbox Bank', country='DE')
        self.assertEqual(self.asked('/auth').json()['aspsp'], {'name': 'Sandbox Bank', 'country': 'DE'})

    def test_while_a_renewal_is_under_way_the_old_consent_reads_on(self):
        consent = self.consent()
        redirect = self.start(consent.credentials)
        self.assertEqual(len(self.client(redirect.credentials).fetch_accounts()), 2)

    def test_a_renewed_consent_has_the_same_accounts_under_new_handles(self):
        old = self.consent()
        self.server.expire_consent()
        new = self.consent(old.credentials)
        self.assertEqual([a.external_id for a in new.accounts], [a.external_id for a in old.accounts])
        self.assertFalse({a.handle for a in new.accounts} & {a.handle for a in old.accounts})

    def test_a_consent_ends(self):
        client, account = self.reader()
        self.clock.pass_by(days=181)
        with self.assertRaisesRegex(ReauthRequired, "expired"):
            client.fetch_balances(account)
        with self.assertRaisesRegex(ReauthRequired, "expired"):
            client.fetch_accounts()

    def test_every_state_of_a_session_but_one_needs_a_person(self):
        client, _account = self.reader()
        for status in ('INVALID', 'PENDING_AUTHORIZATION', 'RETURNED_FROM_BANK', 'EXPIRED', 'CLOSED', 'REVOKED', 'CANCELLED'):
            self.server._set_sessions(status)
            with self.assertRaises(ReauthRequired):
                client.fetch_accounts()

    def test_nobody_has_signed_in(self):
        with self.assertRaisesRegex(ReauthRequired, "not signed in"):
            self.client().fetch_accounts()

    def test_no_account_was_shared(self):
        self.current.hidden = self.card.hidden = True
        with self.assertRaisesRegex(ReauthRequired, "choose at least one account"):
            self.consent()

    def test_an_account_that_is_shown_but_cannot_be_read(self):
        self.card.readable = False
        consent = self.consent()
        self.assertEqual(consent.accounts[1].handle, '')
        client = self.client(consent.credentials)
        with self.assertRaises(AccountUnavailable):
            client.fetch_balances(consent.accounts[1])
        self.assertTrue(client.fetch_balances(consent.accounts[0]))

    def test_an_account_that_left_the_consent_has_no_handle(self):
        consent = self.consent()
        self.card.hidden = True
        self.assertEqual([bool(a.handle) for a in self.client(consent.credentials).fetch_accounts()], [True, False])

    def test_an_account_unknown_at_sign_in_is_asked_for(self):
        consent = self.consent()
        session = json.loads(consent.credentials['session'])
        del session['accounts'][1]
        accounts = self.client({**consent.credentials, 'session': json.dumps(session)}).fetch_accounts()
        self.assertEqual(accounts, list(consent.accounts))
        self.assertEqual(self.server.count('GET', '/details'), 1)

    def test_the_consent_is_ended_from_here(self):
        consent = self.consent()
        self.client(consent.credentials).revoke()
        self.client(consent.credentials).revoke()
        with self.assertRaisesRegex(ReauthRequired, "was ended"):
            self.client(consent.credentials).fetch_balances(consent.accounts[0])
        self.client().revoke()

    def test_nothing_secret_is_logged(self):
        with self.assertLogs(level=logging.DEBUG) as logs:
            client, account = self.reader()
            client.fetch_balances(account)
            self.server.expire_consent()
            with self.assertRaises(ReauthRequired) as caught:
                list(client.fetch_pages(account, WINDOW))
        told = '\n'.join([*logs.output, caught.exception.log_line()])
        session = next(iter(self.server.sessions))
        code = next(iter(self.server.authorizations.values())).code
        for secret in (session, code, client._bearer(), self.current.iban, *self.server.private_key.splitlines()):
            self.assertNotIn(secret, told)


@tagged('at_install', '-post_install')
class TestReading(EnableBankingCase):

    def test_movements(self):
        self.bank.book(self.current, TODAY, '-48.50', 'Bill 17\nthank you', partner='Wood Corner', reference='RF18539007547034',
                       partner_account='DE02120300000000202051', value_date=TODAY - timedelta(days=1), code='TRANSFER')
        self.bank.book(self.current, TODAY, '100', 'Invoice 5', partner='Azure', partner_account=self.current.iban)
        paid, received = sorted(self.movements(), key=lambda m: m.amount)
        self.assertEqual(
            (paid.amount, paid.currency, paid.date, paid.value_date, paid.status, paid.text, paid.partner_name, paid.partner_account),
            (Decimal('-48.50'), 'EUR', TODAY, TODAY - timedelta(days=1), BOOKED, 'Bill 17\nthank you', 'Wood Corner',
             'DE02120300000000202051'))
        self.assertEqual((paid.reference, paid.end_to_end_id, paid.type), ('RF18539007547034', '', 'TRANSFER'))
        self.assertEqual((received.amount, received.partner_name, received.partner_account), (Decimal('100'), 'Azure', ''))
        self.assertNotIn(None, paid.raw.values())

    def test_a_purchase_abroad_keeps_the_banks_own_conversion(self):
        self.bank.book(self.current, TODAY, '-9.30', 'HOTEL', original=('-10.00', 'USD'))
        told, = self.movements()
        self.assertEqual((told.amount, told.original_amount, told.original_currency), (Decimal('-9.30'), Decimal('-10.00'), 'USD'))

    def test_pending_then_booked(self):
        pending = self.bank.pend(self.current, '-12.50', 'FUEL', TODAY - timedelta(days=1))
        told, = self.movements()
        self.assertEqual((told.status, told.external_id, told.date), (PENDING, '', TODAY - timedelta(days=1)))
        self.bank.settle(pending)
        told, = self.movements()
        self.assertEqual((told.status, told.date, bool(told.external_id)), (BOOKED, TODAY, True))

    def test_only_real_ids_are_ids(self):
        self.bank.book(self.current, TODAY, '-1', 'A')
        for ids, known in (('real', True), ('positional', False), ('none', False)):
            self.current.ids = ids
            told, = self.movements()
            self.assertEqual(bool(told.external_id), known, ids)

    def test_the_balance_after_a_movement(self):
        self.server.balance_after = True
        self.bank.book(self.current, TODAY, '-1', 'A')
        self.assertEqual(self.movements()[0].balance_after, Decimal('999'))

    def test_balances_of_today_and_the_closing_one_of_yesterday(self):
        self.bank.book(self.current, TODAY - timedelta(days=1), '-100', 'yesterday')
        self.bank.book(self.current, TODAY, '-10', 'today')
        self.bank.pend(self.current, '-1', 'soon')
        client, account = self.reader()
        self.assertEqual([(b.amount, b.date, b.kind, b.final) for b in client.fetch_balances(account)], [
            (Decimal('890'), TODAY, 'booked', False),
            (Decimal('900'), TODAY - timedelta(days=1), 'booked', True),
            (Decimal('889'), TODAY, 'available', False)])

    def test_pages(self):
        for days in range(5):
            self.bank.book(self.current, self.bank.days_ago(days), '-1', str(days))
        self.server.page_size = 2
        client, account = self.reader()
        pages = list(client.fetch_pages(account, WINDOW))
        self.assertEqual([[m.text for m in page.transactions] for page in pages], [['0', '1'], ['2', '3'], ['4']])
        self.assertEqual((pages[-1].next_token, all(page.complete for page in pages)), ('', True))
        asked = [call.query for call in self.server.calls if call.path.endswith('/transactions')]
        self.assertEqual({(q['date_from'], q['date_to'], q['strategy']) for q in asked}, {('2026-03-01', '2026-03-10', 'default')})

    def test_reading_goes_on_from_a_token_in_another_process(self):
        for days in range(5):
            self.bank.book(self.current, self.bank.days_ago(days), '-1', str(days))
        self.server.page_size = 2
        consent = self.consent()
        first = next(self.client(consent.credentials).fetch_pages(consent.accounts[0], WINDOW))
        rest = self.client(consent.credentials).fetch_pages(consent.accounts[0], WINDOW, first.next_token)
        self.assertEqual([[m.text for m in page.transactions] for page in rest], [['2', '3'], ['4']])

    def test_an_empty_page_with_a_key_is_not_the_end(self):
        self.bank.book(self.current, TODAY, '-1', 'A')
        self.server.empty_page_first = True
        client, account = self.reader()
        self.assertEqual([len(page.transactions) for page in client.fetch_pages(account, WINDOW)], [0, 1])

    def test_a_key_that_comes_back_ends_the_reading(self):
        self.bank.book(self.current, TODAY, '-1', 'A')
        self.server.repeat_token()
        client, account = self.reader()
        read = []
        with self.assertRaisesRegex(ProtocolError, "same page again and again"):
            for page in client.fetch_pages(account, WINDOW):
                read.append(page)
        self.assertEqual(len(read), 1, "the page that brings the same key again is not given out")
        with self.assertRaises(ProtocolError):
            list(client.fetch_pages(account, WINDOW, read[0].next_token))

    def test_the_first_read_takes_all_that_the_bank_has(self):
        self.server.history_days = 90
        self.bank.book(self.current, self.bank.days_ago(400), '-1', 'old')
        self.assertEqual([m.text for m in self.movements(first_read=True)], ['old'])
        self.assertEqual(self.asked('/transactions').query, {'strategy': 'longest'})

    def test_a_period_that_the_bank_does_not_give(self):
        self.server.history_days = 90
        with self.assertRaises(PeriodUnavailable) as caught:
            self.movements(Window(TODAY - timedelta(days=91), TODAY))
        self.assertIsNone(caught.exception.earliest)
        self.assertEqual(self.movements(Window(TODAY - timedelta(days=90), TODAY)), [])

    def test_a_key_of_another_period_starts_over(self):
        self.server.page_size = 1
        for text in 'AB':
            self.bank.book(self.current, TODAY, '-1', text)
        client, account = self.reader()
        token = next(client.fetch_pages(account, WINDOW)).next_token
        with self.assertRaises(RestartRead):
            list(client.fetch_pages(account, Window(TODAY, TODAY), token))

    def test_four_calls_a_day_and_none_counted_while_somebody_watches(self):
        self.server.unattended_limit = 4
        consent = self.consent()
        account = consent.accounts[0]
        for _n in range(4):
            self.client(consent.credentials).fetch_balances(account)
        with self.assertRaises(RateLimited) as caught:
            self.client(consent.credentials).fetch_balances(account)
        self.assertEqual(caught.exception.retry_after, datetime(2026, 3, 11, 0, 5, tzinfo=timezone.utc))
        self.assertEqual(self.server.count('GET', '/balances'), 5, "a refusal is not tried again")
        watched = self.client(consent.credentials, presence=BROWSER)
        self.assertTrue(watched.attended)
        self.assertTrue(watched.fetch_balances(account))

    def test_presence_is_proved_wholly_or_not_at_all(self):
        for required, presence, sent in (
            ((), BROWSER, ['psu-ip-address', 'psu-user-agent']),
            (('Psu-Ip-Address', 'Psu-Accept-Language'), BROWSER, ['psu-accept-language', 'psu-ip-address', 'psu-user-agent']),
            (('psu-geo-location',), BROWSER, []),
            (('psu-referer',), BROWSER, []),
            ((), Presence('192.168.1.7', BROWSER.headers), []),
            ((), Presence('', BROWSER.headers), []),
            ((), Presence('93.184.216.34', {}), []),
            ((), Presence('93.184.216.34', {'user-agent': 'Mozilla\r\nX: y \u2603'}), ['psu-ip-address', 'psu-user-agent']),
            ((), None, []),
        ):
            self.server.required_psu_headers = tuple(name.lower() for name in required)
            consent = self.consent()
            client = self.client(consent.credentials, presence=presence)
            client.fetch_balances(consent.accounts[0])
            headers = self.asked('/balances').headers
            self.assertEqual(sorted(name for name in headers if name.startswith('psu-')), sent, (required, presence))
            self.assertEqual(client.attended, bool(sent))

    def test_an_answer_of_another_form_is_not_an_empty_one(self):
        consent = self.consent()
        client, account = self.client(consent.credentials), consent.accounts[0]
        for body in ({}, [], {'transactions': None}, {'transactions': {}}, {'transactions': [1]},
                     {'transactions': [], 'continuation_key': 5}):
            self.server.answer_next(body)
            with self.assertRaises(ProtocolError):
                list(client.fetch_pages(account, WINDOW))
        for body in ({}, {'balances': None}):
            self.server.answer_next(body)
            with self.assertRaises(ProtocolError):
                client.fetch_balances(account)
        self.server.answer_next({'accounts': []})
        with self.assertRaises(ProtocolError):
            client.fetch_accounts()

    def test_movements_that_moved_no_money_are_left_out_and_told(self):
        for status in ('CNCL', 'RJCT', 'SCHD', 'SCHD', 'HOLD', 'OTHR'):
            self.bank.pend(self.current, '-1', status, status=status)
        client, account = self.reader()
        page, = client.fetch_pages(account, WINDOW)
        self.assertEqual([(m.text, m.status) for m in page.transactions], [('OTHR', PENDING), ('HOLD', PENDING)])
        self.assertEqual([(n.code, n.level) for n in page.notices],
                         [('CNCL', 'info'), ('RJCT', 'info'), ('SCHD', 'info'), ('OTHR', 'info')])
        self.assertTrue(page.complete)


@tagged('at_install', '-post_install')
class TestErrors(EnableBankingCase):

    def test_every_code_says_what_to_do_next(self):
        client, account = self.reader()
        for code, (kind, sentence, extra) in CODES.items():
            self.server.fail_next(1, status=400, code=code, message=f'about {self.current.iban}')
            before = client.http.calls
            with self.assertRaises(kind) as caught:
                list(client.fetch_pages(account, WINDOW))
            error = caught.exception
            self.assertEqual((type(error), error.message, client.http.calls - before), (kind, sentence, 1), code)
            self.assertEqual(error.detail, f'{code}: about DE89•••3000')
            self.assertEqual([getattr(error, name) for name in extra], list(extra.values()))

    def test_codes_nobody_knows_follow_their_status(self):
        client, account = self.reader()
        for status, kind in ((400, ConfigError), (401, ReauthRequired), (403, ReauthRequired), (422, ProtocolError), (500, TransientError)):
            self.server.fail_next(3, status=status, code='SOMETHING_NEW')
            with self.assertRaises(kind) as caught:
                client.fetch_balances(account)
            self.assertIn('SOMETHING_NEW', caught.exception.detail)
            self.server.clear_faults()

    def test_a_limit_with_a_time_keeps_that_time(self):
        client, account = self.reader()
        self.server.fail_next(1, 429, retry_after=7200, code='ASPSP_RATE_LIMIT_EXCEEDED')
        with self.assertRaises(RateLimited) as caught:
            client.fetch_balances(account)
        self.assertEqual(caught.exception.retry_after, NOON + timedelta(hours=2))

    def test_a_key_that_was_revoked(self):
        client, account = self.reader()
        self.server.revoke_key()
        with self.assertRaises(ConfigError):
            client.fetch_balances(account)

    def test_sentences_tell_what_to_do_and_show_no_code(self):
        for code, (_kind, sentence, _extra) in CODES.items():
            self.assertNotIn(code, sentence)
            self.assertTrue(sentence.endswith('.') and sentence[0].isupper(), sentence)

    def test_every_error_is_one_of_ours(self):
        self.assertFalse([code for code, (kind, *_rest) in CODES.items() if not issubclass(kind, SyncError)])


@tagged('at_install', '-post_install')
class TestRows(BaseCase):
    """The reading of single rows, without any call."""

    row = {'status': 'BOOK', 'credit_debit_indicator': 'DBIT', 'booking_date': '2026-03-09',
           'transaction_amount': {'amount': '5.20', 'currency': 'EUR'}}

    def movement(self, **changes):
        row = {name: value for name, value in {**self.row, **changes}.items() if value is not None}
        return rows.movement(row, OWN, TODAY)

    def test_the_date_is_the_best_one_told(self):
        later = {'value_date': '2026-03-08', 'transaction_date': '2026-03-07'}
        self.assertEqual(self.movement(**later).date, date(2026, 3, 9))
        self.assertEqual(self.movement(**later, booking_date=None).date, date(2026, 3, 8))
        self.assertEqual(self.movement(booking_date=None, transaction_date='2026-03-07').date, date(2026, 3, 7))
        self.assertEqual(self.movement(booking_date=None, status='PDNG').date, TODAY)

    def test_what_nobody_may_guess_is_refused(self):
        for changes in ({'booking_date': None}, {'credit_debit_indicator': None}, {'credit_debit_indicator': []},
                        {'transaction_amount': {'amount': '-5.20', 'currency': 'EUR'}}, {'transaction_amount': {'currency': 'EUR'}},
                        {'transaction_amount': None}, {'booking_date': '2026-02-30'}, {'booking_date': 20260309}):
            with self.assertRaises(ProtocolError, msg=str(changes)):
                self.movement(**changes)

    def test_text_falls_back_to_what_the_bank_calls_it(self):
        code = {'description': 'CARD PAYMENT', 'code': 'PMNT', 'sub_code': 'CCRD'}
        self.assertEqual(self.movement(remittance_information=['  a  b ', '', 'c\nd'], bank_transaction_code=code).text, 'a b\nc\nd')
        self.assertEqual(self.movement(remittance_information=['', ' '], bank_transaction_code=code, note='mine').text, 'CARD PAYMENT')
        self.assertEqual(self.movement(remittance_information=None, note='mine').text, 'mine')
        self.assertEqual(self.movement(bank_transaction_code=code).type, 'PMNT-CCRD')

    def test_the_partner_is_the_other_side(self):
        sides = {'creditor': {'name': 'Shop'}, 'debtor': {'name': 'Us'}, 'creditor_account': {'other': {'identification': '123-4'}},
                 'debtor_account': {'iban': OWN.iban}}
        self.assertEqual((self.movement(**sides).partner_name, self.movement(**sides).partner_account), ('Shop', '123-4'))
        received = self.movement(**sides, credit_debit_indicator='CRDT')
        self.assertEqual((received.amount, received.partner_name, received.partner_account), (Decimal('5.20'), 'Us', ''))

    def test_an_original_amount_in_the_same_currency_is_none(self):
        same = {'exchange_rate': {'instructed_amount': {'amount': '5.20', 'currency': 'EUR'}}}
        self.assertEqual((self.movement(**same).original_amount, self.movement(**same).original_currency), (None, ''))

    def test_balances_without_a_day_are_true_now_and_not_final(self):
        amount = {'amount': '10.00', 'currency': 'EUR'}
        told = rows.balances([
            {'balance_type': 'CLBD', 'balance_amount': amount},
            {'balance_type': 'CLBD', 'balance_amount': amount, 'reference_date': '2026-03-10'},
            {'balance_type': 'OPBD', 'balance_amount': amount}, {'balance_type': 'NEW', 'balance_amount': amount},
            {'balance_type': 'ITBD', 'balance_amount': amount, 'last_change_date_time': '2026-03-08T10:00:00Z'}], TODAY)
        self.assertEqual([(b.date, b.final) for b in told], [(TODAY, False), (TODAY, False), (date(2026, 3, 8), False)])

    def test_names_of_accounts(self):
        base = {'identification_hash': 'h', 'currency': 'EUR', 'cash_account_type': 'SVGS',
                'account_id': {'iban': 'DE89 3704 0044 0532 0130 00'}}
        self.assertEqual(rows.account(base, 'Bank', 'u').name, 'Account 3000')
        self.assertEqual(rows.account({**base, 'name': 'Holder', 'product': 'Giro'}, 'Bank', 'u').name, 'Giro')
        told = rows.account({**base, 'cash_account_type': 'NEW', 'currency': 'XXXX'}, 'Bank', 'u')
        self.assertEqual((told.kind, told.currency, told.iban), ('other', '', 'DE89370400440532013000'))
        with self.assertRaises(ProtocolError):
            rows.account({'uid': 'u'}, 'Bank', 'u')

    def test_own_number_without_iban(self):
        own = replace(OWN, iban='', number='123-4')
        told = rows.movement({**self.row, 'creditor_account': {'other': {'identification': '123-4'}}}, own, TODAY)
        self.assertEqual(told.partner_account, '')

    def test_what_it_declares(self):
        capabilities = client_class('enable_banking').provider.capabilities
        self.assertTrue(capabilities.redirect and capabilities.institutions and capabilities.attended_free and capabilities.pending)
        self.assertEqual((capabilities.calls_per_day, capabilities.calls_scope, capabilities.ids), (4, 'account', 'bank'))
