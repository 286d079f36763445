"""A forecaster under the contract of DeepAR: `python -m modelyard.images.forecasting_deepar train`.

**It is no DeepAR.** AWS's is one recurrent network for all series; this one is statistical: a
seasonal pattern by STL and exponential smoothing of the rest (statsmodels), fitted to each series
when it is asked for. What is learnt from the training series is which of the forms (with a season
or without, with a damped trend or without, on a logarithmic scale or not) forecasts their last
`prediction_length` points best, by weighted quantile loss, and by how much its spread is to be
widened or narrowed. So it needs few series and little time, and does not learn one series from
others: `cat` and `dynamic_feat` in the data are refused unless the job says to ignore them. Inputs,
log lines, requests and answers are DeepAR's. The model is `model/model.json`.
"""
