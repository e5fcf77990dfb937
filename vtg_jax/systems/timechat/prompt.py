"""TimeChat's texts as ids: prompts around a video, and what is learnt.

Source: TimeChat conversation/conversation_video_batch.py and
  datasets/video_instruct_dataset.py.
"""

from collections.abc import Sequence

from vtg_jax.llm.tokenizers import Tokenizer
from vtg_jax.systems.timechat.chat import (
  ANSWERED,
  END,
  PLACEHOLDER,
)
from vtg_jax.systems.timechat.ids import IGNORE

# What LLaMA-2's tokenizer is read with; the placeholder's id is the first one
# after the file's. `time_words` may add more.
TOKENIZER_OPTIONS = dict(legacy=False, extra_tokens=(PLACEHOLDER,))
# Where the release cuts a turn: its answer begins after the blank.
_ANSWER_MARK = f'{ANSWERED.strip()} '


def prompt_ids(tokenizer: Tokenizer, text: str) -> tuple[list[int], list[int]]:
  """Ids of a prompt before its video, BOS first, and after it.

  Each part is tokenised alone and starts with a dummy space.

  Args:
    tokenizer: Of the language model.
    text: With one `PLACEHOLDER`.

  Raises:
    ValueError: it has none, or more.
  """
  before, after = text.split(PLACEHOLDER)
  return tokenizer.encode(before, bos=True), tokenizer.encode(after)


def learnt_rows(
  tokenizer: Tokenizer, text: str, *, most: int
) -> tuple[list[int], list[int]]:
  """Ids and labels of a conversation: answers and their ends are learnt.

  The length of an instruction is that of its text with the blank behind it,
  less BOS and the lone piece of that blank.

  Args:
    tokenizer: Of the language model.
    text: With a placeholder for each video token.
    most: Ids beyond are cut off.

  Returns:
    As many ids as labels, `IGNORE` where nothing is learnt.
  """
  ids = tokenizer.encode(text, bos=True)
  labels = [IGNORE] * len(ids)
  at = 1  # BOS
  for turn in text.split(END):
    parts = turn.split(_ANSWER_MARK)
    if len(parts) != 2:
      break
    n_turn = len(tokenizer.encode(turn, bos=True))
    asked = tokenizer.encode(parts[0] + _ANSWER_MARK, bos=True)
    first = at + len(asked) - 2
    at += n_turn
    labels[first:at] = ids[first:at]
  return ids[:most], labels[:most]


def answer_ids(ids: Sequence[int], eos_id: int) -> list[int]:
  """What was written before the end of a generated row."""
  ids = [int(i) for i in ids]
  return ids[: ids.index(eos_id)] if eos_id in ids else ids
