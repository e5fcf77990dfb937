"""Name and version of the benchmark, and which seeds are for what."""

NAME = 'ShapeStories'
# Seeds give the same videos and texts within a version.
VERSION = '1'

TRAIN = range(1_000_000)
VALIDATION = range(1_000_000, 2_000_000)
TEST = range(2_000_000, 10_000_000)
# For outside evaluation: given on a command line, used nowhere in here.
RESERVED_FROM = TEST.stop
