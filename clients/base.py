"""The interfaces of a bank feed and of other books, what a provider declares about itself, and the registry of providers.

To add a provider: one file in `clients/` with a subclass of :class:`BankClient` or :class:`BooksClient` decorated with :func:`register`,
imported in `clients/__init__.py`, and one loopback server in `tests/servers/`.
"""
import abc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from .books import Introduction, Peer, Side
from .errors import SIGN_IN, ConfigError, ProtocolError
from .http import Http
from .records import Balance, Consent, Institution, Page, Presence, Redirect, RemoteAccount, Window

BANK, BOOKS = 'bank', 'books'


def utc_now() -> datetime:
    """The current instant; clients take it as a parameter so that tests can pass their own clock."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True)
class Credential:
    """One thing that the user must give to sign in.

    :param kind: 'text', 'secret' (one line, masked), 'file' (a text file such as a PEM key, masked)
    """

    name: str
    label: str
    kind: str = 'secret'
    help: str = ''
    required: bool = True
    placeholder: str = ''


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, and how often.

    :param redirect: the user signs in at the bank and comes back
    :param institutions: the user chooses a bank from a list first
    :param pending: movements not booked yet are told too
    :param ids: 'stable' when the provider documents its transaction ids as unique and lasting, 'bank' when they are only as
        good as the bank that supplies them, 'none'
    :param history_days: how far back the first read asks when nothing else is known
    :param window_days: longest window of one request, 0 for no limit
    :param calls_per_day: unattended calls in 24 hours, 0 for no limit
    :param calls_scope: what they are counted for: 'account' or 'link'
    :param attended_free: calls made with a :class:`Presence` are not counted
    :param consent_days: usual length of a consent, 0 when it does not end
    """

    redirect: bool = False
    institutions: bool = False
    pending: bool = False
    ids: str = 'bank'
    history_days: int = 90
    window_days: int = 0
    calls_per_day: int = 0
    calls_scope: str = 'account'
    attended_free: bool = False
    consent_days: int = 0


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider as the connect wizard shows it.

    :param code: technical name, stored on links
    :param serves: who it is for, e.g. "Banks of the EU, EEA and UK"
    :param cost: what the user pays and to whom
    :param needs: what the user must have at hand
    :param default_url: address of the provider's API; '' when the user's credential brings it
    :param kind: what it connects: :data:`BANK` or :data:`BOOKS`
    """

    code: str
    title: str
    summary: str
    serves: str
    cost: str
    needs: str
    website: str
    credentials: tuple[Credential, ...]
    capabilities: Capabilities
    countries: tuple[str, ...] = ()
    default_url: str = ''
    icon: str = ''
    kind: str = BANK


def walk_pages(fetch: Callable[[str], Page], token: str, name: str) -> Iterator[Page]:
    """Pages from `token` on, each as `fetch(token)` gives it, until one names no next token.

    :param name: the provider, for the sentence
    :raises ProtocolError: a token comes back; the page that brings it is not given out
    """
    seen = {token}
    while True:
        page = fetch(token)
        if page.next_token and page.next_token in seen:
            raise ProtocolError(f"{name} sends the same page again and again. Nothing of it was imported; if it happens again, "
                                f"report it.", request_id=page.request_id)
        yield page
        if not page.next_token:
            return
        token = page.next_token
        seen.add(token)


class Client(abc.ABC):
    """Speaks one provider's protocol for one link. Holds no database, writes nothing, raises only :mod:`clients.errors`.

    :param credentials: what the user gave and what the provider gave back
    :param http: the session, with its rules about addresses, retries and redaction
    :param url: address of the API, the provider's own unless an administrator set another
    :param presence: given when a person is at the screen
    :param clock: returns the current instant, timezone-aware
    """

    provider: Provider

    def __init__(self, credentials: Mapping[str, str], http: Http, *, url: str = '', presence: Presence | None = None,
                 clock: Callable[[], datetime] = utc_now):
        self.credentials = dict(credentials)
        self.http = http
        self.url = (url or self.provider.default_url).rstrip('/')
        self.presence = presence
        self.clock = clock
        http.service = self.provider.title
        http.hide(self.credentials.values())

    @property
    def attended(self) -> bool:
        """Whether calls really carry the presence of a person, so that they do not count against the unattended ones."""
        return False

    def credential(self, name: str) -> str:
        """The credential, or :class:`ConfigError` that names what is missing."""
        value = self.credentials.get(name)
        if not value:
            label = next((c.label for c in self.provider.credentials if c.name == name), name)
            raise ConfigError(f"{self.provider.title}: “{label}” is missing. Enter it{SIGN_IN}.", field=name)
        return value

    def revoke(self) -> None:   # noqa: B027 - most providers have no such call
        """End the consent at the provider, where it can be ended from here."""


class BankClient(Client):
    """A bank feed."""

    def fetch_institutions(self, country: str) -> list[Institution]:
        """Banks that can be chosen in a country (ISO 3166-1 alpha-2), [] where nothing is chosen."""
        return []

    @abc.abstractmethod
    def start(self, *, institution: str = '', country: str = '', psu_type: str = 'business', return_url: str = '', state: str = '',
              language: str = 'en') -> Consent | Redirect:
        """Sign in with what the user gave: a finished consent, or where to send the user.

        :param institution: :attr:`Institution.code`
        :param return_url: where the bank sends the browser back to
        :param state: unguessable text that comes back with the browser
        """

    def finish(self, answer: Mapping[str, str]) -> Consent:
        """Turn the parameters that the browser came back with into a consent."""
        raise ProtocolError(f"{self.provider.title} does not send anybody back here.")

    @abc.abstractmethod
    def fetch_accounts(self) -> list[RemoteAccount]:
        """All accounts of the consent, also those that the user will leave out."""

    @abc.abstractmethod
    def fetch_balances(self, account: RemoteAccount) -> list[Balance]:
        """The bank's balances now; booked ones first."""
    @abc.abstractmethod
    def fetch_pages(self, account: RemoteAccount, window: Window, token: str = '', *, first_read: bool = False) -> Iterator[Page]:
        """Pages of the window, from `token` on.

        A page's `next_token` may be given to a later call, also of another process. The generator stops after the page
        without one. It raises :class:`ProtocolError` when the provider sends a token a second time.

        :param first_read: nothing of this account was ever read: take what the bank has, also before `window`
        """


