"""When the books of a connection are compared: weekly within its run, daily while they differ, and when somebody asks for it."""
import logging
import traceback
from datetime import timedelta

import psycopg2

from odoo import _, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_amount

from ..clients import errors
from ..clients.redaction import redact
from .locking import lock_rows
from .values import time_ago

_logger = logging.getLogger(__name__)

#: Word of the step that compares the books.
DRIFT = 'drift'
#: How long a comparison holds: of books that agree, and of all others.
AGREED, OPEN = timedelta(days=7), timedelta(days=1)
#: What passes by itself: the next run tries again.
_PASSING = (errors.TransientError, errors.RateLimited, errors.ReauthRequired)


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    drift_ids = fields.One2many('online.sync.drift', 'link_id', string="Comparisons")
    drift_words = fields.Char("Books", compute='_compute_drift_words')
    drift_at = fields.Datetime("Compared", compute='_compute_drift_words')
    can_compare = fields.Boolean(compute='_compute_can_compare', help="Accounts are paired, so the books can be compared.")

    @api.depends('drift_ids.state')
    @api.depends_context('lang')
    def _compute_drift_words(self):
        for link in self:
            last = link._last_drift()
            link.drift_at = last.compared_at
            link.drift_words = last._words() if last else _("Not compared yet")

    @api.depends('flow_ids.direction', 'flow_ids.pairs_confirmed')
    def _compute_can_compare(self):
        for link in self:
            link.can_compare = 'account' in link._working_flows().mapped('entity')

    def _last_drift(self):
        return self.env['online.sync.drift'].search([('link_id', '=', self.id)], limit=1)

    def _why_not_comparable(self):
        """A sentence, '' where the amounts of both books can be compared."""
        ours, theirs = self.company_id.currency_id.name, self.peer_currency
        if theirs and theirs != ours:
            return _("The books here are kept in %(ours)s, there in %(theirs)s, so their amounts cannot be compared.", ours=ours,
                     theirs=theirs)
        return ''

    def _books_words(self):
        """Also whether the books agree."""
        lines, last = super()._books_words(), self._last_drift()
        if last and self.state != 'draft':
            words = _("%(books)s (compared %(when)s)", books=last._words(), when=time_ago(self.env, last.compared_at))
            lines.append({'words': words, 'bad': last.state == 'differs'})
        return lines

    # -- within the run -----------------------------------------------------------------------------------------------------------

    def _begin_run(self, trigger):
        """After all flows the books are compared, when that is due."""
        log = super()._begin_run(trigger)
        if log.todo and self.kind == 'books' and self._is_comparison_due():
            log.todo = [*log.todo, [DRIFT, self.id]]
        return log

    def _is_comparison_due(self):
        last = self._last_drift()
        holds = AGREED if last.state == 'agree' else OPEN
        return self.can_compare and (not last or last.compared_at <= fields.Datetime.now() - holds)

    def _advance(self, log, client):
        first, *rest = log.todo or [0]
        if not isinstance(first, list) or first[0] != DRIFT or self.state in ('draft', 'disconnected'):
            return super()._advance(log, client)
        self._compare_step(log, client)
        log.todo = rest
        return bool(rest)

    def _name_of_step(self, step):
        return _("Comparing the books") if isinstance(step, list) and step[0] == DRIFT else super()._name_of_step(step)

    def _compare_step(self, log, client):
        """Compare what was synchronized completely: else each document on its way would be a difference."""
        if log.error or not all(flow.last_run for flow in self._working_flows()):
            return
        drifts = self.env['online.sync.drift'].sudo()
        try:
            with self.env.cr.savepoint():
                log._say(drifts._compare(self, self._sides(self.flow_ids[:1], client)).summary)
        except _PASSING as error:
            self.env.invalidate_all()
            log._say(_("The books were not compared: %s", error.message))
        except errors.SyncError as error:
            self.env.invalidate_all()
            log._say(drifts._note_incomparable(self, error.message).summary)
        except psycopg2.OperationalError:
            raise       # a concurrent change: the driver rolls back and the next run does it again
        except Exception:
            self.env.invalidate_all()
            _logger.error("Comparing the books of connection %s failed:\n%s", self.id, redact(traceback.format_exc()))
            log._say(drifts._note_incomparable(self, _(
                "Something unexpected happened while the books were compared. The server's log has the details.")).summary)

    # -- by button ----------------------------------------------------------------------------------------------------------------

    def action_compare_books(self):
        """Compare both trial balances now, and show what differs."""
        self.ensure_one()
        self.check_access('read')
        self.env['online.sync.issue']._check_accountant()
        link = self.sudo()._for_responsible()
        if link.state not in ('connected', 'expiring') or not link.can_compare:
            raise UserError(_("The books are not connected, or their accounts are not paired yet."))
        if not lock_rows(link):
            raise UserError(_("%s is being synchronized right now. Compare the books when that is over.", self.name))
        try:
            found = self.env['online.sync.drift'].sudo()._compare(link, link._sides(link.flow_ids[:1], link._client(self._presence())))
        except errors.SyncError as error:
            raise UserError(error.message_at_once) from None
        return found.with_env(self.env)._show()

    def action_open_drifts(self):
        """The last comparison; where there was none yet, make it."""
        self.ensure_one()
        last = self._last_drift()
        return last._show() if last else self.action_compare_books()


class OnlineSyncDrift(models.Model):
    _inherit = 'online.sync.drift'

    def _words(self):
        """How the books stand, in a few words."""
        words = {'agree': _("Books agree"), 'expected': _("Nothing to correct"), 'incomparable': _("Books not comparable")}
        return words.get(self.state) or _("Books differ by %s", format_amount(self.env, self.to_correct, self.currency_id))

    def _show(self):
        """The page of this comparison."""
        self.ensure_one()
        return {'type': 'ir.actions.act_window', 'name': _("Books here and there"), 'res_model': self._name, 'res_id': self.id,
                'views': [(False, 'form')], 'target': 'current'}

    def action_open_earlier(self):
        """All comparisons of this connection."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_drift')
        return {**action, 'domain': [('link_id', '=', self.link_id.id)]}
