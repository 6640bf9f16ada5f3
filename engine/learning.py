"""What two texts of the same counterpart have in common: the text of a rule that is offered to the user."""
import re

#: A shorter text would fit too much.
SHORTEST = 5


def common_text(one: str, other: str) -> str:
    """The longest run of words that both texts share, in the spelling of the first, '' when it is too short.

    Words with digits end a run: they are numbers, days and cards, which differ the next time.
    """
    best = ''
    theirs = ' '.join(re.findall(r'\S+', other)).casefold()
    for run in _runs(one):
        for first in range(len(run)):
            for last in range(len(run), first, -1):
                text = ' '.join(run[first:last])
                if len(text) > len(best) and f' {text.casefold()} ' in f' {theirs} ':
                    best = text
                    break
    return best if len(best) >= SHORTEST else ''


def _runs(text):
    """Runs of words without digits."""
    run = []
    for word in re.findall(r'\S+', text):
        if any(char.isdigit() for char in word):
            if run:
                yield run
            run = []
        else:
            run.append(word)
    if run:
        yield run
