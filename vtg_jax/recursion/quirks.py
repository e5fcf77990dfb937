"""What the released search does that we would not: one switch each."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quirks:
  """True where the search does as ReVisionLLM's release does.

  Attributes:
    skip_short_videos: A video no longer than a window has no windows.
      Otherwise it is one window.
    stretch_last_window: The last dense window is cut off at the end of the
      video while its frames are counted as if it were whole, so that its
      times come out stretched. Otherwise it is moved to the left, and times
      are those of the frames shown.
    repeat_last_windows: The last few sparse windows are one and the same.
      Otherwise every window is there once.
    wrap_short_chunks: Where fewer windows are there than a call takes, the
      chunk begins before window 0, which Python counts from the end; then
      some windows are never asked about, and hits come out too early.
    refill_last_chunk: The last chunk begins earlier, so that it is full, and
      windows are asked about twice. Otherwise chunks differ by one at most.
    short_sequences: A chunk with few windows is asked about with few tokens.
      Otherwise every window is repeated as often as fits.
    shuffle_windows: The windows of a sparse call stand in random order.
      Otherwise in that of time, as in training.
    first_place_only: Of a sparse answer its first number counts. Otherwise
      all places that it names.
    clamp_hits_to_call: A hit ends at the number of tokens of a call, so that
      late hits are empty. Otherwise at the last window.
    half_open_hits: A hit's dense windows are counted in whole strides,
      half-open and short of the last one, and may be none. Otherwise they are
      those whose middle the hit meets.
    keep_reversed_spans: A span that ends before it starts is a prediction.
    fuse_by_text: Which answers are predictions is told by two fixed texts
      when the passes are fused, whatever the parser took them for.
    divide_by_maximum: Scores are divided by the largest, whose sign may be
      negative. Otherwise by the largest magnitude.
    count_padding_steps: The mean entropy of an answer counts the steps after
      its end, in which it waits for the others of its batch.
    wrap_restriction: A restriction to what dense answers found begins before
      window 0, which is the end of the video, and lists its windows as a
      hash table does. Otherwise it stays inside, in the order of time.
  """

  skip_short_videos: bool
  stretch_last_window: bool
  repeat_last_windows: bool
  wrap_short_chunks: bool
  refill_last_chunk: bool
  short_sequences: bool
  shuffle_windows: bool
  first_place_only: bool
  clamp_hits_to_call: bool
  half_open_hits: bool
  keep_reversed_spans: bool
  fuse_by_text: bool
  divide_by_maximum: bool
  count_padding_steps: bool
  wrap_restriction: bool


def _all(value: bool) -> Quirks:
  return Quirks(**{field.name: value for field in dataclasses.fields(Quirks)})


# What the published numbers were computed with.
RELEASED = _all(True)
# What we would rather do; the default.
CLEAN = _all(False)
PRESETS = {'released': RELEASED, 'clean': CLEAN}
