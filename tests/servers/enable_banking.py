"""An Enable Banking API (API reference, enablebanking.com/docs/api/reference) and the consent page of a mock bank behind it."""
import base64
import html
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .bank import Account, Bank, Movement
from .base import Call, Reply, Server
from .contracts import ENABLE_BANKING, without_nulls
from .enable_banking_rows import account_row, hash_row, money_row, status_of, transaction_row
from .keys import new_key, pem

SANDBOX = uuid.UUID('5a0db0c5-0000-4000-8000-000000000000')
CONSENT_PAGE = Path(__file__).with_name('consent.html')
DAY_SECONDS = 86400


class Refused(Exception):
    """An answer with the provider's error code."""

    def __init__(self, status: int, code: str, message: str = ''):
        super().__init__(code)
        self.status, self.code, self.message = status, code, message or code.replace('_', ' ').capitalize()


@dataclass
class Authorization:
    """A sign-in under way."""

    id: str
    request: dict
    code: str = ''
    used: bool = False


@dataclass
class Session:
    """A consent. `uids` names its accounts, for this session only."""

    id: str
    request: dict
    created: datetime
    status: str = 'AUTHORIZED'
    uids: dict[str, Account] = field(default_factory=dict)

    @property
    def valid_until(self) -> datetime:
        return datetime.fromisoformat(self.request['access']['valid_until'].replace('Z', '+00:00'))


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + '=' * (-len(part) % 4))


