"""Teacher store in the form that a run uses."""

import os
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mmengine.fileio import LocalBackend, exists, get_file_backend, join_path
from mmengine.logging import print_log
from torch import Tensor, nn

from mmkd.networks.taps import Tap
from mmkd.store.checks import check_parts, check_taps, features_of
from mmkd.store.identity import of_config, of_index, of_pixels, of_preprocessing, of_teacher
from mmkd.store.manifest import NAME, Manifest, StoreError, TeacherEntry, feature_name
from mmkd.store.shards import Shards, sha256
from mmkd.store.stored_teacher import StoredTeacher
from mmkd.store.values import Full, Values, read_values

HOOK = (
    "Give the config the hook that tells it: default_hooks=dict(exact_resume="
    "dict(type='mmkd.ExactResumeHook'))."
)


class Store:
    """Stored logits and features of a run's teachers, read by sample and view.

    Args:
        path: The store's folder, in any of MMEngine's file backends.
        views: Number of views after which a run begins again with the first; ``None`` for a new
            view in each epoch.
        grow: Whether the run's teachers compute missing records and add them. The teachers are then
            built and loaded, and released after the last view. If there is no store at the path, a
            new one of full logits is begun. The path must be a local folder.

    Attributes:
        configs: The configs of the run's teachers, by name.
        fresh: Whether there is no store yet.

    Raises:
        StoreError: If ``grow`` is false and there is no store or it has fewer than ``views`` views,
            if ``views`` is below 1, or if a store is to grow that is not in a local folder.
    """

    manifest: Manifest
    values: Values = Full()
    entropies: Sequence[tuple[float, float]] = ()
    features: Mapping[str, Sequence[Tap]] = MappingProxyType({})
    shards: Shards
    configs: Mapping[str, Any]

    def __init__(self, path: str, views: int | None = None, grow: bool = False) -> None:
        self.path, self.views, self.grow = path, views, grow
        self._batch: tuple[Any, Mapping[str, Tensor]] | None = None
        self._unread = set[str]()  # columns of features that no term reads
        if grow and not isinstance(get_file_backend(path), LocalBackend):
            raise StoreError(f"A store grows in a local folder, and {path} is elsewhere.")
        self.fresh = grow and not exists(join_path(path, NAME))
        if not self.fresh:
            self.read(Manifest.read(path))
        if views is not None and views < 1:
            raise StoreError(f"model.store.views is {views}: give a number of at least 1.")
        if views is not None and not grow and views > self.manifest.views:
            raise StoreError(
                f"The store {path} has {self.manifest.views} views, and model.store.views is "
                f"{views}: give at most as many, or let the run add them: --store-grow "
                "(model.store.grow=True)."
            )

    def read(self, manifest: Manifest) -> None:
        """Read the records that a manifest describes."""
        self.manifest, self.fresh = manifest, False
        self.values = read_values(manifest.values)
        self.entropies = [(pair[0], pair[1]) for pair in manifest.entropies]
        entries = manifest.teachers.items()
        self.features = {name: [*map(Tap.parse, entry.features)] for name, entry in entries}
        self._unread = manifest.feature_columns
        self.shards = Shards(self.path, manifest)

    @property
    def seed(self) -> int:
        """Seed of the samples' random transforms, which a run has to use too."""
        return self.manifest.seed

    def teachers(self, configs: Mapping[str, Any]) -> dict[str, Any]:
        """Return replacements of a config's teachers, after comparing them with the store's.

        They are :class:`StoredTeacher` objects. If the store grows, they are the configs, because
        the teachers have to be built.

        Raises:
            StoreError: If the store belongs to other teachers. Weights are compared if their file
                exists.
        """
        self.configs = configs
        for name, config in configs.items():
            if not isinstance(config, Mapping):
                raise StoreError(
                    f"A store stands in for a teacher that a config describes, and {name!r} is a "
                    f"{type(config).__name__}: give dict(model=..., checkpoint=...)."
                )
        if not self.fresh:
            self._compare(configs)
        return {**configs} if self.grow else {**self.stored_teachers()}

    def stored_teachers(self) -> dict[str, StoredTeacher]:
        """Return the teachers that read this store."""
        return {
            name: StoredTeacher(name, entry, self._reader(name), self.entropies)
            for name, entry in self.manifest.teachers.items()
        }

    def _compare(self, configs: Mapping[str, Any]) -> None:
        """Raise :class:`StoreError` if the store belongs to other teachers."""
        if configs.keys() != self.manifest.teachers.keys():
            raise StoreError(
                f"The store {self.path} is of the teachers {', '.join(self.manifest.teachers)}, "
                f"and the config has {', '.join(configs)}."
            )
        for name, config in configs.items():
            entry, file = self.manifest.teachers[name], config.get("checkpoint")
            if of_teacher(config) != entry.settings:
                raise self._misfit(f"another network, or other settings, of the teacher {name!r}")
            if file is None or not os.path.isfile(os.path.expanduser(str(file))):
                print_log(
                    f"The weights of {name!r} are not here: the store's are taken.", "current"
                )
            elif sha256(os.path.expanduser(str(file))) != entry.weights:
                raise self._misfit(
                    f"other weights of the teacher {name!r}: {entry.checkpoint} had SHA-256 "
                    f"{entry.weights[:12]}..., which {file} has not"
                )

    def check_model(
        self, student: nn.Module, terms: Iterable[Any], logits: Mapping[str, Any]
    ) -> None:
        """Raise :class:`StoreError` if a student or its terms cannot learn from this store."""
        terms = list(terms)
        check_student(student)
        check_taps(terms, logits, self.features)
        check_parts(terms, logits, self.values, self.entropies)
        read = features_of(terms, logits, self.features)
        self._unread -= {
            f"{name}.{feature_name(tap)}" for name, taps in read.items() for tap in taps
        }
        if not self.fresh and of_preprocessing(student) != self.manifest.preprocessing:
            raise self._misfit(
                f"other preprocessing: {self.manifest.preprocessing} there, "
                f"{of_preprocessing(student)} here"
            )

    def check_data(self, dataset: Any, config: Any, epochs: int) -> None:
        """Raise :class:`StoreError` if a run's data differ from those of the store.

        Args:
            dataset: The training data, which load by position with the store's seed.
            config: The config of the data.
            epochs: Number of passes of the run over the data. Each pass needs a view of its own,
                unless ``views`` of this object is set.
        """
        manifest = self.manifest
        if len(dataset) != manifest.samples:
            raise self._misfit(f"{manifest.samples} samples there, {len(dataset)} here")
        if of_config(config) != manifest.pipeline:
            raise self._misfit("another data set or pipeline (train_dataloader.dataset)")
        if of_index(dataset) != manifest.data:
            raise self._misfit("other samples or labels, or another order of them")
        if of_pixels(dataset.__getitems__) != manifest.pixels:
            raise self._misfit(
                "other pixels of the same samples: the images, the loader "
                "(train_dataloader.type), or the libraries that read and transform them differ "
                f"(the store was made with {manifest.made_with})"
            )
        views = self.views or epochs
        if self.grow:
            return
        if views > manifest.views:
            raise StoreError(
                f"The store {self.path} has {manifest.views} views and the run needs {views}, one "
                f"for each epoch. Let it add them: --store-grow (model.store.grow=True); or python "
                f"-m mmkd store build CONFIG --out {self.path} --views {views}; or repeat what is "
                f"there: model.store.views={manifest.views}."
            )
        if missing := self.shards.missing(min(views, manifest.views)):
            raise StoreError(
                f"The store {self.path} is not complete: {missing[0]} and {len(missing) - 1} more "
                "files are missing. Train with --store-grow, or run `store build` again, which add "
                "them."
            )

    def check_entries(self, entries: Mapping[str, TeacherEntry]) -> None:
        """Raise :class:`StoreError` if teachers' taps or shapes differ from the stored ones."""
        for name, stored in self.manifest.teachers.items():
            there, here = (
                (entry.tap, entry.classes, entry.features) for entry in (stored, entries[name])
            )
            if there != here:
                raise self._misfit(
                    f"other tensors: (tap of the logits, classes, features) of {name!r} are "
                    f"{there} there, {here} here"
                )

    def check_read(self, teachers: Iterable[Any]) -> None:
        """Raise :class:`StoreError` if a teacher does not read the store, for lack of the hook."""
        if not all(isinstance(teacher, StoredTeacher) for teacher in teachers):
            raise StoreError(
                f"The store {self.path} was not told which samples and views the run loads, and "
                f"cannot grow. {HOOK}"
            )

    def _misfit(self, words: str) -> StoreError:
        return StoreError(
            f"The store {self.path} does not fit the run. It was built with {words}. Build one for "
            "this config: python -m mmkd store build CONFIG --out ANOTHER_PATH"
        )

    def _reader(self, name: str) -> Any:
        kept = {feature_name(tap) for tap in self.features[name]}

        def read(data_samples: Any) -> dict[str, Tensor]:
            columns = {
                column.removeprefix(f"{name}."): value
                for column, value in self._records(data_samples).items()
                if column.startswith(f"{name}.")
            }
            classes = self.manifest.teachers[name].classes
            found = {"logits": self.values.decode(columns, classes)}
            exact = self.manifest.values == dict(kind="full", dtype="float32")
            if not exact and "entropies" in columns:
                found["entropies"] = columns["entropies"]
            features = {name: tensor for name, tensor in columns.items() if name in kept}
            return {**found, **features}

        return read

    def _records(self, data_samples: Any) -> Mapping[str, Tensor]:
        """Return the records of a batch, which several teachers share."""
        if self._batch is None or self._batch[0] is not data_samples:
            samples, views = _positions(data_samples)
            self._batch = data_samples, self.shards.read(samples, views, self._unread)
        return self._batch[1]


