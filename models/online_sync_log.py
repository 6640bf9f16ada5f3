from odoo import _, api, fields, models

#: Sentences kept of one run; a run of a hundred thousand lines must not become a book.
MAX_SENTENCES = 200


class OnlineSyncLog(models.Model):
    """One run of a link: who started it, what it did, how it ended."""

    _name = 'online.sync.log'
    _description = "Online Synchronization Run"
    _order = 'started_at desc, id desc'
    _rec_name = 'started_at'

    link_id = fields.Many2one('online.sync.link', string="Connection", required=True, ondelete='cascade', index=True)
    company_id = fields.Many2one(related='link_id.company_id', store=True, precompute=True)
    provider = fields.Selection(related='link_id.provider', store=True, precompute=True)
    trigger = fields.Selection(
        [('schedule', "Schedule"), ('manual', "Synchronize Now"), ('connect', "First run"), ('webhook', "Webhook"), ('job', "Job queue")],
        required=True, default='schedule')
    state = fields.Selection(
        [('running', "Running"), ('done', "Done"), ('partial', "Partly done"), ('limited', "Calls used up"), ('failed', "Failed"),
         ('interrupted', "Interrupted")],
        required=True, default='running', index=True)
    started_at = fields.Datetime("Started", required=True, default=fields.Datetime.now)
    ended_at = fields.Datetime("Ended")
    duration = fields.Float("Seconds", compute='_compute_duration', store=True, aggregator='avg')
    pages = fields.Integer()
    fetched = fields.Integer()
    created = fields.Integer("New")
    updated = fields.Integer("Changed")
    skipped = fields.Integer("Known already")
    waiting = fields.Integer("Left for a person")
    matched = fields.Integer(help="Bank transactions that were reconciled with what they pay.")
    proposed = fields.Integer("Proposed matches", help="Bank transactions with a match that a person may accept.")
    failed = fields.Integer("Failures")
    detail = fields.Text("What happened", help="One sentence a line, oldest first.")
    todo = fields.Json(help="What is still to do in this run: ids of accounts to read, pairs of a word and an account's id.")
    error = fields.Char()
    request_id = fields.Char("Request of the provider", help="Quote it when you ask the provider's support.")

    @api.depends('started_at', 'ended_at')
    def _compute_duration(self):
        for log in self:
            log.duration = (log.ended_at - log.started_at).total_seconds() if log.ended_at else 0

    def _say(self, sentence):
        """Add a sentence for the reader of the log."""
        self.ensure_one()
        sentences = (self.detail or '').splitlines()
        if len(sentences) < MAX_SENTENCES:
            self.detail = '\n'.join([*sentences, sentence])
        elif len(sentences) == MAX_SENTENCES:
            self.detail = '\n'.join([*sentences, _("… and more.")])

    def _count(self, **counts):
        """Add to the run's figures."""
        self.ensure_one()
        for name, value in counts.items():
            if value:
                self[name] += value

    def _finish(self, state):
        """Close the run."""
        self.ensure_one()
        self.write({'state': state, 'ended_at': fields.Datetime.now()})

    def _finish_interrupted(self):
        """Runs that were killed."""
        for log in self:
            log._say(_("The server stopped in the middle. The next run goes on from there."))
            log._finish('interrupted')

    @api.autovacuum
    def _gc_old_runs(self):
        """Runs are kept for a year."""
        limit = fields.Datetime.subtract(fields.Datetime.now(), days=365)
        self.search([('started_at', '<', limit)], limit=10000).unlink()
