"""The fast way into the books: the same books as stock Odoo, with fewer queries."""
from contextlib import contextmanager
from datetime import date, timedelta
from unittest.mock import patch

from odoo.sql_db import Cursor
from odoo.tests import tagged

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from .common import BankFeedCase

NOT_COMPARED = {
    'id', 'create_date', 'write_date', 'create_uid', 'write_uid', 'move_id', 'move_name', 'statement_line_id',
    'internal_index', 'online_sync_transaction_id', 'journal_id', 'sequence_prefix', 'name', 'access_token',
}


@contextmanager
def counted():
    """The statements that are sent to the database, in their order."""
    statements = []
    execute = Cursor.execute

    def counting(cursor, query, params=None, log_exceptions=True):
        statements.append(' '.join((query if isinstance(query, str) else query.code).split()))
        return execute(cursor, query, params, log_exceptions)

    with patch.object(Cursor, 'execute', counting):
        yield statements


@tagged('post_install', '-at_install')
class TestSameBooks(AccountTestInvoicingCommon):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.ref('base.EUR').active = True
        cls.journals = [
            cls.env['account.journal'].create({'name': "One", 'code': code, 'type': 'bank'}) for code in ('SB1', 'FB1')]
        cls.partner = cls.env['res.partner'].create({'name': "Acme"})

    def make(self, journal, fast, values):
        lines = self.env['account.bank.statement.line'].with_context(**({'online_sync_import': True} if fast else {}))
        created = lines.create([{**vals, 'journal_id': journal.id} for vals in values])
        self.env.flush_all()
        self.env.invalidate_all()
        return created

    def stored(self, records, own):
        """Every stored field of the records but ids and times; names and accounts of the own journal made comparable."""
        names = [name for name, field in records._fields.items() if field.store and field.column_type and name not in NOT_COMPARED]
        rows = []
        for record in records:
            row = {name: record[name].ids if record._fields[name].relational else record[name] for name in names}
            row['account_id'] = own.get(record.account_id.id, record.account_id.id) if 'account_id' in record._fields else None
            for name in ('move_name', 'name', 'sequence_prefix'):
                if name in record._fields:
                    row[name] = (record[name] or '').replace(own['code'], 'CODE')
            rows.append(row)
        return rows

    def assertSameBooks(self, values, prepare=lambda journal: None):
        """Stock's create and ours make the same books of the same values in two journals alike."""
        results = []
        for journal, fast in zip(self.journals, (False, True), strict=True):
            prepare(journal)
            lines = self.make(journal, fast, values)
            own = {journal.default_account_id.id: 'bank', journal.suspense_account_id.id: 'suspense', 'code': journal.code}
            moves = lines.move_id.sorted('id')
            results.append({
                'lines': self.stored(lines.sorted('id'), own), 'moves': self.stored(moves, own),
                'items': self.stored(moves.line_ids.sorted(lambda item: (item.move_id.id, item.id)), own),
                'order': [line.payment_ref for line in lines.sorted('internal_index')],
            })
        for part in results[0]:
            self.assertEqual(len(results[0][part]), len(results[1][part]))
            for stock, ours in zip(results[0][part], results[1][part], strict=True):
                self.assertEqual(stock, ours, part)

    def values(self, count=60, start=date(2026, 1, 20), **more):
        return [{
            'date': start + timedelta(days=n // 2), 'amount': (n % 7 - 3) * 10.01 or 5, 'payment_ref': f'LINE {n}', 'ref': f'R{n % 5}',
            'partner_id': self.partner.id if n % 3 == 0 else False, 'partner_name': "X", 'account_number': 'DE89370400440532013000',
            'transaction_type': 'T', 'transaction_details': {'a': n}, **more,
        } for n in range(count)]

    def test_plain(self):
        self.assertSameBooks(self.values())

    def test_over_the_turn_of_the_year(self):
        self.assertSameBooks(self.values(start=date(2025, 12, 20)))

    def test_newest_first(self):
        self.assertSameBooks(self.values()[::-1])

    def test_zero_amount_and_empty_text(self):
        self.assertSameBooks([*self.values(4, amount=0), *self.values(3, payment_ref=False)])

    def test_foreign_currency(self):
        eur = self.env.ref('base.EUR')
        self.assertSameBooks([{**vals, 'foreign_currency_id': eur.id, 'amount_currency': vals['amount'] * 1.1} for vals in self.values(10)])

    def test_journal_in_foreign_currency(self):
        self.assertSameBooks(self.values(10), lambda journal: journal.write({'currency_id': self.env.ref('base.EUR').id}))

    def test_journal_that_has_lines(self):
        self.assertSameBooks(self.values(), lambda journal: self.make(journal, False, self.values(30, start=date(2026, 1, 25))))

    def test_numbers_that_a_user_changed(self):
        """Monthly from the 5th on: lines before it go on with the yearly numbers, lines after it with the monthly ones."""
        def prepare(journal):
            lines = self.make(journal, False, self.values(2, start=date(2026, 2, 1)) + self.values(1, start=date(2026, 2, 5)))
            lines[-1].move_id.name = f'{journal.code}/2026/02/0007'
            self.env.flush_all()
        self.assertSameBooks(self.values(40, start=date(2026, 1, 28)), prepare)

    def test_analytic_distribution_model(self):
        plan = self.env['account.analytic.plan'].create({'name': "Plan"})
        account = self.env['account.analytic.account'].create({'name': "Acme's", 'plan_id': plan.id})
        self.env['account.analytic.distribution.model'].create({
            'partner_id': self.partner.id, 'analytic_distribution': {account.id: 100}, 'company_id': self.env.company.id})
        self.assertSameBooks(self.values(12))


@tagged('post_install', '-at_install')
class TestQueries(BankFeedCase):

    def run_counted(self, count):
        for n in range(count):
            self.bank.book(self.account, self.bank.today - timedelta(days=n % 6), f'-{n + 1}', f'LINE {n}')
        with counted() as statements:
            log = self.sync()
        self.assertEqual(log.created, count)
        return statements

    def test_import_takes_at_most_two_queries_a_line(self):
        self.sync()
        few = len(self.run_counted(100))
        self.next_day()
        many = len(self.run_counted(200))
        self.assertLess((many - few) / 100, 2)
        self.assertLess(many / 200, 2)

    def test_read_again_writes_no_transaction_and_asks_little(self):
        self.run_counted(300)
        self.next_day()
        with counted() as statements:
            log = self.sync()
        self.assertEqual((log.created, log.updated), (0, 0))
        tables = ('online_sync_transaction', 'account_move', 'account_move_line', 'account_bank_statement_line')
        written = [text for text in statements
                   if text.startswith(('INSERT', 'UPDATE')) and any(f'"{table}"' in text for table in tables)]
        self.assertEqual(written, [])

    def test_a_known_page_takes_few_queries(self):
        self.run_counted(300)
        self.next_day()
        log = self.link._begin_run('manual')
        client = self.link._client()
        self.env.flush_all()
        with counted() as statements:
            self.mapping._sync_step(client, log)
            self.env.flush_all()
        self.assertLess(len(statements), 20, '\n'.join(statements))
