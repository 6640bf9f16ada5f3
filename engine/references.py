"""Which documents does a text name? Numbers and payment references in any spelling that people and banks produce.

A text becomes a row of tokens, each all letters or all digits: `Inv.2026-00042` and `INV/2026/42` differ no longer, but for zeros. What is
looked for are runs of tokens, glued together, so that a number that the bank broke in two by a line break or a blank is found too.
"""
import re
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

#: How sure a spelling is. A weak one may be a coincidence: it never decides alone. A bare one (digits without their letters) decides with
#: the partner; one with all its digits as printed, zeros included, is enough.
WEAK, BARE, PRINTED, FULL, STRUCTURED = 1, 2, 3, 4, 5
#: Tokens of a text that one reference may take, and characters that it may have (ISO 11649: 25; Swiss QR: 27 digits).
MOST_TOKENS, MOST_CHARACTERS = 9, 35
#: Digits without letters that are long enough not to be a coincidence.
LONG_DIGITS = 7
#: One in four numbers of digits alone passes one of the check digits; so many are needed to tell a reference from a vendor's number.
LONG_STRUCTURED = 10
_TOKEN = re.compile(r'[^\W\d_]+|\d+')


def tokens(text: str) -> list[str]:
    """Runs of letters and runs of digits, without case and accents' width."""
    return _TOKEN.findall(unicodedata.normalize('NFKC', text or '').casefold())


def is_structured(reference: str) -> bool:
    """Whether a reference carries check digits that are right, so that it cannot be a coincidence or a slip.

    Belgian structured communication (12 digits, modulo 97), ISO 11649 (`RF`, modulo 97-10), Swiss QR reference (27 digits, modulo 10
    recursive), Finnish (7-3-1) and Norwegian (modulo 10 or 11) references.
    """
    glued = ''.join(tokens(reference)).upper()
    if re.fullmatch(r'RF\d\d[0-9A-Z]{1,21}', glued):
        return _modulo_97(glued[4:] + glued[:4]) == 1
    if not glued.isascii() or not glued.isdigit():
        return False
    if len(glued) == 12:
        return _is_belgian(glued)
    if len(glued) == 27:
        return _is_swiss(glued)
    return 7 <= len(glued) <= 25 and (_is_finnish(glued) or _is_luhn(glued) or _is_modulo_11(glued))


def _modulo_97(text):
    return int(''.join(str(int(char, 36)) for char in text)) % 97


def _is_belgian(digits):
    return (int(digits[:10]) % 97 or 97) == int(digits[10:])


def _is_swiss(digits):
    table, carry = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5), 0
    for digit in digits[:-1]:
        carry = table[(carry + int(digit)) % 10]
    return (10 - carry) % 10 == int(digits[-1])


def _is_finnish(digits):
    total = sum(int(digit) * (7, 3, 1)[place % 3] for place, digit in enumerate(reversed(digits[:-1])))
    return -total % 10 == int(digits[-1])


def _is_luhn(digits):
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def _is_modulo_11(digits):
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(digits[:-1])))
    return (11 - total % 11) % 11 == int(digits[-1])


#: Names of months as people write them: whole, and as the usual abbreviations.
_MONTHS = frozenset((
    'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'sept', 'oct', 'nov', 'dec', 'january', 'february', 'march',
    'april', 'june', 'july', 'august', 'september', 'october', 'november', 'december', 'mrz', 'mai', 'okt', 'dez', 'januar',
    'februar', 'märz', 'maerz', 'juni', 'juli', 'oktober', 'dezember', 'janv', 'févr', 'fevr', 'avr', 'juin', 'juil', 'août', 'aout',
    'déc', 'janvier', 'février', 'fevrier', 'mars', 'avril', 'juillet', 'septembre', 'octobre', 'novembre', 'décembre', 'decembre',
    'ene', 'abr', 'ago', 'enero', 'febrero', 'marzo', 'abril', 'mayo', 'junio', 'julio', 'agosto', 'septiembre', 'octubre',
    'noviembre', 'diciembre', 'gen', 'mag', 'giu', 'lug', 'set', 'ott', 'dic', 'gennaio', 'febbraio', 'aprile', 'maggio', 'giugno',
    'luglio', 'settembre', 'ottobre', 'dicembre', 'mrt', 'mei', 'januari', 'februari', 'maart', 'augustus'))
