"""Do two books say the same? Compared by account and month; where they differ, by document, and why.

References are in one language for both sides, that of :mod:`engine.plan`: `#12` for what both know, `here:7` and `there:91` for what only
one side knows.
"""
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ..clients.books import Balance, Posting, Ref
from .plan import HERE, THERE

#: In what a document differs.
MISSING, GONE, STATE, ELSEWHERE, AMOUNT = 'missing', 'gone', 'state', 'elsewhere', 'amount'
#: Why that has not been settled.
LEFT_OUT, HELD, REFUSED, WAITING, OPEN = 'left_out', 'held', 'refused', 'waiting', 'open'


@dataclass(frozen=True, slots=True)
class Row:
    """An account in a month. Its title is what each side calls the account."""

    account: Ref
    month: date
    titles: Mapping[str, str]
    here: Decimal = Decimal(0)
    there: Decimal = Decimal(0)

    @property
    def place(self) -> tuple[Ref, date]:
        return self.account, self.month

    @property
    def difference(self) -> Decimal:
        return self.here - self.there


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two trial balances.

    :param rows: accounts that both sides have, by month; those on which neither books anything are left out
    :param alone: {account that only one side has: its balance over all months}, with its title
    """

    rows: tuple[Row, ...]
    alone: Mapping[Ref, tuple[str, Decimal]]

    @property
    def differing(self) -> list[Row]:
        return [row for row in self.rows if row.difference]

    @property
    def difference(self) -> Decimal:
        """By how much the books differ: what one side has too much on some accounts it has too little on others."""
        differences = [row.difference for row in self.rows]
        return max(sum(one for one in differences if one > 0), -sum(one for one in differences if one < 0), Decimal(0))


@dataclass(frozen=True, slots=True)
class Cause:
    """A document, or :data:`clients.books.OWN`, that books other amounts on an account in a month here than there."""

    account: Ref
    month: date
    document: Ref
    title: str
    here: Decimal
    there: Decimal

    @property
    def place(self) -> tuple[Ref, date]:
        return self.account, self.month

    @property
    def difference(self) -> Decimal:
        return self.here - self.there


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a document that differs.

    :param states: {side: its state there}, for the sides that have it
    :param is_pair: the record is known on both sides
    :param flows: its changes, or the record that only one side has, are carried over
    :param waits: it changed on one side and has not been carried over yet
    :param is_asked: a person must decide something about it
    :param is_refused: a side refused it
    """

    states: Mapping[str, str] = field(default_factory=dict)
    is_pair: bool = False
    flows: bool = True
    waits: bool = False
    is_asked: bool = False
    is_refused: bool = False


def compare(here: Iterable[Balance], there: Iterable[Balance]) -> Comparison:
    """Both trial balances, account by account and month by month."""
    amounts, titles, alone = defaultdict(_nothing), defaultdict(dict), {}
    for side, balances in ((HERE, here), (THERE, there)):
        for balance in balances:
            if balance.account.key.startswith('#'):
                amounts[balance.account, balance.month][side] += balance.amount
                titles[balance.account][side] = balance.title
            else:
                alone[balance.account] = balance.title, alone.get(balance.account, ('', Decimal(0)))[1] + balance.amount
    rows = [Row(account, month, titles[account], **sides) for (account, month), sides in amounts.items() if any(sides.values())]
    return Comparison(tuple(sorted(rows, key=lambda row: (row.month, row.titles.get(HERE, ''), row.account))),
                      {account: one for account, one in alone.items() if one[1]})


def causes(rows: Iterable[Row], here: Iterable[Posting], there: Iterable[Posting]) -> list[Cause]:
    """The documents that make these rows differ, the greatest difference first.

    Documents that each side has for itself (of its own bank feed, say) and that come to the same on an account in a month cancel out.
    """
    wanted = {row.place for row in rows}
    amounts, titles = defaultdict(_nothing), {}
    for side, postings in ((HERE, here), (THERE, there)):
        for one in postings:
            if (one.account, one.month) in wanted:
                amounts[one.account, one.month, one.document][side] += one.amount
                titles.setdefault(one.document, one.title)
    found = [Cause(account, month, document, titles[document], **sides) for (account, month, document), sides in amounts.items()
             if sides[HERE] != sides[THERE]]
    return sorted(_without_equals(found), key=lambda cause: (-abs(cause.difference), cause.title, cause.document))


def what(cause: Cause, facts: Facts) -> str:
    """In what the document differs."""
    if not facts.is_pair:
        return MISSING
    if len(facts.states) < 2:
        return GONE
    if facts.states[HERE] != facts.states[THERE]:
        return STATE
    return AMOUNT if cause.here and cause.there else ELSEWHERE


def standing(facts: Facts) -> str:
    """Why that has not been settled: the first of these that holds."""
    held = ((LEFT_OUT, not facts.flows), (HELD, facts.is_asked), (REFUSED, facts.is_refused), (WAITING, facts.waits))
    return next((name for name, holds in held if holds), OPEN)


def _nothing():
    return {HERE: Decimal(0), THERE: Decimal(0)}


def _without_equals(found):
    """Without those that only here and only there have, pair by pair of the same amount, of the same title if there is one."""
    free = defaultdict(list)
    for cause in found:
        if cause.document.key.startswith(f'{THERE}:'):
            free[cause.account, cause.month, cause.there].append(cause)
    left = []
    for cause in found:
        equals = free.get((cause.account, cause.month, cause.here)) if cause.document.key.startswith(f'{HERE}:') else None
        if equals:
            equals.remove(next((one for one in equals if one.title == cause.title), equals[0]))
        elif not cause.document.key.startswith(f'{THERE}:'):
            left.append(cause)
    return [*left, *(cause for group in free.values() for cause in group)]
