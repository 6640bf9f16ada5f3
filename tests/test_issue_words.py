"""What a person reads of lists of lines."""
from decimal import Decimal

from odoo.tests import TransactionCase, tagged

from ..clients.books import Line, LineEdits
from ..engine.entities import ENTITIES

LINES = ENTITIES['invoice'].field('lines')


def line(key, text, quantity, price, position=10):
    return Line(key, {'text': text, 'quantity': Decimal(quantity), 'unit_price': Decimal(price), 'discount': Decimal(0),
                      'position': Decimal(position)})


@tagged('post_install', '-at_install')
class TestIssueWords(TransactionCase):

    def setUp(self):
        super().setUp()
        self.issues = self.env['online.sync.issue']
        self.table, self.delivery = line('1', 'Oak table', 1, 480), line('2', 'Delivery', 1, 35, 20)

    def test_what_differs_in_lists(self):
        dearer = line('9', 'Oak table', 2, 520)
        self.assertEqual(self.issues._say_lines(LINES, (dearer, self.delivery), [(self.table,)]),
                         "“Oak table”: Quantity 2.00, Unit price 520.00; “Delivery”: Quantity 1.00, Unit price 35.00")
        self.assertEqual(self.issues._say_lines(LINES, (dearer,), [(self.table,)]), "“Oak table”: Quantity 2.00, Unit price 520.00")
        twice = (self.table, self.delivery, line('3', 'Delivery', 1, 35, 30))
        self.assertEqual(self.issues._say_lines(LINES, twice, [(self.table, self.delivery)]), "“Delivery”: Quantity 1.00, Unit price 35.00",
                         "one of two equal lines is news")
        self.assertEqual(self.issues._say_lines(LINES, (self.table,), [(self.table, self.delivery)]), "1 line(s)")

    def test_what_becomes_of_a_list(self):
        def said(**edits):
            return self.issues._say_edits(LINES, (self.table, self.delivery), LineEdits(**edits))
        self.assertEqual(said(update={'1': {'unit_price': Decimal(520)}}), "“Oak table”: Unit price 480.00 → 520.00")
        self.assertEqual(said(add=(line('', 'Lamp', 3, 20),)), "new: “Lamp”: Quantity 3.00, Unit price 20.00")
        self.assertEqual(said(remove=('2',)), "removed: “Delivery”")
        self.assertEqual(said(remove=('1', '2'), add=(line('', 'Oak table', 2, 480),)),
                         "“Oak table”: Quantity 1.00 → 2.00; removed: “Delivery”", "a list that is written anew is told by what differs")
        self.assertEqual(said(update={'2': {'position': Decimal(5)}}), "")

    def test_a_bank_account(self):
        accounts = ENTITIES['partner'].field('bank_accounts')
        self.assertEqual(self.issues._say_edits(accounts, (), LineEdits(add=(Line('', {'number': 'DE02', 'bank': '', 'holder': 'Acme'}),))),
                         "new: “DE02”")
