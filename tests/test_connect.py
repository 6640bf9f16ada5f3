"""The connect wizard with a bank that wants the user: to the bank and back."""
from datetime import date, timedelta
from urllib.parse import urlencode

from odoo.exceptions import UserError
from odoo.tests import HttpCase, new_test_user, tagged

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from .servers.bank import Bank
from .servers.enable_banking import EnableBankingServer


@tagged('post_install', '-at_install')
class TestConnect(AccountTestInvoicingCommon, HttpCase):

    def setUp(self):
        super().setUp()
        self.env.ref('base.EUR').active = True
        self.bank = Bank(date.today())
        self.account = self.bank.open('Current account', iban='DE89370400440532013000', opening='1000')
        self.bank.book(self.account, date.today(), '-3.20', 'COFFEE CORNER')
        self.server = EnableBankingServer(self.bank).start()
        self.addCleanup(self.server.stop)
        self.addCleanup(lambda: self.assertEqual(self.server.problems, []))
        parameters = self.env['ir.config_parameter'].sudo()
        parameters.set_param('account_online_sync.allowed_networks', '127.0.0.0/8')
        parameters.set_param('account_online_sync.url.enable_banking', self.server.url)
        self.manager = new_test_user(self.env, login='online_manager', password='online_manager', groups='account.group_account_manager',
                                     company_id=self.env.company.id)
        self.wizard = self.env['online.sync.connect'].with_user(self.manager).create({
            'provider': 'enable_banking', 'country_id': self.env.ref('base.de').id})
        self.wizard.action_chosen()
        self.link = self.wizard.link_id

    def to_the_bank(self):
        self.wizard.write({'credentials': {'application_id': self.server.application_id, 'private_key': self.server.private_key}})
        banks = self.wizard.get_institutions(self.env.ref('base.de').id)
        self.wizard.institution = next(bank for bank in banks if bank['name'] == 'Sandbox Bank')
        action = self.wizard.action_sign_in()
        self.assertEqual((action['type'], action['target']), ('ir.actions.act_url', 'self'))
        return action['url']

    def come_back(self, answer, login='online_manager'):
        self.authenticate(login, login)
        return self.url_open(f'/online_sync/return?{urlencode(answer)}', allow_redirects=False)

    def test_to_the_bank_and_back(self):
        answer = self.server.allow(self.to_the_bank())
        response = self.come_back(answer)
        self.assertEqual(response.status_code, 303)
        self.assertIn(f'/odoo/{self.link.id}/action-account_online_sync', response.headers['Location'])
        self.assertEqual((self.link.state, self.link.name), ('connected', 'Sandbox Bank'))
        self.assertEqual(self.link.account_ids.iban, 'DE89370400440532013000')
        self.assertTrue(self.link.consent_until)
        self.assertEqual(self.come_back(answer).status_code, 400, "an answer serves once")

    def test_accounts_show_what_they_hold(self):
        self.come_back(self.server.allow(self.to_the_bank()))
        self.assertEqual(self.link.account_ids.bank_balance, 996.8)
        self.assertFalse(self.link.account_ids.balance_ids, "the proof asks beside the movements")
        self.assertEqual(len(self.link.account_ids.sudo().calls), 1)

    def test_bank_that_does_not_tell_balances_connects_all_the_same(self):
        answer = self.server.allow(self.to_the_bank())
        self.server.fail_next(20, status=500, path='/balances')
        self.come_back(answer)
        self.assertEqual(self.link.state, 'connected')
        self.assertFalse(self.link.account_ids.bank_balance_date)

    def test_new_journal_gets_the_code_that_was_given(self):
        self.come_back(self.server.allow(self.to_the_bank()))
        self.link.account_ids.write({'mapping': 'create', 'journal_id': False, 'new_journal_name': 'Shop', 'new_journal_code': 'SHOP'})
        self.wizard.action_accounts()
        journal = self.link.account_ids.journal_id
        self.assertEqual((journal.name, journal.code), ('Shop', 'SHOP'))
        self.assertEqual(journal.bank_account_id.sanitized_acc_number, 'DE89370400440532013000')

    def test_request_that_is_done_again_does_not_need_the_banks_code_twice(self):
        """Odoo does a request again after a concurrent change; the bank's code works once."""
        answer = self.server.allow(self.to_the_bank())
        link, claims, kept = self.link.sudo(), type(self.env['online.sync.claim']), {}
        self.patch(claims, '_keep', lambda records, of_link, values: kept.update(values))
        self.patch(claims, '_kept', lambda records, of_link: dict(kept))
        with self.env.cr.savepoint() as attempt:
            link._come_back(answer)
            attempt.rollback()
        self.env.invalidate_all()
        self.assertEqual(link.state, 'draft')
        link._come_back(answer)
        self.assertEqual(link.state, 'connected')
        self.assertTrue(link.consent_until)
        self.assertEqual(link.account_ids.iban, 'DE89370400440532013000')

    def test_last_step_tells_what_was_matched_and_leads_there(self):
        invoice = self.init_invoice('out_invoice', partner=self.partner_a, amounts=[500], taxes=self.env['account.tax'], post=True,
                                    currency=self.env.ref('base.EUR'))
        self.bank.book(self.account, date.today(), '500', f'invoice {invoice.name}')
        self.come_back(self.server.allow(self.to_the_bank()))
        self.wizard.action_accounts()
        log = self.link.sudo()._begin_run('manual')
        client = self.link.sudo()._client()
        while self.link.sudo()._advance(log, client):
            self.env.flush_all()
        self.link.sudo()._end_run(log)
        outcome = self.wizard.get_outcome()
        self.assertEqual((outcome['matched'], outcome['open']), (1, 2), "the coffee and the opening balance are left")
        self.assertEqual(self.wizard.action_open_matching()['context'], {'active_id': self.link.account_ids.journal_id.id})

    def test_first_run_takes_all_that_the_bank_has_and_proves_it(self):
        """`strategy=longest` gives more than was asked for: those days count as read, and are not asked for again."""
        first = date.today() - timedelta(days=400)
        self.bank.book(self.account, first, '-7', 'LONG AGO')
        self.come_back(self.server.allow(self.to_the_bank()))
        self.wizard.action_accounts()
        for _run in range(2):
            log = self.link.sudo()._begin_run('manual')
            client = self.link.sudo()._client()
            while self.link.sudo()._advance(log, client):
                self.env.flush_all()
            self.link.sudo()._end_run(log)
        account = self.link.account_ids
        self.assertEqual((account.start_date, account.proved_to), (first, date.today() - timedelta(days=1)))
        calls = [call.query for call in self.server.calls if call.path.endswith('/transactions')]
        windows = [query['date_from'] for query in calls if 'date_from' in query]
        self.assertEqual(windows, [str(date.today() - timedelta(days=7))], "the second run reads the last days only")

    def test_refused_at_the_bank(self):
        response = self.come_back(self.server.deny(self.to_the_bank()))
        self.assertEqual(response.status_code, 400)
        self.assertIn('gave no access', response.text)
        self.assertEqual(self.link.state, 'draft')

    def test_browser_that_nobody_sent(self):
        answer = {**self.server.allow(self.to_the_bank()), 'state': 'guessed'}
        self.assertEqual(self.come_back(answer).status_code, 400)
        self.assertEqual(self.link.state, 'draft')

    def test_somebody_else_comes_back(self):
        answer = self.server.allow(self.to_the_bank())
        new_test_user(self.env, login='online_reader', password='online_reader', groups='account.group_account_readonly',
                      company_id=self.env.company.id)
        self.come_back(answer, 'online_reader')
        self.assertEqual(self.link.state, 'draft')

    def test_address_is_pasted_where_the_server_cannot_be_reached(self):
        answer = self.server.allow(self.to_the_bank())
        self.wizard.landed_url = f'https://not-reachable.example.com/online_sync/return?{urlencode(answer)}'
        self.wizard.action_landed()
        self.assertEqual((self.link.state, self.wizard.step), ('connected', 'accounts'))

    def test_half_an_address_is_refused_with_a_sentence(self):
        self.to_the_bank()
        self.wizard.landed_url = 'https://not-reachable.example.com/'
        with self.assertRaisesRegex(UserError, "whole address"):
            self.wizard.action_landed()

    def test_wrong_key_is_told_where_the_banks_are_asked_for(self):
        self.wizard.write({'credentials': {'application_id': self.server.application_id, 'private_key': 'nonsense'}})
        with self.assertRaisesRegex(UserError, "(?i)key"):
            self.wizard.get_institutions(self.env.ref('base.de').id)

    def test_consent_is_renewed_without_touching_the_mapping(self):
        self.come_back(self.server.allow(self.to_the_bank()))
        self.wizard.action_accounts()
        mapping, journal = self.link.account_ids, self.link.account_ids.journal_id
        handle = mapping.handle
        self.come_back(self.server.allow(self.to_the_bank()))
        self.assertEqual((self.link.account_ids, self.link.account_ids.journal_id), (mapping, journal))
        self.assertNotEqual(mapping.handle, handle)
