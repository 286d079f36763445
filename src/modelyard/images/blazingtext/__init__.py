"""The built-in BlazingText: `python -m modelyard.images.blazingtext train` or `serve`.

Hyperparameters, inputs, log lines and answers are those of AWS's BlazingText. Word vectors are
gensim's (Word2Vec, or fastText's with subwords); text classification is the algorithm of fastText,
ours, since no library that is kept has it: a document is the mean of the vectors of its words and
word n-grams, a softmax tells its label, and both are learnt by gradient descent, a document at a
time. What differs: vectors exist for what the training data has, so that `buckets` costs no memory;
`batch_skipgram` learns as `skipgram` does; the model is `model/model.npz`, beside `vectors.txt` in
word2vec's format, and no binary of fastText's.
"""
