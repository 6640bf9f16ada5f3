"""A labelled set of bank lines and open items, made from a seed: what each line really pays is known."""
from .generator import KINDS, Labelled, Truth, labelled_set

__all__ = ['KINDS', 'Labelled', 'Truth', 'labelled_set']
