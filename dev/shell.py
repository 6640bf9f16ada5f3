"""`make shell`: an Odoo shell on a database; `make db`: a fresh database with the addon."""
import os
import sys

import database
import postgres
import python
from base import Stop, main, say

import odoo


def shell():
    interpreter, series, name = _prepare()
    if not database.exists(name):
        raise Stop(f"There is no database {name}. Make it with: make db DB={name}")
    script = None if sys.stdin.isatty() else sys.stdin.read()
    return database.shell(series, interpreter, name, script)


def fresh():
    interpreter, series, name = _prepare()
    database.copy(series, interpreter, name)
    database.install(series, interpreter, name)
    say(f"Database {name} is ready on Odoo {series.name}: make shell DB={name}")
    return 0


def _prepare():
    name = os.environ.get('DB')
    if not name:
        raise Stop("Say which database: DB=name.")
    database.check_name(name)
    interpreter = python.environment()
    series = odoo.preferred()
    postgres.connect()
    return interpreter, series, name


if __name__ == '__main__':
    main(fresh if sys.argv[1:] == ['db'] else shell)
