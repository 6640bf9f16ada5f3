"""The mock providers must be believable: they follow the vendors' contracts, complain loudly, and tell the same of one bank."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import requests

from odoo.tests import BaseCase, tagged

from ..clients import enable_banking_rows as rows
from ..clients import wire
from ..clients.enable_banking import EnableBanking
from ..clients.http import Http
from ..clients.records import BOOKED, RemoteAccount, Window
from ..clients.simplefin import SimpleFin
from .servers import base
from .servers.bank import Bank
from .servers.base import jsonschema
from .servers.contracts import ENABLE_BANKING, SIMPLEFIN, without_nulls
from .servers.enable_banking import EnableBankingServer
from .servers.kit import NOON, Clock, http_options
from .servers.seed import BIRCH, HISTORY_DAYS, LAKE, Life, iban
from .servers.simplefin import SimpleFinServer

try:
    from hypothesis import given, settings
    from hypothesis import strategies as st
except ImportError:
    given = None

ROOT = Path(__file__).resolve().parent.parent
#: Folder with the vendors' published samples; tests that need it are skipped without it.
SPECS = Path(os.environ.get('ONLINE_SYNC_SPECS') or ROOT.parent / 'shared' / 'specs')
TODAY = NOON.date()
WINDOW = Window(TODAY - timedelta(days=30), TODAY)


def needs(*parts):
    """The vendor's file, or the test is skipped."""
    path = SPECS.joinpath(*parts)

    def decorate(test):
        def run(self):
            if not path.exists():
                self.skipTest(f'{path.name} is not here; ONLINE_SYNC_SPECS names the folder')
            test(self, path)
        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return run
    return decorate


def read_simplefin(server, clock=None):
    """All movements of all accounts as a client reads them, by name of the account."""
    with Http(**http_options(clock or Clock())) as http:
        client = SimpleFin({'access_url': server.access_url}, http, clock=clock or Clock())
        return {a.name: [m for page in client.fetch_pages(a, WINDOW) for m in page.transactions] for a in client.fetch_accounts()}


def sign_in(server, clock=None):
    """A client of Enable Banking after a finished sign-in, and the consent. The caller closes `client.http`."""
    clock = clock or Clock()
    given_by_user = {'application_id': server.application_id, 'private_key': server.private_key}
    with Http(**http_options(clock)) as http:
        redirect = EnableBanking(given_by_user, http, url=server.url, clock=clock).start(
            institution=f'{server.bank.country}:{server.bank.name}', return_url='https://books.example/back', state='s')
        consent = EnableBanking(redirect.credentials, http, url=server.url, clock=clock).finish(server.allow(redirect.url))
    return EnableBanking(consent.credentials, Http(**http_options(clock)), url=server.url, clock=clock), consent


def read_enable_banking(client, consent):
    return {a.name: [m for page in client.fetch_pages(a, WINDOW) for m in page.transactions] for a in consent.accounts}


def told(movements):
    """What both providers must tell alike."""
    return sorted((m.status, m.date, m.amount, m.text) for m in movements)


