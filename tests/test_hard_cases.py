"""Cases found by a review: each of these once lost, doubled, blocked or showed something that it must not."""
from datetime import timedelta
from decimal import Decimal
from tempfile import TemporaryDirectory
from unittest.mock import patch

from odoo import SUPERUSER_ID, api, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import config, mute_logger

from ..clients import errors
from ..clients.enable_banking import EnableBanking
from ..clients.enable_banking_errors import CODES
from ..clients.records import Page, RemoteAccount, RemoteTransaction, Window
from ..clients.simplefin import SimpleFin
from ..engine.reading import Reading
from ..models import online_sync_link_run as link_run
from .common import TODAY, BankFeedCase, cursor_test_mode
from .servers.simplefin import SimpleFinServer

RUNLOG = 'odoo.addons.account_online_sync.models.online_sync_link_run'


@tagged('post_install', '-at_install')
class TestHardCases(BankFeedCase):

    def test_balance_that_cannot_be_read_stops_no_movement(self):
        self.bank.book(self.account, TODAY - timedelta(days=2), '-1', 'FIRST')

        def broken(client, account):
            raise errors.TransientError("no balance today", status=500)

        with patch.object(SimpleFin, 'fetch_balances', broken):
            self.sync()
            for n in range(5):
                self.next_day()
                self.bank.book(self.account, self.bank.today, f'-{n + 2}', f'NEW {n}')
                log = self.sync()
            self.assertBooksAreTheBanks()
        self.assertEqual(log.state, 'partial')
        self.assertIn('balance could not be read', self.link._outcome_sentence('done'))

    def test_half_an_emoji_arrives(self):
        self.bank.book(self.account, TODAY - timedelta(days=2), '-1', 'FIRST')
        self.bank.book(self.account, TODAY - timedelta(days=1), '-2', 'PIZZA \ud83c')
        with mute_logger(RUNLOG, 'odoo.sql_db'):
            log = self.sync()
        self.assertEqual(log.state, 'done', log.detail)
        self.assertBooksAreTheBanks()

    def test_text_that_looks_like_an_escape_arrives(self):
        self.bank.book(self.account, TODAY - timedelta(days=1), '-2', 'PIZZA \\u0000X')
        with mute_logger(RUNLOG, 'odoo.sql_db'):
            log = self.sync()
        self.assertEqual(log.state, 'done', log.detail)
        self.assertBooksAreTheBanks()

    def test_issue_of_one_company_deletes_no_line_of_another(self):
        self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE')
        self.sync()
        victim = self.lines.search([('journal_id', '=', self.journal.id)])
        other = self.env['res.company'].sudo().create({'name': "Other company"})
        user = new_test_user(self.env, login='thief', groups='account.group_account_basic', company_id=other.id,
                             company_ids=[(6, 0, other.ids)])
        link = self.env['online.sync.link'].sudo().create({'provider': 'simplefin', 'company_id': other.id})
        issue = self.env['online.sync.issue'].sudo()._raise(link, 'failed', 1, summary="mine")
        mine = issue.with_user(user).sudo(False)
        with self.assertRaises(AccessError):
            mine.write({'kind': 'copied', 'line_id': victim.id})
        self.assertTrue(victim.exists(), "line of company A deleted by a user of company B")

    def test_every_account_gets_its_turn(self):
        for name in ('Savings A', 'Savings B'):
            acc = self.bank.open(name, opening='50')
            self.bank.book(acc, TODAY - timedelta(days=1), '-5', name)
        self.link.action_fetch_accounts()
        new = self.link.account_ids.filtered(lambda account: not account.journal_id)
        new.write({'mapping': 'create', 'adds_opening': False, 'start_date': TODAY - timedelta(days=30)})
        new._apply_mapping()
        clock = iter(range(0, 10 ** 6, 10))
        with patch.object(link_run.time, 'monotonic', lambda: next(clock)), cursor_test_mode(self), self.registry.cursor() as cr:
            link = self.link.with_env(self.env(cr=cr, su=True))
            for _n in range(8):
                link._run('schedule', seconds=35)
        self.env.invalidate_all()
        self.assertTrue(all(account.last_ok for account in self.link.account_ids))

    def test_rest_follows_in_the_background(self):
        for values in ({'state': 'error'}, {'auto_sync': False}):
            with self.subTest(values):
                self.link.write({'state': 'connected', 'auto_sync': True})
                self.link.write(values)
                with cursor_test_mode(self), self.registry.cursor() as cr:
                    link = self.link.with_env(self.env(cr=cr, su=True))
                    self.assertEqual(link._run('manual', seconds=-1), 'more')
                self.env.invalidate_all()
                self.assertIn('follows in the background', self.link.log_ids[:1].detail)
                self.assertIn(self.link, self.env['online.sync.link']._due())

    def test_late_line_of_an_account_that_was_empty(self):
        self.mapping.start_date = False
        self.sync()
        self.next_day()
        self.bank.book(self.account, TODAY - timedelta(days=1), '-7', 'CARD OF YESTERDAY, BOOKED LATE')
        self.sync()
        self.assertEqual([a for _d, a, _t in self.book_lines()], [-7])

    def test_opening_balance_of_a_bank_that_counts_what_is_pending(self):
        real = self.bank.balance
        self.bank.balance = lambda account, on=None, pending=False: real(account, on, pending=True)
        self.mapping.adds_opening = True
        self.bank.book(self.account, TODAY - timedelta(days=3), '-3.20', 'COFFEE CORNER')
        hold = self.bank.pend(self.account, '-50', 'FUEL')
        self.sync()
        self.next_day()
        self.bank.settle(hold)
        self.sync()
        self.issues('opening').action_add_opening()
        opening = self.lines.search([('journal_id', '=', self.journal.id), ('date', '<', self.mapping.start_date)]).mapped('amount')
        self.assertEqual(sum(opening), 1000)
        self.assertEqual(self.mapping.proof_state, 'agrees')

    def test_pending_movement_hides_no_missing_line(self):
        self.mapping.adds_opening = True
        self.bank.book(self.account, TODAY - timedelta(days=3), '-50', 'RENT OF GARAGE')
        self.sync()
        self.assertEqual(self.mapping.proof_state, 'agrees')
        self.lines.search([('journal_id', '=', self.journal.id), ('amount', '=', -50)]).unlink()
        self.bank.pend(self.account, '-50', 'FUEL')
        self.next_day()
        self.sync()
        self.assertEqual(self.mapping.proof_state, 'differs')

    def test_days_that_the_bank_promises_are_asked_for_first(self):
        self.mapping.start_date = TODAY - timedelta(days=100)
        self.bank.book(self.account, TODAY - timedelta(days=70), '-70', 'AVAILABLE')
        self.bank.book(self.account, TODAY - timedelta(days=2), '-2', 'NEW')
        real = SimpleFin.fetch_pages
        oldest = TODAY - timedelta(days=90)

        def pages(client, account, window, token='', **kw):
            if window.date_from < oldest:
                raise errors.PeriodUnavailable("not so far back")
            return real(client, account, window, token, **kw)

        with patch.object(SimpleFin, 'fetch_pages', pages), patch.object(
                SimpleFin, 'provider', SimpleFin.provider.__class__(**{
                    **{n: getattr(SimpleFin.provider, n) for n in SimpleFin.provider.__slots__},
                    'capabilities': EnableBanking.provider.capabilities})):
            self.sync()
        self.assertIn(-70, [a for _d, a, _t in self.book_lines()])

    def test_equal_movements_of_a_bank_with_worthless_ids(self):
        self.mapping.ids_trusted = False
        for _n in range(2):
            self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER').id = 'NONE'
        self.sync()
        self.assertBooksAreTheBanks()

    def test_account_missing_once_is_read_again(self):
        second = self.bank.open('Savings', opening='50')
        self.link.action_fetch_accounts()
        new = self.link.account_ids.filtered(lambda account: not account.journal_id)
        new.write({'mapping': 'create', 'start_date': TODAY - timedelta(days=30)})
        new._apply_mapping()
        self.sync()
        second.hidden = True
        self.server.account_error(second)
        self.link.action_fetch_accounts()
        second.hidden = False
        self.server.errlist.clear()
        self.bank.book(second, TODAY, '-5', 'SECOND')
        self.next_day()
        self.sync()
        self.assertIn(-5, [a for _d, a, _t in self.book_lines(new.journal_id)])

    def test_malformed_key_is_a_setting_to_change(self):
        log = self.link._begin_run('schedule')
        with patch.dict(config.options, {'online_sync_key': 'not a key'}):
            self.link._client_or_stop(log, None)
        self.assertEqual(self.link.state, 'error')

    def test_refusal_shows_no_account_number(self):
        self.bank.book(self.account, TODAY - timedelta(days=1), '-1', 'X')
        create = type(self.lines).create

        def refuses(records, vals_list):
            if any(vals.get('payment_ref') == 'X' for vals in vals_list):
                raise ValueError("Failing row contains (1, FR7630006000011234567890189, ...)")
            return create(records, vals_list)

        self.patch(type(self.lines), 'create', refuses)
        with self.assertLogs('odoo.addons.account_online_sync', 'WARNING') as logs:
            self.sync()
        self.assertNotIn('FR7630006000011234567890189', self.issues('refused').summary)
        self.assertNotIn('FR7630006000011234567890189', '\n'.join(logs.output))

    def test_rows_of_two_accounts_are_imported_together(self):
        second = self.bank.open('Savings', opening='50')
        self.bank.book(second, TODAY - timedelta(days=1), '-5', 'SECOND')
        self.bank.book(self.account, TODAY - timedelta(days=1), '-6', 'FIRST')
        self.link.action_fetch_accounts()
        new = self.link.account_ids.filtered(lambda account: not account.journal_id)
        new.write({'mapping': 'create', 'start_date': TODAY - timedelta(days=30)})
        new._apply_mapping()
        self.sync()
        rows = self.link.account_ids.transaction_ids
        rows.statement_line_ids.unlink()
        rows.action_import()
        self.assertEqual(set(rows.mapped('state')), {'imported'})

    def test_matched_line_is_not_deleted_with_its_question(self):
        coffee = self.bank.book(self.account, TODAY - timedelta(days=3), '100', 'INVOICE PAID')
        self.bank.book(self.account, TODAY - timedelta(days=6), '-9', 'A')
        self.bank.book(self.account, TODAY - timedelta(days=1), '-9', 'B')
        self.sync()
        line = self.lines.search([('journal_id', '=', self.journal.id), ('amount', '=', 100)])
        invoice = self.init_invoice('out_invoice', invoice_date=TODAY - timedelta(days=5), post=True, amounts=[100.0],
                                    taxes=self.env['account.tax'], currency=self.eur)
        receivable = invoice.line_ids.filtered(lambda item: item.account_id.account_type == 'asset_receivable')
        _liq, suspense, _o = line._seek_for_lines()
        suspense.account_id = receivable.account_id
        (suspense + receivable).reconcile()
        self.bank.vanish(coffee)
        for _n in range(2):
            self.next_day()
            self.sync()
        with self.assertRaises(UserError):
            self.issues('vanished').action_delete_line()
        self.assertTrue(line.exists())

    def test_connection_with_accounts_stays_in_its_company(self):
        other = self.env['res.company'].sudo().create({'name': "Other company"})
        with self.assertRaises(UserError):
            self.link.write({'company_id': other.id})

    def test_killed_connection_is_not_the_first_again(self):
        second = self.link.copy({'state': 'connected', 'next_run': fields.Datetime.now() - timedelta(minutes=5)})
        self.link.next_run = fields.Datetime.now() - timedelta(minutes=9)
        self.assertEqual(self.env['online.sync.link']._due()[:1], self.link)
        self.link._begin_run('schedule')     # and the server's time limit kills it here
        self.assertEqual(self.env['online.sync.link']._due()[:1], second)

    def test_calls_used_up_at_the_balance(self):
        calls = []

        def limited(client, account):
            calls.append(1)
            raise errors.RateLimited("wait", retry_after=None)

        self.bank.book(self.account, TODAY - timedelta(days=1), '-1', 'X')
        with patch.object(SimpleFin, 'fetch_balances', limited):
            self.assertEqual(self.sync().state, 'limited')
            self.sync()
        self.assertEqual(len(calls), 1, 'nothing is called before the bank allows it')
        self.assertBooksAreTheBanks()

    def test_movement_that_moves_over_the_edge_of_a_window(self):
        self.mapping.start_date = TODAY - timedelta(days=150)
        edge = TODAY - timedelta(days=60)
        m = self.bank.book(self.account, edge, '-77', 'EDGE CASE LTD')
        self.sync()
        m.day = edge - timedelta(days=1)
        self.bank.reissue_ids(self.account)
        for _n in range(3):
            self.mapping._owe_again(self.mapping.start_date)
            self.sync()
        self.assertEqual(len([1 for _d, a, _t in self.book_lines() if a == -77]), 1)

    def test_consent_that_cannot_be_checked_stops_no_other(self):
        now = fields.Datetime.now()
        self.link.write({'consent_until': now + timedelta(days=5), 'next_run': now - timedelta(minutes=1)})

        def refuses(link, summary):
            raise ValueError("no activity for you")
        with mute_logger('odoo.addons.account_online_sync.models.online_sync_link_consent'), patch.object(
                type(self.link), '_remind', refuses), cursor_test_mode(self), self.registry.cursor() as cr:
            self.env(cr=cr, su=True)['online.sync.link']._cron_synchronize()

    def test_currency_left_out_once_is_not_forgotten(self):
        self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        self.sync()
        a = self.mapping
        self.env['online.sync.account'].sudo()._store_remote(self.link, [RemoteAccount(
            external_id=a.external_id, handle=a.handle, name=a.name, currency='', iban='')])
        self.next_day()
        self.bank.book(self.account, TODAY, '-4.20', 'TEA')
        with mute_logger(RUNLOG):
            self.sync()
        self.assertEqual(len(self.book_lines()), 2)

    def test_browser_that_the_bank_dislikes_stops_no_schedule(self):
        kind, sentence, extra = CODES['PSU_HEADER_NOT_PROVIDED']

        def refuses(client, *args, **kw):
            raise kind(sentence, **extra)

        with patch.object(SimpleFin, 'fetch_pages', refuses):
            self.sync()
        self.next_day(3)
        self.assertIn(self.link, self.env['online.sync.link']._due())

    def test_ids_counted_by_day_over_two_pages(self):
        self.mapping.start_date = TODAY - timedelta(days=60)
        rows = self.env['online.sync.transaction'].sudo()
        reading = Reading(1, [Window(TODAY - timedelta(days=60), TODAY)])
        for n, day in enumerate((30, 29)):
            tx = RemoteTransaction(status='booked', date=TODAY - timedelta(days=day), amount=Decimal('-3.20'), currency='EUR',
                                   external_id='1', text='COFFEE CORNER')
            rows._stage_page(self.mapping, Page((tx,), next_token='' if n else 'next'), reading)
        rows._finish_window(self.mapping, reading)
        self.assertEqual(len(self.book_lines()), 2)

    def test_same_as_a_line_that_was_deleted(self):
        hand = self.lines.create({
            'journal_id': self.journal.id, 'date': TODAY - timedelta(days=1), 'amount': -49.9, 'payment_ref': 'coffee machine'})
        self.bank.book(self.account, TODAY - timedelta(days=1), '-49.90', 'COFFEE SHOP')
        self.sync()
        hand.unlink()
        self.next_day()
        self.sync()
        self.issues('duplicate').action_same()
        self.assertEqual(len(self.book_lines()), 1)

    def test_disconnected_in_the_middle_of_a_run(self):
        log = self.link._begin_run('schedule')
        client = self.link._client()
        self.link._advance(log, client)
        self.link.action_disconnect()
        self.server.revoke_key()
        self.mapping._owe_again(TODAY - timedelta(days=5))
        client = type(client)({'access_url': self.server.access_url}, client.http)
        self.link._advance(log, client)
        self.link._end_run(log)
        self.assertEqual(self.link.state, 'disconnected')

    def test_days_that_the_bank_never_promised_are_not_proved(self):
        """start date long ago, provider gives 90 days only and says nothing: days are proved"""
        self.mapping.start_date = TODAY - timedelta(days=365)
        self.mapping.adds_opening = True
        self.bank.book(self.account, TODAY - timedelta(days=200), '-500', 'OLD AND NOT GIVEN')
        shown = self.bank.shown
        self.bank.shown = lambda account: [m for m in shown(account) if m.day >= TODAY - timedelta(days=90)]
        self.bank.balance = lambda account, on=None, pending=False: Decimal('500')
        self.sync()
        self.assertNotEqual(self.mapping.proved_to, TODAY - timedelta(days=1))
        proving = self.mapping.coverage_ids.filtered(lambda row: row.status in ('ok', 'empty'))
        self.assertGreaterEqual(min(proving.mapped('date_from')), TODAY - timedelta(days=90))
        self.assertTrue(self.issues('gap'))

    def test_pending_movement_cannot_be_ignored(self):
        hold = self.bank.pend(self.account, '-80', 'HOTEL')
        self.sync()
        self.mapping.transaction_ids.action_ignore()
        hold.pending = False
        self.next_day()
        self.sync()
        self.assertEqual([amount for _day, amount, _text in self.book_lines()], [-80])

    def test_setting_to_change_tells_the_responsible(self):
        self.server.fail_next(1, status=404)
        self.sync()
        self.assertTrue(self.link.activity_ids)

    def test_backfilled_line_after_the_first_read(self):
        self.mapping.start_date = False
        self.bank.book(self.account, TODAY - timedelta(days=1), '-1', 'ALL THAT THE BRIDGE HAS SO FAR')
        self.sync()
        self.next_day()
        self.bank.book(self.account, TODAY - timedelta(days=3), '-7', 'BACKFILLED')
        self.sync()
        self.assertEqual(len(self.book_lines()), 2)

    def test_account_stays_with_its_connection(self):
        other = self.env['res.company'].sudo().create({'name': "Other company"})
        user = new_test_user(self.env, login='thief2', groups='account.group_account_manager', company_id=other.id,
                             company_ids=[(6, 0, other.ids)])
        mine = self.env['online.sync.link'].with_user(user).create({'provider': 'simplefin'})
        account = self.env['online.sync.account'].with_user(user).create({
            'link_id': mine.id, 'external_id': 'x', 'name': 'mine', 'currency_id': self.eur.id})
        with self.assertRaises(AccessError):
            account.write({'link_id': self.link.id})

    def test_pasted_address_is_not_stored_in_clear(self):
        wizard = self.env['online.sync.connect'].create({'provider': 'enable_banking', 'link_id': self.link.id})
        wizard.landed_url = 'https://x/online_sync/return?code=SECRETCODE&state=abc'
        self.env.flush_all()
        self.assertEqual(self.link._credentials()['landed_url'], 'https://x/online_sync/return?code=SECRETCODE&state=abc')
        self.assertNotIn('SECRETCODE', str(self.link.secrets))
        self.assertFalse(type(wizard)._fields['landed_url'].store)
        with self.assertRaises(UserError):
            wizard.action_landed()

    def test_what_a_setup_token_gave_outlives_the_transaction(self):
        """The token works once. What it gave is kept in a transaction of its own, and taken from there the next time."""
        server = SimpleFinServer(self.bank).start()
        self.addCleanup(server.stop)
        link = self.env['online.sync.link'].create({'provider': 'simplefin'}).sudo()

        def down(client):
            raise errors.TransientError("SimpleFIN has a problem at the moment", status=503)

        with patch.object(SimpleFin, 'fetch_accounts', down), self.assertRaises(errors.TransientError):
            link._sign_in({'setup_token': server.setup_token}, '')
        with self.registry.cursor() as cr:
            claims = api.Environment(cr, SUPERUSER_ID, {})['online.sync.claim']
            kept = claims._kept(link)
            claims.search([('link', '=', link.id)]).unlink()
        self.assertIn('access_url', kept['gave'])
        with patch.object(type(self.env['online.sync.claim']), '_kept', lambda claims, link: kept):
            link._sign_in({'setup_token': server.setup_token}, '')
        self.assertEqual(link.state, 'connected')
        self.assertEqual(server.problems, [])

    def test_line_carries_all_that_the_bank_told(self):
        partner = self.env['res.partner'].create({'name': "Acme"})
        self.env['res.partner.bank'].create({'partner_id': partner.id, 'acc_number': 'fr76 3000 6000 0112 3456 7890 189'})
        page = Page((RemoteTransaction(
            status='booked', date=TODAY - timedelta(days=1), amount=Decimal('-10.61'), currency='EUR', external_id='F', text='TEXT',
            partner_name='PAYEE', partner_account='FR76 3000 6000 0112 3456 7890 189', reference='REF', type='TYPE',
            end_to_end_id='E2E 1'),))
        reading = Reading(1, [Window(TODAY - timedelta(days=1), TODAY)])
        self.env['online.sync.transaction'].sudo()._stage_page(self.mapping, page, reading)
        line = self.lines.search([('journal_id', '=', self.journal.id)])
        self.assertEqual(
            (line.payment_ref, line.partner_name, line.account_number, line.transaction_type, line.ref, line.partner_id),
            ('TEXT', 'PAYEE', 'FR76 3000 6000 0112 3456 7890 189', 'TYPE', 'REF', partner))
        self.assertEqual(line.transaction_details['end_to_end_id'], 'E2E 1')

    def test_key_that_the_server_made_is_told(self):
        with TemporaryDirectory() as folder, patch.dict(config.options, {'data_dir': folder, 'online_sync_key': False}):
            self.link._store_credentials({'access_url': 'x'})
            self.assertIn('online_sync.key', self.link.message_ids[0].body)
            self.link._store_credentials({'access_url': 'y'})
            self.assertEqual(len(self.link.message_ids.filtered(lambda message: 'online_sync.key' in message.body)), 1)
