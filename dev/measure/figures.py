"""What the scripts of `make bench` share, inside Odoo's process: statements counted, figures written down."""
import json
import os
import time

from odoo.sql_db import Cursor

ONLY = os.environ.get('ONLY') or ''
execute = Cursor.execute


class Statements:
    """How many statements went to the database so far."""

    count = 0


def _counting(cursor, *args, **kwargs):
    Statements.count += 1
    return execute(cursor, *args, **kwargs)


Cursor.execute = _counting


def measured(env, function):
    """(what it returns, seconds, statements) of a call, its commit included."""
    env.invalidate_all()
    before, started = Statements.count, time.perf_counter()
    result = function()
    env.cr.commit()
    return result, time.perf_counter() - started, Statements.count - before


def report(name, value, unit, **detail):
    """One figure, a JSON object a line in the file BENCH_RESULTS."""
    with open(os.environ['BENCH_RESULTS'], 'a') as file:
        file.write(json.dumps({'name': name, 'value': round(value, 4), 'unit': unit, 'detail': detail}) + '\n')


def wanted(*names):
    """Whether one of these figures was asked for, by the beginning of its name in ONLY."""
    return any(name.startswith(ONLY) for name in names)
