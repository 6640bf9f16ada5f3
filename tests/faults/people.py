"""What an accountant does: deletes, types, locks, and answers what is asked, comparing the bank's own page with the books."""
from datetime import timedelta
from decimal import Decimal

from odoo.exceptions import UserError

from .bank import SHOPS
from .truth import Line, compare, is_needed, is_spare

TYPED = 'TYPED BY HAND'


class PeopleSteps:
    """Steps of the user, who is an accountant and no superuser."""

    # -- on their own -----------------------------------------------------------------------------------------------------------------

    def step_delete_line(self):
        """A line that only one movement can be is deleted; its amount was booked by hand in an entry long ago."""
        mapping = self.random.choice(self.mappings())
        account, lines = self.account_of(mapping), self.lines(mapping)
        candidates = [line for line in lines if self.is_single(account, line, lines) and not self.is_asked_about(line)]
        if not candidates or self.locked_until:
            return
        line = self.random.choice(candidates)
        movement, = self.movements_of(account, line)
        with self.request(self.accountant) as env:
            env['account.bank.statement.line'].browse(line.id).unlink()
        with self.request() as env:
            self.book_entry(env, mapping, line)
        self.truth.deleted.add(movement)
        self.say('the user deletes', line)

    def movements_of(self, account, line):
        return [m for m in account.movements if not m.pending and m.amount == line.amount and line.day in self.truth.days[m]]

    def is_single(self, account, line, lines):
        """Whether a line is imported, stands for one movement, and nothing in the books or at the bank has its amount too."""
        same_amount = [m for m in account.movements if m.amount == line.amount] + list(self.truth.deleted)
        return (line.id in self.imported_lines() and sum(other.amount == line.amount for other in lines) == 1
                and len(self.movements_of(account, line)) == 1
                and sum(m.amount == line.amount and m.account is account for m in same_amount) == 1)

    def book_entry(self, env, mapping, line):
        """A manual entry on the bank's account, which the balance proof counts."""
        journal = env['online.sync.account'].browse(mapping).journal_id
        general = env['account.journal'].search([('type', '=', 'general'), ('company_id', '=', journal.company_id.id)], limit=1)
        amount, currency = float(line.amount), journal.currency_id or journal.company_id.currency_id
        accounts = journal.default_account_id | journal.suspense_account_id
        env['account.move'].create({
            'journal_id': general.id, 'date': line.day, 'line_ids': [(0, 0, {
                'account_id': account.id, 'currency_id': currency.id, 'amount_currency': sign * amount, 'balance': sign * amount,
            }) for account, sign in zip(accounts, (1, -1), strict=True)]}).action_post()

    def step_type_line(self):
        """The user types from a paper what the bank books a moment later."""
        mapping = self.random.choice(self.mappings())
        account, day, amount = self.account_of(mapping), self.first_day(None, self.random.randint(0, 2)), self.an_amount()
        if self.locked_until and day <= self.locked_until:
            return
        with self.request(self.accountant) as env:
            journal = env['online.sync.account'].browse(mapping).journal_id
            env['account.bank.statement.line'].create({
                'journal_id': journal.id, 'date': day, 'amount': float(amount), 'payment_ref': TYPED})
        self.say('the user types, the bank books', self.book(account, day, amount, self.random.choice((TYPED, SHOPS[1]))))

    def step_lock(self):
        self.lock(self.bank.days_ago(self.random.choice((1, 3, 6))))

    def step_unlock(self):
        self.lock(None)

    def lock(self, day):
        """Past Odoo's demand to reconcile everything first, which is another story."""
        self.case.env.cr.execute("UPDATE res_company SET fiscalyear_lock_date = %s WHERE id = %s", [day, self.case.company.id])
        self.case.registry.clear_all_caches()
        self.locked_until = day
        self.say('the user locks until', day)

    # -- asked ------------------------------------------------------------------------------------------------------------------------

    def step_answer(self):
        """Answer everything that is asked."""
        for issue_id in self.open_issues():
            self.answer(issue_id)

    def answer(self, issue_id):
        with self.request(self.accountant) as env:
            issue = env['online.sync.issue'].browse(issue_id)
            if issue.state != 'open':
                return
            decide = getattr(self, f'_answer_{issue.kind}', None)
            button = decide(issue) if decide else None
            if not button:
                return
            self.say('the user answers', issue.kind, button, issue.summary)
            try:
                with env.cr.savepoint():
                    getattr(issue, button)()
            except UserError as refusal:
                self.say('…, refused:', refusal)
                if not self.locked_until:
                    raise

    def _books(self, issue):
        """(what the books must hold, what they hold) of the account of an issue."""
        return self.wanted(issue.account_id.id), self.lines(issue.account_id.id)

    def _answer_duplicate(self, issue):
        row = issue.transaction_id
        return 'action_keep_both' if is_needed(*self._books(issue), self.as_line(row)) else 'action_same'

    def _answer_edited(self, issue):
        wanted, lines = self._books(issue)
        if not is_needed(wanted, lines, self.as_line(issue.transaction_id)):
            return 'action_ignore'
        old = issue.line_id
        return 'action_replace' if old and is_spare(wanted, lines, old.id) else 'action_keep_both'

    def _answer_vanished(self, issue):
        row, books = issue.transaction_id, self._books(issue)
        line = row.statement_line_ids
        is_gone = is_spare(*books, line.id) if line else not is_needed(*books, self.as_line(row))
        return 'action_delete_line' if is_gone else 'action_ignore'

    def _answer_copied(self, issue):
        return 'action_delete_copy' if issue.line_id and is_spare(*self._books(issue), issue.line_id.id) else 'action_ignore'

    def _answer_misdated(self, _issue):
        return 'action_ignore'

    def _answer_opening(self, _issue):
        return None if self.locked_until else 'action_add_opening'

    def _answer_locked(self, _issue):
        return None if self.locked_until else 'action_try_again'

    def as_line(self, row):
        return Line(0, row.date, Decimal(f'{row.amount:.2f}'), row.text or '')

    # -- what only the balance told ---------------------------------------------------------------------------------------------------

    def settle_difference(self, mapping):
        """The proof says that books and bank differ: the accountant looks for it, with the bank's own page at hand."""
        missing, surplus = compare(self.wanted(mapping), self.lines(mapping))
        for one in missing:
            self.import_left_out(mapping, one)
        for line in surplus:
            self.delete_own(line)
        days = [day for one in missing for day in one.days] + [line.day for line in surplus]
        if days:
            self.say('the user fetches again from', min(days) - timedelta(days=1))
            with self.request(self.accountant) as env:
                env['online.sync.account'].browse(mapping).action_fetch_day(min(days) - timedelta(days=1))
        else:
            self.correct_opening(mapping)

    def delete_own(self, line):
        """What the user typed from a paper and the bank then booked otherwise."""
        if line.id not in self.imported_lines():
            self.say('the user deletes what was typed', line)
            with self.request(self.accountant) as env:
                env['account.bank.statement.line'].browse(line.id).unlink()

    def correct_opening(self, mapping):
        """Line by line all is right, so the opening balance is not: the bank's balance had counted a line that it told only later."""
        with self.request(self.accountant) as env:
            account = env['online.sync.account'].browse(mapping)
            opening = env['account.bank.statement.line'].search([
                ('journal_id', '=', account.journal_id.id), ('date', '<', self.start)])
            if account.proof_state == 'differs' and opening:
                self.say('the user corrects the opening balance by', account.difference)
                opening.amount += account.difference

    def import_left_out(self, mapping, one):
        """What is missing may lie in the inbox, ignored once."""
        with self.request(self.accountant) as env:
            rows = env['online.sync.transaction'].search([
                ('account_id', '=', mapping), ('state', '=', 'ignored'), ('amount', '=', float(one.amount)),
                ('date', 'in', list(one.days))])
            if rows:
                self.say('the user brings in what was ignored', one)
                rows[0].action_import()
