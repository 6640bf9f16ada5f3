"""One tree of errors, ordered by what to do next. Whatever a provider answers becomes one of these.

Each carries a sentence for the user, a detail for the log, the HTTP status and the provider's own request id. Neither the
sentence nor the detail may hold a secret, a full IBAN or a full body: whoever raises passes text through
:func:`clients.http.redact` first.
"""
import re
from datetime import date, datetime

#: How sentences end about a setting that is missing, and about what passes by itself.
SIGN_IN = " where you sign in (Reconnect)"
AGAIN = re.compile(r'(?i)\b(t)he next synchronization tries again')


class SyncError(Exception):
    """Base of everything a client raises.

    :param message: one sentence for a bookkeeper: what happened and what to do
    :param detail: what an integrator needs to know, redacted
    :param status: HTTP status, 0 when there was no answer
    :param request_id: the provider's own name for the call, to quote to its support
    """

    def __init__(self, message: str, *, detail: str = '', status: int = 0, request_id: str = ''):
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.status = status
        self.request_id = request_id

    @property
    def message_at_once(self) -> str:
        """The sentence for somebody who has just pressed a button: it is up to them to try again."""
        return AGAIN.sub(r'\1ry again in a moment', self.message).replace(SIGN_IN, '')

    def log_line(self) -> str:
        """Everything known about the error on one line, for the log."""
        parts = [f'{type(self).__name__}: {self.message}']
        if self.status:
            parts.append(f'HTTP {self.status}')
        if self.request_id:
            parts.append(f'request {self.request_id}')
        if self.detail:
            parts.append(self.detail)
        return ' | '.join(parts)


class ConfigError(SyncError):
    """The user must change a setting; nothing is tried again until then.

    :param field: technical name of the setting or credential that is wrong, '' when it is not one field
    """

    def __init__(self, message: str, *, field: str = '', **kwargs):
        super().__init__(message, **kwargs)
        self.field = field


class ReauthRequired(SyncError):
    """Consent or token is gone: only a person at the bank can renew it. What was owed stays owed.

    :param account_only: the consent of one account is gone, the link's other accounts go on
    """

    def __init__(self, message: str, *, account_only: bool = False, **kwargs):
        super().__init__(message, **kwargs)
        self.account_only = account_only


class RateLimited(SyncError):
    """Too many calls. Not a failure.

    :param retry_after: first instant (timezone-aware) at which a call may succeed again, None when the provider did not say
    """

    def __init__(self, message: str, *, retry_after: datetime | None = None, **kwargs):
        super().__init__(message, **kwargs)
        self.retry_after = retry_after


class TransientError(SyncError):
    """Network, timeout, 5xx: the same call may succeed later."""


class StaleObject(SyncError):
    """The remote version moved: read again, merge again."""


class Rejected(SyncError):
    """The other side refuses this one document; the rest goes on.

    :param is_final: each further try leaves traces: only a person tries again
    """

    def __init__(self, message: str, *, is_final: bool = False, **kwargs):
        super().__init__(message, **kwargs)
        self.is_final = is_final


class ProtocolError(SyncError):
    """An answer that makes no sense. Nothing of it may be written."""


class ServerFault(ProtocolError):
    """The other server failed at what it was asked: it may be this one record that it cannot bear."""


class AccountUnavailable(SyncError):
    """This one account cannot be read (closed, hidden from the consent); the link's other accounts go on."""


class PeriodUnavailable(SyncError):
    """The bank does not give days this far back.

    :param earliest: first day that it may give, None when the bank did not say (then: ask for less)
    """

    def __init__(self, message: str, *, earliest: date | None = None, **kwargs):
        super().__init__(message, **kwargs)
        self.earliest = earliest


class RestartRead(SyncError):
    """The page token is no longer valid: read the window again from its first page. Identity makes that safe."""


#: HTTP status -> what to do next, where a provider's own error code does not say better.
#: A status that is not listed is a ProtocolError: an unknown answer is never "no data".
STATUS_TO_ERROR: dict[int, type[SyncError]] = {
    400: ConfigError,
    401: ReauthRequired,
    402: ConfigError,
    403: ReauthRequired,
    404: ConfigError,
    408: TransientError,
    409: StaleObject,
    412: StaleObject,
    413: Rejected,
    422: Rejected,
    425: TransientError,
    429: RateLimited,
    500: TransientError,
    502: TransientError,
    503: TransientError,
    504: TransientError,
}


def error_class(status: int) -> type[SyncError]:
    """Class for an HTTP status of 400 and above; any 5xx is transient, any other unknown one a ProtocolError."""
    if status in STATUS_TO_ERROR:
        return STATUS_TO_ERROR[status]
    return TransientError if 500 <= status <= 599 else ProtocolError
