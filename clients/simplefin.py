"""SimpleFIN: read-only bank data of the US and Canada through a SimpleFIN server, usually the SimpleFIN Bridge.

The user pastes a setup token; it is claimed once for an access address that holds user name and password.
Sources: SimpleFIN protocol 1.0 and 2 (simplefin.org/protocol.html), SimpleFIN Bridge developer guide.

*What identifies an account.* Ids are unique within a connection (version 2) or an organisation (version 1) only, so
`external_id` is `<scope>/<id>`, the scope being the connection's id, else the organisation's domain, id or name. The Bridge's own
ids (`ACT-` and a UUID) are unique everywhere and stay when a server changes from version 1 to 2: they are used as they are.
Both survive a new setup token of the same SimpleFIN user.
"""
import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import unquote, urlsplit, urlunsplit

from . import wire
from .base import BankClient, Capabilities, Credential, Provider, register, walk_pages
from .errors import AccountUnavailable, ConfigError, ProtocolError, ReauthRequired, RestartRead, SyncError, TransientError
from .http import Answer
from .records import BOOKED, PENDING, Balance, Consent, Notice, Page, RemoteAccount, RemoteTransaction, Window

WINDOW_DAYS = 90
LONGEST_ACCESS_URL = 2048
SHORTEST_BANK = 4   # letters; a shorter name is found in any text

NEW_TOKEN = "Create a new setup token at SimpleFIN, press Reconnect and enter it."
CLAIM_REFUSED = ("SimpleFIN does not accept this setup token: it was used before, or it does not exist. If you did not use it yourself, "
                 "somebody else may have your bank data: disable the token at SimpleFIN. " + NEW_TOKEN)
CLAIM_LOST = ("SimpleFIN gave no answer to the setup token. It works only once and may be used up now: try again, and if it is "
              "refused, create a new one.")
ACCESS_REVOKED = "SimpleFIN no longer gives access with this connection. " + NEW_TOKEN
PAYMENT = "SimpleFIN asks for a payment before it goes on. Renew your subscription at SimpleFIN, then synchronize again."
SIGN_IN = "SimpleFIN needs you to sign in to your bank again. Open SimpleFIN, repair the connection there, then synchronize again. "
NOT_DELIVERED = "SimpleFIN could not read this account at the bank. The next synchronization tries again. "
GONE = ("SimpleFIN no longer shows the account “{name}”. Allow it again at SimpleFIN, or stop synchronizing it here.")

