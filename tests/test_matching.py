"""engine/references.py, engine/parties.py and engine/matching.py: which open document does a bank line pay? No database."""
import random
import time
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from odoo.tests import BaseCase, tagged

from ..engine import evidence
from ..engine.evidence import Item, Line
from ..engine.matching import match
from ..engine.parties import Party, PartyIndex
from ..engine.references import BARE, FULL, PRINTED, STRUCTURED, WEAK, ReferenceIndex, is_structured
from .labelled import labelled_set

TODAY = date(2026, 3, 10)
ACME, BLUE = Party(1, ('Acme Foods GmbH',), ('NL91ABNA0417164300',)), Party(2, ('Blue Labs',), ('BE71096123456769',))
ACME_SA = Party(3, ('Acme Foods Export SA',), ())


def ago(days):
    return TODAY - timedelta(days=days)


def item(id_, residual, number='', partner=1, days=20, **more):
    values = {'currency': 'EUR', 'references': (), **more}
    return Item(id_, ago(days), Decimal(residual), values.pop('currency'), partner, number, **values)


def line(id_, amount, text='', **more):
    values = {'currency': 'EUR', 'journal': 1, 'date': TODAY, **more}
    return Line(id_, values.pop('journal'), values.pop('date'), Decimal(amount), values.pop('currency'), text, **values)


@tagged('at_install', '-post_install')
class TestReferences(BaseCase):

    def mentioned(self, text, number='INV/2026/00042', references=()):
        index = ReferenceIndex()
        index.add(1, number, references)
        return max((mention.sure for mention in index.mentions(text)), default=None)

    def test_spellings_of_a_number(self):
        for text in ('INV/2026/00042', 'inv 2026 42', 'INV-2026-00042', 'Inv.2026.00042', 'INV202600042', 'RE: INV2026/42 thanks',
                     'INV/2026/0\n0042', 'INV/2026/000 42', 'payment of ＩＮＶ/2026/00042'):
            self.assertEqual(self.mentioned(text), FULL, text)
        for text in ('2026/00042', 'Rechnung 202600042'):
            self.assertEqual(self.mentioned(text), PRINTED, text)
        self.assertEqual(self.mentioned('Rechnung 2026-42'), BARE)
        self.assertEqual(self.mentioned('invoice inv 42'), WEAK)
        for text in ('42', '2026', 'INV/2026/00420', 'INV/2025/00042', 'BILL/2026/00042/3', 'inv 2026', ''):
            self.assertIn(self.mentioned(text), (None, PRINTED) if text.startswith('BILL') else (None,), text)

    def test_longest_spelling_counts(self):
        index = ReferenceIndex()
        index.add('january', 'INV/2026/01/0007')
        index.add('other', 'X/2026/01')
        self.assertEqual([set(mention.keys) for mention in index.mentions('INV/2026/01/0007')], [{'january'}])

    def test_structured_references(self):
        for reference in ('+++010/8068/17183+++', 'RF18 5390 0754 7034', '21 00000 00003 13947 14300 09017', '1234561',
                          '00000000000001234561'):
            self.assertTrue(is_structured(reference), reference)
        for reference in ('+++010/8068/17184+++', 'RF19 5390 0754 7034', '21 00000 00003 13947 14300 09018', 'INV/2026/00042', ''):
            self.assertFalse(is_structured(reference), reference)

    def test_structured_reference_is_found_however_it_is_written(self):
        for text in ('+++010/8068/17183+++', '***010/8068/17183***', '010806817183', 'ref 010 8068 17183 thanks'):
            self.assertEqual(self.mentioned(text, references=('+++010/8068/17183+++',)), STRUCTURED, text)
        self.assertEqual(self.mentioned('RF185390\n07547034', references=('RF18539007547034',)), STRUCTURED)
        self.assertEqual(self.mentioned('1234561', references=('00000000000001234561',)), STRUCTURED)

    def test_vendors_reference(self):
        self.assertEqual(self.mentioned('your bill F 88123', references=('F-88123',)), FULL)
        self.assertIsNone(self.mentioned('F 881', references=('F-88123',)))
        self.assertIsNone(self.mentioned('consulting march', references=('consulting',)), 'words without a digit name no document')

    def test_number_of_ours_that_is_not_here(self):
        index = ReferenceIndex()
        index.add(1, 'INV/2026/00042')
        for text, other in (('INV/2026/00042', False), ('INV/2026/00099', True), ('inv 2026 99 and INV/2026/00042', True),
                            ('order 99', False)):
            self.assertEqual(index.names_something_else(text, index.mentions(text)), other, text)


