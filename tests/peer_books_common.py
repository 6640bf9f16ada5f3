"""What the tests of what documents book share."""
from .peer_common import DAY, REFERENCES, PeerCase

FLOWS = (*REFERENCES, 'partner', 'invoice', 'payment', 'entry', 'allocation')


class BooksCase(PeerCase):
    """The user there may also change taxes and accounts."""

    at_first = REFERENCES

    def renew_there(self):
        super().renew_there()
        self.peer.sql("""INSERT INTO res_groups_users_rel (gid, uid) SELECT data.res_id, sync.id FROM ir_model_data data, res_users sync
            WHERE data.module = 'account' AND data.name = 'group_account_manager' AND sync.login = 'sync' ON CONFLICT DO NOTHING""")

    def begin_books(self):
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.tax = self.company_data['default_tax_purchase']
        self.switch_on(*FLOWS)

    def issues(self):
        return self.link.issue_ids.filtered(lambda issue: issue.state == 'open')

    def assert_quiet(self):
        self.run_sync()
        log = self.run_sync()
        self.assertEqual((log.created, log.updated, log.failed), (0, 0, 0), log.detail)
        self.assertFalse(self.issues().mapped('summary'))

    def items_there(self, move, *names):
        return self.there('account.move.line', [('move_id', '=', move)], 'account_id', 'name', 'balance', 'tax_ids', 'tax_line_id',
                          'tax_repartition_line_id', 'tax_tag_ids', 'display_type', *names)

    def code_there(self, account):
        return self.there('account.account', [('id', '=', account)], 'code')[0]['code']

    def pay(self, invoice, amount, **values):
        wizard = self.env['account.payment.register'].with_context(active_model='account.move', active_ids=invoice.ids).create({
            'amount': amount, 'payment_date': DAY, **values})
        return wizard._create_payments()

    def close_there(self, account, is_closed=True):
        """Nothing may be booked on an account there."""
        field = 'deprecated' if 'deprecated' in self.rpc.call('account.account', 'fields_get') else 'active'
        there, = self.there('account.account', [('code', '=', account.code)], 'id')
        self.write_there('account.account', there['id'], **{field: is_closed == (field == 'deprecated')})

    def retry_refused(self):
        self.issues().filtered(lambda issue: issue.kind == 'rejected').action_retry_change()
        self.runs()

    def assert_books_agree(self):
        self.assertFalse(self.issues().filtered(lambda issue: issue.kind != 'books_differ').mapped('summary'))
        found = self.env['online.sync.drift'].sudo()._compare(self.link, self.sides())
        self.assertFalse(found.line_ids.filtered(lambda one: one.status == 'differs').mapped('name'))

    def runs(self, count=3):
        for _n in range(count):
            self.run_sync()

    def open_there(self, invoice):
        return float(self.there('account.move', [('id', '=', self.twin(invoice))], 'amount_residual')[0]['amount_residual'])
