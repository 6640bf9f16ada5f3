"""The transport to another Odoo, against real ones of every series on this machine: what they say, refuse and do not survive."""
import subprocess
import threading
import time
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from unittest import SkipTest

from odoo.tests import BaseCase, tagged
from odoo.tools import config

from ..clients import errors
from ..clients.http import Http
from ..clients.odoo_rpc import JSON2, JSON_RPC, OdooRpc, _series, encode
from .servers.base import Reply, Server
from .servers.odoo_peer import VARIABLE, OdooPeer, peers

LOOPBACK = ['127.0.0.0/8']


def http(**kwargs):
    return Http(allowed_networks=LOOPBACK, sleep=lambda seconds: None, **kwargs)


def postgres():
    """How this test's own Odoo reaches PostgreSQL."""
    return {'PGHOST': config['db_host'], 'PGPORT': config['db_port'], 'PGUSER': config['db_user'], 'PGPASSWORD': config['db_password']}


class PeerTests:
    """What holds for a real Odoo of `series`, with each of its protocols."""

    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

    series = ''
    transports = (JSON_RPC,)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.series not in peers():
            raise SkipTest(f"no Odoo {cls.series} to start: `make test` names them in {VARIABLE}")
        cls.peer = OdooPeer(cls.series, postgres(), filtered=True)
        cls.addClassCleanup(cls.peer.stop)
        cls.peer.start()

    def rpc(self, login='sync', **kwargs):
        given = {'database': self.peer.database, 'login': login, 'key': self.peer.keys.get(login, '')}
        return OdooRpc(http(), self.peer.url, **{**given, **kwargs})

    def each(self, login='sync', **kwargs):
        """A transport of each protocol, in a sub-test."""
        for transport in self.transports:
            with self.subTest(transport=transport):
                yield self.rpc(login, transport=transport, **kwargs)

    def assertRefuses(self, kind, pattern, function, *args, **kwargs):
        with self.assertRaisesRegex(kind, pattern) as caught:
            function(*args, **kwargs)
        error = caught.exception
        self.assertIs(type(error), kind)
        for secret in (*self.peer.keys.values(), 'Traceback'):
            self.assertNotIn(secret, error.log_line())
        return error

    # -- who is there -----------------------------------------------------------------------------------------------------------

    def test_probe(self):
        """The version is told, the database too, and the newest protocol that is really there is chosen."""
        for database in (self.peer.database, ''):
            server = self.rpc(database=database, key='').probe()
            self.assertEqual('.'.join(map(str, server.series)), self.series)
            self.assertTrue(server.version.startswith(self.series))
            self.assertEqual(server.databases, (self.peer.database,))
            self.assertEqual(server.transport, self.transports[0])

    def test_address_as_copied_from_the_browser(self):
        for tail in ('/', '/web', '/web/login?redirect=x', '/odoo/accounting?debug=1', '/odoo#x'):
            rpc = OdooRpc(http(), self.peer.url + tail)
            self.assertEqual(rpc.url, self.peer.url)

    def test_sign_in(self):
        for rpc in self.each():
            self.assertIsNone(rpc.clock_difference)
            account = rpc.sign_in()
            self.assertEqual((account.login, account.name, account.lang, account.tz), ('sync', 'Sync', 'en_US', 'Europe/Brussels'))
            (company,) = account.companies
            self.assertEqual((company.id, company.name, company.currency), (account.company_id, 'Peer Company', 'USD'))
            self.assertLess(abs(rpc.clock_difference), timedelta(seconds=2))

    def test_database_not_named(self):
        for rpc in self.each(database=''):
            self.assertEqual(rpc.sign_in().login, 'sync')

    def test_wrong_key(self):
        for rpc in self.each(key='0123456789' * 4):
            error = self.assertRefuses(errors.ConfigError, 'does not accept this user and API key.*Custom plan', rpc.sign_in)
            self.assertEqual(error.field, 'key')
            self.assertRefuses(errors.ReauthRequired, 'no longer accepts the API key', rpc.call, 'res.partner', 'search', domain=[])

    def test_wrong_user(self):
        for rpc in self.each('clerk', key=self.peer.keys['sync']):
            self.assertRefuses(errors.ConfigError, 'does not accept this user|belongs to the user “sync”, not to “clerk”', rpc.sign_in)

    def test_wrong_database(self):
        for database in ('nowhere', f'{self.peer.database}_none'):
            for rpc in [self.rpc(database=database), *self.each(database=database)]:
                error = self.assertRefuses(errors.ConfigError, f'has no database “{database}”.*“{self.peer.database}”', rpc.sign_in)
                self.assertEqual(error.field, 'database')

    # -- calling ----------------------------------------------------------------------------------------------------------------

    def test_unknown_model_and_method(self):
        for rpc in self.each():
            for model, method in (('no.such.model', 'search'), ('res.partner', 'no_such_method')):
                self.assertRefuses(errors.ProtocolError, f'does not understand.*{model}.{method}', rpc.call, model, method, domain=[])
            domain = [['no_field', '=', 1]]
            self.assertRefuses(errors.ServerFault, 'failed at it.*no_field', rpc.call, 'res.partner', 'search', domain=domain)

    def test_private_method(self):
        for rpc in self.each():
            self.assertRefuses(errors.Rejected, 'Private methods', rpc.call, 'res.partner', '_compute_display_name', [1])

    def test_refusals_in_the_words_of_the_other_side(self):
        for rpc in self.each():
            (move,) = rpc.call('account.move', 'create', vals_list=[{'move_type': 'out_invoice'}])
            self.assertRefuses(errors.Rejected, "field '?Customer'?|'Customer' field", rpc.call, 'account.move', 'action_post', [move])
            self.assertRefuses(errors.Rejected, 'Contacts require a name', rpc.call, 'res.partner', 'create', vals_list=[{'name': False}])
            self.assertRefuses(errors.Rejected, 'does not exist', rpc.call, 'res.partner', 'write', [987654], vals={'name': 'X'})
        for rpc in self.each('clerk'):
            error = self.assertRefuses(
                errors.Rejected, 'not allowed to', rpc.call, 'account.move', 'search_read', domain=[], fields=['name'])
            self.assertIn(f"The user “clerk” of the database “{rpc.database}” lacks a right", error.message)
            for operation, may in (('read', True), ('create', False)):
                self.assertIs(rpc.call('res.partner', 'has_access', [], operation=operation), may)

    def test_account_numbers_in_refusals_are_masked(self):
        for rpc in self.each():
            partner = self.partners(rpc, 'Masked')[0]
            values = {'partner_id': partner, 'acc_number': 'DE89370400440532013000'}
            rpc.call('res.partner.bank', 'create', vals_list=[values])
            error = self.assertRefuses(errors.Rejected, '.', rpc.call, 'res.partner.bank', 'create', vals_list=[values])
            self.assertNotIn('DE89370400440532013000', error.log_line())

    def test_context(self):
        for rpc in self.each():
            for context, name in (({}, 'Germany'), ({'lang': 'fr_FR'}, 'Allemagne')):
                rows = rpc.call('res.country', 'search_read', domain=[['code', '=', 'DE']], fields=['name'], context=context)
                self.assertEqual(rows[0]['name'], name)
            partner = rpc.call('res.partner', 'create', vals_list=[{'name': 'Default'}], context={'default_comment': 'by context'})
            self.assertIn('by context', rpc.call('res.partner', 'read', partner, fields=['comment'])[0]['comment'])

    def test_ids(self):
        for rpc in self.each():
            first, second = self.partners(rpc, 'First', 'Second')
            self.assertTrue(rpc.call('res.partner', 'write', [first, second], vals={'ref': 'R1'}))
            rows = rpc.call('res.partner', 'read', [second, first], fields=['name', 'ref'])
            self.assertEqual([(row['id'], row['name'], row['ref']) for row in rows], [(second, 'Second', 'R1'), (first, 'First', 'R1')])
            self.assertEqual(rpc.call('res.partner', 'read', [], fields=['name']), [])
            self.assertEqual(rpc.call('res.partner', 'search', domain=[['id', '=', first]]), [first])
            self.assertEqual(rpc.call('res.partner', 'search_count', domain=[['id', 'in', [first, second]]]), 2)

    def partners(self, rpc, *names):
        return rpc.call('res.partner', 'create', vals_list=[{'name': name} for name in names])

    def test_external_ids(self):
        for rpc in self.each():
            external_id = f'online_sync.{rpc.transport}_1'
            self.assertIsNone(rpc.find(external_id))
            (partner,) = rpc.call('res.partner', 'load', fields=['id', 'name'], data=[[external_id, 'Loaded']])['ids']
            self.assertEqual(rpc.find(external_id), ('res.partner', partner))
            rpc.call('res.partner', 'write', [partner], vals={'active': False})
            self.assertEqual(rpc.find(external_id), ('res.partner', partner))

    def test_batch_and_paging(self):
        for rpc in self.each():
            names = [f'{rpc.transport} {number:04d}' for number in range(600)]
            created = self.partners(rpc, *names)
            domain, pages = [['name', '=like', f'{rpc.transport} %']], []
            while not pages or len(pages[-1]) == 250:
                pages.append(rpc.call('res.partner', 'search_read', domain=domain, fields=['name'], order='id', limit=250,
                                      offset=sum(map(len, pages))))
            rows = [(row['id'], row['name']) for page in pages for row in page]
            self.assertEqual(rows, list(zip(created, names, strict=True)))

    def test_money_is_exact(self):
        """Decimals go out with all their digits and come back as Decimals, to the cent."""
        prices = [Decimal(text) for text in ('100.10', '0.01', '1234567.89', '33.33', '4.35')]
        for rpc in self.each():
            (partner,) = self.partners(rpc, 'Exact')
            (move,) = rpc.call('account.move', 'create', vals_list=[{
                'move_type': 'out_invoice', 'partner_id': partner, 'invoice_date': date(2026, 3, 10),
                'invoice_line_ids': [(0, 0, {'name': str(price), 'price_unit': price, 'quantity': Decimal(1), 'tax_ids': [(6, 0, [])]})
                                     for price in prices],
            }])
            (told,) = rpc.call('account.move', 'read', [move], fields=['amount_total', 'invoice_date', 'amount_untaxed'])
            self.assertEqual(told['amount_total'], sum(prices))
            self.assertIs(type(told['amount_total']), Decimal)
            self.assertEqual(told['invoice_date'], '2026-03-10')
            lines = rpc.call('account.move.line', 'search_read', domain=[['move_id', '=', move], ['display_type', '=', 'product']],
                             fields=['price_subtotal', 'credit'], order='sequence, id')
            self.assertEqual([line['credit'] for line in lines], prices)

    # -- what does not survive --------------------------------------------------------------------------------------------------

    @contextmanager
    def partner_locked(self, partner):
        """Somebody else holds a record, so that a call that writes it waits."""
        holder = subprocess.Popen(['psql', '-qAt', self.peer.database], env=self.peer.environment, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        try:
            holder.stdin.write(f'BEGIN; SELECT id FROM res_partner WHERE id = {partner} FOR UPDATE;\n')
            holder.stdin.flush()
            self.assertEqual(holder.stdout.readline().strip(), str(partner))
            yield
        finally:
            holder.kill()
            holder.communicate()

    def wait_for_waiting(self):
        query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.peer.database}' AND wait_event_type = 'Lock'"
        deadline = time.monotonic() + 20
        while self.peer.sql(query) == '0':
            self.assertLess(time.monotonic(), deadline, 'the call never began')

    def test_z_killed_in_the_middle(self):
        rpc = self.rpc()
        (partner,) = self.partners(rpc, 'Before')
        sent, raised = rpc.http.calls, []

        def write():
            try:
                rpc.call('res.partner', 'write', [partner], vals={'name': 'After'})
            except errors.SyncError as error:
                raised.append(error)

        with self.partner_locked(partner):
            thread = threading.Thread(target=write)
            thread.start()
            self.wait_for_waiting()
            self.peer.kill()
            thread.join()
        self.assertEqual([type(error) for error in raised], [errors.TransientError])
        self.assertEqual(rpc.http.calls, sent + 1, 'what changes something is sent once')
        with self.assertRaises(errors.TransientError):
            rpc.call('res.partner', 'read', [partner], fields=['name'])
        self.assertEqual(rpc.http.calls, sent + 1 + rpc.http.attempts, 'what only reads is tried again')
        with self.assertRaises(errors.TransientError):
            self.rpc().probe()

        self.peer.serve(listed=False)
        self.assertEqual(rpc.call('res.partner', 'read', [partner], fields=['name'])[0]['name'], 'Before')
        self.assertTrue(rpc.call('res.partner', 'write', [partner], vals={'name': 'After'}))
        server = self.rpc().probe()
        self.assertEqual((server.databases, server.transport), ((), self.transports[0]), 'it does not tell its databases any more')
        self.assertRefuses(errors.ConfigError, 'has no database “nowhere”. Check its name.$', self.rpc(database='nowhere').sign_in)
        if JSON2 not in self.transports:
            self.assertRefuses(errors.ConfigError, 'needs to know which database', self.rpc(database='').sign_in)



