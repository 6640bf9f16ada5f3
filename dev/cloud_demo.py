"""Script for the Odoo shell: what the books of the cloud instance hold. Its company was made by `peer.py`."""
from datetime import date, timedelta

company = env.company  # noqa: F821
company.write({'name': "Birch & Co. in the cloud", 'currency_id': env.ref('base.EUR').id})  # noqa: F821
user = env['res.users'].search([('login', '=', 'sync')])  # noqa: F821
user.write({'group_ids' if 'group_ids' in user._fields else 'groups_id': [(4, env.ref('product.group_product_manager').id)]})  # noqa: F821
partners = env['res.partner'].create([  # noqa: F821
    {'name': "Acme Foods", 'vat': 'DE136695976', 'is_company': True, 'email': 'office@acme.example', 'city': "Hamburg"},
    {'name': "Blue Labs", 'email': 'hello@bluelabs.example', 'is_company': True, 'phone': '+49 30 5550101'},
    {'name': "Cedar Consulting", 'email': 'info@cedar.example', 'is_company': True, 'street': "Harbour Road 7", 'city': "Bremen"},
    {'name': "Dune Travel", 'email': 'desk@dune.example', 'is_company': True},
    {'name': "Elm Office Supplies", 'email': 'orders@elm.example', 'is_company': True},
])
products = env['product.product'].create([  # noqa: F821
    {'name': "Oak table", 'default_code': 'OAK-1', 'list_price': 480, 'type': 'consu'},
    {'name': "Hour of planning", 'default_code': 'HOUR', 'list_price': 95, 'type': 'service'},
])
journal = env['account.journal'].search([('type', '=', 'sale'), ('company_id', '=', company.id)], limit=1)  # noqa: F821
journal.name = "Customer Invoices"
for number, (partner, product, quantity) in enumerate([(0, 0, 2), (1, 1, 6), (2, 1, 3), (3, 0, 1)]):
    day = date.today() - timedelta(days=20 - 4 * number)
    env['account.move'].create({  # noqa: F821
        'move_type': 'out_invoice', 'name': f'CLOUD/{day.year}/{number + 1:04}', 'partner_id': partners[partner].id, 'invoice_date': day,
        'date': day,
        'invoice_line_ids': [(0, 0, {'product_id': products[product].id, 'quantity': quantity, 'price_unit': products[product].list_price,
                                     'tax_ids': [(5,)]})],
    }).action_post()
env['account.move'].create({  # noqa: F821
    'move_type': 'in_invoice', 'partner_id': partners[4].id, 'invoice_date': date.today(), 'ref': 'E-2041',
    'invoice_line_ids': [(0, 0, {'name': "Paper", 'quantity': 10, 'price_unit': 4.9, 'tax_ids': [(5,)]})],
})
env.cr.commit()  # noqa: F821
