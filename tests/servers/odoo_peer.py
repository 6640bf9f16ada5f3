"""A second Odoo: a real server process on a free port of 127.0.0.1, with a database of its own that is thrown away."""
import fcntl
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLE = 'ONLINE_SYNC_PEERS'
PATIENCE = 120
_numbers = itertools.count(1)


def peers():
    """Series -> what is needed to start an Odoo of it; `make test` says so in an environment variable."""
    return json.loads(os.environ.get(VARIABLE) or '{}')


class OdooPeer:
    """Use it as a context manager, or `start()` and `stop()`.

    The company uses USD and the generic chart of accounts. Users: `sync`, who may do accounting, and `clerk`, who may not.

    :param series: '18.0' or '19.0', one of :func:`peers`
    :param postgres: PGHOST, PGPORT, PGUSER and PGPASSWORD where they differ from this process's
    :param addon: whether our addon is installed there too, and its scheduled actions run
    :ivar keys: login -> API key
    """

    def __init__(self, series, postgres=None, *, addon=False):
        self.series, self.facts, self.addon = series, peers()[series], addon
        self.database = self._first = f"{self.facts['name']}_{next(_numbers)}_{os.getpid()}"
        self._databases: list[str] = []
        self._renewed = itertools.count(1)
        self.port = self._free_port()
        self.process = None
        self.keys: dict[str, str] = {}
        self.template = self.facts['template']
        self.addons_path = ','.join([self.facts['addons_path'], *([self.facts['our_addons']] if addon else ())])
        self.log = Path(self.facts['logs']) / f'{self.database}.log'
        given = {name: str(value) for name, value in (postgres or {}).items() if value}
        self.environment = {**os.environ, **given, 'PYTHONPATH': self.facts['python_path'], 'PYTHONDONTWRITEBYTECODE': '1'}

    @property
    def url(self):
        return f'http://127.0.0.1:{self.port}'

    def start(self):
        """Make the database and serve it; when that fails nothing is left behind."""
        try:
            if self.addon:
                self._install_addon()
            self._make_database()
            self.serve()
        except BaseException:
            self.stop()
            raise
        return self

    def serve(self, *, listed=True):
        """Start the server process and wait until it answers.

        :param listed: whether it tells which databases it has
        """
        options = {
            **self._options(), '--http-interface': '127.0.0.1', '--http-port': self.port, '--max-cron-threads': int(self.addon),
            '--workers': 0, '--db-filter': f'^{self._first}(_none|_[0-9]+)?$', '--log-level': 'info',
            **({'-d': self.database} if self.addon else {}),       # its scheduled actions would look through each database of the machine
        }
        line = [self.facts['python'], self.facts['command'], 'server', *(() if listed else ('--no-database-list',))]
        line += [str(part) for pair in options.items() for part in pair]
        # A test that is killed takes its server along.
        guard = ['setpriv', '--pdeathsig', 'KILL'] if shutil.which('setpriv') else []
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen([*guard, *line], env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        self._wait()

    def kill(self):
        """`kill -9`, as when the machine loses its power."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self):
        """End the process; drop database and files."""
        self.kill()
        self.log.unlink(missing_ok=True)
        for database in self._databases or [self.database]:
            self._drop(database)

    def _drop(self, database):
        shutil.rmtree(Path(self.facts['data_dir']) / 'filestore' / database, ignore_errors=True)
        self._run('dropdb', '--if-exists', '--force', database)

    def renew(self):
        """Serve a new database, as it was at the start; the server goes on.

        One with scheduled actions starts again: the thread that runs them ends when it sees another database appear.
        """
        before, self.database = self.database, f'{self._first}_{next(self._renewed)}'
        if self.addon:
            self.kill()
        self._make_database()
        if before != self._first:       # the server would keep a connection to each of them
            self._databases.remove(before)
            self._drop(before)
        if self.addon:
            self.serve()

    def sql(self, query, database=''):
        """What a query gives, as text, past the server."""
        return self._run('psql', '-Atc', query, database or self.database).strip()

    def shell(self, script):
        """Run a script in an Odoo shell on the database; returns what it printed."""
        return self._run(*self.shell_line(), input=script)

    def shell_line(self):
        """The command line of an Odoo shell on the database."""
        return [self.facts['python'], self.facts['command'], 'shell', '-c', os.devnull, '-d', self.database, '--no-http',
                '--addons-path', self.addons_path, '--data-dir', self.facts['data_dir'], '--log-level', 'warn']

    def __enter__(self):
        return self.start()

    def __exit__(self, *_exc):
        self.stop()

    # -- how ------------------------------------------------------------------------------------------------------------------------

    @staticmethod
    def _free_port():
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            return probe.getsockname()[1]

    def _options(self):
        """Options of each command of Odoo."""
        options = {'-c': os.devnull, '--addons-path': self.addons_path, '--data-dir': self.facts['data_dir']}
        for option, name in (('--db_host', 'PGHOST'), ('--db_port', 'PGPORT'), ('--db_user', 'PGUSER')):
            if self.environment.get(name):
                options[option] = self.environment[name]
        return options

    def _install_addon(self):
        """A database with the addon of this checkout, to copy from. It calls other servers of this machine."""
        name = f'{self._first}_addon'
        self._databases.append(name)
        self._copy(self.template, name)
        options = {**self._options(), '-d': name, '-i': 'account_online_sync', '--log-level': 'warn'}
        self._run(self.facts['python'], self.facts['command'], 'server', '--stop-after-init', '--no-http',
                  *(str(part) for pair in options.items() for part in pair))
        self.template = name
        self.sql("INSERT INTO ir_config_parameter (key, value) VALUES ('account_online_sync.allowed_networks', '127.0.0.0/8')", name)
        # Nobody may connect to what is copied, and an autovacuum would.
        self.sql(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false', 'postgres')

    @contextmanager
    def _template_locked(self):
        """PostgreSQL copies a database only while nobody else does."""
        with open(self.facts['lock'], 'w') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _make_database(self):
        self._databases.append(self.database)
        self._copy(self.template, self.database)
        rows = self.sql("SELECT key, value FROM ir_config_parameter WHERE key LIKE 'online_sync_peer.key.%'").splitlines()
        self.keys = {name.rpartition('.')[2]: key for name, _bar, key in (row.partition('|') for row in rows)}

    def _copy(self, template, name):
        store = Path(self.facts['data_dir']) / 'filestore'
        with self._template_locked():
            self._create_from(template, name)
        if (store / template).exists():
            shutil.copytree(store / template, store / name)

    def _create_from(self, template, name, patience=10):
        """PostgreSQL itself, or an Odoo that looks through all databases, may be at the template just now."""
        for left in reversed(range(patience)):
            try:
                self._run('createdb', '-T', template, name)
                return
            except AssertionError as error:
                if not left or 'being accessed by other users' not in str(error):
                    raise
                time.sleep(1)

    def _run(self, *command, **kwargs):
        kwargs.setdefault('input', '')
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, **kwargs)
        if done.returncode:
            raise AssertionError(f'{Path(command[0]).name}: {done.stderr[-2000:]}')
        return done.stdout

    def _wait(self):
        """Until the login page answers, so that the database is loaded too."""
        deadline = time.monotonic() + PATIENCE
        asked = urllib.request.Request(f'{self.url}/web/login?db={self.database}')
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())     # of several databases a cookie chooses
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with browser.open(asked, timeout=PATIENCE):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        raise AssertionError(f'Odoo {self.series} did not start: {self.log.read_text(errors="replace")[-3000:]}')
