"""Script mode: the framework images' contract for scripts that users bring along.

    python -m modelyard.images.script_mode <framework> train | serve

Source: https://github.com/aws/sagemaker-training-toolkit (training), and
https://github.com/aws/sagemaker-inference-toolkit (serving).
"""
