"""Pairs before the first write: what both sides have already is shown side by side, and a person says what is the same."""
from dataclasses import replace
from datetime import date
from decimal import Decimal

from odoo import _, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, formatLang

from ..clients.books import ARCHIVED, CANCELLED, Ref
from ..engine import pairing
from ..engine.entities import DATE, MONEY, TEXT
from ..engine.plan import HERE, THERE
from ..models.compat import HAS_CONSTRAINT

SURENESS = [(pairing.EXACT, "Exact"), (pairing.PROBABLE, "Probable"), ('none', "No pair found")]
DECISIONS = [('open', "To be confirmed"), ('yes', "The same"), ('no', "Not the same")]
BATCH = 1000
#: Kinds of fields that are said besides a record's name, and how many of them.
TOLD, SAID = (TEXT, DATE, MONEY), 3


class OnlineSyncPairing(models.TransientModel):
    """The pairs of a connection that may be confirmed. Nothing is written on either side."""

    _name = 'online.sync.pairing'
    _description = "Pairs to Confirm"
    _rec_name = 'link_id'
    _transient_max_hours = 24.0

    link_id = fields.Many2one('online.sync.link', string="Connection", required=True, ondelete='cascade')
    read_at = fields.Datetime(help="When the reading began: what is entered later is not among what is left alone.")
    kind_ids = fields.One2many('online.sync.pairing.kind', 'pairing_id')
    line_ids = fields.One2many('online.sync.pairing.line', 'pairing_id')
    probable_ids = fields.One2many(
        'online.sync.pairing.line', 'pairing_id', string="Probable pairs", domain=[('sureness', '=', pairing.PROBABLE)])
    yes_count = fields.Integer("Pairs", compute='_compute_counts')
    open_count = fields.Integer("To be confirmed", compute='_compute_counts')

    @api.depends('line_ids.decision')
    def _compute_counts(self):
        counts = {(wizard, decision): count for wizard, decision, count in self.env['online.sync.pairing.line']._read_group(
            [('pairing_id', 'in', self.ids)], ['pairing_id', 'decision'], ['__count'])}
        for wizard in self:
            wizard.yes_count = counts.get((wizard._origin, 'yes'), 0)
            wizard.open_count = counts.get((wizard._origin, 'open'), 0)

    @api.depends('link_id')
    def _compute_display_name(self):
        for wizard in self:
            wizard.display_name = _("Pairs to confirm")

    # -- reading --------------------------------------------------------------------------------------------------------------

    def _read(self):
        """Read both sides, and propose."""
        self.ensure_one()
        link = self.link_id.sudo()
        flows = link.flow_ids.filtered(lambda flow: flow.direction != 'off' and flow._has_model()).sorted('sequence')
        self.read_at = fields.Datetime.now()
        sides = link._sides(flows[:1], link._client())
        flows._check_fields(sides)
        proposed = _Proposed()
        for flow in flows:      # each after those that it points to: an invoice is the same only when its partner is
            here, there = flow._read_unpaired(sides)
            pairs = proposed.weigh(flow._pairs_among(map(proposed.put, here), map(proposed.put, there)), here)
            pairs, here, there = _without_resting(pairs, here, there)
            proposed.add(flow.entity, pairs)
            self._propose(flow, here, there, pairs)

    def _propose(self, flow, here, there, pairs):
        kind = self.env['online.sync.pairing.kind'].create({
            'pairing_id': self.id, 'flow_id': flow.id, 'rest': 'leave' if flow.binding_count or here and there else 'create'})
        rows = self._create_all('online.sync.pairing.record', [
            {'kind_id': kind.id, 'external_id': record.key, 'title': _title(self.env, flow._entity(), record)} for record in there])
        remote = {row.external_id: row for row in rows}
        pair_of = {pair.local: pair for pair in pairs}
        values = []
        for record in here:
            pair = pair_of.get(record.key)
            sureness = pair.sureness if pair else 'none'
            values.append({
                'title': _title(self.env, flow._entity(), record),
                'kind_id': kind.id, 'pairing_id': self.id, 'res_id': int(record.key), 'sureness': sureness,
                'remote_id': pair and remote[pair.remote].id,
                'by': ', '.join(flow._title_of(name).lower() for name in pair.by) if pair else '',
                'decision': {pairing.EXACT: 'yes', pairing.PROBABLE: 'open'}.get(sureness, 'no')})
        self._create_all('online.sync.pairing.line', values)

    def _create_all(self, model, values):
        records = self.env[model]
        for first in range(0, len(values), BATCH):
            records |= records.create(values[first:first + BATCH])
        return records

    # -- buttons --------------------------------------------------------------------------------------------------------------

    def _show(self):
        self.ensure_one()
        return {'type': 'ir.actions.act_window', 'name': _("Confirm pairs"), 'res_model': self._name, 'res_id': self.id,
                'views': [(False, 'form')], 'target': 'current'}

    def action_yes_to_all(self):
        """All that is probable is the same."""
        self.line_ids.filtered(lambda line: line.decision == 'open').action_yes()

    def action_no_to_all(self):
        """Nothing that is only probable is the same."""
        self.line_ids.filtered(lambda line: line.decision == 'open').action_no()

    def action_create_rest(self):
        """What only one side has is created on the other, of all kinds."""
        self.kind_ids.rest = 'create'

    def action_leave_rest(self):
        """What only one side has is left alone, of all kinds."""
        self.kind_ids.rest = 'leave'

    def action_read_again(self):
        """From the beginning, with what changed meanwhile."""
        return self.link_id.action_pair()

    def action_open_lines(self):
        """All that was read here, to search and to decide in bulk."""
        self.ensure_one()
        return self._open_lines([('pairing_id', '=', self.id)], _("Records here"), {'search_default_group_kind': 1})

    def _open_lines(self, domain, name, context):
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_pairing_line')
        return {**action, 'name': name, 'display_name': name, 'domain': domain, 'context': context}

    def action_confirm(self):
        """Remember the pairs; what differs in them is merged by the next runs."""
        self.ensure_one()
        self.link_id.check_access('write')
        chosen = self.line_ids.filtered(lambda line: line.decision == 'yes' and line.remote_id)
        self._check_once(chosen)
        for kind in self.kind_ids.filtered(lambda kind: kind.flow_id in self.link_id.flow_ids):
            lines = chosen.filtered(lambda line, kind=kind: line.kind_id == kind)
            flow = kind.flow_id.sudo()
            bound = self.env['online.sync.binding'].sudo().search([('flow_id', '=', flow.id)])
            known = set(bound.mapped('res_id')), set(bound.mapped('external_id'))
            flow._confirm_pairs([
                pairing.Pair(str(line.res_id), line.remote_id.external_id, line.sureness, ()) for line in lines
                if line.res_id not in known[0] and line.remote_id.external_id not in known[1]],
                self.read_at if kind._leaves_rest() else None)
            apart = self.line_ids.filtered(
                lambda line, kind=kind: line.kind_id == kind and line.remote_id and line.decision == 'no' and line.sureness != 'none')
            self.env['online.sync.alike'].sudo()._keep_apart(flow, {(line.res_id, line.remote_id.external_id) for line in apart})
        link = self.link_id.sudo()
        link.next_run = fields.Datetime.add(fields.Datetime.now(), minutes=max(link.interval_minutes, 1))
        return {'type': 'ir.actions.client', 'tag': 'display_notification', 'params': {
            'type': 'success', 'message': _("%s pairs confirmed. The next run begins with them.", len(chosen)),
            'next': self.link_id.action_open_form()}}

    def _check_once(self, lines):
        seen = {}
        for line in lines:
            other = seen.setdefault(line.remote_id, line)
            if other != line:
                raise UserError(_("“%(remote)s” cannot be the same as both “%(first)s” and “%(second)s”. Choose one of them.",
                                  remote=line.remote_id.title, first=other.title, second=line.title))


