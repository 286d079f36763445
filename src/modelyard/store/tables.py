"""The tables, the same on SQLite and PostgreSQL; `migrations` makes them in a database.

Times are microseconds since the epoch in UTC, as integers: they sort, compare and page the same
everywhere, and no driver bends their zone. Texts sort and compare by their bytes: SQLite does so by
itself, PostgreSQL by the collation "C" and not by the one of its operating system.
"""

from __future__ import annotations

import sqlalchemy as sa

from modelyard.store import append_only

metadata = sa.MetaData()

#: How many bytes of UTF-8 each text may be; `documents` refuses longer ones ahead of the database.
ACCOUNT_BYTES = 12
REGION_BYTES = 32
KIND_BYTES = 64
NAME_BYTES = 512
ARN_BYTES = 1024
STATUS_BYTES = 64
TAG_KEY_BYTES = 512  # 128 characters
TAG_VALUE_BYTES = 1024  # 256 characters
SUBSCRIBER_BYTES = 64
TARGET_BYTES = 64
EVENT_ID_BYTES = 64
SEARCH_PATH_BYTES = 1024
SEARCH_TEXT_BYTES = 2000  # longer values are found by their beginning; PostgreSQL indexes 2,704
SEARCH_ITEM_BYTES = 64
SEQUENCE_BYTES = 512
AUDIT_WORD_BYTES = 256
AUDIT_TEXT_BYTES = 1024
AUDIT_KEY_ID_BYTES = 16
AUDIT_MAC_BYTES = 64
MEASURE_BYTES = 1020  # 255 characters
DIGEST_BYTES = 64


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


#: SQLite counts a row's id up by itself only where the type is exactly INTEGER.
_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

