"""Which open document does a bank line pay? Decides for a batch of lines at once, over plain values.

What speaks for a pair of line and open item: the text *names* the item, the *amount* is the item's, the *partner* is the item's. Passes go
from the strongest evidence to the weakest over the whole batch, so that a weak match never takes what another line matches strongly. A
match is *certain* only when it is unique both ways (one candidate for the line, one line for the candidate) and nothing contradicts it;
all else that has some evidence is proposed, with what comes second. The order of lines and items does not matter.
"""
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations

from .identity import normalise_account
from .parties import Party, PartyIndex
from .references import BARE, FULL, STRUCTURED, WEAK, ReferenceIndex

ZERO = Decimal(0)
#: A document may be dated so long after its payment: a deposit invoice, a bank that is quicker than the bookkeeper.
EARLY = timedelta(days=10)
#: Days between the two lines of a transfer between our own accounts.
TRANSFER = timedelta(days=5)
#: Open items of one partner among which a sum is looked for, and how many of them it may have.
MOST_ITEMS, MOST_SUMMANDS = 12, 5
#: What a bank or a payment service keeps: up to this share of the amount, or this sum.
FEE_SHARE, FEE = Decimal('0.03'), Decimal(30)
#: Words of a payment that comes back. It pays no document of the same amount.
RETURNED = frozenset((
    'chargeback', 'returned', 'reversal', 'storno', 'retour', 'rücklastschrift', 'ruecklastschrift', 'rückgabe', 'impayé', 'impaye',
    'unpaid', 'bounced', 'rejected', 'refused', 'insoluto', 'devolucion', 'devolución', 'terugboeking'))

# Why a pair belongs together, or does not; the words for people are made where the language is known.
NUMBER, STRUCTURED_REFERENCE, PARTIAL_NUMBER = 'number', 'structured', 'partial_number'
AMOUNT, DISCOUNT, SUM, WHOLE_BALANCE, PARTIAL, FEE_SHORT, FOREIGN_AMOUNT = (
    'amount', 'discount', 'sum', 'whole_balance', 'partial', 'fee', 'foreign_amount')
ACCOUNT, NAME, NAME_IN_TEXT, KNOWN_PARTNER = 'account', 'name', 'name_in_text', 'partner'
OWN_ACCOUNT, OLDEST_FIRST, RULE, CHOSEN = 'own_account', 'oldest_first', 'rule', 'chosen'
# What stands against a match.
OTHER_PARTNER, OTHER_DOCUMENT, RETURN, NOT_UNIQUE, TOO_EARLY, WEAK_EVIDENCE, RULE_ASKS = (
    'other_partner', 'other_document', 'returned', 'not_unique', 'too_early', 'weak', 'rule_asks')


@dataclass(frozen=True, slots=True)
class Line:
    """An open bank line.

    :param amount: in `currency`, positive when money came in
    :param foreign: (amount, currency) of the original amount, with the sign of `amount`, where the bank told one
    :param partner: a partner that somebody or something set on the line, None for none
    :param company: companies never mix
    """

    id: int
    journal: int
    date: date
    amount: Decimal
    currency: str
    text: str = ''
    reference: str = ''
    end_to_end_id: str = ''
    account: str = ''
    partner_name: str = ''
    partner: int | None = None
    foreign: tuple[Decimal, str] | None = None
    company: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """An open journal item that a bank line may clear.

    :param residual: what is open, in `currency`; positive when money is to come in (an invoice, a receipt not yet seen at the bank)
    :param number: the document's own number
    :param references: payment reference, the vendor's number of a bill
    :param discount: (what pays it all, last day) of an early payment discount
    :param is_payment: a payment that was registered already, waiting for the bank
    """

    id: int
    date: date
    residual: Decimal
    currency: str
    partner: int | None = None
    number: str = ''
    references: tuple[str, ...] = ()
    due: date | None = None
    discount: tuple[Decimal, date] | None = None
    is_payment: bool = False
    company: int = 0

    @property
    def age(self) -> tuple:
        """Sorts the oldest first; items of the same day by their id."""
        return self.due or self.date, self.date, self.id


