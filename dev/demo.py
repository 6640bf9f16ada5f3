"""Script for the Odoo shell: a company with books, and the sandbox bank connected and synchronized.

The shell gives `env`; SANDBOX holds what the sandbox bank says of itself.
"""
import json
import os

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
env.cr.commit()  # noqa: F821
link._run('connect', seconds=600)
