from odoo import api, models

from .import_batch import once_a_batch


class AccountAnalyticDistributionModel(models.Model):
    _inherit = 'account.analytic.distribution.model'

    @api.model
    def _get_distribution(self, vals):
        """One search a question, not one a journal item: a batch asks the same few questions again and again."""
        question = 'distribution', repr(sorted((name, value) for name, value in vals.items()))
        return dict(once_a_batch(self, question, lambda: super(AccountAnalyticDistributionModel, self)._get_distribution(vals)))
