"""Which open document does a bank line pay? Decides for a batch of lines at once, over plain values.

What speaks for a pair of line and open item: the text *names* the item, the *amount* is the item's, the *partner* is the item's. Passes go
from the strongest evidence to the weakest over the whole batch, so that a weak match never takes what another line matches strongly. A
match is *certain* only when it is unique both ways (one candidate for the line, one line for the candidate) and nothing contradicts it;
all else that has some evidence is proposed, with what comes second. The order of lines and items does not matter.
"""
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice

from .evidence import (
    AMOUNT,
    NAME_IN_TEXT,
    OWN_ACCOUNT,
    PARTIAL,
    SUM,
    WHOLE_BALANCE,
    Item,
    Line,
    Reader,
    amount_evidence,
    amount_in,
    may_pay,
    needs_partner,
)
from .identity import normalise_account
from .matches import MOST_ITEMS, MOST_LOOKED_AT, SURENESS, ZERO, Match, amount_keys, is_fee, key_of, pairs_of, score
from .parties import Party
from .proposals import Proposals

__all__ = ('Match', 'key_of', 'match')


def match(lines: Sequence[Line], items: Sequence[Item], parties: Iterable[Party] = (),
          own_accounts: dict[str, Collection[int]] | None = None, refused: Collection[tuple] = ()) -> list[Match]:
    """The best match of each line that has any evidence, in the order of the lines.

    :param parties: partners with their names and account numbers
    :param own_accounts: {normalised account number: journals} of our own bank accounts; one number may have a journal for each currency
    :param refused: what a person does not want, as :func:`key_of` a match
    """
    return _Batch(lines, items, parties, own_accounts or {}, frozenset(refused)).run()


