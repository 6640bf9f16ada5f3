"""Staging: from what a page says to the rows of the inbox, and what only the end of a read can decide."""
from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import SQL

from ..clients.records import BOOKED, PENDING
from ..engine import identity

#: `missed_reads` of a movement that a person keeps although the bank no longer shows it.
KEPT = -1
#: Days for which a pending movement is looked for; a hold on a card lasts up to 30.
LONGEST_PENDING = timedelta(days=45)


class OnlineSyncTransaction(models.Model):
    _inherit = 'online.sync.transaction'

    # -- what a page says -> rows ------------------------------------------------------------------------------

    @api.model
    def _stage_page(self, account, page, reading, run=0):
        """Bring the inbox to what a page says; import what is certain.

        :param account: online.sync.account
        :param page: clients.records.Page
        :param reading: engine.reading.Reading
        :param run: id of the run's log
        :returns: Counter of fetched, created, updated, skipped, waiting
        """
        transactions = [tx for tx in page.transactions if not account.start_date or tx.date >= account.start_date]
        rows = self._load_known(account, transactions, reading)
        verdicts = identity.identify(
            transactions, [row.known for row in rows.values()], trust_ids=account.ids_trusted, whole_window=True)
        fresh = [(transactions[v.index], v) for v in verdicts if v.kind in (identity.NEW, identity.HELD)]
        shown = [(transactions[v.index], rows[v.known], v) for v in verdicts if v.kind == identity.KNOWN and v.known]
        occurrences = self._occurrences(rows)
        updated = self._refresh(account, shown, occurrences)
        if any(v.distrust for v in verdicts):
            account._distrust_ids()
        used = {row.known.external_id for row in rows.values()} | {tx.external_id for tx, _row, _verdict in shown}
        created = self._create_rows(account, fresh, used, occurrences, reading)
        waiting = created.filtered(lambda row: row.status == BOOKED and not row.is_held)
        waiting |= updated.filtered(lambda row: row.status == BOOKED and row.state == 'new' and not row.is_held)
        waiting._import_lines()
        reading.advance(page, [v.known for v in verdicts if v.kind == identity.KNOWN and v.known], fields.Date.today(), run)
        return Counter(
            fetched=len(page.transactions), created=len(created), updated=len(updated),
            skipped=len(page.transactions) - len(created) - len(updated),
        )

    @api.model
    def _load_known(self, account, transactions, reading):
        """Rows of the account that share an id, a content or a day of the window with a page, by id."""
        if not transactions:
            return {}
        ids = [value for tx in transactions for value in (tx.external_id, tx.pending_id) if value]
        days = [tx.date for tx in transactions]
        near = identity.NEAR
        prints = {identity.fingerprint_of(tx) for tx in transactions}
        stored = self._select_rows(account, reading, SQL(
            "(tx.external_id = ANY(%s) OR tx.date BETWEEN %s AND %s)", ids, min(days) - near, max(days) + near))
        window, wanted, rows = reading.window, set(ids), {}
        for row in stored:
            known = row.known
            in_window = window.date_from - near <= known.date <= window.date_to + near
            if in_window or known.external_id in wanted or known.fingerprint in prints:
                rows[known.id] = row
        return rows

    @api.model
    def _select_rows(self, account, reading, condition):
        """Rows of an account as the engine wants them, in one query and without a cache: there may be many."""
        self.flush_model()
        self.env.cr.execute(SQL(
            """
            SELECT tx.id, tx.status, tx.date, tx.amount::text, currency.name, tx.fingerprint, tx.external_id, tx.end_to_end_id, tx.text,
                   tx.partner_account, CASE WHEN tx.has_balance_after THEN tx.balance_after::text END, tx.read_number,
                   tx.state, tx.occurrence, tx.missed_reads
              FROM online_sync_transaction tx
              JOIN res_currency currency ON currency.id = tx.currency_id
             WHERE tx.account_id = %s AND %s
             ORDER BY tx.id
            """, account.id, condition,
        ))
        return [StoredRow(values, reading) for values in self.env.cr.fetchall()]

    @api.model
    def _occurrences(self, rows):
        """{(status, fingerprint): highest occurrence so far}, to number further movements of equal content."""
        occurrences = Counter()
        for row in rows.values():
            key = row.known.status, row.known.fingerprint
            occurrences[key] = max(occurrences[key], row.occurrence)
        return occurrences

    @api.model
    def _create_rows(self, account, fresh, used, occurrences, reading):
        """Create rows for movements that are new or held.

        :param used: ids that belong to other rows, or did until this page
        """
        values = []
        for tx, verdict in fresh:
            vals = account._prepare_transaction_vals(tx)
            key = tx.status, vals['fingerprint']
            occurrences[key] += 1
            free_id = tx.external_id if tx.external_id not in used else False
            used.add(tx.external_id)
            values.append({
                **vals, 'occurrence': occurrences[key], 'read_number': reading.number, 'external_id': free_id or False,
                'shown_id': tx.external_id if not free_id else False,
                'is_held': verdict.kind == identity.HELD,
                'duplicate_of_id': verdict.known if verdict.kind == identity.HELD else False,
            })
        return self.with_context(tracking_disable=True).create(values).with_env(self.env)

    @api.model
    def _refresh(self, account, shown, occurrences):
        """Write what changed on known rows; nothing for those that did not change. Returns the rows that became booked or changed."""
        changes = {}
        for tx, row, verdict in shown:
            vals = self._changes(account, tx, row, verdict)
            if vals:
                changes[row.known.id] = vals
        if not changes:
            return self.browse()
        records = self.browse(changes)
        renamed = records.filtered(lambda record: 'external_id' in changes[record.id])
        if renamed:
            self._free_ids(account, renamed, {changes[record.id]['external_id'] for record in renamed})
        records.filtered(lambda record: 'missed_reads' in changes[record.id])._settle_vanished()
        for record in records:
            vals = changes[record.id]
            if 'fingerprint' in vals:
                key = vals['status'], vals['fingerprint']
                occurrences[key] += 1
                vals['occurrence'] = occurrences[key]
            record.write(vals)
        return records

    @api.model
    def _changes(self, account, tx, row, verdict):
        """Values to write on a known row so that it says what the bank says now; amounts and dates of imported lines are not touched."""
        known, vals = row.known, {}
        takes_id = verdict.reissued or not known.external_id or known.status == PENDING
        if tx.external_id and known.external_id != tx.external_id and takes_id:
            vals.update(external_id=tx.external_id, shown_id=False)
        if row.missed_reads:
            vals['missed_reads'] = 0
        became_booked = known.status == PENDING and tx.status == BOOKED
        if known.fingerprint != identity.fingerprint_of(tx) and (known.status, tx.status) != (BOOKED, PENDING) or became_booked:
            vals.update(account._prepare_transaction_vals(tx))
        is_back = row.state == 'superseded' and known.status in (PENDING, tx.status)
        if is_back or became_booked and row.state != 'ignored':
            vals.update(state='new', superseded_by_id=False)
        return vals

    @api.model
    def _free_ids(self, account, records, ids):
        """Take external ids away from the rows that lose them, so that a renumbering cannot trip over the unique index."""
        others = self.search([('account_id', '=', account.id), ('external_id', 'in', list(ids))])
        (records | others).external_id = False
        self.flush_model(['external_id'])

    # -- end of a read ----------------------------------------------------------------------------------------------------

    @api.model
    def _finish_window(self, account, reading):
        """Decide what was held, and look for what the bank no longer shows. Only after a complete read of the window.

        :returns: Counter of created, waiting; None when only another pass over the window can decide
        """
        held = self.search([('account_id', '=', account.id), ('is_held', '=', True)], order='id')
        doubts = held._doubts(account, reading)
        if doubts and doubts != reading.doubts:
            reading.doubts = doubts
            return None
        unseen = self._load_unseen(account, reading)
        counts = held._settle_held(account, [row.known for row in unseen if row.known.status == BOOKED])
        absorbed = counts.pop('absorbed')
        missing = [row for row in unseen if row.known.id not in absorbed]
        self._supersede_pending(account, [row for row in missing if row.known.status == PENDING], reading)
        self._note_missing([row for row in missing if row.known.status == BOOKED], reading)
        return counts

    @api.model
    def _load_unseen(self, account, reading):
        """Rows that the read did not show: those of the window, booked ones of the days around it, which may have moved into it, and
        pending ones of so long ago that nobody asks for them any more.
        """
        window, forgotten = reading.window, fields.Date.today() - LONGEST_PENDING
        rows = self._select_rows(account, reading, SQL(
            """NOT COALESCE(tx.is_held, FALSE) AND tx.state != 'superseded' AND (
                 tx.status = 'pending' AND (tx.date < %s OR tx.date BETWEEN %s AND %s)
                 OR tx.status = 'booked' AND tx.date BETWEEN %s AND %s)
            """, forgotten, window.date_from, window.date_to, window.date_from - identity.NEAR, window.date_to + identity.NEAR))
        return [row for row in rows if not row.known.seen]

    def _doubts(self, account, reading):
        """Contents of the held rows of `self` that may be a second sight of a movement of an earlier page: how often each was shown.

        Two passes in a row that count the same are right: a list that moves on does not do so twice at the same place.
        """
        if not self:
            return {}
        rows = self._select_rows(account, reading, SQL(
            "NOT COALESCE(tx.is_held, FALSE) AND tx.status = 'booked' AND tx.fingerprint = ANY(%s)", self.mapped('fingerprint')))
        shown = Counter(row.known.fingerprint for row in rows if row.known.seen)
        doubtful = self.filtered(lambda row: not row.external_id and not row.shown_id and shown[row.fingerprint])
        held = Counter(doubtful.mapped(lambda row: row.fingerprint))
        return {print_: shown[print_] + count for print_, count in held.items()}

    def _settle_held(self, account, unseen):
        """Decide the rows of `self`, which were held, now that the read is complete."""
        counts, absorbed = Counter(), set()
        movements = [row._as_record() for row in self]
        verdicts = identity.settle(movements, [row.duplicate_of_id.id or None for row in self], unseen)
        if any(verdict.distrust for verdict in verdicts):
            account._distrust_ids()
        import_now = self.browse()
        for row, verdict in zip(self, verdicts, strict=True):
            if verdict.kind == identity.NEW:
                row._release()
                import_now |= row
                counts['created'] += 1
            elif verdict.kind == identity.KNOWN:
                absorbed.add(verdict.known)
                self.browse(verdict.known)._absorb(row)
            else:
                row._quarantine(self.browse(verdict.known), verdict.reason)
                counts['waiting'] += 1
        import_now._import_lines()
        counts['absorbed'] = absorbed
        return counts

    def _release(self):
        """A held row is new after all. It takes its id where nobody else has it."""
        self.ensure_one()
        owner = self.shown_id and self.search_count(
            [('account_id', '=', self.account_id.id), ('external_id', '=', self.shown_id)], limit=1)
        self.write({
            'is_held': False, 'duplicate_of_id': False, 'external_id': self.external_id or (not owner and self.shown_id) or False})

    def _absorb(self, held):
        """`held` is this very movement, shown with another id or text: take over what it says and forget it."""
        self.ensure_one()
        values = held.copy_data()[0]
        keep = ('date', 'value_date', 'text', 'partner_name', 'partner_account', 'reference', 'transaction_type', 'end_to_end_id',
                'fingerprint', 'occurrence', 'balance_after', 'has_balance_after')
        new_id = held.external_id or held.shown_id
        held.unlink()
        self.env.flush_all()
        if new_id:
            self._free_ids(self.account_id, self, {new_id})
        self.write({
            **{name: values[name] for name in keep}, 'external_id': new_id or self.external_id, 'missed_reads': 0})
        self._settle_vanished()
        if self.state == 'superseded':      # a person had taken it out of the books because the bank had
            self.state = 'new'
            self._import_lines()

    def _absorb_for_good(self, held):
        """A person said that `held` is this very movement.

        What else waited because it might be this one is a movement of its own when the bank shows it beside `held`: it is looked for in the
        books again, and goes there when nobody entered it.
        """
        is_shown = not held.missed_reads
        self._absorb(held)
        others = self.search([('duplicate_of_id', '=', self.id), ('state', '=', 'duplicate'), ('missed_reads', '=', 0)])
        others = others.filtered(lambda row: row.state_reason != identity.AMOUNT_CHANGED) if is_shown else self.browse()
        others.write({'state': 'new', 'duplicate_of_id': False, 'state_reason': False})
        self.env['online.sync.issue'].search(
            [('transaction_id', 'in', others.ids), ('state', '=', 'open'), ('kind', '=', 'duplicate')])._close_settled()
        others._import_lines()

    def _quarantine(self, other, reason):
        """Keep the row out of the books until a person says what it is; `other` is what it may be."""
        self.ensure_one()
        self.write({'is_held': False, 'state': 'duplicate', 'duplicate_of_id': other.id, 'state_reason': reason})
        self.env['online.sync.issue']._raise_duplicate(self, other, edited=reason == identity.AMOUNT_CHANGED)

    @api.model
    def _supersede_pending(self, account, rows, reading):
        """Pending movements that the bank no longer shows were booked or dropped."""
        gone = self.browse(row.known.id for row in rows)
        if not gone:
            return
        booked = self.search([
            ('account_id', '=', account.id), ('status', '=', BOOKED), ('read_number', '=', reading.number),
            ('amount', 'in', gone.mapped('amount'))])
        by_amount = defaultdict(list)
        for row in booked.sorted('date'):
            by_amount[row.amount].append(row)
        for row in gone:
            candidates = [b for b in by_amount[row.amount] if identity.similar(
                identity.normalise_text(b.text), identity.normalise_text(row.text))]
            row.superseded_by_id = candidates[0] if len(candidates) == 1 else False
        gone.write({'state': 'superseded'})

    @api.model
    def _note_missing(self, rows, reading):
        """Booked movements that a complete read missed twice in a row become a question; nothing is deleted (law 9).

        The first and the last day of a window do not count: banks filter by other dates than the one they show.
        """
        window = reading.window
        missing = self.browse(row.known.id for row in rows if (
            window.date_from < row.known.date < window.date_to and row.missed_reads != KEPT))
        asked = self.search([('duplicate_of_id', 'in', missing.ids), ('state', '=', 'duplicate')]).duplicate_of_id
        for record in missing:
            record.missed_reads += 1
            if record.missed_reads >= 2 and record.state in ('imported', 'new') and record not in asked:
                self.env['online.sync.issue']._raise_vanished(record)

    @api.model
    def _missed(self, account):
        """Booked movements in the books, or waiting for them, that the latest complete read of their day did not show."""
        return self.search([
            ('account_id', '=', account.id), ('missed_reads', '>', 0), ('status', '=', BOOKED),
            ('state', 'in', ('imported', 'new'))])

    @api.model
    def _unfinished(self, account):
        """What the next read must look at again: what the latest one missed for the first time, and what is still pending."""
        since = fields.Date.today() - LONGEST_PENDING
        missed = self._missed(account).filtered(lambda row: row.missed_reads == 1)
        return missed | self.search([
            ('account_id', '=', account.id), ('status', '=', PENDING), ('state', '=', 'new'), ('date', '>=', since)])

    def _take_out(self, reason):
        """Out of the books because the bank has it no longer.

        Not for good, unless a person had deleted it before: should the bank show it again, it is a movement again.
        """
        rows = self.filtered(lambda row: row.state != 'ignored')
        self.statement_line_ids.unlink()
        rows.write({'state': 'superseded', 'state_reason': reason})

    def _settle_vanished(self):
        """The bank shows the rows again: nothing is to be asked."""
        self.env['online.sync.issue'].search([
            ('transaction_id', 'in', self.ids), ('kind', '=', 'vanished'), ('state', '=', 'open')])._close_settled()


class StoredRow:
    """An inbox row as :meth:`OnlineSyncTransaction._load_known` reads it: what the engine knows of it, and what it need not know."""

    __slots__ = ('known', 'missed_reads', 'occurrence', 'state')

    def __init__(self, values, reading):
        (id_, status, date, amount, currency, print_, external_id, end_to_end_id, text, account, balance, read_number,
         self.state, self.occurrence, self.missed_reads) = values
        self.known = identity.Known(
            id=id_, status=status, date=date, amount=Decimal(amount), currency=currency, fingerprint=print_,
            external_id=external_id or '', end_to_end_id=end_to_end_id or '', text=identity.normalise_text(text),
            partner_account=identity.normalise_account(account), balance_after=Decimal(balance) if balance else None,
            seen=read_number == reading.number or id_ in reading.seen,
        )
