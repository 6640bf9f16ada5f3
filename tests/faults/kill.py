"""`kill -9` at a chosen moment, inside one process: everything since the last commit is lost, and no handler of ours sees it."""
from contextlib import contextmanager
from unittest.mock import patch

from odoo.sql_db import Cursor

from ...clients.http import Http


class Killed(BaseException):
    """No `Exception`: what catches errors to go on must not catch this."""


class Fuse:
    """Burns at the n-th event of its kind, once."""

    def __init__(self, kind: str, number: int):
        self.kind, self.left, self.burnt = kind, number, False

    def event(self, kind: str) -> None:
        if self.burnt or kind != self.kind:
            return
        self.left -= 1
        if self.left <= 0:
            self.burnt = True
            raise Killed


#: Before and after a query, a call to the bank and a commit.
KINDS = ('query', 'sent', 'answered', 'commit', 'committed')


@contextmanager
def killing(fuse: Fuse, cursor_class: type):
    """Let the fuse burn within.

    :param cursor_class: the class of cursors that commit
    """
    with (patch.object(Cursor, 'execute', _around(Cursor.execute, fuse, 'query', '')),
          patch.object(Http, '_exchange', _around(Http._exchange, fuse, 'sent', 'answered')),
          patch.object(cursor_class, 'commit', _around(cursor_class.commit, fuse, 'commit', 'committed'))):
        yield


def _around(function, fuse, before, after):
    def wrapped(self, *args, **kwargs):
        fuse.event(before)
        result = function(self, *args, **kwargs)
        fuse.event(after)
        return result
    return wrapped
