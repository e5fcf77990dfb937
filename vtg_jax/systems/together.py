"""Several systems, asked about one video that is read once.

    video --one pass--> frames of a --> a --> answers --\
                  \\---> frames of b --> b --> answers ----> Agreement

All are in memory together: their weights add up. Each sees the frames that it
would see alone, at the size and in the number that it asks for.
"""

import dataclasses
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from input_pipeline.frame_features import FrameFeatures
from input_pipeline.frame_store import FrameStore
from input_pipeline.shared_video import SharedVideo
from vtg_jax.errors import BadInput
from vtg_jax.moments import Absent, Moment
from vtg_jax.moments.agreement import Agreement
from vtg_jax.moments.calibration import Calibration, read_calibration
from vtg_jax.moments.joint_confidence import (
  FILE,
  JointConfidence,
  read_joint,
)
from vtg_jax.moments.moment import or_absent
from vtg_jax.systems import registry
from vtg_jax.systems.calibrated import grounded_apart
from vtg_jax.systems.checks import check_absent_below
from vtg_jax.systems.fingerprint import model_fingerprint
from vtg_jax.systems.grounder import Grounder

_USUAL_RESIZE = 'pil'


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Member:
  """One of the systems.

  Attributes:
    name: what its answers are called.
    grounder: gives its own scores.
    calibration: what these are worth; None where that is not known.
    fingerprint: of its checkpoint; '' where nothing was learnt of that.
  """

  name: str
  grounder: Grounder
  calibration: Calibration | None = None
  fingerprint: str = ''


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class OpenedTogether:
  """A video as each of the systems sees it.

  Attributes:
    shared: what it is read from.
    views: name of a system -> what it asks for frames or features.
    resize: how frames are resized.
  """

  shared: SharedVideo
  views: Mapping[str, FrameStore | FrameFeatures]
  resize: str

  @property
  def sharpest(self) -> FrameStore | FrameFeatures:
    """The view of the largest frames, if any has frames."""

    def size(view) -> int:
      return view.resize.size if isinstance(view, FrameStore) else 0

    return max(self.views.values(), key=size)

  @property
  def duration_s(self) -> float:
    return self.sharpest.duration_s


class Together:
  """Asks several systems the same, and says how far they agree.

  Attributes:
    members: the systems, in the order of their answers.
    joint: what their answers are worth together; None where that was not
      learnt.
  """

  def __init__(
    self, members: Sequence[Member], joint: JointConfidence | None = None
  ):
    """Makes one of systems that are in memory.

    Raises:
      BadInput: fewer than two, two of one name, or one that cannot ground.
    """
    names = [member.name for member in members]
    if len(names) < 2 or len(set(names)) < len(names):
      raise BadInput(f'{names} are not several models; give each once')
    for member in members:
      check_grounds(member.name, member.grounder)
    self.members = tuple(members)
    self.joint = joint

  def open_video(
    self,
    path: str | os.PathLike,
    *,
    resize: str = _USUAL_RESIZE,
    on_progress: Callable[[int, int], None] | None = None,
    on_notice: Callable[[str], None] | None = None,
  ) -> OpenedTogether:
    """Opens a video for any number of queries.

    Args:
      path: see `Grounder.open_video`, as with the others.
      resize: how frames are resized.
      on_progress: called with (frames read, frames to read).
      on_notice: called with what a system has to say of the video's index.

    Raises:
      BadInput: when one of the systems cannot read it.
    """
    shared, views = SharedVideo(path), {}
    for member in self.members:
      open_one = member.grounder.open_video
      hears = 'on_notice' in inspect.signature(open_one).parameters
      views[member.name] = open_one(
        shared,
        resize=resize,
        on_progress=on_progress,
        **({'on_notice': on_notice} if hears else {}),
      )
    return OpenedTogether(shared=shared, views=views, resize=resize)

  def ground(
    self,
    video: str | os.PathLike | OpenedTogether,
    queries: str | Sequence[str],
    *,
    top_k: int = 1,
    absent_below: float | None = None,
    false_alarm_rate: float | None = None,
    **options,
  ) -> list[Agreement]:
    """Says when each query happens, by each of the systems.

    The file is read in one pass, but for a second system that reads a video
    from end to end, which reads it again.

    Args:
      video: a path, or what `open_video` returned.
      queries: one sentence or several.
      top_k: most answers a query and system.
      absent_below: see `Grounder.ground`; of each system's own score, or its
        calibrated one where its checkpoint has a calibration.
      false_alarm_rate: see `Calibrated.ground`.
      **options: of every one's `ground`.

    Returns:
      One a query, in the order asked; see `lacks_confidence`.

    Raises:
      BadInput: see `Grounder.ground`; or a rate where a checkpoint has no
        calibration.
    """
    check_absent_below(absent_below)
    self._check_rate(false_alarm_rate)
    queries = [queries] if isinstance(queries, str) else list(queries)
    if not isinstance(video, OpenedTogether):
      video = self.open_video(video)
    for member in self.members:
      view = video.views[member.name]
      announces = hasattr(member.grounder, 'announce')
      if announces and isinstance(view, FrameStore):
        member.grounder.announce(view, **options)
    raw = {
      member.name: grounded_apart(
        member.grounder,
        video.views[member.name],
        queries,
        top_k=top_k,
        **options,
      )
      # Who reads all of a video first keeps it from being read twice.
      for member in sorted(
        self.members, key=lambda one: not hasattr(one.grounder, 'ready')
      )
    }
    is_usual = not self.lacks_confidence(video, **options)
    rules = {'absent_below': absent_below, 'false_alarm_rate': false_alarm_rate}
    return [
      Agreement(
        query=query,
        answers={
          member.name: tuple(_judged(member, raw[member.name][place], **rules))
          for member in self.members
        },
        confidence=self._confidence(raw, place) if is_usual else None,
      )
      for place, query in enumerate(queries)
    ]

  def lacks_confidence(self, video: OpenedTogether, **options) -> str:
    """Returns why answers come without a confidence; '' where they do not."""
    if self.joint is None:
      models = ' '.join(f'--model {member.name}' for member in self.members)
      return (
        'how sure one may be of these models together was not learnt; '
        f'vtg calibrate agreement {models} does'
      )
    if options or video.resize != _USUAL_RESIZE:
      return (
        'how sure one may be of these models together was learnt with their '
        'usual options, and is not told with others'
      )
    return ''

  def _confidence(self, raw, place: int):
    return self.joint.confidence(
      {
        member.name: (member.fingerprint, raw[member.name][place][0])
        for member in self.members
      }
    )

  def _check_rate(self, false_alarm_rate: float | None) -> None:
    if false_alarm_rate is None:
      return
    for member in self.members:
      if member.calibration is None:
        raise BadInput(
          'a rate of false alarms needs checkpoints with a calibration, and '
          f'{member.name} has none; leave it out, or run vtg calibrate'
        )
      member.calibration.threshold(false_alarm_rate)