@dataclass(frozen=True, slots=True)
class Match:
    """What a line pays.

    :param items: ids of the open items, oldest first
    :param evidence: codes that speak for it
    :param against: codes that made it a proposal
    :param pair: id of the other line, for a transfer between our own accounts
    :param rule: id of the user's rule that decides instead of a document
    :param runner_up: id of the item that came second
    :param rest: what the line leaves over, in its currency (negative: the items leave over)
    """

    line: int
    items: tuple[int, ...] = ()
    certain: bool = False
    score: int = 0
    evidence: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    pair: int | None = None
    rule: int | None = None
    runner_up: int | None = None
    rest: Decimal = ZERO


#: What an item that the text names, an amount that is equal and a partner that is known are worth, of 100.
_SCORES = {
    STRUCTURED_REFERENCE: 45, NUMBER: 40, PARTIAL_NUMBER: 20, AMOUNT: 30, FOREIGN_AMOUNT: 30, DISCOUNT: 28, SUM: 25, WHOLE_BALANCE: 28,
    FEE_SHORT: 12, PARTIAL: 5, ACCOUNT: 25, KNOWN_PARTNER: 25, NAME: 20, NAME_IN_TEXT: 15, OWN_ACCOUNT: 40, OLDEST_FIRST: 0}
_SURENESS = {STRUCTURED: STRUCTURED_REFERENCE, FULL: NUMBER, BARE: PARTIAL_NUMBER}


def match(lines: Sequence[Line], items: Sequence[Item], parties: Iterable[Party] = (), own_accounts: dict[str, int] | None = None,
          ) -> list[Match]:
    """The best match of each line that has any evidence, in the order of the lines.

    :param parties: partners with their names and account numbers
    :param own_accounts: {normalised account number: journal} of our own bank accounts
    """
    return _Batch(lines, items, parties, own_accounts or {}).run()


@dataclass(slots=True)
class _Reading:
    """What a line says: the items that it names, and its partner."""

    line: Line
    named: dict[int, int] = field(default_factory=dict)
    weakly_named: set[int] = field(default_factory=set)
    partner: int | None = None
    partner_evidence: str = ''
    names_another: bool = False
    is_return: bool = False