_BRIDGE_ID = re.compile(r'(?i)ACT-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')
# Version 1 has no codes, only texts for a person.
_SIGN_IN_TEXT = re.compile(r'(?i)re-?auth|authenticat|credential|sign[ -]?in|log[ -]?in|attention')
# SimpleFIN does not say what an account is; its name often does.
_KINDS = (
    ('card', re.compile(r'(?i)\b(credit|card|visa|mastercard|amex|american express)\b')),
    ('savings', re.compile(r'(?i)\bsavings?\b')),
    ('loan', re.compile(r'(?i)\b(loan|mortgage)\b')),
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One entry of the error list, with what it speaks of ('' for everything).

    :param scope: a connection or an organisation, as :func:`scope_of` names it
    :param account: the provider's id of an account
    """

    level: str
    text: str
    code: str = ''
    scope: str = ''
    account: str = ''

    @property
    def partial(self) -> bool:
        """Whether it leaves a part of the link alone."""
        return bool(self.scope or self.account)

    def concerns(self, scope: str, account: str) -> bool:
        """Whether it may speak of an account. When in doubt it does: an error is never "no transactions"."""
        if self.account and self.account != account:
            return False
        return not (self.scope and scope and self.scope != scope)


@dataclass(frozen=True, slots=True)
class AccountSet:
    """One answer of `GET /accounts`, for all accounts of the link.

    :param accounts: external id -> the provider's account
    :param banks: scope -> name of the bank
    """

    accounts: dict[str, dict]
    banks: dict[str, str]
    troubles: tuple[Trouble, ...]
    request_id: str

    def troubles_of(self, scope: str, account: str) -> list[Trouble]:
        return [trouble for trouble in self.troubles if trouble.concerns(scope, account)]


def scope_of(account: dict) -> str:
    """Within what the id of an account is unique: its connection (version 2), else its organisation (version 1)."""
    org = wire.mapping(account.get('org'))
    return wire.text(account.get('conn_id') or org.get('domain') or org.get('id') or org.get('name') or org.get('sfin-url'))


def external_id(account: dict) -> str:
    """The lasting key of an account, see the head of this file."""
    own, scope = wire.text(account.get('id')), scope_of(account)
    if not own:
        raise ProtocolError("SimpleFIN sent an account without an id. Nothing was imported.")
    return own if _BRIDGE_ID.fullmatch(own) or not scope else f'{scope}/{own}'


@register
class SimpleFin(BankClient):
    """One link is one access address; one answer holds all its accounts, so it is kept for the life of this object (one run)."""

    provider = Provider(
        code='simplefin',
        title="SimpleFIN",
        summary="Reads accounts through SimpleFIN Bridge. You connect your banks there and paste one token here.",
        serves="Banks and credit cards of the USA and Canada",
        cost="About USD 1.50 a month or USD 15 a year, paid by you to SimpleFIN",
        needs="A SimpleFIN Bridge account with your banks connected, and a setup token from it",
        website='https://bridge.simplefin.org',
        countries=('US', 'CA'),
        credentials=(
            Credential('setup_token', "Setup Token", help="SimpleFIN Bridge > Apps > New Connection. It works only once.",
                       placeholder='aHR0cHM6Ly9…'),
        ),
        capabilities=Capabilities(pending=True, ids='stable', history_days=90, window_days=WINDOW_DAYS, calls_per_day=24,
                                  calls_scope='link'),
        icon='/account_online_sync/static/description/providers/simplefin.svg',
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._answers: dict[tuple, AccountSet] = {}
        self._location = None

    # -- sign-in ------------------------------------------------------------------------------------------------------------

    def start(self, **_kwargs) -> Consent:
        """Claim the setup token. An access address pasted in its place is taken as it is."""
        pasted = ''.join(self.credential('setup_token').split())
        access = pasted if '@' in pasted else self._claim(self._claim_url(pasted))
        self._split(access)
        return Consent({'access_url': access})

    def _claim_url(self, token: str) -> str:
        """A setup token is the Base64 of the address to claim (protocol, "Claim the Access URL")."""
        try:
            url = base64.b64decode(token.replace('-', '+').replace('_', '/') + '=' * (-len(token) % 4), validate=True).decode('ascii')
        except (binascii.Error, UnicodeDecodeError):
            url = ''
        if not re.match(r'https?://[^\s/]+/', url):
            raise ConfigError("This is not a SimpleFIN setup token. Copy the whole token from SimpleFIN and paste it again.",
                              field='setup_token')
        self.http.hide([url, urlsplit(url).path, url.rsplit('/', 1)[-1]])
        return url

    def _claim(self, url: str) -> str:
        """POST without a body, once, gives the access address as text (protocol, `POST /claim/:token`)."""
        try:
            answer = self.http.request('POST', url, data=b'', headers={'Accept': 'text/plain'}, as_text=True,
                                       judge=self._judge_claim)
        except TransientError as error:
            raise TransientError(CLAIM_LOST, detail=error.detail, status=error.status) from None
        self.http.hide([answer.text.strip()])
        return answer.text.strip()

    def _judge_claim(self, answer: Answer) -> SyncError | None:
        if answer.status in (401, 403, 404, 410):
            return self.http.error(answer, ConfigError, CLAIM_REFUSED, field='setup_token')
        return None

    def _split(self, access: str) -> tuple[str, tuple[str, str]]:
        """Address without credentials, and the credentials; both are kept from every log."""
        try:
            parts = urlsplit(access)
            user, password = unquote(parts.username or ''), unquote(parts.password or '')
            plain = urlunsplit((parts.scheme, parts.netloc.rpartition('@')[2], parts.path.rstrip('/'), '', ''))
        except ValueError:
            parts = user = password = plain = ''
        if not (parts and parts.scheme in ('https', 'http') and parts.hostname and user and password) or len(access) > LONGEST_ACCESS_URL:
            raise ProtocolError("SimpleFIN did not answer with an access address. " + NEW_TOKEN)
        self.http.hide([access, user, password, f'{user}:{password}'])
        return plain, (user, password)

    # -- reading ------------------------------------------------------------------------------------------------------------

    def fetch_accounts(self) -> list[RemoteAccount]:
        answer = self._balances_only()
        if not answer.accounts and answer.troubles:
            raise self._error_of(answer.troubles, answer)
        return [self._account(key, row, answer) for key, row in answer.accounts.items()]

    def fetch_balances(self, account: RemoteAccount) -> list[Balance]:
        """From an answer of this run that has the account, if there is one: calls are few."""
        answer = next((a for a in reversed(self._answers.values()) if self._lookup(a, account)), None) or self._balances_only()
        return self._balances(self._found(answer, account))

    def fetch_pages(self, account: RemoteAccount, window: Window, token: str = '', *, first_read: bool = False) -> Iterator[Page]:
        """A page for every 90 days of the window, oldest first. A token is the first day of its page."""
        return walk_pages(lambda at: self._page(account, window, at), token, self.provider.title)

    def _page(self, account: RemoteAccount, window: Window, token: str) -> Page:
        first = self._day_of(token, window)
        last = min(first + timedelta(days=WINDOW_DAYS - 1), window.date_to)
        answer = self._ask({'start-date': wire.epoch(first), 'end-date': wire.epoch(last + timedelta(days=1)), 'pending': 1})
        row = self._found(answer, account)
        known = wire.currency(row.get('currency')) or account.currency
        movements, unreadable = wire.read_rows(wire.objects(row.get('transactions'), 'transactions'),
                                               lambda item: self._transaction(item, known))
        troubles = answer.troubles_of(scope_of(row), wire.text(row.get('id')))
        notices = [Notice(t.level, t.text, t.code, account.external_id if t.partial else '') for t in troubles]
        return Page(
            tuple(movements),
            next_token='' if last >= window.date_to else (last + timedelta(days=1)).isoformat(),
            balances=tuple(self._balances(row)),
            notices=(*notices, *unreadable),
            complete=not troubles and not unreadable,
            request_id=answer.request_id,
        )

    def _day_of(self, token: str, window: Window) -> date:
        try:
            first = date.fromisoformat(token) if token else window.date_from
        except ValueError:
            first = date.min
        if not window.date_from <= first <= max(window.date_to, window.date_from):
            raise RestartRead("The period of this synchronization has changed. It is read again from its beginning.")
        return first

    def _balances_only(self) -> AccountSet:
        return self._ask({'balances-only': 1})

    def _ask(self, params: dict) -> AccountSet:
        """The answer to a question, asked once in a run, for all accounts (protocol, `GET /accounts`)."""
        key = tuple(sorted(params.items()))
        if key not in self._answers:
            plain, auth = self._access()
            answer = self.http.request('GET', f'{plain}/accounts', params={'version': 2, **params}, auth=auth, judge=self._judge)
            self._answers[key] = self._account_set(answer)
        return self._answers[key]

    def _access(self) -> tuple[str, tuple[str, str]]:
        if not self._location:
            if not self.credentials.get('access_url'):
                raise ConfigError("SimpleFIN is not signed in yet. " + NEW_TOKEN, field='setup_token')
            self._location = self._split(self.credentials['access_url'])
        return self._location

    def _judge(self, answer: Answer) -> SyncError | None:
        if answer.status in (401, 403):
            return self.http.error(answer, ReauthRequired, ACCESS_REVOKED)
        return self.http.error(answer, ConfigError, PAYMENT) if answer.status == 402 else None

    # -- understanding ------------------------------------------------------------------------------------------------------

    def _account_set(self, answer: Answer) -> AccountSet:
        if not isinstance(answer.data, dict) or not isinstance(answer.data.get('accounts'), list):
            raise ProtocolError("SimpleFIN sent an answer without accounts. Nothing was imported.", status=answer.status,
                                request_id=answer.request_id)
        data = wire.without_nulls(answer.data)
        connections = wire.objects(data.get('connections'), 'connections')
        rows = wire.objects(data['accounts'], 'accounts')
        accounts = {external_id(row): row for row in rows}
        if len(accounts) != len(rows):
            raise ProtocolError("SimpleFIN sent two accounts with the same id. Nothing was imported.", request_id=answer.request_id)
        banks = {scope_of(row): wire.text(org.get('name') or org.get('domain')) for row in rows if (org := wire.mapping(row.get('org')))}
        banks |= {wire.text(c.get('conn_id')): wire.text(c.get('name') or c.get('org_name')) for c in connections}
        return AccountSet(accounts, banks, tuple(self._troubles(data, banks)), answer.request_id)

    def _troubles(self, data: dict, banks: dict[str, str]) -> Iterator[Trouble]:
        """Both error lists: `errlist` (version 2), and `errors` (version 1), which version 2 repeats for old clients."""
        coded, plain = data.get('errlist') or [], data.get('errors') or []
        coded, plain = (entries if isinstance(entries, list) else [entries] for entries in (coded, plain))
        for entry in coded:
            yield from [self._coded_trouble(entry)] if isinstance(entry, dict) else self._plain_troubles(entry, banks)
        if len(plain) > len(coded):
            told = {wire.text(entry.get('msg') or entry.get('message')) for entry in coded if isinstance(entry, dict)}
            for entry in plain:
                yield from self._plain_troubles(entry, banks) if wire.text(entry) not in told else ()

    def _coded_trouble(self, entry: dict) -> Trouble:
        """Codes are `gen.`, `con.` or `act.` and a part that may be unknown (protocol version 2, "Error")."""
        code = wire.text(entry.get('code'))
        level = 'reauth' if code in ('gen.auth', 'con.auth') else 'failed'
        scope = '' if code.startswith('gen.') else wire.text(entry.get('conn_id'))
        account = '' if code.startswith(('gen.', 'con.')) else wire.text(entry.get('account_id'))
        words = self.http.snippet(wire.text(entry.get('msg') or entry.get('message')) or code or "Error without a text")
        return Trouble(level, words, self.http.snippet(code, 50), scope, account)

    def _plain_troubles(self, entry, banks: dict[str, str]) -> list[Trouble]:
        """A text of version 1 speaks of the bank that it names, else of everything.

        One that asks for a sign-in and names nobody asks for it only when there is just one bank: the others may be well.
        """
        said = wire.text(entry) or "Error without a text"
        sign_in, words = bool(_SIGN_IN_TEXT.search(said)), self.http.snippet(said)
        named = [scope for scope, name in banks.items() if len(name) >= SHORTEST_BANK and name.casefold() in said.casefold()]
        if named:
            return [Trouble('reauth' if sign_in else 'failed', words, scope=scope) for scope in named]
        return [Trouble('reauth' if sign_in and len(banks) <= 1 else 'failed', words)]

    def _error_of(self, troubles: Iterable[Trouble], answer: AccountSet) -> SyncError:
        """What to do about an account that is missing while there are errors that may explain it."""
        troubles = list(troubles)
        reauth = next((trouble for trouble in troubles if trouble.level == 'reauth'), None)
        told = reauth or troubles[0]
        kind, sentence = (ReauthRequired, SIGN_IN) if reauth else (TransientError, NOT_DELIVERED)
        extra = {'account_only': told.partial} if reauth else {}
        return kind(f"{sentence}SimpleFIN says: {told.text}", detail=told.code, status=200, request_id=answer.request_id, **extra)

    def _lookup(self, answer: AccountSet, account: RemoteAccount) -> dict | None:
        """The account in an answer; when its scope changed (version 1 to 2), by its own id, if that is the only one of its kind."""
        if account.external_id in answer.accounts:
            return answer.accounts[account.external_id]
        alike = [row for row in answer.accounts.values() if wire.text(row.get('id')) == account.handle]
        return alike[0] if len(alike) == 1 else None

    def _found(self, answer: AccountSet, account: RemoteAccount) -> dict:
        row = self._lookup(answer, account)
        if row:
            return row
        scope = account.external_id.rpartition('/')[0]
        troubles = answer.troubles_of(scope, account.handle)
        if troubles:
            raise self._error_of(troubles, answer)
        raise AccountUnavailable(GONE.format(name=account.name), request_id=answer.request_id)

    def _account(self, key: str, row: dict, answer: AccountSet) -> RemoteAccount:
        name, code = wire.text(row.get('name')) or "Account", wire.currency(row.get('currency'))
        balances = self._balances(row)
        return RemoteAccount(
            external_id=key, handle=wire.text(row.get('id')), currency=code,
            name=name if code else f"{name} ({wire.text(row.get('currency')) or 'no currency'})",
            kind=next((kind for kind, pattern in _KINDS if pattern.search(name)), 'bank'),
            institution=answer.banks.get(scope_of(row), ''),
            balance=balances[0] if balances else None,
        )

    def _balances(self, row: dict) -> list[Balance]:
        """`balance` and `available-balance` were true at `balance-date`, some time of that day."""
        code, on = wire.currency(row.get('currency')), wire.epoch_day(row.get('balance-date')) or self.clock().date()
        amounts = ((BOOKED, wire.optional_money(row.get('balance'), 'balance')),
                   ('available', wire.optional_money(row.get('available-balance'), 'available-balance')))
        return [Balance(amount, code, on, kind) for kind, amount in amounts if amount is not None]

    def _transaction(self, row: dict, code: str) -> RemoteTransaction:
        """`posted` 0 or `pending` true is not booked yet; positive is money in, also on a card (protocol, "Transaction")."""
        posted, happened = wire.epoch_day(row.get('posted')), wire.epoch_day(row.get('transacted_at'))
        pending = row.get('pending') is True or not posted
        told, memo = wire.text(row.get('description')), wire.text(row.get('memo'))
        return RemoteTransaction(
            status=PENDING if pending else BOOKED,
            date=(happened or posted or self.clock().date()) if pending else posted,
            amount=wire.money(row.get('amount')),
            currency=code,
            external_id=wire.text(row.get('id')),
            text='\n'.join(dict.fromkeys(filter(None, (told, memo)))),
            partner_name=wire.text(row.get('payee')),
            raw=row,
        )
