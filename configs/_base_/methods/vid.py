# RepDistiller's and mdistiller's settings of VID, with a weight of 1.
vid = dict(loss=dict(type="mmkd.VIDLoss"))
