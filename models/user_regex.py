"""Regular expressions that users wrote: a broken one, or one that might never end, must stop nothing."""
import re

#: A repeated group that repeats within: it may take longer than anybody waits.
ENDLESS = re.compile(r'\([^()]*[+*][^()]*\)\s*[+*{]')


def found_in(expression, text, flags=re.IGNORECASE):
    """What a user's regular expression finds, None for nothing; one that is broken, or might never end, finds nothing."""
    if ENDLESS.search(expression):
        return None
    try:
        return re.search(expression, text, flags)
    except re.error:
        return None
