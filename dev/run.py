"""`make run`: Odoo with the addon, a company and a sandbox bank; `make stop` ends what it started."""
import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import cloud
import database
import postgres
import python
from base import CACHE, CHECKOUT, CHECKOUT_ID, Stop, main, say

import odoo

#: 0 for what is none; `make stop` does not need it.
PORT = int(os.environ.get('PORT') or 8069) if re.fullmatch(r'\d{0,5}', os.environ.get('PORT') or '') else 0
SANDBOX_PORT = PORT + 1
PIDS = CACHE / 'run' / f'{CHECKOUT_ID}.json'
#: What the sandbox bank remembers between two starts.
STATE = CACHE / 'run' / f'{CHECKOUT_ID}-sandbox.json'
DEMO = Path(__file__).with_name('demo.py')
START_SECONDS = 180
#: Script for the Odoo shell: where the sandbox bank is now; another PORT is another address.
ADDRESSES = '''
import json, os
facts = json.loads(os.environ['SANDBOX'])
env['ir.config_parameter'].set_param('account_online_sync.url.enable_banking', facts['enable_banking']['url'])
for link in env['online.sync.link'].search([('provider', '=', 'simplefin'), ('state', '!=', 'draft')]):
    link._store_credentials({'access_url': facts['simplefin']['access_url']})
env.cr.commit()
'''


def run():
    """Set up what is missing, start, and stay until Ctrl-C (or return, with DETACH=1)."""
    if not 0 < PORT < 65534:
        raise Stop(f"PORT={os.environ.get('PORT')} is no port, or leaves no room for the sandbox bank's two.")
    if any(_begun(pid) == begun for pid, begun in _remembered()):
        raise Stop("It runs already in this checkout: make stop.")
    _check_free(PORT, 'PORT=8169')
    for port in (SANDBOX_PORT, SANDBOX_PORT + 1):
        _check_free(port, 'PORT=8169')
    interpreter = python.environment()
    series = odoo.preferred()
    postgres.connect()
    sandbox, facts = _start_sandbox(interpreter)
    children = [sandbox]
    try:
        name, fresh = _demo_database(series, interpreter, facts)
        there = _start_cloud(series, interpreter, name, fresh, children) if cloud.wanted() else None
        children.append(_start_odoo(series, interpreter, name))
        _remember(children)
        _wait(children[-1], PORT)
        _welcome(series, facts, there)
        if os.environ.get('DETACH'):
            return 0
        children[-1].wait()
        say("Odoo has ended.")
        _end(child.pid for child in children)
        crashed = PIDS.exists()     # `make stop` takes the note away
        PIDS.unlink(missing_ok=True)
        return int(crashed)
    except BaseException:
        _end(child.pid for child in children)
        PIDS.unlink(missing_ok=True)
        raise


def stop():
    """End what `make run` started, and the private PostgreSQL when nobody else uses it."""
    running = [pid for pid, begun in _remembered() if _begun(pid) == begun]
    PIDS.unlink(missing_ok=True)
    _end(running)
    say("Odoo and the sandbox bank have ended." if running else "Nothing of this checkout runs.")
    postgres.stop()
    return 0


def _check_free(port, hint):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('127.0.0.1', port))
        except OSError:
            raise Stop(f"Port {port} is taken. End what uses it (`make stop`?) or choose other ports: make run {hint}") from None


