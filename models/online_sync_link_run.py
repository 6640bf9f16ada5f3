"""Drivers: the scheduled action, Synchronize Now and the job queue take a link through the same steps."""
import logging
import random
import time
import traceback
from datetime import timedelta

import psycopg2

from odoo import _, api, fields, models
from odoo.exceptions import UserError
from odoo.http import request
from odoo.tools import format_datetime

from ..clients import errors
from ..clients.records import Presence
from ..clients.redaction import redact
from ..engine import coverage, schedule
from .compat import commit_progress
from .locking import lock_rows
from .values import to_aware, to_naive

_logger = logging.getLogger(__name__)

#: Seconds that one run takes at most before it hands the rest to the scheduled action.
SCHEDULE_SECONDS = 60
MANUAL_SECONDS = 25
#: A run in jobs that has not moved for so long has lost its job.
JOB_PATIENCE = timedelta(minutes=30)
#: A run that was killed is tried again after that time.
KILLED_LATER = timedelta(minutes=15)
#: After so many failures in a row a person is told.
TELL_AFTER = 3
#: The first kind of step; what else waits in a run's list is a pair of a word and the account's id.
READ = 'read'
CRON = 'account_online_sync.ir_cron_online_sync'
PROGRESS = 'account_online_sync/progress'


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    # -- one run ----------------------------------------------------------------------------------------------------------

    def _begin_run(self, trigger):
        """Open the log of a run. A run that never ended was killed: its read goes on where it stopped."""
        self.ensure_one()
        self.log_ids.filtered(lambda log: log.state == 'running')._finish_interrupted()
        accounts = self.account_ids.filtered(lambda account: account.mapping != 'skip' and account.journal_id)
        # The one that waited longest first: a run that is out of time does not begin with the same ones again.
        accounts = accounts.sorted(lambda account: (bool(account.last_ok), account.last_ok or account.create_date, account.id))
        self.write({'last_run': fields.Datetime.now(), 'goes_on': False})
        if self.next_run:       # a run that the server's time limit kills must not be the first one again and again
            self.next_run = max(self.next_run, fields.Datetime.now() + KILLED_LATER)
        return self.env['online.sync.log'].create({'link_id': self.id, 'trigger': trigger, 'todo': accounts.ids})

    def _advance(self, log, client):
        """One step of a run. Never commits.

        :returns: whether there is more to do
        """
        if self.state in ('draft', 'disconnected'):     # somebody disconnected in the middle of the run
            log.todo = []
            return False
        first, *rest = log.todo or [0]
        what, id_ = first if isinstance(first, list) else (READ, first)
        account = self.env['online.sync.account'].browse(id_).exists()
        if not account:
            log.todo = rest
        elif what != READ:
            log.todo = self._advance_matching(log, what, account) + rest
        elif not self._read_step(account, log, client):
            log.todo = log.todo and self._matching_of(account) + rest     # empty: nothing more can be read
        return bool(log.todo)

    def _read_step(self, account, log, client):
        """One page of an account. Returns whether the account has more."""
        calls_before, first_page = client.http.calls, not account._next_token(log)
        try:
            with self.env.cr.savepoint():
                more = account._sync_step(client, log)
        except errors.SyncError as error:
            more = self._handle(account, error, log)
        except psycopg2.OperationalError:
            raise       # a concurrent change: the driver rolls back and the next run does it again
        except Exception as error:
            _logger.error("Online synchronization of account %s failed:\n%s", account.id, redact(traceback.format_exc()))
            more = self._handle(account, self._unexpected(error), log)
        if first_page or self._capabilities().calls_scope == 'link':
            self._spend_calls(account, client, client.http.calls - calls_before)
        return more

    def _unexpected(self, error):
        return errors.ProtocolError(
            _("Something unexpected happened. Nothing was lost; it is tried again. The server's log has the "
              "details."), detail=type(error).__name__)

    def _handle(self, account, error, log):
        """What an error means for the account, the link and the rest of the run. Returns whether the same account goes on."""
        self.env.invalidate_all()
        log._say(_("%(account)s: %(why)s", account=account.name, why=error.message))
        log.write({'error': error.log_line()[:500], 'request_id': error.request_id or log.request_id})
        self.last_error = error.message
        _logger.info("Online synchronization, link %s, account %s: %s", self.id, account.id, error.log_line())
        if account._record_failure(error, log):
            return True
        if isinstance(error, errors.ReauthRequired) and not error.account_only:
            self._expire(error.message)
            log.todo = []
        elif isinstance(error, errors.ConfigError):
            self._stop_on_setting(error)
            log.todo = []
        elif isinstance(error, errors.RateLimited) and self._capabilities().calls_scope == 'link':
            self.account_ids.next_try = account.next_try
        return False

    def _end_run(self, log):
        """Close the log and say when the link runs next."""
        statuses = set(self.env['online.sync.coverage'].search([('log_id', '=', log.id)]).mapped('status'))
        failed = coverage.FAILED in statuses or self._has_failed(log)
        now = fields.Datetime.now()
        limited = coverage.RATE_LIMITED in statuses or bool(self.account_ids.filtered(lambda one: one.next_try and one.next_try > now))
        self.failure_count = self.failure_count + 1 if failed else 0
        if self.state in ('connected', 'expiring'):
            self.next_run = self._next_run(failed, limited)
            self.last_error = self.last_error if failed else False
        proved = statuses & set(coverage.PROVING)
        if self.state == 'error' and proved and not failed:
            self.write({'state': 'connected', 'last_error': False, 'next_run': self._next_run(failed, limited)})
            self.issue_ids.filtered(lambda issue: issue.kind == 'setting').sudo()._close_settled()
        self._tell_about_failures()
        stopped = coverage.CONSENT_EXPIRED in statuses or self.state in ('expired', 'error')
        log._say(self._summary_of(log))
        if log.matched or log.proposed:
            log._say(_("%(matched)s matched, %(proposed)s proposed.", matched=log.matched, proposed=log.proposed))
        log._finish('partial' if proved and (failed or stopped) else 'failed' if failed or stopped else 'limited' if limited else 'done')

    def _summary_of(self, log):
        """What a run came to, as a sentence."""
        return _("%(fetched)s transactions fetched, %(created)s new, %(waiting)s left for a person.", fetched=log.fetched,
                 created=log.created, waiting=log.waiting)

    def _has_failed(self, log):
        """Whether something went wrong that concerns the connection."""
        return bool(log.failed)

    def _next_run(self, failed, limited):
        now = fields.Datetime.now()
        later = schedule.next_run(
            to_aware(now), timedelta(hours=max(self.interval_hours, 1)), failures=self.failure_count if failed else 0,
            random=random.random)
        waits = [account.next_try for account in self.account_ids if account.next_try and account.next_try > now]
        if limited and waits and (self._capabilities().calls_scope == 'link' or min(waits) < to_naive(later)):
            return min(waits)
        return max(to_naive(later), self._next_free_call())

    def _next_free_call(self):
        """When the bank allows the next unattended call, by the calls of the last 24 hours."""
        limit, now = self._capabilities().calls_per_day, to_aware(fields.Datetime.now())
        accounts = self.account_ids.filtered(lambda account: account.mapping != 'skip' and account.journal_id)
        free = [schedule.next_free(account._calls(), limit, now) for account in accounts] if limit else []
        return to_naive(min(free, default=now))

    def _tell_about_failures(self):
        issues = self.env['online.sync.issue']
        if self.failure_count >= TELL_AFTER:
            issues._raise(self, 'failed', self.id, summary=_("%(link)s could not be read completely %(count)s times in a row: %(why)s",
                                                             link=self.name, count=self.failure_count, why=self.last_error or ''),
                          blocks=_("What is missing is fetched as soon as it works again."))
        elif not self.failure_count:
            self.issue_ids.filtered(lambda issue: issue.kind == 'failed').sudo()._close_settled()

    def _run(self, trigger, presence=None, seconds=SCHEDULE_SECONDS, listener=None, owed=()):
        """A whole run, with a commit after each step.

        :param listener: res.users that watches the progress
        :param owed: (id of an account, day): its days from then on are read again
        :returns: 'done', 'more' (out of time) or 'busy' (another run has the link)
        """
        self.ensure_one()
        deadline = time.monotonic() + seconds
        if not self._take():
            return 'busy'
        self = self._for_responsible()
        for account_id, day in owed:
            self.account_ids.browse(account_id)._owe_again(day)
        log = self._begin_run(trigger)
        client, more = self._client_or_stop(log, presence), bool(log.todo)
        while client and more:
            left = self._commit_step(log, listener)
            if not self._take() or log.state != 'running':   # between two steps another run took over
                return 'busy'
            if time.monotonic() > deadline or left <= 0:
                return self._hand_over(log, listener)
            more = self._advance(log, client)
        if client:
            client.http.close()
        self._end_run(log)
        self._commit_step(log, listener, ended=True)
        return 'done'

    def _take(self):
        """Lock the link at the start of a transaction. Returns whether this run has it now."""
        for _attempt in range(3):
            try:
                return bool(lock_rows(self))
            except psycopg2.errors.SerializationFailure:    # another run ended a step in this very moment: look at what it left
                self.env.cr.rollback()
                self.env.invalidate_all(flush=False)
        return False

    def _for_responsible(self):
        """The link in its own company, and with the language and time zone of who reads its sentences."""
        return self.with_company(self.company_id).with_context(lang=self.user_id.lang, tz=self.user_id.tz)

    def _client_or_stop(self, log, presence):
        """The client, or None when the credentials or settings do not even allow to make one."""
        try:
            return self._client(presence)
        except errors.SyncError as error:
            log.write({'error': error.log_line()[:500]})
            log._say(error.message)
            (self._stop_on_setting if isinstance(error, errors.ConfigError) else lambda e: self._expire(e.message))(error)
            return None

    def _hand_over(self, log, listener):
        """Out of time: the scheduled action goes on at once."""
        log._say(_("The rest follows in the background."))
        log._finish('partial')
        self.write({'next_run': fields.Datetime.now(), 'goes_on': True})
        self.env.ref(CRON)._trigger()
        self._commit_step(log, listener, ended=True)
        return 'more'

    def _commit_step(self, log, listener, ended=False):
        """Tell who watches, then commit. Returns the seconds left."""
        if listener:
            listener._bus_send(PROGRESS, self._progress(log, ended))
        left = commit_progress(self.env, 1, 0 if ended else len(log.todo or []) + 1)
        self.env.invalidate_all()
        return left

    def _progress(self, log, ended):
        """What the progress bar shows; no amounts, they are not for every screen."""
        accounts = self.account_ids.filtered(lambda account: account.mapping != 'skip' and account.journal_id)
        todo = log.todo or []
        return {
            'link_id': self.id, 'log_id': log.id, 'ended': ended, 'state': log.state, 'accounts': len(accounts),
            'accounts_done': len(accounts) - sum(not isinstance(one, list) for one in todo),
            'account': self._name_of_step(todo[0]) if todo else '', 'fetched': log.fetched,
            'created': log.created, 'waiting': log.waiting,
        }

    def _name_of_step(self, step):
        """What is being read, for who watches.

        :param step: of a run's list: the id of an account, or a pair of a word and an id
        """
        return self.env['online.sync.account'].browse(step[1:] if isinstance(step, list) else [step]).name or ''

    # -- drivers ------------------------------------------------------------------------------------------------------------

    @api.model
    def _cron_synchronize(self):
        """Scheduled action: all links that are due. Never raises for one link: Odoo would switch the action off."""
        self._check_consents()
        due = self._due()
        commit_progress(self.env, 0, len(due))
        deadline = time.monotonic() + SCHEDULE_SECONDS
        for link in due:
            if hasattr(link, 'with_delay'):
                link._enqueue()
            elif time.monotonic() < deadline:
                link._run_safely(deadline - time.monotonic())
            commit_progress(self.env, 1, 0)
        self._schedule_next()
        commit_progress(self.env, 0, 0)

    @api.model
    def _due(self):
        return self.search([
            '|', '&', ('state', 'in', ('connected', 'expiring')), ('auto_sync', '=', True),
            '&', ('state', 'in', ('connected', 'expiring', 'error')), ('goes_on', '=', True),
            ('next_run', '<=', fields.Datetime.now()),
        ], order='next_run, id')

    def _run_safely(self, seconds):
        try:
            self._run('schedule', seconds=max(seconds, 1))
        except Exception:
            self.env.cr.rollback()
            self.env.invalidate_all()
            _logger.error("Online synchronization of connection %s broke off; it is tried again in 15 minutes:\n%s", self.id,
                          redact(traceback.format_exc()))
            if lock_rows(self):
                self.next_run = fields.Datetime.now() + timedelta(minutes=15)

    @api.model
    def _schedule_next(self):
        """Wake the scheduled action when the next link is due before its own interval is over."""
        cron = self.env.ref(CRON, raise_if_not_found=False)
        following = self.search([('state', 'in', ('connected', 'expiring')), ('auto_sync', '=', True), ('next_run', '!=', False)],
                                order='next_run', limit=1)
        if cron and following:
            # not at once: a link that another run holds is still due, and would wake the action again and again
            cron._trigger(at=max(following.next_run, fields.Datetime.now() + timedelta(minutes=1)))

    def _enqueue(self):
        """OCA's job queue: one job a step, so that many workers share the links."""
        since = fields.Datetime.now() - JOB_PATIENCE
        for link in self:
            going_on = link.log_ids.filtered(lambda log: log.state == 'running' and log.trigger == 'job' and log.write_date > since)
            if not going_on:    # else its jobs still follow one another
                link.with_delay(
                    identity_key=f'account_online_sync-{link.id}', description=_("Synchronize %s", link.name))._job_step()

    def _job_step(self, log_id=None):
        """One step in a job of its own; the queue commits. The next step is the next job."""
        self.ensure_one()
        if not lock_rows(self):
            return _("Another run has this connection.")
        self = self._for_responsible()
        log = self.env['online.sync.log'].browse(log_id).exists() if log_id else self._begin_run('job')
        if log.state != 'running':
            return _("Another run took over.")
        client = self._client_or_stop(log, None)
        if client and log.todo and self._advance(log, client):
            self.with_delay(
                identity_key=f'account_online_sync-{self.id}-{log.id}-{log.pages}',
                description=_("Synchronize %(link)s, after page %(page)s", link=self.name, page=log.pages))._job_step(log.id)
            return _("More to do.")
        self._end_run(log)
        self._schedule_next()
        return _("Done.")

    def action_synchronize_now(self):
        """The same steps at once, for links or for one; what does not fit into half a minute follows in the background."""
        return self._notify([link._run_now('manual') for link in self])

    @api.model
    def _notify(self, outcomes):
        """What the screen shows after runs."""
        return {
            'type': 'ir.actions.client', 'tag': 'display_notification',
            'params': {'message': ' '.join(outcomes), 'type': 'info', 'next': {'type': 'ir.actions.client', 'tag': 'soft_reload'}},
        }

    def _run_now(self, trigger, owed=()):
        """Run in a transaction of its own, because each step commits. Returns a sentence for the user.

        Before it nothing may be written to the link and its accounts in the user's transaction: the run would not see it, and would
        wait for it for ever.
        """
        self.ensure_one()
        self.check_access('read')
        if not self.env.user.has_group('account.group_account_basic'):
            raise UserError(_("Ask an accountant: you may not synchronize banks."))
        if self.state in ('draft', 'disconnected', 'expired'):
            raise UserError(_("%s is not connected. Sign in first.", self.name))
        presence = self._presence()
        with self.env.registry.cursor() as cr:
            link = self.with_env(self.env(cr=cr, su=True))
            outcome = link._run(trigger, presence=presence, seconds=MANUAL_SECONDS, listener=link.env.user, owed=owed)
            return link._outcome_sentence(outcome)

    def _outcome_sentence(self, outcome):
        log = self.log_ids[:1]
        if outcome == 'busy':
            return _("%s is being synchronized already.", self.name)
        limited = [account for account in self.account_ids if account.next_try and account.next_try > fields.Datetime.now()]
        if limited:
            return _("%(link)s: the bank allows no more calls now; the next one is free at %(when)s.", link=self.name,
                     when=format_datetime(self.env, min(account.next_try for account in limited)))
        count = _("1 new transaction") if log.created == 1 else _("%s new transactions", log.created)
        if log.state == 'failed':
            return _("%(link)s: %(why)s", link=self.name, why=self.last_error or '')
        if log.state == 'partial' and outcome != 'more':
            return _("%(link)s: %(count)s, but not everything could be read: %(why)s", link=self.name, count=count,
                     why=self.last_error or next(filter(None, self.account_ids.mapped('last_error')), ''))
        if outcome == 'more':
            return _("%(link)s: %(count)s so far, the rest follows in the background.", link=self.name, count=count)
        return _("%(link)s: %(count)s.", link=self.name, count=count)

    @api.model
    def _presence(self):
        """Proof for the bank that a person is at the screen; None outside of a request."""
        if not request or not getattr(request, 'httprequest', None):
            return None
        headers = {name.lower(): value for name, value in request.httprequest.headers.items() if name.lower() != 'cookie'}
        return Presence(ip=request.httprequest.remote_addr or '', headers=headers)
