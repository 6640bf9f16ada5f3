"""A bank in memory: what both servers render in their own wire format.

Deterministic: ids are counted, no clock is read; `today` is what a test sets. A story drives the bank, whichever server stands
before it::

    bank = Bank(date(2026, 3, 10))
    current = bank.open('Current account', iban='DE89370400440532013000', opening='1000')
    coffee = bank.book(current, date(2026, 3, 9), '-3.20', 'COFFEE CORNER', partner='Coffee Corner')
    card = bank.pend(current, '-12.50', 'FUEL')
    bank.settle(card, amount='-12.75')
    bank.edit_amount(coffee, '-3.40')
"""
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import count


@dataclass(eq=False)
class Movement:
    """A transaction. Amounts are signed, positive is money in.

    :ivar id: the bank's id, unique within the account
    :ivar arrives: day from which the bank shows it; earlier than that no answer has it (a late line is one with an old `day`)
    """

    account: 'Account'
    id: str
    day: date
    amount: Decimal
    text: str
    pending: bool = False
    partner: str = ''
    partner_account: str = ''
    reference: str = ''
    value_date: date | None = None
    happened: date | None = None
    original: tuple[Decimal, str] | None = None
    code: str = ''
    status: str = ''
    arrives: date | None = None
    sequence: int = 0


@dataclass(eq=False)
class Account:
    """An account of the bank.

    :ivar ids: how the bank names transactions: 'real', 'positional' (`YYYY-MM-DD.N`, changes with late lines) or 'none'
    :ivar hidden: not in the consent any more
    :ivar readable: in the consent, but the bank does not give its data
    """

    name: str
    number: int
    iban: str = ''
    currency: str = 'EUR'
    kind: str = 'bank'
    other_number: str = ''
    holder: str = ''
    opening: Decimal = Decimal(0)
    ids: str = 'real'
    hidden: bool = False
    readable: bool = True
    movements: list[Movement] = field(default_factory=list)


class Bank:
    """Accounts and their movements.

    :param today: the bank's day; tests move it on
    :param new_id: names a movement of an account and day; by default they are counted
    """

    def __init__(self, today: date, name: str = 'Sandbox Bank', country: str = 'DE',
                 new_id: Callable[[Account, date], str] | None = None):
        self.today = today
        self.name = name
        self.country = country
        self.accounts: list[Account] = []
        ids = count(1)
        self.new_id = new_id or (lambda _account, _day: f'TX{next(ids):08d}')
        self._sequence = count(1)

    def open(self, name: str, *, opening='0', **details) -> Account:
        """A new account with its balance before the first movement; `details` are fields of :class:`Account`."""
        account = Account(name, len(self.accounts) + 1, opening=Decimal(opening), **details)
        self.accounts.append(account)
        return account

    def book(self, account: Account, day: date, amount, text: str, **details) -> Movement:
        """A booked movement. A day before the last read makes it a late, back-dated one."""
        return self._add(account, day, amount, text, pending=False, **details)

    def pend(self, account: Account, amount, text: str, day: date | None = None, **details) -> Movement:
        """A movement that is not booked yet, by default of today."""
        return self._add(account, day or self.today, amount, text, pending=True, **details)

    def _add(self, account, day, amount, text, **details) -> Movement:
        if 'original' in details and details['original']:
            value, currency = details['original']
            details['original'] = (Decimal(value), currency)
        movement = Movement(account, self.new_id(account, day), day, Decimal(amount), text, sequence=next(self._sequence), **details)
        account.movements.append(movement)
        return movement

    def settle(self, pending: Movement, day: date | None = None, amount=None) -> Movement:
        """Book a pending movement. As at real banks, the booked one has a new id and nothing that links the two."""
        self.vanish(pending)
        fields = ('partner', 'partner_account', 'reference', 'original', 'code')
        return self.book(pending.account, day or self.today, pending.amount if amount is None else amount, pending.text,
                         happened=pending.day, **{name: getattr(pending, name) for name in fields})

    def vanish(self, movement: Movement) -> None:
        """The bank no longer shows it."""
        movement.account.movements.remove(movement)

    def reissue_ids(self, account: Account, since: date | None = None) -> None:
        """The bank gives its lines new ids, as after a migration."""
        for movement in account.movements:
            if since is None or movement.day >= since:
                movement.id = self.new_id(account, movement.day)

    def edit_amount(self, movement: Movement, amount) -> None:
        movement.amount = Decimal(amount)

    def edit_text(self, movement: Movement, text: str) -> None:
        movement.text = text

    def move_date(self, movement: Movement, day: date) -> None:
        movement.day = day

    def balance(self, account: Account, on: date | None = None, *, pending: bool = False) -> Decimal:
        """Booked balance at the end of a day (by default of today), with what is pending where asked for."""
        shown = self.shown(account)
        booked = sum((m.amount for m in shown if not m.pending and m.day <= (on or self.today)), account.opening)
        return booked + sum((m.amount for m in shown if m.pending), Decimal(0)) if pending else booked

    def shown(self, account: Account) -> list[Movement]:
        """What the bank shows today, oldest first. A line dated after today is not there yet."""
        known = (m for m in account.movements if (m.arrives or m.day) <= self.today or m.pending)
        return sorted(known, key=lambda m: (m.day, m.sequence))

    def forget(self, before: date) -> None:
        """Older movements become part of the opening balances."""
        for account in self.accounts:
            old = [m for m in account.movements if m.day < before]
            account.opening += sum((m.amount for m in old), Decimal(0))
            account.movements = [m for m in account.movements if m.day >= before]

    def days_ago(self, days: int) -> date:
        return self.today - timedelta(days=days)

    def position(self, movement: Movement) -> str:
        """`YYYY-MM-DD.N`: the id of a bank that only counts the lines of a day, newest first."""
        same = [m for m in self.shown(movement.account) if m.day == movement.day and not m.pending]
        return f'{movement.day}.{len(same) - same.index(movement)}'
