"""The bank's accounts and movements as Enable Banking writes them: absent members are null, amounts have no sign."""
import base64
import hashlib

from .bank import Account, Bank, Movement
from .contracts import ENABLE_BANKING

KINDS = {'bank': 'CACC', 'savings': 'SVGS', 'card': 'CARD', 'loan': 'LOAN', 'other': 'OTHR'}
_MEMBERS = tuple(ENABLE_BANKING['transactions']['properties']['transactions']['items']['properties'])


def money_row(amount, currency: str) -> dict:
    return {'currency': currency, 'amount': str(amount)}


def hash_row(bank: Bank, account: Account) -> dict:
    """What stays the same over all consents."""
    digest = hashlib.sha256(f'{bank.name} {account.number} {account.iban} {account.currency}'.encode()).digest()
    text = base64.b64encode(digest).decode()
    return {'identification_hash': text, 'identification_hashes': [text]}


def _number_row(iban: str, other: str = '') -> dict | None:
    if iban:
        return {'iban': iban, 'other': None}
    return {'iban': None, 'other': {'identification': other, 'scheme_name': 'BBAN', 'issuer': None}} if other else None


def account_row(bank: Bank, account: Account, uid: str) -> dict:
    """An AccountResource; one that cannot be read has no uid."""
    return {
        'account_id': _number_row(account.iban, account.other_number), 'all_account_ids': None, 'account_servicer': None,
        'name': account.holder or None, 'details': account.name, 'usage': 'ORGA', 'cash_account_type': KINDS[account.kind],
        'product': None, 'currency': account.currency, 'psu_status': None, 'credit_limit': None,
        'uid': uid if account.readable else None, **hash_row(bank, account)}


def status_of(movement: Movement) -> str:
    return movement.status or ('PDNG' if movement.pending else 'BOOK')


def _reference(bank: Bank, movement: Movement) -> str | None:
    if movement.pending or movement.account.ids == 'none':
        return None
    return movement.id if movement.account.ids == 'real' else bank.position(movement)


def transaction_row(bank: Bank, movement: Movement, balance_after: bool = False) -> dict:
    """A Transaction; the account itself stands on its own side, as at many banks."""
    account, credit = movement.account, movement.amount >= 0
    party, own = ('debtor', 'creditor') if credit else ('creditor', 'debtor')
    after = bank.balance(account, movement.day) if balance_after and not movement.pending else None
    return {
        **dict.fromkeys(_MEMBERS),
        'entry_reference': _reference(bank, movement), 'transaction_id': f'handle-{movement.id}', 'status': status_of(movement),
        'transaction_amount': money_row(abs(movement.amount), account.currency), 'credit_debit_indicator': 'CRDT' if credit else 'DBIT',
        'booking_date': None if movement.pending else movement.day.isoformat(),
        'value_date': (movement.value_date or movement.day).isoformat(),
        'transaction_date': (movement.happened or movement.day).isoformat(),
        party: {'name': movement.partner} if movement.partner else None,
        f'{party}_account': _number_row(movement.partner_account), f'{own}_account': _number_row(account.iban),
        'remittance_information': movement.text.splitlines() or None, 'reference_number': movement.reference or None,
        'bank_transaction_code': {'description': movement.code, 'code': None, 'sub_code': None} if movement.code else None,
        'balance_after_transaction': None if after is None else money_row(after, account.currency),
        'exchange_rate': _exchange_row(movement) if movement.original else None,
    }


def _exchange_row(movement: Movement) -> dict:
    amount, currency = movement.original
    rate = abs(amount / movement.amount) if movement.amount else 1
    return {'unit_currency': currency, 'exchange_rate': f'{rate:.5f}', 'rate_type': None, 'contract_identification': None,
            'instructed_amount': money_row(abs(amount), currency)}
