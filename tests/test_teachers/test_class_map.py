import pytest
import torch

from mmkd.teachers import ClassMap


def test_logits_are_restricted_to_shared_classes_in_the_students_order():
    mapped = ClassMap([3, None, 0])
    mapped.check("t", 3, 4)
    student, teacher = torch.arange(3.0)[None], torch.arange(4.0)[None] * 10
    assert mapped.of_student(student).tolist() == [[0, 2]]
    assert mapped.of_teacher(teacher).tolist() == [[30, 0]]
    assert mapped.partial


def test_a_dict_says_the_same_as_a_list():
    by_list, by_dict = ClassMap([3, None, 0]), ClassMap({0: 3, 2: 0})
    assert by_list.student_classes == by_dict.student_classes
    assert by_list.teacher_classes == by_dict.teacher_classes


def test_a_larger_teacher_leaves_the_student_whole():
    mapped = ClassMap([5, 1])
    mapped.check("t", 2, 6)
    logits = torch.randn(3, 2)
    assert mapped.of_student(logits) is logits
    assert not mapped.partial


def test_scores_sum_to_one_over_the_students_classes():
    mapped = ClassMap([3, None, 0])
    mapped.check("t", 3, 4)
    scores = mapped.scores(torch.tensor([0.1, 0.2, 0.4, 0.3]))
    torch.testing.assert_close(scores, torch.tensor([0.75, 0.0, 0.25]))


@pytest.mark.parametrize(
    ("correspondence", "message"),
    [
        ([None, None], "shares no class"),
        ([1, 1], "to two of the student"),
        ([0, -1], "negative"),
    ],
)
def test_maps_that_make_no_sense_are_refused(correspondence, message):
    with pytest.raises(ValueError, match=message):
        ClassMap(correspondence)


def test_an_index_outside_the_logits_names_the_network_and_its_classes():
    with pytest.raises(ValueError, match=r"class 9 of the teacher 't', which has 4 classes"):
        ClassMap([9, 0]).check("t", 2, 4)
    with pytest.raises(ValueError, match=r"class 7 of the student, which has 2 classes"):
        ClassMap({7: 0}).check("t", 2, 4)
