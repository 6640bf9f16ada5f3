"""The question that a comparison of books leaves: where do they differ, and by which document?"""
from odoo import _, api, fields, models
from odoo.tools import format_amount, format_date

KIND = 'books_differ'


class OnlineSyncIssue(models.Model):
    _inherit = 'online.sync.issue'

    kind = fields.Selection(selection_add=[(KIND, "Books differ")], ondelete={KIND: 'cascade'})
    drift_id = fields.Many2one('online.sync.drift', string="Comparison", ondelete='set null', index='btree_not_null')

    @api.model
    def _tell_drift(self, drift):
        """One question for all that differs; settled when the books agree again, or differ only by what needs nobody.

        :param drift: online.sync.drift of books that could be compared
        """
        if drift.state != 'differs':
            self.search([('link_id', '=', drift.link_id.id), ('kind', '=', KIND), ('state', '=', 'open')])._close_settled()
            return
        issue = self._raise(drift.link_id, KIND, drift.link_id.id, summary=self._say_drift(drift),
                            blocks=_("The two books differ by it until it is corrected on one side. They are compared again every day."))
        issue.drift_id = drift

    @api.model
    def _say_drift(self, drift):
        """The greatest difference that somebody must look at, and the document that explains most of it."""
        lines = drift.differing_ids.filtered(lambda line: not line.is_expected and not line.is_accepted)
        line = max(lines, key=lambda line: abs(line.to_correct))
        cause = line.cause_ids.filtered(lambda cause: not cause.is_expected)[:1]
        words = {
            'amount': format_amount(self.env, abs(line.to_correct or line.difference), line.currency_id),
            'account': line.name, 'count': len(lines) - 1,
            'month': format_date(self.env, line.month, date_format='MMMM yyyy'),
            'why': cause.words or _("no document was found that explains it.")}
        if len(lines) == 1:
            return _("The books differ by %(amount)s on %(account)s in %(month)s: %(why)s", **words)
        if len(lines) == 2:
            return _("The books differ by %(amount)s on %(account)s in %(month)s, and in 1 more place: %(why)s", **words)
        return _("The books differ by %(amount)s on %(account)s in %(month)s, and in %(count)s more places: %(why)s", **words)

    def action_compare_books(self):
        """Compare the books again."""
        self.ensure_one()
        return self.link_id.action_compare_books()

    def action_accept_drift(self):
        """The books may differ as they do: it is told again only when a difference becomes another one."""
        for issue in self:
            issue = issue._open(KIND)
            issue.drift_id.differing_ids.filtered(lambda line: not line.is_expected).is_accepted = True
            issue.drift_id.state = 'expected'
            issue._close(_("Accepted"))
        return True

    def _about(self):
        """The comparison."""
        return self.drift_id.exists() or super()._about()
