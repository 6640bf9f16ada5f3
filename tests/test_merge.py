"""engine/merge.py: three-way merge, field by field and line by line. No database."""
import json
from datetime import date, datetime
from decimal import Decimal
from itertools import count

from odoo.tests import BaseCase, tagged

from ..clients.books import Line, LineEdits, Ref
from ..engine.agree import agree
from ..engine.merge import merge
from ..engine.merge_rules import ASK, BOTH, DELETED, LOCAL, NEWEST, OFF, PULL, PUSH, REMOTE, Base, Conflict, Rule
from ..engine.values import from_json, to_json
from .test_matching_properties import property_of

try:
    from hypothesis import strategies as st
except ImportError:
    st = None

TEN, TWO = Decimal('10.00'), Decimal(2)
LINE_RULES = {'text': Rule(), 'price': Rule()}
RULES = {'name': Rule(), 'street': Rule(), 'lines': Rule(lines=LINE_RULES)}


def lines_of(*texts, prefix='', price=TEN):
    return tuple(Line(f'{prefix}{number}', {'text': text, 'price': price}) for number, text in enumerate(texts))


class Book:
    """A record on one side: keeps fields and lines as it likes, gives lines keys of its own."""

    def __init__(self, prefix, fields, keep=lambda value: value):
        self.prefix, self.keep, self.counter = prefix, keep, count(100)
        self.fields = {name: value if name == 'lines' else keep(value) for name, value in fields.items() if name != 'lines'}
        self.lines = {}
        for line in fields.get('lines', ()):
            self.add(line.fields)

    def add(self, fields):
        self.lines[f'{self.prefix}{next(self.counter)}'] = {name: self.keep(value) for name, value in fields.items()}

    def told(self):
        return {**self.fields, 'lines': tuple(Line(key, dict(fields)) for key, fields in self.lines.items())}

    def take(self, edits):
        for name, value in edits.items():
            if not isinstance(value, LineEdits):
                self.fields[name] = self.keep(value)
                continue
            for key, fields in value.update.items():
                self.lines[key].update({name: self.keep(one) for name, one in fields.items()})
            for key in value.remove:
                del self.lines[key]
            for line in value.add:
                self.add(line.fields)


class Pair:
    """Two books, what they agreed on, and how they are kept equal."""

    def __init__(self, here, there, rules=RULES, newer=None):
        self.here, self.there, self.rules, self.newer, self.base = here, there, rules, newer, None

    def round(self):
        """Merge, write, read again, agree. Returns what was merged."""
        merged = merge(self.base, self.here.told(), self.there.told(), self.rules, self.newer)
        self.here.take(merged.to_local)
        self.there.take(merged.to_remote)
        self.base = agree(self.base, merged, self.here.told(), self.there.told(), self.rules)
        return merged

    def texts(self):
        return [sorted(str(fields['text']) for fields in book.lines.values()) for book in (self.here, self.there)]


def pair_of(fields, rules=RULES, **more):
    """Two books that agree."""
    pair = Pair(Book('h', fields), Book('t', fields), rules, **more)
    pair.round()
    return pair


def turned(rule):
    """The rule as the other side would say it."""
    return Rule({PULL: PUSH, PUSH: PULL}.get(rule.direction, rule.direction), {LOCAL: REMOTE, REMOTE: LOCAL}.get(rule.policy, rule.policy),
                rule.lines and {name: turned(inner) for name, inner in rule.lines.items()})


def stories(policies, directions=(BOTH,), keeps=()):
    """Two books and what people do to them: rules, edits by round, and how each side keeps its texts."""
    texts = st.sampled_from(('', 'a', 'b', ' c', 'd e'))
    edit = st.tuples(st.sampled_from(('here', 'there', 'both')), st.sampled_from(('name', 'street', 'line', 'add', 'remove')),
                     st.integers(0, 5), texts)
    rules = st.tuples(*[st.tuples(st.sampled_from(directions), st.sampled_from(policies)) for _field in range(3)])
    kept = st.sampled_from((None, *keeps))
    return st.tuples(rules, st.lists(st.lists(edit, max_size=5), min_size=1, max_size=4), st.sampled_from((LOCAL, REMOTE)), kept, kept,
                     st.integers(0, 3))


