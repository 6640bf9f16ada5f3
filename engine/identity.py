"""Which transaction is this? Decides for what a bank tells which inbox row it is, if any.

A *read* is one pass over the pages of one window. Three things identify a movement: the provider's id, the bank's end-to-end id
and a fingerprint of the content; none of them is always there and each is known to change in practice (banks reissue ids,
renumber them by position, rewrite texts). So the last word has counting: when a complete read shows a movement that looks new
while a known one of the same amount is no longer shown, the two are one. That needs the whole read, so :func:`identify` decides
what a page alone can decide and *holds* the rest for :func:`settle` at the end of the read.
"""
import hashlib
import re
import unicodedata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from ..clients.records import BOOKED, PENDING, RemoteTransaction

#: Days by which a bank may move a movement that it shows again under another id.
NEAR_DAYS = 5
NEAR = timedelta(days=NEAR_DAYS)
#: Share of words that two texts must have in common to be the same text, rewritten.
SIMILAR = 0.5
#: What banks write where there is no end-to-end id (SEPA rulebooks: "NOTPROVIDED").
NO_END_TO_END = {'', 'notprovided', 'notprovidednotprovided', 'none', 'nonref', 'null'}

NEW, KNOWN, HELD, SUSPECT, REPEATED = 'new', 'known', 'held', 'suspect', 'repeated'
#: Why a movement without an id is held: an earlier page of the same read showed an equal one. Only a second read can tell.
TWICE, AMOUNT_CHANGED = "shown by an earlier page too", "amount changed"


def normalise_text(text: str) -> str:
    """Text as it counts for comparison: no case, no control characters, one blank between words."""
    text = unicodedata.normalize('NFKC', text or '').casefold()
    text = ''.join(' ' if unicodedata.category(char)[0] in 'CZ' else char for char in text)
    return ' '.join(text.split())


def normalise_account(number: str) -> str:
    """Account number or IBAN without blanks and marks, upper case."""
    return re.sub(r'[^0-9A-Z]', '', (number or '').upper())


def normalise_end_to_end(value: str) -> str:
    """End-to-end id, '' where the bank writes that there is none."""
    value = (value or '').strip()
    return '' if re.sub(r'[^a-z]', '', value.casefold()) in NO_END_TO_END and not re.search(r'\d', value) else value


def fingerprint(on: date, amount: Decimal, currency: str, text: str, account: str) -> str:
    """32 hexadecimal characters that are equal for equal content, whoever delivers it (feed, file or hand)."""
    amount = format(amount.normalize() if amount else Decimal(0), 'f')
    parts = (on.isoformat(), amount, currency, normalise_text(text), normalise_account(account))
    return hashlib.sha256('\x1f'.join(parts).encode()).hexdigest()[:32]


def fingerprint_of(transaction: RemoteTransaction) -> str:
    """Fingerprint of a movement as the bank tells it."""
    return fingerprint(transaction.date, transaction.amount, transaction.currency, transaction.text, transaction.partner_account)


class IdRanges:
    """A set of integers kept as ranges, because the rows of a read have mostly consecutive ids and the set goes into JSON."""

    def __init__(self, ranges: Iterable[Sequence[int]] = ()):
        self.ranges = [list(pair) for pair in ranges]

    def __contains__(self, value: int) -> bool:
        at = bisect_right(self.ranges, value, key=lambda pair: pair[0]) - 1
        return at >= 0 and value <= self.ranges[at][1]

    def update(self, values: Iterable[int]) -> None:
        """Add values; ranges that touch become one."""
        merged: list[list[int]] = []
        for low, high in sorted([*self.ranges, *([v, v] for v in values)]):
            if merged and low <= merged[-1][1] + 1:
                merged[-1][1] = max(merged[-1][1], high)
            else:
                merged.append([low, high])
        self.ranges = merged


