"""A model card on paper: a PDF with charts, self-contained, the same bytes for the same card."""
