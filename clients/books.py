"""What crosses the border of two-way synchronization: canonical records and the interface of a side. No behaviour, no system's own shape.

Both sides of a link speak this one language, so the engine knows neither which system it talks to nor which side is ours. A value is
None, `str`, `bool`, `Decimal`, `date`, an aware `datetime`, a :class:`Ref`, a frozenset of Ref, or a tuple of :class:`Line`. A name that is
missing from `fields` was not told, which is not the same as told to be empty: '' for a text, None for all else.
"""
import abc
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Union

from .errors import SyncError

#: States of a record. A record that is no document is ACTIVE or ARCHIVED.
ACTIVE, ARCHIVED = 'active', 'archived'
DRAFT, POSTED, CANCELLED = 'draft', 'posted', 'cancelled'
#: What a user may do with records of a kind.
READ, WRITE, CREATE = 'read', 'write', 'create'
#: A state that only some addon of that side knows. Such a record is left alone.
UNKNOWN = 'unknown'


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Points to a record of an entity by its key on the side that speaks, or by its binding once both sides are known."""

    entity: str
    key: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a document.

    :param key: what its side calls it, '' where lines have no identity or it does not exist there yet
    """

    key: str
    fields: Mapping[str, 'Value']


Value = Union[None, str, bool, Decimal, date, datetime, Ref, frozenset, tuple]  # noqa: UP007 - `None | str` cannot name Ref before 3.14


@dataclass(frozen=True, slots=True)
class Record:
    """A record as one side tells it.

    :param version: another one whenever the record changed; '' when that cannot be said yet
    :param state: one of the states above
    :param changed_at: when it was last changed, by that side's clock
    :param changed_by: key of who did, see :meth:`Side.name_of`
    :param title: what a person calls it
    :param born: when it was created, as its side says it: another one for the same key is another record; '' when that is not told
    """

    entity: str
    key: str
    version: str
    fields: Mapping[str, Value]
    state: str = ACTIVE
    changed_at: datetime | None = None
    changed_by: str = ''
    title: str = ''
    born: str = ''


@dataclass(frozen=True, slots=True)
class LineEdits:
    """What to do with the lines of a document.

    :param update: fields to set by key
    :param add: lines to add, in their order; their keys are the other side's
    :param remove: keys
    """

    update: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    add: tuple[Line, ...] = ()
    remove: tuple[str, ...] = ()

    def __bool__(self):
        return bool(self.update or self.add or self.remove)


@dataclass(frozen=True, slots=True)
class Intent:
    """What to write.

    :param key: '' creates
    :param marker: finds what was created, also after a crash; the same for each attempt
    :param fields: only what is to be set; `lines` fields are :class:`LineEdits`, or all the lines of a new record
    :param state: to bring it to, '' to leave it
    :param version: what the values were based on, '' when the record is new
    :param expects: what the side computes and what must come out before the document is posted: else it stays a draft and is refused
    :param apart: keys of records that may look the same and are the pairs of others
    :param keeps: what is not to be set and stays as it is, also where the side would compute it anew: fields, and :class:`LineEdits` with
        fields of lines by their key
    :param reopens: the state that the document leaves for the change and then has again; '' when it can be changed as it is
    """

    entity: str
    key: str = ''
    marker: str = ''
    fields: Mapping[str, Value | LineEdits] = field(default_factory=dict)
    state: str = ''
    version: str = ''
    reopens: str = ''
    expects: Mapping[str, Value] = field(default_factory=dict)
    apart: frozenset[str] = frozenset()
    keeps: Mapping[str, Value | LineEdits] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an intent: the key and the record as it stands now, or why not.

    :param key: also set beside an error, when the record was created and only what followed was refused
    :param is_found: an earlier attempt had created it, perhaps with other values: nothing was written now
    """

    key: str = ''
    record: Record | None = None
    error: SyncError | None = None
    is_found: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """One page of what moved.

    :param versions: {key: version}
    :param cursor: asks for the next page; on the last one it is where the next run begins
    """

    versions: Mapping[str, str]
    cursor: str
    more: bool = False


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """What a side knows of a field of an entity.

    :param kind: a kind of :mod:`engine.entities`; '' where the side has no such field
    :param problem: a sentence for the user, '' when it can be used
    """

    name: str
    label: str
    kind: str
    readonly: bool = False
    problem: str = ''


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a link to other books.

    :param version: as the system itself says it
    :param protocol: how we talk to it
    :param currency: ISO code of the currency that its books are kept in
    :param user, database: who we are there, and where, as people call it; '' where the system has no such thing
    """

    name: str
    version: str
    protocol: str
    company: str
    currency: str
    user: str = ''
    database: str = ''


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records concern the other side. A pair stays one whatever the filter says.

    :param since: only documents of this day or later
    :param journals: keys of journals on this side; None for all
    :param domain: in the side's own language, as its users write it
    :param born_after: only records that were created later, by that side's clock
    """

    since: date | None = None
    journals: frozenset[str] | None = None
    domain: tuple = ()
    born_after: datetime | None = None

    def __bool__(self):
        return bool(self.since is not None or self.journals is not None or self.domain or self.born_after)


@dataclass(frozen=True, slots=True)
class Introduction:
    """What came of asking the other side to wake us.

    :param wakes: whether it will
    :param why: why not, or why it could not until now; a sentence that goes on after a colon
    :param who: a name of the other database that nobody else has, '' where it does not say
    :param is_circular: it keeps these books by a connection of its own: together they would send everything to and fro
    """

    wakes: bool
    why: str = ''
    who: str = ''
    is_circular: bool = False


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account moved by in a month, by posted documents.

    :param title: what a person calls the account
    :param month: its first day
    :param amount: in the currency of the books, debit positive
    """

    account: Ref
    title: str
    month: date
    amount: Decimal