@dataclass(frozen=True, slots=True)
class Known:
    """A row of the inbox.

    :param seen: the read in progress showed it already (or created it)
    :param text: normalised
    """

    id: int
    status: str
    date: date
    amount: Decimal
    currency: str
    fingerprint: str
    external_id: str = ''
    end_to_end_id: str = ''
    text: str = ''
    partner_account: str = ''
    balance_after: Decimal | None = None
    seen: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one movement of a page is.

    :param kind: `new`, `known`, `held` (ask :func:`settle`), `suspect` (a person decides) or `repeated` (its page shows it twice)
    :param index: position in what was given to :func:`identify` or :func:`settle`
    :param known: id of the row that it is, or may be
    :param reissued: the row carries another external id than the one shown now
    :param distrust: the external ids of this account have proved unreliable
    """

    index: int
    kind: str
    known: int | None = None
    reissued: bool = False
    distrust: bool = False
    reason: str = ''


@dataclass(slots=True)
class _Pool:
    """Known rows by each of their keys; a row is taken once."""

    rows: Sequence[Known]
    taken: set[int] = field(default_factory=set)
    by_id: dict[str, Known] = field(default_factory=dict)
    by_fingerprint: dict[tuple[str, str], list[Known]] = field(default_factory=lambda: defaultdict(list))
    by_amount: dict[tuple[Decimal, str], list[Known]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self):
        for row in self.rows:
            if row.external_id:
                self.by_id[row.external_id] = row
            self.by_fingerprint[row.status, row.fingerprint].append(row)
            self.by_amount[row.amount, row.currency].append(row)

    def free(self, row: Known) -> bool:
        return row.id not in self.taken and not row.seen

    def twin(self, transaction: RemoteTransaction, print_: str) -> Known | None:
        """A free row of the same content; the one whose running balance agrees first."""
        rows = [row for row in self.by_fingerprint[transaction.status, print_] if self.free(row)]
        same_balance = [r for r in rows if r.balance_after is not None and r.balance_after == transaction.balance_after]
        return next(iter(same_balance or rows), None)

    def may_be_shown_twice(self, transaction: RemoteTransaction, print_: str) -> bool:
        """Whether an earlier page of this read showed what may be this same movement.

        A list that grows while it is read shows a line on two pages. Only an id tells it from an equal second one: the balance
        after it does not, because the line that came in between changes that too.
        """
        return not transaction.external_id and any(row.seen for row in self.by_fingerprint[transaction.status, print_])

    def near(self, transaction: RemoteTransaction) -> list[Known]:
        """Free booked rows of the same amount within a few days, nearest first."""
        rows = [
            row for row in self.by_amount[transaction.amount, transaction.currency]
            if self.free(row) and row.status == BOOKED and abs((row.date - transaction.date).days) <= NEAR_DAYS
        ]
        return sorted(rows, key=lambda row: abs((row.date - transaction.date).days))


def identify(page: Sequence[RemoteTransaction], known: Sequence[Known], *, trust_ids: bool = True,
             whole_window: bool = True) -> list[Verdict]:
    """Verdicts for the movements of a page, in their order.

    :param known: the account's rows that share an id or a day (give or take :data:`NEAR_DAYS`) with the page
    :param trust_ids: the account's ids have proved stable so far
    :param whole_window: the read shows every movement of its days (a date-range feed), so what it does not show can be missed.
        False for a change feed: there an unknown id is a new movement.
    """
    pool = _Pool(known)
    prints = [fingerprint_of(transaction) for transaction in page]
    verdicts = _repeated(page, prints) if trust_ids else {}
    trust_ids = trust_ids and not _renumbered(pool, page, prints)
    # Strongest evidence first over the whole page, so that a weak match never takes a row that another movement fits exactly.
    for match in (_same_id_and_content, _same_id, _same_content):
        for index, transaction in enumerate(page):
            verdict = None if index in verdicts else match(pool, index, transaction, prints[index], trust_ids, whole_window)
            if verdict:
                verdicts[index] = verdict
                pool.taken.add(verdict.known)
    ids_used: set[str] = set()
    for index, transaction in enumerate(page):
        if index not in verdicts:
            verdicts[index] = _unmatched(pool, index, transaction, prints[index], transaction.external_id in ids_used, whole_window)
        ids_used.add(transaction.external_id)
    return [verdicts[index] for index in range(len(page))]


def _repeated(page, prints):
    """Movements that the page itself shows twice: same id and content.

    Without ids two of equal content are two, also with the same balance after them: some banks tell the balance of the day's end.
    """
    verdicts: dict[int, Verdict] = {}
    firsts: set[tuple] = set()
    for index, transaction in enumerate(page):
        key = (transaction.status, prints[index], transaction.external_id)
        if transaction.external_id and key in firsts:
            verdicts[index] = Verdict(index, REPEATED)
        firsts.add(key)
    return verdicts


def _renumbered(pool, page, prints):
    """Whether the page shows the content of a known row under another id, while that row's id now names something else.

    That is what a late line does to a bank that counts its lines; matching by id would then tell each line as its neighbour.
    """
    ids_of: dict[str, set[str]] = defaultdict(set)
    for transaction, print_ in zip(page, prints, strict=True):
        if transaction.external_id and transaction.status == BOOKED:
            ids_of[print_].add(transaction.external_id)
    rows = [(pool.by_id.get(transaction.external_id), print_) for transaction, print_ in zip(page, prints, strict=True)]
    lost = {row.fingerprint for row, print_ in rows if row and row.status == BOOKED and row.fingerprint != print_}
    return any(not (id_ in pool.by_id and pool.by_id[id_].fingerprint == print_) for print_ in lost for id_ in ids_of[print_])


def _same_id_and_content(pool, index, transaction, print_, trust_ids, whole_window):
    """Id and content agree: known, whatever else there is."""
    row = transaction.external_id and pool.by_id.get(transaction.external_id)
    if row and row.id not in pool.taken and row.fingerprint == print_ and row.status == transaction.status:
        return Verdict(index, KNOWN, row.id)
    return None


def _same_id(pool, index, transaction, print_, trust_ids, whole_window):
    """Id agrees, content differs. A pending movement may change as it likes; a booked one keeps its amount."""
    row = pool.by_id.get(transaction.external_id) or pool.by_id.get(transaction.pending_id)
    if not row or row.id in pool.taken or row.status == BOOKED and not pool.free(row):
        return None     # an earlier page showed the row already: the bank uses the id for two movements
    if row.status == PENDING:
        return Verdict(index, KNOWN, row.id, reason="pending became booked" if transaction.status == BOOKED else "pending changed")
    if transaction.status == PENDING:
        return Verdict(index, KNOWN, row.id, reason="booked already")
    same_money = (row.amount, row.currency) == (transaction.amount, transaction.currency)
    near = abs((row.date - transaction.date).days) <= NEAR_DAYS
    if same_money and trust_ids and near:
        return Verdict(index, KNOWN, row.id, reason="content changed")
    return None


def _same_content(pool, index, transaction, print_, trust_ids, whole_window):
    """Content agrees with a row that this read has not shown yet: the id is new, or was reissued."""
    row = pool.twin(transaction, print_)
    if not row:
        return None
    both_have_ids = bool(row.external_id and transaction.external_id)
    if both_have_ids and not whole_window and trust_ids:
        return None
    return Verdict(index, KNOWN, row.id, reissued=row.external_id != transaction.external_id and bool(transaction.external_id))


def _unmatched(pool, index, transaction, print_, id_used, whole_window):
    """Nothing in this page says that it is known: new, unless the rest of the read may say otherwise."""
    if transaction.status == PENDING:
        return Verdict(index, NEW)
    if whole_window and pool.may_be_shown_twice(transaction, print_):
        return Verdict(index, HELD, None, reason=TWICE)
    row = pool.by_id.get(transaction.external_id)
    if row and row.status == BOOKED:
        return Verdict(index, HELD, row.id, distrust=True, reason="known id with other content")
    if transaction.external_id and id_used:
        return Verdict(index, HELD, None, distrust=True, reason="one id for two movements")
    if whole_window and pool.near(transaction):
        return Verdict(index, HELD, None, reason="equal amount near")
    return Verdict(index, NEW)


def settle(held: Sequence[RemoteTransaction], ids: Sequence[int | None], unseen: Sequence[Known]) -> list[Verdict]:
    """Verdicts for held movements once the read is complete.

    :param ids: for each, the row that carries the same external id with other content, if any
    :param unseen: booked rows of the window that the complete read did not show
    :returns: `new`, `known` (the bank rewrote it) or `suspect` (maybe one that is gone: a person decides)
    """
    pool = _Pool(unseen)
    unseen_by_id = {row.id: row for row in unseen}
    verdicts: dict[int, Verdict] = {}
    for match in (_rewritten, _edited, _moved):
        for index, transaction in enumerate(held):
            verdict = None if index in verdicts else match(pool, index, transaction, unseen_by_id.get(ids[index] or 0))
            if verdict:
                verdicts[index] = verdict
                pool.taken.add(verdict.known)
    return [verdicts.get(index) or Verdict(index, NEW) for index in range(len(held))]


def _rewritten(pool, index, transaction, same_id):
    """Same day, same amount, and what was there before is gone: the bank shows that very movement with another text or id."""
    for row in pool.near(transaction):
        if row.date == transaction.date and _alike(row, transaction):
            return Verdict(index, KNOWN, row.id, reissued=row.external_id != transaction.external_id, reason="text or id changed")
    return None


def _edited(pool, index, transaction, same_id):
    """The row of this id is gone and the id now names another amount: corrected by the bank, or an id used again."""
    if same_id and pool.free(same_id):
        return Verdict(index, SUSPECT, same_id.id, distrust=True, reason=AMOUNT_CHANGED)
    return None


def _moved(pool, index, transaction, same_id):
    """Same amount near a row that is gone: perhaps moved to another day or renamed altogether."""
    rows = pool.near(transaction)
    exact = [r for r in rows if r.end_to_end_id and r.end_to_end_id == normalise_end_to_end(transaction.end_to_end_id)]
    if exact:
        return Verdict(index, KNOWN, exact[0].id, reissued=True, reason="same end-to-end id")
    if rows:
        return Verdict(index, SUSPECT, rows[0].id, reason="an equal movement is no longer shown")
    return None


def _alike(row: Known, transaction: RemoteTransaction) -> bool:
    account = normalise_account(transaction.partner_account)
    if row.end_to_end_id and row.end_to_end_id == normalise_end_to_end(transaction.end_to_end_id):
        return True
    if row.partner_account and account and row.partner_account != account:
        return False
    return bool(row.partner_account and row.partner_account == account) or similar(row.text, normalise_text(transaction.text))


def similar(one: str, other: str) -> bool:
    """Whether two normalised texts share at least half of the words of the longer one."""
    words, others = set(re.findall(r'\w+', one)), set(re.findall(r'\w+', other))
    if not words or not others:
        return words == others
    return len(words & others) >= SIMILAR * max(len(words), len(others))


def foreign_twins(transactions: Sequence[RemoteTransaction], lines: Sequence[Known]) -> dict[int, int]:
    """Which new movements may stand in the books already, written by somebody else (a file, a hand).

    :param lines: statement lines of the journal that no inbox row claims, as :class:`Known`
    :returns: index of the movement -> id of the line; every line is given away once
    """
    pool = _Pool(lines)
    found: dict[int, int] = {}
    for accept in (_same_day_and_text, _same_day, _near_and_same_text):
        for index, transaction in enumerate(transactions):
            if index in found or transaction.status != BOOKED:
                continue
            row = next((row for row in pool.near(transaction) if accept(row, transaction)), None)
            if row:
                found[index] = row.id
                pool.taken.add(row.id)
    return found


def _same_day(row, transaction):
    return row.date == transaction.date


def _near_and_same_text(row, transaction):
    return bool(row.text) and row.text == normalise_text(transaction.text)


def _same_day_and_text(row, transaction):
    return _same_day(row, transaction) and _near_and_same_text(row, transaction)
