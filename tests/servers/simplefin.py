"""A SimpleFIN server (protocol 1.0 and 2, simplefin.org/protocol.html) in front of a :class:`Bank`."""
import base64
import re
from datetime import date, datetime, timedelta, timezone
from typing import Any

from .bank import Account, Bank, Movement
from .base import Call, Reply, Server
from .contracts import SIMPLEFIN

CONNECTION = 'CON-00000000-0000-4000-8000-000000000001'
NOON = 12 * 3600   # the Bridge dates postings at noon, UTC


def epoch(day: date, seconds: int = NOON) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp()) + seconds


class SimpleFinServer(Server):
    """One SimpleFIN user with one access address.

    :param reusable_token: the setup token can be claimed again and again (for the sandbox)
    :ivar version: protocol version of the answers, 1 or 2
    :ivar daily_limit: calls to /accounts in a day of the bank, 0 for no limit
    :ivar errlist: entries that every answer carries: {'code', 'msg', 'conn_id'?, 'account_id'?} (version 1: their texts only)
    """

    prefix = '/simplefin'
    user, password = 'sandbox-user', 'sandbox-pass/word+1'

    def __init__(self, bank: Bank, port: int = 0, *, reusable_token: bool = False, version: int = 2, **kwargs):
        super().__init__(bank, port, **kwargs)
        self.reusable_token = reusable_token
        self.version = version
        self.daily_limit = 0
        self.errlist: list[dict[str, str]] = []
        self.claim_code = 'CLAIM0123456789ABCDEF'
        self.claimed = False
        self.revoked = False
        self._consent_ended: date | None = None
        self._used: dict[date, int] = {}

    @property
    def setup_token(self) -> str:
        """What the user pastes."""
        return base64.b64encode(f'{self.url}/claim/{self.claim_code}'.encode()).decode()

    @property
    def access_url(self) -> str:
        """What claiming gives."""
        return self.url.replace('://', f'://{self.user}:{self.password.replace("/", "%2F").replace("+", "%2B")}@')

    # -- what goes wrong --------------------------------------------------------------------------------------------------------

    def expire_consent(self) -> None:
        """The bank wants the user to sign in again: no new movements, and `con.auth` in every answer."""
        self._consent_ended = self.bank.today
        self.errlist = [{'code': 'con.auth', 'msg': f'Connection to {self.bank.name} needs attention: reauthenticate.',
                         'conn_id': CONNECTION}]

    def renew_consent(self) -> None:
        """The user signed in again at the bank."""
        self._consent_ended, self.errlist, self.revoked = None, [], False

    def revoke_key(self) -> None:
        """The user disabled the access at SimpleFIN: 403 from now on."""
        self.revoked = True

    def account_error(self, account: Account, code: str = 'act.failed', msg: str = 'Failed to get all transactions. Try again later.'):
        """Every answer says from now on that this account was not read, or not wholly."""
        self.errlist.append({'code': code, 'msg': msg, 'account_id': self.id_of(account)})

    def new_token(self) -> str:
        """The user makes another setup token."""
        self.claim_code = f'{self.claim_code[:-4]}{int(self.claim_code[-4:], 16) + 1:04X}'
        self.claimed = self.revoked = False
        return self.setup_token

    def failure(self, status: int, code: str, message: str) -> Any:
        entry = {'code': code or ('gen.auth' if status == 403 else 'gen.'), 'msg': message or f'HTTP {status}'}
        return {'errlist': [entry], 'errors': [entry['msg']], 'connections': [], 'accounts': []}

    # -- paths ------------------------------------------------------------------------------------------------------------------

    def info(self, call: Call) -> Reply:
        return Reply(200, {'versions': ['1.0', '2.0'] if self.version == 2 else ['1.0']})

    def claim(self, call: Call, code: str) -> Reply:
        if call.body or call.headers.get('content-length') != '0':
            return self.unexpected(call, 'a claim has no body and Content-Length: 0')
        if code != self.claim_code or (self.claimed and not self.reusable_token):
            return Reply(403, 'Forbidden', kind='text/plain')
        self.claimed = True
        return Reply(200, self.access_url, kind='text/plain')

    def accounts(self, call: Call) -> Reply:
        self.check_query(call, {'version', 'start-date', 'end-date', 'pending', 'account', 'balances-only'})
        expected = 'Basic ' + base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()
        if self.revoked or call.headers.get('authorization') != expected:
            return Reply(403, self.failure(403, '', 'Access was revoked'))
        used = self._used[self.bank.today] = self._used.get(self.bank.today, 0) + 1
        if self.daily_limit and used > self.daily_limit:
            return Reply(429, self.failure(429, '', 'Too many requests today'))
        start, end = (int(call.query[name]) if name in call.query else None for name in ('start-date', 'end-date'))
        if start is not None and end is not None and end - start > 90 * 86400:
            self.problems.append(f'{call.path}: a range of more than 90 days')
        version = 2 if self.version == 2 and call.query.get('version') == '2' else 1
        return self.checked(self._account_set(call, version, start, end), SIMPLEFIN[version])

    routes = (
        ('GET', re.compile(r'/simplefin/info'), info),
        ('POST', re.compile(r'/simplefin/claim/([^/]+)'), claim),
        ('GET', re.compile(r'/simplefin/accounts'), accounts),
    )

    # -- rendering --------------------------------------------------------------------------------------------------------------

    def id_of(self, account: Account) -> str:
        return f'ACT-00000000-0000-4000-8000-{account.number:012d}'

    def _account_set(self, call: Call, version: int, start: int | None, end: int | None) -> dict:
        chosen = [a for a in self.bank.accounts if not a.hidden and call.query.get('account') in (None, self.id_of(a))]
        rows = [self._account(account, call, version, start, end) for account in chosen]
        if version == 1:
            return {'errors': [entry['msg'] for entry in self.errlist], 'accounts': rows}
        connection = {'conn_id': CONNECTION, 'name': self.bank.name, 'org_id': 'INST-1', 'org_name': self.bank.name,
                      'org_url': 'https://bank.example', 'sfin_url': self.url}
        return {'errlist': self.errlist, 'errors': [entry['msg'] for entry in self.errlist], 'connections': [connection], 'accounts': rows}

    def _account(self, account: Account, call: Call, version: int, start: int | None, end: int | None) -> dict:
        row: dict[str, Any] = {
            'id': self.id_of(account), 'name': account.name, 'currency': account.currency,
            'balance': str(self.bank.balance(account, self._last_day())),
            'available-balance': str(self.bank.balance(account, self._last_day(), pending=True)),
            'balance-date': epoch(self._last_day(), 8 * 3600),
        }
        row.update({'conn_id': CONNECTION} if version == 2 else {
            'org': {'domain': 'bank.example', 'name': self.bank.name, 'sfin-url': self.url}})
        if call.query.get('balances-only') != '1':
            row['transactions'] = [self._transaction(m) for m in self.bank.shown(account) if self._asked_for(m, call, start, end)]
        return row

    def _last_day(self) -> date:
        """While the bank wants a new sign-in, everything stands still."""
        return self._consent_ended - timedelta(days=1) if self._consent_ended else self.bank.today

    def _asked_for(self, movement: Movement, call: Call, start: int | None, end: int | None) -> bool:
        if movement.day > self._last_day():
            return False
        if movement.pending:
            return call.query.get('pending') == '1'
        posted = epoch(movement.day)
        return (start is None or posted >= start) and (end is None or posted < end)

    def _transaction(self, movement: Movement) -> dict:
        counted = movement.account.ids == 'positional' and not movement.pending
        row = {'id': self.bank.position(movement) if counted else movement.id, 'posted': 0 if movement.pending else epoch(movement.day),
               'amount': str(movement.amount), 'description': movement.text,
               'transacted_at': epoch(movement.happened or movement.day, 9 * 3600)}
        if movement.pending:
            row['pending'] = True
        if movement.partner:
            row['payee'] = movement.partner
        return row
