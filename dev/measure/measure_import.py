"""Script for the Odoo shell, run by `make bench`: measures the way from the HTTP page to the posted bank transaction.

The shell gives `env`; BENCH_PORT is where bank.py listens, ONLY selects by the beginning of a name. Results go to the file
BENCH_RESULTS, one JSON object a line.
"""
import os
import resource
import statistics
import time
from datetime import date, timedelta
from itertools import pairwise

from figures import measured, report, wanted

from odoo.addons.account_online_sync.clients.records import RemoteAccount

PORT = os.environ['BENCH_PORT']
EXTERNAL_ID = 'ACT-00000000-0000-4000-8000-000000000001'
PAGE_DAYS = 90


def memory_mb():
    """Resident memory of this process now."""
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def link_of(per_day, days):
    """A link to the bench bank with a journal of its own: so many movements a day, for the last so many days."""
    link = env['online.sync.link'].create({'provider': 'simplefin', 'state': 'connected', 'name': f"Bench {per_day}"})  # noqa: F821
    link._store_credentials({'access_url': f'http://user:pass@127.0.0.1:{PORT}/{per_day}'})
    remote = RemoteAccount(external_id=EXTERNAL_ID, handle=EXTERNAL_ID, name="Bench", currency='EUR')
    account = env['online.sync.account']._store_remote(link, [remote])  # noqa: F821
    account.write({'mapping': 'create', 'journal_id': False, 'adds_opening': False,
                   'start_date': date.today() - timedelta(days=days - 1)})
    account._apply_mapping()
    account.journal_id.online_sync_matching = 'off'     # measure_match.py measures that
    env.cr.commit()  # noqa: F821
    return link


def run(link, on_step=lambda: None):
    """One run as the drivers do it: a commit after each step."""
    log = link._begin_run('schedule')
    client = link._client()
    more = True
    while more:
        more = link._advance(log, client)
        env.cr.commit()  # noqa: F821
        env.invalidate_all()  # noqa: F821
        on_step()
    link._end_run(log)
    env.cr.commit()  # noqa: F821
    return log


def stock(link):
    """Stock Odoo creates the same values in a journal alike, in batches of 500. Returns (seconds, statements)."""
    account = link.account_ids
    journal = account.journal_id.copy({'name': "Stock", 'default_account_id': False})
    rows = account.transaction_ids.sorted(lambda row: (row.date, row.id))
    values = [{**row._prepare_statement_line_vals(), 'journal_id': journal.id} for row in rows]
    for vals in values:
        vals.pop('online_sync_transaction_id')
    env.cr.commit()  # noqa: F821

    def create():
        for first in range(0, len(values), 500):
            env['account.bank.statement.line'].create(values[first:first + 500])  # noqa: F821
            env.cr.commit()  # noqa: F821
            env.invalidate_all()  # noqa: F821

    return measured(env, create)[1:]  # noqa: F821


def measure_import(rounds=4, per_day=22):
    """Ours and stock's in turn, on the same values; the median of the ratios counts."""
    ratios, ours_rates, stock_rates, queries = [], [], [], []
    for number in range(rounds + 1):
        link = link_of(per_day, PAGE_DAYS)
        log, ours, ours_statements = measured(env, lambda: run(link))  # noqa: B023, F821 - called at once
        theirs, their_statements = stock(link)
        if number:      # the first round warms up
            ratios.append(theirs / ours)
            ours_rates.append(log.created / ours)
            stock_rates.append(log.created / theirs)
            queries.append((ours_statements / log.created, their_statements / log.created))
    detail = {'lines': log.created, 'rounds': rounds, 'lines_a_second': round(statistics.median(ours_rates), 1),
              'stock_lines_a_second': round(statistics.median(stock_rates), 1), 'ratios': [round(ratio, 2) for ratio in ratios]}
    report('import.speed_ratio', statistics.median(ratios), 'x', **detail)
    report('import.queries_per_line', max(ours for ours, _theirs in queries), 'queries',
           stock=round(max(theirs for _ours, theirs in queries), 2))


def measure_reread(per_day=5, days=2000):
    """All days are read again; nothing is new."""
    link = link_of(per_day, days)
    run(link)
    account = link.account_ids
    account._owe_again(account.start_date)
    link.calls = account.next_try = False      # the calls of the day were used up by the first read
    env.cr.commit()  # noqa: F821
    log, seconds, statements = measured(env, lambda: run(link))  # noqa: F821
    report('reread.queries_per_page', statements / log.pages, 'queries', pages=log.pages, known=log.skipped,
           new=log.created, changed=log.updated, seconds=round(seconds, 1))


def measure_growth(per_day=50, days=2000):
    """A hundred thousand in one account: seconds a line at the end against the start, and the memory in between."""
    link = link_of(per_day, days)
    times, sizes = [time.perf_counter()], [memory_mb()]
    log = run(link, lambda: (times.append(time.perf_counter()), sizes.append(memory_mb())))
    steps = [after - before for before, after in pairwise(times)][:-2]      # the last page is short, the last step the balance
    first, last = statistics.median(steps[1:5]), statistics.median(steps[-4:])
    detail = {'lines': log.created, 'pages': log.pages, 'first_ms_a_line': round(first / per_day / PAGE_DAYS * 1000, 2),
              'last_ms_a_line': round(last / per_day / PAGE_DAYS * 1000, 2)}
    report('import.growth_ratio', last / first, 'x', **detail)
    report('import.memory_growth_mb', max(sizes) - sizes[1], 'MB', lines=log.created, after_first_page=round(sizes[1], 1))


env['ir.config_parameter'].set_param('account_online_sync.allowed_networks', '127.0.0.0/8')  # noqa: F821
env.company.currency_id = env.ref('base.EUR')  # noqa: F821
env['account.chart.template'].try_loading('generic_coa', env.company, install_demo=False)  # noqa: F821
env.company.currency_id = env.ref('base.EUR')  # noqa: F821
env.cr.commit()  # noqa: F821
if wanted('import.speed_ratio', 'import.queries_per_line'):
    measure_import()
if wanted('reread.queries_per_page'):
    measure_reread()
if wanted('import.growth_ratio', 'import.memory_growth_mb'):
    measure_growth()
