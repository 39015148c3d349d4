# Logit standardisation under KD and under DKD.
standardized = [dict(type="mmkd.Standardize")]
ls = dict(type="mmkd.KDLoss", transforms=standardized)
ls_dkd = dict(type="mmkd.DKDLoss", transforms=standardized)