class _Batch:
    """The lines and items of one call, their indexes, and what is taken."""

    def __init__(self, lines, items, parties, own_accounts):
        self.own_accounts = own_accounts
        self.items = {item.id: item for item in items}
        self.parties = PartyIndex(parties)
        self.references: dict[int, ReferenceIndex] = defaultdict(ReferenceIndex)
        self.by_amount: dict[tuple, list[Item]] = defaultdict(list)
        self.by_partner: dict[tuple, list[Item]] = defaultdict(list)
        for item in sorted(items, key=lambda item: item.age):
            self.references[item.company].add(item.id, item.number, item.references)
            for amount in {item.residual, item.discount[0] if item.discount else item.residual}:
                self.by_amount[item.company, item.currency, amount].append(item)
            if item.partner:
                self.by_partner[item.company, item.partner].append(item)
        self.lines = {line.id: line for line in lines}
        self.order = [line.id for line in lines]
        self.readings = {line.id: self._read(line) for line in lines}
        self.taken: set[int] = set()
        #: Items that two lines claimed with the same strength, and lines with two candidates: no weaker pass decides about them.
        self.contested: set[int] = set()
        self.undecided: set[int] = set()
        self.found: dict[int, Match] = {}

    # -- what a line says ---------------------------------------------------------------------------------------------------

    def _read(self, line):
        index, reading = self.references[line.company], _Reading(line)
        for text in (line.text, line.reference, line.end_to_end_id):
            mentions = index.mentions(text)
            for mention in mentions:
                keys = [key for key in mention.keys if self._may_pay(line, self.items[key])] or mention.keys
                for key in keys:
                    if mention.sure == WEAK or len(keys) > 1:
                        reading.weakly_named.add(key)
                    else:
                        reading.named[key] = max(mention.sure, reading.named.get(key, 0))
            reading.names_another |= index.names_something_else(text, mentions)
        reading.is_return = not RETURNED.isdisjoint((line.text or '').casefold().split())
        reading.partner, reading.partner_evidence = self._partner(line)
        return reading

    def _partner(self, line):
        if line.partner:
            return line.partner, KNOWN_PARTNER
        for evidence, partner in (
            (ACCOUNT, self.parties.of_account(line.account)), (NAME, self.parties.of_name(line.partner_name)),
            (NAME_IN_TEXT, self.parties.in_text(line.text)),
        ):
            if partner:
                return partner, evidence
        return None, ''

    @staticmethod
    def _may_pay(line, item):
        """Whether money goes the right way."""
        return bool(line.amount) and bool(item.residual) and (line.amount > 0) == (item.residual > 0)

    @staticmethod
    def _amount_in(line, currency):
        """The line's amount in a currency, None where the bank told none."""
        if line.currency == currency:
            return line.amount
        return line.foreign[0] if line.foreign and line.foreign[1] == currency else None

    def _amount_evidence(self, line, item):
        """How the line's amount fits an item's: (code, whether it pays it all), (None, False) for not at all."""
        amount = self._amount_in(line, item.currency)
        if amount is None or not self._may_pay(line, item):
            return None
        if amount == item.residual:
            return AMOUNT if line.currency == item.currency else FOREIGN_AMOUNT
        if item.discount and amount == item.discount[0] and line.date <= item.discount[1]:
            return DISCOUNT
        return None

    # -- passes -------------------------------------------------------------------------------------------------------------

    def run(self):
        """All passes, then proposals for what they left."""
        self._take(self._named_with_amount)
        self._take(self._named_together)
        self._take_transfers()
        self._take(self._partner_and_amount)
        self._take(self._whole_balance)
        self._take(self._named_in_part)
        left = sorted(self.lines.keys() - self.found.keys(), key=lambda id_: (self.lines[id_].date, id_))
        proposals = _Proposals(self).of_lines(left)
        return [found for id_ in self.order if (found := self.found.get(id_) or proposals.get(id_))]

    def _take(self, candidates):
        """One pass: matches that are unique both ways. `candidates` gives those of one line: tuples (ids of items, evidence, rest)."""
        claims, wishes = defaultdict(set), {}
        for id_ in self.order:
            if id_ in self.found or self._is_odd(self.readings[id_]):
                continue
            options = [option for option in candidates(self.readings[id_]) if self.taken.isdisjoint(option[0])]
            for option in options:
                for item in option[0]:
                    claims[item].add(id_)
            if len(options) == 1 and id_ not in self.undecided:
                wishes[id_] = options[0]
            elif options:
                self.undecided.add(id_)
        self.contested |= {item for item, claimants in claims.items() if len(claimants) > 1}
        for id_, (ids, evidence, rest) in wishes.items():
            if self.contested.isdisjoint(ids):
                self.found[id_] = Match(id_, tuple(ids), True, _score(evidence), tuple(evidence), rest=rest)
                self.taken.update(ids)

    @staticmethod
    def _is_odd(reading):
        return reading.is_return or not reading.line.amount

    def _contradicts(self, reading, items):
        """Whether the line says something that these items are not."""
        partners = {item.partner for item in items if item.partner}
        if reading.partner and partners and partners != {reading.partner}:
            return OTHER_PARTNER
        if reading.names_another or reading.named.keys() - {item.id for item in items}:
            return OTHER_DOCUMENT
        if any(item.date > reading.line.date + EARLY for item in items):
            return TOO_EARLY
        return None

    def _partner_codes(self, reading, items):
        return [reading.partner_evidence] if reading.partner and {item.partner for item in items} == {reading.partner} else []

    def _named_with_amount(self, reading) -> Iterator[tuple]:
        """The text names one item, and the amount is the item's."""
        for id_, sure in reading.named.items():
            item = self.items[id_]
            code = self._amount_evidence(reading.line, item)
            if code and not self._contradicts(reading, [item]):
                yield [id_], [_SURENESS[sure], code, *self._partner_codes(reading, [item])], ZERO

    def _named_together(self, reading):
        """The text names several items, and the amount is their sum (invoices less credit notes)."""
        items = sorted((self.items[id_] for id_ in reading.named), key=lambda item: item.age)
        currencies, partners = {item.currency for item in items}, {item.partner for item in items}
        if len(items) < 2 or len(currencies) > 1 or len(partners) > 1 or self._contradicts(reading, items):
            return
        if self._amount_in(reading.line, currencies.pop()) == sum(item.residual for item in items):
            sure = _SURENESS[min(reading.named.values())]
            yield [item.id for item in items], [sure, SUM, *self._partner_codes(reading, items)], ZERO

    def _partner_and_amount(self, reading):
        """The partner is known, and one of its open items has the amount."""
        if not reading.partner:
            return
        line = reading.line
        for item in self._of_amount(line):
            if item.partner == reading.partner and not self._contradicts(reading, [item]):
                yield [item.id], [self._amount_evidence(line, item), reading.partner_evidence], ZERO

    def _of_amount(self, line):
        """Free items that the line's amount pays in full, oldest first."""
        amounts = {(line.currency, line.amount)} | ({(line.foreign[1], line.foreign[0])} if line.foreign else set())
        found = {item.id: item for currency, amount in amounts for item in self.by_amount.get((line.company, currency, amount), ())}
        return sorted((item for item in found.values() if item.id not in self.taken and self._amount_evidence(line, item)),
                      key=lambda item: item.age)

    def _open_of(self, reading):
        """The partner's free items in the line's currency."""
        items = self.by_partner.get((reading.line.company, reading.partner), ()) if reading.partner else ()
        return [item for item in items if item.id not in self.taken and item.currency == reading.line.currency]

    def _whole_balance(self, reading):
        """The amount is all that is open with the partner, two items at least."""
        items = self._open_of(reading)
        if len(items) > 1 and sum(item.residual for item in items) == reading.line.amount and not self._contradicts(reading, items):
            yield [item.id for item in items], [WHOLE_BALANCE, reading.partner_evidence], ZERO

    def _named_in_part(self, reading):
        """The text names one item of the line's partner, and the amount is a part of it that is no fee's difference."""
        if len(reading.named) != 1:
            return
        item = self.items[next(iter(reading.named))]
        amount = self._amount_in(reading.line, item.currency)
        if amount is None or not self._may_pay(reading.line, item) or self._contradicts(reading, [item]):
            return
        missing = abs(item.residual) - abs(amount)
        if missing > 0 and not _is_fee(missing, item.residual) and self._partner_codes(reading, [item]):
            sure = _SURENESS[reading.named[item.id]]
            yield [item.id], [sure, PARTIAL, reading.partner_evidence], amount - item.residual

    def _take_transfers(self):
        """The two lines of a transfer between our own accounts: equal amounts, opposite signs, one of them names the other's account."""
        evidence = (OWN_ACCOUNT, AMOUNT)
        for line, other in _pairs((self.lines[id_] for id_ in self.order if id_ not in self.found), self._is_transfer):
            self.found[line.id] = Match(line.id, (), True, _score(evidence), evidence, pair=other.id)

    def _is_transfer(self, out, into):
        names_it = (self.own_accounts.get(normalise_account(out.account)) == into.journal,
                    self.own_accounts.get(normalise_account(into.account)) == out.journal)
        return any(names_it)


