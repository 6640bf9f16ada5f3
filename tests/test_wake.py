"""Two Odoo databases that both have the addon wake each other: who is believed, who is told, and that nobody waits for it."""
import json
import logging
import time
from datetime import timedelta
from statistics import median
from unittest import SkipTest

from odoo import fields, release
from odoo.exceptions import AccessError
from odoo.tests import BaseCase, HttpCase, new_test_user, tagged
from odoo.tools import config, mute_logger

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from ..clients import errors, wake
from ..clients.http import Http
from ..clients.odoo_rpc import OdooRpc
from .peer_common import PeerCase
from .servers.ear import Ear
from .servers.odoo_peer import OdooPeer, peers

_logger = logging.getLogger(__name__)

#: Edits whose way is timed.
EDITS = 5
#: Runs in the shell of the one that is connected: both know a partner, and nothing else flows.
CONNECT = """
import json
facts = json.loads({facts!r})
env['ir.config_parameter'].set_param('web.base.url', {url!r})
link = env['online.sync.link'].create({{'provider': 'odoo', 'user_id': env.ref('base.user_admin').id, 'interval_minutes': 60}})
link._sign_in(facts, '')
link.flow_ids.filtered(lambda flow: flow.entity == 'partner').write({{'direction': 'both', 'policy': 'newest'}})
flow = link._working_flows() or link.flow_ids.filtered(lambda flow: flow.direction == 'both')
flow._confirm_pairs([])
env.cr.commit()
link._run('connect', seconds=300)
env.cr.commit()
print(json.dumps([link.id, link.wake_trouble, link.wakes_us]))
"""
SERIES = '.'.join(str(number) for number in release.version_info[:2])
SECRET = wake.new_secret()


