"""From the clients' values to what Odoo and PostgreSQL store, and back."""
import unicodedata
from datetime import timezone

from babel.dates import format_timedelta

from odoo import fields
from odoo.tools import get_lang
from odoo.tools.misc import babel_locale_parse


def to_aware(value):
    """Odoo's naive UTC instant as the clients and the engine know instants."""
    return value and value.replace(tzinfo=timezone.utc)


def to_naive(value):
    """An aware instant as Odoo stores it."""
    return value and value.astimezone(timezone.utc).replace(tzinfo=None, microsecond=0)


def clean_text(text):
    """Text without control characters (PostgreSQL refuses NUL, screens the rest); line breaks and tabs stay."""
    return ''.join(char for char in text or '' if char in '\n\t' or unicodedata.category(char) not in ('Cc', 'Cs')).strip()


def clean_json(value):
    """The provider's object as JSON that PostgreSQL takes: no NUL, no half of a character."""
    if isinstance(value, dict):
        return {_storable(str(key)): clean_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_json(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else _storable(str(value))


def _storable(text):
    return ''.join(char for char in text if char != '\0' and unicodedata.category(char) != 'Cs')


def time_ago(env, moment):
    """A moment as people say it ("2 hours ago"), in the user's language.

    :param moment: naive UTC, as the ORM has it
    """
    return format_timedelta(moment - fields.Datetime.now(), add_direction=True, locale=babel_locale_parse(get_lang(env).code))
