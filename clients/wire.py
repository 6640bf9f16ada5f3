"""Values as they come over the wire, made into what :mod:`clients.records` holds, or refused. Never a float, never a guess."""
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from .errors import ProtocolError
from .records import Notice, RemoteTransaction

# Far above any balance, far below what a number field of a database holds.
LARGEST_AMOUNT = Decimal('1e15')
MOST_DECIMALS = 8
_NUMBER = re.compile(r'[+-]?[0-9]+(?:\.[0-9]+)?')
_CURRENCY = re.compile(r'[A-Z]{3}')


def without_nulls(value: Any) -> Any:
    """The JSON value without members that are null: absent and null mean the same to the providers that send it."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value


def money(value: Any, what: str = 'amount') -> Decimal:
    """An amount given as decimal text or as an exact JSON number. :class:`ProtocolError` for anything else."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = Decimal(value.strip())
    elif isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value) >= LARGEST_AMOUNT or _decimals(value) > MOST_DECIMALS:
        raise ProtocolError("The bank sent an amount that is not a number.", detail=f'{what}: {type(value).__name__}')
    return value + 0   # no negative zero


def _decimals(value: Decimal) -> int:
    return max(0, -value.as_tuple().exponent)


def optional_money(value: Any, what: str = 'amount') -> Decimal | None:
    """The amount, None when it is absent."""
    return None if value in (None, '') else money(value, what)


def currency(value: Any) -> str:
    """ISO 4217 code, '' for anything else (SimpleFIN names points and miles by an address)."""
    return value if isinstance(value, str) and _CURRENCY.fullmatch(value) else ''


def text(value: Any) -> str:
    """One line or more of text, trimmed; '' for what is absent or not text. A number becomes its digits."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        return ''
    lines = (' '.join(line.split()) for line in str(value).replace('\x00', '').splitlines())
    return '\n'.join(line for line in lines if line)


def day(value: Any) -> date | None:
    """A calendar date given as `YYYY-MM-DD`, also as the beginning of a timestamp; None when absent."""
    if value in (None, ''):
        return None
    try:
        return date.fromisoformat(value[:10])
    except (TypeError, ValueError):
        raise ProtocolError("The bank sent a date that does not exist.", detail=f'date: {type(value).__name__}') from None


def instant(value: Any) -> datetime | None:
    """An RFC 3339 timestamp as an instant; None when absent. Without a zone it is taken as UTC."""
    if value in (None, ''):
        return None
    try:
        # Python 3.10 reads neither "Z" nor more or less than 3 or 6 digits of a second.
        plain = re.sub(r'\.\d+', '', value.replace('Z', '+00:00').replace('z', '+00:00'))
        parsed = datetime.fromisoformat(plain)
    except (AttributeError, TypeError, ValueError):
        raise ProtocolError("The bank sent a time that does not exist.", detail=f'time: {type(value).__name__}') from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)


def epoch_day(value: Any) -> date | None:
    """The day, in UTC, of a UNIX timestamp in seconds; None for 0 and for absent."""
    if value in (None, 0, '', '0'):
        return None
    try:
        return datetime.fromtimestamp(int(value), timezone.utc).date()
    except (TypeError, ValueError, OverflowError, OSError, InvalidOperation):
        raise ProtocolError("The bank sent a time that does not exist.", detail=f'epoch: {type(value).__name__}') from None


def epoch(value: date) -> int:
    """Midnight, in UTC, at which a day begins, as a UNIX timestamp in seconds."""
    return int(datetime(value.year, value.month, value.day, tzinfo=timezone.utc).timestamp())


def mapping(value: Any) -> Mapping[str, Any]:
    """A JSON object, {} for anything else: for optional parts."""
    return value if isinstance(value, dict) else {}


def objects(value: Any, what: str) -> list[dict]:
    """A JSON array of objects; [] when absent. :class:`ProtocolError` for anything else, for a list of rows must not shrink."""
    rows = [] if value is None else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ProtocolError("The answer of the provider does not have the expected form. Nothing was imported.",
                            detail=f'{what} is not a list of objects')
    return rows


def read_rows(rows: Iterable[dict], read: Callable[[dict], RemoteTransaction | None]) -> tuple[list[RemoteTransaction], list[Notice]]:
    """Read each row; one that makes no sense does not stop the others, but is told, so that its day stays owed.

    :param read: gives the movement, None for one that is left out on purpose, or raises :class:`ProtocolError`
    :returns: movements, and at most one notice of level `failed`
    """
    movements, faults = [], []
    for row in rows:
        try:
            movements.append(read(row))
        except ProtocolError as fault:
            faults.append(fault)
    if not faults:
        return [movement for movement in movements if movement], []
    notice = Notice('failed', f"{len(faults)} movements could not be read and were left out. First reason: {faults[0].message} "
                              f"({faults[0].detail})", code='unreadable')
    return [movement for movement in movements if movement], [notice]
