"""`make run PEER=odoo`: a second, real Odoo that plays the cloud instance, connected to the first."""
import json
import os
import socket
import subprocess
from pathlib import Path

import database
from base import Stop, run, say

#: Scripts for the Odoo shell: what the cloud's books hold, and how the first Odoo is connected to it.
DEMO = Path(__file__).with_name('cloud_demo.py')
CONNECT = Path(__file__).with_name('connect_cloud.py')
LOGIN = 'sync'


def wanted():
    """Whether PEER asks for it."""
    asked = os.environ.get('PEER') or ''
    if asked not in ('', 'odoo'):
        raise Stop(f"PEER={asked} is not known. Say PEER=odoo for a second Odoo.")
    return bool(asked)


def make_database(series, interpreter, fresh):
    """Name of the cloud's database; made once, and again together with the first Odoo's."""
    name = database.name_for(series, 'cloud')
    if fresh or not database.exists(name):
        say(f"Odoo {series.name}: making the database {name} for the cloud instance …")
        database.copy_peer(series, interpreter, name)
        if database.shell(series, interpreter, name, DEMO.read_text()):
            raise Stop("The cloud's company could not be made; the lines above say why.")
    return name


def start(series, interpreter, name, port, log):
    """The process that serves it."""
    conf = database.configuration(series, http_port=port, dbfilter=f'^{name}$', max_cron_threads=0)
    line, environment = database.command(series, interpreter, conf, 'server', '-d', name)
    say(f"Odoo {series.name}: starting as the cloud instance …")
    with open(log, 'w') as file:
        return subprocess.Popen(line, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)


def connect(series, interpreter, demo, name, port):
    """Connect the first Odoo's database to it, pair what is the same, and synchronize once."""
    key = run(['psql', '-Atc', f"SELECT value FROM ir_config_parameter WHERE key = 'online_sync_peer.key.{LOGIN}'", name],
              why="PostgreSQL does not answer").strip()
    facts = {'url': f'http://127.0.0.1:{port}', 'database': name, 'login': LOGIN, 'key': key}
    say("Connecting the cloud instance and synchronizing once …")
    if database.shell(series, interpreter, demo, CONNECT.read_text(), environment={'CLOUD': json.dumps(facts)}):
        raise Stop("The cloud instance could not be connected; the lines above say why.")
    return facts


def free_port(first):
    """The first port from there on that nobody uses."""
    for port in range(first, min(first + 100, 65535)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(('127.0.0.1', port))
                return port
            except OSError:
                continue
    raise Stop(f"There is no free port from {first} on.")
