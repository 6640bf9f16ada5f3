"""Two real Odoo databases keep the same books: partners and invoices, both ways, against servers of every series on this machine."""
from odoo.tests import tagged

from .peer_common import PeerCase


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


@tagged('post_install', '-at_install')
class TestPeer18(PeerTests, PeerCase):
    series = '18.0'


@tagged('post_install', '-at_install')
class TestPeer19(PeerTests, PeerCase):
    series = '19.0'