@tagged('post_install', '-at_install', 'peer18')
class TestOdooRpc18(PeerTests, BaseCase):
    series = '18.0'

    def test_login_page_in_place_of_json2(self):
        """18.0 answers calls of JSON-2 with a way to its login page, which must not look like an answer."""
        with self.assertRaisesRegex(errors.ProtocolError, 'points to another address'):
            self.rpc(transport=JSON2).call('res.partner', 'search', domain=[])


@tagged('post_install', '-at_install', 'peer19')
class TestOdooRpc19(PeerTests, BaseCase):
    series = '19.0'
    transports = (JSON2, JSON_RPC)

    def test_key_alone_names_its_user(self):
        self.assertEqual(self.rpc(login='', key=self.peer.keys['clerk']).sign_in().login, 'clerk')


class Imitation(Server):
    """Answers every call as it is told, in the form of either protocol."""

    exception = 'odoo.exceptions.UserError'
    message = 'No.'
    status = 422
    version = '19.0'

    def route(self, call):
        told = {'name': self.exception, 'message': self.message, 'arguments': [], 'context': {}, 'debug': 'Traceback, with the key'}
        if call.path == '/jsonrpc':
            results = {'version': {'server_version': self.version}, 'authenticate': 7}
            method, head = call.json()['params']['method'], {'jsonrpc': '2.0', 'id': call.json()['id']}
            failure = {'error': {'code': 200, 'message': 'Odoo Server Error', 'data': told}}
            return Reply(200, head | ({'result': results[method]} if method in results else failure))
        return Reply(self.status, told) if call.path.startswith('/json/2/') else Reply(404, '<h1>Not Found</h1>', kind='text/html')


