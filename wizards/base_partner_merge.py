from odoo import models


class MergePartnerAutomatic(models.TransientModel):
    _inherit = 'base.partner.merge.automatic.wizard'

    def _merge(self, partner_ids, dst_partner=None, extra_checks=True):
        """What pointed to a contact that is merged points to the one that is kept, and was changed past the ORM."""
        partners = self.env['res.partner'].browse(partner_ids).exists()
        result = super()._merge(partner_ids, dst_partner=dst_partner, extra_checks=extra_checks)
        kept = partners.exists()
        if len(kept) == 1 and kept != partners:
            self.env['online.sync.binding'].sudo()._note_merged(partners - kept, kept)
        return result
