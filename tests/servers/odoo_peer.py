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
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg2

VARIABLE = 'ONLINE_SYNC_PEERS'
PATIENCE = 120
_CONNECTION = {'host': 'PGHOST', 'port': 'PGPORT', 'user': 'PGUSER', 'password': 'PGPASSWORD'}
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
    :param filtered: whether a filter says which databases it serves; else it serves the one it is started with
    :ivar keys: login -> API key
    """

    def __init__(self, series, postgres=None, *, addon=False, filtered=False):
        self.series, self.facts, self.addon, self.filtered = series, peers()[series], addon, filtered
        self.database = f"{self.facts['name']}_{next(_numbers)}_{os.getpid()}"
        self._databases: list[str] = []
        self._copier = ThreadPoolExecutor(1)
        self._spare = None
        self._told: dict[str, int] = {}
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
            '--workers': 0, '--log-level': 'info',
            **({'--db-filter': f'^{self.database}(_none|_other)?$'} if self.filtered else {'-d': self.database}),
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
        self._copier.shutdown()
        self.kill()
        self.log.unlink(missing_ok=True)
        for database in self._databases or [self.database]:
            self._drop(database)

    def _drop(self, database):
        shutil.rmtree(self._files(database), ignore_errors=True)
        self._run('dropdb', '--if-exists', '--force', database)

    def _files(self, database):
        return Path(self.facts['data_dir']) / 'filestore' / database

    def rename(self, name):
        """The database gets another name, and the server starts again with it."""
        self.kill()
        before, self.database = self.database, name
        self.sql(f'ALTER DATABASE "{before}" RENAME TO "{self.database}"', 'postgres')
        self._files(before).rename(self._files(self.database))
        self._databases.append(self.database)
        self.serve()

    def renew(self):
        """The database is again what it was at the start; the server goes on. The next copy is made meanwhile.

        A server with scheduled actions starts again: the thread that runs them does not live through it.
        """
        spare = self._spare.result() if self._spare else self._make_spare()
        marks = self._signals()
        if self.addon:
            self.kill()
        self.sql(f'DROP DATABASE "{self.database}" WITH (FORCE)', 'postgres')
        self.sql(f'ALTER DATABASE "{spare}" RENAME TO "{self.database}"', 'postgres')
        shutil.rmtree(self._files(self.database), ignore_errors=True)
        if self._files(spare).exists():
            self._files(spare).rename(self._files(self.database))
        self._signal(marks)
        self._spare = self._copier.submit(self._make_spare)
        if self.addon:
            self.serve()

    def keep(self):
        """What the database holds now is what it begins with from now on."""
        if self._spare:
            self._drop(self._spare.result())
            self._spare = None
        name = f'{self.database}_kept'
        self._databases.append(name)
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.database}'", 'postgres')
        self._copy(self.database, name)
        self.template = name

    def _make_spare(self):
        name = f'{self.database}_spare'
        if name not in self._databases:
            self._databases.append(name)
        self._copy(self.template, name)
        return name

    def add_database(self):
        """Name of a second database that it serves, where a filter says so."""
        name = f'{self.database}_other'
        self._databases.append(name)
        self._copy(self.template, name)
        return name

    def _signals(self):
        """What tells the server that its caches or its models are old: {sequence or table: number}."""
        found = self.sql("""SELECT relname, relkind FROM pg_class WHERE relname ~ '^(base_registry|base_cache|orm)_signaling'
            AND relkind IN ('r', 'S') AND relname !~ '_id_seq$'""").splitlines()
        rows = [row.split('|') for row in found]
        queries = [f"SELECT '{name}', {'max(id)' if kind == 'r' else 'last_value'} FROM {name}" for name, kind in rows]
        return {name: int(number or 0) for name, number in (row.split('|') for row in self.sql(' UNION ALL '.join(queries)).splitlines())}

    def _signal(self, before):
        """Its caches are of the database before; so are its models where that one's were changed since its start."""
        now = self._told or self._signals()
        self._told = steps = {name: number + ('registry' not in name or number != now[name]) for name, number in before.items()}
        self.sql('; '.join(_step(name, number) for name, number in steps.items()))

    def sql(self, query, database=''):
        """What a query gives, as `psql -At` prints it, past the server."""
        facts = {key: self.environment[name] for key, name in _CONNECTION.items() if self.environment.get(name)}
        with closing(psycopg2.connect(dbname=database or self.database, **facts)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(query)
                rows = cursor.fetchall() if cursor.description else ()
        return '\n'.join('|'.join(_told(value) for value in row) for row in rows).strip()

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
        name = f'{self.database}_addon'
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
        with self._template_locked():
            self._create_from(template, name)
        if self._files(template).exists():      # Odoo never writes into a file that is there
            shutil.copytree(self._files(template), self._files(name), copy_function=os.link)

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


def _told(value):
    if isinstance(value, bool):
        return 't' if value else 'f'
    if isinstance(value, (list, dict)):
        return json.dumps(value)
    return '' if value is None else str(value)


def _step(name, number):
    """Give a sequence (18.0), or the sequence of a table and its last row (19.0), a number."""
    if not name.startswith('orm'):
        return f"SELECT setval('{name}', {number})"
    return (f"INSERT INTO {name} (id) VALUES ({number}) ON CONFLICT DO NOTHING; "
            f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {number})")
