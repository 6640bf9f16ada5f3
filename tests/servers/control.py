"""A page with buttons on each sandbox server: let something happen at the bank, or let something go wrong."""
import re
from collections.abc import Callable
from html import escape
from pathlib import Path

from .bank import Bank
from .base import Call, Reply, Server

PAGE = Path(__file__).with_name('control.html')


def _late(bank: Bank) -> None:
    bank.book(bank.accounts[0], bank.days_ago(4), '-27.45', 'Late debit, dated back by four days', partner='Slow Post Office')


def _edit(bank: Bank) -> None:
    last = next(m for m in reversed(bank.shown(bank.accounts[0])) if not m.pending)
    bank.edit_amount(last, last.amount + (1 if last.amount > 0 else -1))


def _settle(bank: Bank) -> None:
    pending = next((m for account in bank.accounts for m in bank.shown(account) if m.pending), None)
    bank.settle(pending or bank.pend(bank.accounts[0], '-19.90', 'Card payment, pending a moment ago', partner='Corner Shop'))


#: Name of the button -> what it does, to a server.
ACTIONS: dict[str, Callable[[Server], object]] = {
    'movement': lambda server: server.life.extra(),
    'late line': lambda server: _late(server.bank),
    'edited amount': lambda server: _edit(server.bank),
    'pending turns booked': lambda server: _settle(server.bank),
    'new ids': lambda server: server.bank.reissue_ids(server.bank.accounts[0]),
    'expire consent': lambda server: server.expire_consent(),
    'renew consent': lambda server: server.renew_consent(),
    'fail 5 calls': lambda server: server.fail_next(5),
    'limit reached': lambda server: server.fail_next(1, 429, retry_after=3600),
    'web page': lambda server: server.html_next(1),
    'cut off': lambda server: server.cut_next(1),
    'slow': lambda server: server.slow(8),
    'all well': lambda server: server.clear_faults(),
}


def controlled(server_class: type[Server]) -> type[Server]:
    """The server with the page at `/` and `POST /sandbox/<action>`; both are outside the provider's protocol and never fail."""
    class Controlled(server_class):
        life = None

        def can_fail(self, call: Call) -> bool:
            return not _is_control(call) and super().can_fail(call)

        def route(self, call: Call) -> Reply:
            return _control(self, call) if _is_control(call) else super().route(call)

    return Controlled


def _is_control(call: Call) -> bool:
    return call.path == '/' or call.path.startswith('/sandbox/')


def _control(server: Server, call: Call) -> Reply:
    match = re.fullmatch(r'/sandbox/([a-z0-9-]+)', call.path)
    if match and call.method == 'POST':
        action = ACTIONS.get(match.group(1).replace('-', ' '))
        if not action:
            return Reply(404, {'error': 'no such action'})
        action(server)
        return Reply(303, '', {'Location': '/'}, kind='text/plain')
    return Reply(200, _page(server), kind='text/html; charset=utf-8')


def _page(server: Server) -> str:
    buttons = ''.join(f'<form method="post" action="/sandbox/{name.replace(" ", "-")}"><button>{name}</button></form>' for name in ACTIONS)
    rows = ''.join(
        f'<tr><td>{escape(a.name)}</td><td>{escape(a.iban or a.other_number)}</td><td>{len(server.bank.shown(a))}</td>'
        f'<td>{server.bank.balance(a)} {a.currency}</td></tr>' for a in server.bank.accounts)
    page = PAGE.read_text(encoding='utf-8')
    for name, value in {'BANK': escape(server.bank.name), 'ROWS': rows, 'BUTTONS': buttons, 'CALLS': str(len(server.calls))}.items():
        page = page.replace(f'@{name}@', value)
    return page
