"""Experiments, a folder a system and a file a stage; see `vtg train`.

Each file has get_config(arg), which returns an ml_collections.ConfigDict. The
argument is '' for the experiment as it is described, or 'quicktest' for a few
steps of it on drawn data, with a tiny network, anywhere and without files.
"""
