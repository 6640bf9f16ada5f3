"""Two real Odoo databases keep the same books: what had only been read in the code, not seen."""
import base64

from odoo import Command
from odoo.tests import tagged

from ..clients.odoo_shapes import INVOICES
from .peer_common import REFERENCES
from .peer_documents_common import DocumentsCase


class PeerProofs(DocumentsCase):
    """What holds between this database and an Odoo of `series`."""

    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

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
class TestPeerProofs18(PeerProofs):
    series = '18.0'


@tagged('post_install', '-at_install', 'peer19', 'one_series')
class TestPeerProofs19(PeerProofs):
    series = '19.0'
