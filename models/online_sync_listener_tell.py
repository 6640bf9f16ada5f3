"""Who listens is woken: noted in the user's own transaction, told after its commit by a scheduled action. No user ever waits for it."""
import logging
import traceback
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg2

from odoo import _, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..clients import wake
from ..clients.errors import SyncError
from ..clients.http import Http
from ..clients.odoo_peer import WRITER
from ..clients.redaction import redact
from . import vault
from .compat import commit_progress
from .locking import lock_rows

_logger = logging.getLogger(__name__)

TELLER = 'account_online_sync.ir_cron_online_sync_tell'
#: Where the transaction's words wait for its commit: {id of a listener: entities}.
WORDS = 'online_sync_words'
#: After the first, second, … failure in a row; the last one stays.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 30, 60))
#: Whom we cannot reach for so long we leave alone until it introduces itself again.
GIVE_UP_AFTER = timedelta(days=1)
#: Seconds that one listener may cost.
CONNECT_SECONDS, READ_SECONDS, BUDGET_SECONDS = 5, 10, 15


class OnlineSyncTracked(models.AbstractModel):
    _inherit = 'online.sync.tracked'

    def _online_sync_note(self, also=()):
        """Also for those who listen."""
        super()._online_sync_note(also)
        rows = self.env['online.sync.listener']._listening().get(self._name)
        if rows and self:
            self._online_sync_wake(rows)

    def _online_sync_wake(self, rows):
        """Note who is to be woken: once for each kind of record of a transaction, however many change."""
        cr = self.env.cr
        words = cr.precommit.data.get(WORDS, {})
        for listener, key, companies, entity, model, parent in rows:
            if entity in words.get(listener, ()) or self._is_written_by(key, model, parent) or not self._is_of(companies):
                continue
            if WORDS not in cr.precommit.data:
                words = cr.precommit.data[WORDS] = {}
                cr.precommit.add(self.env(user=api.SUPERUSER_ID, su=True)['online.sync.word']._write_noted)
            words.setdefault(listener, set()).add(entity)

    def _is_written_by(self, key, model, parent):
        """Whether the listener itself writes just these records: it knows. What follows from it elsewhere it does not know."""
        writer = self.env.context.get(WRITER)
        if not isinstance(writer, Mapping) or writer.get('listener') != key or writer.get('model') != model:
            return False
        ids = (self.sudo()[parent] if parent else self).ids
        return not writer.get('ids') or set(ids) <= set(writer['ids'])      # it creates, or it writes these

    def _is_of(self, companies):
        """Whether some of these records belong to one of the companies, or to all."""
        field = next((name for name in ('company_id', 'company_ids') if name in self._fields), '')
        return not field or any(not record[field] or not companies.isdisjoint(record[field].ids) for record in self.sudo())


class OnlineSyncWord(models.Model):
    """What a listener is to be told. Who changes something only adds a row, so that nobody waits for anybody."""

    _name = 'online.sync.word'
    _description = "Change to Tell Of"
    _log_access = False

    listener = fields.Integer(required=True, index=True, help="Id of the listener; no reference, for it may be taken away meanwhile.")
    entities = fields.Char(required=True, help="Separated by commas; none only says hello.")

    @api.model
    def _write_noted(self):
        """Just before the commit: what was noted in this transaction, and whoever tells it is woken after it."""
        words = self.env.cr.precommit.data.pop(WORDS, {})
        if words:
            self._add(words)
            self.env['online.sync.listener']._wake_teller()

    @api.model
    def _add(self, words):
        """Add words: {id of a listener: entities}."""
        self.env.cr.execute(SQL(
            "INSERT INTO online_sync_word (listener, entities) SELECT * FROM unnest(%s, %s)",
            list(words), [','.join(sorted(entities)) for entities in words.values()]))

    @api.model
    def _of(self, listener):
        """(ids of the words for a listener, the entities that they name)"""
        self.env.cr.execute(SQL("SELECT id, entities FROM online_sync_word WHERE listener = %s", listener.id))
        rows = self.env.cr.fetchall()
        return [id_ for id_, _entities in rows], {entity for _id, entities in rows for entity in entities.split(',') if entity}


