"""Two real Odoo databases keep the same books: what had only been read in the code, not seen."""
import base64
from decimal import Decimal

from odoo import Command
from odoo.tests import tagged

from ..clients.odoo_shapes import INVOICES
from .peer_common import DAY, REFERENCES, PeerCase

#: What two copies of a document have in common.
TOLD = 'move_type', 'state', 'amount_untaxed', 'amount_tax', 'amount_total', 'amount_total_signed', 'amount_residual', 'ref'


def _plain(value):
    return float(value) if isinstance(value, Decimal) else value


class PeerProofs:
    """What holds between this database and an Odoo of `series`."""

    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

    at_first = REFERENCES

    def with_documents(self, *more):
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on(*REFERENCES, 'partner', 'invoice', *more)
        self.taxes = {'out': self.company_data['default_tax_sale'], 'in': self.company_data['default_tax_purchase']}

    def issues(self, *kinds):
        """Open questions; that the books differ is asked once a day, so only where it is meant."""
        return self.link.issue_ids.filtered(lambda issue: issue.state == 'open' and (
            issue.kind in kinds if kinds else issue.kind != 'books_differ'))

    def runs(self, count=2):
        for _number in range(count):
            self.run_sync()

    def move_there(self, id_, *names):
        move, = self.there('account.move', [('id', '=', id_)], 'name', 'date', *TOLD, *names)
        return move

    def assert_equal_there(self, *moves):
        for move in moves:
            there = self.move_there(self.twin(move))
            self.assertEqual([_plain(there[name]) for name in TOLD], [move[name] for name in TOLD], move.display_name)

    def assert_quiet(self):
        """All that is left to do is nothing, and nobody is asked."""
        self.run_sync()
        log = self.run_sync()
        self.assertEqual((log.created, log.updated, log.failed), (0, 0, 0), log.detail)
        self.assertFalse(self.issues().mapped('summary'))
        self.assertFalse(self.link.waiting_count)

    def assert_books_agree(self):
        """Both trial balances, as the two databases add them up."""
        self.env.flush_all()
        found = self.env['online.sync.drift'].sudo()._compare(self.link, self.sides())
        self.assertEqual(found.state, 'agree', found.summary)
        self.assertFalse(self.issues('books_differ'))

    def there_do(self, method, id_, model='account.move', **named):
        self.rpc.call(model, method, [id_], **named)

    def document_there(self, kind, amount=100, partner=0, post=True, taxed=True, **values):
        """A document of that kind, entered there."""
        use = 'sale' if kind.startswith('out') else 'purchase'
        taxes = [row['id'] for row in self.there('account.tax', [('type_tax_use', '=', use)], 'id')][:1] if taxed else []
        move = self.create_there(
            'account.move', move_type=kind, partner_id=partner or self.twin(self.partner), invoice_date=str(DAY), date=str(DAY),
            invoice_line_ids=[[0, 0, {'name': 'work', 'quantity': 2, 'price_unit': amount, 'tax_ids': [[6, 0, taxes]]}]], **values)
        if post:
            self.there_do('action_post', move)
        return move

    # -- totals that differ -------------------------------------------------------------------------------------------------------

    def correct_tax_there(self, move, amount):
        """Somebody corrects the tax of a bill by hand, as bookkeepers do where the vendor rounds in another way."""
        self.there_do('button_draft', move)
        line, = self.there('account.move.line', [('move_id', '=', move), ('display_type', '=', 'tax')], 'id')
        self.write_there('account.move', move, line_ids=[[1, line['id'], {'amount_currency': amount}]])
        self.there_do('action_post', move)

    def correct_tax(self, move, amount):
        move.button_draft()
        line = move.line_ids.filtered(lambda line: line.display_type == 'tax')
        move.line_ids = [Command.update(line.id, {'amount_currency': amount})]
        move.action_post()

    def test_totals_that_differ_are_a_question_until_they_are_equal_again(self):
        self.with_documents()
        bill = self.invoice(100, self.taxes['in'], move_type='in_invoice', ref='B-1')
        self.run_sync()
        self.assert_equal_there(bill)
        tax = bill.amount_tax
        self.correct_tax_there(self.twin(bill), tax + 0.01)
        self.run_sync()
        self.assertEqual((bill.state, self.move_there(self.twin(bill))['state']), ('posted', 'posted'))
        issue = self.issues()
        self.assertEqual(issue.mapped('kind'), ['totals'])
        for amount in (bill.amount_total, bill.amount_total + 0.01, tax, tax + 0.01):
            self.assertIn(f'{amount:.2f}', issue.summary)
        self.assertIn(bill.name, issue.summary)
        self.runs()
        self.assertEqual(self.issues(), issue, "asked once")
        self.correct_tax(bill, tax + 0.01)
        self.run_sync()
        self.assert_equal_there(bill)
        self.assertEqual(issue.state, 'done')
        self.assert_quiet()
        self.assert_books_agree()

    def test_totals_that_were_made_to_differ_here_are_asked_about_too(self):
        self.with_documents()
        bill = self.invoice(100, self.taxes['in'], move_type='in_invoice', ref='B-1')
        self.run_sync()
        tax = bill.amount_tax
        self.correct_tax(bill, tax - 0.02)
        self.run_sync()
        self.assertEqual(self.issues().mapped('kind'), ['totals'])
        self.assertIn(f'{tax - 0.02:.2f}', self.issues().summary)
        self.correct_tax(bill, tax)
        self.run_sync()
        self.assertFalse(self.issues())
        self.assert_equal_there(bill)

    # -- kinds of documents -------------------------------------------------------------------------------------------------------

    def test_receipts_and_credit_notes_from_here(self):
        self.with_documents()
        moves = [self.invoice(33.35, self.taxes[kind.partition('_')[0]], move_type=kind, ref=f'R {kind}')
                 for kind in INVOICES]
        self.run_sync()
        self.assert_equal_there(*moves)
        self.assertEqual({move.move_type: self.move_there(self.twin(move))['name'] for move in moves}, {
            move.move_type: move.name for move in moves})
        self.assert_quiet()
        self.assert_books_agree()

    def test_receipts_and_credit_notes_from_there(self):
        self.with_documents()
        self.run_sync()
        there = {kind: self.document_there(kind, 33.35, ref=f'R {kind}') for kind in INVOICES}
        self.run_sync()
        moves = {kind: self.twin_of('account.move', id_) for kind, id_ in there.items()}
        self.assert_equal_there(*moves.values())
        self.assertEqual({kind: move.name for kind, move in moves.items()}, {
            kind: self.move_there(id_)['name'] for kind, id_ in there.items()})
        self.assert_quiet()
        self.assert_books_agree()

    # -- documents that arrive as drafts ------------------------------------------------------------------------------------------

    def test_posted_there_by_a_person_what_arrived_as_a_draft(self):
        self.with_documents()
        self.flow('invoice').arrives_as = 'draft'
        invoice = self.invoice(100, self.taxes['out'])
        self.run_sync()
        there = self.move_there(self.twin(invoice))
        self.assertEqual((there['state'], there['name'], float(there['amount_total'])), ('draft', invoice.name, invoice.amount_total))
        self.assert_quiet()
        self.assertIn("is a draft there", self.issues('books_differ').summary)
        self.assertEqual((self.move_there(self.twin(invoice))['state'], invoice.state), ('draft', 'posted'), "a draft opens nothing")
        self.there_do('action_post', self.twin(invoice))
        self.run_sync()
        self.assert_equal_there(invoice)
        self.assertEqual(self.move_there(self.twin(invoice))['name'], invoice.name)
        self.assert_quiet()
        self.assert_books_agree()

    def test_posted_here_by_a_person_what_arrived_as_a_draft(self):
        self.with_documents()
        self.flow('invoice').arrives_as = 'draft'
        self.run_sync()
        there = self.document_there('in_invoice', 33.33, ref='B-1')
        self.run_sync()
        bill = self.twin_of('account.move', there)
        self.assertEqual((bill.state, bill.amount_total), ('draft', float(self.move_there(there)['amount_total'])))
        self.assert_quiet()
        bill.action_post()
        self.run_sync()
        self.assert_equal_there(bill)
        self.assert_quiet()
        self.assert_books_agree()

    def test_what_changes_after_it_arrived_as_a_draft(self):
        """Where it is posted a person is asked before it is changed, where it is a draft nobody is."""
        self.with_documents()
        self.flow('invoice').arrives_as = 'draft'
        invoice = self.invoice(100)
        self.run_sync()
        there = self.twin(invoice)
        invoice.button_draft()
        invoice.invoice_line_ids.price_unit = 120
        invoice.action_post()
        self.runs()
        self.assertEqual((self.move_there(there)['state'], float(self.move_there(there)['amount_total'])), ('draft', 120))
        self.assertFalse(self.issues().mapped('summary'))
        line, = self.there('account.move.line', [('move_id', '=', there), ('display_type', '=', 'product')], 'id')
        self.write_there('account.move', there, invoice_line_ids=[[1, line['id'], {'price_unit': 130}]])
        self.runs()
        self.assertEqual((invoice.state, invoice.amount_total), ('posted', 120))
        self.issues().action_keep_here()
        self.run_sync()
        self.assertEqual(float(self.move_there(there)['amount_total']), 120)
        self.there_do('action_post', there)
        invoice.ref = 'looked at again'
        self.run_sync()
        self.assert_equal_there(invoice)
        self.assert_quiet()

    def test_a_draft_that_is_posted_while_posted_ones_arrive_as_drafts(self):
        """`arrives_as` is about new documents: who posts a draft that both sides know posts it on both."""
        self.with_documents('entry')
        (self.flow('invoice') | self.flow('entry')).arrives_as = 'draft'
        invoice, entry = self.invoice(100, post=False), self.entry()
        self.run_sync()
        self.assertEqual(self.move_there(self.twin(entry))['state'], 'draft')
        self.assert_quiet()
        invoice.action_post()
        self.there_do('action_post', self.twin(entry))
        self.run_sync()
        self.assert_equal_there(invoice)
        self.assertEqual((self.move_there(self.twin(entry))['state'], entry.state), ('posted', 'posted'))
        self.assert_quiet()
        self.assert_books_agree()

    def entry(self, amount=29.5, post=True, **values):
        accounts = self.company_data['default_account_expense'], self.company_data['default_account_revenue']
        entry = self.env['account.move'].create({
            'move_type': 'entry', 'date': DAY, 'journal_id': self.company_data['default_journal_misc'].id, **values,
            'line_ids': [Command.create({'account_id': account.id, 'balance': balance})
                         for account, balance in zip(accounts, (amount, -amount), strict=True)]})
        if post:
            entry.action_post()
        return entry

    # -- one way ------------------------------------------------------------------------------------------------------------------

    def test_what_is_changed_there_stays_there_while_a_flow_only_sends(self):
        self.switch_on('partner', direction='push')
        here, theirs = self.env['res.partner'].create({'name': 'Acme', 'street': 'Main 1'}), self.create_there('res.partner', name='Blue')
        self.run_sync()
        there = self.twin(here)
        self.write_there('res.partner', there, phone='555', city='Boston')
        self.runs()
        self.assertFalse(self.twin_of('res.partner', theirs) or here.phone or here.city)
        here.street = 'Main 2'
        self.runs()
        row, = self.there('res.partner', [('id', '=', there)], 'street', 'phone', 'city')
        self.assertEqual((row['street'], row['phone'], row['city']), ('Main 2', '555', 'Boston'), "what nobody changed here stays there")
        self.assertFalse(here.phone or here.city)
        here.phone = '777'
        self.run_sync()
        self.assertEqual(self.there('res.partner', [('id', '=', there)], 'phone')[0]['phone'], '777', "what is changed here goes there")
        here.phone = False
        self.run_sync()
        self.rpc.call('res.partner', 'unlink', [there])
        for _list in range(2):
            self.flow('partner').listed_at = False
            self.run_sync()
        self.assertTrue(here.active, "what is deleted there stays here")

    def test_a_posted_document_that_was_changed_there_is_not_written_over_by_a_flow_that_only_sends(self):
        self.with_documents()
        self.flow('invoice').direction = 'push'
        invoice = self.invoice(100)
        self.run_sync()
        there = self.twin(invoice)
        self.change_there(there, 150)
        self.run_sync()
        self.assertEqual((invoice.state, invoice.amount_total), ('posted', 100))
        invoice.ref = 'order 7'
        self.runs()
        move = self.move_there(there)
        self.assertEqual((move['state'], float(move['amount_total']), move['ref']), ('posted', 150, 'order 7'))
        self.assertEqual((invoice.amount_total, self.issues().mapped('kind')), (100, ['totals']), "a person is told that they differ")
        invoice.button_draft()
        invoice.invoice_line_ids.price_unit = 120
        invoice.action_post()
        self.runs()
        self.assertEqual((float(self.move_there(there)['amount_total']), self.issues().mapped('kind')), (150, ['posted']))
        self.issues().action_keep_here()
        self.run_sync()
        self.assert_equal_there(invoice)
        self.assertFalse(self.issues().mapped('summary'))

    def change_there(self, move, price):
        """Somebody resets a document there to draft, changes its price and posts it again."""
        self.there_do('button_draft', move)
        line, = self.there('account.move.line', [('move_id', '=', move), ('display_type', '=', 'product')], 'id')
        self.write_there('account.move', move, invoice_line_ids=[[1, line['id'], {'price_unit': price}]])
        self.there_do('action_post', move)

    # -- files --------------------------------------------------------------------------------------------------------------------

    def files_there(self, move):
        return {row['name'] for row in self.there('ir.attachment', [('res_model', '=', 'account.move'), ('res_id', '=', move)], 'name')}

    def test_files_that_are_deleted_where_the_flow_says_so(self):
        self.with_documents('attachment')
        self.flow('attachment').archives = True
        invoice = self.invoice(100)
        files = self.env['ir.attachment'].create([
            {'name': name, 'res_model': 'account.move', 'res_id': invoice.id, 'datas': base64.b64encode(name.encode())}
            for name in ('one.txt', 'two.txt', 'three.txt')])
        self.run_sync()
        there = self.twin(invoice)
        self.assertEqual(self.files_there(there), {'one.txt', 'two.txt', 'three.txt'})
        files[0].unlink()
        self.run_sync()
        self.assertEqual(self.files_there(there), {'two.txt', 'three.txt'})
        self.rpc.call('ir.attachment', 'unlink', [self.twin(files[1])])
        for expected in (True, False):
            self.flow('attachment').listed_at = False
            self.run_sync()
            self.assertEqual(bool(files[1].exists()), expected, "only what two complete lists lack was deleted")
        self.assertTrue(files[2].exists())
        self.assertEqual(self.files_there(there), {'three.txt'})
        self.assert_quiet()

    # -- fields of lines ----------------------------------------------------------------------------------------------------------

    def field(self, flow, name):
        return self.flow(flow).field_ids.filtered(lambda field: field.name == name)

    def line_there(self, invoice, *names):
        line, = self.there('account.move.line', [('move_id', '=', self.twin(invoice)), ('display_type', '=', 'product')], *names)
        return line

    def test_who_wins_of_a_field_of_lines(self):
        self.with_documents()
        self.field('invoice', 'lines/unit_price').policy = 'local'
        self.field('invoice', 'lines/quantity').policy = 'remote'
        invoice = self.invoice(100, post=False)
        self.run_sync()
        line = self.line_there(invoice, 'id')
        invoice.invoice_line_ids.write({'price_unit': 110, 'quantity': 2, 'name': 'ours'})
        self.write_there('account.move', self.twin(invoice), invoice_line_ids=[
            [1, line['id'], {'price_unit': 120, 'quantity': 3, 'name': 'theirs'}]])
        self.run_sync()
        line = self.line_there(invoice, 'price_unit', 'quantity', 'name')
        self.assertEqual((line['price_unit'], line['quantity'], line['name']), (110, 3, 'theirs'))
        own = invoice.invoice_line_ids
        self.assertEqual((own.price_unit, own.quantity, own.name), (110, 3, 'ours'))
        issue = self.issues()
        self.assertEqual(issue.mapped('kind'), ['conflict'])
        self.assertRegex(issue.summary, 'Label: here .?ours.?, there .?theirs')
        issue.action_take_there()
        self.run_sync()
        self.assertEqual(own.name, 'theirs')
        self.assert_quiet()

    def test_values_of_new_lines_where_a_field_of_lines_does_not_flow(self):
        self.with_documents()
        self.field('invoice', 'lines/text').write({'direction': 'pull', 'default_value': 'as agreed'})
        self.field('invoice', 'lines/discount').write({'direction': 'off', 'default_value': '10'})
        invoice = self.invoice(100, post=False)
        self.run_sync()
        line = self.line_there(invoice, 'id', 'name', 'discount', 'price_unit')
        self.assertEqual((line['name'], line['discount'], line['price_unit']), ('as agreed', 10, 100))
        self.assertEqual((invoice.invoice_line_ids.name, invoice.invoice_line_ids.discount), ('work', 0))
        there = self.document_there('out_invoice', 50, post=False)
        invoice.invoice_line_ids.price_unit = 120
        self.run_sync()
        own, line = self.twin_of('account.move', there).invoice_line_ids, self.line_there(invoice, 'name', 'discount', 'price_unit')
        self.assertEqual((own.name, own.discount), ('work', 10), "a field that flows is what it is")
        self.assertEqual((line['name'], line['discount'], line['price_unit']), ('as agreed', 10, 120))
        self.assertEqual((invoice.invoice_line_ids.name, invoice.invoice_line_ids.discount), ('work', 0))
        self.assert_quiet()


    # -- cancelled, reset and posted again ----------------------------------------------------------------------------------------

    def state_of(self, invoice):
        return invoice.state, self.move_there(self.twin(invoice))['state']

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

    def with_all(self):
        self.with_documents('payment', 'entry', 'bank_transaction')
        self.bank = self.company_data['default_journal_bank']
        self.run_sync()

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


    # -- pairs --------------------------------------------------------------------------------------------------------------------

    def pair_by_hand(self, *names):
        """Switch flows on; a person says that all that is probable is the same."""
        for name in names:
            self.flow(name).direction = 'both'
        action = self.link.action_pair()
        pairing = self.env[action['res_model']].browse(action['res_id'])
        told = {(line.kind_id.flow_id.entity, line.res_id): (line.sureness, line.by) for line in pairing.line_ids}
        if pairing.open_count:
            pairing.action_yes_to_all()
        pairing.action_create_rest()
        pairing.action_confirm()
        return told

    def test_contacts_are_paired_by_their_company_number(self):
        here = self.env['res.partner'].create({'name': 'Acme Holding', 'is_company': True, 'company_registry': 'HRB 12-345'})
        there = self.create_there('res.partner', name='Acme', is_company=True, company_registry='hrb12345', city='Boston')
        other = self.create_there('res.partner', name='Bolt', is_company=True, company_registry='HRB 777')
        self.assertEqual(self.pair_by_hand('partner')['partner', here.id], ('exact', 'company id'))
        self.assertEqual(self.twin(here), there)
        self.run_sync()
        self.assertEqual(here.city, 'Boston')
        self.assertTrue(self.twin_of('res.partner', other))
        later = self.create_there('res.partner', name='Crane Ltd', is_company=True, company_registry='HRB 999')
        mine = self.env['res.partner'].create({'name': 'Crane', 'is_company': True, 'company_registry': 'HRB 999'})
        self.run_sync()
        self.assertEqual(self.twin(mine), later, "also what is entered on both sides later")

    def test_accounts_and_journals_that_are_only_probably_the_same(self):
        """Other codes, the same names: a person says so, and documents go to what was paired."""
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        account = self.env['account.account'].create({'code': '499777', 'name': 'Consulting', 'account_type': 'income'})
        journal = self.env['account.journal'].create({
            'code': 'CON', 'name': 'Consulting sales', 'type': 'sale', 'default_account_id': account.id})
        told = self.peer.shell(
            "account = env['account.account'].create({'code': '498111', 'name': 'consulting', 'account_type': 'income'})\n"
            "journal = env['account.journal'].create({'code': 'CS', 'name': 'Consulting  Sales', 'type': 'sale'})\n"
            "print('ids', account.id, journal.id)\nenv.cr.commit()")
        ids = [int(id_) for id_ in told.split('ids ')[1].split()]
        told = self.pair_by_hand(*REFERENCES, 'partner', 'invoice')
        self.assertEqual([told['account', account.id], told['journal', journal.id]], [('probable', 'name, type')] * 2)
        self.assertEqual([self.twin(account), self.twin(journal)], ids)
        invoice = self.invoice(100, journal_id=journal.id)
        self.assertEqual(invoice.invoice_line_ids.account_id, account)
        self.run_sync()
        self.assertEqual(self.move_there(self.twin(invoice), 'journal_id')['journal_id'], ids[1])
        line, = self.there('account.move.line', [('move_id', '=', self.twin(invoice)), ('display_type', '=', 'product')], 'account_id')
        self.assertEqual(line['account_id'], ids[0])
        self.assert_equal_there(invoice)
        self.assert_quiet()
        self.assert_books_agree()

    def test_a_currency_that_is_inactive_there(self):
        self.with_documents('currency')
        euro = self.env.ref('base.EUR')
        euro.active = True
        self.run_sync()
        self.peer.sql("UPDATE res_currency SET active = false WHERE name = 'EUR'")
        self.peer.kill()
        self.peer.serve()       # it keeps currencies in its memory
        invoice = self.invoice(100, currency_id=euro.id)
        self.runs()
        self.assertRegex(self.issues('rejected').summary, 'EUR.*[Aa]ctivate|inactive currency.*EUR')
        self.assertFalse(self.there('account.move', [('state', '=', 'posted')], 'id'))
        active, = self.there('res.currency', [('name', '=', 'EUR')], 'active')
        self.assertFalse(active['active'], "that is each side's own")
        currency, = self.there('res.currency', [('name', '=', 'EUR')], 'id')
        self.peer.shell(f"env['res.currency'].browse({currency['id']}).active = True\nenv.cr.commit()")
        self.issues('rejected').action_retry_change()
        self.run_sync()
        self.assertEqual(self.move_there(self.twin(invoice), 'currency_id')['currency_id'], currency['id'])
        self.assertEqual(float(self.move_there(self.twin(invoice))['amount_total']), 100)
        self.assertFalse(self.issues().mapped('summary'))

    def test_a_currency_that_is_inactive_here(self):
        self.with_documents('currency')
        euro = self.env.ref('base.EUR')
        euro.active = False
        self.run_sync()
        currency, = self.there('res.currency', [('name', '=', 'EUR')], 'id')
        self.peer.shell(f"env['res.currency'].browse({currency['id']}).active = True\nenv.cr.commit()")
        there = self.document_there('out_invoice', 50, currency_id=currency['id'])
        self.runs()
        self.assertRegex(self.issues('rejected').summary, 'EUR.*[Aa]ctivate|inactive currency.*EUR')
        self.assertFalse(self.env['account.move'].search([('company_id', '=', self.company.id), ('state', '=', 'posted')]))
        self.assertFalse(euro.active)
        euro.active = True
        self.issues('rejected').action_retry_change()
        self.run_sync()
        here = self.twin_of('account.move', there)
        self.assertEqual((here.state, here.currency_id, here.amount_total), ('posted', euro, float(self.move_there(there)['amount_total'])))
        self.assertFalse(self.issues().mapped('summary'))


@tagged('post_install', '-at_install', 'peer18', 'one_series')
class TestPeerProofs18(PeerProofs, PeerCase):
    series = '18.0'


@tagged('post_install', '-at_install', 'peer19', 'one_series')
class TestPeerProofs19(PeerProofs, PeerCase):
    series = '19.0'
