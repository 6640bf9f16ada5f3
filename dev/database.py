"""Databases: a template with Odoo's accounting installed, kept in the cache, and copies of it."""
import configparser
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from base import ADDON, CACHE, CHECKOUT_ID, Stop, locked, run, say
from python import REQUIREMENTS

DATA = CACHE / 'data'
LOGS = CACHE / 'logs'
#: Script for the Odoo shell that makes a peer's company.
PEER = Path(__file__).with_name('peer.py')
#: The comment on a database that make made, and may drop.
MARK = 'made by make for account_online_sync'


def name_for(series, purpose, letter=''):
    """A database name that no other checkout uses, and for a test no other run; `letter` tells several of them apart."""
    run_id = f'_{os.getpid()}' if purpose == 'test' else ''
    return f"online_sync_{purpose}_{CHECKOUT_ID}_{series.name.replace('.', '')}{letter and f'_{letter}'}{run_id}"


def configuration(series, **options):
    """Path of a configuration file for one Odoo series."""
    parser = configparser.ConfigParser(interpolation=None)
    parser['options'] = {
        'addons_path': series.addons_path, 'data_dir': str(DATA), 'db_host': os.environ.get('PGHOST') or 'False',
        'db_port': os.environ.get('PGPORT') or 'False', 'db_user': os.environ.get('PGUSER') or 'False',
        'db_maxconn': '32', 'http_interface': '127.0.0.1', 'list_db': 'False', 'admin_passwd': 'admin', 'without_demo': 'True',
        **{name: str(value) for name, value in options.items()},
    }
    if os.environ.get('PGPASSWORD'):
        parser['options']['db_password'] = os.environ['PGPASSWORD']
    folder = CACHE / 'conf'
    folder.mkdir(parents=True, exist_ok=True)
    mark = hashlib.sha256(repr(sorted(parser['options'].items())).encode()).hexdigest()[:8]
    path = folder / f'{CHECKOUT_ID}-{series.name}-{mark}.conf'
    with open(path, 'w') as file:
        parser.write(file)
    return path


def command(series, python, conf, *arguments):
    """The command line of an Odoo and the environment it needs."""
    environment = {**os.environ, 'PYTHONPATH': str(series.python_path), 'PYTHONDONTWRITEBYTECODE': '1'}
    return [str(python), str(series.command), *arguments[:1], '-c', str(conf), *[str(argument) for argument in arguments[1:]]], environment


