"""The door of MLflow: `/mlflow`, for its own client and its own pages."""
