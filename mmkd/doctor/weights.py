"""Check of the sources of weights."""

from mmkd.compat.shipped import shipped
from mmkd.compat.weight_sources import VARIABLE, folders, unreachable
from mmkd.doctor.finding import Finding, Level

# Hosts that the configs of the stack name, with a file of each.
HOSTS = {
    "OpenMMLab's weights": "https://download.openmmlab.com/mmclassification/v0/resnet/"
    "resnet18_8xb32_in1k_20210831-fbbb1da6.pth",
    "OneDL's weights": "https://mmassets.onedl.ai/mmclassification/v0/resnet/"
    "resnet18_8xb32_in1k_20210831-fbbb1da6.pth",
    "torchvision's weights": "https://download.pytorch.org/models/resnet18-f37072fd.pth",
}


def check_weights() -> list[Finding]:
    """Check the weights that ship with mmkd, the folders of ``MMKD_WEIGHTS``, and the hosts."""
    count = sum(1 for _ in shipped("weights").glob("*.pth"))
    findings = [Finding(Level.OK, f"mmkd ships {count} file(s) of weights, as mmkd://weights/...")]
    for folder in folders():
        if folder.is_dir():
            count = sum(path.is_file() for path in folder.iterdir())
            findings.append(Finding(Level.OK, f"{VARIABLE}: {folder} has {count} file(s)"))
        else:
            text = f"{VARIABLE} names {folder}, which is no folder"
            findings.append(Finding(Level.WARNING, text, f"mkdir -p {folder}"))
    for name, address in HOSTS.items():
        reason = unreachable(address)
        if reason is None:
            findings.append(Finding(Level.OK, f"{name} can be reached"))
        else:
            text = f"{name} cannot be reached ({reason}); copies of them may lie in a folder"
            findings.append(Finding(Level.WARNING, text, f"export {VARIABLE}=<folder>"))
    return findings
