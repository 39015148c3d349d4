"""The same queries in the decoders of two DETR-like detectors (KD-DETR)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.arithmetic import full_precision
from mmkd.locations.locations import (
    Features,
    Locations,
    Maps,
    Selection,
    Side,
    check_no_labels,
    check_one_map,
    title,
)
from mmkd.networks.dry_run import evaluating, in_words
from mmkd.networks.manner import whole_images
from mmkd.networks.query_decoder import ENCODER, LEVELS, Queries, QueryDecoder
from mmkd.networks.taps import Tap, flat, run_tapped
from mmkd.registry import MODELS

# Largest relative difference between a network's output and that of its decoder on its own queries.
TOLERANCE = 1e-3


@MODELS.register_module()
class SharedQueries(Locations):
    """Give both decoders the same queries, and compare the predictions query by query.

    KD-DETR: Knowledge Distillation for Detection Transformer with Consistent Distillation Points
    Sampling (Wang et al., CVPR 2024). The queries of two detectors mean different things, unless
    both decode the same ones: those of the teacher (specific sampling), and random ones, drawn anew
    in each step (general sampling). Each decoder attends to its own encoder's output. Besides its
    usual pass a student decodes the queries once more, and the teacher's decoder runs on the random
    ones.

    The predictions of the last decoder layer are compared. Random content is normally distributed,
    as at the start of training, or zero if the teacher's is; random references, or anchors, are
    uniform over the image. Both kinds are decoded apart, so that they do not attend to each other.
    Details that the paper leaves open are interpretations.

    Detectors that train on denoising queries (DINO) may compare these as well: noised classes and
    boxes of the batch's objects, with the teacher's embedding of the classes. Groups of them do not
    attend to each other, nor to other queries. This is not in the paper.

    Args:
        specific: Whether the teacher's queries are compared.
        general: Number of random queries; by default as many as the teacher has.
        denoising: Whether denoising queries are compared.
        boxes: Tap of the boxes (layers, N, Q, 4), relative centre, width and height.
    """

    reads_logits = False
    gives_boxes = True

    def __init__(
        self,
        specific: bool = True,
        general: int | None = None,
        denoising: bool = False,
        boxes: str = "bbox_head[1]",
    ) -> None:
        if not specific and general == 0:
            also = ", also where an image has no denoising queries" if denoising else ""
            raise ValueError(
                "SharedQueries compares no queries with specific=False and general=0: set either"
                f"{also}."
            )
        self.specific, self.general, self.denoising = specific, general, denoising
        self.boxes = Tap.parse(boxes)
        self._levels: dict[str, list[Tap]] = {}

    def taps(self, network: str) -> list[Tap]:
        return [ENCODER, *self._levels.get(network, [LEVELS]), self.boxes]

    def expand(self, short: Mapping[str, Mapping[Tap, Any]]) -> None:
        for name, taps in short.items():
            if LEVELS in taps:
                self._levels[name] = flat(taps[LEVELS])

    def check(self, term: str, name: str, network: Any) -> None:
        reason = None
        if not hasattr(network, "forward_transformer"):
            reason = "has no decoder of queries. For dense heads take mmkd.DenseLocations"
        elif self.denoising and not hasattr(network, "dn_query_generator"):
            reason = "does not train on denoising queries: set denoising=False"
        elif self.denoising and hasattr(network, "cache_dict"):
            reason = "would choose among denoising queries: set denoising=False"
        elif not getattr(network, "with_neck", False):
            reason = "has no neck before its encoder. Take mmkd.MatchedQueries"
        if reason is not None:
            raise ValueError(
                f"The {title(name)} of the term {term!r} is a {type(network).__name__}, which "
                f"{reason}."
            )

    def fit(self, term: str, sides: Mapping[str, Side], labels: Tap | None) -> None:
        check_no_labels(term, labels, "queries, which have no labels")
        if len(sides) != 2:
            raise ValueError(
                f"The term {term!r} gives the queries of one teacher to the student, and has "
                f"{len(sides) - 1} teachers: write a term for each."
            )
        queries = {}
        for name, side in sides.items():
            remedy = "Tap what the head of a DETR-like detector gives, such as 'bbox_head[0]'."
            check_one_map(term, name, side, "queries (layers, N, Q, C)", remedy)
            try:
                queries[name] = self._verified(side)
            except (AttributeError, RuntimeError, TypeError, ValueError) as error:
                raise ValueError(
                    f"The decoder of the {title(name)}, a {type(side.network).__name__}, cannot be "
                    f"run by the term {term!r} on queries of another network: {in_words(error)}. "
                    "Take locations=dict(type='mmkd.MatchedQueries')."
                ) from error
        [(self._teacher, theirs)] = [(n, found) for n, found in queries.items() if n != "student"]
        own, given = (
            {part: found.shape[-1] for part, found in each.items()}
            for each in (queries["student"], theirs)
        )
        if own != given:
            raise ValueError(
                f"The term {term!r} gives the queries of the {title(self._teacher)} to the "
                f"student, but they have the widths {given} and the student's {own}: take a "
                "teacher of the same family with the same embed_dims, or mmkd.MatchedQueries."
            )
        if self.denoising:
            self._check_classes(term, sides)
        self._zero = not bool(theirs["query"].any())
        self._networks = sides["student"].network, sides[self._teacher].teacher

    def _check_classes(self, term: str, sides: Mapping[str, Side]) -> None:
        """Raise ``ValueError`` if the teacher does not embed the student's classes."""
        networks: list[Any] = [side.network for side in sides.values()]
        counts = {network.bbox_head.num_classes for network in networks}
        teacher = sides[self._teacher].teacher
        if len(counts) > 1 or (teacher is not None and teacher.class_map is not None):
            raise ValueError(
                f"The denoising queries of the term {term!r} are noised classes of the student, "
                f"which the {title(self._teacher)} embeds. It has other classes: set "
                "denoising=False."
            )

    @torch.no_grad()
    def _verified(self, side: Side) -> Queries:
        """Return a network's own queries; its decoder must give its own predictions for them."""
        network: Any = side.network
        kind = next(network.parameters()).dtype
        images = torch.rand(side.inputs.shape, generator=torch.Generator().manual_seed(0))
        images = images.to(side.inputs.device, kind)
        samples = whole_images(images)
        with evaluating(network):
            levels = network.extract_feat(images)
            states, caught = run_tapped(
                network, [ENCODER], lambda: network.forward_transformer(levels, samples)
            )
            expected = network.bbox_head(**states)[0]
            decoder = QueryDecoder(network, levels, caught[ENCODER], samples)
            queries = decoder.queries()
            found = decoder(queries)[0]
        if (found - expected).norm() > TOLERANCE * expected.norm():
            raise ValueError("on its own queries it gives something else than usual")
        return queries

    def predicted(self, features: Features, data_samples: Any) -> Features:
        """Return features in which both heads' outputs are those for the shared queries."""
        student, teacher = self._networks  # of a copied model the copied student
        assert teacher is not None
        with torch.no_grad(), teacher.alone():
            theirs = self._decoder(teacher.network, self._teacher, features, data_samples)
            specific = theirs.queries()
            others = self._others(theirs, specific, data_samples)
            decoded = [theirs(queries) for queries in others]
        own = self._decoder(student, "student", features, data_samples)
        sets = [specific, *others] if self.specific else others
        outputs = [own(_in_full(queries)) for queries in sets]
        predictions: dict[str, dict[Tap, Tensor]] = {}
        for name in ("student", self._teacher):
            caught = predictions[name] = dict(features[name])
            for tap in [tap for tap in caught if tap.path == self.boxes.path and not tap.input]:
                parts = [tap.pick(each) for each in outputs]
                if name != "student":  # those of its own queries are in its usual pass
                    parts = [caught[tap]] if self.specific else []
                    parts += [tap.pick(each) for each in decoded]
                caught[tap] = torch.cat(parts, dim=2)
        return {**features, **predictions}

    def _decoder(
        self, network: nn.Module, name: str, features: Features, data_samples: Any
    ) -> QueryDecoder:
        caught = features[name]
        levels = [caught[tap] for tap in self._levels[name]]
        return QueryDecoder(network, levels, caught[ENCODER], data_samples)

    def _others(self, decoder: QueryDecoder, specific: Queries, data_samples: Any) -> list[Queries]:
        """Return the sets of queries that the teacher's usual pass does not decode."""
        sets: list[Queries] = []
        if self.denoising and any(len(sample.gt_instances) for sample in data_samples):
            sets.append(decoder.noised(data_samples))
        if self.general != 0:
            sets.append(self._general(specific))
        return sets

    def _general(self, specific: Queries) -> Queries:
        """Return random queries with the parts of the teacher's, (N, Q, ...) each."""
        drawn = {}
        for name, part in specific.items():
            count, queries, width = part.shape
            shape, device = (count, self.general or queries, width), part.device
            if name == "reference_points":
                tensor = torch.rand(shape, device=device)
            elif width <= 4:  # anchors before their sigmoid
                tensor = torch.rand(shape, device=device).logit(eps=1e-3)
            elif name == "query" and self._zero:
                tensor = torch.zeros(shape, device=device)
            else:
                tensor = torch.randn(shape, device=device)
            drawn[name] = tensor.to(part.dtype)
        return drawn

    def flatten(self, network: str, outputs: Maps) -> Tensor:
        (layers,) = outputs
        return layers[-1].flatten(0, 1)

    def select(
        self,
        student: Tensor,
        logits: Mapping[str, Tensor],
        extras: Mapping[str, Mapping[Tap, Tensor]],
        labels: Tensor | None,
        data_samples: Any,
    ) -> Selection:
        rows = torch.arange(len(student), device=student.device)
        names = "student", self._teacher
        boxes = {name: self.flatten(name, [extras[name][self.boxes]]) for name in names}
        return Selection(dict.fromkeys(names, rows), boxes=boxes)


def _in_full(queries: Queries) -> Queries:
    """Return queries in full precision; a boolean mask stays as it is."""
    return {
        part: each if each.dtype == torch.bool else full_precision(each)
        for part, each in queries.items()
    }
