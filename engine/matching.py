"""Which open document does a bank line pay? Decides for a batch of lines at once, over plain values.

What speaks for a pair of line and open item: the text *names* the item, the *amount* is the item's, the *partner* is the item's. Passes go
from the strongest evidence to the weakest over the whole batch, so that a weak match never takes what another line matches strongly. A
match is *certain* only when it is unique both ways (one candidate for the line, one line for the candidate) and nothing contradicts it;
all else that has some evidence is proposed, with what comes second. The order of lines and items does not matter.
"""
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import combinations, islice

from .evidence import (
    ACCOUNT,
    AMOUNT,
    CHOSEN,
    DISCOUNT,
    FEE_SHORT,
    FOREIGN_AMOUNT,
    KNOWN_PARTNER,
    NAME,
    NAME_IN_TEXT,
    NOT_UNIQUE,
    NUMBER,
    OLDEST_FIRST,
    OTHER_DOCUMENT,
    OTHER_PARTNER,
    OWN_ACCOUNT,
    PARTIAL,
    PARTIAL_NUMBER,
    RETURN,
    RULE,
    RULE_ASKS,
    STRUCTURED_REFERENCE,
    SUM,
    TOO_EARLY,
    WEAK_EVIDENCE,
    WHOLE_BALANCE,
    Item,
    Line,
    Reader,
    Reading,
    amount_evidence,
    amount_in,
    may_pay,
    needs_partner,
)
from .identity import normalise_account
from .parties import Party
from .references import BARE, FULL, PRINTED, STRUCTURED

__all__ = (
    'ACCOUNT', 'AMOUNT', 'CHOSEN', 'DISCOUNT', 'FEE_SHORT', 'FOREIGN_AMOUNT', 'KNOWN_PARTNER', 'NAME', 'NAME_IN_TEXT', 'NOT_UNIQUE',
    'NUMBER', 'OLDEST_FIRST', 'OTHER_DOCUMENT', 'OTHER_PARTNER', 'OWN_ACCOUNT', 'PARTIAL', 'PARTIAL_NUMBER', 'RETURN', 'RULE', 'RULE_ASKS',
    'STRUCTURED_REFERENCE', 'SUM', 'TOO_EARLY', 'WEAK_EVIDENCE', 'WHOLE_BALANCE', 'Item', 'Line', 'Match', 'key_of', 'match')

ZERO = Decimal(0)
#: Days between the two lines of a transfer between our own accounts.
TRANSFER = timedelta(days=5)
#: Open items of one partner among which a sum is looked for, and how many of them it may have.
MOST_ITEMS, MOST_SUMMANDS = 12, 5
#: What a bank or a payment service keeps: up to this share of the amount, or this sum.
FEE_SHARE, FEE = Decimal('0.03'), Decimal(30)


@dataclass(frozen=True, slots=True)
class Match:
    """What a line pays.

    :param items: ids of the open items, oldest first
    :param evidence: codes that speak for it
    :param against: codes that made it a proposal
    :param pair: id of the other line, for a transfer between our own accounts
    :param rule: id of the user's rule that decides instead of a document
    :param runner_up: id of the item that came second
    :param rest: what the line leaves over, in its currency (negative: the items leave over)
    """

    line: int
    items: tuple[int, ...] = ()
    certain: bool = False
    score: int = 0
    evidence: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    pair: int | None = None
    rule: int | None = None
    runner_up: int | None = None
    rest: Decimal = ZERO


#: What an item that the text names, an amount that is equal and a partner that is known are worth, of 100.
_SCORES = {
    STRUCTURED_REFERENCE: 45, NUMBER: 40, PARTIAL_NUMBER: 20, AMOUNT: 30, FOREIGN_AMOUNT: 30, DISCOUNT: 28, SUM: 25, WHOLE_BALANCE: 28,
    FEE_SHORT: 12, PARTIAL: 5, ACCOUNT: 25, KNOWN_PARTNER: 25, NAME: 20, NAME_IN_TEXT: 15, OWN_ACCOUNT: 40, OLDEST_FIRST: 0}
_SURENESS = {STRUCTURED: STRUCTURED_REFERENCE, FULL: NUMBER, PRINTED: PARTIAL_NUMBER, BARE: PARTIAL_NUMBER}