class OnlineSyncListener(models.Model):
    _inherit = 'online.sync.listener'

    @api.model
    def _wake_teller(self, at=None):
        """Let the scheduled action run after the commit, or at a moment."""
        cron = self.env.ref(TELLER, raise_if_not_found=False)
        if cron:
            cron.sudo()._trigger(at)

    def _say_hello(self):
        """Wake it once, so that both sides see at once whether that works."""
        self.env['online.sync.word']._add({listener.id: () for listener in self})
        self._wake_teller()

    @api.model
    def _cron_tell(self):
        """Scheduled action: tell all who are to be told. A burst of changes is one wake. Never raises for one listener."""
        waiting = self._waiting()
        commit_progress(self.env, 0, len(waiting))
        for listener in waiting:
            try:
                listener._tell()
            except psycopg2.OperationalError:       # it introduces itself in this very moment, and is told what it asks for
                self.env.cr.rollback()
            except Exception:
                self.env.cr.rollback()
                self.env.invalidate_all()
                _logger.error("Listener %s could not be told:\n%s", listener.id, redact(traceback.format_exc()))
            commit_progress(self.env, 1, 0)
        later = self.search([('state', '=', 'on'), ('next_try', '>', fields.Datetime.now())], order='next_try', limit=1)
        if later:
            self._wake_teller(later.next_try)
        commit_progress(self.env, 0, 0)

    @api.model
    def _waiting(self):
        """Who is to be told now. What was noted for somebody who is no longer told is forgotten."""
        self.env.cr.execute(SQL("SELECT DISTINCT listener FROM online_sync_word"))
        noted = {row[0] for row in self.env.cr.fetchall()}
        told = self.search([('id', 'in', list(noted)), ('state', '=', 'on')])
        nobody = noted - set(told.ids)
        if nobody:
            self.env.cr.execute(SQL("DELETE FROM online_sync_word WHERE listener = ANY(%s)", list(nobody)))
        now = fields.Datetime.now()
        return told.filtered(lambda listener: not listener.next_try or listener.next_try <= now)

    def _tell(self):
        """Wake one listener for all that it was not told yet. Nothing is locked while it is called."""
        ids, entities = self.env['online.sync.word']._of(self)
        commit_progress(self.env, 0, 1)
        failure = self._send(entities)
        commit_progress(self.env, 0, 1)     # that took its time: look at the listener as it is now
        self.env.invalidate_all()
        if not lock_rows(self) or self.state != 'on':
            return      # somebody changes it: what was noted stays noted
        self.env.cr.execute(SQL("DELETE FROM online_sync_word WHERE id = ANY(%s)", ids))
        if failure:
            self._note_failure(failure, entities)
        else:
            self.write({'told_at': fields.Datetime.now(), 'failure_count': 0, 'failing_since': False, 'next_try': False})

    def _send(self, entities):
        """Returns why it was not heard, '' when it was."""
        http = Http(allowed_networks=self.env['online.sync.link']._allowed_networks(), connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS, budget=BUDGET_SECONDS, attempts=1)
        http.service = f'Odoo at {urlsplit(self.url).hostname}'
        try:
            with http:
                wake.tell(http, self._address(), self._secret(), entities, database=self.database or '')
        except (vault.SecretsLost, UserError):
            return _("The secret cannot be decrypted: the encryption key of this server was lost or replaced.")
        except SyncError as error:
            _logger.info("Listener %s was not told: %s", self.id, error.log_line())
            return error.message
        return ''

    def _note_failure(self, why, entities):
        """Try again later and later, for a day; then let it ask."""
        now = fields.Datetime.now()
        since, count = self.failing_since or now, self.failure_count + 1
        gives_up = now - since >= GIVE_UP_AFTER
        self.write({
            'failed_at': now, 'failing_since': since, 'failure_count': count, 'last_failure': why,
            'next_try': not gives_up and now + PAUSES[min(count, len(PAUSES)) - 1]})
        if gives_up:
            self.state = 'resting'
        else:
            self.env['online.sync.word']._add({self.id: entities})
