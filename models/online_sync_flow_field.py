from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation

from odoo import _, api, fields, models
from odoo.exceptions import ValidationError

from ..clients.books import Ref
from ..engine import entities
from .compat import HAS_CONSTRAINT
from .online_sync_flow import DIRECTIONS, POLICIES

#: A text as a value, by kind of field. Another record is no text: it is chosen among those that both sides have.
_PARSERS = {
    entities.TEXT: str, entities.HTML: str, entities.CHOICE: str, entities.CODE: str, entities.NUMBER: Decimal, entities.MONEY: Decimal,
    entities.DATE: date.fromisoformat, entities.INSTANT: lambda text: datetime.fromisoformat(text).replace(tzinfo=timezone.utc),
    entities.BOOL: {'yes': True, 'no': False, '1': True, '0': False}.__getitem__,
}

#: A record as a value, by kind of field.
_REFERENCES = {entities.REF: lambda ref: ref, entities.REFS: lambda ref: frozenset([ref])}


class OnlineSyncFlowField(models.Model):
    """One field of a synchronized kind of record: whether it flows, which way, and who wins."""

    _name = 'online.sync.flow.field'
    _description = "Synchronized Field"
    _order = 'flow_id, id'

    flow_id = fields.Many2one('online.sync.flow', string="Records", required=True, ondelete='cascade', index=True)
    link_id = fields.Many2one(related='flow_id.link_id', store=True, precompute=True)
    company_id = fields.Many2one(related='flow_id.company_id', store=True, precompute=True)
    name = fields.Char("Technical name", required=True, readonly=True, help="Fields of lines begin with the name of their list.")
    title = fields.Char("Field", required=True, readonly=True)
    kind = fields.Char("Type", readonly=True)
    direction = fields.Selection(DIRECTIONS, required=True, default='both')
    policy = fields.Selection([('', "As the records"), *POLICIES][1:], "Who wins", help="Empty: as for all fields of these records.")
    default_value = fields.Char(
        "Value for new records", help="What a record that is created on the other side gets where this field does not flow there.")
    default_pair_id = fields.Many2one(
        'online.sync.binding', "Record for new records", ondelete='set null',
        help="What a record that is created on the other side points to where this field does not flow there.")
    points_to = fields.Char(compute='_compute_points_to', help="The kind of record that it points to.")
    is_check = fields.Boolean(readonly=True, help="Both sides compute it; it is compared to the cent, never written.")
    of = fields.Char(readonly=True, help="The kind of record that it points to. Only of models that a user chose.")
    is_key = fields.Boolean(
        "Pair by", readonly=True, help="Records that agree in all these are paired. Only of models that a user chose.")
    problem = fields.Char(readonly=True, help="Why it cannot flow as things are: the field is missing on one side, or of another type.")
    is_line = fields.Boolean(compute='_compute_is_line')

    if HAS_CONSTRAINT:
        _name_uniq = models.Constraint('UNIQUE(flow_id, name)', "Each field is there once.")
    else:
        _sql_constraints = [('name_uniq', 'UNIQUE(flow_id, name)', "Each field is there once.")]

    @api.constrains('default_value', 'kind')
    def _check_default(self):
        for field in self.filtered('default_value'):
            try:
                field._default()
            except (ValueError, InvalidOperation, KeyError):
                raise ValidationError(_("“%(value)s” is no value for %(field)s.", value=field.default_value, field=field.title)) from None

    @api.constrains('default_value', 'kind')
    def _check_choice(self):
        for field in self.filtered(lambda one: one.default_value and one.kind == entities.CHOICE):
            known = field._choices()
            if known and field.default_value.strip() not in known:
                raise ValidationError(_("“%(value)s” is no value for %(field)s. There are: %(known)s.", value=field.default_value,
                                        field=field.title, known=', '.join(known)))

    def _choices(self):
        """The values that this database has for it, () where that cannot be said."""
        side = self.flow_id.sudo()._side_here()
        return side.choices(self.flow_id.entity, self.name)

    @api.constrains('default_pair_id', 'kind')
    def _check_default_pair(self):
        for field in self.filtered('default_pair_id'):
            pair = field.default_pair_id
            if field.kind not in _REFERENCES or (pair.link_id, pair.entity) != (field.link_id, field.points_to):
                raise ValidationError(_("“%(value)s” is no value for %(field)s.", value=pair.display_name, field=field.title))

    def _has_default(self):
        return bool(self.default_value or self.default_pair_id)

    def _default(self):
        """The canonical value; ValueError, InvalidOperation or KeyError when the text is none."""
        if self.kind in _REFERENCES and self.default_pair_id:
            pair = self.default_pair_id.merged_into_id or self.default_pair_id
            return _REFERENCES[self.kind](Ref(pair.entity, f'#{pair.id}'))
        return _PARSERS[self.kind](self.default_value.strip())

    @api.depends('name', 'kind', 'of')
    def _compute_points_to(self):
        for field in self:
            field.points_to = field._declared().of

    @api.depends('name')
    def _compute_is_line(self):
        for field in self:
            field.is_line = '/' in (field.name or '')