@tagged('at_install', '-post_install')
class TestBank(BaseCase):

    def setUp(self):
        super().setUp()
        self.bank = Bank(TODAY)
        self.account = self.bank.open('Current', opening='100')

    def test_balance_at_the_end_of_a_day(self):
        self.bank.book(self.account, TODAY - timedelta(days=2), '-30', 'a')
        self.bank.book(self.account, TODAY, '5', 'b')
        self.bank.pend(self.account, '-1', 'c')
        self.assertEqual([self.bank.balance(self.account, self.bank.days_ago(n)) for n in (3, 2, 1, 0)],
                         [Decimal(n) for n in (100, 70, 70, 75)])
        self.assertEqual(self.bank.balance(self.account, pending=True), Decimal(74))

    def test_a_line_arrives_late_and_is_dated_back(self):
        self.bank.book(self.account, TODAY - timedelta(days=5), '-1', 'late', arrives=TODAY + timedelta(days=1))
        self.assertEqual(self.bank.shown(self.account), [])
        self.bank.today += timedelta(days=1)
        self.assertEqual([m.text for m in self.bank.shown(self.account)], ['late'])

    def test_what_a_bank_does_to_its_lines(self):
        old = self.bank.book(self.account, TODAY - timedelta(days=9), '-1', 'old')
        line = self.bank.book(self.account, TODAY, '-2', 'line')
        ids = old.id, line.id
        self.bank.reissue_ids(self.account, since=TODAY)
        self.assertEqual((old.id == ids[0], line.id == ids[1]), (True, False))
        self.bank.edit_amount(line, '-2.50')
        self.bank.edit_text(line, 'other')
        self.bank.move_date(line, TODAY - timedelta(days=1))
        self.assertEqual((line.amount, line.text, line.day), (Decimal('-2.50'), 'other', TODAY - timedelta(days=1)))
        self.bank.vanish(line)
        self.assertEqual(self.bank.shown(self.account), [old])

    def test_positions_move_when_a_late_line_comes(self):
        first = self.bank.book(self.account, TODAY, '-1', 'a')
        self.assertEqual(self.bank.position(first), f'{TODAY}.1')
        second = self.bank.book(self.account, TODAY, '-1', 'b')
        self.assertEqual((self.bank.position(second), self.bank.position(first)), (f'{TODAY}.1', f'{TODAY}.2'))

    def test_forgotten_lines_stay_in_the_balance(self):
        self.bank.book(self.account, TODAY - timedelta(days=9), '-30', 'a')
        self.bank.forget(before=TODAY)
        self.assertEqual((self.bank.shown(self.account), self.bank.balance(self.account)), ([], Decimal(70)))


@tagged('at_install', '-post_install')
class TestLoudness(BaseCase):
    """A call that no provider would accept, or an answer that no provider would give, is noted."""

    def setUp(self):
        super().setUp()
        self.bank = Bank(TODAY)
        self.account = self.bank.open('Current', iban='DE89370400440532013000')

    def test_an_unknown_path_and_an_unknown_parameter(self):
        with SimpleFinServer(self.bank) as server:
            self.assertEqual(requests.get(server.url + '/transactions', timeout=10).status_code, 404)
            requests.get(server.access_url + '/accounts?from=2026-01-01', timeout=10)
            self.assertEqual(len(server.problems), 2)
            requests.get(server.access_url + '/accounts?start-date=0&end-date=99999999', timeout=10)
            self.assertIn('more than 90 days', server.problems[-1])
            requests.post(server.url + f'/claim/{server.claim_code}', data='body', timeout=10)
            self.assertIn('no body', server.problems[-1])

    def test_an_answer_that_breaks_the_contract(self):
        if not jsonschema:
            self.skipTest('jsonschema is not installed')
        self.account.currency = 7
        with SimpleFinServer(self.bank) as server:
            requests.get(server.access_url + '/accounts', timeout=10)
            self.assertIn('breaks the contract', server.problems[0])

    def test_a_wrong_sign_in(self):
        with EnableBankingServer(self.bank) as server:
            for header in ({}, {'Authorization': 'Bearer a.b.c'}, {'Authorization': 'Bearer nonsense'}):
                self.assertEqual(requests.get(server.url + '/aspsps', headers=header, timeout=10).status_code, 401)
            client, _consent = sign_in(server)
            client.http.close()
            bearer = {'Authorization': f'Bearer {client._bearer()}'}
            answer = requests.post(server.url + '/auth', json={'state': 'x'}, headers=bearer, timeout=10)
            self.assertEqual((answer.status_code, answer.json()['error']), (422, 'WRONG_REQUEST_PARAMETERS'))
            self.assertEqual(len(server.problems), 1)

    def test_an_error_inside_the_server_is_the_tests_to_see(self):
        with SimpleFinServer(self.bank) as server:
            requests.get(server.access_url + '/accounts?start-date=yesterday', timeout=10)
            self.assertIn('ValueError', server.problems[0])

    def test_periods_that_enable_banking_refuses(self):
        with EnableBankingServer(self.bank) as server:
            client, consent = sign_in(server)
            client.http.close()
            path, bearer = f'/accounts/{consent.accounts[0].handle}/transactions', {'Authorization': f'Bearer {client._bearer()}'}
            for query, code in (('date_to=2026-03-01', 'DATE_TO_WITHOUT_DATE_FROM'), ('date_from=2026-03-11', 'DATE_FROM_IN_FUTURE'),
                                ('date_from=2026-03-02&date_to=2026-03-01', 'WRONG_DATE_INTERVAL'),
                                ('continuation_key=abc', 'WRONG_CONTINUATION_KEY')):
                answer = requests.get(f'{server.url}{path}?{query}', headers=bearer, timeout=10)
                self.assertEqual((answer.status_code, answer.json()['error']), (422, code))
            self.assertEqual(server.problems, [])


