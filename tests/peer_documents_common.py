"""What the tests of documents between two Odoos share."""
from decimal import Decimal

from odoo import Command

from .peer_common import DAY, REFERENCES, PeerCase

#: What two copies of a document have in common.
TOLD = 'move_type', 'state', 'amount_untaxed', 'amount_tax', 'amount_total', 'amount_total_signed', 'amount_residual', 'ref'


def _plain(value):
    return float(value) if isinstance(value, Decimal) else value


class DocumentsCase(PeerCase):
    """Documents flow, with all that they need."""

    at_first = REFERENCES

    def issues(self, *kinds):
        """Open questions; that the books differ is asked once a day, so only where it is meant."""
        return self.link.issue_ids.filtered(lambda issue: issue.state == 'open' and (
            issue.kind in kinds if kinds else issue.kind != 'books_differ'))

    def runs(self, count=2):
        for _number in range(count):
            self.run_sync()

    def move_there(self, id_, *names):
        move, = self.there('account.move', [('id', '=', id_)], 'name', 'date', *TOLD, *names)
        return move

    def assert_equal_there(self, *moves):
        for move in moves:
            there = self.move_there(self.twin(move))
            self.assertEqual([_plain(there[name]) for name in TOLD], [move[name] for name in TOLD], move.display_name)

    def assert_quiet(self):
        """All that is left to do is nothing, and nobody is asked."""
        self.run_sync()
        log = self.run_sync()
        self.assertEqual((log.created, log.updated, log.failed), (0, 0, 0), log.detail)
        self.assertFalse(self.issues().mapped('summary'))
        self.assertFalse(self.link.waiting_count)

    def assert_books_agree(self):
        """Both trial balances, as the two databases add them up."""
        self.env.flush_all()
        found = self.env['online.sync.drift'].sudo()._compare(self.link, self.sides())
        self.assertEqual(found.state, 'agree', found.summary)
        self.assertFalse(self.issues('books_differ'))

    def there_do(self, method, id_, model='account.move', **named):
        self.rpc.call(model, method, [id_], **named)

    def document_there(self, kind, amount=100, partner=0, post=True, taxed=True, **values):
        """A document of that kind, entered there."""
        use = 'sale' if kind.startswith('out') else 'purchase'
        taxes = [row['id'] for row in self.there('account.tax', [('type_tax_use', '=', use)], 'id')][:1] if taxed else []
        move = self.create_there(
            'account.move', move_type=kind, partner_id=partner or self.twin(self.partner), invoice_date=str(DAY), date=str(DAY),
            invoice_line_ids=[[0, 0, {'name': 'work', 'quantity': 2, 'price_unit': amount, 'tax_ids': [[6, 0, taxes]]}]], **values)
        if post:
            self.there_do('action_post', move)
        return move

    def with_documents(self, *more):
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.switch_on(*REFERENCES, 'partner', 'invoice', *more)
        self.taxes = {'out': self.company_data['default_tax_sale'], 'in': self.company_data['default_tax_purchase']}

    def entry(self, amount=29.5, post=True, **values):
        accounts = self.company_data['default_account_expense'], self.company_data['default_account_revenue']
        entry = self.env['account.move'].create({
            'move_type': 'entry', 'date': DAY, 'journal_id': self.company_data['default_journal_misc'].id, **values,
            'line_ids': [Command.create({'account_id': account.id, 'balance': balance})
                         for account, balance in zip(accounts, (amount, -amount), strict=True)]})
        if post:
            entry.action_post()
        return entry

    def state_of(self, invoice):
        return invoice.state, self.move_there(self.twin(invoice))['state']

    def with_all(self):
        self.with_documents('payment', 'entry', 'bank_transaction')
        self.bank = self.company_data['default_journal_bank']
        self.run_sync()

    def change_there(self, move, price):
        """Somebody resets a document there to draft, changes its price and posts it again."""
        self.there_do('button_draft', move)
        line, = self.there('account.move.line', [('move_id', '=', move), ('display_type', '=', 'product')], 'id')
        self.write_there('account.move', move, invoice_line_ids=[[1, line['id'], {'price_unit': price}]])
        self.there_do('action_post', move)
