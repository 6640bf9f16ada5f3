from odoo import http
from odoo.exceptions import UserError
from odoo.http import request


class OnlineSyncController(http.Controller):

    @http.route('/online_sync/return', type='http', auth='user', methods=['GET'])
    def come_back(self, **answer):
        """The browser comes back from the bank. Somebody who is not signed in here is asked to, and comes back with the same answer."""
        link = request.env['online.sync.link']._find_by_return_state(answer.get('state'))
        try:
            link._come_back(answer)
        except UserError as error:
            return request.render('account_online_sync.return_failed', {'message': str(error)}, status=400)
        return request.redirect(f'/odoo/{link.id}/action-account_online_sync.action_online_sync_resume')
