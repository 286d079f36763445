"""botocore's service model as the schema: what a request must look like.

`botocore.validate.ParamValidator` leaves enum, pattern and maximum length unchecked, and words its
report for the client's side. This walks the same shapes and reports every violation at once.
"""

from __future__ import annotations
