"""How much of the work a server is given at once, so that it has answered long before anybody gives up waiting."""
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from .errors import TransientError

T = TypeVar('T')
R = TypeVar('R')
#: Records of one call at most.
LARGEST = 200


class Pace:
    """Learns from each call how many records the next one may be about.

    A slow server that gets too much at once would never come to an end of it: the call is given up, and so is each later one like it.

    :param first: records of the first call; small for what may be slow
    :cvar seconds: longer than that a call should not take
    """

    seconds = 10.0

    def __init__(self, first: int = LARGEST, clock: Callable[[], float] = time.monotonic):
        self.size, self.clock = first, clock

    def batches(self, items: Sequence[T], call: Callable[[Sequence[T]], R]) -> list[R]:
        """What `call` returns for a part of the items after the other. One that was given up is called again, with fewer of them.

        :param call: may be called twice with the same items
        :raises TransientError: when it failed at once, or took too long even with one
        """
        found, rest = [], items
        while rest:
            part, begun = rest[:self.size], self.clock()
            try:
                found.append(call(part))
            except TransientError:
                if len(part) == 1 or self.clock() - begun < self.seconds:
                    raise
                self.size = len(part) // 2
                continue
            rest = rest[len(part):]
            self._learn(len(part), self.clock() - begun)
        return found

    def _learn(self, size: int, took: float):
        if took > self.seconds:
            self.size = max(size // 2, 1)
        elif took < self.seconds / 3 and size == self.size:
            self.size = min(size * 2, LARGEST)
