import logging
import secrets
from datetime import datetime, timezone

import psycopg2

from odoo import _, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime

from ..clients import base, errors
from ..clients.http import Http
from ..clients.records import Consent
from ..engine import schedule
from . import vault
from .compat import NO_ACCESS
from .locking import lock_rows
from .values import to_aware, to_naive

_logger = logging.getLogger(__name__)

#: Days before the end of a consent on which the responsible is reminded.
REMIND_DAYS = (14, 7, 1)
EXPIRING_DAYS = 14


class OnlineSyncLink(models.Model):
    """A connection to one provider with one set of credentials."""

    _name = 'online.sync.link'
    _description = "Online Synchronization Connection"
    _inherit = ['mail.thread', 'mail.activity.mixin']
    _order = 'needs_person desc, name, id'
    _check_company_auto = True

    name = fields.Char(compute='_compute_name', store=True, readonly=False, precompute=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one('res.company', required=True, index=True, default=lambda self: self.env.company)
    user_id = fields.Many2one(
        'res.users', string="Responsible", default=lambda self: self.env.user, help="Is told when a person is needed.")
    provider = fields.Selection(selection='_selection_provider', required=True)
    state = fields.Selection(
        [('draft', "Not connected"), ('connected', "Connected"), ('expiring', "Expiring"), ('expired', "Expired"),
         ('error', "Error"), ('disconnected', "Disconnected")],
        required=True, default='draft', tracking=True, index=True)

    institution_code = fields.Char()
    institution_name = fields.Char("Bank")
    institution_logo = fields.Char("Logo")
    country_id = fields.Many2one('res.country', string="Country of the bank")
    psu_type = fields.Selection([('business', "Business"), ('personal', "Personal")], string="Kind of access", default='business')
    api_url = fields.Char(
        "Address", groups='base.group_system', help="Address of the provider's API; empty for its own. Only for test environments.")
    secrets = fields.Char(groups=NO_ACCESS, copy=False)
    return_state = fields.Char(groups=NO_ACCESS, copy=False)
    consent_until = fields.Datetime("Consent ends", readonly=True, copy=False)
    consent_days_left = fields.Integer("Days of consent left", compute='_compute_consent_days_left')
    goes_on = fields.Boolean(readonly=True, copy=False, help="A run was out of time: the scheduled action does the rest.")
    reminded_days = fields.Integer(readonly=True, copy=False, help="The last reminder was sent with so many days left.")

    auto_sync = fields.Boolean(
        "Synchronize automatically", default=True, help="Off: only when somebody presses Synchronize Now. Some banks allow no more.")
    interval_hours = fields.Integer("Every (hours)", default=6)
    overlap_days = fields.Integer(
        "Days to read again", default=7, help="Days before the last read that every run reads again, because banks book late.")
    next_run = fields.Datetime(copy=False)
    last_run = fields.Datetime(readonly=True, copy=False)
    failure_count = fields.Integer("Failures in a row", readonly=True, copy=False)
    last_error = fields.Char(readonly=True, copy=False)
    calls = fields.Json(groups='base.group_system', readonly=True, copy=False)

    account_ids = fields.One2many('online.sync.account', 'link_id', string="Accounts")
    log_ids = fields.One2many('online.sync.log', 'link_id', string="Runs")
    issue_ids = fields.One2many('online.sync.issue', 'link_id', string="Needs you", domain=[('state', '=', 'open')])
    issue_count = fields.Integer(compute='_compute_needs_person', store=True)
    needs_person = fields.Boolean(compute='_compute_needs_person', store=True)

    # -- what the user sees -----------------------------------------------------------------------------------------------

    @api.model
    def _selection_provider(self):
        return [(provider.code, provider.title) for provider in base.providers()]

    @api.depends('provider', 'institution_name')
    def _compute_name(self):
        titles = dict(self._selection_provider())
        for link in self:
            link.name = link.institution_name or titles.get(link.provider) or _("New connection")

    @api.depends('issue_ids.state', 'state')
    def _compute_needs_person(self):
        counts = dict(self.env['online.sync.issue']._read_group(
            [('link_id', 'in', self.ids), ('state', '=', 'open')], ['link_id'], ['__count']))
        for link in self:
            link.issue_count = counts.get(link._origin, 0)
            link.needs_person = bool(link.issue_count) or link.state in ('expired', 'error')

    @api.depends('consent_until')
    def _compute_consent_days_left(self):
        now = fields.Datetime.now()
        for link in self:
            link.consent_days_left = max(0, (link.consent_until - now).days) if link.consent_until else 0

    def _provider(self):
        """clients.base.Provider of the link."""
        self.ensure_one()
        return base.client_class(self.provider).provider

    def _capabilities(self):
        return self._provider().capabilities

    # -- secrets ------------------------------------------------------------------------------------------------------------

    def _store_credentials(self, credentials):
        """Encrypt and store all that later calls need; replaces what was stored."""
        self.ensure_one()
        is_new_key = bool(credentials) and vault.key_source() == 'file' and not vault.key_file().exists()
        self.sudo().secrets = vault.encrypt(credentials) if credentials else False
        if is_new_key:
            self.message_post(body=_(
                "This server had no encryption key for banks' credentials, so it made one: %s. Back it up with the database; without it "
                "every bank has to be connected again. The README says how to keep the key in odoo.conf instead.", vault.key_file()))

    def _credentials(self):
        """The decrypted credentials.

        :raises clients.errors.ReauthRequired: the key of this server cannot decrypt them
        :raises clients.errors.ConfigError: the key of this server is malformed
        """
        self.ensure_one()
        token = self.sudo().secrets
        try:
            return vault.decrypt(token) if token else {}
        except UserError as error:      # the key in odoo.conf is none
            raise errors.ConfigError(str(error)) from None
        except vault.SecretsLost:
            raise errors.ReauthRequired(_(
                "The credentials of this connection cannot be decrypted: the server's encryption key was lost or replaced. Give the old "
                "key back to the server, or connect again.")) from None

    @api.model
    def _rotate_secrets(self):
        """Encrypt all secrets again with the first key of the list; then the other keys can go."""
        for link in self.with_context(active_test=False).search([]).sudo().filtered('secrets'):
            try:
                link.secrets = vault.rotate(link.secrets)
            except vault.SecretsLost:
                link._expire(_("The credentials cannot be decrypted with any key of this server. Connect again."))

    def _client(self, presence=None, credentials=None):
        """The provider's client for this link.

        :param presence: clients.records.Presence when a person is at the screen
        """
        self.ensure_one()
        parameters = self.env['ir.config_parameter'].sudo()
        networks = parameters.get_param('account_online_sync.allowed_networks') or ''
        # Somebody who waits at the screen gets an answer, be it an error, before the page gives up.
        http = Http(allowed_networks=[network.strip() for network in networks.split(',') if network.strip()],
                    budget=20 if presence else 30)
        url = self.sudo().api_url or parameters.get_param(f'account_online_sync.url.{self.provider}') or ''
        return base.client_class(self.provider)(
            self._credentials() if credentials is None else credentials, http, url=url, presence=presence)

    # -- life cycle -----------------------------------------------------------------------------------------------------------

    def _sign_in(self, credentials, return_url, presence=None):
        """Sign in with what the user gave.

        :param credentials: {name: text} as typed
        :returns: address to send the user to, '' when the link is connected
        """
        self.ensure_one()
        used, claims = {**self._credentials_or_none(), **credentials}, self.env['online.sync.claim']
        client, kept = self._client(presence, credentials=used), claims._kept(self)
        if kept.get('used') == used:    # it was taken before, and something failed after that
            self._take_consent(Consent(kept['gave']), client)
            return ''
        state = secrets.token_urlsafe(24)
        answer = client.start(
            institution=self.institution_code or '', country=self.country_id.code or '', psu_type=self.psu_type or 'business',
            return_url=return_url, state=state, language=(self.env.user.lang or 'en')[:2])
        if hasattr(answer, 'url'):
            self._store_credentials(answer.credentials)
            self.sudo().return_state = state
            return answer.url
        claims._keep(self, {'used': used, 'gave': dict(answer.credentials)})
        self._take_consent(answer, client)
        return ''

    def _credentials_or_none(self):
        """Stored credentials as far as they can be decrypted: whoever signs in again need not type all of them again."""
        try:
            return self._credentials()
        except (errors.ReauthRequired, errors.ConfigError):
            return {}

    @api.model
    def _find_by_return_state(self, state):
        """The connection that waits for a browser with this state; an empty record when there is none."""
        return self.browse(self.sudo().search([('return_state', '=', state)], limit=1).ids) if state else self

    def _come_back(self, answer):
        """The browser came back from the bank with these parameters (`code`, `state`, or `error`).

        :raises UserError: it is not the browser that we sent, or the bank refused
        """
        link = self.sudo()
        if not self or not link.return_state or not secrets.compare_digest(link.return_state, answer.get('state') or ''):
            raise UserError(_("This answer of the bank was used already, or was not asked for from here. Start again with Connect."))
        self.check_access('write')
        claims = self.env['online.sync.claim']
        kept = claims._kept(link)
        try:
            client = link._client(link._presence())
            if kept.get('used') == answer:      # the bank gave it already, and something failed after that
                consent = Consent(kept['gave'], valid_until=datetime.fromisoformat(kept['until']) if kept['until'] else None)
            else:
                consent = client.finish(answer)
                until = consent.valid_until.isoformat() if consent.valid_until else ''
                claims._keep(link, {'used': dict(answer), 'gave': dict(consent.credentials), 'until': until})
        except errors.SyncError as error:
            raise UserError(error.message) from None
        link.return_state = False
        link._take_consent(consent, client)

    def _take_consent(self, consent, client):
        """Store what a finished sign-in gives; a renewed consent keeps mapping, identity and coverage."""
        self._store_credentials(consent.credentials)
        client.credentials = dict(consent.credentials)
        is_consent = consent.accounts is not None
        accounts = consent.accounts if is_consent else client.fetch_accounts()
        created = self.env['online.sync.account'].sudo()._store_remote(self, accounts, is_consent=is_consent)
        created._show_balances(client)
        banks = set(self.account_ids.filtered('institution').mapped('institution'))
        self.write({
            'state': 'connected', 'consent_until': to_naive(consent.valid_until) or False, 'last_error': False, 'failure_count': 0,
            'reminded_days': 0, 'next_run': fields.Datetime.now(),
            'institution_name': self.institution_name or consent.institution or (len(banks) == 1 and banks.pop())})
        self.activity_unlink(['mail.mail_activity_data_todo'])
        self.issue_ids.filtered(lambda issue: issue.kind in ('consent', 'setting')).sudo()._close(_("Signed in again"))

    def action_fetch_accounts(self):
        """Look for accounts that were opened since; new ones are shown in the wizard."""
        self.ensure_one()
        self.check_access('write')
        try:
            found = self.sudo()._client(self._presence()).fetch_accounts()
        except errors.SyncError as error:
            raise UserError(error.message) from None
        self.env['online.sync.account'].sudo()._store_remote(self, found)
        action = self.action_continue()
        self.env['online.sync.connect'].browse(action['res_id']).step = 'accounts'
        return action

    def action_disconnect(self):
        """End the consent; journals, bank transactions and the inbox stay."""
        self.check_access('write')
        for link in self:
            try:
                link._client().revoke()
            except errors.SyncError as error:
                link.message_post(body=_(
                    "The consent could not be ended at the provider: %s You may end it there yourself.", error.message))
            link._store_credentials({})
            link.sudo().write({'state': 'disconnected', 'next_run': False, 'consent_until': False, 'return_state': False})
        return True

    def _is_mapped(self):
        """Whether every account has its place: the set-up is over."""
        self.ensure_one()
        accounts = self.account_ids
        return bool(accounts) and any(a.mapping != 'skip' for a in accounts) and all(
            a.journal_id for a in accounts if a.mapping != 'skip')

    def action_continue(self):
        """Open the connect wizard where this connection stands."""
        self.ensure_one()
        step = 'sign_in' if self.state in ('draft', 'expired', 'disconnected', 'error') else 'accounts'
        wizard = self.env['online.sync.connect'].create({
            'link_id': self.id, 'provider': self.provider, 'company_id': self.company_id.id, 'step': step,
            'country_id': (self.country_id or self.company_id.country_id).id, 'psu_type': self.psu_type,
            'institution': self.institution_code and {
                'code': self.institution_code, 'name': self.institution_name, 'logo': self.institution_logo},
        })
        return wizard._show('first_run' if step == 'accounts' and self._is_mapped() else step)

    def action_reconnect(self):
        """Sign in again, before or after the consent has ended; mapping, identity and coverage stay."""
        self.ensure_one()
        action = self.action_continue()
        self.env['online.sync.connect'].browse(action['res_id']).step = 'sign_in'
        return action

    def action_open_bank_transactions(self):
        """The bank transactions of this connection's journals."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_bank_transactions')
        return {**action, 'domain': [('journal_id', 'in', self.account_ids.journal_id.ids)], 'context': {}}

    def action_open_issues(self):
        """What needs a person."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_issue')
        return {**action, 'domain': [('link_id', '=', self.id)]}

    def action_open_logs(self):
        """The runs of this connection."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_log')
        return {**action, 'domain': [('link_id', '=', self.id)], 'context': {}}

    def write(self, vals):
        """A connection that has accounts stays in its company: their journals do."""
        if 'company_id' in vals and self.filtered(lambda link: link.account_ids and link.company_id.id != vals['company_id']):
            raise UserError(_("This connection has accounts, so it stays in its company. Connect the bank again in the other one."))
        return super().write(vals)

    @api.autovacuum
    def _gc_old_keys(self):
        """Once a new key stands before the old one, nothing stays encrypted with the old one for long."""
        if vault.has_old_keys():
            self._rotate_secrets()

    @api.autovacuum
    def _gc_drafts(self):
        """Connections that were begun and never finished."""
        limit = fields.Datetime.subtract(fields.Datetime.now(), days=2)
        self.search([('state', '=', 'draft'), ('create_date', '<', limit), ('account_ids', '=', False)]).unlink()

    @api.ondelete(at_uninstall=False)
    def _unlink_connected(self):
        if self.filtered(lambda link: link.state in ('connected', 'expiring')):
            raise UserError(_("Disconnect before you delete. Bank transactions stay in the books either way."))

    def _expire(self, message):
        """The consent is gone: only a person can renew it."""
        self.ensure_one()
        self.write({'state': 'expired', 'last_error': message, 'next_run': False})
        self.env['online.sync.issue']._raise(
            self, 'consent', self.id, summary=_("%(link)s: %(why)s", link=self.name, why=message),
            blocks=_("Nothing is fetched until you sign in again; the missing days are fetched then."))
        self._remind(_("Sign in again: %s", self.name))

    def _stop_on_setting(self, error):
        """The user must change a setting."""
        self.write({'state': 'error', 'last_error': error.message, 'next_run': False})
        self.env['online.sync.issue']._raise(
            self, 'setting', self.id, summary=_("%(link)s: %(why)s", link=self.name, why=error.message),
            blocks=_("Nothing is fetched until it is changed."))
        self._remind(_("Change a setting: %s", self.name))

    def _remind(self, summary):
        """An activity for the responsible; one is enough."""
        activity_type = 'mail.mail_activity_data_todo'
        self.activity_unlink([activity_type])
        self.activity_schedule(activity_type, summary=summary, user_id=(self.user_id or self.env.user).id)

    @api.model
    def _check_consents(self):
        """Count down to the end of consents: state, reminder 14, 7 and 1 days before, expiry."""
        for link in self.search([('state', 'in', ('connected', 'expiring')), ('consent_until', '!=', False)]):
            try:
                with self.env.cr.savepoint():
                    link._check_consent()
            except psycopg2.OperationalError:   # somebody changed the connection in this very moment: the next time
                self.env.invalidate_all()
            except Exception:
                self.env.invalidate_all()
                _logger.exception("The consent of connection %s could not be checked", link.id)

    def _check_consent(self):
        """Count down for one connection; one that a run has right now is looked at the next time."""
        if not lock_rows(self):
            return
        left = (self.consent_until - fields.Datetime.now()).total_seconds() / 86400
        if left <= 0:
            self._expire(_("The bank's consent has ended. Renew it at the bank."))
            return
        if left <= EXPIRING_DAYS and self.state == 'connected':
            self.state = 'expiring'
        due = min((days for days in REMIND_DAYS if left <= days), default=0)
        if due and due != self.reminded_days:
            self.reminded_days = due
            self._remind(_("Renew the bank's consent of %(link)s: %(days)s day(s) left", link=self.name, days=max(1, int(left))))

    # -- calls ----------------------------------------------------------------------------------------------------------------

    def _call_holder(self, account):
        """Who keeps the list of calls: the link or the account, as the provider counts."""
        return (self if self._capabilities().calls_scope == 'link' else account).sudo()

    def _check_budget(self, account, client, first_page):
        """Raise RateLimited, without a call, when the calls of the day are used up or the bank said to wait."""
        now, capabilities = datetime.now(timezone.utc), self._capabilities()
        free = to_aware(account.next_try) or now
        if first_page and not client.attended:
            calls = [datetime.fromisoformat(call) for call in self._call_holder(account).calls or []]
            free = max(free, schedule.next_free(calls, capabilities.calls_per_day, now))
        if free > now:
            raise errors.RateLimited(
                _("The bank allows no more calls now. The next one is free at %s.", format_datetime(self.env, to_naive(free))),
                retry_after=free)

    def _spend_calls(self, account, client, made):
        """Count calls that were made, also those that failed: banks do."""
        capabilities = self._capabilities()
        if not made or not capabilities.calls_per_day or client.attended:
            return
        now = datetime.now(timezone.utc)
        holder = self._call_holder(account)
        calls = [datetime.fromisoformat(call) for call in holder.calls or []]
        holder.calls = [call.isoformat() for call in [*schedule.recent(calls, now), *([now] * made)]]
