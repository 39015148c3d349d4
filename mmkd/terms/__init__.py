"""The objective: terms, how they are built, and what is checked when they are."""

from mmkd.terms.settings import TermSettings
from mmkd.terms.term import Features, Term, TermOutput, Terms

__all__ = ["Features", "Term", "TermOutput", "TermSettings", "Terms"]
