"""Teachers: frozen networks outside the student's module tree."""

from mmkd.teachers.class_map import ClassMap
from mmkd.teachers.cross_head import CrossHead
from mmkd.teachers.head import TeacherHead
from mmkd.teachers.teacher import Teacher
from mmkd.teachers.twins import names_of_each, same_teacher
from mmkd.teachers.weights import WeightsMismatchError, load_weights

__all__ = [
    "ClassMap",
    "CrossHead",
    "Teacher",
    "TeacherHead",
    "WeightsMismatchError",
    "load_weights",
    "names_of_each",
    "same_teacher",
]
