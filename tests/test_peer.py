"""Two real Odoo databases keep the same books: partners and invoices, both ways, against servers of every series on this machine."""
from odoo.tests import tagged

from .peer_common import REFERENCES, PeerCase


class PeerTests:
    """What holds between this database and an Odoo of `series`."""

    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

    def test_partners_flow_both_ways(self):
        here = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123', 'street': 'Main 1'})
        there = self.create_there('res.partner', name='Blue Labs', email='blue@example.com', is_company=True)
        self.switch_on('partner')
        self.run_sync()
        acme, = self.there('res.partner', [('name', '=', 'Acme')], 'name', 'vat', 'street')
        self.assertEqual((acme['vat'], acme['street']), ('US123', 'Main 1'))
        blue = self.twin_of('res.partner', there)
        self.assertEqual((blue.name, blue.email, blue.is_company), ('Blue Labs', 'blue@example.com', True))
        here.street = 'Main 2'
        self.write_there('res.partner', acme['id'], city='Boston')
        self.run_sync()
        self.assertEqual(self.there('res.partner', [('id', '=', acme['id'])], 'street', 'city')[0], {
            'id': acme['id'], 'street': 'Main 2', 'city': 'Boston'})
        self.assertEqual((here.street, here.city), ('Main 2', 'Boston'))

    # -- documents ----------------------------------------------------------------------------------------------------------------

    def with_invoices(self):
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on(*REFERENCES, 'partner', 'invoice')
        self.tax = self.company_data['default_tax_sale']

    def move_there(self, domain):
        move, = self.there('account.move', domain, 'name', 'state', 'amount_total', 'amount_tax', 'partner_id', 'invoice_date', 'ref',
                           'payment_reference', 'invoice_date_due', 'move_type')
        return move

    def test_invoice_from_here_arrives_posted_with_the_same_total(self):
        self.with_invoices()
        invoice = self.invoice(100.10, self.tax, ref='order 7')
        draft = self.invoice(50, post=False)
        self.run_sync()
        move = self.move_there([('id', '=', self.twin(invoice))])
        self.assertEqual((move['name'], move['state'], move['ref']), (invoice.name, 'posted', 'order 7'))
        self.assertEqual((float(move['amount_total']), float(move['amount_tax'])), (invoice.amount_total, invoice.amount_tax))
        self.assertEqual(str(move['invoice_date_due']), str(invoice.invoice_date_due))
        self.assertEqual(self.move_there([('id', '=', self.twin(draft))])['state'], 'draft')
        self.assertEqual(move['partner_id'], self.twin(self.partner))
        draft.action_post()
        self.run_sync()
        self.assertEqual(self.move_there([('id', '=', self.twin(draft))])['state'], 'posted')

    def test_bill_from_there_arrives_here(self):
        self.with_invoices()
        vendor = self.create_there('res.partner', name='Wood Corner')
        expense = self.there('account.account', [('account_type', '=', 'expense')], 'code')[0]
        bill = self.create_there('account.move', move_type='in_invoice', partner_id=vendor, invoice_date='2026-03-05', ref='W-77',
                                 invoice_line_ids=[[0, 0, {'name': 'oak', 'quantity': 3, 'price_unit': 33.33, 'account_id': expense['id'],
                                                           'tax_ids': [[6, 0, []]]}]])
        self.rpc.call('account.move', 'action_post', [bill])
        self.run_sync()
        here = self.twin_of('account.move', bill)
        self.assertEqual((here.state, here.ref, here.amount_total, here.partner_id.name), ('posted', 'W-77', 99.99, 'Wood Corner'))
        self.assertEqual(here.invoice_line_ids.account_id.code, expense['code'])
        self.assertFalse(here.invoice_line_ids.tax_ids)

    def test_second_run_finds_nothing_to_do(self):
        self.with_invoices()
        self.invoice(100, self.tax)
        self.run_sync()
        self.run_sync()
        log = self.run_sync()
        self.assertEqual((log.created, log.updated, log.failed), (0, 0, 0), log.detail)


@tagged('post_install', '-at_install')
class TestPeer18(PeerTests, PeerCase):
    series = '18.0'


@tagged('post_install', '-at_install')
class TestPeer19(PeerTests, PeerCase):
    series = '19.0'
