"""`make bench`: one JSON object a line on stdout, all else on stderr. ONLY=import selects by the beginning of a name."""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import database
import postgres
import python
from base import Stop, main, say
from cloud import free_port

import odoo

FOLDER = Path(__file__).parent / 'measure'
SCRIPTS = ('measure_import.py', 'measure_match.py', 'measure_peer.py')


def bench():
    """Measure on one Odoo series (ODOO=19.0 for the other) in a database of its own."""
    interpreter = python.environment()
    series = odoo.preferred()
    postgres.connect()
    name = database.name_for(series, 'bench')
    database.copy(series, interpreter, name)
    database.install(series, interpreter, name)
    say(f"Measuring on Odoo {series.name}; this takes some minutes …")
    bank = subprocess.Popen([str(interpreter), str(FOLDER / 'bank.py')], stdout=subprocess.PIPE, text=True)
    try:
        with tempfile.NamedTemporaryFile('r', suffix='.jsonl') as results:
            conf = database.configuration(series, http_port=free_port(8369), dbfilter=f'^{name}$', max_cron_threads=1)
            server, _environment = database.command(series, interpreter, conf, 'server', '-d', name)
            environment = {
                'ONLINE_SYNC_PEERS': database.peers([series], interpreter, odoo.addons_folder()), 'BENCH_SERVER': json.dumps(server),
                'BENCH_PORT': bank.stdout.readline().strip(), 'BENCH_RESULTS': results.name,
                'PYTHONPATH': f'{series.python_path}{os.pathsep}{FOLDER}'}
            for script in SCRIPTS:
                if database.shell(series, interpreter, name, (FOLDER / script).read_text(), environment=environment, output=sys.stderr):
                    raise Stop("The measurement broke off; the lines above say why.")
            found = results.read()
    finally:
        bank.terminate()
        bank.wait()
        database.drop(name)
    print(found, end='')
    return 0 if found else 1


if __name__ == '__main__':
    os.environ.setdefault('ONLY', '')
    main(bench)
