"""engine/plan.py: what is to be done about a record. No database."""
from odoo.tests import BaseCase, tagged

from ..clients.books import DRAFT, POSTED, Record
from ..engine.entities import ENTITIES, STATE
from ..engine.merge_rules import Base, Rule
from ..engine.plan import Options, plan_pair

INVOICE = ENTITIES['invoice']
RULES = {'number': Rule(), 'payment_reference': Rule(), STATE: Rule()}


@tagged('post_install', '-at_install')
class TestPlan(BaseCase):

    def plan(self, there, **fields):
        here = Record('invoice', '1', 'v', {'number': 'INV/1', 'payment_reference': 'INV/1'}, POSTED)
        base = Base(*[{**here.fields, STATE: state} for state in (POSTED, there)])
        return plan_pair(INVOICE, base, here, Record('invoice', '2', 'v', {**here.fields, **fields}, there), RULES, Options(follows=True))

    def test_a_number_that_was_given_up_there_is_not_taken_from_ours(self):
        """It was emptied to be posted under the next one, and the line was cut."""
        self.assertFalse(self.plan(DRAFT, number='').intents())

    def test_a_number_that_was_changed_there_crosses(self):
        self.assertEqual(self.plan(POSTED, number='INV/2').to_local.fields, {'number': 'INV/2'})

    def test_what_is_no_number_can_be_emptied(self):
        self.assertEqual(self.plan(POSTED, payment_reference='').to_local.fields, {'payment_reference': ''})
