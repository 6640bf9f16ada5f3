"""How far the first load of a connection to other books is, and how long it still takes."""
from datetime import timedelta

from odoo import _, fields, models

from ..clients import errors
from ..engine.plan import HERE, THERE

#: Seconds before a rate means anything.
WARM_UP = 5


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    load_total = fields.Integer(readonly=True, copy=False, help="Records that the first load looks at, on both sides; 0 when it is over.")
    load_done = fields.Integer(readonly=True, copy=False, help="How many of them it looked at so far.")

    def _flow_step(self, flow, log, client):
        if not self.load_total and self._loading_flows():
            self._expect(client)
        return super()._flow_step(flow, log, client)

    def _loading_flows(self):
        return self._working_flows().filtered(lambda flow: flow._loading_sides())

    def _expect(self, client):
        """Count what there is, once, before the first load."""
        try:
            total = sum(self._sides(flow, client)[side].count(flow.entity, flow._filter(side))
                        for flow in self._loading_flows() for side in flow._loading_sides())
        except errors.SyncError:
            return      # what is wrong is told by the load itself
        self.write({'load_total': total, 'load_done': 0})

    def _end_run(self, log):
        super()._end_run(log)
        if self.load_total and not self._loading_flows():
            self.write({'load_total': 0, 'load_done': 0})

    def get_progress(self):
        """For the page of a connection: {'running', 'percent' (None when it cannot be said), 'words', 'left'}"""
        self.ensure_one()
        self.check_access('read')
        log = self.sudo().log_ids.filtered(lambda log: log.state == 'running')[:1]
        if not log:
            return {'running': False}
        words, percent = self._name_of_step(log.todo[0]) if log.todo else '', None
        if self.load_total:
            done = min(self.load_done, self.load_total)
            percent = round(100 * done / self.load_total)
            words = _("%(kind)s · %(done)s of %(total)s records", kind=words, done=done, total=self.load_total)
        return {'running': True, 'percent': percent, 'words': words, 'left': self._say_left(log)}

    def _say_left(self, log):
        """How long the first load still takes, '' while that cannot be said."""
        seconds = (fields.Datetime.now() - log.started_at).total_seconds()
        if not self.load_total or not log.looked or seconds < WARM_UP:
            return ''
        left = timedelta(seconds=seconds / log.looked * max(self.load_total - self.load_done, 0))
        minutes = round(left.total_seconds() / 60)
        return _("less than a minute left") if minutes < 1 else _("about 1 minute left") if minutes == 1 else _(
            "about %s minutes left", minutes)


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    def _loading_sides(self):
        """The sides of which not all was looked at once."""
        sides = [HERE] if self.direction in ('both', 'push') and not self.is_loaded else []
        return [*sides, THERE] if self.direction in ('both', 'pull') and not self.is_fetched else sides

    def _note_looked(self, log, count):
        log.looked += count
        if self.link_id.load_total:
            self.link_id.load_done += count


class OnlineSyncLog(models.Model):
    _inherit = 'online.sync.log'

    looked = fields.Integer(readonly=True, help="Records whose version was looked at.")
