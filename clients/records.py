"""What crosses the border between clients, engine and models: frozen values, no behaviour.

Dates are `date` (a bank's date is a date, it has no time zone), instants are timezone-aware `datetime`, money is `Decimal`
with its ISO 4217 currency. An absent text is '', an absent value None.
"""
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

BOOKED = 'booked'
PENDING = 'pending'


@dataclass(frozen=True, slots=True)
class Window:
    """Days, both ends included."""

    date_from: date
    date_to: date


@dataclass(frozen=True, slots=True)
class Institution:
    """A bank that a provider reaches.

    :param code: what the provider wants back when this bank is chosen
    :param country: ISO 3166-1 alpha-2
    :param consent_days: longest consent the bank gives, None when not told
    """

    code: str
    name: str
    country: str = ''
    logo: str = ''
    bic: str = ''
    psu_types: tuple[str, ...] = ()
    consent_days: int | None = None
    beta: bool = False


@dataclass(frozen=True, slots=True)
class Balance:
    """What the bank says the account held.

    :param date: the day at whose end (`final`) or within which (not `final`) it was true
    :param kind: 'booked' (proves the books) or 'available' (shown only)
    :param final: True for the closing balance of a day that is over
    """

    amount: Decimal
    currency: str
    date: date
    kind: str = BOOKED
    final: bool = False


@dataclass(frozen=True, slots=True)
class RemoteAccount:
    """An account that a consent opens.

    :param external_id: survives a renewed consent; the key of the account mapping
    :param handle: what the wire wants today, may change with every consent; '' when the account cannot be read
    :param kind: 'bank', 'savings', 'card', 'loan' or 'other'
    :param number: the account number as the bank prints it, where there is no IBAN
    """

    external_id: str
    handle: str
    name: str
    currency: str
    iban: str = ''
    number: str = ''
    kind: str = 'bank'
    institution: str = ''
    holder: str = ''
    balance: Balance | None = None


@dataclass(frozen=True, slots=True)
class RemoteTransaction:
    """One movement as the bank tells it.

    :param amount: signed, in `currency`: positive is money in for us, also on a card
    :param date: booking date; for a pending movement the best date known
    :param external_id: the provider's id, unique within the account, '' when there is none
    :param end_to_end_id: the id that the bank carries from payer to payee
    :param pending_id: external id of the pending movement that this booked one replaces, where the provider says so
    :param text: the remittance text, lines joined by a line break
    :param original_amount: amount in `original_currency` before the bank's own conversion, same sign as `amount`
    :param balance_after: booked balance after this movement
    :param raw: the provider's own object
    """

    status: str
    date: date
    amount: Decimal
    currency: str
    external_id: str = ''
    end_to_end_id: str = ''
    pending_id: str = ''
    value_date: date | None = None
    text: str = ''
    partner_name: str = ''
    partner_account: str = ''
    reference: str = ''
    type: str = ''
    original_amount: Decimal | None = None
    original_currency: str = ''
    balance_after: Decimal | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the provider says beside the data, in its own words (untrusted text).

    :param level: 'info', 'failed' (the data is incomplete: nothing may be taken as proved) or 'reauth' (a person must sign in)
    :param external_id: the account it speaks of, '' for the whole link
    """

    level: str
    text: str
    code: str = ''
    external_id: str = ''


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a transaction feed.

    :param next_token: asks for the next page, '' on the last one
    :param removed: external ids that the provider says, in words, are no longer there
    :param balances: balances that came along
    :param complete: False when the provider itself says that something is missing from this answer
    """

    transactions: tuple[RemoteTransaction, ...]
    next_token: str = ''
    removed: tuple[str, ...] = ()
    balances: tuple[Balance, ...] = ()
    notices: tuple[Notice, ...] = ()
    complete: bool = True
    request_id: str = ''


@dataclass(frozen=True, slots=True)
class Consent:
    """What a finished sign-in gives.

    :param credentials: all that later calls need; replaces what was stored, is stored encrypted
    :param valid_until: when the bank ends it, None when it does not
    :param accounts: the accounts, where they are told only here; None when `fetch_accounts` tells them
    """

    credentials: Mapping[str, str] = field(repr=False)
    valid_until: datetime | None = None
    accounts: tuple[RemoteAccount, ...] | None = None
    institution: str = ''


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where to send the user's browser, and what to keep until it comes back.

    :param credentials: all that `finish` needs; replaces what was stored
    """

    url: str = field(repr=False)
    credentials: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Presence:
    """Proof that a person is at the screen: with it banks do not count the call against the unattended ones.

    :param headers: the browser's own headers, lower-case names
    """

    ip: str
    headers: Mapping[str, str] = field(default_factory=dict)
