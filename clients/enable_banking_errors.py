"""What each error code of Enable Banking means for us (API reference, "ErrorResponse": `error` is the code, `code` the HTTP status)."""
from .errors import (
    AccountUnavailable,
    ConfigError,
    PeriodUnavailable,
    ProtocolError,
    RateLimited,
    ReauthRequired,
    RestartRead,
    SyncError,
    TransientError,
)

SIGN_IN = "Press Reconnect and sign in at your bank."
REPORT = "Nothing was imported; if it happens again, report it."
KEY = "Compare the application id and the private key with your application in the Enable Banking control panel."

#: code -> class, sentence, further parameters of the class
CODES: dict[str, tuple[type[SyncError], str, dict]] = {
    # The consent is gone: only a person at the bank can give a new one.
    'EXPIRED_SESSION': (ReauthRequired, f"The bank's consent has expired. {SIGN_IN}", {}),
    'CLOSED_SESSION': (ReauthRequired, f"The bank's consent was ended. {SIGN_IN}", {}),
    'REVOKED_SESSION': (ReauthRequired, f"The bank's consent was withdrawn. {SIGN_IN}", {}),
    'SESSION_DOES_NOT_EXIST': (ReauthRequired, f"Enable Banking no longer knows this consent. {SIGN_IN}", {}),
    'WRONG_SESSION_STATUS': (ReauthRequired, f"The bank's consent is not valid. {SIGN_IN}", {}),
    'ASPSP_PSU_ACTION_REQUIRED': (ReauthRequired, f"The bank wants you to do something there first. {SIGN_IN}", {}),
    'WRONG_CREDENTIALS_PROVIDED': (ReauthRequired, f"The bank did not accept what was entered for it. {SIGN_IN}", {}),
    'ACCESS_DENIED': (ReauthRequired, f"The bank refuses access. {SIGN_IN}", {}),
    # The sign-in itself went wrong.
    'WRONG_AUTHORIZATION_CODE': (ReauthRequired, f"The bank's answer to the sign-in is not valid. {SIGN_IN}", {}),
    'EXPIRED_AUTHORIZATION_CODE': (ReauthRequired, f"The sign-in took too long. {SIGN_IN}", {}),
    'ALREADY_AUTHORIZED': (ReauthRequired, f"This sign-in was used before. {SIGN_IN}", {}),
    'NO_ACCOUNTS_ADDED': (ReauthRequired, "No account was shared. Press Reconnect and choose at least one account at the bank. If your "
                          "application is in restricted mode, first link your accounts in the Enable Banking control panel.", {}),
    # One account only.
    'ASPSP_ACCOUNT_NOT_ACCESSIBLE': (AccountUnavailable, "The bank does not give access to this account. Reconnect and allow it, or stop "
                                     "synchronizing it.", {}),
    'ACCOUNT_DOES_NOT_EXIST': (AccountUnavailable, "This account is not part of the consent. Reconnect and allow it, or stop "
                               "synchronizing it.", {}),
    'INVALID_ACCOUNT_ID': (AccountUnavailable, "This account is not part of the consent. Reconnect to refresh the accounts.", {}),
    # The bank, now.
    'ASPSP_ERROR': (TransientError, "The bank has a problem at the moment. Nothing is lost: the next synchronization tries again.", {}),
    'ASPSP_TIMEOUT': (TransientError, "The bank did not answer in time. The next synchronization tries again.", {}),
    'ASPSP_RATE_LIMIT_EXCEEDED': (RateLimited, "The bank allows no more calls today. The next synchronization waits until tomorrow.", {}),
    # What was asked.
    'WRONG_TRANSACTIONS_PERIOD': (PeriodUnavailable, "The bank does not give movements this far back. A later period is asked for.", {}),
    'WRONG_CONTINUATION_KEY': (RestartRead, "The bank lost its place in the list. The period is read again from its beginning.", {}),
    'WRONG_DATE_INTERVAL': (ProtocolError, f"The bank does not accept the period that was asked for. {REPORT}", {}),
    'DATE_FROM_IN_FUTURE': (ProtocolError, "The period begins in the future. Check the start date, and the clock of this server.", {}),
    'DATE_TO_WITHOUT_DATE_FROM': (ProtocolError, f"The bank does not accept the period that was asked for. {REPORT}", {}),
    'WRONG_REQUEST_PARAMETERS': (ConfigError, "Enable Banking does not accept the request. Check the settings of this connection.", {}),
    'PSU_HEADER_NOT_PROVIDED': (TransientError, "The bank wants to know more about your browser than it tells. Synchronize from another "
                                "browser, or wait for the scheduled synchronization.", {}),
    'PSU_HEADER_INVALID': (TransientError, "The bank does not accept what your browser tells about itself. Synchronize from another "
                           "browser, or wait for the scheduled synchronization.", {}),
    # What was set up.
    'UNAUTHORIZED_ACCESS': (ConfigError, f"Enable Banking does not accept your application. {KEY}", {'field': 'private_key'}),
    'AUTHORIZATION_NOT_PROVIDED': (ConfigError, f"Enable Banking does not accept your application. {KEY}", {'field': 'private_key'}),
    'UNAUTHORIZED_IP': (ConfigError, "Enable Banking does not accept calls from the internet address of this server. Allow it for your "
                        "application in the Enable Banking control panel.", {'field': 'application_id'}),
    'REDIRECT_URI_NOT_ALLOWED': (ConfigError, "The return address of this database is not registered. Add it to your application in the "
                                 "Enable Banking control panel, exactly as shown here.", {'field': 'application_id'}),
    'WRONG_ASPSP_PROVIDED': (ConfigError, "Enable Banking does not reach this bank any more. Choose the bank again.",
                             {'field': 'institution'}),
    'INVALID_HOST': (ConfigError, "This is not an address of Enable Banking. Check the address of the provider.", {'field': 'url'}),
}

#: Status of a session (API reference, "SessionStatus") -> sentence; AUTHORIZED is the only good one.
SESSION_STATUS = {
    'EXPIRED': CODES['EXPIRED_SESSION'][1],
    'CLOSED': CODES['CLOSED_SESSION'][1],
    'REVOKED': CODES['REVOKED_SESSION'][1],
    'CANCELLED': f"The sign-in at the bank was cancelled. {SIGN_IN}",
    'INVALID': f"The bank's consent is not valid. {SIGN_IN}",
    'PENDING_AUTHORIZATION': f"The sign-in at the bank was not finished. {SIGN_IN}",
    'RETURNED_FROM_BANK': f"The sign-in at the bank was not finished. {SIGN_IN}",
}
