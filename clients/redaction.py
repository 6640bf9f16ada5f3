"""Make text fit for a log, an error or a screen: no secret, no full account number, no full body."""
import re
from collections.abc import Iterable

MASK = '•••'
#: Shorter values are words like "EUR", not secrets; hiding them would make every sentence unreadable.
SHORTEST_SECRET = 6

_PEM = re.compile(r'-----BEGIN [^-]+-----.*?(?:-----END [^-]+-----|\Z)', re.DOTALL)
_USERINFO = re.compile(r'(?i)\b([a-z][a-z0-9+.-]*://)[^/\s@]+@')
_SCHEME_TOKEN = re.compile(r'(?i)\b(bearer|basic|token)(\s+)[A-Za-z0-9._~+/=-]{8,}')
_JWT = re.compile(r'\beyJ[\w-]+\.[\w-]+\.[\w-]*')
_NAMED_VALUE = re.compile(
    r'(?i)\b(token|access_token|refresh_token|client_secret|secret|password|api_key|session_id|signature)'
    r'(["\']?\s*[=:]\s*["\']?)[^\s"\'&,;}]+')
_QUERY_VALUE = re.compile(r'(?i)([?&](?:code|state|key|sig)=)[^\s&"\']+')
# ISO 13616: two letters, two check digits, up to 30 characters, printed in one piece or in groups of four.
_IBAN = re.compile(r'(?i)\b[A-Z]{2}\d{2}(?:[ \u00a0-]?[A-Z0-9]{4}){2,7}(?:[ \u00a0-]?[A-Z0-9]{1,3})?\b')
# ISO/IEC 7812: 13 to 19 digits on a card; bank account numbers without an IBAN fall under it too.
_DIGITS = re.compile(r'(?<![\w.])(?:\d{12,34}|\d{4}(?:[ -]\d{4}){2}[ -]\d{1,7})(?![\w.]*\d)')


def _ends(match: re.Match) -> str:
    """Keep the first and last four characters of an account number: enough to recognise one's own."""
    compact = re.sub(r'[ \u00a0-]', '', match.group())
    return f'{compact[:4]}{MASK}{compact[-4:]}'


def _last(match: re.Match) -> str:
    return MASK + re.sub(r'\D', '', match.group())[-4:]


_RULES = (
    (_PEM, MASK),
    (_USERINFO, rf'\1{MASK}@'),
    (_SCHEME_TOKEN, rf'\1\2{MASK}'),
    (_JWT, MASK),
    (_NAMED_VALUE, rf'\1\2{MASK}'),
    (_QUERY_VALUE, rf'\1{MASK}'),
    (_IBAN, _ends),
    (_DIGITS, _last),
)


def redact(text: object, secrets: Iterable[str] = ()) -> str:
    """The text without the given secrets and without anything that looks like one, or like an account or card number.

    An IBAN keeps its first and last four characters, a card number its last four.
    """
    text = str(text)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def snippet(text: object, secrets: Iterable[str] = (), limit: int = 200) -> str:
    """The beginning of somebody else's text, on one line and redacted: for a detail or a notice."""
    # Cut generously first: redacting 20 MB costs seconds; cut to the limit last: a cut secret is not recognised any more.
    clean = ' '.join(redact(str(text)[:limit * 10], secrets).split())
    return clean if len(clean) <= limit else clean[:limit - 1] + '…'
