"""The state of a read in progress: which windows, which page, what it has shown so far. Survives a crash between two pages."""
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ..clients.records import Page, Window
from .identity import IdRanges, fingerprint_of


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
    :param seen: ids of the known rows that this read has shown
    :param count: movements that this window has shown
    :param first_day: earliest day that this window has shown
    :param complete: False once the provider said that something is missing
    :param planned_on: the day on which the windows were chosen
    :param whole: whether the windows together hold every day wanted, also those that were proved before
    :param begun_on: the day on which the first page of this window was read; this day and later ones are not proved by it
    :param run: the run that read the latest page
    :param last_token: what asked for the latest page
    :param last_digest: what the latest page said
    :param restarted_by: the run that began this window again; it does so once
    :param passes: how often the window was read to its end
    :param doubts: how often the latest pass showed contents that nothing but counting tells apart
    """

    number: int
    windows: list[Window]
    token: str = ''
    digests: list[str] = field(default_factory=list)
    seen: IdRanges = field(default_factory=IdRanges)
    count: int = 0
    first_day: date | None = None
    complete: bool = True
    planned_on: date | None = None
    whole: bool = False
    begun_on: date | None = None
    run: int = 0
    last_token: str = ''
    last_digest: str = ''
    restarted_by: int = 0
    passes: int = 0
    doubts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, values: Mapping[str, Any] | None) -> 'Reading | None':
        """What :meth:`dump` gave; None for nothing."""
        if not values:
            return None
        plain = {name: values[name] for name in _PLAIN if name in values}
        days = {name: date.fromisoformat(values[name]) for name in _DAYS if values.get(name)}
        return cls(windows=[_window_in(pair) for pair in values['windows']], seen=IdRanges(values['seen']), **plain, **days)

    def dump(self) -> dict[str, Any]:
        """A dictionary that JSON can hold."""
        days = {name: getattr(self, name) for name in _DAYS}
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            **{name: day.isoformat() if day else None for name, day in days.items()},
            'windows': [_window_out(window) for window in self.windows], 'seen': self.seen.ranges,
        }

    @property
    def window(self) -> Window:
        return self.windows[0]

    def goes_on_in(self, run: int) -> bool:
        """Whether another run read the page before the next one. Since then the bank's list may have moved under our place in it."""
        return bool(self.token) and self.run != run

    def shows_again(self, page: Page) -> bool:
        """Whether this very page, or the token that it leads to, was had before in this window.

        Two pages of one movement each may be equal by right (two equal coffees of a bank that sends no ids).
        """
        if page.next_token and _digest(page.next_token) in self.digests:
            return True
        return len(page.transactions) > 1 and _digest(_content(page)) in self.digests

    def is_latest(self, page: Page) -> bool:
        """Whether a page, asked for again, still says what the latest page said."""
        return _digest(_movements(page)) == self.last_digest

    def advance(self, page: Page, seen: Sequence[int], today: date | None = None, run: int = 0) -> None:
        """Take note of a page that was staged."""
        if not self.digests:
            self.begun_on = today
        self.run, self.last_token, self.last_digest = run, self.token, _digest(_movements(page))
        self.digests += [_digest(text) for text in (_content(page), page.next_token) if text]
        self.seen.update(seen)
        self.count += len(page.transactions)
        self.complete = self.complete and page.complete
        self.token = page.next_token
        days = [transaction.date for transaction in page.transactions]
        if self.first_day:
            days.append(self.first_day)
        self.first_day = min(days, default=None)

    def proved(self, today: date) -> Window | None:
        """The days that the window proves, now that it was read to its end; None for none.

        What was booked on the day of its first page, after that page, was not told.
        """
        window = self.window
        if not self.begun_on or self.begun_on >= today:
            return window
        last = min(window.date_to, self.begun_on - timedelta(days=1))
        return Window(window.date_from, last) if last >= window.date_from else None

    def next_window(self) -> None:
        """The first window is done: forget it. What it showed counts for the next one too, for a bank may show a movement in both."""
        self.windows = self.windows[1:]
        self._forget_pages()
        self.passes, self.doubts = 0, {}

    def restart(self, number: int) -> None:
        """Begin the first window again from its first page, as a read of its own: what was shown so far does not count."""
        self.number, self.seen = number, IdRanges()
        self._forget_pages()

    def _forget_pages(self):
        self.token, self.digests, self.count, self.first_day, self.complete, self.begun_on = '', [], 0, None, True, None
        self.last_token = self.last_digest = ''


_DAYS = ('first_day', 'planned_on', 'begun_on')
_PLAIN = (
    'number', 'token', 'whole', 'digests', 'count', 'complete', 'run', 'last_token', 'last_digest', 'restarted_by', 'passes', 'doubts')


def _content(page: Page) -> str:
    """All that the page says of movements."""
    return json.dumps([dict(transaction.raw) for transaction in page.transactions], default=str, sort_keys=True)


def _movements(page: Page) -> str:
    """What the page says that tells movements apart; no handles that may change from call to call."""
    return json.dumps([[tx.status, fingerprint_of(tx), tx.external_id, str(tx.balance_after)] for tx in page.transactions])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
