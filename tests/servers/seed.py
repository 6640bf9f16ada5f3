"""Likeable small companies for the sandbox: what happens at their banks, day by day, the same on every start.

Everything of a day, ids included, follows from the company's name and the date: history grows as days pass, and a restarted
sandbox tells the same story, but for the extra movements that only a running one adds. Card purchases are pending first and booked
a working day later.
"""
import calendar
import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count

from .bank import Account, Bank, Movement

CENT = Decimal('0.01')
HISTORY_DAYS = 425   # about 14 months
BEGINNING = date(2025, 1, 1)   # balances are counted from here, whatever is shown


def iban(country: str, bban: str) -> str:
    """A valid IBAN (ISO 13616: check digits are 98 less the remainder by 97)."""
    digits = ''.join(str(int(letter, 36)) for letter in f'{bban}{country}00')
    return f'{country}{98 - int(digits) % 97:02d}{bban}'


@dataclass(frozen=True)
class Company:
    """Who banks there, and with whom it deals: (name, account number, usual amount)."""

    name: str
    bank: str
    country: str
    bban: str
    invoice: str
    customers: tuple[tuple[str, str, str], ...]
    suppliers: tuple[tuple[str, str, str], ...]
    staff: tuple[tuple[str, str, str], ...]
    landlord: tuple[str, str, str]
    shops: tuple[tuple[str, str], ...]
    abroad: tuple[tuple[str, str, str, str], ...]
    coffee: str
    opening: str = '18250.40'
    currency: str = 'EUR'


BIRCH = Company(
    name='Birch & Bloom GmbH', bank='Harbour Bank', country='DE', bban='37040044053201300', invoice='INV/{year}/{number:05d}',
    customers=(('Gemini Furniture', '100500000054540402', '1840.00'), ('Azure Interior', '200411330277102500', '2215.50'),
               ('Deco Addict', '500105170648489890', '960.00'), ('Ready Mat', '120300000020205110', '645.25')),
    suppliers=(('Wood Corner', '430609671234567800', '486.20'), ('Lumber Inc', '700202700010108669', '732.90'),
               ('Stadtwerke Strom', '100701000100200300', '168.33'), ('Nordnetz Telekom', '300606010003456789', '49.95'),
               ('Kanzlei Sommer', '500700100123456789', '320.00')),
    staff=(('Mara Lindholm', '100100100123456789', '2350.40'), ('Jonas Weber', '250905000012345678', '1980.00')),
    landlord=('Elbe Immobilien GmbH', '200505501234567890', '1450.00'),
    shops=(('Paper & Pen Hamburg', '24.80'), ('Fuel Station A7', '62.15'), ('Green Deli', '13.90'), ('Rail Tickets', '38.70')),
    abroad=(('GITHUB.COM', 'USD', '21.00', '0.92'), ('FIGMA INC', 'USD', '45.00', '0.93'), ('LONDON TUBE', 'GBP', '8.10', '1.17')),
    coffee='COFFEE CORNER HAMBURG',
)

LAKE = Company(
    name='Lakeside Studio Oy', bank='Nordlys Bank', country='FI', bban='5000012000182', invoice='LS-{year}-{number:04d}',
    customers=(('Gemini Furniture', '15890100000012', '1310.00'), ('Azure Interior', '12950050012345', '875.40'),
               ('Brandon Freeman', '39390058811110', '420.00'), ('Colleen Diaz', '10163000123456', '1975.00')),
    suppliers=(('Wood Corner', '71500001200018', '214.60'), ('Saimaa Energia', '17453000123456', '121.05'),
               ('Lakeland Fibre', '20721800123456', '39.90'), ('Tilitoimisto Aalto', '31313000123456', '260.00')),
    staff=(('Aino Virtanen', '40550010123456', '2780.00'),),
    landlord=('Ranta Kiinteistot Oy', '56780020012345', '980.00'),
    shops=(('Stationery Kuopio', '17.35'), ('Lunch Buffet', '12.70'), ('Ferry Cafe', '9.80'), ('City Parking', '6.00')),
    abroad=(('NOTION LABS', 'USD', '32.00', '0.92'), ('ADOBE IRELAND', 'USD', '59.99', '0.93'), ('OSLO TAXI', 'NOK', '310.00', '0.086')),
    coffee='KAHVILA SATAMA',
    opening='9640.15',
)


