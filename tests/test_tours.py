"""The main ways through the screens, in a browser."""
from datetime import date, timedelta

from odoo.tests import HttpCase, tagged

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from .servers.bank import Bank
from .servers.simplefin import SimpleFinServer


@tagged('post_install', '-at_install')
class TestTours(AccountTestInvoicingCommon, HttpCase):
    """Real days: the browser has its own clock."""

    def setUp(self):
        super().setUp()
        self.env['ir.config_parameter'].sudo().set_param('account_online_sync.allowed_networks', '127.0.0.0/8')
        self.env.ref('base.EUR').active = True
        self.today = date.today()
        self.bank = Bank(self.today)
        self.account = self.bank.open('Current account', iban='DE89370400440532013000', opening='1000')
        self.bank.book(self.account, self.today - timedelta(days=3), '-3.20', 'COFFEE CORNER')
        self.bank.book(self.account, self.today - timedelta(days=2), '500', 'INVOICE 42')
        self.server = SimpleFinServer(self.bank, reusable_token=True).start()
        self.addCleanup(self.server.stop)
        self.admin = self.env.ref('base.user_admin')
        self.admin.write({'company_ids': [(4, self.env.company.id)], 'company_id': self.env.company.id})

    def connect(self):
        link = self.env['online.sync.link'].with_user(self.admin).sudo().create(
            {'provider': 'simplefin', 'company_id': self.env.company.id})
        link._sign_in({'setup_token': self.server.setup_token}, return_url='')
        link.account_ids._apply_mapping()
        self.run_once(link)
        return link

    def tour(self, name):
        self.start_tour(f'/odoo?token={self.server.setup_token}', name, login='admin', timeout=120)

    def test_connect(self):
        self.tour('online_sync_connect')
        link = self.env['online.sync.link'].search([('company_id', '=', self.env.company.id)])
        self.assertEqual(link.state, 'connected')
        self.assertEqual(len(link.account_ids.transaction_ids), 2)

    def test_synchronize(self):
        self.connect()
        self.bank.book(self.account, self.today - timedelta(days=1), '-7', 'LUNCH')
        self.tour('online_sync_synchronize')

    def test_resolve_a_duplicate(self):
        link = self.connect()
        self.env['account.bank.statement.line'].create({
            'journal_id': link.account_ids.journal_id.id, 'date': self.today - timedelta(days=1), 'amount': -49.9,
            'payment_ref': 'coffee machine'})
        self.bank.book(self.account, self.today - timedelta(days=1), '-49.90', 'COFFEE SHOP')
        self.run_once(link)
        self.tour('online_sync_duplicate')
        self.assertEqual(link.account_ids.transaction_ids.filtered(lambda row: row.text == 'COFFEE SHOP').state, 'imported')

    def test_reconnect(self):
        link = self.connect()
        self.server.revoke_key()
        self.run_once(link)
        self.assertEqual(link.state, 'expired')
        self.server.new_token()
        self.bank.book(self.account, self.today - timedelta(days=1), '-7', 'LUNCH')
        self.tour('online_sync_reconnect')

    def run_once(self, link):
        log = link._begin_run('manual')
        client = link._client()
        while link._advance(log, client):
            self.env.flush_all()
        link._end_run(log)


@tagged('post_install', '-at_install')
class TestMatchingTours(AccountTestInvoicingCommon, HttpCase):
    """Bank Matching with the keyboard and the mouse."""

    def setUp(self):
        super().setUp()
        self.admin = self.env.ref('base.user_admin')
        self.admin.write({'company_ids': [(4, self.env.company.id)], 'company_id': self.env.company.id})
        self.bank = self.company_data['default_journal_bank']
        self.bank.online_sync_matching = 'propose'

    def invoice(self, amount, days=10):
        move = self.init_invoice('out_invoice', partner=self.partner_a, invoice_date=date.today() - timedelta(days=days), amounts=[amount],
                                 taxes=self.env['account.tax'], post=True)
        move.line_ids.filtered(lambda item: item.account_type == 'asset_receivable').date_maturity = move.invoice_date
        return move

    def line(self, amount, text, **values):
        return self.env['account.bank.statement.line'].create({
            'journal_id': self.bank.id, 'date': date.today(), 'amount': amount, 'payment_ref': text, **values})

    def tour(self, name):
        self.start_tour('/odoo', name, login='admin', timeout=120)

    def test_accept(self):
        invoices = [self.invoice(100), self.invoice(200)]
        lines = [self.line(100, f'first payment {invoices[0].name}'), self.line(200, f'second payment {invoices[1].name}')]
        lines.append(self.line(-3, 'coffee'))
        self.env['account.bank.statement.line'].union(*lines).online_sync_match()
        self.tour('online_sync_matching_accept')
        self.assertEqual([line.is_reconciled for line in lines], [True, True, False])
        self.assertEqual([line.online_sync_match_ids.how for line in lines[:2]], ['accepted', 'accepted'])

    def test_choose_other(self):
        older, newer = self.invoice(60, 30), self.invoice(60, 5)
        line = self.line(60, 'thanks', partner_id=self.partner_a.id)
        line.online_sync_match()
        self.tour('online_sync_matching_choose_other')
        self.assertEqual((older.amount_residual, newer.amount_residual, line.is_reconciled), (60, 0, True))

    def test_write_off_and_rule(self):
        account = self.env['account.account'].create({'name': 'Lunches', 'code': '659999', 'account_type': 'expense'})
        self.line(-7, 'LUNCH ROOM 4711').online_sync_settle_by_hand((), {'account_id': account.id})
        line, later = self.line(-8, 'LUNCH ROOM 4712'), self.line(-9, 'LUNCH ROOM 4713')
        self.tour('online_sync_matching_write_off')
        self.assertTrue(line.is_reconciled)
        rule = self.env['account.reconcile.model'].search([('name', '=', 'LUNCH ROOM')])
        self.assertEqual(rule.line_ids.account_id, account)
        self.assertEqual(later.online_sync_match_ids.rule_id, rule)

    def test_undo(self):
        invoice = self.invoice(100)
        line = self.line(100, f'first payment {invoice.name}')
        line.online_sync_match()
        self.tour('online_sync_matching_undo')
        self.assertFalse(line.is_reconciled)
        self.assertEqual((invoice.amount_residual, line.online_sync_match_ids.state), (100, 'undone'))
