# SimKD: the student has a projector and the teacher's classifier. Each pair that is named below has
# such a student. For another pair give such a network as the student (its neck begins with
# `mmkd.SimKDNeck`).
method = dict(
    classifier=dict(
        model=dict(
            student_loss_weight=0.0,
            terms=dict(
                simkd=dict(student="neck.0", teacher="@map", loss=dict(type="mmkd.SimKDLoss"))
            ),
        )
    )
)
options = dict(weight="model.terms.simkd.weight")
students = dict(
    resnet32x4_resnet8x4_cifar100="resnet8x4_of_resnet32x4",
    vgg13_vgg8_cifar100="vgg8_of_vgg13",
    wrn_40_2_wrn_16_2_cifar100="wrn_16_2_of_wrn_40_2",
    wrn_40_2_wrn_40_1_cifar100="wrn_40_1_of_wrn_40_2",
    resnet32x4_ShuffleV2_cifar100="ShuffleV2_of_resnet32x4",
    ResNet50_MobileNetV2_cifar100="MobileNetV2_of_ResNet50",
    vgg13_MobileNetV2_cifar100="MobileNetV2_of_vgg13",
    resnet20_resnet8_w8_fmnist8k="resnet8_w8_of_resnet20",
    resnet50_resnet18_imagenet="resnet18_of_resnet50",
)
published = {
    pair: dict(model=dict(student=f"mmkd::_base_/models/simkd/{student}.py"))
    for pair, student in students.items()
}
del students
