from decimal import Decimal

from odoo import api, fields, models

from ..clients.records import BOOKED
from ..engine import identity
from .audit import is_audited
from .compat import create_partial_unique_index
from .import_batch import ImportBatch


class AccountBankStatementLine(models.Model):
    _inherit = 'account.bank.statement.line'

    online_sync_transaction_id = fields.Many2one(
        'online.sync.transaction', string="From the bank", readonly=True, copy=False, ondelete='set null', index='btree_not_null')

    online_sync_source = fields.Selection(
        [('bank', "Bank"), ('other', "By hand or file")], string="Source", compute='_compute_online_sync_source')

    @api.depends('online_sync_transaction_id')
    def _compute_online_sync_source(self):
        for line in self:
            line.online_sync_source = 'bank' if line.online_sync_transaction_id else 'other'

    def init(self):
        super().init()
        # The last line of defence against a doubled line.
        create_partial_unique_index(
            self, 'account_bank_statement_line_online_sync_uniq', ['online_sync_transaction_id'], "online_sync_transaction_id IS NOT NULL")

    @api.model_create_multi
    def create(self, vals_list):
        """Our own import comes in batches; what is entered by hand or from a file may be there already."""
        if self.env.context.get('online_sync_import'):
            batch_env = self.with_context(**self._online_sync_batch_context(vals_list))
            lines = super(AccountBankStatementLine, batch_env).create(vals_list)
            batch_env.env.flush_all()       # what is left to compute belongs to the batch too
            return lines.with_env(self.env)
        lines = super().create(vals_list)
        lines.sudo()._online_sync_find_copies()
        return lines

    def _online_sync_batch_context(self, vals_list):
        """Context of a batch: once a batch what stock does once a line, and not at all what cannot change anything here.

        What adapts the tax and payment term lines of invoices has nothing to do here, and a new bank transaction is in line with its
        entry. Tracking is left out unless the company keeps an audit trail.
        """
        company = self.env['account.journal'].browse(vals_list[:1] and vals_list[0].get('journal_id')).company_id
        return {
            'online_sync_batch': ImportBatch(vals_list), 'skip_account_move_synchronization': True, 'skip_invoice_sync': True,
            'tracking_disable': not is_audited(company) or self.env.context.get('tracking_disable', False),
        }

    def _online_sync_find_copies(self):
        """Ask about lines of a synchronized journal that equal one that the bank brought: same day, same amount."""
        accounts = self.env['online.sync.account'].search([('journal_id', 'in', self.journal_id.ids)])
        lines = self.filtered(lambda line: line.journal_id in accounts.journal_id and line.amount)
        if not lines:
            return
        rows = self.env['online.sync.transaction'].search([
            ('account_id', 'in', accounts.ids), ('state', '=', 'imported'), ('date', 'in', lines.mapped('date')),
            ('amount', 'in', lines.mapped('amount'))])
        for line in lines:
            same = rows.filtered(lambda row, line=line: (
                (row.journal_id, row.date) == (line.journal_id, line.date)
                and line.currency_id.compare_amounts(row.amount, line.amount) == 0))
            if same:
                rows -= same[0]
                self.env['online.sync.issue']._raise_copied(line, same[0])

    def unlink(self):
        """A line that a user deleted stays deleted: the inbox remembers (law 3)."""
        rows = self.sudo().online_sync_transaction_id
        result = super().unlink()
        rows.exists()._remember_deleted()
        return result

    def action_open_online_sync_form(self):
        """Open the form, from the editable list."""
        self.ensure_one()
        view = self.env.ref('account_online_sync.view_bank_transaction_form')
        return {'type': 'ir.actions.act_window', 'res_model': self._name, 'res_id': self.id, 'views': [(view.id, 'form')]}

    def action_open_move(self):
        """Open the journal entry."""
        self.ensure_one()
        return {'type': 'ir.actions.act_window', 'res_model': 'account.move', 'res_id': self.move_id.id, 'views': [(False, 'form')]}

    def action_open_online_sync_transaction(self):
        """Open what the bank told."""
        self.ensure_one()
        return {'type': 'ir.actions.act_window', 'res_model': 'online.sync.transaction', 'res_id': self.online_sync_transaction_id.id,
                'views': [(False, 'form')]}

    def _online_sync_as_known(self):
        """The line as the engine knows a movement, to compare it with what the bank tells."""
        self.ensure_one()
        amount = Decimal(f'{self.amount:.{self.currency_id.decimal_places}f}')
        return identity.Known(
            id=self.id, status=BOOKED, date=self.date, amount=amount, currency=self.currency_id.name,
            fingerprint=identity.fingerprint(self.date, amount, self.currency_id.name, self.payment_ref or '', self.account_number or ''),
            text=identity.normalise_text(self.payment_ref), partner_account=identity.normalise_account(self.account_number))
