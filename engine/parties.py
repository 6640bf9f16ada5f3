"""Whose payment is it? Partners by account number and by name, in whatever way a bank writes it."""
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from .identity import normalise_account

#: Legal forms and titles: banks write them or leave them out.
LEGAL_FORMS = frozenset((
    'ab', 'ag', 'aps', 'as', 'asbl', 'bv', 'bvba', 'cie', 'co', 'corp', 'corporation', 'cv', 'de', 'doo', 'eg', 'ek',
    'ev', 'gbr', 'gmbh', 'inc', 'ivs', 'kft', 'kg', 'kgaa', 'lda', 'limited', 'llc', 'llp', 'lp', 'ltd', 'mbh', 'nv',
    'oe', 'og', 'ohg', 'oy', 'oyj', 'plc', 'pty', 'sa', 'sarl', 'sas', 'sasu', 'scs', 'sl', 'slu', 'snc', 'spa',
    'sprl', 'srl', 'srls', 'ug', 'und', 'vof', 'vzw', 'zrt', 'and', 'the', 'mr', 'mrs', 'ms', 'dr', 'herr', 'frau'))
#: A name of one word must be so long to be found within a text, and a name may have so many words.
SHORTEST_WORD, MOST_WORDS = 5, 6
_WORD = re.compile(r'[^\W_]+')


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name that count: no case, no accents, no legal form."""
    text = unicodedata.normalize('NFKD', (name or '').casefold().replace('ß', 'ss').replace('&', ' '))
    text = ''.join(char for char in text if not unicodedata.combining(char) and char not in ".'’")
    words = _WORD.findall(text)
    return tuple(word for word in words if word not in LEGAL_FORMS) or tuple(words)


@dataclass(frozen=True, slots=True)
class Party:
    """A partner.

    :param names: its name and what else it is known by
    :param accounts: its account numbers
    """

    id: int
    names: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


class PartyIndex:
    """Partners by account number and name. What fits two partners fits none."""

    def __init__(self, parties: Iterable[Party]):
        self._accounts: dict[str, set[int]] = defaultdict(set)
        self._names: dict[tuple[str, ...], set[int]] = defaultdict(set)
        for party in parties:
            for account in party.accounts:
                self._accounts[normalise_account(account)].add(party.id)
            for name in party.names:
                words = words_of(name)
                self._names[words].add(party.id)
                self._names[tuple(sorted(words))].add(party.id)

    def of_account(self, number: str) -> int | None:
        """The partner that has the account number."""
        return _only(self._accounts.get(normalise_account(number), ())) if number else None

    def of_name(self, name: str) -> int | None:
        """The partner of that name, whatever the order of its words."""
        words = words_of(name)
        return (_only(self._names.get(words, ())) or _only(self._names.get(tuple(sorted(words)), ()))) if words else None

    def in_text(self, text: str) -> int | None:
        """The partner whose name stands in the text: the longest name counts, and only one partner may have it."""
        words = words_of(text)
        for size in range(min(MOST_WORDS, len(words)), 0, -1):
            found = set()
            for first in range(len(words) - size + 1):
                run = words[first:first + size]
                if size > 1 or len(run[0]) >= SHORTEST_WORD and not run[0].isdigit():
                    found |= self._names.get(run, set())
            if found:
                return _only(found)
        return None


def _only(found):
    return next(iter(found)) if len(found) == 1 else None
