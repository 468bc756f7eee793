"""People at work: access, the queue, drafts, consent, and what comes with a ranking.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Rounds that wait for people now, with what is in labelers' hands of them.
_QUEUE = """
INSERT INTO queue
    (round_id, chain_id, project_id, phase, urgency_rank, due, rounds_left, priority_rank, places, is_held)
SELECT round.id, chain.id, chain.project_id, 3, -(project.priority * 4294967296 + chain.priority),
    coalesce(CAST(strftime('%s', json_extract(settings_version.settings, '$.deadline')) AS INTEGER), 253402300799),
    CASE WHEN round.kind = 'audit' OR chain.kind <> 'refine' THEN 0
        ELSE max(0, json_extract(settings_version.settings, '$.rounds') - round.number) END,
    0.0,
    round.wanted - round.received
        - (SELECT count(*) FROM assignment WHERE assignment.round_id = round.id AND assignment.state = 'leased'),
    0
FROM round
JOIN chain ON chain.id = round.chain_id
JOIN project ON project.id = chain.project_id
JOIN settings_version ON settings_version.id = chain.settings_version_id
WHERE round.state = 'open' AND json_extract(settings_version.settings, '$.panel') = 'people'
"""
_PHASES = """
UPDATE queue SET phase = CASE
    WHEN places <= 0 THEN 3
    WHEN EXISTS (SELECT 1 FROM chain WHERE chain.id = queue.chain_id
        AND (chain.paused_at IS NOT NULL OR chain.stop_requested_at IS NOT NULL)) THEN 3
    WHEN EXISTS (SELECT 1 FROM round WHERE round.id = queue.round_id AND round.kind = 'audit') THEN 0
    WHEN EXISTS (SELECT 1 FROM round WHERE round.id = queue.round_id AND round.number > 1)
        OR EXISTS (SELECT 1 FROM assignment WHERE assignment.round_id = queue.round_id) THEN 1
    ELSE 2 END
