"""Where AWS keeps its built-in XGBoost images: one registry account per region and generation.

Clients compute an image's URI from these accounts without asking anybody, so a server that wants
to understand them must know them too. Facts of the public service; `tests/compute/test_images.py`
compares them with what the sagemaker SDK computes.
"""

from __future__ import annotations

#: Region -> the account of `xgboost:1`, the account of `sagemaker-xgboost:<version>`.
XGBOOST_ACCOUNTS: dict[str, tuple[str | None, str]] = {
    "af-south-1": ("455444449433", "510948584623"),
    "ap-east-1": ("286214385809", "651117190479"),
    "ap-northeast-1": ("501404015308", "354813040037"),
    "ap-northeast-2": ("306986355934", "366743142698"),
    "ap-northeast-3": ("867004704886", "867004704886"),
    "ap-south-1": ("991648021394", "720646828776"),
    "ap-south-2": ("628508329040", "628508329040"),
    "ap-southeast-1": ("475088953585", "121021644041"),
    "ap-southeast-2": ("544295431143", "783357654285"),
    "ap-southeast-3": ("951798379941", "951798379941"),
    "ap-southeast-4": ("106583098589", "106583098589"),
    "ca-central-1": ("469771592824", "341280168497"),
    "ca-west-1": (None, "190319476487"),
    "cn-north-1": ("390948362332", "450853457545"),
    "cn-northwest-1": ("387376663083", "451049120500"),
    "eu-central-1": ("813361260812", "492215442770"),
    "eu-central-2": ("680994064768", "680994064768"),
    "eu-north-1": ("669576153137", "662702820516"),
    "eu-south-1": ("257386234256", "978288397137"),
    "eu-south-2": ("104374241257", "104374241257"),
    "eu-west-1": ("685385470294", "141502667606"),
    "eu-west-2": ("644912444149", "764974769150"),
    "eu-west-3": ("749696950732", "659782779980"),
    "il-central-1": (None, "898809789911"),
    "me-central-1": ("272398656194", "272398656194"),
    "me-south-1": ("249704162688", "801668240914"),
    "sa-east-1": ("855470959533", "737474898029"),
    "us-east-1": ("811284229777", "683313688378"),
    "us-east-2": ("825641698319", "257758044811"),
    "us-gov-east-1": ("237065988967", "237065988967"),
    "us-gov-west-1": ("226302683700", "414596584902"),
    "us-iso-east-1": ("490574956308", "833128469047"),
    "us-isob-east-1": ("765400339828", "281123927165"),
    "us-isof-east-1": (None, "108575199400"),
    "us-isof-south-1": (None, "124985052026"),
    "us-west-1": ("632365934929", "746614075791"),
    "us-west-2": ("433757028032", "246618743249"),
}

#: What follows `<account>.dkr.ecr.<region>.`, by how the region's name begins.
_DOMAINS = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
}


def registry(account: str, region: str) -> str:
    """Return the host name of an account's registry in a region."""
    domain = next(
        (domain for prefix, domain in _DOMAINS.items() if region.startswith(prefix)),
        "amazonaws.com",
    )
    return f"{account}.dkr.ecr.{region}.{domain}"
