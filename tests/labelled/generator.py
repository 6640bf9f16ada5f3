"""Makes the labelled set. Every kind of line has a method that makes its open items, the line, and what it really pays.

A line's evidence is *unique* when a careful bookkeeper with the line and all open items before them would book it without a doubt; the
others (equal amounts, a wrong reference, short by a fee …) must be left to a person, or be right all the same.
"""
import random
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from ...engine.evidence import Item, Line
from ...engine.parties import Party
from . import words

TODAY = date(2026, 11, 20)
OURS = {'DE02120300000000202051': (1,), 'DE02500105170137075030': (2,)}
#: Share of each kind in a set.
KINDS = {
    'exact': 16, 'mangled': 12, 'split': 4, 'structured': 8, 'iban_amount': 8, 'name_amount': 7, 'vendor_reference': 7, 'several': 5,
    'partial': 3, 'discount': 3, 'fee': 3, 'foreign': 4, 'equal': 3, 'wrong_reference': 2, 'chargeback': 2, 'transfer': 3, 'noise': 10,
    'credit_note': 2, 'double_payment': 1, 'third_party': 2, 'paid_reference': 2, 'similar_name': 2, 'coincidence': 3, 'balance': 2,
    'registered': 3,
}


@dataclass(frozen=True)
class Truth:
    """What a line really pays.

    :param items: ids of the open items; none for a line that pays no open item
    :param unique: the evidence leaves no doubt
    :param pair: id of the other line of a transfer
    """

    kind: str
    items: frozenset = frozenset()
    unique: bool = True
    pair: int | None = None


@dataclass
class Labelled:
    """A set: what the engine gets, and the truth by the id of the line."""

    lines: list = field(default_factory=list)
    items: list = field(default_factory=list)
    parties: list = field(default_factory=list)
    truth: dict = field(default_factory=dict)
    own_accounts: dict = field(default_factory=lambda: dict(OURS))


def labelled_set(seed: int, lines: int = 1000, open_items: int = 3000) -> Labelled:
    """A set of about `lines` bank lines among at least `open_items` open items."""
    maker = _Maker(random.Random(seed), lines)
    kinds = list(KINDS)
    while len(maker.set.lines) < lines:
        getattr(maker, maker.random.choices(kinds, KINDS.values())[0])()
    while len(maker.set.items) < open_items:
        maker.background()
    maker.random.shuffle(maker.set.lines)
    maker.random.shuffle(maker.set.items)
    return maker.set


