"""A text's features: its known words, and its word n-grams by hash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
_FNV_START, _FNV_STEP, _BITS = 2166136261, 16777619, 0xFFFFFFFF
_NGRAM_STEP = 116049371  # fastText's


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Which words and n-grams have a vector: words first, then the buckets that occur."""

    words: Mapping[str, int]
    buckets: Mapping[int, int]
    bucket_count: int
    ngrams: int  # the longest, in words

    def __len__(self) -> int:
        return len(self.words) + len(self.buckets)

    def features(self, tokens: Sequence[str]) -> Indices:
        """Return the rows of a text's vectors; none where nothing in it is known."""
        known = [self.words[token] for token in tokens if token in self.words]
        hashes = _ngram_hashes(tokens, self.ngrams, self.bucket_count)
        known += [self.buckets[bucket] for bucket in hashes if bucket in self.buckets]
        return np.array(known, np.int64)


def vocabulary(
    texts: Iterable[Sequence[str]], *, min_count: int, ngrams: int, buckets: int
) -> Vocabulary:
    """Return the words that occur `min_count` times or more, and the buckets of n-grams."""
    texts = list(texts)
    counts = Counter(token for tokens in texts for token in tokens)
    kept = sorted(
        (word for word, count in counts.items() if count >= min_count),
        key=lambda word: (-counts[word], word),
    )
    found = sorted({h for tokens in texts for h in _ngram_hashes(tokens, ngrams, buckets)})
    return Vocabulary(
        words={word: row for row, word in enumerate(kept)},
        buckets={bucket: len(kept) + row for row, bucket in enumerate(found)},
        bucket_count=buckets,
        ngrams=ngrams,
    )


def _ngram_hashes(tokens: Sequence[str], longest: int, buckets: int) -> Iterator[int]:
    """Return the buckets of all n-grams of 2 words and more."""
    if longest < 2:
        return
    hashes = [_hash(token) for token in tokens]
    for start, first in enumerate(hashes):
        value = first
        for following in hashes[start + 1 : start + longest]:
            value = (value * _NGRAM_STEP + following) & 0xFFFFFFFFFFFFFFFF
            yield value % buckets


def _hash(word: str) -> int:
    """Return the FNV-1a hash: Python's own is another one in each process."""
    value = _FNV_START
    for byte in word.encode():
        value = ((value ^ byte) * _FNV_STEP) & _BITS
    return value