"""
_HELD = """
INSERT INTO held (assignment_id, labeler_id, round_id, place_until)
SELECT assignment.id, assignment.labeler_id, assignment.round_id, assignment.lease_expires_at
FROM assignment JOIN queue ON queue.round_id = assignment.round_id WHERE assignment.state = 'leased'
"""


def upgrade() -> None:
    op.create_table(
        "consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("labeler_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("accepted_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("labeler_id", "project_id", "version"),
    )
    op.create_table(
        "labeler_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("labeler_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("revoked_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256"),
    )
    op.create_index("ix_labeler_key_labeler_id", "labeler_key", ["labeler_id"])
    op.create_table(
        "labeler_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("labeler_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("expires_at", sa.String(length=27), nullable=False),
        sa.Column("used_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256"),
    )
    op.create_index("ix_labeler_link_labeler_id", "labeler_link", ["labeler_id"])
    op.create_table(
        "labeler_project",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("labeler_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("labeler_id", "project_id"),
    )
    op.create_table(
        "labeler_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ulid", sa.String(length=26), nullable=False),
        sa.Column("labeler_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("expires_at", sa.String(length=27), nullable=False),
        sa.Column("revoked_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256"),
        sa.UniqueConstraint("ulid"),
    )
    op.create_index("ix_labeler_session_labeler_id", "labeler_session", ["labeler_id"])
    op.create_table(
        "write_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("labeler_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("ix_write_key_labeler_id", "write_key", ["labeler_id"])
    op.create_table(
        "queue",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("chain_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("phase", sa.Integer(), nullable=False),
        sa.Column("urgency_rank", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("rounds_left", sa.Integer(), nullable=False),
        sa.Column("priority_rank", sa.Float(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("is_held", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["chain_id"], ["chain.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"]),
        sa.PrimaryKeyConstraint("round_id"),
    )
    op.create_index("ix_queue_chain", "queue", ["chain_id"])
    op.create_index(
        "ix_queue_order", "queue", ["phase", "urgency_rank", "due", "rounds_left", "priority_rank", "round_id"]
    )
    op.create_index(
        "ix_queue_project_order",
        "queue",
        ["project_id", "phase", "urgency_rank", "due", "rounds_left", "priority_rank", "round_id"],
    )
    op.create_table(
        "candidate_author",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("labeler_id", sa.Integer(), nullable=False),
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidate.id"]),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("labeler_id", "candidate_id"),
    )
    op.create_index("ix_candidate_author_candidate_id", "candidate_author", ["candidate_id"])
    op.create_table(
        "draft",
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("labeler_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignment.id"]),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"]),
        sa.PrimaryKeyConstraint("assignment_id"),
    )
    op.create_index("ix_draft_labeler_id", "draft", ["labeler_id"])
    op.create_table(
        "held",
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("labeler_id", sa.Integer(), nullable=False),
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("place_until", sa.String(length=27), nullable=True),
        sa.Column("beat_at", sa.String(length=27), nullable=True),
        sa.Column("beat_key", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignment.id"]),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"]),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"]),
        sa.PrimaryKeyConstraint("assignment_id"),
    )
    op.create_index("ix_held_labeler", "held", ["labeler_id"])
    op.create_index("ix_held_place", "held", ["place_until"])
    op.create_index("ix_held_round_id", "held", ["round_id"])
    op.create_table(
        "report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ulid", sa.String(length=26), nullable=False),
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("labeler_id", sa.Integer(), nullable=False),
        sa.Column("words_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("resolved_at", sa.String(length=27), nullable=True),
        sa.Column("resolution", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignment.id"]),
        sa.ForeignKeyConstraint(["candidate_id"], ["candidate.id"]),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"]),
        sa.ForeignKeyConstraint(["words_id"], ["words.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("assignment_id", "candidate_id"),
        sa.UniqueConstraint("ulid"),
    )
    op.create_index("ix_report_candidate_id", "report", ["candidate_id"])
    op.create_index("ix_report_content_sha256", "report", ["content_sha256"])
    op.create_index("ix_report_labeler_id", "report", ["labeler_id"])
    op.create_index("ix_report_words_id", "report", ["words_id"])
    op.create_table(
        "ranking_detail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ranking_id", sa.Integer(), nullable=False),
        sa.Column("why_words_id", sa.Integer(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("criteria", sa.JSON(), nullable=False),
        sa.Column("follow_ups", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["ranking_id"], ["ranking.id"]),
        sa.ForeignKeyConstraint(["why_words_id"], ["words.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ranking_id"),
    )
    op.create_index("ix_ranking_detail_why_words_id", "ranking_detail", ["why_words_id"])
    op.create_table(
        "ranking_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ulid", sa.String(length=26), nullable=False),
        sa.Column("ranking_id", sa.Integer(), nullable=False),
        sa.Column("labeler_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.String(length=27), nullable=False),
        sa.Column("superseded_at", sa.String(length=27), nullable=False),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"]),
        sa.ForeignKeyConstraint(["ranking_id"], ["ranking.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
        sa.UniqueConstraint("ulid"),
    )
    op.create_index("ix_ranking_history_labeler_id", "ranking_history", ["labeler_id"])
    op.create_index("ix_ranking_history_ranking_id", "ranking_history", ["ranking_id"])
    op.add_column("assignment", sa.Column("note", sa.Text(), nullable=True))
    op.add_column("assignment", sa.Column("reopened_at", sa.String(length=27), nullable=True))
    op.add_column("critique", sa.Column("aim", sa.String(length=16), nullable=True))
    op.add_column("critique", sa.Column("category", sa.String(length=16), nullable=True))
    op.add_column("critique", sa.Column("severity", sa.String(length=16), nullable=True))
    op.add_column("labeler", sa.Column("last_seen_at", sa.String(length=27), nullable=True))
    for statement in (_QUEUE, _PHASES, _HELD):
        op.execute(statement)
