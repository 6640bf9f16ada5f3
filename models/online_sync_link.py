from datetime import datetime, timezone

from odoo import _, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime

from ..clients import base, errors
from ..clients.http import Http
from ..clients.network import ALLOWED_NETWORKS_PARAMETER
from ..engine import schedule
from .compat import NO_ACCESS
from .values import to_aware, to_naive


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
    is_begun = fields.Boolean(compute='_compute_is_begun', store=True, help="Somebody typed something: it is worth going on with.")

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

    @api.depends('state', 'secrets')
    def _compute_is_begun(self):
        for link in self:
            link.is_begun = link.state != 'draft' or bool(link.sudo().secrets)

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

    def _client(self, presence=None, credentials=None):
        """The provider's client for this link.

        :param presence: clients.records.Presence when a person is at the screen
        """
        self.ensure_one()
        # Somebody who waits at the screen gets an answer, be it an error, before the page gives up.
        budget = 20 if presence else 60 if self.kind == 'books' else 30
        http = Http(allowed_networks=self._allowed_networks(), budget=budget)
        parameters = self.env['ir.config_parameter'].sudo()
        url = self.sudo().api_url or parameters.get_param(f'account_online_sync.url.{self.provider}') or ''
        return base.client_class(self.provider)(
            self._credentials() if credentials is None else credentials, http, url=url, presence=presence)

    @api.model
    def _allowed_networks(self):
        """Networks that an administrator allows although they are not public, as texts."""
        networks = self.env['ir.config_parameter'].sudo().get_param(ALLOWED_NETWORKS_PARAMETER) or ''
        return [network.strip() for network in networks.split(',') if network.strip()]

    # -- life cycle -----------------------------------------------------------------------------------------------------------

    def action_fetch_accounts(self):
        """Look for accounts that were opened since; new ones are shown in the wizard."""
        self.ensure_one()
        self.check_access('write')
        try:
            found = self.sudo()._client(self._presence()).fetch_accounts()
        except errors.SyncError as error:
            raise UserError(error.message_at_once) from None
        self.env['online.sync.account'].sudo()._store_remote(self, found)
        action = self.action_continue()
        self.env['online.sync.connect'].browse(action['res_id']).step = 'accounts'
        return action

    def _is_mapped(self):
        """Whether every account has its place: the set-up is over."""
        self.ensure_one()
        accounts = self.account_ids
        return bool(accounts) and any(a.mapping != 'skip' for a in accounts) and all(
            a.journal_id for a in accounts if a.mapping != 'skip')

    def action_continue(self):
        """Open the connect wizard where this connection stands."""
        self.ensure_one()
        mapping = 'flows' if self.kind == 'books' else 'accounts'
        step = 'sign_in' if self.state in ('draft', 'expired', 'disconnected', 'error') else mapping
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
    def _gc_drafts(self):
        """Connections that were begun and never finished."""
        limit = fields.Datetime.subtract(fields.Datetime.now(), days=2)
        self.search([('state', '=', 'draft'), ('create_date', '<', limit), ('account_ids', '=', False)]).unlink()

    @api.ondelete(at_uninstall=False)
    def _unlink_connected(self):
        if self.filtered(lambda link: link.state in ('connected', 'expiring')):
            raise UserError(_("Disconnect before you delete. Bank transactions stay in the books either way."))

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
