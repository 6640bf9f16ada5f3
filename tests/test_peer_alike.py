"""The same thing typed in on both sides: it is there once on each, or a person is asked."""
from odoo import Command
from odoo.tests import tagged

from ..clients.books import Intent
from ..clients.errors import ConfigError
from ..engine.plan import HERE, THERE
from .peer_common import DAY, REFERENCES, PeerCase


class AlikeTests:
    """What holds between this database and an Odoo of `series`."""

    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

    at_first = REFERENCES

    def prepare(self):
        type(self).partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on('partner', 'invoice')
        return self.run_sync()

    def marker(self, record):
        """What a record here is found by there."""
        told, = self.sides()[HERE].read_records('partner', [str(record.id)], ()).values()
        return self.flow('partner')._marker(told)

    def issues(self, *kinds):
        return self.link.issue_ids.filtered(lambda issue: issue.state == 'open' and (not kinds or issue.kind in kinds))

    def contacts(self, name):
        """Numbers of contacts of a name, here and there."""
        found = self.env['res.partner'].with_context(active_test=False).search_count([('name', '=ilike', name)])
        return found, len(self.there('res.partner', [('name', '=ilike', name)], 'name'))

    def invoice(self, amount=100, **values):
        """Due on a day that is said: else it is today, which begins earlier there."""
        return super().invoice(amount, **{'invoice_date_due': DAY, **values})

    def type_there(self, amount=100, **values):
        """A bill of the same customer, posted there."""
        move = self.create_there(
            'account.move', move_type='out_invoice', partner_id=self.twin(self.partner),
            **{'invoice_date': str(DAY), 'date': str(DAY), 'invoice_date_due': str(DAY), 'invoice_line_ids': [Command.create({
                'name': 'work', 'quantity': 1, 'price_unit': amount, 'tax_ids': [Command.clear()]})], **values})
        self.rpc.call('account.move', 'action_post', [move])
        return move

    def invoices(self):
        """Numbers of posted invoices of the customer, here and there."""
        here = self.env['account.move'].search_count([('partner_id', '=', self.partner.id), ('state', '=', 'posted')])
        return here, len(self.there('account.move', [('partner_id', '=', self.twin(self.partner)), ('state', '=', 'posted')], 'name'))

    def test_same_contact_typed_on_both_sides(self):
        here = self.env['res.partner'].create({'name': 'Blue Labs', 'email': 'Hello@blue.example', 'city': 'Boston'})
        there = self.create_there('res.partner', name='BLUE  Labs', email='hello@blue.example', phone='123')
        log = self.run_sync()
        self.assertEqual(self.twin(here), there)
        self.assertEqual((log.created, log.failed), (0, 0))
        self.assertEqual(len(self.there('res.partner', [('email', '=ilike', 'hello@blue.example')], 'name')), 1)
        self.assertEqual(here.phone, '123', "what only one side knows flows")
        self.assertEqual(self.there('res.partner', [('id', '=', there)], 'city')[0]['city'], 'Boston')

    def test_a_tax_id_is_the_same_with_and_without_points(self):
        here = self.env['res.partner'].create({'name': 'Blue', 'vat': 'US 45-6'})
        there = self.create_there('res.partner', name='Blue Laboratories', vat='US456')
        self.run_sync()
        self.assertEqual(self.twin(here), there)

    def test_names_with_signs_of_patterns(self):
        names = ['100% Pure_Water\\', '100x PureXWater']
        here = self.env['res.partner'].create([{'name': name, 'email': 'a@example.com'} for name in names[:1]])
        self.create_there('res.partner', name=names[1], email='b@example.com')
        self.run_sync()
        self.assertEqual(self.there('res.partner', [('id', '=', self.twin(here))], 'name')[0]['name'], names[0])
        self.assertFalse(self.issues())

    def test_what_a_run_that_died_created_there_is_no_question(self):
        for name, is_noted in (('Blue', True), ('Green', False)):
            here = self.env['res.partner'].create({'name': name})
            marker = self.marker(here)
            made, = self.sides()[THERE].write_records('partner', [Intent('partner', marker=marker, fields={'name': name})])
            self.env.cr.precommit.run()
            if not is_noted:        # as in a first load, where what is there is looked at before what is here
                self.flow('partner').change_ids.filtered(lambda change, here=here: change.res_id == here.id).unlink()
            self.run_sync()
            self.assertFalse(self.issues().mapped('summary'))
            self.assertEqual(self.twin(here), int(made.key))
            self.assertEqual(self.contacts(name), (1, 1))

    def test_a_backup_that_was_restored_here(self):
        """It does not have what was created since, gives the same ids to other records, and finds its own on the other side."""
        here = self.env['res.partner'].create({'name': 'Blue', 'email': 'blue@example.com'})
        lost = [self.marker(here)[:-14] + '20260102030405', f"{self.flow('partner')._markers()}{here.id + 100000}_20260102030406"]
        for number, marker in enumerate(lost):
            self.sides()[THERE].write_records('partner', [Intent('partner', marker=marker, fields={'name': f'Lost {number}'})])
        self.run_sync()
        self.run_sync()
        self.assertFalse(self.issues().mapped('summary'))
        self.assertEqual(self.there('res.partner', [('id', '=', self.twin(here))], 'name')[0]['name'], 'Blue')
        for number in range(2):
            self.assertEqual(self.contacts(f'Lost {number}'), (1, 1))
            self.assertTrue(self.there('res.partner', [('name', '=', f'Lost {number}')], 'active')[0]['active'])

    def test_a_backup_that_was_restored_there(self):
        """Another record has the key now: nothing of it is written to what was paired."""
        here = self.env['res.partner'].create({'name': 'Blue', 'email': 'blue@example.com', 'city': 'Boston'})
        self.run_sync()
        self.run_sync()
        there = self.twin(here)
        self.peer.sql(f"DELETE FROM ir_model_data WHERE model = 'res.partner' AND res_id = {there}")
        self.peer.sql("UPDATE res_partner SET name = 'Stranger', complete_name = 'Stranger', email = 'x@example.com', city = 'Berlin', "
                      f"create_date = create_date + interval '3 hours', write_date = now() AT TIME ZONE 'UTC' WHERE id = {there}")
        self.run_sync()
        self.run_sync()
        self.assertEqual((here.name, here.city, here.email), ('Blue', 'Boston', 'blue@example.com'))
        self.assertEqual((self.contacts('Stranger'), self.contacts('Blue')), ((1, 1), (1, 1)))
        self.assertNotIn(self.twin(here), (0, there))
        self.assertEqual(self.twin_of('res.partner', there).name, 'Stranger')
        self.assertIn('Blue', ' '.join(self.link.message_ids.mapped('body')))

    def test_names_that_begin_and_end_with_a_sign(self):
        for name in ('#1 Pizza', '(2) Pasta (new)', '_3_', 'Café "4"'):
            self.env['res.partner'].create({'name': name})
            self.create_there('res.partner', name=name)
            self.run_sync()
            self.assertIn(name, ' '.join(self.issues('alike').mapped('summary')))
            self.assertEqual(self.contacts(name.replace('_', r'\_')), (1, 1))

    def test_contact_that_is_only_probably_the_same_is_asked_about(self):
        for answer, count in (('action_is_same', 1), ('action_is_other', 2)):
            name = f'Blue {answer}'
            here = self.env['res.partner'].create({'name': name, 'city': 'Boston'})
            there = self.create_there('res.partner', name=name, street='Main 1')
            bill = self.invoice(partner_id=here.id)
            self.run_sync()
            self.run_sync()
            issue = self.issues()
            self.assertEqual(issue.mapped('kind'), ['alike'], "one question, and none besides")
            self.assertIn(name, issue.summary)
            self.assertEqual(self.contacts(name), (1, 1))
            self.assertFalse(self.twin(bill), "what needs it waits")
            getattr(issue, answer)()
            self.run_sync()
            self.run_sync()
            self.assertFalse(self.issues().mapped('summary'))
            self.assertEqual(self.contacts(name), (count, count))
            self.assertEqual(self.twin(here) == there, answer == 'action_is_same')
            self.assertTrue(self.twin(bill), "what waited for it went on")
            log = self.run_sync()
            self.assertEqual((log.created, log.updated, log.waiting), (0, 0, 0))

    def test_question_that_no_longer_holds(self):
        here = self.env['res.partner'].create({'name': 'Blue'})
        there = self.create_there('res.partner', name='Blue')
        self.run_sync()
        self.assertEqual(len(self.issues('alike')), 1)
        self.write_there('res.partner', there, name='Green')
        self.run_sync()
        self.run_sync()
        self.assertFalse(self.issues())
        self.assertEqual((self.contacts('Blue'), self.contacts('Green')), ((1, 1), (1, 1)))
        self.assertNotEqual(self.twin(here), there)

    def test_same_invoice_typed_on_both_sides(self):
        here, there = self.invoice(100), self.type_there(100)
        self.assertEqual(here.name, self.there('account.move', [('id', '=', there)], 'name')[0]['name'])
        self.run_sync()
        self.assertEqual((self.twin(here), self.invoices()), (there, (1, 1)))
        self.assertFalse(self.issues().mapped('summary'))

    def test_files_of_what_a_person_said_to_be_the_same(self):
        self.switch_on('attachment')
        here = self.invoice(100)
        there = self.type_there(100, **{'invoice_date': '2026-03-11', 'date': '2026-03-11'})
        self.env['ir.attachment'].create({'name': 'scan.txt', 'res_model': here._name, 'res_id': here.id, 'raw': b'scan'})
        self.create_there('ir.attachment', name='theirs.txt', res_model='account.move', res_id=there, raw='dGhlaXJz')
        self.run_sync()
        self.issues('alike').action_is_same()
        self.run_sync()
        self.run_sync()
        self.assertEqual(self.twin(here), there)
        files = [('res_model', '=', 'account.move'), ('res_field', '=', False)]
        self.assertEqual({'scan.txt', 'theirs.txt'}, {
            row['name'] for row in self.there('ir.attachment', [*files, ('res_id', '=', there)], 'name')})
        self.assertEqual({'scan.txt', 'theirs.txt'}, {
            row.name for row in self.env['ir.attachment'].search([*files, ('res_id', '=', here.id)])})

    def test_pairs_of_another_connection_are_not_confirmed(self):
        wizard = self.env['online.sync.pairing'].browse(self.link.action_pair()['res_id'])
        link = self.env['online.sync.link'].sudo().create({'provider': 'odoo', 'company_id': self.company.id})
        self.env['online.sync.flow'].sudo()._create_all(link)
        other = link.flow_ids.filtered(lambda flow: flow.entity == 'partner')
        self.env['online.sync.pairing.kind'].create({'pairing_id': wizard.id, 'flow_id': other.id})
        wizard.action_confirm()
        self.assertFalse(other.pairs_confirmed)

    def test_the_same_books_are_connected_once(self):
        with self.assertRaisesRegex(ConfigError, 'connected already'):
            self.connect()

    def test_same_number_of_another_day_is_asked_about(self):
        """Two books in use give the same number to two invoices of one customer."""
        here = self.invoice(100)
        there = self.type_there(100, **{'invoice_date': '2026-03-11', 'date': '2026-03-11'})
        self.run_sync()
        self.assertEqual(self.invoices(), (1, 1))
        self.issues('alike').action_is_other()
        self.run_sync()
        self.run_sync()
        self.assertEqual(self.invoices(), (2, 2))
        self.assertNotEqual(self.twin(here), there)
        self.assertFalse(self.issues().mapped('summary'))

    def test_one_of_two_is_chosen(self):
        here = self.invoice(100)
        there = [self.type_there(100, name='A/1'), self.type_there(100, name='A/2')]
        self.run_sync()
        questions = self.issues('alike')
        self.assertEqual(len(questions), 2)
        questions.filtered(lambda issue: 'A/2' in issue.summary).action_is_same()
        self.run_sync()
        self.run_sync()
        self.assertEqual((self.twin(here), self.invoices()), (there[1], (2, 2)))
        self.assertFalse(self.issues().mapped('summary'), "each keeps the number that it has")
        here.button_draft()
        here.invoice_line_ids.name = 'other work'
        here.action_post()
        self.flow('invoice').follows = True
        self.run_sync()
        twin, = self.there('account.move', [('id', '=', there[1])], 'name', 'state')
        self.assertEqual((twin['name'], twin['state']), ('A/2', 'posted'))
        self.assertFalse(self.issues().mapped('summary'))

    def test_another_invoice_of_the_customer_is_no_question(self):
        self.invoice(100)
        self.type_there(120, name='B/1')
        self.run_sync()
        self.assertEqual(self.invoices(), (2, 2))
        self.assertFalse(self.issues().mapped('summary'))

    def test_two_of_one_tax_id_are_asked_about_although_one_is_in_another_page(self):
        first, second = (self.env['res.partner'].create({'name': name, 'vat': 'US888'}) for name in ('One', 'Two'))
        self.create_there('res.partner', name='Either', vat='US888')
        self.env.cr.precommit.run()
        self.env['online.sync.change'].sudo().search([('res_id', '=', second.id), ('state', '=', 'pending')]).unlink()
        self.run_sync()
        self.assertFalse(self.twin(first))
        self.assertTrue(self.issues('alike'))

    def documents(self):
        """Numbers of customer invoices, here and there, whatever their state."""
        domain = [('move_type', '=', 'out_invoice')]
        return (self.env['account.move'].search_count([*domain, ('company_id', '=', self.company.id)]),
                len(self.there('account.move', domain, 'name')))

    def forget(self, record):
        """As if the run that brought a record there had died before it could remember it."""
        binding = self.env['online.sync.binding'].sudo().search([('res_id', '=', record.id), ('res_model', '=', record._name)])
        self.env['online.sync.change'].sudo().search([('flow_id', '=', binding.flow_id.id), ('res_id', '=', record.id)]).state = 'pending'
        binding.unlink()

    def test_what_a_dead_run_created_and_what_was_changed_since(self):
        """It waits here for something else, and is told there: it is no new record of the other side."""
        invoice = self.invoice(100, post=False)
        self.run_sync()
        twin = self.twin(invoice)
        count = self.documents()
        self.forget(invoice)
        other = self.env['res.partner'].create({'name': 'Doubtful'})
        self.create_there('res.partner', name='Doubtful')
        invoice.partner_id = other
        self.write_there('account.move', twin, narration='looked at there')
        self.run_sync()
        self.assertEqual(self.documents(), count)
        self.issues('alike').action_is_same()
        self.run_sync()
        self.run_sync()
        self.assertEqual((self.twin(invoice), self.documents()), (twin, count))
        for issue in self.issues('conflict'):
            issue.action_keep_here()
        self.run_sync()
        self.assertEqual(self.there('account.move', [('id', '=', twin)], 'partner_id')[0]['partner_id'], self.twin(other))
        self.assertFalse(self.issues().mapped('summary'))

    def test_what_a_dead_run_created_and_what_was_deleted_since(self):
        invoice = self.invoice(100, post=False)
        self.run_sync()
        twin = self.twin(invoice)
        self.forget(invoice)
        invoice.unlink()
        self.write_there('account.move', twin, narration='looked at there')
        self.run_sync()
        self.assertFalse(self.env['account.move'].search([('partner_id', '=', self.partner.id)]), "it does not come back")
        self.assertEqual(self.there('account.move', [('id', '=', twin)], 'state')[0]['state'], 'cancel')

    def test_what_a_dead_run_created_is_nobody_elses_pair(self):
        """Another one here is like it now."""
        here = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.run_sync()
        twin = self.twin(here)
        self.forget(here)
        here.write({'name': 'Birch', 'vat': 'US456'})
        other = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.run_sync()
        self.assertEqual(self.twin(here), twin)
        self.assertTrue(self.twin(other))
        self.assertNotEqual(self.twin(other), twin)

    def test_what_is_only_paired_is_paired_later_too(self):
        values = {'code': '499777', 'name': 'Consulting', 'account_type': 'income'}
        account = self.env['account.account'].create(values)
        invoice = self.invoice(100, invoice_line_ids=[Command.create({
            'name': 'work', 'quantity': 1, 'price_unit': 100, 'account_id': account.id, 'tax_ids': [Command.clear()]})])
        self.run_sync()
        self.assertEqual(self.issues().mapped('kind'), ['unmapped'])
        self.peer.shell(f"env['account.account'].create({values!r})\nenv.cr.commit()")
        self.run_sync()
        self.run_sync()
        self.assertTrue(self.twin(account) and self.twin(invoice))
        self.assertFalse(self.issues().mapped('summary'))

    def test_who_was_told_apart_before_the_first_run_is_not_asked_about_again(self):
        self.link.flow_ids.direction = 'off'
        here = self.env['res.partner'].create({'name': 'Blue'})
        there = self.create_there('res.partner', name='Blue')
        self.flow('partner').direction = 'both'
        wizard = self.env['online.sync.pairing'].browse(self.link.action_pair()['res_id'])
        wizard.action_no_to_all()
        wizard.action_create_rest()
        wizard.action_confirm()
        self.run_sync()
        self.assertFalse(self.issues('alike'))
        self.assertEqual(self.contacts('Blue'), (2, 2))
        self.assertNotEqual(self.twin(here), there)


@tagged('post_install', '-at_install', 'peer18', 'one_series')
class TestPeerAlike18(AlikeTests, PeerCase):
    series = '18.0'


@tagged('post_install', '-at_install', 'peer19', 'one_series')
class TestPeerAlike19(AlikeTests, PeerCase):
    series = '19.0'
