"""Script for the Odoo shell: a company with books, and the sandbox bank connected, synchronized and matched.

The shell gives `env`; SANDBOX holds what the sandbox bank says of itself.
"""
import json
import os
import re
from datetime import date, timedelta

facts = json.loads(os.environ['SANDBOX'])
company = env.company  # noqa: F821
company.write({'name': "Birch & Co.", 'country_id': env.ref('base.de').id, 'currency_id': env.ref('base.EUR').id})  # noqa: F821
env['account.chart.template'].try_loading('generic_coa', company, install_demo=False)  # noqa: F821
company.currency_id = env.ref('base.EUR')  # noqa: F821

parameters = env['ir.config_parameter']  # noqa: F821
parameters.set_param('account_online_sync.allowed_networks', facts['allowed_networks'])
parameters.set_param('account_online_sync.url.enable_banking', facts['enable_banking']['url'])
admin = env.ref('base.user_admin')  # noqa: F821
admin.write({'tz': 'Europe/Berlin'})

link = env['online.sync.link'].create({'provider': 'simplefin', 'user_id': admin.id})  # noqa: F821
link._sign_in({'setup_token': facts['simplefin']['setup_token']}, return_url='')
link.account_ids._apply_mapping()
journals = link.account_ids.journal_id
journals.online_sync_matching = 'off'
env.cr.commit()  # noqa: F821
link._run('connect', seconds=600)


def partner_of(line):
    partners = env['res.partner']  # noqa: F821
    return partners.search([('name', '=', line.partner_name)], limit=1) or partners.create({'name': line.partner_name, 'is_company': True})


def document(line, kind, number):
    """The invoice or bill that a bank transaction pays; every seventh is open with another amount, so that a person has something to do."""
    days = timedelta(days=14)
    amount = abs(line.amount) + (20 if line.id % 7 == 0 else 0)
    values = {'name': number, 'invoice_date_due': line.date} if kind == 'out_invoice' else {'ref': number}
    return {
        'move_type': kind, 'partner_id': partner_of(line).id, 'invoice_date': line.date - days, 'date': line.date - days,
        'invoice_line_ids': [(0, 0, {'name': "Furniture", 'price_unit': amount, 'tax_ids': [(5,)]})], **values}


def documents(lines):
    """What the last weeks' lines pay, by the numbers in their texts."""
    for line in lines:
        invoice = re.search(r'INV/\d{4}/\d+', line.payment_ref or '')
        bill = re.search(r'Bill (\d{4}-\d+)', line.payment_ref or '')
        if invoice and line.amount > 0:
            yield document(line, 'out_invoice', invoice.group())
        elif bill and line.amount < 0:
            yield document(line, 'in_invoice', bill.group(1))


lines = env['account.bank.statement.line'].search([  # noqa: F821
    ('journal_id', 'in', journals.ids), ('date', '>=', date.today() - timedelta(days=60))], order='date')
env['account.move'].create(list(documents(lines))).action_post()  # noqa: F821
journals.online_sync_matching = 'alone'
lines.online_sync_match()
env.cr.commit()  # noqa: F821
