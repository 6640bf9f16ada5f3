"""What the bank does in a story.

Left out, because nobody can decide them from what the bank tells:

* a bank without ids takes back one of two movements of equal content, the other of which a user deleted from the books: which one is it?
* the bank changes the amount of a movement that a user deleted: the user has booked the old amount elsewhere.
* the bank gives an amount its former value again after a person said to ignore the change: the answer stands.
* the bank leaves a movement without a status, neither booked nor pending, for weeks: who knows what its balance counts?

One kind of movement must be told apart from the rest: the first day of a mapping that goes as far back as the bank does is the day of
the first line. That line stays as it is.
"""
from datetime import timedelta
from decimal import Decimal

#: No two of them are alike, so that nobody takes one for the other, rewritten.
SHOPS = ('COFFEE CORNER BERLIN', 'FUEL STATION 12', 'RAIL TICKET', 'CARD 4410 LUNCH', 'OFFICE PAPER SHOP')
PARTNER_IBAN = 'FR7630006000011234567890189'


class BankSteps:
    """Steps of the bank. Each says what it does to `self.say` and keeps `self.truth` up to date."""

    def book(self, account, day, amount, text):
        """A booked movement; half of them name their partner."""
        partner = {'partner': text.title(), 'partner_account': PARTNER_IBAN} if self.random.random() < 0.5 else {}
        return self.truth.note(self.bank.book(account, day, amount, text, **partner))

    def an_amount(self):
        """Often one of few, so that different movements are equal; else one that nothing else has."""
        if self.random.random() < 0.4:
            return self.random.choice(('-3.20', '-12.50', '40.00'))
        return self.an_odd_amount()

    def an_odd_amount(self):
        self.cents += 1
        return str(Decimal(self.cents) / 100 * self.random.choice((-1, -1, 1)))

    def a_text(self, word):
        """A text that nothing else has."""
        self.cents += 1
        return f'{word}{self.cents}'

    def some(self, account, days=18):
        """A booked movement of the last days that may be changed, None when there is none."""
        first = self.first_day(account, days)
        found = [m for m in self.bank.shown(account) if not m.pending and m.day >= first and self.may_change(m)]
        return self.random.choice(found) if found else None

    def may_change(self, movement):
        """Whether the bank may correct it: not what the user deleted, nor what equals it, nor the line that makes the first day."""
        return movement not in self.anchors and not any(
            other.account is movement.account and other.amount == movement.amount for other in self.truth.deleted)

    def first_day(self, account, days):
        """The day so many days ago, or the first one of the mapping."""
        return max(self.bank.days_ago(days), self.start)

    # -- what is booked ---------------------------------------------------------------------------------------------------------------

    def step_book(self):
        account = self.random.choice(self.bank.accounts)
        for _line in range(self.random.randint(1, 4)):
            day = self.random.choice((self.bank.today, self.bank.today, self.first_day(account, 1)))
            movement = self.book(account, day, self.an_amount(), self.random.choice(SHOPS))
            self.say('books', movement)

    def step_equal_coffees(self):
        account, day = self.random.choice(self.bank.accounts), self.first_day_of_late_line()
        for _cup in range(self.random.randint(2, 3)):
            self.say('books equal', self.book(account, day, '-3.20', SHOPS[0]))

    def step_equal_amounts_on_near_days(self):
        account, amount = self.random.choice(self.bank.accounts), self.an_amount()
        for days in range(self.random.randint(2, 3)):
            self.say('books near', self.book(account, self.first_day(account, days), amount, self.random.choice(SHOPS)))

    def step_many(self):
        account = self.random.choice(self.bank.accounts)
        for _line in range(12):
            self.book(account, self.first_day(account, self.random.randint(0, 3)), self.an_amount(), self.a_text('BULK'))
        self.say('books 12 lines', account)

    def first_day_of_late_line(self):
        return self.first_day(None, self.random.choice((0, 1, 2, 4, 6)))

    def step_late(self):
        """A line that comes days after its date, but within the days that every run reads again."""
        account = self.random.choice(self.bank.accounts)
        self.say('books late', self.book(account, self.first_day_of_late_line(), self.an_amount(), self.a_text('LATE')))

    def step_very_late(self):
        """A line older than that: only the balance can tell."""
        account = self.random.choice(self.bank.accounts)
        self.say('books very late', self.book(account, self.first_day(account, 20), self.an_odd_amount(), self.a_text('VERYLATE')))

    # -- pending ----------------------------------------------------------------------------------------------------------------------

    def step_pend(self):
        account = self.random.choice(self.bank.accounts)
        self.say('pends', self.bank.pend(account, self.an_amount(), self.random.choice(SHOPS)))

    def pending(self):
        found = [m for account in self.bank.accounts for m in account.movements if m.pending]
        return self.random.choice(found) if found else None

    def step_settle(self):
        """Pending becomes booked: with the same or another amount, under another id or its own."""
        movement = self.pending()
        if not movement:
            return
        amount = self.random.choice((movement.amount, movement.amount + Decimal('-0.25')))
        if self.random.random() < 0.3:
            movement.pending, movement.day, movement.amount = False, self.bank.today, amount
            self.say('settles under its own id', self.truth.note(movement))
        else:
            self.say('settles', self.truth.note(self.bank.settle(movement, amount=amount)))

    def step_drop_pending(self):
        movement = self.pending()
        if movement:
            self.say('drops', movement)
            self.bank.vanish(movement)

    # -- corrections ------------------------------------------------------------------------------------------------------------------

    def step_reissue_ids(self):
        account = self.random.choice(self.bank.accounts)
        since = self.random.choice((None, self.bank.days_ago(3)))
        self.bank.reissue_ids(account, since)
        self.say('reissues ids since', since, account)

    def step_edit_text(self):
        movement = self.some(self.random.choice(self.bank.accounts))
        if movement:
            words = movement.text.split()
            similar = self.random.random() < 0.6
            self.bank.edit_text(movement, ' '.join([*words, 'CORRECTED']) if similar else self.a_text('REWRITTEN'))
            self.say('edits the text of', self.truth.note(movement))

    def step_edit_amount(self):
        movement = self.some(self.random.choice(self.bank.accounts))
        if movement:
            self.bank.edit_amount(movement, self.an_odd_amount())
            self.say('edits the amount of', self.truth.note(movement))

    def step_take_back(self):
        movement = self.some(self.random.choice(self.bank.accounts))
        if movement:
            self.say('takes back', movement)
            self.bank.vanish(movement)

    def step_move_date(self):
        movement = self.some(self.random.choice(self.bank.accounts))
        if movement:
            day = movement.day + timedelta(days=self.random.choice((-2, -1, 1, 2)))
            self.bank.move_date(movement, min(max(day, self.start), self.bank.today))
            self.say('moves', self.truth.note(movement))

    # -- while somebody reads -----------------------------------------------------------------------------------------------------------

    def step_change_between_pages(self):
        """While the next read is under way, after some calls, the list changes."""
        after, change = self.random.randint(1, 4), self.random.choice((self.step_late, self.step_book, self.step_settle,
                                                                       self.step_drop_pending))
        self.say('will change the list during the call number', after)
        calls = iter(range(1, 100))

        def before(call):
            if next(calls, 0) == after:
                self.server.before = None
                change()

        self.server.before = before

    def step_page_size(self):
        self.server.page_size = self.random.choice((2, 3, 5, 1000))
        self.say('gives pages of', self.server.page_size)

    # -- time ---------------------------------------------------------------------------------------------------------------------------

    def step_days_pass(self):
        self.pass_days(self.random.choice((1, 1, 1, 2, 3, 5, 8, 13, 20)))
