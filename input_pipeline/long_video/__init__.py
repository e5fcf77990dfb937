"""Samples of long videos for ReVisionLLM: windows of frame features, and texts.

    draws          where samplers take their random numbers from
    item           a sentence, its moment, its question and its answer
    window         the window that is shown for one item, or for none of it
    negatives      windows without the event: random, similar, or next to it
    sequence       many windows of one video, for the levels above the first
    retrieval      many videos, for text-to-video retrieval
    annotations    the files that MAD, VidChapters-7M and MSR-VTT come as
    features       frames and sentences on disk
    source         a data set: sentences, and the features of both

Source: ReVisionLLM (arXiv 2411.14901), sections 5 and 8 of its facts.
"""
