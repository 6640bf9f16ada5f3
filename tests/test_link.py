"""A connection's life: secrets, consent, drivers, companies."""
import json
import os
import stat
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from cryptography.fernet import Fernet

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import config, mute_logger

from ..clients.records import RemoteAccount
from ..models import vault
from .common import TODAY, BankFeedCase, cursor_test_mode
from .servers.simplefin import SimpleFinServer


@tagged('post_install', '-at_install')
class TestSecrets(BankFeedCase):

    def stored(self):
        self.env.flush_all()
        self.env.cr.execute("SELECT secrets FROM online_sync_link WHERE id = %s", [self.link.id])
        return self.env.cr.fetchone()[0]

    def test_secrets_are_encrypted_at_rest(self):
        self.assertIn('access_url', self.link._credentials())
        for secret in self.link._credentials().values():
            self.assertNotIn(secret, self.stored())

    def test_nobody_reads_a_secret_through_the_orm(self):
        link = self.env['online.sync.link'].with_user(self.env.ref('base.user_admin')).browse(self.link.id)
        link.env.user.company_ids |= self.company
        self.assertNotIn('secrets', link.with_company(self.company).read()[0])
        self.assertNotIn('secrets', link.fields_get())
        for ask in (lambda: link.read(['secrets']), lambda: link.secrets, lambda: link.search([('secrets', 'like', 'g')]),
                    lambda: link.write({'secrets': 'x'})):
            with self.assertRaises(AccessError):
                ask()

    def test_wizard_does_not_keep_what_was_typed(self):
        wizard = self.env['online.sync.connect'].create({'provider': 'simplefin'})
        wizard.action_chosen()
        wizard.write({'credentials': {'setup_token': 'VERY-SECRET'}})
        self.env.flush_all()
        wizard.invalidate_recordset()
        self.assertNotIn('VERY-SECRET', json.dumps(wizard.read(), default=str))
        self.env.cr.execute("SELECT to_jsonb(w)::text FROM online_sync_connect w WHERE id = %s", [wizard.id])
        self.assertNotIn('VERY-SECRET', self.env.cr.fetchone()[0])
        self.assertEqual(wizard.link_id.sudo()._credentials(), {'setup_token': 'VERY-SECRET'})

    def test_lost_key_expires_the_link_with_a_sentence(self):
        with patch.dict(config.options, {vault.OPTION: Fernet.generate_key().decode()}):
            self.sync()
        self.assertEqual(self.link.state, 'expired')
        self.assertIn('encryption key', self.link.last_error)
        self.assertTrue(self.issues('consent'))

    def test_keys_are_rotated_by_a_list(self):
        credentials, old, new = self.link._credentials(), Fernet.generate_key().decode(), Fernet.generate_key().decode()
        with patch.dict(config.options, {vault.OPTION: old}):
            self.link._store_credentials(credentials)
        with patch.dict(config.options, {vault.OPTION: f'{new}, {old}'}):
            self.assertEqual(self.link._credentials(), credentials)
            (self.env['online.sync.link'].search([]) - self.link).sudo().secrets = False
            self.env['online.sync.link']._rotate_secrets()
        with patch.dict(config.options, {vault.OPTION: new}):
            self.assertEqual(self.link._credentials(), credentials)

    def test_key_file_is_made_once_and_is_private(self):
        with TemporaryDirectory() as folder, patch.dict(config.options, {'data_dir': folder}), mute_logger(vault.__name__):
            token = vault.encrypt({'a': 'b'})
            path = Path(folder) / vault.FILE_NAME
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            self.assertEqual(vault.decrypt(token), {'a': 'b'})
            self.assertEqual(os.listdir(folder), [vault.FILE_NAME])

    def test_invalid_key_is_told_to_the_administrator(self):
        with patch.dict(config.options, {vault.OPTION: 'too short'}), self.assertRaisesRegex(UserError, vault.OPTION):
            vault.encrypt({})

    def test_neutralized_copy_has_no_secret_and_does_not_run(self):
        sql = (Path(__file__).parent.parent / 'data' / 'neutralize.sql').read_text()
        self.env.flush_all()
        self.env.cr.execute(sql)
        self.env.invalidate_all()
        self.assertFalse(self.stored())
        self.assertEqual(self.link.state, 'disconnected')
        self.assertFalse(self.env['online.sync.link'].search([])._due())