class OnlineSyncPairingKind(models.TransientModel):
    """One kind of record in the pairing: how many there are of what."""

    _name = 'online.sync.pairing.kind'
    _description = "Pairs of One Kind"
    _rec_name = 'name'
    _transient_max_hours = 24.0

    pairing_id = fields.Many2one('online.sync.pairing', required=True, ondelete='cascade', index=True)
    flow_id = fields.Many2one('online.sync.flow', required=True, ondelete='cascade')
    name = fields.Char(compute='_compute_name', store=True)
    line_ids = fields.One2many('online.sync.pairing.line', 'kind_id')
    record_ids = fields.One2many('online.sync.pairing.record', 'kind_id')
    exact_count = fields.Integer("Exact", compute='_compute_counts')
    probable_count = fields.Integer("Probable", compute='_compute_counts')
    here_count = fields.Integer("Only here", compute='_compute_counts')
    there_count = fields.Integer("Only there", compute='_compute_counts')
    rest = fields.Selection(
        [('leave', "Leave it alone"), ('create', "Create it")], "What only one side has", required=True, default='leave',
        help="What is created later on crosses in any case, and so does what a document needs.")
    creates = fields.Boolean(compute='_compute_counts')
    then = fields.Char("The next run then", compute='_compute_counts')

    @api.depends('flow_id')
    def _compute_name(self):
        for kind in self:
            kind.name = kind.flow_id.name

    @api.depends('line_ids.decision', 'line_ids.remote_id', 'rest')
    def _compute_counts(self):
        lines, records = self.env['online.sync.pairing.line'], self.env['online.sync.pairing.record']
        found = {(kind, sureness): count for kind, sureness, count in lines._read_group(
            [('kind_id', 'in', self.ids)], ['kind_id', 'sureness'], ['__count'])}
        paired = dict(lines._read_group(
            [('kind_id', 'in', self.ids), ('remote_id', '!=', False), ('decision', '!=', 'no')], ['kind_id'], ['__count']))
        here, there = (dict(model._read_group([('kind_id', 'in', self.ids)], ['kind_id'], ['__count'])) for model in (lines, records))
        for kind in self:
            kind.exact_count = found.get((kind._origin, pairing.EXACT), 0)
            kind.probable_count = found.get((kind._origin, pairing.PROBABLE), 0)
            kind.here_count = here.get(kind._origin, 0) - paired.get(kind._origin, 0)
            kind.there_count = there.get(kind._origin, 0) - paired.get(kind._origin, 0)
            rest = kind.here_count or kind.there_count
            words = kind._then()
            kind.creates = bool(words)
            kind.then = ', '.join(words if kind.rest == 'create' else ()) or (rest and _("leaves the rest alone") or '')

    def _then(self):
        """What the next run does with what has no pair, as the flow says."""
        flow, words = self.flow_id, []
        if self.here_count and flow.missing_there == 'create' and flow.direction in ('both', 'push'):
            words.append(_("creates up to %s there", self.here_count))
        if self.there_count and flow.missing_here == 'create' and flow.direction in ('both', 'pull'):
            words.append(_("creates up to %s here", self.there_count))
        return words

    def _leaves_rest(self):
        """Whether what has no pair is left alone, though the flow creates what is missing."""
        return self.rest == 'leave' and self.creates

    def action_open_lines(self):
        """The records of this kind that are here, with their pairs."""
        self.ensure_one()
        return self.pairing_id._open_lines([('kind_id', '=', self.id)], self.name, {})

    def action_open_there(self):
        """The records of this kind that only the other side has."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_pairing_record')
        return {**action, 'name': _("%s, only there", self.name), 'display_name': _("%s, only there", self.name),
                'domain': [('kind_id', '=', self.id), ('is_free', '=', True)], 'context': {}}


class OnlineSyncPairingRecord(models.TransientModel):
    """A record of the other side that is not paired yet, as it was read."""

    _name = 'online.sync.pairing.record'
    _description = "Record of the Other Side"
    _rec_name = 'title'
    _order = 'title, id'
    _transient_max_hours = 24.0

    kind_id = fields.Many2one('online.sync.pairing.kind', required=True, ondelete='cascade', index=True)
    external_id = fields.Char(required=True)
    title = fields.Char("Record there")
    line_ids = fields.One2many('online.sync.pairing.line', 'remote_id')
    is_free = fields.Boolean(compute='_compute_is_free', search='_search_is_free')

    @api.depends('line_ids.decision')
    def _compute_is_free(self):
        for record in self:
            record.is_free = all(line.decision == 'no' for line in record.line_ids)

    def _search_is_free(self, operator, value):
        taken = self.env['online.sync.pairing.line']._search([('remote_id', '!=', False), ('decision', '!=', 'no')])
        values = set(value) if hasattr(value, '__iter__') else {value}
        positive = (operator in ('=', 'in')) == (True in values)
        return [('line_ids', 'not in' if positive else 'in', taken)]


class OnlineSyncPairingLine(models.TransientModel):
    """A record of this database that is not paired yet, and which of the other side may be the same."""

    _name = 'online.sync.pairing.line'
    _description = "Pair to Confirm"
    _rec_name = 'title'
    _order = 'kind_id, title, id'
    _transient_max_hours = 24.0

    pairing_id = fields.Many2one('online.sync.pairing', required=True, ondelete='cascade', index=True)
    kind_id = fields.Many2one('online.sync.pairing.kind', string="Kind of record", required=True, ondelete='cascade', index=True)
    res_id = fields.Integer(required=True)
    title = fields.Char("Here", readonly=True)
    remote_id = fields.Many2one('online.sync.pairing.record', string="There", ondelete='set null', index=True)
    sureness = fields.Selection(SURENESS, required=True, readonly=True)
    by = fields.Char("Equal in", readonly=True)
    decision = fields.Selection(DECISIONS, required=True, default='open')

    if HAS_CONSTRAINT:
        _here_uniq = models.Constraint('UNIQUE(kind_id, res_id)', "Each record is there once.")
    else:
        _sql_constraints = [('here_uniq', 'UNIQUE(kind_id, res_id)', "Each record is there once.")]

    @api.onchange('remote_id')
    def _onchange_remote_id(self):
        self.decision = 'yes' if self.remote_id else 'no'

    def write(self, vals):
        """Whoever chooses a record says that it is the same."""
        if 'remote_id' in vals and 'decision' not in vals:
            vals = {**vals, 'decision': 'yes' if vals['remote_id'] else 'no'}
        return super().write(vals)

    def action_yes(self):
        """The same."""
        lines = self.filtered('remote_id')
        if not lines:
            raise UserError(_("Choose first which record of the other side is the same."))
        lines.decision = 'yes'

    def action_no(self):
        """Not the same; it stays as it is."""
        self.decision = 'no'


def _without_resting(pairs, here, there):
    """Without what is archived or cancelled and has no pair, or only a probable one that rests too: it crosses to nowhere by itself."""
    resting = {side: {record.key for record in records if record.state in (ARCHIVED, CANCELLED)}
               for side, records in ((HERE, here), (THERE, there))}
    kept = [pair for pair in pairs if pair.sureness == pairing.EXACT
            or pair.local not in resting[HERE] or pair.remote not in resting[THERE]]
    left = resting[HERE] - {pair.local for pair in kept}, resting[THERE] - {pair.remote for pair in kept}
    return kept, [record for record in here if record.key not in left[0]], [record for record in there if record.key not in left[1]]


class _Proposed:
    """Pairs that were found in this reading: what points to one of a pair points to the other as well."""

    def __init__(self):
        self.common, self.doubtful = {}, set()

    def add(self, entity, pairs):
        for pair in pairs:
            first = Ref(entity, f'{HERE}:{pair.local}')
            self.common[Ref(entity, f'{THERE}:{pair.remote}')] = first
            if pair.sureness != pairing.EXACT:
                self.doubtful.add(first)

    def put(self, record):
        """The record of either side with references to pairs in one language."""
        return replace(record, fields={name: self._put(value) for name, value in record.fields.items()})

    def _put(self, value):
        return self.common.get(value, value) if isinstance(value, Ref) else value

    def weigh(self, pairs, here):
        """The pairs; one that rests on a pair that is only probable is only probable itself."""
        records = {record.key: record for record in here}
        return [
            replace(pair, sureness=pairing.PROBABLE)
            if any(records[pair.local].fields.get(name) in self.doubtful for name in pair.by
                   if isinstance(records[pair.local].fields.get(name), Ref)) else pair
            for pair in pairs]


def _title(env, entity, record):
    """What a person calls it, and what else tells it from others: names of accounts and contacts are many times the same."""
    code = record.fields.get('code')
    title = record.title or str(record.fields.get('name') or '')
    title = f'{code} {title}' if code and isinstance(code, str) and code not in title else title
    names = dict.fromkeys(name for key in (*entity.keys, *entity.hints) for name in key
                          if '/' not in name and entity.field(name).kind in TOLD)
    said = [_say(env, record.fields[name]) for name in names if record.fields.get(name)]
    return ' · '.join([title, *[one for one in said if one not in title][:SAID]])


def _say(env, value):
    if isinstance(value, Decimal):
        return formatLang(env, float(value))
    return format_date(env, value) if isinstance(value, date) else str(value)
