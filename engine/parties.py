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
#: What banks write around a name, whatever the payment is.
BOILERPLATE = frozenset((
    'sepa', 'credit', 'debit', 'payment', 'payments', 'transfer', 'from', 'to', 'direct', 'instant', 'incoming', 'outgoing', 'wire',
    'received', 'sent', 'ueberweisung', 'uberweisung', 'gutschrift', 'lastschrift', 'zahlung', 'eingang', 'ausgang', 'virement',
    'prelevement', 'paiement', 'recu', 'emis', 'vers', 'pago', 'transferencia', 'bonifico', 'pagamento', 'overboeking', 'betaling', 'naar',
    'van', 'von', 'an', 'par'))
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
    :param learned: account numbers of lines that were its payments before; they count only where the name does not say otherwise
    """

    id: int
    names: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    learned: tuple[str, ...] = ()


class PartyIndex:
    """Partners by account number and name. What fits two partners fits none."""

    def __init__(self, parties: Iterable[Party]):
        self._accounts: dict[str, set[int]] = defaultdict(set)
        self._learned: dict[str, set[int]] = defaultdict(set)
        self._words: dict[int, set[str]] = defaultdict(set)
        self._names: dict[tuple[str, ...], set[int]] = defaultdict(set)
        for party in parties:
            for account in party.accounts:
                self._accounts[normalise_account(account)].add(party.id)
            for account in party.learned:
                self._learned[normalise_account(account)].add(party.id)
            for name in party.names:
                words = words_of(name)
                self._words[party.id].update(words)
                self._names[words].add(party.id)
                self._names[tuple(sorted(words))].add(party.id)

    def of_account(self, number: str, name: str = '') -> int | None:
        """The partner that has the account number, or whose payments came from it before.

        :param name: the counterpart's name beside it: a payment service pays for many from one account
        """
        if not number:
            return None
        registered = self._accounts.get(normalise_account(number))
        if registered:
            return _only(registered)
        learned = _only(self._learned.get(normalise_account(number), ()))
        return learned if learned and (not name or self._words[learned] & set(words_of(name))) else None

    def of_name(self, name: str) -> int | None:
        """The partner of that name, whatever the order of its words."""
        words = words_of(name)
        return (_only(self._names.get(words, ())) or _only(self._names.get(tuple(sorted(words)), ()))) if words else None

    def in_text(self, text: str) -> int | None:
        """The partner whose name stands in the text: the longest name counts, and only one partner may have it."""
        return self._in_text(text)[0]

    def is_all_of(self, text: str) -> bool:
        """Whether a text says a name of two words at least, and nothing else but what banks say of every payment."""
        _partner, run = self._in_text(text)
        return len(run) > 1 and not set(words_of(text)) - set(run) - BOILERPLATE

    def _in_text(self, text):
        words = words_of(text)
        for size in range(min(MOST_WORDS, len(words)), 0, -1):
            found, last = set(), ()
            for first in range(len(words) - size + 1):
                run = words[first:first + size]
                if size > 1 or len(run[0]) >= SHORTEST_WORD and not run[0].isdigit():
                    here = self._names.get(run, set())
                    found, last = found | here, run if here else last
            if found:
                return _only(found), last
        return None, ()


def _only(found):
    return next(iter(found)) if len(found) == 1 else None
