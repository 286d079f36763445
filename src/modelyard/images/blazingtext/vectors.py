"""Word vectors by gensim: Word2Vec, or fastText's with subwords."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelyard.images.blazingtext.hyperparameters import Hyperparameters

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Subwords:
    """The vectors of pieces of words, for words that have no vector of their own."""

    buckets: NDArray[np.int64]  # (pieces,), ascending: those that occur in the vocabulary
    vectors: Floats  # (pieces, dimensions)
    bucket_count: int
    shortest: int
    longest: int

    def vector(self, word: str) -> Floats:
        """Return the mean of the vectors of a word's pieces (dimensions,); zeros without any."""
        hashes = np.array(_hashes(word, self.shortest, self.longest, self.bucket_count), np.int64)
        known = np.isin(hashes, self.buckets)
        if not known.any():
            return np.zeros(self.vectors.shape[1], np.float32)
        rows = np.searchsorted(self.buckets, hashes[known])
        mean: Floats = self.vectors[rows].sum(axis=0) / np.float32(len(hashes))
        return mean


@dataclass(frozen=True, kw_only=True)
class WordVectors:
    """What is learnt."""

    words: tuple[str, ...]
    vectors: Floats  # (words, dimensions)
    subwords: Subwords | None


def learn(sentences: Sequence[Sequence[str]], hp: Hyperparameters) -> WordVectors:
    """Return the vectors of all words that occur often enough: the same every time."""
    from gensim.models import FastText, Word2Vec

    common: dict[str, Any] = {
        "sentences": sentences,
        "vector_size": hp.vector_dim,
        "window": hp.window_size,
        "min_count": max(1, hp.min_count),
        "negative": hp.negative_samples,
        "sample": hp.sampling_threshold,
        "alpha": hp.learning_rate,
        "epochs": hp.epochs,
        "sg": int(hp.mode != "cbow"),
        "seed": 1,
        "workers": 1,  # several threads give another model each time
    }
    if not hp.subwords:
        found = Word2Vec(**common).wv
        return WordVectors(words=tuple(found.index_to_key), vectors=found.vectors, subwords=None)
    pieces = {"min_n": hp.min_char, "max_n": hp.max_char, "bucket": hp.buckets}
    found = FastText(**common, **pieces).wv
    words = tuple(found.index_to_key)
    return WordVectors(words=words, vectors=found.vectors, subwords=_subwords(words, found, hp))


def _subwords(words: Sequence[str], found: Any, hp: Hyperparameters) -> Subwords:
    shape = (hp.min_char, hp.max_char, hp.buckets)
    used = np.array(sorted({piece for word in words for piece in _hashes(word, *shape)}), np.int64)
    return Subwords(
        buckets=used,
        vectors=found.vectors_ngrams[used],
        bucket_count=hp.buckets,
        shortest=hp.min_char,
        longest=hp.max_char,
    )


def _hashes(word: str, shortest: int, longest: int, buckets: int) -> list[int]:
    from gensim.models.fasttext import ft_ngram_hashes

    return list(ft_ngram_hashes(word, shortest, longest, buckets))


@dataclass(frozen=True, kw_only=True)
class Similarity:
    """How well distances between vectors agree with what people say of the words."""

    found: int  # pairs
    not_found: int
    mean_rho: float  # Spearman's; NaN for fewer than two pairs


def evaluate(vectors: WordVectors) -> Similarity:
    """Return the result of the WordSimilarity-353 test, whose pairs come with gensim."""
    from gensim.test.utils import datapath
    from scipy.stats import spearmanr

    rows = {word: row for row, word in enumerate(vectors.words)}
    said, measured = [], []
    missing = 0
    with open(datapath("wordsim353.tsv"), encoding="utf-8") as file:  # noqa: PTH123 - its path is text
        for line in file:
            first, _, rest = line.strip().partition("\t")
            second, _, likeness = rest.partition("\t")
            if line.startswith("#") or not likeness:
                continue
            if first.lower() not in rows or second.lower() not in rows:
                missing += 1
                continue
            a, b = vectors.vectors[rows[first.lower()]], vectors.vectors[rows[second.lower()]]
            said.append(float(likeness))
            measured.append(float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b))))
    rho = float(spearmanr(said, measured).statistic) if len(said) > 1 else float("nan")
    return Similarity(found=len(said), not_found=missing, mean_rho=rho)
