"""What holds of every grounder that announces which frames it will look at."""

from input_pipeline.video import SharedVideo, open_video


def check_announced(grounder, clip, queries, **options):
  """All that `ground` looks at is read along with what another reads first."""
  shared = SharedVideo(clip)
  video = grounder.open_video(shared)
  grounder.announce(video, **options)
  open_video(shared, resize=None).get([0])
  found = grounder.ground(video, queries, **options)
  assert shared.count.passes == 1
  own = grounder.ground(clip, queries, **options)
  spans = [[(one.start_s, one.end_s) for one in some] for some in (found, own)]
  assert spans[0] == spans[1]