def play(story, listen=lambda merged: None, last=True):
    """The pair after all rounds.

    :param last: whether the last edits are merged too
    """
    (name, street, lines), rounds, newer, keep_here, keep_there, size = story
    rules = {'name': Rule(*name), 'street': Rule(*street), 'lines': Rule(*lines, lines={'text': Rule(policy=lines[1]), 'price': Rule()})}
    prices = count(1)
    # The price of a line never changes: it tells which line it is.
    start = {'name': 'n', 'street': 's', 'lines': tuple(Line('', {'text': 'l', 'price': Decimal(next(prices))}) for _line in range(size))}
    pair = Pair(*(Book(prefix, start, lambda value, keep=keep: keep(value) if keep and isinstance(value, str) else value)
                  for prefix, keep in (('h', keep_here), ('t', keep_there))), rules, newer)
    listen(pair.round())
    for number, edits in enumerate(rounds):
        for where, what, place, text in edits:
            price = Decimal(next(prices)) * (-1 if where == 'both' else 1)
            for book in ([pair.here] if where == 'here' else [pair.there] if where == 'there' else [pair.here, pair.there]):
                edit(book, what, place, text, price)
        if last or number < len(rounds) - 1:
            listen(pair.round())
    return pair


def edit(book, what, place, text, price):
    if what in ('name', 'street'):
        book.fields[what] = book.keep(text)
    elif what == 'add':
        book.add({'text': text, 'price': price})
    elif book.lines:
        key = list(book.lines)[place % len(book.lines)]
        if what == 'remove':
            del book.lines[key]
        else:
            book.lines[key]['text'] = book.keep(text)


