"""engine/coverage.py and engine/schedule.py: which days are owed, and when next. No database."""
from datetime import date, datetime, timedelta, timezone

from odoo.tests import BaseCase, tagged

from ..clients.records import Window
from ..engine import coverage, schedule
from ..engine.coverage import Interval

TODAY = date(2026, 3, 10)


def ago(days):
    return TODAY - timedelta(days=days)


def read(first, last, status='ok', on=0):
    return Interval(ago(first), ago(last), status, ago(on))


def window(first, last):
    return Window(ago(first), ago(last))


@tagged('at_install', '-post_install')
class TestCoverage(BaseCase):

    def test_owed(self):
        cases = [
            ("nothing read", [], [window(10, 0)]),
            ("read today: today stays owed", [read(10, 0)], [window(0, 0)]),
            ("read yesterday: yesterday stays owed", [read(10, 1, on=1)], [window(1, 0)]),
            ("a failure proves nothing", [read(10, 0, 'failed')], [window(10, 0)]),
            ("used-up calls prove nothing", [read(10, 0, 'rate_limited')], [window(10, 0)]),
            ("an expired consent proves nothing", [read(10, 0, 'consent_expired')], [window(10, 0)]),
            ("an empty answer proves", [read(10, 0, 'empty')], [window(0, 0)]),
            ("a gap in the middle", [read(10, 8), read(4, 0)], [window(7, 5), window(0, 0)]),
            ("a failure over a proved day takes nothing back", [read(10, 0), read(3, 0, 'failed')], [window(0, 0)]),
            ("read before the start", [read(30, 20)], [window(10, 0)]),
        ]
        for name, intervals, expected in cases:
            with self.subTest(name):
                self.assertEqual(coverage.owed(ago(10), TODAY, intervals), expected)

    def test_plan_reads_the_oldest_first_and_overlaps(self):
        intervals = [read(60, 41), read(30, 0)]
        self.assertEqual(coverage.plan(ago(60), TODAY, intervals, overlap_days=5), [window(45, 31), window(5, 0)])

    def test_plan_joins_what_lies_close(self):
        self.assertEqual(coverage.plan(ago(60), TODAY, [read(60, 12), read(8, 0)], overlap_days=5), [window(16, 0)])

    def test_plan_never_reads_before_the_start(self):
        self.assertEqual(coverage.plan(ago(2), TODAY, [read(2, 0)], overlap_days=7), [window(2, 0)])

    def test_plan_splits_what_is_too_long_for_a_request(self):
        windows = coverage.plan(ago(200), TODAY, [], window_days=90)
        self.assertEqual([(w.date_to - w.date_from).days + 1 for w in windows], [90, 90, 21])
        self.assertEqual([w.date_from for w in windows], sorted(w.date_from for w in windows))

    def test_plan_reads_again_from_a_day_on(self):
        intervals = [read(60, 31), read(25, 0)]
        self.assertEqual(coverage.plan(ago(60), TODAY, intervals, overlap_days=2), [window(32, 26), window(2, 0)])
        self.assertEqual(
            coverage.plan(ago(60), TODAY, intervals, overlap_days=2, again_from=ago(12)), [window(32, 26), window(14, 0)])
        self.assertEqual(coverage.plan(ago(60), TODAY, intervals, overlap_days=2, again_from=ago(50)), [window(52, 0)])
        self.assertEqual(
            coverage.plan(ago(60), TODAY, [read(60, 0)], window_days=30, again_from=ago(90)), [window(60, 31), window(30, 1), window(0, 0)])

    def test_days_missed_while_the_server_was_down_are_read_with_their_overlap(self):
        self.assertEqual(coverage.plan(ago(60), TODAY, [read(60, 20, on=20)], overlap_days=7), [window(27, 0)])

    def test_proved_to(self):
        self.assertEqual(coverage.proved_to(ago(10), TODAY, [read(10, 0)]), ago(1))
        self.assertEqual(coverage.proved_to(ago(10), TODAY, [read(10, 8), read(4, 0)]), ago(8))
        self.assertIsNone(coverage.proved_to(ago(10), TODAY, []))

    def test_day_states(self):
        states = coverage.day_states(ago(6), TODAY, ago(5), [read(5, 3), read(2, 0, 'failed')], {ago(4)})
        self.assertEqual(list(states.values()), ['before', 'quiet', 'proved', 'quiet', 'failed', 'failed', 'failed'])


@tagged('at_install', '-post_install')
class TestSchedule(BaseCase):
    now = datetime(2026, 3, 10, 9, tzinfo=timezone.utc)

    def hours_ago(self, *hours):
        return [self.now - timedelta(hours=hour) for hour in hours]

    def test_calls(self):
        calls = self.hours_ago(30, 20, 10, 1)
        self.assertEqual(schedule.calls_left(calls, 4, self.now), 1)
        self.assertIsNone(schedule.calls_left(calls, 0, self.now))
        self.assertEqual(schedule.next_free(calls, 4, self.now), self.now)
        self.assertEqual(schedule.next_free(calls, 3, self.now), self.now + timedelta(hours=4))
        self.assertEqual(schedule.next_free(self.hours_ago(3, 2, 1, 0), 2, self.now), self.now + timedelta(hours=23))

    def test_next_run(self):
        six = timedelta(hours=6)
        self.assertEqual(schedule.next_run(self.now, six), self.now + six)
        self.assertEqual(schedule.next_run(self.now, six, failures=1), self.now + timedelta(minutes=5))
        self.assertEqual(schedule.next_run(self.now, six, failures=99), self.now + six, "a failure never makes it later")
        later = self.now + timedelta(hours=20)
        self.assertEqual(schedule.next_run(self.now, six, retry_after=later), later)

    def test_backoff_varies(self):
        self.assertLess(schedule.backoff(3, lambda: 0), schedule.backoff(3, lambda: 0.99))
