"""Both providers on this machine, for a demo: started by path, `python tests/servers/sandbox.py`, without Odoo.

Prints one line of JSON when it is ready, and ends on SIGTERM or SIGINT. Environment:

SANDBOX_HOST            address to listen on (127.0.0.1)
SANDBOX_PORT            port of SimpleFIN and of the control page (8070); Enable Banking takes the next one; 0 takes two free ones
SANDBOX_REUSABLE_TOKEN  1 lets the setup token be claimed again and again
SANDBOX_PACE            seconds between the extra movements that arrive while you watch (120), 0 for none
SANDBOX_STATE           file that remembers the extra movements, so that they are there again after the next start; empty for none
SANDBOX_KEY             file of the application's private key, made when it is not there (in the directory for temporary files)
"""
import json
import os
import signal
import sys
import tempfile
import threading
from datetime import datetime, timezone
from pathlib import Path

if not __package__:   # started by path: this folder becomes a package of its own, so that relative imports work here too
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    __package__ = 'servers'
    __import__(__package__)

from .control import controlled
from .enable_banking import EnableBankingServer
from .keys import stored_key
from .seed import BIRCH, LAKE, Life
from .simplefin import SimpleFinServer


def now() -> datetime:
    return datetime.now(timezone.utc)


def build(environ) -> tuple[SimpleFinServer, EnableBankingServer, Path]:
    """Both servers, not started yet, and the file of the key."""
    host, port = environ.get('SANDBOX_HOST', '127.0.0.1'), int(environ.get('SANDBOX_PORT', 8070))
    pace = float(environ.get('SANDBOX_PACE', 120))
    folder = Path(tempfile.gettempdir()) / f'account_online_sync_sandbox_{os.getuid()}'
    path = Path(environ.get('SANDBOX_KEY') or folder / 'private_key.pem')
    birch, lake = Life(BIRCH, now(), pace), Life(LAKE, now(), pace)
    simplefin = controlled(SimpleFinServer)(birch.bank, port, host=host, reusable_token=environ.get('SANDBOX_REUSABLE_TOKEN') == '1')
    banking = controlled(EnableBankingServer)(lake.bank, port and port + 1, host=host, clock=now, key=stored_key(path))
    banking.every_country, banking.other_banks = True, ()
    lives, state = {'birch': birch, 'lake': lake}, environ.get('SANDBOX_STATE')
    remembered = json.loads(Path(state).read_text()) if state and Path(state).exists() else {}
    for name, life in lives.items():
        life.replay(remembered.get(name, []))

    def before(life: Life) -> None:
        life.advance(now())
        if state:
            Path(state).write_text(json.dumps({name: life.extras for name, life in lives.items()}))

    for server, life in ((simplefin, birch), (banking, lake)):
        server.life, server.before = life, lambda _call, life=life: before(life)
    return simplefin, banking, path


def main() -> None:
    simplefin, banking, path = build(os.environ)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_args: done.set())
    with simplefin, banking:
        print(json.dumps({
            'simplefin': {'url': simplefin.url, 'access_url': simplefin.access_url, 'setup_token': simplefin.setup_token,
                          'reusable': simplefin.reusable_token},
            'enable_banking': {'url': banking.url, 'application_id': banking.application_id, 'private_key_file': str(path),
                               'private_key': banking.private_key, 'bank': banking.bank.name},
            'control': f'http://{simplefin.host}:{simplefin.port}/', 'second_control': f'http://{banking.host}:{banking.port}/',
            'allowed_networks': '127.0.0.0/8',
        }), flush=True)
        done.wait()


if __name__ == '__main__':
    main()