@tagged('at_install', '-post_install')
class TestParties(BaseCase):

    def test_account_number(self):
        index = PartyIndex([ACME, BLUE])
        self.assertEqual(index.of_account('nl91 abna 0417 1643 00'), 1)
        self.assertIsNone(index.of_account(''))

    def test_name_without_legal_form_accents_or_order(self):
        index = PartyIndex([ACME, ACME_SA, Party(4, ('Jörg Müller',))])
        for name, found in (('ACME FOODS', 1), ('Acme Foods G.m.b.H.', 1), ('Foods, Acme', 1), ('ACME FOODS EXPORT', 3), ('Muller Jorg', 4),
                            ('Acme', None), ('', None)):
            self.assertEqual(index.of_name(name), found, name)

    def test_name_within_a_text_is_the_longest_one(self):
        index = PartyIndex([ACME, ACME_SA])
        self.assertEqual(index.in_text('SEPA CREDIT ACME FOODS EXPORT SA INVOICE'), 3)
        self.assertEqual(index.in_text('sepa credit acme foods invoice'), 1)

    def test_what_two_partners_share_names_neither(self):
        index = PartyIndex([Party(1, ('Acme',), ('X1',)), Party(2, ('ACME Ltd',), ('X1',))])
        self.assertIsNone(index.of_account('X1'))
        self.assertIsNone(index.of_name('acme'))


