"""After an account was read: its open bank transactions find what they pay. Steps of the same run, each small enough for a transaction."""
import logging
import traceback

import psycopg2

from odoo import _, models

from ..clients.redaction import redact
from .account_bank_statement_line_match import BATCH

_logger = logging.getLogger(__name__)

#: What waits in a run's list beside the ids of accounts to read.
MATCH, APPLY = 'match', 'apply'
#: Open lines of a journal that one run looks at, the newest first.
MOST_LINES = 5000


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    def _matching_of(self, account):
        """What is to be done for an account that was read: a list for the run's list."""
        return [[MATCH, account.id]] if account.journal_id.online_sync_matching not in (False, 'off') else []

    def _advance_matching(self, log, what, account):
        """One step: decide for all open lines of the account's journal, or apply a batch of what is certain.

        Whatever goes wrong, what was read stays.

        :returns: what follows, for the run's list
        """
        journal = account.journal_id
        try:
            with self.env.cr.savepoint():
                return self._propose_matches(log, account) if what == MATCH else self._apply_matches(log, account)
        except psycopg2.OperationalError:
            raise       # a concurrent change: the driver rolls back and the next run does it again
        except Exception:
            self.env.invalidate_all()
            _logger.error("Matching in journal %s failed:\n%s", journal.id, redact(traceback.format_exc()))
            log._say(_("%s: the transactions arrived, but looking for what they pay failed. The server's log has the details.",
                       account.name))
            return []

    def _propose_matches(self, log, account):
        self.env['online.sync.match']._note_decided_elsewhere(account.journal_id)
        self.env['online.sync.match']._open_broken(account.journal_id)
        lines = self.env['account.bank.statement.line'].search(
            [('journal_id', '=', account.journal_id.id), ('is_reconciled', '=', False), ('state', '=', 'posted')], limit=MOST_LINES)
        matches = lines.online_sync_match(apply=False)
        log._count(proposed=len(matches.filtered(lambda match: match.state == 'proposed')))
        return [[APPLY, account.id]] if matches.filtered('may_be_applied_alone') else []

    def _apply_matches(self, log, account):
        """A batch; those that Odoo refuses are certain no more, so that this ends."""
        certain = self.env['online.sync.match'].search([
            ('journal_id', '=', account.journal_id.id), ('state', '=', 'proposed'), ('is_certain', '=', True),
        ], order='id').filtered('may_be_applied_alone')
        batch = certain[:BATCH]
        self.env['account.bank.statement.line']._online_sync_apply_safely(batch)
        done = len(batch.exists().filtered(lambda match: match.state == 'applied'))
        log._count(matched=done, proposed=-done)
        return [[APPLY, account.id]] if len(certain) > BATCH else []
