import hashlib
from collections import Counter, defaultdict

from odoo import _, api, fields, models
from odoo.exceptions import UserError

from ..clients import errors
from ..engine.plan import HERE, IGNORED

KINDS = [('create_here', "Created here"), ('create_there', "Created there"), ('change', "Changed"),
         ('remove', "Archived or cancelled"), ('conflict', "You decide"), ('blocked', "Waits"), ('refused', "Refused"),
         ('left_out', "Left out")]


class OnlineSyncDryRun(models.TransientModel):
    """What a run of a connection would do."""

    _name = 'online.sync.dry.run'
    _description = "Dry Run"

    link_id = fields.Many2one('online.sync.link', required=True, ondelete='cascade')
    line_ids = fields.One2many('online.sync.dry.run.line', 'run_id', string="What would happen", domain=[('kind', '!=', 'left_out')])
    left_out_ids = fields.One2many('online.sync.dry.run.line', 'run_id', string="What is left out", domain=[('kind', '=', 'left_out')])
    effect_ids = fields.One2many('online.sync.dry.run.effect', 'run_id', string="Effect on both trial balances")
    fingerprint = fields.Char(help="The same for the same plan.")
    summary = fields.Char(help="Records by what would happen to them.")
    effect = fields.Text("Effect on the books", help="Documents that would be posted, by side and currency.")
    no_effect = fields.Char(help="Why the effect on the trial balances cannot be said.")

    @api.model
    def _of(self, link):
        """A dry run of all flows that are on."""
        client = link._client()
        digest, lines, totals, bookings, kinds, left_out = hashlib.sha256(), [], {}, [], Counter(), defaultdict(list)
        for flow, item in self._items(link, client):
            digest.update(repr(flow._dry_mark(item)).encode())
            lines += flow._dry_lines(item)
            bookings += flow._dry_bookings(item)
            kind = flow._dry_kind(item)
            kinds[kind] += 1
            if kind == IGNORED:
                left_out[flow, flow._why_left_out(item)].append((item.local or item.remote).title)
            flow._add_total(totals, item)
        effects, why = link._dry_effect(link._sides(link.flow_ids[:1], client), bookings)
        return self.create({
            'link_id': link.id, 'fingerprint': digest.hexdigest(), 'line_ids': [(0, 0, line) for line in lines],
            'left_out_ids': [(0, 0, line) for (flow, why), titles in left_out.items() for line in flow._dry_left_out(why, titles)],
            'effect_ids': [(0, 0, one) for one in effects], 'no_effect': why, 'summary': self._say_kinds(kinds),
            'effect': self._say_totals(totals) or _("No document would be posted.")})

    @api.model
    def _items(self, link, client):
        """(flow, item with its plan) of all records of both sides."""
        known = set()
        for flow in link._working_flows():
            for item in flow._dry_items(link._sides(flow, client), known):
                yield flow, item

    @api.model
    def _say_totals(self, totals):
        """A line for each side and currency. What bank transactions come to in all tells nobody anything."""
        words = {False: _("%(side)s: %(count)s documents posted, %(total)s %(currency)s in all"),
                 True: _("%(side)s: %(count)s bank transactions booked")}
        return '\n'.join(words[is_booked] % {
            'side': _("Here") if side == HERE else _("There"), 'count': count, 'total': total, 'currency': currency}
            for (side, is_booked, currency), (count, total) in sorted(totals.items()))

    @api.model
    def _say_kinds(self, kinds):
        words = {'create': _("%s created"), 'update': _("%s changed"), 'remove': _("%s archived or cancelled"),
                 'conflict': _("%s for you to decide"),
                 'blocked': _("%s wait"), 'refused': _("%s refused"), 'nothing': _("%s stay as they are"), IGNORED: _("%s left out")}
        return ', '.join(sentence % kinds[kind] for kind, sentence in words.items() if kinds[kind])

    def action_apply(self):
        """Do exactly this; refused when either side changed meanwhile."""
        self.ensure_one()
        self.link_id.check_access('write')
        link, digest = self.link_id.sudo(), hashlib.sha256()
        try:
            for flow, item in self._items(link, link._client()):
                digest.update(repr(flow._dry_mark(item)).encode())
        except errors.SyncError as error:
            raise UserError(error.message_at_once) from None
        if digest.hexdigest() != self.fingerprint:
            raise UserError(_("Something changed since this dry run. Look at a new one first."))
        return link.action_synchronize_now()


class OnlineSyncDryRunLine(models.TransientModel):
    """One thing that would happen."""

    _name = 'online.sync.dry.run.line'
    _description = "Step of a Dry Run"
    _order = 'id'

    run_id = fields.Many2one('online.sync.dry.run', required=True, ondelete='cascade')
    flow_name = fields.Char("Records")
    kind = fields.Selection(KINDS, "What")
    title = fields.Char("Record")
    field_name = fields.Char("Field")
    before = fields.Char("From")
    after = fields.Char("To")
    where = fields.Selection([('here', "Here"), ('there', "There")])
