"""What it means for us when another Odoo answers with an exception.

Sources: odoo/service/model.py; odoo/http.py; odoo/exceptions.py, 18.0 and 19.0.
"""
import re

from .errors import ProtocolError, ReauthRequired, Rejected, ServerFault, SyncError, TransientError
from .http import Answer, Http

#: Characters of the other side's words that a person gets to read.
LONGEST_WORDS = 600
#: What an exception of the other Odoo means for us, by its name.
EXCEPTIONS: dict[str, type[SyncError]] = {
    'odoo.exceptions.AccessDenied': ReauthRequired,
    'odoo.http.SessionExpiredException': ReauthRequired,
    'werkzeug.exceptions.Unauthorized': ReauthRequired,
    'odoo.exceptions.AccessError': Rejected,
    'odoo.exceptions.UserError': Rejected,
    'odoo.exceptions.ValidationError': Rejected,
    'odoo.exceptions.RedirectWarning': Rejected,
    'odoo.exceptions.MissingError': Rejected,
    'odoo.exceptions.LockError': TransientError,
    'odoo.exceptions.ConcurrencyError': TransientError,
    'psycopg2.OperationalError': TransientError,
    'psycopg2.InterfaceError': TransientError,
    'psycopg2.pool.PoolError': TransientError,
    'odoo.sql_db.PoolError': TransientError,
    'psycopg2.extensions.TransactionRollbackError': TransientError,
    'psycopg2.extensions.QueryCanceledError': TransientError,
    'psycopg2.errors.SerializationFailure': TransientError,
    'psycopg2.errors.LockNotAvailable': TransientError,
    'psycopg2.errors.DeadlockDetected': TransientError,
    'psycopg2.errors.QueryCanceled': TransientError,
    'psycopg2.errors.AdminShutdown': TransientError,
    'builtins.MemoryError': TransientError,
}
#: Where the exact name is not known: what its beginning tells. Classes of addons are nearly always kinds of UserError.
BEGINNINGS: tuple[tuple[str, type[SyncError]], ...] = (
    ('odoo.', Rejected),
    ('psycopg2.', Rejected),
)
# Environment without a language, so these words are never translated (odoo/service/model.py: execute_cr, get_public_method).
_NO_SUCH = {
    'odoo.exceptions.UserError': re.compile(r"Object \S+ doesn't exist"),
    'builtins.AttributeError': re.compile(r"The method '\S+' does not exist"),
}
NO_SUCH_DATABASE = re.compile(r'(?i)database "?[^"\n]*"? does not exist|no database is selected|x-odoo-database')

FAULT = "{name} failed at it: {words}"
KEY_REFUSED = ("{name} no longer accepts the API key of this connection: it was revoked or has expired, or its user was disabled. "
               "Make a new key there and enter it here.")
BUSY = "{name} was busy with the same records and gave up. Nothing was changed; the next synchronization tries again."
NOT_UNDERSTOOD = "{name} does not understand what was asked of it ({what}). Nothing was changed; if it happens again, report it."
REFUSED = "{name} refused this without saying why."
FORBIDDEN = "{user} lacks a right for this there. Odoo says: {words}"
#: The exception for a right that is missing.
ACCESS_ERROR = 'odoo.exceptions.AccessError'


def error_of(http: Http, answer: Answer, name: str, message: str, what: str, user: str) -> SyncError:
    """The error for an exception over there. Of it only name and message are used: the rest holds a traceback.

    :param name: of the exception, with its module
    :param what: `model.method`
    :param user: who was refused, of which database
    """
    kind = _kind_of(name, message)
    words = http.snippet(message, LONGEST_WORDS)
    detail = f'{http.snippet(name, 80)}, {what}'
    if kind is Rejected:
        own = name.startswith('odoo.') and words
        if name == ACCESS_ERROR:
            own = FORBIDDEN.format(user=user, words=words)
        return Rejected(own or REFUSED.format(name=http.service), detail=detail, status=answer.status,
                        request_id=answer.request_id)
    sentences = {ReauthRequired: KEY_REFUSED, TransientError: BUSY, ServerFault: FAULT}
    sentence = sentences.get(kind, NOT_UNDERSTOOD).format(name=http.service, what=what, words=words)
    if issubclass(kind, ProtocolError):
        detail = f'{detail}: {http.snippet(message)}'
    return kind(sentence, detail=detail, status=answer.status, request_id=answer.request_id)


def _kind_of(name: str, message: str) -> type[SyncError]:
    if name in _NO_SUCH and _NO_SUCH[name].fullmatch(message):
        return ProtocolError
    found = EXCEPTIONS.get(name) or next((kind for beginning, kind in BEGINNINGS if name.startswith(beginning)), None)
    return found or (ServerFault if name.startswith('builtins.') else ProtocolError)
