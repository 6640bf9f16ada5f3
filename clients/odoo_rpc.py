"""Transport to another Odoo database, 18.0 or later, in which nothing of ours is installed.

Two protocols with the same results: JSON-2 (`POST /json/2/<model>/<method>`, from 19.0) and JSON-RPC (`POST /jsonrpc`, 18.0 and 19.0,
going to be removed). The user gives the address, the database where the server has several, a login and an API key of that user.
Sources: Odoo 18.0 and 19.0, "External API"; odoo/service/model.py; 19.0 addons/rpc/controllers.

Every call is a transaction of its own over there: it is done as a whole or not at all.
"""
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from . import wire
from .base import utc_now
from .errors import ConfigError, ProtocolError, RateLimited, ReauthRequired, SyncError, TransientError
from .http import Answer, Http
from .odoo_failures import KEY_REFUSED, NO_SUCH_DATABASE, NOT_UNDERSTOOD, error_of
from .pace import Pace

JSON2 = 'json2'
JSON_RPC = 'jsonrpc'
OLDEST = (18, 0)
#: First series that has JSON-2, and the first that may be without JSON-RPC.
JSON2_SINCE = (19, 0)
JSON_RPC_UNTIL = (20, 0)
#: Records of the first call that writes, to see how quick the server is.
FIRST_WRITTEN = 25
#: The `Date` header counts whole seconds, so it is half a second late on average.
HALF_A_SECOND = timedelta(seconds=0.5)

#: Methods that change nothing, so that they may be sent twice.
READS = frozenset({
    'search_read', 'read', 'search', 'search_count', 'search_fetch', 'fields_get', 'read_group', 'formatted_read_group', 'name_search',
    'default_get', 'context_get', 'has_access', 'check_access_rights', 'check_object_reference', 'get_external_id', 'get_metadata',
    'export_data', 'web_read', 'web_search_read', 'get_installed',
})
#: JSON-RPC looks at the first positional argument of these (odoo/service/model.py, call_kw), so it must not be a named one there.
FIRST_POSITIONAL = {'create': 'vals_list', 'write': 'vals'}

# A ValueError in words that are not translated (odoo/addons/base/models/ir_model.py, _xmlid_lookup).
_NO_EXTERNAL_ID = 'External ID not found'

SIGN_IN_REFUSED = ("{name} does not accept this user and API key. Check both; the key is made there, in the user's own preferences under "
                   "Account Security. On Odoo Online, only the Custom plan lets other systems in: on another plan every key is refused.")
OTHER_USER = "The API key belongs to the user “{found}”, not to “{login}”. Enter the key's own user, or another key."
WRONG_DATABASE = "{name} has no database “{database}”. Check its name."
NO_DATABASE = "{name} needs to know which database is meant. Enter its name."
NOT_ODOO = "There is no Odoo at {url}: what answers there does not speak Odoo's language. Check the address."
MOVED = ("{url} points to another address. It was not followed, because that could give your key to somebody else. Enter the address that "
         "your browser shows once you are signed in there.")
MOVED_TO_HTTPS = ("{url} points to another address, probably to the same one with https. It was not followed, because that could give your "
                  "key to somebody else. Enter the address with https: at its beginning.")
TOO_OLD = "{name} is version {version}. Odoo 18.0 or later is needed: upgrade it first."


@dataclass(frozen=True, slots=True)
class Server:
    """What a server says of itself before anybody signs in.

    :param version: its own text, e.g. '18.0-20250101' or 'saas~18.2+e'
    :param series: (18, 0)
    :param databases: those that may be chosen; () where the server does not tell
    :param transport: 'json2' or 'jsonrpc', what we shall speak with it
    """

    version: str
    series: tuple[int, int]
    databases: tuple[str, ...] = ()
    transport: str = JSON_RPC


@dataclass(frozen=True, slots=True)
class Company:
    """A company that the user may work for; `currency` is its ISO code."""

    id: int
    name: str
    currency: str
    currency_id: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are over there.

    :param lang, tz: '' when the user has none
    :param company_id: the company in which the user works unless a context says otherwise
    """

    uid: int
    login: str
    name: str
    lang: str
    tz: str
    companies: tuple[Company, ...]
    company_id: int


def encode(value: Any) -> str:
    """JSON with every digit of a Decimal, dates as ISO text and instants as Odoo writes them (UTC, to the second)."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f'{value} is not JSON')
        return format(value, 'f')
    if isinstance(value, datetime):
        if value.tzinfo:
            value = value.astimezone(timezone.utc)
        return json.dumps(value.strftime('%Y-%m-%d %H:%M:%S'))
    if isinstance(value, date):
        return json.dumps(value.isoformat())
    if isinstance(value, Mapping):
        return '{' + ','.join(f'{json.dumps(str(key))}:{encode(item)}' for key, item in value.items()) + '}'
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return '[' + ','.join(map(encode, value)) + ']'
    return json.dumps(value, allow_nan=False)


