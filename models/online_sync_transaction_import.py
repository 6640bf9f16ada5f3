"""From the inbox into the books: what may not go there waits with a question, the rest becomes bank transactions in batches."""
import psycopg2

from odoo import _, api, models

from ..clients.records import BOOKED
from ..engine import identity

#: Bank transactions created at once.
BATCH = 500


class OnlineSyncTransaction(models.Model):
    _inherit = 'online.sync.transaction'

    def _import_lines(self):
        """Make bank transactions for the waiting rows of one account; those that may not go into the books stay, with an issue.

        :returns: the rows that were imported
        """
        account = self.account_id
        rows = self.filtered(lambda row: row.state == 'new' and row.status == BOOKED and not row.is_held)
        if not rows or not account._may_import():
            return self.browse()
        rows -= rows._leave_locked()
        rows -= rows._leave_odd()
        rows -= rows._leave_possible_duplicates()
        return rows._create_lines()

    def _leave_locked(self):
        """Rows whose date is locked: they wait. The ORM would move them to another day (law 4)."""
        journal, company = self.journal_id, self.journal_id.company_id
        locked_days = {day for day in set(self.mapped('date')) if company._get_violated_lock_dates(day, False, journal)}
        locked = self.filtered(lambda row: row.date in locked_days)
        self.env['online.sync.issue']._raise_locked(self.account_id, locked)
        return locked

    def _leave_odd(self):
        """Rows that do not fit the journal: in another currency, or with more decimals than it has."""
        currency = self.account_id.currency_id
        odd = self.filtered(lambda row: row.currency_id != currency or row.exact_amount)
        for row in odd:
            self.env['online.sync.issue']._raise_odd(row)
        return odd

    def _leave_possible_duplicates(self):
        """Rows that stand in the journal already, typed by hand or imported from a file."""
        undecided = self.filtered(lambda row: not row.is_decided)
        return undecided._flag_twins() if undecided else undecided

    def _flag_twins(self):
        days = self.mapped('date')
        lines = self.env['account.bank.statement.line'].search([
            ('journal_id', '=', self.journal_id.id), ('online_sync_transaction_id', '=', False), ('state', '=', 'posted'),
            ('date', '>=', min(days) - identity.NEAR), ('date', '<=', max(days) + identity.NEAR),
            ('amount', 'in', self.mapped('amount')),
        ])
        taken = self.search([('duplicate_line_id', 'in', lines.ids), ('state', '=', 'duplicate')]).duplicate_line_id
        twins = identity.foreign_twins(
            [row._as_record() for row in self], [line._online_sync_as_known() for line in lines - taken])
        suspects = self.browse(self[index].id for index in twins)
        for index, line_id in twins.items():
            row, line = self[index], lines.browse(line_id)
            row.write({'state': 'duplicate', 'duplicate_line_id': line.id, 'state_reason': 'in the books already'})
            self.env['online.sync.issue']._raise_duplicate(row, line)
        return suspects

    @api.model
    def _release_orphans(self, account):
        """Possible duplicates of what is gone meanwhile are movements of their own: they wait for the books again."""
        rows = self.search([
            ('account_id', '=', account.id), ('state', '=', 'duplicate'), ('duplicate_of_id', '=', False),
            ('duplicate_line_id', '=', False)])
        rows.write({'state': 'new', 'state_reason': False})
        self.env['online.sync.issue'].search([
            ('transaction_id', 'in', rows.ids), ('state', '=', 'open'), ('kind', 'in', ('duplicate', 'edited'))])._close(
                _("Settled by itself."))

    def _import_after_decision(self):
        """A person said that the row is a movement of its own: into the books with it."""
        self.write({
            'state': 'new', 'is_decided': True, 'duplicate_of_id': False, 'duplicate_line_id': False, 'state_reason': False})
        return self._import_lines()

    def _create_lines(self):
        """Create the bank transactions, oldest first, in batches: memory and time stay the same however long a page is."""
        self.env.flush_all()    # what fails here is not the fault of a row, and would be taken for it in the batch
        done, ordered = self.browse(), self._in_order()
        for start in range(0, len(ordered), BATCH):
            done |= ordered[start:start + BATCH]._create_batch_or_singles()
        return done

    def _create_batch_or_singles(self):
        """One batch; if it is refused, one by one, so that a bad row harms no other."""
        try:
            self._create_line_batch()
            return self
        except psycopg2.OperationalError:
            raise       # a concurrent change: the whole step is done again
        except Exception as error:  # noqa: BLE001 - whatever the ORM or another addon objects to
            if len(self) == 1:
                self.env['online.sync.issue']._raise_refused(self, error)
                return self.browse()
        return self.browse(id_ for row in self for id_ in row._create_batch_or_singles().ids)

    def _create_line_batch(self):
        partners = self.account_id._find_partners(self.mapped('partner_account'))
        with self.env.cr.savepoint():
            lines = self.env['account.bank.statement.line'].with_context(online_sync_import=True).create([
                row._prepare_statement_line_vals(partners.get(identity.normalise_account(row.partner_account))) for row in self])
            self.with_context(tracking_disable=True).write({'state': 'imported', 'state_reason': False})
            self.env.flush_all()
        return lines

    def _remember_deleted(self):
        """Somebody deleted the bank transaction: it stays deleted, whatever the bank says again."""
        self.filtered(lambda row: row.state == 'imported' and not row.statement_line_ids).write(
            {'state': 'ignored', 'state_reason': _("Deleted by %s", self.env.user.name)})

    def _in_order(self):
        """Rows in the order in which they happened, as far as the bank tells: by day; within a day as it listed them."""
        newest_first = len(self) > 1 and self[0].date > self[-1].date
        rows = self.browse(reversed(self.ids)) if newest_first else self
        return rows.sorted('date')

    def _prepare_statement_line_vals(self, partner_id=False):
        """Values of the bank transaction; a hook for other addons."""
        self.ensure_one()
        vals = {
            'journal_id': self.account_id.journal_id.id,
            'date': self.date,
            'amount': self.amount,
            'payment_ref': self.text or self.partner_name or self.reference or self.transaction_type or _("No text"),
            'partner_name': self.partner_name,
            'partner_id': partner_id,
            'account_number': self.partner_account,
            'transaction_type': self.transaction_type,
            'transaction_details': self._prepare_details(),
            'ref': self.reference,
            'online_sync_transaction_id': self.id,
        }
        original = self.original_currency_id
        if original and original != self.currency_id and original.active and self.original_amount:
            vals.update(foreign_currency_id=original.id, amount_currency=self.original_amount)
        return vals

    def _prepare_details(self):
        """What reconciliation models and people may want to look at, without what is empty."""
        details = {
            'end_to_end_id': self.end_to_end_id, 'value_date': self.value_date and self.value_date.isoformat(),
            'reference': self.reference, 'type': self.transaction_type, 'counterpart': self.partner_name,
            'counterpart_account': self.partner_account,
        }
        return {name: value for name, value in details.items() if value} or False
