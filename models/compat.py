"""All that needs to know which Odoo series runs. Nothing else in the addon asks."""
from odoo import models
from odoo.tools import SQL

HAS_CONSTRAINT = hasattr(models, 'Constraint')   # 19.0
#: `groups` of a field that nobody reads or writes through the ORM, except code in superuser mode.
NO_ACCESS = '.'


def commit_progress(env, done, remaining):
    """Commit, and tell the scheduled action's runner how far it is, if one runs.

    :param done: units done since the last call
    :param remaining: units left
    :returns: seconds left to this run; infinite where nobody counts
    """
    cron = env['ir.cron']
    if not env.context.get('ir_cron_progress_id') and not env.context.get('cron_id'):
        env.cr.commit()
        return float('inf')
    if hasattr(cron, '_commit_progress'):           # 19.0: counts are relative
        return cron._commit_progress(done, remaining=remaining)
    progress = env['ir.cron.progress'].sudo().browse(env.context.get('ir_cron_progress_id')).exists()
    if progress:                                    # 18.0: counts are absolute
        cron._notify_progress(done=progress.done + done, remaining=remaining)
    env.cr.commit()
    return float('inf')


def create_partial_unique_index(model, name, columns, where):
    """Create a unique index on a part of a model's table; call it from `init`.

    :param columns: list of column names
    :param where: SQL text of the condition
    """
    model.env.cr.execute(SQL(
        "CREATE UNIQUE INDEX IF NOT EXISTS %s ON %s (%s) WHERE %s",
        SQL.identifier(name), SQL.identifier(model._table), SQL(", ").join(map(SQL.identifier, columns)), SQL(where),
    ))


def no_longer_implies(group, implied):
    """Take `implied` out of what `group` implies, and from the users who have it for no other reason."""
    if 'users' in group._fields:            # 18.0 writes implied groups to the users
        group._remove_group(implied)
    else:                                   # 19.0 works them out; its `_remove_group` would change other groups too
        group.implied_ids -= implied