resources = sa.Table(
    "resources",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("account", _text(ACCOUNT_BYTES), nullable=False),
    sa.Column("region", _text(REGION_BYTES), nullable=False),
    sa.Column("kind", _text(KIND_BYTES), nullable=False),
    sa.Column("name", _text(NAME_BYTES), nullable=False),
    sa.Column("arn", _text(ARN_BYTES), nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("status", _text(STATUS_BYTES), nullable=False),
    sa.Column("observed", sa.JSON, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("modified_at", sa.BigInteger, nullable=False),
    # A name means one resource: of two creates at the same instant exactly one wins.
    sa.UniqueConstraint("account", "region", "kind", "name", name="resources_one_per_name"),
    # An ARN means one resource.
    sa.UniqueConstraint("arn", name="resources_one_per_arn"),
    # Lists page by (sort column, id); by name they use the constraint above.
    sa.Index("resources_by_creation", "account", "region", "kind", "created_at", "id"),
    sa.Index("resources_by_modification", "account", "region", "kind", "modified_at", "id"),
    # What is at work now, in every account.
    sa.Index("resources_by_status", "kind", "status"),
    sqlite_autoincrement=True,
)

tags = sa.Table(
    "tags",
    metadata,
    sa.Column(
        "resource_id",
        _Id,
        sa.ForeignKey("resources.id", name="tags_of_resource", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("key", _text(TAG_KEY_BYTES), primary_key=True),
    sa.Column("value", _text(TAG_VALUE_BYTES), nullable=False),
    sa.Index("tags_by_key", "key", "value"),
)

revisions = sa.Table(
    "revisions",
    metadata,
    # History outlives the resource it tells of, so there is no foreign key.
    sa.Column("resource_id", _Id, primary_key=True, autoincrement=False),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("arn", _text(ARN_BYTES), nullable=False),
    sa.Column("status", _text(STATUS_BYTES), nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("observed", sa.JSON, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Index("revisions_by_arn", "arn", "resource_id", "revision"),
)

events = sa.Table(
    "events",
    metadata,
    # In the order of commit, because there is one writing transaction at a time.
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("account", _text(ACCOUNT_BYTES), nullable=False),
    sa.Column("region", _text(REGION_BYTES), nullable=False),
    sa.Column("kind", _text(KIND_BYTES), nullable=False),
    sa.Column("arn", _text(ARN_BYTES), nullable=False),
    sa.Column("status", _text(STATUS_BYTES), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    # The outbox removes what is old.
    sa.Index("events_by_time", "at"),
    sqlite_autoincrement=True,
)

subscriptions = sa.Table(
    "subscriptions",
    metadata,
    sa.Column("name", _text(SUBSCRIBER_BYTES), primary_key=True),
    # All events up to this one were delivered, or are in `undelivered`.
    sa.Column("cursor", sa.BigInteger, nullable=False),
    # When a server last had this subscriber; one that no release has any more holds nothing back.
    sa.Column("seen_at", sa.BigInteger, nullable=False),
)

undelivered = sa.Table(
    "undelivered",
    metadata,
    sa.Column(
        "subscriber",
        _text(SUBSCRIBER_BYTES),
        sa.ForeignKey("subscriptions.name", name="undelivered_to", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column(
        "event_id",
        _Id,
        sa.ForeignKey("events.id", name="undelivered_event", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("arn", _text(ARN_BYTES), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    # When to try again; NULL: given up.
    sa.Column("due_at", sa.BigInteger, nullable=True),
    sa.Column("error", sa.Text, nullable=False),
    # An event waits behind earlier ones of its resource.
    sa.Index("undelivered_by_arn", "subscriber", "arn", "event_id"),
)

event_origins = sa.Table(
    "event_origins",
    metadata,
    # How many rules stand behind the newest change of a resource; see `causes`.
    sa.Column("arn", _text(ARN_BYTES), primary_key=True),
    sa.Column("depth", sa.Integer, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("event_origins_by_time", "at"),
)

target_deliveries = sa.Table(
    "target_deliveries",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("account", _text(ACCOUNT_BYTES), nullable=False),
    sa.Column("region", _text(REGION_BYTES), nullable=False),
    sa.Column("rule_arn", _text(ARN_BYTES), nullable=False),
    sa.Column("target", _text(TARGET_BYTES), nullable=False),
    sa.Column("event_id", _text(EVENT_ID_BYTES), nullable=False),
    sa.Column("resource", _text(ARN_BYTES), nullable=False),
    sa.Column("event", sa.JSON, nullable=False),
    sa.Column("depth", sa.Integer, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    # When to deliver, or to try again; NULL: a dead letter.
    sa.Column("due_at", sa.BigInteger, nullable=True),
    sa.Column("error", sa.Text, nullable=False),
    # An event waits at most once for a target, however often it is matched.
    sa.UniqueConstraint("rule_arn", "target", "event_id", name="target_deliveries_once"),
    # An event waits behind earlier ones of its resource, in its own queue only.
    sa.Index("target_deliveries_in_order", "rule_arn", "target", "resource", "id"),
    sa.Index("target_deliveries_by_due_time", "due_at"),
    sa.Index("target_deliveries_by_account", "account", "region", "id"),
    sqlite_autoincrement=True,
)

# Numbers that are counted up and never given twice, also when what they numbered is deleted.
sequences = sa.Table(
    "sequences",
    metadata,
    sa.Column("account", _text(ACCOUNT_BYTES), primary_key=True),
    sa.Column("region", _text(REGION_BYTES), primary_key=True),
    sa.Column("name", _text(SEQUENCE_BYTES), primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
)

# What resources can be found by; see `search_index`. A field's name is kept once per kind, since
# its values are kept by the million.
search_paths = sa.Table(
    "search_paths",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("account", _text(ACCOUNT_BYTES), nullable=False),
    sa.Column("region", _text(REGION_BYTES), nullable=False),
    sa.Column("kind", _text(KIND_BYTES), nullable=False),
    sa.Column("path", _text(SEARCH_PATH_BYTES), nullable=False),
    sa.UniqueConstraint("account", "region", "kind", "path", name="search_paths_once"),
)

search_values = sa.Table(
    "search_values",
    metadata,
    sa.Column(
        "resource_id",
        _Id,
        sa.ForeignKey("resources.id", name="search_values_of_resource", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("path_id", _Id, primary_key=True, autoincrement=False),
    # Where in its lists the value stands: "" in none, "0", "2/0".
    sa.Column("item", _text(SEARCH_ITEM_BYTES), primary_key=True),
    sa.Column("text", _text(SEARCH_TEXT_BYTES), nullable=False),
    sa.Column("number", sa.Float(53), nullable=True),  # of what is one, or reads as one
    # Ids count up with time, so one value's resources lie here in the order of their creation.
    sa.Index("search_by_text", "path_id", "text", "resource_id"),
    # Of the few that are numbers: each index is a page more to write, for each field of a resource.
    sa.Index(
        "search_by_number",
        "path_id",
        "number",
        "resource_id",
        sqlite_where=sa.text("number IS NOT NULL"),
        postgresql_where=sa.text("number IS NOT NULL"),
    ),
    # Of the few that come behind another value of the field in their resource. A search asks of a
    # field whether it has any, and counting its values would take as long as the search may.
    sa.Index(
        "search_further",
        "path_id",
        sqlite_where=sa.text("item NOT IN ('', '0')"),
        postgresql_where=sa.text("item NOT IN ('', '0')"),
    ),
    sqlite_with_rowid=False,
)

key_material = sa.Table(
    "key_material",
    metadata,
    sa.Column("key_arn", _text(ARN_BYTES), primary_key=True),
    # A key has each of its versions once: two rotations at the same instant do not make one.
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    # Under the master key, which is not in the database; base64.
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("origin", _text(STATUS_BYTES), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)
audit_records = sa.Table(
    "audit_records",
    metadata,
    # 1, 2, 3, … in the order of commit; `append_only` has the database refuse a gap.
    sa.Column("sequence", _Id, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("account", _text(ACCOUNT_BYTES), nullable=False),
    sa.Column("principal", _text(AUDIT_TEXT_BYTES), nullable=False),
    sa.Column("person", _text(AUDIT_TEXT_BYTES), nullable=False),
    sa.Column("source", _text(AUDIT_WORD_BYTES), nullable=False),
    sa.Column("door", _text(AUDIT_WORD_BYTES), nullable=False),
    sa.Column("action", _text(AUDIT_WORD_BYTES), nullable=False),
    sa.Column("resource", _text(AUDIT_TEXT_BYTES), nullable=False),
    sa.Column("allowed", sa.Boolean, nullable=False),
    sa.Column("policies", sa.Text, nullable=False),  # a line each
    sa.Column("outcome", _text(AUDIT_WORD_BYTES), nullable=False),
    sa.Column("request_id", _text(AUDIT_WORD_BYTES), nullable=False),
    sa.Column("calls", sa.BigInteger, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("key_id", _text(AUDIT_KEY_ID_BYTES), nullable=False),
    sa.Column("mac", _text(AUDIT_MAC_BYTES), nullable=False),
    # Each filter of a look-up, newest first.
    sa.Index("audit_records_by_time", "at", "sequence"),
    sa.Index("audit_records_by_account", "account", "at", "sequence"),
    sa.Index("audit_records_by_principal", "principal", "at", "sequence"),
    sa.Index("audit_records_by_person", "person", "at", "sequence"),
    sa.Index("audit_records_by_action", "action", "at", "sequence"),
    sa.Index("audit_records_by_resource", "resource", "at", "sequence"),
    sa.Index("audit_records_by_decision", "allowed", "at", "sequence"),
    sa.Index("audit_records_by_request", "request_id"),
)

audit_prunings = sa.Table(
    "audit_prunings",
    metadata,
    # All records up to this one were removed, because they were older than is kept.
    sa.Column("up_to", _Id, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("last_mac", _text(AUDIT_MAC_BYTES), nullable=False),  # of the record `up_to`
    sa.Column("key_id", _text(AUDIT_KEY_ID_BYTES), nullable=False),
    sa.Column("mac", _text(AUDIT_MAC_BYTES), nullable=False),
)

append_only.guard_trail(audit_records, audit_prunings)


schedule_slots = sa.Table(
    "schedule_slots",
    metadata,
    # The newest time of a rule's schedule that was queued: no time is queued twice.
    sa.Column("rule_arn", _text(ARN_BYTES), primary_key=True),
    sa.Column("slot_at", sa.BigInteger, nullable=False),
)

measures = sa.Table(
    "measures",
    metadata,
    sa.Column("id", _Id, primary_key=True, autoincrement=True),
    sa.Column("account", _text(ACCOUNT_BYTES), nullable=False),
    sa.Column("region", _text(REGION_BYTES), nullable=False),
    sa.Column("namespace", _text(MEASURE_BYTES), nullable=False),
    sa.Column("name", _text(MEASURE_BYTES), nullable=False),
    sa.Column("dimensions", sa.JSON, nullable=False),
    sa.Column("digest", _text(DIGEST_BYTES), nullable=False),  # of the dimensions
    sa.Column("newest_at", sa.BigInteger, nullable=False),
    # A name and its dimensions mean one measure.
    sa.UniqueConstraint(
        "account", "region", "namespace", "name", "digest", name="measures_by_name"
    ),
    sqlite_autoincrement=True,
)

measured = sa.Table(
    "measured",
    metadata,
    # What was measured at a moment by one source; a source that is read again adds nothing.
    sa.Column("measure_id", _Id, sa.ForeignKey("measures.id"), primary_key=True),
    sa.Column("at", sa.BigInteger, primary_key=True),
    sa.Column("source", _text(DIGEST_BYTES), primary_key=True),
    sa.Column("sample_count", sa.Float, nullable=False),
    sa.Column("sum", sa.Float, nullable=False),
    sa.Column("minimum", sa.Float, nullable=False),
    sa.Column("maximum", sa.Float, nullable=False),
    sa.Column("unit", _text(STATUS_BYTES), nullable=False),
)