def match(lines: Sequence[Line], items: Sequence[Item], parties: Iterable[Party] = (), own_accounts: dict[str, int] | None = None,
          refused: Collection[tuple] = ()) -> list[Match]:
    """The best match of each line that has any evidence, in the order of the lines.

    :param parties: partners with their names and account numbers
    :param own_accounts: {normalised account number: journal} of our own bank accounts
    :param refused: what a person does not want, as :func:`key_of` a match
    """
    return _Batch(lines, items, parties, own_accounts or {}, frozenset(refused)).run()


def key_of(line: int, items: Iterable[int], pair: int | None = None) -> tuple:
    """The same for two matches of the same line with the same."""
    return line, frozenset(items), pair


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
        self.own_named = {line.id: own_accounts.get(normalise_account(line.account)) for line in lines if line.account and own_accounts}
        self.taken: set[int] = set()
        #: Items that two lines claimed with the same strength, and lines with two candidates: no weaker pass decides about them.
        self.contested: set[int] = set()
        self.undecided: set[int] = set()
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
        proposals = _Proposals(self).of_lines(left)
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
                self.found[id_] = Match(id_, tuple(ids), True, _score(evidence), tuple(evidence), rest=rest)
                self.taken.update(ids)

    @staticmethod
    def _is_odd(reading):
        return reading.is_return or not reading.line.amount

    def _partner_codes(self, reading, items):
        return [reading.partner_evidence] if reading.partner and {item.partner for item in items} == {reading.partner} else []

    def _is_enough(self, reading, items):
        """Whether what names the items is enough, or comes with their partner."""
        return bool(self._partner_codes(reading, items)) or not any(needs_partner(reading, item.id) for item in items)

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
            yield [item.id], [_SURENESS[reading.named[item.id]], code, *self._partner_codes(reading, [item])], ZERO

    def _named_together(self, reading):
        """The text names several items, and the amount is their sum (invoices less credit notes, all instalments of one)."""
        items = sorted((self.items[id_] for id_ in reading.named), key=lambda item: item.age)
        currencies, partners = {item.currency for item in items}, {item.partner for item in items}
        if len(items) < 2 or len(currencies) > 1 or len(partners) > 1 or self.reader.contradicts(reading, items):
            return
        if amount_in(reading.line, currencies.pop()) == sum(item.residual for item in items) and self._is_enough(reading, items):
            sure = _SURENESS[min(reading.named.values())]
            yield [item.id for item in items], [sure, SUM, *self._partner_codes(reading, items)], ZERO

    def _knows_partner(self, reading):
        """Whether it is sure whose payment it is: a name within a text may be anything, unless it is all that the text says."""
        return bool(reading.partner) and (reading.partner_evidence != NAME_IN_TEXT or reading.is_only_name)

    def _is_named_elsewhere(self, reading, item):
        """Whether another line, still open, names the item."""
        return any(id_ != reading.line.id and id_ not in self.found for id_ in self.named_by.get(item.id, ()))

    def _partner_and_amount(self, reading):
        """The partner is known, and one of its open items has the amount."""
        if not self._knows_partner(reading):
            return
        items = list(self._of_amount(reading.line, reading.partner))
        if len(items) > MOST_ITEMS:     # nothing is unique among so many
            self.undecided.add(reading.line.id)
            self.contested.update(item.id for item in items)
            return
        for item in items:
            is_asked_for = item.is_entry or self._is_named_elsewhere(reading, item)
            if not is_asked_for and not self.reader.contradicts(reading, [item], by_name=False):
                yield [item.id], [amount_evidence(reading.line, item), reading.partner_evidence], ZERO

    def _of_amount(self, line, partner=None):
        """Free items that the line's amount pays in full, the oldest first of each currency."""
        for currency, amount in {(line.currency, line.amount), *([(line.foreign[1], line.foreign[0])] if line.foreign else [])}:
            for item in self.by_amount.get((line.company, currency, amount, partner), ()):
                if item.id not in self.taken and amount_evidence(line, item):
                    yield item

    def _open_of(self, reading):
        """The partner's free items."""
        items = self.by_partner.get((reading.line.company, reading.partner), ()) if reading.partner else ()
        return [item for item in items if item.id not in self.taken]

    def _whole_balance(self, reading):
        """The amount is all that is open with the partner, two documents at least."""
        items = self._open_of(reading) if self._knows_partner(reading) else []
        if len(items) < 2 or len({(item.currency, item.side, item.is_payment, item.is_entry) for item in items}) > 1 or items[0].is_entry:
            return
        if items[0].currency != reading.line.currency or sum(item.residual for item in items) != reading.line.amount:
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
        if missing > 0 and not is_whole and not _is_fee(missing, item.residual) and self._partner_codes(reading, [item]):
            sure = _SURENESS[reading.named[item.id]]
            yield [item.id], [sure, PARTIAL, reading.partner_evidence], amount - item.residual

    def _take_transfers(self):
        """The two lines of a transfer between our own accounts: equal amounts, opposite signs, one of them names the other's account."""
        evidence = (OWN_ACCOUNT, AMOUNT)
        lines = [self.lines[id_] for id_ in self.order if id_ not in self.found and not self._is_odd(self.readings[id_])]
        for line, other in _pairs(lines, self._is_transfer):
            self.found[line.id] = Match(line.id, (), True, _score(evidence), evidence, pair=other.id)

    def _is_transfer(self, out, into):
        named = self.own_named.get(out.id), self.own_named.get(into.id)
        return (named[0] == into.journal or named[1] == out.journal) and self._may_pair(out, into)

    def _may_pair(self, out, into):
        return not {key_of(out.id, (), into.id), key_of(into.id, (), out.id)} & self.refused