class _Maker:
    def __init__(self, rng, lines):
        self.random, self.set, self.sequence, self.used = rng, Labelled(), {'INV': 0, 'BILL': 0, 'RINV': 0}, {}
        self.closed = set()     # parties of which no more items may be opened
        names = [f'{one} {two}' for one in words.FIRST for two in words.SECOND]
        rng.shuffle(names)
        for number, name in enumerate(names[:max(20, min(len(names), lines // 3))], 1):
            iban = f'NL{rng.randrange(10, 99)}BANK{rng.randrange(10 ** 10):010}'
            self.set.parties.append(Party(number, (f'{name} {rng.choice(words.FORMS)}',), (iban,)))

    # -- parts ------------------------------------------------------------------------------------------------------------

    def party(self):
        """Any customer or vendor but those whose open items are counted."""
        while True:
            party = self.random.choice(self.set.parties)
            if party.id not in self.closed and party.accounts:
                return party

    def two(self):
        one, other = self.party(), self.party()
        return (one, other) if one != other else self.two()

    def amount(self, party=None):
        """An amount; one that the party has on no other item, so that it decides. Round ones are shared by many parties."""
        while True:
            amount = Decimal(self.random.choice((
                self.random.randrange(20, 400) * 500, self.random.randrange(1000, 900000), self.random.randrange(1000, 90000)))) / 100
            if party is None or amount not in self.used.setdefault(party.id, set()):
                self.used.setdefault(party and party.id, set()).add(amount)
                return amount

    def number(self, journal):
        self.sequence[journal] += self.random.randrange(1, 4)
        return f'{journal}/2026/{self.sequence[journal]:05}'

    def item(self, party, amount=None, journal='INV', **more):
        """An open item; `amount` positive, the sign follows from the journal."""
        amount = self.amount(party) if amount is None else amount
        number, sign = self.number(journal), 1 if journal == 'INV' else -1
        day = TODAY - timedelta(days=self.random.randrange(15, 80))
        values = {'references': (number,) if journal == 'INV' else (), 'due': day + timedelta(days=30), **more}
        item = Item(len(self.set.items) + 1, day, sign * amount, values.pop('currency', 'EUR'), party.id, number, **values)
        self.set.items.append(item)
        return item

    def line(self, kind, amount, text='', party=None, items=(), unique=True, journal=1, **more):
        """A bank line; `party` lends its name and account, as `more` says."""
        line = Line(len(self.set.lines) + 1, journal, TODAY - timedelta(days=self.random.randrange(10)), amount, 'EUR', text, **more)
        self.set.lines.append(line)
        self.set.truth[line.id] = Truth(kind, frozenset(item.id for item in items), unique)
        return line

    def who(self, party, *what):
        """Fields of a line that say who it is from: at random those of `what`, or nothing."""
        chosen = self.random.choice((*what, None))
        if chosen == 'account':
            return {'account': self.spaced(party.accounts[0])}
        return {'partner_name': self.spelled(party)} if chosen == 'name' else {}

    def spaced(self, iban):
        return ' '.join(iban[place:place + 4] for place in range(0, len(iban), 4)) if self.random.random() < 0.5 else iban.lower()

    def spelled(self, party):
        bare = party.names[0].rsplit(' ', 1)[0]
        return self.random.choice((party.names[0], party.names[0].upper(), bare, bare.upper()))

    def around(self, text):
        return f'{self.random.choice(words.GREETINGS)}{text}{self.random.choice(words.TAILS)}'

    def mangle(self, number):
        prefix, year, count = number.split('/')
        return self.random.choice((
            f'{prefix.lower()} {year} {int(count)}', f'{prefix}-{year}-{count}', f'{year}/{count}', f'{prefix}{year}{count}',
            f'{prefix} {year}/{int(count)}', f'{prefix.title()}.{year}.{count}', f'{year}-{count}'))

    # -- kinds ------------------------------------------------------------------------------------------------------------

    def background(self):
        party = self.party()
        self.item(party, journal=self.random.choice(('INV', 'INV', 'INV', 'BILL')))

    def exact(self):
        party = self.party()
        item = self.item(party)
        self.line('exact', item.residual, self.around(item.number), items=[item], **self.who(party, 'account', 'name'))

    def mangled(self):
        party = self.party()
        item = self.item(party)
        self.line('mangled', item.residual, self.around(self.mangle(item.number)), items=[item], **self.who(party, 'account', 'name'))

    def split(self):
        party = self.party()
        item = self.item(party)
        at = self.random.randrange(5, len(item.number) - 1)
        self.line('split', item.residual, self.around(item.number[:at] + self.random.choice((' ', '\n')) + item.number[at:]), items=[item],
                  **self.who(party, 'account', 'name'))

    def structured(self):
        party = self.party()
        reference, shown = self.random.choice((self.belgian, self.iso_11649, self.swiss, self.finnish))()
        item = self.item(party, references=(reference,))
        self.line('structured', item.residual, shown, items=[item], **self.who(party, 'account'))

    def belgian(self):
        base = self.random.randrange(10 ** 10)
        digits = f'{base:010}{base % 97 or 97:02}'
        pretty = f'+++{digits[:3]}/{digits[3:7]}/{digits[7:]}+++'
        return pretty, self.random.choice((pretty, digits, pretty.replace('+', '*')))

    def iso_11649(self):
        base = str(self.random.randrange(10 ** 8, 10 ** 12))
        check = 98 - int(base + '271500') % 97
        plain = f'RF{check:02}{base}'
        return plain, self.random.choice((plain, ' '.join(plain[place:place + 4] for place in range(0, len(plain), 4))))

    def swiss(self):
        table, carry, base = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5), 0, f'21{self.random.randrange(10 ** 24):024}'
        for digit in base:
            carry = table[(carry + int(digit)) % 10]
        plain = f'{base}{(10 - carry) % 10}'
        return plain, self.random.choice((plain, f'{plain[:2]} ' + ' '.join(plain[place:place + 5] for place in range(2, 27, 5))))

    def finnish(self):
        base = str(self.random.randrange(10 ** 6, 10 ** 11))
        total = sum(int(digit) * (7, 3, 1)[place % 3] for place, digit in enumerate(reversed(base)))
        plain = f'{base}{-total % 10}'
        return plain, self.random.choice((plain, plain.rjust(20, '0')))

    def iban_amount(self):
        party = self.party()
        item = self.item(party, journal=self.random.choice(('INV', 'BILL')))
        self.line('iban_amount', item.residual, self.random.choice(('', 'thanks', 'Rechnung', 'payment', 'services october')), items=[item],
                  account=self.spaced(party.accounts[0]), **({'partner_name': 'X'} if self.random.random() < 0.3 else {}))

    def name_amount(self):
        party = self.party()
        item = self.item(party, journal=self.random.choice(('INV', 'BILL')))
        if self.random.random() < 0.5:
            self.line('name_amount', item.residual, 'payment', items=[item], partner_name=self.spelled(party))
        else:
            self.line('name_amount', item.residual, f'SEPA CREDIT {self.spelled(party)} PAYMENT', items=[item])

    def vendor_reference(self):
        party = self.party()
        reference = self.random.choice((
            f'F-{self.random.randrange(10000, 99999)}', f'{self.random.randrange(10 ** 7, 10 ** 9)}',
            f'RE2026{self.random.randrange(1000, 9999)}',
            f'{self.random.choice("ABCDEFG")}{self.random.randrange(10 ** 5, 10 ** 6)}/26'))
        item = self.item(party, journal='BILL', references=(reference,))
        self.line('vendor_reference', item.residual, self.around(reference), items=[item], **self.who(party, 'account', 'name'))

    def several(self):
        party = self.party()
        items = [self.item(party) for _n in range(self.random.randrange(2, 5))]
        joined = self.random.choice((', ', ' + ', ' ', ' und ', '; ')).join(item.number for item in items)
        self.line('several', sum(item.residual for item in items), self.around(joined), items=items, **self.who(party, 'account', 'name'))

    def partial(self):
        party = self.party()
        item = self.item(party)
        paid = (item.residual * self.random.choice((Decimal('0.3'), Decimal('0.5'), Decimal('0.25')))).quantize(Decimal('0.01'))
        self.line('partial', paid, f'partial payment {item.number}', items=[item], account=self.spaced(party.accounts[0]))

    def discount(self):
        party = self.party()
        amount = self.amount(party)
        reduced = (amount * Decimal('0.98')).quantize(Decimal('0.01'))
        item = self.item(party, amount, discount=(reduced, TODAY + timedelta(days=5)))
        self.line('discount', reduced, self.around(item.number), items=[item], **self.who(party, 'account', 'name'))

    def fee(self):
        party = self.party()
        item = self.item(party, self.amount(party) + 500)
        self.line('fee', item.residual - self.random.choice((Decimal('2.50'), Decimal('7.00'), Decimal('12.00'))), self.around(item.number),
                  items=[item], unique=False, **self.who(party, 'account', 'name'))

    def foreign(self):
        party = self.party()
        item = self.item(party, currency='USD')
        euros = (item.residual * Decimal(self.random.randrange(8300, 9500)) / 10000).quantize(Decimal('0.01'))
        self.line('foreign', euros, self.around(item.number), items=[item], foreign=(item.residual, 'USD'),
                  **self.who(party, 'account', 'name'))

    def equal(self):
        """Two equal invoices, one payment without a number: nobody can know which."""
        party = self.party()
        amount = self.amount(party)
        items = [self.item(party, amount), self.item(party, amount)]
        oldest = min(items, key=lambda item: item.age)
        self.line('equal', amount, 'payment', items=[oldest], unique=False, account=self.spaced(party.accounts[0]))

    def wrong_reference(self):
        """The text names another party's invoice of another amount."""
        party, other = self.two()
        named, paid = self.item(other), self.item(party)
        self.line('wrong_reference', paid.residual, self.around(named.number), items=[paid], unique=False,
                  account=self.spaced(party.accounts[0]))

    def chargeback(self):
        """A customer's payment comes back; a vendor's bill of the same amount has nothing to do with it."""
        party = self.party()
        bill = self.item(party, journal='BILL')
        text = self.random.choice(words.RETURNS).format(n=self.number('INV'))
        self.line('chargeback', bill.residual, text, unique=True, **self.who(party, 'account', 'name'))

    def transfer(self):
        amount = self.amount()
        out = self.line('transfer', -amount, 'own transfer', account='DE02 5001 0517 0137 0750 30')
        named = {'account': 'DE02120300000000202051'} if self.random.random() < 0.7 else {}
        into = self.line('transfer', amount, 'own transfer', journal=2, **named)
        self.set.lines[-1] = into = replace(into, date=out.date + timedelta(days=self.random.randrange(4)))
        for one, other in ((out, into), (into, out)):
            self.set.truth[one.id] = Truth('transfer', pair=other.id)

    def credit_note(self):
        """An invoice less a credit note, both named."""
        party = self.party()
        invoice = self.item(party, self.amount(party) + 1000)
        note = self.item(party, self.amount(party) % 900 + 1, journal='RINV')
        self.line('credit_note', invoice.residual + note.residual, f'{invoice.number} - {note.number}', items=[invoice, note],
                  **self.who(party, 'account', 'name'))

    def double_payment(self):
        """The same invoice paid twice: one of the two is a mistake, and nobody can know which."""
        party = self.party()
        item = self.item(party)
        for _n in range(2):
            self.line('double_payment', item.residual, self.around(item.number), items=[item], unique=False,
                      **self.who(party, 'account'))

    def third_party(self):
        """Somebody else, whom we know, pays for a customer: to be looked at by a person."""
        party, payer = self.two()
        item = self.item(party)
        self.line('third_party', item.residual, self.around(item.number), items=[item], unique=False,
                  account=self.spaced(payer.accounts[0]))

    def paid_reference(self):
        """The text names an invoice that was paid long ago; by chance another one of the customer has the amount."""
        party = self.party()
        gone = self.number('INV')
        other = self.item(party)
        self.line('paid_reference', other.residual, self.around(gone), unique=False, account=self.spaced(party.accounts[0]))

    def similar_name(self):
        """A customer whose name begins as another one's, with an invoice of the same amount each."""
        party = self.party()
        bare = party.names[0].rsplit(' ', 1)[0]
        branch = Party(len(self.set.parties) + 1, (f'{bare} {self.random.choice(("Export", "Nord", "Holding", "Retail"))} BV',), ())
        if any(branch.names == other.names for other in self.set.parties):
            return
        self.set.parties.append(branch)
        amount = self.amount(party)
        self.item(party, amount)
        item = self.item(branch, amount)
        self.line('similar_name', amount, 'payment', items=[item], partner_name=branch.names[0])

    def coincidence(self):
        """A stranger pays an amount that is open with somebody; digits of the text look like a number."""
        item = self.item(self.party())
        number, day = self.random.randrange(1000, 99999), self.random.randrange(1, 28)
        text = self.random.choice((f'order {number}', f'{day}.10.2026', 'ticket 2026 77', 'web shop'))
        self.line('coincidence', item.residual, text, unique=False, partner_name=self.random.choice(('Unknown Stranger', 'J. Doe', '')))

    def balance(self):
        """A new customer pays all that is open."""
        number = len(self.set.parties) + 1
        party = Party(number, (f'Customer {number} Retail',), (f'NL{number % 90 + 10}CUST{number:010}',))
        items = [self.item(party) for _n in range(self.random.randrange(2, 5))]
        self.set.parties.append(party)
        self.closed.add(party.id)
        self.line('balance', sum(item.residual for item in items), 'all open invoices', items=items, account=self.spaced(party.accounts[0]))

    def registered(self):
        """A payment that was registered in the books before the bank showed it."""
        party = self.party()
        number = f'PBNK1/2026/{self.random.randrange(1, 99999):05}'
        item = Item(len(self.set.items) + 1, TODAY - timedelta(days=self.random.randrange(10, 14)),
                    self.random.choice((-1, 1)) * self.amount(party), 'EUR', party.id, number, is_payment=True)
        self.set.items.append(item)
        self.line('registered', item.residual, 'transfer', items=[item], **{'account': self.spaced(party.accounts[0])})

    def noise(self):
        text = self.random.choice(words.NOISE).format(n=self.random.randrange(1000))
        self.line('noise', self.random.choice((-1, -1, 1)) * self.amount(), text)
