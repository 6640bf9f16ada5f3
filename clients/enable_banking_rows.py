"""Rows of Enable Banking made into records (API reference, "AccountResource", "BalanceResource", "Transaction"; nulls are gone)."""
import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from . import wire
from .errors import ProtocolError
from .records import BOOKED, PENDING, Balance, Institution, Notice, RemoteAccount, RemoteTransaction

KINDS = {'CACC': 'bank', 'CASH': 'bank', 'CARD': 'card', 'LOAN': 'loan', 'SVGS': 'savings', 'OTHR': 'other'}
#: Balance type (ISO 20022) -> kind. Opening, forward and informational ones are left out: they prove nothing.
BALANCES = {'CLBD': 'booked', 'ITBD': 'booked', 'CLAV': 'available', 'ITAV': 'available', 'XPCD': 'available'}
#: Status -> ours. A hold is an authorisation that will be booked or dropped, as a pending one.
STATUSES = {'BOOK': BOOKED, 'PDNG': PENDING, 'HOLD': PENDING}
#: Not money that moved: cancelled, rejected, scheduled for later.
LEFT_OUT = {'CNCL': 'cancelled', 'RJCT': 'rejected', 'SCHD': 'scheduled'}
# Some banks only count the lines of a day; such an id moves to another line as soon as a late one comes in.
_POSITIONAL = re.compile(r'\d{4}-\d{2}-\d{2}\.\d+')
_ACCOUNT_FIELDS = ('account_id', 'name', 'details', 'product', 'currency', 'cash_account_type', 'identification_hash', 'uid')


def institution(row: dict, country: str) -> Institution:
    """A bank of `GET /aspsps`; name and country together are what `POST /auth` wants back."""
    name, country, seconds = str(row.get('name', '')), str(row.get('country') or country), row.get('maximum_consent_validity')
    return Institution(
        code=f'{country}:{name}', name=name, country=country, logo=wire.text(row.get('logo')), bic=wire.text(row.get('bic')),
        psu_types=tuple(t for t in row.get('psu_types') or () if isinstance(t, str)),
        consent_days=int(seconds) // 86400 if isinstance(seconds, (int, Decimal)) else None,
        beta=row.get('beta') is True,
    )


def kept(row: dict) -> dict:
    """The part of an AccountResource that later runs need; it is told in full only once."""
    return {name: row[name] for name in _ACCOUNT_FIELDS if name in row}


def account(row: dict, bank: str, uid: str) -> RemoteAccount:
    """An account; `identification_hash` stays the same over consents, `uid` is good for one session."""
    key = wire.text(row.get('identification_hash'))
    if not key:
        raise ProtocolError("Enable Banking sent an account without an identification. Nothing was imported.")
    holder = wire.text(row.get('name'))
    iban, other = number(row.get('account_id'))
    return RemoteAccount(
        external_id=key, handle=uid, currency=wire.currency(row.get('currency')), iban=iban, number=other,
        name=wire.text(row.get('details')) or wire.text(row.get('product')) or holder or f"Account {(iban or other)[-4:]}".strip(),
        kind=KINDS.get(row.get('cash_account_type'), 'other'), institution=bank, holder=holder,
    )


def number(row) -> tuple[str, str]:
    """IBAN, or else the account number as the bank prints it, of an AccountIdentification."""
    row = wire.mapping(row)
    return wire.text(row.get('iban')).replace(' ', ''), wire.text(wire.mapping(row.get('other')).get('identification'))


def balances(rows: Iterable[dict], today: date) -> list[Balance]:
    """Booked ones first, the latest day first. A closing balance is final once its day is over; one without a day is only true now."""
    result = []
    for row in rows:
        kind, amount = BALANCES.get(row.get('balance_type')), wire.mapping(row.get('balance_amount'))
        if kind:
            told = wire.day(row.get('reference_date')) or wire.day(row.get('last_change_date_time'))
            final = row['balance_type'] == 'CLBD' and 'reference_date' in row and told < today
            result.append(Balance(wire.money(amount.get('amount'), 'balance'), wire.currency(amount.get('currency')), told or today,
                                  kind, final))
    return sorted(result, key=lambda balance: (balance.kind != BOOKED, -balance.date.toordinal()))


