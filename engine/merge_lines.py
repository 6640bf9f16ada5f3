"""Lists of lines of two sides: which are the same, which are known from before, and what of them flows."""
from dataclasses import replace

from ..clients.books import Line, LineEdits
from .merge_rules import BOTH, OFF


def within(rule):
    """The rules of the fields of a list's lines: none of them flows where the list does not."""
    if rule.direction == BOTH:
        return rule.lines
    return {name: replace(inner, direction=rule.direction if inner.direction in (BOTH, rule.direction) else OFF)
            for name, inner in rule.lines.items()}


def known_lines(base, lines):
    """({place in the base: line}, new lines)"""
    places = {line.key: place for place, line in enumerate(base) if line.key}
    found = {places[line.key]: line for line in lines if line.key in places}
    return found, [line for line in lines if line.key not in places]


def assigned(base, lines, key=''):
    """({place in the base: line}, new lines): by key, then by content, for some replace all their lines when one changes.

    :param key: the field by which such lines are known, whatever else they say; '' for none
    """
    found, left = known_lines(base, lines)
    new = []
    for line in left:
        place = next((place for place, one in enumerate(base) if place not in found and (
            known_alike([line], [one], key) if key else same_fields(one.fields, line.fields))), None)
        if place is None:
            new.append(line)
        else:
            found[place] = line
    return found, new


def equal_pairs(here, there):
    """Pairs of equal lines, one here and one there."""
    left, pairs = list(there), []
    for line in here:
        twin = next((other for other in left if same_fields(line.fields, other.fields)), None)
        if twin:
            left.remove(twin)
            pairs.append((line, twin))
    return pairs


def known_alike(here, there, key):
    """Pairs of lines that are known by the same, whatever else they say."""
    by_key = {plain(line.fields.get(key)): line for line in there if key}
    pairs = [(line, by_key.pop(plain(line.fields.get(key)), None)) for line in here if key and plain(line.fields.get(key))]
    return [(line, other) for line, other in pairs if other]


def plain(value):
    """A number however it is written."""
    return ''.join(character for character in value if character.isalnum()).upper() if isinstance(value, str) else value


def without(lines, pairs, side):
    return [line for line in lines if not any(line is pair[side] for pair in pairs)]


def flowing(lines, rule):
    """Lines with those fields only that flow."""
    names = {name for name, inner in rule.lines.items() if inner.direction != OFF}
    return tuple(Line(line.key, {name: value for name, value in line.fields.items() if name in names}) for line in lines)


def as_sent(line, rule, way):
    """A line as it goes to the side that `way` leads to: without the fields that do not go there."""
    rules = within(rule)
    return Line(line.key, {name: value for name, value in line.fields.items() if rules[name].direction in (BOTH, way)})


def replacing(old, new, rule, way):
    return LineEdits(add=tuple(as_sent(line, rule, way) for line in new), remove=tuple(line.key for line in old))


def is_known(base, name):
    return base is not None and name in base.local and name in base.remote


def same(one, other):
    return type(one) is type(other) and one == other


def same_fields(one, other):
    return all(same(one[name], other[name]) for name in one.keys() & other.keys())


def same_lines(one, other):
    return len(one) == len(other) and all(same_fields(a.fields, b.fields) for a, b in zip(one, other, strict=True))
