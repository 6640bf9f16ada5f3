"""Do two books say the same? The comparison of trial balances, the documents that explain what differs, and the effect of a dry run."""
from datetime import date, timedelta
from decimal import Decimal

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import BaseCase, new_test_user, tagged

from ..clients.books import DRAFT, POSTED, Balance, Posting, Ref
from ..engine import drift
from ..engine.plan import HERE, THERE
from .peer_common import DAY, REFERENCES, PeerCase

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
SALES, DEBTORS = Ref('account', '#1'), Ref('account', '#2')


def balance(account, month, amount):
    return Balance(account, f'Account {account.key}', month, Decimal(amount))


def posting(key, amount, title='', account=SALES, month=MARCH):
    return Posting(account, 'Sales', Ref('invoice', key), title or key, month, Decimal(amount))


@tagged('at_install', '-post_install')
class TestDriftEngine(BaseCase):

    def test_compare(self):
        here = [balance(SALES, MARCH, '-100'), balance(DEBTORS, MARCH, '100'), balance(SALES, APRIL, '-5'), balance(DEBTORS, APRIL, '5')]
        there = [balance(SALES, MARCH, '-100'), balance(DEBTORS, MARCH, '90'), balance(Ref('account', 'there:9'), MARCH, '10'),
                 balance(Ref('account', 'there:9'), APRIL, '1')]
        found = drift.compare(here, there)
        self.assertEqual([(row.account, row.month, row.difference) for row in found.differing],
                         [(DEBTORS, MARCH, 10), (SALES, APRIL, -5), (DEBTORS, APRIL, 5)])
        self.assertEqual(found.alone, {Ref('account', 'there:9'): ('Account there:9', 11)})
        self.assertEqual(found.difference, 15)

    def test_nothing_booked_is_no_row(self):
        self.assertFalse(drift.compare([balance(SALES, MARCH, '0')], []).rows)

    def test_causes(self):
        row = drift.Row(SALES, MARCH, {})
        here = [posting('#1', '-100'), posting('#2', '-50'), posting('here:3', '-7', 'B/1'), posting('here:4', '-9'),
                posting('#1', '-1', month=APRIL)]
        there = [posting('#1', '-100'), posting('#2', '-80'), posting('there:8', '-7', 'B/2'), posting('there:9', '-7', 'B/1')]
        found = drift.causes([row], here, there)
        self.assertEqual([(cause.document.key, cause.difference) for cause in found], [('#2', 30), ('here:4', -9), ('there:8', 7)])
        self.assertEqual(sum(cause.difference for cause in found), sum(one.amount for one in here[:4]) - sum(one.amount for one in there))

    def test_what_and_standing(self):
        both = {HERE: POSTED, THERE: POSTED}
        for facts, amounts, expected in (
            (drift.Facts({HERE: POSTED}), (5, 0), drift.MISSING),
            (drift.Facts({HERE: POSTED}, is_pair=True), (5, 0), drift.GONE),
            (drift.Facts({HERE: POSTED, THERE: DRAFT}, is_pair=True), (5, 0), drift.STATE),
            (drift.Facts(both, is_pair=True), (5, 0), drift.ELSEWHERE),
            (drift.Facts(both, is_pair=True), (5, 4), drift.AMOUNT),
        ):
            self.assertEqual(drift.what(drift.Cause(SALES, MARCH, Ref('invoice', '#1'), '', *map(Decimal, amounts)), facts), expected)
        for facts, expected in (
            (drift.Facts(flows=False, waits=True), drift.LEFT_OUT), (drift.Facts(is_asked=True, is_refused=True), drift.HELD),
            (drift.Facts(is_refused=True, waits=True), drift.REFUSED), (drift.Facts(waits=True), drift.WAITING),
            (drift.Facts(), drift.OPEN),
        ):
            self.assertEqual(drift.standing(facts), expected)