class _Batch:
    """The lines and items of one call, their indexes, and what is taken."""

    def __init__(self, lines, items, parties, own_accounts, refused):
        self.refused = refused
        self.reader = Reader(items, parties)
        self.items = self.reader.items
        self.by_amount: dict[tuple, list[Item]] = defaultdict(list)
        self.by_partner: dict[tuple, list[Item]] = defaultdict(list)
        for item in sorted(items, key=lambda item: item.age):
            for amount in {item.residual, item.discount[0] if item.discount else item.residual}:
                for partner in {None, item.partner}:
                    self.by_amount[item.company, item.currency, amount, partner].append(item)
            if item.partner:
                self.by_partner[item.company, item.partner].append(item)
        self.lines = {line.id: line for line in lines}
        self.order = [line.id for line in lines]
        self.readings = {line.id: self.reader.reading_of(line) for line in lines}
        #: Lines that name an item: until they are decided, no line takes it that does not.
        self.named_by: dict[int, set[int]] = defaultdict(set)
        for id_, reading in self.readings.items():
            for item in reading.named:
                self.named_by[item].add(id_)
        #: Our own journals that lines name as their counterpart.
        self.own_named = {line.id: own_accounts.get(normalise_account(line.account), ()) for line in lines if line.account and own_accounts}
        self.taken: set[int] = set()
        #: What is free of an index's items, until a pass takes some.
        self.free: dict[tuple, list[Item]] = {}
        #: Items that two lines claimed with the same strength, and lines with two candidates: no weaker pass decides about them.
        self.contested: set[int] = set()
        self.undecided: set[int] = set()
        #: Keys of amounts with so many items that nothing among them is unique.
        self.crowded: set[tuple] = set()
        self.found: dict[int, Match] = {}

    # -- passes -------------------------------------------------------------------------------------------------------------

    def run(self):
        """All passes, then proposals for what they left."""
        self._take(self._named_with_amount)
        self._take(self._named_together)
        self._take_transfers()
        self._take(self._partner_and_amount)
        self._take(self._whole_balance)
        self._take(self._named_in_part)
        left = sorted(self.lines.keys() - self.found.keys(), key=lambda id_: (self.lines[id_].date, id_))
        proposals = Proposals(self).of_lines(left)
        return [found for id_ in self.order if (found := self.found.get(id_) or proposals.get(id_))]

    def _take(self, candidates):
        """One pass: matches that are unique both ways. `candidates` gives those of one line: tuples (ids of items, evidence, rest)."""
        claims, wishes = defaultdict(set), {}
        for id_ in self.order:
            if id_ in self.found or self._is_odd(self.readings[id_]):
                continue
            options = [option for option in candidates(self.readings[id_]) if self.taken.isdisjoint(option[0])]
            if len(options) > 1 and any(key_of(id_, option[0]) in self.refused for option in options):
                self.undecided.add(id_)     # what a person did not want makes the others no surer
            options = [option for option in options if key_of(id_, option[0]) not in self.refused]
            for option in options:
                for item in option[0]:
                    claims[item].add(id_)
            if len(options) == 1 and id_ not in self.undecided:
                wishes[id_] = options[0]
            elif options:
                self.undecided.add(id_)
        self.contested |= {item for item, claimants in claims.items() if len(claimants) > 1}
        for id_, (ids, evidence, rest) in wishes.items():
            if self.contested.isdisjoint(ids):
                self.found[id_] = Match(id_, tuple(ids), True, score(evidence), tuple(evidence), rest=rest)
                self.taken.update(ids)
        self.free.clear()

    def _free_of(self, index, key):
        """The free items of an index under a key, the oldest first; looked for once a pass, however many lines ask."""
        known = id(index), key
        if known not in self.free:
            self.free[known] = [item for item in index.get(key, ()) if item.id not in self.taken]
        return self.free[known]

    @staticmethod
    def _is_odd(reading):
        return reading.is_return or not reading.line.amount

    def partner_codes(self, reading, items):
        return [reading.partner_evidence] if reading.partner and {item.partner for item in items} == {reading.partner} else []

    def _is_enough(self, reading, items):
        """Whether what names the items is enough, or comes with their partner."""
        return bool(self.partner_codes(reading, items)) or not any(needs_partner(reading, item.id) for item in items)

    def _named_with_amount(self, reading) -> Iterator[tuple]:
        """The text names one item, and the amount is the item's. Of equal instalments the oldest is paid first."""
        seen = set()
        for item in sorted((self.items[id_] for id_ in reading.named), key=lambda item: item.age):
            code = amount_evidence(reading.line, item)
            if not code or self.reader.contradicts(reading, [item]) or not self._is_enough(reading, [item]):
                continue
            if item.document and (item.document, item.residual) in seen:
                continue
            seen.add((item.document, item.residual))
            yield [item.id], [SURENESS[reading.named[item.id]], code, *self.partner_codes(reading, [item])], ZERO

    def _named_together(self, reading):
        """The text names several items, and the amount is their sum (invoices less credit notes, all instalments of one)."""
        items = sorted((self.items[id_] for id_ in reading.named), key=lambda item: item.age)
        currencies, partners = {item.currency for item in items}, {item.partner for item in items}
        if len(items) < 2 or len(currencies) > 1 or len(partners) > 1 or self.reader.contradicts(reading, items):
            return
        if amount_in(reading.line, currencies.pop()) == sum(item.residual for item in items) and self._is_enough(reading, items):
            sure = SURENESS[min(reading.named.values())]
            yield [item.id for item in items], [sure, SUM, *self.partner_codes(reading, items)], ZERO

    def knows_partner(self, reading):
        """Whether it is sure whose payment it is: a name within a text may be anything, unless it is all that the text says."""
        return bool(reading.partner) and (reading.partner_evidence != NAME_IN_TEXT or reading.is_only_name)

    def _is_named_elsewhere(self, reading, item):
        """Whether another line, still open, names the item."""
        return any(id_ != reading.line.id and id_ not in self.found for id_ in self.named_by.get(item.id, ()))

    def _partner_and_amount(self, reading):
        """The partner is known, and one of its open items has the amount."""
        if not self.knows_partner(reading):
            return
        items = list(islice(self._of_amount(reading.line, reading.partner), MOST_ITEMS + 1))
        most = max(len(self._free_of(self.by_amount, key)) for key in amount_keys(reading.line, reading.partner))
        if len(items) > MOST_ITEMS or most > MOST_LOOKED_AT:     # nothing is unique among so many
            self._give_up_on(reading)
            return
        for item in items:
            is_asked_for = item.is_entry or self._is_named_elsewhere(reading, item)
            if not is_asked_for and not self.reader.contradicts(reading, [item], by_name=False):
                yield [item.id], [amount_evidence(reading.line, item), reading.partner_evidence], ZERO

    def _give_up_on(self, reading):
        """No weaker pass decides about the line, nor about the many items of its partner and amount."""
        self.undecided.add(reading.line.id)
        for key in amount_keys(reading.line, reading.partner):
            if key not in self.crowded:
                self.crowded.add(key)
                self.contested.update(item.id for item in self._free_of(self.by_amount, key))

    def _of_amount(self, line, partner):
        """Free items that the line's amount pays in full, the oldest first of each currency."""
        for key in amount_keys(line, partner):
            yield from (item for item in self._free_of(self.by_amount, key)[:MOST_LOOKED_AT] if amount_evidence(line, item))

    def open_of(self, reading):
        """The partner's free items."""
        return self._free_of(self.by_partner, (reading.line.company, reading.partner)) if reading.partner else []

    def _balance_of(self, reading):
        """What is open with the partner, None where it is not all of one kind."""
        known = 'balance', reading.line.company, reading.partner
        if known not in self.free:
            items = self.open_of(reading)
            kinds = {(item.currency, item.side, item.is_payment, item.is_entry) for item in items}
            self.free[known] = sum(item.residual for item in items) if len(kinds) == 1 else None
        return self.free[known]

    def _whole_balance(self, reading):
        """The amount is all that is open with the partner, two documents at least."""
        items = self.open_of(reading) if self.knows_partner(reading) else []
        if len(items) < 2 or self._balance_of(reading) != reading.line.amount:
            return
        if items[0].is_entry or items[0].currency != reading.line.currency:
            return
        is_asked_for = any(self._is_named_elsewhere(reading, item) for item in items)
        if not is_asked_for and not self.reader.contradicts(reading, items, by_name=False):
            yield [item.id for item in items], [WHOLE_BALANCE, reading.partner_evidence], ZERO

    def _named_in_part(self, reading):
        """The text names one item of the line's partner, and the amount is a part of it that is no fee's difference."""
        if len(reading.named) != 1:
            return
        item = self.items[next(iter(reading.named))]
        amount = amount_in(reading.line, item.currency)
        if amount is None or not may_pay(reading.line, item) or self.reader.contradicts(reading, [item]):
            return
        missing = abs(item.residual) - abs(amount)
        is_whole = item.is_payment or item.is_entry      # a payment that was registered comes as it was registered
        if missing > 0 and not is_whole and not is_fee(missing, item.residual) and self.partner_codes(reading, [item]):
            sure = SURENESS[reading.named[item.id]]
            yield [item.id], [sure, PARTIAL, reading.partner_evidence], amount - item.residual

    def _take_transfers(self):
        """The two lines of a transfer between our own accounts: equal amounts, opposite signs, one of them names the other's account."""
        evidence = (OWN_ACCOUNT, AMOUNT)
        lines = [self.lines[id_] for id_ in self.order if id_ not in self.found and not self._is_odd(self.readings[id_])]
        for line, other in pairs_of(lines, self._is_transfer):
            self.found[line.id] = Match(line.id, (), True, score(evidence), evidence, pair=other.id)

    def _is_transfer(self, out, into):
        is_named = into.journal in self.own_named.get(out.id, ()) or out.journal in self.own_named.get(into.id, ())
        return is_named and self.may_pair(out, into)

    def may_pair(self, out, into):
        return not {key_of(out.id, (), into.id), key_of(into.id, (), out.id)} & self.refused
