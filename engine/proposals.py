"""What a person may want for the bank lines that no pass could decide: the best candidate, why, and what comes second."""
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, islice

from .evidence import (
    AMOUNT,
    FEE_SHORT,
    NOT_UNIQUE,
    OLDEST_FIRST,
    PARTIAL,
    PARTIAL_NUMBER,
    RETURN,
    SUM,
    WEAK_EVIDENCE,
    Item,
    Reading,
    amount_evidence,
    amount_in,
    may_pay,
)
from .matches import MOST_ITEMS, MOST_LOOKED_AT, SURENESS, ZERO, Match, amount_keys, is_fee, key_of, pairs_of, score

#: How many items a sum may have.
MOST_SUMMANDS = 5


class Proposals:
    """What a person may want for the lines that no pass could decide: the best candidate, why, and what comes second."""

    def __init__(self, batch):
        self.batch = batch
        self.given: set[int] = set()
        #: Where the free items of an amount begin.
        self.starts: Counter = Counter()
        #: What is open with a partner in one currency.
        self.by_currency: dict[tuple, list[Item]] = {}

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
        pairs = pairs_of((self.batch.lines[id_] for id_ in ids), self.batch.may_pair)
        return {line.id: Match(line.id, (), False, score((AMOUNT,)), (AMOUNT,), (WEAK_EVIDENCE,), pair=other.id) for line, other in pairs}

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
        if self.batch.knows_partner(reading):
            for item in self._in_currency(reading)[:MOST_ITEMS]:
                if may_pay(reading.line, item) and key_of(reading.line.id, [item.id]) not in self.batch.refused:
                    yield self._single(reading, item)

    def _of_amount(self, reading):
        """The first free items of the line's amount, those of its partner before the others."""
        for partner in dict.fromkeys((reading.partner, None)):
            yield from self._first_of(reading.line, partner)

    def _first_of(self, line, partner):
        for key in amount_keys(line, partner):
            items, start = self.batch.by_amount.get(key, ()), self.starts[key]
            while start < len(items) and (items[start].id in self.batch.taken or items[start].id in self.given):
                start += 1
            self.starts[key] = start
            # What was given already may still be the best, when nothing else is left.
            fitting = (item for item in islice(items, max(0, start - 1), start + MOST_LOOKED_AT) if amount_evidence(line, item))
            yield from islice(fitting, MOST_ITEMS)

    def _single(self, reading, item):
        batch, line = self.batch, reading.line
        sure = SURENESS.get(reading.named.get(item.id)) or (PARTIAL_NUMBER if item.id in reading.weakly_named else None)
        amount, code = amount_in(line, item.currency), amount_evidence(line, item)
        rest = ZERO
        if not code and amount is not None:
            missing = abs(item.residual) - abs(amount)
            code = FEE_SHORT if missing > 0 and is_fee(missing, item.residual) else PARTIAL if missing > 0 else None
            rest = amount - item.residual
        evidence = tuple(filter(None, [sure, code, *batch.partner_codes(reading, [item])]))
        return Match(line.id, (item.id,), False, score(evidence), evidence, rest=rest)

    def _in_currency(self, reading):
        """What is open with the line's partner in the line's currency."""
        key = reading.line.company, reading.partner, reading.line.currency
        if key not in self.by_currency:
            self.by_currency[key] = [item for item in self.batch.open_of(reading) if item.currency == reading.line.currency]
        return self.by_currency[key]

    def _sums(self, reading):
        """Sums of some of the partner's open items, where exactly one combination fits."""
        items = self._in_currency(reading)
        if not 2 <= len(items) <= MOST_ITEMS:
            return
        found = [chosen for size in range(2, min(len(items), MOST_SUMMANDS) + 1) for chosen in combinations(items, size)
                 if sum(item.residual for item in chosen) == reading.line.amount]
        if len(found) == 1 and key_of(reading.line.id, [item.id for item in found[0]]) not in self.batch.refused:
            evidence = (SUM, reading.partner_evidence)
            yield Match(reading.line.id, tuple(item.id for item in found[0]), False, score(evidence), evidence)

    def _against(self, reading, best, ranked):
        items = [self.batch.items[id_] for id_ in best.items]
        reasons = [RETURN] if reading.is_return else []
        contradiction = self.batch.reader.contradicts(reading, items, by_name=bool(reading.named.keys() & set(best.items)))
        if contradiction:
            reasons.append(contradiction)
        if any(other.score == best.score for other in ranked[1:]):
            reasons.append(NOT_UNIQUE)
        return tuple(reasons) or (WEAK_EVIDENCE,)