class Life:
    """What happens at a company's bank. `advance` lets it happen up to an instant.

    :param pace: seconds between the small extra movements that let a demo see something arrive, 0 for none
    """

    def __init__(self, company: Company, now: datetime, pace: float = 120):
        self.company = company
        self._numbers: Counter = Counter()
        self._extra = False
        self.bank = Bank(now.date(), company.bank, company.country, self._new_id)
        self.current, self.savings, self.card = self._accounts()
        self.pace = timedelta(seconds=pace)
        self._zone = now.tzinfo
        self._next_extra = now + self.pace
        self._extras = count(1)
        #: Days of the extra movements so far; given to :meth:`replay`, a bank that was started anew has them again.
        self.extras: list[str] = []
        self._order = count()
        self._agenda: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._planned_to = min(BEGINNING, now.date() - timedelta(days=HISTORY_DAYS))
        self.advance(now)
        self.bank.forget(before=now.date() - timedelta(days=HISTORY_DAYS))

    def _accounts(self) -> tuple[Account, Account, Account]:
        company, bank = self.company, self.bank
        common = {'holder': company.name, 'currency': company.currency}
        return (
            bank.open('Business Current', iban=iban(company.country, f'{company.bban}1'), opening=company.opening, **common),
            bank.open('Business Savings', iban=iban(company.country, f'{company.bban}2'), opening='12000.00', kind='savings', **common),
            bank.open('Company Card', other_number='5168********4242', kind='card', **common),
        )

    # -- time ---------------------------------------------------------------------------------------------------------------------

    def advance(self, now: datetime) -> None:
        """Everything up to `now` has happened."""
        while self._planned_to <= now.date():   # also today's: they come at their hour
            self._plan_day(self._planned_to)
            self._planned_to += timedelta(days=1)
        while self._agenda and self._agenda[0][0] <= now:
            moment, _order, happen = heapq.heappop(self._agenda)
            self.bank.today = moment.date()
            happen(moment)
        self.bank.today = now.date()
        self._drizzle(now)

    def _drizzle(self, now: datetime) -> None:
        """At most one at a time: nobody watched while nobody asked."""
        if self.pace and self._next_extra <= now:
            self.extra()
            self._next_extra = now + self.pace

    def _new_id(self, account: Account, day: date) -> str:
        kind = 'X' if self._extra else 'T'
        self._numbers[kind, account.number, day] += 1
        return f'{kind}{account.number}{day:%y%m%d}{self._numbers[kind, account.number, day]:03d}'

    def extra(self) -> Movement:
        """One more movement, now: in turn a customer's payment and two purchases by card."""
        self._extra = True
        self.extras.append(self.bank.today.isoformat())
        try:
            return self._another()
        finally:
            self._extra = False

    def replay(self, extras: list[str]) -> None:
        """Let the extra movements of an earlier start happen again, on their days."""
        today = self.bank.today
        for day in extras:
            self.bank.today = date.fromisoformat(day)
            self.extra()
        self.bank.today = today

    def _another(self) -> Movement:
        number = next(self._extras)
        chance = random.Random(f'{self.company.name} extra {number}')
        if number % 3 == 1:
            return self._paid_by_customer(chance, self.bank.today)
        shop, usual = chance.choice(self.company.shops)
        return self.bank.pend(self.card, -_about(chance, usual), f'{shop.upper()} CARD 4242', partner=shop)

    # -- a day ------------------------------------------------------------------------------------------------------------------

    def _plan_day(self, day: date) -> None:
        chance = random.Random(f'{self.company.name} {day.isoformat()}')
        for hour, minute, happen in self._happenings(day, chance):
            heapq.heappush(self._agenda, (datetime.combine(day, time(hour, minute), self._zone), next(self._order), happen))

    def _happenings(self, day: date, chance: random.Random) -> Iterator[tuple[int, int, Callable]]:
        yield from self._monthly(day, chance)
        if day.weekday() < 5:
            yield from self._working_day(day, chance)

    def _monthly(self, day: date, chance: random.Random) -> Iterator[tuple[int, int, Callable]]:
        month, company, last = day.strftime('%B %Y'), self.company, calendar.monthrange(day.year, day.month)[1]
        if day.day == 1:
            yield 6, 0, self._pay(company.landlord, f'Rent {month}', 'Standing order')
        if day.day == 3:
            yield 6, 5, lambda moment: self._to_savings(moment.date())
        if day.day in (5, 7, 15) and len(company.suppliers) > 3:
            supplier = company.suppliers[{5: 2, 7: 3, 15: -1}[day.day]]
            yield 6, 10, self._pay(supplier, f'{supplier[0]} {month}', 'Direct debit')
        if day.day == 20:
            yield 6, 20, lambda moment: self._settle_card(moment.date())
        if day.day == 27:
            for person in company.staff:
                yield 6, 30, self._pay(person, f'Salary {month}', 'Salary')
        if day.day == last:
            yield 6, 40, self._booking(self.current, '-9.90', f'Account fee {month}', code='Fee', partner=self.bank.name)
            if day.month % 3 == 0:
                yield 6, 45, self._booking(self.savings, '18.36', 'Interest', code='Interest', partner=self.bank.name)

    def _working_day(self, day: date, chance: random.Random) -> Iterator[tuple[int, int, Callable]]:
        company = self.company
        for hour, minute in ((8, 40), (13, 50)):   # two equal coffees: two movements
            yield hour, minute, self._purchase(company.coffee, '3.20')
        if chance.random() < 0.45:
            shop, usual = chance.choice(company.shops)
            yield 12, 30, self._purchase(shop.upper(), _about(chance, usual), partner=shop)
        if chance.random() < 0.12:
            yield 15, 10, self._abroad(chance)
        if chance.random() < 0.34:
            yield 9, 15, lambda moment: self._paid_by_customer(chance, moment.date())
        if chance.random() < 0.18:
            supplier = chance.choice(company.suppliers[:2])
            number, amount = chance.randrange(100, 999), _about(chance, supplier[2])
            yield 10, 5, self._pay((*supplier[:2], amount), f'Bill {day.year}-{number}', 'Transfer', f'{day.year}-{number}')

    # -- what happens -------------------------------------------------------------------------------------------------------------

    def _booking(self, account: Account, amount, text: str, **details) -> Callable[[datetime], None]:
        return lambda moment: self.bank.book(account, moment.date(), amount, text, **details)

    def _pay(self, whom: tuple, text: str, code: str, reference: str = '') -> Callable[[datetime], None]:
        name, bban, amount = whom
        return self._booking(self.current, -Decimal(amount), text, partner=name, partner_account=iban(self.company.country, bban),
                             code=code, reference=reference)

    def _paid_by_customer(self, chance: random.Random, day: date) -> Movement:
        """A customer pays an invoice, and writes its number the way customers do."""
        name, bban, usual = chance.choice(self.company.customers)
        self._numbers['invoice', day] += 1
        number = self.company.invoice.format(year=day.year, number=day.timetuple().tm_yday * 10 + self._numbers['invoice', day])
        text = chance.choice(('Invoice {}', '{}', 'Payment {} thank you', 'Your invoice\n{}')).format(number)
        return self.bank.book(self.current, day, _about(chance, usual), text, partner=name, code='Transfer',
                              partner_account=iban(self.company.country, bban), reference=number)

    def _purchase(self, text: str, amount, **details) -> Callable[[datetime], None]:
        """By card: pending now, booked on the next working morning."""
        def happen(moment: datetime) -> None:
            pending = self.bank.pend(self.card, -Decimal(amount), f'{text} CARD 4242', moment.date(), code='Card', **details)
            settled = moment + timedelta(days=3 if moment.weekday() == 4 else 1)
            self._later(settled.replace(hour=6, minute=15), lambda _moment: self.bank.settle(pending))
        return happen

    def _abroad(self, chance: random.Random) -> Callable[[datetime], None]:
        shop, currency, usual, rate = chance.choice(self.company.abroad)
        foreign = _about(chance, usual)
        return self._purchase(f'{shop} {currency} {foreign}', (foreign * Decimal(rate)).quantize(CENT), partner=shop.title(),
                              original=(-foreign, currency))

    def _later(self, moment: datetime, happen: Callable[[datetime], None]) -> None:
        heapq.heappush(self._agenda, (moment, next(self._order), happen))

    def _to_savings(self, day: date) -> None:
        for account, other, amount in ((self.current, self.savings, '-500.00'), (self.savings, self.current, '500.00')):
            self.bank.book(account, day, amount, 'Transfer to savings', partner=self.company.name, partner_account=other.iban,
                           code='Transfer')

    def _settle_card(self, day: date) -> None:
        """The bank takes the month's card purchases from the current account."""
        owed = -self.bank.balance(self.card)
        if owed > 0:
            self.bank.book(self.current, day, -owed, 'Card statement 4242', partner=self.bank.name, code='Direct debit')
            self.bank.book(self.card, day, owed, 'Payment of card statement', partner=self.company.name, code='Payment')


def _about(chance: random.Random, usual: str) -> Decimal:
    """The usual amount, give or take a fifth."""
    return (Decimal(usual) * Decimal(chance.randrange(80, 121)) / 100).quantize(CENT)
