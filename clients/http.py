"""The one way out: every call of every client goes through :class:`Http`.

It owns what is the same for all providers: checked addresses, timeouts, a time budget, retries with jitter, `Retry-After`, size and
form of answers, no redirects, no cookies, no proxies from the environment, and redaction of whatever is said about a call.
What a status or an error code *means* is the provider's to say (parameter `judge`).
"""
import base64
import json
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from requests import exceptions as wire

from .errors import ConfigError, ProtocolError, RateLimited, SyncError, TransientError, error_class
from .network import AddressGuard, GuardedAdapter, Resolver, system_resolver
from .redaction import SHORTEST_SECRET, redact, snippet

__all__ = ['Answer', 'Http', 'parse_json', 'parse_retry_after', 'redact', 'snippet']

_logger = logging.getLogger(__name__)

MAX_BYTES = 20 * 1024 * 1024
#: Small, so that a compressed bomb (1:1000) and a dripping server are noticed early.
CHUNK_BYTES = 16 * 1024
#: Methods that can be sent twice without doing something twice (RFC 9110, 9.2.2).
IDEMPOTENT = frozenset({'GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'})
REQUEST_ID_HEADERS = ('X-Request-Id', 'Request-Id', 'X-Correlation-Id', 'X-Trace-Id', 'CF-Ray')
#: A server that asks for more than this has a broken clock.
LONGEST_RETRY_AFTER = timedelta(days=31)

SENTENCES = {
    400: "{name} did not accept the request. Check the settings of this connection.",
    401: "{name} did not accept the sign-in. Sign in again.",
    402: "{name} asks for a payment before it goes on. Check your subscription there.",
    403: "{name} refuses access. Sign in again, or check there that access is still allowed.",
    404: "{name} does not know this address. Check the settings of this connection.",
    413: "{name} refuses it: it is too large.",
    429: "{name} allows no more calls for now. The next synchronization waits until it does.",
}
UNAVAILABLE = "{name} has a problem at the moment (HTTP {status}). Nothing is lost: the next synchronization tries again."
UNKNOWN = "{name} gave an answer that is not understood (HTTP {status}). Nothing was imported; if it happens again, report it."


class _NoRequestLines(logging.Filter):
    """urllib3 logs every request line at DEBUG, with whatever secret its path holds. Ours are not for a log; others' are theirs."""

    def __init__(self):
        super().__init__()
        self.thread = threading.local()

    def filter(self, record):
        return not (getattr(self.thread, 'ours', False) and record.levelno <= logging.DEBUG)

    @contextmanager
    def applied(self):
        self.thread.ours = True
        try:
            yield
        finally:
            self.thread.ours = False


_no_request_lines = _NoRequestLines()
logging.getLogger('urllib3.connectionpool').addFilter(_no_request_lines)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, before anybody judged it.

    :param data: the parsed JSON, numbers with a fraction as Decimal; None when there was no JSON
    :param text: the body as text, only for answers that were asked for as text and for failures
    :param request_id: the provider's own name for the call
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    data: Any = None
    text: str = ''
    request_id: str = ''


def parse_json(body: bytes) -> Any:
    """JSON with exact numbers. Raises ValueError for anything else, also for NaN and for nesting without end."""
    try:
        return json.loads(body.decode('utf-8-sig'), parse_float=Decimal, parse_constant=_refuse_constant)
    except (RecursionError, InvalidOperation) as error:
        raise ValueError(type(error).__name__) from None


def _refuse_constant(name: str):
    raise ValueError(f'{name} is not JSON')


def parse_retry_after(value: str | None, now: datetime) -> datetime | None:
    """The instant that a `Retry-After` header names, given in seconds or as an HTTP date (RFC 9110, 10.2.3); None when unusable."""
    value = (value or '').strip()
    try:
        wait = timedelta(seconds=int(value)) if value.isdecimal() else _http_date(value) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return now + max(wait, timedelta()) if wait <= LONGEST_RETRY_AFTER else None


