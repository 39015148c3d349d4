import pytest
from mmengine.visualization import LocalVisBackend


def test_a_log_of_scalars_that_cannot_be_written_is_passed_over(tmp_path, capsys):
    """Fails when MMEngine writes its scalars by another function, and would raise again."""
    backend = LocalVisBackend(str(tmp_path))
    backend.add_scalar("loss", 1.0)
    (tmp_path / "scalars.json").unlink()
    (tmp_path / "scalars.json").symlink_to("/dev/full")
    backend.add_scalar("loss", 2.0)
    backend.add_scalars({"loss": 3.0})
    assert capsys.readouterr().err.count("scalars.json could not be written") == 2


def test_what_is_no_fault_of_the_disk_is_still_raised(tmp_path):
    backend = LocalVisBackend(str(tmp_path))
    with pytest.raises(TypeError):
        backend.add_scalars({"loss": object()})
