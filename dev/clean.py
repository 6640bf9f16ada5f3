"""`make clean`: remove what belongs to this checkout from the cache; what all checkouts share stays."""
import os
import shutil

import database
import postgres
import run
from base import CACHE, CHECKOUT_ID, main, say
from base import run as execute


def clean():
    """Databases, filestores, logs and settings of this checkout."""
    run.stop()
    postgres.connect()
    names = execute(['psql', '-Atc', "SELECT datname FROM pg_database WHERE datname LIKE 'online_sync_%'", 'postgres'],
                    why="PostgreSQL does not answer").split()
    for name in names:
        if CHECKOUT_ID in name:
            database.drop(name)
    for folder in ('logs', 'conf', 'run'):
        for path in (CACHE / folder).glob(f'*{CHECKOUT_ID}*'):
            os.unlink(path)
    shutil.rmtree(CACHE / 'addons' / CHECKOUT_ID, ignore_errors=True)
    say("Clean. The unpacked Odoo, the Python packages and the template databases stay for the other checkouts.")
    return 0


if __name__ == '__main__':
    main(clean)