@tagged('at_install', '-post_install')
class TestOneBankTwoProviders(BaseCase):

    def setUp(self):
        super().setUp()
        self.bank = Bank(TODAY)
        self.account = self.bank.open('Current', iban='DE89370400440532013000', opening='100')
        self.simplefin = SimpleFinServer(self.bank).start()
        self.addCleanup(self.simplefin.stop)
        self.banking = EnableBankingServer(self.bank, clock=Clock()).start()
        self.addCleanup(self.banking.stop)
        self.client, self.consent = sign_in(self.banking)
        self.addCleanup(self.client.http.close)

    def assert_same(self):
        by_simplefin, by_banking = read_simplefin(self.simplefin), read_enable_banking(self.client, self.consent)
        self.assertEqual(told(by_simplefin['Current']), told(by_banking['Current']))
        booked = sum((m.amount for m in by_banking['Current'] if m.status == BOOKED), Decimal(100))
        self.assertEqual(booked, self.bank.balance(self.account))
        self.assertEqual(self.simplefin.problems + self.banking.problems, [])

    def test_they_tell_the_same(self):
        self.bank.book(self.account, TODAY, '-3.20', 'COFFEE')
        self.bank.book(self.account, TODAY, '-3.20', 'COFFEE')
        self.bank.settle(self.bank.pend(self.account, '-9', 'FUEL'), amount='-9.10')
        self.bank.pend(self.account, '-7', 'BOOK')
        self.assert_same()

    if given:
        steps = st.lists(st.tuples(
            st.sampled_from(['book', 'pend', 'settle', 'reissue', 'edit', 'vanish', 'move']), st.integers(0, 29),
            st.decimals('-9999', '9999', places=2), st.text('aäß €/&<"\'0', max_size=12)), max_size=12)

        @settings(max_examples=25, deadline=None)
        @given(steps)
        def test_they_tell_the_same_whatever_happens(self, steps):
            self.account.movements.clear()
            for step, days, amount, text in steps:
                self.happen(step, self.bank.days_ago(days), amount, text)
            self.assert_same()

    def happen(self, step, day, amount, text):
        movements = self.account.movements
        if step in ('book', 'pend'):
            getattr(self.bank, step)(self.account, *((day, amount, text) if step == 'book' else (amount, text, day)))
        elif step == 'reissue':
            self.bank.reissue_ids(self.account, since=day)
        elif movements:
            movement = movements[day.toordinal() % len(movements)]
            if step == 'settle' and movement.pending:
                self.bank.settle(movement, amount=amount)
            elif step != 'settle':
                {'edit': lambda: self.bank.edit_amount(movement, amount), 'vanish': lambda: self.bank.vanish(movement),
                 'move': lambda: self.bank.move_date(movement, day)}[step]()


def paths(value, at=''):
    """Every place in a JSON value with the type found there; list positions are one place."""
    yield at, type(value).__name__
    if isinstance(value, dict):
        for name, item in value.items():
            yield from paths(item, f'{at}.{name}')
    elif isinstance(value, list):
        for item in value:
            yield from paths(item, f'{at}[]')


