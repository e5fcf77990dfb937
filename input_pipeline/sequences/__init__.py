"""Sequences that teach time: of still images, of clips, and long videos.

    lesson           what is shown, and what is asked and answered about it
    templates        the ways to ask and to answer
    wording          texts out of both, however places are written
    captions         captions cut to what a sample has room for
    image_sets       captioned images on disk
    image_sequences  image index grounding, indexed image captioning, and
                     adjacent location reasoning
    clip_sets        captioned clips on disk
    clip_sequences   grounding and dense captions over joined clips
    first_entries    whether a file has the form it should
    released         TimeIT, Valley and ShareGPT4Video
    long_videos      conversations about those

A source is a `Lessons`: so many lessons, each of which follows from the
source's seed and its number and from nothing else.

Source: Seq2Time (arXiv 2411.16932). What its paper leaves open is decided here.
"""