class _Proposals:
    """What a person may want for the lines that no pass could decide: the best candidate, why, and what comes second."""

    def __init__(self, batch):
        self.batch = batch
        self.given: set[int] = set()

    def of_lines(self, ids: Sequence[int]) -> dict[int, Match]:
        """Proposals by line, for lines in the order in which they came to the bank."""
        found = {id_: proposal for id_ in ids if (proposal := self.of(self.batch.readings[id_]))}
        return {**self._transfers([id_ for id_ in ids if id_ not in found]), **found}

    def of(self, reading: _Reading) -> Match | None:
        """The proposal for a line, None without any evidence. Of equal documents each of the equal lines gets another, the oldest first."""
        ranked = sorted(self._candidates(reading), key=lambda match: (-match.score, self._age(match)))
        if not ranked:
            return None
        equal = [match for match in ranked if match.score == ranked[0].score]
        best = next((match for match in equal if self.given.isdisjoint(match.items)), ranked[0])
        self.given.update(best.items)
        second = next((other.items[0] for other in ranked if other.items != best.items), None)
        evidence = (*best.evidence, OLDEST_FIRST) if len(equal) > 1 else best.evidence
        return replace(best, runner_up=second, evidence=evidence, against=best.against or self._against(reading, best, ranked))

    def _transfers(self, ids):
        """Lines with nothing else to say that may be the two sides of a transfer: their amounts say so, and no other line has them."""
        pairs = _pairs((self.batch.lines[id_] for id_ in ids), lambda out, into: True)
        return {line.id: Match(line.id, (), False, _score((AMOUNT,)), (AMOUNT,), (WEAK_EVIDENCE,), pair=other.id) for line, other in pairs}

    def _age(self, match):
        return min(self.batch.items[id_].age for id_ in match.items)

    def _candidates(self, reading):
        if not reading.line.amount:
            return
        batch, seen = self.batch, set()
        pool = [batch.items[id_] for id_ in (*reading.named, *sorted(reading.weakly_named))]
        pool += batch._of_amount(reading.line)[:MOST_ITEMS]
        for item in pool:
            if item.id in seen or item.id in batch.taken or not batch._may_pay(reading.line, item):
                continue
            seen.add(item.id)
            yield self._single(reading, item)
        yield from self._sums(reading)

    def _single(self, reading, item):
        batch, line = self.batch, reading.line
        sure = _SURENESS.get(reading.named.get(item.id)) or (PARTIAL_NUMBER if item.id in reading.weakly_named else None)
        amount, code = batch._amount_in(line, item.currency), batch._amount_evidence(line, item)
        rest = ZERO
        if not code and amount is not None:
            missing = abs(item.residual) - abs(amount)
            code = FEE_SHORT if missing > 0 and _is_fee(missing, item.residual) else PARTIAL if missing > 0 else None
            rest = amount - item.residual
        evidence = tuple(filter(None, [sure, code, *batch._partner_codes(reading, [item])]))
        return Match(line.id, (item.id,), False, _score(evidence), evidence, rest=rest)

    def _sums(self, reading):
        """Sums of some of the partner's open items, where exactly one combination fits."""
        items = self.batch._open_of(reading)
        if not 2 <= len(items) <= MOST_ITEMS:
            return
        found = [chosen for size in range(2, min(len(items), MOST_SUMMANDS) + 1) for chosen in combinations(items, size)
                 if sum(item.residual for item in chosen) == reading.line.amount]
        if len(found) == 1:
            evidence = (SUM, reading.partner_evidence)
            yield Match(reading.line.id, tuple(item.id for item in found[0]), False, _score(evidence), evidence)

    def _against(self, reading, best, ranked):
        items = [self.batch.items[id_] for id_ in best.items]
        reasons = [RETURN] if reading.is_return else []
        contradiction = self.batch._contradicts(reading, items)
        if contradiction:
            reasons.append(contradiction)
        if any(other.score == best.score for other in ranked[1:]):
            reasons.append(NOT_UNIQUE)
        return tuple(reasons) or (WEAK_EVIDENCE,)


def _pairs(lines, fits):
    """Lines of equal amounts and opposite signs in two journals, some days apart at most, for which `fits(out, into)` holds.

    Both (out, into) and (into, out), and only where each fits no other line.
    """
    sides = defaultdict(lambda: ([], []))
    for line in lines:
        if line.amount:
            sides[line.company, line.currency, abs(line.amount)][line.amount > 0].append(line)
    for outs, intos in sides.values():
        pairs = [(out, into) for out in outs for into in intos
                 if out.journal != into.journal and abs(out.date - into.date) <= TRANSFER and fits(out, into)]
        times = Counter(line.id for pair in pairs for line in pair)
        for out, into in pairs:
            if times[out.id] == times[into.id] == 1:
                yield from ((out, into), (into, out))


def _is_fee(missing, whole):
    return abs(missing) <= min(max(abs(whole) * FEE_SHARE, Decimal(1)), FEE)


def _score(evidence):
    return min(100, sum(_SCORES[code] for code in evidence))