@tagged('at_install', '-post_install')
class TestVendorSamples(BaseCase):
    """Samples published for Enable Banking against our schema, our server and our client."""

    samples = {
        'account_balances_response': 'balances', 'account_details_response': 'details', 'account_transactions_1_response': 'transactions',
        'account_transactions_2_response': 'transactions', 'aspsps_response': 'aspsps', 'authorize_user_session_response': 'new session',
        'start_user_session_response': 'auth',
    }
    # In the API reference; the samples have them only as null, or not at all. A debtor has the form of a creditor.
    more = {f'.transactions[].{name}' for name in (
        'reference_number_schema', 'exchange_rate.unit_currency', 'exchange_rate.exchange_rate', 'exchange_rate.instructed_amount',
        'exchange_rate.instructed_amount.amount', 'exchange_rate.instructed_amount.currency', 'balance_after_transaction.amount',
        'balance_after_transaction.currency')}

    def load(self, folder):
        return [(name, kind, wire.without_nulls(json.loads((folder / f'{name}.json').read_text()))) for name, kind in self.samples.items()]

    @needs('enablebanking', 'samples_nocfo')
    def test_our_schema_accepts_them(self, folder):
        if not jsonschema:
            self.skipTest('jsonschema is not installed')
        for name, kind, sample in self.load(folder):
            faults = [error.message for error in jsonschema.Draft202012Validator(ENABLE_BANKING[kind]).iter_errors(sample)]
            self.assertEqual(faults, [], name)

    @needs('enablebanking', 'samples_nocfo')
    def test_our_server_answers_in_their_form(self, folder):
        known = {}
        for _name, kind, sample in self.load(folder):
            known.setdefault(kind, set()).update(paths(sample))
        raw = {kind: set() for kind in known}
        for name, kind in self.samples.items():   # nulls tell which members exist
            raw[kind] |= {at for at, _type in paths(json.loads((folder / f'{name}.json').read_text()))}
        for kind, answer in self.answers():
            if kind in known:
                types = dict(known[kind])
                for at, found in paths(answer):
                    place = at.replace('debtor', 'creditor')
                    self.assertIn(place, raw[kind] | self.more, f'{kind}: not in the samples')
                    self.assertEqual(types.get(place, found), found, f'{kind}: {at}')

    def answers(self):
        """One answer of each kind by our server, for a bank with everything in it."""
        bank = Bank(TODAY)
        account = bank.open('Current', iban='DE89370400440532013000', holder='Birch GmbH')
        bank.book(account, TODAY, '-5', 'a', partner='b', partner_account='DE02120300000000202051', reference='RF18', code='c',
                  original=('-6', 'USD'))
        bank.pend(account, '5', 'a', partner='b', partner_account='DE02120300000000202051')
        seen = []
        with EnableBankingServer(bank) as server:
            good = server.good
            server.good = lambda name, body: (seen.append((name, without_nulls(body))), good(name, body))[1]
            server.balance_after = True
            client, consent = sign_in(server)
            with client.http:
                client._details(consent.accounts[0].handle, '')
                client.fetch_balances(consent.accounts[0])
                read_enable_banking(client, consent)
            self.assertEqual(server.problems, [])
        self.assertEqual({name for name, _body in seen}, {'aspsps', 'auth', 'new session', 'details', 'balances', 'transactions'})
        return seen

    @needs('enablebanking', 'samples_nocfo')
    def test_our_client_reads_them(self, folder):
        samples = {name: sample for name, _kind, sample in self.load(folder)}
        own = RemoteAccount('h', 'u', 'Current', 'EUR', iban='FI2439390058811110')
        card, insurance = (rows.movement(row, own, TODAY) for row in samples['account_transactions_1_response']['transactions'])
        self.assertEqual((card.amount, card.date, card.external_id, card.partner_name, card.type),
                         (Decimal('-5.20'), date(2024, 2, 2), '202402025EQEL1052327', 'GOOGLE*GSUITE ENALA CC GOOGLE.COM', 'PKORTTIMAKSU'))
        self.assertEqual(card.text.splitlines()[-1], 'VARMENTAJA 400')
        self.assertEqual((insurance.partner_account, insurance.reference), ('FI7150000120001820', '2412258514251'))
        told_now = rows.balances(samples['account_balances_response']['balances'], TODAY)
        self.assertEqual([(b.amount, b.kind, b.final) for b in told_now],
                         [(Decimal('2107.45'), 'booked', False), (Decimal('2107.45'), 'available', False)])
        account = rows.account(samples['account_details_response'], 'S-Pankki', 'u')
        self.assertEqual((account.name, account.holder), ('My account nickname', 'MAKKONEN MARJA-LIISA'))
        banks = [rows.institution(row, 'FI') for row in samples['aspsps_response']['aspsps']]
        self.assertEqual([(b.name, b.consent_days) for b in banks[:3]], [('Aktia', 0), ('DNB', 90), ('N26', 180)])

    @needs('enablebanking', 'Enable Banking.postman_collection.json')
    def test_our_client_calls_what_the_vendors_collection_calls(self, path):
        published = {}
        for item in json.loads(path.read_text())['item']:
            request = item['request']
            url = request['url'] if isinstance(request['url'], str) else request['url']['raw']
            parts = urlsplit(url).path.split('/')
            shape = '/'.join(part if part.isalpha() or not part else '*' for part in parts)
            published[request['method'], shape] = json.loads(request['body']['raw']) if request.get('body') else None
        bank = Bank(TODAY)
        bank.open('Current')
        with EnableBankingServer(bank) as server:
            client, consent = sign_in(server)
            with client.http:
                client.fetch_accounts()
                client.fetch_balances(consent.accounts[0])
                read_enable_banking(client, consent)
            made = {(c.method, '/'.join(p if p.isalpha() or not p else '*' for p in c.path.split('/'))): c for c in server.calls}
        self.assertEqual(set(made) - set(published), set())
        for shape in (('POST', '/auth'), ('POST', '/sessions')):
            self.assertLessEqual(set(published[shape]), set(made[shape].json()), shape)

    def test_the_schemas_are_schemas(self):
        if not jsonschema:
            self.skipTest('jsonschema is not installed')
        for schema in [*ENABLE_BANKING.values(), *SIMPLEFIN.values()]:
            jsonschema.Draft202012Validator.check_schema(schema)


