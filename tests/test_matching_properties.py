"""What must hold of every match, whatever the lines and invoices: looked for by Hypothesis, skipped where it is not installed."""
import random
from datetime import timedelta
from decimal import Decimal
from unittest import skipUnless

from odoo.tests import BaseCase, tagged

from ..engine import evidence
from ..engine.evidence import Item, Line
from ..engine.matching import match
from ..engine.parties import Party
from .common import TODAY
from .test_match import MatchCase

try:
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st
except ImportError:
    st = None

AMOUNTS = ('10.00', '25.50', '60.00', '100.00')
ACCOUNTS = {1: 'NL91ABNA0417164300', 2: 'BE71096123456769', 3: 'DE89370400440532013000'}
PARTIES = [Party(id_, (name,), (ACCOUNTS[id_],)) for id_, name in ((1, 'Acme Foods'), (2, 'Blue Labs'), (3, 'Cedar & Sons'))]
SPELLINGS = ('INV/2026/{:05d}', 'inv 2026 {}', 'INV2026{:05d}', '2026/{:05d}', 'ref {}', '{}')
STRANGER = Item(999, TODAY - timedelta(days=5), Decimal(0), 'EUR', 77, 'ZZ/1999/91919')


def worlds():
    """Small worlds with many coincidences: (lines, items)."""
    numbers = st.integers(1, 8)
    items = st.lists(st.tuples(
        numbers, st.sampled_from(AMOUNTS), st.sampled_from((1, 1, 1, -1)), st.integers(1, 3), st.integers(0, 60)),
        max_size=8, unique_by=lambda one: one[0])
    lines = st.lists(st.tuples(
        st.integers(0, 7), st.sampled_from((None, None, None, *AMOUNTS)), st.lists(st.tuples(
            st.sampled_from(SPELLINGS), st.sampled_from((None, None, *range(1, 9)))), max_size=2),
        st.sampled_from((None, None, 1, 2, 3, 'its')), st.sampled_from(('', '', 'Acme Foods', 'cedar sons')), st.integers(0, 10),
        st.integers(1, 2)), max_size=6)
    return st.tuples(lines, items).map(_world)


def _world(drawn):
    """Most lines are about one of the items: its amount, its number, its partner, or some of them."""
    items = [Item(number, TODAY - timedelta(days=age), sign * Decimal(amount), 'EUR', partner, f'INV/2026/{number:05d}')
             for number, amount, sign, partner, age in drawn[1]]
    lines = []
    for id_, (index, amount, texts, account, name, age, journal) in enumerate(drawn[0], 1):
        about = items[index % len(items)] if items else STRANGER
        text = ' and '.join(spelling.format(number or about.id) for spelling, number in texts)
        partner = about.partner if account == 'its' else account
        lines.append(Line(
            id_, journal, TODAY - timedelta(days=age), Decimal(amount) if amount else about.residual, 'EUR', text,
            account=ACCOUNTS.get(partner, ''), partner_name=name))
    return lines, items


def decide(lines, items):
    return {one.line: one for one in match(lines, items, PARTIES)}


def property_of(*strategies, examples=300):
    """A test of a property; the same examples in every run."""
    if not st:
        return skipUnless(False, "hypothesis is not installed")

    def decorate(test):
        return settings(max_examples=examples, deadline=None, database=None, derandomize=True,
                        suppress_health_check=list(HealthCheck))(given(*[make() for make in strategies])(test))
    return decorate


@tagged('at_install', '-post_install')
class TestMatchingProperties(BaseCase):

    @property_of(worlds, lambda: st.integers(0, 1000))
    def test_order_changes_nothing(self, world, seed):
        lines, items = world
        before = decide(lines, items)
        random.Random(seed).shuffle(lines)
        random.Random(seed + 1).shuffle(items)
        self.assertEqual(decide(lines, items), before)

    @property_of(worlds, lambda: st.sampled_from(AMOUNTS))
    def test_unrelated_invoice_makes_no_certain_match_wrong(self, world, amount):
        lines, items = world
        before = decide(lines, items)
        stranger = Item(STRANGER.id, STRANGER.date, Decimal(amount), 'EUR', STRANGER.partner, STRANGER.number)
        for id_, one in decide(lines, [*items, stranger]).items():
            if one.certain:
                self.assertNotIn(stranger.id, one.items)
                self.assertTrue(before[id_].certain)
                self.assertEqual(one.items, before[id_].items)

    @property_of(worlds)
    def test_certain_balances_and_takes_every_item_once(self, world):
        lines, items = world
        by_id, taken = {one.id: one for one in items}, []
        for one in decide(lines, items).values():
            if one.certain and not one.pair:
                amount = next(line.amount for line in lines if line.id == one.line)
                self.assertEqual(amount - sum(by_id[id_].residual for id_ in one.items), one.rest)
                self.assertLessEqual(abs(amount), abs(sum(by_id[id_].residual for id_ in one.items)))
                self.assertTrue(set(one.evidence) - {evidence.AMOUNT}, "an amount alone is no evidence")
                taken += one.items
        self.assertEqual(len(taken), len(set(taken)))


@tagged('post_install', '-at_install')
class TestMatchProperties(MatchCase):
    """In the books: what was matched balances to zero, and match and undo is as if nothing had happened."""

    @property_of(
        lambda: st.lists(st.tuples(
            st.integers(1, 500), st.booleans(), st.sampled_from(('out_invoice', 'in_invoice', 'out_refund'))), min_size=1, max_size=4),
        lambda: st.lists(st.tuples(
            st.lists(st.integers(0, 3), min_size=1, max_size=2), st.sampled_from((0, 0, 0, -1, 3)), st.booleans(), st.booleans()),
            min_size=1, max_size=4),
        examples=25)
    def test_match_and_undo(self, documents, payments):
        with self.env.cr.savepoint() as attempt:
            moves = [self.invoice(cents / 4, kind, partner=self.acme if is_acme else self.blue, ref=f'V-{n}-77')
                     for n, (cents, is_acme, kind) in enumerate(documents)]
            lines = self.env['account.bank.statement.line']
            for indexes, off, names_it, knows_partner in payments:
                items = self.term_items(self.env['account.move'].union(*(moves[index % len(moves)] for index in indexes)))
                text = ' '.join([*items.mapped('move_name'), *(ref for ref in items.mapped('ref') if ref)]) if names_it else 'thanks'
                lines |= self.line(sum(items.mapped('amount_residual')) + off / 100, text,
                                   partner_id=items[:1].partner_id.id if knows_partner else False)
            everything = lines.move_id.union(*moves)
            before = self.books(everything)
            lines.online_sync_match()
            for line in lines:
                self.assertAlmostEqual(sum(line.move_id.line_ids.mapped('balance')), 0)
                if line.online_sync_match_ids.filtered(lambda one: one.state == 'applied'):
                    self.assertTrue(line.is_reconciled)
            lines.online_sync_unmatch()
            self.assertEqual(self.books(everything), before)
            attempt.rollback()
        self.env.invalidate_all()
