"""Script for the Odoo shell, run by `make bench`: measures the synchronization with a second, real Odoo.

The shell gives `env`; ONLY selects by the beginning of a name. Results go to the file BENCH_RESULTS, one JSON object a line.
BENCH_SERVER is the command line that serves this database, with its scheduled actions, as JSON.
"""
import json
import os
import statistics
import subprocess
import time
from datetime import date

from figures import report, wanted

from odoo import Command

from odoo.addons.account_online_sync.clients.http import Http
from odoo.addons.account_online_sync.clients.odoo_rpc import OdooRpc
from odoo.addons.account_online_sync.models.online_sync_tracked import OnlineSyncTracked
from odoo.addons.account_online_sync.tests.servers.odoo_peer import OdooPeer, peers

INVOICES, PAGE, PAID = 5000, 200, 5
BOUND, CHUNK = 50000, 2500
DAY = date.today().isoformat()
REFERENCES = 'account', 'tax', 'journal', 'payment_term'


# -- a second Odoo, and a connection to it -------------------------------------------------------------------------------------------

def connect(peer):
    """A connection to a new database there, with nothing switched on."""
    rpc = OdooRpc(Http(allowed_networks=['127.0.0.0/8']), peer.url, database=peer.database, login='sync', key=peer.keys['sync'])
    rounding, = rpc.call('res.company', 'search_read', domain=[], fields=['tax_calculation_rounding_method'])
    env.company.tax_calculation_rounding_method = rounding['tax_calculation_rounding_method']  # noqa: F821
    link = env['online.sync.link'].create({'provider': 'odoo', 'user_id': env.ref('base.user_admin').id})  # noqa: F821
    link._store_credentials({'url': peer.url, 'database': peer.database, 'login': 'sync', 'key': peer.keys['sync']})
    client = link._client()
    link._take_consent(client.start(), client)
    link.auto_sync = False
    env.cr.commit()  # noqa: F821
    return link, rpc


def switch_on(link, *names):
    flows = link.flow_ids.filtered(lambda flow: flow.entity in names).sorted('sequence')
    flows.direction = 'both'
    for flow in flows:
        flow._confirm_pairs([pair for pair in flow._find_pairs(link._sides(flow, link._client())) if pair.sureness == 'exact'])
    env.cr.commit()  # noqa: F821
    return flows


class Calls:
    """How many calls went over the wire so far."""

    count = 0


def _counting(http, *args, **kwargs):
    Calls.count += 1
    return request(http, *args, **kwargs)


request, Http.request = Http.request, _counting


def run(link):
    """(log of a run, its seconds)"""
    started = time.perf_counter()
    link._run('schedule', seconds=3600)
    env.cr.commit()  # noqa: F821
    return link.log_ids[:1], time.perf_counter() - started


def disconnect(link):
    link.flow_ids.direction = 'off'
    link.state = 'disconnected'
    env.cr.commit()  # noqa: F821


# -- the first load ------------------------------------------------------------------------------------------------------------------