@tagged('post_install', '-at_install')
class TestConsent(BankFeedCase):

    def remind(self, days):
        self.link.consent_until = fields.Datetime.now() + timedelta(days=days, hours=-1)
        self.env['online.sync.link'].sudo()._check_consents()
        return self.link.activity_ids

    def test_reminders_at_14_7_and_1_days_then_expiry(self):
        self.assertFalse(self.remind(20))
        self.assertEqual(self.link.state, 'connected')
        first = self.remind(14)
        self.assertEqual((len(first), self.link.state, first.user_id), (1, 'expiring', self.link.user_id))
        self.assertEqual(self.remind(13), first, "not again the next day")
        second = self.remind(7)
        self.assertNotEqual(second, first)
        self.assertNotEqual(self.remind(1), second)
        self.remind(0)
        self.assertEqual(self.link.state, 'expired')
        self.assertTrue(self.issues('consent'))

    def test_renewed_consent_ends_the_reminders(self):
        self.remind(7)
        self.link._sign_in({'setup_token': self.server.new_token()}, return_url='')
        self.assertEqual(self.link.state, 'connected')
        self.assertFalse(self.link.activity_ids)

    def test_reconnect_keeps_mapping_identity_and_coverage(self):
        self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        self.sync()
        before = (self.mapping, self.mapping.journal_id, self.mapping.coverage_ids, self.mapping.transaction_ids)
        self.link.action_disconnect()
        self.assertEqual(self.link.state, 'disconnected')
        self.assertFalse(self.link._credentials())
        self.link._sign_in({'setup_token': self.server.new_token()}, return_url='')
        mapping = self.link.account_ids
        self.assertEqual((mapping, mapping.journal_id, mapping.coverage_ids, mapping.transaction_ids), before)

    def test_connected_link_is_not_deleted_by_accident(self):
        self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        self.sync()
        with self.assertRaises(UserError):
            self.link.unlink()
        self.link.action_disconnect()
        self.link.unlink()
        self.assertEqual(len(self.book_lines()), 1, "booked lines stay")


@tagged('post_install', '-at_install')
class TestDrivers(BankFeedCase):

    def test_scheduled_action_runs_what_is_due(self):
        self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        self.link.next_run = fields.Datetime.now() - timedelta(minutes=1)
        with cursor_test_mode(self), self.registry.cursor() as cr:
            self.env(cr=cr, su=True)['online.sync.link']._cron_synchronize()
        self.env.invalidate_all()
        self.assertBooksAreTheBanks()
        self.assertGreater(self.link.next_run, fields.Datetime.now())
        self.assertEqual(self.link.log_ids.mapped('trigger'), ['schedule'])

    def test_scheduled_action_goes_on_after_a_link_that_breaks(self):
        other = SimpleFinServer(self.bank, reusable_token=True).start()
        self.addCleanup(other.stop)
        self.link.next_run = fields.Datetime.now() - timedelta(minutes=5)
        self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        run = type(self.link)._run

        def breaks(link, *args, **kwargs):
            if link == second:
                raise ZeroDivisionError
            return run(link, *args, **kwargs)

        second = self.link.copy({'next_run': fields.Datetime.now() - timedelta(minutes=9), 'state': 'connected'})
        with patch.object(type(self.link), '_run', breaks), cursor_test_mode(self), self.registry.cursor() as cr, \
                mute_logger('odoo.addons.account_online_sync.models.online_sync_link_run'), patch.object(type(cr), 'rollback'):
            self.env(cr=cr, su=True)['online.sync.link']._cron_synchronize()
        self.env.invalidate_all()
        self.assertBooksAreTheBanks()
        self.assertGreater(second.next_run, fields.Datetime.now())

    def test_switched_off_links_run_by_hand_only(self):
        self.link.write({'auto_sync': False, 'next_run': fields.Datetime.now() - timedelta(minutes=5)})
        self.assertNotIn(self.link, self.env['online.sync.link']._due())
        with cursor_test_mode(self):
            self.link.action_synchronize_now()
        self.env.invalidate_all()
        self.assertEqual(self.link.log_ids.trigger, 'manual')

    def test_synchronize_now_tells_what_came(self):
        self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        with cursor_test_mode(self):
            action = self.link.action_synchronize_now()
        self.assertIn('1 new', action['params']['message'])

    def test_run_out_of_time_is_handed_to_the_scheduled_action(self):
        triggers = self.env['ir.cron.trigger'].search_count([])
        with cursor_test_mode(self), self.registry.cursor() as cr:
            link = self.link.with_env(self.env(cr=cr, su=True))
            self.assertEqual(link._run('manual', seconds=-1), 'more')
        self.env.invalidate_all()
        self.assertGreater(self.env['ir.cron.trigger'].search_count([]), triggers)
        self.assertLessEqual(self.link.next_run, fields.Datetime.now())

    def test_next_run_waits_for_a_free_call(self):
        now = fields.Datetime.now()
        self.link.calls = [f'{now - timedelta(hours=hours)}+00:00' for hours in [1] * 22 + [2]]
        self.sync()
        self.assertGreaterEqual(self.link.next_run, now + timedelta(hours=22))
        self.assertLess(self.link.next_run, now + timedelta(hours=24, minutes=1))

    def test_killed_run_is_marked_and_its_read_goes_on(self):
        self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        killed = self.link._begin_run('schedule')
        client = self.link._client()
        self.link._advance(killed, client)
        self.assertTrue(self.mapping.reading)
        self.sync()
        self.assertEqual(killed.state, 'interrupted')
        self.assertBooksAreTheBanks()

    def test_job_queue_takes_one_step_a_job(self):
        """With OCA's queue_job a step is a job; the jobs are run here one after another."""
        self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        jobs = []

        class Delayed:
            def __init__(self, record):
                self.record = record

            def __getattr__(self, name):
                return lambda *args: jobs.append((getattr(self.record, name), args))

        with patch.object(type(self.link), 'with_delay', create=True, new=lambda record, **_kw: Delayed(record)):
            self.link._enqueue()
            steps = 0
            while jobs:
                method, args = jobs.pop()
                method(*args)
                steps += 1
                self.link._due()._enqueue()     # the scheduled action wakes before the run is over
        self.assertEqual(steps, 3, "a page, the balance, the matching")
        self.assertBooksAreTheBanks()
        self.assertEqual(self.link.log_ids.state, 'done')


