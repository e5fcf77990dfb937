r"""A picture of what a system says: frames over the time axis, answers beneath.

    |#####|#####|#####|#####|#####|#####|   thumbnails at their times
    a dog jumps                score 0.41
    [===================================]   round 1: the whole video
          [==================]              round 2
               [########]                   the moment
    what happens                 2 events
    [###]  a dog runs onto the meadow
            [######] it jumps over a fence
    what does the dog jump over?
    (B) a fence                score 0.83
            [######]                        the evidence
    what stands out            score 0.40
    ____/o\_______o___________              saliency over time
    a cat sleeps           a right with 0.90
            [######]                        system a
             [######]                       system b
             [####]                         what both have in common
    0        10        20        30   seconds

Pure drawing: matplotlib's object interface only, no global state, no screen.
"""

from vtg_jax.timeline.draw import draw_timeline

__all__ = ['draw_timeline']
