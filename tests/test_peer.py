"""Two real Odoo databases keep the same books: partners and invoices, both ways, against servers of every series on this machine."""
from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from ..engine.pairing import Pair
from ..engine.plan import HERE
from .peer_common import REFERENCES, PeerCase


class PeerTests:
    """What holds between this database and an Odoo of `series`."""

    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

    def test_partners_flow_both_ways(self):
        here = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123', 'street': 'Main 1'})
        there = self.create_there('res.partner', name='Blue Labs', email='blue@example.com', is_company=True)
        self.switch_on('partner')
        self.run_sync()
        acme, = self.there('res.partner', [('name', '=', 'Acme')], 'name', 'vat', 'street')
        self.assertEqual((acme['vat'], acme['street']), ('US123', 'Main 1'))
        blue = self.twin_of('res.partner', there)
        self.assertEqual((blue.name, blue.email, blue.is_company), ('Blue Labs', 'blue@example.com', True))
        here.street = 'Main 2'
        self.write_there('res.partner', acme['id'], city='Boston')
        self.run_sync()
        self.assertEqual(self.there('res.partner', [('id', '=', acme['id'])], 'street', 'city')[0], {
            'id': acme['id'], 'street': 'Main 2', 'city': 'Boston'})
        self.assertEqual((here.street, here.city), ('Main 2', 'Boston'))

    def test_where_the_addon_is_not_installed_there_changes_are_asked_for(self):
        self.assertEqual((self.link.state, self.link.wakes_us), ('connected', False))
        self.assertEqual(self.link.changes_there, "asked for every 2 minutes: Online Synchronization is not installed there.")
        self.assertFalse(self.link._is_introduction_due())

    def test_nothing_is_written_before_the_pairs_are_confirmed(self):
        self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.flow('partner').direction = 'both'
        log = self.run_sync()
        self.assertFalse(self.there('res.partner', [('name', '=', 'Acme')], 'name'))
        self.assertIn('Contacts', log.detail)

    def test_what_both_sides_have_is_paired_and_not_created_again(self):
        here = self.env['res.partner'].create([
            {'name': 'Acme', 'vat': 'US 12-3'}, {'name': 'Blue Labs', 'email': 'b@example.com'}, {'name': 'Twin'}, {'name': 'Twin'}])
        there = [self.create_there('res.partner', **values) for values in (
            {'name': 'ACME Inc.', 'vat': 'US123', 'city': 'Boston'}, {'name': 'blue  labs', 'email': 'B@example.com'}, {'name': 'Twin'})]
        pairs = {pair.local: pair for pair in self.flow('partner')._find_pairs(self.sides())}
        self.assertEqual([(pairs[str(one.id)].remote, pairs[str(one.id)].sureness) for one in here[:2]], [
            (str(there[0]), 'exact'), (str(there[1]), 'exact')])
        self.assertFalse({str(here[2].id), str(here[3].id)} & pairs.keys(), "two of the same name are nobody's pair")
        self.flow('partner').policy = 'remote'
        self.switch_on('partner')
        self.run_sync()
        self.assertEqual((here[0].name, here[0].city), ('ACME Inc.', 'Boston'))
        self.assertEqual(len(self.there('res.partner', [('vat', '=ilike', '%12%3')], 'name')), 1)

    # -- what a person decides ------------------------------------------------------------------------------------------------------

    def partners(self, **values):
        """A partner on both sides."""
        here = self.env['res.partner'].create({'name': 'Acme', 'street': 'Main 1', **values})
        self.switch_on('partner')
        self.run_sync()
        return here, self.twin(here)

    def issues(self, *kinds):
        return self.link.issue_ids.filtered(lambda issue: issue.state == 'open' and (not kinds or issue.kind in kinds))

    def test_the_same_field_changed_on_both_sides_is_asked(self):
        here, there = self.partners()
        for action, expected in (('action_keep_here', 'Main 2'), ('action_take_there', 'Main 5')):
            here.street = 'Main 2' if action == 'action_keep_here' else 'Main 4'
            here.zip = '1'
            self.write_there('res.partner', there, street='Main 3' if action == 'action_keep_here' else 'Main 5', city=action)
            self.run_sync()
            issue = self.issues('conflict')
            self.assertEqual(len(issue), 1)
            self.assertIn('Acme', issue.summary)
            self.assertIn('Main', issue.summary)
            self.assertEqual(here.city, action, "all other fields flow")
            self.run_sync()
            self.assertEqual(self.issues('conflict'), issue, "asked once")
            getattr(issue, action)()
            self.run_sync()
            self.assertFalse(self.issues().mapped('summary'))
            self.assertEqual((here.street, self.there('res.partner', [('id', '=', there)], 'street')[0]['street']), (expected, expected))

    def test_policies_decide_alone(self):
        here, there = self.partners()
        for policy, expected in (('local', 'here'), ('remote', 'there')):
            self.flow('partner').policy = policy
            here.street = 'here'
            self.write_there('res.partner', there, street='there')
            self.run_sync()
            self.assertFalse(self.issues().mapped('summary'))
            self.assertEqual((here.street, self.there('res.partner', [('id', '=', there)], 'street')[0]['street']), (expected, expected))

    def test_fields_that_do_not_flow(self):
        here, there = self.partners(phone='1')
        self.flow('partner').field_ids.filtered(lambda field: field.name == 'phone').direction = 'off'
        self.flow('partner').field_ids.filtered(lambda field: field.name == 'email').direction = 'pull'
        here.write({'phone': '2', 'email': 'here@example.com'})
        self.run_sync()
        self.assertEqual(self.there('res.partner', [('id', '=', there)], 'phone', 'email')[0], {'id': there, 'phone': '1', 'email': False})
        self.write_there('res.partner', there, phone='3', email='there@example.com')
        self.run_sync()
        self.assertEqual((here.phone, here.email), ('2', 'there@example.com'))

    def test_value_of_new_records_where_a_field_does_not_flow(self):
        fields = self.flow('partner').field_ids
        comment = fields.filtered(lambda field: field.name == 'note')
        comment.write({'direction': 'pull', 'default_value': 'From the head office'})
        with self.assertRaises(ValidationError), self.cr.savepoint():
            fields.filtered(lambda field: field.name == 'is_company').default_value = 'perhaps'
        parent = fields.filtered(lambda field: field.name == 'parent')
        with self.assertRaises(ValidationError), self.cr.savepoint():
            parent.default_value = '3'
        self.switch_on('account')
        with self.assertRaises(ValidationError), self.cr.savepoint():
            parent.default_pair_id = self.flow('account').binding_ids[0]
        here = self.env['res.partner'].create({'name': 'Acme', 'comment': 'a secret'})
        there = self.create_there('res.partner', name='Blue', comment='theirs')
        self.switch_on('partner')
        self.run_sync()
        self.assertIn('From the head office', self.there('res.partner', [('id', '=', self.twin(here))], 'comment')[0]['comment'])
        self.assertIn('theirs', self.twin_of('res.partner', there).comment, "a field that flows is what it is")
        self.run_sync()
        self.assertIn('secret', here.comment)

    def set_default(self, entity, name, record, direction='off'):
        """A field does not flow: a new record points to this one, on both sides."""
        field = self.flow(entity).field_ids.filtered(lambda field: field.name == name)
        pair = self.env['online.sync.binding'].sudo().search([('res_model', '=', record._name), ('res_id', '=', record.id)])
        field.write({'direction': direction, 'default_pair_id': pair.id})
        return pair

    def test_record_that_new_records_point_to_where_a_field_does_not_flow(self):
        self.with_invoices()
        office = self.env['res.partner'].create({'name': 'Head office', 'is_company': True})
        income, other = self.env['account.account'].create([
            {'code': code, 'name': name, 'account_type': 'income'} for code, name in (('499771', 'Goods'), ('499772', 'Advice'))])
        values = [{'code': code, 'name': name, 'account_type': 'income'} for code, name in (('499771', 'Goods'), ('499772', 'Advice'))]
        self.peer.shell(f"env['account.account'].create({values!r})\nenv.cr.commit()")
        self.switch_on('account')
        self.run_sync()
        pair = self.set_default('invoice', 'lines/account', income)
        self.set_default('invoice', 'lines/taxes', self.tax)
        term = self.env.ref('account.account_payment_term_30days')
        self.set_default('invoice', 'terms', term)
        self.set_default('partner', 'parent', office, direction='pull')
        names = self.env['online.sync.binding'].name_search('499771', [('entity', '=', 'account')])
        self.assertEqual([id_ for id_, _name in names], pair.ids)
        self.assertIn('499771 Goods', names[0][1])
        partner = self.env['res.partner'].create({'name': 'Branch'})
        invoice = self.invoice(100, post=False)
        invoice.invoice_line_ids.account_id = other
        there = self.create_there('account.move', move_type='out_invoice', partner_id=self.twin(self.partner), invoice_date='2026-03-05',
                                  invoice_line_ids=[[0, 0, {'name': 'oak', 'price_unit': 33, 'tax_ids': [[6, 0, []]]}]])
        self.run_sync()
        self.assertEqual(self.there('res.partner', [('id', '=', self.twin(partner))], 'parent_id')[0]['parent_id'], self.twin(office))
        line, = self.there('account.move.line', [('move_id', '=', self.twin(invoice)), ('display_type', '=', 'product')], 'account_id',
                           'tax_ids')
        self.assertEqual((line['account_id'], line['tax_ids']), (self.twin(income), [self.twin(self.tax)]))
        self.assertEqual(self.there('account.move', [('id', '=', self.twin(invoice))], 'invoice_payment_term_id')[0], {
            'id': self.twin(invoice), 'invoice_payment_term_id': self.twin(term)})
        here = self.twin_of('account.move', there)
        self.assertEqual((here.invoice_line_ids.account_id, here.invoice_line_ids.tax_ids, here.invoice_payment_term_id),
                         (income, self.tax, term))
        self.run_sync()
        self.assertEqual((invoice.invoice_line_ids.account_id, invoice.invoice_line_ids.tax_ids), (other, self.env['account.tax']))
        log = self.run_sync()
        self.assertEqual((log.created, log.updated, log.failed), (0, 0, 0), log.detail)

    def test_product_that_is_edited_as_people_do(self):
        """The form of a product writes its template."""
        product = self.env['product.product'].create({'name': 'Chair', 'default_code': 'C1', 'list_price': 10})
        self.switch_on('product')
        self.run_sync()
        there, = self.there('product.product', [('id', '=', self.twin(product))], 'product_tmpl_id')
        product.product_tmpl_id.write({'list_price': 12, 'description_sale': 'oak'})
        self.write_there('product.template', there['product_tmpl_id'], name='Armchair')
        self.run_sync()
        row, = self.there('product.product', [('id', '=', there['id'])], 'list_price', 'description_sale', 'name')
        self.assertEqual((float(row['list_price']), row['description_sale'], row['name']), (12, 'oak', 'Armchair'))
        self.assertEqual(product.name, 'Armchair')
        self.run_sync()
        log = self.run_sync()
        self.assertEqual((log.created, log.updated, log.failed), (0, 0, 0))

    def test_bank_of_a_bank_account_comes_along(self):
        bank = self.env['res.bank'].create({'name': 'Bank of Acme', 'bic': 'ACMEUS33'})
        here = self.env['res.partner'].create({'name': 'Acme', 'bank_ids': [Command.create({'acc_number': '123-456', 'bank_id': bank.id})]})
        self.switch_on('bank', 'partner')
        self.run_sync()
        account, = self.there('res.partner.bank', [('partner_id', '=', self.twin(here))], 'acc_number', 'bank_id')
        self.assertEqual((account['acc_number'], account['bank_id']), ('123-456', self.twin(bank)))

    def test_holder_of_a_bank_account_of_who_was_renamed(self):
        """Odoo makes the name the holder whenever it changes."""
        here, there = self.partners()
        self.write_there('res.partner', there, name='Acme Ltd')
        self.create_there('res.partner.bank', partner_id=there, acc_number='123-456', acc_holder_name='Jane Acme')
        self.run_sync()
        self.assertEqual((here.name, here.bank_ids.acc_holder_name), ('Acme Ltd', 'Jane Acme'))
        here.name = 'Acme Inc'
        here.bank_ids.acc_holder_name = 'John Acme'
        self.run_sync()
        holder, = self.there('res.partner.bank', [('partner_id', '=', there)], 'acc_holder_name')
        self.assertEqual(holder['acc_holder_name'], 'John Acme')

    def test_deleted_here_is_archived_there(self):
        here, there = self.partners()
        here.unlink()
        self.run_sync()
        self.assertFalse(self.there('res.partner', [('id', '=', there)], 'active')[0]['active'])
        self.write_there('res.partner', there, street='x')
        log = self.run_sync()
        self.assertFalse(log.created, "what was deleted here does not come back")

    def test_deleted_there_is_archived_here_after_two_complete_lists(self):
        here, there = self.partners()
        self.rpc.call('res.partner', 'unlink', [there])
        for expected in (True, False):
            self.flow('partner').listed_at = False
            self.run_sync()
            self.assertEqual(here.active, expected)
        self.assertFalse(self.run_sync().created)

    def test_what_nobody_noted_here_is_found(self):
        """Written past Odoo, or committed behind what was read when the flow was switched on."""
        here, there = self.partners()
        self.run_sync()
        self.env.cr.execute("""INSERT INTO res_partner (name, complete_name, active, type, autopost_bills, create_date, write_date)
                               VALUES ('By hand', 'By hand', true, 'contact', 'ask', '2026-01-01', '2026-01-01') RETURNING id""")
        new = self.env['res.partner'].browse(self.env.cr.fetchone()[0])
        self.env.cr.execute(
            "UPDATE res_partner SET street = 'By hand 1', write_date = write_date + interval '1 hour' WHERE id = %s", [here.id])
        self.env.cr.execute("UPDATE online_sync_binding SET local_version = '2026-01-01 00:00:00' WHERE res_id = %s", [here.id])
        self.env.invalidate_all()
        self.run_sync()
        self.assertFalse(self.twin(new), "once a day")
        self.flow('partner').checked_here_at = False
        self.run_sync()
        self.assertEqual(self.there('res.partner', [('id', '=', self.twin(new))], 'name'), [{'id': self.twin(new), 'name': 'By hand'}])
        self.assertEqual(self.there('res.partner', [('id', '=', there)], 'street')[0]['street'], 'By hand 1')
        self.flow('partner').checked_here_at = False
        log = self.run_sync()
        self.assertEqual((log.created, log.updated, log.failed), (0, 0, 0))
        self.assertTrue(self.flow('partner').checked_here_at)

    def test_archived_on_one_side(self):
        here, there = self.partners()
        here.active = False
        self.run_sync()
        self.assertFalse(self.there('res.partner', [('id', '=', there)], 'active')[0]['active'])
        self.write_there('res.partner', there, active=True)
        self.run_sync()
        self.assertTrue(here.active)

    # -- documents ----------------------------------------------------------------------------------------------------------------

    def with_invoices(self):
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on(*REFERENCES, 'partner', 'invoice')
        self.tax = self.company_data['default_tax_sale']

    def tax_there(self, name, amount):
        """Our user there may not create taxes: an administrator does."""
        values = {'name': name, 'amount': amount, 'type_tax_use': 'sale'}
        told = self.peer.shell(f"print('id', env['account.tax'].create({values!r}).id)\nenv.cr.commit()")
        return int(told.rpartition('id ')[2])

    def move_there(self, domain):
        move, = self.there('account.move', domain, 'name', 'state', 'amount_total', 'amount_tax', 'partner_id', 'invoice_date', 'ref',
                           'payment_reference', 'invoice_date_due', 'move_type')
        return move

    def test_invoice_from_here_arrives_posted_with_the_same_total(self):
        self.with_invoices()
        invoice = self.invoice(100.10, self.tax, ref='order 7')
        draft = self.invoice(50, post=False)
        self.run_sync()
        move = self.move_there([('id', '=', self.twin(invoice))])
        self.assertEqual((move['name'], move['state'], move['ref']), (invoice.name, 'posted', 'order 7'))
        self.assertEqual((float(move['amount_total']), float(move['amount_tax'])), (invoice.amount_total, invoice.amount_tax))
        self.assertEqual(str(move['invoice_date_due']), str(invoice.invoice_date_due))
        self.assertEqual(self.move_there([('id', '=', self.twin(draft))])['state'], 'draft')
        self.assertEqual(move['partner_id'], self.twin(self.partner))
        draft.action_post()
        self.run_sync()
        self.assertEqual(self.move_there([('id', '=', self.twin(draft))])['state'], 'posted')

    def test_bill_from_there_arrives_here(self):
        self.with_invoices()
        vendor = self.create_there('res.partner', name='Wood Corner')
        expense = self.there('account.account', [('account_type', '=', 'expense')], 'code')[0]
        bill = self.create_there('account.move', move_type='in_invoice', partner_id=vendor, invoice_date='2026-03-05', ref='W-77',
                                 invoice_line_ids=[[0, 0, {'name': 'oak', 'quantity': 3, 'price_unit': 33.33, 'account_id': expense['id'],
                                                           'tax_ids': [[6, 0, []]]}]])
        self.rpc.call('account.move', 'action_post', [bill])
        self.run_sync()
        here = self.twin_of('account.move', bill)
        self.assertEqual((here.state, here.ref, here.amount_total, here.partner_id.name), ('posted', 'W-77', 99.99, 'Wood Corner'))
        self.assertEqual(here.invoice_line_ids.account_id.code, expense['code'])
        self.assertFalse(here.invoice_line_ids.tax_ids)

    def test_second_run_finds_nothing_to_do(self):
        self.with_invoices()
        self.invoice(100, self.tax)
        self.run_sync()
        self.run_sync()
        log = self.run_sync()
        self.assertEqual((log.created, log.updated, log.failed), (0, 0, 0), log.detail)

    def test_dry_run_says_what_the_run_then_does(self):
        self.with_invoices()
        invoice = self.invoice(100, self.tax)
        there = self.create_there('res.partner', name='Blue Labs')
        self.env.flush_all()
        run = self.env['online.sync.dry.run'].sudo()._of(self.link)
        said = {(line.flow_name, line.kind, line.title) for line in run.line_ids}
        self.assertLessEqual({('Contacts', 'create_there', 'Acme'), ('Contacts', 'create_here', 'Blue Labs'),
                              ('Invoices and bills', 'create_there', invoice.display_name)}, said)
        self.assertIn(str(invoice.amount_total), run.effect)
        self.assertFalse(self.twin(invoice), "nothing was written")
        self.assertFalse(self.there('res.partner', [('name', '=', 'Acme')], 'name'))
        self.assertEqual(self.env['online.sync.dry.run'].sudo()._of(self.link).fingerprint, run.fingerprint)
        self.write_there('res.partner', there, name='Blue Labs Ltd')
        with self.assertRaisesRegex(UserError, 'changed since'):
            run.action_apply()
        self.run_sync()
        lines = self.env['online.sync.dry.run'].sudo()._of(self.link).line_ids
        self.assertFalse(lines, lines.mapped('title'))

    def test_dry_run_names_what_is_left_out_and_why(self):
        self.with_invoices()
        names = [f'Customer {number}' for number in range(1, 10)]
        self.env['res.partner'].create([{'name': name, 'active': False} for name in names])
        self.create_there('res.partner', name='Blue Labs')
        cancelled = self.invoice(50, post=False)
        cancelled.button_cancel()
        self.flow('partner').missing_here = 'ignore'
        self.env.flush_all()
        run = self.env['online.sync.dry.run'].sudo()._of(self.link)
        lines = run.left_out_ids
        said = {line.title: line.after for line in lines}
        archived = [line.title for line in lines if 'archived' in line.after]
        self.assertEqual(archived[:5], names[:5])
        self.assertRegex(archived[-1], 'and [0-9]+ more')
        self.assertEqual(len(archived), 6)
        self.assertIn('not created here', said['Blue Labs'])
        self.assertIn('not created there', ' '.join(line.after for line in lines if line.flow_name == self.flow('account').name))
        self.assertEqual(said[cancelled.display_name], "It is cancelled.")
        self.assertEqual(set(lines.mapped('kind')), {'left_out'})
        self.assertNotIn('left_out', run.line_ids.mapped('kind'))

    def test_dry_run_says_what_is_archived_or_cancelled(self):
        self.with_invoices()
        names = 'Gone', 'Archived', 'Deleted'
        gone, archived, deleted = self.env['res.partner'].create([{'name': name} for name in names])
        draft = self.invoice(50, post=False)
        self.run_sync()
        there, draft_there = self.twin(deleted), self.twin(draft)
        before = self.env['online.sync.dry.run'].sudo()._of(self.link).fingerprint
        gone.unlink()
        archived.active = False
        draft.button_cancel()
        self.rpc.call('res.partner', 'unlink', [there])
        self.env.flush_all()
        run = self.env['online.sync.dry.run'].sudo()._of(self.link)
        self.assertEqual({(line.where, line.kind, line.title.strip()) for line in run.line_ids if line.title.strip() in names}, {
            ('there', 'remove', 'Gone'), ('there', 'remove', 'Archived'), ('here', 'remove', 'Deleted')})
        self.assertIn(('there', 'remove', 'draft', 'cancelled'), {
            (line.where, line.kind, line.before, line.after) for line in run.line_ids})
        self.assertIn('deleted there', run.line_ids.filtered(lambda line: line.title == 'Deleted').after)
        self.assertIn('4 archived or cancelled', run.summary)
        self.assertNotEqual(run.fingerprint, before)
        self.assertEqual(self.there('account.move', [('id', '=', draft_there)], 'state')[0]['state'], 'draft', "nothing was written")
        self.run_sync()
        self.assertEqual(self.there('account.move', [('id', '=', draft_there)], 'state')[0]['state'], 'cancel')

    def test_dry_run_pairs_what_was_typed_in_on_both_sides(self):
        self.with_invoices()
        self.run_sync()
        self.env['res.partner'].create([{'name': 'Blue', 'vat': 'US77', 'city': 'Boston'}, {'name': 'Green'}])
        self.create_there('res.partner', name='Blue', vat='US77')
        self.create_there('res.partner', name='Green')
        run = self.env['online.sync.dry.run'].sudo()._of(self.link)
        self.assertEqual({(line.kind, line.where, line.title, line.field_name) for line in run.line_ids}, {
            ('change', 'there', 'Blue', 'City'), ('blocked', False, 'Green', False)})
        self.assertFalse(self.env['online.sync.alike'].sudo().search([('flow_id', 'in', self.link.flow_ids.ids)]))

    def test_who_changed_it_and_when(self):
        here, there = self.partners()
        here.with_user(self.env.user).street = 'Main 2'
        self.write_there('res.partner', there, street='Main 3')
        self.peer.sql(f"UPDATE res_partner SET write_date = write_date + interval '1 hour' WHERE id = {there}")
        self.run_sync()
        action = self.issues('conflict').action_decide()
        wizard = self.env[action['res_model']].browse(action['res_id'])
        user, = self.there('res.users', [('login', '=', 'sync')], 'name')
        self.assertIn(user['name'], wizard.changed_there)
        self.assertIn(self.env.user.name, wizard.changed_here)
        self.assertEqual(wizard.line_ids.choice, 'remote', "what was changed last is chosen already")
        wizard.line_ids.always = True
        wizard.action_confirm()
        self.run_sync()
        self.assertEqual(here.street, 'Main 3')
        here.street = 'Main 4'
        self.write_there('res.partner', there, street='Main 5')
        self.run_sync()
        self.assertEqual((here.street, self.issues().mapped('summary')), ('Main 5', []), "always like this")

    def test_posted_document_is_never_changed_without_a_person(self):
        self.with_invoices()
        invoice = self.invoice(100)
        self.run_sync()
        there = self.twin(invoice)
        invoice.button_draft()
        invoice.invoice_line_ids.price_unit = 120
        invoice.action_post()
        self.run_sync()
        self.assertEqual(float(self.move_there([('id', '=', there)])['amount_total']), 100)
        issue = self.issues('posted')
        self.assertIn(invoice.name, issue.summary)
        issue.action_keep_here()
        self.run_sync()
        move = self.move_there([('id', '=', there)])
        self.assertEqual((float(move['amount_total']), move['state'], move['name']), (120, 'posted', invoice.name))
        self.assertFalse(self.issues().mapped('summary'))
        self.rpc.call('account.move', 'button_draft', [there])
        self.run_sync()
        self.assertEqual(invoice.state, 'posted')
        self.issues('posted').action_keep_here()
        self.run_sync()
        self.assertEqual((self.move_there([('id', '=', there)])['state'], invoice.state), ('posted', 'posted'))

    def test_line_that_one_side_removed_and_the_other_changed_on_a_posted_document(self):
        self.with_invoices()
        for choice, total in (('action_take_there', 150), ('action_keep_here', 100)):
            invoice = self.invoice(100, post=False)
            invoice.invoice_line_ids = [Command.create({'name': 'more', 'price_unit': 20, 'tax_ids': [Command.clear()]})]
            invoice.action_post()
            self.run_sync()
            there = self.twin(invoice)
            line, = self.there('account.move.line', [('move_id', '=', there), ('name', '=', 'more')], 'id')
            self.rpc.call('account.move', 'button_draft', [there])
            self.write_there('account.move', there, invoice_line_ids=[[1, line['id'], {'price_unit': 50}]])
            self.rpc.call('account.move', 'action_post', [there])
            invoice.button_draft()
            invoice.invoice_line_ids.filtered(lambda one: one.name == 'more').unlink()
            invoice.action_post()
            self.run_sync()
            getattr(self.issues('posted'), choice)()
            self.run_sync()
            self.assertFalse(self.issues().mapped('summary'))
            move = self.move_there([('id', '=', there)])
            self.assertEqual((invoice.amount_total, float(move['amount_total'])), (total, total))
            self.assertEqual((invoice.state, move['state']), ('posted', 'posted'))

    def test_draft_that_is_cancelled_there_while_a_line_changes_here(self):
        """Odoo does not add up the lines of a cancelled document anew."""
        self.with_invoices()
        invoice = self.invoice(100, post=False)
        self.run_sync()
        self.rpc.call('account.move', 'button_cancel', [self.twin(invoice)])
        invoice.invoice_line_ids.quantity = 3
        self.run_sync()
        move = self.move_there([('id', '=', self.twin(invoice))])
        self.assertEqual((invoice.state, move['state']), ('cancel', 'cancel'))
        self.assertEqual((invoice.amount_total, float(move['amount_total'])), (300, 300))

    def test_only_documents_of_some_day_or_later(self):
        self.with_invoices()
        flow = self.flow('invoice')
        flow.since = '2026-03-01'
        old, new = self.invoice(100, invoice_date='2026-02-10', date='2026-02-10'), self.invoice(50)
        partner = self.create_there('res.partner', name='Blue')
        theirs = [self.create_there(
            'account.move', move_type='out_invoice', partner_id=partner, invoice_date=day, date=day,
            invoice_line_ids=[[0, 0, {'name': 'x', 'price_unit': 7, 'tax_ids': [[6, 0, []]]}]]) for day in ('2026-02-09', '2026-03-09')]
        self.run_sync()
        self.assertTrue(self.twin(new))
        self.assertFalse(self.twin(old))
        self.assertEqual([bool(self.twin_of('account.move', id_)) for id_ in theirs], [False, True])
        old.narration = 'changed'
        self.write_there('account.move', theirs[0], narration='changed')
        self.run_sync()
        self.assertFalse(self.twin(old) or self.twin_of('account.move', theirs[0]), "nor when they change")
        flow.since = '2026-03-20'
        new.narration = 'still the same document'
        self.run_sync()
        self.assertIn('still', self.there('account.move', [('id', '=', self.twin(new))], 'narration')[0]['narration'])
        flow.since = False
        self.run_sync()
        self.assertTrue(self.twin(old) and self.twin_of('account.move', theirs[0]), "what was left out comes now")

    def test_only_documents_of_some_journals(self):
        self.with_invoices()
        self.flow('invoice').journal_ids = self.company_data['default_journal_sale']
        invoice, bill = self.invoice(100), self.invoice(80, move_type='in_invoice', ref='B-1')
        self.run_sync()
        self.assertTrue(self.twin(invoice))
        self.assertFalse(self.twin(bill))

    def test_only_records_that_match(self):
        flow = self.flow('partner')
        for wrong in ("[('category_id', 'in', [3])]", "[('id', '>', 3)]", "[('create_uid', '=', uid)]", "[('nothing', '=', 1)]", "("):
            with self.assertRaises(ValidationError, msg=wrong), self.cr.savepoint():
                flow.filter_domain = wrong
        flow.filter_domain = "['|', ('city', '=', 'Boston'), ('country_id.code', '=', 'FR')]"
        boston, york = self.env['res.partner'].create([{'name': 'Acme', 'city': 'Boston'}, {'name': 'Blue', 'city': 'York'}])
        paris = self.create_there('res.partner', name='Bleu', country_id=self.there('res.country', [('code', '=', 'FR')], 'id')[0]['id'])
        rome = self.create_there('res.partner', name='Rosso')
        self.switch_on('partner')
        self.run_sync()
        self.assertTrue(self.twin(boston) and self.twin_of('res.partner', paris))
        self.assertFalse(self.twin(york) or self.twin_of('res.partner', rome))

    def test_contacts_that_are_merged_there(self):
        """Odoo merges past its ORM: the documents are not marked as changed there."""
        self.switch_on(*REFERENCES, 'partner', 'invoice')
        kept, other = (self.env['res.partner'].create({'name': name}) for name in ('Kept', 'Other'))
        self.partner = other
        invoice = self.invoice(100)
        self.partner = kept
        self.invoice(120)
        self.run_sync()
        there, gone = self.twin(kept), self.twin(other)
        self.peer.shell(f"partners = env['res.partner'].browse([{there}, {gone}])\n"
                        f"env['base.partner.merge.automatic.wizard'].create({{}})._merge(partners.ids, partners[0])\nenv.cr.commit()")
        self.assertEqual(self.there('account.move', [('id', '=', self.twin(invoice))], 'partner_id')[0]['partner_id'], there)
        for _day in range(2):
            self.flow('partner').listed_at = False
            log = self.run_sync()
        self.assertIn('Other was merged into Kept there', log.detail)
        self.assertTrue(other.active)
        self.partner = other
        new = self.invoice(140)
        self.write_there('account.move', self.twin(invoice), ref='changed there')
        self.run_sync()
        self.assertEqual((invoice.ref, invoice.partner_id), ('changed there', other))
        self.assertEqual(self.there('account.move', [('id', '=', self.twin(new))], 'partner_id')[0]['partner_id'], there)
        self.assertFalse(self.link.issue_ids.filtered(lambda issue: issue.state == 'open').mapped('summary'))
        other.phone = '555 1234'
        log = self.run_sync()
        self.assertFalse(log.failed + log.waiting)

    def test_a_contact_of_a_company_that_moves_is_no_merge(self):
        """Only posted documents prove it: this company was deleted, and its contact works for another one."""
        self.switch_on(*REFERENCES, 'partner', 'invoice')
        old, new = (self.env['res.partner'].create({'name': name, 'is_company': True}) for name in ('Old', 'New'))
        jane = self.env['res.partner'].create({'name': 'Jane', 'parent_id': old.id})
        self.run_sync()
        self.write_there('res.partner', self.twin(jane), parent_id=self.twin(new))
        self.peer.shell(f"env['res.partner'].browse({self.twin(old)}).unlink()\nenv.cr.commit()")
        for _day in range(2):
            self.flow('partner').listed_at = False
            self.run_sync()
        self.assertFalse(old.active)
        self.assertEqual(jane.parent_id, new)

    def test_contacts_that_are_merged_here(self):
        self.with_invoices()
        kept, other = self.env['res.partner'].create([{'name': name, 'email': 'acme@example.com'} for name in ('Acme', 'Acme Inc.')])
        self.partner = other
        invoice = self.invoice(100)
        self.partner = kept
        self.invoice(50)
        self.run_sync()
        there = self.twin(other)
        self.env['base.partner.merge.automatic.wizard'].create({})._merge([kept.id, other.id], kept)
        self.env.invalidate_all()
        self.assertEqual(invoice.partner_id, kept)
        self.run_sync()
        invoice.narration = 'looked at again'
        self.run_sync()
        self.assertFalse(self.issues().mapped('summary'))
        move = self.move_there([('id', '=', self.twin(invoice))])
        self.assertEqual((move['partner_id'], move['state']), (there, 'posted'), "a posted document keeps its contact there")
        self.assertTrue(self.there('res.partner', [('id', '=', there)], 'active')[0]['active'])
        draft = self.create_there('account.move', move_type='out_invoice', partner_id=there, invoice_date='2026-03-09', date='2026-03-09',
                                  invoice_line_ids=[[0, 0, {'name': 'x', 'price_unit': 7, 'tax_ids': [[6, 0, []]]}]])
        self.run_sync()
        self.assertEqual(self.twin_of('account.move', draft).partner_id, kept)
        self.assertFalse(self.env['res.partner'].search([('email', '=', 'acme@example.com')]) - kept, "it does not come back")
        self.run_sync()
        log = self.run_sync()
        self.assertEqual((log.created, log.updated, log.failed), (0, 0, 0))

    def test_locked_period_there(self):
        """Odoo would book the document on another day."""
        self.with_invoices()
        draft = self.invoice(70, post=False)
        self.run_sync()
        self.peer.sql("UPDATE res_company SET fiscalyear_lock_date = '2026-03-15'")
        invoice = self.invoice(100)
        draft.action_post()
        self.run_sync()
        self.assertFalse(self.twin(invoice))
        self.assertEqual(self.move_there([('id', '=', self.twin(draft))])['state'], 'draft')
        self.assertIn('closed up to 2026-03-15', self.issues('rejected')[0].summary)
        self.peer.sql("UPDATE res_company SET fiscalyear_lock_date = NULL")
        self.issues('rejected').action_retry_change()
        self.run_sync()
        move = self.move_there([('id', '=', self.twin(invoice))])
        self.assertEqual((move['state'], str(invoice.date)), ('posted', '2026-03-10'))
        self.assertEqual(self.move_there([('id', '=', self.twin(draft))])['state'], 'posted')
        self.assertFalse(self.issues().mapped('summary'))

    def test_locked_period_here(self):
        self.with_invoices()
        self.run_sync()
        partner = self.create_there('res.partner', name='Blue')
        bill = self.create_there('account.move', move_type='in_invoice', partner_id=partner, invoice_date='2026-03-09', date='2026-03-09',
                                 ref='B-9', invoice_line_ids=[[0, 0, {'name': 'x', 'price_unit': 7, 'tax_ids': [[6, 0, []]]}]])
        self.rpc.call('account.move', 'action_post', [bill])
        self.company.purchase_lock_date = '2026-03-15'
        self.run_sync()
        self.assertFalse(self.twin_of('account.move', bill))
        self.assertIn('could not be written here', self.issues('rejected').summary)
        self.company.purchase_lock_date = False
        self.issues('rejected').action_retry_change()
        self.run_sync()
        self.assertEqual(str(self.twin_of('account.move', bill).date), '2026-03-09')

    def test_hashed_entry_there_stays_as_it_is(self):
        self.with_invoices()
        self.peer.sql("UPDATE account_journal SET restrict_mode_hash_table = true WHERE type = 'sale'")
        invoice = self.invoice(100)
        self.run_sync()
        there = self.twin(invoice)
        invoice.button_draft()
        invoice.invoice_line_ids.price_unit = 120
        invoice.action_post()
        self.run_sync()
        self.issues('posted').action_keep_here()
        self.run_sync()
        move = self.move_there([('id', '=', there)])
        self.assertEqual((move['state'], float(move['amount_total'])), ('posted', 100))
        self.assertIn(invoice.name, self.issues('rejected').summary)

    def test_document_waits_for_a_tax_that_is_not_paired(self):
        self.with_invoices()
        tax = self.env['account.tax'].create({'name': 'Special 7', 'amount': 7, 'type_tax_use': 'sale'})
        invoice = self.invoice(100, tax)
        other = self.invoice(10)
        self.run_sync()
        self.assertFalse(self.twin(invoice))
        self.assertTrue(self.twin(other), "it holds up no other")
        issue = self.issues('unmapped')
        self.assertEqual(len(issue), 1, issue.mapped('summary'))
        self.assertIn('Special 7', issue.summary)
        there = self.tax_there('Seven', 7)
        wizard = self.env['online.sync.pair'].browse(issue.action_pair()['res_id'])
        self.assertEqual((wizard.candidate_id.key, wizard.candidate_id.name), (str(there), 'Seven'), "the likeliest is chosen already")
        self.assertNotIn('Special 7', wizard.candidate_ids.mapped('name'))
        wizard.action_pair()
        self.run_sync()
        self.assertEqual(float(self.move_there([('id', '=', self.twin(invoice))])['amount_total']), 107)
        self.assertFalse(self.issues().mapped('summary'))

    def test_totals_that_differ_stay_a_draft_and_are_asked(self):
        self.with_invoices()
        tax = self.env['account.tax'].create({'name': 'Special 7', 'amount': 7, 'type_tax_use': 'sale'})
        there = self.tax_there('Eight', 8)
        self.flow('tax')._bind([Pair(str(tax.id), str(there), 'exact', ())])
        invoice = self.invoice(100, tax)
        self.run_sync()
        self.assertEqual(self.move_there([('id', '=', self.twin(invoice))])['state'], 'draft')
        change = self.env['online.sync.change'].sudo().search([('res_id', '=', invoice.id), ('state', '=', 'failed')])
        self.assertIn('107', change.why)

    def test_totals_are_compared_also_when_a_draft_is_posted_later(self):
        """The usual way of a document: typed in, synchronized, posted."""
        self.with_invoices()
        tax = self.env['account.tax'].create({'name': 'Special 7', 'amount': 7, 'type_tax_use': 'sale'})
        there = self.tax_there('Eight', 8)
        self.flow('tax')._bind([Pair(str(tax.id), str(there), 'exact', ())])
        invoice = self.invoice(100, tax, post=False)
        self.run_sync()
        invoice.action_post()
        for _attempt in range(2):
            self.run_sync()
            self.assertEqual(self.move_there([('id', '=', self.twin(invoice))])['state'], 'draft')
            self.assertEqual(invoice.state, 'posted')
            self.env['online.sync.change'].sudo().search([('res_id', '=', invoice.id), ('state', '=', 'failed')]).action_retry()
        self.assertTrue(self.issues())

    def test_what_could_not_be_posted_again_there_does_not_open_ours(self):
        self.with_invoices()
        self.flow('invoice').follows = True
        tax = self.env['account.tax'].create({'name': 'Special 7', 'amount': 7, 'type_tax_use': 'sale'})
        there = self.tax_there('Eight', 8)
        self.flow('tax')._bind([Pair(str(tax.id), str(there), 'exact', ())])
        invoice = self.invoice(100)
        self.run_sync()
        invoice.button_draft()
        invoice.invoice_line_ids.write({'price_unit': 120, 'tax_ids': [Command.set(tax.ids)]})
        invoice.action_post()
        for _run in range(3):
            self.run_sync()
            self.assertEqual(invoice.state, 'posted')
        self.assertEqual(self.move_there([('id', '=', self.twin(invoice))])['state'], 'draft')
        self.assertTrue(self.issues())

    def test_a_contact_that_was_deleted_there_and_is_used_again(self):
        self.with_invoices()
        here = self.env['res.partner'].create({'name': 'Phoenix'})
        self.run_sync()
        self.rpc.call('res.partner', 'unlink', [self.twin(here)])
        for _list in range(2):
            self.flow('partner').listed_at = False
            self.run_sync()
        self.assertFalse(here.active)
        here.active = True
        invoice = self.invoice(100, partner_id=here.id)
        self.run_sync()
        self.run_sync()
        there, = self.there('res.partner', [('name', '=', 'Phoenix')], 'id')
        self.assertEqual(self.twin(here), there['id'])
        self.assertEqual(self.move_there([('id', '=', self.twin(invoice))])['partner_id'], there['id'])

    def test_a_language_that_is_not_installed_there(self):
        self.with_invoices()
        self.env['res.lang']._activate_lang('fr_FR')
        here = self.env['res.partner'].create({'name': 'Amélie', 'lang': 'fr_FR'})
        self.run_sync()
        self.assertTrue(self.twin(here))
        self.assertFalse(self.issues().mapped('summary'))
        here.street = 'Rue 1'
        self.run_sync()
        self.run_sync()
        self.assertEqual(here.lang, 'fr_FR')

    def test_what_was_skipped_stays_so(self):
        change = self.env['online.sync.change'].sudo().create({
            'flow_id': self.flow('partner').id, 'external_id': '7', 'state': 'dropped', 'origin': 'there'})
        self.env.flush_all()
        self.env.cr.execute("UPDATE online_sync_change SET write_date = '2020-01-01'")
        self.env.invalidate_all()
        change._gc_done()
        self.assertTrue(change.exists())

    def test_question_about_lines_says_what_differs(self):
        self.with_invoices()
        invoice = self.invoice(100)
        self.run_sync()
        twin = self.twin(invoice)
        self.rpc.call('account.move', 'button_draft', [twin])
        line, = self.there('account.move.line', [('move_id', '=', twin), ('display_type', '=', 'product')], 'id')
        self.write_there('account.move', twin, invoice_line_ids=[[1, line['id'], {'price_unit': 400}]])
        self.rpc.call('account.move', 'action_post', [twin])
        self.run_sync()
        issue = self.issues().filtered(lambda issue: issue.kind == 'posted')
        self.assertRegex(issue.summary, 'Unit price 100.00.*Unit price 400.00')
        wizard = self.env['online.sync.decide'].browse(issue.action_decide()['res_id'])
        self.assertRegex(wizard.line_ids.base, 'Unit price 100.00')

    def test_draft_there_that_may_be_our_own_doing_is_asked_about(self):
        """A run dies between opening the document there and posting it again: ours is not opened for it."""
        self.with_invoices()
        self.flow('invoice').follows = True
        invoice = self.invoice(100)
        self.run_sync()
        invoice.button_draft()
        invoice.invoice_line_ids.price_unit = 120
        invoice.action_post()
        self.rpc.call('account.move', 'button_draft', [self.twin(invoice)])
        self.run_sync()
        self.run_sync()
        there = self.move_there([('id', '=', self.twin(invoice))])
        self.assertEqual((invoice.state, there['amount_total']), ('posted', 100), "nothing of it crosses until that is answered")
        self.issues().action_keep_here()
        self.run_sync()
        there = self.move_there([('id', '=', self.twin(invoice))])
        self.assertEqual((there['state'], there['amount_total']), ('posted', 120))
        self.assertFalse(self.issues().mapped('summary'))
        self.rpc.call('account.move', 'button_draft', [self.twin(invoice)])
        self.run_sync()
        self.assertEqual(invoice.state, 'draft', "what a person did there follows")

    def test_changes_while_nothing_is_sent_are_sent_later(self):
        here, there = self.partners()
        gone = self.env['res.partner'].create({'name': 'Gone soon'})
        self.run_sync()
        twin, flow = self.twin(gone), self.flow('partner')
        flow.direction = 'pull'
        here.phone = '555'
        self.env['res.partner.bank'].create({'partner_id': here.id, 'acc_number': '333-3'})     # the contact keeps its date of change
        gone.unlink()
        new = self.env['res.partner'].create({'name': 'Meanwhile'})
        self.run_sync()
        self.assertFalse(self.twin(new))
        flow.direction = 'both'
        self.run_sync()
        self.assertTrue(self.twin(new))
        self.assertEqual(self.there('res.partner', [('id', '=', there)], 'phone')[0]['phone'], '555')
        self.assertTrue(self.there('res.partner.bank', [('partner_id', '=', there), ('acc_number', '=', '333-3')], 'id'))
        self.assertFalse(self.there('res.partner', [('id', '=', twin)], 'active')[0]['active'])

    def test_changes_while_disconnected_are_sent_later(self):
        here, there = self.partners()
        credentials = dict(self.link._client().credentials)
        self.link.action_disconnect()
        here.phone = '556'
        self.link._store_credentials({name: credentials[name] for name in ('url', 'database', 'login', 'key')})
        client = self.link._client()
        self.link._take_consent(client.start(), client)
        self.run_sync()
        self.assertEqual(self.there('res.partner', [('id', '=', there)], 'phone')[0]['phone'], '556')

    def test_a_change_of_what_is_out_of_sight_there_waits(self):
        """Nobody knows yet whether it was deleted."""
        here, there = self.partners()
        self.run_sync()
        self.peer.shell(f"env['res.partner'].browse({there}).company_id = env['res.company'].create({{'name': 'Other'}})\nenv.cr.commit()")
        here.phone = '557'
        self.run_sync()
        change = self.flow('partner').change_ids.filtered(lambda change: change.state == 'blocked')
        self.assertEqual(change.res_id, here.id)
        self.assertIn('not found there', change.why)
        self.peer.sql(f'UPDATE res_partner SET company_id = NULL WHERE id = {there}')
        self.flow('partner').listed_at = False
        self.run_sync()
        self.assertEqual(self.there('res.partner', [('id', '=', there)], 'phone')[0]['phone'], '557')
        self.assertEqual(change.state, 'done')

    def test_a_change_of_what_was_deleted_there_waits_no_longer(self):
        here, there = self.partners()
        self.rpc.call('res.partner', 'unlink', [there])
        here.phone = '557'
        self.run_sync()
        change = self.flow('partner').change_ids.filtered(lambda change: change.state == 'blocked')
        self.assertEqual(change.res_id, here.id)
        for _list in range(2):
            self.flow('partner').listed_at = False
            self.run_sync()
        self.assertFalse(here.active)
        self.assertEqual(change.state, 'done')

    def test_another_database_behind_the_connection(self):
        """Its records have ids of their own: the pairs of the first one mean nothing there."""
        here, _there = self.partners()
        self.env['res.partner'].create([{'name': f'After the copy {number}'} for number in range(6)])
        self.run_sync()
        self.addCleanup(self.peer.rename, self.peer.database)
        self.peer.rename(f'{self.peer.database}_moved')
        self.renew_there()
        stranger = self.create_there('res.partner', name='Stranger')
        self.peer.sql(f"UPDATE res_partner SET write_date = now() AT TIME ZONE 'UTC' WHERE id = {stranger}")
        given = {'url': self.peer.url, 'database': self.peer.database, 'login': 'sync', 'key': self.peer.keys['sync']}
        self.link._store_credentials(given)
        client = self.link._client()
        self.link._take_consent(client.start(), client)
        self.assertFalse(self.link.flow_ids.binding_ids)
        self.assertTrue(self.link.needs_pairing)
        self.run_sync()
        self.assertEqual((here.name, here.exists()), (here.name, here))

    def test_signed_in_again_to_the_same_books(self):
        here, there = self.partners()
        self.peer.sql("UPDATE res_partner SET write_date = write_date - interval '1 hour'")
        self.flow('partner').listed_at = False
        self.run_sync()
        self.link.sudo().peer_place = 'https://old.example|books|1'
        client = self.link._client()
        self.link._take_consent(client.start(), client)
        self.assertEqual(self.twin(here), there)
        self.assertFalse(self.link.needs_pairing)

    def test_language_that_is_not_installed_there(self):
        self.env['res.lang']._activate_lang('fr_FR')
        self.link.user_id.lang = 'fr_FR'
        here, there = self.partners()
        self.write_there('res.partner', there, phone='557')
        log = self.run_sync()
        self.assertFalse(log.failed, log.detail)
        self.assertEqual(here.phone, '557')

    def test_a_record_that_the_other_server_fails_at_stops_nothing_else(self):
        """Somebody's field there breaks with one record: an exception, not a refusal."""
        self.switch_on('partner')
        bad, good = self.env['res.partner'].create([{'name': 'One'}, {'name': 'Two'}])
        self.run_sync()
        field = {'name': 'x_code', 'ttype': 'char', 'state': 'manual', 'store': True, 'depends': 'name',
                 'compute': "for record in self:\n    record['x_code'] = str(1 / 0) if record.name == 'Bad' else ''"}
        self.peer.shell(f"env['ir.model.fields'].create({{**{field!r}, 'model_id': env['ir.model']._get('res.partner').id}})\n"
                        "env.registry.signal_changes()\nenv.cr.commit()")
        bad.name, good.name = 'Bad', 'Good'
        self.run_sync()
        self.assertEqual(self.there('res.partner', [('id', '=', self.twin(good))], 'name')[0]['name'], 'Good')
        self.assertIn('failed at it', self.issues().summary)
        bad.name = 'Better'
        self.run_sync()
        self.assertEqual(self.there('res.partner', [('id', '=', self.twin(bad))], 'name')[0]['name'], 'Better')
        self.assertFalse(self.issues())

    def test_somebody_there_changes_what_we_have_just_written(self):
        """Between our write and our look at what came of it; a trigger is as quick as that."""
        here, there = self.partners()
        self.run_sync()
        self.peer.sql("""
            CREATE FUNCTION slip() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN IF NEW.phone = '777' THEN NEW.phone = '888'; NEW.write_uid = 2; END IF; RETURN NEW; END $$;
            CREATE TRIGGER slip BEFORE UPDATE ON res_partner FOR EACH ROW EXECUTE FUNCTION slip()""")
        here.phone = '777'
        self.run_sync()
        self.run_sync()
        self.assertEqual((here.phone, self.there('res.partner', [('id', '=', there)], 'phone')[0]['phone']), ('777', '888'))
        self.peer.sql("DROP TRIGGER slip ON res_partner")
        self.issues('conflict').action_take_there()
        self.run_sync()
        self.assertEqual(here.phone, '888')

    def test_what_somebody_changed_after_a_run_that_broke_off_is_not_written_over(self):
        self.switch_on('partner')
        self.run_sync()
        for is_touched in (False, True):
            here = self.env['res.partner'].create({'name': f'Broken off {is_touched}'})
            self.run_sync()
            there = self.twin(here)
            binding = self.env['online.sync.binding'].sudo().search([('res_id', '=', here.id), ('res_model', '=', 'res.partner')])
            binding.unlink()
            here.phone = '558'
            if is_touched:
                self.peer.sql(f"UPDATE res_partner SET create_date = create_date - interval '1 minute' WHERE id = {there}")
                self.write_there('res.partner', there, name='Renamed there', street='Main 1')
            else:
                self.peer.sql(f"UPDATE res_partner SET create_date = write_date WHERE id = {there}")
            self.link.log_ids[:1].state = 'failed'
            self.run_sync()
            self.run_sync()
            self.assertEqual(self.twin(here), there)
            row, = self.there('res.partner', [('id', '=', there)], 'name', 'street', 'phone')
            self.assertEqual(row['name'], 'Renamed there' if is_touched else here.name)
            self.assertEqual(row['phone'], '558')
            self.assertEqual(bool(self.issues('conflict')), is_touched)

    def test_new_record_that_was_committed_behind_the_cursor(self):
        self.partners()
        late = self.create_there('res.partner', name='Long import')
        self.peer.sql(f"UPDATE res_partner SET write_date = write_date - interval '1 day' WHERE id = {late}")
        self.run_sync()
        self.assertFalse(self.twin_of('res.partner', late))
        self.flow('partner').listed_at = False
        self.run_sync()
        self.assertEqual(self.twin_of('res.partner', late).name, 'Long import')

    def test_a_list_that_is_suddenly_short_is_not_believed(self):
        """Our user there lost its rights, or a rule hides the records: nothing is archived before a person says that they were deleted."""
        self.switch_on('partner')
        customers = self.env['res.partner'].create([{'name': f'Customer {number}'} for number in range(30)])
        self.run_sync()
        self.peer.shell("other = env['res.company'].create({'name': 'Other'})\n"
                        "env['res.partner'].search([('name', 'like', 'Customer ')]).company_id = other\nenv.cr.commit()")
        for _day in range(3):
            self.flow('partner').listed_at = False
            self.run_sync()
        self.assertEqual(len(customers.filtered('active')), 30)
        self.assertIn('30 of', self.issues('missing').summary)
        self.issues('missing').action_believe_missing()
        self.run_sync()
        self.assertFalse(customers.filtered('active'))
        self.assertFalse(self.issues('missing'))

    def test_a_bank_that_the_other_side_does_not_have_empties_nothing(self):
        here, there = self.partners()
        bank = self.env['res.bank'].create({'name': 'Ours', 'bic': 'OURSUS33'})
        account = self.env['res.partner.bank'].create({'partner_id': here.id, 'acc_number': '666-6', 'bank_id': bank.id})
        self.run_sync()
        twin, = self.there('res.partner.bank', [('partner_id', '=', there)], 'acc_number', 'bank_id')
        self.assertEqual((twin['acc_number'], twin['bank_id']), ('666-6', False))
        told = self.peer.shell("print('id', env['res.bank'].create({'name': 'Theirs', 'bic': 'THEIUS33'}).id)\nenv.cr.commit()")
        self.write_there('res.partner.bank', twin['id'], bank_id=int(told.rpartition('id ')[2]))
        self.run_sync()
        self.assertEqual(account.bank_id, bank)
        account.acc_holder_name = 'Somebody'
        self.run_sync()
        twin, = self.there('res.partner.bank', [('partner_id', '=', there)], 'acc_holder_name', 'bank_id')
        self.assertEqual((twin['acc_holder_name'], bool(twin['bank_id'])), ('Somebody', True))
        self.assertEqual(account.bank_id, bank)

    def test_bank_account_that_was_removed_by_mistake(self):
        here, there = self.partners()
        bank = self.env['res.partner.bank'].create({'partner_id': here.id, 'acc_number': '444-4'})
        self.run_sync()
        bank.unlink()
        self.run_sync()
        self.assertFalse(self.there('res.partner.bank', [('partner_id', '=', there), ('active', '=', True)], 'id'))
        banks = self.env['res.partner.bank'].with_context(active_test=False)
        old = banks.search([('partner_id', '=', here.id), ('acc_number', '=', '444-4')])
        if old:
            old.active = True
        else:
            banks.create({'partner_id': here.id, 'acc_number': '444-4'})
        for _run in range(2):
            self.run_sync()
            found = self.there('res.partner.bank', [('partner_id', '=', there)], 'acc_number', 'active')
            self.assertEqual([(one['acc_number'], one['active']) for one in found], [('444-4', True)])
        self.assertFalse(self.issues().mapped('summary'))

    def test_bank_account_that_was_removed_comes_back_in_other_writing(self):
        here, there = self.partners()
        bank = self.env['res.partner.bank'].create({'partner_id': here.id, 'acc_number': '555-5'})
        self.run_sync()
        old, = self.there('res.partner.bank', [('partner_id', '=', there)], 'id')
        self.write_there('res.partner.bank', old['id'], active=False)
        self.run_sync()
        self.assertFalse(bank.exists().active)
        bank.write({'active': True, 'acc_number': '55 55'})
        self.run_sync()
        self.run_sync()
        found = self.there('res.partner.bank', [('partner_id', '=', there)], 'acc_number', 'active')
        self.assertEqual([(one['acc_number'], one['active']) for one in found], [('55 55', True)])
        self.assertFalse(self.issues().mapped('summary'))

    def test_bank_account_that_was_removed_is_not_paid_there(self):
        here, there = self.partners()
        here.bank_ids = [(0, 0, {'acc_number': '111-1'}), (0, 0, {'acc_number': '222-2'})]
        self.run_sync()
        self.assertEqual(len(self.there('res.partner.bank', [('partner_id', '=', there), ('active', '=', True)], 'id')), 2)
        here.bank_ids.filtered(lambda bank: bank.acc_number == '111-1').unlink()
        self.run_sync()
        left = self.there('res.partner.bank', [('partner_id', '=', there), ('active', '=', True)], 'acc_number')
        self.assertEqual([one['acc_number'] for one in left], ['222-2'])

    def test_accounts_of_other_companies_stay_out(self):
        other = self.env['res.company'].create({'name': 'Other books'})
        account = self.env['account.account'].with_company(other).create({
            'code': '987654', 'name': 'Not ours', 'account_type': 'income', 'company_ids': [(6, 0, other.ids)]})
        self.assertNotIn(str(account.id), self.sides()[HERE].read_records('account', [str(account.id)]))
        mine = self.company_data['default_account_revenue']
        self.assertIn(str(mine.id), self.sides()[HERE].read_records('account', [str(mine.id)]))

    def test_number_that_is_taken_stays_behind(self):
        self.with_invoices()
        invoice = self.invoice(100)
        partner = self.create_there('res.partner', name='Other')
        mine = self.create_there('account.move', move_type='out_invoice', partner_id=partner, invoice_date='2026-03-09', name=invoice.name,
                                 invoice_line_ids=[[0, 0, {'name': 'x', 'price_unit': 7, 'tax_ids': [[6, 0, []]]}]])
        self.rpc.call('account.move', 'action_post', [mine])
        self.run_sync()
        self.run_sync()
        there = self.move_there([('id', '=', self.twin(invoice))])
        self.assertNotEqual(there['name'], invoice.name)
        self.assertEqual((there['state'], there['ref']), ('posted', invoice.name))
        here = self.twin_of('account.move', mine)
        self.assertEqual((here.state, here.ref), ('posted', invoice.name))
        self.assertNotEqual(here.name, invoice.name)

    def test_number_of_a_draft_that_was_posted_there_and_is_taken_here(self):
        self.with_invoices()
        draft = self.invoice(100, post=False)
        self.run_sync()
        self.rpc.call('account.move', 'action_post', [self.twin(draft)])
        other = self.invoice(50)
        number = self.move_there([('id', '=', self.twin(draft))])['name']
        other.button_draft()
        other.name = number
        other.action_post()
        self.run_sync()
        self.run_sync()
        self.assertEqual((draft.state, draft.ref), ('posted', number))
        self.assertNotEqual(draft.name, number)
        there = self.move_there([('id', '=', self.twin(other))])
        self.assertEqual((there['state'], there['ref']), ('posted', number))
        self.assertFalse(self.issues().mapped('summary'))


@tagged('post_install', '-at_install', 'peer18')
class TestPeer18(PeerTests, PeerCase):
    series = '18.0'


@tagged('post_install', '-at_install', 'peer19')
class TestPeer19(PeerTests, PeerCase):
    series = '19.0'
