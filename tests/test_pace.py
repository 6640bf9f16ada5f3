"""clients/pace.py: how much a server is given at once. No database."""
from odoo.tests import BaseCase, tagged

from ..clients.errors import Rejected, TransientError
from ..clients.pace import LARGEST, Pace


@tagged('at_install', '-post_install')
class TestPace(BaseCase):

    def setUp(self):
        super().setUp()
        self.now, self.calls = 0.0, []

    def server(self, per_item, patience=30.0):
        """What takes so many seconds for each item, and of which nobody waits longer for an answer than that."""
        def call(items):
            self.calls.append(len(items))
            self.now += min(per_item * len(items), patience)
            if per_item * len(items) > patience:
                raise TransientError("no answer in time")
            return list(items)
        return call

    def batches(self, pace, count, per_item):
        found = pace.batches(range(count), self.server(per_item))
        self.assertEqual([one for part in found for one in part], list(range(count)), 'each of them once, in their order')

    def pace(self, first=LARGEST):
        return Pace(first, lambda: self.now)

    def test_a_quick_server_gets_more(self):
        self.batches(self.pace(25), 700, 0.001)
        self.assertEqual(self.calls, [25, 50, 100, LARGEST, LARGEST, 125])

    def test_a_slow_server_gets_less(self):
        self.batches(self.pace(), 300, 0.1)
        self.assertEqual(self.calls, [200, 100], 'what takes as long as it may stays as it is')

    def test_who_gives_up_tries_again_with_fewer(self):
        self.batches(self.pace(), 60, 1)
        self.assertEqual(self.calls, [60, 30, 15, 7, 7, 1])

    def test_even_one_is_too_much(self):
        with self.assertRaises(TransientError):
            self.pace(4).batches(range(4), self.server(40))
        self.assertEqual(self.calls, [4, 2, 1])

    def test_what_fails_at_once_is_not_tried_again(self):
        def call(items):
            self.calls.append(len(items))
            raise TransientError("the line is down")
        with self.assertRaises(TransientError):
            self.pace().batches(range(50), call)
        self.assertEqual(self.calls, [50])

    def test_a_refusal_is_not_tried_again(self):
        def call(items):
            self.now += 60
            raise Rejected("no")
        with self.assertRaises(Rejected):
            self.pace().batches(range(50), call)

    def test_nothing(self):
        self.assertEqual(self.pace().batches([], self.server(1)), [])