#: How many of a period a year has.
_PERIODS = {'q': 4, 'h': 2, 'kw': 53, 'cw': 53, 'week': 53, 'wk': 53, 'woche': 53, 'semaine': 53, 'semana': 53, 'quarter': 4, 'quartal': 4}


def _is_year(part):
    return part.isdigit() and (len(part) == 4 and part[:2] in ('19', '20') or len(part) == 2)


def _is_small(part, most):
    return part.isdigit() and len(part) <= 2 and 1 <= int(part) <= most


def is_date(parts: Sequence[str]) -> bool:
    """Whether tokens are a day, a month or another period of a calendar, in any order in which people write them."""
    if len(parts) == 1 and parts[0].isdigit():
        digits = parts[0]
        return len(digits) in (6, 8) and any(
            is_date(three) for three in ((digits[:2], digits[2:4], digits[4:]), (digits[:-4], digits[-4:-2], digits[-2:])))
    if len(parts) == 2:
        return _is_month(*parts) or _is_month(*reversed(parts)) or _is_period(*parts)
    return len(parts) == 3 and _is_day(*parts)


def _is_period(kind, number):
    return kind in _PERIODS and _is_small(number, _PERIODS[kind])


def _is_month(month, year):
    return (month in _MONTHS or _is_small(month, 12)) and _is_year(year)


def _is_day(one, two, three):
    if _is_period(one, two) or two in _MONTHS and _is_small(one, 31):
        return _is_year(three)
    return any(_is_year(year) and _is_small(month, 12) and _is_small(day, 31)
               for year, month, day in ((one, two, three), (three, two, one), (three, one, two)))


def shapes(text: str) -> list[tuple[tuple, tuple[str, ...]]]:
    """How numbers like this one look: [(shape, own tokens)], of the whole and of what follows its letters.

    A shape has the length of each run of digits, and letters as they are: another number of the same series has the same shape.
    """
    parts = tuple(tokens(text))
    tail = parts[max((n for n, part in enumerate(parts) if not part.isdigit()), default=-1) + 1:]
    return [(tuple(len(part) if part.isdigit() else part for part in run), run)
            for run in {parts, tail} if len(run) > 1 and not is_date(run)]


def _bare(digits: str) -> str:
    return digits.lstrip('0') or '0'


def _stripped(parts: Iterable[str]) -> str:
    return '/'.join(_bare(part) if part.isdigit() else part for part in parts)


def spellings_of_number(number: str) -> dict[str, int]:
    """{spelling: how sure} of a document's own number, such as `INV/2026/00042`."""
    parts = tokens(number)
    digits = [part for part in parts if part.isdigit()]
    if not digits:
        return {}
    found = {''.join(parts): FULL, _stripped(parts): FULL}
    if len(digits) == len(parts):
        found = dict.fromkeys(found, BARE if len(''.join(parts)) >= LONG_DIGITS else WEAK)
    elif len(digits) > 1:
        tail = parts[max(n for n, part in enumerate(parts) if not part.isdigit()) + 1:]
        if len(tail) > 1:       # without the journal's letters: 2026/00042
            found |= {_stripped(tail): BARE, **({''.join(tail): PRINTED} if len(''.join(tail)) > LONG_DIGITS else {})}
        found.setdefault(_stripped([parts[0], parts[-1]]), WEAK)        # without the year: INV 42
    return found


