import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from odoo import _, api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import ormcache

from ..clients import wake
from ..clients.odoo_shapes import SHAPES
from ..engine.entities import ENTITIES
from . import vault
from .compat import HAS_CONSTRAINT, NO_ACCESS

#: More databases than that would make each change costly.
MOST_LISTENERS = 20
#: What a listener says of itself: texts, and what they must look like.
TEXTS = {
    'key': r'[\w./:-]{8,128}', 'url': r'https?://[^\s?#@]{1,300}', 'name': r'\w{1,64}', 'database': r'[^\x00-\x1f]{0,64}',
    'secret': r'\w{43,128}', 'title': r'[^\x00-\x1f]{1,200}',
}


class OnlineSyncListener(models.Model):
    """Another Odoo that keeps the same books and is told at once when something changes here."""

    _name = 'online.sync.listener'
    _description = "Database That Is Told of Changes"
    _order = 'company_id, title, id'
    _rec_name = 'title'

    title = fields.Char("Who", required=True, readonly=True)
    key = fields.Char(required=True, readonly=True, groups='base.group_system', help="Database and connection over there.")
    company_id = fields.Many2one('res.company', required=True, readonly=True, ondelete='cascade', index=True)
    url = fields.Char("Address", required=True, readonly=True)
    name = fields.Char(required=True, readonly=True, groups='base.group_system', help="What the connection is called over there.")
    database = fields.Char(readonly=True)
    secret = fields.Char(required=True, groups=NO_ACCESS)
    entities = fields.Json(readonly=True, help="Kinds of records of which it wants to know.")
    entities_words = fields.Char("Is told of", compute='_compute_entities_words')
    state = fields.Selection(
        [('on', "Told at once"), ('resting', "Could not be reached"), ('off', "Switched off")], required=True, default='on', readonly=True)
    introduced_at = fields.Datetime("Introduced", readonly=True, help="It introduces itself once a day.")
    told_at = fields.Datetime("Last told", readonly=True)
    failed_at = fields.Datetime("Last failure", readonly=True)
    failing_since = fields.Datetime(readonly=True)
    failure_count = fields.Integer("Failures in a row", readonly=True)
    last_failure = fields.Char("Why", readonly=True)
    next_try = fields.Datetime("Next try", readonly=True)

    if HAS_CONSTRAINT:
        _key_uniq = models.Constraint('UNIQUE(key)', "Each connection is told once.")
    else:
        _sql_constraints = [('key_uniq', 'UNIQUE(key)', "Each connection is told once.")]

    @api.depends('entities')
    def _compute_entities_words(self):
        for listener in self:
            listener.entities_words = ', '.join(ENTITIES[entity].title for entity in listener.entities or [] if entity in ENTITIES)

    # -- what the other Odoo calls ----------------------------------------------------------------------------------------------

    @api.model
    def introduce(self, facts):
        """The other Odoo asks to be woken. Asked again, it replaces what was told before, and begins anew what was given up.

        :param facts: what `clients.base.BooksClient.introduce` takes, and `company_id`: the company here whose books it keeps too
        :returns: {'wakes': whether it will be woken, 'why': why not, or why it could not be until now}
        """
        self._check_may_listen()
        values = self._checked(facts)
        listener = self.sudo().search([('key', '=', values['key'])])
        if listener.company_id - self.env.user.company_ids:
            raise AccessError(_("You may not work for that company here."))
        own = {'who': self.env['ir.config_parameter'].sudo().get_param('database.uuid')}
        if self._is_circular(values['key'], values['company_id'], facts.get('books')):
            return {**own, 'wakes': False, 'circular': True, 'why': _("it is connected to these books itself.")}
        if listener.state == 'off':
            return {**own, 'wakes': False, 'why': _("it was switched off there.")}
        why = listener.last_failure if listener.failure_count else ''
        values.update({
            'state': 'on', 'introduced_at': fields.Datetime.now(), 'failure_count': 0, 'failing_since': False, 'next_try': False})
        if listener:
            listener.write(values)
        elif self.sudo().search_count([('company_id', '=', values['company_id'])]) >= MOST_LISTENERS:
            raise UserError(_("Too many databases are told of changes there already. Remove one first."))
        else:
            listener = self.sudo().create([values])
        listener._say_hello()
        return {**own, 'wakes': True, 'why': why or ''}

    @api.model
    def _is_circular(self, key, company, books):
        """Whether a connection of ours keeps the same two books.

        :param key: database and connection of who introduces itself
        :param company: id of the company here
        :param books: id of the company there
        """
        links = self.env['online.sync.link'].sudo().search([
            ('peer_database', '=', key.partition('/')[0]), ('company_id', '=', company),
            ('state', 'in', ('connected', 'expiring', 'expired'))])
        return any((link.peer_place or '').rpartition('|')[2] == str(books) for link in links)

    @api.model
    def withdraw(self, key):
        """The other Odoo need not be woken any more. Returns whether it was known."""
        self._check_may_listen()
        listener = self.sudo().search([('key', '=', key), ('company_id', 'in', self.env.user.company_ids.ids)]) if isinstance(
            key, str) else self.browse()
        listener.unlink()
        return bool(listener)

    def _check_may_listen(self):
        if not self.env.user.has_group('account.group_account_invoice'):
            raise AccessError(_("the user there may not do accounting."))

    def _checked(self, facts):
        """Values of a listener from what it says of itself; UserError when it says nonsense."""
        facts = facts if isinstance(facts, Mapping) else {}
        texts = {name: facts.get(name) for name in TEXTS}
        entities, company = facts.get('entities'), facts.get('company_id')
        if (not all(isinstance(text, str) and re.fullmatch(TEXTS[name], text) for name, text in texts.items())
                or not _has_host(texts['url']) or not isinstance(entities, (list, tuple)) or not isinstance(company, int)):
            raise UserError(_("That is not how another Odoo introduces itself."))
        if company not in self.env.user.company_ids.ids:
            raise AccessError(_("You may not work for that company here."))
        secret = vault.encrypt({'secret': texts.pop('secret')})
        return {**texts, 'url': texts['url'].rstrip('/'), 'secret': secret, 'company_id': company,
                'entities': sorted({entity for entity in entities if isinstance(entity, str) and entity in SHAPES})}

    # -- what a person does -----------------------------------------------------------------------------------------------------

    def action_switch_off(self):
        """Tell it nothing more. It still asks for what changed, on its own schedule."""
        self._decided().write({'state': 'off', 'next_try': False})

    def action_switch_on(self):
        """Tell it again."""
        listeners = self._decided()
        listeners.write({'state': 'on', 'next_try': False, 'failure_count': 0, 'failing_since': False})
        listeners._say_hello()

    def _decided(self):
        """The listeners in superuser mode: nobody writes them but through the buttons of an administrator of accounting."""
        self.check_access('read')
        if not self.env.user.has_group('account.group_account_manager'):
            raise AccessError(_("Ask the administrator of accounting: you may not decide who is told of changes."))
        return self.sudo()

    # -- who listens ------------------------------------------------------------------------------------------------------------

    @api.model
    @ormcache()
    def _listening(self):
        """{model: ((id of the listener, its key, ids of companies whose records concern it, entity, model of the entity,
        field that leads from the model to the entity's record, '' for none), …)} of the listeners that are told."""
        found = {}
        for listener in self.sudo().search([('state', '=', 'on')]):
            companies = frozenset(listener.company_id.parent_ids.ids)
            for entity in listener.entities or []:
                shape = SHAPES[entity]
                for model, parent in shape.watched():
                    found.setdefault(model, []).append((listener.id, listener.key, companies, entity, shape.model, parent))
        return {model: tuple(rows) for model, rows in found.items()}

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        """Who listens to what follows from these."""
        if not vals.keys().isdisjoint(('state', 'entities', 'company_id', 'key')):
            self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()

    # -- secrets ----------------------------------------------------------------------------------------------------------------

    def _secret(self):
        """What the listener's wakes are signed with; :class:`vault.SecretsLost` when the key of this server is gone."""
        return vault.decrypt(self.sudo().secret)['secret']

    def _address(self):
        return f'{self.url}{wake.PATH}{self.sudo().name}'


class OnlineSyncFlow(models.Model):
    _inherit = 'online.sync.flow'

    @api.model
    @ormcache()
    def _watched(self):
        return super()._watched() | self.env['online.sync.listener']._listening().keys()


class OnlineSyncLink(models.Model):
    _inherit = 'online.sync.link'

    @api.model
    def _rotate_secrets(self):
        """Those of the listeners too; one that is lost comes back with the next introduction."""
        super()._rotate_secrets()
        for listener in self.env['online.sync.listener'].sudo().search([]):
            try:
                listener.secret = vault.rotate(listener.secret)
            except vault.SecretsLost:
                listener.unlink()


def _has_host(url):
    try:
        return bool(urlsplit(url).hostname) and urlsplit(url).port != 0
    except ValueError:
        return False
