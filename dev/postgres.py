"""PostgreSQL: the one that PGHOST and PGPORT reach, else a private cluster in the cache."""
import atexit
import fcntl
import getpass
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from base import CACHE, Stop, locked, run, say

#: For databases that are thrown away: nothing is worth a wait for the disk.
SPEED = ('fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'shared_buffers=256MB', 'max_connections=100', 'listen_addresses=')
SERVER_USERS = ('postgres', 'nobody')


#: Held, shared, as long as this process works with the private cluster: nobody stops it meanwhile.
_users = None


def connect():
    """Make a PostgreSQL reachable through PGHOST, PGPORT and PGUSER of this process; a private one stops with the last who uses it."""
    global _users
    if not _answers():
        CACHE.mkdir(parents=True, exist_ok=True)
        _users = open(CACHE / 'postgres.users', 'w')  # noqa: SIM115
        fcntl.flock(_users, fcntl.LOCK_SH)
        atexit.register(stop)
        _use_private()
    if os.environ.get('PGUSER') == 'postgres':
        raise Stop("Odoo refuses to work as the database user “postgres”. Set PGUSER to another one.")


def stop():
    """Stop the private cluster, unless another `make` or an Odoo in the background uses it."""
    with locked('postgres'), open(CACHE / 'postgres.users', 'w') as users:
        data = _data_folder()
        if _users:
            _users.close()
        if not (data / 'postmaster.pid').exists():
            return
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        _point_to_private()
        if not (_answers() and _others()):
            _as_server([_binary('pg_ctl'), '-D', data, '-m', 'fast', '-w', 'stop'], why="PostgreSQL did not stop")


def _answers():
    if not shutil.which('psql'):
        return False
    return not subprocess.run(['psql', '-Atc', 'SELECT 1', 'postgres'], capture_output=True, stdin=subprocess.DEVNULL).returncode


def _others():
    """Sessions besides our own."""
    count = run(['psql', '-Atc', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
                 'postgres'], why="PostgreSQL does not answer")
    return int(count)


def _point_to_private():
    os.environ.update(PGHOST=str(_socket_folder()), PGPORT='5432', PGUSER=getpass.getuser())
    os.environ.pop('PGPASSWORD', None)


def _socket_folder():
    """A short path: a socket's name may have 107 characters."""
    return Path(tempfile.gettempdir()) / f'online-sync-{_mark()}'


def _use_private():
    with locked('postgres'):
        _point_to_private()
        if _answers():
            return
        say("PostgreSQL: starting a private one …")
        data = _data_folder()
        if not (data / 'PG_VERSION').exists():
            _make(data)
        _start(data)


def _make(data):
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    _give(data)
    _as_server([_binary('initdb'), '-D', data, '-U', getpass.getuser(), '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8'],
               why="PostgreSQL's cluster could not be made")


def _start(data):
    folder = _socket_folder()
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)     # who reaches the socket is superuser
    _give(folder)
    settings = [option for setting in (*SPEED, f'unix_socket_directories={folder}') for option in ('-c', setting)]
    options = ' '.join(['-p', '5432', *settings])
    _as_server([_binary('pg_ctl'), '-D', data, '-l', data / 'server.log', '-w', '-o', options, 'start'],
               why="PostgreSQL did not start")


def _data_folder():
    """In the cache; elsewhere when we are root and the unprivileged server could not get at root's cache."""
    if os.geteuid() == 0 and not all(parent.stat().st_mode & 0o001 for parent in CACHE.parents):
        return Path('/var/tmp') / f'online-sync-pg-{_mark()}'
    return CACHE / 'postgres'


def _mark():
    return hashlib.sha256(str(CACHE).encode()).hexdigest()[:8]


def _give(folder):
    """PostgreSQL refuses to run as root: then its files belong to an unprivileged user."""
    if os.geteuid() == 0:
        shutil.chown(folder, _server_user())


def _server_user():
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in SERVER_USERS if name in known)


def _as_server(command, why):
    prefix = ['setpriv', f'--reuid={_server_user()}', '--clear-groups', '--'] if os.geteuid() == 0 else []
    # The server inherits what it is given: with pipes, `run` would wait for their end for ever.
    with tempfile.TemporaryFile('w+') as words:
        done = subprocess.run([str(part) for part in (*prefix, *command)], stdin=subprocess.DEVNULL, stdout=words, stderr=words, cwd='/')
        if done.returncode:
            words.seek(0)
            raise Stop(f"{why}:\n{words.read().strip()[-600:]}")


def _binary(name):
    found = shutil.which(name) if name != 'pg_ctl' else None
    places = sorted(Path('/usr/lib/postgresql').glob(f'*/bin/{name}'), key=lambda path: int(path.parent.parent.name))
    if places:
        return places[-1]
    found = found or shutil.which(name)
    if not found:
        raise Stop("There is no PostgreSQL: none answers at PGHOST and PGPORT, and its programs are not installed (Debian: postgresql).")
    return Path(found)
