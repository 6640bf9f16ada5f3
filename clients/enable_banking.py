"""Enable Banking: banks of the EU, the EEA and the UK through an application that the user registers there, free for own accounts.

Every call carries a token signed with the application's key. The user signs in at the bank and comes back with a code, which
becomes a session; account details are told with the session, once, so they are kept among the credentials.
Sources: Enable Banking API reference (enablebanking.com/docs/api/reference) and FAQ.
"""
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, urlsplit

from . import enable_banking_rows as rows
from . import jwt, wire
from .base import BankClient, Capabilities, Credential, Provider, register, walk_pages
from .enable_banking_errors import CODES, SESSION_STATUS, SIGN_IN
from .errors import AccountUnavailable, ConfigError, ProtocolError, RateLimited, ReauthRequired, SyncError, TransientError
from .http import Answer
from .network import is_public
from .records import Balance, Consent, Institution, Notice, Page, Redirect, RemoteAccount, Window

TOKEN_LIFE = timedelta(hours=1)   # at most 24 hours (API reference, "Authentication")
CLOCK_SKEW = timedelta(seconds=60)
CONSENT_MARGIN = timedelta(hours=1)   # the full maximum arrives too late to be within it, and is refused
DEFAULT_CONSENT = timedelta(days=90)
AFTER_MIDNIGHT = timedelta(minutes=5)
#: Header for the bank -> header of the user's browser (API reference, "PSU headers"); the address comes from the connection.
PSU_HEADERS = {
    'psu-user-agent': 'user-agent',
    'psu-referer': 'referer',
    'psu-accept': 'accept',
    'psu-accept-charset': 'accept-charset',
    'psu-accept-encoding': 'accept-encoding',
    'psu-accept-language': 'accept-language',
}
PSU_MINIMUM = frozenset({'psu-ip-address', 'psu-user-agent'})
LONGEST_HEADER = 500
COUNTRIES = ('AT', 'BE', 'BG', 'CY', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GB', 'GR', 'HR', 'HU', 'IE', 'IS', 'IT', 'LI', 'LT', 'LU',
             'LV', 'MT', 'NL', 'NO', 'PL', 'PT', 'RO', 'SE', 'SI', 'SK')

CHOOSE_BANK = "Choose your bank first."
BANK_GONE = "Enable Banking does not reach “{name}” in {country} any more. Choose the bank again."
CANCELLED = f"The bank gave no access: the sign-in was cancelled or refused. {SIGN_IN}"
NO_ACCOUNTS = CODES['NO_ACCOUNTS_ADDED'][1]
NOT_READABLE = "The bank's consent does not let this account be read. Reconnect and allow it, or stop synchronizing it."


def _misshapen(what: str) -> ProtocolError:
    return ProtocolError("Enable Banking sent an answer that is not understood. Nothing was imported; if it happens again, report it.",
                         detail=f'{what} is missing or has another form')


