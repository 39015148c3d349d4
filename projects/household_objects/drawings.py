"""Drawings of household objects, to have something to detect without a download."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

Image = NDArray[np.uint8]
SIDE = 64
INK, DARK = 255, 90


def alarm_clock(image: Image, random: RandomState) -> None:
    """A dial with hands, bells and feet."""
    radius = random.randint(18, 23)
    for side in (-1, 1):
        cv2.circle(image, (32 + side * 15, 14), 7, INK, -1)
        cv2.line(image, (32 + side * 12, 50), (32 + side * 18, 60), INK, 4)
    cv2.circle(image, (32, 36), radius, INK, -1)
    for length in (radius - 5, radius - 11):
        angle = random.uniform(0, 2 * np.pi)
        tip = (int(32 + length * np.cos(angle)), int(36 + length * np.sin(angle)))
        cv2.line(image, (32, 36), tip, DARK, 3)


def bath_towel(image: Image, random: RandomState) -> None:
    """A cloth with stripes and fringes."""
    left, right = 32 - random.randint(14, 24), 32 + random.randint(14, 24)
    cv2.rectangle(image, (left, 4), (right, 54), INK, -1)
    for row in range(38, 38 + 5 * random.randint(1, 4), 5):
        cv2.line(image, (left, row), (right, row), DARK, 2)
    for column in range(left, right + 1, 4):
        cv2.line(image, (column, 54), (column, 60), INK, 1)


def key(image: Image, random: RandomState) -> None:
    """A ring, a shaft and its teeth."""
    cv2.circle(image, (32, 15), random.randint(9, 13), INK, 5)
    end = random.randint(54, 62)
    cv2.line(image, (32, 26), (32, end), INK, 5)
    for row in range(end, end - 6 * random.randint(2, 4), -6):
        cv2.line(image, (32, row), (32 + random.randint(8, 14), row), INK, 3)


def lampshade(image: Image, random: RandomState) -> None:
    """A shade on a stand."""
    top, bottom = random.randint(7, 14), random.randint(22, 30)
    corners = [(32 - top, 6), (32 + top, 6), (32 + bottom, 40), (32 - bottom, 40)]
    cv2.fillConvexPoly(image, np.array(corners), INK)
    cv2.line(image, (32, 40), (32, 58), INK, 4)
    cv2.line(image, (22, 59), (42, 59), INK, 5)


def mug(image: Image, random: RandomState) -> None:
    """A cup with a handle."""
    top, right = random.randint(8, 18), random.randint(38, 44)
    cv2.ellipse(image, (right, (top + 58) // 2), (13, 14), 0, 0, 360, INK, 5)
    cv2.rectangle(image, (8, top), (right, 58), INK, -1)
    cv2.line(image, (8, top + 8), (right, top + 8), DARK, 2)


def remote_control(image: Image, random: RandomState) -> None:
    """A bar with rows of buttons."""
    half = random.randint(9, 14)
    cv2.rectangle(image, (32 - half, 3), (32 + half, 61), INK, -1)
    cv2.circle(image, (32, 11), 4, DARK, -1)
    for row in range(22, 22 + 9 * random.randint(3, 5), 9):
        for column in (-half // 2, 0, half // 2):
            cv2.circle(image, (32 + column, row), 2, DARK, -1)


def wineglass(image: Image, random: RandomState) -> None:
    """A bowl on a stem."""
    width = random.randint(13, 20)
    cv2.ellipse(image, (32, 6), (width, random.randint(24, 32)), 0, 0, 180, INK, -1)
    cv2.line(image, (32, 30), (32, 58), INK, 3)
    cv2.line(image, (32 - width, 59), (32 + width, 59), INK, 4)


DRAWN: dict[str, Callable[[Image, RandomState], None]] = {
    drawing.__name__: drawing
    for drawing in (alarm_clock, bath_towel, key, lampshade, mug, remote_control, wineglass)
}


def draw(name: str, random: RandomState) -> Image:
    """Return a drawing of that object, bright on black, slightly turned, shape (64, 64)."""
    image = np.zeros((SIDE, SIDE), np.uint8)
    DRAWN[name](image, random)
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), random.uniform(-12, 12), 0.95)
    return np.asarray(cv2.warpAffine(image, turn, (SIDE, SIDE)), np.uint8)
