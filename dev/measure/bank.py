"""A SimpleFIN bank for measuring: any number of movements a day, made up while it answers; started by path as a process of its own."""
import json
import sys
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

DAY = 86400


class Handler(BaseHTTPRequestHandler):
    """`/<movements a day>/accounts?start-date&end-date`: one account with so many movements on each day asked for."""

    protocol_version = 'HTTP/1.1'

    def do_GET(self):  # noqa: N802 - the name that http.server calls
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        per_day = int(url.path.split('/')[1])
        start, end = (int(query.get(name, ['0'])[0]) for name in ('start-date', 'end-date'))
        movements = [movement(day, n) for day in range(start, end, DAY) for n in range(per_day)]
        account = {
            'id': 'ACT-00000000-0000-4000-8000-000000000001', 'name': 'Bench', 'currency': 'EUR', 'balance': '0.00',
            'balance-date': int(datetime.now(timezone.utc).timestamp()), 'transactions': movements,
            'org': {'domain': 'bench.example.com', 'name': 'Bench', 'sfin-url': 'https://bench.example.com'},
        }
        body = json.dumps({'errors': [], 'accounts': [account]}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Quiet."""


def movement(day, n):
    cents = (day // DAY * 37 + n * 101) % 90000 - 45000
    return {'id': f'{day // DAY}-{n}', 'posted': day + DAY // 2, 'amount': f'{cents / 100:.2f}',
            'description': f'INVOICE {day // DAY}/{n} THANK YOU', 'transacted_at': day + int(timedelta(hours=11).total_seconds())}


if __name__ == '__main__':
    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    sys.stdout.write(f'{server.server_port}\n')
    sys.stdout.flush()
    server.serve_forever()
