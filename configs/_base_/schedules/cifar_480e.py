# MLKD's recipe in the code of logit standardisation and of EA-KD: 480 epochs at rate 0.025. Their
# configs keep the epochs 150, 180 and 210 of the 240-epoch recipe for the three divisions by 10, so
# that the last 270 epochs run at a rate of 2.5e-5. Twice those epochs would be [300, 360, 420].
_base_ = "./cifar_240e.py"

optim_wrapper = dict(optimizer=dict(lr=0.025))
train_cfg = dict(max_epochs=480)
