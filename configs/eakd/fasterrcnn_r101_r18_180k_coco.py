_base_ = "../kd/fasterrcnn_r101_r18_180k_coco.py"

# The detection code of EA-KD is not released. An interpretation: ER-KD's temperatures, EA-KD's
# weight, and the logarithm of the number of classes with background as bound.
sample_weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=4.0)
model = dict(terms=dict(kd=dict(sample_weight=sample_weight)))
