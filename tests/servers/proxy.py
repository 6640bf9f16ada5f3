"""The line between two servers: passes every call on, or spoils it on command."""
import http.client
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

#: What can happen to a call: it never arrives, its answer is lost, the server says that it is busy (before or after doing it).
FAULTS = ('lost', 'answer_lost', 'busy', 'busy_after')


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes on to `target`.

    :param choose: called for each call with its path; returns one of :data:`FAULTS`, or '' to leave it alone
    :ivar heard: (path, body) of the calls that were passed on or spoiled
    :ivar answered: called with (path, body) when `target` has answered and nobody knows it yet; a true value: the answer is lost
    """

    def __init__(self, target, choose=lambda path: ''):
        self.target = urlsplit(target)
        self.reset()
        self.choose = choose
        self._http = ThreadingHTTPServer(('127.0.0.1', 0), _Handler)
        self._http.daemon_threads = True
        self._http.proxy = self
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    @property
    def url(self):
        return f'http://127.0.0.1:{self._http.server_address[1]}'

    def reset(self):
        """Nothing was heard, nothing is spoiled."""
        self.choose, self.answered, self.heard = lambda path: '', lambda path, body: False, []

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True      # else each answer waits 40 ms for the other end's late acknowledgement

    def _pass(self):
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        proxy.heard.append((self.path, body))
        fault = proxy.choose(self.path)
        if fault in ('lost', 'busy'):
            self._spoil(fault)
            return
        line = http.client.HTTPConnection(proxy.target.hostname, proxy.target.port, timeout=120)
        try:
            line.request(self.command, self.path, body, dict(self.headers.items()))
            answer = line.getresponse()
            content = answer.read()
        finally:
            line.close()
        fault = fault or proxy.answered(self.path, body) and 'answer_lost'
        if fault:
            self._spoil(fault)
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ('transfer-encoding', 'connection', 'content-length'):
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _spoil(self, fault):
        if fault.startswith('busy'):
            self.send_response(503)
            self.send_header('Content-Length', '0')
            self.end_headers()
            return
        self.close_connection = True
        with suppress(OSError):     # who asked may be dead
            self.connection.shutdown(2)

    do_GET = do_POST = _pass

    def log_message(self, *_args):
        pass
