"""What jobs have cost, and where they ran."""