def make_books(count, round_number):
    """Posted invoices of two lines, each fifth one paid: (partners, invoices, payments)"""
    partners = env['res.partner'].create([  # noqa: F821
        {'name': f'Bench {round_number} {number}', 'email': f'{round_number}.{number}@example.com'} for number in range(count // 10)])
    journal = env['account.journal'].search([('type', '=', 'bank'), ('company_id', '=', env.company.id)], limit=1)  # noqa: F821
    invoices, payments = env['account.move'], env['account.payment']  # noqa: F821
    for first in range(0, count, PAGE):
        page = invoices.create([{
            'move_type': 'out_invoice', 'partner_id': partners[number % len(partners)].id, 'invoice_date': DAY,
            'invoice_line_ids': [Command.create({'name': f'work {line}', 'quantity': 1, 'price_unit': 100 + number + line, 'tax_ids': [
                Command.clear()]}) for line in range(2)],
        } for number in range(first, min(first + PAGE, count))])
        page.action_post()
        paid = page[::PAID]
        made = payments.create([{
            'payment_type': 'inbound', 'partner_type': 'customer', 'partner_id': invoice.partner_id.id, 'amount': invoice.amount_total,
            'date': DAY, 'journal_id': journal.id} for invoice in paid])
        made.action_post()
        for invoice, payment in zip(paid, made, strict=True):
            (invoice.line_ids | payment.move_id.line_ids).filtered(lambda line: line.account_type == 'asset_receivable').reconcile()
        invoices, payments = invoices | page, payments | made
        env.cr.commit()  # noqa: F821
    return partners, invoices, payments


def create_plainly(rpc, partners, invoices, payments):
    """The same rows by `create`, so many a call, posted so many a call and matched pair by pair, as the API has it. Returns seconds."""
    def ids(model, *domain):
        return [row['id'] for row in rpc.call(model, 'search_read', domain=list(domain), fields=['id'])]
    account, = ids('account.account', ('code', '=', invoices[0].invoice_line_ids[0].account_id.code))
    sales, bank = (ids('account.journal', ('type', '=', kind))[0] for kind in ('sale', 'bank'))
    started, twins = time.perf_counter(), {}
    for page in _pages(partners):
        made = rpc.call('res.partner', 'create', vals_list=[{'name': partner.name, 'email': partner.email} for partner in page])
        twins.update(zip(page.ids, made, strict=True))
    documents = {}
    for page in _pages(invoices):
        made = rpc.call('account.move', 'create', vals_list=[{
            'move_type': 'out_invoice', 'name': move.name, 'partner_id': twins[move.partner_id.id], 'invoice_date': DAY, 'date': DAY,
            'journal_id': sales, 'invoice_line_ids': [[0, 0, {
                'name': line.name, 'quantity': line.quantity, 'price_unit': line.price_unit, 'account_id': account,
                'tax_ids': [[6, 0, []]]}] for line in move.invoice_line_ids]} for move in page])
        rpc.call('account.move', 'action_post', made)
        documents.update(zip(page.ids, made, strict=True))
    for page in _pages(payments):
        made = rpc.call('account.payment', 'create', vals_list=[{
            'payment_type': 'inbound', 'partner_type': 'customer', 'partner_id': twins[payment.partner_id.id], 'amount': payment.amount,
            'date': DAY, 'journal_id': bank} for payment in page], context={'force_payment_move': True})
        rpc.call('account.payment', 'action_post', made)
        _match_plainly(rpc, dict(zip(page, made, strict=True)), documents)
    return time.perf_counter() - started


def _match_plainly(rpc, made, documents):
    rows = rpc.call('account.move.line', 'search_read', fields=['move_id', 'payment_id'], load='', domain=[
        ('account_id.account_type', '=', 'asset_receivable'), '|', ('payment_id', 'in', list(made.values())), ('move_id', 'in', [
            documents[payment.reconciled_invoice_ids.id] for payment in made])])
    by_payment = {row['payment_id']: row['id'] for row in rows if row['payment_id']}
    by_move = {row['move_id']: row['id'] for row in rows if not row['payment_id']}
    for payment, twin in made.items():
        rpc.call('account.move.line', 'reconcile', [by_payment[twin], by_move[documents[payment.reconciled_invoice_ids.id]]])


def _pages(records):
    return (records[first:first + PAGE] for first in range(0, len(records), PAGE))


def measure_first_load(peer):
    peer.renew()
    link, rpc = connect(peer)
    partners, invoices, payments = make_books(INVOICES, 1)
    plain = create_plainly(rpc, partners, invoices, payments)
    disconnect(link)
    peer.renew()
    link, rpc = connect(peer)
    flows = switch_on(link, *REFERENCES, 'partner', 'invoice', 'payment', 'allocation')
    log, ours = run(link)
    bound = {flow.entity: flow.binding_count for flow in flows}
    assert (bound['invoice'], bound['allocation']) == (INVOICES, INVOICES // PAID), (bound, log.error, log.detail)
    rows = INVOICES + len(payments) * 2
    report('peer.first_load_ratio', plain / ours, 'x', invoices=INVOICES, payments=len(payments), seconds=round(ours, 1),
           plain_seconds=round(plain, 1), records_a_second=round(rows / ours, 1), plain_records_a_second=round(rows / plain, 1))
    disconnect(link)
    clear_books()


def clear_books():
    """Without the documents of a measurement: else the next one synchronizes them as well."""
    for table in ('account_partial_reconcile', 'account_full_reconcile', 'account_payment', 'account_move'):
        env.cr.execute(f'DELETE FROM {table}')  # noqa: F821
    env.cr.commit()  # noqa: F821
    env.invalidate_all()  # noqa: F821


# -- nothing to do -------------------------------------------------------------------------------------------------------------------

def bind_many(link, peer, count):
    """So many partners on both sides that are pairs already, put there past Odoo: only what a run does with them is measured."""
    for sql in (peer.sql, env.cr.execute):  # noqa: F821
        sql(f"""INSERT INTO res_partner (name, complete_name, ref, active, type, autopost_bills, create_date, write_date)
                SELECT 'Many ' || n, 'Many ' || n, 'many' || n, true, 'contact', 'ask', '2026-01-01', '2026-01-01'
                  FROM generate_series(1, {count}) n
                 WHERE NOT EXISTS (SELECT 1 FROM res_partner WHERE ref = 'many1')""")
    return _bind(link, peer, 'partner', 'res.partner', count)


def bind_documents(link, peer, rpc, count):
    """So many posted invoices of two lines on both sides that are pairs already: copies of one that each Odoo made."""
    partner, journal = (env[model].search(domain, limit=1) for model, domain in (  # noqa: F821
        ('res.partner', []), ('account.journal', [('type', '=', 'sale'), ('company_id', '=', env.company.id)])))  # noqa: F821
    here = env['account.move'].create(_invoice(partner.id, journal.id, Command.clear()))  # noqa: F821
    here.action_post()
    env.cr.flush()  # noqa: F821
    their_partner, their_journal = (rpc.call(model, 'search', domain=domain, limit=1)[0] for model, domain in (
        ('res.partner', []), ('account.journal', [('type', '=', 'sale')])))
    there, = rpc.call('account.move', 'create', vals_list=[_invoice(their_partner, their_journal, [5, 0, 0])])
    rpc.call('account.move', 'action_post', [there])
    for sql, model in ((env.cr.execute, here.id), (peer.sql, there)):  # noqa: F821
        for statement in _copies(model, count):
            sql(statement)
    return _bind(link, peer, 'invoice', 'account.move', count)


def _invoice(partner, journal, no_taxes):
    lines = [[0, 0, {'name': f'work {line}', 'quantity': 1, 'price_unit': 100, 'tax_ids': [no_taxes]}] for line in range(2)]
    return {'move_type': 'out_invoice', 'partner_id': partner, 'journal_id': journal, 'invoice_date': DAY, 'ref': 'many0',
            'invoice_line_ids': lines}


def _copies(move, count):
    """Statements that copy an invoice so many times, whatever columns a series has."""
    old = "'create_date', '2026-01-01', 'write_date', '2026-01-01'"
    yield f"""INSERT INTO account_move SELECT (jsonb_populate_record(move, jsonb_build_object(
                'id', nextval('account_move_id_seq'), 'name', 'MANY/' || n, 'ref', 'many' || n, 'payment_reference', 'MANY/' || n,
                'sequence_prefix', 'MANY/', 'sequence_number', n, 'access_token', null, {old}))).*
                FROM account_move move, generate_series(1, {count}) n WHERE move.id = {move}"""
    yield f"""INSERT INTO account_move_line SELECT (jsonb_populate_record(line, jsonb_build_object(
                'id', nextval('account_move_line_id_seq'), 'move_id', move.id, 'move_name', move.name, {old}))).*
                FROM account_move_line line, account_move move WHERE line.move_id = {move} AND move.name LIKE 'MANY/%'"""


def _bind(link, peer, entity, model, count):
    flow = link.flow_ids.filtered(lambda flow: flow.entity == entity)
    for first in range(1, count + 1, CHUNK):
        _bind_chunk(flow, peer, model, [f'many{number}' for number in range(first, min(first + CHUNK, count + 1))])
    env.cr.execute("ANALYZE online_sync_binding")  # noqa: F821
    env.cr.commit()  # noqa: F821
    env.invalidate_all()  # noqa: F821
    return flow


def _bind_chunk(flow, peer, model, refs):
    """A part at a time, so that what is measured afterwards is not the memory of this."""
    table, wanted = model.replace('.', '_'), ','.join(f"'{ref}'" for ref in refs)
    theirs = dict(line.split('|') for line in peer.sql(f"SELECT ref, id FROM {table} WHERE ref IN ({wanted})").splitlines())
    env.cr.execute(f"SELECT ref, id FROM {table} WHERE ref IN ({wanted})")  # noqa: F821
    rows = [(id_, theirs[ref]) for ref, id_ in env.cr.fetchall()]  # noqa: F821
    env.cr.execute(  # noqa: F821
        """INSERT INTO online_sync_binding (flow_id, link_id, company_id, entity, res_model, res_id, external_id, local_version,
                                            remote_version, seen_pass, missed, base_local, base_remote)
           SELECT %s, %s, %s, %s, %s, row.here, row.there, '2026-01-01 00:00:00', '2026-01-01 00:00:00', 0, 0, '{}', '{}'
             FROM unnest(%s, %s) row (here, there)""",
        [flow.id, flow.link_id.id, flow.company_id.id, flow.entity, model, [here for here, _there in rows],
         [there for _here, there in rows]])


def measure_idle(peer):
    peer.renew()
    link, rpc = connect(peer)
    bind_many(link, peer, BOUND // 2)
    bind_documents(link, peer, rpc, BOUND // 2)
    flows = switch_on(link, *REFERENCES, 'partner', 'product', 'invoice', 'payment', 'entry', 'allocation')
    first, _seconds = run(link)     # all of them are looked at once
    assert not first.failed, (first.error, first.detail)
    flows.write({'listed_at': False, 'checked_here_at': False})
    _log, seconds = run(link)       # the complete lists of the day
    calls, times = [], []
    for _round in range(3):
        before = Calls.count
        log, took = run(link)
        assert not (log.created or log.updated or log.failed), log.detail
        calls.append((Calls.count - before) / len(flows))
        times.append(took)
    report('peer.idle_calls_per_flow', max(calls), 'calls', flows=len(flows), bound=BOUND)
    report('peer.idle_seconds', statistics.median(times), 's', bound=BOUND, once_a_day_seconds=round(seconds, 1),
           slowest=round(max(times), 2))
    disconnect(link)


# -- how soon it is there ------------------------------------------------------------------------------------------------------------

def measure_latency(peer, rounds=15):
    """From the commit here until it can be read there, with this database's own scheduled actions at work."""
    peer.renew()
    link, rpc = connect(peer)
    partner = env['res.partner'].create({'name': 'Latency', 'email': 'latency@example.com'})  # noqa: F821
    switch_on(link, 'partner')
    run(link)
    link.auto_sync = True
    binding = link.flow_ids.binding_ids.filtered(lambda one: one.res_id == partner.id)
    env.cr.commit()  # noqa: F821
    server = subprocess.Popen(json.loads(os.environ['BENCH_SERVER']), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        times = [_until_there(rpc, partner, int(binding.external_id), f'Street {number}') for number in range(rounds + 1)][1:]
    finally:
        server.terminate()
        server.wait()
    report('peer.latency_seconds', statistics.median(times), 's', slowest=round(max(times), 2), rounds=rounds)
    disconnect(link)


def _until_there(rpc, partner, twin, street, patience=120):
    partner.street = street
    env.cr.commit()  # noqa: F821
    started = time.perf_counter()
    while rpc.call('res.partner', 'search_read', domain=[('id', '=', twin)], fields=['street'])[0]['street'] != street:
        assert time.perf_counter() - started < patience, "it does not arrive"
        time.sleep(0.05)
    return time.perf_counter() - started


# -- what it costs who does not use it -----------------------------------------------------------------------------------------------

class Hooks:
    """Seconds within what this addon adds to `create`, `write` and `unlink`."""

    seconds = 0.0

    @classmethod
    def timed(cls, function):
        def wrapper(*args, **kwargs):
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                cls.seconds += time.perf_counter() - started
        return wrapper


def measure_overhead(count=500, rounds=3):
    """The share of the time of posting that goes into noting changes, in a database without flows."""
    assert not env['online.sync.flow']._watched()  # noqa: F821
    names = ('_online_sync_is_watched',)
    originals = {name: getattr(OnlineSyncTracked, name) for name in names}
    partner = env['res.partner'].create({'name': 'Overhead'})  # noqa: F821
    shares = []
    for _round in range(rounds):
        moves = env['account.move'].create([{  # noqa: F821
            'move_type': 'out_invoice', 'partner_id': partner.id, 'invoice_date': DAY,
            'invoice_line_ids': [Command.create({'name': 'x', 'price_unit': 100, 'tax_ids': [Command.clear()]})],
        } for _number in range(count)])
        env.cr.commit()  # noqa: F821
        Hooks.seconds = 0.0
        for name in names:
            setattr(OnlineSyncTracked, name, Hooks.timed(originals[name]))
        try:
            started = time.perf_counter()
            moves.action_post()
            env.cr.commit()  # noqa: F821
            shares.append(Hooks.seconds / (time.perf_counter() - started))
        finally:
            for name in names:
                setattr(OnlineSyncTracked, name, originals[name])
    report('peer.local_overhead_ratio', max(shares), '', invoices=count, rounds=rounds)


# -- memory --------------------------------------------------------------------------------------------------------------------------

def forget_peak():
    """From now on the peak is that of what follows (proc(5), clear_refs)."""
    with open('/proc/self/clear_refs', 'w') as file:
        file.write('5')


def peak():
    """Highest resident memory of this process, in MB."""
    with open('/proc/self/status') as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith('VmHWM'))


def measure_memory(peer):
    """Peak memory of a run that looks at each of so many records of both sides, from few to many."""
    found = []
    for count in (BOUND // 10, BOUND):
        peer.renew()
        link, _rpc = connect(peer)
        env.cr.execute("DELETE FROM res_partner WHERE ref LIKE 'many%'")  # noqa: F821
        flow = bind_many(link, peer, count)
        switch_on(link, 'partner')
        flow.write({'is_loaded': False, 'first_cursor': False})
        peer.sql("UPDATE res_partner SET write_date = '2026-01-02' WHERE ref LIKE 'many%'")      # each of them is read anew
        env.cr.commit()  # noqa: F821
        env.invalidate_all()  # noqa: F821
        forget_peak()
        log, seconds = run(link)
        assert log.fetched >= count and not log.failed, (log.fetched, log.error, log.detail)
        found.append((peak(), seconds))
        disconnect(link)
    report('peer.memory_growth_mb', found[1][0] - found[0][0], 'MB', few=BOUND // 10, many=BOUND, few_mb=round(found[0][0]),
           many_mb=round(found[1][0]), many_seconds=round(found[1][1], 1))


MEASURES = {
    ('peer.first_load_ratio',): measure_first_load, ('peer.idle_calls_per_flow', 'peer.idle_seconds'): measure_idle,
    ('peer.latency_seconds',): measure_latency, ('peer.memory_growth_mb',): measure_memory,
}
if wanted('peer.local_overhead_ratio', *(name for names in MEASURES for name in names)):
    env['account.chart.template'].try_loading('generic_coa', env.company, install_demo=False)  # noqa: F821
    env['ir.config_parameter'].set_param('account_online_sync.allowed_networks', '127.0.0.0/8')  # noqa: F821
    env.cr.commit()  # noqa: F821
if any(wanted(*names) for names in MEASURES):
    series = '.'.join(env['ir.module.module'].search([('name', '=', 'base')]).latest_version.split('.')[:2])  # noqa: F821
    with OdooPeer(series if series in peers() else next(iter(peers()))) as other:
        for names, measure in MEASURES.items():
            if wanted(*names):
                measure(other)
if wanted('peer.local_overhead_ratio'):
    measure_overhead()
