"""The objective: terms, how they are built, and what is checked when they are."""

from mmkd.terms.term import Features, Shapes, Term, TermOutput, Terms

__all__ = ["Features", "Shapes", "Term", "TermOutput", "Terms"]
