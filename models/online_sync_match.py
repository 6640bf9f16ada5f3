from collections import Counter

from odoo import _, api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_amount, format_date

from ..engine import evidence, matching

STATES = [('proposed', "Proposed"), ('applied', "Matched"), ('rejected', "Rejected"), ('undone', "Undone")]


class OnlineSyncMatch(models.Model):
    """Why a bank transaction was, or should be, reconciled with what: the evidence in one sentence, what came second, and the way back."""

    _name = 'online.sync.match'
    _description = "Bank Match"
    _order = 'id desc'
    _rec_name = 'sentence'
    _check_company_auto = True

    statement_line_id = fields.Many2one(
        'account.bank.statement.line', string="Bank transaction", required=True, ondelete='cascade', index=True)
    company_id = fields.Many2one(related='statement_line_id.company_id', store=True, precompute=True, index=True)
    journal_id = fields.Many2one(related='statement_line_id.journal_id', store=True, precompute=True, index=True)
    currency_id = fields.Many2one(related='statement_line_id.currency_id')
    date = fields.Date(related='statement_line_id.date')
    amount = fields.Monetary(related='statement_line_id.amount')
    state = fields.Selection(STATES, required=True, default='proposed', index=True, readonly=True)
    how = fields.Selection([('alone', "Alone"), ('accepted', "Accepted"), ('hand', "By hand")], readonly=True)
    is_certain = fields.Boolean("Certain", readonly=True, help="Unique both ways, and nothing contradicts it.")
    score = fields.Integer(readonly=True, aggregator='avg')
    evidence = fields.Json(readonly=True, help="What speaks for it, as the engine's codes.")
    against = fields.Json(readonly=True, help="What keeps it from being applied alone, as the engine's codes.")
    item_ids = fields.Many2many('account.move.line', string="Journal items", readonly=True)
    pair_id = fields.Many2one('account.bank.statement.line', string="Other side of the transfer", ondelete='cascade', readonly=True,
                              index='btree_not_null')
    rule_id = fields.Many2one('account.reconcile.model', "Reconciliation rule", ondelete='set null', readonly=True)
    write_off_account_id = fields.Many2one('account.account', "Written off on", ondelete='set null', readonly=True)
    write_off_tax_ids = fields.Many2many('account.tax', string="Taxes of it", readonly=True)
    runner_up_id = fields.Many2one('account.move.line', string="Came second", ondelete='set null', readonly=True)
    rest = fields.Monetary(readonly=True, help="What the bank transaction leaves over; negative: what stays open of the items.")
    partner_before_id = fields.Many2one('res.partner', ondelete='set null', readonly=True)
    applied_at = fields.Datetime("When", readonly=True)
    applied_by_id = fields.Many2one('res.users', "Who", readonly=True)
    refusal = fields.Char(readonly=True, help="Why Odoo refused it.")
    sentence = fields.Char("Why", compute='_compute_sentence')
    may_be_applied_alone = fields.Boolean(compute='_compute_may_be_applied_alone')

    @api.depends('state', 'is_certain', 'journal_id.online_sync_matching')
    def _compute_may_be_applied_alone(self):
        """Certain, and so wanted by the journals of the line and of a transfer's other side."""
        for match in self:
            journals = match.journal_id | match.pair_id.journal_id
            match.may_be_applied_alone = match.state == 'proposed' and match.is_certain and set(
                journals.mapped('online_sync_matching')) == {'alone'}

    # -- in words ---------------------------------------------------------------------------------------------------------------

    @api.depends('state', 'evidence', 'against', 'item_ids', 'pair_id', 'rule_id', 'rest', 'refusal')
    @api.depends_context('lang')
    def _compute_sentence(self):
        for match in self:
            parts = [match._subject(), match._words(match._say_evidence(), match.evidence)]
            if match.write_off_account_id:
                parts.append(_("written off on %s", match.write_off_account_id.display_name))
            elif match.rest:
                parts.append(_("rest %s", format_amount(self.env, match.rest, match.currency_id)))
            if match.state == 'proposed' and match.against:
                parts.append(_("left to you: %s", match._words(match._say_against(), match.against)))
            match.sentence = ' · '.join(filter(None, [*parts, match.refusal]))

    def _subject(self):
        """What it is matched with, by name."""
        if self.rule_id:
            return _("rule %s", self.rule_id.name)
        if self.pair_id:
            return _("transfer, %s", self.pair_id.journal_id.name)
        return ', '.join(dict.fromkeys(item.move_name or item.name or '' for item in self.item_ids))

    @staticmethod
    def _words(says, codes):
        return ', '.join(says[code] for code in codes or () if code in says)

    @api.model
    def _say_evidence(self):
        return {
            evidence.NUMBER: _("number in the text"), evidence.STRUCTURED_REFERENCE: _("structured reference"),
            evidence.PARTIAL_NUMBER: _("part of the number in the text"), evidence.AMOUNT: _("amount equal"),
            evidence.FOREIGN_AMOUNT: _("original amount equal"), evidence.DISCOUNT: _("early payment discount"),
            evidence.SUM: _("sum equal"), evidence.WHOLE_BALANCE: _("all that is open"), evidence.PARTIAL: _("part of the amount"),
            evidence.FEE_SHORT: _("short by what may be a fee"), evidence.ACCOUNT: _("account number known"),
            evidence.NAME: _("name agrees"), evidence.NAME_IN_TEXT: _("name in the text"), evidence.KNOWN_PARTNER: _("partner agrees"),
            evidence.OWN_ACCOUNT: _("between own accounts"),
            evidence.OLDEST_FIRST: _("the oldest first"), evidence.RULE: _("conditions of the rule"), evidence.CHOSEN: _("chosen"),
        }

    @api.model
    def _say_against(self):
        return {
            evidence.OTHER_PARTNER: _("it is from another partner"), evidence.OTHER_DOCUMENT: _("the text names another document"),
            evidence.RETURN: _("a payment that came back"), evidence.NOT_UNIQUE: _("another one fits as well"),
            evidence.TOO_EARLY: _("the document is later"), evidence.WEAK_EVIDENCE: _("little evidence"),
            evidence.RULE_ASKS: _("the rule wants to be asked"),
        }

    def _screen_match(self):
        """What the Bank Matching screen shows of a proposal."""
        return {
            'id': self.id, 'subject': self._subject(), 'why': self._words(self._say_evidence(), self.evidence),
            'against': self._words(self._say_against(), self.against) or self.refusal or '', 'is_certain': self.is_certain,
            'partner': self.item_ids.partner_id[:1].display_name or '', 'items': self.item_ids.ids, 'score': self.score,
            'due': format_date(self.env, self.item_ids[:1].date_maturity) if self.item_ids[:1].date_maturity else '',
            'amount_words': ', '.join(format_amount(self.env, item.amount_residual_currency, item.currency_id) for item in self.item_ids),
            'runner_up': self.runner_up_id.move_name or '',
            'rest_words': format_amount(self.env, self.rest, self.currency_id) if self.rest else '',
        }

    # -- what a person does with it -----------------------------------------------------------------------------------------

    def _check_accountant(self):
        """Who may decide what goes into the books, for these lines."""
        self.check_access('read')
        if not self.env.su and not self.env.user.has_group('account.group_account_basic'):
            raise AccessError(_("Ask an accountant: you may not match bank transactions."))
        self.statement_line_id.check_access('write')

    def action_accept(self):
        """Apply proposals; what Odoo refuses is said at once."""
        self._check_accountant()
        if self.filtered(lambda match: match.state != 'proposed'):
            raise UserError(_("This was decided already."))
        self._apply('accepted')
        return True

    def action_reject(self):
        """Never propose this again for these lines."""
        self._check_accountant()
        proposed = self.filtered(lambda match: match.state == 'proposed')
        (proposed | proposed._other_side()).sudo().state = 'rejected'
        return True

    def action_undo(self):
        """Open again what was reconciled, as if nothing had happened."""
        self._check_accountant()
        self.filtered(lambda match: match.state == 'applied').statement_line_id.action_undo_reconciliation()
        return True

    def action_open_line(self):
        """Open the bank transaction."""
        self.ensure_one()
        return self.statement_line_id.action_open_online_sync_form()

    def _key(self):
        """The same for two matches of the same line with the same."""
        return *matching.key_of(self.statement_line_id.id, self.item_ids.ids, self.pair_id.id or None), self.rule_id.id or None

    @api.model
    def _refused(self, company):
        """What persons rejected or undid, for the engine's `refused`."""
        refused = self.sudo().search([
            ('company_id', '=', company.id), ('rule_id', '=', False), ('statement_line_id.is_reconciled', '=', False),
            '|', ('state', '=', 'rejected'), '&', ('state', '=', 'undone'), ('how', '!=', False)])
        return {match._key()[:3] for match in refused}

    def _bring_up_to_date(self, values):
        """A proposal that stays, with what is known now; nothing is written when nothing changed."""
        changed = {name: values[name] for name in ('is_certain', 'score', 'evidence', 'against', 'rest')
                   if (self[name] or False) != (values[name] or False)}
        if self.runner_up_id.id != (values['runner_up_id'] or False):
            changed['runner_up_id'] = values['runner_up_id']
        if self.refusal and changed.keys() == {'is_certain'}:       # Odoo refused the very same: it is not tried at each run
            return
        if changed:
            self.write({**changed, 'refusal': False})

    # -- applying ---------------------------------------------------------------------------------------------------------------

    def _apply(self, how):
        """Reconcile, all in one batch; raises what Odoo objects to."""
        self._check_once()
        done, settlements = self.browse(), []
        for match in self:
            if match not in done:
                settlements += match._settlements(how)
                done |= match | match._other_side()
        before = {match: match.statement_line_id.partner_id for match in done}
        certain = done.filtered('is_certain') if how == 'accepted' else self.browse()
        self.env['account.bank.statement.line']._online_sync_settle(settlements)
        done.sudo().write({'state': 'applied', 'how': how, 'applied_at': fields.Datetime.now(), 'applied_by_id': self.env.uid,
                           'refusal': False})
        certain.sudo().write({'verdict': 'same'})
        for match, partner in before.items():
            if partner:
                match.sudo().partner_before_id = partner
        self.search([('statement_line_id', 'in', done.statement_line_id.ids), ('state', '=', 'proposed')]).sudo().unlink()

    def _check_once(self):
        """An open item, and a line, is settled once in a batch: what it leaves open is only known afterwards."""
        items = Counter(item for match in self for item in match.item_ids)
        twice = next((item for item, times in items.items() if times > 1), None)
        if twice:
            raise UserError(_("“%s” cannot be paid by two of these at once. Validate one, then look again.", twice.move_name))
        if len(self.statement_line_id) < len(self):
            raise UserError(_("One bank transaction cannot be matched twice at once."))

    def _other_side(self):
        """The match of the other line of a transfer."""
        return self.pair_id.online_sync_match_ids.filtered(
            lambda other: other.state == 'proposed' and other.pair_id == self.statement_line_id)

    def _settlements(self, how):
        """What the matched lines become, for `_online_sync_settle`.

        :raises UserError: it no longer is what was proposed
        """
        line = self.statement_line_id
        if self.pair_id:
            self._meet_other_side()
            return line._online_sync_pair(self.pair_id)
        if self.rule_id:
            return [(line, *self.rule_id._online_sync_counterparts(line)[:2])]
        if not self.item_ids:
            raise UserError(_("What this was to be matched with is gone. Look again."))
        self._check_rest(how)
        return [(line, *line._online_sync_counterparts(self.item_ids, discount=evidence.DISCOUNT in (self.evidence or [])))]

    def _meet_other_side(self):
        """The other side of a transfer goes along: by its own proposal, or by one made now where only this side was looked at."""
        line, other = self.statement_line_id, self.pair_id
        if self._other_side():
            return
        decided = other.online_sync_match_ids.filtered(lambda match: match.pair_id == line and match.state in ('rejected', 'undone'))
        if decided or other.is_reconciled:
            raise UserError(_("The other side of this transfer was decided otherwise."))
        self.sudo().copy({'statement_line_id': other.id, 'pair_id': line.id, 'state': 'proposed'})

    def _check_rest(self, how):
        """What is open may have changed since: nothing is applied alone then, and who accepts it sees what is left."""
        line, items = self.statement_line_id, self.item_ids
        if evidence.DISCOUNT in (self.evidence or []) or len(items.currency_id) > 1:
            return
        is_foreign = items.currency_id != line.currency_id
        if is_foreign and items.currency_id != line.foreign_currency_id:
            return
        paid = line.amount_currency if is_foreign else line.amount
        rest = items.currency_id.round(paid - sum(items.mapped('amount_residual_currency')))
        if line.currency_id.compare_amounts(rest, self.rest):
            if how == 'alone':
                raise UserError(_("What is open has changed since. Look again."))
            self.sudo().rest = rest
