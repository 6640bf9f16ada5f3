"""What the providers' answers must look like, as JSON Schema, written from their documentation. No unknown member is accepted.

SimpleFIN: tables of the protocol text, sections "Account Set", "Account", "Transaction", "Error", "Connection".
Enable Banking: API reference, "AspspData", "AccountResource", "BalanceResource", "Transaction", "ErrorResponse"; an absent member
may also be null there, so nulls are dropped before checking.
"""


def without_nulls(value):
    """The JSON value without members that are null."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def _object(required: dict, **optional) -> dict:
    return {'type': 'object', 'required': sorted(required), 'properties': {**required, **optional}, 'additionalProperties': False}


def _list(item: dict) -> dict:
    return {'type': 'array', 'items': item}


def _enum(words: str) -> dict:
    return {'enum': words.split()}


TEXT, FLAG, WHOLE = {'type': 'string'}, {'type': 'boolean'}, {'type': 'integer', 'minimum': 0}
MONEY = {'type': 'string', 'pattern': r'^-?\d+(\.\d+)?$'}
UNSIGNED = {'type': 'string', 'pattern': r'^\d+(\.\d+)?$'}
DAY = {'type': 'string', 'pattern': r'^\d{4}-\d\d-\d\d$'}
INSTANT = {'type': 'string', 'pattern': r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$'}
ANY = {'type': 'object'}

# -- SimpleFIN --------------------------------------------------------------------------------------------------------------------

_TRANSACTION = _object({'id': TEXT, 'posted': WHOLE, 'amount': MONEY, 'description': TEXT}, transacted_at=WHOLE, pending=FLAG,
                       payee=TEXT, memo=TEXT, extra=ANY)
_ACCOUNT = {'id': TEXT, 'name': TEXT, 'currency': TEXT, 'balance': MONEY, 'balance-date': WHOLE}
_OPTIONAL = {'available-balance': MONEY, 'transactions': _list(_TRANSACTION), 'extra': ANY}
_ORG = _object({'sfin-url': TEXT}, domain=TEXT, name=TEXT, url=TEXT, id=TEXT)
_ERROR = _object({'code': {'type': 'string', 'pattern': r'^(gen|con|act)\.'}, 'msg': TEXT}, conn_id=TEXT, account_id=TEXT)
_CONNECTION = _object({'conn_id': TEXT, 'name': TEXT, 'org_id': TEXT, 'sfin_url': TEXT}, org_url=TEXT, org_name=TEXT)

#: Protocol version -> answer of GET /accounts.
SIMPLEFIN = {
    1: _object({'errors': _list(TEXT), 'accounts': _list(_object({**_ACCOUNT, 'org': _ORG}, **_OPTIONAL))}),
    2: _object({'errlist': _list(_ERROR), 'connections': _list(_CONNECTION),
                'accounts': _list(_object({**_ACCOUNT, 'conn_id': TEXT}, **_OPTIONAL))}, errors=_list(TEXT)),
}

# -- Enable Banking ---------------------------------------------------------------------------------------------------------------

_AMOUNT, _UNSIGNED_AMOUNT = (_object({'currency': TEXT, 'amount': amount}) for amount in (MONEY, UNSIGNED))
_GENERIC_ID = _object({'identification': TEXT, 'scheme_name': TEXT}, issuer=TEXT)
_ACCOUNT_ID = _object({}, iban=TEXT, other=_GENERIC_ID)
_PARTY = _object({}, name=TEXT, postal_address=ANY, organisation_id=ANY, private_id=ANY, contact_details=ANY)
_PSU_TYPE = _enum('personal business')
_ASPSP = _object({'name': TEXT, 'country': TEXT})
_AUTH_METHOD = _object({'psu_type': _PSU_TYPE, 'approach': _enum('REDIRECT DECOUPLED EMBEDDED'), 'hidden_method': FLAG},
                       name=TEXT, title=TEXT, credentials=_list(ANY))
_ASPSP_DATA = _object(
    {'name': TEXT, 'country': TEXT, 'logo': TEXT, 'psu_types': _list(_PSU_TYPE), 'auth_methods': _list(_AUTH_METHOD),
     'maximum_consent_validity': WHOLE, 'beta': FLAG}, bic=TEXT, required_psu_headers=_list(TEXT), sandbox=ANY, payments=_list(ANY))
ACCOUNT_RESOURCE = _object(
    {'cash_account_type': _enum('CACC CASH CARD LOAN SVGS OTHR'), 'currency': TEXT, 'identification_hash': TEXT,
     'identification_hashes': _list(TEXT)},
    uid=TEXT, account_id=_ACCOUNT_ID, all_account_ids=_list(_GENERIC_ID), account_servicer=ANY, name=TEXT, details=TEXT,
    usage=_enum('PRIV ORGA'), product=TEXT, psu_status=TEXT, credit_limit=_AMOUNT)
_ACCESS = _object({'valid_until': INSTANT}, balances=FLAG, transactions=FLAG, accounts=_list(ANY))
_BALANCE = _object(
    {'name': TEXT, 'balance_amount': _AMOUNT,
     'balance_type': _enum('CLAV CLBD FWAV INFO ITAV ITBD OPAV OPBD PRCD OTHR VALU XPCD')},
    reference_date=DAY, last_change_date_time=INSTANT, last_committed_transaction=TEXT)
_EXCHANGE = _object({}, unit_currency=TEXT, exchange_rate=UNSIGNED, rate_type=TEXT, contract_identification=TEXT,
                    instructed_amount=_UNSIGNED_AMOUNT)
_EB_TRANSACTION = _object(
    {'transaction_amount': _UNSIGNED_AMOUNT, 'credit_debit_indicator': _enum('CRDT DBIT'),
     'status': _enum('BOOK CNCL HOLD OTHR PDNG RJCT SCHD')},
    entry_reference=TEXT, merchant_category_code=TEXT, creditor=_PARTY, creditor_account=_ACCOUNT_ID, creditor_agent=ANY, debtor=_PARTY,
    debtor_account=_ACCOUNT_ID, debtor_agent=ANY, bank_transaction_code=_object({}, description=TEXT, code=TEXT, sub_code=TEXT),
    booking_date=DAY, value_date=DAY, transaction_date=DAY, balance_after_transaction=_AMOUNT, reference_number=TEXT,
    reference_number_schema=TEXT, remittance_information=_list(TEXT), debtor_account_additional_identification=ANY,
    creditor_account_additional_identification=ANY, exchange_rate=_EXCHANGE, note=TEXT, transaction_id=TEXT)
_STATUS = _enum('INVALID PENDING_AUTHORIZATION RETURNED_FROM_BANK AUTHORIZED EXPIRED CLOSED REVOKED CANCELLED')

#: Name of the answer -> its form.
ENABLE_BANKING = {
    'aspsps': _object({'aspsps': _list(_ASPSP_DATA)}),
    'auth': _object({'url': TEXT, 'authorization_id': TEXT}, psu_id_hash=TEXT),
    'new session': _object({'session_id': TEXT, 'accounts': _list(ACCOUNT_RESOURCE), 'aspsp': _ASPSP, 'psu_type': _PSU_TYPE,
                            'access': _ACCESS}),
    'session': _object({'status': _STATUS, 'accounts': _list(TEXT), 'aspsp': _ASPSP, 'psu_type': _PSU_TYPE, 'psu_id_hash': TEXT,
                        'access': _ACCESS, 'created': INSTANT,
                        'accounts_data': _list(_object({'identification_hash': TEXT, 'identification_hashes': _list(TEXT)}, uid=TEXT))},
                       authorized=INSTANT, closed=INSTANT),
    'details': ACCOUNT_RESOURCE,
    'balances': _object({'balances': _list(_BALANCE)}),
    'transactions': _object({'transactions': _list(_EB_TRANSACTION)}, continuation_key=TEXT),
    'error': _object({'message': TEXT, 'code': WHOLE}, error=TEXT, detail={}),
}
