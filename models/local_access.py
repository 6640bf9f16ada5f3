"""Our own database, called as another Odoo is called over the wire: the same methods, the same plain values."""
import logging
import traceback
from collections.abc import Mapping
from datetime import date, datetime, timezone
from decimal import Decimal

import psycopg2

from odoo.exceptions import AccessError, MissingError, UserError
from odoo.models import BaseModel

from ..clients.errors import Rejected, ServerFault
from ..clients.pace import Pace
from ..clients.redaction import redact

_logger = logging.getLogger(__name__)
READS = frozenset(('search_read', 'read', 'search', 'search_count', 'fields_get'))


class LocalAccess:
    """:class:`clients.odoo_books.Access` on an environment. What the ORM refuses leaves nothing behind.

    :param link: the link that writes
    :param choosers: {model: id of the user who let it flow}: of these records nothing is read or written that this user may not
    """

    def __init__(self, env, link, choosers=None):
        self.env, self.link, self.choosers = env, link, choosers or {}
        self.reading = self.writing = Pace()

    def call(self, model, method, ids=None, /, *, idempotent=False, context=None, **named):
        """What the method returns, in the values that travel over a wire."""
        function = getattr(self._model(model, context).browse(ids or []), method)
        if method in READS:
            return _plain(self._safely(function, **named))
        named = _native(named)
        with self.env['online.sync.flow']._without_own_notes(self.link, model) as written:
            result = self._safely(function, *([named.pop('vals')] if 'vals' in named else []), **named)    # some call it `values`
            written.update(ids or [])
        return _plain(result)

    def create_marked(self, model, rows, markers, context):
        """Ids of new records. They need no marker here: they are there together with their binding, or not at all."""
        with self.env['online.sync.flow']._without_own_notes(self.link, model) as written:
            ids = self._safely(self._model(model, context).create, _native(list(rows))).ids
            written.update(ids)
        return ids

    def read_sums(self, model, domain, groups, field, context, offset, limit):
        """Sums by group."""
        rows = self._model(model, context)._read_group(domain, groups, [f'{field}:sum'], offset=offset, limit=limit)
        return [tuple(_named(value) for value in row) for row in rows]

    def find_marked(self, model, marker):
        """Nothing: what was not remembered here was not created."""
        return 0

    def markers_of(self, model, ids):
        """None: here nothing needs one."""
        return {}

    def own_users(self):
        """Nobody: the rows are ours until the commit."""
        return frozenset()

    def now(self):
        """The clock of this server."""
        return datetime.now(timezone.utc)

    def _model(self, model, context):
        env = self.env(user=self.choosers[model], su=False) if model in self.choosers else self.env
        return env[model].with_context(**(context or {}))

    def _safely(self, function, *args, **named):
        try:
            with self.env.cr.savepoint():
                result = function(*args, **named)
                self.env.flush_all()
                return result
        except psycopg2.OperationalError:
            raise       # a concurrent change: all is done again
        except (UserError, AccessError, MissingError, ValueError, psycopg2.Error) as error:
            self.env.invalidate_all()
            raise Rejected(redact(error)[:500], detail=type(error).__name__) from None
        except Exception as error:      # of whatever addon: at this record alone
            _logger.error("A call of link %s failed:\n%s", self.link.id, redact(traceback.format_exc()))
            self.env.invalidate_all()
            raise ServerFault(f"This database failed at it: {redact(error)[:500]}", detail=type(error).__name__) from None


def _native(value):
    """A value as it arrives over a wire: not all of Odoo can calculate with a Decimal."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {name: _native(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_native(one) for one in value]
    return value


def _named(value):
    """A record of a group as (id, name)."""
    if not isinstance(value, BaseModel):
        return value or None
    return (value.id, value.display_name) if value else None


def _plain(value):
    """A value as it comes over the wire."""
    if isinstance(value, BaseModel):
        return value.ids
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, datetime):
        return value.strftime('%Y-%m-%d %H:%M:%S')
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value
