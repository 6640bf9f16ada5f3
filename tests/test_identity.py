"""engine/identity.py: which transaction is this? No database."""
from datetime import date, timedelta
from decimal import Decimal

from odoo.tests import BaseCase, tagged

from ..clients.records import BOOKED, PENDING, RemoteTransaction
from ..engine import identity
from ..engine.identity import HELD, KNOWN, NEW, REPEATED, SUSPECT, IdRanges, Known

try:
    from hypothesis import given, settings
    from hypothesis import strategies as st
except ImportError:     # only developers have it
    given = None

DAY = date(2026, 3, 10)


def told(amount='-3.20', text='COFFEE', day=DAY, status=BOOKED, **fields):
    return RemoteTransaction(status=status, date=day, amount=Decimal(amount), currency='EUR', text=text, **fields)


def row(number, amount='-3.20', text='COFFEE', day=DAY, status=BOOKED, seen=False, **fields):
    tx = told(amount, text, day, status, **{k: v for k, v in fields.items() if k in ('external_id', 'end_to_end_id')})
    return Known(id=number, status=status, date=day, amount=tx.amount, currency='EUR', fingerprint=identity.fingerprint_of(tx),
                 text=identity.normalise_text(text), seen=seen, **fields)


def kinds(page, known, **options):
    return [(verdict.kind, verdict.known) for verdict in identity.identify(page, known, **options)]


@tagged('at_install', '-post_install')
class TestIdentity(BaseCase):

    def test_table(self):
        cases = [
            ("nothing known", [told()], [], [(NEW, None)]),
            ("same id and content", [told(external_id='A')], [row(1, external_id='A')], [(KNOWN, 1)]),
            ("two equal ones, one known", [told(external_id='A'), told(external_id='B')], [row(1, external_id='A')],
             [(KNOWN, 1), (NEW, None)]),
            ("the known one comes second", [told(external_id='B'), told(external_id='A')], [row(1, external_id='A')],
             [(NEW, None), (KNOWN, 1)]),
            ("reissued id", [told(external_id='B')], [row(1, external_id='A')], [(KNOWN, 1)]),
            ("no ids, two of three known", [told(), told(), told()], [row(1), row(2)], [(KNOWN, 1), (KNOWN, 2), (NEW, None)]),
            ("id comes later", [told(external_id='A')], [row(1)], [(KNOWN, 1)]),
            ("text rewritten, id stays", [told(text='TEA', external_id='A')], [row(1, external_id='A')], [(KNOWN, 1)]),
            ("amount edited", [told('-3.40', external_id='A')], [row(1, external_id='A')], [(HELD, 1)]),
            ("equal amount near", [told(text='OTHER', external_id='B')], [row(1, external_id='A')], [(HELD, None)]),
            ("equal amount near, seen already", [told(text='OTHER', external_id='B')], [row(1, external_id='A', seen=True)],
             [(NEW, None)]),
            ("the page shows one twice", [told(external_id='A'), told(external_id='A')], [], [(NEW, None), (REPEATED, None)]),
            ("one id for two amounts in a page", [told(external_id='A'), told('-9', external_id='A')], [],
             [(NEW, None), (HELD, None)]),
            ("pending becomes booked under its id", [told(external_id='A')], [row(1, status=PENDING, external_id='A')], [(KNOWN, 1)]),
            ("pending becomes booked with another amount", [told('-4', external_id='A')],
             [row(1, status=PENDING, external_id='A')], [(KNOWN, 1)]),
            ("pending is not booked", [told(status=PENDING)], [row(1)], [(NEW, None)]),
            ("booked one names its pending one", [told('-4', external_id='B', pending_id='A')],
             [row(1, status=PENDING, external_id='A')], [(KNOWN, 1)]),
        ]
        for name, page, known, expected in cases:
            with self.subTest(name):
                self.assertEqual(kinds(page, known), expected)

    def test_renumbered_by_position(self):
        """A late line shifts every id of the day by one: contents decide, and only the late line is new."""
        known = [row(1, '-1', 'ONE', external_id='2026-03-10.1'), row(2, '-2', 'TWO', external_id='2026-03-10.2')]
        page = [told('-5', 'LATE', external_id='2026-03-10.1'), told('-1', 'ONE', external_id='2026-03-10.2'),
                told('-2', 'TWO', external_id='2026-03-10.3')]
        verdicts = identity.identify(page, known)
        self.assertEqual([(v.kind, v.known) for v in verdicts], [(HELD, 1), (KNOWN, 1), (KNOWN, 2)])
        self.assertTrue(verdicts[0].distrust)
        self.assertEqual([v.kind for v in identity.settle([page[0]], [1], [])], [NEW])

    def test_renumbered_by_position_with_equal_amounts(self):
        """Every id names a movement of its neighbour's amount now. Matched by id, a line would be told as another and one as two."""
        known = [row(1, text='ONE', external_id='2026-03-10.1'), row(2, text='TWO', external_id='2026-03-10.2')]
        page = [told(text='LATE', external_id='2026-03-10.1'), told(text='ONE', external_id='2026-03-10.2'),
                told(text='TWO', external_id='2026-03-10.3')]
        self.assertEqual(kinds(page, known)[1:], [(KNOWN, 1), (KNOWN, 2)])
        self.assertEqual(kinds(page[:1], known[:1]), [(KNOWN, 1)], "a text alone may be rewritten under its id")

    def test_equal_ones_with_the_balance_of_the_days_end(self):
        """Some banks tell the same balance after all movements of a day: two coffees are two all the same."""
        page = [told(balance_after=Decimal(90)), told(balance_after=Decimal(90))]
        self.assertEqual(kinds(page, []), [(NEW, None), (NEW, None)])

    def test_change_feed_takes_an_unknown_id_as_new(self):
        self.assertEqual(kinds([told(external_id='B')], [row(1, external_id='A')], whole_window=False), [(NEW, None)])

    def test_shared_by_two_pages_without_ids(self):
        """Only a second read can tell a movement that two pages share from an equal second one; no balance after it does."""
        for balance in (None, Decimal(90), Decimal('86.80')):
            page = [told(balance_after=balance)]
            self.assertEqual(kinds(page, [row(1, seen=True, balance_after=Decimal(90))]), [(HELD, None)])
        self.assertEqual(kinds([told(external_id='B')], [row(1, external_id='A', seen=True)]), [(NEW, None)])

    def test_settle(self):
        cases = [
            ("rewritten", told(text='COFFEE CORNER CITY', external_id='B'), None, [row(1, text='COFFEE CORNER', external_id='A')],
             KNOWN, 1),
            ("edited", told('-3.40', external_id='A'), 1, [row(1, external_id='A')], SUSPECT, 1),
            ("the id's own row was shown", told('-3.40', external_id='A'), 1, [], NEW, None),
            ("moved to another day", told(day=DAY + timedelta(days=1)), None, [row(1)], SUSPECT, 1),
            ("moved, same end-to-end id", told(day=DAY + timedelta(days=1), end_to_end_id='E1'), None, [row(1, end_to_end_id='E1')],
             KNOWN, 1),
            ("nothing is missing", told(), None, [], NEW, None),
            ("other amount is missing", told(), None, [row(1, '-9')], NEW, None),
        ]
        for name, tx, own, unseen, kind, known in cases:
            with self.subTest(name):
                verdict = identity.settle([tx], [own], unseen)[0]
                self.assertEqual((verdict.kind, verdict.known), (kind, known))

    def test_foreign_lines_are_given_away_once(self):
        lines = [row(7, text='coffee machine')]
        self.assertEqual(identity.foreign_twins([told(), told()], lines), {0: 7})
        self.assertEqual(identity.foreign_twins([told(day=DAY + timedelta(days=2))], lines), {})
        self.assertEqual(identity.foreign_twins([told(text='Coffee  Machine', day=DAY + timedelta(days=2))], lines), {0: 7})

    def test_fingerprint_does_not_see_what_does_not_count(self):
        one = identity.fingerprint(DAY, Decimal('-3.20'), 'EUR', "Café\u00a0 Corner\n", 'DE89 3704')
        self.assertEqual(one, identity.fingerprint(DAY, Decimal('-3.2'), 'EUR', "CAFÉ corner", 'de893704'))
        self.assertNotEqual(one, identity.fingerprint(DAY, Decimal('-3.21'), 'EUR', "CAFÉ corner", 'de893704'))

    def test_end_to_end_id_that_is_none(self):
        for nothing in ('NOTPROVIDED', 'not provided', '', 'NONREF'):
            self.assertEqual(identity.normalise_end_to_end(nothing), '')
        self.assertEqual(identity.normalise_end_to_end(' E2E-1 '), 'E2E-1')

    def test_id_ranges(self):
        ranges = IdRanges()
        ranges.update([5, 3, 4, 9])
        ranges.update([8, 10])
        self.assertEqual(ranges.ranges, [[3, 5], [8, 10]])
        self.assertEqual([n for n in range(12) if n in ranges], [3, 4, 5, 8, 9, 10])


