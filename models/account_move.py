from odoo import api, fields, models

from .import_batch import TIE, batch_of


class AccountMove(models.Model):
    _inherit = 'account.move'

    online_sync_line_count = fields.Integer(compute='_compute_online_sync_line_count')

    def _compute_online_sync_line_count(self):
        for move in self:
            move.online_sync_line_count = len(move._online_sync_paid_by()) if move.is_invoice(include_receipts=True) else 0

    def _online_sync_paid_by(self):
        """The bank transactions that paid it, also through a payment that was registered before."""
        return self._get_reconciled_statement_lines() | self._get_reconciled_payments().reconciled_statement_line_ids

    def action_open_online_sync_lines(self):
        """The bank transactions that paid this document."""
        self.ensure_one()
        lines = self._online_sync_paid_by()
        if len(lines) == 1:
            return lines.action_open_online_sync_form()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_bank_transactions')
        return {**action, 'domain': [('id', 'in', lines.ids)], 'context': {}}

    def unlink(self):
        """Deleting the entry deletes its bank transaction in the database, without asking its model."""
        rows = self.sudo().statement_line_ids.online_sync_transaction_id
        result = super().unlink()
        rows.exists()._remember_deleted()
        return result

    def write(self, vals):
        """Hold back what stock writes entry by entry, and do it for all of them before the next write that is meant for all."""
        batch = batch_of(self)
        if batch is None:
            return super().write(vals)
        if len(self) == 1 and self.id not in batch.tied and set(vals) == TIE and not vals['name'] and not self.name:
            batch.tied[self.id] = vals
            if len(batch.tied) == len(batch.vals_list):
                self._online_sync_tie(batch)
            return True
        if len(self) == 1 and self.id in batch.tied and set(vals) == {'checked'}:
            batch.checked.setdefault(vals['checked'], []).append(self.id)
            return True
        held, batch.checked = batch.checked, {}
        for checked, ids in held.items():
            self.browse(ids).write({'checked': checked})
        return super().write(vals)

    @api.model
    def _online_sync_tie(self, batch):
        """Tie the entries to their bank transactions: plain many2ones one by one, all that has consequences in one write."""
        moves, lines = self.browse(batch.tied), self.env['account.bank.statement.line'].browse(
            vals['statement_line_id'] for vals in batch.tied.values())
        plain = ['statement_line_id', 'partner_id']
        with self.env.protecting([self._fields[name] for name in plain], moves):
            for move, line in zip(moves, lines, strict=True):
                move.statement_line_id = line
                if line.partner_id:     # stock brings it from the items when it synchronizes bank transaction and entry
                    move.partner_id = line.partner_id
        moves.modified(plain)
        by_narration = {}
        for move in moves:
            by_narration.setdefault(batch.tied[move.id]['narration'], []).append(move.id)
        protected = [
            pair for line, line_vals in zip(lines, batch.vals_list, strict=True) for pair in self._get_protected_vals(line_vals, line)]
        with self.env.protecting(protected):
            for narration, ids in by_narration.items():
                self.browse(ids).write({'narration': narration, 'name': False})

    def _get_next_sequence_format(self):
        """The format of the last number given, as long as no number that was there before lies between the two days."""
        batch = batch_of(self)
        if batch is None or self.move_type != 'entry' or self.origin_payment_id:
            return super()._get_next_sequence_format()
        key = self.journal_id.id, self.date.year, self.date.month
        day, format_string, values = batch.formats.get(key, (None, '', {}))
        if day is None or day > self.date or any(day < taken <= self.date for taken in self._online_sync_taken_days(batch)):
            format_string, values = super()._get_next_sequence_format()
        batch.formats[key] = self.date, format_string, dict(values)
        return format_string, dict(values)

    def _online_sync_taken_days(self, batch):
        """Days on which entries of the journal had numbers before this batch, within the batch's days."""
        journal = self.journal_id
        if journal.id not in batch.taken:
            days = [move.date for move in self.browse(batch.tied) if move.journal_id == journal]
            self.env.cr.execute(
                """SELECT DISTINCT date FROM account_move
                    WHERE journal_id = %s AND date BETWEEN %s AND %s AND name NOT IN ('/', '') AND NOT id = ANY(%s)""",
                [journal.id, min(days, default=self.date), max(days, default=self.date), list(batch.tied)])
            batch.taken[journal.id] = [row[0] for row in self.env.cr.fetchall()]
        return batch.taken[journal.id]