@tagged('post_install', '-at_install')
class TestWhoIsBelieved(AccountTestInvoicingCommon, HttpCase):
    """The route in the database that is woken."""

    def setUp(self):
        super().setUp()
        self.link = self.make_link()

    def make_link(self, secret=SECRET):
        link = self.env['online.sync.link'].sudo().create({'provider': 'odoo', 'state': 'connected'})
        self.env['online.sync.flow'].sudo()._create_all(link)
        link.flow_ids.filtered(lambda flow: flow.entity == 'partner').write({'direction': 'both', 'pairs_confirmed': True})
        link._store_credentials({'wake_secret': secret, 'listener': 'database/1'})
        link._peer_uid()
        return link

    def call(self, *, link=None, name='', secret=SECRET, body=b'{"entities": ["partner"]}', age=0, nonce='n' * 32, **headers):
        timestamp = str(int(time.time()) - age)
        signed = {wake.TIMESTAMP: timestamp, wake.NONCE: nonce, wake.SIGNATURE: wake.sign(secret, timestamp, nonce, body)}
        signed.update({name.replace('_', '-'): value for name, value in headers.items()})
        return self.url_open(wake.PATH + (name or (link or self.link).peer_uid), data=body,
                             headers={'Content-Type': 'application/json', **signed})

    def words(self):
        return self.env['online.sync.wake'].sudo().search([('link_id', '=', self.link.id)])

    def triggers(self):
        return self.env['ir.cron.trigger'].sudo().search_count(
            [('cron_id', '=', self.env.ref('account_online_sync.ir_cron_online_sync').id)])

    def test_a_genuine_word_wakes_the_connection(self):
        before, self.link.next_run = self.triggers(), fields.Datetime.now() + timedelta(hours=1)
        self.assertNotIn(self.link, self.env['online.sync.link']._due())
        self.assertEqual(self.call().status_code, 202)
        self.assertEqual(self.triggers(), before + 1)
        self.assertIn(self.link, self.env['online.sync.link']._due())

    def test_a_burst_is_one_run(self):
        self.link.next_run = fields.Datetime.now() + timedelta(hours=1)
        for number in range(5):
            self.assertEqual(self.call(nonce=f'number-of-the-word-{number}').status_code, 202)
        self.link._begin_run('schedule')
        self.assertEqual(self.words().mapped('is_done'), [True] * 5)
        self.assertTrue(self.link.woken_at)
        self.assertNotIn(self.link, self.env['online.sync.link']._due())

    def test_who_does_not_know_the_secret_learns_nothing(self):
        gone = self.make_link()
        gone.action_disconnect()
        refused = [
            self.call(secret=wake.new_secret()), self.call(name='online_sync_nobody'), self.call(link=gone),
            self.call(X_Online_Sync_Signature=''), self.call(X_Online_Sync_Nonce='another-word-altogether'),
            self.call(X_Online_Sync_Timestamp=str(int(time.time()) + 1)),
            self.call(secret=wake.new_secret(), body=b'no json'), self.call(secret=wake.new_secret(), age=4000),
            self.call(X_Online_Sync_Signature='é'.encode().decode('latin-1')), self.url_open(wake.PATH + self.link.peer_uid, data=b'{}'),
        ]
        self.assertEqual({(answer.status_code, answer.text) for answer in refused}, {(401, '{}')})
        self.assertFalse(self.words())

    def test_the_body_is_what_was_signed(self):
        timestamp, body = str(int(time.time())), b'{"entities": []}'
        headers = {wake.TIMESTAMP: timestamp, wake.NONCE: 'n' * 32, wake.SIGNATURE: wake.sign(SECRET, timestamp, 'n' * 32, body)}
        self.assertEqual(self.url_open(wake.PATH + self.link.peer_uid, data=b'{"entities": ["x"]}', headers=headers).status_code, 401)
        self.assertEqual(self.url_open(wake.PATH + self.link.peer_uid, data=body, headers=headers).status_code, 202)

    def test_the_same_word_is_heard_once(self):
        self.assertEqual([self.call().status_code, self.call().status_code], [202, 409])
        other = self.make_link()
        self.assertEqual(self.call(link=other).status_code, 202, "the numbers of two connections have nothing to do with each other")

    def test_an_old_word_is_refused(self):
        self.assertEqual([self.call(age=age, nonce=f'{age}'.rjust(16, '_')).status_code for age in (280, 400, -280, -400)],
                         [202, 403, 202, 403])

    def test_clocks_that_are_known_to_differ(self):
        self.link.clock_difference = -600
        self.assertEqual([self.call(age=600, nonce='a' * 16).status_code, self.call(nonce='b' * 16).status_code], [202, 403])

    def test_nonsense_is_refused(self):
        self.assertEqual({self.call(body=body).status_code for body in (b' ', b'no json', b'[]', b'{"entities": 1}', b'{"entities": [1]}')},
                         {400})
        self.assertEqual(self.call(nonce='short').status_code, 400)
        self.assertEqual(self.call(body=b'{"entities": [], "more": "' + b'x' * wake.LONGEST_BODY + b'"}').status_code, 413)
        with mute_logger('odoo.http'):
            self.assertEqual(self.url_open(wake.PATH + self.link.peer_uid).status_code, 405)
        self.assertFalse(self.words())

    def test_who_is_stopped_is_not_run(self):
        self.link.write({'auto_sync': False, 'next_run': False})
        before = self.triggers()
        self.assertEqual(self.call().status_code, 202)
        self.assertEqual(self.triggers(), before)
        self.assertNotIn(self.link, self.env['online.sync.link']._due())

    def test_words_are_forgotten_when_their_age_speaks_against_them(self):
        self.call()
        self.link._begin_run('schedule')
        words = self.words()
        words._gc_heard()
        self.assertTrue(words.exists())
        self.env.cr.execute("UPDATE online_sync_wake SET create_date = create_date - interval '11 minutes'")
        self.env.invalidate_all()
        words._gc_heard()
        self.assertFalse(words.exists())

    def test_how_often_the_other_side_is_asked(self):
        self.assertEqual((self.link.interval_minutes, self.link.changes_there), (2, "asked for every 2 minutes"))
        self.link.write({'wakes_us': True, 'introduced_at': fields.Datetime.now()})
        self.assertIn("asked for every 2 minutes: the other Odoo has not reached http", self.link.changes_there)
        self.link.woken_at = fields.Datetime.now()
        self.assertIn("told at once, and asked for every 15 minutes", self.link.changes_there)
        self.assertGreater(self.link._next_run(False, False), fields.Datetime.now() + timedelta(minutes=14))
        self.link.woken_at -= timedelta(hours=27)
        self.assertLess(self.link._next_run(False, False), fields.Datetime.now() + timedelta(minutes=3))


