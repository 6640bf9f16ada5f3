{
    'name': "Online Synchronization",
    'summary': "Bank feeds and two-way accounting synchronization for Odoo Community",
    'version': '1.0.0',
    'category': 'Accounting/Accounting',
    'author': "Online Synchronization contributors",
    'license': 'LGPL-3',
    'depends': ['account'],
    'external_dependencies': {'python': ['requests', 'python-dateutil', 'cryptography']},
    'data': [
        'security/online_sync_security.xml',
        'security/ir.model.access.csv',
        'data/ir_cron_data.xml',
    ],
    'application': False,
    'installable': True,
}
