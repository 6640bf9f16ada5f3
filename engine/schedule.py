"""When next, and how many calls are left?"""
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

CALL_PERIOD = timedelta(hours=24)
#: Waiting time after the 1st, 2nd, … failure in a row; the last one stays.
BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 180, 360, 720))
#: Share of the waiting time by which it is varied, so that links that failed together do not come back together.
JITTER = 0.2


def recent(calls: Iterable[datetime], now: datetime) -> list[datetime]:
    """Calls of the last 24 hours, oldest first."""
    return sorted(call for call in calls if call > now - CALL_PERIOD)


def calls_left(calls: Iterable[datetime], limit: int, now: datetime) -> int | None:
    """How many calls may still be made, None where there is no limit."""
    return max(0, limit - len(recent(calls, now))) if limit else None


def next_free(calls: Iterable[datetime], limit: int, now: datetime) -> datetime:
    """First instant at which a call may be made: `now`, or when the oldest call that fills the limit is 24 hours old."""
    made = recent(calls, now)
    return made[-limit] + CALL_PERIOD if limit and len(made) >= limit else now


def backoff(failures: int, random: Callable[[], float]) -> timedelta:
    """Waiting time after `failures` failures in a row (1 or more).

    :param random: returns a number from 0 up to 1
    """
    base = BACKOFF[min(failures, len(BACKOFF)) - 1]
    return base * (1 + JITTER * (2 * random() - 1))


def next_run(now: datetime, interval: timedelta, *, failures: int = 0, retry_after: datetime | None = None,
             random: Callable[[], float] = lambda: 0.5) -> datetime:
    """When a link runs next.

    :param interval: of the link's schedule
    :param failures: failures in a row; after one the link comes back sooner than its schedule, but never later
    :param retry_after: the provider or the call budget forbids to come earlier
    """
    after = now + (min(interval, backoff(failures, random)) if failures else interval)
    return max(after, retry_after) if retry_after else after
