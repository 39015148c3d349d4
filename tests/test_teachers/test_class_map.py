from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmkd.teachers.class_map import ClassMap, ClassOutputs


def fitted(correspondence, student, teacher):
    return ClassMap(correspondence).fit("t", ClassOutputs(student), ClassOutputs(teacher))


def test_logits_are_restricted_to_shared_classes_in_the_students_order():
    mapped = fitted([3, None, 0], 3, 4)
    student, teacher = torch.arange(3.0)[None], torch.arange(4.0)[None] * 10
    assert mapped.of_student(student).tolist() == [[0, 2]]
    assert mapped.of_teacher(teacher).tolist() == [[30, 0]]
    assert mapped.partial


def test_a_dict_says_the_same_as_a_list():
    by_list, by_dict = ClassMap([3, None, 0]), ClassMap({2: 0, 0: 3})
    assert by_list.student_classes == by_dict.student_classes == [0, 2]
    assert by_list.teacher_classes == by_dict.teacher_classes == [3, 0]


def test_a_larger_teacher_leaves_the_student_whole():
    mapped = fitted([5, 1], 2, 6)
    logits = torch.randn(3, 2)
    assert mapped.of_student(logits) is logits
    assert not mapped.partial


@pytest.mark.parametrize("shape", [(4,), (7, 4), (2, 5, 3, 4), (0, 4)])
def test_the_last_dimension_of_any_tensor_is_of_classes(shape):
    mapped = fitted([None, 1, 0], 3, 4)
    teacher, student = torch.randn(shape), torch.randn(*shape[:-1], 3)
    assert torch.equal(mapped.of_teacher(teacher), teacher[..., [1, 0]])
    assert torch.equal(mapped.of_student(student), student[..., [1, 2]])


def test_scores_sum_to_one_over_the_students_classes():
    scores = fitted([3, None, 0], 3, 4).scores(torch.tensor([0.1, 0.2, 0.4, 0.3]))
    torch.testing.assert_close(scores, torch.tensor([0.75, 0.0, 0.25]))


def test_pixels_get_the_likeliest_of_the_students_classes():
    logits = torch.tensor([3.0, 9.0, 1.0, 2.0]).reshape(4, 1, 1).expand(4, 2, 3)
    fields = dict(seg_logits=logits, pred_sem_seg=torch.ones(1, 2, 3, dtype=torch.long))
    sample = SimpleNamespace(**{k: SimpleNamespace(data=v) for k, v in fields.items()})
    ClassMap([2, None, 3]).relabel_pixels(sample)
    assert (sample.pred_sem_seg.data == torch.full((1, 2, 3), 2)).all()
    own = sample.seg_logits.data[:, 0, 0].tolist()
    assert own == [1.0, float("-inf"), 2.0]


def test_background_maps_to_background_without_being_named():
    student, teacher = ClassOutputs(3, background=True), ClassOutputs(5, background=True)
    for correspondence in ([4, None, 0], [4, None, 0, 5], {0: 4, 2: 0}, {0: 4, 2: 0, 3: 5}):
        mapped = ClassMap(correspondence).fit("t", student, teacher)
        assert mapped.student_classes == [0, 2, 3]
        assert mapped.teacher_classes == [4, 0, 5]
        assert mapped.partial
    assert not ClassMap([4, 1, 0]).fit("t", student, teacher).partial


def test_one_map_fits_heads_with_and_without_background():
    plain = ClassMap([4, None, 0])
    with_background = plain.fit("t", ClassOutputs(3, True), ClassOutputs(5, True))
    without = with_background.fit("t", ClassOutputs(3, False), ClassOutputs(5, False))
    assert without.student_classes == [0, 2]
    one_side = plain.fit("t", ClassOutputs(3, True), ClassOutputs(5, False))
    assert one_side.student_classes == [0, 2]


@pytest.mark.parametrize("correspondence", [{0: 5}, {3: 0}, [1, None, 0, 2]])
def test_background_is_no_class(correspondence):
    with pytest.raises(ValueError, match="class 3 of the student and 5 of the teacher"):
        ClassMap(correspondence).fit("t", ClassOutputs(3, True), ClassOutputs(5, True))


@pytest.mark.parametrize(
    ("correspondence", "message"),
    [
        ([None, None], "shares no class"),
        ({}, "shares no class"),
        ([1, 1], "to two of the student"),
        ([0, -1], "negative"),
    ],
)
def test_maps_that_make_no_sense_are_refused(correspondence, message):
    with pytest.raises(ValueError, match=message):
        ClassMap(correspondence)


def test_an_index_outside_the_logits_names_the_network_and_its_classes():
    with pytest.raises(ValueError, match=r"class 9 of the teacher 't', which has 4 classes"):
        fitted([9, 0], 2, 4)
    with pytest.raises(ValueError, match=r"class 7 of the student, which has 2 classes and back"):
        ClassMap({7: 0}).fit("t", ClassOutputs(2, True), ClassOutputs(4, True))


def test_a_list_of_another_length_than_the_classes_is_refused():
    with pytest.raises(ValueError, match="one of 2 classes of the student, which has 5 classes"):
        fitted([1, 0], 5, 4)
    with pytest.raises(ValueError, match="one of 9 classes of the teacher 't', which has 4"):
        ClassMap([1, 0], teacher_count=9).fit("t", ClassOutputs(2), ClassOutputs(4))


class Head(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.num_classes = classes
        self.fc = nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("width", "expected", "words"),
    [
        (80, ClassOutputs(80, False), "80 classes"),
        (81, ClassOutputs(80, True), "80 classes and background"),
    ],
)
def test_the_nearest_head_says_what_its_logits_are(width, expected, words):
    network = nn.ModuleDict(dict(head=Head(80), other=nn.ModuleDict(dict(fc=nn.Linear(1, 1)))))
    found = ClassOutputs.of(network, "head.fc", width)
    assert found == expected
    assert str(found) == words
    assert found.width == width
    assert ClassOutputs.of(network, "other.fc", width) == ClassOutputs(width)


@pytest.mark.parametrize("width", [79, 82, 85])
def test_numbers_that_are_not_those_of_the_heads_classes_are_refused(width):
    """YOLOv3 gives 85 for 80 classes, Seesaw loss takes 82: boxes or objectness among them."""
    network = nn.ModuleDict(dict(head=Head(80)))
    message = rf"{width} numbers for a sample, but Head has 80 classes: .* compare features"
    with pytest.raises(ValueError, match=message):
        ClassOutputs.of(network, "head.fc", width)


def test_an_outer_head_may_say_what_an_inner_one_does_not():
    inner = Head(80)
    network = nn.ModuleDict(dict(head=Head(5)))
    network["head"].inner = inner
    assert ClassOutputs.of(network, "head.inner.fc", 6) == ClassOutputs(5, True)


def test_logits_of_the_same_width_need_not_stand_for_the_same():
    with_background, without = ClassOutputs(4, True), ClassOutputs(5, False)
    assert not with_background.comparable(without)
    assert with_background.comparable(ClassOutputs(5))  # a network that does not say
    assert not with_background.comparable(ClassOutputs(4))
