"""What the processes do that tests/test_kill.py starts, and kills.

The text of this file is given to an Odoo shell, followed by a call of one of its functions. It is not imported there: that would
bring Odoo's test framework into a process that is meant to be like any other.
"""
import json
import os
import signal
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import requests

from odoo import SUPERUSER_ID, api, fields, sql_db
from odoo.modules.registry import Registry
from odoo.tools import mute_logger

from odoo.addons.account_online_sync.clients.http import Http
from odoo.addons.account_online_sync.models import online_sync_link

BACK = 'https://books.example/online_sync/return'


class LoopbackHttp(Http):
    """Calls this machine, without a setting in the database that other tests would see."""

    def __init__(self, **options):
        super().__init__(**{**options, 'allowed_networks': ('127.0.0.0/8',)})


online_sync_link.Http = LoopbackHttp


def say(word, **facts):
    """A line for the test."""
    print(json.dumps({'word': word, **facts}), flush=True)


# -- before and after -----------------------------------------------------------------------------------------------------------------


def prepare(env, url, application_id, private_key, bank):
    """A company, a link to the test's bank, and a journal for each account; all committed. Returns the id of the link."""
    company = env['res.company'].create({'name': f"Kill test {os.getpid()}", 'currency_id': env.company.currency_id.id})
    env = env(context={'allowed_company_ids': company.ids})
    company = company.with_env(env)
    company.account_journal_suspense_account_id = env['account.account'].create({
        'name': "Suspense", 'code': '101402', 'account_type': 'asset_current'})
    company.bank_account_code_prefix = '1014'
    link = env['online.sync.link'].create({
        'provider': 'enable_banking', 'api_url': url, 'institution_code': bank, 'company_id': company.id, 'auto_sync': False})
    page = link._sign_in({'application_id': application_id, 'private_key': private_key}, BACK)
    back = requests.post(page, data={'answer': 'allow'}, allow_redirects=False, timeout=10).headers['Location']
    link._come_back(dict(parse_qsl(urlsplit(back).query)))
    link.account_ids.write({
        'mapping': 'create', 'journal_id': False, 'start_date': fields.Date.today() - timedelta(days=40), 'adds_opening': False})
    link.account_ids._apply_mapping()
    env.cr.commit()     # pylint: disable=invalid-commit
    say('prepared', link=link.id, company=company.id)
    return link.id


def clean_up(env, company_id):
    """Take the company and all that is its own out of the database, as far as that goes: it may be one that somebody keeps."""
    links = env['online.sync.link'].search([('company_id', '=', company_id)])
    links.write({'state': 'draft'})
    links.unlink()
    env.flush_all()
    partner_id = env['res.company'].browse(company_id).partner_id.id
    env.cr.execute("""SELECT format('%I', c.relname), format('%I', a.attname)
                        FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
                        JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
                       WHERE f.confrelid = 'res_company'::regclass AND c.relname != 'res_company'""")
    owned = env.cr.fetchall()
    env.cr.execute("SELECT account_account_id FROM account_account_res_company_rel WHERE res_company_id = %s", [company_id])
    accounts = [row[0] for row in env.cr.fetchall()]
    statements = [(f'DELETE FROM {table} WHERE {column} = %s', [company_id]) for table, column in owned]
    statements += [
        ("DELETE FROM account_account WHERE id = ANY(%s)", [accounts]), ("DELETE FROM res_company WHERE id = %s", [company_id]),
        ("DELETE FROM res_partner_bank WHERE partner_id = %s", [partner_id]), ("DELETE FROM res_partner WHERE id = %s", [partner_id])]
    for _round in range(6):     # as long as one stands in the way of another
        statements = [one for one in statements if not _executed(env, *one)]
    env.cr.commit()     # pylint: disable=invalid-commit
    say('cleaned', left=[statement for statement, _values in statements])


def _executed(env, statement, values):
    try:
        with env.cr.savepoint(), mute_logger('odoo.sql_db'):
            env.cr.execute(statement, values)   # pylint: disable=sql-injection
        return True
    except sql_db.psycopg2.Error:
        return False


# -- runs -----------------------------------------------------------------------------------------------------------------------------


def serve(env, link_id, starter):
    """Fork a process for each run of the link. It waits for a byte from the test, which decides meanwhile when to kill it.

    A fork has its own connection to the database and everything loaded: it costs milliseconds, a new Odoo seconds.
    """
    database = env.cr.dbname
    env.cr.rollback()   # pylint: disable=invalid-commit
    env.cr.close()
    while True:
        sql_db.close_all()
        pid = os.fork()
        if not pid:
            _run(database, link_id, starter)
        _pid, status = os.waitpid(pid, 0)
        say('ended', killed=os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)


def _run(database, link_id, starter):
    """One run, in a process of its own."""
    say('ready', pid=os.getpid())
    os.read(starter, 1)
    outcome = 'broken'
    try:
        with Registry(database).cursor() as cr:
            link = api.Environment(cr, SUPERUSER_ID, {})['online.sync.link'].browse(link_id)
            outcome = link._run('schedule')
    finally:
        say('run', outcome=outcome)
        os._exit(0)


def fetch_again(env, account_id, day):
    """What the button of the calendar does, in a request's transaction of its own."""
    env['online.sync.account'].browse(account_id).action_fetch_day(day)
    env.cr.commit()     # pylint: disable=invalid-commit
    say('fetched')
