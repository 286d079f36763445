"""What the images for tables share: LightGBM and CatBoost as SageMaker JumpStart offers them.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/lightgbm.html and the pages beside it.
"""