def odoo(series, python, conf, *arguments, log=None, environment=None):
    """Run Odoo to its end; returns its exit code. What it says goes to `log`."""
    line, values = command(series, python, conf, 'server', *arguments)
    values.update(environment or {})
    LOGS.mkdir(parents=True, exist_ok=True)
    with open(log or LOGS / f'{CHECKOUT_ID}-{series.name}.log', 'w') as file:
        return subprocess.run(line, env=values, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode


def exists(name):
    found = run(['psql', '-Atc', f"SELECT 1 FROM pg_database WHERE datname = '{name}'", 'postgres'], why="PostgreSQL does not answer")
    return bool(found.strip())


def drop(name):
    """Drop a database and its filestore."""
    run(['dropdb', '--if-exists', '--force', name], why=f"The database {name} could not be dropped")
    shutil.rmtree(DATA / 'filestore' / name, ignore_errors=True)


def sweep():
    """Drop the test databases of runs of this checkout that were killed; their names end with their process."""
    names = run(['psql', '-Atc', f"SELECT datname FROM pg_database WHERE datname LIKE 'online_sync_test_{CHECKOUT_ID}_%'", 'postgres'],
                why="PostgreSQL does not answer").split()
    for name in names:
        if not Path(f"/proc/{name.rsplit('_', 1)[1]}").exists():
            drop(name)


def template(series, python):
    """Name of a database with `account` installed and the web pages' assets made; built once for each Odoo and requirements."""
    mark = hashlib.sha256((series.version + REQUIREMENTS.read_text()).encode()).hexdigest()[:8]
    name = f"online_sync_template_{mark}_{series.name.replace('.', '')}"
    with locked(name):
        if not exists(name):
            say(f"Odoo {series.name}: making a database to start from (once) …")
            _make_template(series, python, name)
    return name


def peer_template(series, python):
    """Name of a database of another Odoo to synchronize with: a company with accounts, none of our addons; built once like `template`."""
    source = template(series, python)
    mark = hashlib.sha256((source + PEER.read_text()).encode()).hexdigest()[:8]
    name = f"online_sync_peer_{mark}_{series.name.replace('.', '')}"
    with locked(name):
        if not exists(name):
            say(f"Odoo {series.name}: making another company's database to synchronize with (once) …")
            draft = f'{name}_draft'
            _copy(source, draft)
            if shell(series, python, draft, PEER.read_text()):
                raise Stop(f"Odoo {series.name} could not make another company's database; the lines above say why.")
            _rename(draft, name)
    return name


def _make_template(series, python, name):
    draft = f'{name}_draft'
    drop(draft)
    log = LOGS / f'{name}.log'
    LOGS.mkdir(parents=True, exist_ok=True)
    conf = configuration(series)
    if odoo(series, python, conf, '-d', draft, '-i', 'account', '--stop-after-init', '--no-http', log=log):
        raise Stop(f"Odoo {series.name} could not make a database: {last_error(log)}")
    script = "env['ir.qweb']._pregenerate_assets_bundles()\nenv.cr.commit()\n"
    shell(series, python, draft, script, quiet=True)
    _rename(draft, name)


def _rename(draft, name):
    run(['psql', '-c', f'ALTER DATABASE "{draft}" RENAME TO "{name}"', 'postgres'], why="The database could not be renamed")
    shutil.rmtree(DATA / 'filestore' / name, ignore_errors=True)
    if (DATA / 'filestore' / draft).exists():
        os.replace(DATA / 'filestore' / draft, DATA / 'filestore' / name)


def check_name(name):
    """Stop for what cannot be the name of a database."""
    if not re.fullmatch(r'[\w-]+', name):
        raise Stop(f"“{name}” is no name for a database: letters, digits, _ and - only.")


def copy(series, python, name):
    """A fresh database `name`, copied from the template with its filestore."""
    check_name(name)
    source = template(series, python)
    if exists(name) and not _is_ours(name):
        raise Stop(f"There is a database {name} that make did not make, so it is left alone. Choose another name, or drop it yourself.")
    _copy(source, name)


def copy_peer(series, python, name):
    """A fresh database `name` of another Odoo to synchronize with."""
    check_name(name)
    _copy(peer_template(series, python), name)


def _copy(source, name):
    drop(name)
    with locked(source):        # PostgreSQL copies a database only while nobody is connected to it
        _create_from(source, name)
        run(['psql', '-c', f'COMMENT ON DATABASE "{name}" IS \'{MARK}\'', 'postgres'], why="The database could not be marked")
    if (DATA / 'filestore' / source).exists():
        shutil.copytree(DATA / 'filestore' / source, DATA / 'filestore' / name)


def _create_from(source, name, patience=10):
    """PostgreSQL itself, or an Odoo that looks through all databases, may be at the source just now."""
    for left in reversed(range(patience)):
        try:
            run(['createdb', '-T', source, name], why=f"The database {name} could not be made")
            return
        except Stop as stop:
            if not left or 'being accessed by other users' not in str(stop):
                raise
            time.sleep(1)


def _is_ours(name):
    """Whether we made the database: those that carry this checkout's name, and those that bear our mark."""
    comment = run(['psql', '-Atc', f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}'", 'postgres'],
                  why="PostgreSQL does not answer")
    return name.startswith('online_sync_') or comment.strip() == MARK


def install(series, python, name, update=False):
    """Install the addon in a database, or upgrade it."""
    log = LOGS / f'{name}.log'
    flag = '-u' if update else '-i'
    if odoo(series, python, configuration(series), '-d', name, flag, ADDON, '--stop-after-init', '--no-http', log=log):
        raise Stop(f"The addon could not be installed: {last_error(log)}\nThe whole log: {log}")
    state = run(['psql', '-Atc', f"SELECT state FROM ir_module_module WHERE name = '{ADDON}'", name], why="PostgreSQL does not answer")
    if state.strip() != 'installed':    # Odoo ends with 0 also when it finds that it cannot install it
        raise Stop(f"The addon was not installed, its state is “{state.strip()}”. The whole log: {log}")


def peers(all_series, python, our_addons):
    """What `tests/servers/odoo_peer.py` needs to start an Odoo of each series, as JSON for the environment variable ONLINE_SYNC_PEERS.

    :param our_addons: the folder that holds this addon
    """
    return json.dumps({series.name: {
        'python': str(python), 'command': str(series.command), 'python_path': str(series.python_path),
        'addons_path': ','.join(map(str, series.addons)), 'our_addons': str(our_addons), 'data_dir': str(DATA), 'logs': str(LOGS),
        'template': (template := peer_template(series, python)), 'lock': str(CACHE / f'{template}.lock'),
        'name': f"online_sync_test_{CHECKOUT_ID}_peer{series.name.replace('.', '')}",
    } for series in all_series})


def shell(series, python, name, script=None, quiet=False, environment=None, output=None):
    """Run an Odoo shell on a database, with a script or with this terminal. Returns its exit code."""
    line, values = command(series, python, configuration(series), 'shell', '-d', name, '--no-http', '--log-level', 'warn')
    values.update(environment or {})
    output = subprocess.DEVNULL if quiet else output
    return subprocess.run(line, env=values, input=script, text=True, stdout=output, stderr=output).returncode


def last_error(log):
    """The last error of a log, in a few lines."""
    lines = Path(log).read_text(errors='replace').splitlines()
    start = max((number for number, line in enumerate(lines) if re.search(r' (ERROR|CRITICAL) ', line)), default=len(lines) - 5)
    return '\n'.join(lines[max(start, 0):][-15:])
