# A teacher, fine-tuned. The recipe is our own and has not been run.
_base_ = [
    "../_base_/models/transformers/deit_base_384.py",
    "../_base_/datasets/tiny_imagenet_384.py",
    "../_base_/schedules/finetune_5e.py",
    "../_base_/default_runtime.py",
]

model = dict(head=dict(num_classes=200))