def _start_sandbox(interpreter):
    """The sandbox bank: its process and what it says of itself."""
    environment = {**os.environ, 'SANDBOX_PORT': str(SANDBOX_PORT), 'SANDBOX_REUSABLE_TOKEN': '1',
                   'SANDBOX_STATE': str(STATE)}
    STATE.parent.mkdir(parents=True, exist_ok=True)
    if os.environ.get('FRESH'):
        STATE.unlink(missing_ok=True)
    with open(_log('sandbox'), 'w') as log:
        process = subprocess.Popen([str(interpreter), str(CHECKOUT / 'tests/servers/sandbox.py')], env=environment, cwd=CHECKOUT,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
    line = process.stdout.readline()
    if not line:
        raise Stop(f"The sandbox bank did not start; {log.name} says why.")
    say(f"Sandbox bank: ready on port {SANDBOX_PORT}.")
    return process, json.loads(line)


def _demo_database(series, interpreter, facts):
    """The database with a company and a connected bank; made once, upgraded when the checkout changed."""
    name = os.environ.get('DB') or database.name_for(series, 'demo')
    stamp = CACHE / 'run' / f'{name}.stamp'
    stamp.parent.mkdir(parents=True, exist_ok=True)
    version = _checkout_version()
    fresh = bool(os.environ.get('FRESH')) or not stamp.exists() or not database.exists(name)
    if fresh:
        say(f"Odoo {series.name}: making the database {name} …")
        database.copy(series, interpreter, name)
        database.install(series, interpreter, name)
        say("Connecting the sandbox bank and fetching its transactions …")
        if database.shell(series, interpreter, name, DEMO.read_text(), environment={'SANDBOX': json.dumps(facts)}):
            raise Stop("The demo company could not be made; the lines above say why.")
    elif stamp.read_text() != version:
        say(f"Odoo {series.name}: bringing the database {name} up to this checkout …")
        database.install(series, interpreter, name, update=True)
    stamp.write_text(version)
    database.shell(series, interpreter, name, ADDRESSES, environment={'SANDBOX': json.dumps(facts)})
    return name, fresh


def _start_cloud(series, interpreter, demo, fresh, children):
    """Serve the cloud instance, and connect the demo company to it. Returns what `cloud.connect` does."""
    name = cloud.make_database(series, interpreter, fresh)
    port = cloud.free_port(SANDBOX_PORT + 2)
    children.append(cloud.start(series, interpreter, name, port, _log('cloud')))
    _wait(children[-1], port, 'cloud')
    return cloud.connect(series, interpreter, demo, name, port)


def _checkout_version():
    """Changes when a file that the addon loads does."""
    files = [path for path in CHECKOUT.rglob('*') if path.suffix in ('.py', '.xml', '.csv', '.js', '.scss') and '.git' not in path.parts]
    return hashlib.sha256(repr(sorted((str(path), path.stat().st_mtime_ns) for path in files)).encode()).hexdigest()


def _start_odoo(series, interpreter, name):
    conf = database.configuration(series, http_port=PORT, dbfilter=f'^{name}$', max_cron_threads=1)
    line, environment = database.command(series, interpreter, conf, 'server', '-d', name)
    say(f"Odoo {series.name}: starting …")
    with open(_log('odoo'), 'w') as log:
        return subprocess.Popen(line, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def _log(name):
    database.LOGS.mkdir(parents=True, exist_ok=True)
    return database.LOGS / f'run-{CHECKOUT_ID}-{name}.log'


def _wait(process, port, name='odoo'):
    """Until the login page answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Stop(f"Odoo ended at once: {database.last_error(_log(name))}")
        try:
            with urllib.request.urlopen(f'http://127.0.0.1:{port}/web/login', timeout=30):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    raise Stop(f"Odoo did not answer within {START_SECONDS} seconds; {_log(name)} says why.")


def _welcome(series, facts, there):
    banking = facts['enable_banking']
    also = there and f"""
The cloud instance is another Odoo, at {there['url'].replace('127.0.0.1', 'localhost')}
  login     admin
  password  admin
  to connect it again   address {there['url']}, database {there['database']}, user {there['login']}, API key {there['key']}
"""
    say(f"""
Odoo {series.name} is at http://localhost:{PORT}
  login     admin
  password  admin
  look at   Invoicing > Configuration > Banks > Online Synchronization, and Invoicing > Bank > Bank Transactions
{also or ''}
To connect the sandbox's second bank yourself (Connect, in the connections):
  Enable Banking   application id  {banking['application_id']}
                   private key     {banking['private_key_file']}
The connected bank's setup token (SimpleFIN, to reconnect): {facts['simplefin']['setup_token']}
The sandbox bank can be made to misbehave at {facts['control']}, its second one at {facts['second_control']}
{"`make stop` ends it." if os.environ.get('DETACH') else "Ctrl-C ends it."}""")


def _remember(children):
    PIDS.parent.mkdir(parents=True, exist_ok=True)
    PIDS.write_text(json.dumps([[child.pid, _begun(child.pid)] for child in children]))


def _remembered():
    """(pid, when it began) of each process that `make run` started last."""
    return json.loads(PIDS.read_text()) if PIDS.exists() else []


def _begun(pid):
    """When a process began, in ticks since the machine did; None when there is none. A number of old may be another's by now."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]
    except OSError:
        return None


def _end(pids):
    """Ask each process to end, then make sure."""
    for pid in list(pids):
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not _signal(pid, number):
                break
            deadline = time.monotonic() + 10
            while _signal(pid, 0) and time.monotonic() < deadline:
                time.sleep(0.1)


def _signal(pid, number):
    """Send a signal; False when the process is gone. A child that ended is collected first."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


if __name__ == '__main__':
    main(stop if sys.argv[1:] == ['stop'] else run)