class EnableBankingServer(Server):
    """One application and its users' consents at one bank.

    :param clock: instant for lifetimes; None takes the bank's day and is lenient by a day
    :ivar redirect_urls: those registered for the application, None for any
    :ivar maximum_consent_validity: seconds, what the bank allows
    :ivar required_psu_headers: what the bank wants when a person is present
    :ivar history_days: how far back `strategy=default` may ask, 0 for all
    :ivar unattended_limit: calls without PSU headers for one account, kind of call and day, 0 for no limit
    :ivar empty_page_first: the first page of every feed is empty and names a next one
    :ivar balance_after: movements tell the balance after them
    :ivar every_country: the bank is found in whatever country is asked for
    :ivar other_banks: names of banks that are listed and cannot be reached
    """

    def __init__(self, bank: Bank, port: int = 0, *, clock: Callable[[], datetime] | None = None,
                 key: rsa.RSAPrivateKey | None = None, **kwargs):
        super().__init__(bank, port, **kwargs)
        self.clock = clock
        self.key = key or new_key()
        self.application_id = 'aabbccdd-0011-4233-8455-66778899aabb'
        self.redirect_urls: set[str] | None = None
        self.maximum_consent_validity = 180 * DAY_SECONDS
        self.required_psu_headers: tuple[str, ...] = ()
        self.psu_types = ('business', 'personal')
        self.history_days = self.unattended_limit = 0
        self.empty_page_first = self.balance_after = self.every_country = False
        self.other_banks: tuple[str, ...] = ('Another Bank',)
        self.key_revoked = False
        self.authorizations: dict[str, Authorization] = {}
        self.sessions: dict[str, Session] = {}
        self._unattended: Counter = Counter()

    @property
    def private_key(self) -> str:
        """What the user uploads."""
        return pem(self.key)

    # -- what people do -----------------------------------------------------------------------------------------------------------

    def allow(self, url: str) -> dict[str, str]:
        """The user opens the address from `POST /auth`, signs in and allows: what the browser comes back with."""
        return self._answered(url, allowed=True)

    def deny(self, url: str) -> dict[str, str]:
        """The user presses Deny at the bank."""
        return self._answered(url, allowed=False)

    def _answered(self, url: str, allowed: bool) -> dict[str, str]:
        authorization = self.authorizations[dict(parse_qsl(urlsplit(url).query))['authorization']]
        if not allowed:
            return {'error': 'access_denied', 'error_description': 'Denied data sharing consent', 'state': authorization.request['state']}
        authorization.code = str(uuid.uuid5(SANDBOX, f'code {authorization.id}'))
        return {'code': authorization.code, 'state': authorization.request['state']}

    def expire_consent(self) -> None:
        self._set_sessions('EXPIRED')

    def revoke_consent(self) -> None:
        """The user ended the consent at the bank."""
        self._set_sessions('REVOKED')

    def renew_consent(self) -> None:
        """The sessions are good again, as if they had never ended. A real renewal is a new sign-in and a new session."""
        self._set_sessions('AUTHORIZED')

    def _set_sessions(self, status: str) -> None:
        for session in self.sessions.values():
            session.status = status

    def revoke_key(self) -> None:
        """The application's key is not valid any more."""
        self.key_revoked = True

    # -- what holds for every call --------------------------------------------------------------------------------------------------

    def can_fail(self, call: Call) -> bool:
        return not call.path.startswith('/bank/')

    def route(self, call: Call) -> Reply:
        try:
            if not call.path.startswith('/bank/'):
                self._check_token(call)
            return super().route(call)
        except Refused as refused:
            return Reply(refused.status, self.failure(refused.status, refused.code, refused.message))

    def failure(self, status: int, code: str, message: str) -> dict:
        return {'message': message or f'Error {status}', 'code': status, 'error': code or None, 'detail': None}

    def good(self, name: str, body: dict) -> Reply:
        """An answer, checked against the contract: absent members are null, as real answers have them."""
        self.checked(without_nulls(body), ENABLE_BANKING[name])
        return Reply(200, body)

    def _check_token(self, call: Call) -> None:
        """RS256, the application's id and key, the right audience, at most a day (API reference, "Authentication")."""
        token = call.headers.get('authorization', '').removeprefix('Bearer ')
        if not token:
            raise Refused(401, 'AUTHORIZATION_NOT_PROVIDED')
        try:
            head, claims = (json.loads(_decoded(part)) for part in token.split('.')[:2])
            self.key.public_key().verify(_decoded(token.split('.')[2]), token.rpartition('.')[0].encode(), padding.PKCS1v15(),
                                         hashes.SHA256())
        except (ValueError, IndexError, InvalidSignature):
            raise Refused(401, 'UNAUTHORIZED_ACCESS', 'Wrong signature') from None
        expected = ({'typ': 'JWT', 'alg': 'RS256', 'kid': self.application_id}, 'enablebanking.com', 'api.enablebanking.com')
        if self.key_revoked or (head, claims.get('iss'), claims.get('aud')) != expected:
            raise Refused(401, 'UNAUTHORIZED_ACCESS', 'Wrong application')
        now = self.clock().timestamp() if self.clock else claims['iat']
        if not 0 < claims['exp'] - claims['iat'] <= DAY_SECONDS or not claims['iat'] <= now < claims['exp']:
            raise Refused(401, 'UNAUTHORIZED_ACCESS', 'Wrong lifetime of the token')

    def _attended(self, call: Call) -> bool:
        """Whether the call brings PSU headers: all that are required, or it is refused."""
        given = {name for name in call.headers if name.startswith('psu-')}
        missing = set(self.required_psu_headers) - given
        if given and missing:
            raise Refused(422, 'PSU_HEADER_NOT_PROVIDED', f'Missing: {", ".join(sorted(missing))}')
        return bool(given)

    def _body(self, call: Call, required: set[str], optional: set[str] = frozenset()) -> dict:
        try:
            body = call.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or not required <= body.keys() or body.keys() - required - optional:
            self.problems.append(f'{call.method} {call.path}: wrong members {sorted(body or {})}')
            raise Refused(422, 'WRONG_REQUEST_PARAMETERS')
        return body

    # -- paths --------------------------------------------------------------------------------------------------------------------

    def aspsps(self, call: Call) -> Reply:
        self.check_query(call, {'country', 'psu_type', 'service'})
        country = call.query.get('country', self.bank.country)
        names = (self.bank.name, *self.other_banks) if self.every_country or country == self.bank.country else ()
        return self.good('aspsps', {'aspsps': [self._aspsp(name, country) for name in names]})

    def _aspsp(self, name: str, country: str) -> dict:
        methods = [{'psu_type': kind, 'approach': 'REDIRECT', 'hidden_method': False} for kind in self.psu_types]
        return {'name': name, 'country': country, 'logo': f'{self.url}/logo', 'psu_types': list(self.psu_types),
                'auth_methods': methods, 'maximum_consent_validity': self.maximum_consent_validity, 'beta': False, 'bic': None,
                'required_psu_headers': list(self.required_psu_headers)}

    def auth(self, call: Call) -> Reply:
        body = self._body(call, {'access', 'aspsp', 'state', 'redirect_url'},
                          {'psu_type', 'auth_method', 'credentials', 'credentials_autosubmit', 'language', 'psu_id'})
        self._attended(call)
        if self.redirect_urls is not None and body['redirect_url'] not in self.redirect_urls:
            raise Refused(422, 'REDIRECT_URI_NOT_ALLOWED')
        if body['aspsp'].get('name') != self.bank.name or not (self.every_country or body['aspsp']['country'] == self.bank.country):
            raise Refused(422, 'WRONG_ASPSP_PROVIDED')
        self._check_valid_until(body['access'].get('valid_until', ''))
        authorization = Authorization(str(uuid.uuid5(SANDBOX, f'authorization {len(self.authorizations)}')), body)
        self.authorizations[authorization.id] = authorization
        return self.good('auth', {'url': f'{self.url}/bank/consent?authorization={authorization.id}',
                                  'authorization_id': authorization.id, 'psu_id_hash': None})

    def _check_valid_until(self, text: str) -> None:
        until = datetime.fromisoformat(text.replace('Z', '+00:00'))
        latest = self.now(end_of_day=True) + timedelta(seconds=self.maximum_consent_validity)
        if not until.tzinfo or not self.now() < until < latest:
            raise Refused(422, 'WRONG_REQUEST_PARAMETERS', 'Wrong access.valid_until')

    def now(self, end_of_day: bool = False) -> datetime:
        """The clock; without one, the beginning or the end of the bank's day."""
        if self.clock:
            return self.clock()
        today = self.bank.today
        return datetime(today.year, today.month, today.day, tzinfo=timezone.utc) + timedelta(days=1 if end_of_day else 0)

    def open_session(self, call: Call) -> Reply:
        code = self._body(call, {'code'})['code']
        authorization = next((a for a in self.authorizations.values() if a.code and a.code == code), None)
        if not authorization:
            raise Refused(422, 'WRONG_AUTHORIZATION_CODE')
        if authorization.used:
            raise Refused(422, 'ALREADY_AUTHORIZED')
        authorization.used = True
        session = Session(str(uuid.uuid5(SANDBOX, f'session {authorization.id}')), authorization.request, self.now())
        session.uids = {str(uuid.uuid5(SANDBOX, f'{session.id} {account.number}')): account
                        for account in self.bank.accounts if not account.hidden}
        self.sessions[session.id] = session
        return self.good('new session', {
            'session_id': session.id, 'accounts': [account_row(self.bank, account, uid) for uid, account in session.uids.items()],
            'aspsp': session.request['aspsp'], 'psu_type': session.request.get('psu_type', 'personal'),
            'access': {**session.request['access'], 'accounts': None}})

    def show_session(self, call: Call, session_id: str) -> Reply:
        session = self._session(session_id)
        live = {uid: account for uid, account in session.uids.items() if not account.hidden}
        data = [{'uid': uid, **hash_row(self.bank, account)} for uid, account in live.items()]
        return self.good('session', {
            'status': session.status, 'accounts': list(live), 'accounts_data': data, 'aspsp': session.request['aspsp'],
            'psu_type': session.request.get('psu_type', 'personal'), 'psu_id_hash': 'sandbox', 'access': session.request['access'],
            'created': session.created.isoformat(), 'authorized': None, 'closed': None})

    def close_session(self, call: Call, session_id: str) -> Reply:
        self._open(self._session(session_id)).status = 'CLOSED'
        return Reply(200, {'message': 'OK'})

    def _session(self, session_id: str) -> Session:
        if session_id not in self.sessions:
            raise Refused(404, 'SESSION_DOES_NOT_EXIST')
        session = self.sessions[session_id]
        if session.status == 'AUTHORIZED' and session.valid_until <= self.now():
            session.status = 'EXPIRED'
        return session

    def _open(self, session: Session) -> Session:
        if session.status != 'AUTHORIZED':
            known = {'EXPIRED': 'EXPIRED_SESSION', 'CLOSED': 'CLOSED_SESSION', 'REVOKED': 'REVOKED_SESSION'}
            raise Refused(401, known.get(session.status, 'WRONG_SESSION_STATUS'))
        return session

    def _opened(self, call: Call, uid: str, kind: str, *, counted: bool = True) -> Account:
        """The account of a uid, after all that can be said against reading it."""
        session = next((s for s in self.sessions.values() if uid in s.uids), None)
        if not session:
            raise Refused(404, 'ACCOUNT_DOES_NOT_EXIST')
        account = self._open(self._session(session.id)).uids[uid]
        if account.hidden or not account.readable:
            raise Refused(403, 'ASPSP_ACCOUNT_NOT_ACCESSIBLE')
        if not self._attended(call) and counted:
            key = (account.number, kind, self.bank.today)
            self._unattended[key] += 1
            if self.unattended_limit and self._unattended[key] > self.unattended_limit:
                raise Refused(429, 'ASPSP_RATE_LIMIT_EXCEEDED')
        return account

    def details(self, call: Call, uid: str) -> Reply:
        return self.good('details', account_row(self.bank, self._opened(call, uid, 'details'), uid))

    def balances(self, call: Call, uid: str) -> Reply:
        account = self._opened(call, uid, 'balances')
        yesterday = self.bank.days_ago(1)
        told = [
            ('ITAV', 'Available', self.bank.balance(account, pending=True), None),
            ('ITBD', 'Booked', self.bank.balance(account), None),
            ('CLBD', 'Closing', self.bank.balance(account, yesterday), yesterday.isoformat()),
        ]
        return self.good('balances', {'balances': [
            {'name': name, 'balance_amount': money_row(amount, account.currency), 'balance_type': kind, 'last_change_date_time': None,
             'reference_date': day, 'last_committed_transaction': None} for kind, name, amount, day in told]})

    def transactions(self, call: Call, uid: str) -> Reply:
        self.check_query(call, {'date_from', 'date_to', 'continuation_key', 'transaction_status', 'strategy'})
        account = self._opened(call, uid, 'transactions', counted='continuation_key' not in call.query)
        found = self._chosen(account, call.query)
        filters = {name: value for name, value in call.query.items() if name != 'continuation_key'}
        start, first = self._position(call.query.get('continuation_key'), uid, filters)
        size = 0 if first and self.empty_page_first else self.page_size
        following = start + size
        key = self._key(uid, filters, following) if following < len(found) else None
        if self._repeating:
            key = call.query.get('continuation_key') or self._key(uid, filters, start)
        rows = [transaction_row(self.bank, movement, self.balance_after) for movement in found[start:following]]
        return self.good('transactions', {'transactions': rows, 'continuation_key': key})

    def _chosen(self, account: Account, query: Mapping[str, str]) -> list[Movement]:
        """Movements that the filters let through, newest first."""
        longest = query.get('strategy') == 'longest'
        low, high = self._period(query, longest)
        wanted = query.get('transaction_status')
        shown = [m for m in self.bank.shown(account) if (not low or m.day >= low) and (not high or m.day <= high)]
        return [m for m in reversed(shown) if wanted in (None, status_of(m))]

    def _period(self, query: Mapping[str, str], longest: bool) -> tuple[date | None, date | None]:
        low, high = (date.fromisoformat(query[name]) if name in query else None for name in ('date_from', 'date_to'))
        if longest:
            return low, None
        if high and not low:
            raise Refused(422, 'DATE_TO_WITHOUT_DATE_FROM')
        if low and low > self.bank.today:
            raise Refused(422, 'DATE_FROM_IN_FUTURE')
        if low and high and low > high:
            raise Refused(422, 'WRONG_DATE_INTERVAL')
        if low and self.history_days and low < self.bank.days_ago(self.history_days):
            raise Refused(422, 'WRONG_TRANSACTIONS_PERIOD')
        return low, high

    def _key(self, uid: str, filters: Mapping[str, str], start: int) -> str:
        return base64.urlsafe_b64encode(json.dumps([uid, filters, start], sort_keys=True).encode()).decode()

    def _position(self, key: str | None, uid: str, filters: Mapping[str, str]) -> tuple[int, bool]:
        """Where a page begins, and whether it is the first one. A key is good for the same account and filters only."""
        if not key:
            return 0, True
        try:
            told = json.loads(base64.urlsafe_b64decode(key))
        except ValueError:
            told = [None, None, 0]
        if told[:2] != [uid, dict(filters)]:
            raise Refused(422, 'WRONG_CONTINUATION_KEY')
        return told[2], False

    # -- the bank's own page --------------------------------------------------------------------------------------------------------

    def consent_page(self, call: Call) -> Reply:
        """What the user sees at the bank."""
        authorization = self.authorizations.get(call.query.get('authorization', ''))
        if not authorization:
            return Reply(404, 'This sign-in does not exist.', kind='text/plain')
        items = ''.join(f'<li><b>{html.escape(a.name)}</b> <span>{html.escape(a.iban or a.other_number)}</span></li>'
                        for a in self.bank.accounts if not a.hidden)
        until = authorization.request['access']['valid_until'][:10]
        page = CONSENT_PAGE.read_text(encoding='utf-8')
        for name, value in {'BANK': html.escape(self.bank.name), 'ACCOUNTS': items, 'UNTIL': html.escape(until)}.items():
            page = page.replace(f'@{name}@', value)
        return Reply(200, page, kind='text/html; charset=utf-8')

    def consent_answer(self, call: Call) -> Reply:
        """Allow or Deny was pressed: send the browser back."""
        authorization = self.authorizations.get(call.query.get('authorization', ''))
        if not authorization:
            return Reply(404, 'This sign-in does not exist.', kind='text/plain')
        allowed = dict(parse_qsl(call.body.decode())).get('answer') == 'allow'
        answer = self._answered(f'?authorization={authorization.id}', allowed)
        back = authorization.request['redirect_url']
        return Reply(303, '', {'Location': f'{back}{"&" if "?" in back else "?"}{urlencode(answer)}'}, kind='text/plain')

    routes = (
        ('GET', re.compile(r'/aspsps'), aspsps),
        ('POST', re.compile(r'/auth'), auth),
        ('POST', re.compile(r'/sessions'), open_session),
        ('GET', re.compile(r'/sessions/([^/]+)'), show_session),
        ('DELETE', re.compile(r'/sessions/([^/]+)'), close_session),
        ('GET', re.compile(r'/accounts/([^/]+)/details'), details),
        ('GET', re.compile(r'/accounts/([^/]+)/balances'), balances),
        ('GET', re.compile(r'/accounts/([^/]+)/transactions'), transactions),
        ('GET', re.compile(r'/bank/consent'), consent_page),
        ('POST', re.compile(r'/bank/consent'), consent_answer),
    )
