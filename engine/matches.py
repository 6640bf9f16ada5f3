"""What a match is: the line, what it pays, and what the evidence for it is worth."""
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from .evidence import (
    ACCOUNT,
    AMOUNT,
    DISCOUNT,
    FEE_SHORT,
    FOREIGN_AMOUNT,
    KNOWN_PARTNER,
    NAME,
    NAME_IN_TEXT,
    NUMBER,
    OLDEST_FIRST,
    OWN_ACCOUNT,
    PARTIAL,
    PARTIAL_NUMBER,
    STRUCTURED_REFERENCE,
    SUM,
    WHOLE_BALANCE,
)
from .references import BARE, FULL, PRINTED, STRUCTURED

ZERO = Decimal(0)
#: Days between the two lines of a transfer between our own accounts.
TRANSFER = timedelta(days=5)
#: Open items among which one line may choose: more of one partner and amount are never unique.
MOST_ITEMS = 12
#: Items of one amount that are looked at for one line; some may not fit (a discount that is over, another journal's payment).
MOST_LOOKED_AT = 100
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


def key_of(line: int, items: Iterable[int], pair: int | None = None) -> tuple:
    """The same for two matches of the same line with the same."""
    return line, frozenset(items), pair


#: What an item that the text names, an amount that is equal and a partner that is known are worth, of 100.
SCORES = {
    STRUCTURED_REFERENCE: 45, NUMBER: 40, PARTIAL_NUMBER: 20, AMOUNT: 30, FOREIGN_AMOUNT: 30, DISCOUNT: 28, SUM: 25, WHOLE_BALANCE: 28,
    FEE_SHORT: 12, PARTIAL: 5, ACCOUNT: 25, KNOWN_PARTNER: 25, NAME: 20, NAME_IN_TEXT: 15, OWN_ACCOUNT: 40, OLDEST_FIRST: 0}
SURENESS = {STRUCTURED: STRUCTURED_REFERENCE, FULL: NUMBER, PRINTED: PARTIAL_NUMBER, BARE: PARTIAL_NUMBER}


def pairs_of(lines, fits):
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


def amount_keys(line, partner):
    """Where the items lie that a line's amount pays: that of its account, and the original one."""
    amounts = {(line.currency, line.amount), *([(line.foreign[1], line.foreign[0])] if line.foreign else [])}
    return [(line.company, currency, amount, partner) for currency, amount in sorted(amounts)]


def is_fee(missing, whole):
    return abs(missing) <= min(max(abs(whole) * FEE_SHARE, Decimal(1)), FEE)


def score(evidence):
    return min(100, sum(SCORES[code] for code in evidence))
