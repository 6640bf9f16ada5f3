"""How the other side tells a connection of changes: it is asked to wake us, where it has this addon too. Else it is asked what changed."""
import hashlib
import json
import logging
from datetime import timedelta
from urllib.parse import urlsplit

from odoo import _, api, fields, models

from ..clients import errors, wake
from ..clients.network import is_public
from ..clients.redaction import redact
from .online_sync_link_run import CRON

_logger = logging.getLogger(__name__)

#: Word of the step of a run that introduces us.
INTRODUCE = 'introduce'
#: We introduce ourselves once a day, and until we were heard of once an hour.
AGAIN_AFTER, UNHEARD_AFTER = timedelta(days=1), timedelta(hours=1)
#: Each introduction makes the other side wake us; so long after the last wake it is not relied upon.
HEARD_WITHIN = AGAIN_AFTER + timedelta(hours=2)
#: While the other side wakes us, it is still asked so often, for a word may get lost.
SAFETY_NET = timedelta(minutes=15)
#: Seconds that somebody who disconnects waits for the other side.
WITHDRAW_SECONDS = 10
#: A connection that another run had when it was woken is looked at again.
BUSY_LATER = timedelta(minutes=1)


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    introduced_at = fields.Datetime(readonly=True, copy=False)
    peer_database = fields.Char(readonly=True, copy=False, groups='base.group_system', help="Which database the other one is.")
    introduced_as = fields.Char(readonly=True, copy=False, groups='base.group_system', help="Digest of what was said last.")
    wake_trouble = fields.Char(readonly=True, copy=False, help="Why the other side does not wake us, or could not.")
    wakes_us = fields.Boolean(readonly=True, copy=False, help="The other side said that it will.")
    woken_at = fields.Datetime("Last told", readonly=True, copy=False)
    changes_there = fields.Char("Changes there", compute='_compute_changes_there')

    @api.depends('interval_minutes', 'auto_sync', 'wakes_us', 'woken_at', 'wake_trouble', 'introduced_at')
    def _compute_changes_there(self):
        for link in self:
            link.changes_there = link._changes_there_words() if link.kind == 'books' else False

    def _changes_there_words(self):
        if not self.auto_sync:
            return _("asked for only by hand")
        if self._is_woken():
            return _("told at once, and asked for every %s minutes to be sure", self._poll_minutes())
        often = _("asked for every 2 minutes") if self._poll_minutes() == 2 else _("asked for every %s minutes", self._poll_minutes())
        if not self.introduced_at:
            return often
        why = self.wake_trouble or _("the other Odoo has not reached %s yet.", self._own_url())
        return _("%(often)s: %(why)s", often=often, why=why)

    def _is_woken(self):
        """Whether the other side can be relied upon to tell us at once."""
        return bool(self.wakes_us and self.woken_at and self.woken_at > fields.Datetime.now() - HEARD_WITHIN)

    def _poll_minutes(self):
        own = max(self.interval_minutes, 1)
        return max(own, int(SAFETY_NET.total_seconds() / 60)) if self._is_woken() else own

    def _wake_secret(self):
        """What the other side signs with, '' where it knows none."""
        try:
            return self._credentials().get('wake_secret', '')
        except errors.SyncError:
            return ''

    # -- introducing ourselves ----------------------------------------------------------------------------------------------------

    def _introduction(self):
        """What we say of ourselves, without the secret."""
        parameters = self.env['ir.config_parameter'].sudo()
        flows = self._working_flows().filtered(lambda flow: flow.direction in ('both', 'pull'))
        return {
            'key': f"{parameters.get_param('database.uuid')}/{self.id}", 'url': self._own_url(), 'name': self._peer_uid(),
            'database': self.env.cr.dbname, 'title': f'{self.company_id.name} ({urlsplit(self._own_url()).hostname})'[:200],
            'entities': sorted(flows.mapped('entity')), 'books': self.company_id.id,
        }

    def _own_url(self):
        return (self.env['ir.config_parameter'].sudo().get_param('web.base.url') or '').rstrip('/')

    def _is_introduction_due(self):
        link = self.sudo()
        if not link.introduced_at or link.introduced_as != _digest(self._introduction()):
            return True
        is_unheard = link.wakes_us and (not link.woken_at or link.woken_at < link.introduced_at)
        return link.introduced_at < fields.Datetime.now() - (UNHEARD_AFTER if is_unheard else AGAIN_AFTER)

    def _introduce(self, client):
        """Ask the other side to wake us. What changes there is asked for either way.

        :raises clients.errors.ConfigError: the other side has a connection to these books already
        """
        facts, link = self._introduction(), self.sudo()
        values = {'introduced_at': fields.Datetime.now(), 'introduced_as': _digest(facts), 'wakes_us': False}
        trouble = self._own_url_trouble()
        if not trouble:
            secret = self._wake_secret() or wake.new_secret()
            try:
                answer = client.introduce(secret=secret, **facts)
            except errors.SyncError as error:
                _logger.info("Connection %s could not introduce itself: %s", self.id, error.log_line())
                values['introduced_as'], trouble = False, error.message     # the next run tries again
            else:
                values['wakes_us'], trouble = answer.wakes, redact(answer.why)[:300]
                values['peer_database'] = answer.who or link.peer_database
                if answer.is_circular:
                    raise errors.ConfigError(_(
                        "The other Odoo is connected to these books already and keeps both in step. With a second connection from here, "
                        "each would send on what the other sent. Keep one of the two."), field='url')
        if values['wakes_us']:
            self._store_credentials({**self._credentials(), 'wake_secret': secret, 'listener': facts['key']})
        link.write({**values, 'wake_trouble': trouble})

    def _own_url_trouble(self):
        """Why nobody could reach us at the address that we know of ourselves, '' where somebody may."""
        url = self._own_url()
        host = urlsplit(url).hostname or ''
        try:
            is_own = not is_public(host)
        except ValueError:
            is_own = host in ('', 'localhost')
        if is_own and not self._allowed_networks():
            return _("no other server can reach this one at %s. An administrator can correct the system parameter web.base.url.",
                     url or _("an unknown address"))
        return ''

    def _withdraw(self):
        """We need not be woken any more. Where that cannot be said, the other side finds out by itself."""
        for link in self.filtered(lambda link: link.kind == 'books' and link.wakes_us):
            try:
                client = link._client()
                client.http.budget = WITHDRAW_SECONDS
                with client.http:
                    client.withdraw(link._introduction()['key'])
            except errors.SyncError as error:
                _logger.info("Connection %s could not take leave: %s", link.id, error.log_line())
            link.sudo().write({'wakes_us': False, 'introduced_at': False, 'wake_trouble': False, 'woken_at': False})

    # -- where it belongs in the life of a connection --------------------------------------------------------------------------------

    def _take_consent(self, consent, client):
        super()._take_consent(consent, client)
        if self.kind == 'books':
            self._introduce(client)

    def action_disconnect(self):
        """The other side need not wake us any more."""
        self.check_access('write')
        self._withdraw()
        return super().action_disconnect()

    def write(self, vals):
        """Whoever archives a connection wants to hear nothing of it."""
        if vals.get('active') is False:
            self._withdraw()
        return super().write(vals)

    def _begin_run(self, trigger):
        log = super()._begin_run(trigger)
        if self.kind == 'books':
            last = self.env['online.sync.wake']._take(self)
            self.woken_at = last or self.woken_at
            if log.todo and self._is_introduction_due():
                log.todo = [*log.todo, [INTRODUCE, 0]]      # last: nobody waits for it
        return log

    def _advance(self, log, client):
        first, *rest = log.todo or [0]
        if first != [INTRODUCE, 0]:
            return super()._advance(log, client)
        log.todo = rest
        try:
            self._introduce(client)
        except errors.ConfigError as error:
            log.write({'error': error.log_line()[:500], 'failed': log.failed + 1})
            self._stop_on_setting(error)
            log.todo = []
        return bool(log.todo)

    def _next_run(self, failed, limited):
        planned = super()._next_run(failed, limited)
        if self.kind != 'books' or failed or not self._is_woken():
            return planned
        return max(planned, fields.Datetime.now() + SAFETY_NET)

    @api.model
    def _due(self):
        """Also those that were woken."""
        return super()._due() | self._woken()

    @api.model
    def _woken(self):
        """Connections to look at because of a word from there. One that failed waits for its next try all the same."""
        return self.env['online.sync.wake']._waiting().filtered(
            lambda link: link.state in ('connected', 'expiring') and link.auto_sync and not link.failure_count and link._working_flows())

    @api.model
    def _schedule_next(self):
        super()._schedule_next()
        if self._woken():
            self.env.ref(CRON)._trigger(at=fields.Datetime.now() + BUSY_LATER)


def _digest(facts):
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
