"""Composition of one ordinary config from a student's training config, teachers and methods."""

from mmkd.composition.composing import compose
from mmkd.composition.kinds import kind_of
from mmkd.composition.methods import Method, method_names, read_method
from mmkd.composition.teachers import TeacherChoice, parse_teacher

__all__ = [
    "Method",
    "TeacherChoice",
    "compose",
    "kind_of",
    "method_names",
    "parse_teacher",
    "read_method",
]
