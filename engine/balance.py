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
        # Within the day a bank may count what it does not list yet; the closing balance of a day that is over is surer.
        closed = [reading.date for reading in readings if reading.final]
        return opening_only(Proof(OPENING, **common), days[max(closed)] if closed else difference, start)
    # With no day on which the books depart from what the bank told, the bank itself did not tell a movement.
    return Proof(DIFFERS, began=began or min((day for day in days if day > since), default=last.date), **common)


def opening_only(proof: Proof, opening: Decimal, start: date) -> Proof:
    """The proof of books that lack nothing but what was there before the first day."""
    return replace(proof, state=OPENING, difference=opening, began=start)


def _first_departure(books, told, after, last):
    """First day of (`after`, `last`] on which the books moved by another amount than the bank told, None when there is none."""
    days = sorted(day for day in {*books, *told} if day <= last and (after is None or day > after))
    return next((day for day in days if books.get(day, ZERO) != told.get(day, ZERO)), None)