def spellings_of_reference(reference: str) -> dict[str, int]:
    """{spelling: how sure} of a payment reference, or of the number that a vendor gave to a bill."""
    parts = tokens(reference)
    glued = ''.join(parts)
    if not any(part.isdigit() for part in parts) or len(glued) < 4:
        return {}
    letters = not glued.isdigit()
    is_sure = is_structured(reference) and len(glued) >= LONG_STRUCTURED
    sure = STRUCTURED if is_sure else FULL if len(glued) >= (5 if letters else 8) else BARE if len(glued) >= 6 else WEAK
    if is_date(parts) and sure < STRUCTURED:        # "March 2026" is the name of many payments
        sure = WEAK
    found = {_stripped(parts): min(sure, FULL if letters else BARE), glued: sure}
    if not letters and len(_bare(glued)) >= 4:
        found[_bare(glued)] = sure
    return found


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in a text that names documents.

    :param sure: WEAK, BARE, PRINTED, FULL or STRUCTURED
    :param keys: the documents; several where a spelling fits more than one
    :param is_reference: it is their payment reference or their vendor's number, not the number that we gave them
    """

    first: int
    last: int
    sure: int
    spelling: str
    keys: frozenset
    is_reference: bool = False


@dataclass(slots=True)
class ReferenceIndex:
    """Documents by every spelling of their references; finds them in texts in time that grows with the text alone."""

    spellings: dict[str, dict[Hashable, int]] = field(default_factory=lambda: defaultdict(dict))
    prefixes: set[str] = field(default_factory=set)
    #: Spellings that come from references alone: {(spelling, key)}.
    of_references: set[tuple] = field(default_factory=set)

    def add(self, key: Hashable, number: str = '', references: Iterable[str] = ()) -> None:
        """Enter a document under its own number and further references."""
        numbers = spellings_of_number(number)
        found = dict(numbers)
        for reference in references:
            for spelling, sure in spellings_of_reference(reference).items():
                found[spelling] = max(sure, found.get(spelling, 0))
        self.of_references |= {(spelling, key) for spelling in found.keys() - numbers.keys()}
        for spelling, sure in found.items():
            self.spellings[spelling][key] = max(sure, self.spellings[spelling].get(key, 0))
        parts = tokens(number)
        if len(parts) > 1 and not parts[0].isdigit():
            self.prefixes.add(parts[0])

    def mentions(self, text: str) -> list[Mention]:
        """What the text names; of spellings within one another only the longest."""
        parts, found = tokens(text), []
        for first in range(len(parts)):
            found += self._mentions_at(parts, first)
        return [mention for mention in found if not any(_within(mention, other) for other in found)]

    def _mentions_at(self, parts, first):
        glued = ''
        for last in range(first, min(first + MOST_TOKENS, len(parts))):
            glued += parts[last]
            if len(glued) > MOST_CHARACTERS:
                return
            for spelling in {glued, _stripped(parts[first:last + 1]), _bare(glued) if glued.isdigit() else glued}:
                hits = self.spellings.get(spelling)
                sure = max(hits.values()) if hits else 0
                if hits and not (sure < STRUCTURED and is_date(parts[first:last + 1])):
                    keys = frozenset(key for key, value in hits.items() if value == sure)
                    yield Mention(first, last, sure, spelling, keys, all((spelling, key) in self.of_references for key in keys))

    def names_something_else(self, text: str, mentions: Iterable[Mention]) -> bool:
        """Whether the text names, in the way in which we number documents, one that is not here (paid, of another company, a slip)."""
        parts = tokens(text)
        # What stands before a vendor's number is the vendor's word for a bill, not our letters: "Bill 2026-351".
        taken = {place for mention in mentions if mention.sure > WEAK
                 for place in range(mention.first - mention.is_reference, mention.last + 1)}
        for place, part in enumerate(parts[:-1]):
            if part in self.prefixes and parts[place + 1].isdigit() and place not in taken and len(parts[place + 1]) > 1:
                return True
        return False


def _within(one: Mention, other: Mention) -> bool:
    """Whether `other` makes `one` pointless: it covers more of the text, or the same and is surer."""
    if one is other or not (other.first <= one.first and one.last <= other.last):
        return False
    longer = (other.last - other.first) > (one.last - one.first)
    return longer if longer else (other.sure, other.spelling) > (one.sure, one.spelling)