class BooksClient(Client):
    """Another accounting system, whose books are kept equal to ours.

    :ivar kept: what the sides of a run need not ask again, by who keeps it
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.kept: dict[str, dict] = {}

    @abc.abstractmethod
    def start(self) -> Consent:
        """Sign in with what the user gave. The consent's credentials say all that later calls need."""

    @abc.abstractmethod
    def describe(self) -> Peer:
        """What is at the other end."""

    @abc.abstractmethod
    def side(self, language: str, shapes: Mapping | None = None) -> Side:
        """Its books.

        :param language: code of the language in which translated texts are read and written, such as `en_US`
        :param shapes: how the kinds of records that a user chose are kept; only another Odoo has such
        """

    @property
    def place(self) -> str:
        """Which books these are: another text may mean other books. '' where that cannot change."""
        return ''

    def is_of_same_books(self, other: 'BooksClient') -> bool:
        """Whether another connection leads to the same books, by whatever address."""
        return self.place == other.place

    @property
    def clock_difference(self) -> timedelta:
        """How far its clock is ahead of ours."""
        return timedelta()

    def introduce(self, **_ourselves) -> Introduction:
        """Ask the other side to wake us when something changes there; asking again replaces what was said before.

        :param key: names this connection over there, the same each time
        :param url, name, database: where to wake us: the address of our server, what we call this connection, our database
        :param secret: to sign with
        :param title: what a person there calls us
        :param entities: kinds of records that we want to know about
        """
        return Introduction(False, "that system does not tell of changes.")

    def withdraw(self, key: str) -> None:   # noqa: B027 - most systems tell nobody
        """We need not be woken any more."""

    def address_of(self, entity: str, key: str) -> str:
        """Where a person sees a record in the browser, '' where nowhere."""
        return ''


_REGISTRY: dict[str, type[Client]] = {}


def register(client: type[Client]) -> type[Client]:
    """Class decorator: make a provider known under its code."""
    code = client.provider.code
    if code in _REGISTRY:
        raise ValueError(f"Provider {code} is registered twice")
    _REGISTRY[code] = client
    return client


def providers() -> list[Provider]:
    """All providers, by title."""
    return sorted((client.provider for client in _REGISTRY.values()), key=lambda p: p.title.lower())


def client_class(code: str) -> type[Client]:
    """The client of a provider; :class:`ConfigError` when there is none of that code."""
    try:
        return _REGISTRY[code]
    except KeyError:
        raise ConfigError(f"The provider “{code}” is not installed on this server.", field='provider') from None