@tagged('post_install', '-at_install')
class TestWhoMayListen(AccountTestInvoicingCommon):
    """The database that tells: who may introduce itself, and who decides."""

    def setUp(self):
        super().setUp()
        self.user = new_test_user(self.env, login='there', groups='account.group_account_invoice', company_id=self.env.company.id)

    def facts(self, **values):
        return {'key': 'a-database/7', 'url': 'https://a.example.com/', 'name': 'online_sync_abc', 'database': 'a', 'title': 'Acme',
                'secret': SECRET, 'entities': ['partner', 'unheard of'], 'company_id': self.env.company.id, **values}

    def introduce(self, user=None, **values):
        return self.env['online.sync.listener'].with_user(user or self.user).introduce(self.facts(**values))

    def listeners(self):
        return self.env['online.sync.listener'].sudo().search([])

    def test_introduced_twice_is_one_listener(self):
        who = self.env['ir.config_parameter'].sudo().get_param('database.uuid')
        self.assertEqual(self.introduce(), {'who': who, 'wakes': True, 'why': ''})
        listener = self.listeners()
        self.assertEqual((listener.entities, listener._secret(), listener.state), (['partner'], SECRET, 'on'))
        self.assertEqual(listener._address(), 'https://a.example.com/account_online_sync/wake/online_sync_abc')
        self.introduce(url='https://b.example.com', secret='s' * 64)
        self.assertEqual((self.listeners(), listener.url, listener._secret()), (listener, 'https://b.example.com', 's' * 64))
        self.env.flush_all()
        self.env.cr.execute("SELECT secret FROM online_sync_listener")
        self.assertNotIn('s' * 20, self.env.cr.fetchone()[0])
        self.assertTrue(self.env['online.sync.listener'].with_user(self.user).withdraw('a-database/7'))
        self.assertFalse(self.listeners())

    def test_who_may_not(self):
        clerk = new_test_user(self.env, login='clerk', groups='base.group_user', company_id=self.env.company.id)
        other = self.env['res.company'].sudo().create({'name': "Other"})
        stranger = new_test_user(self.env, login='stranger', groups='account.group_account_manager', company_id=other.id,
                                 company_ids=[(6, 0, other.ids)])
        self.introduce()
        for attempt in (
            lambda: self.introduce(clerk), lambda: self.introduce(company_id=other.id), lambda: self.introduce(stranger),
            lambda: self.introduce(stranger, company_id=other.id),      # the key is another company's
            lambda: self.env['online.sync.listener'].with_user(clerk).withdraw('a-database/7'),
            lambda: self.listeners().with_user(stranger).action_switch_off(),
            lambda: self.listeners().with_user(self.user).action_switch_off(),
            lambda: self.listeners().with_user(self.user).write({'url': 'https://c.example.com'}),
        ):
            with self.assertRaises(AccessError):
                attempt()
        self.assertFalse(self.env['online.sync.listener'].with_user(stranger).withdraw('a-database/7'))
        self.assertFalse(self.env['online.sync.listener'].with_user(stranger).search([]))
        self.assertEqual((self.listeners().company_id, self.listeners().url), (self.env.company, 'https://a.example.com'))

    def test_nonsense_is_refused(self):
        for values in (
            {'url': 'ftp://a.example.com'}, {'url': 'https://user:pass@a.example.com'}, {'url': 'https://a.example.com/?x=1'}, {'url': 'https://'},
            {'name': '../../web'}, {'secret': 'short'}, {'secret': None}, {'key': ''}, {'entities': 'partner'}, {'company_id': '1'},
            {'title': 'x' * 300}, {'database': 'a\nb'},
        ):
            with self.subTest(values), self.assertRaises(Exception) as caught:
                self.introduce(**values)
            self.assertIn(type(caught.exception).__name__, ('UserError', 'AccessError'))
        self.assertFalse(self.listeners())

    def test_a_person_switches_it_off(self):
        self.introduce()
        manager = new_test_user(self.env, login='manager', groups='account.group_account_manager', company_id=self.env.company.id)
        listener = self.listeners().with_user(manager).sudo(False)
        listener.action_switch_off()
        self.assertEqual(self.introduce()['wakes'], False)
        self.assertEqual(listener.state, 'off')
        self.assertFalse(self.env['online.sync.listener']._listening())
        listener.action_switch_on()
        self.assertEqual(self.introduce()['wakes'], True)

    def noted(self):
        """Words that this transaction would leave, as {listener: entities}."""
        self.env.cr.flush()
        self.env.cr.execute("DELETE FROM online_sync_word RETURNING entities")
        return sorted(row[0] for row in self.env.cr.fetchall())

    def test_what_is_noted(self):
        self.env['res.partner'].create({'name': 'Before'})
        self.assertEqual(self.noted(), [])
        self.introduce(entities=['partner', 'invoice'])
        self.assertEqual(self.noted(), [''])
        partner = self.env['res.partner'].create([{'name': 'Acme'}, {'name': 'Blue'}])[0]
        partner.street = 'Main 1'
        self.assertEqual(self.noted(), ['partner'], "one row a transaction")
        self.env['product.product'].create({'name': 'Desk'})
        self.assertEqual(self.noted(), [], "it does not want to know")
        self.introduce(entities=['partner', 'invoice', 'bank'])
        self.noted()
        self.env['res.bank'].create({'name': 'First bank'})
        self.assertEqual(self.noted(), ['bank'], "what belongs to no company is everybody's")
        other = self.env['res.company'].sudo().create({'name': "Other"})
        self.noted()
        self.env['res.partner'].create({'name': 'Theirs', 'company_id': other.id})
        self.assertEqual(self.noted(), [], "of another company")
        invoice = self.init_invoice('out_invoice', partner=partner, amounts=[10])
        self.noted()
        invoice.invoice_line_ids.price_unit = 20
        self.assertEqual(self.noted(), ['invoice'], "a line is of its document")
        invoice.unlink()
        self.assertEqual(self.noted(), ['invoice'])

    def test_what_the_listener_writes_itself_is_not_noted(self):
        self.introduce(entities=['partner', 'invoice'])
        partner, other = self.env['res.partner'].create([{'name': 'Acme'}, {'name': 'Blue'}])
        self.noted()
        own = {'listener': 'a-database/7', 'model': 'res.partner', 'ids': partner.ids}
        partner.with_context(online_sync_writer=own).street = 'Main 1'
        self.assertEqual(self.noted(), [])
        other.with_context(online_sync_writer=own).street = 'Main 1'
        self.assertEqual(self.noted(), ['partner'], "what follows from it elsewhere is")
        partner.with_context(online_sync_writer={**own, 'listener': 'another'}).street = 'Main 2'
        self.assertEqual(self.noted(), ['partner'])
        partner.with_context(online_sync_writer='nonsense').street = 'Main 3'
        self.assertEqual(self.noted(), ['partner'])
        self.env['res.partner'].with_context(online_sync_writer={**own, 'ids': []}).create({'name': 'New'})
        self.assertEqual(self.noted(), [])

    def test_where_nobody_listens_nothing_is_asked(self):
        partner = self.env['res.partner'].create({'name': 'Acme'})
        self.env['online.sync.listener']._listening()
        self.env['online.sync.flow']._tracking()
        with self.assertQueryCount(0):
            partner._online_sync_note()


