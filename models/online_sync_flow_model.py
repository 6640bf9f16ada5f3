"""Flows of a model that a user chose: what its records are is said by the fields of the flow, and what changes here is asked for."""
from collections import defaultdict

from odoo import _, api, fields, models
from odoo.exceptions import AccessError, UserError

from ..clients import errors, odoo_models
from ..clients.odoo_shapes import WITH_BANK
from ..engine import entities
from ..engine.plan import HERE, THERE

#: {how a field is converted: kind of value}, where the words differ.
_KINDS = {'id': entities.REF, 'ids': entities.REFS}
_CONVERSIONS = {kind: conversion for conversion, kind in _KINDS.items()}
_ATTRIBUTES = ['string', 'type', 'readonly', 'required', 'store', 'relation']


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    title = fields.Char(readonly=True, help="What the records are called, where a user chose the model.")
    is_chosen = fields.Boolean(compute='_compute_is_chosen', help="A user chose the model.")

    # -- what the records are -----------------------------------------------------------------------------------------------------

    @api.depends('entity')
    def _compute_is_chosen(self):
        for flow in self:
            flow.is_chosen = flow._is_chosen()

    def _is_chosen(self):
        """Whether a user chose the model."""
        return self.entity not in entities.ENTITIES

    def _has_model(self):
        """Whether this database still has the records: a module may be gone."""
        return odoo_models.model_of(self.entity) in self.env

    def _chosen_entity(self):
        keys = tuple(field.name for field in self.field_ids if field.is_key)
        return entities.Entity(self.entity, self.title or self.entity, tuple(
            entities.Field(field.name, field.title, field.kind, of=field.of or '')
            for field in self.field_ids), keys=(keys,) if keys else ())

    def _shapes(self):
        """{entity: its shape} where that depends on the flows: of models that a user chose, and whether bank transactions are paid."""
        bank = WITH_BANK if any(flow.entity == 'bank_transaction' and flow.direction != 'off' for flow in self) else {}
        return {**bank, **self._chosen_shapes()}

    def _chosen_shapes(self):
        return {flow.entity: odoo_models.shape_of(odoo_models.model_of(flow.entity), [
            odoo_models.Crossing(field.name.removeprefix(odoo_models.FIELD), field.title, _CONVERSIONS.get(field.kind, field.kind),
                                 of=field.of or '') for field in flow.field_ids])
                for flow in self.filtered(lambda flow: flow._is_chosen())}

    def _choosers(self):
        """{model that a user chose: id of that user}"""
        return {odoo_models.model_of(flow.entity): flow.create_uid.id for flow in self.filtered(lambda flow: flow._is_chosen())}

    # -- choosing -----------------------------------------------------------------------------------------------------------------

    @api.model
    def _may_flow(self, model):
        """Whether records of a model are any that can be told to other books."""
        found = self.env.get(model)
        return (found is not None and not found._abstract and not found._transient and found._auto
                and not odoo_models.is_technical(model) and not odoo_models.has_own_entity(model))

    @api.model
    def _may_choose(self, model):
        """Whether the user may let a model flow: nobody reaches by it what they may not change themselves."""
        return self._may_flow(model) and all(self.env[model].has_access(operation) for operation in ('read', 'write', 'create'))

    @api.model
    def _check_choice(self, link, model):
        """Raise when a model is none that the user may let flow."""
        if link.provider != odoo_models.PROVIDER or not self._may_flow(model):
            raise UserError(_("Such records cannot be synchronized."))
        if odoo_models.PREFIX + model in link.flow_ids.mapped('entity'):
            raise UserError(_("These records are synchronized already."))
        if not self._may_choose(model):
            raise AccessError(_("You may not change these records yourself."))
        if self.env[model].with_context(active_test=False).search_count([]) != self.env[model].sudo().with_context(
                active_test=False).search_count([('company_id', 'in', [False, *self.env.companies.ids])] if (
                    'company_id' in self.env[model]) else []):
            raise AccessError(_("You do not see all of these records, so you cannot let them flow."))

    @api.model
    def _crossings(self, link, model):
        """([what can cross], {side: names of fields without which it refuses new records}) of a model."""
        self._check_choice(link, model)
        link = link.sudo()
        sides = link._sides(link.flow_ids[:1], link._client())
        try:
            told = {HERE: self.env[model].fields_get(attributes=_ATTRIBUTES),      # what the user may see
                    THERE: sides[THERE].call(model, 'fields_get', idempotent=True, attributes=_ATTRIBUTES)}
            given = {HERE: self.env[model].default_get(list(told[HERE])), THERE: _defaults_there(sides[THERE], model, list(told[THERE]))}
        except (errors.Rejected, errors.ProtocolError):
            raise UserError(_("The other Odoo has no such records, or its user may not see them.")) from None
        except errors.SyncError as error:
            raise UserError(error.message_at_once) from None
        return odoo_models.crossings(told[HERE], told[THERE], self._entities_of(link, model)), {side: odoo_models.uncovered(
            told[side], (), [name for name, value in given[side].items() if value is not False]) for side in (HERE, THERE)}

    @api.model
    def _entities_of(self, link, model):
        """{model: entity} of what records can point to. Where a model holds several kinds of record, nobody could say which one it is."""
        by_model = defaultdict(list)
        for flow in link.flow_ids:
            by_model[odoo_models.model_of(flow.entity)].append(flow.entity)
        return {**{one: found[0] for one, found in by_model.items() if len(found) == 1}, model: odoo_models.PREFIX + model}

    @api.model
    def _create_chosen(self, link, model, names, keys):
        """A flow, switched on, of the records of a model.

        :param names: of the fields that flow
        :param keys: of those that tell that two records are the same
        """
        crossings, required = self._crossings(link, model)
        chosen = [one for one in crossings if one.name in names]
        if not chosen:
            raise UserError(_("Choose at least one field."))
        titles = self.env[model].fields_get(attributes=['string'])
        left = sorted({name for side in (HERE, THERE) for name in required[side]} - set(names))
        if left:
            raise UserError(' '.join([
                _("New records cannot be without: %s.", ', '.join(titles.get(name, {}).get('string', name) for name in left)),
                *(_("Add “%s” first.", name) for name in self._models_of(model, left))]))
        return self.sudo().create({
            'link_id': link.id, 'entity': odoo_models.PREFIX + model, 'title': self.env['ir.model'].sudo()._get(model).name,
            'sequence': max(link.sudo().flow_ids.mapped('sequence'), default=0) + 1, 'direction': 'both',
            'field_ids': [(0, 0, {
                'name': f'{odoo_models.FIELD}{one.name}', 'title': one.title, 'kind': kind_of(one), 'of': one.of,
                'is_key': one.can_be_key and one.name in keys,
            }) for one in chosen],
        }).with_env(self.env)

    def _models_of(self, model, names):
        """What a user calls the models that fields point to and that could be added."""
        models_ = [self.env[model]._fields[name].comodel_name for name in names if name in self.env[model]._fields]
        return [self.env['ir.model'].sudo()._get(one).name for one in models_ if one and one != model and self._may_choose(one)]

    def write(self, vals):
        """Of which model the records are is checked once, when the flow is made."""
        if 'entity' in vals and not self.env.su:
            raise AccessError(_("What the records are cannot be changed. Add others."))
        return super().write(vals)

    def action_remove(self):
        """Forget records that a user chose: their pairs and what is known of them. The records themselves stay, on both sides."""
        self.ensure_one()
        self.check_access('write')
        if not self._is_chosen():
            raise UserError(_("These are part of every connection. Turn them off instead."))
        needed_by = (self.link_id.flow_ids - self).filtered(lambda flow: self.entity in flow.field_ids.mapped('of'))
        if needed_by:
            raise UserError(_("Remove first what points to them: %s.", ', '.join(needed_by.mapped('name'))))
        self.sudo().unlink()

    # -- running ------------------------------------------------------------------------------------------------------------------

    def _poll_here(self, sides, log):
        """A page of what changed here: nothing notes the changes of models that a user chose."""
        if not self._is_chosen() or not self.is_loaded or self.direction not in ('both', 'push'):
            return False
        page = sides[HERE].read_changes(self.entity, self.first_cursor or '', self._filter(HERE))
        self._send_moved(sides, log, page.versions)
        self.first_cursor = page.cursor
        return page.more


class OnlineSyncFlowField(models.Model):
    _inherit = 'online.sync.flow.field'

    def write(self, vals):
        """Which field of the records it is was checked once, when the flow was made."""
        if not self.env.su and not vals.keys().isdisjoint(('flow_id', 'name', 'kind', 'of')):
            raise AccessError(_("Which field this is cannot be changed."))
        if 'direction' in vals and not self.env.su and any(field.is_check for field in self):
            raise AccessError(_("Both sides compute these fields; they are compared and never written."))
        return super().write(vals)


def kind_of(crossing):
    """engine.entities' word for the kind of value of a :class:`clients.odoo_models.Crossing`."""
    return _KINDS.get(crossing.kind, crossing.kind)


def _defaults_there(side, model, names):
    """What new records have by themselves there. Odoo 19.0 calls the argument by another name."""
    try:
        return side.call(model, 'default_get', idempotent=True, fields_list=names)
    except (errors.Rejected, errors.ProtocolError):
        return side.call(model, 'default_get', idempotent=True, fields=names)
