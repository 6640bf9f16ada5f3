"""What the tests of two-way synchronization share: a second, real Odoo, a link to it, and ways to run it."""
from datetime import date
from unittest import SkipTest

from odoo import SUPERUSER_ID, Command
from odoo.tests import tagged
from odoo.tools import config

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from ..clients.http import Http
from ..clients.odoo_rpc import OdooRpc
from .common import cursor_test_mode
from .servers.odoo_peer import VARIABLE, OdooPeer, peers
from .servers.proxy import Proxy

DAY = date(2026, 3, 10)
#: Entities whose records are only paired, and the documents and what they need.
REFERENCES = ('account', 'tax', 'journal', 'payment_term')


@tagged('post_install', '-at_install')
class PeerCase(AccountTestInvoicingCommon):
    """A company here, a company of another Odoo there, both in USD with the same chart of accounts, and a link between them."""

    series = ''
    with_addon = False
    with_proxy = False
    #: What flows and is paired before each test, by one link for all of them; None: each test begins with its own.
    at_first = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.series not in peers():
            raise SkipTest(f"no Odoo {cls.series} to start: `make test` names them in {VARIABLE}")
        cls.peer = OdooPeer(cls.series, {
            'PGHOST': config['db_host'], 'PGPORT': config['db_port'], 'PGUSER': config['db_user'], 'PGPASSWORD': config['db_password']},
            addon=cls.with_addon)
        cls.addClassCleanup(cls.peer.stop)
        cls.peer.start()
        cls.env['ir.config_parameter'].sudo().set_param('account_online_sync.allowed_networks', '127.0.0.0/8')
        cls.company = cls.env.company
        (cls.partner_a | cls.partner_b).active = False      # their payment terms are not there, nor is a tax of theirs
        (cls.product_a | cls.product_b).active = False
        if cls.with_proxy:
            cls.proxy = Proxy(cls.peer.url).start()
            cls.addClassCleanup(cls.proxy.stop)
        if cls.at_first is not None:
            cls()._begin_class()

    def _begin_class(self):
        self.begin()
        type(self).link = self.link
        self._pair(self.at_first)
        if self.prepare():
            self.peer.keep()

    def prepare(self):
        """What all tests of the class begin with besides; a true value where something was written there."""

    def setUp(self):
        super().setUp()
        if self.at_first is None:
            self.begin()
            return
        if self.with_proxy:
            self.proxy.reset()
        self.renew_there()

    def begin(self):
        """A new database there, and a link to it."""
        self.renew_there()
        rounding = self.there('res.company', [], 'tax_calculation_rounding_method')[0]['tax_calculation_rounding_method']
        self.company.tax_calculation_rounding_method = rounding
        self.link = self.connect().sudo()

    def renew_there(self):
        """The database there is as it was at the start."""
        self.peer.renew()
        self.rpc = OdooRpc(Http(allowed_networks=['127.0.0.0/8']), self.peer.url, database=self.peer.database, login='sync',
                           key=self.peer.keys['sync'])

    def connect(self):
        link = self.env['online.sync.link'].create({'provider': 'odoo', 'user_id': self.env.user.id, 'company_id': self.company.id})
        link._store_credentials({
            'url': self.peer_url(), 'database': self.peer.database, 'login': 'sync', 'key': self.peer.keys['sync']})
        client = link._client()
        link._take_consent(client.start(), client)
        return link

    def peer_url(self):
        return (self.proxy if self.with_proxy else self.peer).url

    # -- flows ------------------------------------------------------------------------------------------------------------------

    def flow(self, entity):
        return self.link.flow_ids.filtered(lambda flow: flow.entity == entity)

    def switch_on(self, *names, **values):
        """Let these flow, pair what is equal, and begin with it."""
        self._pair([name for name in names if values or name not in (self.at_first or ())], **values)

    def _pair(self, names, **values):
        for name in names:
            self.flow(name).write({'direction': 'both', **values})
        for flow in self.link.flow_ids.filtered(lambda flow: flow.entity in names).sorted('sequence'):
            flow._confirm_pairs([pair for pair in flow._find_pairs(self.sides()) if pair.sureness == 'exact'])

    def sides(self):
        return self.link._sides(self.link.flow_ids[:1], self.link._client())

    def run_sync(self):
        """A run of the link; returns its log."""
        self.env.cr.flush()
        with cursor_test_mode(self), self.registry.cursor() as cr:
            self.link.with_env(self.env(cr=cr, user=SUPERUSER_ID))._run('schedule')
        self.env.invalidate_all()
        return self.link.log_ids[:1]

    # -- here and there -----------------------------------------------------------------------------------------------------------

    def there(self, model, domain, *names):
        """Values of records there: dictionaries."""
        return self.rpc.call(model, 'search_read', domain=domain, fields=list(names), context={'active_test': False}, load='')

    def create_there(self, model, **values):
        return self.rpc.call(model, 'create', vals_list=[values])[0]

    def write_there(self, model, id_, **values):
        self.rpc.call(model, 'write', [id_], vals=values)

    def twin(self, record):
        """Id there of a record here, 0 for none."""
        binding = self.env['online.sync.binding'].sudo().search([('res_id', '=', record.id), ('res_model', '=', record._name)])
        return int(binding.external_id or 0)

    def twin_of(self, model, id_):
        """The record here of an id there."""
        binding = self.env['online.sync.binding'].sudo().search([('external_id', '=', str(id_)), ('res_model', '=', model)])
        return self.env[model].browse(binding.res_id)

    def invoice(self, amount=100, taxes=None, post=True, **values):
        move = self.env['account.move'].create({
            'move_type': 'out_invoice', 'partner_id': self.partner.id, 'invoice_date': DAY, 'date': DAY,
            'invoice_line_ids': [Command.create({
                'name': 'work', 'quantity': 1, 'price_unit': amount, 'tax_ids': [Command.set((taxes or self.env['account.tax']).ids)]})],
            **values})
        if post:
            move.action_post()
        return move