def _series(info: Any, text: str) -> tuple[int, int]:
    """(18, 0) of a version, whose parts are numbers, or 'saas~18' in front."""
    parts = info if isinstance(info, (list, tuple)) and len(info) > 1 else re.findall(r'\d+', text)
    numbers = [re.search(r'\d+', str(part)) for part in parts[:2]]
    if len(numbers) < 2 or not all(numbers):
        raise ValueError(text)
    return int(numbers[0].group()), int(numbers[1].group())


class OdooRpc:
    """One user of one database. Raises only :mod:`clients.errors`; asks the server for what it needs to know when it needs it.

    :param url: address of the server; what follows `/web` or `/odoo` in it is left out, people copy it from their browser
    :param database: '' where the server has only one
    :param login: not needed with JSON-2, where the key alone names its user
    :param transport: 'json2' or 'jsonrpc' to insist on one; '' asks the server
    :ivar reading, writing: how much of either the server bears at once
    """

    def __init__(self, http: Http, url: str, *, database: str = '', login: str = '', key: str = '', transport: str = '',
                 clock: Callable[[], datetime] = utc_now):
        self.http, self.clock = http, clock
        self.url = self._base(url)
        self.database, self.login, self._key = database.strip(), login.strip(), key.strip()
        self.reading, self.writing = Pace(), Pace(FIRST_WRITTEN)
        self._transport = transport
        self._server: Server | None = None
        self._uid = 0
        self._best_trip: timedelta | None = None
        self._difference: timedelta | None = None
        self._numbers = 0
        http.hide([self._key])
        http.service = f"Odoo at {urlsplit(self.url).hostname or self.url}"

    def _base(self, url: str) -> str:
        url = url.strip()
        try:
            parts = urlsplit(url if '://' in url else f'https://{url}')
            path = re.sub(r'/(web|odoo)(/.*)?$', '', parts.path).rstrip('/')
            return urlunsplit((parts.scheme, parts.netloc, path, '', ''))
        except ValueError:
            raise ConfigError("The address of the other Odoo is not complete. It must begin with https: and name a host.",
                              field='url') from None

    @property
    def clock_difference(self) -> timedelta | None:
        """How far the other clock is ahead of ours, from the quickest answer so far; None before the first one. Good to about a second."""
        return self._difference

    @property
    def transport(self) -> str:
        if not self._transport:
            self._transport = self._server.transport if self._server else self.probe().transport
        return self._transport

    # -- who is there -----------------------------------------------------------------------------------------------------------

    def probe(self) -> Server:
        """Ask the server what it is. Needs no key and sends none.

        :raises ConfigError: no Odoo, or it points elsewhere
        """
        told, modern = self._version()
        text = wire.text(told.get('version') or told.get('server_version'))
        try:
            series = _series(told.get('version_info') or told.get('server_version_info'), text)
        except ValueError:
            raise self._not_odoo() from None
        transport = JSON2 if series >= JSON2_SINCE and self._speaks_json2(series, modern) else JSON_RPC
        self._server = Server(text, series, self._databases(), transport)
        return self._server

    def _version(self) -> tuple[dict, bool]:
        """What the server says of its version, and whether at the address that came together with JSON-2 (19.0, addons/rpc)."""
        try:
            told = self._send('GET', '/web/version').data
            if isinstance(told, dict) and told.get('version'):
                return told, True
        except (TransientError, RateLimited):
            raise
        except SyncError as error:
            if self._is_about_address(error):
                raise
        try:
            told = self._service('common', 'version', (), idempotent=True)
        except (TransientError, RateLimited):
            raise
        except SyncError as error:
            raise self._not_odoo(error) from None
        if not isinstance(told, dict):
            raise self._not_odoo()
        return told, False

    def _is_about_address(self, error: SyncError) -> bool:
        """Whether nothing was asked at all: certificate, address not allowed."""
        return isinstance(error, ConfigError) and not error.status

    def _not_odoo(self, error: SyncError | None = None) -> ConfigError:
        if error is not None and self._is_about_address(error):
            return error
        status = error.status if error else 0
        sentence = NOT_ODOO
        if 300 <= status < 400:
            sentence = MOVED_TO_HTTPS if self.url.startswith('http:') else MOVED
        return ConfigError(sentence.format(url=self.url), field='url', status=status, detail=error.detail if error else '')

    def _speaks_json2(self, series: tuple[int, int], modern: bool) -> bool:
        """Whether `/json/2` is there: it answers a call without a method with a 404 in JSON (18.0 sends to the login page instead).

        It needs a database to answer at all. Where none is chosen yet the version's address must do; where the one chosen gives no
        answer, JSON-RPC tells what is wrong with it.
        """
        try:
            self._send('GET', '/json/2', headers=self._headers(key=False))
        except (TransientError, RateLimited):
            raise
        except _Json2Here:
            return True
        except SyncError:
            return series >= JSON_RPC_UNTIL or (modern and not self.database)
        return False

    def _databases(self) -> tuple[str, ...]:
        """Many servers forbid to list them, and some have no such address."""
        try:
            answer = self._send('POST', '/web/database/list', body={'jsonrpc': '2.0', 'method': 'call', 'id': self._number(), 'params': {}})
            names = wire.mapping(answer.data).get('result')
        except (TransientError, RateLimited):
            raise
        except SyncError:
            return ()
        return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()

    def sign_in(self) -> Account:
        """Prove user and key, and learn who the user is.

        :raises ConfigError: with a sentence for each thing that can be wrong; `field` names the setting
        """
        server = self._server or self.probe()
        if server.series < OLDEST:
            raise ConfigError(TOO_OLD.format(name=self._name, version=server.version), field='url')
        if not self.database and self.transport == JSON_RPC:
            if len(server.databases) != 1:
                raise self._no_database()
            self.database = server.databases[0]
        try:
            uid = self.who()
            user = self.call('res.users', 'read', [uid], fields=['login', 'name', 'lang', 'tz', 'company_id', 'company_ids'])[0]
            rows = self.call('res.company', 'read', user['company_ids'], fields=['name', 'currency_id'])
            account = self._account(uid, user, rows)
        except ReauthRequired as error:
            raise ConfigError(SIGN_IN_REFUSED.format(name=self._name), field='key', status=error.status, detail=error.detail) from None
        except (KeyError, IndexError, TypeError) as error:
            raise ProtocolError(NOT_UNDERSTOOD.format(name=self._name, what='res.users.read'), detail=type(error).__name__) from None
        if self.login and account.login != self.login:
            raise ConfigError(OTHER_USER.format(found=account.login, login=self.login), field='login')
        return account

    def _account(self, uid: int, user: dict, rows: list[dict]) -> Account:
        companies = tuple(Company(row['id'], row['name'], row['currency_id'][1], row['currency_id'][0]) for row in rows)
        return Account(uid, user['login'], user['name'], user['lang'] or '', user['tz'] or '', companies, user['company_id'][0])

    def who(self) -> int:
        """The id of our user; signs in where the protocol has such a thing."""
        if not self._uid:
            if self.transport == JSON2:
                self._uid = wire.mapping(self.call('res.users', 'context_get')).get('uid') or 0
            else:
                self._uid = self._authenticate()
            if not isinstance(self._uid, int) or not self._uid:
                raise ProtocolError(NOT_UNDERSTOOD.format(name=self._name, what='res.users.context_get'))
        return self._uid

    def _authenticate(self) -> int:
        uid = self._service('common', 'authenticate', (self.database, self.login, self._key, {}), idempotent=True)
        if not uid:
            raise ReauthRequired(KEY_REFUSED.format(name=self._name), detail='authenticate: False')
        return uid

    def _no_database(self, error: SyncError | None = None) -> ConfigError:
        """The database is missing or wrong; names those that there are, where the server tells."""
        known = self._server.databases if self._server else self._databases()
        sentence = (WRONG_DATABASE if self.database else NO_DATABASE).format(name=self._name, database=self.database)
        if known:
            names = ', '.join(f'“{name}”' for name in known[:10])
            sentence = f"{sentence} It has: {names}." if len(known) <= 10 else f"{sentence} It has {names} and others."
        return ConfigError(sentence, field='database', **({'status': error.status, 'detail': error.detail} if error else {}))

    # -- calling ----------------------------------------------------------------------------------------------------------------

    def call(self, model: str, method: str, ids: Sequence[int] | None = None, /, *, idempotent: bool = False,
             context: dict | None = None, **named) -> Any:
        """Call a public method with named arguments; the same result on both protocols.

        :param ids: records, for a method of records, [] too; None for a method of the model (`create`, `search`, `load`)
        :param idempotent: it may be sent twice; reading methods may be anyway
        :param context: exactly this context, instead of the user's own
        :return: the JSON with exact numbers; record sets as lists of ids, also from `create`, whose `vals_list` must be a list
        """
        repeatable = idempotent or method in READS
        if self.transport == JSON2:
            body = {**named, **({} if ids is None else {'ids': list(ids)}), **({'context': context} if context else {})}
            return self._send('POST', f'/json/2/{model}/{method}', body=body, headers=self._headers(), idempotent=repeatable).data
        args: list = [] if ids is None else [list(ids)]
        if method in FIRST_POSITIONAL and FIRST_POSITIONAL[method] in named:
            args.append(named.pop(FIRST_POSITIONAL[method]))
        named |= {'context': context} if context else {}
        params = (self.database, self.who(), self._key, model, method, args, named)
        return self._service('object', 'execute_kw', params, idempotent=repeatable, what=f'{model}.{method}')

    def find(self, external_id: str) -> tuple[str, int] | None:
        """(model, id) of a record by its external id `module.name`, archived ones too; None when there is none.

        A user without the right to see it gets the id 0.
        """
        module, _dot, name = external_id.partition('.')
        try:
            model, record_id = self.call('ir.model.data', 'check_object_reference', module=module, xml_id=name,
                                         context={'active_test': False})
        except ProtocolError as error:
            if _NO_EXTERNAL_ID in error.detail:
                return None
            raise
        return model, record_id or 0

    def _service(self, service: str, method: str, args: Sequence, *, idempotent: bool, what: str = '') -> Any:
        """One JSON-RPC call of a service (odoo/http.py, JsonRPCDispatcher): HTTP 200 for failures, no `result` for None."""
        number = self._number()
        body = {'jsonrpc': '2.0', 'method': 'call', 'id': number, 'params': {'service': service, 'method': method, 'args': args}}
        answer = self._send('POST', '/jsonrpc', body=body, idempotent=idempotent)
        data = answer.data if isinstance(answer.data, dict) else {}
        if data.get('id') != number or 'jsonrpc' not in data:
            raise ProtocolError(NOT_UNDERSTOOD.format(name=self._name, what=what or method), status=answer.status)
        if data.get('error'):
            failure = wire.mapping(wire.mapping(data['error']).get('data'))
            raise self._error_of(answer, wire.text(failure.get('name')), wire.text(failure.get('message')), what or method)
        return data.get('result')

    def _send(self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None,
              idempotent: bool | None = None) -> Answer:
        data = None if body is None else encode(body).encode()
        headers = {**(headers or {}), **({} if body is None else {'Content-Type': 'application/json'})}
        begun = self.clock()
        answer = self.http.request(method, self.url + path, data=data, headers=headers, idempotent=idempotent,
                                   judge=lambda failed: self._judge(failed, path))
        self._compare_clocks(answer, begun, self.clock())
        return answer

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _headers(self, key: bool = True) -> dict[str, str]:
        database = {'X-Odoo-Database': self.database} if self.database else {}
        return {**database, **({'Authorization': f'bearer {self._key}'} if key else {})}

    def _compare_clocks(self, answer: Answer, begun: datetime, ended: datetime) -> None:
        try:
            theirs = parsedate_to_datetime(answer.headers.get('Date') or '')
        except (TypeError, ValueError):
            return
        trip = ended - begun
        if theirs.tzinfo and (self._best_trip is None or trip < self._best_trip):
            self._best_trip, self._difference = trip, theirs + HALF_A_SECOND - (begun + trip / 2)

    # -- understanding failures -------------------------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return self.http.service

    @property
    def _user(self) -> str:
        """Who we are there, at the beginning of a sentence."""
        user = f"The user “{self.login}”" if self.login else "The API key's user"
        return f"{user} of the database “{self.database}”" if self.database else f"{user} of {self._name}"

    def _judge(self, answer: Answer, path: str) -> SyncError | None:
        """The error of an answer of status 400 and above that names an exception; all others are :class:`Http`'s to judge."""
        told = answer.data if isinstance(answer.data, dict) else {}
        name = wire.text(told.get('name'))
        if path == '/json/2' and name:
            return _Json2Here(name, status=answer.status)
        if name and answer.status != 429 and not (answer.status >= 500 and name.startswith('werkzeug.')):
            return self._error_of(answer, name, wire.text(told.get('message')), path.removeprefix('/json/2/').replace('/', '.'))
        if path.startswith('/json/2/') and answer.status == 404 and not name:
            if NO_SUCH_DATABASE.search(answer.text):
                return self._no_database(self.http.error(answer, detail='404 without a database'))
            return self.http.error(answer, ProtocolError, NOT_UNDERSTOOD.format(name=self._name, what='/json/2'))
        return None

    def _error_of(self, answer: Answer, name: str, message: str, what: str) -> SyncError:
        """The error for an exception over there. Of it only name and message are used: the rest holds a traceback."""
        error = error_of(self.http, answer, name, message, what, self._user)
        if isinstance(error, TransientError) and NO_SUCH_DATABASE.search(message):
            return self._no_database(error)
        return error


class _Json2Here(SyncError):
    """Not a failure: `/json/2` answered in JSON, so it is there."""
