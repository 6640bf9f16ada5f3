"""Two real Odoo databases keep the same books: payments, journal entries, and which document pays which."""
import base64
import time
from decimal import Decimal
from unittest.mock import patch

from odoo import Command
from odoo.tests import tagged

from ..clients.books import ARCHIVED, Intent, Ref
from ..clients.errors import Rejected
from ..engine.plan import HERE, THERE
from ..models import online_sync_flow_gone, online_sync_flow_run
from .peer_common import DAY, REFERENCES, PeerCase


class PeerPaymentTests:
    """What holds between this database and an Odoo of `series`."""

    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

    at_first = REFERENCES

    def prepare(self):
        type(self).partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        type(self).bank = self.company_data['default_journal_bank']
        self.switch_on('partner', 'invoice', 'payment', 'entry', 'allocation')
        return self.run_sync()

    def payment(self, amount, post=True, **values):
        payment = self.env['account.payment'].create({
            'payment_type': 'inbound', 'partner_type': 'customer', 'partner_id': self.partner.id, 'amount': amount, 'date': DAY,
            'journal_id': self.bank.id, **values})
        if post:
            payment.action_post()
        return payment

    def match(self, *moves):
        """Match the open receivable and payable items of documents."""
        lines = self.env['account.move.line'].concat(*(move.line_ids for move in moves)).filtered(
            lambda line: line.account_id.account_type in ('asset_receivable', 'liability_payable') and not line.reconciled)
        lines.reconcile()
        return (lines.matched_debit_ids | lines.matched_credit_ids).filtered(lambda partial: {
            partial.debit_move_id.move_id, partial.credit_move_id.move_id} <= {*moves})

    def move_there(self, id_):
        move, = self.there('account.move', [('id', '=', id_)], 'name', 'state', 'amount_residual', 'payment_state', 'amount_total',
                           'amount_total_signed', 'invoice_currency_rate', 'currency_id', 'date', 'ref')
        return move

    def payment_there(self, payment):
        found, = self.there('account.payment', [('id', '=', self.twin(payment))], 'name', 'state', 'amount', 'memo', 'move_id', 'date',
                            'payment_type', 'partner_type', 'partner_id', 'currency_id')
        return found

    def open_there(self, id_):
        return float(self.move_there(id_)['amount_residual'])

    def assert_quiet(self):
        """All that is left to do is nothing."""
        self.run_sync()
        log = self.run_sync()
        self.assertEqual((log.created, log.updated, log.failed), (0, 0, 0), log.detail)
        changes = self.env['online.sync.change'].sudo().search([
            ('link_id', '=', self.link.id), ('state', 'in', ('blocked', 'failed', 'pending'))])
        self.assertFalse(changes, changes.mapped('why'))

    # -- payments -----------------------------------------------------------------------------------------------------------------

    def test_customer_payment_from_here_pays_the_invoice_there(self):
        invoice, payment = self.invoice(100), self.payment(100, memo='thank you')
        self.match(invoice, payment.move_id)
        self.assertEqual(invoice.payment_state, 'paid')
        self.run_sync()
        there = self.payment_there(payment)
        self.assertEqual((there['name'], there['memo'], float(there['amount'])), (payment.name, 'thank you', 100))
        self.assertEqual((there['payment_type'], there['partner_type']), ('inbound', 'customer'))
        self.assertEqual((there['partner_id'], str(there['date'])), (self.twin(self.partner), str(DAY)))
        self.assertIn(there['state'], ('in_process', 'paid'))
        self.assertTrue(there['move_id'])
        move = self.move_there(self.twin(invoice))
        self.assertEqual((move['payment_state'], float(move['amount_residual'])), ('paid', 0))
        self.assert_quiet()

    def pay_there(self, amount, partner, **values):
        journal = self.there('account.journal', [('type', '=', 'bank')], 'id')[0]['id']
        payment = self.create_there('account.payment', **{
            'payment_type': 'inbound', 'partner_type': 'customer', 'partner_id': partner, 'amount': amount, 'date': '2026-03-10',
            'journal_id': journal, **values})
        self.rpc.call('account.payment', 'action_post', [payment])
        return payment

    def match_there(self, move, payment):
        lines = self.there('account.move.line', [
            '|', ('move_id', '=', move), ('payment_id', '=', payment), ('reconciled', '=', False),
            ('account_id.account_type', 'in', ['asset_receivable', 'liability_payable'])], 'id')
        self.rpc.call('account.move.line', 'reconcile', [line['id'] for line in lines])

    def test_customer_payment_from_there_pays_the_invoice_here(self):
        invoice = self.invoice(100)
        self.run_sync()
        there = self.twin(invoice)
        payment = self.pay_there(100, self.twin(self.partner))
        self.match_there(there, payment)
        self.run_sync()
        here = self.twin_of('account.payment', payment)
        self.assertEqual((here.amount, here.partner_id, here.journal_id), (100, self.partner, self.bank))
        self.assertIn(here.state, ('in_process', 'paid'))
        self.assertEqual((invoice.payment_state, invoice.amount_residual), ('paid', 0))
        self.assertEqual(here.reconciled_invoice_ids, invoice)
        self.assert_quiet()

    def test_vendor_payment(self):
        bill = self.invoice(80, move_type='in_invoice', ref='B-1')
        payment = self.payment(80, payment_type='outbound', partner_type='supplier')
        self.match(bill, payment.move_id)
        self.run_sync()
        there = self.payment_there(payment)
        self.assertEqual((there['payment_type'], there['partner_type'], float(there['amount'])), ('outbound', 'supplier', 80))
        self.assertEqual(self.move_there(self.twin(bill))['payment_state'], 'paid')
        self.assert_quiet()

    def test_partial_payments_and_one_payment_for_two_invoices(self):
        first, second = self.invoice(100), self.invoice(50)
        part, rest = self.payment(30), self.payment(100)
        self.match(first, part.move_id)
        self.match(first, rest.move_id)
        self.match(second, rest.move_id)
        self.assertEqual((first.amount_residual, second.amount_residual), (0, 20))
        self.run_sync()
        self.assertEqual((self.open_there(self.twin(first)), self.open_there(self.twin(second))), (0, 20))
        self.assertEqual(self.move_there(self.twin(second))['payment_state'], 'partial')
        self.assert_quiet()

    def test_allocations_wait_for_each_other(self):
        """The later one of two fits only after the earlier one."""
        invoice, part, rest = self.invoice(100), self.payment(30), self.payment(100)
        self.run_sync()
        partials = self.match(invoice, part.move_id), self.match(invoice, rest.move_id)
        self.assertEqual([partial.amount for partial in partials], [30, 70])
        self.run_sync()
        self.assertEqual(self.move_there(self.twin(invoice))['payment_state'], 'paid')
        self.assert_quiet()

    def test_instalments(self):
        terms = self.env.ref('account.account_payment_term_advance_60days')
        self.assertTrue(self.twin(terms))
        invoice, payment = self.invoice(100, invoice_payment_term_id=terms.id), self.payment(30)
        late = invoice.line_ids.filtered(lambda line: line.account_id.account_type == 'asset_receivable').sorted('date_maturity')[-1]
        (late + payment.move_id.line_ids.filtered(lambda line: line.account_id == late.account_id)).reconcile()
        self.run_sync()
        items = self.there('account.move.line', [
            ('move_id', '=', self.twin(invoice)), ('account_id.account_type', '=', 'asset_receivable')], 'date_maturity', 'amount_residual')
        items.sort(key=lambda item: str(item['date_maturity']))
        self.assertEqual([float(item['amount_residual']) for item in items], [30, 40], "the first is open for as much, but is not meant")
        self.assert_quiet()

    def test_state_of_a_payment_follows(self):
        self.flow('payment').follows = True
        payment, draft = self.payment(10), self.payment(20, post=False)
        self.run_sync()
        self.assertEqual(self.payment_there(draft)['state'], 'draft')
        payment.action_draft()
        draft.action_post()
        self.run_sync()
        self.assertEqual(self.payment_there(payment)['state'], 'draft')
        self.assertIn(self.payment_there(draft)['state'], ('in_process', 'paid'))
        payment.amount = 12
        payment.action_post()
        draft.action_cancel()
        self.run_sync()
        there = self.payment_there(payment)
        self.assertIn(there['state'], ('in_process', 'paid'))
        self.assertEqual((float(there['amount']), there['name']), (12, payment.name))
        self.assertEqual(self.payment_there(draft)['state'], 'canceled')
        self.rpc.call('account.payment', 'action_cancel', [self.twin(payment)])
        self.run_sync()
        self.assertEqual(payment.state, 'canceled')
        self.assert_quiet()

    def test_a_draft_payment_whose_number_was_used_is_cancelled(self):
        """Odoo would delete its entry, which it may not where another number follows."""
        self.flow('payment').follows = True
        payment, _later = self.payment(10), self.payment(20)
        self.run_sync()
        payment.action_draft()
        self.run_sync()
        self.assertEqual(self.payment_there(payment)['state'], 'draft')
        payment.move_id.button_cancel()
        self.run_sync()
        self.assertEqual((payment.state, self.payment_there(payment)['state']), ('canceled', 'canceled'))
        payment.action_draft()
        payment.action_post()
        self.run_sync()
        there = self.payment_there(payment)
        self.assertIn(there['state'], ('in_process', 'paid'))
        self.assertEqual((there['name'], bool(there['move_id'])), (payment.name, True))
        self.assert_quiet()

    def test_state_of_a_payment_that_does_not_follow(self):
        payment = self.payment(10)
        self.run_sync()
        payment.action_cancel()
        self.run_sync()
        self.assertIn(self.payment_there(payment)['state'], ('in_process', 'paid'))

    def test_a_draft_payment_that_was_changed_there_gets_its_entry(self):
        """Odoo chooses the account of the entry on `create`, and forgets it with the next change."""
        payment = self.payment(50, post=False)
        self.run_sync()
        twin = self.twin(payment)
        payment.payment_type, payment.partner_type = 'outbound', 'supplier'
        self.run_sync()
        payment.action_post()
        self.run_sync()
        self.assertTrue(payment.move_id)
        there, = self.there('account.payment', [('id', '=', twin)], 'move_id', 'payment_type', 'state')
        self.assertEqual((there['payment_type'], bool(there['move_id'])), ('outbound', True))
        self.assert_quiet()

    def test_a_payment_for_which_there_is_no_account_is_not_posted(self):
        payment = self.payment(50, post=False)
        self.run_sync()
        payment.payment_type, payment.partner_type = 'outbound', 'supplier'
        self.run_sync()
        account = int(self.peer.sql("SELECT transfer_account_id FROM res_company"))
        self.peer.sql("UPDATE res_company SET transfer_account_id = NULL")
        payment.action_post()
        self.run_sync()
        there, = self.there('account.payment', [('id', '=', self.twin(payment))], 'move_id', 'state', 'outstanding_account_id')
        self.assertFalse(there['outstanding_account_id'])
        self.assertEqual((there['state'], there['move_id']), ('draft', False))
        issue, = self.link.issue_ids.filtered(lambda issue: issue.state == 'open')
        self.assertIn("no outstanding account", f'{issue.summary} {issue.blocks}')
        self.peer.sql(f"UPDATE res_company SET transfer_account_id = {account}")
        issue.action_retry_change()
        self.run_sync()
        there, = self.there('account.payment', [('id', '=', self.twin(payment))], 'move_id', 'state')
        self.assertTrue(there['move_id'])
        self.assertEqual(issue.state, 'done')
        self.assert_quiet()

    def test_number_of_a_payment_that_is_taken_there(self):
        payment = self.payment(10)
        other = self.pay_there(7, self.create_there('res.partner', name='Other'))
        self.assertEqual(self.there('account.payment', [('id', '=', other)], 'name')[0]['name'], payment.name)
        self.run_sync()
        there = self.payment_there(payment)
        self.assertNotEqual(there['name'], payment.name)
        self.assertEqual(there['memo'], payment.name)
        self.assertEqual(self.twin_of('account.payment', other).amount, 7)
        self.assert_quiet()

    # -- entries ------------------------------------------------------------------------------------------------------------------

    def entry(self, *lines, post=True, **values):
        """An entry of (account, balance, values of the item)."""
        entry = self.env['account.move'].create({
            'move_type': 'entry', 'date': DAY, 'journal_id': self.company_data['default_journal_misc'].id, **values,
            'line_ids': [Command.create({'account_id': account.id, 'balance': balance, **more}) for account, balance, more in lines]})
        if post:
            entry.action_post()
        return entry

    def test_entry_with_three_items_both_ways(self):
        expense, revenue = self.company_data['default_account_expense'], self.company_data['default_account_revenue']
        receivable = self.company_data['default_account_receivable']
        entry = self.entry((receivable, 70.5, {'partner_id': self.partner.id, 'name': 'to pay'}), (expense, 29.5, {}), (revenue, -100, {}),
                           ref='correction')
        self.run_sync()
        move = self.move_there(self.twin(entry))
        self.assertEqual((move['name'], move['state'], move['ref'], str(move['date'])), (entry.name, 'posted', 'correction', str(DAY)))
        self.assertEqual(float(move['amount_total']), entry.amount_total)
        items = self.there('account.move.line', [('move_id', '=', self.twin(entry))], 'account_id', 'balance', 'partner_id', 'name')
        self.assertEqual({(item['account_id'], float(item['balance'])) for item in items}, {
            (self.twin(receivable), 70.5), (self.twin(expense), 29.5), (self.twin(revenue), -100)})
        self.assertEqual([item['partner_id'] for item in items if item['name'] == 'to pay'], [self.twin(self.partner)])
        journal = self.there('account.journal', [('id', '=', self.twin(self.company_data['default_journal_misc']))], 'id')[0]['id']
        other = self.create_there('account.move', move_type='entry', date='2026-03-12', journal_id=journal, line_ids=[
            [0, 0, {'account_id': self.twin(account), 'balance': balance}] for account, balance in (
                (expense, 12.34), (receivable, 0.66), (revenue, -13))])
        self.rpc.call('account.move', 'action_post', [other])
        self.run_sync()
        here = self.twin_of('account.move', other)
        self.assertEqual((here.state, here.amount_total, sorted(here.line_ids.mapped('balance'))), ('posted', 13, [-13, 0.66, 12.34]))
        self.assert_quiet()

    def test_amounts_of_a_draft_entry_both_ways(self):
        expense, revenue = self.company_data['default_account_expense'], self.company_data['default_account_revenue']
        entry = self.entry((expense, 29.5, {}), (revenue, -29.5, {}), post=False)
        self.run_sync()
        items = self.there('account.move.line', [('move_id', '=', self.twin(entry))], 'balance')
        amounts = {1: 30.01, -1: -30.01}
        self.write_there('account.move', self.twin(entry), line_ids=[
            [1, item['id'], {'balance': amounts[1 if float(item['balance']) > 0 else -1]}] for item in items])
        self.run_sync()
        self.assertEqual(sorted(entry.line_ids.mapped('balance')), [-30.01, 30.01])
        entry.line_ids = [Command.update(line.id, {'balance': line.balance * 2}) for line in entry.line_ids]
        self.run_sync()
        items = self.there('account.move.line', [('move_id', '=', self.twin(entry))], 'balance')
        self.assertEqual(sorted(float(item['balance']) for item in items), [-60.02, 60.02])
        self.assert_quiet()

    def test_entry_pays_an_invoice(self):
        invoice = self.invoice(40)
        receivable = self.company_data['default_account_receivable']
        entry = self.entry((receivable, -40, {'partner_id': self.partner.id}), (self.company_data['default_account_expense'], 40, {}))
        self.match(invoice, entry)
        self.run_sync()
        self.assertEqual(self.open_there(self.twin(invoice)), 0)
        self.assert_quiet()

    # -- undone -------------------------------------------------------------------------------------------------------------------

    def test_unmatched_on_either_side(self):
        invoice, payment = self.invoice(100), self.payment(100)
        partial = self.match(invoice, payment.move_id)
        self.run_sync()
        there = self.twin(invoice)
        key = str(self.twin(partial))
        noted = self.env['online.sync.change'].sudo()
        partial.unlink()
        self.env.cr.precommit.run()
        self.assertTrue(noted.search([('flow_id', '=', self.flow('allocation').id), ('state', '=', 'pending')]))
        outcome, = self.sides()[THERE].write_records('allocation', [Intent('allocation', key, state=ARCHIVED)])
        self.assertFalse(outcome.error)
        self.assertEqual(self.open_there(there), 100)
        partial = self.match(invoice, payment.move_id)
        self.run_sync()
        self.assertEqual(self.open_there(there), 0, "it can be matched again")
        outcome, = self.sides()[HERE].write_records('allocation', [Intent('allocation', str(partial.id), state=ARCHIVED)])
        self.assertFalse(outcome.error)
        self.assertEqual(invoice.amount_residual, 100)

    def test_unmatched_here_is_unmatched_there(self):
        invoice, payment = self.invoice(100), self.payment(100)
        partial = self.match(invoice, payment.move_id)
        self.run_sync()
        there = self.twin(invoice)
        self.assertEqual(self.open_there(there), 0)
        partial.unlink()
        self.run_sync()
        self.assertEqual(self.open_there(there), 100)
        self.match(invoice, payment.move_id)
        self.run_sync()
        self.assertEqual(self.open_there(there), 0, "it can be matched again")
        self.assert_quiet()

    def test_unmatched_there_is_unmatched_here(self):
        invoice, payment = self.invoice(100), self.payment(100)
        partial = self.match(invoice, payment.move_id)
        self.run_sync()
        self.rpc.call('account.move', 'js_remove_outstanding_partial', [self.twin(invoice)], partial_id=self.twin(partial))
        self.assertEqual(invoice.amount_residual, 0)
        self.run_sync()
        self.assertEqual(invoice.amount_residual, 100)
        self.assert_quiet()
        self.assertEqual(self.open_there(self.twin(invoice)), 100, "it is not matched again")

    def refused(self):
        return self.link.issue_ids.filtered(lambda issue: issue.kind == 'rejected' and issue.state == 'open')

    def test_many_that_are_unmatched_there_at_once_are_a_question(self):
        invoices = [self.invoice(amount) for amount in (10, 20)]
        for invoice in invoices:
            self.match(invoice, self.payment(invoice.amount_total).move_id)
        self.run_sync()
        self.assertEqual([self.open_there(self.twin(invoice)) for invoice in invoices], [0, 0])
        lines = self.there('account.move.line', [('move_id', 'in', [self.twin(invoice) for invoice in invoices])], 'id')
        self.rpc.call('account.move.line', 'remove_move_reconcile', [line['id'] for line in lines])
        with patch.object(online_sync_flow_run, 'SUDDEN', 1), patch.object(online_sync_flow_gone, 'SUDDEN', 1):
            self.run_sync()
            self.assertEqual([invoice.amount_residual for invoice in invoices], [0, 0])
            issue, = self.link.issue_ids.filtered(lambda issue: issue.state == 'open')
            self.assertEqual(issue.kind, 'missing')
            issue.action_believe_missing()
            self.run_sync()
        self.assertEqual([invoice.amount_residual for invoice in invoices], [10, 20])
        self.assert_quiet()

    def test_payment_that_was_cancelled_there_is_posted_again(self):
        payment = self.payment(100)
        self.run_sync()
        there = self.twin(payment)
        for method in ('action_draft', 'action_cancel'):
            self.rpc.call('account.payment', method, [there])
        self.run_sync()
        issue = self.link.issue_ids.filtered(lambda issue: issue.state == 'open')
        self.assertEqual(issue.kind, 'posted')
        issue.action_keep_here()
        self.run_sync()
        self.assertIn(self.there('account.payment', [('id', '=', there)], 'state')[0]['state'], ('in_process', 'paid'))
        self.assert_quiet()

    def test_paid_on_both_sides_at_once_is_a_question(self):
        invoice = self.invoice(100)
        self.run_sync()
        mine, theirs = self.payment(100), self.pay_there(150, self.twin(self.partner))
        partial = self.match(invoice, mine.move_id)
        self.match_there(self.twin(invoice), theirs)
        self.run_sync()
        self.assertEqual(len(self.refused()), 2, "each side's match is refused by the other, and nothing is undone")
        self.assertIn(invoice.name, self.refused()[0].summary)
        self.assertEqual((invoice.amount_residual, self.open_there(self.twin(invoice))), (0, 0))
        changes = self.refused().change_id
        self.assertTrue(all(change.retry_at for change in changes))
        time.sleep(2)       # until then Odoo's seconds do not tell whether it changed again
        self.run_sync()
        before = changes.mapped('attempts')
        self.run_sync()
        self.assertEqual(changes.mapped('attempts'), before, "not at each run")
        partial.unlink()
        self.refused().action_retry_change()
        self.run_sync()
        self.assertFalse(self.refused())
        self.assertEqual((invoice.amount_residual, mine.is_reconciled), (0, False))
        self.assert_quiet()

    def test_match_of_what_is_posted_later(self):
        """The payment is held as a draft there; once somebody posts it, its match follows by itself."""
        self.flow('payment').arrives_as = 'draft'
        invoice, payment = self.invoice(100), self.payment(100)
        self.match(invoice, payment.move_id)
        self.run_sync()
        self.assertEqual(len(self.refused()), 1)
        self.rpc.call('account.payment', 'action_post', [self.twin(payment)])
        payment.memo = 'now'        # written there: what pays is looked at again
        self.run_sync()
        self.assertEqual(self.open_there(self.twin(invoice)), 0)
        self.assertFalse(self.refused())
        self.assert_quiet()

    def paid_invoice(self):
        invoice, payment = self.invoice(100), self.payment(100)
        self.match(invoice, payment.move_id)
        self.run_sync()
        self.run_sync()
        self.assertEqual(self.open_there(self.twin(invoice)), 0)
        return invoice, payment

    def test_a_paid_document_that_follows(self):
        """Whoever opened it while it is matched would undo its payment: it is unmatched, changed, and matched again, as it was here."""
        self.flow('invoice').follows = True
        invoice, payment = self.paid_invoice()
        (invoice.line_ids | payment.move_id.line_ids).remove_move_reconcile()       # 19.0 keeps it in a draft
        invoice.button_draft()
        invoice.invoice_line_ids.name = 'other work'
        invoice.action_post()
        self.match(invoice, payment.move_id)
        for _run in range(3):
            self.run_sync()
        self.assertEqual(invoice.amount_residual, 0)
        self.assertEqual(self.open_there(self.twin(invoice)), 0)
        lines = self.there('account.move.line', [('move_id', '=', self.twin(invoice)), ('display_type', '=', 'product')], 'name')
        self.assertEqual([line['name'] for line in lines], ['other work'])
        self.assertFalse(self.refused())
        self.assert_quiet()

    def test_a_paid_document_is_not_opened_for_a_change(self):
        """It is matched on the other side only: a person undoes that, or does not."""
        self.flow('invoice').follows = True
        invoice, payment = self.paid_invoice()
        self.flow('allocation').direction = 'off'
        invoice.button_draft()
        invoice.invoice_line_ids.name = 'other work'
        invoice.action_post()
        self.run_sync()
        self.run_sync()
        self.assertEqual(self.open_there(self.twin(invoice)), 0)
        self.assertIn('matched', self.refused().change_id.why)

    def test_opened_for_a_change_that_is_refused_and_not_posted_again(self):
        """A person is told that it is a draft now, and why."""
        bill = self.invoice(100, move_type='in_invoice')
        self.run_sync()
        there = self.twin(bill)
        bank = self.create_there('res.partner.bank', acc_number='111-1', partner_id=self.twin(self.partner))
        self.peer.sql(f'UPDATE account_move SET partner_bank_id = {bank} WHERE id = {there}')
        self.peer.sql(f'UPDATE res_partner_bank SET active = FALSE WHERE id = {bank}')
        outcome, = self.sides()[THERE].write_records('invoice', [Intent(
            'invoice', str(there), fields={'partner': Ref('partner', '99999999')}, reopens='posted')])
        self.assertIn('it is a draft now', outcome.error.message)
        self.assertEqual(self.move_there(there)['state'], 'draft')

    def test_a_currency_that_the_other_side_does_not_have(self):
        coin = self.env['res.currency'].create({'name': 'XQQ', 'symbol': 'q', 'rate_ids': [Command.create({'name': DAY, 'rate': 3})]})
        invoice = self.invoice(100, currency_id=coin.id)
        self.run_sync()
        self.assertFalse(self.twin(invoice))
        self.assertIn('no currency XQQ', self.refused().change_id.why)

    def test_matched_again_before_the_next_run(self):
        invoice, payment = self.paid_invoice()
        (invoice.line_ids | payment.move_id.line_ids).remove_move_reconcile()
        partial = self.match(invoice, payment.move_id)
        log = self.run_sync()
        self.assertFalse(log.failed, log.detail)
        self.assertTrue(self.twin(partial))
        self.assert_quiet()
        self.assertEqual((invoice.amount_residual, self.open_there(self.twin(invoice))), (0, 0))

    def test_two_equal_matches_of_one_payment(self):
        """Two instalments of one invoice, paid out of one payment, one after the other."""
        terms = self.env.ref('account.account_payment_term_advance_60days')
        invoice, payment = self.invoice(100, invoice_payment_term_id=terms.id), self.payment(60)
        items = invoice.line_ids.filtered(lambda line: line.account_id.account_type == 'asset_receivable').sorted('date_maturity')
        paid = payment.move_id.line_ids.filtered(lambda line: line.account_id.account_type == 'asset_receivable')
        for number, item in enumerate(items, 1):        # 30 of 30, and 30 of 70
            (item | paid).reconcile()
            self.run_sync()
            self.assertEqual(self.open_there(self.twin(invoice)), 100 - 30 * number)
        self.assert_quiet()

    def test_a_match_that_comes_to_another_amount_is_tried_once(self):
        """Odoo books an exchange difference and takes it back: each try leaves that behind."""
        self.with_euros(0.8)
        invoice, payment = self.invoice(100), self.payment(40, currency_id=self.euro.id)
        self.match(invoice, payment.move_id)
        self.run_sync()
        self.assertIn('another exchange rate', self.refused().change_id.why)
        before = len(self.there('account.move', [], 'id'))
        self.invoice(10)
        self.run_sync()
        self.run_sync()
        self.assertEqual(len(self.there('account.move', [], 'id')), before + 1)

    def test_skip_and_retry_take_along_what_waits(self):
        self.switch_on('product')
        product = self.env['product.product'].create({'name': 'Chair', 'barcode': '4006381333931'})
        stool = self.create_there('product.product', name='Stool', barcode='4006381333931')
        self.env['online.sync.alike'].sudo()._keep_apart(self.flow('product'), {(product.id, str(stool))})
        invoice = self.invoice(100, invoice_line_ids=[Command.create({
            'product_id': product.id, 'price_unit': 100, 'tax_ids': [Command.clear()]})])
        self.run_sync()
        changes = self.env['online.sync.change'].sudo().search([('link_id', '=', self.link.id)])
        refused = changes.filtered(lambda change: change.res_id == product.id and change.flow_id.entity == 'product')
        waiting = changes.filtered(lambda change: change.res_id == invoice.id and change.flow_id.entity == 'invoice')
        self.assertEqual((refused.state, waiting.state), ('failed', 'blocked'), waiting.why)
        issue = self.refused().filtered(lambda issue: issue.change_id == refused)
        self.assertIn('1', issue.blocks)
        issue.action_skip_change()
        self.assertEqual((refused.state, waiting.state, waiting.skipped_with_id), ('dropped', 'dropped', refused))
        self.assertIn('Chair', waiting.why)
        self.assertFalse(issue.filtered(lambda one: one.state == 'open'))
        product.barcode = False
        refused.action_retry()
        self.assertEqual(set((refused | waiting).mapped('state')), {'pending'})
        self.run_sync()
        self.assertEqual(self.move_there(self.twin(invoice))['state'], 'posted')

    def test_what_does_not_come_to_the_amount_is_refused_in_words(self):
        invoice, payment = self.invoice(100), self.payment(60)
        self.run_sync()
        other = self.pay_there(90, self.twin(self.partner))
        self.match_there(self.twin(invoice), other)
        self.match(invoice, payment.move_id)
        self.run_sync()
        change = self.env['online.sync.change'].sudo().search([
            ('flow_id', '=', self.flow('allocation').id), ('state', '=', 'failed')])
        self.assertTrue(change)
        self.assertTrue(any('60' in why and invoice.name in why for why in change.mapped('why')), change.mapped('why'))
        self.assertEqual(self.open_there(self.twin(invoice)), 10, "nothing was matched in part")

    def test_bank_transaction_that_pays_is_not_sent(self):
        invoice = self.invoice(100)
        line = self.env['account.bank.statement.line'].create({
            'journal_id': self.bank.id, 'date': DAY, 'payment_ref': invoice.name, 'amount': 100, 'partner_id': self.partner.id})
        _liquidity, suspense, _other = line._seek_for_lines()
        suspense.account_id = invoice.line_ids.filtered(lambda item: item.account_id.account_type == 'asset_receivable').account_id
        self.match(invoice, line.move_id)
        self.assertEqual(invoice.amount_residual, 0)
        self.run_sync()
        self.assertEqual(self.open_there(self.twin(invoice)), 100)
        self.assertFalse(self.twin(line.move_id))
        self.assert_quiet()

    # -- currencies ---------------------------------------------------------------------------------------------------------------

    def with_euros(self, rate):
        self.euro = self.env.ref('base.EUR')
        self.euro.active = True
        self.euro.rate_ids.filtered(lambda one: one.company_id == self.company).unlink()
        self.env['res.currency.rate'].create({
            'currency_id': self.euro.id, 'company_id': self.company.id, 'name': '2026-03-01', 'rate': rate})

    def attach(self, record, name='scan.txt', content=b'hello'):
        return self.env['ir.attachment'].create({
            'name': name, 'res_model': record._name, 'res_id': record.id, 'datas': base64.b64encode(content)})

    def files_there(self, model, id_):
        return {row['name']: (row['id'], base64.b64decode(row['datas'])) for row in self.there(
            'ir.attachment', [('res_model', '=', model), ('res_id', '=', id_), ('res_field', '=', False)], 'name', 'datas')}

    def test_attachments_of_documents(self):
        self.switch_on('attachment')
        invoice, payment = self.invoice(100), self.payment(100)
        scan = self.attach(invoice)
        self.attach(payment, 'slip.bin', bytes(range(256)) * 50)
        self.attach(self.partner, 'not a document.txt')
        self.run_sync()
        there = self.twin(invoice)
        self.assertEqual(self.files_there('account.move', there)['scan.txt'][1], b'hello')
        self.assertEqual(self.files_there('account.payment', self.twin(payment))['slip.bin'][1], bytes(range(256)) * 50)
        self.assertFalse(self.files_there('res.partner', self.twin(self.partner)))
        self.create_there('ir.attachment', name='theirs.txt', res_model='account.move', res_id=there,
                          datas=base64.b64encode(b'from there').decode())
        scan.datas = base64.b64encode(b'hello again')
        self.run_sync()
        theirs = self.env['ir.attachment'].search([
            ('res_model', '=', 'account.move'), ('res_id', '=', invoice.id), ('name', '=', 'theirs.txt')])
        self.assertEqual(theirs.raw, b'from there')
        self.assertEqual(self.files_there('account.move', there)['scan.txt'][1], b'hello again')
        self.assert_quiet()
        scan.unlink()
        self.run_sync()
        self.assertIn('scan.txt', self.files_there('account.move', there), "a file is only deleted where the flow says so")

    def test_a_file_that_is_too_large_holds_up_no_other(self):
        self.switch_on('attachment')
        invoice = self.invoice(100)
        self.run_sync()
        for name, content in (('large.bin', b'x' * 16_000_000), ('small.txt', b'small')):
            self.create_there('ir.attachment', name=name, res_model='account.move', res_id=self.twin(invoice),
                              datas=base64.b64encode(content).decode())
        self.run_sync()
        files = self.env['ir.attachment'].search([('res_model', '=', 'account.move'), ('res_id', '=', invoice.id)])
        self.assertIn('small.txt', files.mapped('name'))
        self.assertIn('larger than', self.refused().change_id.why)
        self.assertFalse(self.link.failure_count)

    def test_attachment_waits_for_nothing_and_comes_with_its_document(self):
        self.switch_on('attachment')
        flow = self.flow('invoice')
        flow.since = '2026-03-20'
        invoice = self.invoice(100)
        self.attach(invoice)
        self.run_sync()
        self.assertFalse(self.twin(invoice), "an attachment brings no document along")
        self.assert_quiet()
        flow.since = False
        self.run_sync()
        self.assertIn('scan.txt', self.files_there('account.move', self.twin(invoice)))

    def test_bank_transactions_where_only_one_side_has_the_feed(self):
        self.switch_on('bank_transaction')
        lines = self.env['account.bank.statement.line']
        line = lines.create({
            'journal_id': self.bank.id, 'date': DAY, 'amount': 120.5, 'payment_ref': 'INV 1', 'partner_id': self.partner.id})
        journal = self.there('account.journal', [('type', '=', 'bank')], 'id')[0]['id']
        there = self.create_there('account.bank.statement.line', journal_id=journal, date='2026-03-09', amount=-30, payment_ref='rent')
        self.run_sync()
        twin, = self.there('account.bank.statement.line', [('id', '=', self.twin(line))], 'amount', 'payment_ref', 'partner_id', 'state',
                           'date')
        self.assertEqual((float(twin['amount']), twin['payment_ref'], twin['partner_id'], twin['state'], str(twin['date'])),
                         (120.5, 'INV 1', self.twin(self.partner), 'posted', str(DAY)))
        here = self.twin_of('account.bank.statement.line', there)
        self.assertEqual((here.amount, here.payment_ref, here.journal_id, here.state), (-30, 'rent', self.bank, 'posted'))
        self.assert_quiet()
        line.write({'amount': 121, 'payment_ref': 'INV 1 corrected'})
        self.run_sync()
        twin, = self.there('account.bank.statement.line', [('id', '=', twin['id'])], 'amount', 'payment_ref')
        self.assertEqual((float(twin['amount']), twin['payment_ref']), (120.5, 'INV 1 corrected'), "what is booked is asked about")
        self.link.issue_ids.filtered(lambda issue: issue.kind == 'posted' and issue.state == 'open').action_keep_here()
        self.run_sync()
        twin, = self.there('account.bank.statement.line', [('id', '=', twin['id'])], 'amount')
        self.assertEqual(float(twin['amount']), 121)
        self.assert_quiet()
        line.unlink()
        self.run_sync()
        self.assertTrue(self.there('account.bank.statement.line', [('id', '=', twin['id'])], 'id'), "nothing is deleted there")
        self.assertTrue(self.link.issue_ids.filtered(lambda issue: issue.kind == 'gone' and issue.state == 'open'))

    def test_bank_transactions_do_not_come_beside_the_bank_s_own(self):
        self.switch_on('bank_transaction')
        feed = self.env['online.sync.link'].sudo().create({'provider': 'simplefin', 'company_id': self.company.id})
        self.env['online.sync.account'].sudo().create({
            'link_id': feed.id, 'external_id': 'A', 'name': 'Bank', 'currency_id': self.company.currency_id.id, 'journal_id': self.bank.id})
        journal = self.there('account.journal', [('type', '=', 'bank')], 'id')[0]['id']
        there = self.create_there('account.bank.statement.line', journal_id=journal, date='2026-03-09', amount=-30, payment_ref='rent')
        self.run_sync()
        self.assertFalse(self.twin_of('account.bank.statement.line', there))

    def test_bank_transactions_do_not_go_to_a_journal_with_a_feed_there(self):
        """Odoo says of a journal where its transactions come from."""
        self.switch_on('bank_transaction')
        line = self.env['account.bank.statement.line'].create({
            'journal_id': self.bank.id, 'date': DAY, 'amount': 120.5, 'payment_ref': 'INV 1'})
        self.peer.sql("UPDATE account_journal SET bank_statements_source = 'online_sync' WHERE type = 'bank'")
        self.run_sync()
        self.assertFalse(self.twin(line))
        self.assertIn('own bank feed', self.link.issue_ids.filtered(lambda issue: issue.kind == 'rejected').summary)
        self.peer.sql("UPDATE account_journal SET bank_statements_source = 'undefined' WHERE type = 'bank'")
        self.link.issue_ids.filtered(lambda issue: issue.kind == 'rejected').action_retry_change()
        self.run_sync()
        self.assertTrue(self.twin(line))

    def test_bank_transaction_that_both_sides_have_already(self):
        self.switch_on('bank_transaction')
        line = self.env['account.bank.statement.line'].create({
            'journal_id': self.bank.id, 'date': DAY, 'amount': 120.5, 'payment_ref': 'INV 1'})
        journal = self.there('account.journal', [('type', '=', 'bank')], 'id')[0]['id']
        there = self.create_there('account.bank.statement.line', journal_id=journal, date=str(DAY), amount=120.5, payment_ref='inv  1')
        other = self.create_there('account.bank.statement.line', journal_id=journal, date=str(DAY), amount=-7, payment_ref='CARD 4711')
        here = self.env['account.bank.statement.line'].create({
            'journal_id': self.bank.id, 'date': DAY, 'amount': -7, 'payment_ref': 'Coffee'})
        self.run_sync()
        self.assertEqual(self.twin(line), there)
        self.assertFalse(self.twin(here))
        self.link.issue_ids.filtered(lambda issue: issue.kind == 'alike').action_is_same()
        self.run_sync()
        self.assertEqual(self.twin(here), other)
        self.assertEqual(len(self.there('account.bank.statement.line', [], 'id')), 2)

    def test_bank_transaction_entered_here_when_it_had_come_already(self):
        self.switch_on('bank_transaction')
        self.run_sync()
        lines, journal = self.env['account.bank.statement.line'], self.there('account.journal', [('type', '=', 'bank')], 'id')[0]['id']
        there = self.create_there('account.bank.statement.line', journal_id=journal, date=str(DAY), amount=-7, payment_ref='CARD 4711')
        self.run_sync()
        came = self.twin_of('account.bank.statement.line', there)
        typed, other = lines.create([
            {'journal_id': self.bank.id, 'date': DAY, 'amount': -7, 'payment_ref': text} for text in ('card  4711', 'Coffee')])
        self.run_sync()
        asked = self.link.issue_ids.filtered(lambda issue: issue.state == 'open')
        self.assertEqual(asked.mapped('kind'), ['alike'])
        self.assertFalse(self.twin(typed), "it would be there twice")
        self.assertTrue(self.twin(other), "another text is another transaction")
        typed.unlink()
        self.run_sync()
        self.run_sync()
        self.assertFalse(self.link.issue_ids.filtered(lambda issue: issue.state == 'open') or self.link.waiting_count)
        self.assertEqual((self.twin(came), len(self.there('account.bank.statement.line', [], 'id'))), (there, 2))

    def test_invoice_and_payment_in_euros(self):
        """There is another rate there (1): the document's own goes with it, the payment has each side's."""
        self.with_euros(0.812345)
        invoice, payment = self.invoice(1234.56, currency_id=self.euro.id), self.payment(1234.56, currency_id=self.euro.id)
        partial = self.match(invoice, payment.move_id)
        self.assertEqual(invoice.amount_residual, 0)
        self.run_sync()
        move = self.move_there(self.twin(invoice))
        self.assertAlmostEqual(float(move['invoice_currency_rate']), invoice.invoice_currency_rate, 8)
        self.assertEqual((float(move['amount_total']), float(move['amount_total_signed'])), (1234.56, invoice.amount_total_signed))
        self.assertEqual((move['payment_state'], float(move['amount_residual'])), ('paid', 0))
        self.assertEqual(float(self.payment_there(payment)['amount']), 1234.56)
        there, = self.there('account.partial.reconcile', [('id', '=', self.twin(partial))], 'debit_amount_currency', 'exchange_move_id')
        self.assertEqual(float(there['debit_amount_currency']), 1234.56)
        self.assertTrue(there['exchange_move_id'], "its own exchange difference")
        self.assert_quiet()
        self.assertFalse(self.twin_of('account.move', there['exchange_move_id']), "which stays there")

    def test_books_that_are_kept_in_another_currency(self):
        """Amounts of documents are the same, each side's own books follow from its own rates."""
        self.peer.sql("UPDATE res_company SET currency_id = (SELECT id FROM res_currency WHERE name = 'EUR')")
        self.peer.sql("DELETE FROM res_currency_rate")
        self.peer.sql("INSERT INTO res_currency_rate (name, rate, currency_id, company_id) SELECT '2020-01-01', 2, id, "
                      "(SELECT id FROM res_company LIMIT 1) FROM res_currency WHERE name = 'USD'")
        self.link.action_disconnect()
        self.link = self.connect().sudo()
        self.assertEqual(self.link.peer_currency, 'EUR')
        self._pair((*REFERENCES, 'partner', 'invoice', 'payment', 'entry', 'allocation'))
        partners = self.flow('partner')
        partners._confirm_pairs(partners._find_pairs(self.sides()))     # those that only have the same name, too
        invoice, payment = self.invoice(100), self.payment(100)
        self.match(invoice, payment.move_id)
        self.run_sync()
        move = self.move_there(self.twin(invoice))
        self.assertEqual((float(move['amount_total']), float(move['amount_total_signed']), move['payment_state']), (100, 50, 'paid'))
        flow = self.flow('invoice')
        flow._check_fields(self.sides())
        self.assertIn('EUR', flow.field_ids.filtered(lambda field: field.name == 'rate').problem)
        self.assert_quiet()

    def test_invoice_in_euros_from_there(self):
        self.with_euros(0.5)
        self.run_sync()
        euro, = self.there('res.currency', [('name', '=', 'EUR')], 'id')
        partner = self.twin(self.partner)
        invoice = self.create_there('account.move', move_type='out_invoice', partner_id=partner, invoice_date='2026-03-10',
                                    currency_id=euro['id'], invoice_currency_rate=0.9123456, invoice_line_ids=[
                                        [0, 0, {'name': 'work', 'price_unit': 333.33, 'tax_ids': [[6, 0, []]]}]])
        self.rpc.call('account.move', 'action_post', [invoice])
        payment = self.pay_there(333.33, partner, currency_id=euro['id'])
        self.match_there(invoice, payment)
        self.run_sync()
        here, move = self.twin_of('account.move', invoice), self.move_there(invoice)
        self.assertAlmostEqual(here.invoice_currency_rate, float(move['invoice_currency_rate']), 8)
        self.assertEqual((here.amount_total, here.amount_total_signed), (333.33, float(move['amount_total_signed'])))
        self.assertEqual((here.payment_state, here.amount_residual), ('paid', 0))
        self.assertEqual(self.twin_of('account.payment', payment).amount, 333.33)
        self.assert_quiet()

    def test_entry_in_euros(self):
        self.with_euros(0.8)
        entry = self.entry(
            (self.company_data['default_account_expense'], 125, {'currency_id': self.euro.id, 'amount_currency': 99}),
            (self.company_data['default_account_revenue'], -125, {}))
        self.run_sync()
        items = self.there('account.move.line', [('move_id', '=', self.twin(entry))], 'balance', 'amount_currency')
        self.assertEqual({(float(item['balance']), float(item['amount_currency'])) for item in items}, {(125, 99), (-125, -125)})
        self.assert_quiet()

    def test_refusals_of_a_side(self):
        """What `write_records` says of allocations that cannot be: nothing is written, each has its sentence."""
        invoice = self.invoice(100, post=False)
        payment = self.payment(100)
        here = self.sides()[HERE]
        outcome, = here.write_records('allocation', [Intent('allocation', fields={
            'debit_invoice': Ref('invoice', str(invoice.id)), 'credit_payment': Ref('payment', str(payment.id)), 'amount': Decimal(100),
            'currency': 'USD'})])
        self.assertIsInstance(outcome.error, Rejected)
        self.assertIn('no item that can be matched', outcome.error.message)


@tagged('post_install', '-at_install', 'peer18')
class TestPeerPayments18(PeerPaymentTests, PeerCase):
    series = '18.0'


@tagged('post_install', '-at_install', 'peer19')
class TestPeerPayments19(PeerPaymentTests, PeerCase):
    series = '19.0'
