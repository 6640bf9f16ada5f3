"""`kill -9` of a process that keeps two databases equal: whatever moment it hits, each document is there once, and both books are equal."""
import json
import os
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from unittest import SkipTest

from odoo import release
from odoo.tests import BaseCase, tagged
from odoo.tools import config

from ..clients.http import Http
from ..clients.odoo_rpc import OdooRpc
from .peer_common import REFERENCES
from .servers.odoo_peer import OdooPeer, peers
from .servers.proxy import Proxy
from .test_kill import PATIENCE, Child
from .test_peer_wire import method_of

SERIES = '.'.join(str(number) for number in release.version_info[:2])
DAY = '2026-03-10'
FLOWS = *REFERENCES, 'partner', 'invoice', 'payment', 'entry', 'allocation'
#: Runs in the shell of the one that is connected.
CONNECT = """
import json
link = env['online.sync.link'].create({{'provider': 'odoo', 'user_id': env.ref('base.user_admin').id, 'auto_sync': False}})
link._sign_in(json.loads({facts!r}), '')
flows = link.flow_ids.filtered(lambda flow: flow.entity in {names!r})
flows.direction = 'both'
flows.filtered(lambda flow: flow.entity == 'partner').filter_domain = "[('name', 'like', 'Contact ')]"     # those of users are not ours
sides = link._sides(flows[:1], link._client())
for flow in flows.sorted('sequence'):
    flow._confirm_pairs([pair for pair in flow._find_pairs(sides) if pair.sureness == 'exact' and flow.entity != 'partner'])
env.cr.commit()
print(json.dumps([link.id]))
"""
SLOW = """
    CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN NEW; END $$;
    CREATE TRIGGER slow BEFORE INSERT ON {table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION slow()"""


class Books:
    """One of the two databases, as its people use it."""

    def __init__(self, peer):
        self.rpc = OdooRpc(Http(allowed_networks=['127.0.0.0/8']), peer.url, database=peer.database, login='sync', key=peer.keys['sync'])
        self.bank, self.misc = (self.one('account.journal', ('type', '=', kind))['id'] for kind in ('bank', 'general'))
        self.accounts = [self.one('account.account', ('account_type', '=', kind))['id'] for kind in ('expense', 'income')]
        self.taxes = {use: self.one('account.tax', ('type_tax_use', '=', use))['id'] for use in ('sale', 'purchase')}

    def look(self, model, domain, *names):
        return self.rpc.call(model, 'search_read', domain=domain, fields=list(names), order='id', load='')

    def one(self, model, *domain):
        return self.look(model, list(domain), 'id')[0]

    def enter(self, model, post='', **values):
        id_ = self.rpc.call(model, 'create', vals_list=[values])[0]
        if post:
            self.rpc.call(model, post, [id_])
        return id_

    def partner(self, name):
        return self.enter('res.partner', name=name)

    def invoice(self, kind, ref, partner, amount):
        taxes = [self.taxes['sale' if kind.startswith('out') else 'purchase']]
        lines = [[0, 0, {'name': f'{ref} {number}', 'price_unit': amount + number, 'tax_ids': [[6, 0, taxes]]}] for number in (1, 2)]
        return self.enter('account.move', 'action_post', move_type=kind, ref=ref, partner_id=partner, invoice_date=DAY, date=DAY,
                           invoice_line_ids=lines)

    def pay(self, memo, partner, invoice, amount):
        payment = self.enter('account.payment', 'action_post', payment_type='inbound', partner_type='customer', partner_id=partner,
                              amount=amount, date=DAY, journal_id=self.bank, memo=memo)
        items = self.look('account.move.line', ['|', ('move_id', '=', invoice), ('payment_id', '=', payment),
                                                ('account_id.account_type', '=', 'asset_receivable')], 'id')
        self.rpc.call('account.move.line', 'reconcile', [item['id'] for item in items])

    def entry(self, ref, amount):
        self.enter('account.move', 'action_post', move_type='entry', ref=ref, date=DAY, journal_id=self.misc, line_ids=[
            [0, 0, {'account_id': account, 'balance': balance}] for account, balance in zip(self.accounts, (amount, -amount), strict=True)])

    # -- what they come to --------------------------------------------------------------------------------------------------------

    def documents(self):
        """How often each document and contact is there, with what it comes to."""
        found = Counter((row['move_type'], row['ref'], row['state'], float(row['amount_total']), float(row['amount_residual']))
                        for row in self.look('account.move', [('ref', '!=', False), ('origin_payment_id', '=', False)], 'move_type', 'ref',
                                             'state', 'amount_total', 'amount_residual'))
        found.update(('payment', row['memo'], row['state'], float(row['amount'])) for row in self.look(
            'account.payment', [], 'memo', 'state', 'amount'))
        found.update(('contact', row['name'], row['phone']) for row in self.look(
            'res.partner', [('name', 'like', 'Contact ')], 'name', 'phone'))
        return found

    def trial_balance(self):
        codes = {row['id']: row['code'] for row in self.look('account.account', [], 'code')}
        sums = defaultdict(float)
        for row in self.look('account.move.line', [('parent_state', '=', 'posted')], 'account_id', 'balance'):
            sums[codes[row['account_id']]] += float(row['balance'])
        return {code: round(amount, 2) for code, amount in sums.items() if round(amount, 2)}


