"""Kinds of records that a user chose: any other model, by its fields."""
from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .peer_common import PeerCase

CATEGORY = 'res.partner.category'
ENTITY = f'model:{CATEGORY}'


class PeerModelsTests:
    allow_inherited_tests_method = True     # else Odoo runs only what a class defines itself

    def choose(self, model=CATEGORY, names=('name', 'parent_id', 'color'), keys=('name',)):
        return self.env['online.sync.flow']._create_chosen(self.link, model, names, keys).sudo()

    def begin_with(self, *args, **values):
        flow = self.choose(*args)
        flow.write(values)
        flow._confirm_pairs([pair for pair in flow._find_pairs(self.sides()) if pair.sureness == 'exact'])
        return flow

    def category(self, name, **values):
        return self.env[CATEGORY].create({'name': name, 'color': 3, **values})

    def named(self, name, *names):
        return self.there(CATEGORY, [('name', '=', name)], *names)

    def test_both_ways(self):
        parent = self.category('Region')
        child = self.category('North', parent_id=parent.id)
        both, same = self.category('Both'), self.create_there(CATEGORY, name='Both', color=3)
        west = self.create_there(CATEGORY, name='West', color=5)
        south = self.create_there(CATEGORY, name='South', parent_id=west, color=5)
        flow = self.begin_with()
        self.assertEqual(self.twin(both), same)
        self.run_sync()
        self.assertEqual([row['parent_id'] for row in self.named('North', 'parent_id')], [self.twin(parent)])
        self.assertEqual(self.twin_of(CATEGORY, south).parent_id, self.twin_of(CATEGORY, west))
        self.assertEqual(flow.name, "Partner Tags")
        self.assertEqual(len(self.named('Both')), 1)
        self.assertFalse(flow.waiting_count)

        child.name = 'Far north'
        self.write_there(CATEGORY, south, name='Deep south')
        self.run_sync()
        self.assertEqual(self.there(CATEGORY, [('id', '=', self.twin(child))], 'name')[0]['name'], 'Far north')
        self.assertEqual(self.twin_of(CATEGORY, south).name, 'Deep south')

        new = self.category('New')
        child.active = False
        self.run_sync()
        self.assertTrue(self.named('New'))
        self.assertFalse(self.there(CATEGORY, [('id', '=', self.twin(child))], 'active')[0]['active'])

        gone = self.twin(new)
        new.unlink()
        flow.checked_here_at = False
        self.run_sync()
        self.assertFalse(self.there(CATEGORY, [('id', '=', gone)], 'active')[0]['active'])

    def test_the_way_to_the_twin_is_in_the_menu(self):
        tag = self.category('Region')
        flow = self.begin_with()
        self.run_sync()
        twin, history = self.env['ir.actions.server'].search([('binding_model_id.model', '=', CATEGORY)], order='id')
        at_record = {'active_model': CATEGORY, 'active_id': tag.id, 'active_ids': tag.ids}
        self.assertTrue(twin.with_context(**at_record).run()['url'].endswith(f'/odoo/{CATEGORY}/{self.twin(tag)}'))
        found = history.with_context(**at_record).run()
        self.assertEqual(self.env[found['res_model']].search(found['domain']).mapped('res_id'), tag.ids)
        alone = self.category('Alone')
        with self.assertRaises(UserError):
            twin.with_context(active_model=CATEGORY, active_id=alone.id, active_ids=alone.ids).run()
        flow.action_remove()
        self.assertFalse((twin | history).exists())

    def test_conflict_is_asked(self):
        here = self.category('Red')
        flow = self.begin_with()
        self.run_sync()
        there = self.twin(here)
        here.name = 'Crimson'
        self.write_there(CATEGORY, there, name='Scarlet')
        self.run_sync()
        self.assertEqual(self.link.issue_ids.filtered(lambda issue: issue.state == 'open').mapped('kind'), ['conflict'])
        self.assertEqual((here.name, self.there(CATEGORY, [('id', '=', there)], 'name')[0]['name']), ('Crimson', 'Scarlet'))
        flow.policy = 'local'
        here.color = 7
        self.run_sync()
        self.assertEqual(self.there(CATEGORY, [('id', '=', there)], 'name', 'color'), [{'id': there, 'name': 'Crimson', 'color': 7}])

    def test_echoes_end(self):
        here = self.category('Quiet')
        there = self.create_there(CATEGORY, name='Loud', color=1)
        self.begin_with()
        self.run_sync()
        before = (self.there(CATEGORY, [], 'write_date'), here.write_date, self.twin_of(CATEGORY, there).write_date)
        for _round in range(3):
            log = self.run_sync()
        self.assertEqual(before, (self.there(CATEGORY, [], 'write_date'), here.write_date, self.twin_of(CATEGORY, there).write_date))
        self.assertFalse(log.created + log.updated + log.failed)

    def test_records_of_a_company(self):
        """New records belong to the company of the books; where they cannot be archived, a deletion is a question."""
        self.create_there('product.category', name='Wood')
        flow = self.begin_with('product.category', ('name', 'parent_id'))
        here = self.env['product.category'].create({'name': 'Steel'})
        self.run_sync()
        self.assertTrue(self.env['product.category'].search([('name', '=', 'Wood')]))
        twin = self.twin(here)
        self.assertTrue(twin)
        here.unlink()
        flow.checked_here_at = False
        self.run_sync()
        self.assertTrue(self.there('product.category', [('id', '=', twin)], 'name'))
        self.assertIn(flow, self.link.issue_ids.flow_id)

    def test_analytic_accounts(self):
        """A record that points to another chosen one; new ones belong to the company of the books, not to the user's first."""
        plans = self.begin_with('account.analytic.plan', ('name',))
        accounts = self.begin_with('account.analytic.account', ('name', 'code', 'plan_id'), ('code',))
        self.assertEqual(accounts.field_ids.filtered(lambda field: field.name == 'f_plan_id').of, plans.entity)
        plan = self.env['account.analytic.plan'].browse(plans.binding_ids[:1].res_id)
        here = self.env['account.analytic.account'].create({
            'name': 'Fair', 'code': 'F1', 'plan_id': plan.id, 'company_id': self.company.id})
        there = self.create_there('account.analytic.account', name='Move', code='M1', plan_id=self.twin(plan))
        self.run_sync()
        twin, = self.there('account.analytic.account', [('id', '=', self.twin(here))], 'code', 'plan_id', 'company_id')
        company, = self.there('res.company', [('name', '=', 'Peer Company')])
        self.assertEqual((twin['code'], twin['plan_id'], twin['company_id']), ('F1', self.twin(plan), company['id']))
        mine = self.twin_of('account.analytic.account', there)
        self.assertEqual((mine.code, mine.plan_id, mine.company_id), ('M1', plan, self.company))
        with self.assertRaisesRegex(UserError, accounts.name):
            plans.action_remove()
        chosen = [plans.entity, accounts.entity]
        accounts.action_remove()
        plans.action_remove()
        self.assertFalse(self.link.flow_ids.filtered(lambda flow: flow.entity in chosen))
        self.assertTrue(mine.exists())
        self.assertEqual(self.run_sync().failed, 0)
        with self.assertRaises(UserError):
            self.flow('partner').action_remove()

    def test_instants(self):
        """They mean the same moment, whatever the time zones of the users are."""
        self.env.user.tz = 'Asia/Tokyo'
        self.peer.sql("UPDATE res_partner SET tz = 'America/New_York'")
        self.begin_with('product.pricelist', ('name',))
        self.begin_with('product.pricelist.item', ('pricelist_id', 'min_quantity', 'date_start', 'date_end'), ())
        here = self.env['product.pricelist'].create({'name': 'Summer', 'item_ids': [Command.create({
            'min_quantity': 3, 'date_start': '2026-07-01 07:30:15'})]})
        self.run_sync()
        there, = self.there('product.pricelist.item', [('pricelist_id', '=', self.twin(here))], 'date_start', 'date_end')
        self.assertEqual((there['date_start'], there['date_end']), ('2026-07-01 07:30:15', False))
        self.write_there('product.pricelist.item', there['id'], date_end='2026-08-31 21:59:59')
        self.run_sync()
        self.assertEqual(str(here.item_ids.date_end), '2026-08-31 21:59:59')
        here.item_ids.date_start = '2026-07-02 00:00:00'
        self.run_sync()
        self.assertEqual(self.there('product.pricelist.item', [('id', '=', there['id'])], 'date_start')[0]['date_start'],
                         '2026-07-02 00:00:00')
        log = self.run_sync()
        self.assertFalse(log.created + log.updated + log.failed)

    def test_what_both_typed_in_later_is_found(self):
        self.begin_with()
        self.run_sync()
        here, there = self.category('Fresh'), self.create_there(CATEGORY, name='Fresh', color=3)
        self.run_sync()
        self.assertEqual(self.twin(here), there)
        self.assertEqual(len(self.named('Fresh')), 1)

    def test_what_cannot_tell_who_is_the_same(self):
        flow = self.choose(names=('name', 'partner_ids'), keys=('name', 'partner_ids'))
        self.assertEqual(flow.field_ids.filtered('is_key').mapped('name'), ['f_name'])

    def test_what_cannot_be_chosen(self):
        for model in ('res.users', 'ir.rule', 'account.move', 'online.sync.connect', 'mail.thread', 'no.such.model'):
            with self.assertRaises(UserError):
                self.choose(model, ('name',))
        with self.assertRaisesRegex(UserError, 'without'):
            self.choose(names=('color',))
        with self.assertRaisesRegex(UserError, 'at least one'):
            self.choose(names=('display_name',))
        self.choose()
        with self.assertRaisesRegex(UserError, 'already'):
            self.choose()

    def test_wizard(self):
        user = new_test_user(self.env, login='adds', groups='account.group_account_manager,base.group_partner_manager',
                             company_id=self.company.id)
        link = self.link.with_user(user).sudo(False)
        self.assertTrue(link.can_add)
        action = link.action_add_records()
        wizard = self.env[action['res_model']].with_user(user).sudo(False).browse(action['res_id'])
        offered = dict(wizard._selection_model())
        self.assertIn(CATEGORY, offered)
        self.assertFalse({'res.users', 'res.partner', 'account.move', 'ir.rule'} & offered.keys())
        wizard.model = CATEGORY
        wizard.action_read()
        rows = {row.name: row for row in wizard.field_ids}
        self.assertTrue(rows['name'].is_chosen and rows['name'].is_key and rows['name'].is_needed)
        self.assertEqual(rows['parent_id'].kind_name, "Another record")
        self.assertNotIn('parent_path', rows)
        rows['color'].is_chosen = True
        wizard.action_add()
        flow = self.flow(ENTITY)
        self.assertEqual(sorted(flow.field_ids.mapped('name')), ['f_color', 'f_name'])
        self.assertTrue(flow.needs_pairing)
        with self.assertRaises(AccessError):
            self.env['online.sync.add'].with_user(new_test_user(
                self.env, login='books', groups='account.group_account_invoice')).create({'link_id': link.id})

    def test_what_was_checked_cannot_be_changed(self):
        user = new_test_user(self.env, login='changes', groups='account.group_account_manager', company_id=self.company.id)
        flow = self.choose().with_user(user).sudo(False)
        flow.policy = 'local'
        with self.assertRaises(AccessError):
            flow.entity = 'model:res.users'
        with self.assertRaises(AccessError):
            flow.field_ids[0].name = 'f_password'

    def test_nobody_reaches_what_they_may_not_change(self):
        user = new_test_user(self.env, login='limited', groups='account.group_account_manager', company_id=self.company.id)
        flows = self.env['online.sync.flow'].with_user(user).sudo(False)
        closed = self.env['ir.model.access'].sudo().search([('model_id.model', '=', CATEGORY)])
        closed.active = False
        with self.assertRaises(AccessError):
            flows._create_chosen(self.link, CATEGORY, ('name',), ('name',))

    def test_nobody_lets_flow_what_they_do_not_see(self):
        user = new_test_user(self.env, login='limited', groups='account.group_account_manager,base.group_partner_manager',
                             company_id=self.company.id)
        self.category('Secret')
        self.env['ir.rule'].sudo().create({
            'name': 'some', 'model_id': self.env['ir.model']._get(CATEGORY).id, 'domain_force': "[('name', '!=', 'Secret')]"})
        with self.assertRaisesRegex(AccessError, 'do not see all'):
            self.env['online.sync.flow'].with_user(user).sudo(False)._create_chosen(self.link, CATEGORY, ('name',), ('name',))

    def test_what_the_chooser_does_not_see_later_does_not_flow(self):
        user = new_test_user(self.env, login='limited', groups='account.group_account_manager,base.group_partner_manager',
                             company_id=self.company.id)
        flow = self.env['online.sync.flow'].with_user(user).sudo(False)._create_chosen(self.link, CATEGORY, ('name',), ('name',))
        flow.sudo().write({'pairs_confirmed': True})
        self.env['ir.rule'].sudo().create({
            'name': 'some', 'model_id': self.env['ir.model']._get(CATEGORY).id, 'domain_force': "[('name', '!=', 'Secret')]"})
        self.env[CATEGORY].sudo().create({'name': 'Secret'})
        self.category('Open')
        log = self.run_sync()
        self.assertFalse(log.error, log.error)
        self.assertFalse(self.named('Secret'))
        self.assertTrue(self.named('Open'))

    def test_vanished_model(self):
        """A module that was uninstalled takes its flow out of the runs, and breaks no page."""
        flow = self.choose()
        flow.write({'pairs_confirmed': True})
        self.env.cr.execute("UPDATE online_sync_flow SET entity = 'model:gone.with.the.wind' WHERE id = %s", [flow.id])
        self.env.invalidate_all()
        self.assertNotIn(flow, self.link._working_flows())
        self.assertEqual(flow.name, "Partner Tags")
        self.assertEqual(self.run_sync().failed, 0)
        flow.read()
        flow.field_ids.read()


@tagged('post_install', '-at_install', 'peer18', 'one_series')
class TestPeerModels18(PeerModelsTests, PeerCase):
    series = '18.0'


@tagged('post_install', '-at_install', 'peer19', 'one_series')
class TestPeerModels19(PeerModelsTests, PeerCase):
    series = '19.0'
