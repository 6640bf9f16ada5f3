"""The wake: a signed word from one Odoo to another that something changed there. How it is said, and how a forged or repeated one is told.

A `POST` whose headers carry the sender's clock, a number used once, and HMAC-SHA256 over `timestamp.nonce.body` with a secret that only the
two know. It says nothing but which kinds of records to look at, so that whoever could read it learns nothing of the books.
"""
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from .errors import ConfigError, ReauthRequired, SyncError
from .http import Answer, Http, parse_json

#: Added to the address of an Odoo, together with the name of the connection there.
PATH = '/account_online_sync/wake/'
TIMESTAMP, NONCE, SIGNATURE = 'X-Online-Sync-Timestamp', 'X-Online-Sync-Nonce', 'X-Online-Sync-Signature'
#: 19.0 finds its database by it where it has several; 18.0 does not look at it.
DATABASE = 'X-Odoo-Database'
#: How far the sender's clock may be from ours.
TOLERANCE = timedelta(seconds=300)
#: Bytes of a body.
LONGEST_BODY = 4096
_NONCE = re.compile(r'[0-9A-Za-z_-]{16,64}')
_TIMESTAMP = re.compile(r'[0-9]{9,11}')

FORGOTTEN = "{name} no longer knows this connection."
OTHER_CLOCK = "The clocks of {name} and of this server differ by more than five minutes."
NOT_FOUND = ("{name} has no Online Synchronization at this address. Where a server has several databases, the address must lead to the "
             "right one.")


@dataclass(frozen=True, slots=True)
class Word:
    """What a genuine wake says.

    :param nonce: to be accepted once
    :param entities: kinds of records to look at; () when the sender only wants to be heard
    """

    nonce: str
    entities: tuple[str, ...]


class Refused(Exception):
    """A wake that is not believed.

    :ivar status: the HTTP status to answer with; only who knows the secret gets another one than 401
    """

    def __init__(self, status: int, why: str):
        super().__init__(why)
        self.status = status


def new_secret() -> str:
    """32 random bytes as text."""
    return secrets.token_hex(32)


def sign(secret: str, timestamp: str, nonce: str, body: bytes) -> str:
    """The signature of a wake."""
    return hmac.new(secret.encode(), b'.'.join((timestamp.encode(), nonce.encode(), body)), hashlib.sha256).hexdigest()


def read(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Word:
    """What a wake says.

    :param now: the present instant by the sender's clock, as far as it is known
    :raises Refused: the signature is not the secret's (401), the wake is too old or from the future (403), it says nothing (400)
    """
    timestamp, nonce, told = (headers.get(name) or '' for name in (TIMESTAMP, NONCE, SIGNATURE))
    if not hmac.compare_digest(sign(secret, timestamp, nonce, body).encode(), told.encode()):
        raise Refused(401, "not signed")
    if not _TIMESTAMP.fullmatch(timestamp) or not _NONCE.fullmatch(nonce):
        raise Refused(400, "not understood")
    if abs(now - datetime.fromtimestamp(int(timestamp), timezone.utc)) > TOLERANCE:
        raise Refused(403, "clock")
    try:
        entities = parse_json(body).get('entities', ())
    except (ValueError, AttributeError):
        raise Refused(400, "not understood") from None
    if not isinstance(entities, list) or not all(isinstance(entity, str) for entity in entities):
        raise Refused(400, "not understood")
    return Word(nonce, tuple(entities))


def tell(http: Http, url: str, secret: str, entities: Collection[str], *, database: str = '') -> None:
    """Wake another Odoo.

    :param url: the whole address, with :data:`PATH` and the name of the connection there
    :raises SyncError: it was not heard
    """
    http.hide([secret])
    timestamp, nonce = str(int(http.clock().timestamp())), secrets.token_hex(16)
    body = json.dumps({'entities': sorted(entities)}).encode()
    headers = {'Content-Type': 'application/json', TIMESTAMP: timestamp, NONCE: nonce, SIGNATURE: sign(secret, timestamp, nonce, body)}
    http.request('POST', url, data=body, headers={**headers, **({DATABASE: database} if database else {})},
                 judge=lambda answer: _judge(http, answer))


def _judge(http: Http, answer: Answer) -> SyncError | None:
    sentence, kind = {
        401: (FORGOTTEN, ReauthRequired), 403: (OTHER_CLOCK, ConfigError), 404: (NOT_FOUND, ConfigError)}.get(answer.status, ('', None))
    return kind and http.error(answer, kind, sentence.format(name=http.service))
