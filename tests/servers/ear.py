"""An Odoo that is woken: notes each wake, and answers as it is told to."""
import re
import time

from .base import Reply, Server


class Ear(Server):
    """:ivar heard: [(when, by the monotonic clock; the call)] of each wake"""

    def __init__(self):
        super().__init__(None)
        self.heard = []

    def hear(self, call, _name):
        self.heard.append((time.monotonic(), call))
        return Reply(202, {})

    routes = (('POST', re.compile(r'/account_online_sync/wake/(\w+)'), hear),)

    def wait(self, known=0, seconds=30):
        """The first wake after the `known` first ones: (when, call)."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if len(self.heard) > known:
                return self.heard[known]
            time.sleep(0.01)
        raise AssertionError(f'not woken within {seconds} seconds')