@register
class EnableBanking(BankClient):
    """One link is one session: one user's consent at one bank."""

    provider = Provider(
        code='enable_banking',
        title="Enable Banking",
        summary="Reads accounts directly at your bank (PSD2). You sign in at the bank's own page.",
        serves="Banks of the EU, the EEA and the United Kingdom",
        cost="Free for your own accounts (restricted mode); a contract with Enable Banking for wider use",
        needs="An application registered at Enable Banking: its application id and its private key",
        website='https://enablebanking.com',
        countries=COUNTRIES,
        credentials=(
            Credential('application_id', "Application ID", kind='text', placeholder='aabbccdd-0011-2233-4455-66778899aabb',
                       help="Enable Banking control panel > API applications."),
            Credential('private_key', "Private Key", kind='file',
                       help="The .pem file that was created when you registered the application."),
        ),
        capabilities=Capabilities(redirect=True, institutions=True, pending=True, ids='bank', history_days=90, calls_per_day=4,
                                  calls_scope='account', attended_free=True, consent_days=180),
        default_url='https://api.enablebanking.com',
        icon='/account_online_sync/static/description/providers/enable_banking.svg',
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._token, self._token_ends = '', None
        self.http.hide([self._session.get('id', '')])

    @property
    def _session(self) -> dict[str, Any]:
        """What `finish` kept: the session's id, its bank, and its accounts as they were told then."""
        return self._stored('session')

    # -- sign-in ------------------------------------------------------------------------------------------------------------

    def fetch_institutions(self, country: str) -> list[Institution]:
        """`GET /aspsps`, banks for account information, by name."""
        found = [rows.institution(row, country) for row in self._banks(country)]
        return sorted((bank for bank in found if bank.name), key=lambda bank: bank.name.casefold())

    def start(self, *, institution: str = '', country: str = '', psu_type: str = 'business', return_url: str = '', state: str = '',
              language: str = 'en') -> Redirect:
        """`POST /auth`: the page to send the user to. What reads now goes on reading until `finish` replaces it."""
        bank = self._chosen(institution, country)
        types = bank['psu_types']
        body = {
            'access': {'valid_until': self._valid_until(bank).isoformat(), 'balances': True, 'transactions': True},
            'aspsp': {'name': bank['name'], 'country': bank['country']},
            # A bank that serves only one kind of customer leaves no choice.
            'psu_type': psu_type if psu_type in types or not types else types[0],
            'state': state, 'redirect_url': return_url, 'language': language[:2].lower() or 'en',
        }
        data = self._call('POST', '/auth', json=body, headers=self._psu_headers(bank['required_psu_headers'])).data
        url = wire.mapping(data).get('url')
        if not isinstance(url, str) or urlsplit(url).scheme not in ('https', 'http'):
            raise _misshapen('url')
        kept = {name: bank[name] for name in ('name', 'country', 'required_psu_headers')}
        return Redirect(url, {**self.credentials, 'authorization': json.dumps({'bank': kept, 'state': state})})

    def finish(self, answer: Mapping[str, str]) -> Consent:
        """`POST /sessions` with the code that came back."""
        begun = self._stored('authorization')
        if not begun or not hmac.compare_digest(str(answer.get('state', '')).encode(), str(begun.get('state', '')).encode()):
            raise ProtocolError(f"The answer of the bank belongs to another sign-in. {SIGN_IN}")
        if answer.get('error') or not answer.get('code'):
            raise self._refusal(answer)
        self.http.hide([answer['code']])
        data = wire.without_nulls(self._call('POST', '/sessions', json={'code': answer['code']}).data)
        return self._consent(wire.mapping(data), wire.mapping(begun.get('bank')))

    def _consent(self, data: Mapping[str, Any], bank: Mapping[str, Any]) -> Consent:
        session_id, told = wire.text(data.get('session_id')), wire.objects(data.get('accounts'), 'accounts')
        if not session_id:
            raise _misshapen('session_id')
        if not told:
            raise ReauthRequired(NO_ACCOUNTS)
        self.http.hide([session_id])
        session = {'id': session_id, 'bank': dict(bank), 'accounts': [rows.kept(row) for row in told]}
        credentials = {name: self.credential(name) for name in ('application_id', 'private_key')}
        return Consent(
            {**credentials, 'session': json.dumps(session)},
            valid_until=wire.instant(wire.mapping(data.get('access')).get('valid_until')),
            accounts=tuple(rows.account(row, bank.get('name', ''), wire.text(row.get('uid'))) for row in told),
            institution=bank.get('name', ''),
        )

    def _refusal(self, answer: Mapping[str, str]) -> SyncError:
        """The bank sends the browser back without a code: `?error=…&error_description=…`."""
        code = self.http.snippet(answer.get('error') or 'no code', 50)
        detail = f"{code}: {self.http.snippet(answer.get('error_description', ''))}"
        if code in ('server_error', 'temporarily_unavailable'):
            return TransientError(f"The bank could not finish the sign-in. Try again later. {SIGN_IN}", detail=detail)
        return ReauthRequired(CANCELLED, detail=detail)

    def _banks(self, country: str) -> list[dict]:
        data = self._call('GET', '/aspsps', params={'country': country.upper(), 'service': 'AIS'}).data
        return self._listed(data, 'aspsps')

    def _chosen(self, institution: str, country: str) -> dict[str, Any]:
        """The bank as `GET /aspsps` describes it: how long its consents last and what it wants to know of a browser."""
        code, _colon, name = institution.partition(':')
        country = code if name else country
        name = name or institution
        if not (name and re.fullmatch('[A-Za-z]{2}', country)):
            raise ConfigError(CHOOSE_BANK, field='institution')
        row = next((row for row in self._banks(country) if row.get('name') == name), None)
        if not row:
            raise ConfigError(BANK_GONE.format(name=name, country=country), field='institution')
        required = [str(header).lower() for header in row.get('required_psu_headers') or ()]
        return {'name': name, 'country': country.upper(), 'required_psu_headers': required,
                'psu_types': list(rows.institution(row, country).psu_types), 'seconds': row.get('maximum_consent_validity')}

    def _valid_until(self, bank: Mapping[str, Any]) -> datetime:
        """The end of the consent: the bank's maximum less an hour, or less a tenth where it allows only hours."""
        known = isinstance(bank['seconds'], int) and bank['seconds'] > 0
        longest = timedelta(seconds=bank['seconds']) if known else DEFAULT_CONSENT
        return (self.clock() + longest - min(CONSENT_MARGIN, longest / 10)).replace(microsecond=0)

    # -- reading ------------------------------------------------------------------------------------------------------------

    def fetch_accounts(self) -> list[RemoteAccount]:
        """`GET /sessions/{id}` says what is still open; details come from the sign-in, or from the bank for an account unknown then."""
        data = wire.without_nulls(self._call('GET', f'/sessions/{self._session_id()}').data)
        if not isinstance(data, dict) or 'status' not in data:
            raise _misshapen('status')
        if data['status'] != 'AUTHORIZED':
            sentence = SESSION_STATUS.get(data['status'], SESSION_STATUS['INVALID'])
            raise ReauthRequired(sentence, detail=f"session {self.http.snippet(data['status'], 50)}")
        known = {row.get('identification_hash'): row for row in self._session.get('accounts', [])}
        live = {row.get('identification_hash'): wire.text(row.get('uid')) for row in self._listed(data, 'accounts_data')}
        for key in live.keys() - known.keys():
            known[key] = self._details(live[key], key)
        bank = wire.mapping(self._session.get('bank')).get('name', '')
        return [rows.account(row, bank, live.get(key, '')) for key, row in known.items()]

    def _details(self, uid: str, key: str) -> dict:
        found = wire.without_nulls(self._call('GET', f'/accounts/{quote(uid, safe="")}/details', attended=True).data) if uid else {}
        return {**wire.mapping(found), 'identification_hash': key}

    def fetch_balances(self, account: RemoteAccount) -> list[Balance]:
        """`GET /accounts/{uid}/balances`. Amounts of a card account have the sign that the bank gives them."""
        data = self._call('GET', f'{self._path(account)}/balances', attended=True).data
        return rows.balances(self._listed(data, 'balances'), self.clock().date())

    def fetch_pages(self, account: RemoteAccount, window: Window, token: str = '', *, first_read: bool = False) -> Iterator[Page]:
        """`GET /accounts/{uid}/transactions`. A page may be empty and still name a next one; every page repeats the filters.

        The first read asks for `strategy=longest` without a period, which gives all that the bank keeps.
        """
        filters = {'strategy': 'longest'} if first_read else {
            'strategy': 'default', 'date_from': window.date_from.isoformat(), 'date_to': window.date_to.isoformat()}
        return walk_pages(lambda at: self._page(account, filters, at), token, self.provider.title)

    def _page(self, account: RemoteAccount, filters: Mapping[str, str], token: str) -> Page:
        params = {**filters, 'continuation_key': token} if token else filters
        answer = self._call('GET', f'{self._path(account)}/transactions', params=params, attended=True)
        told = self._listed(answer.data, 'transactions')
        today = self.clock().date()
        movements, unreadable = wire.read_rows(told, lambda row: rows.movement(row, account, today))
        following = wire.mapping(answer.data).get('continuation_key') or ''
        if not isinstance(following, str):
            raise _misshapen('continuation_key')
        notices: tuple[Notice, ...] = (*rows.left_out(told), *unreadable)
        return Page(tuple(movements), following, notices=notices, complete=not unreadable, request_id=answer.request_id)

    def revoke(self) -> None:
        """`DELETE /sessions/{id}`, which ends the consent at the bank too. One that is gone already is fine."""
        if self._session.get('id'):
            try:
                self._call('DELETE', f'/sessions/{self._session_id()}')
            except ReauthRequired:
                return

    # -- calling ------------------------------------------------------------------------------------------------------------

    @property
    def attended(self) -> bool:
        return bool(self._session_headers())

    def _path(self, account: RemoteAccount) -> str:
        if not account.handle:
            raise AccountUnavailable(NOT_READABLE)
        return f'/accounts/{quote(account.handle, safe="")}'

    def _session_id(self) -> str:
        if not self._session.get('id'):
            raise ReauthRequired(f"You have not signed in at the bank yet. {SIGN_IN}")
        return quote(self._session['id'], safe='')

    def _stored(self, name: str) -> dict[str, Any]:
        try:
            return dict(wire.mapping(json.loads(self.credentials.get(name) or '{}')))
        except ValueError:
            return {}

    def _listed(self, data: Any, name: str) -> list[dict]:
        """The named list of an answer; it must be there, for a missing list is not an empty one."""
        if not isinstance(data, dict) or not isinstance(data.get(name), list):
            raise _misshapen(name)
        return wire.objects(wire.without_nulls(data[name]), name)

    def _call(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, attended: bool = False, **kwargs) -> Answer:
        """A call with the application's token, and with the user's presence where one account's data is asked for."""
        presence = self._session_headers() if attended else {}
        return self.http.request(method, f'{self.url}{path}', judge=self._judge,
                                 headers={'Authorization': f'Bearer {self._bearer()}', **(headers or {}), **presence}, **kwargs)

    def _bearer(self) -> str:
        """Token of the application; RS256, named by its id (API reference, "Authentication")."""
        now = self.clock()
        if not self._token_ends or now >= self._token_ends - 2 * CLOCK_SKEW:
            try:
                key = jwt.load_rsa_key(self.credential('private_key'))
            except ValueError as error:
                raise ConfigError(str(error), field='private_key') from None
            issued, self._token_ends = now - CLOCK_SKEW, now + TOKEN_LIFE
            self._token = jwt.sign(key, {'typ': 'JWT', 'alg': 'RS256', 'kid': self.credential('application_id').strip()}, {
                'iss': 'enablebanking.com', 'aud': 'api.enablebanking.com',
                'iat': int(issued.timestamp()), 'exp': int(self._token_ends.timestamp())})
        return self._token

    def _session_headers(self) -> dict[str, str]:
        return self._psu_headers(wire.mapping(self._session.get('bank')).get('required_psu_headers') or ())

    def _psu_headers(self, required) -> dict[str, str]:
        """Headers that prove a person at the screen: all that the bank requires, or none (a part is refused)."""
        if not self.presence:
            return {}
        browser = {name: _header(self.presence.headers.get(source, '')) for name, source in PSU_HEADERS.items()}
        known = {name: value for name, value in {**browser, 'psu-ip-address': _public(self.presence.ip)}.items() if value}
        wanted = PSU_MINIMUM | set(required)
        return {name.title(): known[name] for name in sorted(wanted)} if wanted <= known.keys() else {}

    def _judge(self, answer: Answer) -> SyncError | None:
        """By the provider's own code; by status where it has none that we know. 422 is about a call of ours, not a document."""
        data = wire.mapping(answer.data)
        code = wire.text(data.get('error'))
        if code not in CODES:
            return self.http.error(answer, ProtocolError) if answer.status == 422 else None
        kind, sentence, extra = CODES[code]
        error = self.http.error(answer, kind, sentence, detail=f"{code}: {wire.text(data.get('message'))}", **extra)
        if isinstance(error, RateLimited) and not error.retry_after:
            error.retry_after = self._tomorrow()
        return error

    def _tomorrow(self) -> datetime:
        """Just after midnight UTC, when it is a new day for every bank from Iceland to Cyprus."""
        now = self.clock().astimezone(timezone.utc)
        return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1) + AFTER_MIDNIGHT


def _header(value: str) -> str:
    """A browser's header as it may be passed on."""
    return re.sub(r'[^\x20-\x7e]', '', value)[:LONGEST_HEADER].strip()


def _public(address: str) -> str:
    """The user's address, '' for one of a local network: it says nothing to a bank and may be refused."""
    try:
        return address if is_public(address) else ''
    except ValueError:
        return ''
