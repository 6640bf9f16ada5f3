"""From the clients' values to what Odoo and PostgreSQL store, and back."""
import json
import unicodedata
from datetime import timezone


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
    """The provider's object as JSON that PostgreSQL takes."""
    text = json.dumps(value, default=str, ensure_ascii=True)
    return json.loads(text.replace('\\u0000', ''))
