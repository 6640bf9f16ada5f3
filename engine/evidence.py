"""What a bank line says: which open documents it names, whose payment it is, and what stands against a document."""
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from .parties import PartyIndex, words_of
from .references import BARE, FULL, WEAK, ReferenceIndex, shapes, tokens

#: A document that the payment names may be dated so long after it: a deposit invoice, a bank that is quicker than the bookkeeper.
EARLY = timedelta(days=10)
#: How words of a payment that comes back begin, without accents, and what German ones have within. It has the sign of a credit note and
#: pays none of the same amount.
STEMS = (
    'chargeback', 'returned', 'return', 'reversal', 'reversed', 'storno', 'retour', 'impaye', 'bounced', 'rejected', 'refused', 'insolut',
    'devoluc', 'terugboek')
COMPOUNDS = ('ruckgab', 'rueckgab', 'rucklast', 'ruecklast', 'ruckbuch', 'rueckbuch', 'ruckruf')
#: Words before a number that say that it is a document's.
DOCUMENT_WORDS = frozenset((
    'invoice', 'invoices', 'inv', 'bill', 'rechnung', 'rechnungsnummer', 'rg', 'rnr', 're', 'facture', 'fact', 'fattura', 'factura',
    'faktura', 'faktuur', 'lasku', 'document', 'belegnummer'))

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
    :param kind: the bank's word for the kind of movement
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
    kind: str = ''
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
    :param is_entry: a miscellaneous entry, no document that somebody was sent
    :param side: kind of its account (receivable, payable, …); items of different ones are not set off against one another
    :param document: its document; the items of one are instalments
    :param journal: the only journal through which it can be paid, None for any
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
    is_entry: bool = False
    side: str = ''
    document: int | None = None
    journal: int | None = None
    company: int = 0

    @property
    def age(self) -> tuple:
        """Sorts the oldest first; items of the same day by their id."""
        return self.due or self.date, self.date, self.id


@dataclass(slots=True)
class Reading:
    """What a line says.

    :param named: the items that it names, with how sure that is
    :param weakly_named: items that it may name
    :param by_reference: named items by their vendor's number or payment reference, which other documents may have too
    :param is_only_name: the text is the partner's name and nothing else, and no other counterpart is told
    :param text_says_another: the name of another partner stands in the text
    :param is_torn: its account number, its name and its text say different partners
    """

    line: Line
    named: dict[int, int] = field(default_factory=dict)
    weakly_named: set[int] = field(default_factory=set)
    by_reference: set[int] = field(default_factory=set)
    partner: int | None = None
    partner_evidence: str = ''
    is_torn: bool = False
    text_says_another: bool = False
    is_only_name: bool = False
    names_another: bool = False
    is_return: bool = False
    parts: tuple[str, ...] = ()


