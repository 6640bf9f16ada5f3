"""What the bank really holds and the user really wants in the books; and how the books differ from it.

A movement whose date the bank moved may stand under any day that the bank ever gave it: a line in the books is not dated anew
behind the user's back (law 4), and one that had not been fetched yet comes with its new day.
"""
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ..servers.bank import Account, Bank, Movement


@dataclass(frozen=True)
class Line:
    """A bank transaction in the books."""

    id: int
    day: date
    amount: Decimal
    text: str = ''


@dataclass(frozen=True)
class Wanted:
    """A movement that the books must hold once, on one of these days."""

    amount: Decimal
    days: frozenset[date]
    texts: frozenset[str]

    def is_met_by(self, line: Line) -> bool:
        return line.amount == self.amount and line.day in self.days


class Truth:
    """Remembers what nobody could read from the bank of today: the former days and texts of its movements, and the user's deletions."""

    def __init__(self, bank: Bank):
        self.bank = bank
        self.days: dict[Movement, set[date]] = defaultdict(set)
        self.texts: dict[Movement, set[str]] = defaultdict(set)
        self.deleted: set[Movement] = set()

    def note(self, movement: Movement) -> Movement:
        """Call it after everything that happens to a movement."""
        self.days[movement].add(movement.day)
        self.texts[movement].add(movement.text)
        return movement

    def wanted(self, account: Account, start: date) -> list[Wanted]:
        """What the books must hold."""
        return [Wanted(m.amount, frozenset(self.days[m]), frozenset(self.texts[m])) for m in self.bank.shown(account)
                if not m.pending and m.day >= start and m not in self.deleted]


def compare(wanted: Sequence[Wanted], lines: Sequence[Line]) -> tuple[list[Wanted], list[Line]]:
    """What is missing from the books and what is too much in them, with as many matched as possible."""
    taken: dict[int, int] = {}

    def place(index: int, tried: set[int]) -> bool:
        """Find a line for a wanted movement; one that stands elsewhere as well makes room (Kuhn's algorithm)."""
        for line in lines:
            if line.id not in tried and wanted[index].is_met_by(line):
                tried.add(line.id)
                if line.id not in taken or place(taken[line.id], tried):
                    taken[line.id] = index
                    return True
        return False

    missing = [one for index, one in enumerate(wanted) if not place(index, set())]
    return missing, [line for line in lines if line.id not in taken]


def is_needed(wanted: Sequence[Wanted], lines: Sequence[Line], line: Line) -> bool:
    """Whether this line, which the books do not have yet, is one that they lack."""
    return len(compare(wanted, [*lines, line])[0]) < len(compare(wanted, lines)[0])


def is_spare(wanted: Sequence[Wanted], lines: Sequence[Line], line_id: int) -> bool:
    """Whether the books could do without this line."""
    rest = [line for line in lines if line.id != line_id]
    return len(compare(wanted, rest)[0]) == len(compare(wanted, lines)[0])


def wrong_texts(wanted: Iterable[Wanted], lines: Iterable[Line]) -> list[str]:
    """Texts that stand in the books more often than the bank ever used them: one line told as another."""
    budget: dict[str, int] = defaultdict(int)
    for one in wanted:
        for text in one.texts:
            budget[text] += 1
    for line in lines:
        budget[line.text] -= 1
    return [text for text, left in budget.items() if left < 0]
