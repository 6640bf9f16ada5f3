"""The screens of a connection to another Odoo: connect, what flows, pairs, changes, twins; in Python and in a browser."""
from dataclasses import replace
from unittest.mock import patch

from odoo import Command, fields, release
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user, tagged

from ..clients.http import Http
from ..engine.plan import HERE
from .peer_common import DAY, REFERENCES, PeerCase


@tagged('post_install', '-at_install')
class TestPeerScreens(PeerCase, HttpCase):
    series = '.'.join(str(number) for number in release.version_info[:2])

    def setUp(self):
        super().setUp()
        self.manager = new_test_user(self.env, login='peer_manager', groups='account.group_account_manager,base.group_partner_manager',
                                     company_id=self.company.id)

    def both_know(self, **values):
        """Id there, and the record here."""
        return self.create_there('res.partner', **values), self.env['res.partner'].create(values)

    def pairing(self, *entities):
        for name in entities:
            self.flow(name).direction = 'both'
        action = self.link.with_user(self.manager).sudo(False).action_pair()
        return self.env[action['res_model']].with_user(self.manager).sudo(False).browse(action['res_id'])

    def line(self, pairing, title):
        return pairing.line_ids.filtered(lambda line: line.title.partition(' · ')[0] == title)

    # -- connecting ---------------------------------------------------------------------------------------------------------------

    def test_connect(self):
        self.link.action_disconnect()       # these books are connected once
        wizard = self.env['online.sync.connect'].with_user(self.manager).sudo(False).create({'provider': 'odoo'})
        wizard.action_chosen()
        wizard.credentials = {'url': self.peer.url, 'database': self.peer.database, 'login': 'sync', 'key': 'wrong'}
        wizard.action_sign_in()
        self.assertEqual((wizard.step, wizard.link_id.state), ('sign_in', 'draft'))
        self.assertIn('API key', wizard.problem)
        wizard.invalidate_recordset()
        self.assertEqual(wizard.credentials['login'], 'sync')
        self.assertNotIn('key', wizard.credentials)
        wizard.credentials = {'key': self.peer.keys['sync']}
        wizard.action_sign_in()
        self.assertEqual((wizard.step, wizard.problem, wizard.peer_name), ('flows', False, 'Peer Company'))
        link = wizard.link_id
        self.assertIn('contacts', ' '.join(link.flow_ids.filtered(lambda flow: flow.direction == 'both').mapped('name')).lower())
        self.assertTrue(link.needs_pairing)
        self.assertFalse(link.can_run or link.next_run or link.log_ids)
        self.assertEqual(wizard.action_flows()['res_id'], link.id)

    def test_rights_that_are_missing_there_are_said_at_sign_in_and_before_pairing(self):
        self.link.action_disconnect()
        wizard = self.env['online.sync.connect'].with_user(self.manager).sudo(False).create({'provider': 'odoo'})
        wizard.action_chosen()
        wizard.credentials = {'url': self.peer.url, 'database': self.peer.database, 'login': 'clerk', 'key': self.peer.keys['clerk']}
        wizard.action_sign_in()
        self.assertEqual(wizard.step, 'flows')
        self.assertIn(f"The user “clerk” of the database “{self.peer.database}” has too few rights", wizard.problem)
        self.assertRegex(wizard.problem, 'read: Journals.*; change or create: Contacts')
        with self.assertRaisesRegex(UserError, 'clerk.*may not read: Journals'):
            wizard.link_id.action_pair()
        wizard.link_id.flow_ids.direction = 'off'
        wizard.link_id.flow_ids.filtered(lambda flow: flow.entity == 'partner').direction = 'pull'
        wizard.link_id.action_pair()
        wizard.credentials = {'login': 'sync', 'key': self.peer.keys['sync']}
        wizard.action_sign_in()
        self.assertFalse(wizard.problem)

    def test_a_right_that_is_missing_in_the_midst_of_it(self):
        """What Odoo says is led in by whose right is missing."""
        self.flow('invoice').direction = 'pull'
        clerk = self.link.sudo()
        clerk._store_credentials({**clerk._credentials(), 'login': 'clerk', 'key': self.peer.keys['clerk']})
        self.startPatcher(patch.object(type(self.link), '_check_rights', lambda link: None))
        with self.assertRaisesRegex(UserError, 'The user “clerk” of the database .* lacks a right.*not allowed'):
            self.link.with_user(self.manager).sudo(False).action_pair()

    def test_one_step_back_from_signing_in(self):
        wizard = self.env['online.sync.connect'].with_user(self.manager).sudo(False).create({'provider': 'odoo'})
        wizard.action_chosen()
        link = wizard.link_id
        action = wizard.action_back()
        self.assertFalse(link.exists())
        self.assertEqual((wizard.exists(), action['res_id'], wizard.provider), (wizard, wizard.id, False))
        wizard.provider = 'odoo'
        wizard.action_chosen()
        self.assertEqual(wizard.step, 'sign_in')

    def test_what_was_typed_wrong_can_be_emptied(self):
        self.link.action_disconnect()
        wizard = self.env['online.sync.connect'].with_user(self.manager).sudo(False).create({'provider': 'odoo'})
        wizard.action_chosen()
        given = {'url': self.peer.url, 'database': self.peer.database, 'login': 'sync', 'key': self.peer.keys['sync']}
        wizard.credentials = {**given, 'company': 'Foo Ltd'}
        wizard.action_sign_in()
        self.assertIn('Foo', wizard.problem + wizard.credentials['company'])
        wizard.credentials = {**given, 'key': '', 'company': ''}
        wizard.action_sign_in()
        self.assertEqual((wizard.problem, wizard.peer_name), (False, 'Peer Company'))

    def test_the_same_books_by_another_address(self):
        wizard = self.env['online.sync.connect'].with_user(self.manager).sudo(False).create({'provider': 'odoo'})
        wizard.action_chosen()
        self.env['ir.config_parameter'].sudo().set_param('account_online_sync.allowed_networks', '127.0.0.0/8,::1/128')
        wizard.credentials = {'url': self.peer.url.replace('127.0.0.1', 'localhost'), 'database': self.peer.database, 'login': 'sync',
                              'key': self.peer.keys['sync']}
        wizard.action_sign_in()
        self.assertIn('connected already', wizard.problem)

    def test_notes_of_one_record_become_one(self):
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on(*REFERENCES, 'partner', 'invoice')
        invoice = self.invoice(100, post=False)
        invoice.invoice_line_ids.account_id = self.env['account.account'].create({
            'code': '499777', 'name': 'Consulting', 'account_type': 'income'})
        self.run_sync()
        for number in range(3):
            invoice.ref = f'R{number}'
            self.run_sync()
        changes = self.flow('invoice').change_ids.filtered(lambda change: change.res_id == invoice.id)
        self.assertEqual(changes.mapped('state'), ['blocked'])
        self.assertEqual(self.link.waiting_count, 1)

    def test_a_price_and_the_lines_are_one_question(self):
        """What is chosen for a list holds for all of its lines."""
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on(*REFERENCES, 'partner', 'invoice')
        invoice = self.invoice(95)
        self.run_sync()
        twin = self.twin(invoice)
        line, = self.there('account.move.line', [('move_id', '=', twin), ('display_type', '=', 'product')], 'id')
        invoice.button_draft()
        invoice.invoice_line_ids.price_unit = 100
        invoice.action_post()
        self.rpc.call('account.move', 'button_draft', [twin])
        self.write_there('account.move', twin, invoice_line_ids=[[1, line['id'], {'price_unit': 90, 'name': 'other'}]])
        self.rpc.call('account.move', 'action_post', [twin])
        self.run_sync()
        issue, = self.link.issue_ids.filtered(lambda issue: issue.state == 'open')
        wizard = self.env['online.sync.decide'].browse(issue.action_decide()['res_id'])
        self.assertEqual(wizard.line_ids.filtered(lambda one: one.name.startswith('lines')).mapped('name'), ['lines'])
        self.assertFalse(any(wizard.line_ids.mapped('choice')), "nothing is chosen beforehand for a posted document")
        wizard.line_ids.choice = 'local'
        wizard.action_confirm()
        self.run_sync()
        self.run_sync()
        line, = self.there('account.move.line', [('move_id', '=', twin), ('display_type', '=', 'product')], 'price_unit', 'name')
        self.assertEqual((line['price_unit'], line['name'], invoice.invoice_line_ids.price_unit), (100, 'work', 100))
        self.assertFalse(self.link.issue_ids.filtered(lambda issue: issue.state == 'open').mapped('summary'))

    def test_nobody_answers_who_connects(self):
        wizard = self.env['online.sync.connect'].with_user(self.manager).sudo(False).create({'provider': 'odoo'})
        wizard.action_chosen()
        self.startPatcher(patch.object(Http, 'sleep', lambda http, seconds: None))
        wizard.action_sign_in()
        self.assertRegex(wizard.problem, "“Address” is missing. Enter it.$")
        wizard.credentials = {'url': 'http://127.0.0.1:1', 'login': 'sync', 'key': 'key'}
        wizard.action_sign_in()
        self.assertIn("cannot be reached at the moment. Try again in a moment.", wizard.problem)

    def test_what_is_missing_is_asked_for(self):
        wizard = self.env['online.sync.connect'].with_user(self.manager).sudo(False).create({'provider': 'odoo'})
        wizard.action_chosen()
        wizard.credentials = {'url': self.peer.url, 'database': self.peer.database, 'login': 'sync', 'key': self.peer.keys['sync'],
                              'company': 'Nobody & Sons'}
        wizard.action_sign_in()
        self.assertIn('Peer Company', wizard.problem)
        self.assertEqual(wizard.provider_facts['asked'], ['company'])

    def test_pairs_are_called_by_name(self):
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on(*REFERENCES, 'partner', 'invoice', 'payment', 'allocation')
        account = self.flow('account').binding_ids[:1]
        code = self.env['account.account'].browse(account.res_id).code
        self.assertTrue(code and account.name_here.startswith(f'{code} '), account.name_here)
        invoice = self.invoice(10)
        payment = self.env['account.payment'].create({
            'payment_type': 'inbound', 'partner_type': 'customer', 'partner_id': self.partner.id, 'amount': 10, 'date': invoice.date,
            'journal_id': self.company_data['default_journal_bank'].id})
        payment.action_post()
        (invoice.line_ids | payment.move_id.line_ids).filtered(lambda line: line.account_type == 'asset_receivable').reconcile()
        self.run_sync()
        tie, = self.flow('allocation').binding_ids
        self.assertIn(invoice.name, tie.name_here)

    def test_changes_that_crossed(self):
        """What was noted and came to nothing is no news."""
        here = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on('partner')
        self.run_sync()
        here.street = 'Main 1'
        self.run_sync()
        here.color = 3
        self.run_sync()
        changes = self.env['online.sync.change'].search([('flow_id', '=', self.flow('partner').id), ('res_id', '=', here.id)])
        self.assertEqual(set(changes.mapped('state')), {'done'})
        shown = changes.search([('id', 'in', changes.ids), ('state', '=', 'done'), ('crossed', '!=', False)])
        self.assertTrue(shown and changes - shown)
        self.assertTrue(all(shown.mapped('crossed_words')) and not any((changes - shown).mapped('crossed_words')))

    # -- deciding -------------------------------------------------------------------------------------------------------------------

    def decisions(self):
        """{title of a field: (what both had, here, there, what is written if it is as here, if it is as there)} of the open question."""
        wizard = self.env['online.sync.decide'].browse(self.open_issues().action_decide()['res_id'])
        return {line.title: (line.base, line.here, line.there, line.if_here, line.if_there) for line in wizard.line_ids}

    def test_decide_says_what_is_written_where(self):
        partner = self.env['res.partner'].create({'name': 'Acme', 'street': 'Main 1', 'city': 'Boston', 'zip': '1'})
        self.switch_on('partner')
        self.run_sync()
        partner.write({'street': 'Main 2', 'city': False, 'active': False, 'is_company': True})
        self.write_there('res.partner', self.twin(partner), street='Main 3', city='York', zip='2')
        self.run_sync()
        self.assertEqual(self.decisions(), {
            'Street': ('“Main 1”', '“Main 2”', '“Main 3”', 'Writes “Main 2” there', 'Writes “Main 3” here'),
            'City': ('“Boston”', 'empty', '“York”', 'Empties it there', 'Writes “York” here')})

    def test_decide_about_a_document(self):
        invoice, twin = self.entered_on_both_sides()
        self.rpc.call('account.move', 'button_draft', [twin])
        self.run_sync()
        self.assertEqual(self.decisions()['Status'][3:], ('Posts it there', 'Resets it to draft here'))
        self.rpc.call('account.move', 'action_post', [twin])
        self.run_sync()
        self.post_there_again(twin, price_unit=120)
        self.rpc.call('account.move', 'button_draft', [twin])
        invoice.button_draft()
        invoice.invoice_line_ids.price_unit = 110
        self.run_sync()
        said = self.decisions()
        base, here, there, if_here, if_there = next(said[title] for title in said if 'price' in title)
        self.assertEqual((base, here, there), ('100.00', '110.00', '120.00'))
        self.assertEqual((if_here, if_there), ('Writes “110.00” there', 'Writes “120.00” here'))

    def test_decide_about_two_that_were_never_the_same(self):
        self.both_know(name='Acme', vat='US123', street='')
        partner = self.env['res.partner'].search([('vat', '=', 'US123')])
        partner.street = 'Main 2'
        self.switch_on('partner')
        self.write_there('res.partner', self.twin(partner), street='Main 3')
        self.run_sync()
        self.assertEqual(self.decisions()['Street'][:3], (False, '“Main 2”', '“Main 3”'))

    # -- what is left as it is ----------------------------------------------------------------------------------------------------

    def open_issues(self):
        return self.link.issue_ids.filtered(lambda issue: issue.state == 'open')

    def leave(self, kind):
        issue, = self.open_issues()
        self.assertEqual(issue.kind, kind)
        issue.with_user(self.manager).sudo(False).action_leave()
        self.assertEqual((issue.state, issue.answer, issue.done_by_id), ('done', "Left as it is", self.manager))
        return issue

    def entered_on_both_sides(self):
        """A posted invoice here and its twin there, on which nothing was agreed yet."""
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on(*REFERENCES, 'partner', 'invoice')
        invoice = self.invoice(100)
        self.run_sync()
        return invoice, self.twin(invoice)

    def post_there_again(self, twin, **line):
        item, = self.there('account.move.line', [('move_id', '=', twin), ('display_type', '=', 'product')], 'id')
        self.rpc.call('account.move', 'button_draft', [twin])
        self.write_there('account.move', twin, invoice_line_ids=[[1, item['id'], line]])
        self.rpc.call('account.move', 'action_post', [twin])

    def test_totals_that_differ_are_left_as_they_are_until_they_change(self):
        invoice, twin = self.entered_on_both_sides()
        lines = self.flow('invoice').field_ids.filtered(lambda field: field.name.startswith('lines'))
        lines.direction = 'off'
        self.post_there_again(twin, price_unit=107)
        self.run_sync()
        issue = self.leave('totals')
        self.assertIn('107', issue.summary)
        for note in ('one', 'two'):
            invoice.ref = note
            self.run_sync()
            self.assertFalse(self.open_issues().mapped('summary'), "nothing about the totals changed")
        self.post_there_again(twin, price_unit=108)
        self.run_sync()
        self.assertIn('108', self.open_issues().summary)
        self.post_there_again(twin, price_unit=100)
        self.run_sync()
        self.assertFalse(self.open_issues().mapped('summary'))
        self.post_there_again(twin, price_unit=108)
        self.run_sync()
        self.assertIn('108', self.open_issues().summary, "nobody left these as they are")

    def test_a_document_whose_twin_was_deleted_is_left_as_it_is_until_it_changes_state(self):
        invoice, twin = self.entered_on_both_sides()
        self.rpc.call('account.move', 'button_draft', [twin])
        self.rpc.call('account.move', 'unlink', [twin], context={'force_delete': True})
        for _list in range(3):
            self.flow('invoice').listed_at = False
            self.run_sync()
        self.assertEqual(self.env['online.sync.dry.run'].sudo()._of(self.link).line_ids.mapped('kind'), ['conflict'])
        self.assertIn("deleted there", self.leave('gone').summary)
        self.assertFalse(self.env['online.sync.dry.run'].sudo()._of(self.link).line_ids, "a person decided")
        invoice.ref = 'R1'
        self.flow('invoice').listed_at = False
        self.run_sync()
        self.assertFalse(self.open_issues().mapped('summary'))
        invoice.button_draft()
        self.run_sync()
        self.leave('gone')
        invoice.ref = 'R2'
        self.run_sync()
        self.assertFalse(self.open_issues().mapped('summary'))
        invoice.action_post()
        self.run_sync()
        self.assertEqual(self.open_issues().kind, 'gone')
        invoice.button_draft()
        invoice.button_cancel()
        self.run_sync()
        self.assertFalse(self.open_issues().mapped('summary'), "what was asked was done")

    # -- pairs ----------------------------------------------------------------------------------------------------------------------

    def test_pairs(self):
        acme_there, acme = self.both_know(name='Acme', vat='US123')
        blue_there, blue = self.both_know(name='Blue Labs')
        alone = self.env['res.partner'].create({'name': 'Cedar'})
        other = self.create_there('res.partner', name='Cedar Consulting Inc')
        count = len(self.there('res.partner', [], 'name'))
        pairing = self.pairing('partner')
        lines = [self.line(pairing, name) for name in ('Acme', 'Blue Labs', 'Cedar')]
        self.assertEqual([(line.sureness, line.decision) for line in lines],
                         [('exact', 'yes'), ('probable', 'open'), ('none', 'no')])
        cedar = self.line(pairing, 'Cedar')
        free = self.env['online.sync.pairing.record'].with_user(self.manager).sudo(False).search(
            [('kind_id', '=', cedar.kind_id.id), ('is_free', '=', True)])
        self.assertIn('Cedar Consulting Inc', free.mapped('title'))
        self.assertNotIn('Acme · US123', free.mapped('title'))
        self.assertEqual(self.line(pairing, 'Acme').title, 'Acme · US123', "what tells it from others of that name")
        cedar.remote_id = free.filtered(lambda record: record.title == 'Cedar Consulting Inc')
        self.assertEqual(cedar.decision, 'yes')
        self.line(pairing, 'Blue Labs').action_yes()
        pairing.action_no_to_all()
        self.assertEqual(pairing.open_count, 0)
        pairing.action_confirm()
        self.assertEqual([self.twin(record) for record in (acme, blue, alone)], [acme_there, blue_there, other])
        self.assertTrue(self.flow('partner').pairs_confirmed)
        self.assertFalse(self.link.needs_pairing)
        self.assertEqual(len(self.there('res.partner', [], 'name')), count, "nothing is written there")

    def test_invoices_are_paired_in_the_same_reading_as_their_partners(self):
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        there = self.create_there('res.partner', name='Acme', vat='US123')
        income = self.there('account.account', [('account_type', '=', 'income')], 'code')[0]
        invoice = self.invoice(100)
        line = {'name': 'work', 'price_unit': 100, 'account_id': income['id'], 'tax_ids': [[6, 0, []]]}
        twin = self.create_there('account.move', move_type='out_invoice', partner_id=there, invoice_date=str(invoice.date),
                                 name=invoice.name, invoice_line_ids=[[0, 0, line]])

        def paired():
            return self.pairing('partner', 'invoice').line_ids.filtered(
                lambda line: line.res_id == invoice.id and line.kind_id.flow_id.entity == 'invoice')
        line = paired()
        self.assertEqual((line.sureness, line.decision, line.remote_id.external_id), ('exact', 'yes', str(twin)))
        self.partner.write({'vat': False})
        line = paired()
        self.assertEqual((line.sureness, line.decision), ('probable', 'open'), "its partner is only probably the same")

    def test_one_record_there_is_the_same_as_one_here(self):
        self.both_know(name='Acme', vat='US123')
        self.env['res.partner'].create({'name': 'Acme Bakery'})
        pairing = self.pairing('partner')
        self.line(pairing, 'Acme Bakery').remote_id = self.line(pairing, 'Acme').remote_id
        with self.assertRaisesRegex(UserError, 'Acme Bakery'):
            pairing.action_confirm()

    def test_what_is_archived_on_both_sides_is_no_question(self):
        self.both_know(name='Old Street', active=False)
        self.env['res.partner'].create({'name': 'Left alone', 'active': False})
        _there, known = self.both_know(name='Old Vat', vat='US777', active=False)
        self.create_there('res.partner', name='Back again')
        self.env['res.partner'].create({'name': 'Back again', 'active': False})
        pairing = self.pairing('partner')
        self.assertFalse(self.line(pairing, 'Old Street') + self.line(pairing, 'Left alone'))
        self.assertEqual(self.line(pairing, 'Old Vat').sureness, 'exact')
        self.assertEqual(self.line(pairing, 'Back again').decision, 'open')
        pairing.action_no_to_all()
        pairing.action_confirm()
        self.assertTrue(self.twin(known))

    def test_reading_costs_no_query_a_line(self):
        self.create_there('res.partner', name='First')
        self.env['res.partner'].create([{'name': f'Customer {number}'} for number in range(10)])
        self.pairing('partner')
        before = self.env.cr.sql_log_count
        self.pairing('partner')
        few = self.env.cr.sql_log_count - before
        self.env['res.partner'].create([{'name': f'Client {number}'} for number in range(100)])
        self.env.flush_all()
        before = self.env.cr.sql_log_count
        self.pairing('partner')
        self.assertLess(self.env.cr.sql_log_count - before, few + 40)

    # -- flows, changes, twins --------------------------------------------------------------------------------------------------------

    def test_what_is_switched_off_is_paired_again(self):
        self.switch_on('partner')
        flow = self.flow('partner')
        self.assertTrue(self.link.can_run)
        flow.direction = 'off'
        flow.direction = 'pull'
        self.assertTrue(flow.needs_pairing and not self.link.can_run)

    def test_only_managers_change_what_flows(self):
        accountant = new_test_user(self.env, login='peer_accountant', groups='account.group_account_user', company_id=self.company.id)
        flow = self.flow('partner').with_user(accountant).sudo(False)
        self.assertEqual(flow.name, 'Contacts')
        for change in (lambda: flow.write({'direction': 'both'}), flow.field_ids[:1].action_off, flow.link_id.action_pair):
            with self.assertRaises(AccessError):
                change()
        for direction in ('pull', 'push', 'both'):      # pairs are nobody's to write
            flow.with_user(self.manager).sudo(False).direction = direction
        flow.with_user(self.manager).field_ids.filtered(lambda field: field.name == 'website').action_off()
        self.assertEqual(flow.field_ids.filtered(lambda field: field.name == 'website').direction, 'off')

    def test_fields_that_both_compute_are_never_turned(self):
        fields = self.flow('invoice').field_ids.filtered('is_check')
        with self.assertRaises(UserError):
            fields.action_off()

    def test_changes_are_decided_by_accountants(self):
        change = self.env['online.sync.change'].sudo().create({'flow_id': self.flow('partner').id, 'state': 'failed', 'title': 'Acme'})
        reader = new_test_user(self.env, login='peer_reader', groups='account.group_account_readonly', company_id=self.company.id)
        with self.assertRaises(AccessError):
            change.with_user(reader).sudo(False).action_retry()
        change.with_user(self.manager).sudo(False).action_retry()
        self.assertEqual(change.state, 'pending')
        change.with_user(self.manager).sudo(False).action_skip()
        self.assertEqual(change.state, 'dropped')

    def test_twin(self):
        there, acme = self.both_know(name='Acme', vat='US123')
        alone = self.env['res.partner'].create({'name': 'Cedar'})
        self.switch_on('partner')
        partners = (acme | alone).with_user(self.manager).sudo(False)
        self.assertEqual(partners.mapped('online_sync_twin_count'), [1, 0])
        action = partners[0].action_open_online_sync_twin()
        self.assertEqual((action['type'], action['url']), ('ir.actions.act_url', f'{self.peer.url}/odoo/res.partner/{there}'))
        partners.invalidate_recordset()
        with self.assertQueryCount(1):
            partners.mapped('online_sync_twin_count')
        self.run_sync()
        acme.street = 'Main 9'
        self.run_sync()
        history = partners[0].action_open_online_sync_history()
        self.assertIn('Street', ' '.join(self.env[history['res_model']].search(history['domain']).mapped('crossed_words')))

    def test_twin_of_a_bank_transaction(self):
        """Its own form and that of its entry lead to it there."""
        line = self.env['account.bank.statement.line'].create({
            'journal_id': self.company_data['default_journal_bank'].id, 'date': DAY, 'amount': 120.5, 'payment_ref': 'rent'})
        self.switch_on(*REFERENCES, 'bank_transaction', 'entry')
        self.run_sync()
        line.payment_ref = 'rent of March'
        self.run_sync()
        address = f'{self.peer.url}/odoo/account.bank.statement.line/{self.twin(line)}'
        for record in (line, line.move_id):
            record = record.with_user(self.manager).sudo(False)
            self.assertEqual(record.online_sync_twin_count, 1)
            self.assertEqual(record.action_open_online_sync_twin()['url'], address)
            history = record.action_open_online_sync_history()
            self.assertIn('Label', ' '.join(self.env[history['res_model']].search(history['domain']).mapped('crossed_words')))

    def test_each_synchronized_record_has_the_buttons(self):
        for model in ('account.move', 'res.partner', 'account.payment', 'product.product', 'product.template', 'account.account',
                      'account.tax', 'account.journal', 'account.payment.term', 'res.bank', 'res.currency', 'account.bank.statement.line'):
            arch = self.env[model].with_user(self.manager).get_view(view_type='form')['arch']
            for name in ('action_open_online_sync_twin', 'action_open_online_sync_history'):
                self.assertEqual(arch.count(f'name="{name}"'), 1, model)

    def test_fields_fit_each_other(self):
        """What this addon declares is on both sides, of a type that can be told."""
        self.link.flow_ids._check_fields(self.sides())
        self.assertEqual(self.link.flow_ids.field_ids.filtered('problem').mapped('name'), [])
        told = self.sides()[HERE].describe('partner')['name']
        field = self.flow('partner').field_ids.filtered(lambda one: one.name == 'name')
        self.assertIn('Another kind', field._problem(told, replace(told, kind='integer')))

    def test_how_far_the_first_load_is(self):
        self.env['res.partner'].create([{'name': f'Many {number}'} for number in range(7)])
        self.assertEqual(self.link.get_progress(), {'running': False})
        self.switch_on('partner')
        link, log = self.link, self.link._begin_run('manual')
        client = link._client()
        link._expect(client)
        total = link.load_total
        sides = self.sides()
        here, there = (len(self.flow('partner')._all_keys(sides, side)) for side in ('here', 'there'))
        self.assertEqual(total, here + there)
        log.started_at = fields.Datetime.subtract(fields.Datetime.now(), seconds=60)
        link.load_done, log.looked = total // 2, total // 2
        told = link.get_progress()
        self.assertEqual((told['running'], told['percent']), (True, round(100 * (total // 2) / total)))
        self.assertIn(f'{total // 2} of {total}', told['words'])
        self.assertIn('1 minute', told['left'])
        log._finish('done')
        self.run_sync()
        self.assertEqual((link.load_total, link.get_progress()), (0, {'running': False}))
        self.assertFalse(link._loading_flows())

    def test_card(self):
        self.both_know(name='Acme', vat='US123')
        self.flow('partner').direction = 'both'
        words = [line['words'] for line in self.link.card['books']]
        self.assertIn("Pairs are to be confirmed before anything is written.", words)
        self.switch_on('partner')
        self.link.invalidate_recordset()
        self.assertRegex(' '.join(line['words'] for line in self.link.card['books']), r"\d+ records? synchronized")

    # -- in a browser -----------------------------------------------------------------------------------------------------------------

    def start_books_tour(self, name):
        admin = self.env.ref('base.user_admin')
        admin.write({'company_ids': [(4, self.company.id)], 'company_id': self.company.id})
        self.start_tour('/odoo', name, login='admin', timeout=120)

    def test_tour_of_the_dry_run(self):
        old = self.env['res.partner'].create({'name': 'Old address'})
        self.switch_on('partner')
        self.run_sync()
        old.active = False
        self.env['res.partner'].create({'name': 'Cedar'})
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.start_books_tour('online_sync_books_dry_run')
        self.assertFalse(self.there('res.partner', [('id', '=', self.twin(old))], 'active')[0]['active'])

    def test_tour_of_adding_records(self):
        self.create_there('res.partner.category', name='Wholesale')
        self.env['res.partner.category'].create({'name': 'Wholesale'})
        self.switch_on('partner')
        self.env.ref('base.user_admin').partner_id.write({'name': 'Ada', 'email': False})
        self.start_books_tour('online_sync_books_add')
        self.assertFalse(self.env['online.sync.binding'].search([('res_model', '=', 'res.partner.category')]), "removed with its flow")

    def test_tour_of_the_questions(self):
        """Each kind of question, answered as a bookkeeper does: by its button."""
        account = self.env['account.account'].create({'code': '499777', 'name': 'Consulting', 'account_type': 'income'})
        values = {'code': '499778', 'name': 'Advice', 'account_type': 'expense'}
        self.peer.shell(f"env['account.account'].create({values!r})\nenv.cr.commit()")
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'street': 'Main 1'})
        self.switch_on(*REFERENCES, 'partner', 'product', 'invoice')
        self.run_sync()
        chair = self.env['product.product'].create({'name': 'Chair', 'barcode': '4006381333931'})
        stool = self.create_there('product.product', name='Stool', barcode='4006381333931')
        self.env['online.sync.alike'].sudo()._keep_apart(self.flow('product'), {(chair.id, str(stool))})
        self.partner.street = 'Main 2'
        self.write_there('res.partner', self.twin(self.partner), street='Main 3')
        green_there, green = self.both_know(name='Green')
        invoice = self.invoice(100, invoice_line_ids=[Command.create({
            'name': 'work', 'quantity': 1, 'price_unit': 100, 'account_id': account.id, 'tax_ids': [Command.clear()]})])
        self.run_sync()
        self.link.issue_ids.filtered(lambda issue: issue.summary.startswith('Stool')).action_skip_change()
        self.assertEqual(set(self.link.issue_ids.filtered(lambda issue: issue.state == 'open').mapped('kind')), {
            'alike', 'conflict', 'unmapped', 'rejected'})
        self.start_books_tour('online_sync_books_questions')
        self.run_sync()
        self.assertEqual(self.twin(green), green_there)
        self.assertEqual(self.there('res.partner', [('id', '=', self.twin(self.partner))], 'street')[0]['street'], 'Main 2')
        self.assertTrue(self.twin(invoice))

    def test_tour_of_the_comparison_of_books(self):
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on(*REFERENCES, 'partner', 'invoice')
        invoice = self.invoice(100)
        self.run_sync()
        self.peer.sql(f"UPDATE account_move_line SET balance = balance + 50 * sign(balance) WHERE move_id = {self.twin(invoice)}")
        self.start_books_tour('online_sync_books_drift')
        self.assertEqual(self.link.drift_ids[:1].state, 'expected', "accepted")
        self.assertEqual(len(self.link.drift_ids), 3)

    def test_tour_of_a_filter(self):
        self.switch_on('partner')
        self.start_books_tour('online_sync_books_filter')
        flow = self.flow('partner')
        self.assertRegex(flow.filter_domain, 'city.*Boston')
        boston, york = self.env['res.partner'].create([{'name': name, 'city': name} for name in ('Boston', 'York')])
        there = [self.create_there('res.partner', name=f'{city} Ltd', city=city) for city in ('Boston', 'York')]
        self.run_sync()
        self.assertTrue(self.twin(boston) and self.twin_of('res.partner', there[0]))
        self.assertFalse(self.twin(york) or self.twin_of('res.partner', there[1]))

    def test_tour(self):
        _acme_there, acme = self.both_know(name='Acme', vat='US123')
        blue_there, blue = self.both_know(name='Blue Labs')
        self.both_know(name='Gray')
        self.link.flow_ids._switch_on_first(self.link)
        self.start_books_tour('online_sync_books')
        self.assertEqual(self.flow('product').direction, 'pull')
        self.assertEqual({field.name: field.direction for field in self.flow('partner').field_ids if field.name in ('website', 'phone')},
                         {'website': 'off', 'phone': 'pull'})
        self.assertEqual(self.twin(blue), blue_there)
        self.assertTrue(self.twin(acme))
        self.assertFalse(self.link.needs_pairing)
