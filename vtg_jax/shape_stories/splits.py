"""Name and version of the benchmark, and which seeds are for what."""

NAME = 'ShapeStories'
# Seeds give the same videos and texts within a version.
VERSION = '1'

TRAIN = range(1_000_000)
VALIDATION = range(1_000_000, 2_000_000)
TEST = range(2_000_000, 9_000_000)
# Of long stories. Their chapters have seeds of their own, from 2**62 up, so
# they share no video with the others.
LONG_TRAIN = range(9_000_000, 9_700_000)
LONG_VALIDATION = range(9_700_000, 9_800_000)
LONG_TEST = range(9_800_000, 10_000_000)
# For outside evaluation, of any length: given on a command line, used nowhere
# in here.
RESERVED_FROM = LONG_TEST.stop