@tagged('at_install', '-post_install')
class TestMatching(BaseCase):

    def match(self, lines, items, **more):
        found = {one.line: one for one in match(lines, items, more.get('parties', [ACME, BLUE, ACME_SA]), more.get('own_accounts'))}
        return found if len(lines) > 1 else found.get(lines[0].id)

    def assertCertain(self, found, *items):
        self.assertTrue(found and found.certain, found)
        self.assertEqual(found.items, items)

    def assertProposed(self, found, *items, because=None):
        self.assertTrue(found and not found.certain, found)
        self.assertEqual(found.items, items)
        if because:
            self.assertIn(because, found.against)

    def test_number_and_amount(self):
        found = self.match([line(1, '100', 'inv 2026 42')], [item(1, '100', 'INV/2026/00042'), item(2, '100', 'INV/2026/00043')])
        self.assertCertain(found, 1)
        self.assertEqual(found.evidence, (evidence.NUMBER, evidence.AMOUNT))
        self.assertEqual(found.score, 70)

    def test_number_without_the_amount_is_proposed(self):
        found = self.match([line(1, '60', 'INV/2026/00042')], [item(1, '100', 'INV/2026/00042')])
        self.assertProposed(found, 1)
        self.assertEqual(found.rest, Decimal(-40))

    def test_part_of_a_named_invoice_of_the_same_customer(self):
        lines = [line(1, '60', 'INV/2026/00042', account='NL91ABNA0417164300')]
        self.assertCertain(self.match(lines, [item(1, '100', 'INV/2026/00042')]), 1)

    def test_short_by_a_fee_is_left_to_a_person(self):
        found = self.match([line(1, '97.50', 'INV/2026/00042', account='NL91ABNA0417164300')], [item(1, '100', 'INV/2026/00042')])
        self.assertProposed(found, 1)
        self.assertIn(evidence.FEE_SHORT, found.evidence)

    def test_money_that_goes_the_other_way_pays_nothing(self):
        self.assertIsNone(self.match([line(1, '-100', 'INV/2026/00042')], [item(1, '100', 'INV/2026/00042')]))

    def test_partner_and_amount(self):
        lines = [line(1, '100', 'thanks', account='NL91 ABNA 0417 1643 00')]
        self.assertCertain(self.match(lines, [item(1, '100'), item(2, '100', partner=2), item(3, '50')]), 1)

    def test_vendors_number_after_a_word_that_is_our_prefix_too(self):
        bill = item(1, '-300', 'BILL/2026/11/0002', references=('2026-351',))
        self.assertCertain(self.match([line(1, '-300', 'Bill 2026-351', account='NL91ABNA0417164300')], [bill]), 1)
        found = self.match([line(1, '-300', 'BILL 2026/00351')], [item(1, '-300', 'XB/2026/00351'), item(2, '-9', 'BILL/2026/00001')])
        self.assertProposed(found, 1, because=evidence.OTHER_DOCUMENT)

    def test_equal_lines_get_equal_invoices_the_oldest_first(self):
        items = [item(1, '60', days=30), item(2, '60', days=20), item(3, '60', days=10)]
        lines = [line(number, '60', 'thanks', account='NL91ABNA0417164300', date=ago(5 - number)) for number in (1, 2)]
        for given in (lines, lines[::-1]):
            found = self.match(given, items)
            self.assertProposed(found[1], 1, because=evidence.NOT_UNIQUE)
            self.assertProposed(found[2], 2, because=evidence.NOT_UNIQUE)
            self.assertEqual((found[1].runner_up, found[2].runner_up), (2, 1))
            self.assertIn(evidence.OLDEST_FIRST, found[1].evidence)

    def test_opposite_amounts_of_two_journals_are_proposed_as_a_transfer(self):
        out, into = line(1, '-477.29', 'CARD STATEMENT'), line(2, '477.29', 'PAYMENT', journal=2, date=ago(2))
        found = self.match([out, into], [])
        self.assertEqual([(found[n].pair, found[n].certain, found[n].against) for n in (1, 2)], [
            (2, False, (evidence.WEAK_EVIDENCE,)), (1, False, (evidence.WEAK_EVIDENCE,))])
        for other in (replace(into, journal=1), replace(into, date=ago(20)), replace(into, amount=Decimal('-477.29'))):
            self.assertEqual(self.match([out, other], []), {})
        self.assertEqual(self.match([out, into, replace(into, id=3)], []), {})
        monthly = [replace(one, id=one.id + 10, date=one.date - timedelta(days=30)) for one in (out, into)]
        self.assertEqual({id_: one.pair for id_, one in self.match([out, into, *monthly], []).items()}, {1: 2, 2: 1, 11: 12, 12: 11})

    def test_amount_alone_is_proposed(self):
        self.assertProposed(self.match([line(1, '100', 'thanks')], [item(1, '100')]), 1, because=evidence.WEAK_EVIDENCE)

    def test_two_equal_invoices_the_oldest_is_proposed(self):
        found = self.match([line(1, '100', account='NL91ABNA0417164300')], [item(1, '100', days=10), item(2, '100', days=30)])
        self.assertProposed(found, 2, because=evidence.NOT_UNIQUE)
        self.assertEqual(found.runner_up, 1)

    def test_two_lines_for_one_invoice_decide_nothing(self):
        found = self.match([line(1, '100', 'INV/2026/00042'), line(2, '100', 'INV/2026/00042', account='NL91ABNA0417164300')],
                           [item(1, '100', 'INV/2026/00042')])
        self.assertFalse(any(one.certain for one in found.values()))

    def test_weak_evidence_never_takes_what_strong_evidence_claims(self):
        lines = [line(1, '100', account='NL91ABNA0417164300'), line(2, '100', 'INV/2026/00042')]
        found = self.match(lines, [item(1, '100', 'INV/2026/00042'), item(2, '100', 'INV/2026/00043')])
        self.assertCertain(found[2], 1)
        self.assertCertain(found[1], 2)

    def test_number_of_another_partners_invoice_contradicts(self):
        items = [item(1, '100'), item(2, '70', 'INV/2026/00042', partner=2)]
        self.assertProposed(self.match([line(1, '100', 'INV/2026/00042', account='NL91ABNA0417164300')], items), 1,
                            because=evidence.OTHER_DOCUMENT)

    def test_number_that_is_not_open_contradicts(self):
        items = [item(1, '100', 'INV/2026/00042')]
        self.assertProposed(self.match([line(1, '100', 'INV/2026/00017', account='NL91ABNA0417164300')], items), 1,
                            because=evidence.OTHER_DOCUMENT)

    def test_invoice_of_another_partner_than_the_one_who_pays(self):
        found = self.match([line(1, '100', 'INV/2026/00042', account='BE71096123456769')], [item(1, '100', 'INV/2026/00042')])
        self.assertProposed(found, 1, because=evidence.OTHER_PARTNER)

    def test_payment_that_comes_back_pays_no_bill(self):
        found = self.match([line(1, '-100', 'CHARGEBACK INV/2026/00042', account='NL91ABNA0417164300')], [item(1, '-100')])
        self.assertProposed(found, 1, because=evidence.RETURN)

    def test_several_named_together_with_a_credit_note(self):
        items = [item(1, '100', 'INV/2026/00042'), item(2, '50', 'INV/2026/00043', days=5), item(3, '-30', 'RINV/2026/00007', days=2)]
        self.assertCertain(self.match([line(1, '120', 'INV/2026/00042, INV/2026/00043 less RINV/2026/00007')], items), 1, 2, 3)

    def test_whole_balance_of_a_partner(self):
        items = [item(1, '100'), item(2, '50', days=5), item(3, '70', partner=2)]
        self.assertCertain(self.match([line(1, '150', 'all of it', account='NL91ABNA0417164300')], items), 1, 2)

    def test_sum_of_some_is_proposed(self):
        items = [item(1, '100'), item(2, '50', days=5), item(3, '70', days=3)]
        found = self.match([line(1, '170', account='NL91ABNA0417164300')], items)
        self.assertProposed(found, 1, 3)

    def test_discount_within_its_terms_only(self):
        items = [item(1, '100', 'INV/2026/00042', discount=(Decimal(98), TODAY))]
        self.assertCertain(self.match([line(1, '98', 'INV/2026/00042')], items), 1)
        self.assertProposed(self.match([line(1, '98', 'INV/2026/00042', date=TODAY + timedelta(days=1))], items), 1)

    def test_foreign_amount_of_the_bank(self):
        items = [item(1, '100', 'INV/2026/00042', currency='USD')]
        self.assertCertain(self.match([line(1, '92.10', 'INV/2026/00042', foreign=(Decimal(100), 'USD'))], items), 1)
        self.assertProposed(self.match([line(1, '92.10', 'INV/2026/00042')], items), 1)

    def test_transfer_between_own_accounts(self):
        lines = [line(1, '-500', account='DE02 5001'), line(2, '500', journal=2, date=TODAY + timedelta(days=2)),
                 line(3, '500', journal=2, date=ago(30))]
        found = self.match(lines, [], own_accounts={'DE025001': [2]})
        self.assertEqual((found[1].pair, found[2].pair), (2, 1))
        self.assertNotIn(3, found)

    def test_companies_do_not_mix(self):
        self.assertIsNone(self.match([line(1, '100', 'INV/2026/00042', company=1)], [item(1, '100', 'INV/2026/00042', company=2)]))

    def test_zero_and_empty(self):
        self.assertIsNone(self.match([line(1, '0', 'INV/2026/00042')], [item(1, '100', 'INV/2026/00042')]))
        self.assertEqual(match([], []), [])


