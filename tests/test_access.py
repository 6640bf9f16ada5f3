"""Who may see and do what: companies, accountants, readers. What a button does in superuser mode asks first."""
from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..hooks import uninstall_hook
from .common import TODAY, BankFeedCase

MODELS = ('link', 'account', 'coverage', 'balance', 'transaction', 'issue', 'log', 'match')


@tagged('post_install', '-at_install')
class TestAccess(BankFeedCase):

    def setUp(self):
        super().setUp()
        self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        self.sync()
        self.env['online.sync.match'].sudo().create({
            'statement_line_id': self.lines.search([('journal_id', '=', self.journal.id)], limit=1).id})
        self.other = self.env['res.company'].sudo().create({'name': "Other company"})

    def stranger(self, group='account.group_account_manager'):
        return new_test_user(self.env, login='stranger', groups=group, company_id=self.other.id, company_ids=[(6, 0, self.other.ids)])

    def colleague(self, group):
        return new_test_user(self.env, login='colleague', groups=group, company_id=self.company.id)

    def test_user_of_another_company_sees_nothing(self):
        user = self.stranger()
        for model in MODELS:
            with self.subTest(model):
                records = self.env[f'online.sync.{model}'].sudo().search([])
                self.assertTrue(records)
                self.assertFalse(self.env[f'online.sync.{model}'].with_user(user).search([]))
                with self.assertRaises(AccessError):
                    records[0].with_user(user).read(['display_name'])

    def test_user_of_another_company_does_nothing(self):
        user, row = self.stranger(), self.mapping.transaction_ids
        issue = self.env['online.sync.issue'].sudo()._raise_vanished(row)
        theirs = {name: records.with_user(user).sudo(False) for name, records in {
            'row': row, 'issue': issue, 'link': self.link, 'account': self.mapping}.items()}
        wizard = self.env['online.sync.connect'].with_user(user)
        for attempt in (
            theirs['row'].action_ignore, theirs['row'].action_import, theirs['issue'].action_delete_line,
            theirs['link'].action_synchronize_now, theirs['link'].action_disconnect, theirs['link'].action_fetch_accounts,
            theirs['link'].action_reconnect, lambda: theirs['account'].action_fetch_day(str(TODAY)),
        ):
            with self.subTest(getattr(attempt, '__name__', '')), self.assertRaises(AccessError):
                attempt()
        with self.assertRaises(AccessError):
            wizard.create({'provider': 'simplefin', 'link_id': self.link.id, 'credentials': {'setup_token': 'mine'}})
        self.assertEqual((row.state, self.link.state, issue.state), ('imported', 'connected', 'open'))

    def test_accountant_decides_but_does_not_change_connections(self):
        link = self.link.with_user(self.colleague('account.group_account_user,account.group_account_basic')).sudo(False)
        row = self.mapping.transaction_ids.with_user(link.env.user).sudo(False)
        self.mapping.transaction_ids.statement_line_ids.unlink()
        self.assertEqual(row.state, 'ignored')
        row.action_import()
        self.assertEqual(row.state, 'imported')
        for change in (link.action_disconnect, link.action_fetch_accounts, link.unlink, lambda: link.write({'name': "Mine"})):
            with self.assertRaises(AccessError):
                change()
        self.assertEqual(self.link.state, 'connected')

    def test_reader_looks_only(self):
        reader = self.colleague('account.group_account_readonly')
        link, row = self.link.with_user(reader).sudo(False), self.mapping.transaction_ids.with_user(reader).sudo(False)
        self.assertEqual(row.text, 'COFFEE CORNER')
        with self.assertRaises(UserError):
            link.action_synchronize_now()
        for change in (row.action_ignore, row.action_import, link.action_disconnect, lambda: link.write({'name': "Mine"})):
            with self.assertRaises(AccessError):
                change()

    def test_uninstalling_takes_back_the_administrators_rights_and_the_journals_source(self):
        manager, basic = self.env.ref('account.group_account_manager'), self.env.ref('account.group_account_basic')
        user = self.colleague('account.group_account_manager')
        self.assertTrue(user.has_group('account.group_account_basic'))
        uninstall_hook(self.env)
        self.assertNotIn(basic, manager.implied_ids)
        self.assertTrue(user.has_group('account.group_account_manager'))
        self.assertFalse(user.has_group('account.group_account_basic'))
        self.assertEqual(self.journal.bank_statements_source, 'undefined')
        self.assertBooksAreTheBanks()
