from odoo import models

from .import_batch import once_a_batch


class IrDefault(models.Model):
    _inherit = 'ir.default'

    def _get_model_defaults(self, model_name, condition=False):
        """Asked some fifteen times a bank transaction."""
        question = 'defaults', self.env.uid, self.env.company.id, model_name, condition
        return once_a_batch(self, question, lambda: super(IrDefault, self)._get_model_defaults(model_name, condition))
