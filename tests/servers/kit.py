"""Small things for tests against these servers: a clock that only moves when somebody sleeps, and open doors to loopback."""
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

LOOPBACK = ('127.0.0.0/8',)
NOON = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)


class Clock:
    """Called it tells the time; `sleep` moves it on and remembers for how long."""

    def __init__(self, now: datetime = NOON):
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def pass_by(self, **duration: float) -> None:
        self.now += timedelta(**duration)


def http_options(clock: Clock, **others) -> Mapping:
    """Parameters of `clients.http.Http` for a story: loopback is allowed, time is the story's."""
    return {'allowed_networks': LOOPBACK, 'clock': clock, 'sleep': clock.sleep, 'jitter': lambda: 1.0, **others}
