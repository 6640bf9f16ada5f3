import hashlib

from odoo import _, api, fields, models
from odoo.exceptions import UserError

from ..engine.plan import HERE

KINDS = [('create_here', "Created here"), ('create_there', "Created there"), ('change', "Changed"), ('conflict', "For you to decide"),
         ('blocked', "Waits for another record")]


class OnlineSyncDryRun(models.TransientModel):
    """What a run of a connection would do."""

    _name = 'online.sync.dry.run'
    _description = "Dry Run"

    link_id = fields.Many2one('online.sync.link', required=True, ondelete='cascade')
    line_ids = fields.One2many('online.sync.dry.run.line', 'run_id', string="What would happen")
    fingerprint = fields.Char(help="The same for the same plan.")
    effect = fields.Text("Effect on the books", help="Documents that would be posted, by side and currency.")

    @api.model
    def _of(self, link):
        """A dry run of all flows that are on."""
        digest, lines, totals, known = hashlib.sha256(), [], {}, set()
        client = link._client()
        for flow in link._working_flows():
            sides = link._sides(flow, client)
            for item in flow._dry_items(sides, known):
                digest.update(repr(flow._dry_mark(item)).encode())
                lines += flow._dry_lines(item)
                flow._add_total(totals, item)
        effect = [_("%(side)s: %(count)s document(s) posted, %(total)s %(currency)s in all", count=count, total=total, currency=currency,
                    side=_("Here") if side == HERE else _("There"))
                  for (side, currency), (count, total) in sorted(totals.items())]
        return self.create({'link_id': link.id, 'fingerprint': digest.hexdigest(), 'line_ids': [(0, 0, line) for line in lines],
                            'effect': '\n'.join(effect) or _("None: no document would be posted.")})

    def action_apply(self):
        """Do exactly this; refused when either side changed meanwhile."""
        self.ensure_one()
        self.link_id.check_access('write')
        link = self.link_id.sudo()
        if self._of(link).fingerprint != self.fingerprint:
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
