"""Which days are proved? A day is proved when it was read, without error, after it was over; every other day is owed."""
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ..clients.records import Window

OK, EMPTY, FAILED, RATE_LIMITED, CONSENT_EXPIRED = 'ok', 'empty', 'failed', 'rate_limited', 'consent_expired'
PROVING = (OK, EMPTY)
DAY = timedelta(days=1)
#: Windows closer than this are asked as one: the days between cost less than another call.
JOIN_DAYS = 7


@dataclass(frozen=True, slots=True)
class Interval:
    """One fetched interval and how it went.

    :param read_on: the day on which it was fetched; a day that was not over by then is not proved by it
    """

    date_from: date
    date_to: date
    status: str
    read_on: date

    def proves(self, day: date) -> bool:
        return self.status in PROVING and self.date_from <= day <= self.date_to and self.read_on > day


def days(date_from: date, date_to: date) -> list[date]:
    """All days from one to another, both included."""
    return [date_from + timedelta(days=n) for n in range((date_to - date_from).days + 1)]


def owed(start: date, today: date, intervals: Iterable[Interval]) -> list[Window]:
    """Days from `start` to `today` that are not proved, as windows, oldest first. Today is never proved."""
    cursor, result = start, []
    for low, high in _merge(_proved_spans(intervals)):
        if high < cursor:
            continue
        if low > cursor:
            result.append(Window(cursor, min(low - DAY, today)))
        cursor = high + DAY
        if cursor > today:
            break
    if cursor <= today:
        result.append(Window(cursor, today))
    return [window for window in result if window.date_from <= window.date_to]


def _proved_spans(intervals):
    """Proved spans (first day, last day) of the intervals that prove something."""
    for interval in intervals:
        last = min(interval.date_to, interval.read_on - DAY)
        if interval.status in PROVING and interval.date_from <= last:
            yield interval.date_from, last


def _merge(spans):
    merged: list[list[date]] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1] + DAY:
            merged[-1][1] = max(merged[-1][1], high)
        else:
            merged.append([low, high])
    return merged


def plan(start: date, today: date, intervals: Iterable[Interval], *, overlap_days: int = 7, window_days: int = 0,
         again_from: date | None = None) -> list[Window]:
    """Windows to read now, oldest first; together they hold every owed day, each owed stretch with the days before it read again.

    :param start: first day wanted
    :param overlap_days: how many days before an owed stretch are read again, because banks book late and back-date
    :param window_days: longest window of one request, 0 for no limit
    :param again_from: a day from which on all is read again, although it is proved
    """
    windows: list[Window] = []
    if again_from:
        intervals = [replace(row, date_to=min(row.date_to, max(again_from, start) - DAY)) for row in intervals]
    for stretch in owed(start, today, intervals):
        low = max(start, stretch.date_from - timedelta(days=overlap_days))
        if windows and (low - windows[-1].date_to).days <= JOIN_DAYS:
            windows[-1] = Window(windows[-1].date_from, stretch.date_to)
        else:
            windows.append(Window(low, stretch.date_to))
    return [part for window in windows for part in split(window, window_days)]


def split(window: Window, window_days: int) -> list[Window]:
    """The window in parts of at most `window_days` days, oldest first."""
    if not window_days:
        return [window]
    parts, low = [], window.date_from
    while low <= window.date_to:
        high = min(low + timedelta(days=window_days - 1), window.date_to)
        parts.append(Window(low, high))
        low = high + DAY
    return parts


def proved_to(start: date, today: date, intervals: Iterable[Interval]) -> date | None:
    """Last day of the unbroken proved stretch from `start`, None when not even `start` is proved."""
    first = owed(start, today, intervals)
    last = first[0].date_from - DAY if first else today
    return last if last >= start else None


def day_states(first: date, last: date, start: date, intervals: Sequence[Interval], moved: set[date]) -> dict[date, str]:
    """What to show for each day: `proved`, `quiet` (proved, no movement), `owed`, `failed` (owed, last try failed) or `before`.

    :param moved: days on which something was booked
    """
    states: dict[date, str] = {}
    for day in days(first, last):
        rows = [row for row in intervals if row.date_from <= day <= row.date_to]
        if day < start:
            states[day] = 'before'
        elif any(row.proves(day) for row in rows):
            states[day] = 'proved' if day in moved else 'quiet'
        else:
            states[day] = 'failed' if rows and rows[-1].status == FAILED else 'owed'
    return states