class _Proposals:
    """What a person may want for the lines that no pass could decide: the best candidate, why, and what comes second."""

    def __init__(self, batch):
        self.batch = batch
        self.given: set[int] = set()
        #: Where the free items of an amount begin.
        self.starts: Counter = Counter()

    def of_lines(self, ids: Sequence[int]) -> dict[int, Match]:
        """Proposals by line, for lines in the order in which they came to the bank."""
        found = {id_: proposal for id_ in ids if (proposal := self.of(self.batch.readings[id_]))}
        return {**self._transfers([id_ for id_ in ids if id_ not in found]), **found}

    def of(self, reading: Reading) -> Match | None:
        """The proposal for a line, None without any evidence. Of equal documents each of the equal lines gets another, the oldest first."""
        ranked = sorted(self._candidates(reading), key=lambda match: (-match.score, self._age(match)))
        if not ranked:
            return None
        equal = [match for match in ranked if match.score == ranked[0].score]
        best = next((match for match in equal if self.given.isdisjoint(match.items)), ranked[0])
        self.given.update(best.items)
        second = next((other.items[0] for other in ranked if other.items != best.items), None)
        evidence = (*best.evidence, OLDEST_FIRST) if len(equal) > 1 else best.evidence
        return replace(best, runner_up=second, evidence=evidence, against=best.against or self._against(reading, best, ranked))

    def _transfers(self, ids):
        """Lines with nothing else to say that may be the two sides of a transfer: their amounts say so, and no other line has them."""
        pairs = _pairs((self.batch.lines[id_] for id_ in ids), self.batch._may_pair)
        return {line.id: Match(line.id, (), False, _score((AMOUNT,)), (AMOUNT,), (WEAK_EVIDENCE,), pair=other.id) for line, other in pairs}

    def _age(self, match):
        return min(self.batch.items[id_].age for id_ in match.items)

    def _candidates(self, reading):
        if not reading.line.amount:
            return
        batch, seen = self.batch, set()
        for item in (*(batch.items[id_] for id_ in (*reading.named, *sorted(reading.weakly_named))), *self._of_amount(reading)):
            is_free = item.id not in seen and item.id not in batch.taken and may_pay(reading.line, item)
            if is_free and key_of(reading.line.id, [item.id]) not in batch.refused:
                seen.add(item.id)
                yield self._single(reading, item)
        yield from self._sums(reading)
        if not seen:
            yield from self._of_partner(reading)

    def _of_partner(self, reading):
        """All that is known is whose payment it is: what is open with the partner."""
        if self.batch._knows_partner(reading):
            for item in self.batch._open_of(reading)[:MOST_ITEMS]:
                is_possible = may_pay(reading.line, item) and item.currency == reading.line.currency
                if is_possible and key_of(reading.line.id, [item.id]) not in self.batch.refused:
                    yield self._single(reading, item)

    def _of_amount(self, reading):
        """The first free items of the line's amount, those of its partner before the others."""
        for partner in dict.fromkeys((reading.partner, None)):
            yield from self._first_of(reading.line, partner)

    def _first_of(self, line, partner):
        for currency, amount in {(line.currency, line.amount), *([(line.foreign[1], line.foreign[0])] if line.foreign else [])}:
            key = line.company, currency, amount, partner
            items, start = self.batch.by_amount.get(key, ()), self.starts[key]
            while start < len(items) and (items[start].id in self.batch.taken or items[start].id in self.given):
                start += 1
            self.starts[key] = start
            # What was given already may still be the best, when nothing else is left.
            fitting = (item for item in islice(items, max(0, start - 1), None) if amount_evidence(line, item))
            yield from islice(fitting, MOST_ITEMS)

    def _single(self, reading, item):
        batch, line = self.batch, reading.line
        sure = _SURENESS.get(reading.named.get(item.id)) or (PARTIAL_NUMBER if item.id in reading.weakly_named else None)
        amount, code = amount_in(line, item.currency), amount_evidence(line, item)
        rest = ZERO
        if not code and amount is not None:
            missing = abs(item.residual) - abs(amount)
            code = FEE_SHORT if missing > 0 and _is_fee(missing, item.residual) else PARTIAL if missing > 0 else None
            rest = amount - item.residual
        evidence = tuple(filter(None, [sure, code, *batch._partner_codes(reading, [item])]))
        return Match(line.id, (item.id,), False, _score(evidence), evidence, rest=rest)

    def _sums(self, reading):
        """Sums of some of the partner's open items, where exactly one combination fits."""
        items = [item for item in self.batch._open_of(reading) if item.currency == reading.line.currency]
        if not 2 <= len(items) <= MOST_ITEMS:
            return
        found = [chosen for size in range(2, min(len(items), MOST_SUMMANDS) + 1) for chosen in combinations(items, size)
                 if sum(item.residual for item in chosen) == reading.line.amount]
        if len(found) == 1 and key_of(reading.line.id, [item.id for item in found[0]]) not in self.batch.refused:
            evidence = (SUM, reading.partner_evidence)
            yield Match(reading.line.id, tuple(item.id for item in found[0]), False, _score(evidence), evidence)

    def _against(self, reading, best, ranked):
        items = [self.batch.items[id_] for id_ in best.items]
        reasons = [RETURN] if reading.is_return else []
        contradiction = self.batch.reader.contradicts(reading, items, by_name=bool(reading.named.keys() & set(best.items)))
        if contradiction:
            reasons.append(contradiction)
        if any(other.score == best.score for other in ranked[1:]):
            reasons.append(NOT_UNIQUE)
        return tuple(reasons) or (WEAK_EVIDENCE,)


def _pairs(lines, fits):
    """Lines of equal amounts and opposite signs in two journals, some days apart at most, for which `fits(out, into)` holds.

    Both (out, into) and (into, out), and only where each fits no other line.
    """
    sides = defaultdict(lambda: ([], []))
    for line in sorted(lines, key=lambda line: (line.date, line.id)):
        if line.amount:
            sides[line.company, line.currency, abs(line.amount)][line.amount > 0].append(line)
    for outs, intos in sides.values():
        days = [into.date for into in intos]
        pairs = [(out, into) for out in outs
                 for into in intos[bisect_left(days, out.date - TRANSFER):bisect_right(days, out.date + TRANSFER)]
                 if out.journal != into.journal and fits(out, into)]
        times = Counter(line.id for pair in pairs for line in pair)
        for out, into in pairs:
            if times[out.id] == times[into.id] == 1:
                yield from ((out, into), (into, out))


def _is_fee(missing, whole):
    return abs(missing) <= min(max(abs(whole) * FEE_SHARE, Decimal(1)), FEE)


def _score(evidence):
    return min(100, sum(_SCORES[code] for code in evidence))
