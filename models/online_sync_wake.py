from datetime import datetime, timezone

from odoo import api, fields, models
from odoo.tools import SQL

from ..clients import wake
from .compat import HAS_CONSTRAINT

#: A secret that nobody knows, so that an unknown connection costs as much time as a wrong signature.
NOBODYS_SECRET = wake.new_secret()
#: A word signed by a clock ahead of ours may come back twice the tolerance later.
KEPT = 2 * wake.TOLERANCE


class OnlineSyncWake(models.Model):
    """A genuine word of another Odoo that something changed there. Remembered, so that the same word is not heard twice.

    Whoever receives one only adds a row: the connection itself may be locked by a run, which would have to be waited for.
    """

    _name = 'online.sync.wake'
    _description = "Word from Other Books"

    link_id = fields.Many2one('online.sync.link', required=True, ondelete='cascade', index=True)
    nonce = fields.Char(required=True)
    is_done = fields.Boolean(help="A run began after it.")

    if HAS_CONSTRAINT:
        _nonce_uniq = models.Constraint('UNIQUE(link_id, nonce)', "A word is heard once.")
    else:
        _sql_constraints = [('nonce_uniq', 'UNIQUE(link_id, nonce)', "A word is heard once.")]

    @api.model
    def _receive(self, name, headers, body):
        """Somebody says that something changed in other books.

        :param name: of the connection, as the sender knows it
        :param headers: of the request
        :param body: its bytes, as they came
        :returns: the HTTP status to answer with. Who does not know the secret learns nothing, not even whether the connection exists
        """
        link = self.env['online.sync.link'].sudo().search(
            [('peer_uid', '=', name), ('state', 'not in', ('draft', 'disconnected'))], limit=1)
        now = datetime.now(timezone.utc) + link._clock_difference() if link else datetime.now(timezone.utc)
        known = link and link._wake_secret()
        try:
            word = wake.read(known or NOBODYS_SECRET, headers, body, now)
        except wake.Refused as refused:
            return refused.status
        if not self.sudo()._is_first(link, word.nonce):
            return 409
        if link.auto_sync:
            link._wake()
        return 202

    def _is_first(self, link, nonce):
        """Remember a word; False when it was heard before."""
        now = fields.Datetime.now()
        self.env.cr.execute(SQL(
            """INSERT INTO online_sync_wake (link_id, nonce, is_done, create_date, write_date) VALUES (%s, %s, FALSE, %s, %s)
               ON CONFLICT DO NOTHING RETURNING id""", link.id, nonce, now, now))
        return bool(self.env.cr.fetchone())

    @api.model
    def _waiting(self):
        """Connections to whose other side nobody has looked since they were woken."""
        return self.env['online.sync.link'].browse(
            [link.id for link, in self.sudo()._read_group([('is_done', '=', False)], ['link_id'])])

    @api.model
    def _take(self, link):
        """A run begins: it sees all that these words tell of. Returns when the last one came, False for none."""
        words = self.sudo().search([('link_id', '=', link.id), ('is_done', '=', False)], order='create_date desc')
        last = words[:1].create_date
        words.is_done = True
        return last

    @api.autovacuum
    def _gc_heard(self):
        """Older words are refused for their age."""
        limit = fields.Datetime.now() - KEPT
        self.search([('is_done', '=', True), ('create_date', '<', limit)], limit=100000).unlink()
