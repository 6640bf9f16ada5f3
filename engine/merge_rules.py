"""What a merge is told and what it answers: rules of the fields, what both sides last agreed on, what to write, what to ask.

Values are canonical (:mod:`clients.books`) and point to other records in one language for both sides.
"""
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..clients.books import LineEdits, Value

BOTH, PULL, PUSH, OFF = 'both', 'pull', 'push', 'off'
LOCAL, REMOTE, NEWEST, ASK = 'local', 'remote', 'newest', 'ask'
DELETED = 'deleted'


@dataclass(frozen=True, slots=True)
class Rule:
    """How a field flows.

    :param direction: both, pull (from there to here only), push, off
    :param policy: who wins where both sides moved apart: local, remote, newest, ask
    :param lines: rules of the fields of its lines, for a list of lines
    :param key: the field by which such lines are known, as bank accounts are by their number; '' where two lines may be equal
    """

    direction: str = BOTH
    policy: str = ASK
    lines: Mapping[str, 'Rule'] | None = None
    key: str = ''


@dataclass(frozen=True, slots=True)
class Base:
    """What each side held when they last agreed: the same, but for values that a side keeps in a way of its own (upper case, its rounding).

    A list of lines holds the same lines in the same places on both sides.
    """

    local: Mapping[str, Value] = field(default_factory=dict)
    remote: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that both sides moved apart, and that a person decides.

    :param name: the field; for a field of a line `lines/KEY/field`, where KEY is the line's key here (or there, when it is gone here)
    :param base, local, remote: what they agreed on, what is here and there; :data:`DELETED` for a line that one side removed
    """

    name: str
    base: Value
    local: Value
    remote: Value


@dataclass(frozen=True, slots=True)
class Settled:
    """A field that both sides moved apart, and that its rule decided."""

    name: str
    winner: str
    won: Value
    lost: Value


@dataclass(frozen=True, slots=True)
class Merged:
    """What to write on either side, and what a person must decide.

    :param twins: {list: pairs of keys} of lines that were added on both sides and are the same
    :param doubtful: lists of which it is asked whether a line that was added on one side is the one that was added on the other
    """

    to_local: Mapping[str, Value | LineEdits] = field(default_factory=dict)
    to_remote: Mapping[str, Value | LineEdits] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    settled: tuple[Settled, ...] = ()
    twins: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    doubtful: tuple[str, ...] = ()

    def __bool__(self):
        return bool(self.to_local or self.to_remote or self.conflicts)


def is_empty(value: Value) -> bool:
    """Whether a value says nothing: None, an empty text, no references, no lines. False and zero say something."""
    return value is None or isinstance(value, (str, tuple, frozenset)) and not value
