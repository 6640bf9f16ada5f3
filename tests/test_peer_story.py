"""People work in two books at once, the line breaks, the server dies: when traffic stops, both books are equal.

`ONLINE_SYNC_SEED=17` plays one story, `ONLINE_SYNC_SEED=0-29` many. A story that fails tells its seed and all of its steps.
"""
import os
from unittest.mock import patch

from odoo.tests import tagged

from ..clients.http import Http
from .faults.peer_story import ENTITIES, Books, Story
from .peer_common import REFERENCES, PeerCase

SEEDS, STEPS = 2, 60


def seeds():
    first, _dash, last = (os.environ.get('ONLINE_SYNC_SEED') or '').partition('-')
    return range(int(first), int(last or first) + 1) if first else range(SEEDS)


class StoryTests:
    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

    at_first = None
    with_proxy = True

    def setUp(self):
        super().setUp()
        self.proxy.choose = lambda path: self.story.choose_fault(path) if self.story else ''

    def test_stories(self):
        self.startPatcher(patch.object(Http, 'sleep', lambda http, seconds: None))
        for number, seed in enumerate(seeds()):
            with self.subTest(seed=seed):
                if number:
                    self.link.action_disconnect()
                    self.begin()
                self.play(seed)

    def play(self, seed):
        self.switch_on(*REFERENCES, *ENTITIES)
        self.flow('partner').policy = 'newest'
        for name in ('invoice', 'payment', 'entry'):        # in every third story posted documents follow unasked
            self.flow(name).follows = seed % 3 == 2
        self.story = Story(self, seed, self.books_here(), self.books_there())
        self.addCleanup(setattr, self, 'story', None)
        self.story.play(int(os.environ.get('ONLINE_SYNC_STEPS') or STEPS))
        self.story.settle()
        self.story.check()
        self.story.check_one_sided()
        self.story = None

    story = None

    def books_here(self):
        def call(model, method, ids, **named):
            context = named.pop('context', {})
            records = self.env[model].with_context(**context).browse(ids or [])
            named = {'domain': named['domain'], 'fields': named['fields'], 'order': named['order'], 'load': ''} if (
                method == 'search_read') else named
            if method == 'create':
                return records.create(named['vals_list']).ids
            result = getattr(records, method)(*named.values()) if method == 'write' else getattr(records, method)(**named)
            self.env.flush_all()
            return result
        data = self.company_data
        journals = {'bank': data['default_journal_bank'].id, 'general': data['default_journal_misc'].id}
        return Books('here', call, {'income': data['default_account_revenue'].id, 'expense': data['default_account_expense'].id},
                     {'sale': data['default_tax_sale'].ids, 'purchase': data['default_tax_purchase'].ids}, journals)

    def books_there(self):
        def call(model, method, ids, **named):
            return self.rpc.call(model, method, ids, **named)

        def one(model, *domain):
            return self.there(model, list(domain), 'id')[0]['id']
        revenue, expense = (self.company_data[name].code for name in ('default_account_revenue', 'default_account_expense'))
        accounts = {'income': one('account.account', ('code', '=', revenue)), 'expense': one('account.account', ('code', '=', expense))}
        taxes = {use: [one('account.tax', ('type_tax_use', '=', use))] for use in ('sale', 'purchase')}
        journals = {kind: one('account.journal', ('type', '=', kind), ('code', '=', self.company_data[name].code))
                    for kind, name in (('bank', 'default_journal_bank'), ('general', 'default_journal_misc'))}
        return Books('there', call, accounts, taxes, journals)


@tagged('post_install', '-at_install', 'peer18')
class TestPeerStory18(StoryTests, PeerCase):
    series = '18.0'


@tagged('post_install', '-at_install', 'peer19')
class TestPeerStory19(StoryTests, PeerCase):
    series = '19.0'
