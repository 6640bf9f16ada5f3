"""The state of a read in progress: which windows, which page, what it has shown so far. Survives a crash between two pages."""
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ..clients.records import Page, Window
from .identity import IdRanges


def _window_in(pair: Sequence[str]) -> Window:
    return Window(date.fromisoformat(pair[0]), date.fromisoformat(pair[1]))


def _window_out(window: Window) -> list[str]:
    return [window.date_from.isoformat(), window.date_to.isoformat()]


@dataclass(slots=True)
class Reading:
    """One read: the windows still to do, the first of them in progress.

    :param number: grows with every read of the account; rows made by a read carry it
    :param token: asks for the next page of the first window, '' for its first page
    :param digests: digests of the pages and page tokens had so far in this window
    :param seen: ids of the known rows that this window has shown
    :param count: movements that this window has shown
    :param first_day: earliest day that this window has shown
    :param complete: False once the provider said that something is missing
    """

    number: int
    windows: list[Window]
    token: str = ''
    digests: list[str] = field(default_factory=list)
    seen: IdRanges = field(default_factory=IdRanges)
    count: int = 0
    first_day: date | None = None
    complete: bool = True

    @classmethod
    def load(cls, values: Mapping[str, Any] | None) -> 'Reading | None':
        """What :meth:`dump` gave; None for nothing."""
        if not values:
            return None
        return cls(
            number=values['number'], windows=[_window_in(pair) for pair in values['windows']], token=values['token'],
            digests=values['digests'], seen=IdRanges(values['seen']), count=values['count'], complete=values['complete'],
            first_day=date.fromisoformat(values['first_day']) if values['first_day'] else None,
        )

    def dump(self) -> dict[str, Any]:
        """A dictionary that JSON can hold."""
        return {
            'number': self.number, 'windows': [_window_out(window) for window in self.windows], 'token': self.token,
            'digests': self.digests, 'seen': self.seen.ranges, 'count': self.count, 'complete': self.complete,
            'first_day': self.first_day.isoformat() if self.first_day else None,
        }

    @property
    def window(self) -> Window:
        return self.windows[0]

    def shows_again(self, page: Page) -> bool:
        """Whether this very page, or the token that it leads to, was had before in this window.

        Two pages of one movement each may be equal by right (two equal coffees of a bank that sends no ids).
        """
        if page.next_token and _digest(page.next_token) in self.digests:
            return True
        return len(page.transactions) > 1 and _digest(_content(page)) in self.digests

    def advance(self, page: Page, seen: Sequence[int]) -> None:
        """Take note of a page that was staged."""
        self.digests += [_digest(text) for text in (_content(page), page.next_token) if text]
        self.seen.update(seen)
        self.count += len(page.transactions)
        self.complete = self.complete and page.complete
        self.token = page.next_token
        days = [transaction.date for transaction in page.transactions]
        if self.first_day:
            days.append(self.first_day)
        self.first_day = min(days, default=None)

    def next_window(self) -> None:
        """The first window is done: forget it and what it showed."""
        self.windows = self.windows[1:]
        self.restart()

    def restart(self) -> None:
        """Begin the first window again from its first page."""
        self.token, self.digests, self.seen, self.count, self.first_day, self.complete = '', [], IdRanges(), 0, None, True


def _content(page: Page) -> str:
    """All that the page says of movements."""
    return json.dumps([dict(transaction.raw) for transaction in page.transactions], default=str, sort_keys=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
