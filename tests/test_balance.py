"""engine/balance.py: do the books agree with the bank? No database."""
from datetime import date, timedelta
from decimal import Decimal

from odoo.tests import BaseCase, tagged

from ..engine.balance import AGREES, DIFFERS, OPENING, Reading, Stretch, differed_before, held_before, prove

START = date(2026, 3, 1)


def day(number):
    return START + timedelta(days=number)


def amounts(**days):
    return {day(int(name[1:])): Decimal(amount) for name, amount in days.items()}


@tagged('at_install', '-post_install')
class TestBalance(BaseCase):

    def prove(self, readings, opening=0, books=None, told=None):
        return prove([Reading(day(d), Decimal(a)) for d, a in readings], Decimal(opening), books or {}, told or {}, START)

    def test_no_reading_no_proof(self):
        self.assertIsNone(self.prove([]))

    def test_agrees(self):
        moved = amounts(d2='-3.20', d4=10)
        proof = self.prove([(3, '96.80'), (5, '106.80')], 100, moved, moved)
        self.assertEqual((proof.state, proof.difference), (AGREES, 0))

    def test_opening_is_missing(self):
        moved = amounts(d2=-3)
        proof = self.prove([(5, 97)], 0, moved, moved)
        self.assertEqual((proof.state, proof.difference, proof.began), (OPENING, 100, START))

    def test_line_in_the_books_that_the_bank_does_not_know(self):
        proof = self.prove([(1, 100), (5, 97)], 100, amounts(d2=-3, d3=-7), amounts(d2=-3))
        self.assertEqual((proof.state, proof.difference, proof.began), (DIFFERS, 7, day(3)))

    def test_line_that_the_books_lack(self):
        proof = self.prove([(5, 90)], 100, amounts(d2=-3), amounts(d2=-3, d4=-7))
        self.assertEqual((proof.state, proof.difference, proof.began), (DIFFERS, -7, day(4)))

    def test_departure_that_was_healed_does_not_count(self):
        """Booked a day apart from the bank, agreed again on day 2: what differs on day 5 began on day 4."""
        proof = self.prove([(2, 90), (5, 80)], 100, amounts(d1=-10, d4=-3), amounts(d2=-10, d4=-10))
        self.assertEqual((proof.state, proof.began), (DIFFERS, day(4)))

    def test_movement_that_the_bank_never_told(self):
        proof = self.prove([(2, 100), (3, 100), (5, 80)], 100)
        self.assertEqual((proof.state, proof.difference, proof.began), (DIFFERS, -20, day(5)))

    def test_closing_balance_of_a_day_counts_after_the_one_within_it(self):
        readings = [Reading(day(1), Decimal(100), True), Reading(day(1), Decimal(50), False)]
        self.assertEqual(prove(readings, Decimal(100), {}, {}, START).state, AGREES)

    def test_once_agreed_a_difference_is_no_opening_balance(self):
        """A late line of day 1 came after the readings: no stored one agrees any more, but what was there before is in the books."""
        moved, readings = amounts(d1=-5, d4=-3), [(2, 100), (5, 90)]
        self.assertEqual(self.prove(readings, 100, moved, moved).state, OPENING)
        proof = prove([Reading(day(d), Decimal(a)) for d, a in readings], Decimal(100), moved, moved, START, day(2))
        self.assertEqual((proof.state, proof.difference, proof.began), (DIFFERS, -2, day(5)))

    def test_booked_on_other_days_but_even_in_the_end(self):
        """The bank moved a movement to another day: that explains no difference, so the opening balance does."""
        proof = self.prove([(5, 90)], 0, amounts(d2=-10), amounts(d4=-10))
        self.assertEqual((proof.state, proof.difference), (OPENING, 100))

    def test_what_the_bank_held_before_the_first_day(self):
        """The closing balance of yesterday counts: today's has a movement in it that the bank does not list yet."""
        readings = [Reading(day(4), Decimal(95), True), Reading(day(5), Decimal(80), False)]
        self.assertEqual(held_before(readings, amounts(d2=-5)), 100)
        self.assertEqual(held_before(readings[1:], amounts(d2=-5)), 85)
        self.assertIsNone(held_before([], {}))

    def test_stretches_that_differed_before(self):
        """Books: 7 on the 2nd and the 6th that the bank moved on the 4th and the 7th."""
        readings = [Reading(day(n), Decimal(amount)) for n, amount in ((1, 100), (2, 100), (3, 100), (4, 93), (6, 93), (7, 86))]
        found = differed_before(readings, Decimal(100), amounts(d2=-7, d6=-7), amounts(d4=-7, d7=-7))
        self.assertEqual(found, [Stretch(day(2), day(3), 7), Stretch(day(6), day(6), 7)])

    def test_balance_that_the_banks_own_movements_do_not_explain_tells_nothing(self):
        readings = [Reading(day(2), Decimal(90)), Reading(day(4), Decimal(100))]
        self.assertEqual(differed_before(readings, Decimal(100), {}, {}), [])
