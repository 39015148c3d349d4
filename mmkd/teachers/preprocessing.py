"""Preprocessing of a teacher's images, in place of the student's."""

from dataclasses import dataclass

from mmengine.logging import print_log
from torch import nn

from mmkd.teachers.renormalize import Normalization, Pixels, Renormalize


@dataclass(frozen=True)
class Preprocessing:
    """The known normalisation of a teacher's images and of its student's.

    Attributes:
        own: Normalisation by the data preprocessor of the teacher's network.
        pixels: Normalisation of the teacher's RGB images, from the user or the network's library.
            It takes precedence over ``own``.
        student: Normalisation of the student's RGB images, from the user. It takes precedence over
            that of the student's data preprocessor.
    """

    own: Normalization | None
    pixels: Pixels | None
    student: Pixels | None

    def conversion(
        self, name: str, student: nn.Module, loaded_bgr: bool | None
    ) -> Renormalize | None:
        """Return the conversion of the student's normalised input into the teacher's.

        It is ``None`` if there is nothing to convert, and if the normalisation of either network is
        not known: the teacher then takes the student's input as it is.

        Args:
            name: The teacher's name.
            student: The student.
            loaded_bgr: Whether the images are loaded as BGR, if it is known.

        Raises:
            ValueError: If the networks take images with different numbers of channels.
        """
        given = Normalization.of(student)
        if self.student is not None:
            given = self.student.beside(given, loaded_bgr)
        own = self.own if self.pixels is None else self.pixels.beside(given, loaded_bgr)
        if own is None or given is None:
            if self.pixels is not None:
                self._warn(name)
            return None
        try:
            renormalize = Renormalize(given, own)
        except ValueError as error:
            raise ValueError(
                f"The teacher {name!r} cannot take the student's input: {error}"
            ) from None
        return None if renormalize.identity else renormalize

    def _warn(self, name: str) -> None:
        assert self.pixels is not None
        print_log(
            f"The teacher {name!r} takes RGB images with mean {self.pixels.mean} and std "
            f"{self.pixels.std}. The student does not say how its input is normalised: the teacher "
            "gets it as it is. Say it by the teacher's student_normalization=dict(mean=[...], "
            "std=[...]), in pixel units.",
            "current",
            30,
        )
