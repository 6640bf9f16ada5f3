"""What crosses the wire between two Odoo databases: nothing that nobody needs, whatever the line and the clocks do."""
import json
import time
from datetime import datetime, timedelta, timezone
from unittest.mock import patch

from freezegun import freeze_time

from odoo import SUPERUSER_ID, Command, fields
from odoo.tests import tagged

from ..clients.http import Http
from ..clients.pace import Pace
from .common import cursor_test_mode
from .peer_common import REFERENCES, PeerCase

READS = {'search_read', 'read', 'search', 'search_count', 'fields_get', 'authenticate', 'version', 'read_group', 'formatted_read_group',
         'get_installed'}


def method_of(path, body):
    """The method that a call is for, by either protocol."""
    if path.startswith('/json/2/'):
        return path.rpartition('/')[2]
    told = json.loads(body or '{}').get('params') or {}
    return told['args'][4] if told.get('method') == 'execute_kw' else told.get('method') or path.rpartition('/')[2]


class WireTests:
    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

    with_proxy = True
    is_cut, is_slow, spoil = False, False, None

    def setUp(self):
        super().setUp()
        self.proxy.choose = lambda path: 'lost' if self.is_cut else self.slowness() if self.is_slow else self.spoil() if self.spoil else ''

    def slowness(self):
        """What creates more than three records at once takes so long that nobody waits for the answer."""
        path, body = self.proxy.heard[-1]
        told = json.loads(body or '{}')
        named = told if path.startswith('/json/2/') else (told.get('params', {}).get('args') or [{}])[-1]
        if method_of(path, body) != 'load' or len(named['data']) <= 3:
            return ''
        time.sleep(0.3)
        return 'answer_lost'

    def run_and_listen(self):
        """The methods that a run called."""
        self.proxy.heard.clear()
        log = self.run_sync()
        self.assertFalse(log.error, log.error)
        return [method_of(*one) for one in self.proxy.heard]

    def work(self):
        """Documents on both sides, paid on both sides."""
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123', 'street': 'Main 1'})
        self.switch_on(*REFERENCES, 'partner', 'product', 'invoice', 'payment', 'entry', 'allocation')
        invoice = self.invoice(100)
        payment = self.env['account.payment'].create({
            'payment_type': 'inbound', 'partner_type': 'customer', 'partner_id': self.partner.id, 'amount': 100, 'date': invoice.date,
            'journal_id': self.company_data['default_journal_bank'].id})
        payment.action_post()
        (invoice.line_ids | payment.move_id.line_ids).filtered(
            lambda line: line.account_id.account_type == 'asset_receivable').reconcile()
        theirs = self.create_there('res.partner', name='Blue', email='blue@example.com')
        bill = self.create_there('account.move', move_type='in_invoice', partner_id=theirs, invoice_date='2026-03-09', date='2026-03-09',
                                 ref='B-9', invoice_line_ids=[[0, 0, {'name': 'x', 'price_unit': 7, 'tax_ids': [[6, 0, []]]}]])
        self.rpc.call('account.move', 'action_post', [bill])
        return invoice, theirs

    def assert_silence(self):
        """Within two rounds nobody writes any more, and what is asked is little."""
        self.run_sync()
        self.run_sync()
        heard = self.run_and_listen()
        self.assertEqual([method for method in heard if method not in READS], [])
        log = self.link.log_ids[:1]
        self.assertEqual((log.created, log.updated, log.failed), (0, 0, 0))
        return heard

    def test_echoes_end_within_two_rounds(self):
        invoice, theirs = self.work()
        self.assert_silence()
        self.write_there('res.partner', theirs, street='High street 2')
        self.partner.street = 'Main 2'
        self.assert_silence()
        invoice.button_draft()
        invoice.narration = 'changed'
        invoice.action_post()
        self.rpc.call('res.partner', 'write', [theirs], vals={'active': False})
        self.assert_silence()
        self.assertEqual(self.there('res.partner', [('id', '=', self.twin(self.partner))], 'street')[0]['street'], 'Main 2')

    def test_a_run_that_finds_nothing_asks_little(self):
        self.work()
        self.assert_silence()
        flows = len(self.link._working_flows())
        heard = self.run_and_listen()
        self.assertLessEqual(len(heard), 10 * flows, heard)

    def test_what_was_looked_at_is_not_looked_at_again(self):
        """Also while the other side still tells the last minutes, which are read twice."""
        self.work()
        self.assert_silence()
        time.sleep(2.5)     # Odoo tells whole seconds: what is younger may have changed again
        self.run_sync()
        self.run_sync()
        self.assertEqual(self.link.log_ids[:1].fetched, 0)

    def test_a_server_that_is_too_slow_for_many_at_once(self):
        self.startPatcher(patch.object(Http, 'sleep', lambda http, seconds: None))
        self.startPatcher(patch.object(Pace, 'seconds', 0.2))
        self.switch_on('partner')
        self.run_sync()
        partners = self.env['res.partner'].create([{'name': f'Number {number}'} for number in range(14)])
        self.is_slow = True
        log = self.run_sync()
        self.assertFalse(log.error, log.error)
        found = self.there('res.partner', [('name', 'like', 'Number ')], 'name')
        self.assertEqual(sorted(row['name'] for row in found), sorted(partners.mapped('name')))
        self.assertTrue(all(self.twin(partner) for partner in partners))

    def test_payments_of_which_the_answer_was_lost(self):
        """They were created: they are found, and have their entries."""
        self.lose_payments()

    def test_payments_of_which_the_answer_was_lost_before_a_run_that_came_to_nothing(self):
        """A run that ended before it came to them does not make the next one forget that they may be there."""
        def come_to_nothing():
            self.env.cr.flush()
            with cursor_test_mode(self), self.registry.cursor() as cr:
                self.link.with_env(self.env(cr=cr, user=SUPERUSER_ID))._run('schedule', seconds=0)
            self.env.invalidate_all()
            self.assertEqual(self.link.log_ids[:1].state, 'partial')
        self.lose_payments(come_to_nothing)

    def lose_payments(self, meanwhile=lambda: None):
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on(*REFERENCES, 'partner', 'payment')
        self.run_sync()
        payments = self.env['account.payment'].create([{
            'payment_type': 'inbound', 'partner_type': 'customer', 'partner_id': self.partner.id, 'amount': amount, 'date': '2026-03-10',
            'journal_id': self.company_data['default_journal_bank'].id} for amount in (10, 20)])
        payments.action_post()
        lost = []
        self.spoil = lambda: lost.append(1) or 'answer_lost' if not lost and method_of(*self.proxy.heard[-1]) == 'load' else ''
        self.run_sync()
        self.assertTrue(lost)
        self.spoil = None
        meanwhile()
        self.run_sync()
        found = self.there('account.payment', [('amount', 'in', [10, 20])], 'move_id', 'state')
        self.assertEqual([bool(one['move_id']) for one in found], [True, True])
        self.assertEqual(sorted(one['id'] for one in found), sorted(self.twin(payment) for payment in payments))
        self.assertFalse(self.link.issue_ids.filtered(lambda issue: issue.state == 'open').mapped('summary'))

    def test_a_new_line_of_which_the_answer_was_lost(self):
        """It is there once; where somebody changed it there since, a person is asked which of the two is meant."""
        self.startPatcher(patch.object(Http, 'sleep', lambda http, seconds: None))
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on(*REFERENCES, 'partner', 'invoice')
        invoices = [self.invoice(amount, post=False) for amount in (10, 20)]
        self.run_sync()
        for invoice in invoices:
            invoice.invoice_line_ids = [Command.create({'name': 'more', 'quantity': 1, 'price_unit': 5, 'tax_ids': []})]
        lost = []
        self.spoil = lambda: lost.append(1) or 'answer_lost' if method_of(*self.proxy.heard[-1]) == 'write' and b'more' in (
            self.proxy.heard[-1][1] or b'') else ''
        self.run_sync()
        self.assertTrue(lost)
        self.spoil = None

        def lines_there(invoice):
            domain = [('move_id', '=', self.twin(invoice)), ('display_type', '=', 'product')]
            return self.there('account.move.line', domain, 'name', 'price_unit')
        changed = next(invoice for invoice in invoices if len(lines_there(invoice)) == 2)
        line = next(line for line in lines_there(changed) if line['name'] == 'more')
        self.write_there('account.move', self.twin(changed), invoice_line_ids=[[1, line['id'], {'price_unit': 6}]])
        for _run in range(2):
            self.run_sync()
            self.assertEqual([len(lines_there(invoice)) for invoice in invoices], [2, 2])
            self.assertEqual([len(invoice.invoice_line_ids) for invoice in invoices], [2, 2])
        issue, = self.link.issue_ids.filtered(lambda issue: issue.state == 'open')
        self.assertEqual(issue.kind, 'conflict')
        issue.action_take_there()
        self.run_sync()
        self.assertEqual(sorted(changed.invoice_line_ids.mapped('price_unit')), sorted(line['price_unit'] for line in lines_there(changed)))
        self.assertIn(6, changed.invoice_line_ids.mapped('price_unit'))
        self.assertEqual([len(lines_there(invoice)) for invoice in invoices], [2, 2])
        self.assert_silence()

    def test_a_day_without_a_line(self):
        self.startPatcher(patch.object(Http, 'sleep', lambda http, seconds: None))
        invoice, theirs = self.work()
        self.assert_silence()
        self.is_cut = True
        for number in range(3):
            self.partner.city = f'Boston {number}'
            self.run_sync()
        self.assertEqual(self.link.state, 'connected', "a line that is down is no reason to sign in again")
        self.assertTrue(self.link.log_ids[:1].error)
        later = self.invoice(70)
        self.rpc.url, through = self.peer.url, self.rpc.url
        self.write_there('res.partner', theirs, phone='+1 555 0100')
        self.rpc.url = through
        self.is_cut = False
        self.run_sync()
        self.assert_silence()
        self.assertEqual(self.there('res.partner', [('id', '=', self.twin(self.partner))], 'city')[0]['city'], 'Boston 2')
        self.assertEqual(self.twin_of('res.partner', theirs).phone, '+1 555 0100')
        self.assertTrue(self.twin(later))

    def changed_at(self, moment, **values):
        """A change of our partner at a moment by our clock."""
        self.partner.write(values)
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_partner SET write_date = %s WHERE id = %s", [fields.Datetime.to_string(moment), self.partner.id])
        self.env.invalidate_all()

    def test_clocks_that_are_ten_minutes_apart(self):
        """Who changed a field last is told by each side's own clock, and the difference is measured."""
        for minutes in (10, -10):
            with self.subTest(minutes=minutes), freeze_time(datetime.now(timezone.utc) + timedelta(minutes=minutes), tick=True):
                if minutes < 0:
                    self.link.action_disconnect()
                    self.begin()
                self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123', 'street': 'Main 1'})
                self.flow('partner').policy = 'newest'
                self.switch_on('partner')
                self.run_sync()
                self.assertAlmostEqual(self.link.clock_difference, -60 * minutes, delta=5)
                there = self.twin(self.partner)
                now = datetime.now(timezone.utc).replace(tzinfo=None)
                self.changed_at(now - timedelta(minutes=1), street='older')
                self.write_there('res.partner', there, street='newer')
                self.run_sync()
                self.assertEqual(self.partner.street, 'newer')
                self.write_there('res.partner', there, street='older')
                self.changed_at(now + timedelta(minutes=1), street='newer still')
                self.run_sync()
                self.assertEqual(self.there('res.partner', [('id', '=', there)], 'street')[0]['street'], 'newer still')
                self.link.flow_ids.direction = 'off'


@tagged('post_install', '-at_install', 'peer18', 'one_series')
class TestPeerWire18(WireTests, PeerCase):
    series = '18.0'


@tagged('post_install', '-at_install', 'peer19', 'one_series')
class TestPeerWire19(WireTests, PeerCase):
    series = '19.0'
