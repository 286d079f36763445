"""The built-in Autopilot: `python -m modelyard.images.autopilot train` or `serve`.

From a table with a header and the name of its target it finds out what kind of problem that is,
makes features, searches for models, and explains the best one. Each candidate is an archive of its
own that can be deployed: raw rows in, predictions out, since the features travel with the model.

    table -> problem -> plan (of features) -> search -> candidates -> reports
                                                 |
                                              journal    what is finished survives a crash

Model files are data and no pickles: JSON, LightGBM's text, XGBoost's UBJSON.
"""
