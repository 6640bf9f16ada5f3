from .models.compat import no_longer_implies


def uninstall_hook(env):
    """Take back what the addon gave to others: the administrator's bank rights, the journals' feed source, ways to twins in menus."""
    no_longer_implies(env.ref('account.group_account_manager'), env.ref('account.group_account_basic'))
    env['account.journal'].with_context(active_test=False).search(
        [('bank_statements_source', '=', 'account_online_sync')]).bank_statements_source = 'undefined'
    env['ir.actions.server'].search([('code', 'like', "env['online.sync.binding'].open_")]).unlink()