def _positions(data_samples: Sequence[Any] | None) -> tuple[list[int], list[int]]:
    positions = [sample.position for sample in data_samples or () if "position" in sample]
    if not positions or len(positions) < len(data_samples or ()):
        raise StoreError(
            "The batch does not say which samples and views it has, and the store cannot be asked. "
            f"{HOOK}"
        )
    if repeated := [sample for sample, _, repetition in positions if repetition]:
        raise StoreError(
            f"The sampler gives sample {repeated[0]} twice in one pass, with other random changes "
            "each time, and a store has one record a view. Take DefaultSampler or InfiniteSampler."
        )
    return [sample for sample, _, _ in positions], [view for _, view, _ in positions]


def check_student(student: nn.Module) -> None:
    """Raise :class:`StoreError` if a student is no classifier, or sees other inputs."""
    preprocessor: Any = getattr(student, "data_preprocessor", None)
    if not hasattr(student, "head"):
        raise StoreError(
            f"{type(student).__name__} is no classifier of mmpretrain. What a detector's teacher "
            "computes depends on the student's own proposals, or is too much to be kept: a store "
            "is for classifiers."
        )
    if getattr(preprocessor, "batch_augments", None) is not None:
        raise StoreError(
            "The student's batch augmentations (train_cfg.augments, such as Mixup or CutMix) mix "
            "samples anew in each iteration, of which a store has no record. Remove either."
        )
    if getattr(preprocessor, "views", 1) > 1:
        raise StoreError(
            "A batch of several views of each image (mmkd.MultiViewDataPreprocessor) has more "
            "inputs than samples, and a store has one record of a sample in an epoch."
        )
