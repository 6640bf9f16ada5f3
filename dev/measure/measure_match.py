"""Script for the Odoo shell, run by `make bench`: measures deciding on the labelled set and applying in the books.

The shell gives `env`; ONLY selects by the beginning of a name. Results go to the file BENCH_RESULTS, one JSON object a line.
"""
import math
import statistics
import time
from datetime import date, timedelta

from figures import measured, report, wanted

from odoo import Command

from odoo.addons.account_online_sync.engine import matching
from odoo.addons.account_online_sync.tests.labelled import labelled_set

SEEDS = range(9000, 9010)


def decide(labelled):
    started = time.perf_counter()
    found = matching.match(labelled.lines, labelled.items, labelled.parties, labelled.own_accounts)
    return {match.line: match for match in found}, time.perf_counter() - started


def measure_labelled():
    """Precision: of what is certain, how much is right. Coverage: of the lines whose evidence is unique, how much is certain and right."""
    certain = right = unique = covered = 0
    for seed in SEEDS:
        labelled = labelled_set(seed)
        found, _seconds = decide(labelled)
        for line, truth in labelled.truth.items():
            match = found.get(line)
            is_certain = bool(match and match.certain)
            is_right = is_certain and (frozenset(match.items), match.pair) == (truth.items, truth.pair)
            has_unique = truth.unique and bool(truth.items or truth.pair)
            certain, right = certain + is_certain, right + is_right
            unique, covered = unique + has_unique, covered + (is_right and has_unique)
    sets = {'sets': len(SEEDS), 'lines_a_set': 1000, 'open_items_a_set': 3000}
    report('match.precision', right / certain, '', certain=certain, wrong=certain - right, **sets)
    report('match.coverage', covered / unique, '', unique=unique, missed=unique - covered, **sets)


def measure_deciding():
    times = [decide(labelled_set(seed, 1000, 10000))[1] for seed in range(5)]
    report('match.decide_seconds', statistics.median(times), 's', lines=1000, open_items=10000, slowest=round(max(times), 3))
    small, large = (min(decide(labelled_set(seed, size, 2 * size))[1] for seed in range(2)) for size in (1000, 30000))
    report('match.growth_exponent', math.log(large / small) / math.log(30), '', seconds_1000=round(small, 3), seconds_30000=round(large, 3))


def open_pairs(count, round_number):
    """So many open invoices and a bank transaction for each: (lines, items in the same order)."""
    company, today = env.company, date.today()  # noqa: F821
    partners = env['res.partner'].create([  # noqa: F821
        {'name': f"Bench {round_number} {number}"} for number in range(max(1, count // 4))])
    invoices = env['account.move'].create([{  # noqa: F821
        'move_type': 'out_invoice', 'partner_id': partners[number % len(partners)].id, 'invoice_date': today - timedelta(days=30),
        'invoice_line_ids': [Command.create({'name': 'x', 'price_unit': 100 + number / 10, 'tax_ids': [Command.clear()]})],
    } for number in range(count)])
    invoices.action_post()
    journal = env['account.journal'].search([('type', '=', 'bank'), ('company_id', '=', company.id)], limit=1)  # noqa: F821
    lines = env['account.bank.statement.line'].create([{  # noqa: F821
        'journal_id': journal.id, 'date': today, 'amount': invoice.amount_total, 'payment_ref': f"payment {invoice.name}",
    } for invoice in invoices])
    env.cr.commit()  # noqa: F821
    return lines, invoices.line_ids.filtered(lambda item: item.account_type == 'asset_receivable').sorted('move_id')


def apply_stock(lines, items):
    """The suspense item becomes the invoice's counterpart, then Odoo's own `reconcile()`: one pair after the other."""
    for line, item in zip(lines, items, strict=True):
        line = line.with_context(skip_account_move_synchronization=True)
        _liquidity, suspense, _other = line._seek_for_lines()
        suspense.write({'account_id': item.account_id.id, 'partner_id': item.partner_id.id})
        (suspense + item).reconcile()


def measure_applying(rounds=4, count=200):
    ratios, ours_queries, stock_queries, rates = [], [], [], []
    for number in range(rounds + 1):
        lines, items = open_pairs(count, number)
        _none, stock, stock_statements = measured(env, lambda: apply_stock(lines, items))  # noqa: B023, F821 - called at once
        assert all(lines.mapped('is_reconciled'))
        lines, items = open_pairs(count, number)
        matches = lines.online_sync_match(apply=False)
        env.cr.commit()  # noqa: F821
        _none, ours, our_statements = measured(env, lambda: lines._online_sync_apply_safely(matches))  # noqa: B023, F821
        assert all(lines.mapped('is_reconciled'))
        if number:      # the first round warms up
            ratios.append(stock / ours)
            ours_queries.append(our_statements / count)
            stock_queries.append(stock_statements / count)
            rates.append((count / ours, count / stock))
    report('match.apply_ratio', statistics.median(ratios), 'x', ratios=[round(ratio, 2) for ratio in ratios], lines=count,
           lines_a_second=round(statistics.median(ours for ours, _stock in rates), 1),
           stock_lines_a_second=round(statistics.median(stock for _ours, stock in rates), 1))
    report('match.apply_queries_per_line', max(ours_queries), 'queries', stock=round(max(stock_queries), 2))


if wanted('match.precision', 'match.coverage'):
    measure_labelled()
if wanted('match.decide_seconds', 'match.growth_exponent'):
    measure_deciding()
if wanted('match.apply_ratio', 'match.apply_queries_per_line'):
    env['account.chart.template'].try_loading('generic_coa', env.company, install_demo=False)  # noqa: F821
    env.cr.commit()  # noqa: F821
    measure_applying()