class WakeTests:
    """Between this database and an Odoo of `series` that has the addon too. It wakes an ear, which passes the word on to this one."""

    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

    at_first = None
    with_addon = True

    def begin(self):
        self.ear = Ear().start()
        self.addCleanup(self.ear.stop)
        self.env['ir.config_parameter'].sudo().set_param('web.base.url', self.ear.url)
        super().begin()

    def listener(self, *columns):
        """Columns of the listener there."""
        return self.peer.sql(f"SELECT {', '.join(columns or ('count(*)',))} FROM online_sync_listener").split('|')

    def listen(self, *entities):
        """Let these flow, and wait until the other side has said hello."""
        self.switch_on(*entities)
        self.run_sync()
        self.wait_for("SELECT count(*) = 0 FROM online_sync_word")
        self.pass_on(self.ear.heard[-1][1])
        self.run_sync()

    def pass_on(self, call):
        """What the ear heard reaches this database, with the cookie that lets a test's requests in."""
        answer = self.url_open(call.path, data=call.body, headers={
            name: value for name, value in call.headers.items() if name.startswith(('x-', 'content-type'))})
        self.assertEqual(answer.status_code, 202)
        self.env.invalidate_all()

    def test_introduced_told_and_seen(self):
        self.assertTrue(self.link.wakes_us, self.link.wake_trouble)
        self.assertEqual(self.listener(), ['1'])
        self.listen('partner')
        self.assertIn("told at once", self.link.changes_there)
        self.assertEqual(self.listener('state', 'url', 'entities'), ['on', self.ear.url, '["partner"]'])
        self.assertNotIn(self.link._wake_secret(), self.peer.sql("SELECT * FROM online_sync_listener"))
        known = len(self.ear.heard)
        there = self.create_there('res.partner', name='Blue Labs')
        _when, call = self.ear.wait(known)
        self.assertEqual(call.json(), {'entities': ['partner']})
        self.assertEqual(call.headers['x-odoo-database'], self.env.cr.dbname)
        self.pass_on(call)
        self.assertIn(self.link, self.env['online.sync.link']._due())
        self.run_sync()
        self.assertEqual(self.twin_of('res.partner', there).name, 'Blue Labs')
        self.assertEqual(self.ear.problems, [])

    def test_what_we_write_there_does_not_wake_us(self):
        self.listen('partner', 'product')
        known = len(self.ear.heard)
        here = self.env['res.partner'].create({'name': 'Acme'})
        self.run_sync()
        here.street = 'Main 1'
        self.run_sync()
        self.create_there('product.product', name='Desk')       # after it, so that there is something to wait for
        self.assertEqual(self.ear.wait(known)[1].json(), {'entities': ['product']})
        self.assertEqual(len(self.ear.heard), known + 1)
        self.assertEqual(self.there('res.partner', [('id', '=', self.twin(here))], 'street')[0]['street'], 'Main 1')

    def test_nobody_waits_for_us_and_a_burst_is_few_wakes(self):
        self.listen('partner')
        known = len(self.ear.heard)
        self.ear.slow(2)
        begun = time.monotonic()
        ids = [self.create_there('res.partner', name=f'Partner {number}') for number in range(20)]
        took = time.monotonic() - begun
        self.ear.wait(known)
        self.ear.slow(0)
        self.write_there('res.partner', ids[0], city='Boston')
        self.wait_for("SELECT count(*) = 0 FROM online_sync_word")
        self.assertLess(len(self.ear.heard) - known, 5 + took)

    def wait_for(self, query, seconds=30):
        deadline = time.monotonic() + seconds
        while self.peer.sql(query) != 't':
            self.assertLess(time.monotonic(), deadline, f"not within {seconds} seconds: {query}")
            time.sleep(0.1)

    def test_who_cannot_be_reached_is_given_up_and_begins_anew(self):
        self.listen('partner')
        self.ear.fail_next(100, 503)
        self.create_there('res.partner', name='Blue Labs')
        self.wait_for("SELECT failure_count = 1 FROM online_sync_listener")
        failure, = self.listener('last_failure')
        self.assertIn('503', failure)
        self.assertEqual(self.listener('next_try > failed_at', 'state'), ['t', 'on'])
        self.peer.sql("UPDATE online_sync_listener SET failing_since = failing_since - interval '25 hours', next_try = NULL")
        self.create_there('res.partner', name='Cedar')
        self.wait_for("SELECT state = 'resting' FROM online_sync_listener")
        self.wait_for("SELECT count(*) = 0 FROM online_sync_word")
        self.create_there('res.partner', name='Dune')
        self.assertEqual(self.peer.sql("SELECT count(*) FROM online_sync_word"), '0')
        self.ear.clear_faults()
        known = len(self.ear.heard)
        self.link.introduced_at -= timedelta(days=2)
        self.run_sync()
        self.ear.wait(known)
        self.wait_for("SELECT state = 'on' AND failure_count = 0 FROM online_sync_listener")
        self.assertIn('503', self.link.wake_trouble)

    def test_taken_back(self):
        secret = self.link._wake_secret()
        self.link._introduce(self.link._client())
        self.assertEqual((self.listener(), self.link._wake_secret()), (['1'], secret))
        self.link.action_disconnect()
        self.assertEqual((self.listener(), self.link.wakes_us, self.link._wake_secret()), (['0'], False, ''))

    def test_archived(self):
        self.link.active = False
        self.assertEqual(self.listener(), ['0'])
        self.link.active = True
        self.assertTrue(self.link._is_introduction_due())

    def test_who_may_do_no_accounting_there_is_told_why(self):
        self.link._store_credentials({**self.link._credentials(), 'login': 'clerk', 'key': self.peer.keys['clerk']})
        self.link._introduce(self.link._client())
        self.assertFalse(self.link.wakes_us)
        self.assertIn("may not do accounting", self.link.changes_there)

    def test_an_address_that_nobody_can_reach_is_not_told(self):
        self.env['ir.config_parameter'].sudo().set_param('web.base.url', 'http://localhost:8069')
        self.env['ir.config_parameter'].sudo().set_param('account_online_sync.allowed_networks', '')
        client = self.link._client()
        self.link._introduce(client)
        self.assertEqual((client.http.calls, self.link.wakes_us), (0, False))
        self.assertIn("no other server can reach this one at http://localhost:8069", self.link.changes_there)

    def test_switched_off_there(self):
        self.peer.sql("UPDATE online_sync_listener SET state = 'off'")
        self.link._introduce(self.link._client())
        self.assertIn("switched off there", self.link.changes_there)


