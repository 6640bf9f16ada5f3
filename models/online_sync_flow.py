import re

from odoo import _, api, fields, models

from ..clients.odoo_books import OdooSide
from ..clients.odoo_models import model_of
from ..engine import entities, merge, plan
from .compat import HAS_CONSTRAINT
from .local_access import LocalAccess

DIRECTIONS = [('both', "Both ways"), ('pull', "From there to here"), ('push', "From here to there"), ('off', "Not synchronized")]
POLICIES = [('ask', "Ask me"), ('local', "Here wins"), ('remote', "There wins"), ('newest', "The newest wins")]
MISSING = [('create', "Create it"), ('link', "Only pair"), ('ignore', "Leave it")]

#: Of the name of an entity: what may not be in an external id.
NOT_A_WORD, NOT_A_DIGIT = r'\W', r'\D'


class OnlineSyncFlow(models.Model):
    """One kind of record of a connection to other books: what goes where, and who wins."""

    _name = 'online.sync.flow'
    _description = "Synchronized Records"
    _order = 'link_id, sequence, id'
    _check_company_auto = True

    link_id = fields.Many2one('online.sync.link', string="Connection", required=True, ondelete='cascade', index=True)
    company_id = fields.Many2one(related='link_id.company_id', store=True, precompute=True, index=True)
    entity = fields.Char(required=True, readonly=True)
    name = fields.Char(compute='_compute_name')
    sequence = fields.Integer()
    direction = fields.Selection(DIRECTIONS, required=True, default='off')
    policy = fields.Selection(POLICIES, "Who wins", required=True, default='ask', help="Where both sides changed the same field.")
    missing_here = fields.Selection(
        MISSING, "Only there", required=True, default='create', help="What happens to a record that is missing here.")
    missing_there = fields.Selection(
        MISSING, "Only here", required=True, default='create', help="What happens to a record that is missing there.")
    arrives_as = fields.Selection(
        [('posted', "Posted"), ('draft', "Draft")], "Arrives as", required=True, default='posted',
        help="Documents that are posted where they come from.")
    archives = fields.Boolean("Archive too", default=True, help="What is archived or deleted on one side is archived on the other.")
    follows = fields.Boolean(
        "Change posted documents", help="A posted document is reset to draft, changed and posted again when that was done on the other "
        "side. Off: a person is asked each time.")
    pairs_confirmed = fields.Boolean(
        readonly=True, copy=False, help="A person looked at what both sides have already. Nothing is written before that.")
    pull_cursor = fields.Char(readonly=True, copy=False)
    field_ids = fields.One2many('online.sync.flow.field', 'flow_id', string="Fields")
    binding_ids = fields.One2many('online.sync.binding', 'flow_id', string="Pairs")
    change_ids = fields.One2many('online.sync.change', 'flow_id', string="Changes")
    binding_count = fields.Integer("Synchronized", compute='_compute_counts')
    waiting_count = fields.Integer("Waiting", compute='_compute_counts')
    last_run = fields.Datetime(readonly=True, copy=False)

    if HAS_CONSTRAINT:
        _entity_uniq = models.Constraint('UNIQUE(link_id, entity)', "Each kind of record is there once.")
    else:
        _sql_constraints = [('entity_uniq', 'UNIQUE(link_id, entity)', "Each kind of record is there once.")]

    @api.depends('entity')
    def _compute_name(self):
        for flow in self:
            flow.name = flow._entity().title if flow.entity else ''

    def _compute_counts(self):
        bound = dict(self.env['online.sync.binding']._read_group([('flow_id', 'in', self.ids)], ['flow_id'], ['__count']))
        waiting = dict(self.env['online.sync.change']._read_group(
            [('flow_id', 'in', self.ids), ('state', 'not in', ('done', 'dropped'))], ['flow_id'], ['__count']))
        for flow in self:
            flow.binding_count, flow.waiting_count = bound.get(flow, 0), waiting.get(flow, 0)

    # -- set-up -----------------------------------------------------------------------------------------------------------------

    @api.model
    def _create_all(self, link):
        """A flow for each entity, none of them on, with all its fields."""
        existing = set(link.flow_ids.mapped('entity'))
        return self.create([{
            'link_id': link.id, 'entity': name, 'sequence': number, 'missing_here': entities.ENTITIES[name].missing,
            'missing_there': entities.ENTITIES[name].missing,
            'archives': entities.ENTITIES[name].missing == entities.CREATE and not entities.ENTITIES[name].is_appendix,
            'field_ids': [(0, 0, values) for values in self._prepare_fields(entities.ENTITIES[name])],
        } for number, name in enumerate(entities.in_order(entities.ENTITIES)) if name not in existing])

    @api.model
    def _prepare_fields(self, entity):
        """Values of the fields of an entity. What is only paired keeps its own name and code on either side."""
        only_paired = entity.missing == entities.LINK
        return [{'name': name, 'title': field.title, 'kind': field.kind, 'is_check': field.check,
                 'direction': merge.OFF if only_paired else field.direction} for name, field in _with_lines(entity.fields)]

    # -- what the engine needs ----------------------------------------------------------------------------------------------------

    def _entity(self):
        return entities.ENTITIES.get(self.entity) or self._chosen_entity()

    def _model(self):
        """The model of this database that holds the records; KeyError when it was uninstalled."""
        return self.env[model_of(self.entity)]

    def _entity_field(self, name):
        """engine.entities.Field of a name, which may be that of a line's field (`lines/KEY/field`)."""
        return self._entity().field(name.partition('/')[0])

    def _row_of(self, name):
        """The row of a field, or of a line's field (`lines/KEY/field`); none for what has no policy of its own: the status, and lines that
        one side added or removed.
        """
        head, *_key, last = name.split('/') if '/' in name else ('', name)
        wanted = f'{head}/{last}' if head else last
        return self.field_ids.filtered(lambda row: row.name == wanted and row.kind != entities.LINES)

    def _title_of(self, name):
        """What a person calls a field."""
        if name == entities.STATE:
            return _("Status")
        first, *_rest = name.split('/')
        field = self._entity_field(name)
        last = name.rpartition('/')[2]
        inner = next((one.title for one in field.lines if one.name == last), '') if first != name else ''
        return f'{field.title}: {inner}' if inner else field.title

    def _options(self):
        return plan.Options(self.direction, self.missing_here, self.missing_there, self.arrives_as, self.archives, self.follows)

    def _rules(self):
        """{name of a field: engine.merge_rules.Rule}, the state among them."""
        rows = {row.name: row for row in self.field_ids}
        flowing = set(self.link_id.flow_ids.filtered(lambda flow: flow.direction != 'off').mapped('entity'))
        rules = {field.name: self._rule(field, rows, flowing) for field in self._entity().fields}
        state = merge.Rule(self.direction, self.policy)
        return {**rules, entities.STATE: state if self._entity().is_document or self.archives else merge.Rule(merge.OFF)}

    def _rule(self, field, rows, flowing, prefix=''):
        row = rows.get(f'{prefix}{field.name}')
        direction = _narrowed(self.direction, row.direction if row else field.direction)
        if row and row.is_unlike:
            direction = merge.OFF
        if field.of and field.of not in flowing:        # nobody could say what it points to
            direction = merge.OFF
        if field.in_books and self.link_id._has_other_currency():
            direction = merge.OFF
        lines = {one.name: self._rule(one, rows, flowing, f'{prefix}{field.name}/') for one in field.lines} if field.lines else None
        return merge.Rule(direction, row and row.policy or self.policy, lines, field.lines_key)

    def _defaults(self):
        """{name of a field: value for new records on the other side where the field does not flow}"""
        return {field.name: field._default() for field in self.field_ids if field._has_default()}

    def _side_here(self, infos=None):
        """
        :param infos: what is known of the fields of models, kept for a run
        """
        env = self.env(user=self.link_id.user_id.id, su=True) if self.link_id.user_id else self.sudo().env
        flows = self.link_id.flow_ids
        return OdooSide(LocalAccess(env, self.link_id, flows._choosers()), self.company_id.id, self.link_id.user_id.lang or 'en_US',
                        flows._shapes(), infos)

    def _markers(self):
        """What the markers of this kind of records begin with."""
        return f'{self.link_id._peer_uid()}.{re.sub(NOT_A_WORD, "_", self.entity)}_'

    def _marker(self, record):
        """Finds on the other side what was created for a record of ours.

        An id alone would not do: after a backup was restored here, it is given to another record.
        """
        return f'{self._markers()}{record.key}_{re.sub(NOT_A_DIGIT, "", record.born)}'

    def _of_marker(self, marker):
        """(id of the record here, digits of when it was created)"""
        res_id, _bar, born = marker.removeprefix(self._markers()).partition('_')
        return int(res_id), born

    def action_open_records(self):
        """The synchronized records of this kind."""
        self.ensure_one()
        bindings = self.env['online.sync.binding'].search_fetch([('flow_id', '=', self.id)], ['res_id'])
        return {'type': 'ir.actions.act_window', 'name': self.name, 'res_model': self._model()._name, 'view_mode': 'list,form',
                'domain': [('id', 'in', bindings.mapped('res_id'))], 'context': {'create': False}}

    def action_open_fields(self):
        """The fields of this kind of record as a matrix."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('account_online_sync.action_online_sync_flow_field')
        has_lines = any(field.is_line for field in self.field_ids)
        return {**action, 'domain': [('flow_id', '=', self.id), ('is_nowhere', '=', False)],
                'context': {'search_default_group_part': 1} if has_lines else {},
                'name': _("Fields of %s", self.name), 'display_name': _("Fields of %s", self.name)}


def _with_lines(declared, prefix=''):
    """(name, field) of fields and of the fields of their lines."""
    for field in declared:
        yield f'{prefix}{field.name}', field
        yield from _with_lines(field.lines, f'{prefix}{field.name}/')


def _narrowed(outer, inner):
    """What both directions allow."""
    if 'off' in (outer, inner) or {outer, inner} == {'pull', 'push'}:
        return 'off'
    return inner if outer == 'both' else outer
