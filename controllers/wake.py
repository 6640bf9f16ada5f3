from odoo import http
from odoo.http import request

from ..clients.wake import LONGEST_BODY, PATH


class OnlineSyncWakeController(http.Controller):

    # It writes, so its cursor is no read-only one.
    @http.route(f'{PATH}<string(maxlength=64):name>', type='http', auth='public', methods=['POST'], csrf=False, save_session=False,
                readonly=False, max_content_length=LONGEST_BODY)
    def wake(self, name, **_query):
        """Another Odoo says that something changed there. Answered at once; the scheduled action looks."""
        call = request.httprequest
        if (call.content_length or 0) > LONGEST_BODY:
            return self._answer(413)
        return self._answer(request.env['online.sync.wake'].sudo()._receive(name, call.headers, call.get_data()))

    def _answer(self, status):
        return request.make_json_response({}, status=status)
