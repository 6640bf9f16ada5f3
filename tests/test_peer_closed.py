"""Two real Odoo databases keep the same books: documents that are cancelled, hashed, or in a closed period."""

from odoo.tests import tagged

from .peer_common import DAY
from .peer_documents_common import DocumentsCase


class PeerClosed(DocumentsCase):
    """What holds between this database and an Odoo of `series`."""

    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

    # -- cancelled, reset and posted again ----------------------------------------------------------------------------------------

    def test_cancelled_and_posted_again_where_documents_follow(self):
        self.with_documents()
        self.flow('invoice').follows = True
        invoice = self.invoice(100, self.taxes['out'])
        self.run_sync()
        number, there = invoice.name, self.twin(invoice)
        for own, steps in ((True, ('button_draft', 'button_cancel', 'button_draft', 'action_post')),
                           (False, ('button_draft', 'button_cancel', 'button_draft', 'action_post'))):
            for step in steps:
                if own:
                    getattr(invoice, step)()
                else:
                    self.there_do(step, there)
                self.runs()
                self.assertEqual(*self.state_of(invoice), f'{step} {own}')
                self.assertFalse(self.issues().mapped('summary'))
        self.assert_equal_there(invoice)
        self.assertEqual((invoice.name, self.move_there(there)['name']), (number, number))
        self.assert_quiet()
        self.assert_books_agree()

    def test_cancelled_here_and_posted_again_where_a_person_is_asked(self):
        self.with_documents()
        invoice = self.invoice(100, self.taxes['out'])
        self.run_sync()
        number = invoice.name
        invoice.button_draft()
        invoice.button_cancel()
        self.runs()
        self.assertEqual((self.state_of(invoice), self.issues().mapped('kind')), (('cancel', 'posted'), ['posted']))
        self.issues().action_keep_here()
        self.run_sync()
        self.assertEqual(self.state_of(invoice), ('cancel', 'cancel'))
        self.assert_quiet()
        invoice.button_draft()
        invoice.invoice_line_ids.price_unit = 110
        invoice.action_post()
        self.runs()
        self.assert_equal_there(invoice)
        self.assertEqual((invoice.name, self.move_there(self.twin(invoice))['name']), (number, number))
        self.assert_quiet()
        self.assert_books_agree()

    def test_cancelled_there_and_posted_again_where_a_person_is_asked(self):
        self.with_documents()
        invoice = self.invoice(100, self.taxes['out'])
        self.run_sync()
        there = self.twin(invoice)
        self.there_do('button_draft', there)
        self.there_do('button_cancel', there)
        self.runs()
        self.assertEqual((self.state_of(invoice), self.issues().mapped('kind')), (('posted', 'cancel'), ['posted']))
        self.there_do('button_draft', there)
        self.there_do('action_post', there)
        self.runs()
        self.assertEqual(self.state_of(invoice), ('posted', 'posted'))
        self.assertFalse(self.issues().mapped('summary'), "it is again as it was: there is nothing to be asked")
        self.there_do('button_draft', there)
        self.there_do('button_cancel', there)
        self.run_sync()
        self.issues().action_take_there()
        self.run_sync()
        self.assertEqual(self.state_of(invoice), ('cancel', 'cancel'))
        self.there_do('button_draft', there)
        self.there_do('action_post', there)
        self.runs()
        self.assert_equal_there(invoice)
        self.assert_quiet()
        self.assert_books_agree()

    # -- what may not be changed here ---------------------------------------------------------------------------------------------

    def test_a_hashed_document_here_stays_as_it_is(self):
        self.with_documents()
        self.company_data['default_journal_sale'].restrict_mode_hash_table = True
        for follows in (False, True):
            self.flow('invoice').follows = follows
            invoice = self.invoice(100)
            if not invoice.inalterable_hash:
                invoice.button_hash()
            self.run_sync()
            self.assertTrue(invoice.inalterable_hash)
            self.change_there(self.twin(invoice), 120)
            self.run_sync()
            if not follows:
                self.assertEqual(self.issues().mapped('kind'), ['posted'])
                self.issues().action_take_there()
                self.run_sync()
            self.runs()
            self.assertEqual((invoice.state, invoice.amount_total, bool(invoice.inalterable_hash)), ('posted', 100, True))
            move = self.move_there(self.twin(invoice))
            self.assertEqual((move['state'], float(move['amount_total'])), ('posted', 120), "nothing is lost")
            issue = self.issues('rejected')
            self.assertEqual(len(issue), 1, self.issues().mapped('summary'))
            self.assertIn(invoice.name, issue.summary)
            self.assertIn("could not be written here", issue.summary)
            self.assertRegex(issue.change_id.why, r'[A-Z].{20,}\.')
            self.change_there(self.twin(invoice), 100)
            self.runs()
            issue.filtered(lambda one: one.state == 'open').action_retry_change()
            self.run_sync()
            self.assertFalse(self.issues().mapped('summary'), "taken back there, it is settled")
            self.assert_books_agree()

    def test_a_hashed_entry_here_stays_as_it_is(self):
        self.with_documents('entry')
        self.flow('entry').follows = True
        self.company_data['default_journal_misc'].restrict_mode_hash_table = True
        entry = self.entry(30)
        if not entry.inalterable_hash:
            entry.button_hash()
        self.run_sync()
        there = self.twin(entry)
        self.there_do('button_draft', there)
        items = self.there('account.move.line', [('move_id', '=', there)], 'balance')
        self.write_there('account.move', there, line_ids=[[1, item['id'], {'balance': 2 * float(item['balance'])}] for item in items])
        self.there_do('action_post', there)
        self.runs()
        self.assertEqual((entry.state, entry.amount_total, float(self.move_there(there)['amount_total'])), ('posted', 30, 60))
        self.assertEqual(self.issues().mapped('kind'), ['rejected'], self.issues().mapped('summary'))
        self.assertIn(f"{entry.name} could not be written here", self.issues().summary.replace(f' ({entry.ref})', ''))
        self.there_do('button_draft', there)
        self.there_do('button_cancel', there)
        self.runs()
        self.assertEqual(entry.state, 'posted', "nor is it cancelled")
        self.assertEqual(self.issues().mapped('kind'), ['rejected'])

    # -- closed periods -----------------------------------------------------------------------------------------------------------

    LOCKED = '2026-03-15'

    def lock_there(self, kind, day=LOCKED):
        value = f"'{day}'" if day else 'NULL'
        self.peer.sql(f"UPDATE res_company SET {kind}_lock_date = {value}")

    def lock_here(self, kind, day=LOCKED):
        """A hard lock cannot be taken back, but in the database."""
        self.env.flush_all()
        self.env.cr.execute(f"UPDATE res_company SET {kind}_lock_date = %s WHERE id = %s", [day or None, self.company.id])
        self.env.invalidate_all()
        self.registry.clear_cache()

    def test_kinds_of_locks_there(self):
        self.with_documents()
        self.run_sync()
        for kind, free in (('hard', None), ('tax', 'untaxed'), ('sale', 'bill')):
            self.lock_there(kind)
            invoice = self.invoice(100, self.taxes['out'])
            other = self.invoice(50) if free == 'untaxed' else self.invoice(
                50, self.taxes['in'], move_type='in_invoice', ref='B') if free else None
            self.run_sync()
            self.assertFalse(self.twin(invoice), kind)
            self.assertIn('closed up to 2026-03-15', self.issues('rejected').summary)
            if other:
                self.assert_equal_there(other)
                self.assertEqual(self.move_there(self.twin(other))['date'], str(DAY))
            self.lock_there(kind, None)
            self.issues('rejected').action_retry_change()
            self.run_sync()
            self.assert_equal_there(invoice)
            self.assertEqual(self.move_there(self.twin(invoice))['date'], str(DAY))
            self.assertFalse(self.issues().mapped('summary'))
        self.assert_books_agree()

    def test_kinds_of_locks_here(self):
        self.with_documents()
        self.run_sync()
        for kind, free in (('hard', None), ('tax', 'untaxed'), ('sale', 'bill')):
            self.lock_here(kind)
            there = self.document_there('out_invoice', 100)
            other = self.document_there('out_invoice', 50, taxed=False) if free == 'untaxed' else self.document_there(
                'in_invoice', 50, ref='B') if free else None
            self.run_sync()
            self.assertFalse(self.twin_of('account.move', there), kind)
            self.assertIn('closed up to 2026-03-15', self.issues('rejected').summary)
            if other:
                self.assertEqual(self.twin_of('account.move', other).date, DAY)
                self.assert_equal_there(self.twin_of('account.move', other))
            self.lock_here(kind, None)
            self.issues('rejected').action_retry_change()
            self.run_sync()
            here = self.twin_of('account.move', there)
            self.assertEqual(here.date, DAY)
            self.assert_equal_there(here)
            self.assertFalse(self.issues().mapped('summary'))
        self.assert_books_agree()

    def test_a_posted_document_in_a_closed_period_is_not_opened(self):
        """It was changed, and another one cancelled, before the period was closed on the other side only."""
        self.with_documents()
        self.flow('invoice').follows = True
        invoice, gone = self.invoice(100), self.invoice(70)
        self.run_sync()
        self.lock_there('fiscalyear')
        invoice.button_draft()
        invoice.invoice_line_ids.price_unit = 120
        invoice.action_post()
        gone.button_draft()
        gone.button_cancel()
        self.runs()
        for move, amount in ((invoice, 100), (gone, 70)):
            there = self.move_there(self.twin(move))
            self.assertEqual((there['state'], float(there['amount_total']), there['date']), ('posted', amount, str(DAY)))
        self.assertEqual(self.issues().mapped('kind'), ['rejected'] * 2)
        self.assertEqual((invoice.state, invoice.amount_total, gone.state), ('posted', 120, 'cancel'))
        self.lock_there('fiscalyear', None)
        self.issues().action_retry_change()
        self.run_sync()
        self.assert_equal_there(invoice, gone)
        self.assert_quiet()
        self.assert_books_agree()

    def test_payments_entries_and_bank_transactions_in_a_period_that_is_closed_there(self):
        self.with_all()
        self.lock_there('fiscalyear')
        payment = self.env['account.payment'].create({
            'payment_type': 'inbound', 'partner_type': 'customer', 'partner_id': self.partner.id, 'amount': 40, 'date': DAY,
            'journal_id': self.bank.id})
        payment.action_post()
        line = self.env['account.bank.statement.line'].create({
            'journal_id': self.bank.id, 'date': DAY, 'amount': 12, 'payment_ref': 'rent'})
        mine = [(payment, 'account.payment'), (self.entry(), 'account.move'), (line, 'account.bank.statement.line')]
        self.runs()
        self.assertFalse(any(self.twin(record) for record, _model in mine))
        self.assertEqual([self.there(model, [], 'id') for _record, model in mine], [[], [], []], "nothing is booked on another day")
        self.assertEqual(len(self.issues('rejected')), 3)
        self.assertTrue(all('closed up to 2026-03-15' in one for one in self.issues().mapped('summary')))
        self.lock_there('fiscalyear', None)
        self.issues().action_retry_change()
        self.run_sync()
        for record, model in mine:
            self.assertEqual([row['date'] for row in self.there(model, [('id', '=', self.twin(record))], 'date')], [str(DAY)])
        self.assert_quiet()
        self.assert_books_agree()

    def test_payments_entries_and_bank_transactions_in_a_period_that_is_closed_here(self):
        self.with_all()
        self.lock_here('fiscalyear')
        journal = self.there('account.journal', [('type', '=', 'bank')], 'id')[0]['id']
        accounts = [self.twin(self.company_data[f'default_account_{name}']) for name in ('expense', 'revenue')]
        payment = self.create_there(
            'account.payment', payment_type='inbound', partner_type='customer', partner_id=self.twin(self.partner), amount=40,
            date=str(DAY), journal_id=journal)
        self.there_do('action_post', payment, 'account.payment')
        entry = self.create_there(
            'account.move', move_type='entry', date=str(DAY), journal_id=self.twin(self.company_data['default_journal_misc']),
            line_ids=[[0, 0, {'account_id': account, 'balance': balance}] for account, balance in zip(accounts, (9, -9), strict=True)])
        self.there_do('action_post', entry)
        line = self.create_there('account.bank.statement.line', journal_id=journal, date=str(DAY), amount=12, payment_ref='rent')
        theirs = [('account.payment', payment), ('account.move', entry), ('account.bank.statement.line', line)]
        self.runs()
        self.assertFalse(any(self.twin_of(model, id_) for model, id_ in theirs))
        self.assertEqual(self.env['account.move'].search_count([('company_id', '=', self.company.id)]), 0)
        self.assertEqual(len(self.issues('rejected')), 3)
        self.assertTrue(all('closed up to 2026-03-15' in one for one in self.issues().mapped('summary')))
        self.lock_here('fiscalyear', None)
        self.issues().action_retry_change()
        self.run_sync()
        self.assertEqual([self.twin_of(model, id_).date for model, id_ in theirs], [DAY] * 3)
        self.assert_quiet()
        self.assert_books_agree()


@tagged('post_install', '-at_install', 'peer18', 'one_series')
class TestPeerClosed18(PeerClosed):
    series = '18.0'


@tagged('post_install', '-at_install', 'peer19', 'one_series')
class TestPeerClosed19(PeerClosed):
    series = '19.0'
