from odoo.tests import BaseCase, tagged

from ..clients import odoo_models


def info(kind='char', **more):
    return {'string': more.pop('string', kind), 'type': kind, 'readonly': False, 'required': False, 'store': True, **more}


@tagged('post_install', '-at_install')
class TestOdooModels(BaseCase):
    """Which models and fields of Odoo a user may choose."""

    def crossing(self, here, there=None, entities=None):
        return [one.name for one in odoo_models.crossings({'x': here}, {'x': there or here}, entities or {})]

    def test_technical_models_are_refused(self):
        for model in ('ir.rule', 'mail.template', 'res.users', 'res.users.apikeys', 'auth_totp.device',
                      'res.company', 'res.groups', 'online.sync.link'):
            self.assertTrue(odoo_models.is_technical(model), model)
        for model in ('res.partner.category', 'account.analytic.account', 'product.category', 'uom.uom',
                      'account.incoterms', 'author.book'):
            self.assertFalse(odoo_models.is_technical(model), model)

    def test_models_with_an_entity(self):
        for model in ('res.partner', 'res.partner.bank', 'product.template', 'account.move'):
            self.assertTrue(odoo_models.has_own_entity(model), model)
        self.assertFalse(odoo_models.has_own_entity('res.partner.category'))

    def test_only_what_both_have_crosses(self):
        self.assertEqual(self.crossing(info()), ['x'])
        self.assertFalse(odoo_models.crossings({'x': info()}, {}, {}))
        self.assertFalse(self.crossing(info(), info('integer')))
        self.assertFalse(self.crossing(info(), info(readonly=True)))
        self.assertFalse(self.crossing(info(store=False)))
        self.assertFalse(self.crossing(info('one2many', relation='res.partner')))

    def test_references_cross_to_what_has_a_flow(self):
        parent = info('many2one', relation='product.category')
        self.assertFalse(self.crossing(parent))
        found, = odoo_models.crossings({'x': parent}, {'x': parent}, {'product.category': 'model:product.category'})
        self.assertEqual((found.kind, found.of), ('id', 'model:product.category'))

    def test_required_fields_that_are_not_covered(self):
        infos = {'name': info(required=True), 'plan_id': info('many2one', required=True), 'company_id': info('many2one', required=True),
                 'shown': info(required=True, readonly=True)}
        self.assertEqual(odoo_models.uncovered(infos, ['name'], []), ['plan_id'])
        self.assertEqual(odoo_models.uncovered(infos, ['name'], ['plan_id']), [])
