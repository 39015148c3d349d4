# RepDistiller's settings of FSP: for 30 epochs it initialises the student.
fsp = dict(loss=dict(type="mmkd.FSPLoss"), schedule=dict(end=30))