def check_grounds(name: str, grounder) -> None:
  """Raises BadInput where a model finds no moments."""
  if not hasattr(grounder, 'ground'):
    raise BadInput(
      f'{name} is of the system {grounder.system!r}, which cannot find '
      'moments; give another model'
    )


def _judged(member: Member, answers, **rules) -> list[Moment | Absent]:
  """One query's answers, calibrated where that is known."""
  if member.calibration is not None:
    return member.calibration.judged(answers, **rules)
  best = answers[0]
  if isinstance(best, Absent):
    return answers
  system = member.grounder.system
  return or_absent(best.query, answers, rules['absent_below'], system)


def load_together(models: Sequence[str | os.PathLike], **options) -> Together:
  """Loads several checkpoints, whatever systems they are of.

  Args:
    models: folders, or names of shipped ones.
    **options: of every system's `load`, such as `dtype`.

  Raises:
    BadInput: fewer than two models, one twice, one that is no checkpoint, or
      one that cannot ground.
  """
  folders = model_folders(models)
  joint, fingerprints = _find_joint(list(folders.values()))
  members = []
  for (name, folder), fingerprint in zip(
    folders.items(), fingerprints, strict=True
  ):
    grounder = registry.load(folder, calibrated=False, **options)
    check_grounds(name, grounder)
    members.append(
      Member(
        name=name,
        grounder=grounder,
        calibration=read_calibration(folder),
        fingerprint=fingerprint,
      )
    )
  return Together(members, joint)


def model_folders(models: Sequence[str | os.PathLike]) -> dict[str, Path]:
  """What to call each of several models -> its folder.

  Raises:
    BadInput: one is no folder, or is given twice.
  """
  folders: dict[Path, str | os.PathLike] = {}
  for model in models:
    folder = registry.folder_of(model)
    if folder.resolve() in folders:
      raise BadInput(f'the model {str(model)!r} is given twice; give each once')
    folders[folder.resolve()] = model
  names = [folder.name for folder in folders]
  if len(set(names)) < len(names):  # then each goes by its path
    names = [str(model) for model in folders.values()]
  return dict(zip(names, folders, strict=True))


def joint_file(folder: Path) -> Path:
  """Where it is kept what a checkpoint's answers are worth beside others'."""
  return folder.resolve().parent / FILE


def _find_joint(
  folders: Sequence[Path],
) -> tuple[JointConfidence | None, list[str]]:
  """What was learnt of some checkpoints together, and their fingerprints.

  Checkpoints are read for that only where something was learnt of as many.
  """
  known = [
    one
    for path in dict.fromkeys(map(joint_file, folders))
    for one in read_joint(path)
    if len(one.models) == len(folders)
  ]
  if not known:
    return None, [''] * len(folders)
  fingerprints = [model_fingerprint(folder) for folder in folders]
  for one in known:
    if set(one.models) == set(fingerprints):
      return one, fingerprints
  return None, fingerprints