def left_out(rows: Iterable[dict]) -> list[Notice]:
    """What is told about movements whose status is not booked and not pending."""
    rows = list(rows)
    counts = {status: sum(row.get('status') == status for row in rows) for status in LEFT_OUT}
    notices = [Notice('info', f"{count} {LEFT_OUT[status]} movements were left out: no money moved.", code=status)
               for status, count in counts.items() if count]
    unknown = sum(row.get('status') not in {*STATUSES, *LEFT_OUT} for row in rows)
    if unknown:
        notices.append(Notice('info', f"{unknown} movements with a status that says neither booked nor pending are kept as pending.",
                              code='OTHR'))
    return notices


def movement(row: dict, own: RemoteAccount, today: date) -> RemoteTransaction | None:
    """A Transaction; None for one that moved no money.

    A status that says nothing (OTHR, or one added later) is kept as pending: it is seen, it is not in the books, and it becomes a
    line as soon as the bank calls it booked.
    """
    if row.get('status') in LEFT_OUT:
        return None
    status, sign = STATUSES.get(row.get('status'), PENDING), _sign(row)
    amount = wire.mapping(row.get('transaction_amount'))
    currency = wire.currency(amount.get('currency')) or own.currency
    party = 'creditor' if sign < 0 else 'debtor'
    original = wire.mapping(wire.mapping(row.get('exchange_rate')).get('instructed_amount'))
    foreign = wire.currency(original.get('currency'))
    foreign = foreign if foreign != currency else ''
    return RemoteTransaction(
        status=status, date=_date(row, status, today), value_date=wire.day(row.get('value_date')),
        amount=sign * _unsigned(amount.get('amount')), currency=currency,
        external_id=_real_id(row), reference=wire.text(row.get('reference_number')), text=_words(row), type=_type(row),
        partner_name=wire.text(wire.mapping(row.get(party)).get('name')),
        partner_account=_partner_account(row.get(f'{party}_account'), own),
        original_amount=sign * _unsigned(original.get('amount')) if foreign else None, original_currency=foreign,
        balance_after=_balance_after(row, currency),
        raw=row,
    )


def _sign(row: dict) -> int:
    try:
        return {'CRDT': 1, 'DBIT': -1}[row.get('credit_debit_indicator')]
    except (KeyError, TypeError):
        raise ProtocolError("The bank did not say whether money came in or went out.", detail='credit_debit_indicator') from None


def _unsigned(value) -> Decimal:
    """Amounts have no sign; one that has could mean the opposite of its indicator, and nobody may guess about money."""
    amount = wire.money(value)
    if amount < 0:
        raise ProtocolError("The bank sent an amount with two contradicting signs.", detail='amount below zero')
    return amount


def _date(row: dict, status: str, today: date) -> date:
    found = next(filter(None, (wire.day(row.get(name)) for name in ('booking_date', 'value_date', 'transaction_date'))), None)
    if not found and status == BOOKED:
        raise ProtocolError("The bank sent a booked movement without a date.", detail='no date')
    return found or today


def _real_id(row: dict) -> str:
    """`entry_reference` where it is a real one. `transaction_id` is only a handle to look the movement up, and may change."""
    reference = wire.text(row.get('entry_reference'))
    return '' if _POSITIONAL.fullmatch(reference) else reference


def _words(row: dict) -> str:
    """Remittance information, else what the bank calls this kind of movement, else the user's own note."""
    lines = row.get('remittance_information') or []
    told = '\n'.join(filter(None, map(wire.text, lines if isinstance(lines, list) else [lines])))
    return told or wire.text(wire.mapping(row.get('bank_transaction_code')).get('description')) or wire.text(row.get('note'))


def _type(row: dict) -> str:
    code = wire.mapping(row.get('bank_transaction_code'))
    return '-'.join(filter(None, (wire.text(code.get('code')), wire.text(code.get('sub_code'))))) or wire.text(code.get('description'))


def _partner_account(row, own: RemoteAccount) -> str:
    """The other side's account; some banks name the account itself on both sides."""
    found = next(filter(None, number(row)), '')
    return '' if found in (own.iban, own.number) else found


def _balance_after(row: dict, currency: str) -> Decimal | None:
    told = wire.mapping(row.get('balance_after_transaction'))
    same = wire.currency(told.get('currency')) in ('', currency)
    return wire.optional_money(told.get('amount'), 'balance') if same else None
