"""What two books cannot settle between themselves: who wins, what belongs together, what was refused."""
from datetime import datetime, timezone

from odoo import _, api, fields, models
from odoo.tools import format_datetime

from ..engine.entities import STATE
from ..engine.pairing import EXACT, Pair
from ..engine.plan import HERE, THERE
from ..engine.values import from_json, to_json

#: Conflicts that a sentence names; the others are counted.
NAMED = 2


class OnlineSyncIssue(models.Model):
    _inherit = 'online.sync.issue'

    kind = fields.Selection(selection_add=[
        ('conflict', "Changed on both sides"), ('posted', "Posted document changed"), ('unmapped', "Not paired yet"),
        ('totals', "Totals differ"), ('gone', "Deleted on one side"), ('rejected', "Not accepted")], ondelete={
            name: 'cascade' for name in ('conflict', 'posted', 'unmapped', 'totals', 'gone', 'rejected')})
    flow_id = fields.Many2one('online.sync.flow', ondelete='cascade', index='btree_not_null', check_company=True)
    binding_id = fields.Many2one('online.sync.binding', ondelete='cascade', index='btree_not_null')
    change_id = fields.Many2one('online.sync.change', ondelete='cascade', index='btree_not_null')
    conflicts = fields.Json(readonly=True, help="[{name, base, local, remote}] as engine.values stores them.")
    changed = fields.Json(readonly=True, help="{'here', 'there': [when it was last changed, by whom]; 'newer': 'local' or 'remote'}")
    totals = fields.Char(readonly=True, help="What the document comes to on both sides, where that differs.")
    needed = fields.Char(readonly=True, help="What is not paired: here:KEY or there:KEY.")

    # -- raising ------------------------------------------------------------------------------------------------------------------

    @api.model
    def _raise_conflict(self, flow, binding, local, remote, conflicts):
        """Fields that a person decides; one issue a record."""
        record = local
        is_posted = any(conflict.name == STATE or flow._entity_field(conflict.name).frozen for conflict in conflicts) and (
            'posted' in (local.state, remote.state) or flow._entity().is_booked)
        kind = 'posted' if is_posted else 'conflict'
        self._settle_binding(binding, {'conflict', 'posted'} - {kind})
        said = []
        for conflict in conflicts[:NAMED]:
            here, there = self._say_sides(flow, conflict.name, conflict.local, conflict.remote)
            said.append(_("%(field)s: here %(here)s, there %(there)s", field=flow._title_of(conflict.name), here=here, there=there))
        if len(conflicts) > NAMED:
            said.append(_("and %s more", len(conflicts) - NAMED))
        totals = self._say_totals(local, remote)
        words = {'record': record.title, 'what': '; '.join([*said, *([totals] if totals else [])])}
        sentence = _("%(record)s is posted and is not the same on both sides. %(what)s", **words) if is_posted else _(
            "%(record)s is not the same on both sides. %(what)s", **words) if binding._base() is None else _(
            "%(record)s was changed here and there. %(what)s", **words)
        issue = self._raise(
            flow.link_id, kind, f'{flow.id}:{binding.id}', flow_id=flow.id, binding_id=binding.id, summary=sentence,
            blocks=_("These fields wait for you, all others are synchronized."))
        issue.write({'totals': totals, 'conflicts': [
            to_json({'name': one.name, 'base': one.base, 'local': one.local, 'remote': one.remote}) for one in conflicts]})
        return issue

    def _note_who(self, sides, item, newer):
        """Who changed the record last on each side, and when: whoever decides asks that first."""
        if self.changed and self.changed['marks'] == self._marks(item):
            return
        told = {side: [str(record.changed_at or ''), sides[side].name_of(record.changed_by)]
                for side, record in item.found.items() if record}
        self.changed = {**told, 'newer': newer, 'marks': self._marks(item)}

    def _marks(self, item):
        return [str(record and record.changed_at) for record in item.told.values()]

    def _say_who(self, side):
        """When and by whom the record was last changed on a side, for a person; nothing where it is as it was agreed on."""
        own = {'here': 'local', 'there': 'remote'}[side]
        if not any(one['base'] is None or one[own] != one['base'] for one in self._conflicts()):
            return False
        when, who = (self.changed or {}).get(side) or ('', '')
        if not when:
            return False
        time = format_datetime(self.env, datetime.fromisoformat(when).astimezone(timezone.utc).replace(tzinfo=None), dt_format='short')
        return _("%(time)s by %(who)s", time=time, who=who) if who else time

    @api.model
    def _raise_unmapped(self, flow, ref, title):
        """A record that the other side has no partner for, and that is only paired, never created."""
        side, _colon, _key = ref.key.partition(':')
        sentence = _("“%(record)s” (%(kind)s) is not paired with any there.", record=title, kind=flow.name) if side == HERE else _(
            "“%(record)s” (%(kind)s) of the other side is not paired with any here.", record=title, kind=flow.name)
        return self._raise(
            flow.link_id, 'unmapped', f'{ref.entity}:{ref.key}', flow_id=flow.id, needed=ref.key, summary=sentence,
            blocks=_("Waiting for it: %s.", self._say_waiting(flow, ref)))

    def _say_waiting(self, flow, ref):
        """What waits for a record: the first ones by name."""
        changes = self.env['online.sync.change']._that_need(flow.link_id, [[ref.entity, ref.key]])
        names = sorted(set(changes[:20].mapped('what')))[:NAMED]
        more = len(changes) - len(names)
        return _("%(names)s and %(count)s more", names=', '.join(names), count=more) if more > 0 else ', '.join(names)

    @api.model
    def _raise_totals(self, flow, binding, local, remote, names):
        said = '; '.join(_("%(field)s: here %(here)s, there %(there)s", field=flow._title_of(name), here=self._say(local.fields[name]),
                           there=self._say(remote.fields[name])) for name in names)
        return self._raise(
            flow.link_id, 'totals', f'{flow.id}:{binding.id}', flow_id=flow.id, binding_id=binding.id,
            summary=_("The totals of %(record)s are not the same. %(what)s", record=local.title, what=said),
            blocks=_("The two books differ by it until the document or a tax is corrected on one side."))

    @api.model
    def _raise_gone(self, flow, binding, where, state):
        """
        :param where: the side on which it was deleted
        :param state: of the record that the other side still has
        """
        sentence, blocks = (
            _("%(record)s was deleted here."), _("Nothing: the other side keeps its document until you cancel it there.")) if (
                where == HERE) else (
            _("%(record)s was deleted there."), _("Nothing: the document here stays until you cancel it."))
        issue = self._raise(
            flow.link_id, 'gone', f'{flow.id}:{binding.id}', flow_id=flow.id, binding_id=binding.id,
            summary=sentence % {'record': binding.title or flow.name}, blocks=blocks)
        issue.seen = state
        return issue

    @api.model
    def _raise_rejected(self, change, where):
        """A record that one side did not accept, with what it said."""
        return self._raise_about_change(change, _("%(record)s could not be written here: %(why)s") if where == HERE else _(
            "%(record)s could not be written there: %(why)s"))

    @api.model
    def _raise_unread(self, change, where):
        """A record that one side cannot even tell, with what it said."""
        return self._raise_about_change(change, _("%(record)s could not be read here: %(why)s") if where == HERE else _(
            "%(record)s could not be read there: %(why)s"))

    def _raise_about_change(self, change, sentence):
        return self._raise(
            change.link_id, 'rejected', change.id, flow_id=change.flow_id.id, change_id=change.id,
            summary=sentence % {'record': change.title or change.flow_id.name, 'why': change.why}, blocks=self._say_blocked(change))

    def _say_blocked(self, change):
        waiting = len(change._waiting())
        return _("This record, and %s that need it. It is tried again by itself, ever more rarely.", waiting) if waiting else _(
            "This record. It is tried again by itself, ever more rarely.")

    @api.model
    def _count_waiting(self, link, refs):
        """Say anew how much waits for what was not accepted.

        :param refs: (entity, id here, key there) of records that others wait for
        """
        for issue in self.search([('link_id', '=', link.id), ('kind', '=', 'rejected'), ('state', '=', 'open')]):
            change = issue.change_id
            if {(change.flow_id.entity, change.res_id, ''), (change.flow_id.entity, 0, change.external_id)} & refs:
                issue.blocks = self._say_blocked(change)

    @api.model
    def _settle_rejected(self, changes):
        if changes:
            self.search([('change_id', 'in', changes.ids), ('kind', '=', 'rejected'), ('state', '=', 'open')])._close_settled()

    @api.model
    def _settle_binding(self, bindings, kinds):
        """Close open issues of pairs that no longer hold."""
        if bindings:
            self.search([('binding_id', 'in', bindings.ids), ('kind', 'in', list(kinds)), ('state', '=', 'open')])._close_settled()

    def _about(self):
        """The record here."""
        binding = self.binding_id
        return binding and self.env[binding.res_model].browse(binding.res_id).exists() or super()._about()

    # -- deciding -----------------------------------------------------------------------------------------------------------------

    def _conflicts(self):
        """[{name, base, local, remote}] of canonical values."""
        return [from_json(one) for one in self.conflicts or []]

    def _decide(self, choices, always=()):
        """What a person decided: it is written at once, on both sides.

        :param choices: {name of a field: 'local' or 'remote'}
        :param always: names of fields that are to be decided like this from now on
        """
        issue = self._open('conflict', 'posted')
        binding, flow = issue.binding_id, issue.flow_id
        for name in always if issue.kind == 'conflict' else ():
            flow._row_of(name).policy = choices[name]
        binding._decide(choices, issue._conflicts())
        self.env['online.sync.change'].sudo().create({
            'flow_id': flow.id, 'origin': 'here', 'res_id': binding.res_id, 'external_id': binding.external_id, 'title': binding.title})
        issue._close(_("Decided: %s", ', '.join(
            f"{flow._title_of(name)}: {_('here') if side == 'local' else _('there')}" for name, side in choices.items())))
        issue.link_id._wake()
        return True

    def _pair_with(self, key):
        """The partner of what is not paired yet: what waits for it goes on.

        :param key: of the other side's record when ours is not paired, else the id of ours
        """
        issue = self._open('unmapped')
        side, _colon, own = issue.needed.partition(':')
        here, there = (own, key) if side == HERE else (key, own)
        issue.flow_id._bind([Pair(here, there, EXACT, ())])
        if issue.state == 'open':
            issue._close(_("Paired"))
        issue.link_id._wake()
        return True

    def _goes_on(self):
        """What a button answers: when what was said is carried out."""
        is_at_once = all(self.link_id.mapped('auto_sync'))
        return {'type': 'ir.actions.client', 'tag': 'display_notification', 'params': {
            'type': 'success', 'next': {'type': 'ir.actions.act_window_close'},
            'message': _("It is done within a minute.") if is_at_once else _("The next synchronization does it.")}}

    def action_retry_change(self):
        """Write it once more, at once."""
        for issue in self:
            issue._open('rejected').change_id.action_retry()
        return self._goes_on()

    def action_skip_change(self):
        """Leave it until it changes again."""
        for issue in self:
            issue = issue._open('rejected')
            issue._close(_("Skipped"))
            issue.change_id.action_skip()
        return True

    def action_keep_here(self):
        """What is here goes to the other side."""
        for issue in self:
            issue._decide({one['name']: 'local' for one in issue._conflicts()})
        return self._goes_on()

    def action_take_there(self):
        """What is there comes here."""
        for issue in self:
            issue._decide({one['name']: 'remote' for one in issue._conflicts()})
        return self._goes_on()

    def action_decide(self):
        """Decide field by field."""
        issue = self._open('conflict', 'posted')
        lines = [(0, 0, issue._prepare_decision(one)) for one in issue._conflicts()]
        wizard = self.env['online.sync.decide'].create({
            'issue_id': issue.id, 'changed_here': issue._say_who('here'), 'changed_there': issue._say_who('there'), 'line_ids': lines})
        return {'type': 'ir.actions.act_window', 'name': _("Decide"), 'res_model': wizard._name, 'res_id': wizard.id,
                'views': [(False, 'form')], 'target': 'new', 'context': {'dialog_size': 'extra-large'}}

    def _prepare_decision(self, conflict):
        """Values of online.sync.decide.line. What is posted is changed by nobody's default."""
        name, local, remote = conflict['name'], conflict['local'], conflict['remote']
        here, there, before = self._say_sides(self.flow_id, name, local, remote, conflict['base'])
        base, newer = self.binding_id._base(), (self.changed or {}).get('newer')
        return {
            'name': name, 'title': self.flow_id._title_of(name), 'here': here, 'there': there,
            'base': before if base and name.partition('/')[0] in base.local else False, 'choice': self.kind == 'conflict' and newer,
            'if_here': self._say_written(name, local, here, THERE), 'if_there': self._say_written(name, remote, there, HERE)}
