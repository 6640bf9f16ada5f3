"""Do the books agree with the bank? Compares, day by day, what the bank says it holds with the books plus what waits for them."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import accumulate

AGREES, OPENING, DIFFERS = 'agrees', 'opening', 'differs'
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the bank said on one day.

    :param final: the closing balance of a day that is over; else it was true at some time of the day
    """

    date: date
    amount: Decimal
    final: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """Outcome for the latest reading.

    :param state: `agrees`; `opening` (the difference is the same since before the first day: what was there before is not in the
        books); `differs`
    :param difference: bank minus books
    :param began: day on which the difference began, None when it agrees
    :param days: day of each reading -> difference on it
    """

    state: str
    date: date
    bank: Decimal
    books: Decimal
    difference: Decimal
    began: date | None = None
    days: Mapping[date, Decimal] | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days on which the books held another amount than the bank, before both agreed again.

    :param difference: bank minus books on its last day
    """

    first: date
    last: date
    difference: Decimal


class Running:
    """A running total by day."""

    def __init__(self, opening: Decimal, movements: Mapping[date, Decimal]):
        self.days = sorted(movements)
        self.totals = list(accumulate((movements[day] for day in self.days), initial=opening))

    def on(self, day: date) -> Decimal:
        """Total at the end of a day."""
        low, high = 0, len(self.days)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.days[middle] <= day else (low, middle)
        return self.totals[low]


def prove(readings: Sequence[Reading], opening: Decimal, books: Mapping[date, Decimal], told: Mapping[date, Decimal],
          start: date, agreed_before: date | None = None) -> Proof | None:
    """Proof for the latest reading, None when the bank has said no balance yet.

    :param opening: balance of the books at the end of the day before `start`
    :param books: what the books move on each day from `start` on, plus what is staged for them
    :param told: what the bank told it moved, by day from `start` on (booked movements of the inbox)
    :param start: first day of the mapping
    :param agreed_before: latest reading that agreed when it was proved, None for never. Since then a late line of an earlier day may
        have come to the books, so that no stored reading agrees any more; what was there before is in the books all the same
    """
    if not readings:
        return None
    readings = sorted(readings, key=lambda reading: (reading.date, reading.final))
    ours = Running(opening, books)
    days = {reading.date: reading.amount - ours.on(reading.date) for reading in readings}
    last = readings[-1]
    difference = days[last.date]
    common = {'date': last.date, 'bank': last.amount, 'books': ours.on(last.date), 'difference': difference, 'days': days}
    if not difference:
        return Proof(AGREES, **common)
    agreed = max((day for day, gap in days.items() if not gap), default=None)
    began = _first_departure(books, told, agreed, last.date)
    since = agreed or agreed_before
    if began is None and since is None:
        return Proof(OPENING, began=start, **common)
    # With no day on which the books depart from what the bank told, the bank itself did not tell a movement.
    return Proof(DIFFERS, began=began or min((day for day in days if day > since), default=last.date), **common)


def opening_only(proof: Proof, opening: Decimal, start: date) -> Proof:
    """The proof of books that lack nothing but what was there before the first day."""
    return replace(proof, state=OPENING, difference=opening, began=start)


def differed_before(readings: Sequence[Reading], opening: Decimal, books: Mapping[date, Decimal],
                    told: Mapping[date, Decimal]) -> list[Stretch]:
    """Stretches of earlier days on which the books differed from the bank's balance, of books that agree with the latest one.

    Only balances that the bank's own movements explain count: a line that it dates back makes what it said before it wrong by right.

    :param opening: what bank and books held before the first day
    """
    ours, theirs = Running(opening, books), Running(opening, told)
    stretches, agreed, is_open = [], None, False
    for reading in sorted(readings, key=lambda reading: (reading.date, reading.final)):
        if reading.amount != theirs.on(reading.date):
            continue
        gap = reading.amount - ours.on(reading.date)
        if not gap:
            agreed, is_open = reading.date, False
        elif is_open:
            stretches[-1] = Stretch(stretches[-1].first, reading.date, gap)
        else:
            stretches.append(Stretch(_first_departure(books, told, agreed, reading.date), reading.date, gap))
            is_open = True
    return stretches


def _first_departure(books, told, after, last):
    """First day of the stretch at the end of (`after`, `last`] on which the books moved, in all, by another amount than the bank told.

    None when they end up even: what was booked a day apart from the bank explains no difference.
    """
    days = sorted(day for day in {*books, *told} if day <= last and (after is None or day > after))
    gap, began = ZERO, None
    for day in days:
        gap += books.get(day, ZERO) - told.get(day, ZERO)
        began = (began or day) if gap else None
    return began


def held_before(readings: Sequence[Reading], told: Mapping[date, Decimal]) -> Decimal | None:
    """What the bank held before the first day, by its own word: a balance less all that it told it moved until then.

    The closing balance of a day that is over is surest: within the day a bank may count what it does not list yet.
    """
    if not readings:
        return None
    reading = max(readings, key=lambda reading: (reading.final, reading.date))
    return reading.amount - Running(ZERO, told).on(reading.date)
