"""Do the books of an account agree with what its bank says it holds?"""
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

from odoo import _, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date

from ..clients.records import BOOKED
from ..engine import balance, coverage


class OnlineSyncAccount(models.Model):
    _inherit = 'online.sync.account'

    differs_since = fields.Datetime(readonly=True)
    agreed_on = fields.Date(readonly=True, help="The latest day on which bank and books agreed, the opening balance included.")
    opening_for = fields.Date(readonly=True, help="The first day for which the opening balance was found out.")
    opening_pending = fields.Monetary(readonly=True, help="What was pending when the opening balance was found out, until it is sure.")
    misdated = fields.Json(readonly=True, help="Stretches [first day, last day] on which the books differed before they agreed again.")
    opening_told = fields.Monetary(readonly=True, help="What the bank held before the first day, as its balance and movements say.")

    def _prove_balance(self):
        """Compare the bank's balances with the books plus what waits for them; open or close the issues about it."""
        self.ensure_one()
        if not (self.journal_id and self.start_date):
            return
        self.env.flush_all()
        self._correct_opening()
        opening = self._book_opening()
        books, told, pending = self._movements()
        proof = self._proof(opening, books, told, pending)
        if not proof:
            return
        differs = proof.state != balance.AGREES
        self.write({
            'book_balance': float(proof.books), 'difference': float(proof.difference), 'proof_state': proof.state,
            'proof_began': proof.began or False,
            'differs_since': (self.differs_since or fields.Datetime.now()) if differs else False,
        })
        issues, missing = self.env['online.sync.issue'], self._missing_opening(opening)
        is_plain = proof.bank == self._readings()[-1].amount     # not only when what is pending is counted
        if proof.state == balance.AGREES and is_plain and not (self.opening_pending and pending == self._exact(self.opening_pending)):
            self.write({'agreed_on': proof.date, 'opening_for': self.start_date, 'opening_told': float(opening), 'opening_pending': 0})
            missing = self._missing_opening(opening)
        if missing and self.adds_opening and not self._is_opening_locked():
            self.adds_opening = False
            self._add_opening_balance()
            return
        if missing:
            issues._raise_opening(self, missing)
        else:
            issues._settle(self, ('opening',))
        if proof.state != balance.DIFFERS:
            issues._settle(self, ('drift',))
        elif self._is_lasting(proof):
            issues._raise_drift(self, proof)
            issues._settle(self, ('misdated',))
        if proof.state == balance.AGREES:
            self._look_at_earlier_days(opening, books, told)

    def _movements(self):
        """What is compared: ({day: sum} of the books and what waits for them, {day: sum} told as booked, total pending)."""
        books = self._book_movements()
        told, staged, pending = self._told_movements()
        for day, amount in staged.items():
            books[day] += amount
        return books, told, pending

    def _look_at_earlier_days(self, opening, books, told):
        """Earlier days on which the books differed from the bank's balance although they agree now.

        What the books have on another day than the bank is no difference when both are, or may be, the same movement.
        """
        if not self._knows_opening() or self._missing_opening(opening):
            return
        books = books.copy()
        for ours, theirs, amount in self._moved_days():
            books[ours] -= amount
            books[theirs] += amount
        ours, theirs = balance.Running(opening, books), balance.Running(opening, told)
        stretches = balance.differed_before(self._readings(), opening, books, told)
        holds = self.env['online.sync.issue']._raise_misdated(self, stretches, lambda day: ours.on(day) != theirs.on(day))
        days = [[issue.date_from.isoformat(), issue.date_to.isoformat()] for issue in holds]
        if days != (self.misdated or []):
            self.misdated = days

    def _moved_days(self):
        """Movements that the books have on another day than the bank: (our day, the bank's day, amount).

        Also what a person is, or was, asked about: the line that may be the movement.
        """
        self.env.cr.execute(SQL(
            """
            SELECT move.date, row.date, SUM(line.amount)::text
              FROM account_bank_statement_line line
              JOIN account_move move ON move.id = line.move_id AND move.state = 'posted'
              JOIN online_sync_transaction row ON row.id = line.online_sync_transaction_id AND row.date != move.date
             WHERE row.account_id = %s AND move.date >= %s AND row.date >= %s
             GROUP BY move.date, row.date
            UNION ALL
            SELECT move.date, row.date, SUM(line.amount)::text
              FROM online_sync_transaction row
              JOIN account_bank_statement_line line ON line.id = row.duplicate_line_id AND line.online_sync_transaction_id IS NULL
              JOIN account_move move ON move.id = line.move_id AND move.state = 'posted'
             WHERE row.account_id = %s AND row.state IN ('duplicate', 'ignored') AND row.date != move.date
               AND move.date >= %s AND row.date >= %s
             GROUP BY move.date, row.date
            """, self.id, self.start_date, self.start_date, self.id, self.start_date, self.start_date,
        ))
        return [(ours, theirs, Decimal(total)) for ours, theirs, total in self.env.cr.fetchall()]

    def _knows_opening(self):
        """Whether it is known what the bank held before the first day: whatever differs from then on is something else."""
        return bool(self.start_date) and self.opening_for == self.start_date

    def _find_out_opening(self, is_whole):
        """Take note of what the bank held before the first day, once its balance and all that it told since then are known together.

        :param is_whole: all days were read just now. Days that were read long before the first balance may have changed since:
            then the balance would hide what the books lack
        :returns: False when only a read of all days is missing
        """
        readings = self._readings() if self.start_date else []
        if not readings or self._knows_opening() or not self._is_complete():
            return True
        if is_whole:
            told, _staged, pending = self._told_movements()
            opening = balance.held_before(readings, told)
            self.write({'opening_for': self.start_date, 'opening_told': float(opening), 'agreed_on': readings[-1].date,
                        'opening_pending': float(pending)})
        return is_whole

    def _correct_opening(self):
        """Some banks count what is pending into their balance: then the opening balance was found out too low or too high by it.

        The first balance beside other pending movements tells.
        """
        readings, before = self._readings() if self._knows_opening() else [], self._exact(self.opening_pending)
        if not readings or not before:
            return
        told, _staged, pending = self._told_movements()
        if pending == before:
            return
        opening, held = self._exact(self.opening_told), balance.held_before(readings[-1:], told)
        if held - pending == opening - before:
            self.write({'opening_told': float(opening - before), 'opening_pending': 0})
        elif held == opening:
            self.opening_pending = 0

    def _missing_opening(self, opening):
        """What the bank held before the first day and the books do not have, as far as that is known."""
        return self._exact(self.opening_told) - opening if self._knows_opening() else Decimal(0)

    def _proof(self, opening, books, told, pending):
        """The engine's proof for the latest reading, None when there is nothing to prove yet.

        :param opening: what the books have before the first day
        """
        readings = self._readings()
        proof = self._prove(readings, opening, books, told)
        if proof and proof.state != balance.AGREES and pending and not self._is_without_pending(readings[-1], told):
            # Some banks count what is pending into the balance that they call booked.
            last = readings[-1]
            without = self._prove([*readings[:-1], balance.Reading(last.date, last.amount - pending, last.final)], opening, books, told)
            proof = without if without.state == balance.AGREES else proof
        return proof

    def _is_without_pending(self, reading, told):
        """Whether the bank's own movements explain its balance without what is pending."""
        return self._knows_opening() and reading.amount == balance.Running(self._exact(self.opening_told), told).on(reading.date)

    def _prove(self, readings, opening, books, told):
        """The proof; once it is known what the bank held before the first day, that is told apart from any other difference."""
        common = books, told, self.start_date, self._knows_opening() and self.agreed_on or None
        proof = balance.prove(readings, opening, *common)
        if not proof or proof.state == balance.AGREES or not self._knows_opening():
            return proof
        opening_told = self._exact(self.opening_told)
        apart = balance.prove(readings, opening_told, *common)
        return balance.opening_only(proof, opening_told - opening, self.start_date) if apart.state == balance.AGREES else apart

    def _is_complete(self):
        """Whether the inbox holds all that the bank told of the days before today, and nothing that it may have taken back."""
        yesterday = fields.Date.today() - timedelta(days=1)
        return bool(self.start_date) and not (
            self.env['online.sync.transaction']._missed(self)
            or coverage.owed(self.start_date, yesterday, self.coverage_ids._intervals()))

    def _is_lasting(self, proof):
        """Whether a difference is worth a person's time: banks count a movement of today into the balance before they list it."""
        fresh = proof.began == proof.date == fields.Date.today()
        waited = self.differs_since and fields.Datetime.now() - self.differs_since > timedelta(hours=20)
        explained = proof.difference == self._exact(self._quarantined_difference())
        return not explained and (not fresh or waited)

    def _quarantined_difference(self):
        """What the possible duplicates, about which a person is asked already, make bank and books differ by."""
        rows = self.env['online.sync.transaction'].search([('account_id', '=', self.id), ('state', '=', 'duplicate')])
        in_books = rows.duplicate_line_id | rows.duplicate_of_id.statement_line_ids
        return sum(rows.mapped('amount')) - sum(in_books.mapped('amount'))

    def _readings(self):
        rows = self.balance_ids.filtered(lambda row: row.date >= self.start_date - timedelta(days=1))
        return sorted(
            (balance.Reading(row.date, self._exact(row.amount), row.is_final) for row in rows), key=lambda r: (r.date, r.final))

    def _exact(self, value):
        return Decimal(f'{value:.{self.currency_id.decimal_places}f}')

    def _book_opening(self):
        """What the books have on the bank account before the first day, in the account's currency."""
        if not (self.journal_id and self.start_date):
            return Decimal(0)
        return self._book_sums(SQL("date < %s", self.start_date), SQL("NULL::date")).get(None, Decimal(0))

    def _book_movements(self):
        """What the books moved on the bank account since the first day: {day: sum}, in the account's currency."""
        return self._book_sums(SQL("date >= %s", self.start_date), SQL("date"))

    def _book_sums(self, condition, day):
        """Posted items of the bank account, as {day: sum}."""
        journal, company = self.journal_id, self.company_id
        bank_account = journal.default_account_id
        foreign = self.currency_id != company.currency_id
        shared = self.env['account.journal'].search_count([
            ('default_account_id', '=', bank_account.id), ('company_id', '=', company.id), ('type', 'in', ('bank', 'credit', 'cash'))]) > 1
        self.env['account.move.line'].flush_model()
        self.env.cr.execute(SQL(
            """
            SELECT %s AS day, SUM(%s)::text
              FROM account_move_line
             WHERE account_id = %s AND company_id = %s AND parent_state = 'posted' AND %s %s %s
             GROUP BY day
            """,
            day, SQL("amount_currency" if foreign else "balance"), bank_account.id, company.id, condition,
            SQL("AND currency_id = %s", self.currency_id.id) if foreign else SQL(),
            SQL("AND journal_id = %s", journal.id) if shared else SQL(),
        ))
        return defaultdict(Decimal, {day: Decimal(total) for day, total in self.env.cr.fetchall()})

    def _told_movements(self):
        """What the inbox knows: ({day: sum} told as booked, {day: sum} waiting for the books, total pending)."""
        self.env.cr.execute(SQL(
            """
            SELECT date, status, state = 'new' AS waits, SUM(amount)::text
              FROM online_sync_transaction
             WHERE account_id = %s AND state != 'superseded' AND NOT COALESCE(is_held, FALSE) AND currency_id = %s
               AND NOT (state IN ('ignored', 'duplicate') AND missed_reads >= 2)
             GROUP BY date, status, waits
            """, self.id, self.currency_id.id,
        ))
        told, staged, pending = defaultdict(Decimal), defaultdict(Decimal), Decimal(0)
        for day, status, waits, total in self.env.cr.fetchall():
            if status != BOOKED:
                pending += Decimal(total)
                continue
            told[day] += Decimal(total)
            if waits:
                staged[day] += Decimal(total)
        return told, staged, pending

    def _is_opening_locked(self):
        return bool(self.company_id._get_violated_lock_dates(self.start_date - timedelta(days=1), False, self.journal_id))

    def _add_opening_balance(self):
        """Make the first line of the journal: what the bank held before the first day that was fetched.

        :returns: the bank transaction
        """
        self.ensure_one()
        missing, day = self._missing_opening(self._book_opening()), self.start_date - timedelta(days=1)
        if not missing:
            return self.env['account.bank.statement.line']
        if self._is_opening_locked():
            raise UserError(_(
                "The opening balance belongs on %s, which is locked. Open that period for a moment, or book the balance in the first "
                "open period yourself.", format_date(self.env, day)))
        line = self.env['account.bank.statement.line'].create({
            'journal_id': self.journal_id.id, 'date': day, 'amount': float(missing), 'payment_ref': _("Opening balance")})
        self._prove_balance()
        return line