@tagged('post_install', '-at_install')
class TestOdooRpcAnswers(BaseCase):
    """Answers that a real Odoo gives seldom, and those of what is none."""

    def setUp(self):
        super().setUp()
        self.server = Imitation(None).start()
        self.addCleanup(self.server.stop)

    def rpc(self, **kwargs):
        return OdooRpc(http(), self.server.url, **{'database': 'books', 'login': 'sync', 'key': 'k' * 40, **kwargs})

    def call(self, transport, method='action_post'):
        return self.rpc(transport=transport).call('account.move', method, [1])

    def test_exceptions_by_what_to_do_next(self):
        for name, status, kind in (
            ('odoo.exceptions.UserError', 422, errors.Rejected),
            ('odoo.exceptions.RedirectWarning', 422, errors.Rejected),
            ('odoo.addons.some_addon.models.thing.OwnError', 422, errors.Rejected),
            ('odoo.exceptions.AccessError', 403, errors.Rejected),
            ('odoo.exceptions.AccessDenied', 403, errors.ReauthRequired),
            ('odoo.exceptions.LockError', 409, errors.TransientError),
            ('psycopg2.errors.SerializationFailure', 500, errors.TransientError),
            ('psycopg2.errors.LockNotAvailable', 500, errors.TransientError),
            ('psycopg2.OperationalError', 500, errors.TransientError),
            ('psycopg2.errors.UniqueViolation', 500, errors.Rejected),
            ('builtins.KeyError', 500, errors.ServerFault),
            ('werkzeug.exceptions.UnprocessableEntity', 422, errors.ProtocolError),
        ):
            self.server.exception, self.server.status = name, status
            for transport in (JSON2, JSON_RPC):
                with self.subTest(name=name, transport=transport):
                    self.server.calls.clear()
                    with self.assertRaises(kind) as caught:
                        self.call(transport, 'read')
                    self.assertIs(type(caught.exception), kind)
                    self.assertIn(name, caught.exception.detail)
                    self.assertNotIn('Traceback', caught.exception.log_line())
                    self.assertLessEqual(self.server.count(path='/json/2') + self.server.count(path='/jsonrpc'), 2, 'not tried again')

    def test_statuses_without_a_name(self):
        for transport in (JSON2, JSON_RPC):
            with self.subTest(transport=transport):
                rpc = self.rpc(transport=transport)
                with self.assertRaises(errors.Rejected):
                    rpc.call('account.move', 'action_post', [1])
                self.server.fail_next(status=429, retry_after=3600)
                with self.assertRaises(errors.RateLimited) as caught:
                    rpc.call('account.move', 'action_post', [1])
                self.assertGreater(caught.exception.retry_after, datetime.now(timezone.utc))
                self.server.fail_next(status=502)
                with self.assertRaises(errors.TransientError):
                    rpc.call('account.move', 'action_post', [1])
                self.server.html_next()
                with self.assertRaises(errors.ProtocolError):
                    rpc.call('account.move', 'action_post', [1])

    def test_only_reading_is_tried_again(self):
        for method, idempotent, calls in (('read', False, 3), ('action_post', False, 1), ('action_post', True, 3)):
            with self.subTest(method=method, idempotent=idempotent):
                self.server.calls.clear()
                self.server.fail_next(calls, status=503)
                with self.assertRaises(errors.TransientError):
                    self.rpc(transport=JSON2).call('account.move', method, [1], idempotent=idempotent)
                self.assertEqual(len(self.server.calls), calls)

    def test_web_page_is_no_odoo(self):
        self.server.html_next(10)
        with self.assertRaisesRegex(errors.ConfigError, 'There is no Odoo at') as caught:
            self.rpc().sign_in()
        self.assertEqual(caught.exception.field, 'url')

    def test_address_that_leads_elsewhere(self):
        self.server.redirect_next('https://127.0.0.1/', n=10, status=301)
        with self.assertRaisesRegex(errors.ConfigError, 'Enter the address with https:') as caught:
            self.rpc().sign_in()
        self.assertEqual(caught.exception.field, 'url')
        self.assertFalse([call for call in self.server.calls if 'k' * 40 in f'{call.headers}{call.body}'], 'no key was sent')

    def test_too_old(self):
        for version in ('8.0', '15.0', '16.0', '17.0+e', 'saas~17.4+e'):
            self.server.version = version
            with self.subTest(version=version), self.assertRaisesRegex(errors.ConfigError, 'Odoo 18.0 or later is needed'):
                self.rpc().sign_in()
        self.assertFalse([call for call in self.server.calls if 'k' * 40 in f'{call.headers}{call.body}'], 'no key was sent')

    def test_versions(self):
        for info, text, series in (
            ([18, 0, 0, 'final', 0, ''], '18.0', (18, 0)), ([19, 0, 0, 'final', 0, 'e'], '19.0+e', (19, 0)),
            (['saas~18', 2, 0, 'final', 0, 'e'], 'saas~18.2+e', (18, 2)), (None, '18.0-20250101', (18, 0)), (None, 'saas~18.3', (18, 3)),
        ):
            self.assertEqual(_series(info, text), series)
        for nonsense in ('', 'master'):
            with self.assertRaises(ValueError):
                _series(None, nonsense)

    def test_what_goes_out(self):
        body = {'a': Decimal('100.10'), 'b': Decimal('1E+3'), 'c': [date(2026, 3, 10), datetime(2026, 3, 10, 9, tzinfo=timezone.utc)],
                'd': ('é', None, True, 3), 'e': {}}
        self.assertEqual(encode(body), '{"a":100.10,"b":1000,"c":["2026-03-10","2026-03-10 09:00:00"],"d":["\\u00e9",null,true,3],"e":{}}')
        for value in (Decimal('NaN'), float('inf')):
            with self.assertRaises(ValueError):
                encode([value])
        with self.assertRaises(TypeError):
            encode({'x': b'bytes'})