class Reader:
    """Reads lines against the open items and the partners."""

    def __init__(self, items, parties):
        self.items = {item.id: item for item in items}
        self.parties = PartyIndex(parties)
        self.references: dict[int, ReferenceIndex] = defaultdict(ReferenceIndex)
        for item in items:
            self.references[item.company].add(item.id, item.number, item.references)

    def reading_of(self, line: Line) -> Reading:
        """What the line says."""
        index, reading = self.references[line.company], Reading(line)
        self._find_partner(reading)
        for text in (line.text, line.reference, line.end_to_end_id):
            mentions = index.mentions(text)
            for mention in mentions:
                self._note(reading, mention)
            reading.names_another |= index.names_something_else(text, mentions)
        reading.parts = tuple(tokens(f'{line.text} / {line.reference}'))
        reading.is_return = is_return(line.text, line.reference, line.kind)
        return reading

    def _note(self, reading, mention):
        """Take note of a mention: sure when it can only be one document (which may have several items: instalments)."""
        keys = [key for key in mention.keys if may_pay(reading.line, self.items[key])] or mention.keys
        documents = {self.items[key].document or key for key in keys}
        if len(documents) > 1:
            keys = self._narrowed(reading, keys)
            documents = {self.items[key].document or key for key in keys}
        for key in keys:
            if mention.sure == WEAK or len(documents) > 1:
                reading.weakly_named.add(key)
            else:
                reading.named[key] = max(mention.sure, reading.named.get(key, 0))
                if mention.is_reference:
                    reading.by_reference.add(key)

    def _narrowed(self, reading, keys):
        """Of several documents of one number those of the line's partner; of one partner's the one that has the amount."""
        if reading.partner_evidence not in ('', NAME_IN_TEXT):
            keys = [key for key in keys if self.items[key].partner == reading.partner] or keys
        exact = [key for key in keys if amount_evidence(reading.line, self.items[key])]
        return exact if len(exact) == 1 and len({self.items[key].partner for key in keys}) == 1 else keys

    def _find_partner(self, reading):
        """Whose payment it is: by who is set on the line, else by the surest of account number, name, and name in the text."""
        line = reading.line
        said = [(evidence, partner) for evidence, partner in (
            (KNOWN_PARTNER, line.partner), (ACCOUNT, self.parties.of_account(line.account, line.partner_name)),
            (NAME, self.parties.of_name(line.partner_name)), (NAME_IN_TEXT, self.parties.in_text(line.text))) if partner]
        if said:
            reading.partner_evidence, reading.partner = said[0]
            reading.is_only_name = not (line.partner_name or line.account or line.reference) and self.parties.is_all_of(line.text)
            reading.text_says_another = said[-1][0] == NAME_IN_TEXT and said[-1][1] != reading.partner
            reading.is_torn = not line.partner and len({partner for evidence, partner in said if evidence != NAME_IN_TEXT}) > 1

    def contradicts(self, reading: Reading, items, by_name: bool = True) -> str | None:
        """What the line says that these items are not.

        :param by_name: the line names the items; else what looks like the number of another document stands against them
        """
        if self._is_others(reading, items, by_name):
            return OTHER_PARTNER
        ids, documents = {item.id for item in items}, {item.document for item in items if item.document}
        others = {id_ for id_ in reading.named if id_ not in ids and self.items[id_].document not in documents}
        if reading.names_another or others or not by_name and self._may_name_another(reading, items, ids):
            return OTHER_DOCUMENT
        latest = reading.line.date + (EARLY if by_name else timedelta())
        if any(item.date > latest for item in items):
            return TOO_EARLY
        return None

    @staticmethod
    def _is_others(reading, items, by_name):
        """Whether the line is another partner's. A name within a text says little beside a document's whole number, and enough without."""
        partners = {item.partner for item in items if item.partner}
        if reading.is_torn or not by_name and reading.text_says_another:
            return True
        if not reading.partner or not partners or partners == {reading.partner}:
            return False
        is_hint = reading.partner_evidence == NAME_IN_TEXT and by_name
        return not (is_hint and all(reading.named.get(item.id, 0) >= FULL and item.id not in reading.by_reference for item in items))

    @staticmethod
    def _may_name_another(reading, items, ids):
        """Whether the text has what looks like another document's number: weakly another item's, or of the shape of the items' own."""
        if reading.weakly_named - ids:
            return True
        parts = reading.parts
        for place, part in enumerate(parts[:-1]):
            if part in DOCUMENT_WORDS and parts[place + 1].isdigit():
                return not reading.named.keys() & ids
        known = [shape for item in items for text in (item.number, *item.references) for shape in shapes(text)]
        runs = {size: [parts[first:first + size] for first in range(len(parts) - size + 1)]
                for size in {len(shape) for shape, _run in known}}
        return any(_is_alike(run, shape) and run != own for shape, own in known for run in runs[len(shape)])


def _is_alike(run, shape):
    return all(part.isdigit() and len(part) == want if isinstance(want, int) else part == want
               for part, want in zip(run, shape, strict=True))


def is_return(*texts: str) -> bool:
    """Whether texts tell of a payment that came back."""
    words = [word for text in texts for word in words_of(text)]
    pairs = set(zip(words, words[1:], strict=False))
    if ('r', 'transaction') in pairs:
        return True
    charged = {'reverse', 'charge'} if ('reverse', 'charge') in pairs else set()
    return any(word.startswith(STEMS) or any(part in word for part in COMPOUNDS) for word in words if word not in charged)


def may_pay(line: Line, item: Item) -> bool:
    """Whether money goes the right way, and through the journal in which a payment was registered."""
    return bool(line.amount) and bool(item.residual) and (line.amount > 0) == (item.residual > 0) and (
        not item.journal or item.journal == line.journal)


def amount_in(line: Line, currency: str) -> Decimal | None:
    """The line's amount in a currency, None where the bank told none."""
    if line.currency == currency:
        return line.amount
    return line.foreign[0] if line.foreign and line.foreign[1] == currency else None


def amount_evidence(line: Line, item: Item) -> str | None:
    """How the line's amount pays all of an item, None when it does not."""
    amount = amount_in(line, item.currency)
    if amount is None or not may_pay(line, item):
        return None
    if amount == item.residual:
        return AMOUNT if line.currency == item.currency else FOREIGN_AMOUNT
    if item.discount and amount == item.discount[0] and abs(amount) < abs(item.residual) and line.date <= item.discount[1]:
        return DISCOUNT
    return None


def needs_partner(reading: Reading, id_: int) -> bool:
    """Whether what names an item is not enough without its partner: a number without its letters, or one that the vendor gave."""
    sure = reading.named[id_]
    return sure <= BARE or id_ in reading.by_reference and sure <= FULL and bool(reading.line.partner_name or reading.line.account)
