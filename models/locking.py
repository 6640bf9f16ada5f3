"""Row locks, taken without waiting."""
from odoo.tools import SQL


def lock_rows(records):
    """Lock the rows that nobody else holds, without waiting, and return them.

    References to the rows stay allowed, so that a user who creates a record that points at one does not wait for us.
    Take the lock right after a commit: Odoo's transactions are REPEATABLE READ, and a row that changed since the snapshot
    raises `psycopg2.errors.SerializationFailure`, which the log of Odoo does not show.
    """
    if not records.ids:
        return records
    cr = records.env.cr
    cr.execute(SQL(
        "SELECT id FROM %s WHERE id IN %s FOR NO KEY UPDATE SKIP LOCKED",
        SQL.identifier(records._table), tuple(records.ids),
    ), log_exceptions=False)
    locked = {row[0] for row in cr.fetchall()}
    return records.filtered(lambda record: record.id in locked)