if given:
    movement = st.tuples(st.sampled_from(['-1', '-2']), st.sampled_from(['A', 'B']), st.integers(0, 2))

    @tagged('at_install', '-post_install')
    class TestIdentityProperties(BaseCase):

        @settings(max_examples=200, deadline=None)
        @given(st.lists(movement, max_size=8), st.lists(movement, max_size=4), st.randoms())
        def test_a_complete_read_ends_with_what_the_bank_shows(self, before, after, random):
            """Whatever ids are reissued and in whatever order: known rows stay one each, and each further movement is new once."""
            known = [row(n + 1, amount, text, DAY + timedelta(days=day), external_id=f'old{n}')
                     for n, (amount, text, day) in enumerate(before)]
            shown = [told(amount, text, DAY + timedelta(days=day), external_id=random.choice([f'old{n}', f'new{n}']))
                     for n, (amount, text, day) in enumerate(before)]
            shown += [told(amount, text, DAY + timedelta(days=day), external_id=f'late{n}') for n, (amount, text, day) in enumerate(after)]
            random.shuffle(shown)
            verdicts = identity.identify(shown, known)
            self.assertEqual(sorted(v.known for v in verdicts if v.kind == KNOWN), sorted(r.id for r in known))
            held = [v for v in verdicts if v.kind == HELD]
            settled = identity.settle([shown[v.index] for v in held], [v.known for v in held], [])
            self.assertEqual(len([v for v in verdicts if v.kind == NEW]) + len([v for v in settled if v.kind == NEW]), len(after))