def _http_date(value: str) -> datetime:
    parsed = parsedate_to_datetime(value)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class Http:
    """A session for one run of one link.

    :param allowed_networks: networks (CIDR) that are called although they are not public, see :class:`AddressGuard`
    :param connect_timeout: seconds until a connection must stand
    :param read_timeout: seconds between two bytes of an answer
    :param budget: seconds for one call with all its retries and pauses
    :param attempts: how often one call is sent at most
    :param patience: seconds of `Retry-After` that are slept; a longer one is raised as :class:`RateLimited`
    :param ca_bundle: file of certificate authorities instead of the usual ones
    :param clock, sleep, jitter, resolver: for tests; `jitter` gives a number from 0 to 1
    :ivar calls: calls sent so far, retries included
    :ivar service: name of the provider for the sentences; '' takes the host
    """

    def __init__(self, *, allowed_networks: Iterable[str] = (), connect_timeout: float = 10, read_timeout: float = 60,
                 budget: float = 180, attempts: int = 3, patience: float = 10, max_bytes: int = MAX_BYTES, ca_bundle: str = '',
                 clock: Callable[[], datetime] = _utc_now, sleep: Callable[[float], None] | None = None,
                 jitter: Callable[[], float] = random.random, resolver: Resolver = system_resolver):
        self.guard = AddressGuard(allowed_networks, resolver)
        self.connect_timeout, self.read_timeout = connect_timeout, read_timeout
        self.budget, self.attempts, self.patience, self.max_bytes = budget, attempts, patience, max_bytes
        self.clock, self.jitter = clock, jitter
        if sleep:
            self.sleep = sleep
        self.calls = 0
        self.service = ''
        self._secrets: set[str] = set()
        self._adapter = GuardedAdapter(self.guard, (connect_timeout, read_timeout))
        self._session = self._new_session(ca_bundle)

    def _new_session(self, ca_bundle: str) -> requests.Session:
        session = requests.Session()
        session.trust_env = False   # a proxy would resolve names itself, a .netrc would add credentials
        session.verify = ca_bundle or True
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.mount('http://', self._adapter)
        session.mount('https://', self._adapter)
        session.headers.update({'User-Agent': 'account_online_sync', 'Accept': 'application/json'})
        return session

    def close(self) -> None:
        """Let go of open connections; `with Http(…) as http` does it too."""
        self._session.close()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

    def sleep(self, seconds: float) -> None:
        """Pause between two attempts."""
        time.sleep(seconds)

    # -- what may be said ---------------------------------------------------------------------------------------------------

    def hide(self, values: Iterable[str]) -> None:
        """Never show these values, in any of the forms in which they travel. Very short ones are no secrets and are left out."""
        for value in values:
            pieces = {value, *str(value).splitlines()} if value else ()
            for piece in map(str, pieces):
                if len(piece.strip()) >= SHORTEST_SECRET:
                    encoded = base64.b64encode(piece.encode()).decode()
                    self._secrets |= {piece, quote(piece, safe=''), encoded, encoded.rstrip('=')}

    def redact(self, text: object) -> str:
        """The text without this session's secrets and without account numbers."""
        return redact(text, self._secrets)

    def snippet(self, text: object, limit: int = 200) -> str:
        """The beginning of somebody else's text, redacted."""
        return snippet(text, self._secrets, limit)

    # -- calling ------------------------------------------------------------------------------------------------------------

    def request(self, method: str, url: str, *, params: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
                json: Any = None, data: bytes | None = None, headers: Mapping[str, str] | None = None, auth=None,
                judge: Callable[[Answer], SyncError | None] | None = None, as_text: bool = False,
                idempotent: bool | None = None) -> Answer:
        """Send a call, again where that is safe, and return the good answer or raise what :mod:`clients.errors` calls it.

        :param auth: (user, password) for Basic, or a `requests` auth object
        :param judge: gives the error for an answer of status 400 and above, or None to leave it to :meth:`error`. What the provider
            itself put a name to is not tried again at once: its calls are counted
        :param as_text: the answer is plain text, not JSON
        :param idempotent: whether the call may be sent twice; by default its method decides
        """
        method = method.upper()
        request = requests.Request(method, self._checked_url(url), params=params, json=json, data=data, headers=headers, auth=auth)
        repeatable = method in IDEMPOTENT if idempotent is None else idempotent
        started, attempt = self.clock(), 0
        while True:
            attempt += 1
            answer, error, named = self._attempt(request, started, as_text, judge)
            if error is None:
                return answer
            wait = self._wait(attempt, answer, error)
            if not self._worth_retrying(error, attempt, wait, self._elapsed(started), repeatable and not named):
                raise error
            _logger.info("%s; trying again in %.1f s", self.redact(error.log_line()), wait)
            self.sleep(wait)

    def _worth_retrying(self, error: SyncError, attempt: int, wait: float, elapsed: float, repeatable: bool) -> bool:
        """Whether to send the call once more after `wait` seconds. Pure decision, sleeps nothing."""
        if attempt >= self.attempts or elapsed + wait >= self.budget:
            return False
        if isinstance(error, RateLimited):   # it was refused, not carried out: safe for every method
            return error.retry_after is not None and wait <= self.patience
        return isinstance(error, TransientError) and repeatable and wait <= self.patience

    def _wait(self, attempt: int, answer: Answer | None, error: SyncError) -> float:
        """Seconds before the next attempt: what the server asked for, at least doubling from 1 with half of it jitter."""
        now = self.clock()
        asked = getattr(error, 'retry_after', None) or (parse_retry_after(answer.headers.get('Retry-After'), now) if answer else None)
        backoff = 2 ** (attempt - 1) * (0.5 + self.jitter() / 2)
        return max((asked - now).total_seconds(), backoff) if asked else backoff

    def _elapsed(self, started: datetime) -> float:
        return (self.clock() - started).total_seconds()

    def _checked_url(self, url: str) -> str:
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ('http', 'https') and parts.hostname and parts.port != 0 and '@' not in parts.netloc
        except ValueError:
            usable = False
        if not usable:
            raise ConfigError("The address of the provider is not complete. It must begin with https: and name a host.", field='url')
        return url

    def _attempt(self, request, started, as_text, judge) -> tuple[Answer | None, SyncError | None, bool]:
        """One call: the answer, the error (or both when the answer is the error), and whether the provider named the error."""
        host = urlsplit(request.url).hostname
        begun, answer, error, named = self.clock(), None, None, False
        try:
            answer = self._exchange(request, started, as_text)
            if answer.status >= 300:
                own = judge(answer) if judge and answer.status >= 400 else None
                error, named = own or self.error(answer), bool(own)
        except SyncError as raised:
            error = raised
        except (wire.RequestException, OSError) as raised:
            error = self._from_transport(raised, host)
        status = answer.status if answer else type(error).__name__
        _logger.info("%s %s%s: %s in %.1f s", request.method, host, self.redact(urlsplit(request.url).path), status,
                     self._elapsed(begun))
        return answer, error, named

    def _exchange(self, request, started, as_text) -> Answer:
        self._adapter.timeout = self._timeouts(self._elapsed(started))
        prepared = self._session.prepare_request(request)
        self.calls += 1
        with (_no_request_lines.applied(),
              self._session.send(prepared, stream=True, allow_redirects=False) as response):
            return self._read(response, started, as_text)

    def _timeouts(self, elapsed: float) -> tuple[float, float]:
        left = max(self.budget - elapsed, 1)
        return min(self.connect_timeout, left), min(self.read_timeout, left)

    # -- reading ------------------------------------------------------------------------------------------------------------

    def _read(self, response, started, as_text) -> Answer:
        body = self._body(response, started)
        failed = response.status_code >= 300
        data, text = None, ''
        if failed or as_text:
            text = body.decode('utf-8', 'replace')
        if body and not as_text:
            data = self._json(body, response, tolerant=failed)
        elif not body and not as_text and response.status_code == 200 and response.request.method == 'GET':
            raise ProtocolError(f"{self._name(response)} sent an empty answer. Nothing was imported.", status=200)
        return Answer(response.status_code, response.headers, data, text, self._request_id(response))

    def _body(self, response, started) -> bytes:
        """The whole body, or an error when it is too big, too slow or cut off."""
        expected = response.headers.get('Content-Length', '')
        if expected.isdecimal() and int(expected) > self.max_bytes:
            raise self._too_big(response)
        body = bytearray()
        for chunk in response.iter_content(CHUNK_BYTES):
            body += chunk
            if len(body) > self.max_bytes:
                raise self._too_big(response)
            if self._elapsed(started) > self.budget:
                raise TransientError(f"{self._name(response)} answers too slowly. The next synchronization tries again.",
                                     status=response.status_code)
        # urllib3 1.26 takes a closed connection for the end of the body.
        if expected.isdecimal() and response.raw.tell() < int(expected):
            raise TransientError(f"The answer of {self._name(response)} broke off. Nothing of it was used; the next "
                                 f"synchronization tries again.", status=response.status_code)
        return bytes(body)

    def _too_big(self, response) -> ProtocolError:
        return ProtocolError(
            f"The answer of {self._name(response)} is larger than {self.max_bytes // 1024 // 1024} MB and was refused. "
            f"Nothing was imported.", status=response.status_code, request_id=self._request_id(response))

    def _json(self, body: bytes, response, tolerant: bool):
        try:
            return parse_json(body)
        except ValueError:
            if tolerant:
                return None
        kind = response.headers.get('Content-Type', 'unknown').split(';')[0]
        raise ProtocolError(
            f"{self._name(response)} answered with something that is not bank data, perhaps a web page about maintenance. "
            f"Nothing was imported; try again later.", detail=f'not JSON: {self.snippet(kind, 50)}, {len(body)} bytes',
            status=response.status_code, request_id=self._request_id(response))

    def _request_id(self, response) -> str:
        found = next((response.headers[name] for name in REQUEST_ID_HEADERS if response.headers.get(name)), '')
        return re.sub(r'[^\w.:/-]', '', found)[:100]

    # -- judging ------------------------------------------------------------------------------------------------------------

    def error(self, answer: Answer, kind: type[SyncError] | None = None, message: str = '', *, detail: str = '', **extra) -> SyncError:
        """The error for an answer: its class and sentence by status, unless the provider knows better.

        :param detail: what the provider says about it, redacted here; '' takes the beginning of the body
        """
        kind = kind or (error_class(answer.status) if answer.status >= 400 else ProtocolError)
        if issubclass(kind, RateLimited):
            extra.setdefault('retry_after', parse_retry_after(answer.headers.get('Retry-After'), self.clock()))
        text = detail or answer.text
        return kind(message or self._sentence(answer, kind), detail=self.snippet(text), status=answer.status,
                    request_id=answer.request_id, **extra)

    def _sentence(self, answer: Answer, kind: type[SyncError]) -> str:
        name = self.service or "The provider"
        if 300 <= answer.status < 400:
            return (f"{name} points to another address. It was not followed, because that could give your credentials to "
                    f"somebody else. Check the address of this connection.")
        fallback = UNAVAILABLE if issubclass(kind, TransientError) else UNKNOWN
        return SENTENCES.get(answer.status, fallback).format(name=name, status=answer.status)

    def _name(self, response) -> str:
        return self.service or urlsplit(response.url).hostname

    def _from_transport(self, error: Exception, host: str) -> SyncError:
        """What went wrong below HTTP. Only the kind of it is told: its text holds the whole address."""
        name, detail = self.service or host, f'{host}: {type(error).__name__}'
        if isinstance(error, wire.SSLError) and 'certificate' in str(error).lower():
            return ConfigError(f"{name} cannot prove that it is {host}: its certificate is not valid for that name or not trusted "
                               f"here. Nothing was sent. Check the address.", field='url', detail=detail)
        if isinstance(error, (wire.InvalidURL, wire.MissingSchema, wire.InvalidSchema, wire.InvalidHeader)):
            return ConfigError("The address of the provider is not valid. Check the settings of this connection.", field='url',
                               detail=detail)
        if isinstance(error, wire.ContentDecodingError):
            return ProtocolError(f"The answer of {name} cannot be unpacked. Nothing was imported.", detail=detail)
        if isinstance(error, wire.Timeout) or 'timed out' in str(error).lower():
            return TransientError(f"{name} did not answer in time. The next synchronization tries again.", detail=detail)
        return TransientError(f"{name} cannot be reached at the moment. The next synchronization tries again.", detail=detail)
