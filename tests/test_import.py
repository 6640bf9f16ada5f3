"""From the inbox into the books: texts, currencies, partners, dates."""
from datetime import timedelta
from decimal import Decimal

from odoo.tests import tagged

from ..clients.records import Page, RemoteTransaction, Window
from ..engine.reading import Reading
from .common import TODAY, BankFeedCase

YESTERDAY = TODAY - timedelta(days=1)


@tagged('post_install', '-at_install')
class TestImport(BankFeedCase):

    def line(self):
        lines = self.lines.search([('journal_id', '=', self.journal.id)])
        self.assertEqual(len(lines), 1)
        return lines

    def test_any_text_arrives(self):
        texts = ["", " ", "x" * 10000, "☕ coffee 🥐", "line\nbreak", "tab\tand\x07bell", "nul\x00inside", "<b>bold</b> & \"quoted\"",
                 "%s %d {0}"]
        for number, text in enumerate(texts):
            self.bank.book(self.account, YESTERDAY, f'-{number + 1}', text)
        log = self.sync()
        self.assertEqual(log.state, 'done', log.detail)
        self.assertBooksAreTheBanks()
        refs = {-amount: text for _day, amount, text in self.book_lines()}
        self.assertTrue(refs[1])
        self.assertEqual(refs[3], 'x' * 10000)
        self.assertEqual(refs[4], '☕ coffee 🥐')
        self.assertNotIn('\x00', refs[7])

    def test_zero_amount_is_a_line(self):
        self.bank.book(self.account, YESTERDAY, '0', 'INFORMATION')
        self.sync()
        self.assertEqual(self.line().amount, 0)

    def test_foreign_amount_keeps_the_banks_rate(self):
        other = self.env.ref('base.GBP')
        other.active = True
        page = Page((RemoteTransaction(
            status='booked', date=YESTERDAY, amount=Decimal('-10.61'), currency='EUR', external_id='F', text='LONDON TUBE',
            original_amount=Decimal('-9.07'), original_currency='GBP'),))
        self.env['online.sync.transaction'].sudo()._stage_page(self.mapping, page, Reading(1, [Window(YESTERDAY, TODAY)]))
        line = self.line()
        self.assertEqual((line.amount, line.foreign_currency_id, line.amount_currency), (-10.61, other, -9.07))

    def test_amount_in_another_currency_waits(self):
        page = Page((RemoteTransaction(
            status='booked', date=YESTERDAY, amount=Decimal('-10'), currency='GBP', external_id='F', text='POUNDS'),))
        self.env['online.sync.transaction'].sudo()._stage_page(self.mapping, page, Reading(1, [Window(YESTERDAY, TODAY)]))
        self.assertFalse(self.book_lines())
        self.assertIn('GBP', self.issues('odd').summary)

    def test_amount_with_too_many_decimals_waits(self):
        page = Page((RemoteTransaction(
            status='booked', date=YESTERDAY, amount=Decimal('-1.005'), currency='EUR', external_id='F', text='HALF A CENT'),))
        self.env['online.sync.transaction'].sudo()._stage_page(self.mapping, page, Reading(1, [Window(YESTERDAY, TODAY)]))
        self.assertFalse(self.book_lines())
        self.assertIn('-1.005', self.issues('odd').summary)

    def test_partner_is_found_by_iban_whatever_its_spelling(self):
        partner = self.env['res.partner'].create({'name': "Acme"})
        self.env['res.partner.bank'].create({'partner_id': partner.id, 'acc_number': 'fr76 3000 6000 0112 3456 7890 189'})
        self.assertEqual(self.mapping._find_partners(['FR7630006000011234567890189']), {'FR7630006000011234567890189': partner.id})

    def test_partner_is_never_the_own_company(self):
        self.env['res.partner.bank'].create({'partner_id': self.company.partner_id.id, 'acc_number': 'FR7630006000011234567890189'})
        self.assertEqual(self.mapping._find_partners(['FR7630006000011234567890189']), {})

    def test_shared_iban_names_nobody(self):
        for name in ("Acme", "Bcme"):
            partner = self.env['res.partner'].create({'name': name})
            self.env['res.partner.bank'].create({'partner_id': partner.id, 'acc_number': 'FR7630006000011234567890189'})
        self.assertEqual(self.mapping._find_partners(['FR7630006000011234567890189']), {})

    def test_date_is_never_shifted_by_a_time_zone(self):
        self.env.user.tz = 'Pacific/Auckland'
        self.bank.book(self.account, YESTERDAY, '-1', 'NZ')
        self.sync()
        self.assertEqual(self.line().date, YESTERDAY)

    def test_card_account_keeps_its_sign(self):
        card = self.bank.open('Credit Card', kind='card')
        self.bank.book(card, YESTERDAY, '-9.99', 'PURCHASE')
        self.link._sign_in({'setup_token': self.server.new_token()}, return_url='')
        mapping = self.link.account_ids - self.mapping
        mapping.start_date = TODAY - timedelta(days=30)
        mapping._apply_mapping()
        self.sync()
        self.assertEqual(mapping.journal_id.type, 'credit')
        self.assertEqual([amount for _day, amount, _text in self.book_lines(mapping.journal_id)], [-9.99])

    def test_line_carries_what_the_bank_told(self):
        self.bank.book(self.account, YESTERDAY, '-1', 'TEXT', partner='Acme')
        self.sync()
        line = self.line()
        self.assertEqual(line.payment_ref, 'TEXT')
        self.assertEqual(line.journal_id.bank_statements_source, 'account_online_sync')
        self.assertEqual(line.online_sync_transaction_id.raw.get('description'), 'TEXT')

    def test_bad_row_harms_no_other(self):
        """Another addon refuses one of three lines: two come, one waits with the reason."""
        for number in range(3):
            self.bank.book(self.account, YESTERDAY, f'-{number + 1}', f'LINE {number}')
        create = type(self.lines).create

        def refuses(records, vals_list):
            if any(vals.get('payment_ref') == 'LINE 1' for vals in vals_list):
                raise ValueError("LINE 1 is not wanted")
            return create(records, vals_list)

        self.patch(type(self.lines), 'create', refuses)
        with self.assertLogs('odoo.addons.account_online_sync', 'WARNING'):
            self.sync()
        self.assertEqual([text for *_rest, text in self.book_lines()], ['LINE 0', 'LINE 2'])
        self.assertIn('not wanted', self.issues('refused').summary)
