"""What the bank really holds and the user really wants in the books; and how the books differ from it.

A movement whose date the bank moved may stand under any day that the bank ever gave it: a line in the books is not dated anew
behind the user's back (law 4), and one that had not been fetched yet comes with its new day. Texts are not compared: where a bank
without lasting ids moves and rewrites movements of one amount at the same time, nobody can say which is which.
"""
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ..servers.bank import Account, Bank, Movement


@dataclass(frozen=True)
class Line:
    """A bank transaction in the books.

    :ivar is_typed: typed by the user
    """

    id: int
    day: date
    amount: Decimal
    text: str = ''
    is_typed: bool = False


@dataclass(frozen=True)
class Wanted:
    """A movement that the books must hold once, on one of these days."""

    amount: Decimal
    days: frozenset[date]
    text: str

    def is_met_by(self, line: Line) -> bool:
        return line.amount == self.amount and line.day in self.days


class Truth:
    """Remembers what nobody could read from the bank of today: the former days of its movements, and the user's deletions."""

    def __init__(self, bank: Bank):
        self.bank = bank
        self.days: dict[Movement, set[date]] = defaultdict(set)
        self.deleted: set[Movement] = set()

    def note(self, movement: Movement) -> Movement:
        """Call it when a movement is booked or gets another day."""
        self.days[movement].add(movement.day)
        return movement

    def wanted(self, account: Account, start: date) -> list[Wanted]:
        """What the books must hold."""
        return [Wanted(m.amount, frozenset(self.days[m]), m.text) for m in self.bank.shown(account)
                if not m.pending and m.day >= start and m not in self.deleted]


def compare(wanted: Sequence[Wanted], lines: Sequence[Line]) -> tuple[list[Wanted], list[Line]]:
    """What is missing from the books and what is too much in them, with as many matched as possible; what was typed is matched last."""
    taken: dict[int, Line] = {}

    def place(line: Line, tried: set[int]) -> bool:
        """Find a movement for a line; a line that fits elsewhere as well makes room (Kuhn's algorithm)."""
        for index, one in enumerate(wanted):
            if index not in tried and one.is_met_by(line):
                tried.add(index)
                if index not in taken or place(taken[index], tried):
                    taken[index] = line
                    return True
        return False

    surplus = [line for line in sorted(lines, key=lambda line: line.is_typed) if not place(line, set())]
    return [one for index, one in enumerate(wanted) if index not in taken], surplus


def is_needed(wanted: Sequence[Wanted], lines: Sequence[Line], line: Line) -> bool:
    """Whether this line, which the books do not have yet, is one that they lack."""
    return len(compare(wanted, [*lines, line])[0]) < len(compare(wanted, lines)[0])


def is_spare(wanted: Sequence[Wanted], lines: Sequence[Line], line_id: int) -> bool:
    """Whether the books could do without this line."""
    rest = [line for line in lines if line.id != line_id]
    return len(compare(wanted, rest)[0]) == len(compare(wanted, lines)[0])
