"""No fault can lose or double a line: stories of at least 40 steps, put together at random from a seed.

`ONLINE_SYNC_SEED=17` plays one story, `ONLINE_SYNC_SEED=100-199` many others. A story that fails tells its seed and all of its steps.
"""
import os
from contextlib import closing, contextmanager
from functools import lru_cache
from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests import new_test_user, tagged

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from ..clients import jwt
from ..clients.http import Http
from .common import TODAY, cursor_test_mode
from .faults.providers import EnableBankingSide, SimpleFinSide
from .faults.story import Story
from .faults.watch import Watch
from .servers.bank import Bank

SEEDS = 50


def seeds(parity):
    """Seeds of one provider."""
    first, _dash, last = (os.environ.get('ONLINE_SYNC_SEED') or '').partition('-')
    every = range(int(first), int(last or first) + 1) if first else range(SEEDS)
    return [seed for seed in every if seed % 2 == parity]


@tagged('post_install', '-at_install')
class TestFaults(AccountTestInvoicingCommon):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['ir.config_parameter'].sudo().set_param('account_online_sync.allowed_networks', '127.0.0.0/8')
        cls.env.ref('base.EUR').active = True
        cls.company, cls.today = cls.env.company, TODAY
        cls.accountant = new_test_user(cls.env, login='fault_accountant', groups='account.group_account_user', company_id=cls.company.id)

    def setUp(self):
        super().setUp()
        self.clock = freeze_time(f'{TODAY} 09:00:00')
        self.frozen = self.clock.start()
        self.addCleanup(self.clock.stop)
        self.startPatcher(patch.object(Http, 'sleep', lambda http, seconds: None))
        self.startPatcher(patch.object(jwt, 'load_rsa_key', lru_cache(jwt.load_rsa_key)))   # 50 ms each, for the same key

    def go_to(self, day):
        self.frozen.move_to(f'{day} 09:00:00')

    def test_simplefin(self):
        self.play(SimpleFinSide, seeds(0))

    def test_enable_banking(self):
        self.play(EnableBankingSide, seeds(1))

    def play(self, provider, chosen):
        """All stories of a provider, each from the same beginning."""
        link_id = self.connect(provider).id
        with cursor_test_mode(self):
            with self.registry.cursor() as cr:
                self.cursor_class = type(cr)
            for seed in chosen:
                with self.subTest(seed=seed):
                    self.play_one(Story(self, seed, provider, link_id))

    def play_one(self, story):
        self.go_to(TODAY)
        self.watch = Watch()
        with self.undone(), self.watch.listening():
            try:
                story.play()
            except Exception as error:
                words = '\n'.join(story.told)
                raise AssertionError(f'Story of seed {story.seed}:\n{words}\n{type(error).__name__}: {error}') from error
        self.assertGreaterEqual(story.steps, 40)

    @contextmanager
    def undone(self):
        """What happens within is undone at the end."""
        with closing(self.env.cr.savepoint(flush=False)):
            yield
        self.env.invalidate_all(flush=False)
        self.registry.clear_all_caches()

    def connect(self, provider):
        """A link whose accounts have a journal each; every story signs in again, to its own server."""
        bank = Bank(TODAY)
        for details in provider.accounts:
            bank.open(**details)
        with provider.serve(bank) as server:
            link = self.env['online.sync.link'].create({'provider': provider.code}).sudo()
            provider.sign_in(self.env, link.id, server)
        link.account_ids.write({'mapping': 'create', 'journal_id': False})
        link.account_ids._apply_mapping()
        self.env.flush_all()
        return link
