"""Whether the user there may do what the flows need, said before anything fails for it."""
from collections import defaultdict

from odoo import _, api, models
from odoo.exceptions import UserError

from ..clients.books import CREATE, READ, WRITE
from ..engine import entities
from ..engine.plan import THERE


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    def _needed_rights(self):
        """What the other side's user must be allowed to do for this flow."""
        if self.direction not in ('both', 'push'):
            return {READ}
        creates = self.missing_there == entities.CREATE
        writes = self.archives or any(field.direction in ('both', 'push') for field in self.field_ids if not field.is_check)
        return {READ, *([CREATE] if creates else []), *([WRITE] if writes else [])}


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    def _say_missing_rights(self, client):
        """A sentence for what the user there may not do and the flows that are on need; '' where nothing is missing."""
        flows = self.flow_ids.filtered(lambda flow: flow.direction != 'off' and flow._has_model())
        side, missing = self._sides(flows[:1], client)[THERE], defaultdict(list)
        for flow in flows:
            lacking = side.lacking(flow.entity, flow._needed_rights())
            if lacking:
                missing[frozenset([READ] if READ in lacking else lacking)].append(flow.name)
        if not missing:
            return ''
        peer, what = client.describe(), '; '.join(self._say_rights(rights) % ', '.join(names) for rights, names in missing.items())
        return _("The user “%(user)s” of the database “%(database)s” has too few rights: there it may not %(what)s. Give it these rights, "
                 "or sign in with the key of another user.", user=peer.user, database=peer.database or peer.name, what=what)

    def _check_rights(self):
        """:raises UserError: with what the user there may not do"""
        link = self.sudo()
        missing = link._say_missing_rights(link._client())
        if missing:
            raise UserError(missing)

    @api.model
    def _say_rights(self, rights):
        words = {frozenset([READ]): _("read: %s"), frozenset([WRITE]): _("change: %s"), frozenset([CREATE]): _("create: %s"),
                 frozenset([WRITE, CREATE]): _("change or create: %s")}
        return words[rights]
