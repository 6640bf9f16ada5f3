"""Two real Odoo databases keep the same books: bank transactions, and what settles them."""
from odoo import Command
from odoo.tests import tagged

from .peer_books_common import FLOWS, BooksCase
from .peer_common import DAY


class PeerBank(BooksCase):
    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

    def prepare(self):
        type(self).partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on(*FLOWS, 'bank_transaction')
        return self.run_sync()

    def bank_line(self, amount, **values):
        return self.env['account.bank.statement.line'].create({
            'journal_id': self.company_data['default_journal_bank'].id, 'date': DAY, 'amount': amount, 'payment_ref': 'paid',
            'partner_id': self.partner.id, **values})

    def settle(self, line, *parts):
        """Match a bank transaction with documents, as a reconciliation screen does it.

        :param parts: (journal item of a document, amount)
        """
        _liquidity, suspense, _other = line._seek_for_lines()
        rest = suspense.balance + sum(amount for _item, amount in parts)
        commands = [Command.create({
            'account_id': item.account_id.id, 'partner_id': self.partner.id, 'name': item.move_id.name, 'balance': -amount})
            for item, amount in parts]
        commands.append(Command.update(suspense.id, {'balance': rest}) if rest else Command.delete(suspense.id))
        line.move_id.with_context(force_delete=True, skip_readonly_check=True).write({'line_ids': commands})
        _liquidity, _suspense, own = line._seek_for_lines()
        for (item, _amount), mine in zip(parts, own, strict=True):
            (item | mine).reconcile()

    def receivable(self, invoice):
        return invoice.line_ids.filtered(lambda item: item.account_id.account_type == 'asset_receivable')

    def test_bank_transaction_that_pays_pays_there_too(self):
        invoice, other = self.invoice(100), self.invoice(60)
        line = self.bank_line(200)
        self.run_sync()
        self.assertTrue(self.twin(line))
        self.settle(line, (self.receivable(invoice), 100), (self.receivable(other), 60))
        self.assertEqual((invoice.amount_residual, other.amount_residual), (0, 0))
        self.runs()
        self.assertEqual((self.open_there(invoice), self.open_there(other)), (0, 0), self.issues().mapped('summary'))
        items = self.there('account.move.line', [('statement_line_id', '=', self.twin(line))], 'balance')
        self.assertEqual(sorted(float(row['balance']) for row in items), [-100, -60, -40, 200], "the rest waits in suspense")
        self.assert_quiet()
        found = self.env['online.sync.drift'].sudo()._compare(self.link, self.sides())
        self.assertFalse(found.line_ids.filtered(lambda one: one.status == 'differs'))
        line.action_undo_reconciliation()
        self.assertEqual(invoice.amount_residual, 100)
        self.runs()
        self.assertEqual((self.open_there(invoice), self.open_there(other)), (100, 60), self.issues().mapped('summary'))
        items = self.there('account.move.line', [('statement_line_id', '=', self.twin(line))], 'balance')
        self.assertEqual(sorted(float(row['balance']) for row in items), [-200, 200])
        self.assert_quiet()

    def test_bank_transaction_that_paid_before_it_crosses(self):
        invoice, line = self.invoice(100), self.bank_line(100)
        self.settle(line, (self.receivable(invoice), 100))
        self.runs()
        self.assertEqual(self.open_there(invoice), 0, self.issues().mapped('summary'))
        items = self.there('account.move.line', [('statement_line_id', '=', self.twin(line))], 'balance')
        self.assertEqual(sorted(float(row['balance']) for row in items), [-100, 100])
        self.assert_quiet()

    def test_settling_that_is_refused_at_first(self):
        if self.series != '18.0':
            self.skipTest("19.0 books on an archived account")
        account, line = self.company_data['default_account_expense'], self.bank_line(-7)
        line._seek_for_lines()[1].account_id = account
        self.close_there(account)
        self.run_sync()
        self.assertTrue(self.twin(line))
        self.assertIn('rejected', self.issues().mapped('kind'))
        self.close_there(account, False)
        self.retry_refused()
        items = self.there('account.move.line', [('statement_line_id', '=', self.twin(line))], 'account_id')
        self.assertIn(account.code, [self.code_there(row['account_id']) for row in items], self.issues().mapped('summary'))
        self.assertEqual(len(items), 2)
        self.assert_books_agree()

    def test_bank_transaction_that_pays_there_pays_here_too(self):
        invoice, line = self.invoice(100), self.bank_line(100)
        self.run_sync()
        items = self.there('account.move.line', [
            '|', ('move_id', '=', self.twin(invoice)), ('statement_line_id', '=', self.twin(line))],
            'account_id', 'statement_line_id', 'balance', 'move_id')
        receivable = next(row for row in items if not row['statement_line_id'] and float(row['balance']) > 0)
        suspense = next(row for row in items if row['statement_line_id'] and float(row['balance']) < 0)
        self.write_there('account.move.line', suspense['id'], account_id=receivable['account_id'])
        self.rpc.call('account.move.line', 'reconcile', [receivable['id'], suspense['id']])
        self.runs()
        self.assertEqual(invoice.amount_residual, 0, self.issues().mapped('summary'))
        self.assertEqual(sorted(line.move_id.line_ids.mapped('balance')), [-100, 100])
        self.assert_quiet()

    def test_bank_transaction_that_settles_a_payment(self):
        invoice = self.invoice(100)
        payment = self.pay(invoice, 100)
        line = self.bank_line(100)
        outstanding = payment.move_id.line_ids.filtered(lambda item: item.account_id == payment.outstanding_account_id)
        self.settle(line, (outstanding, 100))
        self.runs()
        there, = self.there('account.payment', [('id', '=', self.twin(payment))], 'is_matched')
        self.assertTrue(there['is_matched'], self.issues().mapped('summary'))
        self.assert_quiet()

    def test_comparison_sees_what_is_settled_on_one_side(self):
        self.invoice(100)
        line = self.env['account.bank.statement.line'].create({
            'journal_id': self.company_data['default_journal_bank'].id, 'date': DAY, 'amount': 100, 'payment_ref': 'paid',
            'partner_id': self.partner.id})
        self.run_sync()
        found = self.env['online.sync.drift'].sudo()._compare(self.link, self.sides())
        self.assertFalse(found.line_ids.filtered(lambda one: one.status == 'differs'), "the bank transaction is on both sides")
        _liquidity, suspense, _other = line._seek_for_lines()
        suspense.account_id = self.company_data['default_account_receivable']
        found = self.env['online.sync.drift'].sudo()._compare(self.link, self.sides())
        differing = found.line_ids.filtered(lambda one: one.status == 'differs')
        self.assertEqual(len(differing), 2)
        self.assertEqual({*differing.cause_ids.mapped('standing')}, {'waiting'}, "it is not what each side books for itself")
        self.assertEqual({*differing.cause_ids.mapped('res_id')}, {line.id})

    # -- what several people do at once ---------------------------------------------------------------------------------------------

    def items_of(self, line):
        rows = self.there('account.move.line', [('statement_line_id', '=', self.twin(line))], 'account_id', 'balance', 'partner_id', 'name')
        return sorted((self.code_there(row['account_id']), float(row['balance'])) for row in rows)

    def book_there(self, line, code, amount):
        """Somebody there lets an item on that account take the place of what is in suspense."""
        rows = self.there('account.move.line', [('statement_line_id', '=', self.twin(line)), ('balance', '=', -amount)], 'move_id')
        account, = self.there('account.account', [('code', '=', code)], 'id')
        self.write_there('account.move.line', rows[0]['id'], account_id=account['id'])

    def test_settled_otherwise_on_each_side_is_a_question(self):
        """Else one receipt would be booked on both accounts, in both books."""
        invoice, line = self.invoice(100), self.bank_line(100)
        self.run_sync()
        self.settle(line, (self.receivable(invoice), 100))
        revenue = self.company_data['default_account_revenue'].code
        self.book_there(line, revenue, 100)
        before = self.items_of(line)
        self.runs(2)
        self.assertEqual(self.items_of(line), before)
        self.assertEqual(len(line.move_id.line_ids), 2)
        self.assertIn('conflict', self.issues().mapped('kind'))
        self.issues().filtered(lambda issue: issue.kind == 'conflict').action_keep_here()
        self.runs()
        self.assertEqual(self.open_there(invoice), 0, self.issues().mapped('summary'))
        self.assertEqual(len(self.items_of(line)), 2)
        self.assertNotIn(revenue, [code for code, _balance in self.items_of(line)])
        self.assert_quiet()

    def test_undone_with_the_partner_that_came_with_it(self):
        invoice, line = self.invoice(100), self.bank_line(100, partner_id=False)
        self.run_sync()
        line.partner_id = self.partner
        self.settle(line, (self.receivable(invoice), 100))
        self.runs()
        self.assertEqual(self.open_there(invoice), 0, self.issues().mapped('summary'))
        twin, = self.there('account.bank.statement.line', [('id', '=', self.twin(line))], 'partner_id')
        self.assertEqual(twin['partner_id'], self.twin(self.partner))
        line.action_undo_reconciliation()
        line.partner_id = False
        self.assertEqual(invoice.amount_residual, 100)
        self.runs()
        self.assertEqual(self.open_there(invoice), 100, self.issues().mapped('summary'))
        self.assertEqual([balance for _code, balance in self.items_of(line)], [100, -100])
        self.assert_quiet()

    def test_partner_and_label_of_what_is_settled(self):
        """Odoo would take out what settles it."""
        invoice, line = self.invoice(100), self.bank_line(100, partner_id=False)
        self.settle(line, (self.receivable(invoice), 100))
        self.runs()
        self.assertEqual(self.open_there(invoice), 0)
        line.with_context(skip_account_move_synchronization=True).write({'payment_ref': 'paid in full', 'partner_id': self.partner.id})
        self.runs(2)
        self.assertEqual(self.open_there(invoice), 0, self.issues().mapped('summary'))
        bank, = self.there('account.move.line', [('statement_line_id', '=', self.twin(line)), ('balance', '=', 100)], 'name', 'partner_id')
        self.assertEqual((bank['name'], bank['partner_id']), ('paid in full', self.twin(self.partner)))
        self.assert_quiet()

    def test_matched_in_a_journal_that_is_left_out(self):
        other = self.company_data['default_journal_bank'].copy({'name': 'Second bank', 'code': 'BNK9'})
        self.flow('bank_transaction').journal_ids = other
        invoice, line = self.invoice(100), self.bank_line(100)
        self.settle(line, (self.receivable(invoice), 100))
        self.runs()
        self.assertFalse(self.twin(line))
        self.assertEqual(self.open_there(invoice), 100)
        self.assertFalse(self.issues().mapped('summary'))
        self.assertFalse(self.link.waiting_count)

    def test_grids_of_an_item_that_settles(self):
        """Changed alone, the item stays the part of its tax that it is."""
        tax, line = self.company_data['default_tax_purchase'], self.bank_line(-115)
        part = tax.invoice_repartition_line_ids.filtered(lambda one: one.repartition_type == 'tax')
        tag = self.env['account.account.tag'].create({'name': 'own grid', 'applicability': 'taxes'})
        self.rpc.call('account.account.tag', 'create', vals_list=[{'name': 'own grid', 'applicability': 'taxes'}])
        _liquidity, suspense, _other = line._seek_for_lines()
        account = self.company_data['default_account_expense'].id
        line.move_id.with_context(force_delete=True, skip_readonly_check=True, skip_invoice_sync=True).write({'line_ids': [
            Command.create({'account_id': account, 'balance': 100, 'name': 'meal', 'tax_ids': [Command.set(tax.ids)]}),
            Command.create({'account_id': account, 'balance': 15, 'name': 'tax', 'tax_repartition_line_id': part.id}),
            Command.delete(suspense.id)]})
        self.runs()
        there = self.there('account.move.line', [('statement_line_id', '=', self.twin(line)), ('balance', '=', 15)],
                           'tax_line_id', 'tax_tag_ids')
        self.assertTrue(there[0]['tax_line_id'], self.issues().mapped('summary'))
        own = line.move_id.line_ids.filtered(lambda item: item.balance == 15)
        own.with_context(skip_invoice_sync=True).tax_tag_ids = tag
        self.runs(2)
        after = self.there('account.move.line', [('id', '=', there[0]['id'])], 'tax_line_id', 'tax_tag_ids')
        self.assertEqual(after[0]['tax_line_id'], there[0]['tax_line_id'], self.issues().mapped('summary'))
        self.assertTrue(after[0]['tax_tag_ids'])
        self.assert_quiet()

    def test_a_field_of_what_settles_that_does_not_flow(self):
        """Refused in words, and nothing else stops."""
        self.flow('bank_transaction').field_ids.filtered(lambda field: field.name == 'items/account').direction = 'off'
        invoice, line = self.invoice(100), self.bank_line(100)
        self.settle(line, (self.receivable(invoice), 100))
        log = self.run_sync()
        self.assertFalse(log.error)
        self.assertIn('account', ' '.join(self.issues().filtered(lambda issue: issue.kind == 'rejected').mapped('summary')))
        self.assertEqual(self.twin(invoice) and self.open_there(invoice), 100)


@tagged('post_install', '-at_install', 'peer18')
class TestPeerBank18(PeerBank):
    series = '18.0'


@tagged('post_install', '-at_install', 'peer19')
class TestPeerBank19(PeerBank):
    series = '19.0'