class PeerKill:
    """What holds between this series and an Odoo of `series`."""

    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself
    test_sequence = 100

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        missing = {SERIES, cls.series} - peers().keys()
        if missing:
            raise SkipTest(f"no Odoo {missing} to start")
        cls.here, cls.there = cls.begin(SERIES, addon=True), cls.begin(cls.series)
        cls.proxy = Proxy(cls.there.url).start()
        cls.addClassCleanup(cls.proxy.stop)
        facts = {'url': cls.proxy.url, 'database': cls.there.database, 'login': 'sync', 'key': cls.there.keys['sync']}
        told = cls.here.shell(CONNECT.format(facts=json.dumps(facts), names=FLOWS))
        cls.link_id = json.loads(told.splitlines()[-1])[0]
        cls.runner = Child(f'serve(env, {cls.link_id}, STARTER)', (cls.here.shell_line(), cls.here.environment))
        cls.addClassCleanup(cls.runner.end)

    @classmethod
    def begin(cls, series, **options):
        peer = OdooPeer(series, {'PGHOST': config['db_host'], 'PGPORT': config['db_port'], 'PGUSER': config['db_user'],
                                 'PGPASSWORD': config['db_password']}, **options)
        cls.addClassCleanup(peer.stop)
        return peer.start()

    # -- moments ------------------------------------------------------------------------------------------------------------------

    def asked(self, method, number=1):
        """The call was made, and never arrived."""
        def arrange(kill):
            def choose(_path):
                if self.is_call(method, number, *self.proxy.heard[-1]):
                    kill()
                    return 'lost'
                return ''
            self.proxy.choose = choose
        return arrange

    def carried_out(self, method, number=1):
        """The other side did what it was asked to, and its answer never arrived."""
        def arrange(kill):
            def answered(*call):
                return self.is_call(method, number, *call) and (kill() or True)
            self.proxy.answered = answered
        return arrange

    def some_time_after(self, number, seconds):
        """Whatever it does then: decide, write here, remember, commit."""
        def arrange(kill):
            def answered(*_call):
                if next(self.calls) == number:
                    threading.Timer(seconds, kill).start()
                return False
            self.proxy.answered = answered
        return arrange

    def while_inserting(self, table, condition):
        """It is in the middle of a statement in the database here."""
        def arrange(kill):
            self.here.sql(SLOW.format(table=table, condition=condition.format(number=self.number)))
            self.slow = table
            threading.Thread(target=self.wait_for_sleep, args=(kill,), daemon=True).start()
        return arrange

    def wait_for_sleep(self, kill):
        deadline = time.monotonic() + PATIENCE
        asleep = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        while self.slow and time.monotonic() < deadline:
            if self.here.sql(asleep):
                kill()
                return

    def is_call(self, method, number, path, body):
        return method_of(path, body) == method and next(self.calls) == number

    def run_once(self, arrange=None):
        """One run in a process of its own; `arrange(kill)` says when it is killed. Returns what became of it: its outcome, or 'killed'."""
        pid, ended = self.runner.hear('ready')['pid'], threading.Event()
        self.calls, self.slow = iter(range(1, 10000)), ''
        self.proxy.heard.clear()

        def kill():
            if not ended.is_set():
                with suppress(ProcessLookupError):      # it was faster
                    os.kill(pid, signal.SIGKILL)

        if arrange:
            arrange(kill)
        self.runner.start_run()
        outcome = told = self.runner.hear('run', 'ended')
        while told['word'] != 'ended':
            told = self.runner.hear('ended')
        ended.set()
        self.proxy.choose, self.proxy.answered = lambda path: '', lambda path, body: False
        if self.slow:
            table, self.slow = self.slow, ''
            self.here.sql(f'DROP TRIGGER slow ON {table}')      # waits until the statement of the dead process ends
        return 'killed' if told['killed'] else outcome['outcome']

    # -- the story ----------------------------------------------------------------------------------------------------------------

    def work(self, ours, theirs, number):
        """What people do in both books between two runs."""
        partner = ours.partner(f'Contact h{number}')
        invoice = ours.invoice('out_invoice', f'h{number}', partner, 100 + number)
        ours.pay(f'pay h{number}', partner, invoice, 50)
        ours.entry(f'entry h{number}', 1000 + number)
        vendor = theirs.partner(f'Contact t{number}')
        theirs.invoice('in_invoice', f't{number}', vendor, 200 + number)
        theirs.entry(f'entry t{number}', 2000 + number)
        if number:
            known = ours.look('res.partner', [('name', '=', f'Contact h{number - 1}')], 'id')[0]['id']
            ours.rpc.call('res.partner', 'write', [known], vals={'phone': f'555 {number}'})

    def moments(self):
        chance = random.Random(20260310)
        return [
            self.carried_out('load'), self.asked('load', 2), self.carried_out('load', 3), self.carried_out('action_post', 2),
            self.carried_out('write'), self.carried_out('reconcile'), self.while_inserting('account_move', "NEW.ref = 't{number}'"),
            self.while_inserting('online_sync_binding', "NEW.res_model = 'account.move'"),
            self.some_time_after(chance.randint(10, 60), chance.uniform(0, 0.3))]

    def test_killed_at_any_moment_each_document_is_there_once(self):
        ours, theirs, outcomes = Books(self.here), Books(self.there), []
        for number, moment in enumerate(self.moments()):
            self.number = number
            self.work(ours, theirs, number)
            outcomes.append(self.run_once(moment))
        self.assertGreaterEqual(outcomes.count('killed'), len(outcomes) - 2, outcomes)
        self.assertEqual([self.run_once() for _run in range(3)], ['done'] * 3)
        self.assertEqual(self.here.sql("SELECT state, title, why FROM online_sync_change WHERE state NOT IN ('done', 'dropped')"), '')
        self.assertEqual(self.here.sql("SELECT kind, summary FROM online_sync_issue WHERE state = 'open'"), '')
        mine, yours = ours.documents(), theirs.documents()
        self.assertEqual(mine, yours)
        self.assertEqual((set(mine.values()), len(mine)), ({1}, 7 * len(outcomes)), "each of them once")
        self.assertEqual(ours.trial_balance(), theirs.trial_balance())


@tagged('post_install', '-at_install', 'peer18', 'one_series')
class TestPeerKill18(PeerKill, BaseCase):
    series = '18.0'


@tagged('post_install', '-at_install', 'peer19', 'one_series')
class TestPeerKill19(PeerKill, BaseCase):
    series = '19.0'
