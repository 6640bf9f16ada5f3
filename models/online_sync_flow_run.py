"""The steps of a flow: what changed here, what changed there, a page at a time. Never commits; the drivers of the link do."""
from odoo import fields, models

from ..engine.entities import CREATE
from ..engine.plan import HERE, THERE
from .online_sync_flow_exchange import PAGE
from .online_sync_flow_gone import GONE_AFTER, SUDDEN


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    first_cursor = fields.Char(readonly=True, copy=False, help="How far the records that were here before were looked through.")
    listing_cursor = fields.Char(readonly=True, copy=False, help="How far the complete list of the other side was read.")
    listing_done = fields.Char(readonly=True, copy=False, help="Up to which key of a page of the list it was looked.")
    listing_pass = fields.Integer(readonly=True, copy=False)
    listed_at = fields.Datetime(readonly=True, copy=False)
    checked_here_at = fields.Datetime(
        readonly=True, copy=False, help="When it was last looked what was deleted or changed here without being noted.")
    checked_upto = fields.Char(readonly=True, copy=False, help="Up to which record that was looked at.")
    is_fetched = fields.Boolean(readonly=True, copy=False, help="All that was there before was looked at once.")
    is_loaded = fields.Boolean(readonly=True, copy=False, help="All that was here before was looked at once.")

    def _sync_step(self, sides, log):
        """One page. Returns whether there is more."""
        self.ensure_one()
        for step in (self._check_fields_daily, self._send_changes, self._fetch_changes, self._load_first, self._poll_here,
                     self._check_listing, self._settle_missing_there, self._check_here, self._settle_alike):
            if step(sides, log):
                return True
        self.last_run = fields.Datetime.now()
        return False

    def _send_changes(self, sides, log):
        """What changed here, or waited and may go on."""
        due = [('flow_id', '=', self.id), *self.env['online.sync.change']._domain_due()]
        changes = self.env['online.sync.change'].search(due, order='id', limit=PAGE)
        if not changes:
            return False
        changes |= changes.search([     # what was refused before goes with a new edit of the same record
            ('flow_id', '=', self.id), ('state', 'in', ('pending', 'failed', 'blocked')), ('res_id', '!=', 0),
            ('res_id', 'in', changes.filtered('res_id').mapped('res_id'))])
        ids = {change.res_id for change in changes if change.res_id}
        items = self._exchange(sides, ids, {change.external_id for change in changes if change.external_id}, changes)
        self._count(log, items)
        changes = changes.exists()
        left = changes.filtered(lambda change: change._is_due()) | changes.browse(
            set(changes.ids) - {id_ for item in items for id_ in item.changes.ids})
        left.write({'state': 'done', 'why': False, 'done_at': fields.Datetime.now()})       # nothing of ours, or no longer there
        self.env['online.sync.issue'].sudo()._settle_rejected(left)
        return True

    def _fetch_changes(self, sides, log):
        """A page of what changed there."""
        if self.direction not in ('both', 'pull') or log.is_fetched(self):
            return False
        page = sides[THERE].read_changes(self.entity, self.pull_cursor or '', self._filter(THERE))
        log._count(pages=1)
        known = self._known_versions(page.versions)
        moved = [key for key, version in page.versions.items() if not version or known.get(key) != version]
        if moved:
            self._count(log, self._exchange(sides, there=moved))
            self._check_ties(sides, moved)
        self.pull_cursor = page.cursor
        self._note_looked(log, len(page.versions))
        if not page.more:
            self.is_fetched = True
            log.note_fetched(self)
        return page.more

    def _known_versions(self, keys):
        """{key: version} of records there as they were looked at last; those that were refused are tried again by themselves."""
        about = [('flow_id', '=', self.id), ('external_id', 'in', list(keys))]
        left = self.env['online.sync.change'].search([*about, ('state', 'in', ('blocked', 'failed', 'dropped'))], order='id')
        bound = self.env['online.sync.binding'].search(about)
        return {one.external_id: one.remote_version for records in (left, bound) for one in records}

    def _load_first(self, sides, log):
        """A page of what was here before the flow was switched on."""
        if self.is_loaded or self.direction not in ('both', 'push'):
            return False
        page = sides[HERE].read_changes(self.entity, self.first_cursor or '', self._filter(HERE))
        self._send_moved(sides, log, page.versions)
        self.write({'first_cursor': page.cursor, 'is_loaded': not page.more})
        self._note_looked(log, len(page.versions))
        return page.more

    def _send_moved(self, sides, log, versions):
        """Exchange those of the records here that are not what they were when they were looked at last."""
        known = self._seen_here(versions)
        moved = [int(key) for key, version in versions.items() if not version or known.get(int(key), '') < version]
        if moved:
            self._count(log, self._exchange(sides, here=moved))

    def _seen_here(self, keys):
        """{id: version} of records here as they were looked at last; those that were refused are tried again by themselves."""
        about = [('flow_id', '=', self.id), ('res_id', 'in', [int(key) for key in keys])]
        left = self.env['online.sync.change'].search([*about, ('state', 'in', ('blocked', 'failed', 'dropped'))])
        seen = {change.res_id: fields.Datetime.to_string(change.write_date) for change in left}
        bound = self.env['online.sync.binding'].search_fetch(about, ['res_id', 'local_version'])
        return {**seen, **{one.res_id: one.local_version or '' for one in bound}}

    def _begin_sending(self):
        """What changed here while nobody noted it is looked for, in all pairs: a new line of a record does not show in its version."""
        self.env['online.sync.binding'].search([('flow_id', 'in', self.ids)]).local_version = False
        self.write({'is_loaded': False, 'first_cursor': False, 'checked_here_at': False, 'checked_upto': False})

    def _forget_pairs(self):
        """The other side is another one: nothing that was known of it holds."""
        self.env['online.sync.issue'].search([('flow_id', 'in', self.ids), ('state', '=', 'open')])._close_settled()
        for model in ('online.sync.alike', 'online.sync.change', 'online.sync.binding'):
            self.env[model].search([('flow_id', 'in', self.ids)]).unlink()
        self.write({'pairs_confirmed': False, 'is_fetched': False, 'pull_cursor': False, 'listing_cursor': False, 'listing_done': False,
                    'listed_at': False, 'has_missing': False, 'older_wins': False})
        self._begin_sending()

    def _check_here(self, sides, log):
        """Once a day: what was deleted, made or changed here without anybody noting it, as by SQL, or in a transaction that was open when
        the flow was switched on.
        """
        due = fields.Datetime.subtract(fields.Datetime.now(), days=1)
        if self.direction == 'pull' or self.checked_here_at and self.checked_here_at > due:
            return False
        gone, page = [] if self.checked_upto else self._gone_here(), sides[HERE].read_listing(self.entity, self.checked_upto or '')
        moved = [] if gone else self._moved_unnoted(sides, page.versions)
        if gone or moved:
            self._count(log, self._exchange(sides, here=(gone or moved)[:PAGE]))
        if len(gone) > PAGE:
            return True
        if gone or len(moved) > PAGE or page.more:
            self.checked_upto = self.checked_upto if gone else moved[PAGE - 1] if len(moved) > PAGE else page.cursor
            return True
        self.write({'checked_upto': False, 'checked_here_at': fields.Datetime.now()})
        return False

    def _gone_here(self):
        """Ids of pairs whose record here is no longer there, and that are not known as such."""
        bindings = self.env['online.sync.binding'].search_fetch(
            [('flow_id', '=', self.id), ('gone', '=', False), ('merged_into_id', '=', False)], ['res_id'])
        ids = bindings.mapped('res_id')
        return sorted(set(ids) - set(self._model().browse(ids).exists().ids))

    def _moved_unnoted(self, sides, versions):
        """Ids of those that are not as they were when they were looked at last, and of those that nobody looked at."""
        about = [('flow_id', '=', self.id), ('res_id', 'in', [int(key) for key in versions])]
        noted = self.env['online.sync.change'].search_fetch(about, ['res_id', 'state'])
        bound = self.env['online.sync.binding'].search_fetch(about, ['res_id', 'local_version'])
        moved = {one.res_id for one in bound if not one.gone and not one.merged_into_id
                 and (one.local_version or '') < versions[str(one.res_id)]}
        moved -= set(noted.filtered(lambda change: change.state != 'done').mapped('res_id'))
        if self.is_loaded and self.missing_there == CREATE and not self._entity().is_appendix:
            unknown = {int(key) for key in versions} - {*bound.mapped('res_id'), *noted.mapped('res_id')}
            only = self._filter(HERE)
            moved |= {int(key) for key in sides[HERE].find_matching(self.entity, map(str, unknown), only)} if only and unknown else unknown
        return sorted(moved)

    def _check_listing(self, sides, log):
        """A page of the complete list of the other side, once a day: who is missing from two lists in a row was deleted there.

        What changed there without being told (a transaction that took longer to commit than the overlap) is found too.
        """
        due = fields.Datetime.subtract(fields.Datetime.now(), days=1)
        if not self._has_pairs() or not self.listing_cursor and not self.listing_done and self.listed_at and self.listed_at > due:
            return False
        if not self.listing_cursor and not self.listing_done:
            self.listing_pass += 1
        page = sides[THERE].read_listing(self.entity, self.listing_cursor or '')
        left = self._look_at_listed(sides, log, page.versions)
        if left or page.more:
            self.write({'listing_done': left, **({} if left else {'listing_cursor': page.cursor})})
            return True
        self.write({'listing_cursor': False, 'listing_done': False, 'listed_at': fields.Datetime.now(), 'older_wins': False})
        self._note_missing()
        return False

    def _look_at_listed(self, sides, log, versions):
        """Exchange some of those of a page of the list that are not as they were when they were looked at last.

        :returns: the key up to which that is done, False when all of it is
        """
        bindings = self.env['online.sync.binding'].search_fetch(       # not what they last agreed on: that is long
            [('flow_id', '=', self.id), ('external_id', 'in', list(versions))], ['external_id', 'remote_version', 'seen_pass', 'missed'])
        bindings.filtered(lambda one: one.seen_pass != self.listing_pass or one.missed).write({'seen_pass': self.listing_pass, 'missed': 0})
        if self.direction == 'push':
            return False
        moved = {one.external_id for one in bindings if one.remote_version and one.remote_version != versions[one.external_id]}
        moved |= self._unknown_there(sides, versions.keys() - set(bindings.mapped('external_id')))
        todo = sorted(key for key in moved if key > (self.listing_done or ''))
        if todo:
            self._count(log, self._exchange(sides, there=todo[:PAGE]))
        return todo[PAGE - 1] if len(todo) > PAGE else False

    def _has_pairs(self):
        return bool(self.env['online.sync.binding'].search_count([('flow_id', '=', self.id)], limit=1))

    def _unknown_there(self, sides, keys):
        """What is there and nobody was told of: it was committed behind the cursor."""
        if not self.is_fetched or self.missing_here != CREATE or self._entity().is_appendix:
            return set()
        keys -= set(self.env['online.sync.change'].search_fetch(
            [('flow_id', '=', self.id), ('external_id', 'in', list(keys))], ['external_id']).mapped('external_id'))
        only = self._filter(THERE)
        return sides[THERE].find_matching(self.entity, keys, only) if only and keys else keys

    def _check_ties(self, sides, keys):
        """Documents changed there: whether they still belong to those that they belonged to. Undoing it is told by nobody."""
        for flow in self.link_id._working_flows().filtered(lambda flow: flow._entity().is_tie and flow.direction != 'push'):
            ties = self.env['online.sync.binding'].search([
                ('flow_id', '=', flow.id), ('gone', '=', False), ('tied_ids', 'any', [
                    ('flow_id', '=', self.id), ('external_id', 'in', keys)])])
            found = sides[THERE].read_records(flow.entity, ties.mapped('external_id'), ()) if ties else {}
            lost = ties.filtered(lambda one, found=found: one.external_id not in found)
            if len(lost) > SUDDEN:      # maybe our user sees them no longer: a person is asked
                lost.missed, flow.has_missing = GONE_AFTER, True
                continue
            for tie in lost:
                flow._gone_there(sides, tie)

    def _count(self, log, items):
        kinds = [item.plan.kind for item in items if not item.error]
        log._count(fetched=len(items), created=sum(kind.startswith('create') for kind in kinds), updated=kinds.count('update'),
                   skipped=kinds.count('nothing') + kinds.count('ignored'), waiting=kinds.count('blocked') + kinds.count('asked'),
                   failed=sum(bool(item.error) for item in items))


class OnlineSyncLog(models.Model):
    _inherit = 'online.sync.log'

    fetched_flows = fields.Json(help="Flows of which all that changed there was read in this run.")

    def is_fetched(self, flow):
        """Whether a run read all that changed there already."""
        return flow.id in (self.fetched_flows or [])

    def note_fetched(self, flow):
        """All that changed there was read."""
        self.fetched_flows = [*(self.fetched_flows or []), flow.id]