@tagged('post_install', '-at_install', 'peer18')
class TestWake18(WakeTests, PeerCase, HttpCase):
    series = '18.0'


@tagged('post_install', '-at_install', 'peer19')
class TestWake19(WakeTests, PeerCase, HttpCase):
    series = '19.0'


@tagged('post_install', '-at_install')
class TestTwoServers(BaseCase):
    """Two real servers with the addon, scheduled actions and all; nobody asks on a schedule."""

    def serve(self, **options):
        if SERIES not in peers():
            raise SkipTest(f"no Odoo {SERIES} to start")
        peer = OdooPeer(SERIES, {'PGHOST': config['db_host'], 'PGPORT': config['db_port'], 'PGUSER': config['db_user'],
                                 'PGPASSWORD': config['db_password']}, addon=True, **options)
        self.addCleanup(peer.stop)
        return peer.start()

    def rpc(self, peer):
        return OdooRpc(Http(allowed_networks=['127.0.0.0/8']), peer.url, database=peer.database, login='sync', key=peer.keys['sync'])

    def partner(self, rpc, domain, field='name'):
        return rpc.call('res.partner', 'search_read', domain=domain, fields=[field])

    def wait(self, question, seconds=60):
        """Seconds until it gives something."""
        begun = time.monotonic()
        while not question():
            self.assertLess(time.monotonic() - begun, seconds)
            time.sleep(0.02)
        return time.monotonic() - begun

    def test_a_change_crosses_in_seconds_and_echoes_end(self):
        here, there = self.serve(), self.serve()
        facts = {'url': there.url, 'database': there.database, 'login': 'sync', 'key': there.keys['sync']}
        told = here.shell(CONNECT.format(facts=json.dumps(facts), url=here.url))
        self.assertEqual(json.loads(told.splitlines()[-1])[1:], ['', True], told)
        self.wait(lambda: here.sql("SELECT 1 FROM online_sync_wake WHERE is_done"))
        ours, theirs = self.rpc(here), self.rpc(there)
        id_ = theirs.call('res.partner', 'create', vals_list=[{'name': "Blue Labs", 'street': 'start'}])[0]
        self.wait(lambda: self.partner(ours, [('street', '=', 'start')]))
        heard, crossed = [], []
        for number in range(EDITS):
            words = int(here.sql("SELECT count(*) FROM online_sync_wake"))
            theirs.call('res.partner', 'write', [id_], vals={'street': f'Main {number}'})
            heard.append(self.wait(lambda words=words: int(here.sql("SELECT count(*) FROM online_sync_wake")) > words))
            crossed.append(heard[-1] + self.wait(lambda number=number: self.partner(ours, [('street', '=', f'Main {number}')])))
        _logger.info("Commit there to word here: median %.2f s, most %.2f s. To the change here: median %.2f s, most %.2f s.",
                     median(heard), max(heard), median(crossed), max(crossed))
        self.assertLess(median(crossed), 10)
        ours.call('res.partner', 'write', [self.partner(ours, [('street', '=', f'Main {EDITS - 1}')])[0]['id']], vals={'street': 'End'})
        self.wait(lambda: self.partner(theirs, [('street', '=', 'End')]))
        self.assertEqual(self.runs_until_quiet(here), 0, "what we wrote there did not wake us")
        back = {'url': here.url, 'database': here.database, 'login': 'sync', 'key': here.keys['sync']}
        with self.assertRaisesRegex(AssertionError, 'is connected to these books already'):
            there.shell(CONNECT.format(facts=json.dumps(back), url=there.url))

    def test_a_server_with_several_databases(self):
        """19.0 is led to the right one by a header; 18.0 needs a filter of databases, and the sender is told what is wrong."""
        server = self.serve(filtered=True)
        for database in (server.database, server.add_database()):
            with Http(allowed_networks=['127.0.0.0/8'], attempts=1) as http, self.assertRaises(errors.SyncError) as caught:
                wake.tell(http, f'{server.url}{wake.PATH}online_sync_nobody', SECRET, (), database=database)
            self.assertEqual(caught.exception.status, 404 if SERIES == '18.0' else 401)
            self.assertIn("several databases" if SERIES == '18.0' else "no longer knows", caught.exception.message)

    def runs_until_quiet(self, peer):
        """Runs that begin after the one that goes on now, until none has begun for some seconds."""
        self.wait(lambda: peer.sql("SELECT 1 WHERE NOT EXISTS (SELECT FROM online_sync_log WHERE state = 'running')"))
        count = "SELECT count(*) FROM online_sync_log"
        before = last = int(peer.sql(count))
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < 4:
            time.sleep(0.2)
            now = int(peer.sql(count))
            if now != last:
                last, quiet_since = now, time.monotonic()
        return last - before
