from odoo import models

from .import_batch import batch_of


class AccountMoveLine(models.Model):
    _inherit = 'account.move.line'

    def _compute_totals(self):
        """The price of an item of an entry, without taxes, is its amount: no need to ask the tax engine for each."""
        plain = self.browse()
        if batch_of(self) is not None:
            plain = self.filtered(lambda line: line.display_type == 'product' and line.move_type == 'entry' and not line.tax_ids)
            for line in plain:
                line.price_subtotal = line.price_total = line.amount_currency
        return super(AccountMoveLine, self - plain)._compute_totals()

    def _inverse_analytic_distribution(self):
        """Items that have no distribution have nothing to bring in line with it (19.0 would merge nothing with nothing, one by one)."""
        lines = self if batch_of(self) is None else self.filtered('analytic_distribution')
        return super(AccountMoveLine, lines)._inverse_analytic_distribution()
