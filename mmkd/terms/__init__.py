"""Terms of the objective, their construction, and the checks at build time."""

from mmkd.terms.reading import Features
from mmkd.terms.settings import TermSettings
from mmkd.terms.term import Term, TermOutput, Terms

__all__ = ["Features", "Term", "TermOutput", "TermSettings", "Terms"]
