from odoo import api, models

from .import_batch import once_a_batch


class DecimalPrecision(models.Model):
    _inherit = 'decimal.precision'

    @api.model
    def precision_get(self, application):
        """Asked some thirty times a bank transaction; the cache in between is slower than a dictionary."""
        if application == 'Discount':       # depends on where it is asked
            return super().precision_get(application)
        return once_a_batch(self, ('precision', application), lambda: super(DecimalPrecision, self).precision_get(application))
