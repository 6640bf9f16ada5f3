"""Runs in an Odoo shell on a bare database: the company of another Odoo, and two users with an API key each.

The keys stay in the system parameters of the database, for the tests that copy it. `clerk` may sign in and do nothing with accounts.
"""
USERS = {
    'sync': (
        'base.group_user', 'base.group_partner_manager', 'product.group_product_manager', 'account.group_account_invoice',
        'account.group_account_user'),
    'clerk': ('base.group_user',),
}

company = env.company  # noqa: F821
company.write({'name': 'Peer Company', 'country_id': env.ref('base.us').id, 'currency_id': env.ref('base.USD').id})  # noqa: F821
if not company.chart_template:
    env['account.chart.template'].try_loading('generic_coa', company=company, install_demo=False)  # noqa: F821
env.ref('base.EUR').active = True  # noqa: F821
env['base.language.install'].create({'lang_ids': [(6, 0, [env.ref('base.lang_fr').id])]}).lang_install()  # noqa: F821
journals = env['account.journal'].search([('type', '=', 'bank'), ('company_id', '=', company.id)])  # noqa: F821
if not journals:
    env['account.journal'].create({'name': 'Bank', 'code': 'BNK1', 'type': 'bank', 'company_id': company.id})  # noqa: F821
groups = 'group_ids' if 'group_ids' in env['res.users']._fields else 'groups_id'  # noqa: F821
for login, names in USERS.items():
    user = env['res.users'].create({  # noqa: F821
        'name': login.capitalize(), 'login': login, 'lang': 'en_US', 'tz': 'Europe/Brussels',
        groups: [(6, 0, [env.ref(name).id for name in names])],  # noqa: F821
    })
    key = env['res.users.apikeys'].with_user(user).sudo()._generate('rpc', 'Online Synchronization', None)  # noqa: F821
    env['ir.config_parameter'].set_param(f'online_sync_peer.key.{login}', key)  # noqa: F821
env.cr.commit()  # noqa: F821
