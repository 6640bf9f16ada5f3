from odoo import SUPERUSER_ID, api, fields, models

from . import vault
from .compat import NO_ACCESS


class OnlineSyncClaim(models.Model):
    """What a sign-in gave that the provider gives only once, kept safe until the connection has it.

    A setup token works once. Should anything fail after it was used (a call, a concurrent change that makes Odoo do the request again), the
    transaction is rolled back, and with it what the token gave. So it is written here first, in a transaction of its own.
    """

    _name = 'online.sync.claim'
    _description = "Online Synchronization Sign-in"

    link = fields.Integer(required=True, index=True, help="Id of the connection; no reference, for its row may be locked.")
    secrets = fields.Char(required=True, groups=NO_ACCESS)

    @api.model
    def _keep(self, link, credentials):
        """Store credentials at once, whatever becomes of the transaction in progress."""
        with self.env.registry.cursor() as cr:
            claims = api.Environment(cr, SUPERUSER_ID, {})[self._name]      # the user may be as new as the transaction in progress
            claims.search([('link', '=', link.id)]).unlink()
            claims.create({'link': link.id, 'secrets': vault.encrypt(credentials)})

    @api.model
    def _kept(self, link):
        """The credentials that were kept for a connection, {} for none."""
        claim = self.sudo().search([('link', '=', link.id)], order='id desc', limit=1)
        try:
            return vault.decrypt(claim.secrets) if claim else {}
        except vault.SecretsLost:
            return {}

    @api.autovacuum
    def _gc_claims(self):
        """A sign-in that was not finished within a day is begun anew."""
        self.search([('create_date', '<', fields.Datetime.subtract(fields.Datetime.now(), days=1))]).unlink()
