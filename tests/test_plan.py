"""engine/plan.py: what is to be done about a record. No database."""
from odoo.tests import BaseCase, tagged

from ..clients.books import DRAFT, POSTED, Line, Record
from ..engine.entities import ENTITIES, STATE
from ..engine.merge_rules import OFF, PUSH, Base, Rule
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

    def test_what_a_person_takes_back_is_what_flows(self):
        """The lines of a posted document go back as they were, without what the other side keeps for itself."""
        inner = {'text': Rule(), 'balance': Rule(OFF), 'account': Rule(PUSH)}
        lines = [(Line(key, {'text': text, 'balance': balance, 'account': account}),) for key, text, balance, account in (
            ('1', 'old', 10, 'a'), ('2', 'new', 20, 'b'))]
        here, there = (Record('invoice', key, 'v', {'lines': value}, POSTED) for key, value in zip(('1', '2'), lines, strict=True))
        base = Base({'lines': lines[0], STATE: POSTED}, {'lines': (Line('2', lines[0][0].fields),), STATE: POSTED})
        for winner, side, wanted in (('local', 'to_remote', {'text': 'old', 'account': 'a'}), ('remote', 'to_local', {'text': 'new'})):
            plan = plan_pair(INVOICE, base, here, there, {'lines': Rule(lines=inner), STATE: Rule()}, Options(), decided={'lines': winner})
            edits = getattr(plan, side).fields['lines']
            written = [line.fields for line in edits.add] + list(edits.update.values())
            self.assertEqual(written, [wanted])
