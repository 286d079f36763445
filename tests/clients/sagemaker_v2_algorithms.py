"""AWS's own algorithms, by the classes of the sagemaker SDK v2. Run in that SDK's own environment.

It knows the server only by the exported variables. It prints one JSON line for the test to read.
"""

import json
import os
import sys

import numpy as np
import sagemaker

bucket = os.environ["MODELYARD_ASSETS_BUCKET"]
table = np.loadtxt(sys.argv[1], delimiter=",", dtype=np.float32)
labels, features = table[:, 0], table[:, 1:]
features = (features - features.mean(axis=0)) / features.std(axis=0)

common = {
    "role": "arn:aws:iam::123456789012:role/modelyard-execution",
    "instance_count": 1,
    "instance_type": "ml.m5.large",
    "sagemaker_session": sagemaker.Session(default_bucket=bucket),
    "output_path": f"s3://{bucket}/sdk-algorithms",
}
estimators = {
    "linear-learner": sagemaker.LinearLearner(predictor_type="binary_classifier", **common),
    "kmeans": sagemaker.KMeans(k=2, **common),
    "pca": sagemaker.PCA(num_components=2, **common),
    "knn": sagemaker.KNN(k=5, sample_size=300, predictor_type="classifier", **common),
    "randomcutforest": sagemaker.RandomCutForest(num_trees=50, **common),
    "factorization-machines": sagemaker.FactorizationMachines(
        num_factors=2, predictor_type="binary_classifier", epochs=5, **common
    ),
}
unlabelled = ("kmeans", "pca", "randomcutforest")
models = {}
for name, estimator in estimators.items():
    records = estimator.record_set(features, None if name in unlabelled else labels)
    estimator.fit(records, logs=False)
    models[name] = estimator.model_data
print()
print(json.dumps({"models": models}))
