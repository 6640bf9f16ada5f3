from odoo import _, models


class AccountJournal(models.Model):     # this class name: the base class finds its sources by a mangled name
    _inherit = 'account.journal'

    def __get_bank_statements_available_sources(self):
        return super().__get_bank_statements_available_sources() + [('account_online_sync', _("Online Synchronization"))]
