"""The consent of a connection: its secrets, signing in, the countdown to its end."""
import logging
import secrets
import traceback
from datetime import datetime

import psycopg2

from odoo import _, api, fields, models
from odoo.exceptions import UserError

from ..clients import errors
from ..clients.records import Consent
from ..clients.redaction import redact
from . import vault
from .locking import lock_rows
from .values import to_naive

_logger = logging.getLogger(__name__)

#: Days before the end of a consent on which the responsible is reminded.
REMIND_DAYS = (14, 7, 1)
EXPIRING_DAYS = 14


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

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

    @api.autovacuum
    def _gc_old_keys(self):
        """Once a new key stands before the old one, nothing stays encrypted with the old one for long."""
        if vault.has_old_keys():
            self._rotate_secrets()

    # -- signing in -------------------------------------------------------------------------------------------------------------

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
            raise UserError(error.message_at_once) from None
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

    # -- the end of a consent ---------------------------------------------------------------------------------------------------

    def _expire(self, message):
        """The consent is gone: only a person can renew it."""
        self.ensure_one()
        self.write({'state': 'expired', 'last_error': message, 'next_run': False})
        self.env['online.sync.issue']._raise(
            self, 'consent', self.id, summary=_("%(link)s: %(why)s", link=self.name, why=message),
            blocks=_("Nothing is fetched until you sign in again; what is missing is fetched then."))
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
                _logger.error("The consent of connection %s could not be checked:\n%s", link.id, redact(traceback.format_exc()))

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
