"""What the loopback servers share: sockets, a record of calls, faults on command, and loud complaints about unexpected calls."""
import json
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .bank import Bank

try:
    import jsonschema
except ImportError:
    jsonschema = None


@dataclass
class Call:
    """A request as it came in; header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b''
    status: int = 0

    def json(self) -> Any:
        return json.loads(self.body or b'null')


@dataclass
class Reply:
    """An answer on its way out. `fault` tells the socket how to spoil it: '', 'cut', 'drop' or 'stream' (no length told)."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ''
    kind: str = 'application/json'

    def bytes(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, separators=(',', ':')).encode() if self.kind == 'application/json' else str(self.body).encode()


class Server:
    """A provider on 127.0.0.1. Use it as a context manager, or `start()` and `stop()`.

    A subclass lists its routes: (method, pattern of the path, function(call, *groups) -> Reply), and may name a JSON schema for
    an answer, which is checked when `jsonschema` is installed.

    :param bank: what it tells
    :param port: 0 takes a free one
    :ivar calls: all calls made, in order
    :ivar problems: unexpected calls and wrong answers; a test asserts that it is empty
    :ivar page_size: most movements in one answer, where the protocol has pages
    """

    prefix = ''

    def __init__(self, bank: Bank, port: int = 0, host: str = '127.0.0.1'):
        self.bank = bank
        self.host = host
        self.calls: list[Call] = []
        self.problems: list[str] = []
        self.page_size = 1000
        self.before: Callable[[Call], None] | None = None
        self._planned: deque[Callable[[Call], Reply | None]] = deque()
        self._delay = 0.0
        self._repeating = False
        self._stopping = threading.Event()
        self._lock = threading.RLock()
        self._http = _Listener((host, port), _Handler)
        self._http.provider = self
        self._thread: threading.Thread | None = None

    # -- life -------------------------------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        return self._http.server_address[1]

    @property
    def url(self) -> str:
        return f'http://{self.host}:{self.port}{self.prefix}'

    def start(self):
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        if self._thread:
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_exc):
        self.stop()

    # -- faults -----------------------------------------------------------------------------------------------------------------

    def fail_next(self, n: int = 1, status: int = 500, *, retry_after: int | str | None = None, code: str = '', message: str = '',
                  path: str = '') -> None:
        """Of the next `n` calls those to a `path` fail with this status, and with the provider's own error `code` where it has such."""
        headers = {} if retry_after is None else {'Retry-After': str(retry_after)}
        self._plan(n, lambda call: Reply(status, self.failure(status, code, message), headers) if path in call.path else None)

    def cut_next(self, n: int = 1) -> None:
        """The next `n` answers break off in their middle."""
        self._plan(n, lambda call: self._spoiled(call, 'cut'))

    def drop_next(self, n: int = 1) -> None:
        """The next `n` calls are carried out, but their answer gets lost."""
        self._plan(n, lambda call: self._spoiled(call, 'drop'))

    def html_next(self, n: int = 1) -> None:
        """The next `n` answers are a web page with status 200."""
        self._plan(n, lambda call: Reply(200, '<!doctype html><title>Maintenance</title>', kind='text/html'))

    def huge_next(self, n: int = 1, size: int = 21 * 1024 * 1024, *, told: bool = True) -> None:
        """The next `n` answers are `size` bytes of good JSON; not `told`, their length shows only while reading."""
        self._plan(n, lambda call: Reply(200, b'{"pad":"' + b'x' * size + b'"}', fault='' if told else 'stream'))

    def redirect_next(self, to: str, n: int = 1, status: int = 302) -> None:
        """The next `n` answers point to another address."""
        self._plan(n, lambda call: Reply(status, {}, {'Location': to}))

    def answer_next(self, body: Any, n: int = 1, status: int = 200, **headers: str) -> None:
        """The next `n` answers are this one, whatever was asked."""
        named = {name.replace('_', '-'): value for name, value in headers.items()}
        self._plan(n, lambda call: Reply(status, body, dict(named)))

    def skip_next(self, n: int = 1) -> None:
        """Let `n` calls pass before the fault that is planned after this."""
        self._plan(n, lambda call: None)

    def slow(self, seconds: float) -> None:
        """Every answer waits this long from now on; 0 ends it."""
        self._delay = seconds

    def repeat_token(self, repeating: bool = True) -> None:
        """Every page names the token of the page it is, so that reading never ends."""
        self._repeating = repeating

    def clear_faults(self) -> None:
        self._planned.clear()
        self._delay, self._repeating = 0.0, False

    def _plan(self, n: int, fault: Callable[[Call], Reply | None]) -> None:
        self._planned.extend([fault] * n)

    def _spoiled(self, call: Call, fault: str) -> Reply:
        reply = self.route(call)
        reply.fault = fault
        return reply

    # -- answering --------------------------------------------------------------------------------------------------------------

    routes: tuple = ()

    def failure(self, status: int, code: str, message: str) -> Any:
        """Body of a failed answer in the provider's form."""
        return {}

    def handle(self, call: Call) -> Reply:
        """Answer a call: with a planned fault, else as the provider would."""
        with self._lock:
            self.calls.append(call)
            if self.before:
                self.before(call)
            try:
                fault = self._planned.popleft() if self._planned and self.can_fail(call) else None
                reply = fault(call) if fault else None
                reply = reply or self.route(call)
            except Exception:   # a handler thread would only print it; the test must see it
                self.problems.append(f'{call.method} {call.path}: {traceback.format_exc()}')
                reply = Reply(500, {})
            call.status = reply.status
        if self._delay:
            self._stopping.wait(self._delay)
        return reply

    def can_fail(self, call: Call) -> bool:
        """Whether a planned fault may fall on this call."""
        return True

    def route(self, call: Call) -> Reply:
        for method, pattern, function in self.routes:
            match = pattern.fullmatch(call.path)
            if match and method == call.method:
                return function(self, call, *match.groups())
        return self.unexpected(call, 'no such path', 404)

    def unexpected(self, call: Call, why: str, status: int = 400) -> Reply:
        """Note a call that the provider's contract does not know, and answer with a failure."""
        self.problems.append(f'{call.method} {call.path}: {why}')
        return Reply(status, self.failure(status, '', why))

    def check_query(self, call: Call, allowed: set[str]) -> None:
        unknown = set(call.query) - allowed
        if unknown:
            self.problems.append(f'{call.method} {call.path}: unknown parameters {sorted(unknown)}')

    def checked(self, body: Any, schema: Mapping | None) -> Reply:
        """A good answer, checked against the provider's contract."""
        if jsonschema and schema:
            for error in jsonschema.Draft202012Validator(schema).iter_errors(body):
                self.problems.append(f'answer breaks the contract at {list(error.absolute_path)}: {error.message[:200]}')
        return Reply(200, body)

    def count(self, method: str = '', path: str = '') -> int:
        """How many calls were made whose path holds `path`."""
        return sum(1 for call in self.calls if path in call.path and method in ('', call.method))


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    provider: Server

    def handle_error(self, request, client_address):
        """A client that hangs up (a tested timeout) is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = -1   # head and body in one packet, else each answer waits 40 ms for an acknowledgement
    disable_nagle_algorithm = True
    server: _Listener

    def _answer(self):
        parts = urlsplit(self.path)
        length = int(self.headers.get('Content-Length') or 0)
        call = Call(self.command, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)),
                    {name.lower(): value for name, value in self.headers.items()}, self.rfile.read(length) if length else b'')
        self._send(self.server.provider.handle(call))

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer

    def _send(self, reply: Reply):
        body = reply.bytes()
        if reply.fault == 'drop':
            self.close_connection = True
            return
        self.send_response(reply.status)
        length = {'Connection': 'close'} if reply.fault == 'stream' else {'Content-Length': str(len(body))}
        for name, value in {'Content-Type': reply.kind, **length, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if reply.fault == 'cut':
            self.close_connection = True
            body = body[:len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *args):
        """Calls are in `Server.calls`."""