@tagged('at_install', '-post_install')
class TestLabelledSet(BaseCase):
    """What is decided alone is right, and nearly all that has no doubt is decided alone."""

    def decide(self, made):
        return {one.line: one for one in match(made.lines, made.items, made.parties, made.own_accounts)}

    def test_precision_and_coverage(self):
        right = wrong = covered = unique = 0
        for seed in range(4):
            made = labelled_set(seed, 500, 1500)
            found = self.decide(made)
            for id_, truth in made.truth.items():
                one = found.get(id_)
                fits = bool(one) and frozenset(one.items) == truth.items and one.pair == truth.pair
                right += bool(one and one.certain and fits)
                wrong += bool(one and one.certain and not fits)
                unique += truth.unique and bool(truth.items or truth.pair)
                covered += truth.unique and bool(one and one.certain and fits)
        self.assertGreaterEqual(right / (right + wrong), 0.999)
        self.assertGreaterEqual(covered / unique, 0.97)

    def test_order_does_not_matter(self):
        made = labelled_set(7, 300, 600)
        before = self.decide(made)
        for seed in range(3):
            random.Random(seed).shuffle(made.lines)
            random.Random(seed).shuffle(made.items)
            self.assertEqual(self.decide(made), before)

    def test_one_partner_with_very_many_costs_no_square(self):
        """One webshop partner, one price or a thousand prices: eight times as many take about eight times as long."""
        def seconds(count, amounts, paid):
            items = [item(n, amounts[n % len(amounts)]) for n in range(1, count + 1)]
            lines = [line(n, paid[n % len(paid)], 'subscription', partner_name='Acme Foods') for n in range(1, count + 1)]
            started = time.process_time()
            match(lines, items, [ACME])
            return time.process_time() - started
        prices = [str(price) for price in range(1, 9973)]
        for amounts, paid in ((['9.99'], ['9.99']), (prices, prices), (prices, ['12345.67'])):
            small, large = (min(seconds(count, amounts, paid) for _time in range(2)) for count in (400, 3200))
            self.assertLess(large, 24 * small)

    def test_what_is_certain_balances(self):
        made = labelled_set(8, 400, 800)
        items, lines = {one.id: one for one in made.items}, {one.id: one for one in made.lines}
        for one in self.decide(made).values():
            if not one.certain or evidence.DISCOUNT in one.evidence:
                continue
            if one.pair:
                self.assertEqual(lines[one.line].amount, -lines[one.pair].amount)
                continue
            paid = lines[one.line].foreign[0] if evidence.FOREIGN_AMOUNT in one.evidence else lines[one.line].amount
            self.assertEqual(paid - sum(items[id_].residual for id_ in one.items), one.rest)

    def test_further_open_items_make_no_certain_match_wrong(self):
        made = labelled_set(9, 300, 600)
        more = labelled_set(10, 10, 400)
        shift = len(made.items)
        strangers = [
            replace(one, id=one.id + shift, partner=one.partner + 10 ** 6, number=one.number.replace('/2026/', '/2024/'), references=())
            for one in more.items]
        before, made.items = self.decide(made), made.items + strangers
        for id_, one in self.decide(made).items():
            if one.certain and before.get(id_) and before[id_].certain:
                self.assertEqual(one.items, before[id_].items)
            elif one.certain:
                self.assertEqual(frozenset(one.items), made.truth[id_].items)