@tagged('at_install', '-post_install')
class TestMerge(BaseCase):

    def merge(self, base, local, remote, rule=None, **more):
        told = merge(None if base is None else Base({'x': base}, {'x': base}), {'x': local}, {'x': remote}, {'x': rule or Rule()}, **more)
        return told.to_local.get('x'), told.to_remote.get('x'), len(told.conflicts)

    def after_a_crash(self, rules=RULES):
        """A pair whose new line was written there; nobody remembers it, and it was changed there since."""
        pair = pair_of({'name': 'n', 'street': 's', 'lines': lines_of('a')}, rules)
        pair.here.add({'text': 'b', 'price': Decimal(2)})
        lost = merge(pair.base, pair.here.told(), pair.there.told(), rules)
        pair.there.take(lost.to_remote)
        pair.there.lines[next(reversed(pair.there.lines))]['text'] = 'c'
        return pair

    def test_a_line_that_nobody_remembers_to_have_written_is_asked_about(self):
        pair = self.after_a_crash()
        pair.there.lines[next(iter(pair.there.lines))]['text'] = 'A'
        told = merge(pair.base, pair.here.told(), pair.there.told(), RULES, is_careful=True)
        self.assertEqual([conflict.name for conflict in told.conflicts], ['lines'])
        self.assertEqual(told.doubtful, ('lines',))
        self.assertFalse(told.to_remote)
        self.assertEqual([dict(values) for values in told.to_local['lines'].update.values()], [{'text': 'A'}])
        self.assertFalse(told.to_local['lines'].add or told.to_local['lines'].remove)
        for winner, expected in ((LOCAL, ['A', 'b']), (REMOTE, ['A', 'c'])):
            pair = self.after_a_crash()
            pair.there.lines[next(iter(pair.there.lines))]['text'] = 'A'
            told = merge(pair.base, pair.here.told(), pair.there.told(), RULES, decided={'lines': winner}, is_careful=True)
            pair.here.take(told.to_local)
            pair.there.take(told.to_remote)
            self.assertEqual(pair.texts(), [expected, expected])
            pair.base = agree(pair.base, told, pair.here.told(), pair.there.told(), RULES)
            self.assertFalse(pair.round())
        pair = pair_of({'name': 'n', 'street': 's', 'lines': ()})
        pair.here.add({'text': 'b', 'price': Decimal(2)})
        self.assertEqual(len(merge(pair.base, pair.here.told(), pair.there.told(), RULES, is_careful=True).to_remote['lines'].add), 1,
                         "nothing new there: it cannot be a copy")

    def test_what_a_side_computes_anew_is_nobodys_change(self):
        for direction, comes_back in ((BOTH, False), (PUSH, False), (PULL, True)):
            rules = {'partner': Rule(), 'terms': Rule(direction)}
            base = Base(*[{'partner': 'a', 'terms': 't'}] * 2)
            here, there = {'partner': 'b', 'terms': 't'}, {'partner': 'a', 'terms': 't'}
            told = merge(base, here, there, rules)
            now = {'partner': 'b', 'terms': 'of b'}
            base = agree(base, told, here, now, rules, before=Base(here, there), written={REMOTE})
            with self.subTest(direction=direction):
                told = merge(base, here, now, rules)
                self.assertEqual((dict(told.to_local), dict(told.to_remote)), ({'terms': 'of b'} if comes_back else {}, {}))
        base = Base(*[{'partner': 'a', 'terms': 't'}] * 2)
        base = agree(base, merge(base, here, there, {'partner': Rule(), 'terms': Rule()}), {**here, 'terms': 'mine'}, now,
                     {'partner': Rule(), 'terms': Rule()}, before=Base(here, there), written={REMOTE})
        self.assertEqual(dict(merge(base, {**here, 'terms': 'mine'}, now, {'terms': Rule()}).to_remote), {'terms': 'mine'},
                         "what is typed here meanwhile is a change")

    def test_lines_that_are_known_by_a_number_and_not_by_their_key(self):
        rules = {'lines': Rule(lines={'number': Rule(), 'holder': Rule()}, key='number')}
        base = Base(*[{'lines': (Line('t1', {'number': '1', 'holder': 'a'}),)}] * 2)
        here, there = ({'lines': (Line(key, {'number': '1', 'holder': holder}),)} for key, holder in (('h1', 'b'), ('t1', 'a')))
        told = merge(base, here, there, rules)
        self.assertEqual((dict(told.to_remote), dict(told.to_local)), ({'lines': LineEdits(update={'t1': {'holder': 'b'}})}, {}))
        asked = agree(base, merge(base, here, there, {}), here, there, rules)
        self.assertEqual(merge(asked, here, there, rules), told, "what was not written is not agreed on")
        written = {'lines': (Line('t1', {'number': '1', 'holder': 'b'}),)}
        self.assertFalse(merge(agree(base, told, here, written, rules), here, written, rules))

    def test_a_line_of_which_no_number_was_agreed_on_is_no_other_one(self):
        rules = {'lines': Rule(lines={'number': Rule(), 'holder': Rule()}, key='number')}
        base = Base({'lines': (Line('h1', {}),)}, {'lines': (Line('t1', {'number': '1'}),)})
        here, there = ({'lines': (Line(key, {'number': number, 'holder': ''}),)} for key, number in (('h2', '2'), ('t1', '1')))
        told = merge(base, here, there, rules)
        self.assertEqual([line.fields['number'] for line in told.to_remote['lines'].add], ['2'], "it is no change of the first")

    def test_lines_that_are_known_by_a_number(self):
        rules = {**RULES, 'lines': Rule(lines={'number': Rule(), 'holder': Rule()}, key='number')}
        pair = pair_of({'name': 'n', 'street': 's', 'lines': ()}, rules)
        pair.here.add({'number': '11 1', 'holder': 'a'})
        pair.there.add({'number': '11 1', 'holder': ''})
        pair.round()
        self.assertEqual([list(book.lines.values()) for book in (pair.here, pair.there)], [[{'number': '11 1', 'holder': 'a'}]] * 2)
        pair.here.add({'number': '2', 'holder': 'b'})
        pair.there.add({'number': '2', 'holder': 'c'})
        for _round in range(2):
            told = pair.round()
            self.assertEqual([conflict.name.rpartition('/')[2] for conflict in told.conflicts], ['holder'])
            self.assertEqual([len(book.lines) for book in (pair.here, pair.there)], [2, 2])
        pair.here.lines[next(reversed(pair.here.lines))]['holder'] = 'c'
        pair.round()
        self.assertFalse(pair.round())
        fresh = Pair(Book('h', {}), Book('t', {}), rules)
        fresh.here.add({'number': '1', 'holder': 'a'})
        fresh.here.add({'number': '2', 'holder': ''})
        fresh.there.add({'number': '1', 'holder': 'b'})
        fresh.there.add({'number': '3', 'holder': ''})
        told = fresh.round()
        self.assertEqual([conflict.name.rpartition('/')[2] for conflict in told.conflicts], ['holder'])
        numbers = [sorted(line['number'] for line in book.lines.values()) for book in (fresh.here, fresh.there)]
        self.assertEqual(numbers, [['1', '2', '3']] * 2)
        fresh.there.lines[next(iter(fresh.there.lines))]['holder'] = 'a'
        fresh.round()
        self.assertFalse(fresh.round())
        pair.there.lines[next(reversed(pair.there.lines))]['number'] = '3'
        pair.round()
        self.assertEqual([[line['number'] for line in book.lines.values()] for book in (pair.here, pair.there)], [['11 1', '3']] * 2)

    def test_one_field(self):
        for base, local, remote, expected in (
            ('a', 'a', 'a', (None, None, 0)), ('a', 'b', 'a', (None, 'b', 0)), ('a', 'a', 'b', ('b', None, 0)),
            ('a', 'b', 'b', (None, None, 0)), ('a', 'b', 'c', (None, None, 1)), ('a', '', 'a', (None, '', 0)),
            (None, 'b', '', (None, 'b', 0)), (None, None, 'b', ('b', None, 0)), (None, 'b', 'c', (None, None, 1)),
            (None, '', None, (None, None, 0)), (TEN, Decimal('10'), TEN, (None, None, 0)), (True, False, True, (None, False, 0)),
        ):
            with self.subTest(base=base, local=local, remote=remote):
                self.assertEqual(self.merge(base, local, remote), expected)

    def test_directions(self):
        for direction, local, remote, expected in (
            (PULL, 'b', 'a', (None, None, 0)), (PULL, 'a', 'b', ('b', None, 0)), (PULL, 'b', 'c', ('c', None, 0)),
            (PUSH, 'b', 'a', (None, 'b', 0)), (PUSH, 'a', 'b', (None, None, 0)), (PUSH, 'b', 'c', (None, 'b', 0)),
            (OFF, 'b', 'c', (None, None, 0)), (OFF, 'a', 'c', (None, None, 0)),
        ):
            with self.subTest(direction=direction, local=local, remote=remote):
                self.assertEqual(self.merge('a', local, remote, Rule(direction)), expected)

    def test_policies(self):
        for policy, newer, expected in ((LOCAL, None, (None, 'b', 0)), (REMOTE, None, ('c', None, 0)), (NEWEST, REMOTE, ('c', None, 0)),
                                        (NEWEST, LOCAL, (None, 'b', 0)), (NEWEST, None, (None, None, 1)), (ASK, LOCAL, (None, None, 1))):
            with self.subTest(policy=policy, newer=newer):
                self.assertEqual(self.merge('a', 'b', 'c', Rule(BOTH, policy), newer=newer), expected)
        self.assertEqual(self.merge('a', 'b', 'c', decided={'x': LOCAL}), (None, 'b', 0))

    def test_what_changed_after_it_was_sent_is_a_change(self):
        """Also of a line that was sent as a new one."""
        base = Base({'name': 'a', 'lines': ()}, {'name': 'a', 'lines': ()})
        line = Line('1', {'text': 'x', 'price': TEN})
        told = merge(base, {'name': 'b', 'lines': (line,)}, {'name': 'a', 'lines': ()}, RULES)
        now = Line('1', {'text': 'y', 'price': TEN})
        there = {'name': 'b', 'lines': (Line('r1', {'text': 'x', 'price': TEN}),)}
        agreed = agree(base, told, {'name': 'c', 'lines': (now,)}, there, RULES)
        again = merge(agreed, {'name': 'c', 'lines': (now,)}, there, RULES)
        self.assertEqual(again.to_remote, {'name': 'c', 'lines': LineEdits(update={'r1': {'text': 'y'}})})
        self.assertFalse(again.to_local or again.conflicts)

    def test_what_is_not_told_is_not_empty(self):
        told = merge(Base({'x': 'a', 'y': 'b'}, {'x': 'a', 'y': 'b'}), {'y': 'b'}, {'x': 'c', 'y': None}, {'x': Rule(), 'y': Rule()})
        self.assertEqual((told.to_local, told.to_remote), ({'y': None}, {}))

    def test_different_fields_merge_and_the_same_field_is_a_conflict(self):
        pair = pair_of({'name': 'Acme', 'street': 'Main 1'})
        pair.here.fields.update(name='Acme Ltd')
        pair.there.fields.update(street='Main 2')
        self.assertFalse(pair.round().conflicts)
        self.assertEqual(pair.here.fields, {'name': 'Acme Ltd', 'street': 'Main 2'})
        self.assertEqual(pair.there.fields, pair.here.fields)
        pair.here.fields.update(name='Acme A', street='Main 3')
        pair.there.fields.update(name='Acme B')
        self.assertEqual(pair.round().conflicts, (Conflict('name', 'Acme Ltd', 'Acme A', 'Acme B'),))
        self.assertEqual(pair.there.fields['street'], 'Main 3', "a conflict holds up its own field only")
        self.assertEqual(len(pair.round().conflicts), 1, "it stays one until it is decided")
        pair.there.fields.update(name='Acme A')
        self.assertFalse(pair.round())

    def test_values_kept_in_another_way_end_their_way(self):
        pair = Pair(Book('h', {'name': 'acme'}), Book('t', {'name': ''}, lambda value: value.upper() if isinstance(value, str) else value))
        self.assertEqual(pair.round().to_remote, {'name': 'acme'})
        self.assertFalse(pair.round(), "ACME is how the other side says acme")
        pair.there.fields['name'] = 'ACME LTD'
        self.assertEqual(pair.round().to_local, {'name': 'ACME LTD'})
        pair.here.fields['name'] = 'acme'
        self.assertEqual(pair.round().to_remote, {'name': 'acme'})
        self.assertFalse(pair.round())

    def test_references_compare_as_such(self):
        self.assertEqual(self.merge(Ref('partner', '1'), Ref('partner', '2'), Ref('partner', '1')), (None, Ref('partner', '2'), 0))
        taxes = frozenset([Ref('tax', '1')])
        self.assertEqual(self.merge(taxes, taxes, frozenset()), (frozenset(), None, 0))

    # -- lines ------------------------------------------------------------------------------------------------------------------

    def test_lines_merge_one_by_one(self):
        pair = pair_of({'lines': lines_of('a', 'b', 'c')})
        here, there = list(pair.here.lines), list(pair.there.lines)
        pair.here.lines[here[0]]['text'] = 'A'
        pair.there.lines[there[0]]['price'] = TWO
        del pair.there.lines[there[1]]
        pair.here.add({'text': 'here', 'price': TEN})
        pair.there.add({'text': 'there', 'price': TEN})
        pair.here.add({'text': 'both', 'price': TEN})
        pair.there.add({'text': 'both', 'price': TEN})
        self.assertFalse(pair.round().conflicts)
        self.assertEqual(pair.texts(), [['A', 'both', 'c', 'here', 'there']] * 2)
        self.assertEqual(pair.here.lines[here[0]]['price'], TWO)
        self.assertFalse(pair.round())

    def test_line_that_one_side_removed_and_the_other_changed(self):
        for policy, texts in ((LOCAL, ['b']), (REMOTE, ['A', 'b'])):
            rules = {'lines': Rule(policy=policy, lines=LINE_RULES)}
            pair = pair_of({'lines': lines_of('a', 'b')}, rules)
            del pair.here.lines[next(iter(pair.here.lines))]
            pair.there.lines[next(iter(pair.there.lines))]['text'] = 'A'
            pair.round()
            self.assertEqual(pair.texts(), [texts, texts])
            self.assertFalse(pair.round())

    def test_line_conflict_is_asked_and_nothing_is_doubled_meanwhile(self):
        pair = pair_of({'lines': lines_of('a', 'b')})
        gone = next(iter(pair.here.lines))
        del pair.here.lines[gone]
        pair.there.lines[next(iter(pair.there.lines))]['text'] = 'A'
        for _time in range(3):
            conflict, = pair.round().conflicts
            self.assertEqual((conflict.local, conflict.remote['text']), (DELETED, 'A'))
            pair.here.add({'text': 'new', 'price': TEN})
        self.assertEqual(pair.texts(), [['b', 'new', 'new', 'new'], ['A', 'b', 'new', 'new']])
        pair.newer, pair.rules = None, {'lines': Rule(policy=REMOTE, lines=LINE_RULES)}
        pair.round()
        self.assertEqual(pair.texts(), [['A', 'b', 'new', 'new', 'new']] * 2)
        self.assertFalse(pair.round())

    def test_lines_that_were_all_made_anew(self):
        """A side that replaces its lines: those with the same content are the same."""
        pair = pair_of({'lines': lines_of('a', 'b')})
        pair.there.lines = {f'n{number}': fields for number, fields in enumerate(reversed(pair.there.lines.values()))}
        self.assertFalse(pair.round())
        pair.there.lines['n0']['text'] = 'B'
        pair.round()
        self.assertEqual(pair.texts(), [['B', 'a']] * 2)

    def test_fields_of_lines_that_do_not_flow(self):
        rules = {'lines': Rule(lines={'text': Rule(), 'price': Rule(OFF)})}
        pair = pair_of({'lines': lines_of('a')}, rules)
        pair.here.lines[next(iter(pair.here.lines))]['price'] = TWO
        self.assertFalse(pair.round())
        pair.here.add({'text': 'new', 'price': TWO})
        added, = pair.round().to_remote['lines'].add
        self.assertEqual(added.fields, {'text': 'new'})

    def test_lines_of_a_list_that_flows_one_way(self):
        pair = pair_of({'lines': lines_of('a', 'b')}, {'lines': Rule(PULL, lines=LINE_RULES)})
        here = list(pair.here.lines)
        pair.here.lines[here[0]]['text'] = 'mine'
        del pair.here.lines[here[1]]
        pair.here.add({'text': 'mine too', 'price': TEN})
        self.assertFalse(pair.round())
        pair.there.lines[list(pair.there.lines)[0]]['text'] = 'theirs'
        self.assertFalse(pair.round().to_remote)
        self.assertEqual(pair.texts()[0], ['mine too', 'theirs'])

    # -- found by Hypothesis ----------------------------------------------------------------------------------------------------

    @property_of(lambda: stories(policies=(LOCAL, REMOTE, NEWEST)), examples=400)
    def test_both_sides_end_equal(self, story):
        pair = play(story)
        self.assertEqual(pair.here.fields, pair.there.fields)
        self.assertEqual(pair.texts()[0], pair.texts()[1])
        self.assertFalse(pair.round(), "what was written comes back as nothing new")

    @property_of(lambda: stories(policies=(ASK,)), examples=400)
    def test_nothing_is_doubled_and_no_change_of_one_side_is_lost(self, story):
        seen = []
        pair = play(story, seen.append)
        for merged in seen:
            self.assertFalse(merged.settled, "nothing is decided alone")
        for book in (pair.here, pair.there):
            # A line that both sides typed in and one of them changed before they met is two lines.
            made = [fields['price'] for fields in book.lines.values() if fields['price'] > 0]
            self.assertEqual(len(made), len(set(made)), "each line that was typed in is there once")
        again = pair.round()
        self.assertFalse(again.to_local or again.to_remote)

    @property_of(lambda: stories(policies=(ASK, LOCAL, REMOTE, NEWEST), directions=(BOTH, PULL, PUSH, OFF)), examples=400)
    def test_the_other_way_round_is_the_same(self, story):
        pair = play(story, last=False)
        merged = merge(pair.base, pair.here.told(), pair.there.told(), pair.rules, pair.newer)
        base = Base(pair.base.remote, pair.base.local) if pair.base else None
        swapped = merge(base, pair.there.told(), pair.here.told(), {name: turned(rule) for name, rule in pair.rules.items()},
                        {LOCAL: REMOTE, REMOTE: LOCAL}.get(pair.newer))
        self.assertEqual((merged.to_local, merged.to_remote), (swapped.to_remote, swapped.to_local))
        self.assertEqual(len(merged.conflicts), len(swapped.conflicts))

    @property_of(lambda: stories(policies=(LOCAL, REMOTE, ASK), keeps=(str.upper, str.strip, str.title)), examples=300)
    def test_echoes_end_within_two_rounds(self, story):
        pair = play(story)
        pair.round()
        merged = pair.round()
        self.assertFalse(merged.to_local or merged.to_remote)


@tagged('-at_install', 'post_install')
class TestValues(BaseCase):

    def test_what_is_stored_is_read_again_as_what_it_was(self):
        """The base of a pair, and what a question about a line keeps: all of its fields."""
        line = Line('7', {'text': 'Oak', 'price': TEN, 'taxes': frozenset({Ref('tax', '#1')}), 'account': Ref('account', '#2')})
        for value in (None, '', 'a', True, Decimal('10.10'), date(2026, 1, 31), datetime(2026, 1, 31, 12, 0, 1), (line,), line.fields, {},
                      LineEdits({'1': {'price': TWO}}, (line,), ('2',)), frozenset(), ()):
            self.assertEqual(from_json(json.loads(json.dumps(to_json({'value': value}))))['value'], value)
