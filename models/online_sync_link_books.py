"""A connection to other books: which flows it has, and how the drivers take them through their steps."""
import logging
import traceback
import uuid
from datetime import timedelta

import psycopg2

from odoo import _, api, fields, models

from ..clients import base, errors
from ..clients.redaction import redact
from ..engine.plan import HERE, THERE
from .online_sync_link_run import CRON

_logger = logging.getLogger(__name__)
#: Pairs of a kind that tell whether the other side is still the same.
SAMPLE = 5
#: Runs before this one that may belong to one pass over all records.
LOOK_BACK = 50
#: So many times what is as it was must be all that was looked at.
ALMOST_ALL = 1.25

#: Word of a step that takes a flow a page further.
FLOW = 'flow'
LATER = timedelta(minutes=2)
#: Seconds by which two measurements of a clock may differ: Odoo tells whole seconds, and a call takes its time.
CLOCK_NOISE = 2


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    kind = fields.Selection([('bank', "Bank"), ('books', "Accounting")], compute='_compute_kind', store=True, precompute=True)
    flow_ids = fields.One2many('online.sync.flow', 'link_id', string="Records")
    peer_uid = fields.Char(readonly=True, copy=False, groups='base.group_system')
    peer_version = fields.Char("Version", readonly=True, copy=False)
    peer_protocol = fields.Char("Protocol", readonly=True, copy=False)
    peer_currency = fields.Char("Currency there", readonly=True, copy=False)
    peer_place = fields.Char(readonly=True, copy=False, groups='base.group_system', help="Which books the pairs are about.")
    peer_url = fields.Char("Address there", readonly=True, copy=False)
    clock_difference = fields.Float("Clock there is ahead (seconds)", readonly=True, copy=False)
    interval_minutes = fields.Integer("Every (minutes)", default=2)

    @api.depends('provider')
    def _compute_kind(self):
        for link in self:
            link.kind = base.client_class(link.provider).provider.kind if link.provider else 'bank'

    def _peer_uid(self):
        """What markers of this connection begin with."""
        link = self.sudo()
        if not link.peer_uid:
            link.peer_uid = f'online_sync_{uuid.uuid4().hex[:12]}'
        return link.peer_uid

    def _has_other_currency(self):
        """Whether the books there are kept in another currency: each side then has its own rates."""
        return bool(self.peer_currency) and self.peer_currency != self.company_id.currency_id.name

    def _clock_difference(self):
        return timedelta(seconds=self.clock_difference)

    def _note_clock(self, client):
        """Keep how far the other clock is ahead, as the last calls measured it."""
        seconds = client.clock_difference.total_seconds()
        if abs(seconds - self.clock_difference) > CLOCK_NOISE:
            self.clock_difference = round(seconds)

    def _take_consent(self, consent, client):
        """Books have flows in place of accounts."""
        if self.kind != 'books':
            return super()._take_consent(consent, client)
        self._store_credentials(consent.credentials)
        client.credentials = dict(consent.credentials)
        self._check_not_connected_twice(client)
        self._note_place(client)
        self._note_clock(client)
        peer = client.describe()
        self.env['online.sync.flow'].sudo()._create_all(self)
        if self.state == 'disconnected':
            self.flow_ids.sudo()._begin_sending()
        self.write({
            'state': 'connected', 'last_error': False, 'failure_count': 0, 'institution_name': self.institution_name or peer.company,
            'peer_version': peer.version, 'peer_protocol': peer.protocol, 'peer_currency': peer.currency, 'peer_url': peer.name,
            'next_run': fields.Datetime.now() if self._working_flows() else False})
        self.env.registry.clear_cache()
        self.issue_ids.filtered(lambda issue: issue.kind in ('consent', 'setting')).sudo()._close(_("Signed in again"))
        return None

    # -- running ------------------------------------------------------------------------------------------------------------------

    def _begin_run(self, trigger):
        log = super()._begin_run(trigger)
        if self.kind == 'books':
            log.todo = [[FLOW, flow.id] for flow in self._working_flows()]
            waiting = self.flow_ids.filtered(lambda flow: flow.direction != 'off') - self._working_flows()
            if waiting:
                log._say(_("Not begun: %s. Confirm their pairs first.", ', '.join(waiting.mapped('name'))))
        return log

    def _working_flows(self):
        """The flows that are on and whose pairs a person confirmed, each after those that it depends on."""
        return self.flow_ids.filtered(
            lambda flow: flow.direction != 'off' and flow.pairs_confirmed and flow._has_model()).sorted('sequence')

    def _advance(self, log, client):
        first, *rest = log.todo or [0]
        if not isinstance(first, list) or first[0] != FLOW or self.state in ('draft', 'disconnected'):
            return super()._advance(log, client)
        flow = self.env['online.sync.flow'].browse(first[1]).exists()
        if flow not in self._working_flows() or not self._flow_step(flow, log, client):
            log.todo = log.todo and rest
        return bool(log.todo)

    def _name_of_step(self, step):
        if isinstance(step, list) and step[0] == FLOW:
            return self.env['online.sync.flow'].browse(step[1]).exists().name or ''
        return super()._name_of_step(step)

    def _flow_step(self, flow, log, client):
        """One page of a flow. Returns whether it has more."""
        try:
            with self.env.cr.savepoint():
                more = flow._sync_step(self._sides(flow, client), log)
                self._note_clock(client)
                return more
        except errors.SyncError as error:
            return self._flow_failed(flow, error, log)
        except psycopg2.OperationalError:
            raise       # a concurrent change: the driver rolls back and the next run does it again
        except Exception as error:
            _logger.error("Synchronization of flow %s failed:\n%s", flow.id, redact(traceback.format_exc()))
            return self._flow_failed(flow, self._unexpected(error), log)

    def _sides(self, flow, client):
        there = client.side(self.user_id.lang or 'en_US', self.flow_ids._shapes())
        there.is_careful = self._broke_off()
        return {HERE: flow._side_here(client.kept.setdefault(HERE, {})), THERE: there}

    def _check_not_connected_twice(self, client):
        """Each of two connections to the same books would create what the other one created."""
        for other in self.sudo().search([
                ('id', '!=', self.id), ('company_id', '=', self.company_id.id), ('provider', '=', self.provider),
                ('state', 'not in', ('draft', 'disconnected'))]):
            try:
                is_same = client.is_of_same_books(other._client())
            except errors.SyncError:        # whoever does not answer is known by its address
                is_same = other.peer_place == client.place
            if is_same:
                raise errors.ConfigError(
                    _("These books are connected already: “%s”. Open that connection instead.", other.name), field='url')

    def _note_place(self, client):
        """Other books than before have other keys: nothing that was known of the first ones holds."""
        link = self.sudo()
        if link.peer_place and link.peer_place != client.place and not self._is_same_place(client):
            link.flow_ids._forget_pairs()
            self.message_post(body=_("These are other books than before. Which records are the same is to be confirmed anew."))
        link.peer_place = client.place

    def _is_same_place(self, client):
        """Whether what was paired last is there under its key as it was: the books have moved. Other books, or an old copy, lack it."""
        same, looked = 0, 0
        for flow in self.flow_ids:
            bindings = self.env['online.sync.binding'].sudo().search([('flow_id', '=', flow.id), ('gone', '=', False)], limit=SAMPLE)
            records = self._sides(flow, client)[THERE].read_records(flow.entity, bindings.mapped('external_id'), ()) if bindings else {}
            looked += len(bindings)
            same += sum(one.external_id in records and one.title in (False, records[one.external_id].title) for one in bindings)
        return same * ALMOST_ALL >= looked

    def _broke_off(self):
        """Whether a run since the last one that came to its end broke off: what it created may not be remembered yet."""
        for log in self.env['online.sync.log'].search([('link_id', '=', self.id), ('state', '!=', 'running')], limit=LOOK_BACK):
            if log.state in ('failed', 'interrupted') or log.error:
                return True
            if log.state == 'done':
                return False
        return False

    def _flow_failed(self, flow, error, log):
        """What an error of the whole page means. Returns whether the same flow goes on: it does not."""
        self.env.invalidate_all()
        log._say(_("%(flow)s: %(why)s", flow=flow.name, why=error.message))
        log.write({'error': error.log_line()[:500], 'failed': log.failed + 1})
        self.last_error = error.message
        if isinstance(error, errors.ReauthRequired):
            self._expire(error.message)
            log.todo = []
        elif isinstance(error, errors.ConfigError):
            self._stop_on_setting(error)
            log.todo = []
        elif isinstance(error, (errors.TransientError, errors.RateLimited)):
            log.todo = []       # the others would fare no better
        return False

    def _end_run(self, log):
        super()._end_run(log)
        if self.kind == 'books' and not log.error:
            self.last_error = False

    def _has_failed(self, log):
        """What one record is refused for is that record's business."""
        return bool(log.error) if self.kind == 'books' else super()._has_failed(log)

    def _summary_of(self, log):
        if self.kind != 'books':
            return super()._summary_of(log)
        return _("%(fetched)s records looked at: %(created)s created, %(updated)s changed, %(waiting)s waiting, %(failed)s refused.",
                 fetched=log.fetched, created=log.created, updated=log.updated, waiting=log.waiting, failed=log.failed)

    def _next_run(self, failed, limited):
        if self.kind != 'books':
            return super()._next_run(failed, limited)
        wait = timedelta(minutes=max(self.interval_minutes, 1)) if not failed else LATER * 2 ** min(self.failure_count, 6)
        return fields.Datetime.now() + wait

    @api.model
    def _due(self):
        """Also those for which something waits to be sent."""
        waiting = self.env['online.sync.change'].sudo()._read_group(
            [('state', '=', 'pending'), ('flow_id.pairs_confirmed', '=', True)], ['link_id'])
        links = self.browse([link.id for link, in waiting]).filtered(
            lambda link: link.state in ('connected', 'expiring') and link.auto_sync and not link.failure_count)
        return super()._due() | links

    def _wake(self):
        """Let the scheduled action run as soon as it can."""
        self.env.ref(CRON)._trigger()