class DriftTests:
    """What holds between this database and an Odoo of `series`."""

    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

    at_first = REFERENCES

    def setUp(self):
        super().setUp()
        self.partner = self.env['res.partner'].create({'name': 'Acme', 'vat': 'US123'})
        self.tax = self.company_data['default_tax_sale']

    def with_documents(self, *more):
        self.switch_on(*REFERENCES, 'partner', 'invoice', *more)

    def compare(self):
        self.env.flush_all()
        return self.env['online.sync.drift'].sudo()._compare(self.link, self.sides())

    def issue(self):
        return self.link.issue_ids.filtered(lambda issue: issue.kind == 'books_differ' and issue.state == 'open')

    def differences(self, found):
        return {(line.account_id.account_type, line.month): line.difference for line in found.differing_ids}

    def invoice_there(self, amount, post=True, **values):
        income = self.there('account.account', [('account_type', '=', 'income')], 'code')[0]
        partner = self.twin(self.partner) or self.create_there('res.partner', name='Other')
        move = self.create_there('account.move', **{
            'move_type': 'out_invoice', 'partner_id': partner, 'invoice_date': str(DAY), 'date': str(DAY),
            'invoice_line_ids': [[0, 0, {'name': 'work', 'price_unit': amount, 'account_id': income['id'], 'tax_ids': [[6, 0, []]]}]],
            **values})
        if post:
            self.rpc.call('account.move', 'action_post', [move])
        return move

    def change_there(self, invoice, price):
        """Somebody resets a posted invoice there, changes its price and posts it again."""
        move = self.twin(invoice)
        self.rpc.call('account.move', 'button_draft', [move])
        line, = self.there('account.move.line', [('move_id', '=', move), ('display_type', '=', 'product')], 'id')
        self.write_there('account.move', move, invoice_line_ids=[[1, line['id'], {'price_unit': price}]])
        self.rpc.call('account.move', 'action_post', [move])

    # -- comparing ----------------------------------------------------------------------------------------------------------------

    def test_books_agree(self):
        self.with_documents('payment', 'entry')
        self.invoice(100.10, self.tax)
        self.invoice(70, invoice_date=APRIL, date=APRIL)
        self.invoice(33, move_type='in_invoice', ref='B-1')
        log = self.run_sync()
        found = self.link.drift_ids
        self.assertEqual((found.state, found.difference, len(found.differing_ids), len(found.cause_ids)), ('agree', 0, 0, 0),
                         found.differing_ids.mapped('name'))
        self.assertIn(found.summary, log.detail)
        self.assertEqual({line.month for line in found.line_ids if line.status == 'equal'}, {MARCH, APRIL})
        income = found.line_ids.filtered(lambda line: line.account_id.account_type == 'income' and line.month == MARCH)
        self.assertEqual((income.here, income.there), (-100.10, -100.10))
        self.assertFalse(self.issue())
        self.assertEqual(self.link.drift_words, "Books agree")

    def test_a_document_changed_behind_the_links_back(self):
        self.with_documents()
        invoice = self.invoice(100)
        self.invoice(55)
        self.run_sync()
        self.change_there(invoice, 220)
        found = self.compare()
        self.assertEqual(found.state, 'expected', "the next synchronization finds it")
        self.assertFalse(self.issue())
        self.run_sync()
        found = self.compare()
        self.assertEqual((found.state, found.difference), ('differs', 120))
        self.assertEqual(self.differences(found), {('asset_receivable', MARCH): -120, ('income', MARCH): 120})
        self.assertEqual(set(found.cause_ids.mapped('res_id')), {invoice.id}, "the other invoice explains nothing")
        cause = found.cause_ids.filtered(lambda cause: cause.line_id.account_id.account_type == 'income')
        self.assertEqual((cause.here, cause.there, cause.difference, cause.what, cause.standing), (-100, -220, 120, 'amount', 'held'))
        self.assertEqual(set(found.differing_ids.mapped('rest')), {0})
        self.assertIn('100.00 here and 220.00 there', cause.words)
        self.assertEqual(cause.action_open_here()['res_id'], invoice.id)
        self.assertIn(str(self.twin(invoice)), cause.action_open_there()['url'])
        issue = self.issue()
        self.assertEqual((len(issue), issue.drift_id), (1, found))
        self.assertIn('March 2026', issue.summary)
        self.assertIn(invoice.name, issue.summary)
        self.assertEqual(issue.action_open()['res_id'], found.id)
        self.change_there(invoice, 100)
        self.run_sync()
        self.assertEqual(self.compare().state, 'agree')
        self.assertEqual(issue.state, 'done')

    def test_a_draft_there(self):
        self.with_documents()
        invoice = self.invoice(100)
        self.run_sync()
        self.rpc.call('account.move', 'button_draft', [self.twin(invoice)])
        self.run_sync()
        found = self.compare()
        self.assertEqual(set(found.cause_ids.mapped('what')), {'state'})
        self.assertIn('is a draft there', self.issue().summary)

    def test_booked_in_another_month_and_on_another_account(self):
        self.with_documents()
        self.flow('invoice').field_ids.filtered(lambda field: field.name in ('entry_date', 'date', 'lines/account')).direction = 'off'
        invoice = self.invoice(100)
        self.run_sync()
        move = self.twin(invoice)
        self.rpc.call('account.move', 'button_draft', [move])
        self.write_there('account.move', move, invoice_date='2026-04-02', date='2026-04-02')
        self.rpc.call('account.move', 'action_post', [move])
        self.run_sync()
        found = self.compare()
        self.assertEqual(self.differences(found), {
            ('asset_receivable', MARCH): 100, ('income', MARCH): -100, ('asset_receivable', APRIL): -100, ('income', APRIL): 100})
        self.assertEqual(set(found.cause_ids.mapped('what')), {'elsewhere'})
        self.assertIn('04/02/2026 there', found.cause_ids[0].words)

    def test_only_one_side_has_it(self):
        self.with_documents()
        self.flow('invoice').missing_here = 'ignore'
        self.run_sync()
        there = self.invoice_there(40)
        self.run_sync()
        found = self.compare()
        self.assertEqual((found.state, found.difference), ('expected', 40), "somebody chose that")
        self.assertEqual({(cause.external_id, cause.what, cause.standing) for cause in found.cause_ids},
                         {(str(there), 'missing', 'left_out')})
        self.assertFalse(self.issue())
        self.flow('invoice').write({'missing_here': 'create', 'last_run': self.flow('invoice').last_run + timedelta(seconds=10)})
        found = self.compare()
        self.assertEqual((found.state, set(found.cause_ids.mapped('standing'))), ('differs', {'open'}))
        self.assertIn('is only there', self.issue().summary)

    def test_what_a_filter_leaves_out(self):
        self.with_documents()
        early = self.invoice(30, invoice_date=date(2026, 2, 20), date=date(2026, 2, 20))
        late, other = self.invoice(40), self.invoice(50, invoice_date=date(2026, 3, 2), date=date(2026, 3, 2))
        self.flow('invoice').since = date(2026, 3, 5)
        self.run_sync()
        self.assertEqual((bool(self.twin(early)), bool(self.twin(late)), bool(self.twin(other))), (False, True, False))
        found = self.compare()
        self.assertEqual((found.state, set(found.line_ids.mapped('month')), set(found.cause_ids.mapped('res_id'))),
                         ('expected', {MARCH}, {other.id}))

    def test_what_waits_is_no_alarm_for_a_day(self):
        self.with_documents()
        self.run_sync()
        invoice = self.invoice(60)
        self.env.cr.flush()     # as at the commit: the change is noted
        change = self.env['online.sync.change'].sudo().search([('flow_id', '=', self.flow('invoice').id), ('res_id', '=', invoice.id)])
        change.write({'state': 'blocked', 'why': "Waits for: Taxes"})
        found = self.compare()
        self.assertEqual((found.state, set(found.cause_ids.mapped('standing'))), ('expected', {'waiting'}))
        self.assertIn('Waits for: Taxes', found.cause_ids[0].words)
        self.assertFalse(self.issue())
        self.env.cr.execute("UPDATE online_sync_change SET create_date = create_date - INTERVAL '2 days' WHERE id = %s", [change.id])
        change.invalidate_recordset()
        self.assertEqual(self.compare().state, 'differs')
        self.assertTrue(self.issue())

    def test_accounts_without_a_pair_are_left_out(self):
        self.with_documents()
        self.run_sync()
        account = self.env['account.account'].create({'code': '499123', 'name': 'Only Here', 'account_type': 'income'})
        self.invoice(80, invoice_line_ids=[Command.create({
            'name': 'work', 'price_unit': 80, 'account_id': account.id, 'tax_ids': [Command.clear()]})])
        found = self.compare()
        alone = found.alone_ids
        self.assertEqual((alone.account_id, alone.here, alone.there, alone.month), (account, -80, 0, False))
        self.assertNotIn(account, found.differing_ids.account_id)
        self.assertIn('1 account', found.alone_words)

    def test_other_currency(self):
        self.with_documents()
        self.link.peer_currency = 'EUR'
        found = self.compare()
        self.assertEqual((found.state, bool(found.line_ids)), ('incomparable', False))
        self.assertIn('EUR', found.summary)

    def test_what_is_not_synchronized_is_told_at_once_and_no_alarm(self):
        """Each side has its own bank feed, and payments are not synchronized."""
        self.with_documents()
        journal = self.company_data['default_journal_bank']
        there = self.there('account.journal', [('type', '=', 'bank')], 'id')[0]['id']
        for amount in (10, 20):
            self.env['account.bank.statement.line'].create({
                'journal_id': journal.id, 'date': DAY, 'payment_ref': f'bank {amount}', 'amount': amount})
        self.rpc.call('account.bank.statement.line', 'create', vals_list=[
            {'journal_id': there, 'date': str(DAY), 'payment_ref': 'the same', 'amount': 10}])
        for amount in (3, 4):
            self.env['account.payment'].create({
                'payment_type': 'inbound', 'partner_type': 'customer', 'partner_id': self.partner.id, 'amount': amount, 'date': DAY,
                'journal_id': journal.id}).action_post()
        self.run_sync()
        found = self.compare()
        self.assertEqual((found.state, set(found.cause_ids.mapped('standing'))), ('expected', {'left_out'}), found.summary)
        self.assertEqual(sorted(found.cause_ids.mapped(lambda cause: abs(cause.difference))), [7, 7, 20, 20])
        self.assertIn("Payments: 2 documents. They are not synchronized.", found.cause_ids.mapped('words'))
        self.assertFalse(self.issue())

    # -- when ---------------------------------------------------------------------------------------------------------------------

    def test_weekly_within_the_run_and_daily_while_they_differ(self):
        self.with_documents()
        invoice = self.invoice(100)
        self.run_sync()
        first = self.link.drift_ids
        self.assertEqual(first.state, 'agree')
        first.compared_at -= timedelta(days=6)
        self.run_sync()
        self.assertEqual(self.link.drift_ids, first, "not yet")
        first.compared_at -= timedelta(days=2)
        self.change_there(invoice, 220)
        self.run_sync()
        last = self.link.drift_ids[0]
        self.assertEqual((len(self.link.drift_ids), last.state), (2, 'differs'))
        self.assertFalse(first.line_ids, "of earlier ones only differences are kept")
        last.compared_at -= timedelta(hours=25)
        self.run_sync()
        self.assertEqual(len(self.link.drift_ids), 3)

    def test_an_accepted_difference_is_told_again_only_when_it_changes(self):
        self.with_documents()
        invoice = self.invoice(100)
        self.run_sync()
        self.change_there(invoice, 220)
        self.run_sync()
        self.compare()
        issue = self.issue()
        reader = new_test_user(self.env, login='drift_reader', groups='account.group_account_readonly', company_id=self.company.id)
        with self.assertRaises(AccessError):
            issue.with_user(reader).sudo(False).action_accept_drift()
        issue.action_accept_drift()
        self.assertEqual((issue.state, self.link.drift_words), ('done', "Nothing to correct"))
        for _time in range(2):
            self.assertEqual(self.compare().state, 'expected')
        self.assertFalse(self.issue())
        self.change_there(invoice, 230)
        self.run_sync()
        self.assertEqual(self.compare().state, 'differs')
        self.assertIn('130.00', self.issue().summary)

    def test_by_button(self):
        self.with_documents()
        self.run_sync()
        user = new_test_user(self.env, login='drift_accountant', groups='account.group_account_user,account.group_account_basic',
                             company_id=self.company.id)
        link = self.link.with_user(user).sudo(False)
        action = link.action_compare_books()
        self.assertEqual(self.env[action['res_model']].browse(action['res_id']), self.link.drift_ids[0])
        self.assertEqual(link.action_open_drifts()['res_id'], self.link.drift_ids[0].id)
        reader = new_test_user(self.env, login='drift_reader', groups='account.group_account_readonly', company_id=self.company.id)
        self.assertTrue(self.link.drift_ids.with_user(reader).sudo(False)[0].summary)
        with self.assertRaises(AccessError):
            self.link.with_user(reader).sudo(False).action_compare_books()
        self.link.flow_ids.direction = 'off'
        with self.assertRaises(UserError):
            link.action_compare_books()

    def test_few_calls_for_any_number_of_items(self):
        self.with_documents()
        self.run_sync()
        sides, counted = self.sides(), []
        side = sides[THERE]
        call = side.access.rpc.call
        side.access.rpc.call = lambda *args, **named: counted.append(args[:2]) or call(*args, **named)
        for number in range(5):
            self.invoice(10 + number)
        self.env['online.sync.drift'].sudo()._compare(self.link, sides)
        # the trial balance, the documents of one month by their kind, and what Odoo calls an entry
        self.assertLessEqual(len(counted), 8, counted)

    # -- dry run --------------------------------------------------------------------------------------------------------------------

    def trial_balances(self):
        """{(side, account): balance}"""
        found = {}
        for name, side in self.sides().items():
            for one in side.read_balances():
                found[name, one.title] = found.get((name, one.title), 0) + one.amount
        return found

    def test_effect_of_a_dry_run_is_what_happens(self):
        self.with_documents('payment', 'entry')
        self.run_sync()
        self.invoice(100.10, self.tax)
        self.invoice(33, move_type='in_invoice', ref='B-1')
        self.invoice(5, post=False)
        payment = self.env['account.payment'].create({
            'payment_type': 'inbound', 'partner_type': 'customer', 'partner_id': self.partner.id, 'amount': 50, 'date': DAY,
            'journal_id': self.company_data['default_journal_bank'].id})
        payment.action_post()
        self.invoice_there(70)
        self.env.flush_all()
        before = self.trial_balances()
        run = self.env['online.sync.dry.run'].sudo()._of(self.link)
        said = {(one.where, one.account): (one.before, one.change, one.after) for one in run.effect_ids}
        self.assertTrue(all(run.effect_ids.mapped('is_paired')))
        self.assertFalse(run.no_effect)
        self.run_sync()
        after = self.trial_balances()
        moved = {key: (float(before.get(key, 0)), float(after.get(key, 0) - before.get(key, 0)), float(after.get(key, 0)))
                 for key in before.keys() | after.keys() if before.get(key, 0) != after.get(key, 0)}
        self.assertEqual(said, moved)
        self.assertEqual({where for where, _account in said}, {'here', 'there'})

    def test_effect_of_bank_transactions(self):
        """What nothing settles yet is booked on the suspense account that each side has for itself."""
        self.with_documents('bank_transaction')
        bank, lines = self.company_data['default_journal_bank'], self.env['account.bank.statement.line']
        kept = lines.create({'journal_id': bank.id, 'date': DAY, 'amount': -7, 'payment_ref': 'fee'})
        invoice = self.invoice(80)
        self.run_sync()
        matched, open_line = lines.create([
            {'journal_id': bank.id, 'date': DAY, 'amount': amount, 'payment_ref': text, 'partner_id': self.partner.id}
            for text, amount in (('paid', 80), ('rent', -30.5))])
        suspense = matched._seek_for_lines()[1]
        receivable = invoice.line_ids.filtered(lambda line: line.account_type == 'asset_receivable')
        suspense.account_id = receivable.account_id
        (suspense | receivable).reconcile()
        self.assertTrue(matched.is_reconciled and not open_line.is_reconciled)
        journal = self.there('account.journal', [('type', '=', 'bank')], 'id')[0]['id']
        self.create_there('account.bank.statement.line', journal_id=journal, date=str(DAY), amount=12, payment_ref='interest')
        kept.amount = -9
        self.env.flush_all()
        before = self.trial_balances()
        run = self.env['online.sync.dry.run'].sudo()._of(self.link)
        said = {(one.where, one.account): one.change for one in run.effect_ids}
        self.assertIn('There: 2 bank transactions booked', run.effect)
        self.assertTrue(run.line_ids.filtered(lambda line: line.kind == 'conflict'), "what is booked is asked about")
        self.run_sync()
        after = self.trial_balances()
        self.assertEqual(said, {key: float(after.get(key, 0) - before.get(key, 0)) for key in before.keys() | after.keys()
                                if after.get(key, 0) != before.get(key, 0)})
        self.assertEqual(sorted(said.values()), [-80, -12, 12, 30.5, 49.5])
        self.link.issue_ids.filtered(lambda issue: issue.kind == 'posted').action_keep_here()
        before = self.trial_balances()
        run = self.env['online.sync.dry.run'].sudo()._of(self.link)
        self.assertEqual(sorted((one.where, one.change) for one in run.effect_ids), [('there', -2), ('there', 2)])
        self.run_sync()
        after = self.trial_balances()
        self.assertEqual({(one.where, one.account): one.change for one in run.effect_ids},
                         {key: float(after[key] - before[key]) for key in after if after[key] != before[key]})

    def test_effect_of_a_change_of_a_posted_document(self):
        self.with_documents()
        self.flow('invoice').follows = True
        invoice, other = self.invoice(100), self.invoice(40)
        self.run_sync()
        self.change_there(invoice, 220)
        self.rpc.call('account.move', 'button_draft', [self.twin(other)])
        before = self.trial_balances()
        run = self.env['online.sync.dry.run'].sudo()._of(self.link)
        said = {(one.where, one.account): one.change for one in run.effect_ids}
        self.run_sync()
        after = self.trial_balances()
        self.assertEqual(said, {key: float(after.get(key, 0) - before[key]) for key in before if after.get(key, 0) != before[key]})
        self.assertEqual((invoice.amount_total, other.state, sorted(said.values())), (220, 'draft', [-80, 80]))

    def test_a_plan_is_another_one_when_the_status_changes(self):
        self.with_documents()
        self.run_sync()
        invoice = self.invoice(100, post=False)
        self.env.flush_all()
        run = self.env['online.sync.dry.run'].sudo()._of(self.link)
        self.assertIn('1 created', run.summary)
        self.assertFalse(run.effect_ids)
        invoice.action_post()
        self.env.flush_all()
        with self.assertRaisesRegex(UserError, 'changed since'):
            run.action_apply()


@tagged('post_install', '-at_install', 'peer18', 'one_series')
class TestDrift18(DriftTests, PeerCase):
    series = '18.0'


@tagged('post_install', '-at_install', 'peer19', 'one_series')
class TestDrift19(DriftTests, PeerCase):
    series = '19.0'