@tagged('at_install', '-post_install')
class TestSeed(BaseCase):
    """Companies that a demo can live with."""

    now = datetime(2026, 3, 10, 15, 0, tzinfo=timezone.utc)

    def test_what_is_there(self):
        for company in (BIRCH, LAKE):
            life = Life(company, self.now)
            shown = {a.name: life.bank.shown(a) for a in life.bank.accounts}
            self.assertEqual(len(shown), 3)
            self.assertLess(min(m.day for m in shown['Business Current']), TODAY - timedelta(days=HISTORY_DAYS - 10))
            self.assertTrue(any(m.pending for m in shown['Company Card']))
            self.assertTrue(any(m.original for m in shown['Company Card']))
            monday = [m for m in shown['Company Card'] if m.happened == date(2026, 3, 9) and m.text.startswith(company.coffee)]
            self.assertEqual([m.amount for m in monday], [Decimal('-3.20')] * 2)
            self.assertGreater(life.bank.balance(life.current), 0)

    def test_ids_are_unique_and_account_numbers_valid(self):
        for company in (BIRCH, LAKE):
            life = Life(company, self.now)
            for account in life.bank.accounts:
                ids = [m.id for m in account.movements]
                self.assertEqual(len(ids), len(set(ids)))
            for number in {m.partner_account for m in life.current.movements} - {''} | {life.current.iban, life.savings.iban}:
                self.assertEqual(int(''.join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97, 1, number)
        self.assertEqual(iban('DE', '370400440532013000'), 'DE89370400440532013000')

    def test_a_restarted_sandbox_tells_the_same_story(self):
        later = self.now + timedelta(days=12)
        running, restarted = Life(BIRCH, self.now, pace=0), Life(BIRCH, later, pace=0)
        running.advance(later)
        for old, new in zip(running.bank.accounts, restarted.bank.accounts, strict=True):
            kept = {m.id: (m.day, m.amount, m.text) for m in old.movements}
            self.assertEqual([m for m in new.movements if kept.get(m.id) != (m.day, m.amount, m.text) and not m.pending], [])
            self.assertEqual(running.bank.balance(old), restarted.bank.balance(new))

    def test_something_arrives_while_somebody_watches(self):
        life = Life(BIRCH, self.now, pace=120)
        before = sum(len(a.movements) for a in life.bank.accounts)
        for minutes in (1, 3, 4, 6):
            life.advance(self.now + timedelta(minutes=minutes))
        self.assertEqual(sum(len(a.movements) for a in life.bank.accounts), before + 2)


@tagged('at_install', '-post_install')
class TestSandbox(BaseCase):
    """Started as the demo starts it: by path, in a process of its own, without Odoo."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        environ = {**os.environ, 'SANDBOX_PORT': '0', 'SANDBOX_PACE': '0', 'SANDBOX_KEY': f'{folder.name}/key.pem', 'PYTHONPATH': ''}
        self.process = subprocess.Popen([sys.executable, str(ROOT / 'tests' / 'servers' / 'sandbox.py')], env=environ, text=True,
                                        stdout=subprocess.PIPE)
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.process.wait)
        self.addCleanup(lambda: self.process.poll() is None and self.process.kill())
        self.ready = json.loads(self.process.stdout.readline())
        self.http = Http(allowed_networks=[self.ready['allowed_networks']])
        self.addCleanup(self.http.close)

    def test_a_demo(self):
        self.simplefin_connects_and_reads()
        self.enable_banking_connects_by_its_page()
        self.the_control_page_makes_things_happen()
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(10), 0)

    def simplefin_connects_and_reads(self):
        consent = SimpleFin({'setup_token': self.ready['simplefin']['setup_token']}, self.http).start()
        self.simplefin = SimpleFin(consent.credentials, self.http)
        self.assertEqual([a.kind for a in self.simplefin.fetch_accounts()], ['bank', 'savings', 'card'])

    def enable_banking_connects_by_its_page(self):
        ready = self.ready['enable_banking']
        self.assertEqual(Path(ready['private_key_file']).read_text(), ready['private_key'])
        self.assertEqual(Path(ready['private_key_file']).stat().st_mode & 0o777, 0o600)
        credentials = {'application_id': ready['application_id'], 'private_key': ready['private_key']}
        redirect = EnableBanking(credentials, self.http, url=ready['url']).start(
            institution=f'BE:{ready["bank"]}', return_url='https://books.example/back?db=demo', state='state-1')
        self.assertIn('Do you allow', requests.get(redirect.url, timeout=10).text)
        back = requests.post(redirect.url, data={'answer': 'allow'}, allow_redirects=False, timeout=10).headers['Location']
        self.assertTrue(back.startswith('https://books.example/back?db=demo&code='), back)
        answer = dict(parse_qsl(urlsplit(back).query))
        consent = EnableBanking(redirect.credentials, self.http, url=ready['url']).finish(answer)
        client = EnableBanking(consent.credentials, self.http, url=ready['url'])
        today = datetime.now(timezone.utc).date()
        pages = list(client.fetch_pages(consent.accounts[0], Window(today - timedelta(days=30), today), first_read=True))
        self.assertGreater(sum(len(page.transactions) for page in pages), 150)
        denied = requests.post(redirect.url, data={'answer': 'deny'}, allow_redirects=False, timeout=10).headers['Location']
        self.assertIn('error=access_denied', denied)

    def the_control_page_makes_things_happen(self):
        page = requests.get(self.ready['control'], timeout=10).text
        self.assertIn('Harbour Bank', page)
        today = datetime.now(timezone.utc).date()
        window = Window(today - timedelta(days=10), today)
        account = self.simplefin.fetch_accounts()[0]
        for action in ('late-line', 'expire-consent'):
            self.assertEqual(requests.post(f'{self.ready["control"]}sandbox/{action}', timeout=10).status_code, 200)
        page, = SimpleFin(self.simplefin.credentials, self.http).fetch_pages(account, window)
        self.assertFalse(page.complete)
        self.assertIn('Late debit, dated back by four days', [m.text for m in page.transactions])
        self.assertEqual(requests.post(f'{self.ready["control"]}sandbox/nonsense', timeout=10).status_code, 404)


@tagged('at_install', '-post_install')
class TestWithoutOdoo(BaseCase):

    def test_the_servers_import_neither_odoo_nor_the_clients(self):
        """They judge the clients, so they share nothing with them."""
        for path in Path(base.__file__).parent.glob('*.py'):
            for line in path.read_text().splitlines():
                if line.startswith(('import ', 'from ')):
                    self.assertNotRegex(line, r'\b(odoo|clients)\b', path.name)

    def test_a_client_that_hangs_up_does_not_disturb(self):
        bank = Bank(TODAY)
        bank.open('Current')
        with SimpleFinServer(bank) as server:
            server.slow(0.1)
            with socket.create_connection((server.host, server.port)) as connection:
                connection.sendall(b'GET /simplefin/info HTTP/1.1\r\nHost: x\r\n\r\n')
            server.slow(0)
            self.assertEqual(len(read_simplefin(server)), 1)