@tagged('post_install', '-at_install')
class TestMapping(BankFeedCase):

    def test_currency_of_the_journal_must_be_the_accounts(self):
        usd = self.env['account.journal'].create({'name': "Dollars", 'type': 'bank', 'currency_id': self.env.ref('base.GBP').id})
        with self.assertRaisesRegex(ValidationError, "GBP"):
            self.mapping.journal_id = usd

    def second_account(self, **details):
        remote = RemoteAccount(external_id='2', handle='2', name="Second account", currency='EUR', iban='DE02120300000000202051', **details)
        return self.env['online.sync.account'].sudo()._store_remote(self.link, [remote])

    def test_one_journal_has_one_account(self):
        with self.assertRaisesRegex(ValidationError, "fed by"):
            self.second_account().write({'mapping': 'existing', 'journal_id': self.journal.id})

    def test_new_journal_has_name_code_currency_and_iban(self):
        account = self.second_account(institution="Bank of Birches")
        account.write({'mapping': 'create', 'journal_id': False})
        account._apply_mapping()
        journal = account.journal_id
        self.assertEqual((journal.type, journal.name), ('bank', "Bank of Birches Second account"))
        self.assertEqual(journal.bank_account_id.sanitized_acc_number, 'DE02120300000000202051')
        self.assertEqual(journal.currency_id or self.company.currency_id, self.eur)
        self.assertTrue(journal.code)
        self.assertEqual(journal.bank_statements_source, 'account_online_sync')

    def test_start_is_the_day_after_the_last_line(self):
        self.lines.create({'journal_id': self.journal.id, 'date': TODAY - timedelta(days=9), 'amount': 1, 'payment_ref': 'LAST'})
        self.assertEqual(self.mapping._default_start_date(), TODAY - timedelta(days=8))

    def test_journal_of_the_same_iban_is_proposed(self):
        journal = self.env['account.journal'].create({
            'name': "Second", 'type': 'bank', 'bank_acc_number': 'DE02 1203 0000 0000 2020 51', 'currency_id': self.eur.id})
        self.assertEqual(self.second_account().journal_id, journal)

    def test_account_left_out_is_not_fetched(self):
        self.bank.book(self.account, TODAY - timedelta(days=1), '-3.20', 'COFFEE CORNER')
        self.mapping.mapping = 'skip'
        self.sync()
        self.assertFalse(self.book_lines())

    def test_removed_journal_stops_its_account_without_an_error(self):
        self.journal.unlink()
        self.assertEqual(self.mapping.exists().state, 'unmapped')
        log = self.sync()
        self.assertEqual(log.state, 'done')