#: In place of a document: all that a side books for itself and that is of no entity, such as the transactions of its own bank feed.
OWN = Ref('', '')


@dataclass(frozen=True, slots=True)
class Posting:
    """What a posted document, or :data:`OWN`, books on an account in a month.

    :param account_title, title: what a person calls account and document
    :param month: its first day
    :param amount: in the currency of the books, debit positive
    """

    account: Ref
    account_title: str
    document: Ref
    title: str
    month: date
    amount: Decimal


class Side(abc.ABC):
    """One of the two systems of a link. Raises only :mod:`clients.errors`; what concerns one record alone is in its outcome."""

    #: The run before this one broke off: what it created is looked for before it is created again.
    is_careful = False

    @abc.abstractmethod
    def read_changes(self, entity: str, cursor: str, only: Filter | None = None) -> Changes:
        """A page of what moved since the cursor, '' for all there is. What moved within the overlap is told again.

        :param only: leaves out of the first reading what does not match; what moves later is told all the same, for it may be paired
        """

    @abc.abstractmethod
    def read_listing(self, entity: str, cursor: str, only: Filter | None = None) -> Changes:
        """A page of all that there is, also what is archived or cancelled: who is missing from all pages is not there."""

    def is_older(self, version: str, known: str) -> bool:
        """Whether a version of a record is one that it had before a known one, where versions tell that."""
        return False

    @abc.abstractmethod
    def find_appended(self, entity: str, documents: Collection[Ref]) -> set[str]:
        """Keys of the records of an entity that belong to these documents."""

    @abc.abstractmethod
    def count(self, entity: str, only: Filter) -> int:
        """How many records the first reading will tell, to say how long it takes."""

    @abc.abstractmethod
    def find_matching(self, entity: str, keys: Collection[str], only: Filter) -> set[str]:
        """Those of the keys whose records match a filter."""

    @abc.abstractmethod
    def untouched(self, entity: str, keys: Collection[str]) -> set[str]:
        """Those of the keys whose records nobody changed since they were created."""

    @abc.abstractmethod
    def markers_of(self, entity: str, keys: Collection[str]) -> dict[str, str]:
        """{key: marker} of those of the records that were created with one."""

    @abc.abstractmethod
    def find_equal(self, entity: str, wanted: Sequence[Mapping[str, Value]]) -> set[str]:
        """Keys of the records that have all values of one of the wanted. Texts are equal whatever their case and blanks are; to find
        others too does no harm, for they are compared again.
        """

    @abc.abstractmethod
    def read_records(self, entity: str, keys: Collection[str], names: Collection[str] | None = None,
                     refused: dict[str, SyncError] | None = None) -> dict[str, Record]:
        """Records by key; those that are not there (or not for us) are missing.

        :param names: of fields; None for all but the contents of files
        :param refused: is told by key why a record cannot be read while others can; None when no such record may be passed over
        :raises Rejected, ServerFault: a record cannot be read and `refused` is None, or none can be read at all
        """

    @abc.abstractmethod
    def write_records(self, entity: str, intents: Sequence[Intent]) -> list[Outcome]:
        """One outcome for each intent, in their order."""

    def foresee(self, entity: str, intents: Sequence[Intent]) -> dict[int, SyncError]:
        """{place of an intent: why it would be refused} as far as that is known without trying: closed periods, currencies."""
        return {}

    @abc.abstractmethod
    def describe(self, entity: str) -> dict[str, FieldInfo]:
        """The entity's fields on this side."""

    @abc.abstractmethod
    def own_users(self) -> frozenset[str]:
        """Who changed what we wrote, as `Record.changed_by` says it; nobody where only we can write meanwhile."""

    def lacking(self, entity: str, needed: Collection[str]) -> set[str]:
        """Those of the needed rights (:data:`READ`, :data:`WRITE`, :data:`CREATE`) that our user lacks, as far as the system tells."""
        return set()

    def name_of(self, changed_by: str) -> str:
        """What people call whoever changed a record. '' where the system does not say."""
        return ''

    def read_balances(self) -> list[Balance] | None:
        """The trial balance by month. None where the system cannot tell it."""
        return None

    def read_postings(self, accounts: Collection[str], month: date, kinds: Collection[str]) -> list[Posting]:
        """What documents book on these accounts in a month. Asked only of a side that tells balances.

        :param kinds: entities whose documents are told one by one; what others book is :data:`OWN`
        """
        raise NotImplementedError

    def read_postings_of(self, documents: Collection[Ref]) -> list[Posting]:
        """What these documents book on all accounts, nothing where they are not posted. Asked only of a side that tells balances."""
        raise NotImplementedError

    def read_bank_amounts(self, keys: Collection[str]) -> dict[str, Decimal]:
        """{key of a bank transaction: what it books on the account of its bank}. Asked only of a side that tells balances."""
        raise NotImplementedError

    def read_bank_accounts(self, journal: str) -> list[tuple[Ref, str]]:
        """The account of a bank and the one where its transactions wait to be matched, each with its title; [] where it has none.
        Asked only of a side that tells balances.
        """
        raise NotImplementedError
