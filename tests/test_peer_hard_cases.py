"""Two real Odoo databases keep the same books: cases that are easy to get wrong."""
import base64
import time
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from ..clients.errors import Rejected, ServerFault
from ..clients.odoo_books import OdooSide
from ..models.local_access import LocalAccess
from .peer_common import REFERENCES, PeerCase
from .test_peer_wire import method_of


class PeerHardCases:
    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

    at_first = REFERENCES
    with_proxy = True
    spoil = None

    def setUp(self):
        super().setUp()
        self.proxy.choose = lambda path: self.spoil() if self.spoil else ''

    def issues(self):
        return self.link.issue_ids.filtered(lambda issue: issue.state == 'open')

    def with_invoices(self, *more):
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on(*REFERENCES, 'partner', 'invoice', *more)

    def runs(self, count=3):
        for _n in range(count):
            self.run_sync()

    def test_a_price_that_was_kept(self):
        one, two = self.env['product.product'].create([
            {'name': name, 'default_code': name, 'list_price': price, 'type': 'service', 'taxes_id': [Command.clear()]}
            for name, price in (('P1', 100), ('P2', 50))])
        self.with_invoices('product')
        self.run_sync()
        invoice = self.invoice(100, post=False)
        line = invoice.invoice_line_ids
        line.write({'product_id': one.id, 'price_unit': 100, 'name': 'work', 'tax_ids': [Command.clear()]})
        self.runs()
        line.write({'product_id': two.id, 'price_unit': 100, 'name': 'work', 'tax_ids': [Command.clear()]})
        self.runs()
        self.assertEqual(line.price_unit, 100)
        there, = self.there('account.move.line', [('move_id', '=', self.twin(invoice)), ('display_type', '=', 'product')], 'price_unit')
        self.assertEqual(there['price_unit'], 100)

    def test_an_accounting_date_that_was_kept(self):
        self.with_invoices()
        bill = self.invoice(100, post=False, move_type='in_invoice', ref='B1', invoice_date='2026-03-09', date='2026-04-20')
        self.run_sync()
        bill.write({'invoice_date': '2026-03-08', 'date': '2026-04-20'})
        self.runs()
        self.assertEqual(str(bill.date), '2026-04-20')
        self.assertEqual(self.there('account.move', [('id', '=', self.twin(bill))], 'date')[0]['date'], '2026-04-20')

    def test_terms_that_were_kept(self):
        self.with_invoices()
        terms = self.env['account.payment.term'].browse(self.flow('payment_term').binding_ids.mapped('res_id'))
        other = self.env['res.partner'].create({'name': 'Other', 'property_payment_term_id': terms[1].id})
        invoice = self.invoice(100, post=False, invoice_payment_term_id=terms[0].id)
        self.run_sync()
        invoice.write({'partner_id': other.id, 'invoice_payment_term_id': terms[0].id})
        self.runs()
        self.assertEqual(invoice.invoice_payment_term_id, terms[0])

    def test_account_of_a_posted_document(self):
        one, two = self.env['product.product'].create([
            {'name': name, 'default_code': name, 'list_price': 100, 'type': 'service', 'taxes_id': [Command.clear()]}
            for name in ('P1', 'P2')])
        self.with_invoices('product')
        self.flow('invoice').follows = True
        self.run_sync()
        income = self.env['account.account'].search([('account_type', '=', 'income_other')])
        other = self.flow('account').binding_ids.filtered(lambda pair: pair.res_id in income.ids)[-1:]
        self.write_there('product.product', self.twin(two), property_account_income_id=int(other.external_id))
        invoice = self.invoice(100, post=False)
        line, account = invoice.invoice_line_ids, invoice.invoice_line_ids.account_id
        line.write({'product_id': one.id, 'price_unit': 100, 'name': 'work', 'account_id': account.id, 'tax_ids': [Command.clear()]})
        invoice.action_post()
        self.run_sync()
        invoice.button_draft()
        line.write({'product_id': two.id, 'price_unit': 100, 'name': 'work', 'account_id': account.id, 'tax_ids': [Command.clear()]})
        invoice.action_post()
        self.runs()
        self.assertEqual(line.account_id, account)

    def test_a_line_is_added_once(self):
        self.with_invoices()
        invoice = self.invoice(100, post=False)
        self.run_sync()
        invoice.invoice_line_ids = [Command.create({'name': 'more', 'quantity': 1, 'price_unit': 10, 'tax_ids': [Command.clear()]})]
        lost = []
        self.spoil = lambda: lost.append(1) or 'answer_lost' if not lost and method_of(*self.proxy.heard[-1]) == 'write' else ''
        self.run_sync()
        self.spoil = None
        self.runs()
        self.assertEqual(invoice.amount_total, 110)

    def test_deleted_here_and_brought_back_there(self):
        self.switch_on('partner')
        here = self.env['res.partner'].create({'name': 'Phoenix', 'email': 'p@example.com'})
        self.run_sync()
        twin = self.twin(here)
        here.unlink()
        self.run_sync()
        self.write_there('res.partner', twin, active=True)
        self.runs()
        self.assertTrue(self.there('res.partner', [('id', '=', twin)], 'active')[0]['active'])
        self.assertTrue(self.twin_of('res.partner', twin).exists())

    def fall_back(self):
        """A contact there whose state is an older one, as after a backup was restored."""
        self.switch_on('partner')
        here = self.env['res.partner'].create({'name': 'Acme', 'phone': '1'})
        self.run_sync()
        here.phone = '2'
        self.run_sync()
        time.sleep(2.5)
        self.run_sync()
        self.peer.sql(f"UPDATE res_partner SET phone = '1', write_date = write_date - interval '3 days' WHERE id = {self.twin(here)}")
        self.flow('partner').listed_at = False
        self.run_sync()
        self.assertEqual(here.phone, '2')
        return here

    def phone_there(self, here):
        return self.there('res.partner', [('id', '=', self.twin(here))], 'phone')[0]['phone']

    def test_an_older_state_is_no_change(self):
        here = self.fall_back()
        here.street = 'Main 1'
        self.runs(2)
        self.assertEqual((here.phone, self.phone_there(here)), ('2', '1'), "nothing crosses until it is known whose state holds")
        self.assertEqual(self.issues().mapped('kind'), ['older'])
        self.issues().action_older_ours()
        self.runs(2)
        self.assertEqual((here.phone, self.phone_there(here)), ('2', '2'))
        self.assertEqual(self.there('res.partner', [('id', '=', self.twin(here))], 'street')[0]['street'], 'Main 1')
        self.assertFalse(self.issues() or self.link.waiting_count or self.flow('partner').older_wins)

    def test_an_older_state_that_is_wanted(self):
        here = self.fall_back()
        self.issues().action_older_theirs()
        self.runs(2)
        self.assertEqual((here.phone, self.phone_there(here)), ('1', '1'))
        self.assertFalse(self.issues() or self.link.waiting_count)

    def test_ours_is_refused_there(self):
        here = self.fall_back()
        self.peer.sql("CREATE FUNCTION refuse() RETURNS trigger AS $$BEGIN RAISE EXCEPTION 'not today'; END$$ LANGUAGE plpgsql")
        self.peer.sql("CREATE TRIGGER refuse BEFORE UPDATE ON res_partner FOR EACH ROW WHEN (NEW.phone = '2') EXECUTE FUNCTION refuse()")
        self.issues().action_older_ours()
        for _day in range(2):
            self.flow('partner').listed_at = False
            self.runs(2)
            self.assertEqual((here.phone, self.phone_there(here)), ('2', '1'), "what was refused there is not taken back here")
            self.assertEqual(self.issues().mapped('kind'), ['rejected'], "what was said holds, and why it could not be done is told")
        self.peer.sql("DROP TRIGGER refuse ON res_partner")
        self.issues().action_retry_change()
        self.runs(2)
        self.assertEqual((here.phone, self.phone_there(here)), ('2', '2'))
        self.assertFalse(self.issues() or self.link.waiting_count)

    def test_a_record_without_a_date_of_change(self):
        self.switch_on('partner')
        self.run_sync()
        self.env.cr.execute("""INSERT INTO res_partner (name, complete_name, active, type, autopost_bills)
                               VALUES ('By hand', 'By hand', true, 'contact', 'ask')""")
        self.env.invalidate_all()
        self.flow('partner').checked_here_at = False
        self.assertFalse(self.run_sync().error)

    def test_deleted_there_not_archived_here_and_used(self):
        self.with_invoices()
        self.flow('partner').archives = False
        here = self.env['res.partner'].create({'name': 'Phoenix'})
        self.run_sync()
        self.rpc.call('res.partner', 'unlink', [self.twin(here)])
        for _list in range(2):
            self.flow('partner').listed_at = False
            self.run_sync()
        invoice = self.invoice(100, partner_id=here.id)
        self.runs()
        self.assertTrue(self.twin(invoice))
        self.assertFalse(self.issues().mapped('summary'))

    def test_a_decision_is_about_what_was_seen(self):
        self.switch_on('partner')
        here = self.env['res.partner'].create({'name': 'Acme', 'street': '0'})
        self.run_sync()
        here.street = 'A'
        self.write_there('res.partner', self.twin(here), street='B')
        self.run_sync()
        self.issues().action_take_there()
        here.street = 'C'       # the line is down meanwhile
        self.run_sync()
        self.assertEqual(here.street, 'C')

    def test_a_file_that_could_not_be_read(self):
        self.with_invoices('attachment')
        invoice = self.invoice(100)
        file = self.env['ir.attachment'].create({'name': 'scan.txt', 'raw': b'one', 'res_model': 'account.move', 'res_id': invoice.id})
        self.run_sync()
        file.raw = b'two'
        original = OdooSide.read_records

        def refusing(side, entity, keys, names=None, **more):
            if names and 'content' in names:
                raise Rejected("too large")
            return original(side, entity, keys, names, **more)
        with patch.object(OdooSide, 'read_records', refusing):
            self.run_sync()
        self.issues().action_retry_change()
        self.runs()
        self.assertEqual(base64.b64decode(self.there('ir.attachment', [('id', '=', self.twin(file))], 'datas')[0]['datas']), b'two')

    def test_what_waits_and_was_deleted_waits_no_longer(self):
        self.with_invoices()
        account = self.env['account.account'].create({'code': '499777', 'name': 'Consulting', 'account_type': 'income'})
        invoice = self.invoice(100, post=False, invoice_line_ids=[Command.create({
            'name': 'work', 'quantity': 1, 'price_unit': 100, 'account_id': account.id, 'tax_ids': [Command.clear()]})])
        self.run_sync()
        invoice.unlink()
        self.runs()
        self.assertFalse(self.link.waiting_count)

    def test_deleted_here_and_cancelled_there_by_a_person(self):
        self.with_invoices()
        invoice = self.invoice(100)
        self.run_sync()
        twin = self.twin(invoice)
        invoice.button_draft()
        invoice.with_context(force_delete=True).unlink()
        self.run_sync()
        self.assertEqual(self.issues().mapped('kind'), ['gone'])
        self.rpc.call('account.move', 'button_cancel', [twin])
        self.runs(2)
        self.assertFalse(self.issues().mapped('summary'))

    def bill(self, **values):
        return self.invoice(100, move_type='in_invoice', ref='E-3000', **values)

    def bill_there(self):
        """The same bill, entered and posted there."""
        acme, = self.there('res.partner', [('name', '=', 'Acme')], 'id')
        bill = self.create_there(
            'account.move', move_type='in_invoice', ref='E-3000', partner_id=acme['id'], invoice_date='2026-03-10', date='2026-03-10',
            invoice_line_ids=[[0, 0, {'name': 'work', 'quantity': 1, 'price_unit': 100, 'tax_ids': [[5, 0, 0]]}]])
        self.rpc.call('account.move', 'action_post', [bill])
        return bill

    def typed_twice(self):
        """(id there, what came of it here, the same one entered here meanwhile): a question about the last one."""
        self.with_invoices()
        self.run_sync()
        there = self.bill_there()
        self.run_sync()
        own = self.bill()
        self.run_sync()
        self.assertEqual(self.issues().mapped('kind'), ['alike'])
        return there, self.twin_of('account.move', there), own

    def test_entered_there_while_a_run_creates_it_there(self):
        self.with_invoices()
        self.run_sync()
        here, theirs = self.bill(), []

        def meanwhile():
            if not theirs and method_of(*self.proxy.heard[-1]) == 'load' and b'E-3000' in self.proxy.heard[-1][1]:
                theirs.append(self.bill_there())
            return ''
        self.spoil = meanwhile
        self.run_sync()
        self.spoil = None
        self.flow('invoice').change_ids.filtered(lambda change: change.state == 'failed').write({'retry_at': '2026-01-01'})
        self.runs()
        self.assertEqual(self.env['account.move'].search_count([('ref', '=', 'E-3000')]), 1, "it is not here twice")
        states = self.there('account.move', [('ref', '=', 'E-3000')], 'state')
        self.assertEqual([row['state'] for row in states], ['posted', 'posted'], self.issues().mapped('summary'))
        self.assertEqual(self.issues().mapped('kind'), ['alike'])
        with self.assertRaises(UserError):
            self.issues().action_is_same()
        self.rpc.call('account.move', 'button_draft', theirs)
        self.rpc.call('account.move', 'unlink', theirs, context={'force_delete': True})
        self.runs(2)
        self.assertFalse(self.issues() or self.link.waiting_count)
        self.assertEqual(self.twin_of('account.move', self.twin(here)), here)

    def test_entered_here_while_a_run_creates_it_here(self):
        self.with_invoices()
        self.run_sync()
        there = self.bill_there()
        self.run_sync()
        own = self.bill()
        told = self.env['online.sync.dry.run']._of(self.link).line_ids.filtered(lambda line: 'E-3000' in (line.title or ''))
        self.assertEqual(told.mapped('kind'), ['blocked'], "a dry run says that it is asked about")
        self.runs(2)
        self.assertEqual(len(self.there('account.move', [('ref', '=', 'E-3000')], 'id')), 1, "it is not there twice")
        self.assertEqual(self.issues().mapped('kind'), ['alike'])
        own.button_draft()
        own.button_cancel()
        self.runs(2)
        self.assertFalse(self.issues() or self.link.waiting_count)
        self.assertEqual(self.twin_of('account.move', there).state, 'posted')

    def test_two_bills_of_one_day(self):
        self.with_invoices()
        self.run_sync()
        self.bill_there()
        self.run_sync()
        own = self.bill()
        own.ref = 'E-3001'
        self.run_sync()
        self.assertTrue(self.twin(own), "the vendor's number tells them apart")
        self.assertFalse(self.issues())

    def test_entered_twice_and_meant(self):
        _there, _first, own = self.typed_twice()
        self.issues().action_is_other()
        self.runs(2)
        self.assertFalse(self.issues() or self.link.waiting_count)
        self.assertTrue(self.twin(own))

    def test_a_record_that_cannot_be_read(self):
        self.with_invoices()
        odd, good = self.invoice(100, post=False), self.invoice(50, post=False)
        self.run_sync()
        for database, move in ((self.peer.sql, self.twin(odd)), (self.env.cr.execute, odd.id)):
            self.env.flush_all()
            database(f"UPDATE account_move SET state = 'approval', write_date = now() at time zone 'UTC' WHERE id = {move}")
            self.env.invalidate_all()
            good.ref = f'{move}'
            odd.ref = 'odd'
            self.env.flush_all()
            log = self.run_sync()
            self.assertFalse(log.error)
            self.assertEqual(self.there('account.move', [('id', '=', self.twin(good))], 'ref')[0]['ref'], good.ref)
            issue = self.issues()
            self.assertEqual(issue.mapped('kind'), ['rejected'])
            self.assertIn("that only an addon knows", issue.summary)
            database(f"UPDATE account_move SET state = 'draft', write_date = now() at time zone 'UTC' WHERE id = {move}")
            self.env.invalidate_all()
            issue.action_retry_change()
            self.runs(2)
            self.assertFalse(self.issues() or self.link.waiting_count)
            self.assertEqual(self.there('account.move', [('id', '=', self.twin(odd))], 'ref')[0]['ref'], 'odd')

    def test_what_may_be_the_same_cannot_be_read(self):
        """It waits, and what is like nothing of the other side crosses."""
        self.switch_on('partner')
        there = self.create_there('res.partner', name='Odd', email='odd@example.com')
        here, good = self.env['res.partner'].create([{'name': 'Odd', 'email': 'odd@example.com'}, {'name': 'Good'}])
        original = OdooSide._read_page

        def failing(side, entity, shape, ids, names):
            if not isinstance(side.access, LocalAccess) and there in ids:
                raise ServerFault("An addon failed at it.")
            return original(side, entity, shape, ids, names)
        with patch.object(OdooSide, '_read_page', failing):
            self.flow('partner')._find_pairs(self.sides())
            log = self.run_sync()
        self.assertFalse(log.error)
        self.assertTrue(self.twin(good))
        self.assertFalse(self.twin(here))
        self.assertIn("cannot be read", ' '.join(self.issues().mapped('summary')))
        self.issues().action_retry_change()
        self.runs(2)
        self.assertEqual(self.twin(here), there)
        self.assertFalse(self.issues() or self.link.waiting_count)

    def test_an_addon_there_takes_a_line_into_approval(self):
        self.with_invoices()
        invoice = self.invoice(100, post=False)
        self.run_sync()
        twin = self.twin(invoice)
        self.peer.sql("CREATE FUNCTION approve() RETURNS trigger AS $$BEGIN UPDATE account_move SET state = 'approval' WHERE id = "
                      "NEW.move_id; RETURN NEW; END$$ LANGUAGE plpgsql")
        self.peer.sql("CREATE TRIGGER approve AFTER INSERT ON account_move_line FOR EACH ROW EXECUTE FUNCTION approve()")
        invoice.invoice_line_ids = [Command.create({'name': 'more', 'quantity': 1, 'price_unit': 10, 'tax_ids': [Command.clear()]})]
        self.run_sync()
        self.peer.sql("DROP TRIGGER approve ON account_move_line")
        self.peer.sql(f"UPDATE account_move SET state = 'draft' WHERE id = {twin}")
        line, = self.there('account.move.line', [('move_id', '=', twin), ('name', '=', 'more')], 'id')
        self.write_there('account.move.line', line['id'], price_unit=12)
        self.runs(3)
        there = self.there('account.move.line', [('move_id', '=', twin), ('display_type', '=', 'product')], 'name')
        self.assertEqual((len(invoice.invoice_line_ids), len(there)), (2, 2), "the line is nowhere twice")
        self.issues().filtered(lambda issue: issue.kind == 'rejected').action_retry_change()
        self.runs(2)
        self.assertEqual(self.issues().mapped('kind'), ['conflict'])

    def test_one_that_cannot_be_read_over_the_wire(self):
        self.switch_on('partner')
        odd, good = self.env['res.partner'].create([{'name': 'Acme'}, {'name': 'Bolt'}])
        self.run_sync()
        original = OdooSide._read_page

        def failing(side, entity, shape, ids, names):
            if not isinstance(side.access, LocalAccess) and self.twin(odd) in ids:
                raise ServerFault("An addon failed at it.")
            return original(side, entity, shape, ids, names)
        (odd | good).write({'phone': '1'})
        self.create_there('res.partner', name='Crane')
        with patch.object(OdooSide, '_read_page', failing):
            log = self.run_sync()
        self.assertFalse(log.error)
        self.assertEqual(self.there('res.partner', [('id', '=', self.twin(good))], 'phone')[0]['phone'], '1')
        self.assertTrue(self.env['res.partner'].search([('name', '=', 'Crane')]))
        self.assertEqual(self.issues().mapped('kind'), ['rejected'])
        self.issues().action_retry_change()
        self.runs(2)
        self.assertEqual(self.there('res.partner', [('id', '=', self.twin(odd))], 'phone')[0]['phone'], '1')
        self.assertFalse(self.issues() or self.link.waiting_count)

    def test_what_came_from_there_is_no_change_here(self):
        self.with_invoices()
        self.run_sync()
        self.bill_there()
        self.run_sync()
        self.assertTrue(self.env['account.move'].search([('ref', '=', 'E-3000')]))
        own = self.link.flow_ids.filtered(lambda flow: flow.entity == 'invoice').change_ids.filtered(lambda change: change.origin == 'here')
        self.assertFalse(own.mapped('crossed_words') or own)

    def test_what_is_refused_here_is_tried_once_a_run(self):
        self.switch_on('partner')
        here = self.env['res.partner'].create({'name': 'Acme', 'phone': '1'})
        self.run_sync()
        original, tries = type(here).write, []

        def refusing(partners, vals):
            original(partners, vals)
            if vals.get('phone') == '2':
                tries.append(1)
                raise ValidationError(self.env._("An addon says no."))
            return True
        self.write_there('res.partner', self.twin(here), phone='2')
        with patch.object(type(here), 'write', refusing):
            self.run_sync()
            self.issues().action_retry_change()
            tries.clear()
            self.runs(2)
        self.assertLessEqual(len(tries), 4, "a refusal is no change that is sent again")     # twice where its version is too fresh to tell
        self.assertEqual(self.flow('partner').change_ids.filtered(lambda change: change.state != 'done').mapped('state'), ['failed'])
        self.issues().action_retry_change()
        self.run_sync()
        self.assertEqual(here.phone, '2')

    def test_the_paired_one_of_two_is_cancelled(self):
        there, _first, own = self.typed_twice()
        self.rpc.call('account.move', 'button_draft', [there])
        self.rpc.call('account.move', 'button_cancel', [there])
        self.runs(3)
        self.assertNotIn('alike', self.issues().mapped('kind'))
        self.assertTrue(self.twin(own), "the other one is the only one now")

    def test_the_paired_one_of_two_is_deleted(self):
        there, first, own = self.typed_twice()
        first.button_draft()
        first.with_context(force_delete=True).unlink()
        own.narration = 'edited meanwhile'
        self.runs(3)
        self.assertEqual(len(self.there('account.move', [('ref', '=', 'E-3000')], 'id')), 1, "it is not there twice")
        self.assertEqual(self.twin(own), there, "the other one takes its place")
        self.assertFalse(self.issues().filtered(lambda issue: issue.kind in ('alike', 'gone')))

    def test_what_this_side_adds_goes_there(self):
        self.switch_on('partner')
        self.flow('partner').field_ids.filtered(lambda field: field.name == 'reference').direction = 'push'
        self.env['ir.default'].set('res.partner', 'ref', 'C-1')
        self.run_sync()     # with the checks of the day
        there = self.create_there('res.partner', name='Crane')
        time.sleep(2.5)     # what is younger is looked at in each run
        self.runs(2)
        self.assertEqual(self.twin_of('res.partner', there).ref, 'C-1')
        self.assertEqual(self.there('res.partner', [('id', '=', there)], 'ref')[0]['ref'], 'C-1')

    def test_what_an_addon_holds_and_would_not_cross(self):
        self.with_invoices()
        self.flow('invoice').missing_here = 'ignore'
        self.run_sync()
        bill = self.bill_there()
        self.peer.sql(f"UPDATE account_move SET state = 'approval' WHERE id = {bill}")
        self.runs(2)
        self.assertFalse(self.issues() or self.link.waiting_count)

    def test_none_can_be_read(self):
        self.switch_on('partner')
        self.env['res.partner'].create({'name': 'Acme'})
        self.run_sync()
        original = OdooSide._read_page

        def refusing(side, entity, *more):
            if entity == 'partner' and not isinstance(side.access, LocalAccess):
                raise Rejected("You are not allowed to access 'Contact' records.")
            return original(side, entity, *more)
        self.env['res.partner'].create({'name': 'Bolt'})
        with patch.object(OdooSide, '_read_page', refusing):
            log = self.run_sync()
        self.assertIn("not allowed", log.error)
        self.assertNotIn('rejected', self.issues().mapped('kind'), "one error, not one for each record")
        self.runs(2)
        self.assertFalse(self.issues() or self.link.waiting_count)

    def test_many_notes_of_one_record(self):
        self.switch_on('partner')
        here = self.env['res.partner'].create({'name': 'Acme'})
        changes = self.env['online.sync.change'].sudo()
        changes.create([{'flow_id': self.flow('partner').id, 'res_id': here.id} for _edit in range(3)])
        changes._gc_pending()
        self.assertEqual(changes.search_count([('flow_id', '=', self.flow('partner').id), ('res_id', '=', here.id)]), 1)


@tagged('post_install', '-at_install', 'peer18', 'one_series')
class TestPeerHard18(PeerHardCases, PeerCase):
    series = '18.0'


@tagged('post_install', '-at_install', 'peer19', 'one_series')
class TestPeerHard19(PeerHardCases, PeerCase):
    series = '19.0'
